"""LoX: go on in the first directions of what alignment changed, before tuning (Perin et al. 2025, arXiv:2506.15606).

Differs from the paper: directions are sampled, their error known; of an adapter they are exact, and its rank stays.
Unverified: that rank 6 and coefficient 1.25 are the paper's values, and which weights its code moves.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor

from tuneward.checkpoint.delta import Dense, LowRank
from tuneward.checkpoint.layer import Fate, Given, Layer, Moved, Pair
from tuneward.repair.alignment import Looked, drawing, finite
from tuneward.repair.opened import is_adapter
from tuneward.repair.svd import of_number


@dataclass(frozen=True)
class LoX:
    """Harden an aligned model before it is tuned.

    TUNED is the aligned model here, and BASE the one before alignment.
    """

    rank: int = 6
    """First directions of the change in each weight."""
    coefficient: float = 1.25
    """How often the change along them is added once more; above 0, to 2."""
    seed: int = 0
    """Of the samples that find directions of large weights."""
    beyond: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise ValueError(f"rank is {self.rank}; expected 1 direction or more")
        if not 0 < self.coefficient <= 2:
            raise ValueError(f"coefficient is {self.coefficient}; expected above 0, to 2")

    def __call__(self, pair: Pair, /) -> Iterator[tuple[str, Fate]]:
        """Given weights, of an adapter moved ones; vectors, embeddings and the head stay as aligned.

        Raises:
            ValueError: numbers that are not finite.
        """
        return ((one.name, one.fate) for one in self.looked(pair) if one.fate is not None)

    def looked(self, pair: Pair) -> Iterator[Looked]:
        """Every weight that alignment changed, with the share of its change that the directions leave out."""
        adapter = is_adapter(pair)
        for layer in (layer for layer in pair if layer.matrix):
            delta = layer.delta()
            if not finite(delta.norm(), layer, "alignment"):
                continue
            if isinstance(delta, LowRank):
                more, error = further_along(delta, self.rank, self.coefficient)
                yield Looked(layer.name, Moved(more), rank=self.rank, error=error)
                continue
            matrix = delta.rows(slice(None))
            found = of_number(matrix, self.rank, generator=drawing(self.seed, layer.name))
            first = LowRank(found.u * (found.sizes * self.coefficient).float(), found.v.T.contiguous())
            if adapter:
                fate: Fate = Moved(Dense(matrix + first.rows(slice(None))))
            else:
                fate = Given(partial(added, layer, first))
            yield Looked(layer.name, fate, rank=len(found.sizes), error=found.error)


def added(layer: Layer, more: LowRank, part: slice) -> Tensor:
    """Some rows of the tuned weight and more, float32."""
    return layer.tuned(part).float() + more.rows(part)


def further_along(delta: LowRank, rank: int, coefficient: float) -> tuple[LowRank, float]:
    """b a with its first directions 1 + coefficient times as long, in as many columns; and the share that was left."""
    q, r = torch.linalg.qr(delta.b.double())
    p, s = torch.linalg.qr(delta.a.double().T)
    u, sizes, v = torch.linalg.svd(r @ s.T)
    longer = sizes.clone()
    longer[:rank] *= 1 + coefficient
    size = float(sizes.square().sum())
    error = (float(sizes[rank:].square().sum()) / size) ** 0.5 if size else 0.0
    return LowRank((q @ (u * longer)).to(delta.b.dtype), (v @ p.T).to(delta.a.dtype)), error
