"""Rows like those of the task and unlike each other: greedy choice under a determinantal point process.

Source: SPARD (arXiv:2605.28030), relevance–diversity selection: q_i = the largest cosine of candidate i to a task row,
K_ij = cosine of two candidates, K̂_ij = (q_i q_j)^β K_ij, and the set is grown by what adds most to log det K̂. The
incremental Cholesky update of greedy selection is that of arXiv:1709.05135.
Differs from the paper: vectors are hashed words and pairs of words, weighed by rarity, of the prompt alone, so that no
model is needed; relevance enters as a summand, log det K̂_S = 2β Σ log q + log det K_S, which no small q makes
inexact; a choice that is long, or has only repetitions left, goes on in a new round, and only rows of the same round
keep apart from each other.
"""

import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Floats = NDArray[np.float64]
SPACE = 2**20
"""Places that words are hashed to."""
MEMORY = 2**25
"""Numbers that any one table may hold at most, about."""
ROUND = 1024
"""Rows chosen before diversity begins anew, at most: time grows with the square of it."""
BLOCK = 256
"""Task rows compared at once, at most."""
LEAST = 0.01
"""Relevance below this is no difference; diversity decides."""
NOTHING = 1e-9
"""A squared distance from the span of those chosen that is rounding."""
WORD = re.compile(r"[^\W\d_\u3400-\u9fff]+|\d+|[\u3400-\u9fff]")
"""A word, a number, or a Chinese character."""


class _Places(dict[str, int]):
    def __missing__(self, word: str) -> int:
        place = self[word] = zlib.crc32(word.encode())
        return place


@dataclass(frozen=True)
class Terms:
    """How texts become vectors."""

    rarity: Floats
    """(SPACE,) ln((1 + n) / (1 + texts that have it)) + 1, over the candidates, so that task rows are read once."""

    def vectors(self, texts: Sequence[str]) -> Any:
        """(texts, SPACE), sparse, of length 1; a text without words is 0."""
        return self.weighed(_counted(texts))

    def weighed(self, counts: Any) -> Any:
        """Counts → (1 + ln count) · rarity, rows of length 1."""
        found = counts.copy()
        found.data = (1 + np.log(found.data)) * self.rarity[found.indices]
        lengths = np.sqrt(np.asarray(found.multiply(found).sum(1)).ravel())
        found.data /= np.repeat(np.where(lengths > 0, lengths, 1.0), np.diff(found.indptr))
        return found


def _counted(texts: Sequence[str]) -> Any:
    """How often each word and each pair of neighbours stands in each text, (texts, SPACE)."""
    places, rows, ends = _Places(), [], [0]
    for text in texts:
        single = np.array([places[word] for word in WORD.findall(text.casefold())], dtype=np.uint64)
        pairs = single[:-1] * np.uint64(0x9E3779B97F4A7C15) + single[1:]
        rows.append(np.concatenate([single, pairs >> np.uint64(20)]) % np.uint64(SPACE))
        ends.append(ends[-1] + len(rows[-1]))
    places_of = np.concatenate([*rows, np.empty(0, np.uint64)]).astype(np.int64)
    found = csr_matrix((np.ones(len(places_of)), places_of, ends), shape=(len(texts), SPACE))
    found.sum_duplicates()
    return found


def fitted(texts: Sequence[str]) -> tuple[Terms, Any]:
    """Terms weighed by their rarity in these texts, and the texts' vectors."""
    counts = _counted(texts)
    having = np.bincount(counts.indices, minlength=SPACE)
    terms = Terms(np.log((1 + len(texts)) / (1 + having)) + 1)
    return terms, terms.weighed(counts)


def relevance(vectors: Any, terms: Terms, tasks: Sequence[str]) -> Floats:
    """(candidates,) largest cosine to any task text; these are read in blocks, so memory does not grow with them."""
    used = np.unique(vectors.indices)
    narrow, best = vectors[:, used], np.zeros(vectors.shape[0])
    size = max(1, min(BLOCK, MEMORY // (len(used) + len(best) + 1)))
    for first in range(0, len(tasks), size):
        others = terms.vectors(tasks[first : first + size])[:, used].T.toarray(order="C")
        best = np.maximum(best, (narrow @ others).max(1))
    return best


@dataclass(frozen=True)
class Candidates:
    """What is chosen from."""

    vectors: Any
    """(n, anything), sparse; K is their inner products."""
    relevance: Floats
    """q, (n,)."""
    group: NDArray[np.intp]
    """Number of the group that each belongs to, (n,)."""
    beta: float
    """β: 0 is diversity alone."""

    @property
    def favour(self) -> Floats:
        """2β ln q: what relevance adds to the gain of a row."""
        return 2 * self.beta * np.log(np.maximum(self.relevance, LEAST))


def greedy(candidates: Candidates, quota: Sequence[int]) -> tuple[list[int], list[float]]:
    """So many rows of each group, and by how much each raised log det K̂ when it came; the first of equals is taken.

    Rows that are no direction at all (a gain of −∞) come last, the most relevant first.

    Raises:
        ValueError: a group has fewer rows than are wanted of it.
    """
    left = np.array(quota)
    if np.any(np.bincount(candidates.group, minlength=len(left)) < left):
        raise ValueError(f"quota is {list(quota)}; expected no more than each group has")
    free = np.ones(len(candidates.group), dtype=bool)
    picks: list[int] = []
    gains: list[float] = []
    while left.sum():
        before = len(picks)
        for pick, gain in _round(candidates, free, left):
            picks.append(pick)
            gains.append(gain)
        if len(picks) == before:
            break
    for pick in np.argsort(-candidates.favour, kind="stable"):
        if free[pick] and left[candidates.group[pick]]:
            left[candidates.group[pick]] -= 1
            picks.append(int(pick))
            gains.append(-np.inf)
    return picks, gains


def _round(candidates: Candidates, free: NDArray[np.bool_], left: NDArray[Any]) -> Iterator[tuple[int, float]]:
    """Picks until the round is full; takes them out of `free` and `left`."""
    vectors, favour = candidates.vectors[:, np.unique(candidates.vectors.indices)], candidates.favour
    residual = np.asarray(vectors.multiply(vectors).sum(1), dtype=float).ravel()
    longest = min(int(left.sum()), ROUND, max(1, MEMORY // len(residual)))
    factor = np.zeros((longest, len(residual)))
    for at in range(longest):
        able = free & (left[candidates.group] > 0) & (residual > NOTHING)
        gain = np.full(len(residual), -np.inf)
        gain[able] = favour[able] + np.log(residual[able])
        pick = int(np.argmax(gain))
        if not able[pick]:
            return
        beside = vectors @ vectors[[pick]].toarray().ravel()
        factor[at] = (beside - factor[:at, pick] @ factor[:at]) / np.sqrt(residual[pick])
        residual = residual - factor[at] ** 2
        free[pick] = False
        left[candidates.group[pick]] -= 1
        yield pick, float(gain[pick])


def apportioned(shares: Mapping[str, float], count: int) -> dict[str, int]:
    """`count` in whole parts by share, the largest remainders rounded up: the parts always sum to it.

    Raises:
        ValueError: no share is above 0.
    """
    whole = sum(shares.values())
    if not whole > 0:
        raise ValueError(f"shares are {dict(shares)}; expected one above 0")
    exact = {name: count * share / whole for name, share in shares.items()}
    found = {name: int(part) for name, part in exact.items()}
    missing = count - sum(found.values())
    for name in sorted(exact, key=lambda name: found[name] - exact[name])[:missing]:
        found[name] += 1
    return found
