"""What may be shown of a text that holds personal data or secrets.

Keeping a head and a tail of a value gives short ones away whole (ecosystem S2), so nothing of one is kept.
"""

from collections.abc import Sequence

_PIECE = 4
"""Characters in a row that may not survive."""
_BLANK = "[…]"


def _cover(text: str, spans: Sequence[tuple[int, int]], pieces: frozenset[str]) -> bytearray:
    """Which characters must go: the spans, and every other place where a piece of one stands."""
    hidden, small = bytearray(len(text)), [c.lower() for c in text]
    for start, end in spans:
        hidden[start:end] = b"\1" * (end - start)
    for i in range(len(text) - _PIECE + 1):
        if "".join(small[i : i + _PIECE]) in pieces:
            hidden[i : i + _PIECE] = b"\1" * _PIECE
    return hidden


def _shown(text: str, hidden: bytearray, mark: str) -> str:
    parts, last = [], 0
    for i, c in enumerate(text):
        if not hidden[i]:
            parts.append(c)
        elif not last:
            parts.append(mark)
        last = hidden[i]
    return "".join(parts)


def _pieces(text: str) -> frozenset[str]:
    small = [c.lower() for c in text]
    return frozenset("".join(small[i : i + _PIECE]) for i in range(len(text) - _PIECE + 1))


def redact(text: str, spans: Sequence[tuple[int, int]], kind: str) -> str:
    """The text with each span as `[kind]`, and so that no four characters in a row of one survive anywhere, whatever
    their case. Where the mark itself would say four of them it is `[…]`, and where even the joints would, all goes.

    Raises:
        ValueError: a span lies outside of the text.
    """
    spans = [(start, end) for start, end in spans if start != end]
    if any(not 0 <= start < end <= len(text) for start, end in spans):
        raise ValueError(f"a span lies outside of the {len(text)} characters of the text; expected 0 <= start < end")
    if not spans:
        return text
    pieces = frozenset().union(*(_pieces(text[start:end]) for start, end in spans))
    hidden = _cover(text, spans, pieces)
    for mark in (f"[{kind}]", _BLANK):
        shown = _shown(text, hidden, mark)
        if not pieces & _pieces(shown):
            return shown
    return "" if pieces & _pieces(_BLANK) else _BLANK
