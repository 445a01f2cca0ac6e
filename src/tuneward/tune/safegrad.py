"""SafeGrad: a task gradient that goes against safety loses that part of it (arXiv:2508.07172).

A baseline. Differs from the paper: the safety gradient is that of a few rows of the pool at a time, which take turns,
and it is handled once a step, after all micro-batches and devices have added theirs to the task gradient.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from tuneward.tune import sharded
from tuneward.tune.job import Job, Lesson, Step
from tuneward.tune.passes import Seen
from tuneward.tune.safety_rows import safety_lessons, still

PART = "safegrad"
FEWEST = 20


@dataclass(frozen=True)
class SafeGrad:
    """Take out of task gradients what conflicts with staying safe; a baseline.

    Staying safe is the divergence KL(reference ‖ model) over the tokens of refusals, whose gradient is added as well.
    About two passes more a step.
    """

    strength: float = 1.0
    """Factor of the safety gradient that is added; 0 is no defence, and no projection either."""
    rows: int = 20
    """Safety rows, 20 or more."""
    batch: int = 4
    """Of them that one step reads, in turn."""
    source: str = "ours"
    """Where they come from: ours, or a file of rows that end with their refusal."""
    language: Literal["en", "zh"] = "en"
    """Of ours."""

    def __post_init__(self) -> None:
        if not 0 <= self.strength < math.inf:
            raise ValueError(f"strength is {self.strength}; expected 0 or more")
        if self.rows < FEWEST or not 1 <= self.batch <= self.rows:
            raise ValueError(f"rows {self.rows}, batch {self.batch}; expected {FEWEST} or more, and 1 to that many")

    def __call__(self, job: Job) -> Job:
        """Its work on the gradients; its rows are none of the job's."""
        if self.strength == 0:
            return job
        lessons = safety_lessons(
            self.source, count=self.rows, language=self.language, seed=job.settings.seed, part=PART
        )
        work = Surgery(lessons, self.strength, self.batch)
        return replace(job, needs="model", before_step=(*job.before_step, work)).named("safegrad")


@dataclass(frozen=True)
class Surgery:
    """What happens to the gradients of a step."""

    lessons: tuple[Lesson, ...]
    strength: float
    batch: int

    def __call__(self, step: Step) -> None:
        """g ← g less its part against a, plus strength · a. Both bear the same loss scale, which falls out."""
        sharded.refuse(step, "safegrad", gradients=True)
        task = {name: weight.grad for name, weight in step.trained.items()}
        for weight in step.trained.values():
            weight.grad = None
        with still(step.model):
            loss = divergence(step.read(self.turn(step.number)))
            step.backward(loss)
        against = combined(step.trained, task, strength=self.strength)
        step.log("safegrad", float(loss.detach()))
        step.log("safegrad/conflict", float(against))

    def turn(self, number: int) -> Sequence[Lesson]:
        """The rows of a step."""
        return [self.lessons[(number * self.batch + n) % len(self.lessons)] for n in range(self.batch)]


def divergence(seen: Seen) -> Tensor:
    """KL(reference ‖ model) in nats, mean over the learnt tokens."""
    every = torch.ones(len(seen.log_probs), dtype=torch.bool, device=seen.logits.device)
    reference = torch.log_softmax(seen.reference_logits(every).float(), dim=-1)
    own = torch.log_softmax(seen.logits, dim=-1)
    return (reference.exp() * (reference - own)).sum(-1).mean()


@torch.no_grad()
def combined(trained: Mapping[str, Any], task: Mapping[str, Tensor | None], *, strength: float) -> bool:
    """Gradients, which are those of safety, become the projected task's plus strength times themselves.

    Gives whether the two were in conflict. Inner products are over all weights together, in float64.
    """
    dots, squares = list[Tensor](), list[Tensor]()
    for name, weight in trained.items():
        if weight.grad is None:
            continue
        squares.append(weight.grad.double().square().sum())
        if (own := task[name]) is not None:
            dots.append((own.double() * weight.grad.double()).sum())
    dot, square = sum(map(float, dots)), sum(map(float, squares))
    conflict = dot < 0 and square > 0
    factor = strength - (dot / square if conflict else 0.0)
    for name, weight in trained.items():
        own, safe = task[name], weight.grad
        if safe is None:
            weight.grad = own
        else:
            safe.mul_(factor)
            weight.grad = safe if own is None else own.add_(safe)
    return conflict
