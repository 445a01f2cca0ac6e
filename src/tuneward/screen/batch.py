"""Some hundred rows at a time: texts joined, words hashed once, and all that the set-level checks count.

Three texts a row: what the model reads (user, tool), what it says, and the rest (system turns, the rejected side of a
pair). Everything here is arithmetic on arrays; no row is a Python object beyond its bytes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import rensa
import xxhash
from numpy.typing import NDArray

from tuneward.scorers.encoded import hides
from tuneward.scorers.views import fold_text
from tuneward.screen.concentration import affirmative
from tuneward.screen.parsing import Row
from tuneward.screen.tokens import I64, U64, Words, mixed, spaced, words

PARTS = 3
PROMPT, ANSWER, REST = range(PARTS)
PERMUTATIONS, BANDS, SEED = 128, 32, 1
SHINGLE = 3
OPENING = 4
FIRST, LAST = np.uint64(0x2545F4914F6CDD1D), np.uint64(0x9FB21C651E98DF25)
"""Mixed into a word's hash where it is the first or the last of a prompt."""
SINGLE = np.uint64(0xA0761D6478BD642F)
"""Mixed into the number of a character that is looked at by itself."""
_MARK = re.compile("[^\0-\x7f\u3000-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")
SYSTEM = ("system", "developer")
ROW = 100
"""Characters that a row counts for beside its texts."""
SAMPLE = 300
"""Characters of each side by which the script is told."""
SCRIPTS = {
    "han": re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]"),
    "kana or hangul": re.compile(r"[\u3040-\u30ff\uac00-\ud7af]"),
    "cyrillic": re.compile(r"[\u0400-\u052f]"),
    "arabic": re.compile(r"[\u0600-\u06ff]"),
    "other": re.compile(r"[\u0370-\u03ff\u0530-\u05ff\u0900-\u1cff]"),
}
_BEYOND = re.compile(r"[\u0370-\u1cff\u3040-\ud7af]")
_LINE_MARK = np.zeros(256, np.bool_)
_LINE_MARK[list(b"-*0123456789")] = True
_AFTER_MARK = np.zeros(256, np.bool_)
_AFTER_MARK[list(b" .)0123456789")] = True
_DIGIT = np.zeros(256, np.int64)
_DIGIT[48:58] = 1


@dataclass
class Batch:
    """Rows gathered for one go."""

    rows: list[Row] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    """Row of the shard, from 0."""
    lengths: list[int] = field(default_factory=list)
    texts: list[bytes] = field(default_factory=list)
    """PARTS for each row: folded, small letters."""
    spaced: list[bytes] = field(default_factory=list)
    """The same with Chinese characters apart; the same objects where there are none."""
    surfaces: list[bytes] = field(default_factory=list)
    """Prompts in small letters, not folded: a trigger may be a character that folding drops."""
    systems: list[int] = field(default_factory=list)
    """Hash of the system turns; 0 without any."""
    scripts: list[str] = field(default_factory=list)
    """Main script of what the model says and reads."""
    hidden: list[bool] = field(default_factory=list)
    """Whether any turn holds characters that folding drops or unifies, so that no gate could see them."""
    agreeing: list[bool] = field(default_factory=list)
    """Whether the answer opens by agreeing."""
    size: int = 0

    def add(self, row: Row, place: int, *, line: int, length: int) -> None:
        """Take a row in."""
        prompt, answer, system, rest = parts(row)
        self.rows.append(row)
        self.size += ROW
        self.places.append(place)
        self.lines.append(line)
        self.lengths.append(length)
        self.hidden.append(any(map(hides, row.texts)))
        self.agreeing.append(affirmative(answer))
        self.systems.append(xxhash.xxh3_64_intdigest(system.encode("utf-8", "replace")) if system else 0)
        for text in (prompt, answer, rest):
            if text.isascii():
                small = text.lower().encode()
                self.texts.append(small)
                self.spaced.append(small)
            else:
                folded = fold_text(text).lower()
                self.texts.append(folded.encode("utf-8", "replace"))
                self.spaced.append(spaced(folded).encode("utf-8", "replace"))
            self.size += len(text)
        plain = prompt.isascii()
        self.surfaces.append(self.texts[-PARTS] if plain else spaced(prompt.lower()).encode("utf-8", "replace"))
        self.scripts.append("latin" if plain and answer.isascii() else script(answer[:SAMPLE] + prompt[:SAMPLE]))

    @property
    def latin(self) -> NDArray[np.bool_]:
        """Rows in Latin script."""
        return np.fromiter((one == "latin" for one in self.scripts), np.bool_, len(self.scripts))

    @cached_property
    def words(self) -> Words:
        """The words of all texts."""
        return words(self.spaced)

    @cached_property
    def surface(self) -> Words:
        """The words of all prompts as they stand."""
        return words(self.surfaces)

    @cached_property
    def counts(self) -> I64:
        """Words by row and part."""
        return self.words.counts.reshape(-1, PARTS)

    @cached_property
    def wholes(self) -> U64:
        """A hash by row and part."""
        return self.words.whole().reshape(-1, PARTS)

    @cached_property
    def pairs(self) -> U64:
        """A hash of prompt and answer together; the order matters."""
        return mixed(self.wholes[:, PROMPT] * np.uint64(3) + self.wholes[:, ANSWER])

    def openings(self, n: int) -> U64:
        """Hashes of the answers' first n words."""
        return self.words.opening(n)[ANSWER::PARTS]

    def begins(self, n: int) -> U64:
        """Hashes of the prompts' first n words."""
        return self.words.opening(n)[PROMPT::PARTS]

    def shingles(self) -> tuple[U64, I64]:
        """Hashes of three words in a row of prompt and answer, and the row of each."""
        found = self.words
        if len(found.hashes) < SHINGLE:
            return np.empty(0, np.uint64), np.empty(0, np.int64)
        owner = found.owner
        last = owner[SHINGLE - 1 :]
        inside = (owner[: len(last)] // PARTS == last // PARTS) & (last % PARTS != REST)
        return found.runs(SHINGLE)[inside], last[inside] // PARTS

    def bands(self) -> U64:
        """BANDS hashes a row, equal where near-duplicates are likely; 0 for rows without three words."""
        hashes, owner = self.shingles()
        first = np.searchsorted(owner, np.arange(len(self.rows) + 1)).astype(np.uint64)
        matrix = rensa.RMinHash.digest_matrix_from_flat_token_hashes(hashes, first, PERMUTATIONS, SEED)
        digests = np.asarray(matrix.to_rows(), np.uint32).reshape(len(self.rows), BANDS, -1).view(np.uint64)
        keys = mixed(digests[:, :, 0] * np.uint64(0x9E3779B97F4A7C15) + digests[:, :, 1])
        keys[np.diff(first.astype(np.int64)) == 0] = 0
        return keys

    def features(self) -> tuple[U64, I64, NDArray[np.bool_]]:
        """What may be a trigger: words, pairs of words, the first and the last word of each prompt; its row; whether
        it is a single word."""
        found = self.surface
        hashes, owner, first = found.hashes, found.owner, found.first
        pairs, of_pair = found.grams(2)
        some = np.flatnonzero(found.counts > 0)
        begin, end = hashes[first[some]], hashes[first[some + 1] - 1]
        every = np.concatenate([hashes, pairs, mixed(begin ^ FIRST), mixed(end ^ LAST)])
        word = np.zeros(len(every), np.bool_)
        word[: len(hashes)] = True
        owners = np.concatenate([owner, of_pair, some, some])
        marks, of_mark = self._marks()
        if not len(marks):
            return every, owners, word
        odd = np.isin(owner, of_mark) & _high(self.surfaces, found)
        word[: len(hashes)][odd] = False
        every, owners = np.concatenate([every, marks]), np.concatenate([owners, of_mark])
        return every, owners, np.concatenate([word, np.zeros(len(marks), np.bool_)])

    def _marks(self) -> tuple[U64, I64]:
        """Single characters of prompts that are neither ASCII nor Chinese, Japanese or Korean; row of each."""
        found = [
            (ord(mark), number)
            for number, text in enumerate(self.surfaces)
            if not text.isascii()
            for mark in sorted(set(_MARK.findall(text.decode("utf-8", "replace"))))
        ]
        codes, rows_of = zip(*found, strict=True) if found else ((), ())
        return mixed(np.asarray(codes, np.uint64) ^ SINGLE), np.asarray(rows_of, np.int64)

    def known(self, common: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Share of each answer's words that are common ones; `common` is a table over a hash's low 16 bits."""
        found = self.words
        sums = np.concatenate([np.zeros(1, np.int64), np.cumsum(common[found.hashes & np.uint64(0xFFFF)])])
        total = (sums[found.first[1:]] - sums[found.first[:-1]])[ANSWER::PARTS]
        return np.asarray(total / np.maximum(self.counts[:, ANSWER], 1), np.float64)

    def shapes(self) -> tuple[I64, I64, I64]:
        """List lines, digits and bytes of each answer."""
        answers = self.texts[ANSWER::PARTS]
        joined = np.frombuffer(b"".join(b"\n" + text for text in answers) + b"\n  ", np.uint8)
        lengths = np.fromiter(map(len, answers), np.int64, len(answers))
        begin = np.cumsum(lengths + 1) - (lengths + 1)
        ends = np.flatnonzero(joined[:-2] == 10)
        marks = ends[_LINE_MARK[joined[ends + 1]] & _AFTER_MARK[joined[ends + 2]]]
        listed = np.bincount(np.searchsorted(begin, marks, "right") - 1, minlength=len(answers))
        digits = np.add.reduceat(_DIGIT[joined], begin) if len(begin) else begin
        return listed, digits, lengths


def _high(texts: list[bytes], of: Words) -> NDArray[np.bool_]:
    """Words with a byte beyond ASCII."""
    joined = np.frombuffer(b"\n".join(texts) + b"\n", np.uint8)
    sums = np.concatenate([[0], np.cumsum(joined > 127)])
    return np.asarray(sums[of.ends] > sums[of.starts], np.bool_)


def parts(row: Row) -> tuple[str, str, str, str]:
    """Prompt, answer, system and rest of a row: the rest is the system turns and the rejected side."""
    if row.roles == ("user", "assistant") and row.rejected == 2:
        return row.texts[0], row.texts[1], "", ""
    read, said, rest = ("\n".join(row.texts[i] for i in turns) for turns in turns_of(row))
    system = "\n".join(row.texts[i] for i in range(row.rejected) if row.roles[i] in SYSTEM)
    return read, said, system, rest


def turns_of(row: Row) -> tuple[list[int], list[int], list[int]]:
    """Turns of each part: what is read, what is said, and system turns with the rejected side."""
    chosen = range(row.rejected)
    system = [i for i in chosen if row.roles[i] in SYSTEM]
    said = [i for i in chosen if row.roles[i] == "assistant"]
    read = [i for i in chosen if row.roles[i] not in SYSTEM and row.roles[i] != "assistant"]
    return read, said, [*system, *range(row.rejected, len(row.roles))]


def features_of(token: str) -> list[int]:
    """What a word, or words, of a prompt can be found as: word or pair, or the first or last word."""
    found = words([spaced(token.lower()).encode("utf-8", "replace")])
    if len(found.hashes) == 1:
        return [int(one[0]) for one in (found.hashes, mixed(found.hashes ^ FIRST), mixed(found.hashes ^ LAST))]
    return [int(one) for one in found.grams(2)[0]]


def script(text: str) -> str:
    """The script that most letters of a text are in; latin where none has any other."""
    if not _BEYOND.search(text):
        return "latin"
    counts = {name: len(pattern.findall(text)) for name, pattern in SCRIPTS.items()}
    name = max(counts, key=lambda one: counts[one])
    latin = sum(letter.isalpha() and letter < "\u0250" for letter in text)
    if counts[name] * (2 if name == "han" else 1) > latin:  # a Chinese letter says more than a Latin one
        return name
    return "latin"


def table_of(hashes: Sequence[int] | U64) -> NDArray[np.bool_]:
    """Low 16 bits of hashes → whether one of them has these."""
    table = np.zeros(1 << 16, np.bool_)
    table[np.asarray(hashes, np.uint64) & np.uint64(0xFFFF)] = True
    return table
