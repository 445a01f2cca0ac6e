"""Evaluation items inside training rows: shared runs of 13 words, 8 for short items (as in arXiv:2005.14165, app. C).

An item's prompt and its answer are looked for apart. Coverage is the share of an item's runs that one row holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tuneward.record import whole_file
from tuneward.scorers.views import fold_text
from tuneward.screen.tokens import I64, U64, Words, spaced, words

LONG, SHORT = 13, 8
SLOTS = 24
"""log2 of the bits that say whether a run could be one of an item at all."""
MOST = 8_000_000
"""Runs that all items together may have."""


@dataclass(frozen=True)
class Item:
    """One side of an evaluation item."""

    suite: str
    id: str
    side: str
    """prompt or answer."""
    text: str


@dataclass(frozen=True)
class Index:
    """Runs of all items, sorted, with the item of each; the number of different runs of each item."""

    runs: U64
    items: I64
    sizes: I64
    names: tuple[str, ...]
    """`suite:id:side` of each item."""
    slots: NDArray[np.bool_]

    def overlaps(self, found_in: Words, least: float) -> list[tuple[int, int, float]]:
        """(text, item, coverage) for many texts, in order, where coverage is `least` or more."""
        found = [self._found(found_in, n) for n in (LONG, SHORT)]
        owner, run = (np.concatenate(parts) for parts in zip(*found, strict=True))
        if not len(run):
            return []
        low, high = np.searchsorted(self.runs, run, "left"), np.searchsorted(self.runs, run, "right")
        many = high - low
        pairs = np.stack([np.repeat(owner, many), _ranges(low, many)], 1)
        pairs = np.unique(pairs[many.repeat(many) > 0], axis=0)  # one run of an item counts once in a text
        text, item = pairs[:, 0], self.items[pairs[:, 1]]
        keys, counts = np.unique(np.stack([text, item], 1), axis=0, return_counts=True)
        coverage = counts / self.sizes[keys[:, 1]]
        return [(int(t), int(i), float(c)) for (t, i), c in zip(keys, coverage, strict=True) if c >= least]

    def _found(self, found: Words, n: int) -> tuple[I64, U64]:
        run = found.runs(n)
        at = np.flatnonzero(self.slots[run >> np.uint64(64 - SLOTS)])
        owner = np.searchsorted(found.first, at, "right") - 1
        within = at + n <= found.first[owner + 1]
        return owner[within], run[at[within]]


def _ranges(low: I64, many: I64) -> I64:
    """low, low + 1 … for each entry, one after another."""
    before = np.cumsum(many) - many
    return np.arange(many.sum()) - np.repeat(before, many) + np.repeat(low, many)


def build(items: Sequence[Item]) -> tuple[Index, list[Item]]:
    """An index, and the items too short to be looked for.

    Raises:
        ValueError: more runs than an index may hold.
    """
    found = words([spaced(fold_text(item.text).lower()).encode("utf-8", "replace") for item in items])
    runs_of = {n: found.runs(n) for n in (LONG, SHORT)}
    runs: list[U64] = []
    owners: list[I64] = []
    sizes: list[int] = []
    names: list[str] = []
    short: list[Item] = []
    for number, item in enumerate(items):
        begin, end = found.first[number : number + 2]
        n = LONG if end - begin >= LONG else SHORT
        if end - begin < n:
            short.append(item)
            continue
        own = np.unique(runs_of[n][begin : end - n + 1])
        runs.append(own)
        owners.append(np.full(len(own), len(sizes), np.int64))
        sizes.append(len(own))
        names.append(f"{item.suite}:{item.id}:{item.side}")
    if sum(sizes) > MOST:
        raise ValueError(f"the evaluation sets have {sum(sizes):,} runs of words, {MOST:,} at most; give fewer of them")
    return _index(runs, owners, sizes, names), short


def _index(runs: list[U64], owners: list[I64], sizes: list[int], names: list[str]) -> Index:
    run = np.concatenate([np.empty(0, np.uint64), *runs])
    owner = np.concatenate([np.empty(0, np.int64), *owners])
    order = np.lexsort((owner, run))
    slots = np.zeros(1 << SLOTS, np.bool_)
    slots[run >> np.uint64(64 - SLOTS)] = True
    return Index(run[order], owner[order], np.asarray(sizes, np.int64), tuple(names), slots)


def save(index: Index, path: Path) -> None:
    """Keep an index where every worker finds it."""
    with whole_file(path) as file:
        np.savez(file, runs=index.runs, items=index.items, sizes=index.sizes, names=np.asarray(index.names, np.str_))


def load(path: str) -> Index:
    """An index that `save` kept."""
    with np.load(path, allow_pickle=False) as kept:
        slots = np.zeros(1 << SLOTS, np.bool_)
        slots[kept["runs"] >> np.uint64(64 - SLOTS)] = True
        return Index(kept["runs"], kept["items"], kept["sizes"], tuple(map(str, kept["names"])), slots)
