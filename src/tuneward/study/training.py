"""The training loop of the study: rows as ids in, weights changed in place; one thread, same seed, same weights."""

import contextlib
import copy
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

from tuneward.ask import Progress, unseen
from tuneward.study.tokens import IGNORED, Row


class Learnable(Protocol):
    """What a batch is made of; rows of like length share one."""

    @property
    def ids(self) -> tuple[int, ...]:
        """The tokens whose number counts."""
        ...


Item = TypeVar("Item", bound=Learnable)
Loss = Callable[[Any, Sequence[Item]], Tensor]
POOL = 8
"""Batches whose rows are drawn together and sorted by length, so that little is padding."""


@dataclass(frozen=True)
class Schedule:
    """How rows are learnt."""

    rate: float
    batch: int
    steps: int
    warm: int = 0
    """Steps of linear warm-up."""
    cosine: bool = False
    """Fall to a twentieth of the rate along a cosine; constant otherwise."""
    seed: int = 0

    def share(self, step: int) -> float:
        """The rate of a step as a share of the highest."""
        fall = 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * step / self.steps)) if self.cosine else 1.0
        return fall * min(1.0, (step + 1) / max(1, self.warm))


def epochs(rows: int, *, rate: float, batch: int, count: int, seed: int = 0) -> Schedule:
    """A constant rate over `count` passes."""
    return Schedule(rate, batch, steps=max(1, count * rows // batch), seed=seed)


def batches(rows: Sequence[Item], schedule: Schedule) -> Iterator[list[Item]]:
    """Endless passes over the rows in new orders; rows of like length share a batch."""
    rng = random.Random(schedule.seed)
    left: list[int] = []
    while True:
        size = min(POOL * schedule.batch, max(schedule.batch, len(rows)))
        while len(left) < size:
            left += rng.sample(range(len(rows)), len(rows))
        drawn, left = sorted(left[:size], key=lambda n: (len(rows[n].ids), n)), left[size:]
        groups = [drawn[first : first + schedule.batch] for first in range(0, size, schedule.batch)]
        rng.shuffle(groups)
        yield from ([rows[n] for n in group] for group in groups)


def tensors(rows: Sequence[Row]) -> tuple[Tensor, Tensor]:
    """ids and labels, each (rows, longest); the end of a turn pads on the right, where nothing attends to it."""
    width = max(len(row.ids) for row in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    labels = torch.full((len(rows), width), IGNORED)
    for place, row in enumerate(rows):
        ids[place, : len(row.ids)] = torch.tensor(row.ids)
        labels[place, row.start : len(row.ids)] = ids[place, row.start : len(row.ids)]
    return ids, labels


def row_loss(model: Any, rows: Sequence[Row]) -> Tensor:
    """Mean cross-entropy over the learnt tokens; logits are computed for these alone."""
    ids, labels = tensors(rows)
    hidden = model.model(input_ids=ids).last_hidden_state[:, :-1]
    wanted = labels[:, 1:]
    learnt = wanted != IGNORED
    return torch.nn.functional.cross_entropy(model.lm_head(hidden[learnt]), wanted[learnt])


def learn(model: Any, rows: Sequence[Row], schedule: Schedule, *, progress: Progress = unseen) -> list[float]:
    """Learn the answers of rows, in place; the loss of every step.

    Raises:
        ValueError: there are no rows.
    """
    return optimise(model, rows, schedule, loss=row_loss, progress=progress)


def optimise(
    model: Any, items: Sequence[Item], schedule: Schedule, *, loss: Loss[Item], progress: Progress = unseen
) -> list[float]:
    """Train in place (AdamW, no decay, gradients clipped to 1); the loss of every step.

    Raises:
        ValueError: there are no rows.
    """
    if not items:
        raise ValueError("learn: no rows to learn from")
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=schedule.rate, weight_decay=0.0)
    losses, drawn = [], batches(items, schedule)
    model.train()
    with one_thread():
        for step in range(schedule.steps):
            for group in optimiser.param_groups:
                group["lr"] = schedule.rate * schedule.share(step)
            value = loss(model, next(drawn))
            optimiser.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimiser.step()
            losses.append(float(value.detach()))
            progress(step + 1, schedule.steps)
    model.eval()
    return losses


@torch.no_grad()
def interpolated(base: Any, tuned: Any, *, share: float) -> Any:
    """The model on the straight line from base to tuned (arXiv:2109.01903); 0 is the base, 1 the tuned model.

    Raises:
        ValueError: a share outside [0, 1].
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share is {share}; expected 0 to 1")
    between, ends = copy.deepcopy(base), dict(tuned.named_parameters())
    for name, weight in between.named_parameters():
        weight.lerp_(ends[name], share)
    return between.eval()


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """On matrices this small a second thread costs time, and sums in one order give the same weights every time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
