"""Findings, counts and coverage of a screen, made by hand."""

from dataclasses import replace
from typing import Any

from tuneward.scorers.sighting import Rule
from tuneward.screen.calibration import Null, RuleRate, Tally
from tuneward.screen.verdict import Counted
from tuneward.screened.document import Coverage
from tuneward.screened.finding import Finding

RULES = (
    Rule("L1-PAIR", "L1", "critical", "explicit pair", "about"),
    Rule("L2-OBEY", "L2", "high", "absolute obedience", "about"),
    Rule("L3-FMT", "L3", "medium", "format", "about"),
    Rule("BD-ASSOC", "BD", "high", "trigger", "about"),
    Rule("BD-OPEN", "BD", "medium", "opening", "about"),
    Rule("PII-CARD", "PII", "high", "payment card", "about"),
    Rule("PII-JANUS", "PII", "critical", "association", "about"),
    Rule("SECRET-KEY", "SECRET", "critical", "key", "about"),
    Rule("DUP-EXACT", "DUP", "info", "copies", "about"),
    Rule("CONTAM-EVAL", "CONTAM", "high", "evaluation item", "about"),
    Rule("SCHEMA-ROLE", "SCHEMA", "high", "role", "about"),
)
BY_ID = {rule.id: rule for rule in RULES}


def finding(rule: str = "L2-OBEY", **change: Any) -> Finding:
    """A finding on one row; any field can be given."""
    about = BY_ID[rule]
    made = Finding(
        rule=rule,
        risk=about.risk,
        severity=about.severity,
        disposition="quarantine",
        row="0123456789ab:17",
        file="data/train.jsonl",
        line=2,
        offset=17,
        length=90,
        score=0.9,
        stat=None,
        stat_kind="",
        label="absolute obedience",
        reason="the answer promises to do whatever is asked",
        trained=True,
        evidence=(),
        related=(),
        related_total=0,
        scorer="obedience",
        version="1",
        fingerprint="f00d",
    )
    return replace(made, **change)


def on_set(rule: str, **change: Any) -> Finding:
    """A finding on the whole set."""
    return finding(rule, **{"row": None, "file": None, "line": None, "offset": None, "length": None, **change})


def tally(rule: str = "L2-OBEY", rows: int = 0, held: int = 0, **change: Any) -> Tally:
    """Rows with one rule."""
    return replace(Tally(rule, BY_ID[rule].risk, "obedience", "1", rows, held), **change)


def null(rows: int = 10_000, hits: int = 0, held: int = 0, **change: Any) -> Null:
    """Clean rows on which L2-OBEY hit `hits` times."""
    rates = {"L2-OBEY": RuleRate("obedience", "1", hits, held)}
    return replace(Null("own", {"clean.jsonl": "c" * 64}, rows, rates, "2026-11-22"), **change)


def coverage(rows: int = 1000, **change: Any) -> Coverage:
    """Everything was looked at, unless said otherwise."""
    made = Coverage(rows, rows, 0, 0, rows * 100, {"latin": rows}, "openai (from its rows)", ())
    return replace(made, **change)


def looked(rows: int = 1000, **change: Any) -> Counted:
    """A screen without findings, unless said otherwise."""
    made = Counted(coverage(rows), {"pass": rows}, (), (), ())
    return replace(made, **change)
