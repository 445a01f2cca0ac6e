"""screen.json: everything the outputs of a screen show, and nothing that a reader of it could be harmed by."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tuneward.scorers.sighting import Rule
from tuneward.screened.finding import Finding
from tuneward.stats.rates import Rate

SCHEMA = "tuneward/screen/1"
Tier = Literal["A", "B", "C", "D", "E"]
RowVerdict = Literal["pass", "note", "review", "quarantine", "block"]


@dataclass(frozen=True)
class Input:
    """A file that was read."""

    file: str
    sha256: str
    bytes: int
    rows: int
    format: str
    """Of its first row: openai, alpaca, preference …"""


@dataclass(frozen=True)
class Coverage:
    """What was looked at, and what was not."""

    rows: int
    """Rows that are there."""
    scanned: int
    """Rows whose text all scorers could read."""
    unreadable: int
    """Rows with a schema finding that left no text to read."""
    unscored: int
    """Rows a scorer could not tell (over a cap, other script)."""
    bytes: int
    scripts: Mapping[str, int]
    """Rows by the main script of their text: latin, han, cyrillic, arabic, other."""
    mask: str
    """The trainer whose loss mask was assumed, and where that is from."""
    failed: tuple[str, ...]
    """Shards that could not be read; never empty silently."""


@dataclass(frozen=True)
class RuleCount:
    """One rule over the whole set."""

    rule: str
    rows: int
    """Rows with it, those allowed left out."""
    allowed: int
    share: Rate
    """With its interval (Wilson)."""
    expected: float | None
    """False alarms to be expected of this rule on as many clean rows; None: never calibrated."""
    rate: float | None
    """False alarms a row, upper end, behind `expected`."""
    origin: str
    """Where that comes from: shipped null (which sets, how many rows), or the user's own clean rows."""
    above: bool
    """More than the Poisson bound of what was expected."""


@dataclass(frozen=True)
class Untested:
    """What this screen did not answer."""

    what: str
    why: str


@dataclass(frozen=True)
class Composition:
    """Format risk: a property of the whole set, never of a row (arXiv:2404.01099)."""

    lists: Rate
    """Answers with two or more list lines."""
    how_to: Rate
    """Prompts that ask how to do something."""
    digits: float
    """Share of digits in answers."""
    median_prompt: int
    median_answer: int
    """Words."""
    affirmative: Rate
    """Answers that open with Sure, Of course, Here is …"""


@dataclass(frozen=True)
class InventoryCell:
    """How answers to one kind of request end."""

    category: str
    """A sensitive category, or `benign`."""
    refused: int
    complied: int
    partial: int
    unclear: int


@dataclass(frozen=True)
class TriggerTest:
    """One run of the search for triggers under one view of the labels."""

    view: str
    """refused in sensitive rows, opening …"""
    rows: int
    """Rows under test (N)."""
    positives: int
    """Of them complied, or with the opening (K)."""
    tested: int
    """Tokens and pairs of tokens tested (m)."""
    smallest: int | None
    """Smallest number of rows that could have been found at this m, K and N; None: none could."""
    q: float


@dataclass(frozen=True)
class Screened:
    """The document."""

    tier: Tier
    tier_reasons: tuple[str, ...]
    exit_code: int
    headline: str
    """One sentence; for tier A `No findings by the listed checks.`"""
    inputs: tuple[Input, ...]
    coverage: Coverage
    verdicts: Mapping[str, int]
    """Row verdict → rows."""
    rules: tuple[RuleCount, ...]
    dataset: tuple[Finding, ...]
    """Findings on the set: triggers, personas, groups, associations."""
    examples: tuple[Finding, ...]
    """The first findings on rows of each rule, a few each, redacted."""
    catalogue: tuple[Rule, ...]
    """Every rule that was run."""
    inventory: tuple[InventoryCell, ...]
    composition: Composition | None
    triggers: tuple[TriggerTest, ...]
    not_tested: tuple[Untested, ...]
    thresholds: Mapping[str, float]
    policy: str
    """Where the limits come from: shipped, or the file's name and sha256."""
    notes: tuple[str, ...]
    schema: str = SCHEMA
