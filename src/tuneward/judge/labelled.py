"""A judge's error rates from labels of replies that were not drawn evenly.

The sheet shows more of what is rare, so each labelled reply stands for a number of pairs of its own. Shares are
weighted by it (Hájek 1971); what such a share is worth is stated as a number of evenly drawn labels, the form in which
`stats.judge_error` takes them.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import floor, inf, sqrt

from scipy.special import ndtri

from tuneward.findings import Agreed
from tuneward.stats.agreement import cohen_kappa
from tuneward.stats.judge_error import Calibration
from tuneward.stats.rates import wilson
from tuneward.stats.two_phase import Estimate

Z2 = float(ndtri(0.975)) ** 2


@dataclass(frozen=True)
class Labelled:
    """A reply that a person labelled and the judge gave a verdict on."""

    weight: float
    """Pairs that it stands for."""
    harmful: bool
    """To people."""
    flagged: bool
    """By the judge."""


@dataclass(frozen=True)
class _Total:
    """Pairs of a kind, with limits."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ErrorRates:
    """How often a judge finds harm, and how often it clears what is none, over all pairs."""

    sensitivity: Estimate
    specificity: Estimate
    harmful: int
    """Labelled replies that the sensitivity rests on."""
    others: int
    """Labelled replies that the specificity rests on."""


def error_rates(rows: Sequence[Labelled]) -> tuple[ErrorRates, Calibration]:
    """Se and Sp with their limits, and as counts of evenly drawn labels.

    Se = Σ w·flagged / Σ w over the harmful replies, Sp likewise over the others. Labels are drawn by verdict, so what
    is uncertain is how many of the replies with each verdict and weight are harmful, not which verdict the harmful
    ones got (Begg and Greenes 1983, Biometrics 39:207). Their totals have MOVER limits from the groups' Wilson
    intervals (Zou and Donner 2008, Stat. Med. 27:1693), and the ratio of two totals has MOVER-R limits (Newcombe 2016,
    Stat. Methods Med. Res. 25:1774). The counts are the most whole labels, never more than there are of the class,
    whose Wilson interval still holds these limits. The usual (Σw)²/Σw² (Kish 1965, Survey Sampling, § 11.7) knows
    nothing of verdicts: harm that the judge missed in a large group of which few replies were drawn changes nothing
    there as long as none of it was drawn, and intervals of Se that rest on it are too narrow.
    """
    found, missed = _total(rows, harmful=True, flagged=True), _total(rows, harmful=True, flagged=False)
    cleared, blamed = _total(rows, harmful=False, flagged=False), _total(rows, harmful=False, flagged=True)
    harmful = sum(row.harmful for row in rows)
    sensitivity, (true_positive, positives) = _rate(found, missed, labels=harmful)
    specificity, (true_negative, negatives) = _rate(cleared, blamed, labels=len(rows) - harmful)
    rates = ErrorRates(sensitivity, specificity, harmful, len(rows) - harmful)
    return rates, Calibration(true_positive, positives, true_negative, negatives)


def _total(rows: Iterable[Labelled], *, harmful: bool, flagged: bool) -> _Total:
    """Pairs of that label and that verdict; one group for each weight, since equal weights were drawn alike."""
    groups: dict[float, list[bool]] = defaultdict(list)
    for row in rows:
        if row.flagged == flagged:
            groups[round(row.weight, 9)].append(row.harmful == harmful)
    value = down = up = 0.0
    for weight, labels in groups.items():
        size, share = weight * len(labels), wilson(sum(labels), len(labels))
        point = share.value or 0.0
        value += size * point
        down += (size * (point - share.low)) ** 2
        up += (size * (share.high - point)) ** 2
    return _Total(value, max(0.0, value - sqrt(down)), value + sqrt(up))


def _rate(right: _Total, wrong: _Total, *, labels: int) -> tuple[Estimate, tuple[int, int]]:
    """Share of right ones in a class with that many labels, and as (right ones, labels) drawn evenly."""
    whole = right.value + wrong.value
    if not labels or not whole:
        return Estimate(None, 0.0, 1.0), (0, 0)
    share = right.value / whole
    low, high = 1 - _share(wrong, right), _share(right, wrong)
    size = floor(min(labels, worth(share, low=low, high=high) + 1e-9))
    counted = wilson(round(share * size), size)
    return Estimate(share, min(low, counted.low), max(high, counted.high)), (counted.k, counted.n)


def _share(one: _Total, other: _Total) -> float:
    """Upper limit of one / (one + other), from that of their ratio (MOVER-R)."""
    least = other.low * (2 * other.value - other.low)
    if least <= 0:
        return 1.0
    product = one.value * other.value
    under = max(0.0, product**2 - one.high * (2 * one.value - one.high) * least)
    ratio = (product + sqrt(under)) / least
    return ratio / (1 + ratio)


def worth(share: float, *, low: float, high: float) -> float:
    """Evenly drawn labels whose Wilson interval of that share holds these limits; need not be whole or finite.

    A limit l of Wilson's is where n·(share − l)² = z²·l·(1 − l).
    """
    sizes = [Z2 * limit * (1 - limit) / (share - limit) ** 2 if limit != share else inf for limit in (low, high)]
    return min(sizes)


def kappa_of(rows: Sequence[Labelled], *, between: str, seed: int = 0) -> Agreed:
    """Agreement of judge and people beyond chance over all pairs, not over the sheet, which seeks disagreement.

    The interval is that of (Σw)²/Σw² evenly drawn replies (Kish 1965, Survey Sampling, § 11.7).
    """
    total, squares = sum(row.weight for row in rows), sum(row.weight**2 for row in rows)
    size = floor(total**2 / squares + 1e-9) if rows else 0
    sums: dict[tuple[bool, bool], float] = defaultdict(float)
    for row in rows:
        sums[row.harmful, row.flagged] += row.weight
    kinds = sorted(sums)
    counts = _whole([sums[kind] / total * size for kind in kinds])
    cells = [kind for kind, count in zip(kinds, counts, strict=True) for _ in range(count)]
    found = cohen_kappa([a for a, _ in cells], [b for _, b in cells], seed=seed)
    value = _kappa({cell: weight / total for cell, weight in sums.items()})
    low, high = (found.low, found.high) if value is None else (min(found.low, value), max(found.high, value))
    return Agreed(between, "kappa", Estimate(value, low, high), len(rows))


def _kappa(shares: dict[tuple[bool, bool], float]) -> float | None:
    """Cohen's κ of a table of shares; None where only one label was ever given."""
    harmful = sum(share for (one, _), share in shares.items() if one)
    flagged = sum(share for (_, other), share in shares.items() if other)
    together = sum(share for (one, other), share in shares.items() if one == other)
    by_luck = harmful * flagged + (1 - harmful) * (1 - flagged)
    return None if by_luck > 1 - 1e-12 else min(1.0, (together - by_luck) / (1 - by_luck))


def _whole(parts: Sequence[float]) -> list[int]:
    """Whole numbers near the parts with their sum; what is over goes to the largest remainders."""
    floors = [floor(part) for part in parts]
    over = round(sum(parts)) - sum(floors)
    first = sorted(range(len(parts)), key=lambda place: floors[place] - parts[place])[:over]
    return [whole + (place in first) for place, whole in enumerate(floors)]
