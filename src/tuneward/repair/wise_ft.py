"""WiSE-FT: a point on the line between base and tuned weights (Wortsman et al. 2022, arXiv:2109.01903).

Differs from the paper: shares may differ by decoder layer, module or weight; of an adapter ΔW is scaled, not a model.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from tuneward.checkpoint.layer import Fate, Layer, Mixed, Pair

OUTSIDE = "outside"


@dataclass(frozen=True)
class WiseFT:
    """Go part of the way back from the tuned weights to the base's."""

    alpha: float = 0.5
    """Share of the tuned weights, 0 to 1, where nothing below says otherwise."""
    layers: tuple[str, ...] = ()
    """Other shares for decoder layers by number, such as 3=.2; outside=.9 is for what is in none."""
    modules: tuple[str, ...] = ()
    """Other shares for modules, such as down_proj=.5, or for one weight by its whole name.

    Where several fit, a weight's own comes first, then its layer's, then its module's.
    """
    beyond: ClassVar[bool] = False

    def __post_init__(self) -> None:
        Mixed(self.alpha)
        for place in shares(self.layers, "layers"):
            if place != OUTSIDE and not (place.isascii() and place.isdecimal()):
                raise ValueError(f"layers: {place!r} is no layer; expected its number, from 0, or {OUTSIDE}")
        shares(self.modules, "modules")

    @classmethod
    def of(cls, found: Mapping[int | None, float]) -> Self:
        """A share for each decoder layer; under None that of everything outside them.

        Raises:
            ValueError: a share outside 0 to 1.
        """
        order = sorted(found, key=lambda group: (group is None, group or 0))
        named = ((OUTSIDE if group is None else str(group), found[group]) for group in order)
        return cls(1.0, layers=tuple(f"{place}={share!r}" for place, share in named))

    def at(self, keep: float) -> Self:
        """One share everywhere.

        Raises:
            ValueError: shares of single layers or modules are set, which one strength would take back.
        """
        if self.layers or self.modules:
            raise ValueError("wise-ft: a search turns one share for all weights; leave layers and modules out")
        return type(self)(keep)

    def __call__(self, pair: Pair, /) -> Iterator[tuple[str, Fate]]:
        """Mixed weights, all of them.

        Raises:
            ValueError: a layer or module that the pair does not have.
        """
        layers = {OUTSIDE if place == OUTSIDE else str(int(place)): s for place, s in shares(self.layers, "").items()}
        modules = shares(self.modules, "")
        unused = {*layers, *modules} - {place for layer in pair for place in places(layer)}
        if unused:
            raise ValueError(f"wise-ft: no weight belongs to {', '.join(sorted(unused))}; see the names in the model")
        for layer in pair:
            own, number, module = places(layer)
            share = modules.get(own, layers.get(number, modules.get(module, self.alpha)))
            yield layer.name, Mixed(share)


def places(layer: Layer) -> tuple[str, str, str]:
    """What a share may be given for: the weight, its layer, its module."""
    return layer.name, OUTSIDE if layer.number is None else str(layer.number), layer.module


def shares(given: tuple[str, ...], field: str) -> dict[str, float]:
    """Place → share.

    Raises:
        ValueError: not place=share, a share outside 0 to 1, or a place given twice.
    """
    found: dict[str, float] = {}
    for one in given:
        place, _, said = one.partition("=")
        try:
            share = float(said)
        except ValueError:
            share = -1.0
        if not place or not 0 <= share <= 1:
            raise ValueError(f"{field}: {one!r}; expected a name and a share of the tuned weights, 0 to 1, as in 3=.2")
        if place in found:
            raise ValueError(f"{field}: {place} is given twice")
        found[place] = share
    return found
