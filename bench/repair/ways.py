"""Ways to repair a tuned model that is in memory, whichever bench it belongs to: fixed strengths, searches, blends."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import blended
import numpy as np

from tuneward.blend.guide import guided
from tuneward.checkpoint.layer import Fate
from tuneward.checkpoint.pair import PairOf
from tuneward.model.engine import Engine
from tuneward.repair.curves import Curves
from tuneward.repair.kind import Searchable
from tuneward.repair.live import Live
from tuneward.repair.points import Found, Limits
from tuneward.repair.reading import Floats, Reading, Split, Text, read
from tuneward.repair.safe_delta import SafeDelta
from tuneward.repair.searching import OnLoaded
from tuneward.repair.stages import Bench
from tuneward.repair.wise_ft import WiseFT

UNALIGNED = "unaligned"
DEFAULT = Limits()
Told = dict[str, Any]


class Bed(Protocol):
    """A tuned model and its base in memory."""

    @property
    def pair(self) -> PairOf:
        """On disk."""
        ...

    @property
    def live(self) -> Live:
        """In memory."""
        ...

    @property
    def prompts(self) -> list[tuple[int, ...]]:
        """Refused requests with their refusals in ids, for Safe Delta."""
        ...

    def gain(self) -> Curves:
        """What a search reads.

        Raises:
            ValueError: there is no gain on the task to keep.
        """
        ...


@dataclass(frozen=True)
class Subject:
    """A repaired model: what answers, and how it is read without answering."""

    engine: Engine
    read: Callable[[Split], Reading]
    losses: Callable[[Sequence[Text]], Floats]
    told: Told = field(default_factory=dict)


@dataclass(frozen=True)
class Arm:
    """One way."""

    family: str
    """Arms of one family differ in strength."""
    tuning: float | None
    """Orders a family: more of the tuning stays where it is larger. None has no strength."""
    make: Callable[[Any], Subject]
    needs: str = ""
    """UNALIGNED: a checkpoint before alignment."""


def plain(engine: Engine, told: Told | None = None) -> Subject:
    """A model by itself."""

    def losses(texts: Sequence[Text]) -> Floats:
        gap: Any = None  # nothing is asked, so no gap is read
        return read(engine, Split((), (), tuple(texts), gap)).losses

    return Subject(engine, lambda split: read(engine, split), losses, told or {})


def tuned(bed: Bed) -> Subject:
    """As it was tuned."""
    bed.live.back()
    return plain(bed.live.engine)


def aligned(bed: Bed) -> Subject:
    """As it was before."""
    return plain(bed.live.base)


def repaired(method: Callable[[Any], Any]) -> Callable[[Any], Subject]:
    """By what a method gives."""
    return lambda bed: put(bed, method(bed)(bed.pair))


def put(bed: Bed, given: Mapping[str, Fate] | Iterable[tuple[str, Fate]], told: Told | None = None) -> Subject:
    """The tuned model with these weights."""
    fates = dict(given)
    bed.live.set(fates)
    return plain(bed.live.named(), {"weights": len(fates), **(told or {})})


def safe_delta(keep: float) -> Callable[[Any], Subject]:
    """At a strength."""
    return lambda bed: put(bed, delta(bed).at(keep)(bed.pair))


def delta(bed: Bed) -> Searchable:
    """Safe Delta on the prompts that a repair may look at."""
    return OnLoaded(SafeDelta(), bed.live, bed.prompts)


def blend(method: Any) -> Callable[[Any], Subject]:
    """The tuned model guided by the aligned one."""

    def make(bed: Bed) -> Subject:
        bed.live.back()
        ours, base = bed.live.engine, bed.live.base
        return Subject(
            guided(ours, base, blend=method),
            lambda split: blended.read(ours, base, method, split),
            lambda texts: blended.losses(ours, base, method, texts),
        )

    return make


def search(words: Sequence[str], *, per_layer: bool = False, limits: Limits = DEFAULT) -> Callable[[Any], Subject]:
    """As the verb searches: these methods in turn, shares per layer after the first; without its confirmation."""

    def make(bed: Bed) -> Subject:
        known: dict[str, Callable[[], Searchable]] = {"wise-ft": WiseFT, "safe-delta": lambda: delta(bed)}
        bench = Bench(bed.live, bed.gain(), limits, {word: known[word]() for word in words}, per_layer)
        found = bench.search()
        setting = found.setting
        if setting is None or setting.method == "base":
            return put(bed, WiseFT(0.0)(bed.pair), {"search": came_to(found)})
        return put(bed, bench.fates(setting), {"search": came_to(found)})

    return make


def came_to(result: Found) -> Told:
    """What a search came to, for a line."""
    told: Told = {"outcome": result.outcome, "measured": len(result.points), "remarks": list(result.remarks)}
    if result.point is not None:
        setting = result.point.setting
        told |= {"method": setting.method, "keep": round(setting.keep, 4), "shares": dict(setting.shares)}
        told |= {"lost": round(result.point.lost.value, 4), "kept": round(result.point.kept.value, 4)}
    return told


def nats(losses: Floats, texts: Sequence[Text]) -> list[tuple[float, int]]:
    """Nats and tokens of each answer."""
    return [(round(float(loss), 5), len(answer)) for loss, (_, answer) in zip(np.asarray(losses), texts, strict=True)]


def selected(curves: Curves, subject: Subject) -> Told:
    """What first tokens and losses of the selection half say; `kept` means nothing where tuning gained nothing."""
    reading, gain = subject.read(curves.split), curves.gain
    base, after = curves.base.reading, float(curves.tuned.reading.losses.sum())
    before = float(base.losses.sum())
    return {
        "lost": [int(((base.requests > 0) & (reading.requests <= 0)).sum()), len(reading.requests)],
        "gained": [int(((base.twins <= 0) & (reading.twins > 0)).sum()), len(reading.twins)],
        "kept": round((before - float(reading.losses.sum())) / (before - after), 5) if before != after else None,
        "gain": [round(one, 6) for one in (gain.value, gain.low, gain.high)],
    }


def grid() -> Iterator[tuple[str, Arm]]:
    """The published grid of shares, without its ends."""
    for n in range(9, 0, -1):
        yield f"wise-ft {n / 10:g}", Arm("wise-ft", n / 10, repaired(lambda _, n=n: WiseFT(n / 10)))
