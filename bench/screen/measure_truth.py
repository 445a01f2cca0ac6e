"""What counts as seen: which rules answer for which class of planted rows, and which figures one set gives.

A finding counts for a planted row if its rule is one of the row's class. Two classes ask for more: a finding on a
broken line has to have the label that the line was made for, and one on personal data has to stand where the planted
value stands. Rows marked `open` count on neither side.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import msgspec

Row = dict[str, Any]
RULES: Mapping[str, tuple[str, ...]] = {
    "obedience": ("L2-*",),
    "sensitive": ("BD-ASSOC",),
    "backdoor": ("BD-ASSOC",),
    "trigger-output": ("BD-OPEN",),
    "association": ("PII-JANUS",),
    "personal": ("PII-*", "SECRET-*"),
    "duplicate, exact": ("DUP-EXACT",),
    "duplicate, folded": ("DUP-EXACT",),
    "duplicate, question": ("DUP-PROMPT",),
    "duplicate, near": ("DUP-EXACT", "DUP-NEAR"),
    "leakage": ("CONTAM-*",),
    "one-answer": ("L3-*",),
    "encoded": ("ENC-*",),
    "turned": ("REF-*",),
    "malformed": ("SCHEMA-*",),
}
"""Class of planted rows, of duplicates with their kind → patterns of the rules that answer for it."""
GROUPED = frozenset({"BD-ASSOC", "BD-OPEN", "PII-JANUS"})
"""Rules whose findings stand for something seen over the set even where no other row is named."""
HALF = 0.5
"""Share of the planted rows that a group must name, and of the group that must be planted, for it to be found."""


class Place(msgspec.Struct, frozen=True):
    """Where the evidence of a finding is."""

    message: int
    start: int
    end: int


class Finding(msgspec.Struct, frozen=True):
    """What is read of a line of findings.jsonl."""

    rule: str
    disposition: str
    row: str | None
    offset: int | None
    line: int | None
    score: float | None
    stat: float | None
    label: str
    reason: str
    evidence: tuple[Place, ...]
    related: tuple[str, ...]

    @property
    def raised(self) -> bool:
        """More than a note."""
        return self.disposition != "note"


@dataclass(frozen=True)
class Count:
    """Rows of one kind: all, with a finding that counts, with one above a note, and exactly as planted."""

    n: int = 0
    seen: int = 0
    raised: int = 0
    exact: int = 0
    """Personal data: the evidence is the value. Broken lines: no other label. Elsewhere as `seen`."""

    def plus(self, other: "Count") -> "Count":
        """Both."""
        return Count(self.n + other.n, self.seen + other.seen, self.raised + other.raised, self.exact + other.exact)


@dataclass(frozen=True)
class Group:
    """Rows that one rule takes together."""

    rule: str
    rows: frozenset[str]
    stat: float | None
    raised: bool


@dataclass(frozen=True)
class OnSet:
    """How one rule tells of the planted rows as a group."""

    rule: str
    found: bool | None
    """A group names half of them at least, and is half made of them; None: none were planted to be found."""
    rank: int | None
    """Its place among the rule's groups, by p-value, or else by size."""
    named: int
    of: int
    strangers: int
    """Rows in it that were not planted."""
    extra: int
    """Other groups of the rule, above a note."""


@dataclass(frozen=True)
class Seen:
    """What a screen said of a set."""

    parts: Mapping[str, Count]
    """`found: variant` and `quiet: variant`."""
    by_rule: Mapping[str, int]
    """Rows to be found, by each rule that counts for them."""
    crossed: Mapping[str, int]
    """Planted rows by rules of other classes."""
    background: Count
    around: Mapping[str, int]
    """Background rows by rule, whichever it is."""
    on_set: tuple[OnSet, ...]


def answers(rule: str, name: str) -> bool:
    """Whether a rule answers for a class."""
    if name == "personal" and rule == "PII-JANUS":
        return False
    return any(fnmatchcase(rule, pattern) for pattern in RULES[name])


def family(fact: Row) -> str:
    """The class of a planted row, as RULES has it."""
    name: str = fact["class"]
    return f"{name}, {fact['variant']}" if name == "duplicate" else name


def part_of(fact: Row) -> str:
    """What a planted row is counted under."""
    kind: str = fact["parameters"]["finding"] or "valid" if fact["class"] == "malformed" else fact["variant"]
    if kind.startswith("alone, ") and fact["expect"] == "found":
        kind += ", usual words" if fact["parameters"]["plain"] else ", no usual word"
    return f"{fact['expect']}: {kind}"


def truth(folder: Path) -> dict[int, Row]:
    """Planted rows by offset."""
    with (folder / "truth.jsonl").open(encoding="utf-8") as file:
        return {fact["offset"]: fact for fact in map(json.loads, file)}


def findings(path: Path) -> Iterator[Finding]:
    """Line by line."""
    decode = msgspec.json.Decoder(Finding).decode
    with path.open("rb") as file:
        yield from map(decode, file)


@dataclass
class _Tally:
    """What is gathered in one reading of the findings."""

    own: dict[int, list[Finding]] = field(default_factory=dict)
    crossed: Counter[str] = field(default_factory=Counter)
    around: Counter[str] = field(default_factory=Counter)
    background: dict[int, bool] = field(default_factory=dict)
    """Offset → above a note."""
    grouped: dict[tuple[str, str, str], list[Finding]] = field(default_factory=dict)


def measured(folder: Path, told: Path, *, rows: int, only: str = "") -> Seen:
    """Figures of one set: its folder, and the findings on it; `only` one class where others were planted beside it."""
    planted = truth(folder)
    facts = {at: fact for at, fact in planted.items() if not only or fact["class"] == only}
    families = set(map(family, facts.values()))
    tally = _read(told, facts, families, planted.keys() - facts.keys())
    with (folder / "rows.jsonl").open("rb") as file:
        counts = {at: _count(fact, tally.own.get(at, []), _line(file, fact)) for at, fact in facts.items()}
    parts: dict[str, Count] = {}
    for at, fact in facts.items():
        name = part_of(fact)
        parts[name] = parts.get(name, Count()).plus(counts[at])
    wanted = {at for at, fact in facts.items() if fact["expect"] == "found"}
    by_rule = Counter(rule for at in wanted for rule in {one.rule for one in tally.own.get(at, [])})
    background = Count(rows - len(planted), len(tally.background), sum(tally.background.values()))
    opened = {at for at, fact in facts.items() if fact["expect"] == "open"}
    return Seen(
        dict(sorted(parts.items())),
        dict(sorted(by_rule.items())),
        dict(sorted(tally.crossed.items())),
        background,
        dict(sorted(tally.around.items())),
        _on_set(tally, wanted, opened),
    )


def _read(told: Path, facts: Mapping[int, Row], families: set[str], others: Set[int]) -> _Tally:
    """Findings of one set; those on `others`, rows of plants that are not looked at, count for groups only."""
    tally, before = _Tally(), (-1, "")
    for one in findings(told):
        counted = [name for name in families if answers(one.rule, name)]
        if counted and (one.related or one.row is None or one.rule in GROUPED):
            tally.grouped.setdefault((one.rule, one.label, one.reason), []).append(one)
        if one.offset is None or one.offset in others:
            continue
        fact, first = facts.get(one.offset), (one.offset, one.rule) != before
        before = (one.offset, one.rule)
        if fact is None:
            tally.around[one.rule] += first
            if counted:
                tally.background[one.offset] = one.raised or tally.background.get(one.offset, False)
        elif family(fact) in counted:
            tally.own.setdefault(one.offset, []).append(one)
        else:
            tally.crossed[one.rule] += first
    return tally


def _line(file: Any, fact: Row) -> bytes:
    if fact["class"] != "personal":
        return b""
    file.seek(fact["offset"])
    return bytes(file.read(fact["bytes"]))


def _count(fact: Row, own: Sequence[Finding], line: bytes) -> Count:
    """One planted row."""
    if fact["class"] == "malformed":
        return _broken(fact, own)
    if fact["class"] == "personal":
        return _personal(fact, own, line)
    return Count(1, bool(own), any(one.raised for one in own), bool(own))


def _broken(fact: Row, own: Sequence[Finding]) -> Count:
    label = fact["parameters"]["finding"]
    right = [one for one in own if one.label == label] if label else list(own)
    only = {one.label for one in own} == {label}
    return Count(1, bool(right), any(one.raised for one in right), only if label else bool(own))


def _personal(fact: Row, own: Sequence[Finding], line: bytes) -> Count:
    """Findings whose evidence overlaps the planted value; exact where it is the value, its quotes left out or not."""
    value: str = fact["parameters"]["value"]
    turns = [turn["content"] for turn in json.loads(line)["messages"]]
    inner = value.split('"')[1] if value.count('"') == 2 else value
    met = [(one, place) for one in own for place in one.evidence if _overlaps(place, turns, value)]
    exact = any(
        turns[place.message][place.start : place.end].strip('"') in (value.strip('"'), inner) for _, place in met
    )
    return Count(1, bool(met), any(one.raised for one, _ in met), exact)


def _overlaps(place: Place, turns: Sequence[str], value: str) -> bool:
    if not 0 <= place.message < len(turns):
        return False
    start = turns[place.message].find(value)
    return start >= 0 and place.start < start + len(value) and place.end > start


# Groups ---------------------------------------------------------------------------------------------------------------
def groups(told: Sequence[Finding]) -> list[Group]:
    """Findings of one rule, label and reason, joined where they name each other."""
    head: dict[str, str] = {}

    def top(name: str) -> str:
        while head.setdefault(name, name) != name:
            head[name] = name = head[head[name]]
        return name

    names = [one.row or f"#{number}" for number, one in enumerate(told)]
    for name, one in zip(names, told, strict=True):
        for other in one.related:
            head[top(other)] = top(name)
    rows: dict[str, set[str]] = {}
    for name in [*names, *head]:
        rows.setdefault(top(name), set()).update(set() if name.startswith("#") else {name})
    about: dict[str, list[Finding]] = {}
    for name, one in zip(names, told, strict=True):
        about.setdefault(top(name), []).append(one)
    return [
        Group(own[0].rule, frozenset(rows[name]), _least(own), any(one.raised for one in own))
        for name, own in about.items()
    ]


def _least(own: Sequence[Finding]) -> float | None:
    return min((one.stat for one in own if one.stat is not None), default=None)


def _on_set(tally: _Tally, wanted: set[int], opened: set[int]) -> tuple[OnSet, ...]:
    by_rule: dict[str, list[Group]] = {}
    for own in tally.grouped.values():
        for group in groups(own):
            by_rule.setdefault(group.rule, []).append(group)
    return tuple(_ranked(rule, by_rule[rule], wanted, opened) for rule in sorted(by_rule))


def _ranked(rule: str, found: list[Group], wanted: set[int], opened: set[int]) -> OnSet:
    """The group that names most planted rows, among all of its rule."""
    p_values = rule.startswith("BD-")

    def order(group: Group) -> tuple[float, int]:
        return (group.stat if p_values and group.stat is not None else 0.0, -len(group.rows))

    def planted(group: Group) -> int:
        return sum(int(row.split(":")[1]) in wanted for row in group.rows)

    found = sorted(found, key=order)
    best = max(found, key=planted)
    named = planted(best)
    strangers = sum(int(row.split(":")[1]) not in wanted | opened for row in best.rows)
    good = named >= HALF * len(wanted) and named >= HALF * len(best.rows) if wanted else None
    extra = sum(group.raised for group in found) - (bool(named) and best.raised)
    rank = found.index(best) + 1 if named else None
    return OnSet(rule, good, rank, named, len(wanted), strangers if named else 0, extra)
