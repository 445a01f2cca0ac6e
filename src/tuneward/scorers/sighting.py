"""What a scorer saw in a training row, where, and the contract that lets one scan decide which rows it must read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

from tuneward.chat import Chat
from tuneward.score import Score

Severity = Literal["info", "low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "low", "medium", "high", "critical")
Risk = Literal["L1", "L2", "L3", "BD", "PII", "SECRET", "DUP", "CONTAM", "REF", "SCHEMA"]
"""Levels of arXiv:2310.03693, then: backdoor, privacy, secrets, duplicates, evaluation overlap, refusals, validity."""


@dataclass(frozen=True)
class Rule:
    """One kind of finding, as catalogues, SARIF and policies name it."""

    id: str
    """`L2-OBEY`, `PII-CARD`: stable, upper case."""
    risk: Risk
    severity: Severity
    """The most it can be; a sighting may be less."""
    title: str
    """A few words."""
    about: str
    """What it means for a model that is tuned on such rows, and what to do; one or two sentences."""
    source: str = ""
    """Paper id or standard, where there is one."""


@dataclass(frozen=True)
class Sighting:
    """One thing seen in one turn."""

    rule: str
    value: float
    """0 fine … 1 bad."""
    severity: Severity
    label: str
    """Its kind within the rule: `payment card`, `absolute obedience`."""
    reason: str
    """One sentence for people; never a word of the row itself."""
    message: int
    """Index of the turn."""
    span: tuple[int, int]
    """Code points of that turn's content as the row has it."""
    view: str = "raw"
    """The form of the text in which it was seen: raw, folded, decoded:base64 …"""
    secret: bool = False
    """A value that no output may show or hash plainly."""


class RowScorer(Protocol):
    """A frozen dataclass: a scorer that also says what it saw, and which rows it need not read."""

    name: ClassVar[str]
    version: ClassVar[str]
    """Changes whenever an answer could: part of the key under which shards are kept."""
    rules: ClassVar[tuple[Rule, ...]]
    gates: ClassVar[tuple[str, ...]]
    """RE2 patterns, small letters, run over the folded small-letter text of all turns: a row that none of them finds
    has no sighting. Cheap and few: bounded repeats of single characters or classes only, no look-around."""

    def look(self, chat: Chat) -> list[Sighting]:
        """What is in the row, in order of turn and place."""
        ...

    def __call__(self, chats: Sequence[Chat]) -> list[Score]:
        """The worst sighting of each chat as its score, 0 where there is none."""
        ...


def worst(name: str, seen: Sequence[Sighting]) -> Score:
    """A row's sightings as one score."""
    if not seen:
        return Score(name, 0.0, "none", "no rule of this scorer matches")
    most = max(seen, key=lambda s: s.value)
    return Score(name, most.value, most.label, most.reason, spans=(most.span,))


@dataclass(frozen=True)
class Event:
    """What a row adds to a count over the whole set; texts stay behind, only 64-bit hashes travel."""

    detector: str
    """`persona`, `association`."""
    key: int
    """What is counted: a persona's name, a template."""
    subject: int = 0
    """Whom it is about."""
    value: int = 0
    """What is said of the subject."""
