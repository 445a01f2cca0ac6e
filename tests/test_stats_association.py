"""Association of many features with a label: exact tails, false discovery rate, smallest finds."""

from fractions import Fraction
from math import comb, exp, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneward.stats.association import benjamini_hochberg, log_odds, log_tails, smallest, within_reach

Table = tuple[int, int, int, int]


def exact(a: int, n: int, k: int, total: int) -> Fraction:
    """P(X ≥ a) in whole numbers."""
    return Fraction(sum(comb(k, x) * comb(total - k, n - x) for x in range(a, min(n, k) + 1)), comb(total, n))


def log_of(value: Fraction) -> float:
    return log(value.numerator) - log(value.denominator)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    total = draw(st.integers(1, 300))
    k, n = draw(st.integers(0, total)), draw(st.integers(0, total))
    return draw(st.integers(max(0, n + k - total), min(n, k))), n, k, total


@given(tables())
@settings(deadline=None, max_examples=300)
def test_a_tail_is_the_one_whole_numbers_give(table: Table) -> None:
    a, n, k, total = table
    assert log_tails([a], [n], positives=k, total=total)[0] == pytest.approx(
        log_of(exact(a, n, k, total)), rel=1e-9, abs=1e-10
    )


@pytest.mark.parametrize("table", [(800, 900, 1000, 100_000), (400, 400, 5000, 1_000_000), (90, 120, 3000, 50_000)])
def test_tails_far_below_any_float_keep_their_value(table: Table) -> None:
    a, n, k, total = table
    value = log_tails([a], [n], positives=k, total=total)[0]
    assert value < log(1e-80)
    assert value == pytest.approx(log_of(exact(a, n, k, total)), rel=1e-10)


def test_many_features_are_computed_as_one_by_one() -> None:
    rng = np.random.default_rng(0)
    rows = rng.integers(1, 60, 500)
    hits = np.minimum(rng.binomial(rows, 0.4), 200)
    together = log_tails(hits, rows, positives=200, total=1000)
    alone = [log_tails([a], [n], positives=200, total=1000)[0] for a, n in zip(hits, rows, strict=True)]
    assert together.tolist() == alone


@pytest.mark.parametrize(("hits", "rows", "k", "total"), [(5, 4, 9, 20), (5, 6, 4, 20), (1, 21, 9, 20), (1, 2, 30, 20)])
def test_counts_that_no_table_has_are_refused(hits: int, rows: int, k: int, total: int) -> None:
    with pytest.raises(ValueError, match="log_tails"):
        log_tails([hits], [rows], positives=k, total=total)


@given(st.lists(st.floats(1e-12, 1.0), min_size=1, max_size=40), st.integers(0, 50))
@settings(deadline=None)
def test_a_feature_is_found_exactly_where_the_step_up_rule_finds_it(ps: list[float], more: int) -> None:
    q, m = 0.05, len(ps) + more
    passed = [rank for rank, p in enumerate(sorted(ps), 1) if p * (1 + 1e-12) <= rank * q / m]
    bar = sorted(ps)[passed[-1] - 1] if passed else -1.0
    adjusted = np.exp(benjamini_hochberg(np.log(ps), tested=m))
    for p, value in zip(ps, adjusted, strict=True):
        if abs(value / q - 1) > 1e-9:
            assert (value <= q) == (p <= bar)


def test_more_values_than_tests_are_refused() -> None:
    with pytest.raises(ValueError, match="2 p values of 1"):
        benjamini_hochberg([-1.0, -2.0], tested=1)


@given(st.integers(1, 5000), st.integers(1, 200), st.integers(1, 800))
@settings(deadline=None, max_examples=150)
def test_the_smallest_find_is_found_and_one_row_less_is_not(m: int, k: int, more: int) -> None:
    total, q = k + more, 0.01
    n = smallest(m, positives=k, total=total, q=q)
    if n is None:
        assert log_of(exact(k, k, k, total)) > log(q / m)
        return
    assert log_of(exact(n, n, k, total)) <= log(q / m) + 1e-9
    assert n == 1 or log_of(exact(n - 1, n - 1, k, total)) > log(q / m) - 1e-9


def test_the_smallest_find_is_at_most_what_the_formula_with_replacement_asks_for() -> None:
    for m, k, total in ((2400, 190, 1000), (10**6, 190, 1000), (10**6, 20, 1000), (500, 13, 155)):
        n = smallest(m, positives=k, total=total)
        assert n is not None
        assert n <= log(0.01 / m) / log(k / total) + 1


def test_less_purity_asks_for_more_rows() -> None:
    found = [smallest(2000, positives=300, total=2000, purity=purity) for purity in (1.0, 0.9, 0.7, 0.5)]
    assert None not in found
    assert found == sorted(found, key=lambda n: n or 0)
    assert found[0] != found[-1]


def test_where_every_row_has_the_label_nothing_can_be_found() -> None:
    assert smallest(10, positives=50, total=50) is None
    assert within_reach([3, 9, 20], positives=50, total=50, q=0.01, purity=0.9) is None
    assert within_reach([3, 9, 20], positives=0, total=50, q=0.01, purity=0.9) is None


@given(st.lists(st.integers(1, 400), max_size=300), st.integers(2, 100), st.integers(1, 900))
@settings(deadline=None, max_examples=100)
def test_a_pure_feature_at_the_floor_is_found_among_those_tested(rows: list[int], k: int, more: int) -> None:
    floor = within_reach(rows, positives=k, total=k + more, q=0.01, purity=0.9)
    if floor is not None:
        least, left = floor
        assert left == sum(least <= n and n * 0.9 <= k + 1e-9 for n in rows)
        assert log_of(exact(least, least, k, k + more)) <= log(0.01 / max(left, 1)) + 1e-9


def test_the_floor_never_looks_at_labels_so_luck_is_found_as_rarely_as_stated() -> None:
    """Labels dealt out at random: at q = .2 at most a fifth of such sets may hold any find."""
    rng, any_found, runs = np.random.default_rng(7), 0, 200
    for _ in range(runs):
        has = rng.random((200, 300)) < rng.beta(0.5, 8, 300)
        labels = rng.random(200) < 0.15
        rows, hits, k = has.sum(0), (has & labels[:, None]).sum(0), int(labels.sum())
        floor = within_reach(rows, positives=k, total=200, q=0.2, purity=0.01)
        if floor is not None:
            kept = (rows >= floor[0]) & (rows * 0.01 <= k)
            log_q = benjamini_hochberg(log_tails(hits[kept], rows[kept], positives=k, total=200))
            any_found += bool((log_q <= log(0.2)).any())
    assert any_found / runs <= 0.25


def test_log_odds_are_zero_where_the_label_means_nothing_and_grow_with_evidence() -> None:
    even, some, much = log_odds([10, 8, 40], [100, 10, 50], positives=100, total=1000)
    assert even == pytest.approx(0, abs=1e-9)
    assert 0 < some < much


def test_a_million_features_cost_what_their_pairs_do() -> None:
    rng = np.random.default_rng(1)
    rows = np.minimum(rng.zipf(1.6, 1_000_000), 20_000)
    hits = rng.binomial(rows, 0.05)
    tails = log_tails(np.minimum(hits, 1000), rows, positives=1000, total=20_000)
    assert tails.shape == rows.shape
    assert exp(tails.max()) <= 1
