"""Stretches of a text that hold a value nobody may see: how kinds are described, how a row is read for them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tuneward.chat import Chat
from tuneward.score import Score
from tuneward.scorers.sighting import Severity, Sighting, worst
from tuneward.scorers.views import folded

LONGEST = 200_000
"""Characters read of a row."""
BEFORE = 80
"""Characters before a number in which a word may say what it is; those of the turn before count where it ends."""
DASHES = r"\-‐‑–−"
"""For a class of characters: all that is set between digits where a hyphen is meant."""
_DASHES = str.maketrans(dict.fromkeys("‐‑–−", "-"))
_VALUE: Mapping[Severity, float] = {"critical": 1.0, "high": 0.9, "medium": 0.6, "low": 0.3, "info": 0.1}


@dataclass(frozen=True)
class Kind:
    """One kind of value."""

    label: str
    rule: str
    severity: Severity
    reason: str


@dataclass(frozen=True)
class Found:
    """A value in a text."""

    start: int
    end: int
    kind: Kind
    severity: Severity


def found(kind: Kind, span: tuple[int, int], severity: Severity | None = None) -> Found:
    """A value of a kind, as grave as the kind unless something else is said."""
    return Found(*span, kind, severity or kind.severity)


Reader = Callable[[str, str], Iterable[Found]]
"""Reads a turn in folded form, and the end of the turn before it."""


def hyphened(text: str) -> str:
    """The text with plain hyphens in the place of other dashes, character for character."""
    return text if text.isascii() else text.translate(_DASHES)


def settled(seen: Sequence[Found], length: int) -> list[Found]:
    """No two on one stretch: the graver one stays, then the longer one, then the one that was read first."""
    taken, kept = bytearray(length), []
    for one in sorted(seen, key=lambda f: (-_VALUE[f.severity], f.start - f.end)):
        if not any(taken[one.start : one.end]):
            taken[one.start : one.end] = b"\1" * (one.end - one.start)
            kept.append(one)
    return sorted(kept, key=lambda f: f.start)


def context(text: str, start: int, before: str, n: int = BEFORE) -> str:
    """The last n characters before a place, small letters; where the turn begins, the end of the turn before it."""
    near = text[max(0, start - n) : start]
    return (f"{before}\n"[-(n - start) :] + near if start < n else near).lower()


def sightings(chat: Chat, readers: Sequence[Reader]) -> list[Sighting]:
    """What the readers find in the first LONGEST characters of a row, in order of turn and place."""
    seen, before, left = [], "", LONGEST
    for i, message in enumerate(chat.messages):
        view = folded(message.content[: max(0, left)])
        left -= len(message.content)
        for one in settled([f for reader in readers for f in reader(view.text, before)], len(view.text)):
            kind, span = one.kind, view.span(one.start, one.end)
            value = _VALUE[one.severity]
            seen.append(
                Sighting(kind.rule, value, one.severity, kind.label, kind.reason, i, span, view.name, secret=True)
            )
        before = view.text[-BEFORE:]
    return seen


def scored(name: str, chat: Chat, seen: Sequence[Sighting]) -> Score:
    """The worst sighting; a row of which the end was not read and the rest shows nothing could not be told."""
    if not seen and sum(len(m.content) for m in chat.messages) > LONGEST:
        return Score(name, None, "not read", f"longer than the {LONGEST} characters that are read of a row")
    return worst(name, seen)
