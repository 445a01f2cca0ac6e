"""What a screen finds: rows, rules and reasons, in the form that files, SARIF and pages are made of."""

from dataclasses import dataclass
from typing import Literal

from tuneward.scorers.sighting import Risk, Severity

Disposition = Literal["note", "review", "quarantine", "block"]
DISPOSITIONS: tuple[Disposition, ...] = ("note", "review", "quarantine", "block")
StatKind = Literal["", "count", "share", "p_value", "jaccard", "coverage", "rule"]


@dataclass(frozen=True)
class Evidence:
    """Where in a row, in characters of the turn as it stands."""

    message: int
    role: str
    start: int
    end: int
    view: str
    kind: str
    digest: str
    """xxh3 of the words; "" for and around secret values, which a hash would give away, and without a stretch."""
    excerpt: str | None = None
    """The words themselves: only with --include-text, and never for personal data and secrets."""


@dataclass(frozen=True)
class Finding:
    """One rule on one row, or on the set."""

    rule: str
    risk: Risk
    severity: Severity
    disposition: Disposition
    row: str | None
    """FILE-DIGEST:OFFSET, or FILE-DIGEST:GROUP:ROW; None: a finding on the whole set."""
    file: str | None
    line: int | None
    """From 1; in Parquet and Arrow files the row's place from 1."""
    offset: int | None
    """Byte at which the row starts; None where rows have no bytes of their own."""
    length: int | None
    """Bytes of the row, its line end left out."""
    score: float | None
    """0 fine … 1 bad, rounded to 0.001."""
    stat: float | None
    stat_kind: StatKind
    label: str
    reason: str
    trained: bool | None
    """Whether the loss sees the evidence; None: not a matter of one place."""
    evidence: tuple[Evidence, ...]
    related: tuple[str, ...]
    """Other rows of the same group, at most RELATED of them."""
    related_total: int
    scorer: str
    version: str
    fingerprint: str
    """The same finding in another run of the same file has the same; it does not depend on line numbers."""
    allowed_by: str | None = None
    """Entry of the allow-list under which it does not count."""


RELATED = 20
