"""CSV as RFC 4180 has it: commas, double quotes, a first line of column names; every value is text."""

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from tuneward.rows.json_files import BOM, utf8
from tuneward.rows.turns import Row, kind_of, names

LONGEST = 1 << 26
"""Characters in one value; Python's own limit of 131 072 is shorter than some training texts. A quote that is never
closed would otherwise swallow the rest of the file."""


def read_csv(path: Path) -> Iterator[tuple[int, Row]]:
    """Number of the line a row begins on, and the row; one row in memory at a time, blank lines skipped but counted.

    Raises:
        ValueError: `file:line: what; expected what`.
    """
    csv.field_size_limit(max(LONGEST, csv.field_size_limit()))
    with path.open("rb") as file:
        records = _records(path, file)
        _, header = next(records, (1, None))
        if header is None:
            return
        if len(set(header)) != len(header):
            twice = next(column for column in header if header.count(column) > 1)
            raise ValueError(f'{path}:1: the column "{twice}" is there twice; expected each name once')
        for line, values in records:
            if len(values) != len(header):
                raise ValueError(f"{path}:{line}: {len(values)} values; expected {len(header)}, one for each column")
            yield line, dict(zip(header, values, strict=True))


def write_csv(file: BinaryIO, rows: Iterable[Row]) -> None:
    """Column names of the first row, then a line a row; a missing column is left empty.

    Raises:
        ValueError: for a value that is not text, or a column the first row did not have.
    """
    rows = iter(rows)
    first = next(rows, None)
    if first is None:
        return
    file.write(_record(list(first), "the first line"))
    for number, row in enumerate(chain([first], rows), 1):
        unknown = [column for column in row if column not in first]
        if unknown:
            raise ValueError(f"row {number}: column {unknown[0]} is not in the first row; expected {names(first)}")
        wrong = [column for column, value in row.items() if not isinstance(value, str)]
        if wrong:
            raise ValueError(f'row {number}: "{wrong[0]}" is {kind_of(row[wrong[0]])}; a CSV holds text, write .jsonl')
        file.write(_record([row.get(column, "") for column in first], f"row {number}"))


def _record(values: list[str], where: str) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(values)
    try:
        return text.getvalue().encode()
    except UnicodeEncodeError:
        raise ValueError(f"{where}: a lone surrogate; expected text that UTF-8 can hold") from None


def _records(path: Path, file: BinaryIO) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(_lines(path, file), strict=True)
    start = 1
    while True:
        try:
            values = next(reader, None)
        except csv.Error as error:
            raise ValueError(f"{path}:{start}: not CSV ({error}); expected commas and closed double quotes") from None
        if values is None:
            return
        if values:
            yield start, values
        start = reader.line_num + 1


def _lines(path: Path, file: BinaryIO) -> Iterator[str]:
    for number, raw in enumerate(file, 1):
        yield utf8(raw.removeprefix(BOM) if number == 1 else raw, f"{path}:{number}")
