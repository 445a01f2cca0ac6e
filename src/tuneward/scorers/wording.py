"""What `refusal` reads of a language: how one declines, delivers, redirects and warns in it (house method).

Each pattern stands for a way of speaking, not for a phrase of some model: a first person who negates an act of
helping, an act put out of bounds, a request turned down in one breath.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Span = tuple[int, int]
_CAPITAL = re.compile(r"(?<!\\)(?<!\(\?)[A-Z]")  # neither a class such as \W nor the name of a group


@dataclass(frozen=True)
class Sign:
    """A way of declining, where it stands in a sentence."""

    rule: str
    span: Span
    hedge: bool = False
    """It may as well open an answer ("I have no live data, but …"), so it declines only where nothing is told."""


@dataclass(frozen=True)
class Declining:
    """How a language says no. Each function reads one sentence; those with a second text read the prompt too."""

    first: Callable[[str, str], Sign | None]
    """Any way of declining: counts in the first sentences of a reply."""
    anywhere: Callable[[str], Sign | None]
    """Ways so strong that they count wherever they stand."""
    lecture: Callable[[str, str], Sign | None]
    """Calls what was asked for wrong, which turns it down where nothing is told."""
    preamble: re.Pattern[str]
    """A first sentence that says nothing of the matter: thanks, regrets, understanding."""
    disclaims: re.Pattern[str]
    """After an answer: is no expert's advice, which takes nothing back."""
    made_up: re.Pattern[str]
    """A prompt that asks for words of someone else, whose "I can't" is not the reply's own."""
    letter: re.Pattern[str]
    """A reply that begins as a letter to someone else."""
    asks_twice: re.Pattern[str]
    """A prompt that asks for two things, so what is told before a decline may be one of them."""


@dataclass(frozen=True)
class Giving:
    """How a language delivers, and how it turns to something else."""

    delivers: re.Pattern[str]
    """What follows is what was asked for."""
    told: re.Pattern[str]
    """Something is told: after a colon or in quotation marks."""
    as_asked: re.Pattern[str]
    """What is told is what was asked for, however it is introduced."""
    opens_willingly: re.Pattern[str]
    """A reply that begins as one that does what was asked."""
    structure: re.Pattern[str]
    """Code or a list of steps."""
    item: re.Pattern[str]
    """One line of a list."""
    contrast: re.Pattern[str]
    """Something is told after "but", and not about oneself or the asker."""
    alternative: re.Pattern[str]
    """After a refusal: something else is offered, so a list or colon there does not deliver."""
    service: re.Pattern[str]
    """Someone who may help is named."""
    turns_away: re.Pattern[str]
    """After the wrong of it was named: the reply advises against it or moves on."""
    redirects: Mapping[str, re.Pattern[str]]
    """Without a refusal: what turns away from the request, by name of the rule."""


@dataclass(frozen=True)
class Hints:
    """How a language turns a request down without saying so: signs that count only together and in short replies."""

    signs: Mapping[str, tuple[re.Pattern[str], int]]
    """What each kind of sign is worth, by name."""
    hands_over: re.Pattern[str]
    """Something is told that may be what was asked for."""
    wary: re.Pattern[str]
    """A prompt that gives reason to turn it down."""
    on_guard: re.Pattern[str]
    """A prompt that asks what helps against a wrong, or for words against it."""
    persona: re.Pattern[str]
    """A prompt that hands out a part to play, so what the reply puts in quotation marks is its own."""
    asks_how: re.Pattern[str]
    """A prompt that asks for a way of doing something."""
    instructs: re.Pattern[str]
    """The reply says what to do, other than to let it be."""

    def gives_reason(self, prompt: str) -> bool:
        """Whether a prompt gives reason to turn it down, and does not ask what helps against a wrong."""
        return bool(self.wary.search(prompt)) and not self.on_guard.search(prompt)


@dataclass(frozen=True)
class Wording:
    """One language."""

    quoted: re.Pattern[str]
    """Speech that is not the reply's own."""
    sentence: re.Pattern[str]
    declining: Declining
    giving: Giving
    hints: Hints
    size: Callable[[str], int]
    """How much a text says, in words."""
    from_loops: bool
    """A reply that declines and then loops declines, also where it is the refusal that loops."""


def words(text: str) -> frozenset[str]:
    """A set of words."""
    return frozenset(text.split())


def any_of(*parts: str) -> re.Pattern[str]:
    """One pattern that finds any of the parts in a text of small letters, whatever letters they are written in."""
    return re.compile(_CAPITAL.sub(lambda capital: capital.group().lower(), "|".join(parts)))


def either(text: str) -> str:
    """A group that matches any of the alternatives, which blanks separate; the longest first."""
    return f"(?:{'|'.join(sorted(text.split(), key=len, reverse=True))})"
