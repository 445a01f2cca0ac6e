"""What all outputs of a screen say in the same words.

No word here ever approves of a dataset: the most that a screen can say is "no findings by the listed checks".
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import floor, log10
from types import MappingProxyType

from tuneward.scorers.sighting import SEVERITIES, Rule
from tuneward.screened.document import Composition, Coverage, InventoryCell, RuleCount, Screened, Tier, TriggerTest
from tuneward.screened.finding import DISPOSITIONS, Finding
from tuneward.stats.rates import Rate, wilson
from tuneward.text import NAME, NONE, number, percent, plain, shorten

TIERS: Mapping[Tier, str] = MappingProxyType(
    {"A": "no findings", "B": "notes only", "C": "rows to review", "D": "hold", "E": "block"}
)
"""Tier → the words beside its letter."""
TONES: Mapping[Tier, str] = MappingProxyType({"A": "pass", "B": "plain", "C": "unknown", "D": "fail", "E": "fail"})
UNKNOWN = "not established"
VERDICTS = ("pass", *DISPOSITIONS)
CODES: Mapping[int, str] = MappingProxyType({3: "the policy is not met", 4: "coverage is incomplete"})
"""What an exit code other than 0 adds to the tier."""
UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
PLACE = 60
"""Characters of a file's name beside its line; its end is kept, which tells files apart."""
FINEST = 1e-8
"""Smallest share that is written out: a millionth of one per cent."""
WITHHELD = ("PII", "SECRET")
"""Risks of which no words are ever shown, whatever a document holds."""


@dataclass(frozen=True)
class RuleRow:
    """A rule that was run, and what it found."""

    id: str
    severity: str
    title: str
    about: str
    source: str
    count: RuleCount | None
    """None: the document counts no rows of it."""
    word: str
    """How its rows stand against what clean rows give."""
    symbol: str
    tone: str

    @property
    def found(self) -> bool:
        """Whether anything was, allowed or not."""
        return self.count is not None and (self.count.rows > 0 or self.count.allowed > 0)


def tier_words(screened: Screened) -> str:
    """The words beside the letter; where coverage is incomplete, an empty list of findings establishes nothing."""
    calm = screened.exit_code == 4 and screened.tier in ("A", "B")
    return UNKNOWN if calm else TIERS[screened.tier]


def tone(screened: Screened) -> str:
    """Class of the tier's colour; a code that stops a pipeline is never shown in a calm one."""
    if screened.exit_code in (0, 4):
        return "unknown" if tier_words(screened) == UNKNOWN else TONES[screened.tier]
    return "fail"


def nothing(screened: Screened) -> str:
    """What an empty list says, and no more."""
    return "No findings by the listed checks." if screened.catalogue else "No check was run, so nothing is known."


def code_words(screened: Screened) -> str:
    """The exit code and what it stands for."""
    said = CODES.get(screened.exit_code)
    return f"exit {screened.exit_code}{f': {said}' if said else ''}"


def rule_rows(screened: Screened) -> list[RuleRow]:
    """Every rule once: those above expectation first, then by severity and rows; rules without rows last."""
    counts = {one.rule: one for one in screened.rules}
    known = {rule.id: rule for rule in reversed(screened.catalogue)}
    rows = [rule_row(name, known.get(name), counts.get(name)) for name in dict.fromkeys((*known, *counts))]
    return sorted(rows, key=_order)


def _order(row: RuleRow) -> tuple[bool, bool, int, int, str]:
    rows = row.count.rows if row.count else 0
    above = bool(row.count and row.count.above)
    rank = SEVERITIES.index(row.severity) if row.severity in SEVERITIES else -1
    return not row.found, not above, -rank, -rows, row.id


def rule_row(name: str, rule: Rule | None = None, count: RuleCount | None = None) -> RuleRow:
    """One rule, known to the catalogue and counted, or not."""
    told = (rule.severity, rule.title, rule.about, rule.source) if rule else ("", "not in the catalogue", "", "")
    return RuleRow(name, *told, count, *_standing(count))


def _standing(count: RuleCount | None) -> tuple[str, str, str]:
    """Word, sign and class."""
    if count is None:
        return "not counted", "?", "unknown"
    if count.above:
        return "above", "✗", "fail"
    if not count.rows:
        return ("allowed only", "○", "unknown") if count.allowed else ("none", "·", "plain")
    return ("not calibrated", "?", "unknown") if count.expected is None else ("within", "≈", "unresolved")


def fine(share: float | None, *, unit: str = " %") -> str:
    """A share as per cent, with two digits that tell where one decimal would show none."""
    if share is None or share == 0 or share >= 0.001:
        return percent(share, unit=unit)
    if share < FINEST:
        return f"< {FINEST * 100:.6f}{unit}"
    return f"{share * 100:.{1 - floor(log10(share * 100))}f}{unit}"


def ends(rate: Rate) -> str:
    """The interval of a share, in per cent."""
    return f"[{fine(rate.low, unit='')}, {fine(rate.high, unit='')}]"


def amount(value: float | None) -> str:
    """An expected count; what is less than a tenth is not called nothing."""
    if value is None:
        return NONE
    if 0 < value < 0.1:
        return "< 0.1"
    return f"{value:.1f}" if value < 100 and not float(value).is_integer() else f"{value:,.0f}"


def one_in(rate: float | None) -> str:
    """A rate of false alarms, its upper end, as one row in so many; empty where there is none."""
    return f"≤ 1 in {1 / rate:,.0f}" if rate else ""


def size(count: int) -> str:
    """Bytes in the unit that suits."""
    value, unit = float(count), 0
    while value >= 999.5 and unit < len(UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.3g} {UNITS[unit]}" if unit and value < 999.5 else f"{value:,.0f} {UNITS[unit]}"


def tail(name: str, length: int) -> str:
    """At most `length` characters of a name, its end kept."""
    return name if len(name) <= length else "…" + name[1 - length :]


def place(finding: Finding) -> str:
    """FILE:LINE, or what there is of it."""
    if finding.file is None:
        return "the whole set" if finding.row is None else shorten(plain(finding.row), NAME)
    name = tail(plain(finding.file), PLACE)
    return name if finding.line is None else f"{name}:{finding.line}"


def where(finding: Finding) -> list[str]:
    """Each stretch of evidence: turn, characters from 1, and the form of the text in which it was seen."""
    return [
        f"turn {one.message + 1} ({shorten(plain(one.role), 20)})"
        + (f", characters {one.start + 1}–{one.end}" if one.end > one.start else "")
        + (f", read as {shorten(plain(one.view), 30)}" if one.view not in ("", "raw") else "")
        for one in finding.evidence
    ]


def trained_words(finding: Finding) -> str:
    """Whether the loss sees it; empty where that is no matter of one place."""
    if finding.trained is None:
        return ""
    return "trained on" if finding.trained else "outside the loss"


def coverage_rows(coverage: Coverage) -> Iterator[tuple[str, str, bool]]:
    """What was looked at: word, figures, and whether something is missing there."""
    yield "rows", f"{number(coverage.rows)} in {size(coverage.bytes)}", False
    whole = coverage.scanned >= coverage.rows
    share = "" if whole or not coverage.rows else f", {percent(coverage.scanned / coverage.rows)}"
    yield "scanned", f"{number(coverage.scanned)}{share}", not whole
    yield "unreadable", f"{number(coverage.unreadable)} with no text that could be read", coverage.unreadable > 0
    yield "unscored", f"{number(coverage.unscored)} on which a scorer could not tell", coverage.unscored > 0
    scripts = sorted(coverage.scripts.items(), key=lambda one: (-one[1], one[0]))
    listed = ", ".join(f"{shorten(plain(name), 20)} {number(rows)}" for name, rows in scripts)
    yield "scripts", listed or "none", False
    yield "loss mask", plain(coverage.mask), False
    failed = "; ".join(tail(plain(name), PLACE) for name in coverage.failed)
    yield "not read", failed or "nothing", bool(coverage.failed)


def verdict_counts(screened: Screened) -> list[tuple[str, int]]:
    """Rows by verdict, in the fixed order, words that are none of ours last."""
    order = dict.fromkeys((*VERDICTS, *sorted(screened.verdicts)))
    return [(word, screened.verdicts.get(word, 0)) for word in order]


def composition_rows(found: Composition) -> Iterator[tuple[str, str, str]]:
    """What is counted, its figure, and its interval or nothing."""
    for title, rate in (
        ("Answers with two or more list lines", found.lists),
        ("Prompts that ask how to do something", found.how_to),
        ("Answers that open by agreeing", found.affirmative),
    ):
        yield title, fine(rate.value), ends(rate)
    yield "Digits among the characters of answers", fine(found.digits), ""
    yield "Median words of a prompt", number(found.median_prompt), ""
    yield "Median words of an answer", number(found.median_answer), ""


def cell_counts(cell: InventoryCell) -> tuple[int, int, int, int]:
    """Refused, complied, partial, unclear: in the order in which they are always shown."""
    return cell.refused, cell.complied, cell.partial, cell.unclear


def refused_share(cell: InventoryCell) -> Rate:
    """Share of a cell's answers that refuse, with its interval."""
    return wilson(cell.refused, sum(cell_counts(cell)))


def trigger_words(test: TriggerTest) -> str:
    """One sentence: the smallest trigger that could have been seen, and on how many rows that rests."""
    view = shorten(plain(test.view), NAME)
    of = (
        f"{number(test.positives)} of {number(test.rows)} rows under test, "
        f"{number(test.tested)} words and pairs of words, q < {test.q:g}"
    )
    if test.smallest is None:
        return f"{view}: no trigger could have been seen, however many rows it has ({of})"
    return (
        f"{view}: a trigger in {number(test.smallest)} or more rows could have been seen, "
        f"one in fewer rows could not ({of})"
    )


def stat_words(finding: Finding) -> str:
    """The raw figure behind a finding; empty where there is none."""
    if finding.stat is None:
        return ""
    value = f"{finding.stat:,.0f}" if finding.stat_kind == "count" else f"{finding.stat:.3g}"
    return f"{finding.stat_kind.replace('_', ' ')} {value}".strip()
