"""A line or a row, as turns with their loss mask and with everything that is wrong with its form; it never raises.

A usual row takes one call of orjson, one look-up of its roles and a few searches in its bytes. What orjson cannot tell
is asked of the bytes: each key and each colon inside a string is one colon of the line, so a line with more of them
has lost a key that was there twice. Every other row takes the longer way, which is exact and linear.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from tuneward.rows.columns import Columns, checked
from tuneward.screen.broken import MISSING, reread
from tuneward.screen.caps import Caps
from tuneward.screen.forms import read_row
from tuneward.screen.masks import Mask, Turns, named, remarks, trained
from tuneward.screen.schema import Found, Problem, any_of, first, problems
from tuneward.screen.turns import ROLES, Draft, calls_of, order_of

__all__ = ["Problem", "Reader", "Row"]

CHAT = "openai-chat"
RIVALS = frozenset({"conversations", "chosen", "rejected", "completion", "instruction", "preferred_output"})
"""Columns by which another form than messages may be known."""
_BLANK = (
    "\0-\u0020\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f"
    "\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff"
)
_VISIBLE = re.compile(f"[^{_BLANK}]")
_CONTROL = re.compile("[\0-\u0008\u000e-\u001f\u007f-\u0084\u0086-\u009f]")
_UPPER = re.compile(b"\xc2[\x80-\x84\x86-\x9f]")
"""The control characters that UTF-8 writes in two bytes."""
_QUICK = 64
"""Roles of rows up to this many turns are remembered."""


@dataclass(slots=True)
class Row:
    """What scorers read of a row."""

    roles: tuple[str, ...]
    texts: tuple[str, ...]
    trained: tuple[bool | None, ...]
    """Whether the loss sees each turn; None: could not tell."""
    weights: tuple[float | None, ...]
    """Of each turn, where the trainer minds weights; usually ()."""
    rejected: int
    """First turn of a pair's rejected side, len(roles) where there is none."""
    format: str
    problems: tuple[Problem, ...]
    """One a kind, what to mend first in front."""
    readable: bool
    """Whether there is any turn to read."""


@dataclass(frozen=True)
class Reader:
    """Reads rows for one loss mask.

    Raises:
        ValueError: an unknown mask, or a wrong map of columns.
    """

    mask: str = "trl"
    caps: Caps = field(default_factory=Caps)
    columns: Mapping[str, str] | None = None
    """As `tuneward.rows.checked` takes it; None: the form is that of each row's own columns."""
    _mask: Mask = field(init=False, repr=False, compare=False)
    _columns: Columns | None = field(init=False, repr=False, compare=False)
    _known: dict[tuple[str, ...], tuple[bool | None, ...]] = field(init=False, repr=False, compare=False)
    """Roles without any disorder → what of them is trained."""

    def __post_init__(self) -> None:
        """Read the settings once."""
        object.__setattr__(self, "_mask", named(self.mask))
        columns = checked(self.columns) if self.columns is not None else None
        if columns is not None:
            columns = replace(columns, id="", family="", category="", expect="")
        object.__setattr__(self, "_columns", columns)
        object.__setattr__(self, "_known", {})

    def line(self, raw: bytes) -> Row:
        """The row of a line, given without its line feed."""
        if len(raw) > self.caps.line:
            return self.over()
        try:
            value = orjson.loads(raw)
        except ValueError:
            value, found = reread(raw, self.caps)
            return self._row(value, found or {"not json": None})
        row = self._usual(value, raw)
        if row is not None:
            return row
        found = {}
        colons = _colons(value, self.caps.depth)
        if colons < 0:
            first(found, "too deep")
        elif colons != raw.count(b":") or b"\\u003a" in raw or b"\\u003A" in raw:
            found = reread(raw, self.caps)[1]
        return self._row(value, found, clean=_clean(raw) and b"\\b" not in raw)

    def over(self) -> Row:
        """The row of a line over the limit, which was not held."""
        return _unread({"too long": None})

    def value(self, row: dict[str, Any]) -> Row:
        """The row of a table."""
        return self._row(row, {"too deep": None} if _colons(row, self.caps.depth) < 0 else {})

    def _usual(self, value: Any, raw: bytes) -> Row | None:
        """The row, if it is a chat of plain messages with nothing odd about it."""
        if value.__class__ is not dict or len(raw) > self.caps.text:
            return None
        messages = value.get("messages")
        if messages.__class__ is not list or not _clean(raw):
            return None
        colons = len(value) + 2 * len(messages)
        if len(value) > 1:
            beside = self._beside(value)
            if beside < 0:
                return None
            colons += beside
        roles, texts = [], []
        try:
            for turn in messages:
                text = turn["content"]
                if text.__class__ is not str or len(turn) != 2 or not ("!" <= text[0] <= "~" or _VISIBLE.search(text)):
                    return None
                if "\b" in text:
                    return None
                roles.append(turn["role"])
                texts.append(text)
                colons += text.count(":")
            known = tuple(roles)
            mask = self._known.get(known) or self._learn(known)
        except (KeyError, TypeError, IndexError):
            return None
        if not mask or colons != raw.count(b":"):
            return None
        return Row(known, tuple(texts), mask, (), len(known), CHAT, (), True)

    def _beside(self, row: dict[str, Any]) -> int:
        """Colons in what a row holds beside its messages; -1 where it needs a closer look."""
        if not RIVALS.isdisjoint(row) or "weight" in row:
            return -1
        colons = 0
        for key, value in row.items():
            if key != "messages":
                more = _colons(value, self.caps.depth - 1)
                if more < 0:
                    return -1
                colons += more + key.count(":")
        return colons

    def _learn(self, roles: tuple[str, ...]) -> tuple[bool | None, ...]:
        """What is trained of roles in order; () where they need a closer look."""
        if not roles or len(roles) > min(_QUICK, self.caps.turns) or not ROLES.issuperset(roles):
            return ()
        if order_of(roles) or "tool" in roles or "function" in roles:
            return ()
        if len(self._known) > 4096:
            self._known.clear()
        mask = trained(self._mask, Turns(CHAT, roles))[0]
        self._known[roles] = mask
        return mask

    def _row(self, value: Any, found: Found, *, clean: bool = False) -> Row:
        """The longer way."""
        if not isinstance(value, dict):
            return _unread(found if value is MISSING else {**found, "no chat": None})
        draft = read_row(value, self._columns, self.caps.turns)
        for key, turn in found.items():
            first(draft.found, key, turn)
        if not draft.roles and not any_of(draft.found, ("no chat", "token ids")):
            first(draft.found, "no turns")
        self._cut(draft)
        _look(draft, clean=clean)
        return self._masked(draft, value.get("weight"))

    def _cut(self, draft: Draft) -> None:
        """Characters beyond the limit are not read."""
        left = self.caps.text
        for turn, text in enumerate(draft.texts):
            if len(text) > left:
                first(draft.found, "long text", turn)
                draft.texts[turn] = text[:left]
            left = max(left - len(text), 0)

    def _masked(self, draft: Draft, weight: object) -> Row:
        roles = tuple(draft.roles)
        turns = Turns(draft.format, roles, draft.said, draft.rejected)
        if weight is None and not any(draft.shells):
            mask, weights = trained(self._mask, turns)
        else:
            remarks(draft.found, self._mask, turns, draft.shells, weight)
            mask, weights = trained(self._mask, turns, draft.shells, weight)
        if "assistant" in roles and not any(now is not False for now in mask):
            first(draft.found, "empty mask")
        end = len(roles) if draft.rejected is None else draft.rejected
        told = problems(draft.found) if draft.found else ()
        return Row(roles, tuple(draft.texts), mask, weights, end, draft.format, told, bool(roles))


def _unread(found: Found) -> Row:
    return Row((), (), (), (), 0, "none", problems(found), False)


def _clean(raw: bytes) -> bool:
    """Whether no text of the line can hold a control character, backspace left aside."""
    return not (b"\\u00" in raw or b"\x7f" in raw or (b"\xc2" in raw and _UPPER.search(raw)))


def _look(draft: Draft, *, clean: bool) -> None:
    """Note turns without a visible character and texts with control characters."""
    odd = any_of(draft.found, ("field missing", "wrong type"))
    for turn, (role, text) in enumerate(zip(draft.roles, draft.texts, strict=True)):
        if role in ("user", "assistant") and not odd and not _VISIBLE.search(text):
            shell = draft.shells[turn]
            if turn not in draft.partial and not (shell and calls_of(shell)):
                first(draft.found, "empty turn", turn)
        if not clean and "not json" not in draft.found and _CONTROL.search(text):
            first(draft.found, "control character", turn)


def _colons(value: Any, depth: int) -> int:
    """Colons that a value has as JSON, strings' own included; -1 where lists and objects go deeper than `depth`."""
    kind = value.__class__
    if kind is str:
        return int(value.count(":"))
    if kind is not dict and kind is not list:
        return 0
    if depth <= 0:
        return -1
    total = 0
    if kind is dict:
        for key in value:
            total += 1 + key.count(":")
        value = value.values()
    for one in value:
        if one.__class__ is str:
            total += one.count(":")
        elif one.__class__ is dict or one.__class__ is list:
            more = _colons(one, depth - 1)
            if more < 0:
                return -1
            total += more
    return total
