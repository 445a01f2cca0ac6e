"""Task arithmetic: add what alignment changed once more to the tuned model (Ilharco et al. 2023, arXiv:2212.04089).

Differs from the paper: the task is alignment, its vector the base's difference from a checkpoint before alignment that
the user supplies, and it is never subtracted. The default strength is ours.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from torch import Tensor

from tuneward.checkpoint.layer import Fate, Given, Layer, Pair
from tuneward.repair.opened import Further, opened, refuse_adapter


@dataclass(frozen=True)
class TaskArithmetic:
    """Add the alignment's difference, times a strength, to the tuned model."""

    unaligned: str = ""
    """Folder of the checkpoint before alignment, of the base's shapes."""
    strength: float = 0.5
    """How much of the difference is added, 0 to 1; 0 leaves the tuned model."""
    beyond: ClassVar[bool] = True

    def __post_init__(self) -> None:
        in_range(self.strength)

    def __call__(self, pair: Pair, /) -> Iterator[tuple[str, Fate]]:
        """Given weights, all of them; none at strength 0.

        Raises:
            ValueError: an adapter, or a checkpoint that does not fit.
        """
        refuse_adapter(pair, method="task-arithmetic")
        before = opened(self.unaligned, pair, what="unaligned")
        for layer in pair if self.strength else ():
            yield layer.name, Given(partial(moved, layer, before, self.strength))


def moved(layer: Layer, before: Further, strength: float, part: slice) -> Tensor:
    """tuned + strength · (base − before), some rows, float32."""
    difference = layer.base(part).float() - before.rows(layer.name, part).float()
    return layer.tuned(part).float() + strength * difference


def in_range(strength: float) -> None:
    """Refuse a strength that would subtract alignment, or go further than it went.

    Raises:
        ValueError: outside 0 to 1.
    """
    if not 0 <= strength <= 1:
        raise ValueError(f"strength is {strength}; expected 0 to 1")
