"""The mean of bounded levels over strata that were sampled, with an interval that never has zero width."""

from collections.abc import Sequence
from math import sqrt

from scipy.special import ndtri

from tuneward.stats.two_phase import Estimate

Z = float(ndtri(0.975))


def mean_level(strata: Sequence[tuple[int, Sequence[float]]], *, least: float, most: float) -> Estimate:
    """Σ W_h·(mean of stratum h), W_h = size_h / Σ size, from (size, levels given) a stratum; levels in [least, most].

    For its spread each stratum counts two levels more, one at either end, as Agresti and Coull (1998, Am. Stat. 52:119)
    add successes and failures: levels that are all alike prove no certainty. The spread between strata counts too, as
    their sizes are chance. A stratum without a level may hold anything: value None, and the interval is tried at both
    ends.

    Raises:
        ValueError: a level outside [least, most].
    """
    if any(not least <= level <= most for _, levels in strata for level in levels):
        raise ValueError(f"mean_level: a level outside [{least}, {most}]")
    total = sum(size for size, _ in strata)
    if not total:
        return Estimate(None, least, most)
    within = sum(
        (size / total) ** 2 * _variance(levels, least, most) / (len(levels) + 2) for size, levels in strata if levels
    )
    dark = any(size and not levels for size, levels in strata)
    ends = []
    for end in (least, most):
        means = [(size / total, sum(levels) / len(levels) if levels else end) for size, levels in strata]
        mean = sum(share * one for share, one in means)
        between = sum(share * (one - mean) ** 2 for share, one in means) / total
        half = Z * sqrt(within + between)
        ends.append((mean - half, mean, mean + half))
    low, high = min(low for low, _, _ in ends), max(high for _, _, high in ends)
    return Estimate(None if dark else ends[0][1], max(least, low), min(most, high))


def _variance(levels: Sequence[float], least: float, most: float) -> float:
    padded = [*levels, least, most]
    mean = sum(padded) / len(padded)
    return sum((level - mean) ** 2 for level in padded) / len(padded)
