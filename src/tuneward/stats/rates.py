"""Rates with intervals that never have zero width (Wilson 1927)."""

from dataclasses import dataclass
from math import sqrt

from scipy.special import ndtri


@dataclass(frozen=True)
class Rate:
    """k of n with its two-sided Wilson interval; with n = 0 nothing is known and the interval is [0, 1]."""

    k: int
    n: int
    value: float | None
    low: float
    high: float


def wilson(k: int, n: int, *, confidence: float = 0.95) -> Rate:
    """Score interval for a proportion.

    Raises:
        ValueError: unless 0 <= k <= n and 0 < confidence < 1.
    """
    if not 0 <= k <= n:
        raise ValueError(f"wilson: {k} of {n} is not a count; expected 0 <= k <= n")
    if not 0 < confidence < 1:
        raise ValueError(f"wilson: confidence {confidence} is outside (0, 1)")
    if n == 0:
        return Rate(0, 0, None, 0.0, 1.0)
    z = float(ndtri(0.5 + confidence / 2))
    p, z2 = k / n, z * z
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = z * sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return Rate(k, n, p, 0.0 if k == 0 else max(0.0, centre - half), 1.0 if k == n else min(1.0, centre + half))
