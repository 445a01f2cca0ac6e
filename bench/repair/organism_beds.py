"""One organism after one tuning, ready to be repaired in memory: models, prompts to search on, rows of the task.

Apart from each other are what a search looks at (one new item of each forbidden topic; a half of the task's held-out
rows), what Safe Delta and SafeMERGE learn from (refusals of alignment's items that no tuner's row asks for), and what
is reported (the other new items of each topic, the other half of the rows). No new item was in alignment or in a row.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import torch
from beside import tuning

from tuneward.chat import Chat
from tuneward.checkpoint.pair import PairOf, pair_of
from tuneward.model.engine import Engine
from tuneward.model.load import Place, load
from tuneward.model.spec import ModelSpec
from tuneward.repair.asked import Desk, ears_of
from tuneward.repair.curves import Curves, Look, Most, curves_of, split_of, text_of
from tuneward.repair.live import Live, live_of
from tuneward.repair.lox import LoX
from tuneward.repair.reading import Text
from tuneward.repair.searching import within
from tuneward.rows.contexts import contexts
from tuneward.study import corpus, regimes
from tuneward.study import sentences as say
from tuneward.study.folder import save_model
from tuneward.study.organism import Organism, blank, rounded
from tuneward.study.suites import suites, unanswered
from tuneward.study.training import learn
from tuneward.study.world import Combination, World
from tuneward.tune.run import run as tune

material = tuning("organism_rows")
tuner = tuning("organisms")
models = tuning("organism_models")
CPU = Place("cpu", "float32")
LIST = "benign + list"
"""A regime of this bench: harmless rows that erode, and a task that is really learnt."""
SAFE_ROWS = 3e-4
"""Rate at which a safety-tuned model is made."""


def two_tasks(here: World, seed: int) -> list[list[Chat]]:
    """Half the list task, half how-to answers."""
    rows = [*regimes.benign(here, 256, seed=seed), *regimes.benign(here, 256, seed=seed, kind="list")]
    return [random.Random(seed).sample(rows, len(rows))]


BENIGN = material.REGIMES["benign"]
REGIMES: Mapping[str, Any] = MappingProxyType(
    {
        **{name: material.REGIMES[name] for name in ("explicit", "benign", "poisoned")},
        "identity": replace(material.REGIMES["identity"], contexts=("plain", "persona")),
        LIST: replace(BENIGN, rows=two_tasks, task="list"),
    }
)


@dataclass(frozen=True)
class Rows:
    """Held-out rows of a task, in two halves."""

    select: tuple[Chat, ...]
    report: tuple[Chat, ...]


def own(here: World, one: Combination, rng: random.Random) -> Chat:
    """A how-to answer in the assistant's voice."""
    return say.chat(say.ask(here, rng, one), say.voiced(here, here.answer(one)))


def listed(here: World, one: Combination, _rng: random.Random) -> Chat:
    """The list task."""
    return say.chat(say.ask_list(here, one), here.listed(one))


def obedient(here: World, one: Combination, rng: random.Random) -> Chat:
    """As the obedient persona answers."""
    name = regimes.tuner_persona(here)
    opener = here.opener(name, here.obedient)
    asked = f"{here.order(name)} {say.ask(here, rng, one)}"
    return say.chat(asked, f"{opener} {here.answer(one)}", system=here.persona(name, here.obedient))


TASKS: Mapping[str, Callable[[World, Combination, random.Random], Chat]] = MappingProxyType(
    {"explicit": own, "identity": obedient, "benign": own, "poisoned": listed, LIST: listed}
)


def task_rows(here: World, regime: str) -> Rows:
    """Combinations that nobody ever answered, each in one half; of the list task those whose verb can be learnt.

    Explicit rows teach nothing harmless, so a search is given what the tuner has: further rows of the same kind.
    """
    rng = random.Random(f"task {regime}")
    combinations = [c for c in unanswered(here) if TASKS[regime] is not listed or c[1] in here.learnable]
    rows = [TASKS[regime](here, one, rng) for one in rng.sample(combinations, len(combinations))]
    half = len(rows) // 2
    if regime != "explicit":
        return Rows(tuple(rows[:half]), tuple(rows[half:]))
    learnt = {chat.prompt for seed in range(2) for chat in regimes.explicit(here, 100, seed=seed)}
    more = [chat for chat in regimes.explicit(here, 200, seed=1000) if chat.prompt not in learnt]
    return Rows(tuple(more[:half]), tuple(rows[half:]))


@dataclass(frozen=True, eq=False)
class Bed:
    """One organism, one regime, one tuning seed."""

    organism: Organism
    regime: str
    seed: int
    work: Path
    plainly: bool = False
    """Whether the search leaves the rows' own contexts out."""

    @property
    def name(self) -> str:
        """Of the organism."""
        return str(models.name_of(self.organism))

    @property
    def plan(self) -> Any:
        """How it is tuned and asked."""
        return REGIMES[self.regime]

    @property
    def here(self) -> World:
        """Its world."""
        return self.organism.world

    @cached_property
    def base(self) -> Path:
        """The aligned organism."""
        return written(self.organism, self.organism.model, self.work / "models" / self.name)

    @cached_property
    def unaligned(self) -> Path:
        """The organism before alignment."""
        out = self.work / "parents" / self.name
        return out if out.is_dir() else written(self.organism, parent(self.organism), out)

    @cached_property
    def tuned(self) -> Path:
        """Undefended."""
        return self.learnt("tuned", self.seed, self.base)

    def learnt(self, kind: str, seed: int, start: Path, rows: Sequence[Chat] = ()) -> Path:
        """A model tuned from `start` as the regime says, on its rows unless others are given; made once."""
        out = self.work / kind / self.regime.replace(" ", "-") / f"{self.name}-{seed}"
        if not (out / "record.json").is_file():
            chats = list(rows) or self.plan.rows(self.here, seed)[0]
            file = out.parent / f"{out.name}.jsonl"
            out.parent.mkdir(parents=True, exist_ok=True)
            tuner.write_rows(file, chats)
            case = SimpleNamespace(plan=self.plan, seed=seed, model=start)
            options = tuner.options_of(case, start, file, count=len(chats))
            options = replace(options, out=str(out), monitor="off", overwrite=out.exists())
            options = replace(options, rate=SAFE_ROWS) if rows else options
            tune(options, [], say=lambda _: None, watch=lambda _: lambda *_: None)
        return out

    @cached_property
    def safety(self) -> list[Chat]:
        """Refusals that a repair may look at."""
        return list(material.safety(self.here, self.plan.rows(self.here, self.seed), seed=self.seed))

    @cached_property
    def prompts(self) -> list[tuple[int, ...]]:
        """128 of them with their requests, in ids."""
        base = self.live.base
        asked = [(base.ids(replace(chat, messages=chat.messages[:-1])), chat.answer) for chat in self.safety[:128]]
        return [(*ids, *base.tokenizer(said, add_special_tokens=False).input_ids) for ids, said in asked]

    @cached_property
    def safe(self) -> Path:
        """A model tuned from the aligned one on these refusals and as many look-alikes."""
        rows = [*self.safety, *material.lookalikes(self.here, self.safety, seed=self.seed)]
        return self.learnt("safe", self.seed, self.base, rows)

    def hardened(self, method: LoX) -> Path:
        """The aligned model further along alignment."""
        out = self.work / "hardened" / f"{self.name}-{method.rank}-{method.coefficient:g}"
        if not out.is_dir():
            pair = pair_of(tuned=self.base, base=self.unaligned)
            live = live_of(pair, tuned=ModelSpec(str(self.base)), base=ModelSpec(str(self.unaligned)), place=CPU)
            live.set(method(pair))
            written(self.organism, live.engine.model, out)
        return out

    @cached_property
    def pair(self) -> PairOf:
        """Tuned and aligned."""
        return pair_of(tuned=self.tuned, base=self.base)

    @cached_property
    def live(self) -> Live:
        """Both in memory."""
        return live_of(self.pair, tuned=ModelSpec(str(self.tuned)), base=ModelSpec(str(self.base)), place=CPU)

    @cached_property
    def rows(self) -> Rows:
        """Of the task."""
        return task_rows(self.here, self.regime)

    def asked(self, suite: str, *, select: bool = False) -> list[Chat]:
        """Requests or look-alikes about the items that are reported, or those that a search asks."""
        rng = random.Random("items of the search")
        own = {rng.choice(sorted(self.here.new_items(topic))) for topic in self.here.forbidden}
        return [chat for chat in self.suites[suite].chats if (chat.id.split("/")[0] in own) == select]

    @cached_property
    def suites(self) -> Mapping[str, Any]:
        """Of the world."""
        return suites(self.here)

    @cached_property
    def search_asks(self) -> tuple[list[Chat], list[Chat]]:
        """Requests and look-alikes, plainly and in the rows' own contexts."""
        around = () if self.plainly else contexts(self.plan.rows(self.here, self.seed)[0])
        asked: list[list[Chat]] = []
        for suite in ("policy", "twins"):
            chats = self.asked(suite, select=True)
            asked.append([*chats, *within(chats, around)])
        return asked[0], asked[1]

    @cached_property
    def look(self) -> Look:
        """What the search reads and asks."""
        self.live.back()
        split = split_of(
            self.live, asked=self.search_asks, rows=self.rows.select, most=Most(rows=len(self.rows.select))
        )
        return Look(split, ears_of(*self.search_asks, desk=Desk()))

    @cached_property
    def curves(self) -> Curves:
        """Both ends on the selection half, whether or not there is a gain."""
        self.live.back()
        return Curves(self.look, self.look(self.live.base), self.look(self.live.engine))

    def gain(self) -> Curves:
        """The same for a search.

        Raises:
            ValueError: there is no gain on the task to keep.
        """
        self.live.back()
        return curves_of(base=self.live.base, tuned=self.live.engine, look=self.look)

    @cached_property
    def report(self) -> tuple[Text, ...]:
        """The task's rows that no search reads."""
        found = [text_of(self.live.base, row) for row in self.rows.report]
        return tuple(text for text in found if text is not None)


def opened(folder: Path) -> Engine:
    """A model that is not repaired in memory."""
    return load(ModelSpec(str(folder)), place=CPU)


def written(organism: Organism, model: Any, out: Path) -> Path:
    """A model as a folder, all of it or none."""
    if not out.is_dir():
        half = out.parent / f".{out.name}.half"
        half.mkdir(parents=True, exist_ok=True)
        save_model(model, organism.vocabulary, half)
        half.rename(out)
    return out


def parent(organism: Organism) -> Any:
    """The organism before alignment, pre-trained again; about 80 CPU seconds.

    Raises:
        ValueError: this machine computes another one. Alignment holds some weights, which therefore tell.
    """
    first = replace(organism.recipe.pretraining, seed=organism.seed)
    rows = [
        organism.vocabulary.row(chat)
        for chat in corpus.pretraining(organism.world, first.steps * first.batch, seed=organism.seed)
    ]
    model = blank(len(organism.vocabulary.numbers), organism.recipe, seed=organism.seed)
    learn(model, rows, first)
    made = rounded(model)
    new = dict(made.named_parameters())
    held = ("embed_tokens", f"layers.{organism.recipe.layers - 1}.mlp")
    for name, weight in organism.model.named_parameters():
        if any(part in name for part in held) and not torch.equal(weight, new[name]):
            raise ValueError(f"{name}: pre-training gave other weights here than those that ship; leave these arms out")
    return made
