"""Lines that the fast reader refuses, or that may hold a key twice: read again slowly and exactly.

Everything here is linear in the line: nesting is counted before anything recursive runs, numbers are never converted
beyond their limit.
"""

import json
import math
import re
from typing import Any

from tuneward.rows.json_files import BOM
from tuneward.screen.caps import Caps
from tuneward.screen.schema import Found, first

MISSING = object()
"""Nothing could be read."""
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.S)
_SURROGATE = re.compile("[\ud800-\udfff]")
DIGITS = 308
"""Of a whole number; the fast reader refuses none that has fewer, and few others use more."""
_SPACE = " \t\n\r"


def reread(raw: bytes, caps: Caps) -> tuple[Any, Found]:
    """The value of a line, MISSING where there is none, and what is wrong with it."""
    found: Found = {}
    if not raw.strip():
        return MISSING, {"blank line": None}
    if raw.startswith(BOM):
        first(found, "byte order mark")
        raw = raw[len(BOM) :]
    text = _text(raw, found).strip(_SPACE)
    if depth_of(text, caps.depth) > caps.depth:
        first(found, "too deep")
        return MISSING, found
    value = _value(text, found)
    return value, found


def _text(raw: bytes, found: Found) -> str:
    """The bytes as text; two bytes a character where every other one is nought."""
    if len(raw) >= 8 and max(raw[::2].count(0), raw[1::2].count(0)) > len(raw) // 4:
        first(found, "not utf-8")
        big = raw[::2].count(0) > raw[1::2].count(0)
        return raw.decode("utf-16-be" if big else "utf-16-le", "replace").strip("\0\ufeff")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        first(found, "not utf-8")
        return raw.decode("utf-8", "replace")


def depth_of(text: str, cap: int) -> int:
    """Lists and objects inside each other, as far as one beyond the cap."""
    if text.count("[") + text.count("{") <= cap:
        return 0
    depth = most = 0
    for token in _TOKEN.finditer(text):
        kind = token[0]
        if kind in "[{":
            depth += 1
            most = max(most, depth)
            if most > cap:
                break
        elif kind in "]}":
            depth -= 1
    return most


def _value(text: str, found: Found) -> Any:
    """What strict JSON allows; else, for the scorers, what raw control characters in texts leave."""
    decoder = _decoder(found, strict=True)
    try:
        value = decoder.decode(text)
    except RecursionError:
        first(found, "too deep")
        return MISSING
    except ValueError:
        first(found, "not json")
        return _loosely(text)
    return _mended(value, found) if "\\u" in text else value


def _loosely(text: str) -> Any:
    try:
        return _mended(_decoder({}, strict=False).decode(text), {})
    except (ValueError, RecursionError):
        return MISSING


def _decoder(found: Found, *, strict: bool) -> json.JSONDecoder:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        row = dict(pairs)
        if len(row) != len(pairs):
            first(found, "duplicate key")
        return row

    def whole(literal: str) -> int:
        if len(literal.lstrip("-")) > DIGITS:
            first(found, "long number")
            return 0
        return int(literal)

    def real(literal: str) -> float:
        number = float(literal)
        if not math.isfinite(number):
            first(found, "not a number")
        return number

    def other(_: str) -> None:
        first(found, "not a number")

    return json.JSONDecoder(
        object_pairs_hook=once, parse_int=whole, parse_float=real, parse_constant=other, strict=strict
    )


def _mended(value: Any, found: Found) -> Any:
    """The value with replacement characters for halves of surrogate pairs, one for one."""
    if isinstance(value, str):
        if _SURROGATE.search(value):
            first(found, "lone surrogate")
            return _SURROGATE.sub("\ufffd", value)
        return value
    if isinstance(value, list):
        return [_mended(one, found) for one in value]
    if isinstance(value, dict):
        return {_mended(key, found): _mended(one, found) for key, one in value.items()}
    return value
