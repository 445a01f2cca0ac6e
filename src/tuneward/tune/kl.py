"""The first tokens of answers kept like the reference's (house method, after the KL baseline of arXiv:2508.06249).

Differs from the paper: there all tokens of the task's answers are held, which also keeps them from being learnt; here
only the first few, or those of safety rows.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from tuneward.tune.job import TASK, Job, Lesson, Need, Step
from tuneward.tune.passes import Seen
from tuneward.tune.safety_rows import OURS, opening, safety_lessons, still
from tuneward.tune.sequences import Batch

KNOWN = "kl/reference"
"""Log-probabilities (tokens, vocabulary) of the reference at the anchors."""


@dataclass(frozen=True)
class FirstTokensKL:
    """Keep the first tokens of answers like the reference's.

    Adds strength · KL(reference ‖ model), mean over those tokens. On task rows the reference reads every micro-batch
    too (a third more time); on anchors it reads once, and the model some short rows more a step.
    """

    strength: float = 0.1
    """Factor beside the loss of the rows; 0 switches it off."""
    first: int = 5
    """Learnt tokens of every answer that are held."""
    rows: Literal["task", "anchors", "both"] = "task"
    """Whose answers: the task's, those of safety rows, or both."""
    anchors: int = 8
    """Safety rows read at every step."""
    source: str = OURS
    """Where these come from: "ours", or a file of rows that end with their refusals."""

    def __post_init__(self) -> None:
        if not 0 <= self.strength < math.inf:
            raise ValueError(f"strength is {self.strength}; expected 0 or more")
        for name in ("first", "anchors"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; expected 1 or more")
        if self.rows not in ("task", "anchors", "both"):
            raise ValueError(f"rows is {self.rows}; expected task, anchors or both")

    def __call__(self, job: Job, /) -> Job:
        """The job with the term, the work before each step, or both.

        Raises:
            ValueError: too few safety rows.
        """
        if not self.strength:
            return job
        if self.rows != "anchors":
            job = job.with_term(TaskKL(first=self.first, strength=self.strength))
        if self.rows != "task":
            lessons = safety_lessons(self.source, count=self.anchors, seed=job.settings.seed, part="kl")
            work = AnchorKL(self, tuple(opening(lesson, words=self.first) for lesson in lessons))
            job = replace(job, before_step=(*job.before_step, work), needs="model")
        return job.named("kl")


@dataclass(frozen=True)
class TaskKL:
    """KL(reference ‖ model) in nats at the first learnt tokens of every turn of task rows, times the row's weight."""

    first: int
    name: str = "kl"
    strength: float = 0.1
    needs: Need = "model"

    def count(self, batch: Batch, /) -> int:
        """These tokens."""
        return sum(
            sum(0 < place <= self.first for place in sequence.place)
            for sequence, lesson in zip(batch.sequences, batch.lessons, strict=True)
            if _held(lesson) and not sequence.rejected
        )

    def __call__(self, seen: Seen, /) -> Tensor:
        """Their sum."""
        pairs = zip(seen.batch.sequences, seen.batch.lessons, strict=True)
        held = [_held(lesson) and not sequence.rejected for sequence, lesson in pairs]
        mask = torch.tensor(held, device=seen.row.device)[seen.row] & (seen.place <= self.first)
        known = seen.reference_logits(mask).log_softmax(-1)
        return (divergence(known, seen.logits[mask].log_softmax(-1)) * seen.weight()[mask]).sum()


@dataclass(frozen=True)
class AnchorKL:
    """The same, mean over the first tokens of safety rows, once a step."""

    settings: FirstTokensKL
    lessons: tuple[Lesson, ...]

    def __call__(self, step: Step, /) -> None:
        """Adds its gradients."""
        with still(step.model):
            seen = step.read(self.lessons)
        mask = seen.place <= self.settings.first
        if KNOWN not in step.memory:
            step.memory[KNOWN] = seen.reference_logits(mask).log_softmax(-1)
        known = step.memory[KNOWN].to(seen.logits.device)
        loss = self.settings.strength * divergence(known, seen.logits[mask].log_softmax(-1)).mean()
        step.log("kl/anchors", float(loss.detach()))
        step.backward(loss)


def divergence(known: Tensor, own: Tensor) -> Tensor:
    """KL in nats of each pair of rows of log-probabilities: (n, vocabulary) twice → (n,)."""
    return (known.exp() * (known - own)).sum(-1)


def _held(lesson: Lesson) -> bool:
    return lesson.part == TASK
