"""Soup: the mean of the tuned model and further checkpoints of the same start (Wortsman et al. 2022, arXiv:2203.05482).

Differs from the paper: shares are given, not found greedily on a validation set; of adapters the products are averaged,
not the factors, so the sum has the ranks' sum as rank until it is written.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor

from tuneward.checkpoint.delta import Delta, Dense, LowRank
from tuneward.checkpoint.layer import Fate, Given, Layer, Mixed, Moved, Pair, Rows
from tuneward.repair.opened import Further, change, is_adapter, opened


@dataclass(frozen=True)
class Soup:
    """Average the tuned model with further checkpoints."""

    of: tuple[str, ...] = ()
    """Folders of the others: adapters on the same base where the tuned model is one, else whole models."""
    weights: tuple[float, ...] = ()
    """Their shares, that of the tuned model first; each 0 or more, in sum 1. Equal unless given."""
    beyond: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.weights and len(self.weights) != len(self.of) + 1:
            raise ValueError(
                f"weights: {len(self.weights)} of them; expected {len(self.of) + 1}, the tuned model first"
            )
        if self.weights and not (min(self.weights) >= 0 and math.isclose(sum(self.weights), 1, abs_tol=1e-6)):
            raise ValueError(f"weights: {self.weights}; expected shares of 0 or more that are 1 in sum")

    def __call__(self, pair: Pair, /) -> Iterator[tuple[str, Fate]]:
        """Every weight's mean.

        Raises:
            ValueError: no further checkpoint, one that does not fit, or adapters beside whole models.
        """
        if not self.of:
            raise ValueError("of: no checkpoint; expected one or more to average the tuned model with")
        others = [opened(path, pair, what="of") for path in self.of]
        even = 1 / (1 + len(others))
        shares = self.weights or tuple(even for _ in range(1 + len(others)))
        if is_adapter(pair):
            yield from self._adapters(pair, others, shares)
            return
        for layer in pair:
            yield layer.name, Given(partial(mean, layer, others, shares))

    def _adapters(self, pair: Pair, others: list[Further], shares: Sequence[float]) -> Iterator[tuple[str, Fate]]:
        own = {layer.name for layer in pair}
        for path, other in zip(self.of, others, strict=True):
            more = sorted({*other.names} - own)
            if more:
                raise ValueError(f"{path}: changes {more[0]}, which the tuned adapter does not; merge both first")
        for layer in pair:
            changes = [layer.delta()] + [change(layer, x) for x in others if layer.name in x.names]
            used = [shares[0]] + [s for x, s in zip(others, shares[1:], strict=True) if layer.name in x.names]
            yield layer.name, Mixed(1.0) if used[0] == 1 else Moved(total(changes, used))


def mean(layer: Layer, others: Sequence[Further], shares: Sequence[float], part: slice) -> Tensor:
    """Some rows of the mean, float32: the first model's and steps towards the others, so equal models give themselves.

    With the whole share on one model its very rows.
    """
    readers: list[Rows] = [layer.tuned, *(partial(other.rows, layer.name) for other in others)]
    used = [(read, share) for read, share in zip(readers, shares, strict=True) if share]
    if len(used) == 1:
        return used[0][0](part)
    first = used[0][0](part).float()
    return first + torch.stack([(read(part).float() - first) * share for read, share in used[1:]]).sum(dim=0)


def total(changes: Sequence[Delta], shares: Sequence[float]) -> Delta:
    """Their sum, each times its share; of factors the factors side by side, never multiplied out."""
    used = [(one, share) for one, share in zip(changes, shares, strict=True) if share]
    if not used:
        return changes[0].scaled(0.0)
    low = [one.scaled(share) for one, share in used if isinstance(one, LowRank)]
    if len(low) == len(used):
        return LowRank(torch.cat([one.b for one in low], dim=1), torch.cat([one.a for one in low], dim=0))
    return Dense(torch.stack([one.rows(slice(None)).float() * share for one, share in used]).sum(dim=0))
