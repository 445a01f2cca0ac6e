"""A search on two loaded models: what is asked, which ways are tried in which order, and what confirms a candidate.

Beginnings of replies choose, to prompts for development, asked plainly and as the rows themselves ask; whole replies
confirm, to prompts that nothing was chosen on. House method.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tuneward.ask import Progress, Store
from tuneward.chat import Chat
from tuneward.checkpoint.layer import Fate, Pair
from tuneward.model.engine import Engine
from tuneward.model.load import Place
from tuneward.repair.arms import Arms, apart, in_order, sides
from tuneward.repair.asked import Desk, ears_of
from tuneward.repair.confirm import Confirmation, confirm, exam_of
from tuneward.repair.curves import REQUESTS, TWINS, Look, Most, curves_of, drawn, split_of
from tuneward.repair.kept import FOLDER as READINGS
from tuneward.repair.kept import NOWHERE, Kept
from tuneward.repair.kind import Repair, Searchable
from tuneward.repair.live import Live, live_of
from tuneward.repair.options import RepairOptions
from tuneward.repair.points import Found, Limits, Point, Setting
from tuneward.repair.safe_delta import SafeDelta, fates, safety_prompts
from tuneward.repair.stages import Bench
from tuneward.repair.wise_ft import WiseFT
from tuneward.repair.words import words
from tuneward.rows import read_rows
from tuneward.rows.contexts import Context, contexts
from tuneward.suites import suites_named
from tuneward.text import percent
from tuneward.uses import certifies, record, use_of, uses

IN_CONTEXT = 32
"""Requests, and as many look-alikes, that are also asked in each of the rows' own contexts."""
REPLIES = "replies"
REST = "rest"
PROMPTS = 32
"""Safety prompts of Safe Delta in a search, where each strength reads them three times."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Searched:
    """What was found, and what confirmed it."""

    method: Repair | None
    """None where nothing is to be written."""
    found: Found
    limits: Limits
    confirmations: tuple[Confirmation, ...] = ()
    """Of the candidates, in turn; the last one is that of the method."""

    @property
    def confirmed(self) -> bool:
        """Whether the method's candidate passed."""
        return bool(self.confirmations) and self.confirmations[-1].outcome == "pass"

    @property
    def kept(self) -> tuple[float, float, float] | None:
        """Share of the task's gain, with its interval."""
        kept = self.found.point.kept if self.found.point else None
        return (kept.value, kept.low, kept.high) if kept else None

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader must know."""
        return (*self.found.remarks, *(f"candidate {n}: {one.why}" for n, one in enumerate(self.confirmations, 1)))


def searched(
    arms: Arms,
    method: Repair | None,
    *,
    options: RepairOptions,
    say: Say,
    watch: Callable[[str], Progress],
) -> Searched:
    """Search one method's strength, or escalate from one share over shares per layer to Safe Delta.

    Raises:
        ValueError: a method without a strength, rows without a gain, or arms that read other tokens.
    """
    limits = Limits(options.keep, options.lost)
    apart(options.select, options.confirm)
    live = live_of(arms.pair, tuned=arms.tuned, base=arms.base, place=Place(options.device, options.dtype))
    desk, kept = places(options)
    if not options.unchecked:
        say(in_order(live.base, live.engine, options.select, desk=desk))
    rows = list(read_rows(str(options.rows)))
    requests, twins = asked(options.select, rows, seed=options.seed)
    most = Most(length=options.max_length, seed=options.seed)
    split = split_of(live, asked=(requests, twins), rows=rows, most=most, kept=kept)
    say(f"search   {len(split.requests)} requests, {len(split.twins)} look-alikes, {len(split.rows)} rows of the task")
    look = Look(split, ears_of(requests, twins, desk=desk), kept)
    curves = curves_of(base=live.base, tuned=live.engine, look=look, seed=options.seed)
    shown, tried = watch("settings"), itertools.count(1)

    def said(point: Point) -> None:
        shown(n := next(tried), n)
        say(f"search   {told(point)}")

    ways = ways_of(method, live, whole=options.whole)
    bench = Bench(live, curves, limits, ways, method is None, options.candidates, said)
    found = bench.search(next_command=further(options))
    say(f"search   {found.outcome}{': ' + told(found.point) if found.point else ''}")
    if found.outcome != "found":
        return Searched(None, found, limits)
    return _confirmed(bench, found, options, say)


def places(options: RepairOptions) -> tuple[Desk, Kept]:
    """Where replies and readings are kept, so that a search that was killed goes on."""
    if options.no_cache:
        return Desk(seed=options.seed), NOWHERE
    cache = Path(options.cache_dir).expanduser()
    return Desk(store=Store(cache / REPLIES), seed=options.seed), Kept(cache / READINGS)


@dataclass(frozen=True)
class OnLoaded:
    """Safe Delta that reads its prompts through a base that is loaded already."""

    by: SafeDelta
    live: Live
    prompts: list[tuple[int, ...]]

    def at(self, keep: float) -> "OnLoaded":
        """With its strength set."""
        return replace(self, by=self.by.at(keep))

    def __call__(self, pair: Pair, /) -> Iterator[tuple[str, Fate]]:
        """What becomes of the weights; the model is the tuned one while the base is read."""
        if self.by.strength in (0.0, math.inf):
            return self.by(pair)
        self.live.back()
        return fates(pair, by=self.by, engine=self.live.base, prompts=self.prompts)


def ways_of(method: Repair | None, live: Live, *, whole: bool) -> dict[str, Searchable]:
    """Word → method to search, in the order in which they are tried."""
    if method is not None:
        if not isinstance(method, Searchable):
            raise ValueError(f"{words(method)}: has no single strength to search; leave --search out, or name wise-ft")
        return {words(method).split()[0]: _loaded(method, live)}
    first: dict[str, Searchable] = {"wise-ft": WiseFT()}
    if live.pair.adapter is None or whole:
        first["safe-delta"] = _loaded(SafeDelta(prompts=PROMPTS), live)
    return first


def _loaded(method: Searchable, live: Live) -> Searchable:
    if not isinstance(method, SafeDelta):
        return method
    return OnLoaded(method, live, safety_prompts(live.base, by=method))


def method_of(setting: Setting, bench: Bench) -> Repair:
    """The repair that a setting stands for, as it would be typed."""
    if setting.shares:
        named = {None if word == REST else int(word.rpartition(" ")[2]): s for word, s in setting.shares.items()}
        return WiseFT.of(named)
    way = bench.ways[setting.method].at(setting.keep)
    return way.by if isinstance(way, OnLoaded) else way


def asked(names: Sequence[str], rows: Sequence[Chat], *, seed: int) -> tuple[list[Chat], list[Chat]]:
    """Requests and look-alikes, plainly and in the rows' own contexts."""
    around = contexts(rows)
    found: list[list[Chat]] = []
    for chats, count in zip(sides(names), (REQUESTS, TWINS), strict=True):
        found.append([*drawn(chats, count=count, seed=seed), *within(chats, around, seed=seed)])
    return found[0], found[1]


def within(chats: Sequence[Chat], around: Sequence[Context], *, seed: int = 0) -> list[Chat]:
    """Some of them in each context, under names of their own."""
    return [
        replace(context.around(chat), id=f"{chat.id} {context.name}")
        for context in around
        for chat in drawn(chats, count=IN_CONTEXT, seed=seed)
    ]


def _confirmed(bench: Bench, found: Found, options: RepairOptions, say: Say) -> Searched:
    """The first candidate that passes; else the first of which nothing was decided; else none."""
    exam = exam_of(
        bench.live.base,
        suites_named(options.confirm),
        margin=options.margin,
        candidates=len(found.candidates),
        desk=places(options)[0],
    )
    said: list[Confirmation] = []
    for point in found.candidates:
        bench.live.set(bench.fates(point.setting))
        candidate = bench.live.named()
        _used(bench.live.base, candidate, options)
        said.append(confirm(exam, candidate))
        say(f"confirm  {point.setting.words}: {said[-1].outcome}, {said[-1].why}")
        if said[-1].outcome == "pass":
            return Searched(method_of(point.setting, bench), replace(found, point=point), bench.limits, tuple(said))
    undecided = next((n for n, one in enumerate(said) if one.outcome == "inconclusive"), None)
    if undecided is None:
        failed = replace(found, outcome="not met", next_command=further(options))
        return Searched(None, failed, bench.limits, tuple(said))
    point = found.candidates[undecided]
    ordered = [*said[:undecided], *said[undecided + 1 :], said[undecided]]
    return Searched(method_of(point.setting, bench), replace(found, point=point), bench.limits, tuple(ordered))


def _used(base: Engine, candidate: Engine, options: RepairOptions) -> None:
    """Put down that the certifying set was asked of a candidate, unless nothing is to be kept."""
    if options.no_cache or not any(map(certifies, suites_named(options.confirm))):
        return
    cache, info = Path(options.cache_dir).expanduser(), candidate.info
    record(cache, use_of(f"candidate {info.weights}", base=base.info, tuned=info), found=uses(cache))


def further(options: RepairOptions) -> str:
    """Where repairing is not enough: train again with what holds refusals while the task is learnt."""
    name = Path(options.tuned).name
    return f"tuneward tune {options.base or 'BASE'} {options.rows} --out {name}-again mix --fraction .04 anchor"


def told(point: Point) -> str:
    """A point in words."""
    return (
        f"{point.setting.words}: refusals lost {percent(point.lost.value)}, look-alikes refused now "
        f"{percent(point.gained.value)}, task gain kept {percent(point.kept.value)}"
    )
