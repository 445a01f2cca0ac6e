"""How much a repair changed: its step from the tuned model over the step that tuning made from the base."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby

import torch
from torch import Tensor

from tuneward.checkpoint.delta import LowRank
from tuneward.checkpoint.layer import Fate, Layer, Mixed, Moved

BLOCK = 2 << 20
"""Bytes that are read at a time."""


@dataclass
class Step:
    """One weight's part in it."""

    number: int | None
    """Of its decoder layer."""
    share: float | None = None
    """Of the tuned weights, where they were mixed with the base's: the step is 1 − share of tuning's."""
    moved: float = 0.0
    """‖new − tuned‖², where they were not mixed."""
    tuning: float | None = None
    """‖tuned − base‖², once it is known."""
    layer: Layer | None = None
    """Where to read that from, should it be needed."""
    changed: bool = False
    """Whether a byte of it differs from the tuned weight."""

    def add(self, layer: Layer, *, new: Tensor, part: slice) -> None:
        """Some rows of a weight that is not mixed; sums in float64."""
        tuned = layer.tuned(part).double()
        self.moved += float((new.double() - tuned).square().sum())
        self.tuning = (self.tuning or 0.0) + float((tuned - layer.base(part).double()).square().sum())


def step_of(layer: Layer, fate: Fate) -> Step:
    """A weight before any of it is carried out; of factors everything is known at once, and they are not kept."""
    share = fate.alpha if isinstance(fate, Mixed) else None
    if layer.factors is None:
        return Step(layer.number, share, layer=layer)
    if share is not None:
        return Step(layer.number, share, tuning=layer.factors.norm() ** 2)
    if isinstance(fate, Moved) and isinstance(fate.delta, LowRank):
        return Step(layer.number, None, _apart(fate.delta, layer.factors), layer.factors.norm() ** 2)
    return Step(layer.number)


def parts(layer: Layer, itemsize: int) -> Iterator[slice]:
    """A weight's rows in blocks of a few MiB; a single number is one row."""
    rows = layer.shape[0] if layer.shape else 1
    row = itemsize * torch.Size(layer.shape[1:]).numel()
    step = max(1, BLOCK // max(1, row))
    return (slice(first, min(rows, first + step)) for first in range(0, rows, step))


@dataclass
class Sizes:
    """All weights' parts."""

    steps: list[Step] = field(default_factory=list)

    def ratio(self) -> float | None:
        """Of all weights together; None where tuning changed nothing."""
        return _ratio(self.steps)

    def layers(self) -> Mapping[int, float | None]:
        """Of each decoder layer."""
        known = [(step.number, step) for step in self.steps if step.number is not None]
        inner = sorted(known, key=lambda item: item[0])
        return {number: _ratio(step for _, step in of) for number, of in groupby(inner, key=lambda item: item[0])}


def _ratio(steps: Iterable[Step]) -> float | None:
    every = list(steps)
    shares = {step.share for step in every}
    if len(shares) == 1 and None not in shares:
        return 1 - float(next(iter(shares)) or 0.0)
    whole = sum(_tuning(step) for step in every)
    moved = sum(step.moved if step.share is None else (1 - step.share) ** 2 * _tuning(step) for step in every)
    return float((moved / whole) ** 0.5) if whole else None


def _tuning(step: Step) -> float:
    """‖tuned − base‖², read again where nothing but a share was needed so far."""
    if step.tuning is None and step.layer is not None:
        layer = step.layer
        both = ((layer.tuned(part).double(), layer.base(part).double()) for part in parts(layer, 8))
        step.tuning = sum(float((tuned - base).square().sum()) for tuned, base in both)
    return step.tuning or 0.0


def _apart(one: LowRank, other: LowRank) -> float:
    """‖one − other‖² without multiplying out."""
    both = LowRank(torch.cat([one.b.float(), -other.b.float()], 1), torch.cat([one.a.float(), other.a.float()]))
    return both.norm() ** 2
