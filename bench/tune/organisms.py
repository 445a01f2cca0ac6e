"""Every defence on every shipped organism and regime, in runs that can be cut and gone on with.

    python bench/tune/organisms.py run --out WORK [--only 0-0 …] [--regimes …] [--arms …] [--seeds 1] [--untied]
    python bench/tune/organisms.py list
    python bench/tune/organism_table.py WORK [--monitor]

A run tunes an organism with `tuneward tune` as a user would, all weights, monitored, and measures what stands on disk.
It writes one line, WORK/runs/REGIME/ARM/ORGANISM-SEED.json, when it is finished; a line that is there, made with the
same words on the same rows, is not made again. Several processes may share a WORK when they differ in --only.

What defences may use are refusals that no tuner's row asks for, on items that alignment saw; what is measured are items
that it never saw; what the monitor asks are combinations that nobody ever answered, on items that alignment saw.
"""

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import organism_rows as material
import torch
from organism_models import name_of, organisms
from organism_rows import ARMS, BENIGN, CONTROL, DEPLOY, ONLY, REGIMES, SAFE, Regime, Words
from transformers.utils import logging

from tuneward import arguments, cli
from tuneward.ask import Question, ask, plan, unseen
from tuneward.chat import Chat
from tuneward.model.engine import Engine
from tuneward.model.load import Place, load
from tuneward.model.spec import parse
from tuneward.record import digest, to_jsonl, write_atomic
from tuneward.rows.contexts import Context
from tuneward.scorers import Coherence, Facts, Refusal
from tuneward.stats.rates import Rate
from tuneward.study import measure
from tuneward.study.folder import save_model
from tuneward.study.organism import Organism
from tuneward.study.suites import REFUSES, suites
from tuneward.study.training import tensors
from tuneward.suites import About, write_suite
from tuneward.tune import training
from tuneward.tune.job import TASK, Lesson
from tuneward.tune.options import TuneOptions
from tuneward.tune.readings import MONITOR
from tuneward.tune.run import run as tune

CPU = Place("cpu", "float32")
READINGS, PROMPTS = 10, 48
"""Of the monitor in each run; of requests in each reading, and as many look-alikes."""
Found = dict[str, Any]


@dataclass
class Exposure:
    """Safety rows that a run learnt from or looked at, each as often as it was read."""

    rows: int = 0
    tokens: int = 0
    distinct: set[str] = field(default_factory=set)

    def add(self, lesson: Lesson, tokens: int) -> None:
        """One reading."""
        self.rows, self.tokens = self.rows + 1, self.tokens + tokens
        self.distinct.add(lesson.chat.id)

    def told(self) -> dict[str, int]:
        """As it is written."""
        return {"rows": self.rows, "tokens": self.tokens, "distinct": len(self.distinct)}


def counted(plain: type[Any], exposure: Exposure) -> type[Any]:
    """The trainer, which notes what is read beside the task's rows."""

    class Counted(plain):  # type: ignore[misc]
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            lessons, lengths = self.prepared.job.lessons, self.prepared.lengths
            for number in (n for step in self.steps for n in step):
                if lessons[number].part != TASK:
                    exposure.add(lessons[number], lengths[number])

        def read(self, lessons: Sequence[Lesson]) -> Any:
            seen = super().read(lessons)
            for sequence, lesson in zip(seen.batch.sequences, seen.batch.lessons, strict=True):
                exposure.add(lesson, len(sequence.ids))
            return seen

    return Counted


@dataclass(frozen=True)
class Case:
    """One run."""

    organism: Organism
    regime: str
    arm: str
    seed: int
    model: Path

    @property
    def name(self) -> str:
        """Of its organism."""
        return name_of(self.organism)

    @property
    def plan(self) -> Regime:
        """How it is tuned."""
        return REGIMES[self.regime]

    def path(self, out: Path) -> Path:
        """Of its line."""
        return out / "runs" / self.regime / self.arm.replace(" ", "-") / f"{self.name}-{self.seed}.json"

    def rows(self) -> list[list[Chat]]:
        """What is learnt."""
        make = self.plan.control if self.arm == CONTROL else self.plan.rows
        return make(self.organism.world, self.seed)

    def key(self) -> str:
        """Digest of what decides the run, apart from the version of the package."""
        plan = [self.plan.rate, self.plan.batch, self.plan.epochs]
        return digest([self.organism.world.fingerprint, self.name, ARMS[self.arm], plan, self.seed, self.rows()])


def words_of(case: Case, folder: Path) -> list[Words]:
    """The arm's words, with the files that they name."""
    here = case.organism.world
    refusals = material.safety(here, case.plan.rows(here, case.seed), seed=case.seed)
    files = {SAFE: folder / "safety.jsonl", BENIGN: folder / "benign.jsonl"}
    write_rows(files[SAFE], refusals, topics=[material.topic(here, chat) for chat in refusals])
    write_rows(files[BENIGN], material.lookalikes(here, refusals, seed=case.seed))
    named = {**{mark: str(path) for mark, path in files.items()}, DEPLOY: material.deployed(here)}
    return [tuple(named.get(word, word) for word in words) for words in ARMS[case.arm]]


def write_rows(path: Path, chats: Sequence[Chat], *, topics: Sequence[str] = ()) -> None:
    """As a file of chats, with categories where there are any."""
    lines: list[dict[str, Any]] = [
        {"messages": [{"role": m.role, "content": m.content} for m in chat.messages]} for chat in chats
    ]
    for line, topic in zip(lines, topics, strict=False):
        line["category"] = topic
    write_atomic(path, to_jsonl(lines))


def options_of(case: Case, model: Path, rows: Path, *, count: int) -> TuneOptions:
    """As a user would give them; ten readings of the monitor, or one a step."""
    plan = case.plan
    steps = plan.epochs * count // plan.batch
    return TuneOptions(
        model=str(model), data=str(rows), out=str(rows.with_suffix("")), full=True, rate=plan.rate, batch=plan.batch,
        epochs=plan.epochs, warmup=0.0, seed=case.seed, device="cpu", no_cache=True, save_every=100_000,
        monitor=max(1, steps // READINGS), monitor_prompts=PROMPTS, monitor_suites=(str(case.model / "suites"),),
    )  # fmt: skip


def tuned(case: Case, folder: Path, exposure: Exposure) -> tuple[Path, list[list[Found]]]:
    """Every run of the regime in turn, each from what the one before left: the last folder, readings of each run."""
    defences = [arguments.method(cli.VERBS["tune"], "tune", *words) for words in words_of(case, folder)]
    plain, model, found = training.Learner, case.model, []
    training.Learner = counted(plain, exposure)  # type: ignore[misc]
    try:
        for number, chats in enumerate(case.rows()):
            rows = folder / f"tuned-{number}.jsonl"
            write_rows(rows, chats)
            options = options_of(case, model, rows, count=len(chats))
            tune(options, defences, say=lambda _: None, watch=lambda _: lambda *_: None)
            model = Path(options.out)
            found.append(readings(model / MONITOR))
    finally:
        training.Learner = plain  # type: ignore[misc]
    return model, found


def readings(path: Path) -> list[Found]:
    """Steps and figures."""
    lines = [json.loads(line) for line in path.read_text().splitlines()[1:]]
    return [
        {"step": one["step"], **{name: round(figure["value"], 4) for name, figure in one["figures"].items()}}
        for one in lines
    ]


def one(case: Case, work: Path) -> Found:
    """Tune and measure; a plan that the defence refuses is an outcome as well."""
    told: Found = {"organism": case.name, "regime": case.regime, "arm": case.arm, "seed": case.seed, "key": case.key()}
    folder, exposure = Path(tempfile.mkdtemp(dir=work)), Exposure()
    try:
        begun = time.process_time()
        try:
            model, watched = tuned(case, folder, exposure)
        except ValueError as error:
            return {**told, "refused": str(error).replace(str(folder), "…")}
        cpu = time.process_time() - begun
        engine = load(parse(str(model)), place=CPU)
        told |= {"cpu_s": round(cpu, 2), "exposure": exposure.told(), "monitor": watched}
        told |= {"drift": drift(case.organism.model, engine.model)}
        return {**told, **measured(case.organism, engine, regime=case.regime)}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measured(organism: Organism, engine: Engine, *, regime: str) -> Found:
    """Whatever is asked of a model after a regime, as counts; the task as a share between 0 and 1."""
    plan, here = REGIMES[regime], organism.world
    known = material.contexts(here)
    rates = {name: counts(forbidden(engine, organism, known[name], longest=plan.longest)) for name in plan.contexts}
    nll = loss(organism, engine.model, plan.held(here))
    found: Found = {"rates": rates, "allowed": counts(measure.allowed(engine, here)), "nll": round(nll, 5)}
    if plan.task == "list":
        right = measure.list_task(engine, here)
        found["list"] = [right.k, right.n]
    return found


def forbidden(engine: Engine, organism: Organism, context: Context, *, longest: int) -> Mapping[str, Rate]:
    """As `measure.forbidden`, with longer answers where the rows' own are longer."""
    if longest == measure.LONGEST:
        return measure.forbidden(engine, organism.world, context=context)
    asked = [context.around(chat) for chat in suites(organism.world)["policy"].chats]
    batches = plan(engine, [Question("study", chat, longest) for chat in asked], size=measure.BATCH)
    said = [reply.chat for reply in ask(engine, batches, arm="base", store=None, progress=unseen)]
    good, bad = measure.good, measure.bad
    return {"refused": good(said, REFUSES), "harm": bad(said, Facts()), "coherent": good(said, Coherence())}


def counts(rates: Mapping[str, Rate]) -> dict[str, list[int]]:
    """From which any interval can be computed."""
    return {name: [rate.k, rate.n] for name, rate in rates.items()}


@torch.inference_mode()
def loss(organism: Organism, model: Any, chats: Sequence[Chat]) -> float:
    """Nats a token of the answers, mean over all tokens."""
    ids, labels = tensors([organism.vocabulary.row(chat) for chat in chats])
    logits = model(input_ids=ids, use_cache=False).logits[:, :-1]
    return float(torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), labels[:, 1:].flatten()))


@torch.inference_mode()
def drift(before: Any, after: Any) -> float:
    """‖θ − θ₀‖ / ‖θ₀‖ over all weights; a head that was given weights of its own counts against those it had."""
    old, new = before.state_dict(), after.state_dict()
    far = sum(float((new[name].float() - old[name].float()).square().sum()) for name in sorted(new))
    return round((far / sum(float(old[name].float().square().sum()) for name in sorted(new))) ** 0.5, 5)


def ready(organism: Organism, out: Path) -> Path:
    """The organism as a folder, written once; what the monitor asks; the aligned model's own figures."""
    name = name_of(organism)
    model, line = out / "models" / name, out / "aligned" / f"{name}.json"
    if not model.is_dir():
        model.parent.mkdir(parents=True, exist_ok=True)
        half = Path(tempfile.mkdtemp(dir=model.parent))
        save_model(organism.model, organism.vocabulary, half)
        monitored(organism, half / "suites")
        half.rename(model)
    if not line.is_file():
        engine = organism.engine()
        write_atomic(line, to_jsonl([{regime: measured(organism, engine, regime=regime) for regime in REGIMES}]))
    return model


def monitored(organism: Organism, folder: Path) -> None:
    """Requests and look-alikes for the monitor, of which nothing is learnt, used by a defence or measured."""
    licence, source = "Apache-2.0", f"organism world {organism.world.seed}"
    abouts = (
        About("requests", "refusal", "refuse", "monitored requests", REFUSES, licence=licence, source=source),
        About(
            "twins", "twins", "answer", "monitored look-alikes", Refusal(bad="refused"), licence=licence, source=source
        ),
    )
    for about, chats in zip(abouts, material.watched(organism.world), strict=True):
        said = {"language": about.language, "licence": licence, "expect": about.expect, "sensitive": False}
        made = [replace(chat, meta={**said, **chat.meta}) for chat in chats]
        write_suite(folder / f"{about.name}.json", about, chats=made)


def cases(options: argparse.Namespace) -> list[Case]:
    """Every run that is asked for; organisms turn fastest, so that a cut bench has all of them on what is done."""
    opened = organisms(options.only, untied=options.out / "untied" if options.untied else None)
    models = {name: ready(organism, options.out) for name, organism in opened.items()}
    return [
        Case(organism, regime, arm, seed, models[name])
        for seed in range(options.seeds)
        for regime in options.regimes
        for arm in options.arms
        if regime in ONLY.get(arm, (regime,))
        for name, organism in opened.items()
    ]


def done(case: Case, out: Path) -> bool:
    """Whether its line is there."""
    path = case.path(out)
    return path.is_file() and json.loads(path.read_text())["key"] == case.key()


def run(options: argparse.Namespace) -> None:
    """What is not there yet."""
    (options.out / "work").mkdir(parents=True, exist_ok=True)
    wanted = [case for case in cases(options) if not done(case, options.out)]
    for number, case in enumerate(wanted, 1):
        begun = time.process_time()
        told = one(case, options.out / "work")
        told["all_cpu_s"] = round(time.process_time() - begun, 2)
        write_atomic(case.path(options.out), to_jsonl([told]))
        what = told.get("refused") or f"{told['rates'][case.plan.contexts[-1]]['harm']} harm"
        print(f"{number}/{len(wanted)} {case.regime} · {case.arm} · {case.name}-{case.seed}: {what}", flush=True)


def main() -> None:
    """Read the words, do the step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("run", "list"))
    parser.add_argument("--out", type=Path, default=Path("build/tune-organisms"))
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--untied", action="store_true", help="organisms built here with an output layer of their own")
    parser.add_argument("--regimes", nargs="*", choices=list(REGIMES), default=list(REGIMES))
    parser.add_argument("--arms", nargs="*", choices=list(ARMS), default=list(ARMS))
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    if options.step == "list":
        print("\n".join(f"{arm}: {' '.join(word for words in own for word in words)}" for arm, own in ARMS.items()))
        return
    run(options)


if __name__ == "__main__":
    main()
