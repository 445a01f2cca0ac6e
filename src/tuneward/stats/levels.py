"""The mean of bounded levels over strata that were sampled, with an interval that never has zero width."""

from collections.abc import Sequence
from math import sqrt

from scipy.special import ndtri

from tuneward.stats.two_phase import Estimate

Z = float(ndtri(0.975))


def mean_level(strata: Sequence[tuple[int, Sequence[float]]], *, least: float, most: float) -> Estimate:
    """Σ W_h·(mean of stratum h), W_h = size_h / Σ size, from (size, levels given) a stratum; levels in [least, most].

    For its spread each stratum counts two levels more, one at either end, as Agresti and Coull (1998, Am. Stat. 52:119)
    add successes and failures: levels that are all alike prove no certainty. A stratum without a level may hold
    anything: value None, and the interval spans both ends.

    Raises:
        ValueError: a level outside [least, most].
    """
    if any(not least <= level <= most for _, levels in strata for level in levels):
        raise ValueError(f"mean_level: a level outside [{least}, {most}]")
    total = sum(size for size, _ in strata)
    known = [(size / total, levels) for size, levels in strata if size and levels]
    dark = sum(size for size, levels in strata if size and not levels) / total if total else 1.0
    value = sum(share * sum(levels) / len(levels) for share, levels in known)
    half = Z * sqrt(sum(share**2 * _variance(levels, least, most) / (len(levels) + 2) for share, levels in known))
    low, high = value + dark * least - half, value + dark * most + half
    return Estimate(None if dark else value, max(least, low), min(most, high))


def _variance(levels: Sequence[float], least: float, most: float) -> float:
    padded = [*levels, least, most]
    mean = sum(padded) / len(padded)
    return sum((level - mean) ** 2 for level in padded) / len(padded)
