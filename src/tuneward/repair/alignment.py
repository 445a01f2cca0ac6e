"""What alignment changed in each weight, V = aligned base − checkpoint before alignment, and the part of ΔW along it.

Two projectors: C = VVᵀ/‖V‖ of Safe LoRA (arXiv:2405.16833), which is none (it grows with V and changes its own image
again), and P = UUᵀ onto the first directions of V, which is one. Neither is ever multiplied out.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import Generator, Tensor

from tuneward.checkpoint.delta import Delta
from tuneward.checkpoint.layer import Fate, Layer, Pair
from tuneward.repair.opened import Further
from tuneward.repair.svd import cut, enough, of_energy, squares, whole
from tuneward.text import percent

Projector = Literal["rank", "published"]
NEAR = 0.02
"""Distance from a threshold within which a cosine along sampled directions is computed again along exact ones."""


@dataclass(frozen=True)
class Looked:
    """What was seen in one weight, and what becomes of it."""

    name: str
    fate: Fate | None
    """None: it stays the tuned one."""
    cosine: float | None = None
    """Of ΔW with its part along V."""
    rank: int | None = None
    """Directions that were used."""
    error: float | None = None
    """Share of V that they leave out: ‖V − UUᵀV‖ / ‖V‖."""


@runtime_checkable
class Looking(Protocol):
    """A repair that can say what it saw in each weight."""

    def looked(self, pair: Pair) -> Iterator[Looked]:
        """Every weight that was looked at, in the pair's order."""
        ...


def told(seen: Sequence[Looked]) -> tuple[str, ...]:
    """What a reader must know of it: how many weights were moved, and what sampled directions leave out."""
    if not seen:
        return ()
    moved = sum(one.fate is not None for one in seen)
    cosines = [one.cosine for one in seen if one.cosine is not None]
    said = f"{moved} of {len(seen)} weights moved"
    if cosines:
        said += f", cosines {min(cosines):.3f} to {max(cosines):.3f}"
    errors = [one.error for one in seen if one.error is not None]
    ranks = [one.rank for one in seen if one.rank is not None]
    if errors and ranks:
        said += (
            f"; {min(ranks)} to {max(ranks)} directions a weight, which leave out {percent(min(errors))} to "
            f"{percent(max(errors))} of the difference"
        )
    return (said,)


@dataclass(frozen=True)
class Along:
    """ΔW of a weight and its part along V."""

    layer: Layer
    delta: Delta
    part: Delta
    cosine: float
    rank: int | None = None
    error: float = 0.0
    exact: bool = True

    def looked(self, fate: Fate | None) -> Looked:
        """This, with what becomes of the weight."""
        return Looked(self.layer.name, fate, self.cosine, self.rank, self.error)


@dataclass(frozen=True)
class Alignment:
    """How parts along V are found."""

    before: Further
    """The checkpoint before alignment."""
    projector: Projector
    energy: float
    """Share of ‖V‖² that the directions of P hold."""
    seed: int

    def difference(self, layer: Layer, part: slice = slice(None)) -> Tensor:
        """Some rows of V, float32."""
        return layer.base(part).float() - self.before.rows(layer.name, part).float()

    def all(self, pair: Pair) -> Iterator[Along]:
        """Of every weight that multiplies inputs and has both a ΔW and a V; others are left alone, by name.

        Raises:
            ValueError: no such weight differs from the checkpoint before alignment, or numbers that are not finite.
        """
        met = False
        for layer in (layer for layer in pair if layer.matrix):
            v = self.difference(layer)
            if not finite(squares(v), layer, "alignment"):
                continue
            met, delta = True, layer.delta()
            if finite(delta.norm(), layer, "tuning"):
                yield self._along(layer, delta, v, exact=False)
        if not met:
            raise ValueError("unaligned: equals the base in every weight; give the checkpoint before alignment")

    def of(self, layer: Layer, *, exact: bool = False) -> Along:
        """Of one weight that has both."""
        return self._along(layer, layer.delta(), self.difference(layer), exact=exact)

    def _along(self, layer: Layer, delta: Delta, v: Tensor, *, exact: bool) -> Along:
        if self.projector == "published":
            part = delta.left(v, v).scaled(squares(v) ** -0.5)
            return Along(layer, delta, part, cosine(delta, part))
        if exact:
            everything = whole(v)
            count = enough(everything.sizes, self.energy * float(everything.sizes.square().sum()))
            found = cut(everything, count)
        else:
            found = of_energy(v, self.energy, generator=drawing(self.seed, layer.name))
        part = delta.left(found.u, found.u)
        return Along(layer, delta, part, cosine(delta, part), found.u.shape[1], found.error, found.exact)


def below(alignment: Alignment, pair: Pair, threshold: float) -> Iterator[tuple[Along, bool]]:
    """Every weight's part along V, and whether its cosine is at or below the threshold."""
    for found in alignment.all(pair):
        unsure = not found.exact and abs(found.cosine - threshold) <= NEAR
        one = alignment.of(found.layer, exact=True) if unsure else found
        yield one, one.cosine <= threshold


def lowest(alignment: Alignment, pair: Pair, number: int) -> tuple[dict[str, Looked], frozenset[str]]:
    """What every weight has along V, and the names of those with the lowest cosines; of equal ones the first by name.

    Nothing is changed on the way, and of no weight more than numbers is kept.
    """
    seen, unsure = dict[str, Looked](), dict[str, Layer]()
    for one in alignment.all(pair):
        seen[one.layer.name] = one.looked(None)
        if not one.exact:
            unsure[one.layer.name] = one.layer
    cosines = {name: one.cosine or 0.0 for name, one in seen.items()}
    values = sorted(cosines.values())
    if number < len(values):
        edge = (values[number - 1] + values[number]) / 2
        for name in [name for name in unsure if abs(cosines[name] - edge) <= NEAR]:
            again = alignment.of(unsure[name], exact=True)
            seen[name], cosines[name] = again.looked(None), again.cosine
    return seen, frozenset(sorted(cosines, key=lambda name: (cosines[name], name))[:number])


def cosine(one: Delta, other: Delta) -> float:
    """⟨one, other⟩ / (‖one‖ ‖other‖) in float64; 0 where nothing of it is along V."""
    sizes = one.norm() * other.norm()
    return one.dot(other) / sizes if sizes else 0.0


def finite(size: float, layer: Layer, what: str) -> bool:
    """Whether a weight was changed at all.

    Raises:
        ValueError: by numbers that are not finite.
    """
    if not size < float("inf"):
        raise ValueError(f"{layer.name}: what {what} changed in it is not finite (NaN or infinite)")
    return size > 0


def drawing(seed: int, name: str) -> Generator:
    """Random numbers of one weight, whatever the order in which weights are met."""
    digest = hashlib.sha256(f"{seed} {name}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "little"))
