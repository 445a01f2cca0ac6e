"""RESTA: add a thinned difference of alignment to the tuned model (Bhardwaj et al. 2024, arXiv:2402.11746).

Differs from the paper: the checkpoint before alignment is the user's, never one that tuning made harmful. Thinning is
DARE (Yu et al. 2024, arXiv:2311.03099). At drop 0 it is `task-arithmetic` by another name. Defaults are unverified.
"""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from tuneward.checkpoint.layer import Fate, Given, Layer, Pair
from tuneward.repair.opened import Further, opened, refuse_adapter
from tuneward.repair.task_arithmetic import in_range

GAMMA, FIRST, SECOND = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
STEP = 1 << 16
"""Numbers drawn at a time: as many as a processor's cache holds."""


@dataclass(frozen=True)
class Resta:
    """Add the alignment's difference to the tuned model, thinned at random."""

    unaligned: str = ""
    """Folder of the checkpoint before alignment, of the base's shapes."""
    strength: float = 0.5
    """How much of the difference is added, 0 to 1; 0 leaves the tuned model."""
    drop: float = 0.3
    """Share of entries that are dropped, 0 to below 1; the others are divided by the share that stays."""
    seed: int = 0
    """Of the draws."""
    beyond: ClassVar[bool] = True

    def __post_init__(self) -> None:
        in_range(self.strength)
        if not 0 <= self.drop < 1:
            raise ValueError(f"drop is {self.drop}; expected a share, 0 to below 1")

    def __call__(self, pair: Pair, /) -> Iterator[tuple[str, Fate]]:
        """Given weights, all of them; none at strength 0.

        Raises:
            ValueError: an adapter, or a checkpoint that does not fit.
        """
        refuse_adapter(pair, method="resta")
        before = opened(self.unaligned, pair, what="unaligned")
        for layer in pair if self.strength else ():
            yield layer.name, Given(partial(self._rows, layer, before))

    def _rows(self, layer: Layer, before: Further, part: slice) -> Tensor:
        difference = layer.base(part).float() - before.rows(layer.name, part).float()
        if self.drop:
            first, last, _ = part.indices(layer.shape[0])
            row = math.prod(layer.shape[1:])
            stays = kept(state(self.seed, layer.name), first * row, last * row, drop=self.drop)
            difference = difference * stays.view(difference.shape) / (1 - self.drop)
        return layer.tuned(part).float() + self.strength * difference


def state(seed: int, name: str) -> int:
    """Where the draws of a weight begin."""
    return int.from_bytes(hashlib.sha256(f"{seed} {name}".encode()).digest()[:8], "little")


def kept(start: int, first: int, last: int, *, drop: float) -> Tensor:
    """Which of the entries first…last−1 of a weight stay: a function of each one's place alone, so blocks agree.

    The numbers are SplitMix64's (Steele et al. 2014), each from its place instead of from the one before.
    """
    found = np.empty(last - first, dtype=bool)
    limit = np.uint64(math.ceil(drop * 2**53))
    for begin in range(first, last, STEP):
        end = min(begin + STEP, last)
        drawn = np.arange(begin + 1, end + 1, dtype=np.uint64)
        drawn *= GAMMA
        drawn += np.uint64(start)
        drawn ^= drawn >> np.uint64(30)
        drawn *= FIRST
        drawn ^= drawn >> np.uint64(27)
        drawn *= SECOND
        drawn ^= drawn >> np.uint64(31)
        found[begin - first : end - first] = drawn >> np.uint64(11) >= limit
    return torch.from_numpy(found)
