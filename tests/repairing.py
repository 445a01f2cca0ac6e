"""Pairs of models in memory, and further checkpoints beside them, for repairs that are asked without a disk."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tuneward.checkpoint.delta import LowRank
from tuneward.checkpoint.layer import Fate, Layer, become
from tuneward.repair import opened

Weights = dict[str, Tensor]
DOWN = "model.layers.0.mlp.down_proj.weight"
SHAPES: Mapping[str, tuple[int, ...]] = {
    "model.embed_tokens.weight": (11, 6),
    "model.layers.0.self_attn.q_proj.weight": (6, 6),
    "model.layers.0.self_attn.q_proj.bias": (6,),
    "model.layers.0.mlp.up_proj.weight": (10, 6),
    "model.layers.0.mlp.down_proj.weight": (6, 10),
    "model.layers.0.input_layernorm.weight": (6,),
    "model.layers.1.self_attn.q_proj.weight": (6, 6),
    "model.layers.1.self_attn.q_proj.bias": (6,),
    "model.layers.1.mlp.up_proj.weight": (10, 6),
    "model.layers.1.mlp.down_proj.weight": (6, 10),
    "model.norm.weight": (6,),
}
"""A tied model of two layers with biases: its head is its embedding, and stands here once."""


@dataclass(frozen=True)
class Models:
    """A pair whose layers are listed."""

    layers: tuple[Layer, ...]

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    def turned(self) -> "Models":
        """The same in the other order."""
        return Models(self.layers[::-1])


@dataclass(frozen=True)
class Further:
    """A further checkpoint: whole, or an adapter on the base."""

    weights: Weights
    adapter: Mapping[str, LowRank] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.weights if self.adapter is None else self.adapter)

    def rows(self, name: str, part: slice) -> Tensor:
        return self.weights[name][part]

    def factors(self, name: str) -> LowRank | None:
        return None if self.adapter is None else self.adapter.get(name)


def reader(weight: Tensor) -> Callable[[slice], Tensor]:
    return lambda part: weight[part]


def pair_of(*, tuned: Weights, base: Weights) -> Models:
    """Of two whole models."""
    layers = []
    for name, weight in tuned.items():
        layers.append(Layer(name, tuple(weight.shape), reader(base[name]), reader(weight), weight.dtype))
    return Models(tuple(layers))


def adapter_pair(*, factors: Mapping[str, LowRank], base: Weights) -> Models:
    """Of an adapter on a base."""
    layers = []
    for name, low in factors.items():
        tuned = reader(base[name].float() + low.b @ low.a)
        layers.append(Layer(name, tuple(base[name].shape), reader(base[name]), tuned, base[name].dtype, low))
    return Models(tuple(layers))


def merged(factors: Mapping[str, LowRank], base: Weights) -> Weights:
    """The base with the adapter added."""
    return {n: w.float() + factors[n].b @ factors[n].a if n in factors else w.clone() for n, w in base.items()}


def drawn(seed: int, *, scale: float = 1.0, dtype: torch.dtype = torch.float32) -> Weights:
    """Random weights of the model above."""
    generator = torch.Generator().manual_seed(seed)
    return {name: (scale * torch.randn(shape, generator=generator)).to(dtype) for name, shape in SHAPES.items()}


def near(weights: Weights, seed: int, *, scale: float = 0.3) -> Weights:
    """Other weights near these, in their precision."""
    by = drawn(seed)
    return {name: (weight.float() + scale * by[name]).to(weight.dtype) for name, weight in weights.items()}


def low_rank(seed: int, *, rank: int = 2, scale: float = 0.3) -> dict[str, LowRank]:
    """An adapter on every linear layer of the model above."""
    generator = torch.Generator().manual_seed(seed)
    found = {}
    for name, shape in SHAPES.items():
        if "proj.weight" in name:
            b, a = torch.randn(shape[0], rank, generator=generator), torch.randn(rank, shape[1], generator=generator)
            found[name] = LowRank(scale * b, a)
    return found


def result(method: Any, pair: Models) -> Weights:
    """The weights that a repair makes, read in uneven blocks of rows as a writer would."""
    fates: dict[str, Fate] = dict(method(pair))
    assert set(fates) <= {layer.name for layer in pair}
    made = {}
    for layer in pair:
        blocks = [slice(first, first + 4) for first in range(0, layer.shape[0], 4)]
        fate = fates.get(layer.name)
        made[layer.name] = torch.cat(
            [layer.tuned(b).to(layer.dtype) if fate is None else become(layer, fate, b) for b in blocks]
        )
    return made


def beside(monkeypatch: Any, checkpoints: Mapping[str, Further]) -> None:
    """Paths that repairs open from now on."""

    def lying(folder: Path, *, like: Any) -> Further:
        return checkpoints[str(folder)]

    monkeypatch.setattr(opened, "lying", lying)


def only(name: str, weight: Iterable[Iterable[float]], *, dtype: torch.dtype = torch.float32) -> Weights:
    """A model of one matrix."""
    return {name: torch.tensor([list(row) for row in weight], dtype=dtype)}
