"""What a pass must know, the same on every machine: the settings, the scorers, and where the shards' results stand."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import re2

from tuneward.record import digest
from tuneward.scorers.declined import GATES as DECLINED
from tuneward.scorers.sensitive import Sensitive
from tuneward.scorers.sighting import RowScorer
from tuneward.screen.parsing import Reader
from tuneward.screen.sources import Shard

CANARY = b"tuneward canary: this line must be found"
CANARY_GATE = (0, CANARY.decode())
MEMORY = 8 << 20
"""Bytes for an automaton; RE2 says nothing of rows it gave up on, hence the canary."""
SHORT, LONG = 1000, 6000
"""Characters of gates up to which lists share an automaton, and that one automaton takes at most: more of them make
states by the product, fewer cost a pass each."""
FORMAT = 1
"""Of the shards' tables."""


@dataclass(frozen=True)
class Plan:
    """One screen."""

    work: str
    """Folder of the shards' results, seen by every machine that takes part."""
    reader: Reader
    scorers: tuple[RowScorer, ...]
    sensitive: Sensitive
    index: str
    """File of the evaluation items' runs."""
    index_digest: str
    shard_mb: int

    @property
    def digest(self) -> str:
        """Changes whenever a shard's result could."""
        scorers = [(scorer.name, scorer.version, repr(scorer)) for scorer in self.scorers]
        settings = (repr(self.reader), repr(self.sensitive), self.index_digest, self.shard_mb)
        return digest([FORMAT, scorers, settings])

    @property
    def gates(self) -> tuple[tuple[str, ...], ...]:
        """Lists of patterns, in the order of a scan's bits; those of declining have a scan of their own."""
        return ((), *(() if s.gates == DECLINED else tuple(s.gates) for s in self.scorers))

    def folder(self, shard: Shard, step: str = "first") -> Path:
        """Where the results of a step on a shard stand once they are whole."""
        return Path(self.work) / step / f"{shard.source.number:05d}-{shard.start:014d}-{shard.end:014d}"


class Scan:
    """A search for lists of gates: a few automata, because patterns with gaps multiply when they share one.

    Raises:
        ValueError: a pattern that RE2 does not take.
    """

    def __init__(self, gates: Sequence[Sequence[str]]) -> None:
        every = [(1 << number, pattern) for number, patterns in enumerate(gates) for pattern in patterns]
        self._sets = [_automaton(part) for part in _parts(every)]
        self._matches = [(one._set.Match, owners) for one, owners in self._sets]  # without a wrapper that costs a tenth

    def checked(self) -> None:
        """Once a batch: an automaton that has run out of memory finds nothing, and must never read as a clean row.

        Raises:
            RuntimeError: the canary was not found.
        """
        for one, _ in self._sets:
            if not one.Match(CANARY):
                raise RuntimeError("the scan for the rules' gates ran out of memory, so its rows were not read")

    def __call__(self, texts: Sequence[bytes]) -> list[int]:
        """For each text a bit for each list of gates of which one is found.

        One automaton after another over all texts, so that its states stay in the processor's cache.
        """
        bits = [0] * len(texts)
        for match, owners in self._matches:
            for at, found in enumerate(map(match, texts)):
                if found:
                    for number in found:
                        bits[at] |= owners[number]
        return bits


Gate = tuple[int, str]


def _parts(every: Sequence[Gate]) -> Iterator[list[Gate]]:
    """Short lists of gates together, then one list after another, a long one in several parts."""
    short: list[Gate] = []
    for _, group in groupby(every, key=lambda gate: gate[0]):
        own = list(group)
        size = sum(len(pattern) for _, pattern in own)
        if size <= SHORT:
            short.extend(own)
            continue
        each = -(-len(own) // -(-size // LONG))
        yield from (own[at : at + each] for at in range(0, len(own), each))
    if short:
        yield short


def _automaton(gates: Sequence[Gate]) -> tuple["re2.Set", list[int]]:
    """What finds some gates, and the bit of each; the canary's is 0."""
    options = re2.Options()
    options.max_mem = MEMORY
    options.log_errors = False
    made = re2.Set.SearchSet(options)
    for _, pattern in (CANARY_GATE, *gates):
        try:
            made.Add(pattern)
        except re2.error as error:
            raise ValueError(f"gate {pattern!r}: {error}") from None
    made.Compile()
    return made, [bit for bit, _ in (CANARY_GATE, *gates)]


SENSITIVE, SCORER = 1, 1
"""Bit that sensitive words in a prompt set, and the place of the first scorer's bit."""
