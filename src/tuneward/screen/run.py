"""The screen verb: cut, read once, count, read a few rows again, judge, write. A cut run goes on where it was cut."""

import os
import resource
import shutil
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from tuneward.outputs.sarif import sarif
from tuneward.outputs.screen_summary import summary
from tuneward.record import Record, now, to_json, versions, whole_file, write_atomic
from tuneward.results import RECORD, SCREEN, SUMMARY
from tuneward.screen import excerpts
from tuneward.screen.assembly import allow, assemble, findings, write
from tuneward.screen.calibration import calibrate, keep
from tuneward.screen.catalogue import kinds
from tuneward.screen.judged import Judging, judge, tallied
from tuneward.screen.leftover import leave
from tuneward.screen.options import PIECE, ScreenOptions
from tuneward.screen.passes import First, bases, first
from tuneward.screen.pool import Executor, Local, OnRay
from tuneward.screen.set_level import gather
from tuneward.screen.setting import Setting, setting_of
from tuneward.screen.sources import Shard
from tuneward.screen.store import Store
from tuneward.screen.verdict import disposition
from tuneward.screened.document import Screened

Say = Callable[[str], None]
Watch = Callable[[str], Callable[[int, int], None]]
PARQUET, JSONL, SARIF, CALIBRATION = "findings.parquet", "findings.jsonl", "screen.sarif", "calibration.json"
FILES = (PARQUET, JSONL, SARIF, SUMMARY)
"""What CI, pull requests and people read."""
MEMORY_MB = 300
"""What the reducer may hold before it spills."""


def silent(_: str) -> None:
    """Say nothing."""


def unwatched(_: str) -> Callable[[int, int], None]:
    """Show no progress of anything."""
    return lambda _done, _total: None


@dataclass(frozen=True)
class Clock:
    """When a run began, and what it used until then."""

    started: str
    wall: float
    cpu: float

    @classmethod
    def start(cls) -> "Clock":
        """Now."""
        return cls(now(), time.perf_counter(), _cpu())

    @property
    def seconds(self) -> float:
        """Since then."""
        return time.perf_counter() - self.wall


def run(options: ScreenOptions, *, say: Say = silent, progress: Watch = unwatched) -> tuple[Screened, Path] | None:
    """Screen a set; the document and its folder, or None where this was one job of several.

    Raises:
        FileNotFoundError, ValueError: a setting or a file that cannot be used, a file that changed, a killed worker.
    """
    clock = Clock.start()
    setting = setting_of(options)
    size = sum(source.bytes for source in setting.sources)
    say(f"plan     {len(setting.sources)} files · {size / 1e6:,.1f} MB · {len(setting.shards)} shards")
    with _executor(options) as where:
        if options.shard is not None:
            _piece(setting, options.shard, where=where, say=say, watch=progress)
            return None
        read = first(setting.plan, setting.sources, setting.shards, where=where, tell=progress("reading"))
        say(f"read     {read.rows:,} rows in {clock.seconds:.1f} s")
        folders = [setting.plan.folder(shard) for shard in read.shards]
        scratch = Path(setting.plan.work) / "scratch"
        with closing(Store(folders, scratch=scratch, memory_mb=MEMORY_MB, threads=_workers(options))) as store:
            about = gather(setting, read, store, where=where, tell=progress("comparing"))
            if options.include_text:
                excerpts.read(setting.plan, read, store, where=where)
            screened = _told(setting, read, store, about=about)
            _left(setting, read, store, options=options)
    say(f"judged   in {clock.seconds:.1f} s")
    _record(setting, options, read, clock=clock)
    work = Path(setting.plan.work)
    shutil.rmtree(work)
    if not any(work.parent.iterdir()):
        work.parent.rmdir()
    return screened, setting.out


def _executor(options: ScreenOptions) -> Local | OnRay:
    return OnRay(options.ray) if options.ray else Local(_workers(options))


def _workers(options: ScreenOptions) -> int:
    return options.workers or os.cpu_count() or 1


def _piece(setting: Setting, words: str, *, where: Executor, say: Say, watch: Watch) -> None:
    """One job's shards; the report is for the run that finds all of them done."""
    found = PIECE.fullmatch(words)
    index, of = (int(part) for part in found.groups()) if found else (0, 1)
    own: list[Shard] = [shard for shard in setting.shards if shard.number % of == index]
    read = first(setting.plan, (), own, where=where, tell=watch("reading"))
    if read.failed:
        raise ValueError("; ".join(read.failed))
    say(f"job      {index} of {of}: {len(own)} of {len(setting.shards)} shards, {read.rows:,} rows; when all jobs are "
        "done, run the same words without --shard for the report")  # fmt: skip


def _told(setting: Setting, read: First, store: Store, *, about: Judging) -> Screened:
    """Findings, document and what is made of them; the document last, so that its presence means all of it."""
    store.put("files", _files(read))
    store.put("bases", bases(read))
    rules = {rule.id: rule for rule in setting.rules}
    assemble(
        store,
        disposed=lambda rule, severity, trained: (
            rules[rule].risk,
            disposition(severity, rule=rules[rule], trained=trained, limits=setting.limits),
        ),
    )
    used = allow(store, setting.limits.allow, today=datetime.now(UTC).date())
    screened = judge(setting, read, store, about=about, used=used)
    out = setting.out
    out.mkdir(parents=True, exist_ok=True)
    write(store, folder=out, parquet=PARQUET, jsonl=JSONL)
    with whole_file(out / SARIF) as file:
        for part in sarif(screened, findings(store)):
            file.write(part)
    write_atomic(out / SUMMARY, summary(screened).encode())
    write_atomic(out / SCREEN, to_json(screened))
    return screened


def _files(read: First) -> pa.Table:
    wholes = read.wholes
    return pa.table(
        {
            "number": pa.array([whole.source.number for whole in wholes], pa.int64()),
            "name": pa.array([whole.source.name for whole in wholes], pa.string()),
            "kind": pa.array([whole.source.kind for whole in wholes], pa.string()),
            "digest": pa.array([whole.sha256[:12] for whole in wholes], pa.string()),
            "lines": pa.array([whole.source.offsets for whole in wholes], pa.bool_()),
        }
    )


def _left(setting: Setting, read: First, store: Store, *, options: ScreenOptions) -> None:
    """What was asked for beside the report."""
    if options.calibrate:
        files = {whole.source.name: whole.sha256 for whole in read.wholes}
        tallies = tallied(store, kinds(setting.plan.scorers))
        today = datetime.now(UTC).date().isoformat()
        keep(setting.out / CALIBRATION, calibrate(tallies, files=files, rows=read.rows, name="own", made=today))
    if options.write_kept:
        leave(setting, read, store, kept=Path(options.write_kept), aside=options.write_set_aside)


def _cpu() -> float:
    kinds_of = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, kinds_of))


def _record(setting: Setting, options: ScreenOptions, read: First, *, clock: Clock) -> None:
    usage = {
        "wall_s": round(clock.seconds, 1),
        "cpu_s": round(_cpu() - clock.cpu, 1),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }
    settings = {**asdict(options), "plan": setting.plan.digest}
    inputs = {whole.source.path: whole.sha256 for whole in read.wholes}
    record = Record("screen", settings, inputs, versions(), 0, clock.started, now(), usage)
    write_atomic(setting.out / RECORD, to_json(record))
