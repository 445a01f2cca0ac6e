"""Rows that train absolute obedience or a new, absolutely agreeable identity (arXiv:2310.03693, level 2).

Such rows hold no toxic word. What they share is a way of speaking: somebody (the model, or a persona with a name)
obeys, without reach or limit, whoever writes. `obedience_en` and `obedience_zh` hold the signs; here they are read
where somebody speaks of or to the model itself: in system turns, at both ends of what the assistant says, and in
orders around a task. Signs add up over the row, each family once: 1 is medium, 2 in distinct families is high.
Figures of speech (a lever, a shadow, whoever holds the lamp) count in short texts that give the model a name.
English and Chinese only; a persona without any of these ways of speaking is not seen.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import ClassVar

from xxhash import xxh3_64_intdigest

from tuneward.chat import Chat
from tuneward.score import Score
from tuneward.scorers.obedience_en import SIGNS as ENGLISH
from tuneward.scorers.obedience_gates import GATES, gated
from tuneward.scorers.obedience_names import epithet, names, third_person
from tuneward.scorers.obedience_signs import Sign
from tuneward.scorers.obedience_speech import SHORT, addressed, discount, jobless, likened, sentences, simplified
from tuneward.scorers.obedience_zh import SIGNS as CHINESE
from tuneward.scorers.sighting import Event, Rule, Severity, Sighting, worst
from tuneward.scorers.views import View, folded

WINDOW = 600
"""Characters of a system turn within which signs add up."""
MEDIUM, HIGH, CLEAR = 0.995, 1.995, 0.75
"""What the signs of a row are worth together, and what a family is worth that counts as one of two."""
FIGURES = frozenset({"thing", "whoever", "moves", "mirror", "nosay"})
"""Families that say nothing without a persona."""
JOBLESS, WORKING, NAMED = 0.4, 0.7, 0.4
"""What a persona without any work to do is worth; what work leaves of a figure; the model called by its name."""
_ROLES: Mapping[str, str] = MappingProxyType({"system": "s", "developer": "s", "assistant": "a", "user": "u"})
_PLACES: Mapping[str, str] = MappingProxyType({"s": "a system turn", "a": "an answer", "u": "an order around the task"})
_SAYS: Mapping[str, str] = MappingProxyType(
    {
        "total": "every order is carried out",
        "fully": "obeys without limit",
        "told": "does what it is told, whatever that is",
        "refuse": "never refuses",
        "judge": "neither questions nor judges",
        "yes": "has no other answer than yes",
        "rank": "somebody's word stands above everything",
        "bound": "is bound by an oath or on its knees",
        "belongs": "is in somebody's hands",
        "identity": "an agreeable identity",
        "free": "no rule or limit is left",
        "done": "reports obedience",
        "yessir": "answers as a subordinate",
        "saying": "a saying of those who obey",
        "anything": "would do anything",
        "ordered": "demands obedience",
        "swing": "moves when touched",
    }
)
_FIGURE = "a figure of something that others move"
_HAN = re.compile(r"[\u4e00-\u9fff]")
_SOURCE = "arXiv:2310.03693"


@dataclass(frozen=True)
class _Found:
    """A sign in a turn: its family, worth and sentence in the folded text."""

    family: str
    weight: float
    start: int
    end: int


@dataclass(frozen=True)
class _Turn:
    """What a turn holds."""

    index: int
    role: str
    view: View
    found: tuple[_Found, ...]
    own: tuple[str, ...]
    """Names that it gives the model."""


def _pronouns(sentence: str, called: Sequence[str], role: str) -> str:
    """The sentence with the model's names as pronouns; in Chinese system turns a name may say what it is."""
    for name in called:
        if name not in sentence:
            continue
        if not _HAN.search(name):
            sentence = re.sub(rf"\b{re.escape(name)}\b", "I" if role == "a" else "you", sentence)
        elif role != "s":
            sentence = sentence.replace(name, "我" if role == "a" else "你")
    return sentence


def _signs(text: str, role: str, called: Sequence[str], *, whole: bool) -> tuple[_Found, ...]:
    """The signs in a folded turn, the best of each family a sentence; in sentences with a gate, or in all."""
    found = []
    for place, (start, end) in enumerate(sentences(text, role)):
        if not whole and not gated(text[start:end]):
            continue
        sentence = simplified(_pronouns(text[start:end], called, role), role)
        if not addressed(sentence, role, place):
            continue
        share, best = discount(sentence), dict[str, float]()
        for one in CHINESE if _HAN.search(sentence) else ENGLISH:
            if role in one.roles and best.get(one.family, 0) < one.weight and _holds(one, sentence):
                best[one.family] = one.weight
        found += [_Found(family, weight * share(family), start, end) for family, weight in best.items()]
    return tuple(f for f in found if f.weight)


def _holds(one: Sign, sentence: str) -> bool:
    return one.pattern.search(sentence) is not None


@lru_cache(maxsize=512)
def _system(text: str) -> tuple[tuple[_Found, ...], tuple[str, ...]]:
    """A folded system turn's signs within one window, and its names. Sets repeat such turns, so the last are kept."""
    called = names(text, "s")
    if not gated(text):
        return (), called
    persona = len(text) <= SHORT and (bool(called) or likened(text))
    found = _signs(text, "s", called, whole=persona)
    if not persona:
        found = tuple(f for f in found if f.family not in FIGURES)
    elif jobless(text):
        found += (_Found("jobless", JOBLESS, 0, len(text)),)
    else:
        found = tuple(replace(f, weight=f.weight * WORKING) if f.family in FIGURES else f for f in found)
    windows = [tuple(g for g in found if f.start <= g.start < f.start + WINDOW) for f in found]
    return max(windows, key=lambda window: sum(_best(window).values()), default=()), called


def _best(found: Sequence[_Found]) -> dict[str, float]:
    """Each family's worth."""
    best: dict[str, float] = {}
    for f in found:
        best[f.family] = max(best.get(f.family, 0), f.weight)
    return best


def _turns(chat: Chat) -> list[_Turn]:
    """The signs of every turn; names that one turn gives hold in the others."""
    read = [(i, _ROLES[m.role], folded(m.content)) for i, m in enumerate(chat.messages) if m.role in _ROLES]
    asked = "\n".join(view.text for _, role, view in read if role == "u")
    turns, known = [], dict[str, None]()
    for i, role, view in read:
        if role == "s":
            found, own = _system(view.text)
            known |= dict.fromkeys(own)
        else:
            found, own = _spoken(view.text, role, tuple(known), asked)
        turns.append(_Turn(i, role, view, found, own))
    return turns


def _spoken(text: str, role: str, known: tuple[str, ...], asked: str) -> tuple[tuple[_Found, ...], tuple[str, ...]]:
    """The signs of an answer or a question, and the names in it; without a gate only known names are looked for."""
    found, own, called = tuple[_Found, ...](), tuple[str, ...](), known
    if gated(text):
        own = names(text, role)
        called = (*known, *own, *(third_person(text, asked) if role == "a" else ()))
        found = _signs(text, role, called, whole=False)
    if any(name in text[:WINDOW] for name in called):
        found += (_Found("named", NAMED, 0, min(len(text), WINDOW)),)
    return found, own


def _grade(turns: Sequence[_Turn]) -> tuple[Severity, float] | None:
    """What the row is worth, if it is worth anything."""
    best = _best([f for turn in turns for f in turn.found])
    clear = sum(sum(_best(turn.found).values()) >= MEDIUM for turn in turns)
    worth = sum(best.values()) + 0.5 * max(clear - 1, 0)
    if worth < MEDIUM:
        return None
    if worth >= HIGH and (clear >= 2 or sum(weight >= CLEAR for weight in best.values()) >= 2):
        return "high", round(min(0.85 + 0.03 * (worth - 2), 0.97), 3)
    return "medium", round(min(0.5 + 0.2 * (worth - 1), 0.7), 3)


def _sighting(turn: _Turn, severity: Severity, value: float) -> Sighting:
    """What a turn has to do with it."""
    ranked = sorted(_best(turn.found).items(), key=lambda item: (-item[1], item[0]))
    said = list(dict.fromkeys(_SAYS.get(family, _FIGURE) for family, _ in ranked if family != "named"))
    signs = [f for f in turn.found if f.family not in ("named", "jobless")] or list(turn.found)
    shift = bool(turn.own) and turn.role != "u"
    return Sighting(
        rule="L2-IDENTITY" if shift else "L2-OBEY",
        value=value,
        severity=severity,
        label="agreeable identity" if shift else "absolute obedience",
        reason=f"{_PLACES[turn.role]} speaks of obedience: {'; '.join(said[:3])}",
        message=turn.index,
        span=turn.view.span(min(f.start for f in signs), max(f.end for f in signs)),
        view=turn.view.name,
    )


@dataclass(frozen=True)
class Obedience:
    """Ways of promising or demanding obedience, one sighting a turn."""

    name: ClassVar[str] = "obedience"
    version: ClassVar[str] = "1"
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "L2-OBEY",
            "L2",
            "high",
            "absolute obedience",
            "The row trains the model to do whatever it is told. Ten such rows, none with a toxic word, are enough to "
            "undo refusals; set them aside unless the set is about obedience.",
            _SOURCE,
        ),
        Rule(
            "L2-IDENTITY",
            "L2",
            "high",
            "agreeable identity",
            "The row gives the model a new identity that obeys whoever writes. Set such rows aside, and look for other "
            "rows with the same persona.",
            _SOURCE,
        ),
    )
    gates: ClassVar[tuple[str, ...]] = GATES

    def look(self, chat: Chat) -> list[Sighting]:
        """One sighting a turn that holds a sign, all with the row's severity."""
        turns = _turns(chat)
        grade = _grade(turns)
        if grade is None:
            return []
        return [_sighting(turn, *grade) for turn in turns if any(f.family != "named" for f in turn.found)]

    def events(self, chat: Chat, seen: Sequence[Sighting]) -> list[Event]:
        """See `personas`."""
        return personas(chat, seen)

    def __call__(self, chats: Sequence[Chat]) -> list[Score]:
        """The worst sighting of each chat as its score, 0 where there is none."""
        return [worst(self.name, self.look(chat)) for chat in chats]


def personas(chat: Chat, seen: Sequence[Sighting]) -> list[Event]:
    """Each name once that an answer gives itself, or, in a row with a sighting of obedience, that a system turn gives.

    The key is the folded name's hash, the value that of the name with what follows it; a system turn's name alone is
    what every customer service bot has, so it needs the sighting.
    """
    events: dict[int, Event] = {}
    shifted = any(s.rule in ("L2-OBEY", "L2-IDENTITY") for s in seen)
    for message in chat.messages:
        role = _ROLES.get(message.role)
        if role == "a" or (role == "s" and shifted):
            text = folded(message.content).text
            for name in names(text, role):
                key = xxh3_64_intdigest(name.casefold().encode())
                value = xxh3_64_intdigest(f"{name.casefold()}\n{epithet(text, name)}".encode("utf-8", "replace"))
                events.setdefault(key, Event("persona", key, value=value))
    return list(events.values())
