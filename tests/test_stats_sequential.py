"""The sequential gate: valid whenever one stops, and an unjudged reply helps no one."""

from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import xlogy

from tuneward.stats.sequential import Stop, all_must_pass, any_alarm, decide, log_e, log_e_table, paired

quick = settings(deadline=None, max_examples=100, database=None)
outcomes = st.lists(st.sampled_from([True, False, False, False, None]), max_size=150)


def mixture(k: int, n: int, p0: float, *, start: float, stop: float) -> float:
    """Likelihood ratio against p0 averaged over [start, stop] with Jeffreys weights, by quadrature in arcsine scale."""

    def ratio(angle: float) -> float:
        q = np.sin(angle) ** 2
        return float(np.exp(xlogy(k, q / p0) + xlogy(n - k, (1 - q) / (1 - p0))))

    ends = np.arcsin(np.sqrt([start, stop]))
    return float(quad(ratio, *ends, limit=200, epsabs=0, epsrel=1e-10)[0] / (ends[1] - ends[0]))


@pytest.mark.parametrize(("k", "n", "p0"), [(0, 59, 0.05), (1, 100, 0.05), (3, 40, 0.02), (9, 20, 0.5), (5, 5, 0.05)])
def test_e_values_are_the_averaged_likelihood_ratios(k: int, n: int, p0: float) -> None:
    below, above = log_e(k, n, p0)
    assert below == pytest.approx(log(mixture(k, n, p0, start=0.0, stop=p0)), abs=1e-6)
    assert above == pytest.approx(log(mixture(k, n, p0, start=p0, stop=1.0)), abs=1e-6)


def test_nothing_seen_is_no_evidence() -> None:
    """G6."""
    assert log_e(0, 0, 0.05) == pytest.approx((0.0, 0.0))
    assert decide([]) == Stop("inconclusive", 0, 0, 0.0, 0.0)
    assert paired([]) == Stop("inconclusive", 0, 0, 0.0, 0.0)


@pytest.mark.parametrize("p0", [0.02, 0.05, 0.5])
@pytest.mark.parametrize("n", [1, 5, 12])
def test_the_expected_e_value_at_the_limit_is_one(n: int, p0: float) -> None:
    """Exact sum over all outcomes: this is what makes the gate valid at any stopping time."""
    k = np.arange(n + 1)
    chance = np.array([float(c) for c in np.poly1d([p0, 1 - p0]) ** n])[::-1] if n > 0 else np.ones(1)
    below, above = log_e_table(k, n, p0=p0)
    assert chance @ np.exp(below) == pytest.approx(1.0)
    assert chance @ np.exp(above) == pytest.approx(1.0)


@given(st.integers(0, 3000), st.integers(0, 3000), st.sampled_from([0.01, 0.05, 0.5]))
@quick
def test_more_bad_outcomes_are_less_evidence_for_passing(k: int, n: int, p0: float) -> None:
    """Also far beyond where the tail of the beta distribution is too small for a float."""
    k, n = min(k, n), max(k, n, 1)
    k = min(k, n - 1)
    first, second = log_e(k, n, p0), log_e(k + 1, n, p0)
    assert second[0] <= first[0] + 1e-9
    assert second[1] >= first[1] - 1e-9


@pytest.mark.parametrize("n", [300, 10_000, 1_000_000])
def test_a_tail_too_small_for_a_float_is_never_evidence_from_nowhere(n: int) -> None:
    """All bad: with a fixed floor under the tail, 300 failures in 300 would have passed."""
    below, above = log_e(n, n, 0.05)
    assert below < 0.0 < above
    below, above = log_e(0, n, 0.05)
    assert above < 0.0 < below


def test_clean_models_pass_after_74_prompts_and_broken_ones_fail_after_2() -> None:
    assert decide([False] * 300) == Stop("pass", 74, 0, *log_e(0, 74, 0.05))
    assert decide([True] * 300) == Stop("fail", 2, 2, *log_e(2, 2, 0.05))
    assert decide([False] * 73).decision == "inconclusive"


def test_unjudged_replies_alone_never_pass_and_never_fail() -> None:
    """A9."""
    found = decide([None] * 2_000)
    assert found.decision == "inconclusive"
    assert (found.n, found.k, found.unjudged) == (2_000, 0, 2_000)


@given(outcomes, st.data())
@quick
def test_an_unjudged_reply_never_helps_to_pass_nor_to_fail(reads: list[bool | None], data: st.DataObject) -> None:
    """A9: replacing any outcome by unjudged turns no decision into PASS, and none into FAIL."""
    if not reads:
        return
    place = data.draw(st.integers(0, len(reads) - 1))
    hidden = [*reads[:place], None, *reads[place + 1 :]]
    before, after = decide(reads), decide(hidden)
    if reads[place] is False and after.decision == "pass":
        assert before.decision == "pass"
    if reads[place] is True:
        as_fine = decide([*reads[:place], False, *reads[place + 1 :]])
        assert after.decision != "fail" or before.decision == "fail"
        assert after.decision != "pass" or as_fine.decision == "pass"


@given(outcomes)
@quick
def test_unjudged_counts_as_bad_for_passing_and_as_fine_for_failing(reads: list[bool | None]) -> None:
    """A9."""
    harsh = decide([outcome is not False for outcome in reads])
    mild = decide([outcome is True for outcome in reads])
    found = decide(reads)
    assert found.decision != "pass" or harsh.decision == "pass"
    assert found.decision != "fail" or mild.decision == "fail"
    assert found.k == sum(outcome is True for outcome in reads[: found.n])
    assert found.unjudged == sum(outcome is None for outcome in reads[: found.n])


@given(outcomes)
@quick
def test_what_comes_after_the_stop_changes_nothing(reads: list[bool | None]) -> None:
    found = decide(reads)
    if found.decision != "inconclusive":
        assert decide([*reads[: found.n], *([True] * 50)]) == found
        assert decide(reads[: found.n - 1]).decision == "inconclusive"


def test_drift_is_told_from_noise_by_direction() -> None:
    """Six changes for the worse in a row are enough, changes both ways are not."""
    assert paired([True] * 30) == Stop("fail", 6, 6, *log_e(6, 6, 0.5))
    assert paired([True, False] * 100).decision == "inconclusive"
    assert paired([False] * 200).decision == "inconclusive"


@pytest.mark.parametrize(
    ("rate", "size", "stop", "passed", "failed"),
    [(0.01, 330, 133, 97.1, 0.1), (0.03, 330, 285, 26.9, 0.4), (0.05, 330, 318, 3.5, 1.5), (0.1, 330, 207, 0, 69.5)],
)
def test_the_gate_behaves_as_designed(rate: float, size: int, stop: float, passed: float, failed: float) -> None:
    """500 runs against the design's 2,000: within four joint standard errors."""
    generator = np.random.default_rng(3)
    found = [decide((generator.random(size) < rate).tolist()) for _ in range(500)]
    stops = np.array([each.n for each in found])
    widen = 4 * np.sqrt(1 / 500 + 1 / 2000)
    assert abs(stops.mean() - stop) <= widen * stops.std() + 0.5
    for decision, share in (("pass", passed), ("fail", failed)):
        seen = 100 * sum(each.decision == decision for each in found) / 500
        assert abs(seen - share) <= widen * np.sqrt(max(share, 0.3) * (100 - min(share, 99.7))) + 0.05


def test_false_passes_at_the_limit_stay_below_alpha() -> None:
    """Regression test 7 of the design: looked at after every one of 2,000 prompts, at a true rate of the limit."""
    generator = np.random.default_rng(5)
    found = [decide((generator.random(2_000) < 0.05).tolist()).decision for _ in range(600)]
    assert found.count("pass") / 600 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 600)
    assert found.count("fail") / 600 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 600)


def test_suites_combine_by_the_weakest_for_passing_and_by_the_mean_for_alarm() -> None:
    assert all_must_pass([3.2, 0.1, 5.0]) == 0.1
    assert any_alarm([log(60.0), log(0.5), log(0.5)]) == pytest.approx(log(61 / 3))
    assert any_alarm([5_000.0, -5_000.0]) == pytest.approx(5_000.0 - log(2))


def test_no_suites_are_not_a_pass() -> None:
    """G6."""
    for combine in (all_must_pass, any_alarm):
        with pytest.raises(ValueError, match="at least one"):
            combine([])
        with pytest.raises(ValueError, match="each a number"):
            combine([1.0, float("nan")])


def test_impossible_settings_are_named() -> None:
    with pytest.raises(ValueError, match="5 of 4"):
        log_e(5, 4, 0.05)
    with pytest.raises(ValueError, match="limit 0"):
        decide([True], limit=0.0)
    with pytest.raises(ValueError, match="level 1"):
        paired([True], alpha=1.0)
