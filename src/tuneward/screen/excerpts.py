"""The words behind findings, read from the data set again: only on request, and never those that are secret."""

from collections.abc import Iterator
from functools import partial

import numpy as np
import pyarrow as pa

from tuneward.screen.first import row_of
from tuneward.screen.passes import First
from tuneward.screen.plan import Plan
from tuneward.screen.pool import Executor
from tuneward.screen.second import again
from tuneward.screen.sources import FILE, Shard
from tuneward.screen.store import Store

LONGEST = 200
"""Characters of an excerpt."""
EMPTY = """CREATE OR REPLACE TABLE excerpts (
    place BIGINT, message INTEGER, "start" INTEGER, "end" INTEGER, excerpt VARCHAR)"""
Place = tuple[int, int, int, int]
Task = tuple[Shard, tuple[Place, ...]]


def read(plan: Plan, read: First, store: Store, *, where: Executor) -> None:
    """Table `excerpts`: the words at every place that `seen` has a digest of."""
    asked: dict[int, list[Place]] = {}
    found = store.rows(
        """SELECT DISTINCT place, message, "start", "end" FROM kept_seen WHERE digest <> '' ORDER BY ALL"""
    )
    firsts = np.asarray([shard.place for shard in read.shards])
    for place in found:
        asked.setdefault(int(np.searchsorted(firsts, place[0], "right")) - 1, []).append(place)
    tasks: list[Task] = [(read.shards[number], tuple(places)) for number, places in sorted(asked.items())]
    lines = [line for one in where(partial(excerpts, plan), tasks) for line in one.result or ()]
    names = ("place", "message", "start", "end", "excerpt")
    columns = zip(*lines, strict=True) if lines else [()] * len(names)
    types = (pa.int64(), pa.int32(), pa.int32(), pa.int32(), pa.string())
    arrays = [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)]
    store.put("excerpts", pa.Table.from_arrays(arrays, names=list(names)))


def excerpts(plan: Plan, task: Task) -> list[tuple[int, int, int, int, str]]:
    """The words at some places of a shard."""
    return list(_words(plan, *task))


def _words(plan: Plan, shard: Shard, places: tuple[Place, ...]) -> Iterator[tuple[int, int, int, int, str]]:
    of: dict[int, list[Place]] = {}
    for place in places:
        of.setdefault(place[0], []).append(place)
    for placed in again(plan, shard, np.asarray(sorted(of), np.int64)):
        row = row_of(plan, placed)
        for at, message, start, end in of[shard.source.number * FILE + placed.place]:
            yield at, message, start, end, row.texts[message][start : min(end, start + LONGEST)]
