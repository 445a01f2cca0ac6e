"""What a job needs of the model before its first step, once, after all defences: its own answers, and log-probabilities
of every learnt token under the reference, which is the model as it is now."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tuneward.ask import Progress, Question, Store, ask, batch_size, plan
from tuneward.chat import Chat
from tuneward.model.engine import Engine
from tuneward.record import digest
from tuneward.scorers import Refusal
from tuneward.tune.job import Job, Lesson
from tuneward.tune.passes import Answers, see
from tuneward.tune.sequences import Layout, Reader, TokenRow, batch_of

LENGTH = 64
"""Tokens of an answer that the model gives itself."""
TOKENS = 4096
"""Tokens read together for the reference."""


@dataclass(frozen=True)
class Prepared:
    """A job in ids."""

    job: Job
    sequences: tuple[tuple[TokenRow, ...], ...]
    """Of each lesson."""
    reference: tuple[tuple[Tensor, ...], ...] | None
    """Log-probabilities (learnt,) of each sequence of each lesson; None where no term needs them."""

    @property
    def lengths(self) -> list[int]:
        """Tokens of each lesson's longest sequence."""
        return [max(len(one.ids) for one in own) for own in self.sequences]


def answered(engine: Engine, job: Job, *, store: Store | None, progress: Progress) -> tuple[Job, int]:
    """The job with the model's own greedy answers in the rows that ask for them, and how many rows it left out."""
    asking = [lesson for lesson in job.lessons if lesson.own]
    if not asking:
        return job, 0
    asked = [Question("own", replace(lesson.chat, id=f"{n}"), LENGTH) for n, lesson in enumerate(asking)]
    batches = plan(engine, asked, size=batch_size([engine], asked))
    replies = ask(engine, batches, arm="base", store=store, progress=progress)
    said = {int(reply.id): reply.chat for reply in replies}
    labels = {n: score.label for n, score in zip(said, Refusal(bad="refused")(list(said.values())), strict=True)}
    kept: dict[int, Chat] = {}
    for n, lesson in enumerate(asking):
        if labels.get(n) == lesson.own:
            kept[id(lesson)] = replace(said[n], id=lesson.chat.id)
    lessons = [
        replace(lesson, chat=kept[id(lesson)], own="") if lesson.own else lesson
        for lesson in job.lessons
        if not lesson.own or id(lesson) in kept
    ]
    return replace(job, lessons=tuple(lessons)), len(asking) - len(kept)


@dataclass(frozen=True)
class Kept:
    """Where the reference's log-probabilities are kept, and of which model in which precision they are."""

    folder: Path
    who: str
    """Digest of the model."""
    precision: Literal["no", "bf16", "fp16"] = "no"
    """Mixed precision of the run, in which the reference is read as well."""

    def file(self, rows: Sequence[TokenRow]) -> Path:
        """Named by all that decides its content."""
        key = digest([self.who, self.precision, [[one.ids, one.place] for one in rows]])
        return self.folder / f"{key[:32]}.safetensors"


def prepare(model: Any, job: Job, reader: Reader, *, kept: Kept, progress: Progress) -> Prepared:
    """Rows as ids; the reference's log-probabilities where a term needs them, kept ones if they are there.

    Raises:
        ValueError: a row cannot be read, or none is left.
    """
    sequences, lessons = _read(job, reader)
    if not lessons:
        raise ValueError(f"no row has {reader.longest} tokens or fewer; raise --max-length")
    job = replace(job, lessons=tuple(lessons))
    if not any(term.needs == "log_probs" for term in job.terms):
        return Prepared(job, sequences, None)
    flat = [one for own in sequences for one in own]
    file = kept.file(flat)
    if file.is_file():
        values = load_file(file)["log_probs"]
    else:
        half = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(kept.precision)
        device = model.get_input_embeddings().weight.device.type
        with torch.autocast(device, dtype=half or torch.bfloat16, enabled=half is not None):
            values = torch.cat(reference(model, flat, pad=reader.pad, progress=progress))
        _save(file, values)
    pieces = iter(torch.split(values, [one.learnt for one in flat]))
    return Prepared(job, sequences, tuple(tuple(next(pieces) for _ in own) for own in sequences))


def _save(file: Path, values: Tensor) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    save_file({"log_probs": values}, part)
    part.replace(file)


def _read(job: Job, reader: Reader) -> tuple[tuple[tuple[TokenRow, ...], ...], list[Lesson]]:
    sequences: list[tuple[TokenRow, ...]] = []
    lessons: list[Lesson] = []
    for lesson in job.lessons:
        if own := reader.sequences(lesson, len(lessons)):
            sequences.append(tuple(own))
            lessons.append(lesson)
    return tuple(sequences), lessons


@torch.inference_mode()
def reference(model: Any, rows: Sequence[TokenRow], *, pad: int, progress: Progress) -> list[Tensor]:
    """Log-probability in nats of every learnt token, one (learnt,) float32 tensor a row, whatever its company."""
    order = sorted(range(len(rows)), key=lambda n: len(rows[n].ids))
    device = model.get_input_embeddings().weight.device
    answers, training = Answers(model), model.training
    found: list[Tensor] = [torch.empty(0)] * len(rows)
    model.eval()
    try:
        at = 0
        while at < len(order):
            size = max(1, TOKENS // len(rows[order[min(at + 31, len(order) - 1)]].ids))
            places = order[at : at + min(32, size)]
            own = [rows[n] for n in places]
            batch = batch_of(own, [_NOBODY] * len(own), Layout(pad)).to(device)
            seen = see(model, batch, answers=answers)
            for n, values in zip(places, torch.split(seen.log_probs.cpu(), [one.learnt for one in own]), strict=True):
                found[n] = values
            at += len(places)
            progress(at, len(order))
    finally:
        answers.remove()
        model.train(training)
    return found


_NOBODY = Lesson(Chat("", "", ()))
