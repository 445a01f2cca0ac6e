"""Forms of a text that rules read, each with the way back to the text as it stands."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tuneward.scorers.decoding import Stretch, base64_in, binary_in, entities_in, hex_in, percent_in
from tuneward.scorers.decoding_words import apart_in, leet_in, reversed_in, rot13_in, words_reversed_in
from tuneward.scorers.lookalikes import mixed_words
from tuneward.scorers.views_fold import fold_map, fold_text

__all__ = ["CAP", "DECODERS", "View", "fold_text", "folded", "rewritten", "views"]

CAP = 200_000
"""Characters of a turn that are read in other forms than the folded one."""
DECODERS: dict[str, Callable[[str], list[Stretch]]] = {
    "base64": base64_in,
    "hex": hex_in,
    "binary": binary_in,
    "percent": percent_in,
    "entities": entities_in,
    "rot13": rot13_in,
    "reversed": reversed_in,
    "words reversed": words_reversed_in,
    "leet": leet_in,
    "letters apart": apart_in,
}
"""Code → where it stands in a folded text; at most linear in the text's length."""


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
        begins = self.origin[start:end]
        return min(begins), (max(begins) + 1 if self.ends is None else max(self.ends[start:end]))


def folded(text: str) -> View:
    """Compatibility forms unified (NFKC), invisible characters dropped; a text that this leaves alone is itself."""
    if text.isascii() or fold_text(text) == text:
        return View("raw", text)
    read, begins, ends = fold_map(text)
    return View("folded", read, (*begins, len(text)), tuple(ends))


def views(text: str) -> list[View]:
    """The folded view first, then what else the text could be read as; one level deep, linear in its length.

    A decoded view is the folded text with what is coded read in its place. Look-alikes are read as the letters they
    stand for only in words that mix scripts. Texts beyond CAP characters have the folded view alone for the rest.
    """
    base = folded(text)
    made = [base]
    read = base.text[:CAP]
    if not read.isascii() and (mixed := mixed_words(read)):
        made.append(rewritten(base, "confusables", [Stretch(a, b, word, range(a, b)) for a, b, word in mixed]))
    for name, decoder in DECODERS.items():
        if found := decoder(read):
            made.append(rewritten(base, f"decoded:{name}", found))
    return made


def rewritten(base: View, name: str, stretches: Sequence[Stretch]) -> View:
    """A view with stretches of it, in order and apart from each other, read otherwise."""
    length = len(base.text)
    origin = range(length + 1) if base.origin is None else base.origin
    ends = range(1, length + 1) if base.ends is None else base.ends
    parts: list[str] = []
    begins: list[int] = []
    tos: list[int] = []
    done = 0
    for stretch in (*stretches, Stretch(length, length, "")):
        read = fold_text(stretch.text) if stretch.sources is None else stretch.text
        parts += base.text[done : stretch.start], read
        begins += origin[done : stretch.start]
        tos += ends[done : stretch.start]
        if stretch.sources is None:
            begin, end = base.span(stretch.start, stretch.end)
            begins += [begin] * len(read)
            tos += [end] * len(read)
        else:
            begins += [origin[at] for at in stretch.sources]
            tos += [ends[at] for at in stretch.sources]
        done = stretch.end
    return View(name, "".join(parts), (*begins, origin[length]), tuple(tos))
