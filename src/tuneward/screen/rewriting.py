"""A file again with some of its rows only: every row as the bytes or values that it was, in its order and format."""

import csv
import gzip
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tuneward.rows.csv_files import LONGEST
from tuneward.rows.json_files import BOM
from tuneward.screen.sources import BLOCK, GROUP, Source

TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{},]', re.DOTALL)
"""What matters to where a row of a JSON list ends: whole strings, brackets, commas."""
SPACE = b" \t\n\r"


@dataclass
class Walk:
    """Goes once through the rows of a file and says which are wanted."""

    name: str
    places: NDArray[np.int64]
    """Places of the rows that are left out, as the reader gives them."""
    aside: bool
    """Whether the rows left out are the wanted ones."""
    rows: int = 0
    written: int = 0
    out: list[int] = field(default_factory=list)
    """Numbers, from 1, of the rows left out."""

    def __post_init__(self) -> None:
        if len(self.places) > 1 and not (np.diff(self.places) > 0).all():
            raise ValueError(f"{self.name}: places of rows are not in order, or one is there twice")
        self._left = iter(self.places.tolist())
        self._next: int | None = next(self._left, None)

    def wants(self, place: int) -> bool:
        """Whether the row at this place, the next one of the file, is to be written."""
        left_out = place == self._next
        if left_out:
            self._next = next(self._left, None)
        return self._count(left_out)

    def mask(self, start: int, count: int) -> NDArray[np.bool_]:
        """The same for as many rows in a row."""
        return np.array([self.wants(place) for place in range(start, start + count)], dtype=np.bool_)

    def _count(self, left_out: bool) -> bool:
        self.rows += 1
        if left_out:
            self.out.append(self.rows)
        self.written += left_out == self.aside
        return left_out == self.aside

    def end(self) -> None:
        """After the last row. Raises ValueError when a place was no row's."""
        if self._next is not None:
            raise ValueError(f"{self.name}: no row at {self._next}; the places are of another file or screen")

    def runs(self) -> tuple[tuple[int, int], ...]:
        """Numbers of the rows left out as first and last of each run."""
        numbers = np.array(self.out, np.int64)
        if not len(numbers):
            return ()
        breaks = np.flatnonzero(np.diff(numbers) > 1)
        firsts = numbers[np.concatenate([[0], breaks + 1])]
        lasts = numbers[np.concatenate([breaks, [len(numbers) - 1]])]
        return tuple(zip(firsts.tolist(), lasts.tolist(), strict=True))


def rewrite(source: Source, path: Path, walk: Walk) -> None:
    """Write the wanted rows of a file to `path`; `walk` counts them.

    Raises:
        ValueError: a place is no row's, or the file is not what the screen read.
    """
    try:
        if source.kind == "parquet":
            _parquet(source, path, walk)
        elif source.kind == "arrow":
            _arrow(source, path, walk)
        else:
            with _packed(source, path) as file:
                {"lines": _lines, "list": _list, "csv": _csv}[source.kind](source, file, walk)
    except (pa.ArrowException, OSError, EOFError) as error:
        raise ValueError(f"{source.name}: not written: {_first_line(error)}") from error
    walk.end()


def count(source: Source, path: Path) -> int:
    """Rows of a file that was written in a source's format."""
    if source.kind == "parquet":
        return int(pq.read_metadata(path).num_rows)
    if source.kind == "arrow":
        with pa.memory_map(str(path)) as mapped, pa.ipc.open_stream(mapped) as stream:
            return sum(batch.num_rows for batch in stream)
    with _unpacked(source, path) as file:
        if source.kind == "lines":
            ends, last = 0, 10
            for block in iter(lambda: file.read(BLOCK), b""):
                ends, last = ends + block.count(b"\n"), block[-1]
            return ends + (last != 10)
        if source.kind == "list":
            return sum(place is not None for place, _, _ in _elements(file.read(), source.name))
        return sum(place is not None and place >= 0 for place, _ in _records(file, source.name))


def _lines(source: Source, file: BinaryIO, walk: Walk) -> None:
    """In pieces of a block: a line may be longer than memory."""
    at, begins, wanted = 0, True, False
    with _unpacked(source, Path(source.path)) as read:
        for piece in iter(lambda: read.readline(BLOCK), b""):
            wanted = walk.wants(at) if begins else wanted
            if wanted:
                file.write(piece)
            at += len(piece)
            begins = piece.endswith(b"\n")


def _list(source: Source, file: BinaryIO, walk: Walk) -> None:
    """The first row keeps what stood before the first, others what stood before them, the end its end."""
    for place, before, row in _elements(Path(source.path).read_bytes(), source.name):
        if not place:
            file.write(before)
        if place is not None and walk.wants(place):
            file.write((before if place and walk.written > 1 else b"") + row)


def _csv(source: Source, file: BinaryIO, walk: Walk) -> None:
    """The header goes everywhere, blank lines stay with the kept rows."""
    with Path(source.path).open("rb") as read:
        for place, record in _records(read, source.name):
            wanted = not walk.aside if place is None else place < 0 or walk.wants(place)
            if wanted:
                file.write(record)


def _parquet(source: Source, path: Path, walk: Walk) -> None:
    with pq.ParquetFile(source.path) as read:
        about, schema = read.metadata, read.schema_arrow
        with pq.ParquetWriter(path, schema, version=about.format_version, compression=_codecs(about)) as writer:
            for group in range(about.num_row_groups):
                table = read.read_row_group(group)
                part = table.filter(pa.array(walk.mask(group * GROUP, table.num_rows)))
                if part.num_rows:
                    writer.write_table(part, row_group_size=part.num_rows)


def _codecs(about: Any) -> dict[str, str] | str:
    """How each column is packed, by the first row group."""
    if not about.num_row_groups:
        return "snappy"
    group = about.row_group(0)
    columns = [group.column(number) for number in range(about.num_columns)]
    return {column.path_in_schema: column.compression.replace("UNCOMPRESSED", "NONE") for column in columns}


def _arrow(source: Source, path: Path, walk: Walk) -> None:
    start = 0
    with (
        pa.memory_map(source.path) as mapped,
        pa.ipc.open_stream(mapped) as stream,
        pa.OSFile(str(path), "wb") as file,
        pa.ipc.new_stream(file, stream.schema) as writer,
    ):
        for batch in stream:
            part = batch.filter(pa.array(walk.mask(start, batch.num_rows)))
            if part.num_rows:
                writer.write_batch(part)
            start += batch.num_rows


def _elements(data: bytes, name: str) -> Iterator[tuple[int | None, bytes, bytes]]:
    """Of a JSON list: place, what stands before it and the bytes of each row; last None, the rest and nothing."""
    depth, place, held, start = 0, 0, 0, 0
    for match in TOKEN.finditer(data):
        token = match[0]
        if token in (b"[", b"{"):
            depth += 1
            start = match.end() if depth == 1 else start
        elif token in (b"]", b"}"):
            depth -= 1
        last = depth == 0 and token == b"]"
        if last or (depth == 1 and token == b","):
            row = data[start : match.start()].strip(SPACE)
            if row:
                begin = data.index(row[:1], start)
                yield place, data[held:begin], row
                held, place = begin + len(row), place + 1
            elif place or not last:
                break
            start = match.end()
        if last:
            yield None, data[held:], b""
            return
    raise ValueError(f"{name}: not one JSON list after row {place}; it was read as one when it was screened")


def _records(file: BinaryIO, name: str) -> Iterator[tuple[int | None, bytes]]:
    """Of a CSV: place and bytes of each record; -1 the header, None a blank line."""
    csv.field_size_limit(max(LONGEST, csv.field_size_limit()))
    raw: list[bytes] = []

    def lines() -> Iterator[str]:
        for number, line in enumerate(file):
            raw.append(line)
            yield (line.removeprefix(BOM) if number == 0 else line).decode("latin-1")

    reader, start, headed = csv.reader(lines(), strict=True), 0, False
    try:
        for values in reader:
            place = None if not values else start if headed else -1
            yield place, b"".join(raw)
            headed = headed or bool(values)
            raw.clear()
            start = reader.line_num
    except csv.Error as error:
        raise ValueError(f"{name}:{start + 1}: not CSV ({error})") from error


@contextmanager
def _unpacked(source: Source, path: Path) -> Iterator[BinaryIO]:
    if not source.packed:
        with path.open("rb") as plain:
            yield plain
    elif source.path.endswith(".gz"):
        with gzip.open(path, "rb") as packed:
            yield packed  # type: ignore[misc]
    else:
        with pa.input_stream(str(path), compression="zstd") as stream, io.BufferedReader(stream) as read:
            yield read


@contextmanager
def _packed(source: Source, path: Path) -> Iterator[BinaryIO]:
    """No time and no name go into the packed file, so that the same rows give the same bytes."""
    with path.open("wb") as plain:
        if not source.packed:
            yield plain
        elif source.path.endswith(".gz"):
            with gzip.GzipFile(filename="", mode="wb", fileobj=plain, mtime=0) as packed:
                yield packed  # type: ignore[misc]
        else:
            with pa.output_stream(plain, compression="zstd") as stream:
                yield stream


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
