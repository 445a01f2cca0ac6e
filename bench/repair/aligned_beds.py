"""A benign-tuned child of the aligned SmolLM2, its base, and what is asked of both."""

import argparse
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from beside import tuning

from tuneward.ask import Store
from tuneward.audit.options import AuditOptions
from tuneward.audit.questions import Asked, gather
from tuneward.chat import Chat
from tuneward.checkpoint.layer import Layer
from tuneward.checkpoint.pair import PairOf, further, pair_of
from tuneward.model.engine import Engine
from tuneward.model.load import Place
from tuneward.model.spec import parse
from tuneward.repair.asked import Desk, ears_of
from tuneward.repair.curves import Curves, Look, Most, curves_of, split_of, text_of
from tuneward.repair.kept import Kept
from tuneward.repair.live import Live, live_of
from tuneward.repair.options import RepairOptions
from tuneward.repair.reading import Text
from tuneward.repair.safe_delta import SafeDelta, safety_prompts
from tuneward.repair.searching import PROMPTS, asked
from tuneward.rows import parse_columns, read_rows
from tuneward.tune.job import Lesson, Rendering
from tuneward.tune.sequences import Reader

tuner = tuning("aligned")


class Flat(PairOf):
    """An adapter's weights as if they were a whole model's: for methods that give weights no adapter can hold."""

    def layer(self, name: str) -> Layer:
        """Without its factors."""
        return replace(super().layer(name), factors=None)


@dataclass(frozen=True)
class Rows:
    """Held-out rows of the task."""

    report: tuple[Chat, ...]
    select: tuple[Chat, ...]


def held(engine: Engine, options: argparse.Namespace) -> Rows:
    """The rows behind those that were learnt, of the same length.

    Raises:
        ValueError: there are too few, or the data do not begin with the rows that were learnt.
    """
    reader = Reader(engine.tokenizer, engine.template, Rendering(), longest=tuner.LONGEST, long="drop")
    columns = parse_columns(options.columns) if options.columns else None
    learnt = {turns(chat) for chat in read_rows(str(options.rows))}
    wanted, free = options.held + options.select, list[Chat]()
    met = 0
    for chat in read_rows(options.data, columns=columns):
        if not reader.sequences(Lesson(chat), 0):
            continue
        if turns(chat) in learnt:
            met += 1
        elif met:
            free.append(chat)
        if len(free) == wanted:
            break
    if met < len(learnt) or len(free) < wanted:
        raise ValueError(
            f"{options.data}: holds {met} of the {len(learnt)} rows that were learnt and {len(free)} behind them; "
            f"expected all, and {wanted}"
        )
    return Rows(tuple(free[: options.held]), tuple(free[options.held :]))


def turns(chat: Chat) -> tuple[tuple[str, str], ...]:
    """What makes two rows the same."""
    return tuple((m.role, m.content) for m in chat.messages)


@dataclass(frozen=True, eq=False)
class Child:
    """A tuned model, its base, and what is asked of both."""

    folder: Path
    options: argparse.Namespace

    @property
    def name(self) -> str:
        """Of its run."""
        return self.folder.parent.name if self.folder.name == "tuned" else self.folder.name

    @cached_property
    def pair(self) -> PairOf:
        """On disk."""
        return pair_of(tuned=self.folder, base=self.options.model)

    @property
    def flat(self) -> PairOf:
        """The same without factors.

        Raises:
            ValueError: alignment changed weights that the adapter does not; they could not be moved in memory.
        """
        found = self.pair
        flat = Flat(found.base_whole, found.tuned_whole, found.adapter, found.tied)
        before = further(self.options.unaligned, like=found)
        for name in set(found.base_whole.names) - set(found.names):
            whole = slice(None)
            if not bool((found.base_whole.rows(name, whole) == before.rows(name, whole)).all()):
                raise ValueError(f"{name}: alignment changed it, the adapter does not; merge the child first")
        return flat

    @cached_property
    def live(self) -> Live:
        """In memory."""
        model, base = parse(str(self.folder)), parse(str(self.options.model))
        return live_of(self.pair, tuned=model, base=base, place=Place(self.options.device, "float32"))

    @cached_property
    def rows(self) -> Rows:
        """Of the task."""
        return held(self.live.base, self.options)

    @cached_property
    def look(self) -> Look:
        """What a search reads and asks."""
        self.live.back()
        most = Most(rows=self.options.select)
        split = split_of(self.live, asked=self._asked, rows=self.rows.select, most=most)
        desk = Desk(store=Store(self.options.out / "replies"))
        return Look(split, ears_of(*self._asked, desk=desk), Kept(self.options.out / "readings"))

    @property
    def _asked(self) -> tuple[list[Chat], list[Chat]]:
        requests, twins = asked(RepairOptions.select, list(read_rows(str(self.options.rows))), seed=0)
        most = self.options.limit or None
        return requests[:most], twins[:most]

    @cached_property
    def curves(self) -> Curves:
        """Both ends."""
        self.live.back()
        return Curves(self.look, self.look(self.live.base), self.look(self.live.engine))

    def gain(self) -> Curves:
        """The same for a search."""
        self.live.back()
        return curves_of(base=self.live.base, tuned=self.live.engine, look=self.look)

    @cached_property
    def prompts(self) -> list[tuple[int, ...]]:
        """As many as the verb's search uses."""
        return safety_prompts(self.live.base, by=SafeDelta(prompts=PROMPTS))

    @cached_property
    def report(self) -> tuple[Text, ...]:
        """The task's rows that no search reads."""
        found = [text_of(self.live.base, row) for row in self.rows.report]
        return tuple(text for text in found if text is not None)

    @cached_property
    def asked(self) -> Asked:
        """What the audit asks plainly."""
        settings = AuditOptions(
            tuned=str(self.folder),
            base=str(self.options.model),
            suites=tuner.SUITES,
            samples=0,
            limit=self.options.limit or None,
        )
        return gather(settings)
