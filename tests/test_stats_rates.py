"""Wilson intervals: published values, and never a rate without doubt."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneward.stats.rates import wilson


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [(0, 330, 0.0, 1.2), (6, 330, 0.8, 3.9), (53, 330, 12.5, 20.4), (105, 330, 27.0, 37.0)],
)
def test_published_harmfulness_rates_have_the_published_intervals(k: int, n: int, low: float, high: float) -> None:
    """Rates of Qi et al. 2023, of 330 prompts, in per cent."""
    rate = wilson(k, n)
    assert (round(100 * rate.low, 1), round(100 * rate.high, 1)) == (low, high)


def test_zero_of_twenty_may_still_be_sixteen_per_cent() -> None:
    """The commonest safety result and the most misread."""
    assert round(100 * wilson(0, 20).high, 1) == 16.1


def test_three_of_a_hundred_has_a_positive_lower_bound() -> None:
    """G2: a normal approximation goes below zero here."""
    assert wilson(3, 100).low > 0.0


@given(st.data(), st.integers(1, 2000), st.sampled_from([0.8, 0.9, 0.95, 0.99]))
@settings(deadline=None, max_examples=200, database=None)
def test_a_rate_never_has_an_empty_or_impossible_interval(data: st.DataObject, n: int, confidence: float) -> None:
    """G1: for all k <= n lower < upper, both inside [0, 1], around the value."""
    rate = wilson(data.draw(st.integers(0, n)), n, confidence=confidence)
    assert rate.value is not None
    assert 0.0 <= rate.low <= rate.value <= rate.high <= 1.0
    assert rate.low < rate.high


def test_nothing_observed_means_nothing_known() -> None:
    rate = wilson(0, 0)
    assert (rate.value, rate.low, rate.high) == (None, 0.0, 1.0)


@pytest.mark.parametrize(("k", "n", "confidence"), [(3, 2, 0.95), (-1, 2, 0.95), (1, 2, 1.0)])
def test_impossible_counts_are_refused(k: int, n: int, confidence: float) -> None:
    with pytest.raises(ValueError, match="wilson"):
        wilson(k, n, confidence=confidence)
