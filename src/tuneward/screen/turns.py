"""The messages of a row, read leniently: what is wrong is noted, what can be read is kept.

Beyond its content a message may hold text that a template writes and the loss sees: the arguments of tool calls, and
thoughts in a field of their own. They follow the content after a line feed, so that no trained text stays unread.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

from tuneward.rows.turns import OPENAI, SHAREGPT, SPEAKERS
from tuneward.screen.schema import Found, any_of, first

ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
SYSTEM = ("system", "developer")
TOOL = ("tool", "function")
UNKNOWN = "unknown"
"""The role of a turn whose speaker no template knows: names of speakers are words of the row."""
SPOKEN = ("reasoning_content", "reasoning", "thinking", "refusal")
"""Fields of a message whose text templates write beside the content."""
Shell = Mapping[str, Any]
"""A message with what it holds besides text."""


@dataclass(slots=True)
class Draft:
    """A row while it is read."""

    format: str
    roles: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    shells: list[Shell | None] = field(default_factory=list)
    found: Found = field(default_factory=dict)
    said: int = 0
    """First turn of the completion, where it has a column of its own."""
    rejected: int | None = None
    """First turn of the rejected side."""
    partial: set[int] = field(default_factory=set)
    """Turns that hold images or other parts."""

    def add(self, role: str, text: str, shell: Shell | None = None) -> None:
        """One more turn."""
        self.roles.append(role)
        self.texts.append(text)
        self.shells.append(shell)


def read_list(draft: Draft, value: object, most: int) -> None:
    """The messages of a column; a list that holds none is no chat."""
    if not isinstance(value, list) or (value and not any(isinstance(item, dict) for item in value)):
        first(draft.found, "no chat")
        return
    if len(value) > most:
        first(draft.found, "too many turns", most)
    for item in value[:most]:
        _read(draft, item)


def _read(draft: Draft, item: object) -> None:
    turn = len(draft.roles)
    if not isinstance(item, dict):
        first(draft.found, "wrong type", turn)
        draft.add(UNKNOWN, item if isinstance(item, str) else "")
        return
    speaker, said = SHAREGPT if "role" not in item and ("from" in item or "value" in item) else OPENAI
    role = _role(draft, item.get(speaker, ...), strict=speaker == "role")
    text = _content(draft, item, said)
    draft.add(role, "\n".join([text, *_beside(item)]) if len(item) > 2 else text, item if len(item) > 2 else None)
    if speaker == "from" and item.get(speaker) == "function_call":
        draft.shells[-1] = {**item, "tool_calls": [{}]}


def _role(draft: Draft, value: object, *, strict: bool) -> str:
    """The role a template knows; OpenAI's names stand exactly so in templates, ShareGPT's are mapped by trainers."""
    turn = len(draft.roles)
    if not isinstance(value, str):
        first(draft.found, "field missing" if value is ... else "wrong type", turn)
        return UNKNOWN
    if value in ROLES:
        return value
    known = SPEAKERS.get(value.lower() if len(value) < 32 else "", UNKNOWN)
    if strict or known == UNKNOWN:
        first(draft.found, "unknown role", turn)
    return known


def _content(draft: Draft, item: Shell, said: str) -> str:
    value = item.get(said, ...)
    if isinstance(value, str):
        return value
    if (value is None or value is ...) and (item.get("tool_calls") or item.get("function_call")):
        return ""
    if isinstance(value, list):
        return _parts(draft, value)
    first(draft.found, "field missing" if value is ... else "wrong type", len(draft.roles))
    return ""


def _parts(draft: Draft, value: Sequence[object]) -> str:
    """Text parts as one; what is no text is noted."""
    texts: list[str] = []
    for part in value:
        text = part.get("text") if isinstance(part, dict) else part
        if isinstance(text, str):
            texts.append(text)
        elif isinstance(part, dict) and isinstance(part.get("type"), str) and part["type"] != "text":
            first(draft.found, "not text", len(draft.roles))
            draft.partial.add(len(draft.roles))
        else:
            first(draft.found, "wrong type", len(draft.roles))
    return "".join(texts)


def _beside(item: Shell) -> list[str]:
    """Texts of a message that stand beside its content."""
    texts = [item[name] for name in SPOKEN if isinstance(item.get(name), str) and item[name]]
    for call in calls_of(item):
        made = call.get("function", call) if isinstance(call, dict) else None
        if isinstance(made, dict) and made.get("arguments"):
            given = made["arguments"]
            texts.append(given if isinstance(given, str) else _json(given))
    return texts


def _json(value: object) -> str:
    try:
        return orjson.dumps(value, default=str).decode()
    except (TypeError, ValueError):
        return ""


def calls_of(item: Shell) -> list[Any]:
    """The tool calls of a message, in today's or the older form."""
    calls = item.get("tool_calls")
    if calls:
        return calls if isinstance(calls, list) else [None]
    return [item["function_call"]] if item.get("function_call") else []


# order ----------------------------------------------------------------------------------------------------------------


def check(draft: Draft, places: Sequence[int]) -> None:
    """Note turns out of order, and tool calls and replies that do not fit, among the turns at these places."""
    if any_of(draft.found, ("field missing", "wrong type", "unknown role", "too many turns")):
        return
    roles, shells = tuple(draft.roles[i] for i in places), [draft.shells[i] for i in places]
    order = order_of(roles) if len(roles) <= 64 else order_of.__wrapped__(roles)
    for key, turn in order:
        first(draft.found, key, places[turn])
    if any(shells) or any(role in TOOL for role in roles):
        for key, turn in _calls(roles, shells):
            first(draft.found, key, places[turn])


@lru_cache(maxsize=4096)
def order_of(roles: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    """Kinds of disorder and the first turn of each; nothing where a speaker is not known."""
    if not roles or not ROLES.issuperset(roles):
        return ()
    begin = next((i for i, role in enumerate(roles) if role not in SYSTEM), len(roles))
    if begin == len(roles):
        return (("last turn", len(roles) - 1),)
    found: list[tuple[str, int]] = []
    before = ""
    for turn in range(begin, len(roles)):
        role = roles[turn]
        if role in SYSTEM or role == before in ("user", "assistant") or (role == "assistant" and not before):
            found.append(("turn order", turn))
            break
        before = role
    if roles[-1] != "assistant":
        found.append(("last turn", len(roles) - 1))
    return tuple(found)


def _calls(roles: Sequence[str], shells: Sequence[Shell | None]) -> list[tuple[str, int]]:
    """Each reply follows its call; ids are compared where both sides have them."""
    found: list[tuple[str, int]] = []
    waiting: list[Any] = []
    for turn, (role, shell) in enumerate(zip(roles, shells, strict=True)):
        if role in TOOL:
            place = _asked(waiting, shell.get("tool_call_id") if shell else None)
            if place is None:
                found.append(("tool calls", turn))
            else:
                waiting.pop(place)
            continue
        made = calls_of(shell) if shell else []
        if waiting or (made and role != "assistant") or not all(isinstance(call, dict) for call in made):
            found.append(("tool calls", turn))
        waiting = [call.get("id") if isinstance(call, dict) else None for call in made]
    if waiting:
        found.append(("closing call", len(roles) - 1))
    return found


def _asked(waiting: Sequence[Any], known: object) -> int | None:
    """Place of the call that a reply belongs to."""
    for place, name in enumerate(waiting):
        if known is None or name is None or name == known:
            return place
    return None
