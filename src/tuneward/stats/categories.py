"""Which category lost, and can this run tell?"""

from dataclasses import dataclass


@dataclass(frozen=True)
class WorstCategory:
    """Is the category with the largest loss worse than the luck of the draw? Permutation of category labels."""

    name: str
    excess: float
    """Its loss minus the axis's loss."""
    p: float
