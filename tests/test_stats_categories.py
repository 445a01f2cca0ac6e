"""Categories: shrunk where the data are thin, and a worst one that must beat the luck of the draw."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betainc

from tuneward.stats.categories import Pooled, pool, worst_category
from tuneward.stats.difference import Pair
from tuneward.stats.rates import wilson

quick = settings(deadline=None, max_examples=40, database=None)
counted = st.lists(
    st.integers(0, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=1, max_size=11
)


def labelled(losses: dict[str, int], each: int) -> list[Pair]:
    """One prompt per family, `each` per category, all good on the base."""
    return [Pair(f"{name}{place}", name, True, place >= lost) for name, lost in losses.items() for place in range(each)]


@given(counted)
@quick
def test_pooled_intervals_are_finite_never_empty_and_hold_the_value(counts: list[tuple[int, int]]) -> None:
    """G1: also for no losses, nothing but losses, one category and nothing at risk."""
    for found in pool([k for k, _ in counts], [n for _, n in counts]):
        assert 0.0 <= found.low < found.high <= 1.0
        if any(n for _, n in counts):
            assert found.value is not None
            assert 0.0 < found.value < 1.0


@given(counted, st.randoms(use_true_random=False))
@quick
def test_pooling_does_not_depend_on_the_order_of_categories(counts: list[tuple[int, int]], random: object) -> None:
    order = list(range(len(counts)))
    random.shuffle(order)  # type: ignore[attr-defined]
    straight = pool([k for k, _ in counts], [n for _, n in counts])
    shuffled = pool([counts[place][0] for place in order], [counts[place][1] for place in order])
    for place, found in zip(order, shuffled, strict=True):
        assert (found.low, found.high) == pytest.approx((straight[place].low, straight[place].high), abs=1e-6)


def test_one_unlucky_category_is_pulled_towards_the_others() -> None:
    """2 of 10 among ten clean categories: below its raw 20 %, above the others, interval narrower than alone."""
    found = pool([2] + [0] * 10, [10] * 11)
    assert found[0].value is not None
    assert found[1].value is not None
    assert found[1].value < found[0].value < 0.15
    alone = wilson(2, 10)
    assert found[0].high - found[0].low < alone.high - alone.low


def test_a_collapsed_category_is_not_hidden_by_the_others() -> None:
    found = pool([9] + [0] * 10, [10] * 11)
    assert found[0].value is not None
    assert found[0].value > 0.7
    assert found[0].low > 0.45
    assert all(other.high < 0.15 for other in found[1:])


def test_alike_categories_share_their_strength() -> None:
    """All 10 %: each is known nearly as well as the total, and never better than it."""
    found, total = pool([10] * 11, [100] * 11)[0], wilson(110, 1100)
    alone = wilson(10, 100)
    assert total.high - total.low <= found.high - found.low < 0.7 * (alone.high - alone.low)


def test_a_category_without_risk_gets_the_predictive_interval() -> None:
    empty, small, large = pool([0, 3, 1], [0, 10, 50])
    assert empty.value is not None
    assert large.value is not None
    assert small.value is not None
    assert large.value < empty.value < small.value
    assert empty.high - empty.low > small.high - small.low


def test_nothing_at_risk_anywhere_is_unknown() -> None:
    assert pool([0, 0], [0, 0]) == [Pooled(None, 0.0, 1.0)] * 2
    assert pool([], []) == []


def test_one_category_agrees_with_its_beta_posterior() -> None:
    """With one category κ says nothing; the 95 % ends must cut about 2.5 % of a Beta near (k + ½, n − k + ½)."""
    found = pool([20], [200])[0]
    assert betainc(20.5, 180.5, found.low) == pytest.approx(0.025, abs=0.01)
    assert betainc(20.5, 180.5, found.high) == pytest.approx(0.975, abs=0.01)


def test_pooled_intervals_cover_the_true_shares() -> None:
    """60 draws of eleven categories from a Beta(1, 19): at least 93 % of the 95 % intervals hold the truth."""
    rng, held = np.random.default_rng(0), []
    for _ in range(60):
        truth = rng.beta(1, 19, size=11)
        found = pool(rng.binomial(10, truth).tolist(), [10] * 11)
        held += [one.low <= share <= one.high for one, share in zip(found, truth, strict=True)]
    assert np.mean(held) >= 0.93


@pytest.mark.parametrize(("lost", "at_risk"), [([1], [1, 2]), ([3], [2]), ([-1], [2])])
def test_impossible_counts_are_refused(lost: list[int], at_risk: list[int]) -> None:
    with pytest.raises(ValueError, match="pool"):
        pool(lost, at_risk)


def test_a_truly_worse_category_is_found() -> None:
    found = worst_category(labelled({"fraud": 8, "malware": 1, "privacy": 0, "hate": 1}, 10))
    assert found is not None
    assert found.name == "fraud"
    assert found.excess == pytest.approx(0.8 - 0.25)
    assert found.p < 0.001


def test_the_largest_of_eleven_alike_categories_is_luck() -> None:
    found = worst_category(labelled({f"c{place}": 1 + (place == 4) for place in range(11)}, 10))
    assert found is not None
    assert found.name == "c4"
    assert found.p > 0.5


def test_labels_are_shuffled_over_families_not_prompts() -> None:
    """Ten lost prompts of one family are one accident."""
    pairs = [Pair("one", "a", True, False) for _ in range(10)]
    pairs += [Pair(f"{name}{place}", name, True, True) for name in "ab" for place in range(10)]
    pairs += [Pair(f"b-long{place}", "b", True, True) for place in range(10)]
    found = worst_category(pairs)
    assert found is not None
    assert found.p > 0.2


def test_the_permutation_p_is_honest_without_a_difference() -> None:
    """400 audits with equal categories: p < .05 in at most about 5 % of them."""
    rng = np.random.default_rng(1)
    ps = []
    for seed in range(400):
        losses = {f"c{place}": int(lost) for place, lost in enumerate(rng.binomial(10, 0.1, size=6))}
        found = worst_category(labelled(losses, 10), seed=seed, draws=200)
        ps.append(1.0 if found is None else found.p)
    assert np.mean(np.array(ps) < 0.05) < 0.05 + 3 * (0.05 * 0.95 / 400) ** 0.5


def test_nothing_lost_has_no_worst_category() -> None:
    assert worst_category(labelled({"a": 0, "b": 0}, 5)) is None
    assert worst_category(labelled({"a": 3}, 5)) is None
    assert worst_category([]) is None
    assert worst_category([Pair("x", "a", False, True), Pair("y", "b", True, True)]) is None


def test_the_order_of_pairs_does_not_matter_and_draws_follow_the_seed() -> None:
    pairs = labelled({"a": 3, "b": 1, "c": 0}, 8)
    assert worst_category(pairs, seed=2) == worst_category(pairs[::-1], seed=2)
    with pytest.raises(ValueError, match="worst_category"):
        worst_category(pairs, draws=0)
