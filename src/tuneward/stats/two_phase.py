"""Rates and their change from a costly judge that saw only some of the pairs.

Phase 1: a cheap scorer reads every reply of both arms and sorts the pairs into strata, such as pairs whose outcome it
calls different and pairs whose outcome it calls alike. Phase 2: the judge reads a simple random sample, drawn without
replacement, of each stratum; of the first perhaps all. Because the chance of being judged is known, the rates of *all*
pairs can be estimated without trusting the cheap scorer (Neyman 1938, JASA 33:101; Cochran, Sampling Techniques, ch.
12). The prompts are taken as a sample of those that could have been asked, exactly as in `paired_difference`: judging
every pair still leaves an interval. Bad is True; rates are shares of 1; a change above 0 is worse.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite, sqrt
from typing import TypeAlias

import numpy as np
from scipy.special import ndtri

from tuneward.stats.difference import tango

Judged: TypeAlias = tuple[bool, bool]
"""(bad on the base, bad on the tuned model)."""
Z = float(ndtri(0.975))


@dataclass(frozen=True)
class Estimate:
    """A rate or a change of one with its two-sided 95 % interval; None where a stratum has no judged pair."""

    value: float | None
    low: float
    high: float


@dataclass(frozen=True)
class Stratum:
    """Pairs of one cheap outcome pattern: how many there are, and the verdicts on those drawn for judging."""

    size: int
    judged: Sequence[Judged]


@dataclass(frozen=True)
class TwoPhase:
    """Bad rate of both arms and its paired change, tuned − base."""

    base: Estimate
    tuned: Estimate
    delta: Estimate
    pairs: int
    judged: int


@dataclass(frozen=True)
class PredictionPowered:
    """A bad rate from few labels and a cheap proxy for all replies."""

    value: float | None
    low: float
    high: float
    weight: float
    """λ: how far the proxy is trusted, 0 = not at all."""
    judged: int
    effective: float
    """Labels that would be worth as much without the proxy; between `judged` and the number of replies."""


@dataclass(frozen=True)
class _Piece:
    """A stratum's share of the pairs, and its own estimate and limits."""

    share: float
    value: float
    low: float
    high: float


def two_phase(strata: Sequence[Stratum]) -> TwoPhase:
    """Bad rates and their paired change over all pairs of all strata.

    Estimate: Σ W_h·(estimate in stratum h), W_h its share of the pairs. Interval: MOVER (Zou and Donner 2008, Stat.
    Med. 27:1693) of the strata's Agresti–Coull or Tango intervals, plus the spread between strata, as their sizes are
    chance too. A stratum without a judged pair may hold anything: value None, and the interval spans both extremes.
    A pair that the judge could not read is not a judged pair; leaving it out assumes that it is like the others, so
    count it and show it.

    Raises:
        ValueError: if a stratum has more judged pairs than pairs.
    """
    for place, stratum in enumerate(strata):
        if len(stratum.judged) > stratum.size:
            raise ValueError(
                f"two_phase: stratum {place} has {len(stratum.judged)} judged pairs of {stratum.size}; "
                "expected at most its size"
            )
    filled = [stratum for stratum in strata if stratum.size]
    return TwoPhase(
        _estimate(filled, lambda judged: _rate(judged, 0), 0.0),
        _estimate(filled, lambda judged: _rate(judged, 1), 0.0),
        _estimate(filled, _change, -1.0),
        sum(stratum.size for stratum in strata),
        sum(len(stratum.judged) for stratum in strata),
    )


def _rate(judged: Sequence[Judged], arm: int) -> tuple[float, float, float]:
    """Value and limits of one arm's bad rate in a stratum."""
    value = sum(pair[arm] for pair in judged) / len(judged)
    return (value, *_adjusted(value, len(judged)))


def _change(judged: Sequence[Judged]) -> tuple[float, float, float]:
    """Value and limits of the paired change in a stratum."""
    worse = sum(tuned and not base for base, tuned in judged)
    better = sum(base and not tuned for base, tuned in judged)
    return ((worse - better) / len(judged), *tango(better, worse, len(judged)))


def _estimate(
    strata: Sequence[Stratum], within: Callable[[Sequence[Judged]], tuple[float, float, float]], least: float
) -> Estimate:
    """The strata put together; what no one judged is tried at both ends of its range [least, 1]."""
    n = sum(stratum.size for stratum in strata)
    if n == 0:
        return Estimate(None, least, 1.0)
    known = [_Piece(stratum.size / n, *within(stratum.judged)) for stratum in strata if stratum.judged]
    dark = [stratum.size / n for stratum in strata if not stratum.judged]
    ends = [_combined([*known, *(_Piece(share, end, end, end) for share in dark)], n) for end in (least, 1.0)]
    value = None if dark else sum(piece.share * piece.value for piece in known)
    low, high = max(least, min(low for low, _ in ends)), min(1.0, max(high for _, high in ends))
    if value is None:
        return Estimate(None, low, high)
    return Estimate(value, min(low, value), max(high, value))  # sums of shares may round past the ends


def _combined(pieces: Sequence[_Piece], n: int) -> tuple[float, float]:
    """MOVER limits of Σ share·value, with the multinomial spread of the shares."""
    value = sum(piece.share * piece.value for piece in pieces)
    between = Z * Z * sum(piece.share * (piece.value - value) ** 2 for piece in pieces) / n
    down = sum((piece.share * (piece.value - piece.low)) ** 2 for piece in pieces)
    up = sum((piece.share * (piece.high - piece.value)) ** 2 for piece in pieces)
    return value - sqrt(down + between), value + sqrt(up + between)


def prediction_powered(
    proxy_all: Sequence[float], proxy_judged: Sequence[float], judged: Sequence[bool]
) -> PredictionPowered:
    """Bad rate of N replies of which a simple random sample was judged, with a proxy (0–1, say) for each of the N.

    PPI++ (Angelopoulos et al. 2023, arXiv:2301.09633 and arXiv:2311.01453): mean label + λ·(mean proxy of all − mean
    proxy of the judged), with the λ that makes the variance smallest, so a useless proxy costs nothing. `proxy_all`
    holds the judged replies too. With correlation r between proxy and label the n labels are worth
    n / (1 − r²(1 − n/N)); that number goes into the Agresti–Coull interval. For r and λ one reply of each kind that
    the proxy gets wrong is added, so a proxy that was right on a few labels is not taken for perfect.

    Raises:
        ValueError: unless there is one proxy value per label, at most as many labels as replies, and all are finite.
    """
    everything, seen = np.asarray(proxy_all, dtype=np.float64), np.asarray(proxy_judged, dtype=np.float64)
    n, total = len(judged), len(proxy_all)
    least, spread = (min(proxy_all), max(proxy_all) - min(proxy_all)) if total else (0.0, 0.0)
    if (
        len(seen) != n
        or n > total
        or not (np.isfinite(everything).all() and np.isfinite(seen).all() and isfinite(spread))
    ):
        raise ValueError(
            f"prediction_powered: {n} labels, {len(seen)} proxies of labelled replies, {total} of all; "
            "expected one finite proxy per label and per reply"
        )
    if n == 0:
        return PredictionPowered(None, 0.0, 1.0, 0.0, 0, 0.0)
    unit = spread or 1.0  # a proxy of any size on 0–1, so that no square under- or overflows
    everything, seen = (everything - least) / unit, (seen - least) / unit
    labels = np.asarray(judged, dtype=np.float64)
    covariance = np.cov(np.append(seen, [0.0, 1.0]), np.append(labels, [1.0, 0.0]), bias=True)
    weight = max(0.0, float(covariance[0, 1] / covariance[0, 0])) if spread else 0.0
    explained = weight**2 * float(covariance[0, 0] / covariance[1, 1])
    effective = n / (1 - explained * (1 - n / total))
    value = min(1.0, max(0.0, float(labels.mean() + weight * (everything.mean() - seen.mean()))))
    low, high = _adjusted(value, effective)
    return PredictionPowered(value, low, high, weight / unit, n, effective)


def _adjusted(p: float, n: float) -> tuple[float, float]:
    """Interval for a share p of n labels, n not always whole (Agresti and Coull 1998, Am. Stat. 52:119).

    It holds Wilson's, which fails too often where one bad reply in few labels is luck (86 % at p = .005, n = 30).
    """
    size = n + Z * Z
    middle = (n * p + Z * Z / 2) / size
    half = Z * sqrt(middle * (1 - middle) / size)
    return max(0.0, middle - half), min(1.0, middle + half)
