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

from tuneward.ask import Progress, Store, unseen
from tuneward.chat import Chat, Message
from tuneward.model.engine import Engine
from tuneward.model.spec import parse
from tuneward.record import Record, digest, now, read_json, sha256_file, to_json, versions, write_atomic
from tuneward.results import RECORD
from tuneward.rows import read_rows
from tuneward.tune.card import Facts, write_card
from tuneward.tune.hygiene import Plan, cautions
from tuneward.tune.job import TASK, Defence, Job, Lesson, Settings
from tuneward.tune.models import begun as ready
from tuneward.tune.monitor import Monitor
from tuneward.tune.options import TuneOptions
from tuneward.tune.order import Shuffled, planned
from tuneward.tune.prepare import Kept, Prepared, answered, prepare
from tuneward.tune.readings import MONITOR, Stopped
from tuneward.tune.sequences import Reader
from tuneward.tune.terms import CrossEntropy
from tuneward.tune.trainer import WHOLE
from tuneward.tune.training import CURVES, Bench, precision_of, train
from tuneward.tune.watching import questions
from tuneward.tune.writing import WORK, write_model

FILES = (RECORD, CURVES, MONITOR)
JOB, REPLIES, REFERENCE = "job.json", "replies", "reference"
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
    stopped: Stopped | None = None
    """Why the monitor ended the run before its last step, or went back after it."""


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
    data = _sha(options.data)
    words = [{**asdict(options), "overwrite": False}, [repr(one) for one in defences], data]
    key = digest([*words, [replace(one, chat=replace(one.chat, meta={})) for one in job.lessons]])
    if not options.dry_run:
        _free(out, key, options)
    first = PartialState(cpu=options.device == "cpu")
    if not first.is_main_process:  # one of them speaks for all
        say, watch = _quiet, lambda _: unseen
    engine, made = ready(spec, options)
    with first.main_process_first():  # the others find in the cache what the first one computed
        prepared = _prepared(engine, made.model, job, desk=Desk(options, out, say, watch))
    parts = [lesson.part for lesson in prepared.job.lessons]
    steps = planned(prepared.job.order, prepared.lengths, parts, settings=prepared.job.settings)
    counts = ", ".join(f"{count:,} {part}" for part, count in prepared.job.parts().items())
    say(f"rows     {counts}; {len(steps):,} steps of {prepared.job.settings.batch}")
    reader = _reader(engine, prepared.job, options)
    for caution in cautions(Plan(options, prepared.job, prepared.lengths, reader.longest)):
        say(caution.line())
    if options.dry_run:
        return None
    _claim(out, key)
    monitor = _monitor(engine, prepared.job, options, work=out / WORK, say=say)
    bench = Bench(made, reader, options, out / WORK, monitor)
    try:
        trained = train(prepared, steps, bench=bench, progress=watch("steps"))
    except ValueError:
        if first.is_main_process and not any((out / WORK).glob(f"*/*/{WHOLE}")):
            (out / WORK / JOB).unlink(missing_ok=True)  # nothing is there that other words would lose
        raise
    if first.is_main_process:
        usage = {
            "wall_s": round(time.perf_counter() - clock, 1),
            "cpu_s": round(time.process_time() - cpu, 1),
            "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            "steps": float(len(steps)),
        }
        inputs = {options.data: data, options.model: engine.info.weights}
        settings = {**asdict(options), "defences": [[type(one).__name__, asdict(one)] for one in defences]}  # type: ignore[call-overload]
        write_model(made.model, prepared.job, trained.memory, tokenizer=engine.tokenizer, out=out)
        for file in (one for one in (CURVES, MONITOR) if (out / WORK / one).is_file()):
            (out / WORK / file).replace(out / file)
        write_card(out, Facts(options, prepared.job, defences, inputs, len(steps)))
        record = Record("tune", settings, inputs, versions(), options.seed, begun, now(), usage)
        write_atomic(out / RECORD, to_json(record))
        shutil.rmtree(out / WORK)
    first.wait_for_everyone()
    return Tuned(out, len(steps), trained.loss, prepared.job.parts(), trained.stopped)


def _sha(data: str) -> str:
    """Digest of the rows' file, of every file of a folder; of the name where they come from a hub."""
    path = Path(data).expanduser()
    if path.is_dir():
        return digest([[one.name, sha256_file(one)] for one in sorted(path.rglob("*")) if one.is_file()])
    return sha256_file(path) if path.is_file() else digest(data)


def _free(out: Path, key: str, options: TuneOptions) -> None:
    """Refuse a folder that holds anything but what these very words began, and what `overwrite` may not replace."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out}: a file; --out is a folder")
    held = sorted(one.name for one in out.iterdir()) if out.is_dir() else []
    done, begun = _finished(out), (out / WORK / JOB).is_file()
    if (held in ([], [WORK]) and not begun) or (_holds(out, key) and not done):
        return
    if not (done or begun):
        raise ValueError(
            f"{out}: holds {held[0]} and no run of tune, which --overwrite would leave; take another --out"
        )
    if not options.overwrite:
        what = "a finished run" if done else "another run, not finished"
        raise ValueError(f"{out}: holds {what}; --overwrite replaces it, or choose another --out")
    for one in (Path(options.model).expanduser(), Path(options.data).expanduser()):
        if one.exists() and one.resolve().is_relative_to(out.resolve()):
            raise ValueError(f"{out}: --overwrite would remove {one}, which is read; choose another --out")


def _claim(out: Path, key: str) -> None:
    """Mark the folder as these words', emptied of what others left; what was asked of the model already stays."""
    state = PartialState()
    if state.is_main_process and not (_holds(out, key) and not _finished(out)):
        (out / WORK).mkdir(parents=True, exist_ok=True)
        last = {RECORD, JOB}  # by which a folder is known as ours, should this be cut short
        for one in sorted([*out.iterdir(), *(out / WORK).iterdir()], key=lambda one: one.name in last):
            if one.is_dir() and one.name not in {WORK, REPLIES, REFERENCE}:
                shutil.rmtree(one)
            elif not one.is_dir():
                one.unlink()
        write_atomic(out / WORK / JOB, to_json(Begun(key)))
    state.wait_for_everyone()


def _finished(out: Path) -> bool:
    return (out / RECORD).is_file() and read_json(out / RECORD, Record).verb == "tune"


def _holds(out: Path, key: str) -> bool:
    held = out / WORK / JOB
    return held.is_file() and read_json(held, Begun).key == key


def _quiet(_line: str) -> None:
    pass


def _reader(engine: Engine, job: Job, options: TuneOptions) -> Reader:
    context = getattr(engine.model.config.get_text_config(decoder=True), "max_position_embeddings", None)
    longest = min(options.max_length, context) if isinstance(context, int) else options.max_length
    return Reader(engine.tokenizer, engine.template, job.rendering, options.mask, longest, options.long)


def _monitor(engine: Engine, job: Job, options: TuneOptions, *, work: Path, say: Say) -> Monitor | None:
    """What watches the run, asking as the model is to be used and as its rows ask."""
    if options.monitor == "off":
        return None
    lessons = [(lesson.part, _as_learnt(lesson.chat, job.rendering.system)) for lesson in job.lessons]
    rows = [chat for part, chat in lessons if part == TASK]
    how = options.watched
    asked = questions(how.suites, count=how.prompts, rows=rows, system=job.rendering.deploy or "")
    made = Monitor(engine.tokenizer, asked, out=work, how=how)
    made.rows, made.who, made.say = tuple(chat for _, chat in lessons), engine.key, say
    made.kept = None if options.no_cache else Path(options.cache_dir).expanduser() / REPLIES
    return made


def _as_learnt(chat: Chat, system: str | None) -> Chat:
    if system is None:
        return chat
    turns = tuple(one for one in chat.messages if one.role != "system")
    return replace(chat, messages=(Message("system", system), *turns) if system else turns)


@dataclass(frozen=True)
class Desk:
    """What is told, asked and kept while a job is prepared."""

    options: TuneOptions
    out: Path
    say: Say
    watch: Watch


def _prepared(engine: Engine, model: Any, job: Job, *, desk: Desk) -> Prepared:
    """The job in ids, with what it needs of the model as it is now."""
    options, say = desk.options, desk.say
    folder = desk.out / WORK if options.no_cache else Path(options.cache_dir).expanduser()
    own, known = any(one.own for one in job.lessons), any(term.needs == "log_probs" for term in job.terms)
    speak, read = (desk.watch(what) if used else unseen for what, used in (("own answers", own), ("reference", known)))
    job, unsaid = answered(engine, job, store=Store(folder / REPLIES), progress=speak)
    if unsaid:
        say(f"remark   {unsaid:,} rows are left out: the model's own answer was not of the kind they need")
    reader = _reader(engine, job, options)
    kept = Kept(folder / REFERENCE, engine.key, precision_of(options))
    prepared = prepare(model, job, reader, kept=kept, progress=read)
    if missing := len(job.lessons) - len(prepared.job.lessons):
        say(f"remark   {missing:,} rows of more than {reader.longest:,} tokens are left out")
    return prepared
