"""Judging part of the pairs: the estimate of judging all, and an interval that says how much was not seen."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneward.stats.difference import tango
from tuneward.stats.two_phase import Estimate, Stratum, prediction_powered, two_phase

quick = settings(deadline=None, max_examples=100, database=None)
FINE, REPAIRED, BROKEN, BAD = (False, False), (True, False), (False, True), (True, True)
pairs = st.lists(st.tuples(st.booleans(), st.booleans()), max_size=30)
stratum = st.tuples(pairs, st.integers(0, 100)).map(lambda drawn: Stratum(len(drawn[0]) + drawn[1], drawn[0]))


def test_the_estimate_weighs_strata_by_their_size_not_by_what_was_judged() -> None:
    """10 discordant, all judged: 6 broken, 1 repaired, 3 fine. 90 concordant, 30 judged: 3 bad on both.

    Base (1 + 90·.1)/100 = .10; tuned (6 + 9)/100 = .15; change .05.
    """
    found = two_phase([Stratum(10, [BROKEN] * 6 + [REPAIRED] + [FINE] * 3), Stratum(90, [BAD] * 3 + [FINE] * 27)])
    assert found.base.value == pytest.approx(0.10)
    assert found.tuned.value == pytest.approx(0.15)
    assert found.delta.value == pytest.approx(0.05)
    assert (found.pairs, found.judged) == (100, 40)


def test_the_interval_of_one_half_judged_stratum_is_tangos_on_what_was_judged() -> None:
    found = two_phase([Stratum(200, [BROKEN] * 5 + [REPAIRED] * 2 + [FINE] * 93)])
    assert (found.delta.low, found.delta.high) == pytest.approx(tango(2, 5, 100))


def test_judging_everything_is_about_as_good_as_not_splitting() -> None:
    """300 pairs, all judged, in two strata: within a tenth of Tango's width."""
    found = two_phase(
        [Stratum(60, [BROKEN] * 30 + [REPAIRED] * 10 + [BAD] * 20), Stratum(240, [FINE] * 235 + [BROKEN] * 5)]
    )
    low, high = tango(10, 35, 300)
    assert found.delta.value == pytest.approx(25 / 300)
    assert found.delta.high - found.delta.low == pytest.approx(high - low, rel=0.1)


def test_a_stratum_no_one_judged_may_hold_anything() -> None:
    """90 of 100 pairs unseen: between 90 points better and 90 points worse, and then some."""
    found = two_phase([Stratum(10, [FINE] * 10), Stratum(90, [])])
    assert found.delta.value is None
    assert found.delta.low <= -0.9
    assert found.delta.high >= 0.9
    assert found.base.low == 0.0
    assert found.base.high >= 0.9


@pytest.mark.parametrize("strata", [[], [Stratum(0, [])], [Stratum(5, [])]])
def test_nothing_judged_is_nothing_known(strata: list[Stratum]) -> None:
    """G6."""
    found = two_phase(strata)
    assert found.base == found.tuned == Estimate(None, 0.0, 1.0)
    assert found.delta == Estimate(None, -1.0, 1.0)


@given(st.lists(stratum, max_size=4))
@quick
def test_intervals_are_never_empty_stay_in_range_and_hold_the_value(strata: list[Stratum]) -> None:
    """G1, G2."""
    found = two_phase(strata)
    for estimate, least in ((found.base, 0.0), (found.tuned, 0.0), (found.delta, -1.0)):
        assert least <= estimate.low < estimate.high <= 1.0
        if estimate.value is not None:
            assert estimate.low <= estimate.value + 1e-12
            assert estimate.value <= estimate.high + 1e-12


@given(st.lists(stratum, max_size=4))
@quick
def test_swapping_the_arms_turns_the_change_round(strata: list[Stratum]) -> None:
    swapped = two_phase([Stratum(each.size, [(tuned, base) for base, tuned in each.judged]) for each in strata])
    found = two_phase(strata)
    assert (found.delta.low, found.delta.high) == pytest.approx((-swapped.delta.high, -swapped.delta.low))
    assert found.base == swapped.tuned


@given(st.integers(1, 60), st.integers(0, 40))
@quick
def test_more_judged_pairs_alike_never_widen_the_interval(judged: int, more: int) -> None:
    few, many = (two_phase([Stratum(200, [FINE] * count)]).delta for count in (judged, judged + more))
    assert many.low >= few.low
    assert many.high <= few.high


def test_more_judged_than_there_are_is_an_error() -> None:
    with pytest.raises(ValueError, match="stratum 1 has 3 judged pairs of 2"):
        two_phase([Stratum(1, []), Stratum(2, [FINE] * 3)])


@pytest.mark.parametrize("truth", [(0.97, 0.005, 0.005, 0.02), (0.85, 0.01, 0.12, 0.02), (0.6, 0.1, 0.1, 0.2)])
def test_the_interval_covers_when_only_part_is_judged(truth: tuple[float, ...]) -> None:
    """330 pairs, a scorer that errs on about one in ten, discordant pairs and 50 others judged, 300 runs.

    At least 92.5 % hold the true value of each of the three (nominal 95, two standard errors below).
    """
    generator, kinds = np.random.default_rng(1), np.array([FINE, REPAIRED, BROKEN, BAD])
    base, tuned = truth[1] + truth[3], truth[2] + truth[3]
    held = np.zeros(3)
    for _ in range(300):
        rows = kinds[generator.choice(4, 330, p=truth)]
        called = rows ^ (generator.random((330, 2)) < 0.1)
        apart = called[:, 0] != called[:, 1]
        control = rows[~apart]
        sample = generator.permutation(control)[:50].tolist()
        found = two_phase([Stratum(int(apart.sum()), rows[apart].tolist()), Stratum(len(control), sample)])
        for place, (estimate, true) in enumerate(
            ((found.base, base), (found.tuned, tuned), (found.delta, tuned - base))
        ):
            held[place] += estimate.low <= true <= estimate.high
    assert (held / 300 >= 0.925).all()


def test_the_estimate_does_not_lean_on_the_cheap_scorer() -> None:
    """A scorer that calls nearly all broken pairs alike: the mean over 400 runs is still the true 10 points."""
    generator = np.random.default_rng(2)
    found = []
    for _ in range(400):
        broken = generator.random(300) < 0.1
        apart = generator.random(300) < np.where(broken, 0.2, 0.05)
        alike = generator.permutation(broken[~apart])[:60]
        strata = [
            Stratum(len(rows), [BROKEN if bad else FINE for bad in seen])
            for rows, seen in ((broken[apart], broken[apart]), (broken[~apart], alike))
        ]
        found.append(two_phase(strata).delta.value)
    values = np.array(found, dtype=float)
    assert abs(values.mean() - 0.1) < 4 * values.std() / 20


def test_a_good_proxy_is_worth_labels_and_a_useless_one_costs_none() -> None:
    """Proxy right on 45 of 50 labels of 1,000 replies; a constant proxy leaves the labels alone."""
    labels = [True] * 20 + [False] * 30
    seen = [1.0] * 17 + [0.0] * 3 + [1.0] * 2 + [0.0] * 28
    helped = prediction_powered(seen * 20, seen, labels)
    alone = prediction_powered([0.0] * 1_000, [0.0] * 50, labels)
    assert helped.value == pytest.approx(0.4)
    assert alone.value == pytest.approx(0.4)
    assert (alone.weight, alone.effective) == (0.0, 50.0)
    assert helped.effective > 80
    assert helped.high - helped.low < 0.8 * (alone.high - alone.low)


def test_the_proxy_moves_the_estimate_by_its_weight() -> None:
    """Labelled replies: proxy 10 of 20, labels equal to it. With one wrong reply of each kind added λ = 9/11.

    All replies: proxy mean .25, so .5 + 9/11·(.25 − .5).
    """
    seen = [1.0] * 10 + [0.0] * 10
    found = prediction_powered([1.0] * 50 + [0.0] * 150, seen, [True] * 10 + [False] * 10)
    assert found.weight == pytest.approx(9 / 11)
    assert found.value == pytest.approx(0.5 - 0.25 * 9 / 11)


def test_a_proxy_that_was_never_wrong_is_not_taken_for_perfect() -> None:
    """G1: 20 labels, all as the proxy said, none bad: worth more than 20 labels, far less than 1,000."""
    found = prediction_powered([0.0] * 900 + [1.0] * 100, [0.0] * 18 + [1.0] * 2, [False] * 18 + [True] * 2)
    assert 20 < found.effective < 100
    assert found.high - found.low > 0.1


@given(st.lists(st.tuples(st.floats(-5, 5), st.booleans()), max_size=30), st.lists(st.floats(-5, 5), max_size=60))
@quick
def test_powered_intervals_are_never_empty_and_worth_between_the_labels_and_all(
    labelled: list[tuple[float, bool]], rest: list[float]
) -> None:
    """G1, G2."""
    seen = [proxy for proxy, _ in labelled]
    found = prediction_powered(seen + rest, seen, [bad for _, bad in labelled])
    assert 0.0 <= found.low < found.high <= 1.0
    if found.value is not None:
        assert found.low <= found.value <= found.high
        assert len(labelled) <= found.effective + 1e-9
        assert found.effective <= len(labelled) + len(rest) + 1e-6


@pytest.mark.parametrize("size", [2.0**-1030, 1e-155, 1e155])
def test_the_unit_of_a_proxy_changes_nothing(size: float) -> None:
    """A difference of 2e-309 (found by Hypothesis) was divided by its own square, 0."""
    proxies, judged = [0.0, 1.0, 0.5, 0.25, 1.0, 0.0, 0.75], [False, True, False, False]
    plain = prediction_powered(proxies, proxies[:4], judged)
    found = prediction_powered([size * proxy for proxy in proxies], [size * proxy for proxy in proxies[:4]], judged)
    assert (found.value, found.low, found.high) == pytest.approx((plain.value, plain.low, plain.high))
    assert found.effective == pytest.approx(plain.effective)


@pytest.mark.parametrize("proxies", [[0.0, float("nan")], [-1.5e308, 1.5e308]])
def test_proxies_that_are_not_numbers_or_too_far_apart_are_refused(proxies: list[float]) -> None:
    with pytest.raises(ValueError, match="one finite proxy per label"):
        prediction_powered(proxies, proxies, [True, False])


@pytest.mark.parametrize(("p", "se", "sp"), [(0.02, 0.95, 0.98), (0.1, 0.8, 0.9), (0.5, 0.95, 0.98)])
def test_powered_intervals_cover(p: float, se: float, sp: float) -> None:
    """400 runs, 50 labels of 330: at least 92.5 % (nominal 95)."""
    generator, held = np.random.default_rng(4), 0
    for _ in range(400):
        bad = generator.random(330) < p
        proxy = (generator.random(330) < np.where(bad, se, 1 - sp)).astype(float)
        found = prediction_powered(proxy.tolist(), proxy[:50].tolist(), bad[:50].tolist())
        held += found.low <= p <= found.high
    assert held / 400 >= 0.925


@pytest.mark.parametrize(("every", "seen", "judged"), [([0.0], [0.0, 0.0], [True, True]), ([0.0, 1.0], [0.0], [])])
def test_proxies_that_do_not_match_the_labels_are_an_error(
    every: list[float], seen: list[float], judged: list[bool]
) -> None:
    with pytest.raises(ValueError, match="one finite proxy per label"):
        prediction_powered(every, seen, judged)
    with pytest.raises(ValueError, match="one finite proxy"):
        prediction_powered([float("nan")], [float("nan")], [True])
