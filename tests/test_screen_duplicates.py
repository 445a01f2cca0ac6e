"""Pairs that are proposed are exactly those with a band in common, and those that are kept are as alike as sets say."""

import random
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneward.screen import bands as banding
from tuneward.screen import duplicates
from tuneward.screen.bands import Band, alike
from tuneward.screen.batch import BANDS
from tuneward.screen.duplicates import groups, jaccard, propose, verified
from tuneward.screen.store import Store

QUICK = settings(deadline=None, max_examples=60, database=None)
SETS = st.lists(
    st.tuples(st.frozensets(st.integers(0, 9), max_size=8), st.frozensets(st.integers(0, 9), max_size=8)), max_size=10
)


def lists(sets: Sequence[frozenset[int]]) -> pa.ListArray:
    return pa.array([sorted(one) for one in sets], pa.list_(pa.uint64()))


def index(a: frozenset[int], b: frozenset[int]) -> float:
    return len(a & b) / len(a | b) if a | b else 0.0


# Jaccard --------------------------------------------------------------------------------------------------------------


@QUICK
@given(SETS)
def test_the_index_is_that_of_sets(pairs):
    left, right = lists([a for a, _ in pairs]), lists([b for _, b in pairs])
    assert jaccard(left, right).tolist() == [pytest.approx(index(a, b)) for a, b in pairs]


@QUICK
@given(SETS.filter(lambda pairs: len(pairs) > 2), st.integers(1, 2))
def test_a_slice_of_lists_is_as_the_lists(pairs, cut):
    """DuckDB hands over pieces of larger arrays."""
    left, right = lists([a for a, _ in pairs])[cut:], lists([b for _, b in pairs])[cut:]
    assert jaccard(left, right).tolist() == [pytest.approx(index(a, b)) for a, b in pairs[cut:]]


def test_large_numbers_and_neighbours_are_kept_apart():
    """The last of one pair's and the first of the next pair's may be equal."""
    top = 2**64 - 1
    left = pa.array([[1, top], [top], []], pa.list_(pa.uint64()))
    right = pa.array([[top], [1], []], pa.list_(pa.uint64()))
    assert jaccard(left, right).tolist() == [0.5, 0.0, 0.0]
    assert jaccard(left[:0], right[:0]).tolist() == []


# groups ---------------------------------------------------------------------------------------------------------------


def joined(pairs: Sequence[tuple[int, int]]) -> dict[int, int]:
    """Each place and the least one that pairs connect it with, one step at a time."""
    least = {place: place for pair in pairs for place in pair}
    for _ in pairs:
        for a, b in pairs:
            least[a] = least[b] = min(least[a], least[b])
    return least


@QUICK
@given(st.lists(st.tuples(st.integers(0, 15), st.integers(0, 15)), max_size=14))
def test_groups_are_what_pairs_connect(pairs):
    pairs = [(a << 46, b << 46) for a, b in pairs if a != b]
    a, b = (np.asarray([pair[side] for pair in pairs], np.int64) for side in (0, 1))
    places, first = groups(a, b)
    assert dict(zip(places.tolist(), first.tolist(), strict=True)) == joined(pairs)


def test_a_long_chain_is_one_group():
    places, first = groups(np.arange(5000), np.arange(1, 5001))
    assert len(places) == 5001
    assert not first.any()


# bands ----------------------------------------------------------------------------------------------------------------


def shards_of(folder: Path, bands: np.ndarray, places: np.ndarray, cuts: Sequence[int]) -> tuple[str, ...]:
    """Folders as the first pass leaves them."""
    made = []
    for number, (rows, own) in enumerate(zip(np.split(bands, cuts), np.split(places, cuts), strict=True)):
        shard = folder / f"{number:03d}"
        shard.mkdir(parents=True)
        np.save(shard / "bands.npy", np.ascontiguousarray(rows.T))
        np.save(shard / "places.npy", own)
        made.append(str(shard))
    return tuple(made)


def expected(keys: np.ndarray, places: np.ndarray) -> set[tuple[int, int]]:
    """Each row with the first of its key; 0 is no key."""
    rows = defaultdict(list)
    for key, place in zip(keys.tolist(), places.tolist(), strict=True):
        if key:
            rows[key].append(place)
    return {(one[0], other) for one in rows.values() for other in one[1:]}


def sets_of(files: Sequence[str]) -> list[set[tuple[int, int]]]:
    return [set(map(tuple, np.load(file).T.tolist())) for file in files]


@pytest.mark.parametrize("at_once", [1, 7, 50, 4_000_000])
def test_pairs_are_the_same_however_many_keys_are_sorted_at_once(tmp_path, monkeypatch, at_once):
    monkeypatch.setattr(banding, "AT_ONCE", at_once)
    rng = np.random.default_rng(3)
    bands = rng.integers(0, 40, (200, BANDS)).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    places = np.sort(rng.choice(10**6, 200, replace=False))
    folders = shards_of(tmp_path / "shards", bands, places, [0, 3, 120, 120])
    out = tmp_path / "bands"
    out.mkdir()
    numbers = (0, 5, BANDS - 1)
    found = sets_of([alike(Band(number, folders, str(out))) for number in numbers])
    assert found == [expected(bands[:, number], places) for number in numbers]
    assert all(found)


def test_a_band_that_is_done_is_not_done_again(tmp_path):
    folders = shards_of(tmp_path / "s", np.ones((2, BANDS), np.uint64), np.array([4, 9]), [])
    first = alike(Band(0, folders, str(tmp_path)))
    assert sets_of([first]) == [{(4, 9)}]
    for folder in folders:
        (Path(folder) / "bands.npy").unlink()
    assert alike(Band(0, folders, str(tmp_path))) == first


# what is proposed, what is verified -----------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path):
    """Places 0 … 5, where 0, 2 and 3 say the same."""
    made = Store.__new__(Store)
    import duckdb

    made._at = duckdb.connect(":memory:")
    made.put("rows", pa.table({"place": range(6), "pair": pa.array([7, 8, 7, 7, 9, 10], pa.uint64())}))
    made.run("CREATE TABLE firsts AS SELECT pair, min(place) AS place FROM rows GROUP BY pair")
    yield made
    made.close()


def test_equal_rows_are_proposed_once_by_the_first_of_them(store, tmp_path):
    np.save(tmp_path / "0.npy", np.array([[0, 0, 1, 4], [2, 1, 3, 5]]))
    np.save(tmp_path / "1.npy", np.array([[3, 4], [1, 5]]))
    needed = propose(store, [tmp_path / "0.npy", tmp_path / "1.npy"])
    assert sorted(store.rows("SELECT a, b FROM pairs")) == [(0, 1), (4, 5)]
    assert needed.tolist() == [0, 1, 4, 5]


def test_only_pairs_that_are_alike_enough_are_kept(store, monkeypatch):
    monkeypatch.setattr(duplicates, "EDGES", 3)
    rng = random.Random(0)
    sets = [frozenset(rng.sample(range(12), rng.randrange(1, 10))) for _ in range(20)]
    pairs = [(a, b) for a in range(20) for b in range(a + 1, 20)]
    store.put("shingles", pa.table({"place": range(20), "shingles": lists(sets)}))
    store.put("pairs", pa.table({"a": [a for a, _ in pairs], "b": [b for _, b in pairs]}))
    found = verified(store, 0.5)
    wanted = [(a, b, pytest.approx(index(sets[a], sets[b]))) for a, b in pairs if index(sets[a], sets[b]) >= 0.5]
    assert [tuple(row.values()) for row in found.to_pylist()] == wanted
    assert 5 < len(wanted) < len(pairs)


def test_nothing_proposed_is_nothing_verified(store):
    assert len(propose(store, [])) == 0
    store.put(
        "shingles", pa.table({"place": pa.array([], pa.int64()), "shingles": pa.array([], pa.list_(pa.uint64()))})
    )
    assert verified(store, 0.5).num_rows == 0
