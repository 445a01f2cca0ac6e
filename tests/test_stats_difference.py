"""Paired differences of single prompts: published values, independent recomputation, and what may never happen."""

from collections.abc import Callable
from math import comb, isclose, log, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize_scalar

from tuneward.stats.difference import Pair, mcnemar, newcombe, paired_difference, tango

Z95 = 1.959963984540054
tables = st.tuples(*[st.integers(0, 60)] * 4).filter(lambda cells: sum(cells) > 0)
quick = settings(deadline=None, max_examples=150, database=None)


def single(both: int, lost: int, gained: int, neither: int) -> list[Pair]:
    """One prompt per family."""
    kinds = [(True, True)] * both + [(True, False)] * lost + [(False, True)] * gained + [(False, False)] * neither
    return [Pair(str(place), "all", base, tuned) for place, (base, tuned) in enumerate(kinds)]


def inverted_score_test(lost: int, gained: int, n: int) -> tuple[float, float]:
    """Tango's limits from the definition: maximise the likelihood numerically, then invert the statistic."""

    def score(delta: float) -> float:
        def minus_log_likelihood(share: float) -> float:
            terms = ((gained, share + delta), (lost, share), (n - lost - gained, 1 - 2 * share - delta))
            from_counts = [(count, max(chance, 1e-300)) for count, chance in terms if count]
            return -sum(count * log(chance) for count, chance in from_counts)

        bounds = (max(0.0, -delta), (1 - delta) / 2)
        share = minimize_scalar(minus_log_likelihood, bounds=bounds, method="bounded", options={"xatol": 1e-13}).x
        return (gained - lost - n * delta) / sqrt(n * (2 * share + delta * (1 - delta)))

    value = (gained - lost) / n
    low = brentq(lambda delta: score(delta) - Z95, -1 + 1e-9, value - 1e-9, xtol=1e-12)
    high = brentq(lambda delta: score(delta) + Z95, value + 1e-9, 1 - 1e-9, xtol=1e-12)
    return low, high


def test_the_design_mock_is_reproduced() -> None:
    """37 lost and 3 gained of 412, 397 good on the base: −8.3 pp [−11.4, −5.5], p = 2e-8."""
    low, high = newcombe(360, 37, 3, 12)
    assert (round(100 * low, 1), round(100 * high, 1)) == (-11.4, -5.5)
    assert f"{mcnemar(37, 3):.0e}" == "2e-08"
    found = paired_difference(single(360, 37, 3, 12))
    assert found.value is not None
    assert round(100 * found.value, 1) == -8.3
    assert found.p == mcnemar(37, 3)


@pytest.mark.parametrize(
    ("lost", "gained", "n", "low", "high"),
    [(16, 6, 161, -0.1240, -0.0054), (7, 1, 21, -0.5172, -0.0260)],
)
def test_tango_gives_the_published_limits(lost: int, gained: int, n: int, low: float, high: float) -> None:
    """Complete response before and after consolidation (Cavo 2012) and airway responsiveness (Bentur 2009).

    Both are worked examples of Fagerland, Lydersen and Laake, Statistical Analysis of Contingency Tables, ch. 8.
    """
    assert tango(lost, gained, n) == pytest.approx((low, high), abs=6e-5)


@pytest.mark.parametrize(
    ("lost", "gained", "n"), [(16, 6, 161), (7, 1, 21), (37, 3, 412), (1, 0, 20), (0, 4, 9), (5, 5, 30)]
)
def test_tango_equals_an_independent_inversion_of_the_score_test(lost: int, gained: int, n: int) -> None:
    assert tango(lost, gained, n) == pytest.approx(inverted_score_test(lost, gained, n), abs=1e-6)


@pytest.mark.parametrize("n", [1, 5, 20, 412, 10_000])
def test_tango_without_flips_is_the_closed_form(n: int) -> None:
    """G1: no flips in n pairs is ± z² / (n + z²), not [0, 0]."""
    half = Z95**2 / (n + Z95**2)
    assert tango(0, 0, n) == pytest.approx((-half, half), rel=1e-9)


@given(st.integers(0, 400), st.integers(0, 400))
@quick
def test_mcnemar_is_a_plain_binomial_sum_and_symmetric(lost: int, gained: int) -> None:
    changed, fewer = lost + gained, min(lost, gained)
    plain = min(1.0, 2 * sum(comb(changed, k) for k in range(fewer + 1)) / 2**changed)
    assert isclose(mcnemar(lost, gained), plain, rel_tol=1e-9)
    assert mcnemar(lost, gained) == mcnemar(gained, lost)


@given(tables, st.sampled_from([0.8, 0.9, 0.95, 0.99]))
@quick
def test_paired_intervals_are_never_empty_nor_impossible(cells: tuple[int, int, int, int], confidence: float) -> None:
    """G1 for paired differences, also without flips and with nothing but flips."""
    _, lost, gained, _ = cells
    value = (gained - lost) / sum(cells)
    for low, high in (tango(lost, gained, sum(cells), confidence=confidence), newcombe(*cells, confidence=confidence)):
        assert -1.0 <= low <= value + 1e-12
        assert value - 1e-12 <= high <= 1.0
        assert high - low > 1e-6


@given(tables)
@quick
def test_swapping_the_arms_mirrors_everything(cells: tuple[int, int, int, int]) -> None:
    both, lost, gained, neither = cells
    n = sum(cells)
    swaps: list[Callable[[int, int], tuple[float, float]]] = [
        lambda k, g: tango(k, g, n),
        lambda k, g: newcombe(both, k, g, neither),
    ]
    for interval in swaps:
        low, high = interval(lost, gained)
        assert interval(gained, lost) == pytest.approx((-high, -low), abs=1e-12)
    here, there = paired_difference(single(*cells)), paired_difference(single(both, gained, lost, neither))
    assert (there.low, there.high, there.p) == (-here.high, -here.low, here.p)


@pytest.mark.parametrize("n", [1, 2, 7, 20, 33])
def test_one_more_loss_never_raises_the_worst_case(n: int) -> None:
    """A loss is a kept prompt that is no longer good, or a gain that is no longer one: every table of n pairs."""
    worst = {(k, g): tango(k, g, n, confidence=0.9)[0] for k in range(n + 1) for g in range(n + 1 - k)}
    for (lost, gained), value in worst.items():
        for more in ((lost + 1, gained), (lost, gained - 1)):
            assert worst.get(more, -1.0) <= value + 1e-12


@given(tables, st.randoms(use_true_random=False))
@quick
def test_the_order_of_the_pairs_does_not_matter(cells: tuple[int, int, int, int], random: object) -> None:
    pairs = single(*cells)
    shuffled = list(pairs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert paired_difference(shuffled) == paired_difference(pairs)


def test_newcombe_without_flips_falls_back_instead_of_claiming_certainty() -> None:
    """G1: the formula gives [0, 0] for 10 of 20 good on both arms."""
    assert newcombe(10, 0, 0, 10) == tango(0, 0, 20)
    assert newcombe(20, 0, 0, 0) == tango(0, 0, 20)


def test_worst_is_the_one_sided_bound() -> None:
    found = paired_difference(single(90, 5, 2, 3))
    assert found.worst == tango(5, 2, 100, confidence=0.90)[0]
    assert found.low < found.worst < -0.03


def test_no_pairs_say_nothing() -> None:
    """G6: an empty comparison is the widest there is, never a pass."""
    found = paired_difference([])
    assert (found.n, found.value, found.low, found.high, found.worst, found.p) == (0, None, -1.0, 1.0, -1.0, 1.0)
    assert tango(0, 0, 0) == (-1.0, 1.0)
    assert newcombe(0, 0, 0, 0) == (-1.0, 1.0)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: mcnemar(-1, 0), "mcnemar"),
        (lambda: tango(3, 3, 5), "tango"),
        (lambda: tango(-1, 0, 5), "tango"),
        (lambda: tango(1, 0, 5, confidence=1.0), "tango"),
        (lambda: newcombe(1, -1, 0, 5), "newcombe"),
        (lambda: newcombe(1, 1, 0, 5, confidence=0.0), "wilson"),
    ],
)
def test_impossible_input_is_refused_by_name(call: Callable[[], object], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        call()
