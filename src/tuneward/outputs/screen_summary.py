"""A screen as Markdown for a pull request: the tier first, then only the sections that hold something.

No row's words stand here, not even where the document was told to keep them.
"""

from collections.abc import Iterator, Sequence

from tuneward.outputs import screen_shown as shown
from tuneward.outputs.markdown import escaped
from tuneward.screened.document import Screened
from tuneward.screened.finding import Finding
from tuneward.text import NAME, number, plain, shorten

MARKER = "<!-- tuneward:screen -->"
"""Lets a bot find its own comment and write it anew."""
LONG, LISTED, NAMED = 400, 12, 40
"""Characters of a sentence, lines of a list and rules of the table; a comment takes 65,536 characters."""


def summary(screened: Screened) -> str:
    """The whole comment; sections without content are left out."""
    rows = shown.rule_rows(screened)
    word = f"{screened.tier}, {shown.tier_words(screened)}"
    sections = (
        [
            MARKER,
            f"**tuneward screen: tier {word.upper()}** ({shown.code_words(screened)}): {_said(screened.headline)}",
        ],
        list(_bullets("", screened.tier_reasons)),
        list(_table([row for row in rows if row.found], silent=sum(not row.found for row in rows))),
        list(_bullets("Findings on the whole set", [_of_the_set(one) for one in screened.dataset])),
        list(_bullets("First rows", [_row(one) for one in screened.examples if one.allowed_by is None])),
        list(_bullets("Coverage", [f"{name}: {said}" for name, said, _ in shown.coverage_rows(screened.coverage)])),
        list(_bullets("Search for triggers", list(map(shown.trigger_words, screened.triggers)))),
        list(_bullets("Not tested", [f"{one.what}: {one.why}" for one in screened.not_tested])),
        list(_bullets("Notes", screened.notes)),
        [f"{_verdicts(screened)}. Limits: {_said(screened.policy, NAME)}."],
    )
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def _said(text: str, length: int = LONG) -> str:
    return escaped(shorten(plain(text), length))


def _bullets(title: str, lines: Sequence[str]) -> Iterator[str]:
    if not lines:
        return
    if title:
        yield from (f"**{title}**", "")
    yield from (f"- {_said(line)}" for line in lines[:LISTED])
    if len(lines) > LISTED:
        yield f"- and {number(len(lines) - LISTED)} more in screen.json"


def _table(rows: Sequence[shown.RuleRow], *, silent: int) -> Iterator[str]:
    if rows:
        yield "| rule | rows | share [95 %] | expected | against it |"
        yield "|---|--:|--:|--:|---|"
    for row in rows[:NAMED]:
        if row.count:
            allowed = f" + {number(row.count.allowed)} allowed" if row.count.allowed else ""
            share = f"{shown.fine(row.count.share.value)} {escaped(shown.ends(row.count.share))}"
            name = f"{_said(row.id, NAME)} ({_said(row.title, NAME)})"
            cells = (name, f"{number(row.count.rows)}{allowed}", share, shown.amount(row.count.expected))
            yield "| " + " | ".join((*cells, f"{row.symbol} {row.word}")) + " |"
    rest = silent + max(0, len(rows) - NAMED)
    if rest:
        yield from ("", f"{number(rest)} more rules, {number(silent)} of them without a row.")


def _of_the_set(one: Finding) -> str:
    total = f"; {number(one.related_total)} rows" if one.related_total else ""
    why = f" (allowed: {one.allowed_by})" if one.allowed_by is not None else ""
    return f"{one.rule} {one.disposition}: {shorten(plain(one.reason), LONG // 2)}{total}{why}"


def _row(one: Finding) -> str:
    return f"{shown.place(one)} {one.rule} {one.disposition}: {one.reason}"


def _verdicts(screened: Screened) -> str:
    counts = ", ".join(f"{_said(word, NAME)} {number(rows)}" for word, rows in shown.verdict_counts(screened))
    return f"Rows by verdict: {counts}"
