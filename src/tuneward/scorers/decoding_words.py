"""Codes that keep words: rot13, text reversed, digits for letters, letters set apart.

Read only where a hint is found: a very common word as the code spells it. A part of the text counts as coded where few
of its words are common as they stand and many are once decoded.
"""

import re
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise, product

from tuneward.scorers.decoding import Stretch
from tuneward.scorers.words import BIGRAMS, ENGLISH, HINTS, coverage

_UP, _LOW = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"
_ROT13 = str.maketrans(_UP + _LOW, _UP[13:] + _UP[:13] + _LOW[13:] + _LOW[:13])
_DIGITS = {"4": "a", "3": "e", "1": "i", "0": "o", "5": "s", "7": "t"}
_LEET, _LEET_L = (str.maketrans(_DIGITS | {"1": one}) for one in "il")
_SPELT = {letter: digit for digit, letter in _DIGITS.items()} | {"l": "1"}
ROT13_HINTS = frozenset(word.translate(_ROT13) for word in HINTS["rot13"])
REVERSED_HINTS = frozenset(word[::-1] for word in HINTS["reversed"])
REVERSED_PAIRS = [pair[::-1] for pair in HINTS["pairs"]]
LEET_HINTS = frozenset(
    spelt
    for word in HINTS["leet"]
    for spelt in map("".join, product(*({letter, _SPELT.get(letter, letter)} for letter in word)))
    if spelt != word and not spelt.isdigit()
)
LONGEST = max(map(len, ENGLISH))


def _any(hints: frozenset[str]) -> str:
    return rf"\b(?:{'|'.join(sorted(hints))})\b"


GATES = (
    _any(ROT13_HINTS),
    _any(REVERSED_HINTS),
    _any(LEET_HINTS),
    "|".join([*REVERSED_PAIRS, r"(?m:^。)"]),
    r"(?:^|[^a-z0-9])[a-z]" + r"[ ._*-]{1,4}[a-z]" * 6,
)
"""Small-letter patterns, one of which is in every text that the functions below find anything in."""
_PAIRS = re.compile(GATES[3])
_PIECES = (r"\S(?:.*\S)?", r"[^\n]+", r"[^\n.!?]+[.!?]*")
_CUTS = (re.compile(_PIECES[0], re.DOTALL), re.compile(_PIECES[1]), re.compile(_PIECES[2]))
"""A text is coded as a whole, by lines, or by sentences."""
_TOKEN = re.compile(r"[a-z0-9_]+")
_CHINESE = re.compile(r"[\u4e00-\u9fff]+")
_APART = re.compile(r"(?<![^\W_])[A-Za-z](?:[ ._*-]{1,4}[A-Za-z](?![^\W_])){9,}")
_LEET_WORD = re.compile(r"(?<![^\W_])[A-Za-z0-9]+(?![^\W_])")


def rot13_in(text: str) -> list[Stretch]:
    """Letters turned by thirteen."""

    def read(start: int, end: int) -> Stretch:
        return Stretch(start, end, text[start:end].translate(_ROT13), range(start, end))

    return _coded(text, ROT13_HINTS, read)


def reversed_in(text: str) -> list[Stretch]:
    """Characters in the opposite order, English or Chinese."""

    def read(start: int, end: int) -> Stretch:
        return Stretch(start, end, text[start:end][::-1], range(end - 1, start - 1, -1))

    return _coded(text, REVERSED_HINTS, read) or _reversed_chinese(text, read)


def words_reversed_in(text: str) -> list[Stretch]:
    """Each word of English reversed, the words in order; tells nothing that `reversed_in` does not."""

    def read(start: int, end: int) -> Stretch:
        words = [(m.start() + start, m.end() + start) for m in re.finditer(r"\S+|\s+", text[start:end])]
        places = [at for a, b in words for at in range(b - 1, a - 1, -1)]
        return Stretch(start, end, "".join(text[at] for at in places), places)

    return _coded(text, REVERSED_HINTS, read)


@lru_cache(maxsize=1)
def tokens(text: str) -> frozenset[str]:
    """The different words and numbers of ASCII, in small letters."""
    return frozenset(_TOKEN.findall(text.lower()))


def _coded(text: str, hints: frozenset[str], read: Callable[[int, int], Stretch]) -> list[Stretch]:
    if hints.isdisjoint(tokens(text)):
        return []
    for cut in _CUTS:
        found = [read(*m.span()) for m in cut.finditer(text) if not hints.isdisjoint(_TOKEN.findall(m[0].lower()))]
        found = [stretch for stretch in found if _opens(text[stretch.start : stretch.end], stretch.text)]
        if found:
            return found
    return []


def _opens(coded: str, decoded: str) -> bool:
    """Whether decoding turns few common words into many."""
    before, words = coverage(coded)
    after, _ = coverage(decoded)
    return words >= 4 and before < 0.5 * after and after >= max(2, (0.25 if after > 2 else 0.4) * words)


def _reversed_chinese(text: str, read: Callable[[int, int], Stretch]) -> list[Stretch]:
    if text.isascii() or not _PAIRS.search(text):
        return []
    found = []
    for line in _CUTS[1].finditer(text):
        runs = _CHINESE.findall(line[0])
        forward, backward = (
            sum(run[i : i + 2] in BIGRAMS for run in side for i in range(len(run)))
            for side in (runs, [run[::-1] for run in runs])
        )
        if backward > 3 * forward and backward >= (1 if line[0][0] == "。" else 3):
            found.append(read(*line.span()))
    return found


def leet_in(text: str) -> list[Stretch]:
    """Digits for the letters they look like, where several common words are spelt so."""
    if LEET_HINTS.isdisjoint(tokens(text)):
        return []
    for cut in _CUTS:
        found = [stretch for piece in cut.finditer(text) if (stretch := _leet(text, *piece.span()))]
        if found:
            return found
    return []


def _leet(text: str, start: int, end: int) -> Stretch | None:
    words = [
        (m.start(), m[0], _plain(m[0]))
        for m in _LEET_WORD.finditer(text, start, end)
        if m[0] in "14" or not m[0].isdigit()
    ]
    mixed = sum(len(word) > 2 and plain in ENGLISH and not word.isalpha() for _, word, plain in words)
    if mixed < 3 or mixed < 0.15 * len(words):
        return None
    letters = list(text[start:end])
    for at, word, plain in words:
        letters[at - start : at - start + len(word)] = plain
    return Stretch(start, end, "".join(letters), range(start, end))


def _plain(word: str) -> str:
    """As long as the word; a 1 may stand for i or l."""
    small = word.lower()
    return next(
        (plain for plain in (small.translate(_LEET), small.translate(_LEET_L)) if plain in ENGLISH),
        small.translate(_LEET),
    )


def apart_in(text: str) -> list[Stretch]:
    """Single letters with gaps between them, where they make up common words."""
    made = []
    for found in _APART.finditer(text):
        places = [found.start() + i for i, c in enumerate(found[0]) if c.isalpha()]
        gaps = [text[a + 1 : b] for a, b in pairwise(places)]
        usual = Counter(gaps).most_common(1)[0][0]
        word_ends = {
            at for at, gap in zip(places, gaps, strict=False) if len(gap) > len(usual) or (" " in gap) > (" " in usual)
        }
        letters = "".join(text[at].lower() for at in places)
        if len(set(letters)) < 6:
            continue
        inner = word_ends or _cuts(letters, places)
        sources = [at for place in places for at in ((place, place + 1) if place in inner else (place,))]
        decoded = "".join(text[at] if text[at].isalpha() else " " for at in sources)
        common, words = coverage(decoded)
        if common >= 3 and common >= 0.4 * words:
            made.append(Stretch(found.start(), found.end(), decoded, sources))
    return made


def _cuts(letters: str, places: list[int]) -> set[int]:
    """Ends of words in letters that are evenly apart: always the longest common word, else what is left over."""
    ends: set[int] = set()
    at = 0
    while at < len(letters):
        size = next((n for n in range(LONGEST, 1, -1) if letters[at : at + n] in ENGLISH), 0)
        if size and at:
            ends.add(places[at - 1])
        at += size or 1
        if size and at < len(letters):
            ends.add(places[at - 1])
    return ends
