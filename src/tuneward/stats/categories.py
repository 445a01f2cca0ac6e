"""Which category lost, and can this run tell?

Eleven categories of ten prompts each: the largest of eleven noisy rates always looks bad. Two answers: shrink the
rates towards each other as far as the data say they agree (partial pooling), and ask whether the worst category is
worse than it would be if the category labels meant nothing (permutation).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaln, expit, xlog1py, xlogy

from tuneward.stats.difference import Pair

Floats: TypeAlias = NDArray[np.float64]
STRENGTHS: Floats = np.geomspace(1.0, 500.0, 10)
"""How alike categories may be, in prompts' worth of prior; bounded, so that equal rates never mean certainty."""
CELLS = 2_000_000
"""Permuted labels held in memory at once."""


@dataclass(frozen=True)
class WorstCategory:
    """Is the category with the largest loss worse than the luck of the draw? Permutation of category labels."""

    name: str
    excess: float
    """Its loss minus the axis's loss."""
    p: float


@dataclass(frozen=True)
class Pooled:
    """Share lost of the prompts at risk in one category, shrunk towards the others, with a 95 % interval."""

    value: float | None
    """None when nothing was at risk in any category."""
    low: float
    high: float


def pool(lost: Sequence[int], at_risk: Sequence[int]) -> list[Pooled]:
    """Beta-binomial partial pooling of the categories' losses (Gelman et al., Bayesian Data Analysis, §5.3).

    Rates are draws from one Beta(μκ, (1 − μ)κ); μ and κ are averaged over their posterior on a grid, with a Jeffreys
    prior for μ and κ log-uniform on `STRENGTHS`. Averaging, not plugging in the best fit, keeps the 95 % equal-tailed
    intervals honest when no category lost anything or all lost alike. A category with nothing at risk gets the
    predictive interval of a new category; with nothing at risk anywhere the value is None and the interval [0, 1].

    Raises:
        ValueError: for sequences of different length or counts outside 0 <= lost <= at_risk.
    """
    if len(lost) != len(at_risk):
        raise ValueError(f"pool: {len(lost)} losses for {len(at_risk)} categories at risk; expected one each")
    if any(not 0 <= k <= n for k, n in zip(lost, at_risk, strict=True)):
        raise ValueError(f"pool: lost {list(lost)} of {list(at_risk)}; expected 0 <= lost <= at_risk")
    if not any(at_risk):
        return [Pooled(None, 0.0, 1.0) for _ in at_risk]
    k, n = np.array(lost, dtype=np.float64), np.array(at_risk, dtype=np.float64)
    mean, strength, weight = _hyper_posterior(k, n)
    a, b = k[:, None] + mean * strength, (n - k)[:, None] + (1 - mean) * strength
    values = (a / (a + b)) @ weight
    low, high = _mixture_quantile(a, b, weight, 0.025), _mixture_quantile(a, b, weight, 0.975)
    return [Pooled(float(v), float(x), float(y)) for v, x, y in zip(values, low, high, strict=True)]


def _hyper_posterior(k: Floats, n: Floats) -> tuple[Floats, Floats, Floats]:
    """Points (μ, κ) and their weights: grids in logit μ close in on the bulk."""
    start, stop = -12.0, 12.0
    for _ in range(3):
        logits = np.linspace(start, stop, 33)
        mean, strength = (grid.ravel() for grid in np.meshgrid(expit(logits), STRENGTHS))
        logs = _log_marginal(k, n, mean, strength) + xlogy(0.5, mean) + xlog1py(0.5, -mean)
        weight = np.exp(logs - logs.max())
        bulk = logits[weight.reshape(len(STRENGTHS), -1).max(axis=0) > 1e-5]
        step = logits[1] - logits[0]
        start, stop = bulk[0] - step, bulk[-1] + step
    kept = weight > 1e-3
    return mean[kept], strength[kept], weight[kept] / weight[kept].sum()


def _log_marginal(k: Floats, n: Floats, mean: Floats, strength: Floats) -> Floats:
    """Log likelihood of all categories at each grid point, up to a constant."""
    a, b = (mean * strength)[:, None], ((1 - mean) * strength)[:, None]
    total: Floats = (betaln(a + k, b + n - k) - betaln(a, b)).sum(axis=1)
    return total


def _mixture_quantile(a: Floats, b: Floats, weight: Floats, level: float) -> Floats:
    """Quantile of each row's mixture of Beta(a, b), by bisection to 1e-7."""
    low, high = np.zeros(len(a)), np.ones(len(a))
    for _ in range(24):
        middle = (low + high) / 2
        below = betainc(a, b, middle[:, None]) @ weight < level
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2


def worst_category(pairs: Sequence[Pair], *, seed: int = 0, draws: int = 5_000) -> WorstCategory | None:
    """The category with the largest net loss share, and the chance of one as bad if labels meant nothing.

    Labels are permuted over families, which stay whole (a family found in two categories counts once in each); p is
    (k + 1) / (draws + 1), so never 0. Ties go to the first name. None when nothing was lost or there are fewer than
    two categories.

    Raises:
        ValueError: if draws < 1.
    """
    if draws < 1:
        raise ValueError(f"worst_category: {draws} draws; expected at least 1")
    units: dict[tuple[str, str], list[int]] = {}
    for pair in pairs:
        unit = units.setdefault((pair.category, pair.family), [0, 0])
        unit[0] += int(pair.base) - int(pair.tuned)
        unit[1] += 1
    names = sorted({category for category, _ in units})
    if len(names) < 2 or not any(pair.base and not pair.tuned for pair in pairs):
        return None
    ordered = sorted(units)
    table = np.array([units[unit] for unit in ordered], dtype=np.int64)
    starts = np.searchsorted([category for category, _ in ordered], names)
    overall = float(table[:, 0].sum() / table[:, 1].sum())
    shares = _shares(table[None], starts)[0]
    worst = int(shares.argmax())
    rng, reached = np.random.default_rng(seed), 0
    for chunk in _chunks(draws, max(1, CELLS // len(table))):
        order = rng.permuted(np.tile(np.arange(len(table)), (chunk, 1)), axis=1)
        reached += int((_shares(table[order], starts).max(axis=1) >= shares[worst] - 1e-12).sum())
    return WorstCategory(names[worst], float(shares[worst]) - overall, (reached + 1) / (draws + 1))


def _shares(tables: NDArray[np.int64], starts: NDArray[np.intp]) -> Floats:
    """Net loss share per category; tables (draws, units, 2) hold net losses and sizes, units of a category adjoin."""
    sums = np.add.reduceat(tables, starts, axis=1)
    shares: Floats = sums[..., 0] / sums[..., 1]
    return shares


def _chunks(total: int, size: int) -> list[int]:
    """Sizes that add up to `total`, none above `size`."""
    full, rest = divmod(total, size)
    return [size] * full + ([rest] if rest else [])
