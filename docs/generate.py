"""Write what comes from the code: methods.md, cli.md, the JSON schemas, tables of screen.md, tune.md and repair.md.

    python docs/generate.py            writes what is stale
    python docs/generate.py --check    writes nothing; ends with 1 and the names of what is stale
    python docs/generate.py cli.md     only the files whose name holds one of the words

Defaults, help and citations stand in the code once; these pages are never edited by hand."""

import argparse
import ast
import dataclasses
import importlib
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from tuneward import stats
from tuneward.cli import VERBS, Voice
from tuneward.judges.guard_formats import BuiltinGuard
from tuneward.judges.named import BuiltinJudge
from tuneward.probes import BuiltinProbe
from tuneward.record import to_json
from tuneward.rows import Format
from tuneward.scorers import BuiltinScorer
from tuneward.scorers.sighting import Rule
from tuneward.screen.catalogue import catalogue, kinds
from tuneward.screen.limits import Limits, to_toml
from tuneward.screen.masks import MASKS
from tuneward.screen.setting import scorers
from tuneward.suites import Suite

HERE = Path(__file__).parent
BY_HAND = "<!-- Written by docs/generate.py from the code; do not edit. -->"
WRITTEN: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "audit": ("tuneward.findings:Audit", "audit.json"),
        "verdict": ("tuneward.findings:Verdict", "verdict.json"),
        "record": ("tuneward.record:Record", "record.json"),
        "plan": ("tuneward.audit.run:Plan", "plan.json"),
        "batch": ("tuneward.ask:BatchFile", "a finished batch in the cache"),
        "reply": ("tuneward.chat:Reply", "one line of replies.jsonl"),
        "said": ("tuneward.judge.run:SaidOf", "one line of verdicts.jsonl"),
        "calibration": ("tuneward.judge.calibration:Calibrated", "what people's labels say of a judge, in the cache"),
        "scored": ("tuneward.scored:Scored", "one line of scores.jsonl"),
        "suite": ("tuneward.suites.document:SuiteDocument", "a suite as a file"),
        "screen": ("tuneward.screened.document:Screened", "screen.json"),
        "finding": ("tuneward.screened.finding:Finding", "one line of a screen's findings.jsonl"),
        "screen-calibration": ("tuneward.screen.calibration:Null", "calibration.json of a screen of clean rows"),
        "search": ("tuneward.repair.points:Found", "search.json of a repair"),
        "reading": ("tuneward.repair.kept:ReadingFile", "what a search read of a model, in the cache"),
        "repaired": ("tuneward.repair.result:Repaired", "repaired.json of a fix"),
        "fix": ("tuneward.fix.run:Plan", "plan.json of a fix"),
        "weights": ("tuneward.checkpoint.folder:Manifest", "manifest.json of a repaired model"),
        "screen-kept": ("tuneward.screen.kept:Manifest", "manifest.json beside the rows that a screen kept"),
    }
)
"""Schema → the type it comes from, and the file it describes."""
CITED = re.compile(r"arXiv:\d{4}\.\d{4,5}|[A-Z]\w+(?: et al\.| and [A-Z]\w+)?,? \(?(?:19|20)\d\d\)?|[A-Z]\w+ et al\.,")
FORMAT = re.compile(r"Format: (.+?)(?=[.;,]\s|\.$)")
CHECKS = {"reader": "Form of rows", "words": "Evaluation items", "groups": "Groups of rows"}
"""What finds without being a scorer, by its name in findings → heading."""
EXITS = (
    (
        "0",
        "every required axis was measured and lies within its margin; of a screen, a tier that passes; of a repair, "
        "written or not needed",
    ),
    ("1", "never a verdict: a crash, which is our bug"),
    ("2", "usage or operational error; no verdict could be computed"),
    ("3", "a regression: the gate failed; of a screen, a tier that fails; of a repair, limits that cannot be met"),
    (
        "4",
        "not established: a required axis was not measured or not judged, nothing compared, too little screened, or no "
        "weight changed by a repair",
    ),
    ("5", "not resolved: the margin is finer than this run can tell; of a repair, written and not confirmed"),
    ("130", "interrupted; the same words go on from the last finished batch or shard"),
)


# schemas --------------------------------------------------------------------------------------------------------------


def schema(name: str) -> str:
    """The JSON schema of one kind of file: strict, versioned, each field with its sentence."""
    where, file = WRITTEN[name]
    kind = _named(where)
    document: dict[str, Any] = msgspec.json.schema(kind)
    kinds = {found.__name__: found for found in _kinds(kind)}
    for title, part in document["$defs"].items():
        part["additionalProperties"] = False
        for field, shape in part["properties"].items():
            said = field_words(kinds[title]).get(field)
            if said:
                shape["description"] = said
            if field == "schema" and title == kind.__name__:
                part["properties"][field] = {"const": shape["default"]}
                part["required"].append(field)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"tuneward: {file}"}
    return to_json({**head, **document}).decode()


def _named(where: str) -> Any:
    module, name = where.split(":")
    return getattr(importlib.import_module(module), name)


def _kinds(kind: Any) -> Iterator[type[Any]]:
    """A dataclass or struct and all those that its fields hold."""
    if not dataclasses.is_dataclass(kind) and not hasattr(kind, "__struct_fields__"):
        for part in get_args(kind):
            yield from _kinds(part)
        return
    yield kind
    for hint in get_type_hints(kind).values():
        yield from _kinds(hint)


@cache
def field_words(kind: type[Any]) -> Mapping[str, str]:
    """Field → the string that stands under it."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    body = tree.body if isinstance(tree, ast.ClassDef) else []
    found = {}
    for line, after in pairwise(body):
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and isinstance(after, ast.Expr):
            found[line.target.id] = " ".join(ast.literal_eval(after.value).split())
    return MappingProxyType(found)


# command line ---------------------------------------------------------------------------------------------------------


def cli_page() -> str:
    """Every verb with its options."""
    verbs = (f"| [`{word}`](#{word.replace(' ', '-')}) | {verb.question} |" for word, verb in VERBS.items())
    parts = [
        "# The command line",
        BY_HAND,
        "`tuneward VERB --help` says the same. An unknown or abbreviated option is an error that names the nearest "
        "right one. What a verb finds goes to stdout, everything else to stderr.",
        _table("verb | the question it answers", verbs),
        *(_verb(word) for word in VERBS),
        "## Every verb takes these too",
        _options(Voice),
        "## Exit codes",
        "One table for all verbs. 2 comes before 3, 3 before 4, 4 before 5. 4 and 5 are not green.",
        _table("code | meaning", (f"| {code} | {meaning} |" for code, meaning in EXITS)),
    ]
    return "\n\n".join(parts) + "\n"


def _verb(word: str) -> str:
    kind = _named(VERBS[word].options)
    words = [_place(kind, field) for field in dataclasses.fields(kind) if _positional(kind, field.name)]
    usage = " ".join(["tuneward", word, *words, "[OPTIONS]"])
    said = " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].split())
    named = f" [{' | '.join(_named(VERBS[word].methods))} [OPTIONS]] …" if VERBS[word].methods else ""
    return f"## {word}\n\n{said}\n\n```text\n{usage}{named}\n```\n\n{_options(kind)}"


def _place(kind: type[Any], field: dataclasses.Field[Any]) -> str:
    """A word without a flag: itself where there is no choice, in brackets where it may be left out."""
    only = get_args(get_type_hints(kind)[field.name])
    name = str(only[0]) if len(only) == 1 else field.name.upper()
    return f"[{name}]" if _has_default(field) else name


def _options(kind: type[Any]) -> str:
    said, lines = field_words(kind), []
    for field in dataclasses.fields(kind):
        meaning = said.get(field.name, "").replace("|", "\\|")
        lines.append(f"| {_spelt(kind, field)} | {_default(field)} | {meaning} |")
    return _table("option | default | meaning", lines)


def _table(head: str, lines: Iterable[str]) -> str:
    return "\n".join([f"| {head} |", "|---" * len(head.split(" | ")) + "|", *lines])


def _spelt(kind: type[Any], field: dataclasses.Field[Any]) -> str:
    """How an option is written, with what it takes."""
    hint = get_type_hints(kind)[field.name]
    if _positional(kind, field.name):
        return f"`{field.name.upper()}`{_choices(hint)}"
    flag = "--" + field.name.replace("_", "-")
    if hint is bool:
        return f"`{flag}`"
    short = [name for extra in _extras(kind, field.name) for name in getattr(extra, "aliases", None) or ()]
    return ", ".join(f"`{name}`" for name in (flag, *short)) + (_choices(hint) or f" {_metavar(hint)}")


def _metavar(hint: Any) -> str:
    kinds = {int: "N", float: "X"}
    members = [part for part in get_args(hint) if part is not type(None)] or [hint]
    many = " …" if get_origin(hint) is tuple else ""
    return kinds.get(members[0], "TEXT") + many


def _choices(hint: Any) -> str:
    for part in (hint, *get_args(hint)):
        if get_origin(part) is Literal:
            return " " + " · ".join(f"`{value}`" for value in get_args(part))
    return ""


def _extras(kind: type[Any], name: str) -> tuple[Any, ...]:
    hint = get_type_hints(kind, include_extras=True)[name]
    return get_args(hint)[1:] if get_origin(hint) is Annotated else ()


def _positional(kind: type[Any], name: str) -> bool:
    return any("Positional" in repr(extra) for extra in _extras(kind, name))


def _has_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


def _default(field: dataclasses.Field[Any]) -> str:
    if not _has_default(field):
        return "required"
    value = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        value = " ".join(repr(one.name) if hasattr(one, "name") else str(one) for one in value)
    return "–" if value is None or value in ("", {}) else f"`{value}`"


# methods --------------------------------------------------------------------------------------------------------------


def methods_page() -> str:
    """Every member of every union, and every statistic."""
    parts = [
        "# Methods",
        BY_HAND,
        "Every method is a frozen dataclass that can be called; its fields are its settings. The unions below are the "
        "registry: what is not in one of them does not exist. *House method* means that no paper stands behind it.",
        "## Suites: what is asked",
        *_members(Suite, extra=_asks),
        "## Scorers: how a reply is judged",
        "A scorer gives 0 (fine) to 1 (bad for the question asked), or nothing when it could not be told.",
        *_members(BuiltinScorer),
        "## Judges: who says whether there is harm",
        "A judge is called as a scorer is, and asks a model. Its identity stands in every score.",
        *_members(BuiltinJudge),
        "## Guards: the formats of classifier models",
        *_members(BuiltinGuard),
        "## Probes: what ranks and never certifies",
        *_members(BuiltinProbe),
        "## Row scorers: what a screen looks for in a row",
        "Each is called on chats and gives a score as any scorer does; `look` says what was seen in a chat, and where. "
        "One scan for all their gates decides which rows they read ([screening](screen.md)).",
        *_looked_for(rows=True),
        "## Set-level checks: what a screen sees beside",
        "What is wrong with a row's form is told by what reads it; all else is seen by comparing rows, with evaluation "
        "sets and with each other.",
        *_looked_for(rows=False),
        "## Row formats: what training rows may look like",
        *_members(Format, extra=lambda kind: f"Recognised by: {kind.wants}."),
        "## Statistics",
        _table("function | what it gives | source", _statistics()),
    ]
    return "\n\n".join(parts) + "\n"


def _members(union: Any, extra: Callable[[Any], str] | None = None) -> Iterator[str]:
    for kind in get_args(union):
        module = importlib.import_module(kind.__module__)
        both = f"{inspect.getdoc(module) or ''}\n{inspect.getdoc(kind) or ''}"
        said = f"{_first_line(kind)} {extra(kind)}" if extra else _first_line(kind)
        lines = [f"### {kind.__name__}", said, f"Source: {source(both)}."]
        if dataclasses.fields(kind):
            lines.append(_settings(kind))
        yield "\n\n".join(lines)


def _looked_for(*, rows: bool) -> Iterator[str]:
    """The rules of each scorer of rows, or of what else a screen runs."""
    known = {scorer.name: type(scorer) for scorer in scorers()}
    for kind in (one for one in kinds(scorers()) if (one.name in known) == rows):
        scorer = known.get(kind.name)
        about = (inspect.getdoc(importlib.import_module(scorer.__module__)) or "") if scorer else ""
        lines = (f"| `{one.id}` | {one.title} | {one.about} | {_cited(one)} |" for one in kind.rules)
        yield "\n\n".join(
            [
                f"### {scorer.__name__ if scorer else CHECKS[kind.name]}",
                f"{' '.join(about.split(chr(10) * 2)[0].split())} Version {kind.version}.".strip(),
                _table("rule | what | what it means, and what to do | source", lines),
            ]
        )


def _cited(rule: Rule) -> str:
    return re.sub(r"arXiv:\d{4}\.\d{4,5}", lambda one: _linked(one[0]), rule.source) or "house method"


def _asks(kind: Any) -> str:
    """What a suite says of itself; one from a file says it there."""
    if isinstance(kind.axis, str):
        return f"Axis `{kind.axis}`, expected: {kind.expect}."
    return "Axis, expectation and scorers stand in the file."


def _settings(kind: type[Any]) -> str:
    said, lines = field_words(kind), []
    for field in dataclasses.fields(kind):
        name = f"`{field.name}`{_choices(get_type_hints(kind)[field.name])}"
        lines.append(f"| {name} | {_default(field)} | {said.get(field.name, '')} |")
    return _table("setting | default | meaning", lines)


def _statistics() -> Iterator[str]:
    for module in _modules(stats):
        for name, function in vars(module).items():
            if inspect.isfunction(function) and function.__module__ == module.__name__ and name[0] != "_":
                said = inspect.getdoc(function) or ""
                cited = source(said if CITED.search(said) else inspect.getdoc(module) or "")
                yield f"| `{name}` | {_first_sentence(said)} | {cited} |"


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for file in sorted(Path(str(package.__file__)).parent.glob("[a-z]*.py")):
        yield importlib.import_module(f"{package.__name__}.{file.stem}")


def source(words: str) -> str:
    """What a docstring cites: papers in order, then the guide of a format; house method where it says so or nothing."""
    line = " ".join(words.split())
    cited = [re.sub(r"[(),]", "", one) for one in dict.fromkeys(CITED.findall(line))]
    named = [*map(_linked, cited), *FORMAT.findall(line)]
    if "house method" not in line.lower():
        return "; ".join(named) or "house method"
    return f"house method; see also {'; '.join(named)}" if named else "house method"


def _linked(cited: str) -> str:
    number = cited.removeprefix("arXiv:")
    return f"[{cited}](https://arxiv.org/abs/{number})" if number != cited else cited


def _first_line(kind: type[Any]) -> str:
    return (inspect.getdoc(kind) or "").splitlines()[0].replace(" House method.", "")


def _first_sentence(words: str) -> str:
    return (
        re.split(r"(?<!ch\.)(?<!al\.)(?<=[.:])\s", " ".join(words.split()), maxsplit=1)[0]
        .replace("|", "\\|")
        .rstrip(":")
    )


# screening ------------------------------------------------------------------------------------------------------------


def screen_page() -> str:
    """The page as it stands, with what comes from the code between its marks."""
    page = (Path(__file__).parent / "screen.md").read_text(encoding="utf-8")
    rules = (f"| `{r.id}` | {r.risk} | {r.severity} | {r.title} | {_cited(r)} |" for r in catalogue(scorers()))
    masks = (f"| `{mask.name}` | {mask.about} |" for mask in MASKS.values())
    for mark, text in (
        ("rules", _table("rule | risk | at most | what | source", rules)),
        ("masks", _table("`--mask` | what counts as trained", masks)),
        ("limits", f"```toml\n{to_toml(Limits())}```"),
    ):
        begin, end = f"<!-- {mark}: written by docs/generate.py -->", f"<!-- /{mark} -->"
        page = f"{page.split(begin)[0]}{begin}\n{text}\n{end}{page.split(end)[1]}"
    return page


def tune_page() -> str:
    """As `generate_tune.py` beside this file makes it."""
    sys.path.insert(0, str(HERE))
    return str(importlib.import_module("generate_tune").tune_page())


def repair_page() -> str:
    """As `generate_repair.py` beside this file makes it."""
    sys.path.insert(0, str(HERE))
    return str(importlib.import_module("generate_repair").repair_page())


# files ----------------------------------------------------------------------------------------------------------------


def documents() -> dict[str, Callable[[], str]]:
    """File below docs/ → what makes its text."""
    schemas = {f"schemas/{name}.schema.json": (lambda name=name: schema(name)) for name in WRITTEN}
    pages = {"cli.md": cli_page, "methods.md": methods_page, "screen.md": screen_page, "tune.md": tune_page}
    return {**pages, "repair.md": repair_page, **schemas}


def main(arguments: list[str]) -> int:
    """Write or check; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="only files whose name holds one of these words")
    parser.add_argument("--check", action="store_true", help="write nothing, say what is stale")
    asked = parser.parse_args(arguments)
    wanted = {f: make for f, make in documents().items() if not asked.names or any(n in f for n in asked.names)}
    stale = []
    for file, make in wanted.items():
        path, text = HERE / file, make()
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(file)
        if not asked.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for file in stale:
        print(f"docs/{file}: {'stale; run `make docs`' if asked.check else 'written'}")
    return int(asked.check and bool(stale))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
