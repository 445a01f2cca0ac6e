"""Agreement of raters: hand-worked values, and intervals that never claim certainty."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneward.stats.agreement import cohen_kappa, krippendorff_alpha

quick = settings(deadline=None, max_examples=40, database=None)
label = st.one_of(st.none(), st.integers(1, 5))
units = st.lists(st.lists(label, min_size=2, max_size=4), min_size=0, max_size=12)

# Krippendorff's example: four observers, twelve units, five labels, gaps.
FOUR_OBSERVERS = [
    [1, 1, None, 1],
    [2, 2, 3, 2],
    [3, 3, 3, 3],
    [3, 3, 3, 3],
    [2, 2, 2, 2],
    [1, 2, 3, 4],
    [4, 4, 4, 4],
    [1, 1, 2, 1],
    [2, 2, 2, 2],
    [None, 5, 5, 5],
    [None, None, 1, 1],
    [None, 3, None, None],
]


def test_kappa_of_a_table_worked_by_hand() -> None:
    """20 both yes, 5 and 10 mixed, 15 both no: p_o = 35/50, p_e = (25·30 + 25·20)/50² = .5, so κ = .2/.5 = .4."""
    a = ["yes"] * 25 + ["no"] * 25
    b = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    found = cohen_kappa(a, b)
    assert found.value == pytest.approx(0.4)
    assert found.n == 50
    assert found.low < 0.4 < found.high


def test_kappa_interval_is_near_the_asymptotic_one() -> None:
    """s.e. = √(p_o(1 − p_o)/n) / (1 − p_e) = √(.7·.3/500)/.5 = .041 for ten times the table above."""
    a = ["yes"] * 250 + ["no"] * 250
    b = ["yes"] * 200 + ["no"] * 50 + ["yes"] * 100 + ["no"] * 150
    found = cohen_kappa(a, b)
    assert found.low == pytest.approx(0.4 - 1.96 * 0.041, abs=0.015)
    assert found.high == pytest.approx(0.4 + 1.96 * 0.041, abs=0.015)


def test_alpha_of_two_observers_worked_by_hand() -> None:
    """Krippendorff's binary example: 10 units, 4 disagree, 14 zeros and 6 ones: α = 1 − 19·4/(14·6) = 2/21."""
    first = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0]
    second = [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    found = krippendorff_alpha(list(zip(first, second, strict=True)))
    assert found.value == pytest.approx(2 / 21)


def test_alpha_of_four_observers_with_gaps_worked_by_hand() -> None:
    """40 labels in pairable units, by label 9, 13, 10, 5, 3. Disagreement comes from three units.

    Coincidences off the diagonal: unit 2 (2 2 2 3) gives 3·1/3 = 1 each way for {2,3}; unit 6 (1 2 3 4) gives 1/3 each
    way for six pairs of labels; unit 8 (1 1 1 2) gives 1 each way for {1,2}. Sum: 2 + 4 + 2 = 8. By luck:
    (40² − (81 + 169 + 100 + 25 + 9)) / 39 = 1216/39. α = 1 − 8·39/1216.
    """
    found = krippendorff_alpha(FOUR_OBSERVERS)
    assert found.value == pytest.approx(1 - 8 * 39 / 1216)
    assert found.value == pytest.approx(0.743, abs=5e-4)
    assert found.n == 11


def test_ordinal_alpha_counts_the_ranks_between_two_labels() -> None:
    """Published value .815 for the same table."""
    assert krippendorff_alpha(FOUR_OBSERVERS, level="ordinal").value == pytest.approx(0.815, abs=5e-4)


def test_near_misses_cost_less_than_far_ones_only_on_the_ordinal_scale() -> None:
    near = [[1, 2], [1, 1], [2, 2], [3, 3], [5, 5], [5, 5]]
    far = [[1, 5], [1, 1], [2, 2], [3, 3], [5, 5], [2, 5]]
    close, wide = (krippendorff_alpha(rows, level="ordinal").value for rows in (near, far))
    plain = krippendorff_alpha(near).value
    assert close is not None
    assert wide is not None
    assert plain is not None
    assert close > wide
    assert close > plain


@pytest.mark.parametrize("found", [cohen_kappa([1, 1], [1, 1]), cohen_kappa([], []), cohen_kappa([None], [1])])
def test_one_label_only_leaves_agreement_unknown(found: object) -> None:
    """G6: nothing rated, or nothing that could have differed, is not agreement."""
    assert (found.value, found.low, found.high) == (None, -1.0, 1.0)  # type: ignore[attr-defined]
    alone = krippendorff_alpha([[1, 1], [1, 1, None], [2, None]])
    assert (alone.value, alone.low, alone.high, alone.n) == (None, -1.0, 1.0, 2)


def test_perfect_agreement_is_not_certain() -> None:
    """G1: ten units without a disagreement say little, a thousand say much."""
    few, many = cohen_kappa([0, 1] * 5, [0, 1] * 5), cohen_kappa([0, 1] * 500, [0, 1] * 500)
    assert few.value == many.value == 1.0
    assert few.low < 0.5
    assert 0.98 < many.low < many.high == 1.0


@given(units, st.sampled_from(["nominal", "ordinal"]))
@quick
def test_alpha_intervals_are_never_empty_and_hold_the_value(rows: list[list[int | None]], level: str) -> None:
    """G1."""
    found = krippendorff_alpha(rows, level=level)  # type: ignore[arg-type]
    assert -1.0 <= found.low < found.high <= 1.0
    if found.value is not None:
        assert found.low <= found.value <= found.high


@given(st.lists(st.tuples(label, label), max_size=20))
@quick
def test_kappa_is_symmetric_and_its_intervals_are_never_empty(pairs: list[tuple[int | None, int | None]]) -> None:
    """G1."""
    a, b = [one for one, _ in pairs], [other for _, other in pairs]
    found, swapped = cohen_kappa(a, b), cohen_kappa(b, a)
    assert -1.0 <= found.low < found.high <= 1.0
    if found.value is None:
        assert swapped.value is None
    else:
        assert found.low <= found.value <= found.high
        assert swapped.value == pytest.approx(found.value)


def test_the_interval_is_seeded_and_does_not_depend_on_the_order_of_units() -> None:
    rows = [[1, 1], [1, 2], [2, 2], [3, 2], [3, 3], [1, 1]] * 4
    shuffled = random.Random(1).sample(rows, len(rows))
    assert krippendorff_alpha(rows) == krippendorff_alpha(rows)
    assert krippendorff_alpha(rows).low == pytest.approx(krippendorff_alpha(shuffled).low)
    assert krippendorff_alpha(rows, seed=1) != krippendorff_alpha(rows, seed=2)


def test_kappa_intervals_cover() -> None:
    """True κ = .6 (p_o = .8, p_e = .5), 60 units, 200 tables: at least 90 % hold it (nominal 95)."""
    held, generator = 0, random.Random(0)
    for _ in range(200):
        a = [generator.random() < 0.5 for _ in range(60)]
        b = [one if generator.random() < 0.8 else not one for one in a]
        found = cohen_kappa(a, b)
        held += found.low <= 0.6 <= found.high
    assert 0.90 <= held / 200 <= 1.0


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="3 labels against 2"):
        cohen_kappa([1, 0, 1], [1, 0])
    with pytest.raises(ValueError, match="'high'; expected whole numbers"):
        krippendorff_alpha([["high", "low"]], level="ordinal")
    with pytest.raises(ValueError, match="level 'ratio'"):
        krippendorff_alpha([[1, 2]], level="ratio")  # type: ignore[arg-type]
