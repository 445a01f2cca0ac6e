"""JSON read strictly: what a trainer could read in two ways, or not at all, is an error with its place."""

import json
import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from tuneward.rows.turns import Row, kind_of

BOM = b"\xef\xbb\xbf"
SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
SPACE = re.compile(r"[ \t\n\r]*")


def read_lines(path: Path) -> Iterator[tuple[int, Row]]:
    """Line number and row of a JSONL file, one line in memory at a time; blank lines are skipped but counted.

    Raises:
        ValueError: `file:line: what; expected what`.
    """
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            line = raw.removeprefix(BOM) if number == 1 else raw
            if not line.strip():
                continue
            here = f"{path}:{number}"
            text = utf8(line, here).rstrip(" \t\r\n")
            row, end = decode(text, _after_space(text, 0), here)
            if end != len(text):
                raise ValueError(f"{here}: more after the object, from column {end + 1}; expected one object a line")
            yield number, as_row(row, here)


def read_list(path: Path) -> Iterator[tuple[int, Row]]:
    """Place (from 1) and row of a JSON file that is one list; its text is held in memory, its rows one at a time.

    Raises:
        ValueError: `file:place: what; expected what`.
    """
    text = utf8(path.read_bytes().removeprefix(BOM), str(path))
    at = _after_space(text, 0)
    if text[at : at + 1] != "[":
        raise ValueError(f"{path}:1: not a list; expected [row, …] (a file with one row a line is named .jsonl)")
    number, at = 0, _after_space(text, at + 1)
    more = text[at : at + 1] != "]"
    while more:
        number += 1
        here = f"{path}:{number}"
        row, at = decode(text, at, here)
        yield number, as_row(row, here)
        at = _after_space(text, at)
        more = text[at : at + 1] == ","
        at = _after_space(text, at + 1) if more else at
    if text[at : at + 1] != "]" or _after_space(text, at + 1) != len(text):
        line = text.count("\n", 0, at) + 1
        raise ValueError(f"{path}:{number}: the list goes wrong after this row, on line {line}; expected , or a last ]")


def write_lines(file: BinaryIO, rows: Iterable[Row]) -> None:
    """One object a line, UTF-8. Raises ValueError for values JSON cannot hold."""
    for number, row in enumerate(rows, 1):
        file.write(encode(row, f"row {number}") + b"\n")


def write_list(file: BinaryIO, rows: Iterable[Row]) -> None:
    """One list, a row a line, UTF-8. Raises ValueError for values JSON cannot hold."""
    file.write(b"[")
    for number, row in enumerate(rows, 1):
        file.write((b"\n" if number == 1 else b",\n") + encode(row, f"row {number}"))
    file.write(b"\n]\n")


def encode(value: object, where: str) -> bytes:
    """JSON in UTF-8. Raises ValueError for NaN, infinities, lone surrogates and types that JSON lacks."""
    try:
        return _ENCODER.encode(value).encode()
    except (TypeError, ValueError, RecursionError) as error:
        reason = "a lone surrogate" if isinstance(error, UnicodeEncodeError) else error
        raise ValueError(
            f"{where}: JSON cannot hold it ({reason}); expected text, numbers, lists and objects"
        ) from None


def utf8(raw: bytes, where: str) -> str:
    """Text of some bytes. Raises ValueError naming `where` and the byte."""
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line = f" on line {raw.count(10, 0, error.start) + 1}" if raw.count(10) > 1 else ""
        raise ValueError(f"{where}: not UTF-8 at byte {error.start + 1}{line}; expected a UTF-8 file") from None


def decode(text: str, start: int, where: str) -> tuple[Any, int]:
    """The JSON value that starts at a character, and where it ends.

    Raises:
        ValueError: naming `where`, for broken JSON, a key twice in one object, NaN, an infinity or a lone surrogate.
    """
    try:
        value, end = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}" if "\n" in text else f"column {error.colno}"
        raise ValueError(f"{where}: not JSON ({error.msg}, {place}); expected an object") from None
    except RecursionError:
        raise ValueError(f"{where}: nested too deeply; expected an object") from None
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    if SURROGATE.search(text, start, end):
        encode(value, where)
    return value, end


def as_row(value: object, where: str) -> Row:
    """The value as a row. Raises ValueError naming `where` when it is no object."""
    if not isinstance(value, dict):
        raise ValueError(f"{where}: {kind_of(value)}; expected an object with one row's columns")
    return value


def _after_space(text: str, at: int) -> int:
    match = SPACE.match(text, at)
    return match.end() if match else at


def _once(pairs: list[tuple[str, Any]]) -> Row:
    row = dict(pairs)
    if len(row) != len(pairs):
        names = [key for key, _ in pairs]
        twice = next(key for key in names if names.count(key) > 1)
        raise ValueError(f'the key "{twice}" is there twice; expected each key once')
    return row


def _refuse(literal: str) -> None:
    raise ValueError(f"{literal} is not JSON; expected a number or null")


def _finite(literal: str) -> float:
    number = float(literal)
    if not math.isfinite(number):
        raise ValueError("a number too large to hold; expected one below 1e308")
    return number


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_refuse, parse_float=_finite)
