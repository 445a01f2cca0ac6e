"""What a search read of models, kept by what decides it: a search that was killed goes on where it was (house method).

A reading is named by the digest of who was read (weights as they are now, precision, libraries) and of every id that
was read. Nothing that is kept holds a word of a prompt or a reply.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np

from tuneward.chat import Chat
from tuneward.model.engine import Engine
from tuneward.probes.gap import Gap, gap_of
from tuneward.record import digest, read_json, to_json, write_atomic
from tuneward.repair.knapsack import Slopes
from tuneward.repair.live import Live
from tuneward.repair.reading import Reading, Split, read
from tuneward.repair.slopes import slopes

FOLDER = "readings"
"""In the cache."""
VERSION = 1
"""Of how models are read: part of every key."""
PARTS = ("requests", "twins", "losses")
"""Of a reading."""
Values = Mapping[str, tuple[float, ...]]


@dataclass(frozen=True)
class ReadingFile:
    """What a kept reading's file holds."""

    key: str
    values: Values
    """Numbers of a reading by their names; of slopes by layer, risk and task; of a gap its tokens."""
    schema: str = "tuneward/reading/1"


@dataclass(frozen=True)
class Kept:
    """A folder of readings, or none."""

    folder: Path | None = None

    def reading(self, engine: Engine, split: Split) -> Reading:
        """As `read`."""

        def made() -> Values:
            found = read(engine, split)
            return {name: tuple(getattr(found, name).tolist()) for name in PARTS}

        values = self._of(["reading", engine.key, _ids(split)], made)
        return Reading(*(np.array(values[name], dtype=np.float64) for name in PARTS))

    def slopes(self, live: Live, split: Split) -> Slopes:
        """As `slopes`; they are of a share of the tuning, so both ends decide them too."""

        def made() -> Values:
            found = slopes(live, split)
            return {word: (found.risk[word], found.task[word]) for word in found.risk}

        values = self._of(["slopes", live.base.key, live.named().key, _ids(split)], made)
        risk, task = ({word: pair[side] for word, pair in values.items()} for side in (0, 1))
        return Slopes(risk, task)

    def gap(self, base: Engine, chats: Sequence[Chat]) -> Gap:
        """As `gap_of`."""

        def made() -> Values:
            found = gap_of(base, chats)
            return {"refusing": tuple(map(float, found.refusing)), "complying": tuple(map(float, found.complying))}

        values = self._of(["gap", base.key, [base.ids(chat) for chat in chats]], made)
        return Gap(tuple(map(int, values["refusing"])), tuple(map(int, values["complying"])))

    def _of(self, what: Sequence[object], make: Callable[[], Values]) -> Values:
        if self.folder is None:
            return make()
        key = digest([VERSION, *what])
        path = self.folder / key[:2] / f"{key}.json"
        if path.is_file():
            found = read_json(path, ReadingFile)
            if found.key != key:
                raise ValueError(f"{path}: holds another reading than its name says; `tuneward cache clear` removes it")
            return found.values
        values = make()
        if all(map(isfinite, itertools.chain.from_iterable(values.values()))):  # JSON has no other numbers
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_atomic(path, to_json(ReadingFile(key, values)), mode=0o600)
        return values


NOWHERE = Kept()
"""Everything is read anew."""


def _ids(split: Split) -> list[object]:
    return [split.requests, split.twins, split.rows, split.gap.refusing, split.gap.complying]
