"""Paired differences of a good rate between two arms that answered the same prompts.

Both arms see the same prompts, so only the pairs whose outcome changed carry information: an unpaired comparison of
the two rates throws that away. Prompts of one family (variants and translations of one idea) change together, so
where families hold several prompts the family, not the prompt, is the unit of resampling and of significance.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, ndtri

from tuneward.stats.rates import wilson

Counts: TypeAlias = NDArray[np.int64]
EXACT_CELLS = 50_000_000
"""Above this many table cells the sign-flip distribution is sampled, not enumerated (about half a second)."""
PRIOR_WEIGHT = 2.0
"""Weight of "prompts of one family change together" against one changed family, times the prompts per family.

From 1.5 on, a further loss never raised `Difference.worst` in a search over 2–80 families of 2–20 prompts (but for
tables in which every pair was gained); at 1 it did.
"""


@dataclass(frozen=True)
class Pair:
    """One prompt answered by both arms; True is the good outcome, shares are of pairs."""

    family: str
    category: str
    base: bool
    tuned: bool


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


def mcnemar(lost: int, gained: int) -> float:
    """Exact two-sided p of McNemar (1947): under no change a changed pair is lost or gained with equal chance.

    Returns 1 when nothing changed.

    Raises:
        ValueError: for a negative count.
    """
    if lost < 0 or gained < 0:
        raise ValueError(f"mcnemar: lost {lost}, gained {gained}; expected counts of at least 0")
    if lost == gained:
        return 1.0
    return min(1.0, 2.0 * float(bdtr(float(min(lost, gained)), lost + gained, 0.5)))


def tango(lost: float, gained: float, n: float, *, confidence: float = 0.95) -> tuple[float, float]:
    """Score interval of tuned − base = (gained − lost) / n (Tango 1998, Statistics in Medicine 17:891).

    All differences that the paired score test would not reject: never of zero width, inside [-1, 1], and ± z²/(n + z²)
    when nothing changed. Swapping the arms negates it. Counts may be fractions, so that a smaller effective number
    of pairs can be put in. With n = 0 nothing is known and the interval is (-1, 1).

    Raises:
        ValueError: unless lost, gained >= 0, lost + gained <= n and 0 < confidence < 1.
    """
    if lost < 0 or gained < 0 or lost + gained > n * (1 + 1e-12):
        raise ValueError(f"tango: lost {lost}, gained {gained} of {n} pairs; expected counts with lost + gained <= n")
    z = _quantile(confidence, "tango")
    if n == 0:
        return -1.0, 1.0
    return -_furthest(lost, gained, n, z * z), _furthest(gained, lost, n, z * z)


def _quantile(confidence: float, name: str) -> float:
    """Two-sided normal quantile."""
    if not 0 < confidence < 1:
        raise ValueError(f"{name}: confidence {confidence} is outside (0, 1)")
    return float(ndtri(0.5 + confidence / 2))


def _furthest(toward: float, away: float, n: float, z2: float) -> float:
    """Largest difference (share `toward` − share `away`) that the score test keeps, by bisection.

    Bisection, not Newton: the squared statistic is 0 at the estimate and infinite at 1, whatever the counts.
    """
    low, high = (toward - away) / n, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if (toward - away - n * middle) ** 2 <= z2 * _null_variance(toward, away, n, middle):
            low = middle
        else:
            high = middle
    return high


def _null_variance(toward: float, away: float, n: float, delta: float) -> float:
    """Variance of the net count when the true difference is `delta`, at the constrained maximum of the likelihood.

    The smaller changing share solves 2n·q² + b·q − c = 0 (Tango's equation); the form of the root avoids cancellation.
    """
    if delta < 0:
        toward, away, delta = away, toward, -delta
    b = (2 * n - toward + away) * delta - (toward + away)
    c = away * delta * (1 - delta)
    root = sqrt(b * b + 8 * n * c)
    share = 0.0 if root == 0 else 2 * c / (b + root) if b > 0 else (root - b) / (4 * n)
    return n * (2 * share + delta * (1 - delta))


def newcombe(both: int, lost: int, gained: int, neither: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Hybrid score interval of tuned − base from the paired 2 × 2 table (Newcombe 1998, method 10, phi uncorrected).

    Built from the Wilson intervals of the two rates and their correlation. When no pair changed the two rates are
    perfectly correlated, and the formula narrows to nothing at a rate of 50 %, as if 20 unchanged pairs proved no
    change: Tango's interval is returned instead.

    Raises:
        ValueError: for a negative count or a confidence outside (0, 1).
    """
    if min(both, lost, gained, neither) < 0:
        raise ValueError(f"newcombe: ({both}, {lost}, {gained}, {neither}) holds a negative count; expected counts")
    n = both + lost + gained + neither
    if lost + gained == 0:
        return tango(lost, gained, n, confidence=confidence)
    base = wilson(both + lost, n, confidence=confidence)
    tuned = wilson(both + gained, n, confidence=confidence)
    p_base, p_tuned = (both + lost) / n, (both + gained) / n
    margins = (both + lost) * (gained + neither) * (both + gained) * (lost + neither)
    phi = (both * neither - lost * gained) / sqrt(margins) if margins else 0.0
    down = _combine(p_tuned - tuned.low, base.high - p_base, phi)
    up = _combine(tuned.high - p_tuned, p_base - base.low, phi)
    return max(-1.0, p_tuned - p_base - down), min(1.0, p_tuned - p_base + up)


def _combine(first: float, second: float, phi: float) -> float:
    """Half-width of a difference from two half-widths with correlation phi."""
    return sqrt(max(0.0, first * first - 2 * phi * first * second + second * second))


def _by_family(pairs: Sequence[Pair]) -> tuple[Counts, Counts]:
    """Net gain and number of pairs of each family, in an order that does not depend on the order of the pairs."""
    found: dict[str, list[int]] = {}
    for pair in pairs:
        entry = found.setdefault(pair.family, [0, 0])
        entry[0] += int(pair.tuned) - int(pair.base)
        entry[1] += 1
    table = np.array(sorted(found.values()), dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def sign_flip(pairs: Sequence[Pair], *, seed: int = 0, draws: int = 20_000) -> float:
    """Two-sided p of no change, by swapping the arms of whole families (Fisher 1935; exact McNemar for single prompts).

    If tuning changed nothing, the arms of a family could be swapped, all its prompts at once, without anyone noticing.
    The distribution of the net change is enumerated exactly over the families with a net change; only a table beyond
    `EXACT_CELLS` is sampled, with (k + 1) / (draws + 1) so that p is never 0. `seed` and `draws` matter only then.

    Raises:
        ValueError: if draws < 1.
    """
    if draws < 1:
        raise ValueError(f"sign_flip: {draws} draws; expected at least 1")
    sums, _ = _by_family(pairs)
    sizes = np.abs(sums[sums != 0])
    observed = abs(int(sums.sum()))
    if observed == 0:
        return 1.0
    if len(sizes) * int(sizes.sum()) <= EXACT_CELLS:
        return _flip_exact(sizes, observed)
    return _flip_sampled(sizes, observed, np.random.default_rng(seed), draws)


def _flip_exact(sizes: Counts, observed: int) -> float:
    """P(|Σ ± size| >= observed): the sum of the families that stay unflipped, one family after the other."""
    total = int(sizes.sum())
    chance = np.zeros(total + 1)
    chance[0] = 1.0
    for size in sizes:
        half = chance / 2
        chance = half.copy()
        chance[size:] += half[:-size]
    reached = np.abs(2 * np.arange(total + 1) - total) >= observed
    return min(1.0, float(chance[reached].sum()))


def _flip_sampled(sizes: Counts, observed: int, rng: np.random.Generator, draws: int) -> float:
    """The same from random flips; families of equal size are flipped together by one binomial draw."""
    values, counts = np.unique(sizes, return_counts=True)
    kept = rng.binomial(counts, 0.5, size=(draws, len(counts)))
    sums = (2 * kept - counts) @ values
    return (int(np.count_nonzero(np.abs(sums) >= observed)) + 1) / (draws + 1)


def family_bootstrap(
    pairs: Sequence[Pair], *, seed: int = 0, draws: int = 4_000, confidence: float = 0.95
) -> tuple[float, float]:
    """Percentile interval of tuned − base from families drawn with replacement (Davison and Hinkley 1997, ch. 3).

    It can have zero width (nothing changed, or one family), so it never stands alone: see `paired_difference`.
    Swapping the arms negates it exactly, and the order of the pairs does not matter. No pairs: (-1, 1).

    Raises:
        ValueError: if draws < 1 or confidence is outside (0, 1).
    """
    if draws < 1 or not 0 < confidence < 1:
        raise ValueError(f"family_bootstrap: draws {draws}, confidence {confidence}; expected >= 1 and inside (0, 1)")
    sums, sizes = _by_family(pairs)
    if len(sums) == 0:
        return -1.0, 1.0
    low, high = _resampled(sums, sizes, np.random.default_rng(seed), draws, confidence)
    mirror_low, mirror_high = _resampled(-sums, sizes, np.random.default_rng(seed), draws, confidence)
    return (low - mirror_high) / 2, (high - mirror_low) / 2


def _resampled(
    sums: Counts, sizes: Counts, rng: np.random.Generator, draws: int, confidence: float
) -> tuple[float, float]:
    """Quantiles of Σ sums / Σ sizes; alike families are drawn together, so time does not grow with their number."""
    kinds, counts = np.unique(np.stack([sums, sizes], axis=1), axis=0, return_counts=True)
    drawn = rng.multinomial(len(sums), counts / len(sums), size=draws) @ kinds
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _effective_share(sums: Counts, sizes: Counts, changed: float) -> float:
    """Effective number of pairs over their number: 1 / max(1, design effect) (Kish 1965, §5.4), at least 1 pair.

    The design effect is the variance of the difference with families as units over that with pairs as units. With few
    families changed it is hardly known and would come out near 1, as if one flip had shown the prompts independent. So
    it is averaged with its value if all prompts of a family changed together.
    """
    n, families = int(sizes.sum()), len(sums)
    together = float((sizes**2).sum()) / n
    net = int(sums.sum())
    between = float(((n * sums - net * sizes) ** 2).sum()) / n**2  # in whole numbers: no trace of the families' order
    within = changed - net * net / n
    informed = families > 1 and within > 1e-9
    seen = between / within if informed else together
    weight, prior = float(np.count_nonzero(sums)), PRIOR_WEIGHT * together
    effect = (weight * seen + prior * together) / (weight + prior)
    return max(1.0 / max(1.0, effect), 1.0 / n)


def paired_difference(pairs: Sequence[Pair], *, seed: int = 0) -> Difference:
    """Difference tuned − base with a 95 % interval, the one-sided 95 % bound `worst` and an exact p.

    One pair per family: Tango's interval (`worst` is its lower end at 90 %) and exact McNemar. Several per family: the
    same on the effective number of pairs, widened where the family bootstrap is wider, and the sign-flip p. The first
    keeps the interval from zero width, the second covers families of unequal size; `worst` is Tango's alone, because
    bootstrap quantiles jump, and a further loss could then raise it. Both are score bounds, near their level but not
    exact: a true loss of 3 points passes a 3-point margin in up to 6.9 % of runs at some sizes (`bench/simulate.py`).
    No pairs: [-1, 1] and p = 1.
    """
    if not pairs:
        return Difference(0, 0, 0, 0, None, -1.0, 1.0, -1.0, 1.0)
    lost = sum(pair.base and not pair.tuned for pair in pairs)
    gained = sum(pair.tuned and not pair.base for pair in pairs)
    sums, sizes = _by_family(pairs)
    n, families, value = len(pairs), len(sums), (gained - lost) / len(pairs)
    single = families == n
    share = 1.0 if single else _effective_share(sums, sizes, lost + gained)
    low, high = tango(lost * share, gained * share, n * share)
    worst, _ = tango(lost * share, gained * share, n * share, confidence=0.90)
    if single:
        return Difference(n, families, lost, gained, value, low, high, worst, mcnemar(lost, gained))
    drawn = family_bootstrap(pairs, seed=seed)
    low, high = min(low, drawn[0]), max(high, drawn[1])
    return Difference(n, families, lost, gained, value, low, high, worst, sign_flip(pairs, seed=seed))
