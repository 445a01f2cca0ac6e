"""The words behind findings, read from the data set again: only on request, and never those that are secret."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pyarrow as pa

from tuneward.scorers.redaction import redact
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
BETWEEN = "\0"
"""Stands between an excerpt and the values that it must not hold."""
Place = tuple[int, int, int, int]
"""Row, turn, start, end."""
Secret = tuple[int, int, int]
"""Turn, start, end."""
Task = tuple[Shard, tuple[tuple[*Place, tuple[Secret, ...]], ...]]
Line = tuple[int, int, int, int, str]


def read(plan: Plan, read: First, store: Store, *, where: Executor) -> None:
    """Table `excerpts`: the words at every place in `seen` that is no secret value, without such values.

    Raises:
        ValueError: a file that was readable is no more.
    """
    asked: dict[int, list[Place]] = {}
    found = store.rows(
        """SELECT DISTINCT place, message, "start", "end" FROM kept_seen
           WHERE NOT secret AND "end" > "start" ORDER BY ALL"""
    )
    firsts = np.asarray([shard.place for shard in read.shards])
    for place in found:
        asked.setdefault(int(np.searchsorted(firsts, place[0], "right")) - 1, []).append(place)
    secrets = _secrets(store)
    tasks: list[Task] = [
        (read.shards[number], tuple((*place, secrets.get(place[0], ())) for place in places))
        for number, places in sorted(asked.items())
    ]
    lines: list[Line] = []
    for one in where(partial(excerpts, plan), tasks):
        if one.result is None:
            raise ValueError(one.error)
        lines.extend(one.result)
    names = ("place", "message", "start", "end", "excerpt")
    columns = zip(*lines, strict=True) if lines else [()] * len(names)
    types = (pa.int64(), pa.int32(), pa.int32(), pa.int32(), pa.string())
    arrays = [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)]
    store.put("excerpts", pa.Table.from_arrays(arrays, names=list(names)))


def _secrets(store: Store) -> dict[int, tuple[Secret, ...]]:
    """Row → where the values stand that no output may show."""
    found: dict[int, tuple[Secret, ...]] = {}
    hidden = """SELECT DISTINCT place, message, "start", "end" FROM kept_seen
                WHERE secret ORDER BY ALL"""
    for place, *secret in store.rows(hidden):
        found[place] = (*found.get(place, ()), (secret[0], secret[1], secret[2]))
    return found


def excerpts(plan: Plan, task: Task) -> list[Line]:
    """The words at some places of a shard."""
    shard, places = task
    of: dict[int, list[tuple[*Place, tuple[Secret, ...]]]] = {}
    for place in places:
        of.setdefault(place[0], []).append(place)
    found: list[Line] = []
    for placed in again(plan, shard, np.asarray(sorted(of), np.int64)):
        texts = row_of(plan, placed).texts
        for at, message, start, end, secrets in of[shard.source.number * FILE + placed.place]:
            shown = shorn(texts, (message, start, min(end, start + LONGEST)), secrets)
            found.append((at, message, start, end, shown))
    return found


def shorn(texts: Sequence[str], asked: Secret, secrets: Sequence[Secret]) -> str:
    """A stretch of a turn without the secret values of its row, wherever they stand in it."""
    turn, start, end = asked
    text = texts[turn][start:end].replace(BETWEEN, " ")
    spans = [(max(a, start) - start, min(b, end) - start) for t, a, b in secrets if t == turn and a < end and b > start]
    for other, a, b in secrets:
        value = texts[other][a:b].replace(BETWEEN, " ")
        text += BETWEEN + value
        spans.append((len(text) - len(value), len(text)))
    return redact(text, spans, "hidden").split(BETWEEN)[0]
