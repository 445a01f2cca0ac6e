"""The second pass: only the rows that the first pass left a question about are read again.

Near-duplicates are settled by their word triples, openings by what stands in the prompts before them.
"""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tuneward.record import sha256_bytes, write_atomic
from tuneward.screen.batch import ANSWER, OPENING, PARTS, Batch
from tuneward.screen.first import FULL, row_of
from tuneward.screen.parsing import Row
from tuneward.screen.plan import Plan
from tuneward.screen.sources import FILE, Placed, Shard, rows
from tuneward.screen.tokens import I64, U64, held

LEFT = {
    "shingles": pa.schema([("place", pa.int64()), ("shingles", pa.list_(pa.uint64()))]),
    "features": pa.schema([("place", pa.int64()), ("feature", pa.uint64()), ("word", pa.bool_())]),
    "said": pa.schema([("place", pa.int64()), ("word", pa.uint64())]),
}
"""Tables that a shard's folder holds."""


@dataclass(frozen=True)
class Question:
    """What the second pass asks of a shard."""

    shard: Shard
    wanted: str
    """Folder with `shingles.npy` and `openings.npy`: places, ascending."""
    step: str
    """Name of the step, with a digest of what is wanted."""


def ask(folder: Path, *, shingles: I64, openings: I64) -> str:
    """Write down what is wanted; gives the step's name."""
    name = "second-" + sha256_bytes(shingles.tobytes() + b"|" + openings.tobytes())[:12]
    for kind, places in (("shingles", shingles), ("openings", openings)):
        data = np.ascontiguousarray(places, np.int64).tobytes()
        write_atomic(folder / f"{name}.{kind}", data)
    return name


def answer(plan: Plan, question: Question) -> Path:
    """The folder with `shingles.parquet`, `features.parquet` (of prompts) and `said.parquet` (answers' first words)."""
    done = plan.folder(question.shard, question.step)
    if done.exists():
        return done
    first = plan.folder(question.shard)
    places = held(first / "places.npy")
    shingles, openings = (_of(question, kind, places) for kind in ("shingles", "openings"))
    made = _gather(plan, question.shard, shingles=shingles, openings=openings)
    done.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=done.parent, prefix=f".{done.name}."))
    try:
        for name, table in made.items():
            pq.write_table(table, folder / f"{name}.parquet", compression="zstd")
        folder.rename(done)
    except OSError:
        if not done.exists():
            raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return done


def _of(question: Question, kind: str, places: I64) -> I64:
    """The wanted places that are the shard's."""
    if not len(places):
        return places
    wanted = np.fromfile(Path(question.wanted) / f"{question.step}.{kind}", np.int64)
    low, high = np.searchsorted(wanted, [places[0], places[-1] + 1])
    return wanted[low:high]


def _gather(plan: Plan, shard: Shard, *, shingles: I64, openings: I64) -> dict[str, pa.Table]:
    every = np.union1d(shingles, openings)
    lists: list[tuple[I64, pa.Array]] = []
    features: list[dict[str, np.ndarray]] = []
    said: list[tuple[I64, U64]] = []
    for batch in _batches(plan, shard, every):
        places = np.asarray(batch.places, np.int64)
        lists.append(_shingles(batch, np.isin(places, shingles)))
        feature, owner, word = batch.features()
        asked = np.isin(places, openings)[owner]
        features.append({"place": places[owner[asked]], "feature": feature[asked], "word": word[asked]})
        said.append(_said(batch, np.isin(places, openings)))
    kinds = {"place": np.int64, "feature": np.uint64, "word": np.bool_}
    columns = {name: np.concatenate([np.empty(0, kind), *(f[name] for f in features)]) for name, kind in kinds.items()}
    empty = pa.array([], pa.list_(pa.uint64()))
    return {
        "features": pa.table(columns),
        "said": pa.table(
            {
                "place": np.concatenate([np.empty(0, np.int64), *(place for place, _ in said)]),
                "word": np.concatenate([np.empty(0, np.uint64), *(word for _, word in said)]),
            }
        ),
        "shingles": pa.table(
            {
                "place": np.concatenate([np.empty(0, np.int64), *(place for place, _ in lists)]),
                "shingles": pa.chunked_array([empty, *(one for _, one in lists)], pa.list_(pa.uint64())),
            }
        ),
    }


def _said(batch: Batch, asked: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> tuple[I64, U64]:
    """The words with which the answers of the rows asked for begin."""
    begin = batch.words.first[:-1][ANSWER::PARTS]
    rows_asked = np.flatnonzero(asked)
    at = (begin[rows_asked][:, None] + np.arange(OPENING)).ravel()
    return np.repeat(np.asarray(batch.places, np.int64)[rows_asked], OPENING), batch.words.hashes[at]


def _shingles(batch: Batch, asked: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> tuple[I64, pa.Array]:
    """Places, and the different word triples of each, of the rows asked for."""
    hashes, owner = batch.shingles()
    kept = asked[owner]
    hashes, owner = hashes[kept], owner[kept]
    order = np.lexsort((hashes, owner))
    hashes, owner = hashes[order], owner[order]
    new = np.ones(len(hashes), np.bool_)
    new[1:] = (hashes[1:] != hashes[:-1]) | (owner[1:] != owner[:-1])
    rows_asked = np.flatnonzero(asked)
    offsets = np.searchsorted(owner[new], np.append(rows_asked, len(asked)))
    lists = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(hashes[new]))
    return np.asarray(batch.places, np.int64)[rows_asked], lists


def _batches(plan: Plan, shard: Shard, places: I64) -> Iterator[Batch]:
    batch = Batch()
    for place, row in chosen(plan, shard, places):
        batch.add(row, place, line=0, length=0)
        if batch.size >= FULL:
            yield batch
            batch = Batch()
    if batch.rows:
        yield batch


def chosen(plan: Plan, shard: Shard, places: I64) -> Iterator[tuple[int, Row]]:
    """Some rows of a shard, read again."""
    for placed in again(plan, shard, places):
        yield shard.source.number * FILE + placed.place, row_of(plan, placed)


def again(plan: Plan, shard: Shard, places: I64) -> Iterator[Placed]:
    """Some rows of a shard as the file has them; places ascend."""
    if not len(places):
        return
    of_file = shard.source.number * FILE
    if shard.source.kind != "lines" or shard.source.packed:
        wanted = set((places - of_file).tolist())
        yield from (placed for placed in rows(shard, plan.reader.caps.line) if placed.place in wanted)
        return
    table = pq.read_table(plan.folder(shard) / "rows.parquet", columns=["place", "length"])
    at = np.searchsorted(table["place"].to_numpy(), places)
    lengths = table["length"].to_numpy()[at]
    with open(shard.source.path, "rb") as file:
        for place, length in zip((places - of_file).tolist(), lengths.tolist(), strict=True):
            file.seek(place)
            over = length > plan.reader.caps.line
            yield Placed(place, length, None if over else file.read(length))
