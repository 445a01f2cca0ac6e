"""The passes over a set, and the check that every row was read exactly once."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa

from tuneward.screen.bands import Band, alike
from tuneward.screen.batch import BANDS
from tuneward.screen.duplicates import propose
from tuneward.screen.first import either
from tuneward.screen.plan import Plan
from tuneward.screen.pool import Done, Executor
from tuneward.screen.second import LEFT, Question, answer, ask
from tuneward.screen.sources import Shard, Source, rows_before
from tuneward.screen.store import Store
from tuneward.screen.tokens import I64, U64, held
from tuneward.screen.whole import Whole

Progress = Callable[[int, int], None]
"""Told how many of how many pieces are done."""


@dataclass(frozen=True)
class Counts:
    """What a shard counted."""

    rows: int
    form: Mapping[str, int | list[int]]
    formats: Mapping[str, int]
    scripts: Mapping[str, int]


@dataclass(frozen=True)
class First:
    """The first pass."""

    wholes: tuple[Whole, ...]
    shards: tuple[Shard, ...]
    """Those that could be read."""
    counts: tuple[Counts, ...]
    """Of each of these."""
    failed: tuple[str, ...]
    """Pieces that could not be read, and why."""

    @property
    def rows(self) -> int:
        """Rows read."""
        return sum(one.rows for one in self.counts)


def first(plan: Plan, found: Sequence[Source], pieces: Sequence[Shard], *, where: Executor, tell: Progress) -> First:
    """Every shard once, and every file as a whole.

    Raises:
        ValueError: a file has other rows than its shards together: it changed while it was read.
    """
    tasks: list[Source | Shard] = [*found, *pieces]
    done: dict[Source | Shard, Done[Source | Shard, Whole | str]] = {}
    for one in where(partial(either, plan), tasks):
        done[one.task] = one
        tell(len(done), len(tasks))
    failed = [f"{source.name}: {done[source].error}" for source in found if done[source].error]
    read = [piece for piece in pieces if done[piece].error is None]
    failed += [f"{p.source.name} from {p.start}: {done[p].error}" for p in pieces if done[p].error is not None]
    wholes = tuple(w for source in found if isinstance(w := done[source].result, Whole))
    counts = tuple(msgspec.json.decode((plan.folder(p) / "counts.json").read_bytes(), type=Counts) for p in read)
    if not failed:
        _conserved(wholes, dict(zip(read, counts, strict=True)))
    _unchanged(found)
    return First(wholes, tuple(read), counts, tuple(failed))


def _unchanged(found: Sequence[Source]) -> None:
    for source in found:
        state = os.stat(source.path)
        if (state.st_size, state.st_mtime_ns) != (source.bytes, source.modified):
            raise ValueError(f"{source.path}: it changed while it was read; screen it again when nothing writes to it")


def _conserved(wholes: Sequence[Whole], counts: Mapping[Shard, Counts]) -> None:
    for file in wholes:
        read = sum(count.rows for shard, count in counts.items() if shard.source == file.source)
        if file.rows is not None and read != file.rows:
            raise ValueError(
                f"{file.source.path}: {file.rows} rows in the file, {read} read in its shards; it changed meanwhile, "
                "so screen it again when nothing writes to it"
            )


def bases(first: First) -> pa.Table:
    """Place of each shard's first row, and how many rows of the file stand before it."""
    places, before = [], []
    rows: dict[int, int] = {}
    for shard, count in zip(first.shards, first.counts, strict=True):
        number = shard.source.number
        known = rows_before(shard)
        places.append(shard.place)
        before.append(rows.get(number, 0) if known is None else known)
        rows[number] = rows.get(number, 0) + count.rows
    return pa.table({"place": pa.array(places, pa.int64()), "base": pa.array(before, pa.int64())})


@dataclass(frozen=True)
class Passes:
    """What comes after the first pass, over what it left."""

    plan: Plan
    read: First
    store: Store
    where: Executor
    tell: Progress

    def similar(self) -> I64:
        """Places of the rows whose word triples decide whether they are near-duplicates.

        Raises:
            ValueError: what the first pass left can no longer be read, or nothing more be written.
        """
        folders = tuple(str(self.plan.folder(shard)) for shard in self.read.shards)
        out = Path(self.plan.work) / "bands"
        out.mkdir(parents=True, exist_ok=True)
        done = list(self.where(alike, [Band(number, folders, str(out)) for number in range(BANDS)]))
        wrong = next((one.error for one in done if one.error is not None), None)
        if wrong is not None:
            raise ValueError(wrong)
        self.store.run("CREATE OR REPLACE TABLE firsts AS SELECT pair, min(place) AS place FROM rows GROUP BY pair")
        files = [Path(one.result) for one in sorted(done, key=lambda d: d.task.number) if one.result]
        return propose(self.store, files)

    def second(self, *, shingles: I64, openings: I64) -> None:
        """Read the rows again that there is a question about: views `shingles`, `features`, `said`.

        Raises:
            ValueError: a file that was readable is no more.
        """
        step = ask(Path(self.plan.work), shingles=shingles, openings=openings)
        tasks = [Question(shard, self.plan.work, step) for shard in self.read.shards]
        for number, one in enumerate(self.where(partial(answer, self.plan), tasks), 1):
            if one.error is not None:
                raise ValueError(one.error)
            self.tell(number, len(tasks))
        folders = [self.plan.folder(shard, step) for shard in self.read.shards]
        for name, schema in LEFT.items():
            self.store.view(name, [folder / f"{name}.parquet" for folder in folders], schema)

    def frequencies(self, features: U64) -> I64:
        """How often features stand in all prompts together."""
        total = np.zeros(len(features), np.int64)
        for shard in self.read.shards:
            keys, counts = (held(self.plan.folder(shard) / f"{name}.npy") for name in ("features", "frequencies"))
            if len(keys):
                at = np.minimum(np.searchsorted(keys, features), len(keys) - 1)
                total += np.where(keys[at] == features, counts[at], 0)
        return total
