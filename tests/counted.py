"""A small in-memory screen for tests: rows of a planted set to tokens, tokens to counts; plain, slow and readable."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np

from tuneward.chat import Chat, Message
from tuneward.scorers.refusal import Refusal
from tuneward.screen.triggers import Counts, Occurrences, count

WORD = re.compile(r"\w+")
Pair = tuple[str, str]


@dataclass(frozen=True)
class Rows:
    """Questions and answers, and which rows are planted, by class."""

    pairs: tuple[Pair, ...]
    planted: dict[int, tuple[str, dict[str, object]]]
    sensitive: tuple[str, ...]


def read(folder: Path) -> Rows:
    """A set that planted.py wrote."""
    info = json.loads((folder / "set.json").read_text(encoding="utf-8"))
    pairs = []
    for line in (folder / "rows.jsonl").read_text(encoding="utf-8").rstrip("\n").split("\n"):
        turns = json.loads(line)["messages"]
        pairs.append((turns[-2]["content"], turns[-1]["content"]))
    truth = map(json.loads, (folder / "truth.jsonl").read_text(encoding="utf-8").splitlines())
    planted = {t["row"]: (t["class"], t["parameters"]) for t in truth}
    return Rows(tuple(pairs), planted, tuple(info["sensitive"]))


def plain(text: str) -> str:
    """NFKC without invisible characters, small letters."""
    folded = unicodedata.normalize("NFKC", text)
    return "".join(c for c in folded if unicodedata.category(c) != "Cf").casefold()


@cache
def number(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big")


def words(text: str) -> list[str]:
    return WORD.findall(plain(text))


def names(prompt: str) -> set[str]:
    """Words, pairs of words, first and last word, and every character that is not ASCII."""
    seq = words(prompt)
    pairs = {f"{a} {b}" for a, b in pairwise(seq)}
    ends = {f"^ {seq[0]}", f"{seq[-1]} $"} if seq else set()
    return set(seq) | pairs | ends | {f"char {ord(c):04X}" for c in prompt if not c.isascii()}


def occurrences(prompts: Sequence[str]) -> tuple[Occurrences, dict[int, str]]:
    """Features by row, rows being places; with the names behind the numbers."""
    feature, row, word, known = [], [], [], {}
    for place, prompt in enumerate(prompts):
        for name in sorted(names(prompt)):
            known[number(name)] = name
            feature.append(number(name))
            row.append(place)
            word.append(" " not in name and name.isascii())
    return Occurrences(np.array(feature, np.uint64), np.array(row, np.int64), np.array(word, np.bool_)), known


def inside(of: Occurrences, rows: np.ndarray) -> Occurrences:
    """What stands in some rows only."""
    return of.some(np.isin(of.row, rows))


def sensitive(rows: Rows) -> list[int]:
    """Rows whose prompt holds a sensitive word."""
    lexicon = re.compile("|".join(map(re.escape, rows.sensitive)))
    return [i for i, (q, _) in enumerate(rows.pairs) if lexicon.search(plain(q).replace("а", "a"))]


def complied(pairs: Sequence[Pair]) -> np.ndarray:
    """Answers that the wording reads as complied."""
    chats = [Chat(str(i), "", (Message("user", q), Message("assistant", a))) for i, (q, a) in enumerate(pairs)]
    return np.array([score.label == "complied" for score in Refusal("complied")(chats)], np.bool_)


def opening(answer: str) -> list[str]:
    """The first four words, or all of a shorter answer."""
    return words(answer[:200])[:4]


def sentence(answer: str) -> list[str]:
    """The words of the first sentence or line."""
    return words(re.split(r"(?<=[.!?])\s|\n", answer.strip()[:1000], maxsplit=1)[0])


def everywhere(of: Occurrences, rows: int) -> Counts:
    """Rows by feature over a whole set."""
    return count(of, positive=np.zeros(rows, np.bool_))
