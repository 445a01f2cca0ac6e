"""The first pass: one shard in, its tables out, whole or not at all; the same from any process on any machine.

A shard's folder holds `rows.parquet` (a line a row), `seen.parquet` (what was seen in rows), `events.parquet`,
`triggers.parquet` (features of sensitive prompts), `bands.npy`, `features.npy` and `frequencies.npy` (what stands in
prompts, how often), and `counts.json`. Texts stay in the data set.
"""

import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tuneward.record import to_json
from tuneward.scorers.declined_gates import ENGLISH, GATES
from tuneward.scorers.encoded import COMMON, FEWEST, KNOWN
from tuneward.screen.batch import ANSWER, BANDS, OPENING, PARTS, PROMPT, Batch, table_of
from tuneward.screen.composition import HOW_TO, Made, Signs, made, none, plain
from tuneward.screen.contamination import Index, load
from tuneward.screen.looking import ENDINGS, EVENTS, SEEN, Hints, Line, Looked, leak, look, table
from tuneward.screen.parsing import Row
from tuneward.screen.plan import SENSITIVE, Plan, Scan
from tuneward.screen.sources import FILE, Placed, Shard, Source, rows
from tuneward.screen.tokens import I64, U64, word_hashes
from tuneward.screen.whole import Whole, whole

FULL = 256 << 10
"""Characters of a batch: its arrays stay in the processor's cache."""
PENDING = 1 << 20
"""Features held before they are counted together."""
ROWS = pa.schema(
    [
        ("place", pa.int64()),
        ("line", pa.int32()),
        ("length", pa.int64()),
        ("prompt", pa.uint64()),
        ("answer", pa.uint64()),
        ("pair", pa.uint64()),
        ("system", pa.uint64()),
        ("opening", pa.uint64()),
        ("words", pa.int32()),
        ("told", pa.int32()),
        ("readable", pa.bool_()),
        ("ending", pa.int8()),
        ("category", pa.string()),
    ]
)
TRIGGERS = pa.schema([("place", pa.int64()), ("feature", pa.uint64()), ("word", pa.bool_())])
COVERED = 0.5
"""Share of an item's runs of words from which on a row is told of; the limits say from where on it counts."""
NONE = Hints(0, False, False)
UNSEEN = Looked([], [], 0, "")


@dataclass
class Gathered:
    """What a shard's rows give."""

    columns: list[dict[str, Any]] = field(default_factory=list)
    bands: list[U64] = field(default_factory=list)
    seen: list[Line] = field(default_factory=list)
    events: list[Line] = field(default_factory=list)
    triggers: list[tuple[I64, U64, NDArray[np.bool_]]] = field(default_factory=list)
    pending: list[U64] = field(default_factory=list)
    waiting: int = 0
    counted: tuple[U64, NDArray[np.uint32]] = field(
        default_factory=lambda: (np.empty(0, np.uint64), np.empty(0, np.uint32))
    )
    """Every feature of the prompts so far, in order, and how often it stands there."""
    form: Made = field(default_factory=none)
    formats: Counter[str] = field(default_factory=Counter)
    scripts: Counter[str] = field(default_factory=Counter)

    def count(self, features: U64) -> None:
        """Features of prompts, added up now and then so that they stay few."""
        self.pending.append(features)
        self.waiting += len(features)
        if self.waiting > PENDING:
            self.settle()

    def settle(self) -> None:
        """Add what is pending to what is counted."""
        keys, counts = self.counted
        new, times = np.unique(np.concatenate([np.empty(0, np.uint64), *self.pending]), return_counts=True)
        self.pending, self.waiting = [], 0
        at = np.searchsorted(keys, new)
        known = keys[np.minimum(at, max(len(keys) - 1, 0))] == new if len(keys) else np.zeros(len(new), np.bool_)
        counts[at[known]] += times[known].astype(np.uint32)
        fresh = ~known
        self.counted = (
            np.insert(keys, at[fresh], new[fresh]),
            np.insert(counts, at[fresh], times[fresh].astype(np.uint32)),
        )


def either(plan: Plan, task: Source | Shard) -> Whole | str:
    """A file as a whole, or a shard's folder: the two kinds of tasks of the first pass."""
    return whole(task) if isinstance(task, Source) else str(run_shard(plan, task))


def run_shard(plan: Plan, shard: Shard) -> Path:
    """The folder of a shard's tables, made unless it is there.

    Raises:
        ValueError: the file cannot be read any further; nothing of the shard is kept.
    """
    done = plan.folder(shard)
    if done.exists():
        return done
    gathered = read(plan, shard)
    done.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=done.parent, prefix=f".{done.name}."))
    try:
        write(made, gathered)
        made.rename(done)
    except OSError:
        if not done.exists():  # else another worker was faster, with the same tables
            raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return done


def read(plan: Plan, shard: Shard) -> Gathered:
    """Everything that a shard gives, in the order of its rows."""
    gathered, batch, tools = Gathered(), Batch(), tools_of(plan)
    of_file = shard.source.number * FILE
    for number, placed in enumerate(rows(shard, plan.reader.caps.line)):
        batch.add(row_of(plan, placed), of_file + placed.place, line=number, length=placed.length)
        if batch.size >= FULL:
            take(plan, batch, gathered, tools=tools)
            batch = Batch()
    if batch.rows:
        take(plan, batch, gathered, tools=tools)
    return gathered


def row_of(plan: Plan, placed: Placed) -> Row:
    """A row as its format has it, or with what is wrong with it."""
    if isinstance(placed.value, bytes):
        return plan.reader.line(placed.value)
    return plan.reader.over() if placed.value is None else plan.reader.value(placed.value)


@dataclass(frozen=True)
class Tools:
    """What a process makes once and uses for every shard."""

    scan: Scan
    """Over all texts of a row, for the scorers."""
    sensitive: Scan
    """Over prompts."""
    declines: Scan
    """Over answers."""
    declines_plainly: Scan
    """Over answers in ASCII, which decline in English if at all."""
    asks: Scan
    """Over prompts, for those that ask how something is done."""
    index: Index
    common: NDArray[np.bool_]
    """Low bits of hashes of common words."""


def tools_of(plan: Plan) -> Tools:
    """The tools of a plan, kept from shard to shard."""
    return _tools(plan.gates, tuple(plan.sensitive.gates), plan.index)


@lru_cache(maxsize=1)
def _tools(gates: tuple[tuple[str, ...], ...], sensitive: tuple[str, ...], index: str) -> Tools:
    asks = Scan([[f"(?i){HOW_TO.pattern}"]])
    common = table_of(word_hashes(sorted(COMMON)))
    return Tools(Scan(gates), Scan([sensitive]), Scan([GATES]), Scan([ENGLISH]), asks, load(index), common)


def take(plan: Plan, batch: Batch, gathered: Gathered, *, tools: Tools) -> None:
    """One batch: scan, look where the scan points, count."""
    looked = []
    for number, (row, hints) in enumerate(zip(batch.rows, _hints(batch, tools), strict=True)):
        careful = hints != NONE or row.problems or batch.scripts[number] != "latin"  # which no rule may be able to read
        seen = look(plan, row, batch.places[number], hints) if careful else UNSEEN
        looked.append(seen)
        if careful:
            gathered.seen.extend(seen.seen)
            gathered.events.extend(seen.events)
    gathered.seen.extend(_leaks(batch, tools.index))
    features, owner, word = batch.features()
    gathered.count(features)
    sensitive = np.fromiter((bool(one.category) for one in looked), np.bool_, len(looked))
    if sensitive.any():
        chosen = sensitive[owner]
        gathered.triggers.append((np.asarray(batch.places)[owner[chosen]], features[chosen], word[chosen]))
    gathered.bands.append(batch.bands())
    gathered.columns.append(columns(batch, looked))
    gathered.form += form_of(batch, tools.asks(batch.texts[PROMPT::PARTS]))
    gathered.formats.update(row.format for row in batch.rows)
    gathered.scripts.update(batch.scripts)


def _hints(batch: Batch, tools: Tools) -> list[Hints]:
    """What the scans and the words point out in each row."""
    for one in (tools.scan, tools.sensitive, tools.declines, tools.declines_plainly):
        one.checked()
    texts = batch.texts
    bits = tools.scan([b"\n".join(texts[at : at + PARTS]) for at in range(0, len(texts), PARTS)])
    sensitive = tools.sensitive(texts[PROMPT::PARTS])
    answers = texts[ANSWER::PARTS]
    plain = [text.isascii() for text in answers]
    english = iter(tools.declines_plainly([text for text, ascii in zip(answers, plain, strict=True) if ascii]))
    others = iter(tools.declines([text for text, ascii in zip(answers, plain, strict=True) if not ascii]))
    declines = [next(english if ascii else others) for ascii in plain]
    odd = (batch.known(tools.common) < KNOWN) & (batch.counts[:, ANSWER] >= FEWEST) & batch.latin
    odd |= np.asarray(batch.hidden)
    return [
        Hints(bit | (SENSITIVE if about else 0), bool(no), strange)
        for bit, about, no, strange in zip(bits, sensitive, declines, odd.tolist(), strict=True)
    ]


def columns(batch: Batch, looked: list[Looked]) -> dict[str, Any]:
    """A line a row for `rows.parquet`."""
    wholes, counts = batch.wholes, batch.counts
    return {
        "place": np.asarray(batch.places, np.int64),
        "line": np.asarray(batch.lines, np.int32),
        "length": np.asarray(batch.lengths, np.int64),
        "prompt": wholes[:, PROMPT],
        "answer": wholes[:, ANSWER],
        "pair": batch.pairs,
        "system": np.asarray(batch.systems, np.uint64),
        "opening": batch.openings(OPENING),
        "words": counts[:, PROMPT].astype(np.int32),
        "told": counts[:, ANSWER].astype(np.int32),
        "readable": np.fromiter((row.readable for row in batch.rows), np.bool_, len(batch.rows)),
        "ending": np.fromiter(
            (one.ending if row.readable else len(ENDINGS) - 1 for one, row in zip(looked, batch.rows, strict=True)),
            np.int8,
            len(looked),
        ),
        "category": [one.category for one in looked],
    }


def _leaks(batch: Batch, index: Index) -> list[Line]:
    """Evaluation items that rows hold."""
    lines = []
    for text, item, coverage in index.overlaps(batch.words, COVERED):
        row, part = divmod(text, PARTS)
        lines.append(leak(batch.rows[row], batch.places[row], part=part, name=index.names[item], coverage=coverage))
    return lines


def form_of(batch: Batch, asks: list[int]) -> Made:
    """What the composition of the set is made of, over the rows that have an answer."""
    listed, digits, sizes = batch.shapes()
    counts = batch.counts
    some = counts[:, ANSWER] > 0
    return made(
        Signs(
            listed[some],
            np.asarray(asks)[some],
            np.asarray(batch.agreeing)[some],
            digits[some],
            sizes[some],
            counts[some, PROMPT],
            counts[some, ANSWER],
        )
    )


def write(folder: Path, gathered: Gathered) -> None:
    """The tables of a shard, the counts last."""
    pq.write_table(_rows(gathered), folder / "rows.parquet", compression="none")
    pq.write_table(table(gathered.seen, SEEN), folder / "seen.parquet", compression="zstd")
    pq.write_table(table(gathered.events, EVENTS), folder / "events.parquet", compression="zstd")
    pq.write_table(_triggers(gathered), folder / "triggers.parquet", compression="zstd")
    np.save(folder / "bands.npy", np.concatenate([np.empty((0, BANDS), np.uint64), *gathered.bands]).T.copy())
    np.save(folder / "places.npy", np.concatenate([np.empty(0, np.int64), *(c["place"] for c in gathered.columns)]))
    gathered.settle()
    features, frequencies = gathered.counted
    np.save(folder / "features.npy", features)
    np.save(folder / "frequencies.npy", frequencies)
    counts = {"rows": sum(len(c["place"]) for c in gathered.columns), "form": plain(gathered.form)}
    counts |= {"formats": gathered.formats, "scripts": gathered.scripts}
    (folder / "counts.json").write_bytes(to_json(counts))


def _rows(gathered: Gathered) -> pa.Table:
    if not gathered.columns:
        return ROWS.empty_table()
    names = ROWS.names
    joined = {name: [columns[name] for columns in gathered.columns] for name in names}
    arrays = [
        pa.array([c for part in joined[name] for c in part] if name == "category" else np.concatenate(joined[name]))
        for name in names
    ]
    return pa.Table.from_arrays([a.cast(f.type) for a, f in zip(arrays, ROWS, strict=True)], schema=ROWS)


def _triggers(gathered: Gathered) -> pa.Table:
    kinds = dict(zip(TRIGGERS.names, (np.int64, np.uint64, np.bool_), strict=True))
    parts = zip(*gathered.triggers, strict=True) if gathered.triggers else [()] * len(kinds)
    named = zip(kinds.items(), parts, strict=True)
    return pa.table({name: np.concatenate([np.empty(0, kind), *part]) for (name, kind), part in named})
