"""The steps of a run: a trainer for every stage, checkpoints to go on from, and a line of curves now and then."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import msgspec
import torch
from torch import Tensor
from transformers import PrinterCallback, TrainerCallback, TrainingArguments

from tuneward.ask import Progress
from tuneward.record import to_jsonl, write_atomic
from tuneward.tune.job import Job, Need, Stage
from tuneward.tune.models import Learnable, reference_of
from tuneward.tune.monitor import Monitor, Place
from tuneward.tune.options import TuneOptions
from tuneward.tune.prepare import Prepared
from tuneward.tune.readings import Stopped
from tuneward.tune.sequences import Layout, Reader
from tuneward.tune.trainer import At, Learner, last_whole, only, trained_of

CURVES = "curves.jsonl"
KEPT = 2
"""Checkpoints of a stage that are kept."""


@dataclass(frozen=True)
class Bench:
    """What a run trains on."""

    learner: Learnable
    reader: Reader
    options: TuneOptions
    work: Path
    monitor: Monitor | None = None


class Watcher(TrainerCallback):  # type: ignore[misc]
    """Tells how far the run is and writes curves; a resumed run forgets the lines after its checkpoint."""

    def __init__(self, curves: Path, *, first: int, steps: int, progress: Progress) -> None:
        self.curves, self.first, self.steps, self.progress = curves, first, steps, progress
        self.lines: list[dict[str, Any]] = []

    def on_train_begin(self, args: Any, state: Any, control: Any, **_library: Any) -> None:
        """Lines of finished stages, and of this one up to its checkpoint."""
        if self.curves.is_file():
            lines = [msgspec.json.decode(line) for line in self.curves.read_bytes().splitlines()]
            self.lines = [line for line in lines if line["step"] <= self.first + state.global_step]

    def on_step_end(self, args: Any, state: Any, control: Any, **_library: Any) -> None:
        """One more."""
        self.progress(self.first + state.global_step, self.steps)

    def on_log(self, args: Any, state: Any, control: Any, **library: Any) -> None:
        """A line."""
        logs = library.get("logs") or {}
        if state.is_world_process_zero and "loss" in logs:
            told = {name: value for name, value in logs.items() if name != "epoch"}
            self.lines.append({"step": self.first + state.global_step, **told})
            write_atomic(self.curves, to_jsonl(self.lines))

    @property
    def loss(self) -> float | None:
        """The last one logged."""
        return float(self.lines[-1]["loss"]) if self.lines else None


@dataclass(frozen=True)
class Trained:
    """What is there after the last step, beside the model."""

    loss: float | None
    """The last one logged, mean over the steps since the one before."""
    memory: dict[str, Tensor]
    """What defences remember."""
    stopped: Stopped | None = None
    """Why the monitor ended the run, if it did."""


def train(prepared: Prepared, steps: Sequence[Sequence[int]], *, bench: Bench, progress: Progress) -> Trained:
    """All stages, one after another.

    Raises:
        ValueError: the model, or the number of steps, is none for the job.
    """
    job, memory = prepared.job, dict[str, Tensor]()
    model = bench.learner.model
    for check in job.checks:
        check(model)
    stages = [stage.of(model) for stage in job.stages]
    for stage in stages:
        with only(trained_of(model), stage):  # what a later stage lacks is said before the first one starts
            pass
    needs: Need = "model" if "model" in (job.needs, *(term.needs for term in job.terms)) else ""
    reference = reference_of(bench.learner, needs)
    layout = Layout(bench.reader.pad, bench.options.side, bench.options.packing)
    first, loss, monitor = 0, None, bench.monitor
    if monitor is not None:
        monitor.trains = frozenset(trained_of(model))
    for number, (stage, own) in enumerate(zip(stages, shares(stages, steps), strict=True)):
        watcher = Watcher(bench.work / CURVES, first=first, steps=len(steps), progress=progress)
        folder = bench.work / f"stage-{number + 1}"
        at = At(layout, bench.reader, reference, memory, first, len(steps), folder, (watcher,))
        if monitor is not None:
            monitor.place = Place(first, len(steps), memory)
        _stage(prepared, own, stage, at=at, bench=bench)
        first, loss = first + len(own), watcher.loss
        if monitor is not None and monitor.stopped is not None:
            break
    return Trained(loss, memory, monitor.stopped if monitor is not None else None)


def shares(stages: Sequence[Stage], steps: Sequence[Sequence[int]]) -> list[list[Sequence[int]]]:
    """The steps of each stage.

    Raises:
        ValueError: a stage would have no step.
    """
    whole, cuts, done = sum(stage.share for stage in stages), [0], 0.0
    for stage in stages:
        done += stage.share
        cuts.append(round(len(steps) * done / whole))
    found = [list(steps[a:b]) for a, b in pairwise(cuts)]
    if not all(found):
        raise ValueError(
            f"{len(steps)} steps are too few for {len(stages)} stages; take more epochs or a smaller batch"
        )
    return found


def _stage(prepared: Prepared, steps: Sequence[Sequence[int]], stage: Stage, *, at: At, bench: Bench) -> None:
    model = bench.learner.model
    with only(trained_of(model), stage):
        arguments = arguments_of(bench.options, prepared.job, steps=len(steps), folder=at.folder, stage=stage)
        learner = Learner(model, arguments, prepared=prepared, steps=steps, at=at)
        learner.remove_callback(PrinterCallback)
        for watcher in at.watchers:
            learner.add_callback(watcher)
        if bench.monitor is not None:
            bench.monitor.attach(learner)
        try:
            whole = last_whole(at.folder)
            learner.train(resume_from_checkpoint=str(whole) if whole else None)
        finally:
            learner.answers.remove()


def arguments_of(options: TuneOptions, job: Job, *, steps: int, folder: Path, stage: Stage) -> TrainingArguments:
    """Our settings as the library's."""
    settings = job.settings
    precision = precision_of(options)
    if precision == "fp16" and job.before_step:
        raise ValueError("fp16: gradients are scaled while defences work on them; take --precision bf16 or no")
    word = "activation" if "activation_checkpointing" in TrainingArguments.__dataclass_fields__ else "gradient"
    again = {f"{word}_checkpointing": True, f"{word}_checkpointing_kwargs": {"use_reentrant": False}}
    arguments = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=max(1, settings.batch // options.accumulate),
        gradient_accumulation_steps=options.accumulate,
        max_steps=steps,
        learning_rate=settings.rate,
        lr_scheduler_type="constant_with_warmup" if stage.warm else "cosine",
        warmup_steps=steps if stage.warm else math.ceil(settings.warmup * steps),
        weight_decay=0.0,
        adam_beta1=settings.beta1,
        max_grad_norm=settings.clip,
        logging_steps=options.log_every,
        logging_nan_inf_filter=False,
        save_steps=options.save_every,
        save_total_limit=KEPT,
        seed=settings.seed,
        use_cpu=options.device == "cpu",
        bf16=precision == "bf16",
        fp16=precision == "fp16",
        report_to=list(options.report_to) or "none",
        remove_unused_columns=False,
        disable_tqdm=True,
        dataloader_pin_memory=False,
        ddp_find_unused_parameters=False,
        **(again if options.checkpointing else {}),
    )
    if arguments.n_gpu > 1:  # several are for `accelerate launch`; left alone, the library would split batches itself
        arguments._n_gpu = 1
    return arguments


def precision_of(options: TuneOptions) -> Literal["no", "bf16", "fp16"]:
    """Mixed precision of the passes."""
    if options.precision != "auto":
        return options.precision
    fast = options.device != "cpu" and torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    return "bf16" if fast else "no"
