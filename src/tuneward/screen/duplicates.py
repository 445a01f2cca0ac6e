"""Rows that say the same: by hash where nothing but case, spacing and punctuation differs, else by shared word triples.

Near-duplicates (arXiv:2107.06499; here on word 3-grams, which short rows need): MinHash with 128 permutations in 32
bands of 4 proposes pairs, the exact Jaccard index of their triples decides. A pair of 10 % exchanged words is proposed
in about 97 of 100 cases, one of 20 % in a third.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from tuneward.screen.store import Store
from tuneward.screen.tokens import I64, held, mixed

VERIFIED = pa.schema([("a", pa.int64()), ("b", pa.int64()), ("jaccard", pa.float64())])
_OWNER, _REST = np.uint64(12), np.uint64(52)
EDGES = 4096
"""Pairs whose triples are compared together."""


def propose(store: Store, files: Sequence[Path]) -> I64:
    """Puts the pairs that are not equal anyway into table `pairs` (a, b); gives the places whose triples are needed."""
    every = np.concatenate([np.empty((2, 0), np.int64), *map(held, files)], axis=1)
    store.put("proposed", pa.table({"a": every[0], "b": every[1]}))
    store.run(
        """CREATE OR REPLACE TABLE pairs AS
           SELECT DISTINCT least(first_a.place, first_b.place) AS a, greatest(first_a.place, first_b.place) AS b
           FROM proposed JOIN rows AS ra ON ra.place = proposed.a JOIN rows AS rb ON rb.place = proposed.b
           JOIN firsts AS first_a ON first_a.pair = ra.pair JOIN firsts AS first_b ON first_b.pair = rb.pair
           WHERE ra.pair <> rb.pair"""
    )
    return np.asarray(
        store.arrays("SELECT DISTINCT unnest([a, b]) AS place FROM pairs ORDER BY place")["place"], np.int64
    )


def verified(store: Store, least: float) -> pa.Table:
    """Of table `pairs`, those whose triples (table `shingles`) have a Jaccard index of `least` or more."""
    reader = store.batches(
        """SELECT a, b, sa.shingles AS left_side, sb.shingles AS right_side FROM pairs
           JOIN shingles AS sa ON sa.place = a JOIN shingles AS sb ON sb.place = b""",
        size=EDGES,
    )
    kept = [VERIFIED.empty_table()]
    for batch in reader:
        index = jaccard(batch.column("left_side"), batch.column("right_side"))
        near = pa.array(index >= least)
        columns = {"a": batch.column("a"), "b": batch.column("b"), "jaccard": pa.array(index)}
        kept.append(pa.table(columns).filter(near))
    return pa.concat_tables(kept).sort_by([("a", "ascending"), ("b", "ascending")])


def jaccard(left: pa.ListArray, right: pa.ListArray) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Shared over all members, for lists of different numbers side by side."""
    sizes = [np.diff(side.offsets.to_numpy()) for side in (left, right)]
    values = np.concatenate([side.flatten().to_numpy() for side in (left, right)])
    owner = np.concatenate([np.repeat(np.arange(len(size), dtype=np.uint64), size) for size in sizes])
    keys = np.sort(owner << _REST | mixed(values) >> _OWNER)  # 52 bits of a hash still tell a few hundred triples apart
    twice = keys[1:][keys[1:] == keys[:-1]] >> _REST
    shared = np.bincount(twice.astype(np.int64), minlength=len(left))
    return np.asarray(shared / np.maximum(sizes[0] + sizes[1] - shared, 1), np.float64)


def groups(a: I64, b: I64) -> tuple[I64, I64]:
    """Places and the first place of the group each is in, for groups that pairs connect."""
    places, at = np.unique(np.concatenate([a, b]), return_inverse=True)
    if not len(places):
        return places, places
    n = len(places)
    graph = coo_array((np.ones(len(a), np.int8), (at[: len(a)], at[len(a) :])), shape=(n, n))
    _, label = connected_components(graph, directed=False)
    first = np.full(label.max() + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, label, places)
    return places, first[label]
