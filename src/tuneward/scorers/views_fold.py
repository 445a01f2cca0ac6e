"""A text as a reader sees it, and the way back: compatibility forms unified, what is invisible dropped.

Order matters: Unicode tag characters, which spell hidden ASCII, are read before the format characters they belong to
are dropped; what is dropped goes before NFKC, so that nothing invisible keeps a letter and its accent apart.
Typographic apostrophes and hyphens and the rarer line ends become the ASCII ones, so that no rule has to list them.

At most MARKS combining marks in a row are kept: nobody reads more, and CPython sorts such a run in quadratic time.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache

MARKS = 30
"""The limit of Unicode's stream-safe text format (UAX 15)."""
LOOSE = (
    "\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000110bd\U000110cd"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Format characters, fillers, joiners and variation selectors: ranges of a character class."""
_LOOSE = re.compile(f"[{LOOSE}]+")
_SURE = (
    "\0-\u0084\u0086-\u009f\u00a1-\u00a7\u00a9\u00ab\u00ac\u00ae\u00b0\u00b1\u00b6\u00b7\u00bb\u00bf-\u0131"
    "\u0134-\u013e\u0141-\u0148\u014a-\u017e\u0180-\u01c3\u0391-\u03a1\u03a3-\u03ce\u0400-\u0482\u048a-\u052f"
    "\u05d0-\u05ea\u0621-\u063f\u0641-\u064a\u0905-\u0939\u0e01-\u0e30\u2013\u2014\u201c\u201d\u2022\u20ac"
    "\u3001\u3002\u3008-\u3011\u3041-\u3096\u30a1-\u30fa\u30fc\u4e00-\u9fff\uac00-\ud7a3"
    "\U0001f300-\U0001f64f\U0001f680-\U0001f6d7"
)
"""Frequent characters that fold to themselves and never join the one before; the others are asked one by one."""
_UNSURE = re.compile(f"[^{_SURE}]+")
_THICK = re.compile(f"[^{_SURE}]{{{MARKS + 1},}}")
PLAINER = {
    **dict.fromkeys("\u2018\u2019\u02bc", "'"),
    **dict.fromkeys("\u2010\u2011", "-"),
    **dict.fromkeys("\u0085\u2028\u2029", "\n"),
}
"""What NFKC leaves and rules would otherwise have to list."""
_PLAINER = str.maketrans(PLAINER)
_WIDE = "\uff0c\uff1a\uff1f\uff01\uff08\uff09\uff1b\u2026\uff5e\u3000\u00a0\u202f"
_FREQUENT = (*PLAINER.items(), *((wide, unicodedata.normalize("NFKC", wide)) for wide in _WIDE))
"""With full-width punctuation and spaces, usual in Chinese and French: faster one by one than NFKC on the whole."""
_TAGS = range(0xE0020, 0xE007F)
Piece = list[tuple[int, str]]
"""Places and characters that NFKC may join or reorder, and no others."""


def fold_text(text: str) -> str:
    """The folded text without the way back; an ASCII text is itself. Linear in the text's length."""
    if text.isascii():
        return text
    for old, new in _FREQUENT:
        text = text.replace(old, new)
    if not _UNSURE.search(text):
        return text
    if _LOOSE.search(text):
        text = _LOOSE.sub(lambda m: "".join(map(_spelt, m[0])), text)
    if _THICK.search(text):
        text = _THICK.sub(lambda m: "".join(c for _, c in _thinned(enumerate(m[0]))), text)
    if unicodedata.is_normalized("NFKC", text):
        return text
    text = unicodedata.normalize("NFKC", text)
    return text.replace("\u02bc", "'").replace("\u2010", "-")  # what NFKC itself can leave of PLAINER


def fold_map(text: str) -> tuple[str, list[int], list[int]]:
    """The folded text, and for each of its characters where its source begins and ends in the original."""
    parts: list[str] = []
    begins: list[int] = []
    ends: list[int] = []
    done = 0
    for run in _UNSURE.finditer(text):
        start = max(run.start() - 1, 0)  # the sure character before it may take an accent
        parts.append(text[done:start])
        begins.extend(range(done, start))
        ends.extend(range(done + 1, start + 1))
        for piece in _pieces(text, start, run.end()):
            read, froms, tos = _fold_piece(piece)
            parts.append(read)
            begins.extend(froms)
            ends.extend(tos)
        done = run.end()
    parts.append(text[done:])
    begins.extend(range(done, len(text)))
    ends.extend(range(done + 1, len(text) + 1))
    return "".join(parts), begins, ends


def _fold_piece(piece: Piece) -> tuple[str, list[int], list[int]]:
    """Character by character where NFKC changes nothing, else as one."""
    text = "".join(c for _, c in piece)
    read = unicodedata.normalize("NFKC", text)
    if read == text:
        return read.translate(_PLAINER), [at for at, _ in piece], [at + 1 for at, _ in piece]
    return read.translate(_PLAINER), [piece[0][0]] * len(read), [piece[-1][0] + 1] * len(read)


def _pieces(text: str, start: int, end: int) -> Iterator[Piece]:
    """The stretch without what is invisible, cut before every character that stands for itself."""
    kept = ((at, _spelt(text[at])) for at in range(start, end))
    piece: Piece = []
    for at, c in _thinned((at, c) for at, c in kept if c):
        if piece and not _joins(c):
            yield piece
            piece = []
        piece.append((at, c))
    if piece:
        yield piece


def _thinned(characters: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """At most MARKS combining marks in a row."""
    run = 0
    for at, c in characters:
        run = run + 1 if _marks(c) else 0
        if run <= MARKS:
            yield at, c


@lru_cache(maxsize=4096)
def _spelt(c: str) -> str:
    """Itself; the ASCII character that a tag character spells; nothing where it is invisible."""
    if ord(c) in _TAGS:
        return chr(ord(c) - 0xE0000)
    return "" if _LOOSE.match(c) else c


@lru_cache(maxsize=4096)
def _joins(c: str) -> bool:
    """Whether NFKC could join or reorder it with what stands before: a mark, or a Hangul vowel or final consonant."""
    first = unicodedata.normalize("NFKD", c)[0]
    return unicodedata.category(first)[0] == "M" or "\u1160" <= first <= "\u11ff" or "\ud7b0" <= first <= "\ud7ff"


@lru_cache(maxsize=4096)
def _marks(c: str) -> bool:
    return unicodedata.combining(unicodedata.normalize("NFKD", c)[0]) != 0
