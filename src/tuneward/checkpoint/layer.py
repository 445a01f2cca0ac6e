"""One weight of a tuned model beside the same weight of its base, and what may become of it."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from tuneward.checkpoint.delta import Delta, Dense, LowRank

Rows = Callable[[slice], Tensor]
"""Some rows of a weight (of its first dimension): read from disk, or computed, only when asked for."""
NUMBER = re.compile(r"(?:^|\.)(?:layers|h|blocks|block)\.(\d+)\.")


@dataclass(frozen=True)
class Layer:
    """A weight under its name in the base, e.g. `model.layers.0.self_attn.q_proj.weight`."""

    name: str
    shape: tuple[int, ...]
    base: Rows
    """In the precision that the base stores."""
    tuned: Rows
    """In the precision that the tuned model stores; of an adapter's layer base + ΔW in float32."""
    dtype: torch.dtype
    """In which the weight is stored when it is written: the tuned model's own; of an adapter's layer the base's."""
    factors: LowRank | None = None
    """ΔW where the tuned model is an adapter here; its scale is folded in."""

    @property
    def number(self) -> int | None:
        """Which decoder layer it belongs to; None for embeddings, head and last norm."""
        found = NUMBER.search(self.name)
        return int(found[1]) if found else None

    @property
    def module(self) -> str:
        """Last part of the module's name: q_proj, down_proj, embed_tokens, …"""
        return self.name.removesuffix(".weight").removesuffix(".bias").rsplit(".", 1)[-1]

    @property
    def matrix(self) -> bool:
        """A weight of two dimensions that multiplies inputs: no vector, no embedding, no head."""
        return len(self.shape) == 2 and self.number is not None

    def delta(self) -> Delta:
        """ΔW = tuned − base in float32, or the adapter's factors as they are."""
        if self.factors is not None:
            return self.factors
        everything = slice(None)
        return Dense(self.tuned(everything).float() - self.base(everything).float())


@dataclass(frozen=True)
class Mixed:
    """base + alpha (tuned − base): at 0 the base and at 1 the tuned weight bit for bit."""

    alpha: float

    def __post_init__(self) -> None:
        if not 0 <= self.alpha <= 1:
            raise ValueError(f"alpha is {self.alpha}; expected a share of the tuned weights, 0 to 1")


@dataclass(frozen=True)
class Moved:
    """base + delta."""

    delta: Delta


@dataclass(frozen=True)
class Given:
    """Rows of the new weight, in any floating precision; only a whole model can hold it, no adapter."""

    rows: Rows


Fate = Mixed | Moved | Given
"""What becomes of one weight. A value that is carried out later, row by row, into a file or a model in memory."""


class Pair(Protocol):
    """A tuned model and its base, weight by weight.

    Of two whole models it has every weight, tied ones once under the input's name; of an adapter those that it changes.
    """

    def __iter__(self) -> Iterator[Layer]:
        """In the order in which the tuned model's files store them."""
        ...

    def __len__(self) -> int:
        """Weights it has."""
        ...


def become(layer: Layer, fate: Fate, part: slice) -> Tensor:
    """Some rows of the new weight, in `layer.dtype`: arithmetic in float32, rounded once."""
    if isinstance(fate, Given):
        return fate.rows(part).to(layer.dtype)
    if isinstance(fate, Moved):
        return (layer.base(part).float() + fate.delta.rows(part)).to(layer.dtype)
    if fate.alpha == 0:
        return layer.base(part).to(layer.dtype)
    if fate.alpha == 1:
        return layer.tuned(part).to(layer.dtype)
    if layer.factors is not None:
        return (layer.base(part).float() + fate.alpha * layer.factors.rows(part)).to(layer.dtype)
    base, tuned = layer.base(part), layer.tuned(part)
    if base.dtype == tuned.dtype == layer.dtype:
        return torch.lerp(base, tuned, fate.alpha)  # of half precision too it computes in float32 and rounds once
    return torch.lerp(base.float(), tuned.float(), fate.alpha).to(layer.dtype)
