"""What a run can tell, said before it is made."""

from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneward.stats.difference import mcnemar
from tuneward.stats.multiple import holm
from tuneward.stats.power import detectable, mcnemar_power, resolvable

quick = settings(deadline=None, max_examples=60, database=None)


def summed_power(n: int, lost: float, gained: float, alpha: float) -> float:
    """Multinomial sum over every table, from the p values themselves."""
    total = 0.0
    for k in range(n + 1):
        for g in range(min(k, n - k + 1)):
            if mcnemar(k, g) < alpha:
                total += comb(n, k) * comb(n - k, g) * lost**k * gained**g * (1 - lost - gained) ** (n - k - g)
    return total


@pytest.mark.parametrize(
    ("of_refusals", "of_others", "power"), [(0.10, 0.05, 0.92), (0.05, 0.05, 0.36), (0.10, 0.15, 0.50)]
)
def test_the_readme_power_figures_are_reproduced(of_refusals: float, of_others: float, power: float) -> None:
    """Base refusal 80 %, n = 200: shares of the refusals lost and of the non-refusals gained."""
    assert mcnemar_power(200, lost=0.8 * of_refusals, gained=0.2 * of_others) == pytest.approx(power, abs=0.01)


@pytest.mark.parametrize("n", [1, 7, 30, 60])
@pytest.mark.parametrize(("lost", "gained"), [(0.1, 0.0), (0.3, 0.1), (0.05, 0.05), (1.0, 0.0), (0.5, 0.5)])
def test_power_equals_the_sum_over_all_tables(n: int, lost: float, gained: float) -> None:
    assert mcnemar_power(n, lost=lost, gained=gained) == pytest.approx(summed_power(n, lost, gained, 0.05), abs=1e-9)


@given(st.integers(0, 2000), st.floats(0, 0.5), st.sampled_from([0.01, 0.05, 0.1]))
@quick
def test_false_alarms_for_losses_stay_below_half_the_level(n: int, share: float, alpha: float) -> None:
    assert mcnemar_power(n, lost=share, gained=share, alpha=alpha) <= alpha / 2 + 1e-12


@given(st.integers(1, 400), st.floats(0, 0.4), st.floats(0, 0.4), st.floats(0, 0.2))
@quick
def test_power_grows_with_the_loss(n: int, lost: float, gained: float, more: float) -> None:
    assert mcnemar_power(n, lost=lost + more, gained=gained) >= mcnemar_power(n, lost=lost, gained=gained) - 1e-9


@pytest.mark.parametrize("n", [20, 110, 412, 2000])
def test_the_detectable_loss_reaches_the_power_and_nothing_smaller_does(n: int) -> None:
    loss = detectable(n)
    assert loss is not None
    assert mcnemar_power(n, lost=loss, gained=0.007) >= 0.8 > mcnemar_power(n, lost=loss - 1e-5, gained=0.007)


def test_the_design_mock_detects_a_net_loss_of_about_three_points() -> None:
    """412 prompts, 0.7 % reverse flips: 3.6 % lost, a net loss of 2.9 points."""
    loss = detectable(412)
    assert loss is not None
    assert 100 * (loss - 0.007) == pytest.approx(2.93, abs=0.01)


def test_five_prompts_detect_nothing() -> None:
    assert detectable(5) is None
    assert detectable(0) is None
    assert mcnemar_power(0, lost=0.5, gained=0.0) == 0.0


@given(st.integers(0, 120), st.integers(1, 40))
@quick
def test_resolvable_is_the_first_step_of_holm(n: int, tests: int) -> None:
    """The smallest number of losses whose p survives beside tests that say nothing; more than n means none does."""
    needed = next(k for k in range(1, 100) if holm([mcnemar(k, 0), *[1.0] * (tests - 1)])[0] < 0.05)
    expected = needed / n if 0 < needed <= n else (1 + 1 / n if n else 2.0)
    assert resolvable(n, tests=tests) == pytest.approx(expected)


def test_ten_prompts_in_eleven_categories_resolve_only_a_collapse() -> None:
    assert resolvable(10, tests=11) == 0.9
    assert resolvable(8, tests=11) > 1


def test_holm_by_hand() -> None:
    """.01 × 4, .02 × 3, then .03 × 2 and .04 × 1 held up by the step before; order kept."""
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=12))
@quick
def test_holm_keeps_the_order_and_never_lowers_a_p(ps: list[float]) -> None:
    adjusted = holm(ps)
    assert all(raw <= new <= 1.0 for raw, new in zip(ps, adjusted, strict=True))
    ranked = [adjusted[place] for place in sorted(range(len(ps)), key=lambda place: ps[place])]
    assert ranked == sorted(ranked)


@pytest.mark.parametrize("bad", [float("nan"), -0.1, 1.1])
def test_holm_refuses_what_is_no_p_value(bad: float) -> None:
    with pytest.raises(ValueError, match="holm: p value"):
        holm([0.5, bad])


def test_impossible_plans_are_refused() -> None:
    with pytest.raises(ValueError, match="mcnemar_power"):
        mcnemar_power(10, lost=0.7, gained=0.7)
    with pytest.raises(ValueError, match="mcnemar_power"):
        mcnemar_power(-1, lost=0.1, gained=0.1)
    with pytest.raises(ValueError, match="detectable"):
        detectable(10, reverse=2.0)
    with pytest.raises(ValueError, match="resolvable"):
        resolvable(10, tests=0)
