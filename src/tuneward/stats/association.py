"""Which of many features go with a label more than luck explains? Exact tails, false discovery rate, smallest finds.

A feature stands in n of N rows, K of the N have the label, a of the n do. If the label were dealt out at random, a
would be hypergeometric. Tails are kept as natural logarithms: at hundreds of rows they lie far below 1e-300, and
features are ranked by them.
"""

from math import ceil, log
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
NEGLIGIBLE = 1e-17
"""A term of a sum that changes nothing any more, as a share of the sum."""


def log_tails(hits: ArrayLike, rows: ArrayLike, *, positives: int, total: int) -> Floats:
    """ln P(X ≥ hits) for each feature, X hypergeometric: `rows` drawn from `total` rows with `positives` (Fisher 1935).

    `hits` and `rows` have one shape, or one of them is a single number. Relative error of the p below 1e-6 up to ten
    million rows. Equal pairs are computed once, so a million features of a text cost what its few thousand pairs do.

    Raises:
        ValueError: counts that no table has.
    """
    a, n = np.broadcast_arrays(np.asarray(hits, np.int64), np.asarray(rows, np.int64))
    if not 0 <= positives <= total:
        raise ValueError(f"log_tails: {positives} of {total} rows have the label; expected 0 <= positives <= total")
    if a.size and (a.min() < 0 or n.max() > total or np.any(a > np.minimum(n, positives))):
        raise ValueError(f"log_tails: a feature has more hits than rows, or more than {positives} of {total}")
    if not a.size:
        return np.zeros(a.shape)
    pairs, place = np.unique(np.stack([a.ravel(), n.ravel()]), axis=1, return_inverse=True)
    one, other = _tails(pairs[0], pairs[1], positives, total), np.ravel(place)
    return np.asarray(one[other].reshape(a.shape), np.float64)


def _tails(a: Ints, n: Ints, k: int, total: int) -> Floats:
    """Above the mean the upper tail is added up; below it, what the lower one leaves."""
    tails = np.zeros(a.size)
    certain = a <= np.maximum(0, n + k - total)
    above = ~certain & (a * total > n * k)
    below = ~certain & ~above
    x, drawn = a[above], n[above]
    tails[above] = _log_mass(x, drawn, k, total) + np.log(_series(x, drawn, (k, total), up=True))
    x, drawn = a[below] - 1, n[below]
    lower = _log_mass(x, drawn, k, total) + np.log(_series(x, drawn, (k, total), up=False))
    tails[below] = np.log1p(-np.exp(np.minimum(lower, -1e-16)))
    return np.minimum(tails, 0.0)


def _log_choose(n: Ints, k: Ints) -> Floats:
    return np.asarray(gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0), np.float64)


def _log_mass(x: Ints, n: Ints, k: int, total: int) -> Floats:
    """ln P(X = x)."""
    whole, without = np.full_like(n, total), np.full_like(n, total - k)
    return _log_choose(np.full_like(n, k), x) + _log_choose(without, n - x) - _log_choose(whole, n)


def _series(start: Ints, n: Ints, table: tuple[int, int], *, up: bool) -> Floats:
    """Sum of P(x) / P(start) for x from start away from the mean; every term is the last one times a ratio."""
    k, total = table
    sums, term, x = np.ones(start.size), np.ones(start.size), start.astype(np.float64)
    drawn, live = n.astype(np.float64), np.arange(start.size)
    while live.size:
        at, of = x[live], drawn[live]
        more, fewer = (of - at) * (k - at), at * (total - k - of + at)
        ratio = more / ((at + 1) * (total - k - of + at + 1)) if up else fewer / ((of - at + 1) * (k - at + 1))
        term[live] *= ratio
        sums[live] += term[live]
        x[live] += 1 if up else -1
        live = live[term[live] > NEGLIGIBLE * sums[live]]
    return sums


def benjamini_hochberg(log_ps: ArrayLike, *, tested: int | None = None) -> Floats:
    """ln of the adjusted p values in the order given (Benjamini and Hochberg 1995, J. R. Stat. Soc. B 57:289).

    Below ln q: the expected share of false ones among such discoveries is at most q. `tested` may be more than the
    values given, where those left out had p = 1.

    Raises:
        ValueError: fewer tested than given.
    """
    ps = np.asarray(log_ps, np.float64).ravel()
    m = ps.size if tested is None else tested
    if m < ps.size:
        raise ValueError(f"benjamini_hochberg: {ps.size} p values of {m} tests")
    if not ps.size:
        return ps
    order = np.argsort(ps, kind="stable")
    raised = ps[order] + np.log(m) - np.log(np.arange(1, ps.size + 1))
    adjusted = np.empty_like(ps)
    adjusted[order] = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 0.0)
    return adjusted


def smallest(m: int, *, positives: int, total: int, q: float = 0.01, purity: float = 1.0) -> int | None:
    """Fewest rows in which a feature must stand to be found alone among m tests, by search over the exact tails.

    `purity` is the share of its rows with the label, rounded up to whole rows. The formula ln(q/m) / ln(K/N) draws with
    replacement and asks for up to a few rows more. None: not even all rows with the label would do.

    Raises:
        ValueError: m, q or purity out of range.
    """
    if m < 1 or not 0 < q < 1 or not 0 < purity <= 1:
        raise ValueError(f"smallest: m {m}, q {q}, purity {purity}; expected m >= 1, 0 < q < 1 and 0 < purity <= 1")
    most = min(total, int(positives / purity))
    rows = np.arange(1, most + 1)
    hits = np.array([ceil(purity * n - 1e-9) for n in rows], np.int64)
    fits = hits <= positives
    below = log_tails(hits[fits], rows[fits], positives=positives, total=total) <= log(q / m)
    return int(rows[fits][np.argmax(below)]) if below.any() else None


def within_reach(rows: ArrayLike, *, positives: int, total: int, q: float, purity: float) -> tuple[int, int] | None:
    """The floor of rows below which no feature could be found, and how many features are left to test.

    Text has mostly words that stand in one or two rows. They cannot reach significance, yet raise m for the others.
    The floor is the smallest r at which a pure feature in r rows is found among the features in r rows or more; it
    looks at row counts only, never at labels, so the false discovery rate holds (Gilbert 2005, J. R. Stat. Soc. C
    54:143, after Tarone 1990). Features in more rows than `purity` allows are left out on the same ground. None: no
    feature could be found.
    """
    counts = np.asarray(rows, np.int64)
    counts = np.sort(counts[counts * purity <= positives + 1e-9])
    floors = np.arange(1, positives + 1)
    left = counts.size - np.searchsorted(counts, floors)
    bars = np.log(q / np.maximum(left, 1))
    below = log_tails(floors, floors, positives=positives, total=total) <= bars
    if not below.any():
        return None
    place = int(np.argmax(below))
    return int(floors[place]), int(left[place])


def log_odds(hits: ArrayLike, rows: ArrayLike, *, positives: int, total: int, prior: float = 500.0) -> Floats:
    """z score of the log-odds ratio of a feature with and without the label, shrunk by a Dirichlet prior.

    Monroe, Colaresi and Quinn 2008, Political Analysis 16:372, eq. 22, on rows instead of words: the prior is what
    the feature would have in `prior` rows if the label meant nothing, so that rare features need more to stand out.
    """
    a, n = np.asarray(hits, np.float64), np.asarray(rows, np.float64)
    own = prior * n / max(total, 1)
    with_label, without = a + own, n - a + own
    odds = np.log(with_label / np.maximum(positives + prior - with_label, 1e-9))
    against = np.log(without / np.maximum(total - positives + prior - without, 1e-9))
    return np.asarray((odds - against) / np.sqrt(1 / with_label + 1 / without), np.float64)
