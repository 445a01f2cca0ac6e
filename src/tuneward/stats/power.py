"""What a run can tell, said before it is made: exact power of McNemar's test and the losses it can see."""

from functools import lru_cache
from math import floor, log2

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, gammaln, xlog1py, xlogy


@lru_cache(maxsize=64)
def _most_gains(n: int, alpha: float) -> NDArray[np.int64]:
    """For each number of changed pairs 0…n, the most gains that still make a net loss significant; -1 = none.

    Found by bisection on the exact p, all sizes at once.
    """
    changed = np.arange(n + 1)
    low, high = np.full(n + 1, -1), (changed - 1) // 2
    while bool((low < high).any()):
        middle = (low + high + 1) // 2
        good = 2 * bdtr(np.maximum(middle, 0).astype(float), changed, 0.5) < alpha
        open_ = low < high
        low = np.where(open_ & good, middle, low)
        high = np.where(open_ & ~good, middle - 1, high)
    low.setflags(write=False)
    return low


def _check(n: int, alpha: float, name: str) -> None:
    if n < 0 or not 0 < alpha < 1:
        raise ValueError(f"{name}: n {n}, level {alpha}; expected n >= 0 and a level inside (0, 1)")


def mcnemar_power(n: int, *, lost: float, gained: float, alpha: float = 0.05) -> float:
    """Chance that n pairs show a significant net loss: exact two-sided McNemar p < alpha with more lost than gained.

    Exact, summed over the number of changed pairs (binomial) and the gains among them (binomial). `lost` and `gained`
    are shares of *all* pairs. With lost = gained it is the false-alarm rate for losses, at most alpha / 2.

    Raises:
        ValueError: unless lost, gained >= 0, lost + gained <= 1, n >= 0 and 0 < alpha < 1.
    """
    _check(n, alpha, "mcnemar_power")
    if lost < 0 or gained < 0 or lost + gained > 1 + 1e-12:
        raise ValueError(f"mcnemar_power: shares lost {lost}, gained {gained}; expected >= 0 with a sum of at most 1")
    share = min(1.0, lost + gained)
    if n == 0 or share == 0:
        return 0.0
    changed = np.arange(n + 1)
    ways = gammaln(n + 1) - gammaln(changed + 1) - gammaln(n - changed + 1)
    chance = np.exp(ways + xlogy(changed, share) + xlog1py(n - changed, -share))
    most = _most_gains(n, alpha)
    rejected = np.where(most >= 0, bdtr(np.maximum(most, 0).astype(float), changed, min(1.0, gained / share)), 0.0)
    return min(1.0, float(chance @ rejected))


def detectable(n: int, *, reverse: float = 0.007, power: float = 0.8, alpha: float = 0.05) -> float | None:
    """Smallest share of all pairs lost that n pairs show with the given power, when `reverse` of them are gained.

    To six decimals, rounded up; None when even losing everything else is not enough.

    Raises:
        ValueError: unless 0 <= reverse <= 1, 0 < power < 1, n >= 0 and 0 < alpha < 1.
    """
    _check(n, alpha, "detectable")
    if not 0 <= reverse <= 1 or not 0 < power < 1:
        raise ValueError(f"detectable: reverse {reverse}, power {power}; expected inside [0, 1] and (0, 1)")
    low, high = 0.0, 1.0 - reverse
    if mcnemar_power(n, lost=high, gained=reverse, alpha=alpha) < power:
        return None
    while high - low > 1e-7:
        middle = (low + high) / 2
        if mcnemar_power(n, lost=middle, gained=reverse, alpha=alpha) >= power:
            high = middle
        else:
            low = middle
    return high


def resolvable(n: int, *, tests: int) -> float:
    """Smallest share lost, with nothing gained, that n pairs can call significant as the first of `tests` under Holm.

    Exact McNemar needs 2^(1 − lost) < .05 / tests. Above 1 (1 + 1/n; 2 for n = 0) means that no loss could be: a
    category with fewer pairs than that can never fail on its own.

    Raises:
        ValueError: if n < 0 or tests < 1.
    """
    if n < 0 or tests < 1:
        raise ValueError(f"resolvable: n {n}, tests {tests}; expected n >= 0 and tests >= 1")
    needed = floor(log2(2 * tests / 0.05)) + 1
    if n == 0:
        return 2.0
    return needed / n if needed <= n else 1.0 + 1.0 / n
