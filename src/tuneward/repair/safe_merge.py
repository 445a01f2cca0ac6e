"""SafeMERGE: layers that moved off alignment are mixed with a safety-tuned model's (Djuhera et al., arXiv:2503.17239).

Differs from the paper: by default the cosine is taken with a true projector instead of C = VVᵀ/‖V‖, for which the
threshold .35 was chosen; adapters and whole models may be mixed with either.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from tuneward.checkpoint.layer import Fate, Moved, Pair
from tuneward.repair.alignment import Alignment, Looked, Projector, below
from tuneward.repair.opened import change, opened
from tuneward.repair.safe_lora import refuse
from tuneward.repair.soup import total


@dataclass(frozen=True)
class SafeMerge:
    """Mix layers that moved off alignment with those of a safety-tuned model."""

    unaligned: str = ""
    """Folder of the checkpoint before alignment, of the base's shapes."""
    safe: str = ""
    """Folder of a model or adapter that was tuned from the same base on safety rows."""
    threshold: float = 0.35
    """Cosine of ΔW with its part along alignment, 0 to 1, at or below which a layer is mixed."""
    share: float = 0.8
    """Share of ΔW in the mixture, 0 to 1; the rest is the safety-tuned model's."""
    projector: Projector = "rank"
    """Onto the first directions of V, or as published: times VVᵀ/‖V‖."""
    energy: float = 0.9
    """Share of ‖V‖² that the first directions hold."""
    seed: int = 0
    """Of the samples that find directions of large weights."""
    beyond: ClassVar[bool] = False

    def __post_init__(self) -> None:
        refuse(self.threshold, self.energy)
        if not 0 <= self.share <= 1:
            raise ValueError(f"share is {self.share}; expected a share of the tuned change, 0 to 1")

    def __call__(self, pair: Pair, /) -> Iterator[tuple[str, Fate]]:
        """Moved weights, those that are mixed.

        Raises:
            ValueError: a checkpoint that does not fit, or holds numbers that are not finite.
        """
        return ((one.name, one.fate) for one in self.looked(pair) if one.fate is not None)

    def looked(self, pair: Pair) -> Iterator[Looked]:
        """Every weight that was looked at, with its cosine and what becomes of it."""
        before = opened(self.unaligned, pair, what="unaligned")
        safe = opened(self.safe, pair, what="safe")
        alignment = Alignment(before, self.projector, self.energy, self.seed)
        for one, low in below(alignment, pair, self.threshold):
            if not low or self.share == 1:
                yield one.looked(None)
            else:
                both = (one.delta, change(one.layer, safe))
                yield one.looked(Moved(total(both, (self.share, 1 - self.share))))
