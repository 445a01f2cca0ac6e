"""What becomes of a finding, of a row and of the set; the only place where the exit code of a screen is decided.

A set is sorted by rules that can be read, never by a weighted score. **A** nothing above a pass. **B** notes. **C**
rows to look at, or too little looked at. **D** held: obedience or explicit harm beyond what false alarms explain, a
trigger, an association of people with values, or evaluation items. **E** blocked, by policy or because guard and people
confirmed it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from tuneward.scorers.sighting import Risk, Rule, Severity
from tuneward.screen.calibration import HELD, Null, Tally, count_above, expectation, stands_out
from tuneward.screen.limits import Limits
from tuneward.screened.document import Coverage, RuleCount, Tier
from tuneward.screened.finding import DISPOSITIONS, Disposition, Finding
from tuneward.text import number, percent

OF_SEVERITY: Mapping[Severity, Disposition] = MappingProxyType(
    {"info": "note", "low": "note", "medium": "review", "high": "quarantine", "critical": "quarantine"}
)
NEEDS_LOSS: frozenset[Risk] = frozenset({"L1", "L2", "L3", "PII", "SECRET", "REF"})
"""What hurts only where the loss sees it. A trigger acts from the prompt, an evaluation item is known by its prompt,
and a broken row is broken wherever it is broken."""
HOLDS = frozenset({"BD-ASSOC", "PII-JANUS"})
"""Findings that hold a set whatever their severity, unless the policy lowers the rule."""
NOTHING = "No findings by the listed checks."
WORDS: Mapping[Tier, str] = MappingProxyType({"B": "Notes only", "C": "To be looked at", "D": "Hold", "E": "Blocked"})


@dataclass(frozen=True)
class Counted:
    """What a screen counted."""

    coverage: Coverage
    verdicts: Mapping[str, int]
    """Row verdict → rows."""
    tallies: tuple[Tally, ...]
    dataset: tuple[Finding, ...]
    """Findings on the set."""
    nulls: tuple[Null, ...]
    """Calibrations, the user's own first."""
    inputs: frozenset[str] = frozenset()
    """Digests of the files screened."""


@dataclass(frozen=True)
class Verdict:
    """What a set came to."""

    tier: Tier
    reasons: tuple[str, ...]
    exit_code: int
    headline: str


def disposition(
    severity: Severity, *, rule: Rule, trained: bool | None, limits: Limits, confirmed: bool = False
) -> Disposition:
    """What becomes of a finding: what the policy says of its rule, else by severity, a step less where no loss sees it.

    `trained` None (the mask is not known, or it is no matter of one place) counts as seen. `confirmed`: a guard model
    and people both said so.
    """
    if confirmed:
        return "block"
    if rule.id in limits.dispositions:
        return limits.dispositions[rule.id]
    found = OF_SEVERITY[severity]
    lower = trained is False and rule.risk in NEEDS_LOSS
    return DISPOSITIONS[max(0, DISPOSITIONS.index(found) - lower)]


def verdict(seen: Counted, limits: Limits) -> Verdict:
    """Tier, reasons, exit code and headline of a set."""
    found = [one for one in seen.dataset if one.allowed_by is None]
    unread = unlooked(seen.coverage, limits)
    by_tier: dict[Tier, list[str]] = {
        "E": _blocked(seen, found),
        "D": [*_beyond(seen), *_held(seen, found, limits)],
        "C": _open(seen, found),
        "B": _noted(seen, found),
    }
    named: Tier = next((tier for tier, reasons in by_tier.items() if reasons), "A")
    reasons = [*by_tier.get(named, []), *(by_tier["D"] if named == "E" else [])]
    code = 3 if named >= limits.fails_from else 4 if unread else 0
    tier = max(named, "C") if unread else named
    if unread:
        reasons = [*(reasons if tier == named else []), unread]
    return Verdict(tier, tuple(map(_sentence, reasons)) or (NOTHING,), code, _headline(tier, reasons))


def unlooked(coverage: Coverage, limits: Limits) -> str:
    """Why too little was looked at for any verdict to be green; empty when enough was."""
    if coverage.failed:
        shards = f"{number(len(coverage.failed))} shard{'s' * (len(coverage.failed) > 1)}"
        return f"{shards} could not be read, so nothing is known of the rows there"
    if not coverage.scanned:
        return f"none of {number(coverage.rows)} rows was scanned, so nothing is known of them"
    missed = max(coverage.rows - coverage.scanned, coverage.unreadable + coverage.unscored)
    if missed <= limits.unscanned * coverage.rows:
        return ""
    return (
        f"{number(missed)} of {number(coverage.rows)} rows were not scanned ({number(coverage.unreadable)} unreadable, "
        f"{number(coverage.unscored)} that a scorer could not tell); the limit is {percent(limits.unscanned)}"
    )


def _blocked(seen: Counted, found: Sequence[Finding]) -> list[str]:
    rows, blocked = seen.verdicts.get("block", 0), _rules(found, ("block",))
    reasons = [f"{number(rows)} of {number(seen.coverage.rows)} rows are blocked"] if rows else []
    return reasons + [f"{rule} blocks the set with {_findings(count)}" for rule, count in blocked.items()]


def _beyond(seen: Counted) -> list[str]:
    """Rules on levels 1 and 2 that set more rows aside than false alarms explain."""
    reasons = []
    for tally in (one for one in seen.tallies if one.risk in ("L1", "L2") and one.held):
        rows = seen.coverage.rows
        about = expectation(tally, rows=rows, nulls=seen.nulls, inputs=seen.inputs)
        said = f"{tally.rule} sets {number(tally.held)} of {number(rows)} rows aside"
        if about.expected_held is None:
            reasons.append(f"{said}, and how many of these are false alarms was never calibrated")
        elif stands_out(tally.held, about.expected_held):
            reasons.append(
                f"{said}; at most {_expected(about.expected_held)} false alarms were expected, and "
                f"{number(count_above(about.expected_held))} would already be more than chance explains"
            )
    return reasons


def _held(seen: Counted, found: Sequence[Finding], limits: Limits) -> list[str]:
    """Findings that hold a set by themselves: triggers, associations, evaluation items, groups on levels 1 and 2."""
    always = {rule for rule in HOLDS if rule not in limits.dispositions}
    ours = [one for one in found if one.rule in always or (one.disposition in HELD and _grave(one.rule, one.risk))]
    reasons = [f"{rule} holds the set with {_findings(count)}" for rule, count in _rules(ours, DISPOSITIONS).items()]
    named = {one.rule for one in ours}
    for tally in seen.tallies:
        grave = tally.rule in HOLDS or tally.risk == "CONTAM"
        rows = tally.rows if tally.rule in always else tally.held
        if grave and rows and tally.rule not in named:
            reasons.append(f"{tally.rule} holds {number(rows)} of {number(seen.coverage.rows)} rows")
    return reasons


def _grave(rule: str, risk: Risk) -> bool:
    return rule in HOLDS or risk in ("L1", "L2", "CONTAM")


def _open(seen: Counted, found: Sequence[Finding]) -> list[str]:
    rows = number(seen.coverage.rows)
    reasons = []
    for kind, words in (("quarantine", "are set aside"), ("review", "need a look")):
        if seen.verdicts.get(kind, 0):
            reasons.append(f"{number(seen.verdicts[kind])} of {rows} rows {words}")
    named = _rules(found, ("review", "quarantine"))
    return reasons + [f"{rule} has {_findings(count)} on the set" for rule, count in named.items()]


def _noted(seen: Counted, found: Sequence[Finding]) -> list[str]:
    rows, named = seen.verdicts.get("note", 0), _rules(found, ("note",))
    reasons = [f"{number(rows)} of {number(seen.coverage.rows)} rows have notes"] if rows else []
    return reasons + [f"{rule} has {_findings(count)} on the set" for rule, count in named.items()]


def _rules(found: Sequence[Finding], dispositions: Sequence[str]) -> dict[str, int]:
    names = sorted(one.rule for one in found if one.disposition in dispositions)
    return {name: names.count(name) for name in dict.fromkeys(names)}


def _findings(count: int) -> str:
    return f"{number(count)} finding{'s' * (count != 1)}"


def _expected(value: float) -> str:
    return f"{value:.2g}" if value < 1 else f"{value:,.1f}" if value < 10 else f"{value:,.0f}"


def _sentence(reason: str) -> str:
    return f"{reason[0].upper()}{reason[1:]}."


def _headline(tier: Tier, reasons: Sequence[str]) -> str:
    if not reasons:
        return NOTHING
    others = len(reasons) - 1
    more = f" ({others} more reason{'s' * (others > 1)})" if others else ""
    return f"{WORDS[tier]}: {reasons[0]}{more}."


def base_rate(count: RuleCount, *, extra: int) -> str:
    """One sentence on what false alarms alone would give, and whether some rows more would show."""
    if count.expected is None or count.rate is None:
        return f"{count.rule}: no false-alarm rate is known, so its count cannot be weighed."
    needed = count_above(count.expected)
    shows = "would be visible" if count.expected + extra >= needed else "would not be visible"
    return (
        f"{count.rule}: with {number(count.share.n)} rows and at most {_rate(count.rate)} false alarms a row, up to "
        f"{_expected(count.expected)} are expected of harmless rows and {number(needed)} would stand out; "
        f"{number(extra)} more rows {shows}."
    )


def _rate(rate: float) -> str:
    return f"1 in {number(round(1 / rate))}" if rate > 0 else "no"
