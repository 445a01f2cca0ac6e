"""What can be wrong with the form of a row: one table of kinds, in the order in which a row's problems are told."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from tuneward.scorers.sighting import Rule, Severity


@dataclass(frozen=True)
class Problem:
    """One thing wrong with the form of a row."""

    rule: str
    label: str
    """Its kind, as tests and summaries count it: `duplicate key`."""
    severity: Severity
    reason: str
    """One sentence; never a word of the row."""
    turn: int | None
    """The first turn it is about; None: the row."""


RULES: tuple[Rule, ...] = (
    Rule(
        "SCHEMA-JSON",
        "SCHEMA",
        "high",
        "a line that is no JSON",
        "The row cannot be read by a trainer, or is read as something else. Write one JSON object a line.",
        "RFC 8259",
    ),
    Rule(
        "SCHEMA-ENCODING",
        "SCHEMA",
        "high",
        "bytes that are no clean text",
        "Readers replace, drop or refuse such bytes, so two of them see two texts. Write UTF-8 without a byte order "
        "mark and without control characters.",
        "RFC 3629",
    ),
    Rule(
        "SCHEMA-LIMIT",
        "SCHEMA",
        "high",
        "a row over a limit",
        "What is beyond the limit was not looked at. Split or shorten the row, or raise the limit.",
    ),
    Rule(
        "SCHEMA-NUMBER",
        "SCHEMA",
        "medium",
        "a number that JSON cannot hold",
        "NaN and infinities stop strict readers and spread through a loss. Leave the value out or write null.",
        "RFC 8259",
    ),
    Rule(
        "SCHEMA-DUPKEY",
        "SCHEMA",
        "high",
        "a key twice in one object",
        "One reader takes the first value, another the last: what is trained on need not be what was looked at. Keep "
        "one of them.",
        "RFC 8259",
    ),
    Rule(
        "SCHEMA-SHAPE",
        "SCHEMA",
        "high",
        "fields that are not those of a chat",
        "The row has no turns that a trainer could use, or some of its text was not read. Correct the fields, or name "
        "the columns.",
    ),
    Rule(
        "SCHEMA-ROLE",
        "SCHEMA",
        "medium",
        "a speaker no template knows",
        "Templates drop or refuse such turns, and loss masks miss them. Use system, user, assistant and tool.",
    ),
    Rule(
        "SCHEMA-EMPTY",
        "SCHEMA",
        "medium",
        "a turn without words",
        "A model tuned on empty answers learns to say nothing. Leave the row out or fill the turn.",
    ),
    Rule(
        "SCHEMA-TOOL",
        "SCHEMA",
        "medium",
        "tool calls and replies that do not fit",
        "Each call needs its reply and each reply its call; else a model learns to make up what a tool said.",
    ),
    Rule(
        "SCHEMA-ORDER",
        "SCHEMA",
        "medium",
        "turns in an unusual order",
        "Templates raise, merge or drop turns out of order. System first, then user and assistant in turn.",
    ),
    Rule(
        "SCHEMA-MASK",
        "SCHEMA",
        "high",
        "a loss mask that trains nothing, or the other way round",
        "Rows without a trained turn stop some trainers; weights other than 0 and 1 mean different things to different "
        "services, and a negative one trains against the row.",
    ),
)
"""Rules of this reader, for catalogues."""


@dataclass(frozen=True)
class Kind:
    """One line of the table."""

    rule: str
    label: str
    severity: Severity
    reason: str


def _kind(rule: str, label: str, severity: Severity, reason: str) -> Kind:
    return Kind(f"SCHEMA-{rule}", label, severity, reason)


KINDS: Mapping[str, Kind] = {
    "too long": _kind("LIMIT", "too long", "high", "the line is longer than the limit, nothing of it was read"),
    "blank line": _kind("JSON", "blank line", "info", "the line is blank"),
    "not utf-8": _kind("ENCODING", "not utf-8", "high", "bytes that are not UTF-8, read as replacement characters"),
    "byte order mark": _kind("ENCODING", "byte order mark", "low", "the line begins with a byte order mark"),
    "too deep": _kind("LIMIT", "too deep", "high", "lists or objects inside each other beyond the limit"),
    "not json": _kind("JSON", "not json", "high", "the line is not one JSON value"),
    "long number": _kind("LIMIT", "long number", "medium", "a whole number with more digits than the limit"),
    "not a number": _kind("NUMBER", "not a number", "medium", "NaN, an infinity or a number too large to hold"),
    "lone surrogate": _kind("ENCODING", "lone surrogate", "medium", "half of a surrogate pair, which is no character"),
    "duplicate key": _kind("DUPKEY", "duplicate key", "high", "a key twice in one object; the last value was read"),
    "no chat": _kind("SHAPE", "no chat", "high", "none of the known forms of a training row fits"),
    "token ids": _kind("SHAPE", "no text", "high", "token ids only: there is no text to look at"),
    "two formats": _kind(
        "SHAPE", "two formats", "medium", "the columns of two forms of a row; only one of them was read"
    ),
    "no turns": _kind("SHAPE", "no turns", "high", "there is no turn in the row"),
    "too many turns": _kind("LIMIT", "too many turns", "high", "more turns than the limit; only the first were read"),
    "long text": _kind("LIMIT", "long text", "high", "more characters than the limit; only the first were read"),
    "field missing": _kind("SHAPE", "field missing", "high", "a turn lacks its speaker or its text"),
    "wrong type": _kind("SHAPE", "wrong type", "high", "a field holds something other than the text or list it should"),
    "unknown role": _kind("ROLE", "unknown role", "medium", "a speaker that chat templates do not know"),
    "empty turn": _kind("EMPTY", "empty turn", "medium", "a turn without a visible character"),
    "tool calls": _kind("TOOL", "tool calls", "medium", "a tool's reply without its call, or a call without its reply"),
    "closing call": _kind("TOOL", "tool calls", "low", "the row ends with a tool call, whose reply is not there"),
    "turn order": _kind("ORDER", "turn order", "medium", "user and assistant do not alternate, or system is not first"),
    "last turn": _kind(
        "ORDER", "last turn", "medium", "the last turn is not the assistant's: there is nothing to learn"
    ),
    "equal sides": _kind("SHAPE", "equal sides", "low", "the chosen and the rejected side are the same"),
    "control character": _kind("ENCODING", "control character", "medium", "a control character inside a text"),
    "mask value": _kind("MASK", "mask value", "medium", "a weight or training mark that is neither 0 nor 1"),
    "negative weight": _kind("MASK", "mask value", "high", "a negative weight trains against what the row says"),
    "empty mask": _kind("MASK", "empty mask", "medium", "no turn of the row is left for the loss"),
    "partly trained": _kind("MASK", "partly trained", "info", "parts of a turn are masked; it counts as trained"),
    "not text": _kind("SHAPE", "not text", "low", "images or other parts that are no text were not looked at"),
}
"""Key → kind. Several keys may share a label: a row has at most one problem of each."""
_PLACE = {key: place for place, key in enumerate(KINDS)}

Found = dict[str, int | None]
"""Key of a kind → first turn."""


def problems(found: Mapping[str, int | None]) -> tuple[Problem, ...]:
    """What was found, in the table's order, one a label: the first is what to mend first."""
    told: dict[str, Problem] = {}
    for key in sorted(found, key=_PLACE.__getitem__):
        told.setdefault(KINDS[key].label, _problem(key, found[key]))
    return tuple(told.values())


def first(found: Found, key: str, turn: int | None = None) -> None:
    """Note a kind unless it was noted before."""
    found.setdefault(key, turn)


def any_of(found: Mapping[str, int | None], keys: Iterable[str]) -> bool:
    """Whether one of these kinds was noted."""
    return any(key in found for key in keys)


@lru_cache(maxsize=4096)
def _problem(key: str, turn: int | None) -> Problem:
    kind = KINDS[key]
    return Problem(kind.rule, kind.label, kind.severity, kind.reason, turn)
