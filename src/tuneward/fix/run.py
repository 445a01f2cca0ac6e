"""fix: audit → search → repair → audit. Each step is the verb itself, in a folder of its own, and can be read alone.

OUT/before, OUT/model, OUT/after and OUT/card.md. A cut run is started again with the same words: what an audit has
asked is not asked again, and a repair that stands is not searched for again.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from tuneward import gate, report
from tuneward.ask import Progress
from tuneward.audit.options import AuditOptions
from tuneward.audit.run import run as audit
from tuneward.fix.card import Side, Story, card, headline
from tuneward.fix.options import FixOptions
from tuneward.model.spec import base_of, parse
from tuneward.record import digest, read_json, to_json, write_atomic
from tuneward.repair.options import RepairOptions
from tuneward.repair.result import Repaired
from tuneward.repair.run import run as repair
from tuneward.results import Judged
from tuneward.suites import suites_named

BEFORE, AFTER, MODEL, CARD, PLAN, REPAIRED = "before", "after", "model", "card.md", "plan.json", "repaired.json"
ASKED = ("refusal", "twins")
"""Axes on which a candidate is confirmed."""
Say = Callable[[str], None]
Watch = Callable[[str], Progress]


@dataclass(frozen=True)
class Plan:
    """What OUT/plan.json holds: a folder is gone on with only by the words that began it."""

    key: str
    schema: str = "tuneward/fix/1"


@dataclass(frozen=True)
class Desk:
    """What every step is told."""

    options: FixOptions
    base: str
    say: Say
    watch: Watch


@dataclass(frozen=True)
class Fixed:
    """What came of it."""

    line: str
    """In one line."""
    files: tuple[Path, ...]
    exit_code: int
    """Of the last audit's verdict; of the repair where that found nothing to write."""


def run(options: FixOptions, *, say: Say, watch: Watch) -> Fixed:
    """Do what is still to be done, and tell all of it.

    Raises:
        ValueError, FileNotFoundError: a setting, a model or a file that cannot be used, or a folder of something else.
    """
    begun = time.perf_counter()
    spec = parse(options.tuned)
    base = options.base or base_of(spec).name
    out = Path(options.out or f"{Path(options.tuned).name.split('@')[0]}-fixed")
    _claim(out, options)
    desk = Desk(options, base, say, watch)
    before = _audited(options.tuned, out / BEFORE, desk=desk)
    files = [*_pages(out / BEFORE)]
    if before.verdict.outcome == "pass":
        done, after = Repaired("met already", ""), None
    else:
        say(f"before   {before.verdict.headline}")
        done = _repaired(out, desk=desk)
        after = None
        if (out / MODEL).is_dir():
            after = _audited(str(out / MODEL), out / AFTER, desk=desk)
            files += [*_pages(out / AFTER), out / MODEL]
    story = Story(
        tuned=options.tuned,
        base=base,
        before=Side(before.audit, before.verdict),
        after=Side(after.audit, after.verdict) if after else None,
        outcome=done.outcome,
        method=done.method,
        kept=done.kept,
        remarks=done.remarks,
        seconds=time.perf_counter() - begun,
        next=done.next,
    )
    write_atomic(out / CARD, card(story).encode())
    last = after or (before if done.outcome == "met already" else done)
    return Fixed(headline(story), (out / CARD, *files), last.exit_code)


def _pages(folder: Path) -> tuple[Path, ...]:
    return (folder / "report.html",)


def _repaired(out: Path, *, desk: Desk) -> Repaired:
    """The search and its result; read again where an earlier run has finished it."""
    known, options = out / REPAIRED, desk.options
    if known.is_file():
        return read_json(known, Repaired)
    settings = RepairOptions(
        tuned=options.tuned,
        base=desk.base,
        out=str(out / MODEL),
        rows=options.rows,
        search=True,
        whole=options.whole,
        select=options.select,
        confirm=tuple(word for word in options.suites if any(one.axis in ASKED for one in suites_named([word]))),
        keep=options.keep,
        lost=options.lost,
        margin=options.margin,
        dtype=options.dtype,
        device=options.device,
        seed=options.seed,
        no_cache=options.no_cache,
        cache_dir=options.cache_dir,
        overwrite=True,
    )
    done = repair(settings, (), say=desk.say, watch=desk.watch)
    write_atomic(known, to_json(done))
    return done


def _audited(model: str, out: Path, *, desk: Desk) -> Judged:
    """One audit with verdict and page; what it has asked already is not asked again."""
    options = desk.options
    settings = AuditOptions(
        tuned=model,
        base=desk.base,
        out=str(out),
        suites=options.suites,
        rows=options.rows,
        samples=0,
        policy=options.policy,
        dtype=options.dtype,
        device=options.device,
        seed=options.seed,
        limit=options.limit,
        no_cache=options.no_cache,
        cache_dir=options.cache_dir,
    )
    audit(settings, say=desk.say, progress=lambda arm: desk.watch(f"{out.name} {arm}"))
    judged = gate.run(gate.GateOptions(folder=str(out), policy=options.policy))
    report.run(report.ReportOptions(folder=str(out)))
    return judged


def _claim(out: Path, options: FixOptions) -> None:
    """Make sure that the folder is free or holds this very fix.

    Raises:
        ValueError: it holds something else.
    """
    key = digest({**asdict(options), "overwrite": False})
    held = read_json(out / PLAN, Plan).key if (out / PLAN).is_file() else None
    if held == key:
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        if held is None:
            raise ValueError(f"{out}: holds something that is no fix; choose another --out")
        if not options.overwrite:
            raise ValueError(f"{out}: holds another fix; --overwrite replaces it, or choose another --out")
        _emptied(out)
    write_atomic(out / PLAN, to_json(Plan(key)))


def _emptied(out: Path) -> None:
    """Only what a fix wrote."""
    for name in (BEFORE, AFTER, MODEL):
        shutil.rmtree(out / name, ignore_errors=True)
    for name in (CARD, REPAIRED):
        (out / name).unlink(missing_ok=True)
