"""The search on a model in memory: one share for all layers, shares per layer, other methods (house method)."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from tuneward.checkpoint.layer import Fate, Mixed
from tuneward.repair.curves import Curves
from tuneward.repair.kind import Searchable
from tuneward.repair.knapsack import Shares, Slopes, aim_of, per_layer
from tuneward.repair.live import Live, word_of
from tuneward.repair.points import TUNED_END, Found, Limits, Point, Setting
from tuneward.repair.search import GRID, Way, along, escalate
from tuneward.repair.slopes import mixed, words_of

COARSE = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Shares that are measured of methods after the first, each of which costs more than a scaling."""


@dataclass(frozen=True)
class Bench:
    """A model in memory, how it is measured, and what it must meet."""

    live: Live
    curves: Curves
    limits: Limits
    ways: Mapping[str, Searchable]
    """Word → method; the first is searched first, and shares per layer are sought from its best."""
    per_layer: bool = True
    candidates: int = 3
    said: Callable[[Point], None] = lambda _: None
    """Told of every point as it is measured."""

    def search(self, *, next_command: str = "") -> Found:
        """The least change that meets both limits; the model is afterwards the tuned one again."""
        tuned, base = self.curves.tuned_end, self.curves.base_end
        try:
            return escalate(self._stages(tuned, base), self.limits, tuned=tuned, base=base, next_command=next_command)
        finally:
            self.live.back()

    def fates(self, setting: Setting) -> Iterator[tuple[str, Fate]]:
        """What becomes of each weight under a setting that was found: for a writer, or for `Live.set`."""
        if setting.method == TUNED_END:
            return
        if setting.shares:
            for layer in self.live.pair:
                yield layer.name, Mixed(setting.shares.get(word_of(layer), 1.0))
            return
        yield from self.ways[setting.method].at(setting.keep)(self.live.pair)

    def _stages(self, tuned: Point, base: Point) -> Iterator[Way]:
        before: list[Found] = []
        for number, (word, method) in enumerate(self.ways.items()):
            yield partial(self._along, word, method, tuned=tuned, before=before)
            if number == 0 and self.per_layer:
                yield partial(self._per_layer, word, before, tuned=tuned, base=base)

    def _along(self, word: str, method: Searchable, *, tuned: Point, before: list[Found]) -> Found:
        def measure(keep: float) -> Point:
            self.live.set(method.at(keep)(self.live.pair))
            return self._point(Setting(word, keep))

        grid = COARSE if before else GRID
        found = along(measure, self.limits, tuned=tuned, most=self.candidates, grid=grid)
        before.append(found)
        return found

    def _per_layer(self, word: str, before: list[Found], *, tuned: Point, base: Point) -> Found:
        words = words_of(self.live)
        aim = aim_of(before[0], self.limits, tuned=tuned, base=base)
        near = min(before[0].points, key=lambda point: aim.miss(point, aim.risk))

        def measure(shares: Shares) -> Point:
            self.live.set(mixed(self.live, shares))
            mean = sum(shares.values()) / len(shares)
            return self._point(Setting(word, mean, dict(shares)))

        def slope(shares: Shares) -> Slopes:
            self.live.set(mixed(self.live, shares))
            return self.curves.look.kept.slopes(self.live, self.curves.split)

        start = dict.fromkeys(words, near.setting.keep)
        return per_layer(measure, slope, start=start, aim=aim, most=self.candidates)

    def _point(self, setting: Setting) -> Point:
        point = self.curves.measure(self.live.named(), setting)
        self.said(point)
        return point
