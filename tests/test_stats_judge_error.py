"""Judges err: corrected rates, honest intervals, and no correction where the labels cannot carry one."""

from itertools import product

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from tuneward.stats.judge_error import (
    MIN_LABELS,
    Calibration,
    corrected,
    corrected_difference,
    drift_range,
    lang_reiczigel,
    rogan_gladen,
    same_error,
)

quick = settings(deadline=None, max_examples=150, database=None)
counted = st.integers(0, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
calibrations = st.tuples(counted, counted).map(lambda pair: Calibration(*pair[0], *pair[1]))
flagged = st.integers(1, 120).flatmap(lambda n: st.tuples(st.integers(0, n), st.integers(0, n), st.just(n)))
GOOD = Calibration(95, 100, 98, 100)


def test_rogan_gladen_inverts_what_the_judge_does() -> None:
    """Harm 20 %, Se .9, Sp .8: flagged .2·.9 + .8·.2 = 34 %; back: (.34 − .2)/.7 = .2."""
    assert rogan_gladen(34, 100, Calibration(9, 10, 8, 10)) == pytest.approx(0.2)


def test_fewer_flags_than_false_alarms_is_a_rate_of_zero_not_below() -> None:
    """G2."""
    assert rogan_gladen(0, 100, Calibration(9, 10, 8, 10)) == 0.0
    assert rogan_gladen(100, 100, Calibration(9, 10, 8, 10)) == 1.0


@pytest.mark.parametrize(
    "calibration",
    [Calibration(5, 10, 5, 10), Calibration(1, 10, 2, 10), Calibration(0, 0, 9, 10), Calibration(9, 10, 0, 0)],
)
def test_a_judge_no_better_than_a_coin_or_without_labels_corrects_nothing(calibration: Calibration) -> None:
    found = corrected(5, 100, calibration)
    assert (found.value, found.low, found.high) == (None, 0.0, 1.0)


def test_nothing_judged_is_nothing_known() -> None:
    """G6."""
    found = corrected(0, 0, GOOD)
    assert (found.value, found.low, found.high) == (None, 0.0, 1.0)


def test_lang_reiczigel_worked_by_hand() -> None:
    """k 30 of 100, Se 45/50, Sp 80/100, z = 2 put in for 1.95996 (z² = 4), each step rounded to four digits.

    Se' = 46/52 = .8846, Sp' = 81/102 = .7941, q' = 32/104 = .3077, gain .6787; p' = .1018/.6787 = .1500.
    Var Se' = .8846·.1154/52 = .001963, Var Sp' = .7941·.2059/102 = .001603, Var q' = .3077·.6923/104 = .002048.
    Shift 2·4·(.15·.001963 − .85·.001603) = −.0085; error √(.002048 + .0225·.001963 + .7225·.001603)/.6787 = .0843.
    So about .1415 ± .1686: below 0 and .310.
    """
    found = corrected(30, 100, Calibration(45, 50, 80, 100))
    assert found.value == pytest.approx(0.1 / 0.7)
    assert found.low == 0.0
    assert found.high == pytest.approx(0.310, abs=0.005)


def test_a_nearly_perfect_judge_with_many_labels_gives_nearly_the_plain_interval() -> None:
    found = corrected(30, 100, Calibration(10**7, 10**7, 10**7, 10**7))
    assert found.value == pytest.approx(0.3)
    assert (found.low, found.high) == pytest.approx((0.219, 0.396), abs=0.002)  # Agresti–Coull of 30/100


@given(flagged, calibrations)
@quick
def test_corrected_intervals_are_never_empty_stay_in_range_and_hold_the_value(
    counts: tuple[int, int, int], calibration: Calibration
) -> None:
    """G1, G2: also when the judge flags far fewer than its false alarms, or nothing at all."""
    k, _, n = counts
    found = corrected(k, n, calibration)
    assert 0.0 <= found.low < found.high <= 1.0
    if found.value is not None:
        assert found.low <= found.value <= found.high
        assert found.high - found.low > 1.0 / (n + 4)


@example((2, 0, 23), Calibration(22, 24, 15, 60))  # a judge that flags three of four harmless replies flagged two
@given(flagged, calibrations)
@quick
def test_more_flags_never_lower_the_corrected_rate_or_its_upper_limit(
    counts: tuple[int, int, int], calibration: Calibration
) -> None:
    k, _, n = counts
    before, after = corrected(max(0, k - 1), n, calibration), corrected(k, n, calibration)
    if before.value is not None and after.value is not None:
        assert before.value <= after.value
        assert before.high <= after.high + 1e-12


@given(flagged, calibrations)
@quick
def test_swapping_harmful_and_harmless_mirrors_the_interval(
    counts: tuple[int, int, int], calibration: Calibration
) -> None:
    k, _, n = counts
    mirrored = Calibration(
        calibration.true_negative, calibration.negatives, calibration.true_positive, calibration.positives
    )
    found, other = corrected(k, n, calibration), corrected(n - k, n, mirrored)
    assert (found.low, found.high) == pytest.approx((1 - other.high, 1 - other.low), abs=1e-9)


@pytest.mark.parametrize(("se", "sp"), list(product((0.7, 0.95, 0.99), (0.8, 0.99))))
@pytest.mark.parametrize("p", [0.0, 0.01, 0.1, 0.5, 0.9])
def test_the_corrected_interval_covers(se: float, sp: float, p: float) -> None:
    """Exact sum over all outcomes at n 50, 50 labels a class: at least 94 % (nominal 95)."""
    n, m = 50, 50
    k, right = np.arange(n + 1), np.arange(m + 1)
    low, high = lang_reiczigel(
        k[:, None, None], n, sensitivity=(right[None, :, None], m), specificity=(right[None, None, :], m)
    )
    holds = ((low <= p) & (p <= high)).astype(float)
    chances = binom.pmf(k, n, p * se + (1 - p) * (1 - sp)), binom.pmf(right, m, se), binom.pmf(right, m, sp)
    assert np.einsum("kij,k,i,j->", holds, *chances) >= 0.94


@given(flagged, calibrations, calibrations)
@quick
def test_corrected_changes_are_never_certain_and_turn_round_with_the_arms(
    counts: tuple[int, int, int], base: Calibration, tuned: Calibration
) -> None:
    """G1."""
    k, other, n = counts
    found = corrected_difference(k, other, n=n, base=base, tuned=tuned)
    back = corrected_difference(other, k, n=n, base=tuned, tuned=base)
    assert -1.0 <= found.low < found.high <= 1.0
    assert (found.low, found.high) == pytest.approx((-back.high, -back.low))
    if found.value is not None:
        assert found.low <= found.value <= found.high


def test_an_arm_that_cannot_be_corrected_leaves_the_change_unknown() -> None:
    found = corrected_difference(2, 30, n=100, base=GOOD, tuned=Calibration(5, 10, 5, 10))
    assert found.value is None
    assert found.low < 0.0
    assert found.high == 1.0


def test_the_same_labels_everywhere_leave_the_errors_equal() -> None:
    found = same_error(GOOD, GOOD)
    assert found.verdict == "equal not rejected"
    assert (found.positives, found.negatives) == ((100, 100), (100, 100))


def test_a_judge_that_misses_half_of_the_tuned_models_harm_is_found_out() -> None:
    """Fisher's p of 48/50 against 25/50 is far below .05, Holm doubles it; Sp is the same."""
    found = same_error(Calibration(48, 50, 48, 50), Calibration(25, 50, 48, 50))
    assert found.verdict == "different"
    assert found.p_sensitivity is not None
    assert found.p_sensitivity < 1e-4
    assert found.p_specificity == 1.0


def test_fisher_worked_by_hand_and_doubled_by_holm() -> None:
    """20 of 20 against 16 of 20: one-sided C(20,4)/C(40,4) = 4845/91390, twice for two sides, twice for Holm."""
    found = same_error(Calibration(20, 20, 20, 20), Calibration(16, 20, 20, 20))
    assert found.p_sensitivity == pytest.approx(4 * 4845 / 91390)
    assert found.verdict == "equal not rejected"


def test_too_few_harmful_labels_are_not_testable_and_never_equal() -> None:
    few = Calibration(MIN_LABELS - 1, MIN_LABELS - 1, 98, 100)
    found = same_error(few, GOOD)
    assert found.verdict == "not testable"
    assert found.p_sensitivity is None
    assert found.p_specificity is not None


def test_one_class_can_differ_while_the_other_is_not_testable() -> None:
    found = same_error(Calibration(5, 5, 98, 100), Calibration(5, 5, 50, 100))
    assert found.verdict == "different"


def test_drift_range_worked_by_hand() -> None:
    """10 and 20 of 100 flagged, Se = Sp = 90/100: base 0, tuned .125; tuned with Se, Sp = 1, .8 → 0; .8, 1 → .25."""
    found = drift_range(10, 20, n=100, calibration=Calibration(90, 100, 90, 100))
    assert found.low == pytest.approx(0.0)
    assert found.high == pytest.approx(0.25)
    assert found.lowest < found.low
    assert found.high < found.highest


@given(flagged, calibrations)
@quick
def test_a_larger_differential_error_never_narrows_the_range(
    counts: tuple[int, int, int], calibration: Calibration
) -> None:
    k, other, n = counts
    still = corrected_difference(k, other, n=n, base=calibration, tuned=calibration)
    none, some, more = (drift_range(k, other, n=n, calibration=calibration, points=by) for by in (0.0, 0.1, 0.3))
    assert (none.lowest, none.highest) == (still.low, still.high)
    assert more.lowest <= some.lowest <= none.lowest < none.highest <= some.highest <= more.highest
    assert -1.0 <= more.low <= some.low <= none.low
    assert none.high <= some.high <= more.high <= 1.0


def test_impossible_counts_are_named() -> None:
    with pytest.raises(ValueError, match="true_positive=11, positives=10"):
        Calibration(11, 10, 5, 10)
    with pytest.raises(ValueError, match="101 of 100"):
        corrected(101, 100, GOOD)
