"""What is said of one quantity. Imports nothing."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A value with its two-sided 95 % interval."""

    value: float
    low: float
    high: float
    n: int
    """Units: prompts, each of a family of its own, or rows."""
