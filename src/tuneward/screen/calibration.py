"""False alarms of each rule: counted on rows held to be clean, bounded, and compared with what a screen finds.

Nobody looked at the clean rows one by one, so every hit on them counts as a false alarm: rates are upper ends twice.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Literal, Protocol

import msgspec
from scipy.special import betaincinv, gammainc, pdtrik

from tuneward.record import read_json, to_json, write_atomic
from tuneward.scorers.sighting import Risk, Rule
from tuneward.screened.document import RuleCount
from tuneward.screened.finding import Finding
from tuneward.stats.rates import wilson
from tuneward.text import number, plain

SCHEMA = "tuneward/screen-calibration/1"
NULL = "null.json"
"""The shipped calibration, beside this file once it has been measured."""
FEWEST = 300
"""Clean rows below which even a rule without a hit could be wrong on every hundredth row."""
CONFIDENCE, TAIL = 0.95, 0.01
HELD = ("quarantine", "block")


@dataclass(frozen=True)
class Tally:
    """Rows with one rule; a rule that was run and hit nothing has one too."""

    rule: str
    risk: Risk
    scorer: str
    version: str
    rows: int
    """With a finding that counts."""
    held: int
    """Of these, set aside or blocked by it."""
    allowed: int = 0
    """Rows whose findings of this rule are all allowed."""


@dataclass(frozen=True)
class RuleRate:
    """What one rule did on the clean rows."""

    scorer: str
    version: str
    rows: int
    held: int


@dataclass(frozen=True)
class Null:
    """One calibration."""

    name: Literal["own", "shipped"]
    files: Mapping[str, str]
    """Name → sha256."""
    rows: int
    rules: Mapping[str, RuleRate]
    made: str
    """Day."""
    schema: str = SCHEMA


@dataclass(frozen=True)
class Expectation:
    """False alarms of one rule that as many rows as these would give if all were clean: upper 95 % ends."""

    expected: float | None
    expected_held: float | None
    rate: float | None
    origin: str


class Source(Protocol):
    """What finds: a scorer or a detector."""

    @property
    def name(self) -> str:
        """As findings name it."""
        ...

    @property
    def version(self) -> str:
        """As findings name it."""
        ...

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All that it can find."""
        ...


def upper(hits: int, n: int) -> float:
    """One-sided 95 % upper end of a rate (Clopper and Pearson 1934); for no hits near 3 / n, the rule of three.

    Raises:
        ValueError: unless 0 <= hits <= n and n > 0.
    """
    if not 0 <= hits <= n or n == 0:
        raise ValueError(f"upper: {hits} of {n} is not a count; expected 0 <= hits <= n and n > 0")
    return 1.0 if hits == n else float(betaincinv(hits + 1, n - hits, CONFIDENCE))


def stands_out(count: int, mean: float) -> bool:
    """Whether a Poisson count of this mean would reach `count` less than once in a hundred sets (exact tail)."""
    return count > 0 and float(gammainc(count, mean)) < TAIL


def count_above(mean: float) -> int:
    """The smallest count that stands out."""
    count = max(1, int(pdtrik(1 - TAIL, mean)) - 1) if mean > 0 else 1
    while not stands_out(count, mean):
        count += 1
    return count


def tallied(findings: Iterable[Finding], sources: Iterable[Source]) -> tuple[Tally, ...]:
    """Rows with each rule that was run; findings on the whole set are not rows. For sets that fit into memory."""
    seen: dict[str, dict[str, tuple[bool, bool]]] = defaultdict(dict)
    for one in findings:
        if one.row is not None:
            counts, holds = seen[one.rule].get(one.row, (False, False))
            new = one.allowed_by is None
            seen[one.rule][one.row] = counts or new, holds or (new and one.disposition in HELD)
    return tuple(_tally(rule, source, list(seen[rule.id].values())) for source in sources for rule in source.rules)


def _tally(rule: Rule, source: Source, rows: list[tuple[bool, bool]]) -> Tally:
    count = sum(counts for counts, _ in rows)
    held = sum(holds for _, holds in rows)
    return Tally(rule.id, rule.risk, source.name, source.version, count, held, len(rows) - count)


def calibrate(
    tallies: Sequence[Tally], *, files: Mapping[str, str], rows: int, name: Literal["own", "shipped"], made: str
) -> Null:
    """The calibration that a screen of clean rows gives; what was allowed there is a hit too.

    Raises:
        ValueError: too few rows to bound anything, or more hits than rows.
    """
    rates = {t.rule: RuleRate(t.scorer, t.version, t.rows + t.allowed, t.held) for t in tallies}
    return _sound(Null(name, dict(files), rows, rates, made))


def _sound(null: Null) -> Null:
    if null.schema != SCHEMA:
        raise ValueError(f"is of another version ({plain(null.schema)}); calibrate again")
    if null.rows < FEWEST:
        raise ValueError(f"{null.rows} clean rows tell too little and would excuse too much; give at least {FEWEST}")
    for rule, rate in null.rules.items():
        for part, whole in ((rate.rows, null.rows), (rate.held, rate.rows)):
            if not 0 <= part <= whole:
                raise ValueError(f"{plain(rule)} has {part} of {whole} rows; calibrate again")
    return null


def keep(path: Path, null: Null) -> None:
    """Write a calibration, all or nothing."""
    write_atomic(path, to_json(null))


def kept(path: Path) -> Null:
    """A calibration from its file.

    Raises:
        FileNotFoundError: no such file.
        ValueError: broken, of another version, or with counts that cannot be.
    """
    found = read_json(path, Null)
    try:
        return _sound(found)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def shipped() -> Null | None:
    """The calibration that comes with this package; None where none was measured. Raises ValueError as `kept`."""
    file = resources.files("tuneward.screen") / NULL
    if not file.is_file():
        return None
    return replace(_sound(msgspec.json.decode(file.read_bytes(), type=Null)), name="shipped")


def expectation(tally: Tally, *, rows: int, nulls: Sequence[Null], inputs: frozenset[str] = frozenset()) -> Expectation:
    """False alarms to be expected of a rule on `rows` rows, by the first of `nulls` that counts for it.

    One counts if it was made with the same version of the same scorer, and of none of the files screened (`inputs`,
    their digests): rows held against themselves would explain whatever is found in them.
    """
    why = []
    for null in nulls:
        rate, against = null.rules.get(tally.rule), _objection(tally, null, inputs)
        if rate is not None and not against:
            bound = upper(rate.rows, null.rows)
            return Expectation(bound * rows, upper(rate.held, null.rows) * rows, bound, _origin(null, rate))
        why += [against] if against else []
    return Expectation(None, None, None, "; ".join(["never calibrated", *why]))


def _objection(tally: Tally, null: Null, inputs: frozenset[str]) -> str:
    """Why a calibration says nothing of a rule although it names it; empty otherwise."""
    rate = null.rules.get(tally.rule)
    if rate is None:
        return ""
    same = sorted(plain(name) for name, digest in null.files.items() if digest in inputs)
    if same:
        return f"the {null.name} calibration was made of {', '.join(same)}, which is screened here"
    if (rate.scorer, rate.version) != (tally.scorer, tally.version):
        made, now = (f"{plain(one.scorer)} version {plain(one.version)}" for one in (rate, tally))
        return f"the {null.name} calibration is of {made}, and this is {now}"
    return ""


def _origin(null: Null, rate: RuleRate) -> str:
    names = ", ".join(plain(name) for name in sorted(null.files))
    return f"{null.name}: {number(rate.rows)} of {number(null.rows)} clean rows ({names}), upper 95 % end"


def remarks(
    tallies: Sequence[Tally], *, nulls: Sequence[Null], inputs: frozenset[str] = frozenset()
) -> tuple[str, ...]:
    """Calibrations that were there and did not count, each reason once with its rules."""
    rules: dict[str, list[str]] = defaultdict(list)
    for tally in tallies:
        for null in nulls:
            against = _objection(tally, null, inputs)
            if against:
                rules[against].append(tally.rule)
    return tuple(f"Not counted for {', '.join(named)}: {why}" for why, named in rules.items())


def rule_counts(
    tallies: Sequence[Tally], *, rows: int, nulls: Sequence[Null], inputs: frozenset[str] = frozenset()
) -> tuple[RuleCount, ...]:
    """Each rule over the whole set: its rows, their share, and what false alarms alone would have given.

    Raises:
        ValueError: a rule has more rows than were scanned.
    """
    return tuple(_count(tally, rows, expectation(tally, rows=rows, nulls=nulls, inputs=inputs)) for tally in tallies)


def _count(tally: Tally, rows: int, found: Expectation) -> RuleCount:
    return RuleCount(
        rule=tally.rule,
        rows=tally.rows,
        allowed=tally.allowed,
        share=wilson(tally.rows, rows),
        expected=found.expected,
        rate=found.rate,
        origin=found.origin,
        above=found.expected is not None and stands_out(tally.rows, found.expected),
    )
