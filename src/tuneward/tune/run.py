"""tune: rows → job → defences → steps → adapter or model, with record and curves.

What is half done stands in OUT/.work: checkpoints of each stage. The same words go on from the last whole one; the
tuned model and its record appear at the end, and the folder goes.
"""

import resource
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from accelerate import PartialState

from tuneward.ask import Progress, Store
from tuneward.chat import Chat
from tuneward.model.engine import Engine
from tuneward.model.load import Place, load
from tuneward.model.spec import parse
from tuneward.record import Record, digest, now, read_json, sha256_file, to_json, versions, write_atomic
from tuneward.results import RECORD
from tuneward.rows import read_rows
from tuneward.tune.card import Facts, write_card
from tuneward.tune.hygiene import Plan, cautions
from tuneward.tune.job import Defence, Job, Lesson, Settings
from tuneward.tune.models import learnable
from tuneward.tune.options import TuneOptions
from tuneward.tune.order import Shuffled, planned
from tuneward.tune.prepare import Prepared, answered, prepare
from tuneward.tune.sequences import Reader
from tuneward.tune.terms import CrossEntropy
from tuneward.tune.training import CURVES, Bench, pad_of, train
from tuneward.tune.writing import write_model

FILES = (RECORD, CURVES)
WORK, JOB = ".work", "job.json"
Say = Callable[[str], None]
Watch = Callable[[str], Progress]


@dataclass(frozen=True)
class Begun:
    """What OUT/.work/job.json holds: a folder is gone on with only by the words that began it."""

    key: str


@dataclass(frozen=True)
class Tuned:
    """What a run did."""

    out: Path
    steps: int
    loss: float | None
    """The last one logged."""
    parts: dict[str, int]
    """Rows of each part."""


def start(options: TuneOptions, rows: Sequence[Chat]) -> Job:
    """The undefended job."""
    settings = Settings(
        rate=options.highest,
        batch=options.batch,
        epochs=options.epochs,
        seed=options.seed,
        beta1=options.beta1,
        warmup=options.warmup,
        clip=options.clip,
        steps=options.steps,
    )
    return Job(tuple(map(Lesson, rows)), settings, (CrossEntropy(),), Shuffled())


def described(options: TuneOptions, defences: Sequence[Defence]) -> Job:
    """Rows read, defences applied from left to right.

    Raises:
        ValueError: no rows, or two defences that cannot go together.
    """
    rows = list(read_rows(options.data))
    if not rows:
        raise ValueError(f"{options.data}: no rows; expected at least one chat")
    job = start(options, rows)
    for defence in defences:
        changed = defence(job)
        if twice := next((word for word in changed.defences if changed.defences.count(word) > 1), None):
            raise ValueError(f"{twice}: named twice; once is enough, with the settings that are meant")
        job = changed
    return job


def run(options: TuneOptions, defences: Sequence[Defence] = (), *, say: Say, watch: Watch) -> Tuned | None:
    """Tune, or say what would be done (`dry_run`: None).

    Raises:
        ValueError: bad rows, settings, or a folder that holds something else; NaN in the loss.
    """
    begun, clock, cpu = now(), time.perf_counter(), time.process_time()
    spec, out = parse(options.model), Path(options.out).expanduser()
    job = described(options, defences)
    key = digest([{**asdict(options), "overwrite": False}, [repr(one) for one in defences], _sha(options.data)])
    if not options.dry_run:
        _claim(out, key, overwrite=options.overwrite)
    engine = load(replace(spec, adapter=None), place=Place(options.device, options.dtype))
    made = learnable(engine, spec, options)
    with PartialState().main_process_first():  # the others find in the cache what the first one computed
        prepared = _prepared(engine, made.model, job, options=options, out=out, say=say, watch=watch)
    parts = [lesson.part for lesson in prepared.job.lessons]
    steps = planned(prepared.job.order, prepared.lengths, parts, settings=prepared.job.settings)
    counts = ", ".join(f"{count:,} {part}" for part, count in prepared.job.parts().items())
    say(f"rows     {counts}; {len(steps):,} steps of {prepared.job.settings.batch}")
    reader = _reader(engine, prepared.job, options)
    for caution in cautions(Plan(options, prepared.job, prepared.lengths, reader.longest)):
        say(caution.line())
    if options.dry_run:
        return None
    bench = Bench(engine, made, reader, options, out / WORK)
    trained = train(prepared, steps, bench=bench, progress=watch("steps"))
    if PartialState().is_main_process:
        usage = {
            "wall_s": round(time.perf_counter() - clock, 1),
            "cpu_s": round(time.process_time() - cpu, 1),
            "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            "steps": float(len(steps)),
        }
        inputs = {options.data: _sha(options.data), options.model: engine.info.weights}
        settings = {**asdict(options), "defences": [[type(one).__name__, asdict(one)] for one in defences]}  # type: ignore[call-overload]
        write_model(made.model, prepared.job, trained, engine=engine, work=out / WORK, out=out)
        (out / WORK / CURVES).replace(out / CURVES)
        write_card(out, Facts(options, prepared.job, defences, inputs, len(steps)))
        record = Record("tune", settings, inputs, versions(), options.seed, begun, now(), usage)
        write_atomic(out / RECORD, to_json(record))
        shutil.rmtree(out / WORK)
    PartialState().wait_for_everyone()
    return Tuned(out, len(steps), trained.loss, prepared.job.parts())


def _sha(data: str) -> str:
    """Digest of the rows' file, of every file of a folder; of the name where they come from a hub."""
    path = Path(data).expanduser()
    if path.is_dir():
        return digest([[one.name, sha256_file(one)] for one in sorted(path.rglob("*")) if one.is_file()])
    return sha256_file(path) if path.is_file() else digest(data)


def _claim(out: Path, key: str, *, overwrite: bool) -> None:
    """Make sure that the folder is free, or that these very words began in it."""
    held = out / WORK / JOB
    if held.is_file() and read_json(held, Begun).key == key and not overwrite:
        return
    if out.exists() and any(out.iterdir()):
        if not overwrite:
            what = "another run, not finished" if held.is_file() else "something else"
            raise ValueError(f"{out}: holds {what}; --overwrite replaces it, or choose another --out")
        if PartialState().is_main_process:
            shutil.rmtree(out)
    PartialState().wait_for_everyone()
    write_atomic(held, to_json(Begun(key)))


def _reader(engine: Engine, job: Job, options: TuneOptions) -> Reader:
    context = getattr(engine.model.config.get_text_config(decoder=True), "max_position_embeddings", None)
    longest = min(options.max_length, context) if isinstance(context, int) else options.max_length
    return Reader(engine.tokenizer, engine.template, job.rendering, options.mask, longest, options.long)


def _prepared(
    engine: Engine, model: Any, job: Job, *, options: TuneOptions, out: Path, say: Say, watch: Watch
) -> Prepared:
    """The job in ids, with what it needs of the model as it is now."""
    kept = out / WORK if options.no_cache else Path(options.cache_dir).expanduser()
    job, unsaid = answered(engine, job, store=Store(kept / "replies"), progress=watch("own answers"))
    if unsaid:
        say(f"remark   {unsaid:,} rows are left out: the model's own answer was not of the kind they need")
    reader = _reader(engine, job, options)
    who = digest([engine.key, options.precision])
    prepared = prepare(
        model, job, reader, pad=pad_of(engine), cache=kept / "reference", who=who, progress=watch("reference")
    )
    if missing := len(job.lessons) - len(prepared.job.lessons):
        say(f"remark   {missing:,} rows of more than {reader.longest:,} tokens are left out")
    return prepared
