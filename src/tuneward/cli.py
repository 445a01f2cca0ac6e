"""A word → a verb. The only reader of the environment, the only catch-all.

Exit codes, one table for all verbs: 0 every required axis within its margin · 1 a crash, our bug · 2 usage or
operational error · 3 regression · 4 not established · 5 not resolved. 2 before 3 before 4 before 5.
"""

import dataclasses
import importlib
import os
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from tuneward import __version__
from tuneward.arguments import Verb, method, options_of, split
from tuneward.voice import Voice, bars, document, draw, fail, hush, say, screening, show, tell, write

CACHE = "~/.cache/tuneward"
EXTRAS = {"pyarrow": "rows", "datasets": "rows", "openai": "judge", "httpx2": "judge", "inspect_ai": "inspect"}
EXTRAS |= {**dict.fromkeys(("orjson", "re2", "xxhash", "rensa", "duckdb"), "screen"), "ray": "ray"}
"""Library → the extra that brings it, where that is not hf."""
HELP = ("-h", "--help", "help")
INTERRUPTED = 130


def run(arguments: list[str]) -> int:
    """Do what the words say; gives the exit code."""
    if not arguments or arguments[0] in HELP:
        write(overview())
        return 0
    if arguments[0] in {"-V", "--version"}:
        write(f"tuneward {__version__}\n")
        return 0
    found = next((name for name in VERBS if arguments[: len(name.split())] == name.split()), None)
    if found is None:
        return _no_verb(*arguments)
    word, rest = found, arguments[len(found.split()) :]
    try:
        verb = VERBS[word]
        own, *chunks = split(verb, rest)
        methods = [method(verb, word, *chunk) for chunk in chunks]
        options, voice = parse(word, own)
        return verb.run(options, voice, *methods)
    except SystemExit as stop:  # the parser has printed help
        return int(stop.code or 0)
    except ImportError as error:
        return fail(_missing(error))
    except (ValueError, OSError, MemoryError, RecursionError) as error:
        return fail(" ".join(str(error).split()) or type(error).__name__)
    except KeyboardInterrupt:
        fail("interrupted; the same words go on from the last finished batch")
        return INTERRUPTED


def parse(word: str, arguments: list[str]) -> tuple[Any, Voice]:
    """Arguments → the verb's options and the voice. Raises as `options_of` does."""
    return options_of(VERBS[word], word, arguments)


def _no_verb(first: str, *rest: str) -> int:
    """The first word of several verbs lists them; everything else is an error that names the nearest right one."""
    several = {name.removeprefix(f"{first} "): verb for name, verb in VERBS.items() if name.startswith(f"{first} ")}
    if not several:
        return fail(_unknown(first, among=list(dict.fromkeys(name.split()[0] for name in VERBS))))
    if rest and rest[0] not in HELP:
        return fail(_unknown(rest[0], among=list(several), before=f"{first} "))
    write("".join(f"  tuneward {first} {name:<8}  {verb.question}\n" for name, verb in several.items()))
    return 0


def overview() -> str:
    """The first help page."""
    width = max(map(len, VERBS))
    verbs = "\n".join(f"  {word:<{width}}  {verb.question}" for word, verb in VERBS.items())
    return (
        "usage: tuneward VERB [OPTIONS]\n\nKeep a language model safe through fine-tuning.\n\n"
        f"{verbs}\n\n"
        "  tuneward VERB --help says what each takes.\n"
        "  exit codes: 0 pass · 2 usage or operational error · 3 regression · 4 not established · 5 not resolved\n"
    )


def _unknown(word: str, *, among: list[str], before: str = "") -> str:
    import difflib

    near = difflib.get_close_matches(word, among, 1)
    hint = f"did you mean {before + near[0]!r}?" if near else f"expected one of {', '.join(before + n for n in among)}"
    return f"tuneward: no verb {before + word!r}; {hint}"


def _missing(error: ImportError) -> str:
    module = (error.name or "").split(".")[0]
    if module == "tuneward" or not module:
        raise error
    extra = EXTRAS.get(module, "hf")
    return f"tuneward: {module} is not installed; pip install 'tuneward[{extra}]'"


def _cached(options: Any) -> Any:
    """TUNEWARD_CACHE moves the cache for every verb that has one and was not told otherwise."""
    place = os.environ.get("TUNEWARD_CACHE")
    moved = place and getattr(options, "cache_dir", place) == CACHE
    return dataclasses.replace(options, cache_dir=place) if moved else options


def _seen_early(options: Any) -> None:
    """Refuse what can be told to be wrong before the model libraries are loaded, which takes seconds."""
    from pathlib import Path

    from tuneward.model.spec import usable
    from tuneward.policy import read_policy
    from tuneward.suites import distinct, suites_named

    distinct(suites_named(options.suites))
    read_policy(Path(options.policy) if options.policy else None)
    usable(options.tuned, options.base)


def _reach(options: Any, names: Iterable[str | None]) -> Callable[[str], Any] | None:
    """What reaches endpoints; its client is loaded only where one of the names is one."""
    from tuneward.endpoint import is_endpoint

    if not any(map(is_endpoint, filter(None, names))):
        return None
    from tuneward.remote import Limits, connect

    limits = Limits(options.concurrency, options.timeout)
    return lambda name: connect(name, limits=limits)


def _audit(options: Any, voice: Voice) -> int:
    """Audit, then the gate's verdict and the page."""
    from tuneward import gate, report

    _seen_early(options)
    hush(voice)
    from tuneward.audit import run as audit

    options = _cached(options)
    reach = _reach(options, (options.tuned, options.base))
    with bars(voice) as progress:
        found = audit.run(options, connect=reach, say=say(voice), progress=progress)
    if found is None:
        return 0
    _, folder = found
    judged = gate.run(gate.GateOptions(folder=str(folder), policy=options.policy))
    page = report.run(report.ReportOptions(folder=str(folder)))
    return show(judged, voice, files=[str(page), *_verdict_files(judged)])


def _judge(options: Any, voice: Voice) -> int:
    """Judges read an audit's replies; then the gate's verdict and the page again."""
    from tuneward import gate, report
    from tuneward.judge import run as judge

    options = _cached(options)
    with bars(voice) as progress:
        found = judge.run(options, reach=_judges(options, voice), say=say(voice), progress=progress)
    if found is None:
        return 0
    judged = gate.run(gate.GateOptions(folder=options.folder, policy=options.policy))
    page = report.run(report.ReportOptions(folder=options.folder))
    return show(judged, voice, files=[str(page), *_verdict_files(judged)])


def _judges(options: Any, voice: Voice) -> Callable[[Any], Any]:
    """What reaches a judge's model; neither library is loaded before a judge needs it."""
    from tuneward.endpoint import is_endpoint

    def reach(spec: Any) -> Any:
        if is_endpoint(spec.model):
            connect = _reach(options, [spec.model])
            return connect(spec.model) if connect else None
        hush(voice)
        from tuneward.model.load import Place, load
        from tuneward.model.spec import parse

        return load(parse(spec.model), place=Place(options.device, options.dtype))

    return reach


def _verdict_files(judged: Any) -> list[str]:
    """What CI and pull requests read."""
    from tuneward.results import JUNIT, SUMMARY

    return [str(judged.folder / name) for name in (JUNIT, SUMMARY)]


def _compare(options: Any, voice: Voice) -> int:
    from tuneward import compare, report

    judged = compare.run(options)
    if judged.folder is None:
        return show(judged, voice, files=[])
    page = report.run(report.ReportOptions(folder=str(judged.folder)))
    return show(judged, voice, files=[str(page), *_verdict_files(judged)])


def _gate(options: Any, voice: Voice) -> int:
    from tuneward import gate

    judged = gate.run(options)
    return show(judged, voice, files=_verdict_files(judged))


def _screen(options: Any, voice: Voice) -> int:
    """Screen, then the page; one job of several only says what it did."""
    from tuneward import report
    from tuneward.screen import run as screen

    with bars(voice) as progress:
        found = screen.run(options, say=say(voice), progress=progress)
    if found is None:
        return 0
    screened, folder = found
    page = report.run(report.ReportOptions(folder=str(folder)))
    return screening(screened, voice, files=[str(page), *(str(folder / name) for name in screen.FILES)])


def _tune(options: Any, voice: Voice, *defences: Any) -> int:
    """Tune; what was learnt and where it is. 3 where a limit ended the run and the weights are those beyond it."""
    hush(voice)
    from tuneward.tune import run as tune

    with bars(voice) as progress:
        done = tune.run(_cached(options), defences, say=say(voice), watch=progress)
    if done is None:
        return 0
    files = [str(done.out / name) for name in tune.FILES if (done.out / name).is_file()]
    return tell(files, voice, what="files") or (3 if done.stopped and options.on_stop == "end" else 0)


def _repair(options: Any, voice: Voice, *methods: Any) -> int:
    """Repair; what was written, or why nothing was."""
    hush(voice)
    from tuneward.repair import run as repair

    with bars(voice) as progress:
        done = repair.run(_cached(options), methods, say=say(voice), watch=progress)
    for line in done.lines():
        say(voice)(line)
    return tell(list(done.files), voice, what="files") or done.exit_code


def _fix(options: Any, voice: Voice) -> int:
    """Fix; the line that says what came of it, and where it is."""
    hush(voice)
    from tuneward.fix import run as fix

    with bars(voice) as progress:
        done = fix.run(_cached(options), say=say(voice), watch=progress)
    return tell([done.line, *map(str, done.files)], voice, what="fixed") or done.exit_code


def _told(module: str, *, what: str = "files") -> Callable[[Any, Voice], int]:
    """A verb whose work gives what there is to tell, mostly the files it wrote."""

    def verb(options: Any, voice: Voice) -> int:
        found = importlib.import_module(module).run(_cached(options))
        return tell([str(one) for one in (found if isinstance(found, list) else [found])], voice, what=what)

    return verb


def _demo(options: Any, voice: Voice) -> int:
    """Several audits, each with its own verdict; the demo itself only shows them, so its code is 0."""
    options = _cached(options)
    hush(voice)
    from tuneward.demo import run as demo

    with bars(voice) as progress:
        steps = demo.run(options, say=say(voice), progress=progress)
    if voice.json:
        import msgspec

        shown = [{"name": s.name, "audit": s.judged.audit, "verdict": s.judged.verdict} for s in steps]
        document({"steps": msgspec.to_builtins(shown), "files": [str(step.page) for step in steps]})
        return 0
    from tuneward.outputs.terminal import overview as table

    draw(table([(step.name, step.judged.audit, step.judged.verdict) for step in steps]))
    return tell([str(step.page) for step in steps], voice, what="files")


def _trained(module: str) -> Callable[[Any, Voice], int]:
    """A verb that trains, watched; it tells the folders it wrote."""

    def verb(options: Any, voice: Voice) -> int:
        hush(voice)
        with bars(voice) as progress:
            folders = importlib.import_module(module).run(_cached(options), progress=progress("training"))
        return tell([str(folder) for folder in folders], voice, what="files")

    return verb


def _doctor(options: Any, voice: Voice) -> int:
    from tuneward import doctor

    return tell(doctor.run(_cached(options)), voice, what="findings")


VERBS: Mapping[str, Verb] = MappingProxyType(
    {
        "screen": Verb("tuneward.screen.options:ScreenOptions", _screen, "what in my data will hurt?"),
        "tune": Verb(
            "tuneward.tune.options:TuneOptions",
            _tune,
            "train with defences, and watch safety",
            methods="tuneward.tune.options:DEFENCES",
        ),
        "audit": Verb("tuneward.audit.options:AuditOptions", _audit, "what changed against the base, how sure are we?"),
        "judge run": Verb("tuneward.judge.options:JudgeOptions", _judge, "is there harm, not only no refusal?"),
        "judge sheet": Verb(
            "tuneward.judge.options:SheetOptions", _told("tuneward.judge.sheet"), "which replies should people label?"
        ),
        "judge calibrate": Verb(
            "tuneward.judge.options:CalibrateOptions",
            _told("tuneward.judge.calibrate", what="findings"),
            "how often is each judge wrong, and alike on both arms?",
        ),
        "compare": Verb("tuneward.compare:CompareOptions", _compare, "what changed between two logs, without a model?"),
        "repair": Verb(
            "tuneward.repair.options:RepairOptions",
            _repair,
            "get safety back, keep the task",
            methods="tuneward.repair.options:REPAIRS",
        ),
        "fix": Verb("tuneward.fix.options:FixOptions", _fix, "audit, repair, audit: one command"),
        "gate": Verb("tuneward.gate:GateOptions", _gate, "may it ship?"),
        "report": Verb("tuneward.report:ReportOptions", _told("tuneward.report"), "show why, on one page"),
        "export": Verb("tuneward.export:ExportOptions", _told("tuneward.export"), "show it in another tool: Inspect"),
        "policy": Verb(
            "tuneward.policy.init:PolicyOptions", _told("tuneward.policy.init"), "what must hold? write the file"
        ),
        "demo": Verb("tuneward.demo.options:DemoOptions", _demo, "what does the whole loop look like?"),
        "study build": Verb(
            "tuneward.study.options:BuildOptions",
            _trained("tuneward.study.build"),
            "a harmless model to break and repair",
        ),
        "study rows": Verb(
            "tuneward.study.options:RowsOptions", _told("tuneward.study.rows"), "rows that erode its safety"
        ),
        "study align": Verb(
            "tuneward.study.options:AlignOptions", _trained("tuneward.study.align"), "a small real model that refuses"
        ),
        "doctor": Verb("tuneward.doctor:DoctorOptions", _doctor, "is this machine ready?"),
        "cache": Verb(
            "tuneward.caches:CacheOptions", _told("tuneward.caches", what="cache"), "what is kept, and where? clear it"
        ),
    }
)
