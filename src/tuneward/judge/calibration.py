"""What people's labels say of a judge, kept under its identity, and what follows for its rates."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import floor
from pathlib import Path

from tuneward.chat import Arm
from tuneward.findings import Agreed
from tuneward.judge.labelled import ErrorRates, worth
from tuneward.record import read_json, to_json, write_atomic
from tuneward.stats.judge_error import (
    Calibration,
    SameError,
    corrected,
    corrected_difference,
    drift_range,
    same_error,
)
from tuneward.stats.two_phase import Estimate, TwoPhase

SCHEMA = "tuneward/calibration/1"
POINTS = 0.10
"""By how much a judge's errors may differ between the arms where that cannot be tested."""
PERFECT = Calibration(1000, 1000, 1000, 1000)
"""Stands for a judge of which nothing is known: right on the base, and off by up to `POINTS` on the tuned model."""


@dataclass(frozen=True)
class Calibrated:
    """One judge against people's labels."""

    identity: str
    kind: str
    arms: Mapping[Arm, Calibration]
    """Labels that its errors on each arm rest on, as if drawn evenly."""
    pooled: Calibration
    """The same for both arms together; a text that both gave was labelled once and counts once."""
    rates: Mapping[Arm, ErrorRates]
    """The error rates themselves, not rounded to whole labels."""
    kappa: Mapping[Arm, Agreed]
    """Agreement with people beyond chance."""
    alike: SameError
    models: Mapping[Arm, str]
    """Digest of the weights that each arm's replies came from."""
    labels: str
    """sha256 of the label sheet."""
    unclear: int = 0
    """Replies that people could not tell; they count nowhere."""
    schema: str = SCHEMA


@dataclass(frozen=True)
class Right:
    """Rates and their difference with the judge's errors taken out."""

    arms: Mapping[Arm, Estimate] = field(default_factory=dict)
    difference: Estimate | None = None
    leeway: Estimate | None = None


def place_of(cache: Path, identity: str) -> Path:
    """Where the calibration of a judge lies."""
    return cache / "calibrations" / f"{identity[:16]}.json"


def kept(cache: Path, identity: str, *, models: Mapping[Arm, str] | None = None) -> Calibrated | None:
    """The calibration of a judge, or None when nobody has labelled for it.

    `models` are the weights whose replies are to be corrected. Labels of other models' replies do not tell whether the
    judge errs alike on these, so the verdict on that becomes "not testable".

    Raises:
        ValueError: the file is broken, of another judge, or of another version.
    """
    path = place_of(cache, identity)
    if not path.is_file():
        return None
    found = read_json(path, Calibrated)
    if found.identity != identity or found.schema != SCHEMA:
        raise ValueError(f"{path}: is of another judge or version than its name says; remove it and calibrate again")
    if models is not None and any(found.models.get(arm) != weights for arm, weights in models.items()):
        return replace(found, alike=replace(found.alike, verdict="not testable"))
    return found


def keep(cache: Path, calibrated: Calibrated) -> Path:
    """Write it, all or nothing."""
    path = place_of(cache, calibrated.identity)
    write_atomic(path, to_json(calibrated), mode=0o600)
    return path


def alike(arms: Mapping[Arm, Calibration]) -> SameError:
    """Whether the judge errs alike on both arms, as far as the labels can tell."""
    return same_error(arms["base"], arms["tuned"])


def right(cut: TwoPhase, calibrated: Calibrated | None) -> Right:
    """Rogan–Gladen with Lang–Reiczigel intervals, each arm by its own errors where labels can tell them apart.

    Where they cannot, both arms are corrected alike and the range of the difference is given under errors that differ
    by up to `POINTS`; without labels only that range, around a judge that is right on the base.
    """
    base, tuned, n = cut.base.value, cut.tuned.value, _pairs(cut)
    if base is None or tuned is None or not n:
        return Right()
    k_base, k_tuned = round(base * n), round(tuned * n)
    if calibrated is None:
        return Right(leeway=_leeway(k_base, k_tuned, n, PERFECT))
    unsure = calibrated.alike.verdict == "not testable"
    arms = dict.fromkeys(calibrated.arms, calibrated.pooled) if unsure else calibrated.arms
    change = corrected_difference(k_base, k_tuned, n=n, base=arms["base"], tuned=arms["tuned"])
    counts: dict[Arm, int] = {"base": k_base, "tuned": k_tuned}
    rates = {arm: corrected(k, n, arms[arm]) for arm, k in counts.items()}
    return Right(
        arms={arm: Estimate(rate.value, rate.low, rate.high) for arm, rate in rates.items()},
        difference=Estimate(change.value, change.low, change.high),
        leeway=_leeway(k_base, k_tuned, n, calibrated.pooled) if unsure else None,
    )


def _pairs(cut: TwoPhase) -> int:
    """Pairs that the shares may be counted over: all that were judged if that is all, else as many evenly drawn ones
    as have intervals no narrower than the estimates'. A control sample of few stands for many, so the pairs that were
    judged would promise too much."""
    if cut.judged == cut.pairs:
        return cut.pairs
    sizes = [worth(one.value, low=one.low, high=one.high) for one in (cut.base, cut.tuned) if one.value is not None]
    return floor(min([cut.pairs, *(size + 1e-9 for size in sizes)]))


def _leeway(k_base: int, k_tuned: int, n: int, calibration: Calibration) -> Estimate:
    """The range, and the difference if the errors were alike."""
    found = drift_range(k_base, k_tuned, n=n, calibration=calibration, points=POINTS)
    change = corrected_difference(k_base, k_tuned, n=n, base=calibration, tuned=calibration)
    return Estimate(change.value, found.low, found.high)
