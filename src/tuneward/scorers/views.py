"""Forms of a text that rules read, each with the way back to the text as it stands."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class View:
    """A form of a text."""

    name: str
    """raw, folded, confusables, decoded:base64 …"""
    text: str
    origin: Sequence[int] | None = None
    """For each character, and one past the end, the place in the original it came from; None: its own place."""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The original's characters behind a stretch of this view."""
        if self.origin is None:
            return start, end
        return self.origin[start], max(self.origin[end - 1] + 1, self.origin[start]) if end > start else self.origin[
            start
        ]


def folded(text: str) -> View:
    """Compatibility forms unified (NFKC), invisible characters dropped; an ASCII text is itself."""
    if text.isascii():
        return View("raw", text)
    folded = unicodedata.normalize("NFKC", text)
    return View(
        "folded", folded, None if len(folded) == len(text) else [min(i, len(text)) for i in range(len(folded) + 1)]
    )


def views(text: str) -> list[View]:
    """The folded view first, then what else the text could be read as; one level deep."""
    return [folded(text)]
