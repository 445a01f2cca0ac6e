"""What a pass must know, the same on every machine: the settings, the scorers, and where the shards' results stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import re2

from tuneward.record import digest
from tuneward.scorers.declined import GATES as DECLINED
from tuneward.scorers.sensitive import Sensitive
from tuneward.scorers.sighting import RowScorer
from tuneward.screen.parsing import Reader
from tuneward.screen.sources import Shard

CANARY = b"tuneward canary: this line must be found"
MEMORY = 256 << 20
"""Bytes for the scan's automaton; RE2 says nothing of rows it gave up on, hence the canary."""
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
    def gates(self) -> Sequence[tuple[str, ...]]:
        """Lists of patterns, in the order of a scan's bits; those of declining have a scan of their own."""
        return (tuple(self.sensitive.gates), *(() if s.gates == DECLINED else tuple(s.gates) for s in self.scorers))

    def folder(self, shard: Shard, step: str = "first") -> Path:
        """Where the results of a step on a shard stand once they are whole."""
        return Path(self.work) / step / f"{shard.source.number:05d}-{shard.start:014d}-{shard.end:014d}"


class Scan:
    """One search for the gates of all scorers at once.

    Raises:
        ValueError: a pattern that RE2 does not take.
    """

    def __init__(self, gates: Sequence[Sequence[str]]) -> None:
        options = re2.Options()
        options.max_mem = MEMORY
        options.log_errors = False
        self._set = re2.Set.SearchSet(options)
        self._bit = []
        for number, patterns in enumerate([[CANARY.decode()], *gates]):
            for pattern in patterns:
                try:
                    self._set.Add(pattern)
                except re2.error as error:
                    raise ValueError(f"gate {pattern!r}: {error}") from None
                self._bit.append(1 << number)
        self._set.Compile()
        self.checked()

    def checked(self) -> None:
        """Once a batch: an automaton that has run out of memory finds nothing, and must never read as a clean row.

        Raises:
            RuntimeError: the canary was not found.
        """
        if not self(CANARY) & 1:
            raise RuntimeError("the scan for the rules' gates ran out of memory, so its rows were not read")

    def __call__(self, text: bytes) -> int:
        """Bits of the lists of gates that match; bit 0 is the canary's."""
        found = self._set.Match(text)
        if not found:
            return 0
        bits = 0
        for number in found:
            bits |= self._bit[number]
        return bits


SENSITIVE, SCORER = 1 << 1, 2
"""Bits of a scan: sensitive words, and the place of the first scorer's bit; bit 0 is the canary's."""
