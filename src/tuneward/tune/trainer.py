"""The one subclass of `transformers.Trainer`: it sums the terms, and lets defences work before and after an update."""

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from transformers import Trainer, TrainerCallback, TrainingArguments

from tuneward.record import read_json, to_json, write_atomic
from tuneward.tune.job import Job, Lesson, Stage, Step
from tuneward.tune.models import inner
from tuneward.tune.order import split
from tuneward.tune.passes import Answers, Seen, alike, see
from tuneward.tune.prepare import Prepared
from tuneward.tune.sequences import Batch, Layout, Reader, TokenRow, batch_of

WHOLE, MEMORY = "whole.json", "memory.safetensors"
"""Written last into a checkpoint, so that a half one is told from a whole one; what defences remember."""
Start = Callable[[], Any]


class Lessons(Dataset[int]):
    """Numbers of lessons; the collator knows the rest."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> int:
        return number


def collated(numbers: Sequence[int], *, prepared: Prepared, layout: Layout) -> dict[str, Batch]:
    """A micro-batch of lessons; where there is none for it, −n − 1 stands for row n, of which nothing is learnt."""
    rows, lessons, known = list[TokenRow](), list[Lesson](), list[Tensor]()
    for n in numbers:
        if n < 0:
            row = prepared.sequences[-n - 1][0]
            rows.append(replace(row, place=(0,) * len(row.ids)))
            lessons.append(replace(prepared.job.lessons[-n - 1], loss="", weight=0.0))
            known.append(torch.empty(0))
            continue
        rows += prepared.sequences[n]
        lessons += [prepared.job.lessons[n]] * len(prepared.sequences[n])
        known += prepared.reference[n] if prepared.reference is not None else ()
    reference = None if prepared.reference is None else known
    batch = batch_of(rows, lessons, layout, reference=reference)
    return {"batch": batch}


@dataclass
class Noted:
    """Figures since the last line of the log."""

    summed: dict[str, float]
    """Parts of the loss of this device's micro-batches."""
    told: dict[str, float]
    """What work noted, alike on every device."""
    steps: int = 0


@dataclass(frozen=True)
class Whole:
    """What a checkpoint's last file holds: what the line of the log that is being gathered knows so far."""

    step: int
    noted: Noted


class Learner(Trainer):  # type: ignore[misc]
    """Learns a prepared job for the steps of one stage."""

    def __init__(
        self, model: Any, arguments: TrainingArguments, *, prepared: Prepared, steps: Sequence[Sequence[int]], at: "At"
    ) -> None:
        self.prepared, self.steps, self.at = prepared, steps, at
        self.totals: dict[str, float] = {}
        self.noted = Noted({}, {})
        self.rate = 0.0
        super().__init__(model=model, args=arguments, train_dataset=Lessons(len(prepared.sequences)))
        self.loss_is_scaled_for_ga = True
        self.answers = Answers(inner(model))
        self.trained = trained_of(model)
        self.add_callback(Between(self))

    @property
    def job(self) -> Job:
        """What is learnt."""
        return self.prepared.job

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Micro-batches of all steps, in order; each step's are as many as there are devices times accumulations."""
        ways = self.args.gradient_accumulation_steps * self.accelerator.num_processes
        lengths = self.prepared.lengths
        batches = [part or [-step[0] - 1] for step in self.steps for part in split(step, lengths, ways=ways)]
        collate = partial(collated, prepared=self.prepared, layout=self.at.layout)
        loader = DataLoader(self.train_dataset, batch_sampler=batches, collate_fn=collate)
        return self.accelerator.prepare(loader)  # type: ignore[no-any-return]

    def get_batch_samples(self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device) -> Any:
        """Also counts, over all micro-batches and devices, what each term divides by."""
        batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        counts = [float(sum(term.count(one["batch"]) for one in batches)) for term in self.job.terms]
        told = self.accelerator.reduce(torch.tensor(counts, dtype=torch.float64, device=device), "sum")
        self.totals = {term.name: float(count) for term, count in zip(self.job.terms, told, strict=True)}
        return batches, None

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """strength · value / count, summed over terms; as many times as there are devices, which average gradients."""
        seen = self.seen(model, inputs["batch"])
        loss = torch.zeros((), device=seen.logits.device)
        for term in self.job.terms:
            value = term.strength * term(seen) / max(1.0, self.totals[term.name])
            self.noted.summed[term.name] = self.noted.summed.get(term.name, 0.0) + float(value.detach())
            loss = loss + value
        if not loss.requires_grad:  # devices that have no row go back through the model with the others
            loss = loss + 0.0 * seen.logits.sum()
        if not math.isfinite(float(loss.detach())):
            raise ValueError(
                f"step {self.at.first + self.state.global_step + 1}: the loss is {float(loss.detach())}; lower --rate"
                f"{'' if self.args.fp16 or self.args.bf16 else ', or look for odd rows'}; checkpoints are kept"
            )
        return loss * self.accelerator.num_processes

    def seen(self, model: Any, batch: Batch, *, start: int = 0) -> Seen:
        """A pass over a micro-batch; `start` as in `passes.forward`."""
        moved = batch.to(self.args.device)
        with self.compute_loss_context_manager():
            return see(model, moved, answers=self.answers, reference=self.at.reference, start=start)

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> Tensor:
        """After the last micro-batch of a step the defences see the gradients."""
        loss: Tensor = super().training_step(model, inputs, num_items_in_batch)
        if self.accelerator.sync_gradients and self.job.before_step:
            step = self.step()
            for work in self.job.before_step:
                work(step)
        return loss

    def step(self, *, done: bool = False) -> Step:
        """Where the run is; once it is done the trainer has counted it and gone on to the next one's rate."""
        return Step(
            number=self.at.first + self.state.global_step - done,
            steps=self.at.steps,
            model=self.model,
            trained=self.trained,
            memory=self.at.memory,
            rate=self.rate,
            backward=self.accelerator.backward,
            read=self.read,
            reference=self.at.reference,
            log=self.note,
        )

    def read(self, lessons: Sequence[Lesson]) -> Seen:
        """A pass over lessons that are none of the job's rows, alike on every device."""
        pairs = [(row, lesson) for lesson in lessons for row in self.at.reader.sequences(lesson, -1)]
        batch = batch_of([row for row, _ in pairs], [lesson for _, lesson in pairs], self.at.layout)
        own = inner(self.model)
        word = "activation" if hasattr(type(own), "is_activation_checkpointing") else "gradient"
        keeps = not getattr(own, f"is_{word}_checkpointing") and not getattr(own, "_is_stateful", False)
        return self.seen(self.model, batch, start=alike(batch) if keeps else 0)

    def floating_point_ops(self, inputs: Any) -> int:
        """Not estimated."""
        return 0

    def note(self, name: str, value: float) -> None:
        """Add to a figure that the next line of the log holds; alike on every device."""
        self.noted.told[name] = self.noted.told.get(name, 0.0) + value

    def whole(self) -> Noted:
        """What is noted, over all devices."""
        values = torch.tensor(list(self.noted.summed.values()), dtype=torch.float64, device=self.args.device)
        summed = self.accelerator.reduce(values, "sum").tolist()
        return replace(self.noted, summed=dict(zip(self.noted.summed, summed, strict=True)))

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """The loss and its parts, as means over steps; a run that was killed and went on says the same."""
        if "loss" in logs:
            noted, steps = self.whole(), max(1, self.noted.steps)
            logs["loss"] = sum(noted.summed.values()) / steps
            parts = {**(noted.summed if len(noted.summed) > 1 or noted.told else {}), **noted.told}
            logs |= {f"loss/{name}": round(value / steps, 6) for name, value in sorted(parts.items())}
            self.noted = Noted({}, {})
        super().log(logs, start_time)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        """What stands still in this stage stays so; loading an adapter makes all of it learn."""
        learn = {name: weight.requires_grad for name, weight in self.model.named_parameters()}
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        for name, weight in self.model.named_parameters():
            weight.requires_grad_(learn[name])
        self.trained = trained_of(self.model)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """No checkpoint of weights that are no numbers, and one line where the disk is full."""
        finite(self.trained)
        with written(Path(self.args.output_dir)):
            super()._save_checkpoint(model, trial)


@dataclass
class At:
    """Where a stage stands in the run, and what lasts over its steps."""

    layout: Layout
    reader: Reader
    reference: Start
    memory: dict[str, Tensor]
    first: int
    """Steps done by stages before it."""
    steps: int
    """Of all stages."""
    folder: Path
    """Of its checkpoints."""
    watchers: tuple[TrainerCallback, ...] = ()
    """What is told of every step, beside the defences."""


class Between(TrainerCallback):  # type: ignore[misc]
    """Work after an update, and what defences remember at every checkpoint."""

    def __init__(self, learner: Learner) -> None:
        self.learner = learner

    def on_train_begin(self, args: Any, state: Any, control: Any, **_library: Any) -> None:
        """A resumed run remembers what it knew at the checkpoint."""
        if state.global_step:
            folder, learner = Path(args.output_dir) / f"checkpoint-{state.global_step}", self.learner
            kept = load_file(folder / MEMORY, device=str(args.device)) if (folder / MEMORY).is_file() else {}
            learner.at.memory.clear()
            learner.at.memory.update(kept)
            noted = read_json(folder / WHOLE, Whole).noted
            learner.noted = (
                noted if state.is_world_process_zero else replace(noted, summed=dict.fromkeys(noted.summed, 0.0))
            )

    def on_step_begin(self, args: Any, state: Any, control: Any, **_library: Any) -> None:
        """The rate of the step, which is another one after it."""
        self.learner.rate = self.learner._get_learning_rate()

    def on_step_end(self, args: Any, state: Any, control: Any, **_library: Any) -> None:
        """After the update. The last step has a line of the log."""
        self.learner.noted.steps += 1
        control.should_log = control.should_log or state.global_step >= state.max_steps
        if self.learner.job.after_step:
            step = self.learner.step(done=True)
            for work in self.learner.job.after_step:
                work(step)

    def on_save(self, args: Any, state: Any, control: Any, **_library: Any) -> None:
        """The checkpoint is whole now, on every device."""
        noted, memory = self.learner.whole(), self.learner.at.memory
        self.learner.accelerator.wait_for_everyone()
        if state.is_world_process_zero:
            folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
            with written(folder):
                if memory:
                    save_file({name: one.contiguous() for name, one in memory.items()}, folder / MEMORY)
                write_atomic(folder / WHOLE, to_json(Whole(state.global_step, noted)))


def finite(trained: Mapping[str, Tensor]) -> None:
    """Refuse weights that are no numbers.

    Raises:
        ValueError: it names the first of them.
    """
    for name, weight in trained.items():
        if not bool(torch.isfinite(weight.detach()).all()):
            raise ValueError(
                f"{name}: not finite after the update; lower --rate, or look for odd rows; nothing is saved"
            )


@contextlib.contextmanager
def written(folder: Path) -> Iterator[None]:
    """Libraries that write say in many ways that they could not.

    Raises:
        OSError: where, and what they said.
    """
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:200]
        raise OSError(
            f"{folder}: could not be written ({reason}); is the disk full? What was saved before stays"
        ) from error


def last_whole(folder: Path) -> Path | None:
    """The latest checkpoint that was written to its end."""
    found = [path.parent for path in folder.glob(f"checkpoint-*/{WHOLE}")]
    return max(found, key=lambda path: int(path.name.split("-")[1]), default=None)


def trained_of(model: Any) -> dict[str, Any]:
    """Weights that learn, by name."""
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


@contextlib.contextmanager
def only(trained: Mapping[str, Any], stage: Stage) -> Iterator[None]:
    """Weights outside a stage stand still."""
    if stage.trains is None:
        yield
        return
    still = [weight for name, weight in trained.items() if not stage.trains(name)]
    if len(still) == len(trained):
        raise ValueError(f"stage {stage.name}: no weight that is trained belongs to it")
    for weight in still:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in still:
            weight.requires_grad_(True)
