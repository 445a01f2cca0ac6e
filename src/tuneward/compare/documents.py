"""JSON of other tools: NaN is a value that is missing, and what has another shape is refused by its place.

Stricter than the tools about places and types, laxer than our own reader about NaN, which Python's writer emits.
"""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from tuneward.rows.json_files import BOM, SURROGATE, as_row, encode, utf8
from tuneward.rows.turns import Row, kind_of

T = TypeVar("T")
WORDS: Mapping[type, str] = MappingProxyType({dict: "an object", list: "a list", str: "text", int: "a whole number"})


def read_rows(path: Path) -> Iterator[tuple[int, Row]]:
    """Line number and object of a JSONL file, one line in memory at a time; blank lines are skipped.

    Raises:
        ValueError: `file:line`, for a line that is no JSON object.
    """
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            line = raw.removeprefix(BOM) if number == 1 else raw
            if line.strip():
                where = f"{path}:{number}"
                yield number, as_row(decode(line, where), where)


def first_line(path: Path) -> bytes:
    """The first line that is not blank, without spaces around it."""
    with path.open("rb") as file:
        return next((line for raw in file if (line := raw.removeprefix(BOM).strip())), b"")


def decode(raw: bytes, where: str) -> Any:
    """The one JSON value in some bytes; NaN and infinities are None.

    Raises:
        ValueError: naming `where`, for anything that is not JSON or that no text can hold.
    """
    text = utf8(raw.removeprefix(BOM), where)
    try:
        value = json.loads(text, parse_constant=_nothing)
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}, " if "\n" in text.strip() else ""
        raise ValueError(f"{where}: not JSON ({error.msg}, {line}column {error.colno}); expected an object") from None
    except RecursionError:
        raise ValueError(f"{where}: nested too deeply; expected an object") from None
    if SURROGATE.search(text):
        encode(value, where)
    return value


def _nothing(_: str) -> None:
    return None


def take(row: Mapping[str, Any], key: str, kind: type[T], where: str) -> T:
    """The value under a key. Raises ValueError naming `where` when it is missing or of another kind."""
    value = row.get(key)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ValueError(f"{where}: {key} is {kind_of(value)}; expected {WORDS[kind]}")
    return value


def part(row: Mapping[str, Any], key: str, kind: type[T], where: str) -> T:
    """The same, where a missing key or null stands for nothing at all: an empty object, list or text."""
    return kind() if row.get(key) is None else take(row, key, kind, where)


def name_of(row: Mapping[str, Any], key: str, where: str) -> str:
    """A text or a whole number as a name. Raises ValueError naming `where`."""
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"{where}: {key} is {kind_of(value)}; expected a name or a whole number")
    return str(value)


def number(value: object) -> float | None:
    """A finite number, true and false being 1 and 0; None for everything else."""
    return float(value) if isinstance(value, bool | int | float) and math.isfinite(value) else None
