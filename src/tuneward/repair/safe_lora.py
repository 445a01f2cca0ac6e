"""Safe LoRA: layers whose change has little along alignment keep only that part (Hsu et al. 2024, arXiv:2405.16833).

Differs from the paper: by default a true projector on the first directions of V, as the published C = VVᵀ/‖V‖ all but
drops what it is applied to (`projector="published"` for that); a layer is a weight by name, of adapters and of whole
models; biases, norms, embeddings and the head stay as tuned.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from tuneward.checkpoint.layer import Fate, Moved, Pair
from tuneward.repair.alignment import Alignment, Looked, Projector, below, lowest
from tuneward.repair.opened import opened


@dataclass(frozen=True)
class SafeLora:
    """Project the change of layers that moved off the alignment's directions."""

    unaligned: str = ""
    """Folder of the checkpoint before alignment, of the base's shapes."""
    threshold: float = 0.5
    """Cosine of ΔW with its part along alignment, 0 to 1, at or below which a layer is projected."""
    number: int | None = None
    """Project as many layers, those with the lowest cosines, whatever the threshold."""
    projector: Projector = "rank"
    """Onto the first directions of V, or as published: times VVᵀ/‖V‖."""
    energy: float = 0.9
    """Share of ‖V‖² that the first directions hold."""
    seed: int = 0
    """Of the samples that find directions of large weights."""
    beyond: ClassVar[bool] = False

    def __post_init__(self) -> None:
        refuse(self.threshold, self.energy)
        if self.number is not None and self.number < 1:
            raise ValueError(f"number is {self.number}; expected 1 layer or more")

    def __call__(self, pair: Pair, /) -> Iterator[tuple[str, Fate]]:
        """Moved weights, those that are projected.

        Raises:
            ValueError: a checkpoint that does not fit, equals the base, or holds numbers that are not finite.
        """
        return ((one.name, one.fate) for one in self.looked(pair) if one.fate is not None)

    def looked(self, pair: Pair) -> Iterator[Looked]:
        """Every weight that was looked at, with its cosine and what becomes of it."""
        before = opened(self.unaligned, pair, what="unaligned")
        alignment = Alignment(before, self.projector, self.energy, self.seed)
        if self.number is None:
            for one, low in below(alignment, pair, self.threshold):
                yield one.looked(Moved(one.part) if low else None)
            return
        seen, chosen = lowest(alignment, pair, self.number)
        for layer in pair:
            if layer.name in chosen:
                again = alignment.of(layer)
                yield again.looked(Moved(again.part))
            elif layer.name in seen:
                yield seen[layer.name]


def refuse(threshold: float, energy: float) -> None:
    """Refuse settings out of their range.

    Raises:
        ValueError: naming the setting.
    """
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold is {threshold}; expected a cosine, 0 to 1")
    if not 0 < energy <= 1:
        raise ValueError(f"energy is {energy}; expected a share above 0, to 1")
