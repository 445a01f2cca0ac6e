"""Which rows make which step."""

from collections import Counter
from itertools import islice, pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneward.tune.job import Settings
from tuneward.tune.order import POOL, Shuffled, planned, split, steps_of

lengths_ = st.lists(st.integers(2, 60), min_size=1, max_size=60)


def plan(lengths: list[int], **changes: Any) -> list[list[int]]:
    return planned(Shuffled(), lengths, ["task"] * len(lengths), settings=Settings(**changes))


@given(lengths=lengths_, batch=st.integers(1, 20), seed=st.integers(0, 5), epochs=st.integers(1, 4))
@settings(max_examples=150, deadline=None)
def test_each_row_once_a_pass(lengths: list[int], batch: int, seed: int, epochs: int) -> None:
    steps = plan(lengths, batch=batch, seed=seed, epochs=epochs)
    count, size = len(lengths), min(batch, len(lengths))
    assert set(Counter(n for step in steps for n in step).values()) == {epochs}
    assert {len(step) for step in steps[:-1]} <= {size}
    assert len(steps) == -(-epochs * count // size)
    drawn = [n for step in steps for n in step]
    if count % size == 0:
        assert all(sorted(drawn[at : at + count]) == list(range(count)) for at in range(0, len(drawn), count))


@given(lengths=lengths_, batch=st.integers(1, 20), seed=st.integers(0, 5), buckets=st.booleans())
@settings(max_examples=100, deadline=None)
def test_what_is_left_over_stands_first_in_the_next_pass(
    lengths: list[int], batch: int, seed: int, buckets: bool
) -> None:
    size = min(batch, len(lengths))
    whole = len(lengths) // size
    first = list(islice(steps_of(lengths, size=batch, seed=seed, buckets=buckets), whole + 1))
    seen = {n for step in first[:whole] for n in step}
    left = set(range(len(lengths))) - seen
    assert len(seen) == whole * size
    assert set(first[whole][: len(left)]) == left
    assert first == list(islice(steps_of(lengths, size=batch, seed=seed, buckets=buckets), whole + 1))


@given(lengths=lengths_, batch=st.integers(1, 20), epochs=st.floats(0.05, 3))
@settings(max_examples=100, deadline=None)
def test_a_share_of_a_pass_is_so_many_rows(lengths: list[int], batch: int, epochs: float) -> None:
    steps = plan(lengths, batch=batch, epochs=epochs)
    assert sum(map(len, steps)) == max(1, round(epochs * len(lengths)))
    assert all(steps)
    counts = Counter(n for step in steps for n in step)
    assert max(counts.values()) <= -(-epochs // 1) + (epochs > 1)


def test_the_last_step_is_short_and_steps_may_be_counted() -> None:
    assert [len(step) for step in plan([5] * 10, batch=4)] == [4, 4, 2]
    assert [len(step) for step in plan([5] * 10, batch=4, steps=7)] == [4] * 7
    assert plan([3, 4], batch=16, epochs=2) != []
    assert [sorted(step) for step in plan([3, 4], batch=16, epochs=2)] == [[0, 1], [0, 1]]


def test_no_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="no rows to learn from"):
        plan([])


def test_seeds_differ_and_buckets_hold_rows_of_like_length() -> None:
    lengths = [4 + (n * 7919) % 97 for n in range(POOL * 8 * 2)]
    one = plan(lengths, batch=8, seed=1)
    assert one == plan(lengths, batch=8, seed=1)
    assert one != plan(lengths, batch=8, seed=2)

    def padding(steps: list[list[int]]) -> int:
        return sum(max(lengths[n] for n in step) - lengths[m] for step in steps for m in step)

    blind = planned(Shuffled(buckets=False), lengths, [""] * len(lengths), settings=Settings(batch=8, seed=1))
    assert padding(one) < 0.15 * padding(blind)
    means = [sum(lengths[n] for n in step) / 8 for step in one]
    assert sum(a < b for a, b in pairwise(means)) not in (0, len(one) - 1), "long and short steps alternate"


@given(lengths=lengths_, ways=st.integers(1, 9))
@settings(max_examples=100, deadline=None)
def test_a_step_is_split_evenly_whatever_its_size(lengths: list[int], ways: int) -> None:
    parts = split(list(range(len(lengths))), lengths, ways=ways)
    assert len(parts) == ways
    assert sorted(n for part in parts for n in part) == list(range(len(lengths)))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    full = [part for part in parts if part]
    assert all(max(lengths[n] for n in a) <= min(lengths[n] for n in b) for a, b in pairwise(full))
