"""Mean levels over strata: the estimate by hand, and intervals that neither vanish nor leave the scale."""

import random
from operator import mul

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneward.stats.levels import mean_level

LEVEL = st.integers(1, 5).map(float)
STRATUM = st.lists(LEVEL, max_size=8).flatmap(lambda seen: st.tuples(st.integers(len(seen), 40), st.just(seen)))


def test_strata_are_weighed_by_their_size() -> None:
    """300 pairs of mean 1.5 and 100 of mean 4: (300 · 1.5 + 100 · 4) / 400."""
    found = mean_level([(300, [1.0, 2.0]), (100, [4.0])], least=1, most=5)
    assert found.value == pytest.approx(2.125)
    assert 1 <= found.low < 2.125 < found.high <= 5


def test_one_complete_stratum_is_the_plain_mean_with_two_levels_more_in_its_spread() -> None:
    """Levels 1, 3, 3, 5, padded by 1 and 5: variance 16 / 6 about 3, over 4 + 2."""
    found = mean_level([(4, [1.0, 3.0, 3.0, 5.0])], least=1, most=5)
    half = 1.959964 * ((16 / 6) / 6) ** 0.5
    assert (found.value, found.low, found.high) == pytest.approx((3.0, 3 - half, 3 + half))


@pytest.mark.parametrize("level", [1.0, 3.0, 5.0])
@pytest.mark.parametrize("count", [1, 60])
def test_levels_all_alike_prove_no_certainty(level: float, count: int) -> None:
    found = mean_level([(count, [level] * count)], least=1, most=5)
    assert found.value == level
    assert found.high - found.low > 0.05


def test_a_stratum_that_nobody_judged_may_hold_anything() -> None:
    found = mean_level([(10, [1.0] * 10), (10, [])], least=1, most=5)
    assert found.value is None
    assert found.low == 1
    assert found.high > 3
    nothing = mean_level([], least=1, most=5)
    assert (nothing.value, nothing.low, nothing.high) == (None, 1, 5)
    empty = mean_level([(0, []), (4, [2.0])], least=1, most=5)
    assert empty.value == 2


def test_a_level_beyond_the_scale_is_an_error() -> None:
    with pytest.raises(ValueError, match="outside"):
        mean_level([(2, [1.0, 0.0])], least=1, most=5)


@settings(deadline=None, max_examples=200)
@given(st.lists(STRATUM, max_size=4))
def test_the_interval_holds_the_estimate_and_stays_on_the_scale(strata: list[tuple[int, list[float]]]) -> None:
    found = mean_level(strata, least=1, most=5)
    assert 1 <= found.low <= found.high <= 5
    if found.value is not None:
        assert found.low - 1e-9 <= found.value <= found.high + 1e-9


RARE = ((0.9, (0.97, 0.01, 0.01, 0.0, 0.01)), (0.1, (0.2, 0.2, 0.2, 0.2, 0.2)))
APART = ((0.5, (1.0, 0.0, 0.0, 0.0, 0.0)), (0.5, (0.0, 0.0, 0.0, 0.0, 1.0)))


@pytest.mark.parametrize(("shapes", "judged"), [(RARE, 30), (RARE, 1000), (APART, 10), (APART, 1000)])
def test_intervals_cover_the_mean_of_all_in_nineteen_of_twenty_draws(shapes: tuple, judged: int) -> None:
    """A rare level 5 in a large stratum, and strata that differ by all there is: how large they are is chance too."""
    rng, covered, draws = random.Random(3), 0, 1500
    truth = sum(share * sum(map(mul, range(1, 6), odds)) for share, odds in shapes)
    for _ in range(draws):
        first = sum(rng.random() < shapes[0][0] for _ in range(330))
        sizes = (first, 330 - first)
        seen = [
            [float(level) for level in rng.choices(range(1, 6), odds, k=min(count, judged))]
            for (_, odds), count in zip(shapes, sizes, strict=True)
        ]
        found = mean_level(list(zip(sizes, seen, strict=True)), least=1, most=5)
        covered += found.low <= truth <= found.high
    assert covered / draws >= 0.93, covered
