"""The verdict on a terminal: one row an axis in an order that never changes, and a word beside every sign."""

from collections.abc import Iterator
from io import StringIO

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from tuneward.findings import Audit, Axis, Check, Verdict
from tuneward.outputs.shown import category_words, outcome_of, worst_categories
from tuneward.text import chance, interval, percent, plain, points

MARKS = {
    "pass": ("✓", "green"),
    "fail": ("✗", "bold red"),
    "not resolved": ("?", "yellow"),
    "not established": ("–", "yellow"),
    "waived": ("–", "yellow"),
    "not measured": ("–", "dim"),
    "not required": ("–", "dim"),
}
"""Outcome → sign and style; the word stands beside the sign, so neither is needed to read it."""


def render(audit: Audit, verdict: Verdict, *, width: int = 120) -> str:
    """`table` as text without colour."""
    out = StringIO()
    Console(file=out, width=width, no_color=True, highlight=False, force_terminal=False).print(table(audit, verdict))
    return out.getvalue()


def table(audit: Audit, verdict: Verdict) -> RenderableType:
    """What `rich` prints: plan and parity, the axes, the counts that qualify them, the verdict."""
    checks = {check.axis: check for check in verdict.checks}
    head = [Text(line) for line in _head(audit)]
    asked = [axis for axis in audit.axes if axis.status == "measured"]
    tail = [Text(line) for line in _tail(audit, verdict)]
    _, style = MARKS[verdict.outcome]
    end = Text.assemble(
        ("VERDICT ", "bold"),
        (verdict.outcome.upper(), style),
        f"  {plain(verdict.headline)}    exit {verdict.exit_code}",
    )
    return Group(*head, _axes(asked, checks), *tail, end)


def _head(audit: Audit) -> Iterator[str]:
    for line in audit.plan:
        seen = "nothing" if line.detectable is None else f"≥ {line.detectable * 100:.1f} points"
        yield plain(
            f"plan     {line.axis}: {line.prompts} prompts in {line.families} families; detects {seen} at 80 % power "
            f"({percent(line.reverse)} reverse flips)"
        )
    if audit.parity:
        yield plain("parity   " + " · ".join(f"{name}: {finding}" for name, finding in audit.parity.items()))
    if audit.noise:
        flips, texts = audit.noise.flips, audit.noise.texts
        yield f"noise    {flips.k}/{flips.n} outcomes and {texts.k}/{texts.n} texts change between two runs of the base"
    yield plain(f"audit    {audit.id}")


def _axes(axes: list[Axis], checks: dict[str, Check]) -> Table:
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name, right in (("axis", False), ("base → tuned", True), ("Δ points [95 %]", True), ("lost / gained", True)):
        grid.add_column(name, justify="right" if right else "left")
    grid.add_column("p")
    grid.add_column("result")
    for axis in axes:
        check = checks.get(axis.name)
        outcome = outcome_of(axis, check)
        sign, style = MARKS[outcome]
        margin = f", margin {check.margin * 100:.1f}" if check else ""
        grid.add_row(*map(Text, _cells(axis)), Text(f"{sign} {outcome}{margin}", style=style))
    return grid


def _cells(axis: Axis) -> tuple[str, ...]:
    rates = f"{percent(axis.base.value if axis.base else None)} → {percent(axis.tuned.value if axis.tuned else None)}"
    difference = axis.difference
    if difference is None or difference.value is None:
        return (plain(axis.title), rates, "–", "–", "–")
    change = f"Δ {points(difference.value)} pp {interval(difference.low, difference.high)}"
    return (
        plain(axis.title),
        rates,
        change,
        f"{difference.lost} lost / {difference.gained} gained",
        f"p = {chance(difference.p)}",
    )


def _tail(audit: Audit, verdict: Verdict) -> Iterator[str]:
    for axis in audit.axes:
        worst = worst_categories(axis)
        if worst:
            yield plain(f"worst    {axis.name}: " + " · ".join(map(category_words, worst)))
    yield from (plain(line) for line in _counts(audit))
    for axis in audit.axes:
        if axis.status != "measured":
            yield plain(f"–        {axis.title}: not measured ({axis.reason})")
    for check in verdict.checks:
        if check.outcome != "pass":
            yield plain(f"{MARKS[check.outcome][0]}        {check.axis}: {check.outcome}; {check.why}")
    yield from (plain(f"waiver   {waiver}") for waiver in verdict.waivers)
    yield from (plain(f"note     {note}") for note in audit.notes)


def _counts(audit: Audit) -> Iterator[str]:
    """What qualifies the rates, on the same screen as they are."""
    for axis in audit.axes:
        cut = sum(axis.truncated.values())
        if axis.unscored or axis.unmatched or cut:
            yield (
                f"counts   {axis.name}: unscored {axis.unscored}/{axis.asked}, unmatched {len(axis.unmatched)}, "
                f"cut by the token limit {', '.join(f'{arm} {count}' for arm, count in axis.truncated.items())}"
            )
