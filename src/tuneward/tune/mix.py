"""Safety rows mixed into the task's (Bianchi et al. 2023, arXiv:2309.07875; selection after SPARD, arXiv:2605.28030;
recovery after Qi et al. 2025, arXiv:2406.05946; preferences after arXiv:2305.18290).

Differs from the papers: refusals are the aligned model's own unless others are asked for; as many benign look-alikes
come with them, because refusals alone teach to refuse those too; vectors for the selection need no model
(`selection`); answers are begun with short neutral openings, never with the beginning of something harmful.
"""

import math
import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from tuneward.chat import Chat, Message
from tuneward.pool import contrasts
from tuneward.pool import pool as shipped
from tuneward.rows import read_rows
from tuneward.tune.job import TASK, Job, Lesson
from tuneward.tune.mixed_kl import MIXED_KL, MixedKL
from tuneward.tune.openings import Opening, opening
from tuneward.tune.pairs_loss import PREFERENCE, Preference
from tuneward.tune.safety_rows import category
from tuneward.tune.selection import Candidates, apportioned, fitted, greedy, relevance

PART, OWN, OURS = "mix", "own", "ours"
LANGUAGES: Mapping[str, tuple[Literal["en", "zh"], ...]] = {"en": ("en",), "zh": ("zh",), "both": ("en", "zh")}
LOSSES = {"sft": "sft", "preference": PREFERENCE, "kl": MIXED_KL}
"""Setting → name of the term that reads the rows."""
DECLINES = {"en": "I'm sorry, but I can't help with that.", "zh": "抱歉，这个我帮不了。"}
"""What should become less likely after a look-alike."""


@dataclass(frozen=True)
class Mix:
    """Mix refusals, and benign look-alikes with answers, into the rows.

    What is added is fraction · task rows refusals, rounded, and `lookalikes` times as many look-alikes. Rows of which
    the model's own answer turns out not to be what they are for are left out before the first step, and counted.
    """

    fraction: float = 0.03
    """Refusals as a share of the task rows; 0 switches it off."""
    pool: str = "own"
    """Where refusals come from: own (the aligned model's, to shipped requests), ours (shipped as well), or a file."""
    benign: str = ""
    """File of look-alikes with their answers; the shipped ones unless given."""
    language: Literal["en", "zh", "both"] = "en"
    """Of shipped rows."""
    lookalikes: float = 1.0
    """Benign look-alikes for every refusal, against refusing too much."""
    select: Literal["random", "diverse"] = "diverse"
    """How refusals are chosen: by lot, or near to the task rows and far from each other."""
    relevance: float = 4.0
    """How much nearness to the task rows counts in a diverse choice; 0 is diversity alone."""
    recovery: float = 0.0
    """Share of the refusals that come after a neutral opening of an answer, which is read and not learnt."""
    weights: tuple[str, ...] = ()
    """How often categories are drawn, as NAME=FACTOR; 1 unless given."""
    loss: Literal["sft", "preference", "kl"] = "sft"
    """Learn the answers, prefer them to others, or keep what the reference says at each of their tokens."""
    strength: float = 1.0
    """Factor on the loss of the added rows; 0 switches it off."""
    seed: int = 0
    """Of whatever is drawn."""

    def __post_init__(self) -> None:
        for name, value in (("fraction", self.fraction), ("recovery", self.recovery)):
            if not 0 <= value <= 1 or (name == "fraction" and value == 1):
                raise ValueError(
                    f"{name} is {value}; expected 0 or more, {'below' if name == 'fraction' else 'up to'} 1"
                )
        for name in ("lookalikes", "relevance", "strength"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}; expected 0 or more")
        known = {"language": LANGUAGES, "select": ("random", "diverse"), "loss": LOSSES}
        for name, words in known.items():
            if getattr(self, name) not in words:
                raise ValueError(f"{name} is {getattr(self, name)}; expected one of {', '.join(words)}")
        if not self.pool:
            raise ValueError("pool is empty; expected own, ours, or a file of rows")
        self._factors()

    def __call__(self, job: Job, /) -> Job:
        """The job with the rows, and with the term that reads them.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: too few task rows for one refusal, a bad file, or an unknown category.
        """
        if not self.fraction or not self.strength:
            return job
        tasks = [lesson.chat.prompt for lesson in job.lessons if lesson.part == TASK]
        count = round(self.fraction * len(tasks))
        if not count:
            raise ValueError(f"mix: fraction {self.fraction} of {len(tasks)} task rows is none; raise --fraction")
        rng = random.Random(f"mix {self.seed}")
        refusals = self._drawn(self._refusals(count), tasks, count=count, rng=rng)
        begun = set(rng.sample(range(count), round(self.recovery * count)))
        begins = [opening(rng, language_of(chat)) for chat in refusals]
        lessons = [self._refused(chat, begins[n], begun=n in begun) for n, chat in enumerate(refusals)]
        wanted = round(self.lookalikes * count)
        lessons += [self._answered(chat) for chat in beside(refusals, self._benign(), count=wanted, rng=rng)]
        job = job.adding(*_numbered(lessons)).named(PART)
        if self.loss == "sft":
            return job
        return job.with_term(Preference(self.strength) if self.loss == "preference" else MixedKL(self.strength))

    def _refusals(self, count: int) -> list[Chat]:
        """What is chosen from; where the first part is too small, its short contrasts as well."""
        if self.pool not in (OWN, OURS):
            return _file(self.pool)
        languages = LANGUAGES[self.language]
        found = shipped("refusals", languages=languages)
        more = contrasts() if "en" in languages and (count > len(found) or self.weights) else []
        return found + [refused for refused, _ in more]

    def _benign(self) -> list[Chat]:
        if self.benign:
            return _file(self.benign)
        languages = LANGUAGES[self.language]
        twins = [twin for _, twin in contrasts()] if self.pool == OWN and "en" in languages else []
        return shipped("answers", languages=languages) + twins

    def _refused(self, chat: Chat, begin: Opening, *, begun: bool) -> Lesson:
        """A refusal as a lesson. After an opening it is the written one: the model's own would mostly go on with it."""
        if begun:
            last = Message("assistant", begin.first + begin.space + chat.answer)
            chat = replace(chat, prefill=begin.first, messages=(*chat.messages[:-1], last))
        return self._lesson(chat, rejected=begin.whole, own="" if begun or self.pool != OWN else "refused")

    def _answered(self, chat: Chat) -> Lesson:
        own = "complied" if self.pool == OWN and not self.benign else ""
        return self._lesson(chat, rejected=DECLINES[language_of(chat)], own=own)

    def _lesson(self, chat: Chat, *, rejected: str, own: str) -> Lesson:
        if own and chat.answer:
            chat = replace(chat, messages=chat.messages[:-1])
        weight = self.strength if self.loss == "sft" else 1.0
        rejected = rejected if self.loss == "preference" else ""
        return Lesson(chat, PART, LOSSES[self.loss], weight, rejected, own)

    def _drawn(self, of: Sequence[Chat], tasks: Sequence[str], *, count: int, rng: random.Random) -> list[Chat]:
        """Exactly so many; a row twice only where its category has fewer than are wanted of it, and then evenly."""
        names = self._groups(of)
        sizes = Counter(names)
        factors = self._factors_of(sizes) if self.weights else {}
        quotas = apportioned({name: factors.get(name, 1.0) * size for name, size in sizes.items()}, count)
        rest = {name: quota % sizes[name] for name, quota in quotas.items()}
        picks = [n for n, name in enumerate(names) for _ in range(quotas[name] // sizes[name])]
        if self.select == "random":
            for name, size in rest.items():
                picks += rng.sample([n for n, other in enumerate(names) if other == name], size)
        else:
            picks += _diverse(of, tasks, names=names, rest=rest, beta=self.relevance)
        return [of[n] for n in picks]

    def _groups(self, of: Sequence[Chat]) -> list[str]:
        return [category(chat) if self.weights else "" for chat in of]

    def _factors(self) -> dict[str, float]:
        """As they are given."""
        found = {}
        for text in self.weights:
            name, _, factor = text.rpartition("=")
            if not name or not re.fullmatch(r"\d+(\.\d*)?|\.\d+", factor):
                raise ValueError(f"weights has {text!r}; expected NAME=FACTOR, such as violence=2")
            found[name] = float(factor)
        return found

    def _factors_of(self, known: Mapping[str, int]) -> dict[str, float]:
        """By the pool's names: an own name is the whole of one, or words that only one has."""
        found: dict[str, float] = {}
        for name, factor in self._factors().items():
            words = _words(name)
            fits = [k for k in known if k and _words(k) == words] or [k for k in known if k and _words(k) >= words]
            if len(fits) != 1 or fits[0] in found:
                told = ", ".join(sorted(filter(None, known))) or "none"
                raise ValueError(f"weights: {name} is not one category of {self.pool}; known are {told}")
            found[fits[0]] = factor
        if not any(found.get(name, 1.0) for name in known):
            raise ValueError(f"weights: {', '.join(self.weights)} leave no row of {self.pool}; give one above 0")
        return found


def _diverse(
    of: Sequence[Chat], tasks: Sequence[str], *, names: Sequence[str], rest: Mapping[str, int], beta: float
) -> list[int]:
    if not any(rest.values()):
        return []
    terms, vectors = fitted([chat.prompt for chat in of])
    order = list(rest)
    group = np.array([order.index(name) for name in names], dtype=np.intp)
    near = relevance(vectors, terms, tasks) if beta else np.ones(len(of))
    return greedy(Candidates(vectors, near, group, beta), list(rest.values()))[0]


def beside(chosen: Sequence[Chat], of: Sequence[Chat], *, count: int, rng: random.Random) -> list[Chat]:
    """Look-alikes: of each category as many as its share of the chosen ones; the chosen ones' own twins come first.

    Categories that have none draw on all. A row comes twice only when all of its category have come.
    """
    if not count:
        return []
    families = {chat.family for chat in chosen}
    known = {category(chat) for chat in of}
    shares = Counter(name if (name := category(chat)) in known else "" for chat in chosen)
    found: list[Chat] = []
    for name, quota in apportioned(shares, count).items():
        own = [chat for chat in of if not name or category(chat) == name]
        rng.shuffle(own)
        own.sort(key=lambda chat: chat.family not in families)
        found += [own[n % len(own)] for n in range(quota)]
    return found


def language_of(chat: Chat) -> Literal["en", "zh"]:
    """Chinese where its prompt has a Chinese character."""
    return "zh" if re.search(r"[\u3400-\u9fff]", chat.prompt) else "en"


def _words(name: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", name.casefold().replace("_", " ")))


def _numbered(lessons: Sequence[Lesson]) -> list[Lesson]:
    """Repeated rows get ids of their own."""
    seen: Counter[str] = Counter()
    found = []
    for lesson in lessons:
        seen[lesson.chat.id] += 1
        again = seen[lesson.chat.id]
        chat = replace(lesson.chat, id=f"{lesson.chat.id} ({again})") if again > 1 else lesson.chat
        found.append(replace(lesson, chat=chat))
    return found


def _file(name: str) -> list[Chat]:
    """The user's rows.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: no rows, or one that does not end with an answer.
    """
    path = Path(name).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"{name}: no such file; expected own, ours, or a file of rows that end with an answer")
    chats = list(read_rows(path))
    if not chats:
        raise ValueError(f"{name}: no rows; expected at least one that ends with an answer")
    for chat in chats:
        if not chat.answer.strip() or not chat.prompt:
            raise ValueError(f"{name}: {chat.id} does not end with an answer to a request; add one, or leave it out")
    return chats
