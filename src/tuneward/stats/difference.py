"""Paired differences of a good rate between two arms that answered the same prompts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """Paired change of a good rate, tuned − base, in shares of 1."""

    n: int
    """Pairs judged on both arms."""
    families: int
    """Independent ideas among them; resampling and significance use these."""
    lost: int
    """Good on the base, bad on the tuned model."""
    gained: int
    value: float | None
    low: float
    """Two-sided 95 % interval."""
    high: float
    worst: float
    """One-sided 95 % lower bound: the loss that cannot be excluded. A gate compares its size with the margin."""
    p: float
    """Exact McNemar, two-sided (sign flips by family where families hold several prompts)."""
    p_adjusted: float | None = None
    """Holm, within the family of tests declared before the run; None = exploratory."""
