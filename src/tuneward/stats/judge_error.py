"""What a judge's mistakes do to a rate, and how much of that labels can undo.

A judge finds a share Se of the harmful replies (sensitivity) and clears a share Sp of the others (specificity), so the
share q that it flags is p·Se + (1 − p)·(1 − Sp), not the harm rate p. Labels by people (or a far better judge) on some
replies estimate Se and Sp; the correction inverts the formula. "Positive" means harmful; rates are shares of 1.
"""

from dataclasses import dataclass
from itertools import product
from math import ceil, copysign, sqrt
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri
from scipy.stats import fisher_exact

from tuneward.stats.multiple import holm
from tuneward.stats.rates import Rate, wilson

Floats: TypeAlias = NDArray[np.float64]
Verdict: TypeAlias = Literal["equal not rejected", "different", "not testable"]
MIN_LABELS = 20  # of a class on each arm before Se (or Sp) is compared: with fewer, only huge gaps could show
Z = float(ndtri(0.975))


@dataclass(frozen=True)
class Calibration:
    """Labelled replies and those that the judge got right, harmful (positives) and others; ValueError if impossible."""

    true_positive: int
    positives: int
    true_negative: int
    negatives: int

    def __post_init__(self) -> None:
        if not 0 <= self.true_positive <= self.positives or not 0 <= self.true_negative <= self.negatives:
            raise ValueError(f"{self}: expected 0 <= true_positive <= positives and 0 <= true_negative <= negatives")

    @property
    def sensitivity(self) -> Rate:
        """Se with its Wilson interval."""
        return wilson(self.true_positive, self.positives)

    @property
    def specificity(self) -> Rate:
        """Sp with its Wilson interval."""
        return wilson(self.true_negative, self.negatives)


@dataclass(frozen=True)
class Corrected(Rate):
    """Harm rate behind k of n flagged replies, with a two-sided 95 % interval; None where the labels cannot tell."""


@dataclass(frozen=True)
class Change:
    """Corrected harm rate, tuned − base, with a two-sided 95 % interval; above 0 is worse."""

    value: float | None
    low: float
    high: float


@dataclass(frozen=True)
class DriftRange:
    """Range of the values and of the intervals of `Change`; both that of the intervals if Se + Sp could be <= 1."""

    low: float
    high: float
    lowest: float
    highest: float


@dataclass(frozen=True)
class SameError:
    """Does the judge err alike on both arms? p is Holm-adjusted, None where not testable; labels as (base, tuned)."""

    verdict: Verdict
    p_sensitivity: float | None
    p_specificity: float | None
    positives: tuple[int, int]
    negatives: tuple[int, int]


def rogan_gladen(k: int, n: int, calibration: Calibration) -> float | None:
    """p = (k/n + Sp − 1) / (Se + Sp − 1), clipped to [0, 1] (Rogan and Gladen 1978, Am. J. Epidemiol. 107:71).

    None where Se + Sp <= 1 (the judge is no better than a coin), or replies or labels of a class are missing.

    Raises:
        ValueError: unless 0 <= k <= n.
    """
    flagged, found, cleared = wilson(k, n).value, calibration.sensitivity.value, calibration.specificity.value
    if flagged is None or found is None or cleared is None or found + cleared - 1 <= 1e-12:
        return None
    return min(1.0, max(0.0, (flagged + cleared - 1) / (found + cleared - 1)))


def lang_reiczigel(
    k: ArrayLike, n: int, *, sensitivity: tuple[ArrayLike, int], specificity: tuple[ArrayLike, int]
) -> tuple[Floats, Floats]:
    """95 % limits of the corrected rate, broadcast over counts (Lang and Reiczigel 2014, Prev. Vet. Med. 113:13).

    Se and Sp come as (right, labels). One more right and one more wrong label for each, z²/2 more of each verdict for
    the flagged share, and a shift that recentres the interval (their eqs. 4, 6, 7, 16, 17). Two additions: an adjusted
    Se + Sp <= 1 gives [0, 1], and no limit is tighter than that of a perfect judge who flagged none (or all) of n, so
    far fewer flags than expected false alarms cannot shrink the interval to a point.
    """
    (right, positives), (cleared, negatives) = sensitivity, specificity
    found = (np.asarray(right, dtype=np.float64) + 1) / (positives + 2)
    clear = (np.asarray(cleared, dtype=np.float64) + 1) / (negatives + 2)
    flagged = (np.asarray(k, dtype=np.float64) + Z * Z / 2) / (n + Z * Z)
    usable = found + clear - 1 > 1e-9
    gain = np.where(usable, found + clear - 1, 1.0)
    rate = (flagged + clear - 1) / gain
    of_found, of_clear = found * (1 - found) / (positives + 2), clear * (1 - clear) / (negatives + 2)
    shift = 2 * Z * Z * (rate * of_found - (1 - rate) * of_clear)
    spread = flagged * (1 - flagged) / (n + Z * Z) + rate**2 * of_found + (1 - rate) ** 2 * of_clear
    half, finest = Z * np.sqrt(spread) / gain, Z * Z / (n + Z * Z)
    low, high = np.clip(rate + shift - half, 0.0, 1 - finest), np.clip(rate + shift + half, finest, 1.0)
    return np.where(usable, low, 0.0), np.where(usable, high, 1.0)


def corrected(k: int, n: int, calibration: Calibration) -> Corrected:
    """Harm rate behind k of n flagged: Rogan–Gladen with the 95 % interval of Lang and Reiczigel.

    It covers at least 94 % on the whole grid of `bench/judge_simulate.py`, near 99 % where Se or Sp is 99 % and labels
    are few. Far fewer flags than expected false alarms can turn the published limits around (more flags, a lower upper
    limit); here each limit holds for all smaller (larger) counts too. Value None and interval [0, 1] where the labels
    cannot tell. Raises as `rogan_gladen`.
    """
    value = rogan_gladen(k, n, calibration)
    if value is None:
        return Corrected(k, n, None, 0.0, 1.0)
    found, cleared = calibration.sensitivity, calibration.specificity
    labels = {"sensitivity": (found.k, found.n), "specificity": (cleared.k, cleared.n)}
    low, high = lang_reiczigel(np.arange(n + 1), n, **labels)
    return Corrected(k, n, value, min(float(low[k:].min()), value), max(float(high[: k + 1].max()), value))


def corrected_difference(k_base: int, k_tuned: int, *, n: int, base: Calibration, tuned: Calibration) -> Change:
    """Corrected harm rate of the tuned model minus the base's, n replies each, 95 % interval.

    MOVER (Zou and Donner 2008, Stat. Med. 27:1693) from the two arms' intervals as if the arms were independent. They
    answered the same prompts and may share one calibration (pass it twice); both make the true spread smaller, so the
    interval is conservative. Raises as `rogan_gladen`.
    """
    return _change(corrected(k_base, n, base), corrected(k_tuned, n, tuned))


def _change(base: Corrected, tuned: Corrected) -> Change:
    if base.value is None or tuned.value is None:
        return Change(None, tuned.low - base.high, tuned.high - base.low)
    value = tuned.value - base.value
    down = sqrt((tuned.value - tuned.low) ** 2 + (base.high - base.value) ** 2)
    up = sqrt((tuned.high - tuned.value) ** 2 + (base.value - base.low) ** 2)
    return Change(value, max(-1.0, value - down), min(1.0, value + up))


def drift_range(k_base: int, k_tuned: int, *, n: int, calibration: Calibration, points: float = 0.10) -> DriftRange:
    """How far the change could be an artefact of a judge that errs differently on the tuned model's style.

    The tuned arm is corrected with Se and Sp moved by −points, 0 or +points (shares of 1, rounded up to whole labels).
    The corrected rate is monotone in Se and in Sp, so the corners hold the extremes. Raises as `rogan_gladen`.
    """
    base, signs = corrected(k_base, n, calibration), product((-points, 0.0, points), repeat=2)
    changes = [_change(base, corrected(k_tuned, n, _moved(calibration, *sign))) for sign in signs]
    values = [change.value for change in changes if change.value is not None]
    lowest, highest = min(change.low for change in changes), max(change.high for change in changes)
    if len(values) < len(changes):
        return DriftRange(lowest, highest, lowest, highest)
    return DriftRange(min(values), max(values), lowest, highest)


def _moved(seen: Calibration, of_sensitivity: float, of_specificity: float) -> Calibration:
    found, cleared = _more(seen.sensitivity, of_sensitivity), _more(seen.specificity, of_specificity)
    return Calibration(found, seen.positives, cleared, seen.negatives)


def _more(rate: Rate, by: float) -> int:
    return min(rate.n, max(0, rate.k + int(copysign(ceil(abs(by) * rate.n - 1e-9), by))))


def same_error(base: Calibration, tuned: Calibration) -> SameError:
    """Tests that Se, and that Sp, is the same on both arms: exact two-sided Fisher, Holm over the two at 5 %.

    A class with fewer than `MIN_LABELS` labels on an arm is not tested and counts as p = 1 for Holm. "different": a
    test rejects; "not testable": none does, and a class was not tested; "equal not rejected" proves nothing: 50 labels
    on each arm find a fall from 95 % four times in five only if it is one of 24 points.
    """
    raw = _fisher(base.sensitivity, tuned.sensitivity), _fisher(base.specificity, tuned.specificity)
    adjusted = holm([1.0 if p is None else p for p in raw])
    unclear: Verdict = "not testable" if None in raw else "equal not rejected"
    verdict: Verdict = "different" if min(adjusted) < 0.05 else unclear
    found, cleared = (None if p is None else q for p, q in zip(raw, adjusted, strict=True))
    return SameError(verdict, found, cleared, (base.positives, tuned.positives), (base.negatives, tuned.negatives))


def _fisher(base: Rate, tuned: Rate) -> float | None:
    if min(base.n, tuned.n) < MIN_LABELS:
        return None
    return float(fisher_exact([[base.k, tuned.k], [base.n - base.k, tuned.n - tuned.k]]).pvalue)
