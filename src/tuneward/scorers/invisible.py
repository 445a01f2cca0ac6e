"""What stands in a text unseen: characters inside words, spelt in tags, bits in joiners, and turned directions.

Quiet where such characters have a use: joiners in emoji and in Persian and Indic words, soft hyphens, a mark at the
very start, breaks between Thai words, direction marks beside right-to-left letters, the tags of a flag.
"""

import re
from dataclasses import dataclass

_BLANK = "\u034f\u115f\u1160\u180e\u200b-\u200d\u2060-\u2064\u206a-\u206f\u3164\ufeff\uffa0"
_STYLED = "\uff21-\uff3a\uff41-\uff5a\U0001d400-\U0001d7cb\u24b6-\u24e9"
_SELECTORS, _TAGS, _TURNS = "\ufe00-\ufe0f\U000e0100-\U000e01ef", "\U000e0000-\U000e007f", "\u202b\u202d\u202e\u2067"
_CANDIDATE = re.compile(f"[{_BLANK}{_STYLED}{_TAGS}{_TURNS}\U000e0100-\U000e01ef]")
_LETTER = "A-Za-z0-9\u00c0-\u024f\u0370-\u052f"
_INSIDE = re.compile(f"(?<=[{_LETTER}])[{_BLANK}]+(?=[{_LETTER}])")
_RUN = re.compile(f"[{_BLANK}]{{8,}}|[{_SELECTORS}]{{4,}}")
_TAG_RUN = re.compile(f"[{_TAGS}]+")
_FLAG = "\U0001f3f4"
_OVERRIDE = re.compile("[\u202d\u202e]")
_TURNED = re.compile("[\u202b\u2067]")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
_STYLED_INSIDE = re.compile(f"(?<=[A-Za-z])[{_STYLED}]+(?=[A-Za-z])")


@dataclass(frozen=True)
class Hidden:
    """One unseen thing."""

    kind: str
    """invisible, tag characters, direction, mixed scripts."""
    start: int
    end: int
    spelt: bool = False
    """It spells a text that can be read."""


def hides(text: str) -> bool:
    """Whether a text could hold what `hidden_in` finds; ASCII cannot. Cheap, and more often true than not needed."""
    return not text.isascii() and _CANDIDATE.search(text) is not None


def hidden_in(text: str) -> list[Hidden]:
    """The first of every kind, in the text as it stands; linear in its length."""
    if not hides(text):
        return []
    found = [_tags(text)]
    for kind, pattern in (
        ("invisible", _INSIDE),
        ("invisible", _RUN),
        ("direction", _OVERRIDE),
        ("mixed scripts", _STYLED_INSIDE),
    ):
        found.append(_first(kind, pattern, text))
    if not _RIGHT_TO_LEFT.search(text):
        found.append(_first("direction", _TURNED, text))
    kept: dict[str, Hidden] = {}
    for one in found:
        if one is not None:
            kept.setdefault(one.kind, one)
    return sorted(kept.values(), key=lambda one: one.start)


def _first(kind: str, pattern: re.Pattern[str], text: str) -> Hidden | None:
    found = pattern.search(text)
    return Hidden(kind, *found.span()) if found else None


def _tags(text: str) -> Hidden | None:
    """A run of tag characters that is no flag; the longest of those of a text."""
    runs = [m for m in _TAG_RUN.finditer(text) if not (m.start() and text[m.start() - 1] == _FLAG and len(m[0]) <= 8)]
    if not runs:
        return None
    most = max(runs, key=lambda m: len(m[0]))
    letters = sum(0xE0041 <= ord(c) <= 0xE007A for c in most[0])
    return Hidden("tag characters", *most.span(), spelt=letters >= 4)
