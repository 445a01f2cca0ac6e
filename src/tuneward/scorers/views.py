"""Forms of a text that rules read, each with the way back to the text as it stands."""

from collections.abc import Sequence
from dataclasses import dataclass

from tuneward.scorers.views_fold import fold_map, fold_text

__all__ = ["View", "fold_text", "folded", "views"]


@dataclass(frozen=True)
class View:
    """A form of a text."""

    name: str
    """raw, folded, confusables, decoded:base64 …"""
    text: str
    origin: Sequence[int] | None = None
    """For each character, and one past the end, the place in the original it came from; None: its own place."""
    ends: Sequence[int] | None = None
    """For each character, one past the last place in the original it came from; None: the one after its origin."""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The original's characters behind a stretch of this view, whichever way round the view reads them."""
        if self.origin is None:
            return start, end
        if end <= start:
            return self.origin[start], self.origin[start]
        first, last = self.origin[start], self.origin[end - 1]
        if self.ends is None:
            return min(first, last), max(first, last) + 1
        return min(first, last), max(self.ends[start], self.ends[end - 1])


def folded(text: str) -> View:
    """Compatibility forms unified (NFKC), invisible characters dropped; a text that this leaves alone is itself."""
    if text.isascii() or fold_text(text) == text:
        return View("raw", text)
    read, begins, ends = fold_map(text)
    return View("folded", read, (*begins, len(text)), tuple(ends))


def views(text: str) -> list[View]:
    """The folded view first, then what else the text could be read as; one level deep."""
    return [folded(text)]
