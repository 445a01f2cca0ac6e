"""Every repair and blend on benign-tuned children of the aligned SmolLM2, in runs that can be cut and gone on with.

    python bench/repair/aligned.py run --model ALIGNED --tuned CHILD … --rows ROWS.jsonl --data dolly.json --out WORK
        [--unaligned SMOLLM2] [--safe CHILD] [--limit 20] [--arms …]
    python bench/repair/aligned.py list
    python bench/repair/aligned_table.py WORK

CHILD is a folder that bench/tune/aligned.py left (…/tuned), ROWS the rows that it learnt, DATA what these were taken
from: the next rows of at most 192 tokens are the task's, 200 to report, then 128 to search on. Requests to search on
are those of `policy-dev` and `twins-dev`; what is reported are `policy`, `twins` and `utility`, asked and scored as the
audit does. Each arm is one pass of answers; WORK/runs/CHILD/ARM.json holds every prompt's outcome and is not made
again. With --unaligned, methods that need the model before alignment; with --safe also SafeMERGE.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from beside import tuning
from transformers.utils import logging
from ways import UNALIGNED, Arm, Subject, aligned, blend, grid, nats, put, repaired, safe_delta, search, selected, tuned

from tuneward.ask import Store, ask, batch_size, plan, unseen
from tuneward.audit.options import AuditOptions
from tuneward.audit.questions import Asked, gather
from tuneward.audit.scoring import score_replies
from tuneward.blend.gate import Gated
from tuneward.blend.guard import FirstTokens
from tuneward.blend.log_mix import LogMix
from tuneward.chat import Chat
from tuneward.checkpoint.layer import Layer
from tuneward.checkpoint.pair import PairOf, further, pair_of
from tuneward.model.engine import Engine
from tuneward.model.load import Place
from tuneward.model.spec import parse
from tuneward.record import digest, to_json, write_atomic
from tuneward.repair.alignment import Projector
from tuneward.repair.asked import Desk, ears_of
from tuneward.repair.curves import Curves, Look, Most, curves_of, split_of, text_of
from tuneward.repair.kept import Kept
from tuneward.repair.live import Live, live_of
from tuneward.repair.options import RepairOptions
from tuneward.repair.points import Limits
from tuneward.repair.reading import Text
from tuneward.repair.resta import Resta
from tuneward.repair.safe_delta import SafeDelta, safety_prompts
from tuneward.repair.safe_lora import SafeLora
from tuneward.repair.safe_merge import SafeMerge
from tuneward.repair.searching import PROMPTS, asked
from tuneward.repair.soup import Soup
from tuneward.repair.task_arithmetic import TaskArithmetic
from tuneward.rows import parse_columns, read_rows
from tuneward.tune.job import Lesson, Rendering
from tuneward.tune.sequences import Reader

tuner = tuning("aligned")
VERSION = 1
"""Of what is measured: part of every key."""
SELECT = 128
"""Rows that searches read."""
SAFE, SOUP = "safe", "soup"
"""A safety-tuned child; more children than one."""
Found = dict[str, Any]


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


def moved(method: Any) -> Callable[[Child], Subject]:
    """By a method that moves weights no adapter can hold."""
    return lambda child: put(child, method(child)(child.flat))


def soup(child: Child) -> Soup:
    """With the next child, which has another seed."""
    others = child.options.tuned
    return Soup((str(others[(others.index(child.folder) + 1) % len(others)]),))


def lora(threshold: float, projector: Projector) -> Callable[[Child], Subject]:
    """Safe LoRA."""
    return repaired(lambda child: SafeLora(str(child.options.unaligned), threshold=threshold, projector=projector))


def merge(share: float, projector: Projector) -> Callable[[Child], Subject]:
    """SafeMERGE, at the threshold of its paper where the projector is that of its paper."""
    threshold = 0.35 if projector == "published" else 0.5

    def method(child: Child) -> SafeMerge:
        before, safe = str(child.options.unaligned), str(child.options.safe)
        return SafeMerge(before, safe, threshold=threshold, share=share, projector=projector)

    return repaired(method)


def added(kind: type[TaskArithmetic] | type[Resta], strength: float) -> Callable[[Child], Subject]:
    """Alignment once more."""
    return moved(lambda child: kind(str(child.options.unaligned), strength))


PROJECTORS: tuple[Projector, ...] = ("rank", "published")
ARMS: Mapping[str, Arm] = MappingProxyType(
    {
        "aligned": Arm("aligned", None, aligned),
        "tuned": Arm("tuned", None, tuned),
        "search": Arm("search", None, search(["wise-ft"], per_layer=True)),
        "search one share": Arm("search one share", None, search(["wise-ft"])),
        **{
            f"{name} lost .05": Arm(f"{name} lost .05", None, search(["wise-ft"], per_layer=layers, limits=limits))
            for name, layers, limits in (
                ("search", True, Limits(0.75, 0.05)),
                ("search one share", False, Limits(0.0, 0.05)),
            )
        },
        **dict(grid()),
        **{f"log-mix {w:g}": Arm("log-mix", w, blend(LogMix(w))) for w in (0.8, 0.6, 0.5, 0.3)},
        **{f"first-tokens {m}": Arm("first-tokens", -m, blend(FirstTokens(first=m))) for m in (2, 5)},
        **{f"gated {t:g}": Arm("gated", t, blend(Gated(t))) for t in (0.9, 0.5)},
        "search safe-delta": Arm("search safe-delta", None, search(["safe-delta"])),
        **{f"safe-delta {keep:g}": Arm("safe-delta", keep, safe_delta(keep)) for keep in (0.7, 0.6, 0.5, 0.4)},
        "soup": Arm("soup", None, repaired(soup), SOUP),
        **{
            f"safe-lora {kind} {t:g}": Arm(f"safe-lora {kind}", -t, lora(t, kind), UNALIGNED)
            for kind in PROJECTORS
            for t in (0.3, 0.5, 0.7)
        },
        **{
            f"safe-merge {kind} {share:g}": Arm(f"safe-merge {kind}", share, merge(share, kind), SAFE)
            for kind in PROJECTORS
            for share in (0.8, 0.5)
        },
        **{
            f"task-arithmetic {s:g}": Arm("task-arithmetic", -s, added(TaskArithmetic, s), UNALIGNED)
            for s in (0.1, 0.25, 0.5)
        },
        **{f"resta {s:g}": Arm("resta", -s, added(Resta, s), UNALIGNED) for s in (0.1, 0.25, 0.5)},
    }
)
"""The search comes early: it and the grid are what the bench is for. `search` is the verb's own, on an adapter; with
.05 lost, three quarters of the gain are asked for, or of one share whatever it keeps."""


def measured(child: Child, subject: Subject) -> Found:
    """Every prompt's outcome on every axis (0 good, 1 bad, None not told), and the loss on every row of the task."""
    engine, questions = subject.engine, child.asked.plain
    size = child.options.batch or batch_size([child.live.base, child.live.engine], questions)
    store = Store(child.options.out / "replies")
    replies = ask(engine, plan(engine, questions, size=size), arm="tuned", store=store, progress=unseen)
    outcomes: dict[str, dict[str, int | None]] = {}
    for row in score_replies(replies, child.asked):
        value = None if row.score.value is None else int(row.score.value >= 0.5)
        outcomes.setdefault(row.axis, {})[f"{row.suite}/{row.id}"] = value
    guided = [reply.guided for reply in replies if reply.guided is not None]
    found: Found = {"outcomes": outcomes, "nll": nats(subject.losses(child.report), child.report)}
    return {**found, **({"guided": [sum(one) for one in zip(*guided, strict=True)]} if guided else {})}


def one(child: Child, arm: Arm) -> Found:
    """Repair and measure; what a method refuses is an outcome as well."""
    begun = time.perf_counter()
    curves = child.curves  # read before anything is set: reading them puts the tuned model back
    try:
        subject = arm.make(child)
    except ValueError as error:
        return {"refused": str(error)}
    took = round(time.perf_counter() - begun, 1)
    found = {**subject.told, "made_s": took, "select": selected(curves, subject), **measured(child, subject)}
    child.live.back()
    return {**found, "all_s": round(time.perf_counter() - begun, 1)}


def possible(arm: Arm, options: argparse.Namespace) -> bool:
    """Whether what it needs was given."""
    if arm.needs == SOUP:
        return len(options.tuned) > 1
    return not arm.needs or (options.unaligned is not None and (arm.needs != SAFE or options.safe is not None))


def run(options: argparse.Namespace) -> None:
    """What is not there yet, child by child."""
    wanted = {name: ARMS[name] for name in options.arms or ARMS if possible(ARMS[name], options)}
    for folder in options.tuned:
        child = Child(folder, options)
        for name, arm in wanted.items():
            path = options.out / "runs" / child.name / f"{name.replace(' ', '-')}.json"
            key = digest([VERSION, name, child.name, options.held, options.select, options.limit, str(options.data)])
            if path.is_file() and json.loads(path.read_text())["key"] == key:
                continue
            told = {"child": child.name, "arm": name, "family": arm.family, "tuning": arm.tuning, "key": key}
            told |= one(child, arm)
            write_atomic(path, to_json(told))
            print(f"{child.name} · {name}: {told.get('refused') or told['all_s']}", flush=True)
        prompts(child, options.out)


def prompts(child: Child, out: Path) -> None:
    """Family and category of every prompt that was asked, for intervals over families."""
    found = {
        f"{question.suite}/{question.chat.id}": [question.chat.family, question.chat.meta.get("category", "")]
        for question in child.asked.plain
    }
    write_atomic(out / "prompts.json", to_json(found))


def main() -> None:
    """Read the words, do the step."""
    logging.disable_progress_bar()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("run", "list"))
    parser.add_argument("--model", type=Path, help="the aligned model")
    parser.add_argument("--tuned", type=Path, nargs="+", default=[])
    parser.add_argument("--rows", type=Path, help="rows that were learnt")
    parser.add_argument("--data", type=Path, help="what these were taken from")
    parser.add_argument("--columns", default="")
    parser.add_argument("--unaligned", type=Path, help="the model before alignment")
    parser.add_argument("--safe", type=Path, help="a child tuned on safety rows")
    parser.add_argument("--out", type=Path, default=Path("build/repair-aligned"))
    parser.add_argument("--arms", nargs="*", choices=list(ARMS), default=[])
    parser.add_argument("--held", type=int, default=tuner.HELD, help="rows to report")
    parser.add_argument("--select", type=int, default=SELECT, help="rows to search on")
    parser.add_argument("--limit", type=int, default=0, help="families of each suite, for a try")
    parser.add_argument("--batch", type=int, default=0, help="prompts asked together; from free memory unless given")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    if options.step == "list":
        print("\n".join(ARMS))
        return
    if not (options.model and options.tuned and options.rows and options.data):
        parser.error("run needs --model, --tuned, --rows and --data")
    run(options)


if __name__ == "__main__":
    main()
