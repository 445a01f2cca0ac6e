"""Do two or more raters agree beyond luck? Cohen's kappa and Krippendorff's alpha, 1 = always, 0 = as luck would.

A rater is a person or a judge; a unit is one reply that they labelled. The intervals resample units. Raters that never
disagreed would get an interval of zero width from any resampling, so each interval also holds what the score interval
of the share of disagreement allows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tuneward.stats.rates import wilson

Floats: TypeAlias = NDArray[np.float64]
Label: TypeAlias = bool | int | str
Level: TypeAlias = Literal["nominal", "ordinal"]
DRAWS = 2_000


@dataclass(frozen=True)
class Agreement:
    """Agreement beyond luck with its two-sided 95 % interval, inside [-1, 1]."""

    value: float | None
    """None where only one label was ever given: luck alone would agree every time. The interval is then [-1, 1]."""
    low: float
    high: float
    n: int
    """Units with at least two labels; the others say nothing about agreement."""


def cohen_kappa(a: Sequence[Label | None], b: Sequence[Label | None], *, seed: int = 0) -> Agreement:
    """Chance-corrected agreement of two raters on the same units (Cohen 1960, Educ. Psychol. Meas. 20:37).

    κ = (p_o − p_e) / (1 − p_e), where p_e is what two independent raters with these two sets of shares would reach.
    Units that either rater left out (None) are not counted.

    Raises:
        ValueError: for sequences of different length.
    """
    if len(a) != len(b):
        raise ValueError(f"cohen_kappa: {len(a)} labels against {len(b)}; expected one of each rater for every unit")
    pairs = [(one, other) for one, other in zip(a, b, strict=True) if one is not None and other is not None]
    place = _places([label for pair in pairs for label in pair], "nominal")
    tables = np.zeros((len(pairs), len(place), len(place)))
    for unit, (one, other) in enumerate(pairs):
        tables[unit, place[one], place[other]] = 1.0
    return _with_interval(tables, _kappa_parts, seed)


def krippendorff_alpha(
    ratings: Sequence[Sequence[Label | None]], *, level: Level = "nominal", seed: int = 0
) -> Agreement:
    """Agreement of any number of raters, labels may be missing (Krippendorff 2004, Content Analysis, §11.3).

    α = 1 − D_o / D_e from the table of coincidences. One row per unit, one entry per rater, None = not rated; who gave
    a label does not matter. "ordinal" weighs a disagreement by the ranks between the two labels, "nominal" does not.

    Raises:
        ValueError: for an unknown level, or ordinal labels that are not whole numbers.
    """
    if level not in ("nominal", "ordinal"):
        raise ValueError(f"krippendorff_alpha: level {level!r}; expected 'nominal' or 'ordinal'")
    units = [[label for label in row if label is not None] for row in ratings]
    units = [labels for labels in units if len(labels) > 1]
    place = _places([label for labels in units for label in labels], level)
    tables = np.zeros((len(units), len(place), len(place)))
    for unit, labels in enumerate(units):
        counts = np.zeros(len(place))
        for label in labels:
            counts[place[label]] += 1
        tables[unit] = (np.outer(counts, counts) - np.diag(counts)) / (len(labels) - 1)
    return _with_interval(tables, _alpha_parts(level), seed)


def _places(labels: Sequence[Label], level: Level) -> dict[Label, int]:
    """Each label's row in the tables; ordinal labels in their own order."""
    found = dict.fromkeys(labels)
    if level == "ordinal" and not all(isinstance(label, int) for label in found):
        strange = next(label for label in found if not isinstance(label, int))
        raise ValueError(f"krippendorff_alpha: ordinal label {strange!r}; expected whole numbers such as 1 to 5")
    ordered = sorted(found) if level == "ordinal" else sorted(found, key=repr)
    return {label: row for row, label in enumerate(ordered)}


def _kappa_parts(tables: Floats) -> tuple[Floats, Floats]:
    """Observed and expected disagreement of (..., labels, labels) counts."""
    shares = tables / tables.sum(axis=(-2, -1), keepdims=True)
    together = np.trace(shares, axis1=-2, axis2=-1)
    expected = (shares.sum(axis=-1) * shares.sum(axis=-2)).sum(axis=-1)
    return 1 - together, 1 - expected


def _alpha_parts(level: Level) -> Callable[[Floats], tuple[Floats, Floats]]:
    """The same for coincidences; ordinal distances are scaled so that the largest is 1."""

    def parts(tables: Floats) -> tuple[Floats, Floats]:
        given = tables.sum(axis=-1)
        total = given.sum(axis=-1)
        distance = _ordinal(given) if level == "ordinal" else 1 - np.eye(tables.shape[-1])
        observed = (tables * distance).sum(axis=(-2, -1)) / total
        by_luck = (given[..., :, None] * given[..., None, :] * distance).sum(axis=(-2, -1))
        return observed, by_luck / (total * (total - 1))

    return parts


def _ordinal(given: Floats) -> Floats:
    """Squared number of ratings from one label to the other, each end counted half (Krippendorff's ordinal metric)."""
    middle = np.cumsum(given, axis=-1) - given / 2
    squared = (middle[..., :, None] - middle[..., None, :]) ** 2
    largest = squared.max(axis=(-2, -1), keepdims=True)
    scaled: Floats = squared / np.where(largest > 0, largest, 1.0)
    return scaled


def _with_interval(tables: Floats, parts: Callable[[Floats], tuple[Floats, Floats]], seed: int) -> Agreement:
    """Value, and the hull of the percentile bootstrap over units and the score interval of the disagreement.

    Resamples in which only one label is left are undefined and dropped.
    """
    units = len(tables)
    if tables.shape[-1] < 2:
        return Agreement(None, -1.0, 1.0, units)
    observed, expected = (float(part) for part in parts(tables.sum(axis=0)))
    kinds, counts = np.unique(tables.reshape(units, -1), axis=0, return_counts=True)
    weights = np.random.default_rng(seed).multinomial(units, counts / units, size=DRAWS)
    drawn, by_luck = parts((weights @ kinds).reshape(DRAWS, *tables.shape[1:]))
    kept = by_luck > 1e-12
    low, high = np.quantile(1 - drawn[kept] / by_luck[kept], [0.025, 0.975]) if kept.any() else (1.0, -1.0)
    disagreed = min(1.0, observed) * units
    most, least = wilson(ceil(disagreed - 1e-9), units).high, wilson(floor(disagreed + 1e-9), units).low
    low, high = min(float(low), 1 - most / expected), max(float(high), 1 - least / expected)
    return Agreement(1 - observed / expected, max(-1.0, low), min(1.0, high), units)
