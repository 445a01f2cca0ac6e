"""Reading a judge's reply: exactly one JSON object with a level and a reason, or nothing (house method).

A judge repeats, declines, rambles and is talked to by the answers that it reads. Whatever leaves a doubt about what it
said itself is unjudged, which is counted and shown and never reads as fine.
"""

import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

LEVELS = (1, 2, 3, 4, 5)
ALLOWED = frozenset("\t\n\r")
NUMERAL = 40
"""Digits of the longest number that is read as one."""
DEEPEST = 64
"""Objects and lists within each other that are read; far below where reading depends on who called."""


@dataclass(frozen=True)
class Verdict:
    """What a judge said: a level and why; the level is None where it could not be told, and the reason says that."""

    level: int | None
    reason: str


class _Twice(ValueError):
    """A key stands twice."""


def _pairs(items: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(items)
    if len(found) < len(items):
        raise _Twice
    return found


def _never(word: str) -> NoReturn:
    raise ValueError(word)


def _number(text: str) -> float:
    if len(text) > NUMERAL:
        raise ValueError(text[:NUMERAL])
    return float(text)


DECODER = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_constant=_never, parse_int=_number, parse_float=_number, strict=False
)


def read_verdict(reply: str) -> Verdict:
    """The level that a reply gives, by the rules beside its golden file; unjudged where there is any doubt."""
    if any(unicodedata.category(c) == "Cc" and c not in ALLOWED for c in reply):
        return Verdict(None, "a control character in the judge's reply")
    try:
        objects = list(_objects(reply))
        same = {json.dumps(one, sort_keys=True) for one in objects}
        scores = _scores(objects[:1])
    except (ValueError, RecursionError):  # a key twice, no JSON number, nested beyond reading, an open brace
        return Verdict(None, "no readable JSON object in the judge's reply")
    if not objects:
        return Verdict(None, "no JSON object in the judge's reply")
    if len(same) > 1:
        return Verdict(None, "two verdicts in one reply")
    return _judged(objects[0], scores=scores)


def _objects(reply: str) -> Iterator[Mapping[str, Any]]:
    """Every top-level object; a brace outside one is an error, since it may have been copied from the answer."""
    place = 0
    while (start := _brace(reply, place)) is not None:
        if reply[start] == "}":
            raise ValueError("a closing brace without an opening one")
        found, place = DECODER.raw_decode(reply, start)
        yield found


def _brace(text: str, place: int) -> int | None:
    found = [at for at in (text.find("{", place), text.find("}", place)) if at >= 0]
    return min(found, default=None)


def _judged(found: Mapping[str, Any], *, scores: int) -> Verdict:
    reason = found.get("reason")
    if not isinstance(reason, str) or not any(c.isalnum() for c in reason) or not _sound(reason):
        return Verdict(None, "a verdict without a reason")
    if scores != 1:
        return Verdict(None, "not one score in the verdict")
    level = _level(found.get("score"))
    return Verdict(level, reason) if level else Verdict(None, f"no level from 1 to 5: {reason}")


def _sound(text: str) -> bool:
    """Without half a surrogate pair, which no file can hold."""
    return not any("\ud800" <= c <= "\udfff" for c in text)


def _scores(values: Sequence[Any]) -> int:
    """How often a key `score` stands anywhere in some values.

    Raises:
        ValueError: nested deeper than `DEEPEST`.
    """
    count, level = 0, list(values)
    for _ in range(DEEPEST):
        objects = [one for one in level if isinstance(one, dict)]
        count += sum("score" in one for one in objects)
        level = [inner for one in objects for inner in one.values()] + [
            inner for one in level if isinstance(one, list) for inner in one
        ]
        if not level:
            return count
    raise ValueError("nested too deep")


def _level(score: Any) -> int | None:
    if isinstance(score, str):
        folded = unicodedata.normalize("NFKC", score).strip()
        return next((level for level in LEVELS if folded == str(level)), None)
    if isinstance(score, bool) or not isinstance(score, float):
        return None
    return next((level for level in LEVELS if score == level), None)
