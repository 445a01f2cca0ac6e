"""Files of a data set and how they are cut into shards; a row's place in its file is what it is known by.

JSONL is cut by bytes: a shard owns the lines that start inside it. Parquet is cut by row groups. Compressed files, JSON
lists, CSV and Arrow files are read whole, by one shard each. Nothing of a data set is executed.
"""

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, BinaryIO, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from tuneward.rows.arrow_files import read_arrow
from tuneward.rows.csv_files import read_csv
from tuneward.rows.json_files import read_list

Kind = Literal["lines", "parquet", "arrow", "list", "csv"]
KINDS: dict[str, Kind] = {".jsonl": "lines", ".ndjson": "lines", ".parquet": "parquet", ".arrow": "arrow"}
KINDS |= {".json": "list", ".csv": "csv"}
PACKED = (".gz", ".zst")
BLOCK = 1 << 20
GROUP = 1 << 28
"""Rows that a row group may have: place = group * GROUP + row."""
FILE = 1 << 46
"""Places that a file may have: place in the set = file * FILE + place in the file."""


@dataclass(frozen=True)
class Source:
    """One file."""

    number: int
    path: str
    name: str
    """As findings name it: relative to what was asked for."""
    kind: Kind
    packed: bool
    bytes: int
    modified: int

    @property
    def offsets(self) -> bool:
        """Whether a row's place is a byte of the file, as it stands or unpacked."""
        return self.kind == "lines"


@dataclass(frozen=True)
class Shard:
    """A piece of a file: bytes, row groups, or all of it."""

    number: int
    source: Source
    start: int
    end: int

    @property
    def place(self) -> int:
        """Place in the set below which no row of the shard lies."""
        return self.source.number * FILE + (self.start * GROUP if self.source.kind == "parquet" else self.start)


@dataclass(frozen=True)
class Placed:
    """A row as the file has it."""

    place: int
    length: int
    value: Any
    """bytes of a line without its end, a dict, or None where the line is over the cap."""


def sources(path: Path) -> list[Source]:
    """The files that a path stands for, in the order of their names.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: a kind of file that is not read, a pickle, or a folder without rows.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder; expected .jsonl, .parquet, .json, .csv or a folder")
    files = [path] if path.is_file() else _inside(path)
    found = []
    for number, file in enumerate(files):
        kind, packed = _kind(file)
        state = file.stat()
        name = file.name if path.is_file() else file.relative_to(path).as_posix()
        found.append(Source(number, str(file), name, kind, packed, state.st_size, state.st_mtime_ns))
    return found


def _inside(folder: Path) -> list[Path]:
    """Files of a folder; of a saved data set those that its state.json names."""
    states = sorted(folder.rglob("state.json"))
    named = [state.parent / entry["filename"] for state in states for entry in _listed(state)]
    suffixes = {suffix + packed for suffix in (".jsonl", ".ndjson") for packed in ("", *PACKED)} | {".parquet"}
    plain = [file for file in sorted(folder.rglob("*")) if file.is_file() and _suffix(file) in suffixes]
    found = named or [file for file in plain if not any(p.startswith(".") for p in file.relative_to(folder).parts)]
    if not found:
        raise ValueError(f"{folder}: no .jsonl or .parquet file in it, and it is no saved data set")
    missing = next((file for file in found if not file.is_file()), None)
    if missing:
        raise FileNotFoundError(f"{missing}: no such file, but state.json names it; expected the whole saved folder")
    return found


def _listed(state: Path) -> list[dict[str, str]]:
    try:
        return list(json.loads(state.read_bytes())["_data_files"])
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{state}: not a saved data set; expected _data_files with filenames") from None


def _suffix(path: Path) -> str:
    last = path.suffix.lower()
    return path.with_suffix("").suffix.lower() + last if last in PACKED else last


def _kind(path: Path) -> tuple[Kind, bool]:
    suffix = _suffix(path)
    packed = suffix.endswith(PACKED)
    inner = suffix.removesuffix(".gz").removesuffix(".zst")
    kind = KINDS.get(inner)
    if kind is None or (packed and kind != "lines"):
        raise ValueError(
            f"{path}: cannot read {suffix or 'a file without suffix'}; expected .jsonl[.gz|.zst], "
            ".parquet, .arrow, .json or .csv; nothing else is opened"
        )
    return kind, packed


def shards(found: list[Source], size: int) -> list[Shard]:
    """The sources in pieces of about `size` bytes."""
    pieces: list[tuple[Source, int, int]] = []
    for source in found:
        if source.kind == "lines" and not source.packed:
            cuts = [*range(0, source.bytes, size), source.bytes]
            pieces.extend((source, start, end) for start, end in pairwise(cuts))
        elif source.kind == "parquet":
            pieces.extend((source, start, end) for start, end in _groups(Path(source.path), size))
        else:
            pieces.append((source, 0, max(source.bytes, 1)))
    return [Shard(number, *piece) for number, piece in enumerate(pieces)]


def _groups(path: Path, size: int) -> Iterator[tuple[int, int]]:
    try:
        about = pq.ParquetFile(path).metadata
    except (pa.ArrowInvalid, OSError):
        yield 0, 1  # told as a piece that could not be read, when it is read
        return
    start, held = 0, 0
    for group in range(about.num_row_groups):
        held += about.row_group(group).total_byte_size
        if held >= size or group == about.num_row_groups - 1:
            yield start, group + 1
            start, held = group + 1, 0


def rows_before(shard: Shard) -> int | None:
    """Rows of the file before the shard, where the file itself tells."""
    if shard.source.kind != "parquet" or not shard.start:
        return None
    about = pq.ParquetFile(Path(shard.source.path)).metadata
    return int(sum(about.row_group(group).num_rows for group in range(shard.start)))


def rows(shard: Shard, cap: int) -> Iterator[Placed]:
    """The rows that a shard owns, in order; lines over `cap` bytes are told by their length only.

    Raises:
        ValueError: the file is broken, cut short or of another kind than its name says.
    """
    try:
        yield from _rows(shard, cap)
    except (pa.ArrowException, EOFError, zlib.error, OSError) as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{shard.source.path}: cannot be read any further ({why})") from error


def _rows(shard: Shard, cap: int) -> Iterator[Placed]:
    path = Path(shard.source.path)
    if shard.source.kind == "lines":
        with _opened(shard.source) as file:
            yield from _lines(file, shard.start, None if shard.source.packed else shard.end, cap)
    elif shard.source.kind == "parquet":
        yield from _parquet(path, shard.start, shard.end)
    elif shard.source.kind == "arrow":
        yield from (Placed(number - 1, 0, row) for number, row in read_arrow(path))
    else:
        read = read_list if shard.source.kind == "list" else read_csv
        yield from (Placed(number - 1, 0, row) for number, row in read(path))


def _opened(source: Source) -> BinaryIO:
    if not source.packed:
        return open(source.path, "rb", buffering=0)
    if source.path.endswith(".gz"):
        return gzip.open(source.path, "rb")  # type: ignore[return-value]
    return pa.input_stream(source.path, compression="zstd")  # type: ignore[no-any-return]


def _parquet(path: Path, start: int, end: int) -> Iterator[Placed]:
    file = pq.ParquetFile(path)
    for group in range(start, end):
        row = 0
        for batch in file.iter_batches(batch_size=256, row_groups=[group]):
            for value in batch.to_pylist():
                yield Placed(group * GROUP + row, 0, value)
                row += 1


def _lines(file: BinaryIO, start: int, end: int | None, cap: int) -> Iterator[Placed]:
    """Lines that start in [start, end); one that began before is the shard's before, one over the cap is not held."""
    begun = max(start - 1, 0)
    if begun:
        file.seek(begun)
    ours = start == 0
    parts: list[bytes] = []
    held = 0
    for block in iter(lambda: file.read(BLOCK), b""):
        first, *others = block.split(b"\n")
        held += len(first)
        if not ours and not others and end is not None and begun + held >= end:
            return  # a line of a shard before goes on beyond this one
        if held <= cap:
            parts.append(first)
        if not others:
            continue
        lines = [b"".join(parts) if held <= cap else None, *others[:-1]]
        for length, line in zip(chain([held], map(len, others)), lines, strict=False):
            if ours:
                if end is not None and begun >= end:
                    return
                yield Placed(begun, length, line if length <= cap else None)
            ours = True
            begun += length + 1
        parts, held = [others[-1]], len(others[-1])
    if held and ours and (end is None or begun < end):
        yield Placed(begun, held, b"".join(parts) if held <= cap else None)
