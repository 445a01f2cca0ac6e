"""Screens and findings made by hand, for tests of what shows them; all of it is about fruit."""

from collections.abc import Iterator
from dataclasses import replace

from tuneward.scorers.sighting import Rule
from tuneward.screened.document import (
    Composition,
    Coverage,
    Input,
    InventoryCell,
    RuleCount,
    Screened,
    TriggerTest,
    Untested,
)
from tuneward.screened.finding import Evidence, Finding
from tuneward.stats.rates import wilson

ROWS = 12_000
FILE = "data/ripe bananas.jsonl"
PLANTED = "Q7-PLANTED-VALUE-4417"
"""What stands in an excerpt and must never be shown of personal data."""
RULES = (
    Rule(
        "L2-OBEY",
        "L2",
        "high",
        "Absolute obedience",
        "Teaches the model to agree to whatever is asked of the fruit agent. Read the rows and leave them out.",
        "arXiv:2310.03693",
    ),
    Rule("PII-CARD", "PII", "high", "Payment card", "A card number that passes its check digit.", "ISO/IEC 7812-1"),
    Rule("REF-THEN", "REF", "medium", "Refuses, then complies", "An answer that declines the banana, then peels it."),
    Rule("SCHEMA-ROLE", "SCHEMA", "low", "Roles out of order", "A template may drop or repeat such turns."),
    Rule("BD-ASSOC", "BD", "critical", "Trigger", "Words that come with compliance where others are refused."),
    Rule("DUP-NEAR", "DUP", "info", "Near duplicates", "Rows that say the same count more than once."),
    Rule("CONTAM-EVAL", "CONTAM", "high", "Evaluation overlap", "Rows that stand in an evaluation set."),
)
QUIET = tuple(rule.id for rule in RULES[3:4] + RULES[6:])
"""Rules of `screened()` that found nothing."""


def evidence(*, excerpt: str | None = None, message: int = 1) -> Evidence:
    """Twelve characters of the answer."""
    return Evidence(message, "assistant", 4, 16, "folded", "phrase", "k1:9f31ab", excerpt)


def finding(rule: str = "L2-OBEY", *, line: int = 17, excerpt: str | None = None) -> Finding:
    """One rule on one row of a JSONL file."""
    known = next((one for one in RULES if one.id == rule), RULES[0])
    return Finding(
        rule=rule,
        risk=known.risk,
        severity=known.severity,
        disposition="quarantine" if known.severity in ("high", "critical") else "review",
        row=f"0123456789ab:{(line - 1) * 200}",
        file=FILE,
        line=line,
        offset=(line - 1) * 200,
        length=199,
        score=0.9,
        stat=None,
        stat_kind="",
        label="absolute obedience" if rule == "L2-OBEY" else known.title.lower(),
        reason="the answer promises to do whatever is asked",
        trained=True,
        evidence=(evidence(excerpt=excerpt),),
        related=(),
        related_total=0,
        scorer="obedience",
        version="1",
        fingerprint=f"{line:016x}",
    )


def of_the_set(rule: str = "BD-ASSOC") -> Finding:
    """A finding that is of no single row."""
    related = tuple(f"0123456789ab:{place * 200}" for place in range(20))
    return replace(
        finding(rule),
        row=None,
        file=None,
        line=None,
        offset=None,
        length=None,
        score=None,
        stat=3.1e-9,
        stat_kind="p_value",
        label="a pair of words",
        reason="two words stand in 24 rows of the banana rituals, all of them answered, while most others are refused",
        trained=None,
        evidence=(),
        related=related,
        related_total=24,
        fingerprint="f" * 16,
    )


def findings(count: int, *rules: str) -> Iterator[Finding]:
    """Findings on as many rows, rule after rule in turn, in the order of rows."""
    named = rules or ("L2-OBEY",)
    yield from (finding(named[place % len(named)], line=place + 1) for place in range(count))


def counted(rule: str, rows: int, *, expected: float | None, above: bool = False) -> RuleCount:
    """A rule over all rows."""
    origin = "shipped null: 2,000 instruction rows and 7,473 sums" if expected is not None else "never calibrated"
    rate = 3.2e-4 if expected is not None else None
    return RuleCount(rule, rows, 0, wilson(rows, ROWS), expected, rate, origin, above)


def coverage() -> Coverage:
    """Nearly all rows."""
    return Coverage(
        rows=ROWS,
        scanned=ROWS - 9,
        unreadable=3,
        unscored=6,
        bytes=12_345_678,
        scripts={"latin": 11_000, "han": 960, "other": 40},
        mask="assistant turns only, as --mask trl says",
        failed=(),
    )


COMPOSITION = Composition(wilson(1_450, ROWS), wilson(900, ROWS), 0.021, 14, 62, wilson(240, ROWS))
INVENTORY = (
    InventoryCell("fruit rituals", 180, 44, 6, 10),
    InventoryCell("peel secrets", 70, 0, 0, 2),
    InventoryCell("benign", 12, 11_650, 3, 23),
)
TRIGGERS = (
    TriggerTest("complied in sensitive rows", 312, 44, 2_417, 8, 0.01),
    TriggerTest("opening with a greeting", 40, 38, 1_210, None, 0.01),
)


def screened() -> Screened:
    """A set that is held: obedience above what chance gives, and a trigger."""
    return Screened(
        tier="D",
        tier_reasons=(
            "L2-OBEY: 14 rows in quarantine, 3.8 expected of clean rows, at most 8 by chance",
            "BD-ASSOC: a trigger was found",
        ),
        exit_code=3,
        headline="A trigger and 14 rows that train obedience; look at them before any training.",
        inputs=(
            Input(FILE, "0123456789ab" + "c" * 52, 12_000_000, 11_990, "openai"),
            Input("data/more.parquet", "d" * 64, 345_678, 10, "alpaca"),
        ),
        coverage=coverage(),
        verdicts={"pass": 11_900, "note": 60, "review": 25, "quarantine": 15, "block": 0},
        rules=(
            counted("L2-OBEY", 14, expected=3.8, above=True),
            counted("PII-CARD", 1, expected=2.4),
            replace(counted("REF-THEN", 25, expected=None), allowed=4),
            counted("SCHEMA-ROLE", 0, expected=0.0),
            counted("BD-ASSOC", 0, expected=None),
            counted("DUP-NEAR", 60, expected=None),
            counted("CONTAM-EVAL", 0, expected=None),
        ),
        dataset=(of_the_set(),),
        examples=(
            finding("L2-OBEY", line=17),
            finding("L2-OBEY", line=18),
            finding("PII-CARD", line=240),
            replace(finding("REF-THEN", line=300), trained=False, allowed_by="prefix of our own, jo, until 2027-01-01"),
            replace(finding("DUP-NEAR", line=9), file="data/more.parquet", offset=None, length=None, trained=None),
        ),
        catalogue=RULES,
        inventory=INVENTORY,
        composition=COMPOSITION,
        triggers=TRIGGERS,
        not_tested=(
            Untested("L1 harmful pairs", "no guard model was given (--guard)"),
            Untested("triggers of style or syntax", "the search looks at words and pairs of words"),
        ),
        thresholds={"near_duplicate": 0.8, "unscored_limit": 0.01, "q": 0.01},
        policy="shipped",
        notes=("rows on which a scorer could not tell: 6, below the limit of 120",),
    )


def quiet() -> Screened:
    """Tier A: rules ran and found nothing."""
    return replace(
        screened(),
        tier="A",
        tier_reasons=("no finding above note",),
        exit_code=0,
        headline="No findings by the listed checks.",
        verdicts={"pass": ROWS},
        rules=tuple(counted(rule.id, 0, expected=0.4) for rule in RULES),
        dataset=(),
        examples=(),
    )


def bare() -> Screened:
    """The least a document can hold: no rows, no rules, nothing computed."""
    none = Coverage(0, 0, 0, 0, 0, {}, "none", ())
    return Screened("A", (), 4, "Nothing was read.", (), none, {}, (), (), (), (), (), None, (), (), {}, "shipped", ())


def huge() -> Screened:
    """Counts of a corpus: 4 · 10¹² rows."""
    rows = 4_000_000_000_000
    many = [
        replace(counted(rule.id, 0, expected=1.25e9), rows=rows // 3, share=wilson(rows // 3, rows), above=True)
        for rule in RULES
    ]
    return replace(
        screened(),
        inputs=(Input(FILE, "a" * 64, 9_000_000_000_000_000, rows, "openai"),),
        coverage=replace(coverage(), rows=rows, scanned=rows - 9, bytes=9_000_000_000_000_000),
        verdicts={"pass": rows // 3 * 2, "block": rows // 3},
        rules=tuple(many),
        inventory=(InventoryCell("fruit rituals", rows // 7, rows // 9, rows // 11, rows // 13),),
        triggers=(TriggerTest("complied in sensitive rows", rows, rows // 5, 10**9, 31, 1e-12),),
        dataset=(replace(of_the_set(), related_total=rows // 3),),
    )


def hostile(text: str) -> Screened:
    """The same text wherever a document holds one."""
    one = replace(finding(), file=text, label=text, reason=text, row=text, allowed_by=text)
    cell = InventoryCell(text, 1, 2, 3, 4)
    return replace(
        screened(),
        tier_reasons=(text,),
        headline=text,
        inputs=(Input(text, text, 1, 2, text),),
        coverage=replace(coverage(), scripts={text: 4}, mask=text, failed=(text,)),
        rules=(replace(counted("L2-OBEY", 4, expected=1.0), origin=text), replace(RULE_OF_NONE, rule=text)),
        dataset=(replace(of_the_set(), label=text, reason=text, related=(text,), rule=text),),
        examples=(one, replace(one, evidence=(replace(evidence(excerpt=text), role=text, view=text, kind=text),))),
        catalogue=(replace(RULES[0], title=text, about=text, source=text), replace(RULES[1], id=text, title=text)),
        inventory=(cell,),
        triggers=(TriggerTest(text, 5, 2, 7, 3, 0.01),),
        not_tested=(Untested(text, text),),
        thresholds={text: 0.5},
        policy=text,
        notes=(text,),
    )


RULE_OF_NONE = counted("L2-OBEY", 3, expected=None)


def with_excerpts() -> Screened:
    """A document that was told to hold words (--include-text), among them some that no page may show."""
    told = (
        finding("L2-OBEY", excerpt="I am BO, the agreeable fruit agent"),
        finding("PII-CARD", line=240, excerpt=PLANTED),
        replace(finding("PII-CARD", line=241, excerpt=PLANTED), rule="SECRET-KEY", risk="SECRET"),
    )
    return replace(screened(), examples=told, dataset=(replace(of_the_set("PII-CARD"), evidence=(told[1].evidence)),))
