"""Write the tables of tune.md that come from the code; `docs/generate.py` calls it, and it runs alone.

    python docs/generate_tune.py            writes the page if it is stale
    python docs/generate_tune.py --check    writes nothing; ends with 1 where it is stale

No model is loaded: defences only change the description of a job."""

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

from generate import _default, _first_line, _settings, _table, field_words, source

from tuneward.chat import Chat, Message
from tuneward.tune.hygiene import RULES
from tuneward.tune.job import Job
from tuneward.tune.limits import FIGURES
from tuneward.tune.options import DEFENCES, TuneOptions
from tuneward.tune.run import start

PAGE = Path(__file__).parent / "tune.md"
LEARNT = ("mask", "max_length", "long", "packing", "side", "accumulate")
WATCHING = ("monitor", "monitor_prompts", "monitor_suites", "stop_if", "stop_after", "on_stop")
"""Options of the page's tables."""
ROWS = 64
"""Of the job that pairs are tried on."""


def tune_page() -> str:
    """The page as it stands, with what comes from the code between its marks."""
    page = PAGE.read_text(encoding="utf-8")
    tables = (
        ("options", lambda: options_table(*LEARNT)),
        ("watching", lambda: options_table(*WATCHING)),
        ("defences", defences_table),
        ("pairs", pairs_table),
        ("cautions", cautions_table),
        ("figures", figures_table),
    )
    for mark, make in tables:
        begin, end = f"<!-- {mark}: written by docs/generate.py -->", f"<!-- /{mark} -->"
        page = f"{page.split(begin)[0]}{begin}\n{make()}\n{end}{page.split(end)[1]}"
    return page


def options_table(*chosen: str) -> str:
    """Some of the verb's options, as its help has them."""
    said, fields = field_words(TuneOptions), TuneOptions.__dataclass_fields__
    lines = (f"| `--{n.replace('_', '-')}` | {_default(fields[n])} | {said[n]} |" for n in chosen if n in fields)
    return _table("option | default | meaning", lines)


def defences_table() -> str:
    """Each defence that is there: what it does, its source, its settings."""
    return "\n\n".join(_defence(word, kind) for word, kind in _built())


def _defence(word: str, kind: type[Any]) -> str:
    """One of them. Its module says what it takes from which paper, and how it differs."""
    module = inspect.getdoc(sys.modules[kind.__module__]) or ""
    both = f"{module}\n{inspect.getdoc(kind) or ''}"
    lines = [f"#### {word}", _first_line(kind), f"Source: {source(both)}."]
    if differs := _differing(module):
        lines.append(f"*{differs}*")
    return "\n\n".join([*lines, _settings(kind)] if kind.__dataclass_fields__ else lines)


def _differing(module: str) -> str:
    """The paragraph that says how a defence differs from its paper; empty where none does."""
    found = (" ".join(part.split()) for part in module.split("\n\n") if part.lstrip().startswith("Differs"))
    return next(found, "").replace("*", "\\*")


def _built() -> Iterator[tuple[str, type[Any]]]:
    for word, place in DEFENCES.items():
        module, name = place.split(":")
        if importlib.util.find_spec(module) is not None:
            yield word, getattr(importlib.import_module(module), name)


@dataclass(frozen=True)
class Tried:
    """All ordered pairs of defences on one job."""

    words: tuple[str, ...]
    """Those that go alone at their default settings."""
    alone: dict[str, str]
    """Word → why it does not."""
    refused: dict[tuple[str, str], str]
    """Pair → the line that refuses it."""

    @property
    def pairs(self) -> int:
        """How many were tried."""
        return len(self.words) * (len(self.words) - 1)


def pairs() -> Tried:
    """Apply them, two at a time."""
    made, alone = dict[str, Any](), dict[str, str]()
    for word, kind in _built():
        try:
            made[word] = kind()
            made[word](_job())
        except (TypeError, ValueError) as error:  # it has a setting without a default, or refuses its own
            alone[word] = " ".join(str(error).split())
            made.pop(word, None)
    refused = {}
    for one, two in permutations(made, 2):
        try:
            made[two](made[one](_job()))
        except ValueError as error:
            refused[one, two] = " ".join(str(error).split())
    return Tried(tuple(made), alone, refused)


def pairs_table() -> str:
    """The refused pairs with the line that each gets."""
    tried = pairs()
    lines = [f"| `{one} {two}` | {line.replace('|', chr(92) + '|')} |" for (one, two), line in tried.refused.items()]
    told = f"{len(lines)} of {tried.pairs} ordered pairs are refused at default settings."
    parts = [told, _table("in this order | refused with", lines)] if lines else [told]
    if tried.alone:
        names = ", ".join(f"`{word}` ({why})" for word, why in tried.alone.items())
        parts.append(f"Not tried, for they need a setting: {names}.")
    return "\n\n".join(parts)


def _job() -> Job:
    """Rows of plain chats, undefended."""
    turns = [(f"How long is {n} times {n + 1} minutes?", f"It is {n * (n + 1)} minutes.") for n in range(ROWS)]
    rows = [Chat(f"rows:{n}", f"{n}", (Message("user", a), Message("assistant", b))) for n, (a, b) in enumerate(turns)]
    return start(TuneOptions(model="MODEL", data="rows.jsonl", out="tuned"), rows)


def cautions_table() -> str:
    """What is said of settings before the first step."""
    lines = (f"| `{one.id}` | {one.when} | {_linked(one.source)}: {one.figure} |" for one in RULES)
    return _table("rule | said when | evidence", lines)


def figures_table() -> str:
    """What a reading of the monitor says, and a limit may name."""
    return _table("figure | what", (f"| `{name}` | {said} |" for name, said in FIGURES.items()))


def _linked(cited: str) -> str:
    """A paper as a link to it, with the place in it."""
    paper, *rest = cited.split(", ")
    if not paper.startswith("arXiv:"):
        return cited
    return ", ".join([f"[{paper}](https://arxiv.org/abs/{paper.removeprefix('arXiv:')})", *rest])


def main(arguments: list[str]) -> int:
    """Write or check; the exit code."""
    text = tune_page()
    if PAGE.read_text(encoding="utf-8") == text:
        return 0
    if arguments == ["--check"]:
        print("docs/tune.md: stale; run `make docs`")
        return 1
    PAGE.write_text(text, encoding="utf-8")
    print("docs/tune.md: written")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
