"""Words of a batch of texts as 64-bit hashes, all at once: read once, used for groups, overlaps and statistics.

A word is a run of letters, digits, `_` and bytes beyond ASCII; case is folded before. Its hash is a polynomial over its
bytes, modulo 2^64, taken from one running sum over the whole batch, then mixed; so no word is ever a Python object.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]

_BASE, _STEP = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_FIRST = 1 << 19
"""Bytes for which powers are held; longer batches extend them."""
_CLASS = np.zeros(256, np.uint64)
for _byte in b"abcdefghijklmnopqrstuvwxyz0123456789_":
    _CLASS[_byte] = _byte + 1
_CLASS[128:] = np.arange(129, 257)
_WORD = _CLASS > 0
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af]")


@dataclass(frozen=True)
class Powers:
    """base^i and its inverse, modulo 2^64."""

    up: U64
    down: U64

    @classmethod
    def of(cls, base: int, n: int) -> "Powers":
        """The first n powers of an odd base."""
        return cls(_powers(base, n), _powers(pow(base, -1, 1 << 64), n))

    def least(self, n: int) -> "Powers":
        """These, or as many as are asked for."""
        return self if len(self.up) >= n else Powers.of(int(self.up[1]), n)


def _powers(base: int, n: int) -> U64:
    steps = np.full(n, base & 0xFFFFFFFFFFFFFFFF, np.uint64)
    steps[0] = 1
    return np.cumprod(steps, dtype=np.uint64)


_BYTES, _TOKENS = Powers.of(_BASE, _FIRST), Powers.of(_STEP, _FIRST // 4)


def mixed(values: U64) -> U64:
    """Every bit of the input moves every bit of the output (the finaliser of splitmix64)."""
    values = (values ^ (values >> np.uint64(30))) * _MIX[0]
    values = (values ^ (values >> np.uint64(27))) * _MIX[1]
    return values ^ (values >> np.uint64(31))


_MARK = re.compile(
    "[\u00a1-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u2010-\u2027\u2030-\u205e"
    "\u3001-\u3004\u3008-\u3020\u3030\u303d-\u303f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]+"
)
"""Punctuation beyond ASCII, which parts words as that of ASCII does."""


def held(path: Path) -> NDArray[Any]:
    """An array that a pass left, read as it is needed."""
    with path.open("rb") as file:  # an empty array cannot be mapped
        np.lib.format.read_magic(file)
        shape, _, kind = np.lib.format.read_array_header_1_0(file)
    return np.lib.format.open_memmap(path, mode="r") if all(shape) else np.empty(shape, kind)


def spaced(text: str) -> str:
    """A text whose Chinese, Japanese and Korean characters stand alone, as words do elsewhere."""
    return text if text.isascii() else _CJK.sub(r" \g<0> ", _MARK.sub(" ", text))


@dataclass(frozen=True)
class Words:
    """The words of many texts, in order."""

    hashes: U64
    starts: I64
    """Byte in the joined texts at which each begins."""
    ends: I64
    first: I64
    """For each text, and one past the last, the place of its first word among `hashes`."""

    @cached_property
    def _sums(self) -> U64:
        """Running sums of the hashes, each times a power of its place."""
        powers = _TOKENS.least(len(self.hashes) + 1)
        return np.concatenate([np.zeros(1, np.uint64), np.cumsum(self.hashes * powers.up[: len(self.hashes)])])

    def runs(self, n: int) -> U64:
        """A hash for every n words in a row, whatever texts they are of."""
        sums, most = self._sums, max(len(self.hashes) - n + 1, 0)
        powers = _TOKENS.least(len(sums))
        return mixed((sums[n:] - sums[:most]) * powers.down[:most] + np.uint64(n))

    @cached_property
    def counts(self) -> I64:
        """Words of each text."""
        return np.diff(self.first)

    @cached_property
    def owner(self) -> I64:
        """For each word, the number of its text."""
        return np.repeat(np.arange(len(self.first) - 1), self.counts)

    def grams(self, n: int, groups: int = 1) -> tuple[U64, I64]:
        """Hashes of n words in a row that stay within one group of `groups` texts, and the group of each."""
        owner = self.owner // groups
        if len(self.hashes) < n:
            return np.empty(0, np.uint64), np.empty(0, np.int64)
        inside = owner[: len(owner) - n + 1] == owner[n - 1 :]
        return self.runs(n)[inside], owner[: len(inside)][inside]

    def whole(self) -> U64:
        """One hash for each text as a sequence of words: the same for any case, spacing and punctuation."""
        sums, powers = self._sums, _TOKENS.least(len(self.hashes) + 1)
        begin, end = self.first[:-1], self.first[1:]
        return mixed((sums[end] - sums[begin]) * powers.down[begin] + (end - begin).astype(np.uint64))

    def _runs_at(self, at: I64, n: int) -> U64:
        powers = _TOKENS.least(len(self._sums))
        return mixed((self._sums[at + n] - self._sums[at]) * powers.down[at] + np.uint64(n))

    def opening(self, n: int) -> U64:
        """A hash of each text's first n words; 0 where it has fewer."""
        begin = self.first[:-1]
        enough = self.counts >= n
        found = np.zeros(len(begin), np.uint64)
        if enough.any():
            found[enough] = self._runs_at(begin[enough], n)
        return found


def words(texts: list[bytes]) -> Words:
    """The words of small-letter UTF-8 texts."""
    lengths = np.fromiter(map(len, texts), np.int64, len(texts)) + 1
    begins = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    joined = np.frombuffer(b"\n".join(texts) + b"\n", np.uint8)
    inside = _WORD[joined]
    edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1  # the last byte is a line end, so words close
    if len(inside) and inside[0]:
        edges = np.concatenate([np.zeros(1, np.int64), edges])
    starts, ends = edges[::2], edges[1::2]
    powers = _BYTES.least(len(joined) + 1)
    values = _CLASS[joined]
    values *= powers.up[: len(joined)]
    sums = np.empty(len(joined) + 1, np.uint64)
    sums[0] = 0
    np.cumsum(values, out=sums[1:])
    raw = (sums[ends] - sums[starts]) * powers.down[starts]
    return Words(mixed(raw + (ends - starts).astype(np.uint64)), starts, ends, np.searchsorted(starts, begins))


def word_hashes(vocabulary: list[str]) -> U64:
    """Hashes of single words, as `words` gives them.

    Raises:
        ValueError: an entry is not exactly one word.
    """
    found = words([entry.lower().encode() for entry in vocabulary])
    if len(found.hashes) != len(vocabulary) or (found.counts != 1).any():
        wrong = next(entry for entry, n in zip(vocabulary, found.counts, strict=False) if n != 1)
        raise ValueError(f"{wrong!r} is not one word")
    return found.hashes


def hash_of(text: str, n: int) -> int:
    """Hash of a text of n words, as `grams` and `opening` give it."""
    found = words([spaced(text.lower()).encode("utf-8", "replace")])
    if len(found.hashes) != n:
        raise ValueError(f"the text has {len(found.hashes)} words, not {n}")
    return int(found.runs(n)[0])
