"""One matrix under Safe Delta, against a case worked by hand and loops in float64."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from safe_delta_by_hand import by_hand
from tuneward.repair.safe_delta import SafeDelta, safe_delta

UNIT = 4096.0**2
"""So that a 2 × 2 matrix with d = 1 may spend 4 × strength / UNIT."""


def problem(rows: int, columns: int, *, seed: int = 0, tokens: int = 50) -> tuple[Tensor, Tensor, Tensor]:
    """Base, tuned and second moments, float64, with inputs that are correlated."""
    torch.manual_seed(seed)
    mixing = torch.randn(columns, columns, dtype=torch.float64)
    inputs = torch.randn(tokens, columns, dtype=torch.float64) @ (mixing / columns**0.5 + torch.eye(columns))
    base = torch.randn(rows, columns, dtype=torch.float64)
    return base, base + 0.1 * torch.randn_like(base), 2 / tokens * inputs.T @ inputs


def test_a_case_worked_by_hand() -> None:
    """H = [[2, 1], [1, 1]], so U = [[1, -1], [0, 1]] and d = 1, 1; costs of the first column are 4 and 1.

    A budget of 4 pays for the first entry alone. It goes from 1 to 3, and its neighbour from 2 to 0: of all (2, x), the
    move (2, -2) changes outputs least, for 2 · 1 + x · 1 = 0.
    """
    base, tuned = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[3.0, 9.0], [4.0, 9.0]])
    moments = torch.tensor([[2.0, 1.0], [1.0, 1.0]])
    exact = SafeDelta(strength=UNIT, damping=0, sub_block=1)
    assert safe_delta(base, tuned, moments, by=exact).weight.tolist() == [[3.0, 0.0], [3.0, 4.0]]
    assert safe_delta(base, tuned, moments, by=exact).accepted == 0.25
    apart = SafeDelta(strength=UNIT, damping=0, sub_block=2)
    assert safe_delta(base, tuned, moments, by=apart).weight.tolist() == [[3.0, 2.0], [3.0, 4.0]]
    more = SafeDelta(strength=1.25 * UNIT, damping=0, sub_block=1)
    assert safe_delta(base, tuned, moments, by=more).weight.tolist() == [[3.0, 0.0], [4.0, 3.0]]


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 7),
    columns=st.integers(1, 23),
    block=st.integers(1, 30),
    sub_block=st.integers(1, 6),
    power=st.floats(-2, 8),
    protected=st.sampled_from([0.0, 0.15, 0.5]),
    seed=st.integers(0, 99),
)
def test_it_is_what_the_loops_say(
    rows: int, columns: int, block: int, sub_block: int, power: float, protected: float, seed: int
) -> None:
    """Methods §8.4: any shape, any block."""
    base, tuned, moments = problem(rows, columns, seed=seed)
    by = SafeDelta(strength=10**power, protected=protected, block=block, sub_block=sub_block)
    found = safe_delta(base, tuned, moments, by=by)
    told, accepted = by_hand(
        base.tolist(),
        tuned.tolist(),
        moments.tolist(),
        strength=10**power,
        protected=protected,
        block=block,
        sub_block=sub_block,
    )
    assert found.accepted == accepted / (rows * columns)
    torch.testing.assert_close(found.weight, torch.tensor(told, dtype=torch.float64), rtol=1e-9, atol=1e-9)


def test_wide_matrices_too() -> None:
    """More columns than are updated together, and a last block that is narrower."""
    base, tuned, moments = problem(3, 300, tokens=400)
    by = SafeDelta(strength=3e4, block=170)
    found = safe_delta(base, tuned, moments, by=by)
    told, accepted = by_hand(base.tolist(), tuned.tolist(), moments.tolist(), strength=3e4, block=170)
    assert 0 < accepted < 700
    assert found.accepted == accepted / 900
    torch.testing.assert_close(found.weight, torch.tensor(told, dtype=torch.float64), rtol=1e-9, atol=1e-9)
    low = safe_delta(base.float(), tuned.float(), moments.float(), by=by).weight
    assert low.dtype == torch.float32
    torch.testing.assert_close(low.double(), found.weight, rtol=1e-4, atol=1e-4)


def test_no_strength_is_the_base_and_no_limit_the_tuned_model_but_for_protected_columns() -> None:
    base, tuned, moments = (one.float() for one in problem(9, 40))
    assert torch.equal(safe_delta(base, tuned, moments, by=SafeDelta(strength=0)).weight, base)
    found = safe_delta(base, tuned, moments, by=SafeDelta(strength=math.inf))
    same = (found.weight == tuned).all(0)
    assert int(same.sum()) == 34
    assert found.accepted == 0.85
    told = safe_delta(base, tuned, moments, by=SafeDelta(strength=math.inf, protected=0))
    assert torch.equal(told.weight, tuned)


def test_a_model_that_tuning_left_alone_stays_so() -> None:
    base, _, moments = (one.float() for one in problem(9, 40))
    for strength in (0, 0.11, math.inf):
        assert torch.equal(safe_delta(base, base.clone(), moments, by=SafeDelta(strength=strength)).weight, base)


def test_nothing_is_changed_in_place() -> None:
    """Methods §8.4. A single row lies in memory as its transpose does."""
    for rows in (1, 3):
        given = problem(rows, 8)
        kept = [one.clone() for one in given]
        safe_delta(*given, by=SafeDelta(strength=math.inf))
        assert all(torch.equal(one, other) for one, other in zip(given, kept, strict=True))


def test_inputs_that_never_come_do_no_harm() -> None:
    """A column whose inputs are all zero has no second moments: it is taken for one of middling weight."""
    base, tuned, moments = problem(5, 12)
    moments[3], moments[:, 3] = 0, 0
    by = SafeDelta(strength=2e6)
    found = safe_delta(base, tuned, moments, by=by)
    told, accepted = by_hand(base.tolist(), tuned.tolist(), moments.tolist(), strength=2e6)
    assert found.accepted == accepted / 60
    torch.testing.assert_close(found.weight, torch.tensor(told, dtype=torch.float64))
    none = safe_delta(base, tuned, torch.zeros_like(moments), by=SafeDelta(strength=math.inf))
    assert torch.isfinite(none.weight).all()


def test_the_unit_of_the_inputs_does_not_matter() -> None:
    base, tuned, moments = problem(5, 12)
    moments[3], moments[:, 3] = 0, 0
    by = SafeDelta(strength=2e6)
    one, two = (safe_delta(base, tuned, times * moments, by=by) for times in (1, 1024))
    assert one.accepted == two.accepted
    torch.testing.assert_close(one.weight, two.weight)


def test_more_strength_keeps_more() -> None:
    base, tuned, moments = problem(9, 40)
    strengths = [10.0**power for power in range(-2, 8)]
    shares = [safe_delta(base, tuned, moments, by=SafeDelta(strength=one)).accepted for one in strengths]
    assert shares == sorted(shares)
    assert shares[0] < 0.05 < 0.8 < shares[-1]


def test_compensation_keeps_the_outputs_where_they_were() -> None:
    """The same entries taken over without it move outputs further; with sub-blocks of one, each row is best."""
    base, tuned, moments = problem(16, 40)

    def moved(weight: Tensor) -> float:
        off = weight - base
        return float(((off @ moments) * off).sum())

    for sub_block in (1, 4):
        found = safe_delta(base, tuned, moments, by=SafeDelta(strength=3e4, sub_block=sub_block))
        bare = torch.where(found.weight == tuned, tuned, base)
        assert 0.2 < found.accepted < 0.6
        assert moved(found.weight) < 0.9 * moved(bare)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("strength", -0.1),
        ("strength", math.nan),
        ("damping", -0.01),
        ("protected", 1.5),
        ("block", 0),
        ("sub_block", 0),
        ("prompts", 0),
        ("tokens", 0),
    ],
)
def test_settings_out_of_their_range_are_refused(setting: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{setting} is "):
        SafeDelta(**{setting: value})


def test_moments_that_are_no_numbers_are_refused() -> None:
    base, tuned, moments = problem(3, 5)
    moments[1, 1] = math.nan
    with pytest.raises(ValueError, match="second moments"):
        safe_delta(base, tuned, moments, by=SafeDelta())
