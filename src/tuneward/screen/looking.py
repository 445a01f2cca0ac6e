"""The careful look at the rows that the scan points out: what every scorer sees there, as lines of a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa
import xxhash

from tuneward.chat import Chat, Message
from tuneward.scorers.declined import GATES, Ending, reading, ungated
from tuneward.scorers.sighting import Event, RowScorer, Sighting
from tuneward.scorers.views import views
from tuneward.screen.batch import turns_of
from tuneward.screen.parsing import Row
from tuneward.screen.plan import SCORER, SENSITIVE, Plan

READINGS: tuple[Ending, ...] = ("complied", "refused", "partial", "unclear")
ENDINGS = (*READINGS, "none")
"""How the last answer of a row ends; none: there is no answer."""
READER, WORDS = ("reader", "1"), ("words", "1")
"""Name and version of what reads rows, and of what compares their words."""
LEAK = "CONTAM-ITEM"
SEEN = pa.schema(
    [
        ("place", pa.int64()),
        ("rule", pa.string()),
        ("severity", pa.string()),
        ("score", pa.float64()),
        ("stat", pa.float64()),
        ("stat_kind", pa.string()),
        ("label", pa.string()),
        ("reason", pa.string()),
        ("message", pa.int32()),
        ("role", pa.string()),
        ("start", pa.int32()),
        ("end", pa.int32()),
        ("view", pa.string()),
        ("digest", pa.string()),
        ("secret", pa.bool_()),
        ("trained", pa.bool_()),
        ("scorer", pa.string()),
        ("version", pa.string()),
    ]
)
EVENTS = pa.schema(
    [
        ("place", pa.int64()),
        ("detector", pa.string()),
        ("key", pa.uint64()),
        ("subject", pa.uint64()),
        ("value", pa.uint64()),
    ]
)
Line = tuple[Any, ...]


@dataclass(frozen=True)
class Looked:
    """What was seen in one row."""

    seen: list[Line]
    events: list[Line]
    ending: int
    """Place among ENDINGS."""
    category: str
    """Sensitive category of the prompt; "" for none."""


class Hints(NamedTuple):
    """What the scan points out in a row."""

    bits: int
    """Which gates were found."""
    declines: bool
    """One of its answers may decline."""
    odd: bool
    """Its answer has few common words, or a turn hides characters."""


def look(plan: Plan, row: Row, place: int, hints: Hints) -> Looked:
    """Read a row with the scorers whose gates were found in it, and an odd one with those that read such rows."""
    chat = chat_of(row, place)
    events: list[Event] = []
    lines = [problem(row, place, number) for number in range(len(row.problems))]
    known: list[tuple[RowScorer, Sighting]] = []
    for number, scorer in enumerate(plan.scorers):
        odd = hints.odd and getattr(scorer, "odd", False)
        if odd or hints.bits >> (SCORER + number) & 1 or (hints.declines and scorer.gates == GATES):
            found = scorer.look(chat)
            known.extend((scorer, sighting) for sighting in found)
            if hasattr(scorer, "events"):
                events.extend(scorer.events(chat, found))
    secret = [s for _, s in known if s.secret]
    lines.extend(_line(row, place, scorer=scorer, sighting=s, plain=_apart(s, secret)) for scorer, s in known)
    told = [(place, e.detector, e.key, e.subject, e.value) for e in events]
    category = _category(plan, prompt_of(row), hints)
    ends = _ending(row, declines=hints.declines, sensitive=bool(category))
    return Looked(lines, told, ends, category or "")


def _category(plan: Plan, prompt: str, hints: Hints) -> str | None:
    """What is sensitive about a prompt, also where look-alike letters stand in its words."""
    if hints.bits & SENSITIVE:
        return plan.sensitive.category(prompt)
    forms = views(prompt)[1:] if hints.odd else ()
    return next(filter(None, (plan.sensitive.category(form.text) for form in forms)), None)


def prompt_of(row: Row) -> str:
    """What the user says last before the end of the chosen side."""
    return next((row.texts[i] for i in range(row.rejected - 1, -1, -1) if row.roles[i] == "user"), "")


def chat_of(row: Row, place: int) -> Chat:
    """A row as scorers read it."""
    turns = tuple(map(Message, row.roles, row.texts))
    meta = {"trained": row.trained, "weights": row.weights, "rejected": row.rejected, "format": row.format}
    return Chat(str(place), str(place), turns, meta=meta)


def _ending(row: Row, *, declines: bool, sensitive: bool) -> int:
    """How the chosen side's last answer ends; only what may decline is read."""
    last = row.rejected - 1
    if last < 0 or row.roles[last] != "assistant":
        return ENDINGS.index("none")
    if not declines:
        return ENDINGS.index(ungated(row.texts[last]))
    return ENDINGS.index(reading(row.texts[last], prompt_of(row), sensitive=sensitive)[0])


def problem(row: Row, place: int, number: int) -> Line:
    """One thing wrong with a row's form."""
    one = row.problems[number]
    turn = -1 if one.turn is None else one.turn
    role = row.roles[turn] if 0 <= turn < len(row.roles) else ""
    trained = row.trained[turn] if 0 <= turn < len(row.trained) else None
    where = (turn, role, 0, 0, "raw", "", False, trained)
    return (place, one.rule, one.severity, 1.0, None, "rule", one.label, one.reason, *where, *READER)


def _apart(one: Sighting, secret: Sequence[Sighting]) -> bool:
    """Whether a sighting's words hold no secret value, so that their hash gives none away."""
    start, end = one.span
    return not any(s.message == one.message and s.span[0] < end and s.span[1] > start for s in secret)


def _line(row: Row, place: int, *, scorer: RowScorer, sighting: Sighting, plain: bool) -> Line:
    start, end = sighting.span
    role, trained = row.roles[sighting.message], row.trained[sighting.message]
    words = row.texts[sighting.message][start:end]
    known = f"{xxhash.xxh3_64_intdigest(words.encode('utf-8', 'replace')):016x}" if words and plain else ""
    where = (sighting.message, role, start, end, sighting.view, known, sighting.secret, trained)
    score = round(sighting.value, 3)
    about = (sighting.label, sighting.reason)
    return (place, sighting.rule, sighting.severity, score, None, "rule", *about, *where, scorer.name, scorer.version)


def table(lines: Sequence[Line], schema: pa.Schema) -> pa.Table:
    """Lines as a table."""
    columns = zip(*lines, strict=True) if lines else [()] * len(schema)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def leak(row: Row, place: int, *, part: int, name: str, coverage: float) -> Line:
    """An evaluation item that stands in a row."""
    suite, item, side = name.rsplit(":", 2)
    reason = f"holds {coverage:.0%} of the {side} of item {item} of {suite}"
    turns = turns_of(row)[part]
    seen = [row.trained[i] for i in turns]
    trained = None if not seen or None in seen else any(seen)
    turn = turns[0] if len(turns) == 1 else -1
    role = row.roles[turns[0]] if turns else ""
    where = (turn, role, 0, 0, "folded", "", False, trained)
    return (place, LEAK, "high", round(coverage, 3), coverage, "coverage", suite, reason, *where, *WORDS)
