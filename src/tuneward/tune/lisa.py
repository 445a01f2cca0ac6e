"""Lisa: steps on safety rows and steps on the task take turns, each near where the other ended (arXiv:2405.18641).

Differs from the paper: none in the method, which is a baseline here; there, the term that pulls is switched off for the
first tenth of the steps only in the code. Rows for the safety steps are refusals of this project's pool, or the user's.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch

from tuneward.tune import sharded
from tuneward.tune.job import Job, Settings, Step
from tuneward.tune.l2 import pulled, remembered
from tuneward.tune.order import Shuffled, steps_of
from tuneward.tune.safety_rows import safety_lessons

PART = "lisa"
QUIET = 0.1
"""Share of the steps before anything pulls."""


@dataclass(frozen=True)
class Turns:
    """Steps of safety rows only, then of all other rows only, and again; rows of like length together."""

    align: int
    task: int
    buckets: bool = True

    def __call__(self, lengths: Sequence[int], parts: Sequence[str], settings: Settings, /) -> Iterator[Sequence[int]]:
        """Steps without end; as `Order` says.

        Raises:
            ValueError: rows of one kind are missing, or the run is over before the first step on the task.
        """
        safety = [n for n, part in enumerate(parts) if part == PART]
        task = [n for n, part in enumerate(parts) if part != PART]
        if not safety or not task:
            raise ValueError(f"lisa: {len(safety)} safety rows and {len(task)} of the task are left; it needs both")
        steps = settings.steps or math.ceil(settings.epochs * len(lengths) / settings.batch)
        if steps <= self.align:
            raise ValueError(
                f"lisa: the run has about {steps} steps and the first {self.align} are of safety rows, so none would "
                "learn the task; lower --align and --task alike, or take more steps"
            )
        return self._steps(lengths, (safety, task), settings)

    def _steps(
        self, lengths: Sequence[int], kinds: tuple[list[int], list[int]], settings: Settings
    ) -> Iterator[Sequence[int]]:
        endless = [
            steps_of([lengths[n] for n in own], size=settings.batch, seed=settings.seed, buckets=self.buckets)
            for own in kinds
        ]
        while True:
            for own, steps, count in zip(kinds, endless, (self.align, self.task), strict=True):
                for _ in range(count):
                    yield [own[n] for n in next(steps)]


@dataclass(frozen=True)
class Lisa:
    """Let steps on safety rows take turns with steps on the task; a baseline.

    The run has as many steps as one over all rows, the added ones too, and task / (align + task) of them are of the
    task: a task row is seen that often times (1 + added rows / task rows) in each epoch. An adapter is pulled in its
    factors, as in the paper's code.
    """

    align: int = 100
    """Steps on safety rows at a time, the first of them first; 0 is none, and no pull either."""
    task: int = 900
    """Steps on all other rows at a time."""
    rho: float = 1.0
    """Strength of the pull to the weights with which the last turn of the other kind ended; 0 is none."""
    rows: int = 200
    """Safety rows."""
    source: str = "ours"
    """Where they come from: ours, or a file of rows that end with their refusal."""
    language: Literal["en", "zh"] = "en"
    """Of ours."""

    def __post_init__(self) -> None:
        if self.align < 0 or self.task < 1 or self.rows < 1:
            raise ValueError(
                f"align {self.align}, task {self.task}, rows {self.rows}; expected 0 or more, 1 or more, 1 or more"
            )
        if not 0 <= self.rho < math.inf:
            raise ValueError(f"rho is {self.rho}; expected 0 or more")

    def __call__(self, job: Job) -> Job:
        """Its rows, its order, and the pull."""
        if self.align == 0:
            return job
        if not isinstance(job.order, Shuffled):
            raise ValueError(f"lisa: has its own order of rows, and {type(job.order).__name__} is there already")
        lessons = safety_lessons(
            self.source, count=self.rows, language=self.language, seed=job.settings.seed, part=PART
        )
        order = Turns(self.align, self.task, job.order.buckets)
        before = (*job.before_step, self.pull) if self.rho else job.before_step
        return replace(job.adding(*lessons), order=order, before_step=before).named("lisa")

    def pull(self, step: Step) -> None:
        """rho / 2 · ‖θ − θ′‖², where θ′ ended the last turn; in the first one, the weights that training began with."""
        sharded.refuse(step, "lisa")
        turn = step.number % (self.align + self.task)
        switched = turn in (0, self.align)
        told = list[torch.Tensor]()
        for name, weight in step.trained.items():
            own = f"lisa/{name}"
            if switched:
                step.memory[own] = weight.detach().clone()
            else:
                remembered(step, own, weight)
            if step.number > QUIET * step.steps:
                told.append(pulled(step, weight, step.memory[own].to(weight.device), strength=self.rho))
        step.log("lisa", sum(map(float, told)))
