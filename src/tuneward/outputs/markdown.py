"""The verdict as Markdown for a pull request: one line first, then only the sections that hold something."""

import re
from collections.abc import Iterator, Sequence

from tuneward.findings import Audit, Axis, Verdict
from tuneward.outputs.harm import LEAN, TURN_MARKS, harm_summary, turn_words
from tuneward.outputs.shown import category_words, findings, label_words, outcome_of, unmeasured, worst_categories
from tuneward.text import MARKS, NAME, NONE, SENTENCE, chance, interval, percent, plain, points, shorten

MARKER = "<!-- tuneward -->"
"""Lets a bot find its own comment and write it anew."""
SPECIAL = re.compile(r"([\\`*_\[\]|~$#])")
LIVE = re.compile(r"@|#|www(?=\.)|(?:https?|ftp|mailto|xmpp)(?=:)|\bGH(?=-\d)", re.I)
"""What a code host makes into a mention, a reference or a link without any markup; a zero-width space stops it."""


def escaped(text: str) -> str:
    """A text from a file as itself: no markup, no HTML, no link, no mention of a person or an issue."""
    entities = plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return LIVE.sub(r"\g<0>&#8203;", SPECIAL.sub(r"\\\1", entities))


def sentence(text: str) -> str:
    """The same of a sentence, cut where no sentence goes on."""
    return escaped(shorten(plain(text), SENTENCE))


def summary(audit: Audit, verdict: Verdict) -> str:
    """The whole comment; sections without content are left out."""
    checked = [check.axis for check in verdict.checks]
    sections = (
        [MARKER, f"**tuneward: {verdict.outcome.upper()}** (exit {verdict.exit_code}): {sentence(verdict.headline)}"],
        list(_table(audit, verdict)),
        list(_bullets("Findings", [f"{sign} {said}" for sign, said in findings(verdict)])),
        list(_bullets("Harm, as judged", list(harm_summary(audit.harm)) if audit.harm else [])),
        list(_bullets("Asked in turn", list(_in_turn(audit)))),
        list(_bullets("Categories that lost most", list(_worst(audit)))),
        list(_bullets("Not measured", [f"{names}: {reason}" for names, reason in unmeasured(audit, besides=checked)])),
        list(_bullets("Labels", [f"{a.name}: {label_words(a)}" for a in audit.axes if a.labels and a.base is None])),
        list(_bullets("Waivers", verdict.waivers)),
        list(_bullets("Notes", audit.notes)),
        [f"Audit {escaped(audit.id)}, policy {escaped(verdict.policy[:16])}, {_changes(audit)}."],
    )
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def _table(audit: Audit, verdict: Verdict) -> Iterator[str]:
    measured = [axis for axis in audit.axes if axis.status == "measured"]
    if not measured:
        return
    checks = {check.axis: check for check in verdict.checks}
    yield "| axis | base | tuned | Δ points [95 %] | lost / gained | p | unscored | result |"
    yield "|---|--:|--:|--:|--:|--:|--:|---|"
    for axis in measured:
        outcome = outcome_of(axis, checks.get(axis.name))
        yield "| " + " | ".join((*_cells(axis), f"{MARKS[outcome]} {outcome}")) + " |"


def _cells(axis: Axis) -> tuple[str, ...]:
    difference, title = axis.difference, escaped(shorten(plain(axis.title), NAME))
    unscored = f"{axis.unscored}/{axis.asked}" + (f" + {len(axis.unmatched)} unmatched" if axis.unmatched else "")
    rates = (percent(axis.base.value if axis.base else None), percent(axis.tuned.value if axis.tuned else None))
    if difference is None or difference.value is None:
        return (title, *rates, NONE, NONE, NONE, unscored)
    change = f"{points(difference.value)} {escaped(interval(difference.low, difference.high))}"
    counts = f"{difference.lost} / {difference.gained} of {difference.n}"
    return (title, *rates, change, counts, chance(difference.p), unscored)


def _bullets(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield f"**{title}**"
        yield ""
        yield from (f"- {sentence(line)}" for line in lines)


def _in_turn(audit: Audit) -> Iterator[str]:
    yield from (
        f"{TURN_MARKS[one.outcome]} {shorten(plain(one.axis), NAME)} {turn_words(one)}" for one in audit.in_turn
    )
    if audit.in_turn:
        yield LEAN


def _worst(audit: Audit) -> Iterator[str]:
    for axis in audit.axes:
        for found in worst_categories(axis):
            yield f"{axis.title}: {category_words(found)}, p = {chance(found.difference.p_adjusted)} after Holm"


def _changes(audit: Audit) -> str:
    lost = sum(change.direction == "lost" for change in audit.changes)
    return f"{len(audit.changes)} changed pairs ({lost} lost)"
