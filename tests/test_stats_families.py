"""Families of several prompts: the family, not the prompt, is what a result rests on."""

import time
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneward.stats import difference
from tuneward.stats.difference import Pair, family_bootstrap, mcnemar, paired_difference, sign_flip, tango

outcomes = st.tuples(st.booleans(), st.booleans())
grouped = st.lists(st.lists(outcomes, min_size=1, max_size=5), min_size=1, max_size=14)
even = st.integers(2, 4).flatmap(
    lambda size: st.lists(st.lists(outcomes, min_size=size, max_size=size), min_size=1, max_size=12)
)
quick = settings(deadline=None, max_examples=60, database=None)
Families = list[list[tuple[bool, bool]]]


def spread(families: Families) -> list[Pair]:
    """Outcomes (base, tuned) by family, as pairs."""
    return [Pair(f"f{place}", "all", *outcome) for place, family in enumerate(families) for outcome in family]


def swapped(pairs: list[Pair]) -> list[Pair]:
    return [Pair(pair.family, pair.category, pair.tuned, pair.base) for pair in pairs]


@given(grouped)
@quick
def test_sign_flip_equals_trying_every_flip(families: Families) -> None:
    """The table of chances against plain enumeration over the families with a net change."""
    pairs = spread(families)
    sums = [sum(int(tuned) - int(base) for base, tuned in family) for family in families]
    sums = [value for value in sums if value]
    flips = list(product((1, -1), repeat=len(sums)))
    reached = [abs(sum(s * f for s, f in zip(sums, flip, strict=True))) >= abs(sum(sums)) for flip in flips]
    assert sign_flip(pairs) == pytest.approx(sum(reached) / len(flips), rel=1e-9)
    assert sign_flip(pairs) == sign_flip(swapped(pairs))


def test_sign_flip_of_single_prompts_is_mcnemar() -> None:
    pairs = spread([[(True, False)]] * 37 + [[(False, True)]] * 3 + [[(True, True)]] * 372)
    assert sign_flip(pairs) == pytest.approx(mcnemar(37, 3), rel=1e-9)


def test_sampled_flips_agree_with_exact_ones_and_are_never_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = spread([[(True, False)] * 2] * 9 + [[(False, True)]] * 6 + [[(True, True)] * 3] * 30)
    exact = sign_flip(pairs)
    monkeypatch.setattr(difference, "EXACT_CELLS", 0)
    assert sign_flip(pairs, seed=1) == pytest.approx(exact, abs=4 * (exact * (1 - exact) / 20_000) ** 0.5)
    assert sign_flip(pairs, seed=1) == sign_flip(pairs, seed=1)
    all_lost = spread([[(True, False)] * 2] * 60)
    assert sign_flip(all_lost, draws=999) == pytest.approx(1 / 1000)


@given(grouped)
@quick
def test_intervals_by_family_are_never_empty_and_contain_the_value(families: Families) -> None:
    """G1 where families hold several prompts; `worst` lies inside the interval's lower half."""
    found = paired_difference(spread(families))
    assert found.value is not None
    assert -1.0 <= found.low <= found.worst <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1.0
    assert found.high - found.low > 1e-3
    assert 0.0 < found.p <= 1.0


@given(grouped)
@quick
def test_swapping_the_arms_mirrors_the_result_exactly(families: Families) -> None:
    pairs = spread(families)
    here, there = paired_difference(pairs), paired_difference(swapped(pairs))
    assert (there.low, there.high, there.p) == (-here.high, -here.low, here.p)
    assert (there.lost, there.gained) == (here.gained, here.lost)


@given(even)
@quick
def test_asking_every_prompt_twice_proves_nothing_more(families: Families) -> None:
    """Copies inside a family neither narrow the interval, nor lower p, nor improve the worst case."""
    once = paired_difference(spread(families))
    twice = paired_difference(spread([family * 2 for family in families]))
    assert twice.low <= once.low + 1e-9
    assert twice.high >= once.high - 1e-9
    assert twice.worst <= once.worst + 1e-9
    assert twice.p == pytest.approx(once.p, rel=1e-9)


@pytest.mark.parametrize(("lost", "gained"), [(0, 0), (3, 0), (12, 4)])
def test_copies_of_single_prompts_prove_nothing_more(lost: int, gained: int) -> None:
    single = [[(True, False)]] * lost + [[(False, True)]] * gained + [[(True, True)]] * (110 - lost - gained)
    once = paired_difference(spread(single))
    five = paired_difference(spread([family * 5 for family in single]))
    assert five.low <= once.low + 1e-9
    assert five.worst <= once.worst + 1e-9
    assert five.p == pytest.approx(once.p, rel=1e-9)


@given(even, st.data())
@quick
def test_one_more_loss_never_raises_the_worst_case(families: Families, data: st.DataObject) -> None:
    """Known exception: a table in which every pair was gained, where nothing tells how alike families are."""
    pairs = spread(families)
    good = [place for place, pair in enumerate(pairs) if pair.tuned]
    if not good or all(pair.tuned and not pair.base for pair in pairs):
        return
    place = data.draw(st.sampled_from(good))
    worse = [*pairs[:place], Pair(pairs[place].family, "all", pairs[place].base, False), *pairs[place + 1 :]]
    assert paired_difference(worse).worst <= paired_difference(pairs).worst + 1e-12


@given(grouped, st.integers(0, 5))
@quick
def test_the_order_of_the_pairs_does_not_matter(families: Families, seed: int) -> None:
    pairs = spread(families)
    shuffled = [pairs[place] for place in np.random.default_rng(seed).permutation(len(pairs))]
    assert paired_difference(shuffled, seed=3) == paired_difference(pairs, seed=3)


def test_one_family_is_one_observation() -> None:
    """Fifty prompts of one idea, all lost: no significance, and an interval as wide as for one pair."""
    found = paired_difference(spread([[(True, False)] * 25 + [(True, True)] * 25]))
    assert (found.n, found.families, found.p) == (50, 1, 1.0)
    assert found.low <= tango(0.5, 0, 1)[0]


def test_families_that_change_as_one_widen_the_interval() -> None:
    together = paired_difference(spread([[(True, False)] * 4] * 10 + [[(True, True)] * 4] * 90))
    apart = paired_difference(spread([[(True, False)] + [(True, True)] * 3] * 40 + [[(True, True)] * 4] * 60))
    naive = tango(40, 0, 400)
    assert together.value == apart.value == -0.1
    assert together.high - together.low > 1.4 * (naive[1] - naive[0])
    assert together.high - together.low > apart.high - apart.low >= naive[1] - naive[0]


def test_the_bootstrap_can_be_empty_and_therefore_never_stands_alone() -> None:
    """G1: resampling families without flips gives [0, 0]; the reported interval does not."""
    pairs = spread([[(True, True)] * 2] * 30)
    assert family_bootstrap(pairs) == (0.0, 0.0)
    assert paired_difference(pairs).low == pytest.approx(tango(0, 0, 30)[0])
    assert family_bootstrap([]) == (-1.0, 1.0)


def test_the_bootstrap_follows_its_seed_and_its_width_the_theory() -> None:
    rng = np.random.default_rng(0)
    pairs = spread([[(True, bool(rng.random() > 0.2))] * 3 for _ in range(200)])
    low, high = family_bootstrap(pairs, seed=4)
    assert (low, high) == family_bootstrap(pairs, seed=4) != family_bootstrap(pairs, seed=5)
    assert high - low == pytest.approx(2 * 1.96 * (0.2 * 0.8 / 200) ** 0.5, rel=0.1)


@pytest.mark.parametrize(("draws", "confidence"), [(0, 0.95), (10, 1.0)])
def test_impossible_settings_are_refused(draws: int, confidence: float) -> None:
    with pytest.raises(ValueError, match="family_bootstrap"):
        family_bootstrap([], draws=draws, confidence=confidence)
    with pytest.raises(ValueError, match="sign_flip"):
        sign_flip([], draws=0)


def test_two_thousand_pairs_take_a_blink() -> None:
    pairs = spread([[(True, place % 7 != 0)] * 5 for place in range(400)])
    began = time.process_time()
    paired_difference(pairs)
    assert time.process_time() - began < 1.0
