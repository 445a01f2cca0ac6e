"""`--stop-if`: read strictly, held against a figure, and broken several times in a row."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneward.tune.limits import FIGURES, Limit, limit, limits, reached


def test_a_limit_is_a_figure_an_operator_and_a_number() -> None:
    assert limit("lost>0.1") == Limit("lost", ">", 0.1)
    assert limit(" own/gap >= 5e-1 ") == Limit("own/gap", ">=", 0.5)
    assert limit("gap<-2") == Limit("gap", "<", -2.0)
    assert str(limit("own/lost >  0.050")) == "own/lost>0.05"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("loss>0.1", r"no figure 'loss'; there are gap, lost, gained, kl"),
        ("own/own/gap>1", "no figure 'own/own/gap'"),
        ("lost", "expected figure, operator and number"),
        ("lost=0.1", "expected figure, operator and number"),
        ("lost>0.1 or gap>1", "expected figure, operator and number"),
        ("0.1<lost", "no figure '0.1'"),
        ("gap>much", "'much' is no number"),
        ("gap>nan", "finite"),
        ("gap>inf", "finite"),
        ("lost>1", "always so or never"),
        ("gained>=-1", "always so or never"),
        ("gap>-1", "stop at once"),
        ("own/kl<1", "stop at once"),
        ("gap>=0", "stop at once"),
    ],
)
def test_anything_else_is_refused_in_one_line(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        limit(text)
    assert "\n" not in str(caught.value)


def test_a_limit_given_twice_counts_once() -> None:
    assert limits(("lost>0.1", "lost > 0.10", "gap>1")) == (Limit("lost", ">", 0.1), Limit("gap", ">", 1.0))


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(sorted(FIGURES)), st.floats(-5, 5), st.floats(0.01, 0.99))
def test_a_limit_is_broken_exactly_beyond_its_number(name: str, value: float, number: float) -> None:
    assert limit(f"{name}>{number!r}").broken({name: value}) is (value > number)


def test_a_figure_that_was_not_read_breaks_no_limit() -> None:
    assert not limit("own/lost>0.1").broken({"lost": 1.0})


def test_only_readings_in_a_row_stop_a_run() -> None:
    assert reached([["a"], ["a"]], after=2) == ("a",)
    assert reached([["a"], [], ["a"]], after=2) == ()
    assert reached([["a"], ["b"]], after=2) == ()
    assert reached([["a", "b"], ["b", "a"], ["b"]], after=3) == ("b",)
    assert reached([["a"]], after=2) == ()
    assert reached([], after=1) == ()


def test_at_the_last_reading_once_is_enough() -> None:
    assert reached([[], ["a"]], after=3, last=True) == ("a",)
    assert reached([["a"], []], after=1, last=True) == ()
