"""Further checkpoints that a method needs beside the pair, under the pair's names."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from torch import Tensor

from tuneward.checkpoint.adapter import Adapter
from tuneward.checkpoint.delta import Delta, Dense, LowRank
from tuneward.checkpoint.layer import Layer, Pair
from tuneward.checkpoint.pair import PairOf, further, further_adapter
from tuneward.checkpoint.whole import Whole


class Further(Protocol):
    """A whole model of the pair's shapes, or an adapter on the pair's base."""

    @property
    def names(self) -> tuple[str, ...]:
        """Weights that it has; of an adapter those that it changes."""
        ...

    def rows(self, name: str, part: slice, /) -> Tensor:
        """Some rows of the weight that has this name in the pair; of an adapter base + ΔW."""
        ...

    def factors(self, name: str, /) -> LowRank | None:
        """ΔW where it is an adapter that changes this weight by factors."""
        ...


@dataclass(frozen=True)
class WholeModel:
    """A whole model on disk."""

    model: Whole

    @property
    def names(self) -> tuple[str, ...]:
        """All its weights."""
        return self.model.names

    def rows(self, name: str, part: slice, /) -> Tensor:
        """Some rows, as they are stored."""
        return self.model.rows(name, part)

    def factors(self, _name: str, /) -> LowRank | None:
        """None."""
        return None


@dataclass(frozen=True)
class OnBase:
    """An adapter on disk over the pair's base."""

    adapter: Adapter
    base: Whole

    @property
    def names(self) -> tuple[str, ...]:
        """Weights of the base that it changes."""
        return self.adapter.names

    def rows(self, name: str, part: slice, /) -> Tensor:
        """Some rows of base + ΔW, float32; as saved where it saved a whole weight, as in the base where it has none."""
        if name in self.adapter.dense:
            return self.adapter.stored.rows(self.adapter.dense[name], part)
        factors = self.factors(name)
        rows = self.base.rows(name, part)
        return rows if factors is None else rows.float() + factors.rows(part)

    def factors(self, name: str, /) -> LowRank | None:
        """ΔW of a weight that it adapts."""
        return self.adapter.factors(name) if name in self.adapter.adapted else None


def opened(path: str, pair: Pair, *, what: str) -> Further:
    """The checkpoint under a path.

    Raises:
        ValueError: no path, or a checkpoint that does not fit the pair.
        FileNotFoundError: nothing there.
    """
    if not path:
        raise ValueError(f"{what}: no path given; expected a checkpoint of the same shapes")
    return lying(Path(path).expanduser(), like=pair)


def lying(folder: Path, *, like: Pair) -> Further:
    """A folder beside a pair on disk.

    Raises:
        TypeError: a pair in memory, beside which nothing lies.
        ValueError: it does not fit.
        FileNotFoundError: nothing there.
    """
    if not isinstance(like, PairOf):
        raise TypeError("a further checkpoint was asked for beside a pair that is not on disk")
    if (folder / "adapter_config.json").is_file():
        return OnBase(further_adapter(folder, like=like), like.base_whole)
    return WholeModel(further(folder, like=like))


def is_adapter(pair: Pair) -> bool:
    """Whether the tuned model is an adapter, so that what becomes of it must fit two factors again."""
    return any(layer.factors is not None for layer in pair)


def refuse_adapter(pair: Pair, *, method: str) -> None:
    """For methods that move weights which an adapter does not hold.

    Raises:
        ValueError: the tuned model is an adapter.
    """
    if is_adapter(pair):
        raise ValueError(
            f"{method}: moves every weight, and an adapter holds but some; merge it into its base first, "
            "and repair the merged model"
        )


def change(layer: Layer, other: Further) -> Delta:
    """What another checkpoint made of this weight of the pair's base: other − base."""
    factors = other.factors(layer.name)
    if factors is not None:
        return factors
    return Dense(other.rows(layer.name, slice(None)).float() - layer.base(slice(None)).float())
