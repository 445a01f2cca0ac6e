"""The loss of safety rows held below a limit while something else is learnt (SPAG, arXiv:2605.28030).

`project` is the paper's step: after the update, where the loss ℓ of the safety rows is above the limit τ,
θ ← θ − min((ℓ − τ) / ‖g‖², η) g with g the gradient of ℓ over all weights that learn; on a linear ℓ it ends at τ.
`gate` adds the gradient of max(0, ℓ − τ) to the step's, which is closer to what the authors' code does.

Differs from the paper: the authors' code scales each tensor by itself, without the square, and lets the optimiser,
which undoes scales, take the step; here it is one step for all weights, taken outside the optimiser. The limit follows
the model (its own loss before the first step, and a tenth) instead of being .2. The same few rows are read every time.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from tuneward.tune.job import Job, Lesson, Step, Work
from tuneward.tune.safety_rows import OURS, safety_lessons, still

LIMIT = "hinge/threshold"
"""The limit τ, a scalar."""
MARGIN = 0.1
"""What the loss of safety rows may rise, in nats a token, unless a limit is given."""


@dataclass(frozen=True)
class Hinge:
    """Hold the loss of some safety rows below a limit.

    The model reads them at each step, or each few; below the limit nothing is changed, so the weights are those of a
    run without it, bit for bit.
    """

    mode: Literal["gate", "project"] = "gate"
    """gate: what is above the limit is a loss beside that of the rows; project: a step back after the update."""
    threshold: float | None = None
    """The limit in nats a token; the model's own loss before the first step and .1 unless given."""
    strength: float = 1.0
    """gate: factor of the loss; project: share of the way back to the limit; 0 switches it off."""
    rows: int = 8
    """Safety rows."""
    every: int = 1
    """Steps from one reading to the next; with gate it then counts that many times."""
    largest: float = 1.0
    """Longest step back, as a factor on the gradient."""
    source: str = OURS
    """Where the rows come from: "ours", or a file of rows that end with their refusals."""

    def __post_init__(self) -> None:
        if self.mode not in ("gate", "project"):
            raise ValueError(f"mode is {self.mode}; expected gate or project")
        if not 0 <= self.strength < math.inf:
            raise ValueError(f"strength is {self.strength}; expected 0 or more")
        if self.mode == "project" and self.strength > 1:
            raise ValueError(f"strength is {self.strength}; expected 0 to 1 with mode project")
        if self.threshold is not None and not 0 <= self.threshold < math.inf:
            raise ValueError(f"threshold is {self.threshold}; expected 0 or more")
        if not 0 < self.largest < math.inf:
            raise ValueError(f"largest is {self.largest}; expected more than 0")
        for name in ("rows", "every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; expected 1 or more")

    def __call__(self, job: Job, /) -> Job:
        """The job with the work before or after each step.

        Raises:
            ValueError: too few safety rows.
        """
        if not self.strength:
            return job
        lessons = safety_lessons(self.source, count=self.rows, seed=job.settings.seed, part="hinge")
        if self.mode == "gate":
            return replace(job, before_step=(*job.before_step, Gate(self, lessons))).named("hinge")
        after: tuple[Work, ...] = (*job.after_step, Project(self, lessons))
        before: tuple[Work, ...] = job.before_step
        if self.threshold is None:
            before = (*before, Begin(lessons))
        return replace(job, before_step=before, after_step=after).named("hinge")


@dataclass(frozen=True)
class Gate:
    """strength · max(0, ℓ − τ) beside the loss."""

    settings: Hinge
    lessons: tuple[Lesson, ...]

    def __call__(self, step: Step, /) -> None:
        """Adds its gradients where it is above 0."""
        if step.number % self.settings.every:
            return
        loss = safety_loss(step, self.lessons)
        over = loss - _limit(step, self.settings.threshold, begin=loss)
        active = float(over.detach()) > 0
        step.log("hinge", float(over.detach()) * self.settings.strength if active else 0.0)
        if active:
            step.backward(self.settings.strength * self.settings.every * over)


@dataclass(frozen=True)
class Begin:
    """Notes the limit before the first update."""

    lessons: tuple[Lesson, ...]

    def __call__(self, step: Step, /) -> None:
        """Once."""
        if LIMIT not in step.memory:
            with torch.no_grad():
                _limit(step, None, begin=safety_loss(step, self.lessons))


@dataclass(frozen=True)
class Project:
    """The step back to the limit."""

    settings: Hinge
    lessons: tuple[Lesson, ...]

    def __call__(self, step: Step, /) -> None:
        """Takes it where the loss is above."""
        if step.number % self.settings.every:
            return
        loss = safety_loss(step, self.lessons)
        over = float((loss - _limit(step, self.settings.threshold, begin=loss)).detach())
        step.log("hinge", max(0.0, over))
        if over <= 0:
            return
        weights = [weight for weight in step.trained.values() if weight.requires_grad]
        gradients = torch.autograd.grad(loss, weights, allow_unused=True)
        square = sum(float(one.float().square().sum()) for one in gradients if one is not None)
        if not 0 < square < math.inf:
            raise ValueError(f"hinge: the gradient of the safety rows has the square {square}; lower the rate")
        factor = min(self.settings.strength * over / square, self.settings.largest)
        with torch.no_grad():
            for weight, gradient in zip(weights, gradients, strict=True):
                if gradient is not None:
                    weight.sub_(factor * gradient)


def safety_loss(step: Step, lessons: tuple[Lesson, ...]) -> Tensor:
    """Cross-entropy of the answers of safety rows, in nats a token."""
    with still(step.model):
        seen = step.read(lessons)
    return -(seen.log_probs * seen.weight()).sum() / seen.weight().sum()


def _limit(step: Step, given: float | None, *, begin: Tensor) -> Tensor:
    """τ; the loss where the run begins decides where none is given."""
    if given is not None:
        return begin.new_tensor(given)
    if LIMIT not in step.memory:
        step.memory[LIMIT] = begin.detach().clone() + MARGIN
    return step.memory[LIMIT].to(begin.device)
