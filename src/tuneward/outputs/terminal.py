"""The verdict on a terminal: one row an axis in an order that never changes, and a word beside every sign."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from tuneward.findings import Audit, Axis, Check, Verdict
from tuneward.outputs.shown import category_words, label_words, outcome_of, unmeasured, worst_categories
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
"""Outcome → sign and style; the word stands beside the sign, so neither colour nor sign is needed to read it."""
WIDE = 118
"""Columns from which an axis fits on one line."""


def render(audit: Audit, verdict: Verdict, *, width: int = 120) -> str:
    """`table` as text without colour."""
    out = StringIO()
    Console(file=out, width=width, no_color=True, highlight=False, force_terminal=False).print(table(audit, verdict))
    return out.getvalue()


def table(audit: Audit, verdict: Verdict) -> RenderableType:
    """What `rich` prints: plan and parity, the axes, the counts that qualify them, the verdict last."""
    checks = {check.axis: check for check in verdict.checks}
    measured = [axis for axis in audit.axes if axis.status == "measured"]
    _, style = MARKS[verdict.outcome]
    end = Text.assemble((verdict.outcome.upper(), style), f", exit {verdict.exit_code}: {plain(verdict.headline)}")
    rows = [_Row(axis, checks.get(axis.name)) for axis in measured]
    return Group(_lines(_head(audit)), _Axes(rows), _lines(_tail(audit, verdict)), _grid(("VERDICT", end)))


def _lines(pairs: Iterator[tuple[str, str]]) -> Table:
    return _grid(*((word, Text(plain(text))) for word, text in pairs))


def _grid(*rows: tuple[str, Text]) -> Table:
    """A word and a text that keeps its indent where it is broken."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=8, no_wrap=True)
    grid.add_column()
    for word, text in rows:
        grid.add_row(Text(word), text)
    return grid


def _head(audit: Audit) -> Iterator[tuple[str, str]]:
    for line in audit.plan:
        seen = "nothing" if line.detectable is None else f"≥ {line.detectable * 100:.1f} points"
        yield (
            "plan",
            f"{line.axis}: {line.prompts} prompts in {line.families} families; detects {seen} at 80 % power "
            f"({percent(line.reverse)} reverse flips)",
        )
    if audit.parity:
        yield "parity", " · ".join(f"{name}: {finding}" for name, finding in audit.parity.items())
    if audit.noise:
        flips, texts = audit.noise.flips, audit.noise.texts
        yield "noise", f"{flips.k}/{flips.n} outcomes and {texts.k}/{texts.n} texts change between two runs of the base"
    yield "audit", audit.id


@dataclass(frozen=True)
class _Row:
    """A measured axis with what the policy says of it."""

    axis: Axis
    check: Check | None

    @property
    def figures(self) -> tuple[str, ...]:
        """base → tuned, the difference, the counts, p."""
        axis, difference = self.axis, self.axis.difference
        base, tuned = (percent(rate.value if rate else None) for rate in (axis.base, axis.tuned))
        if difference is None or difference.value is None:
            return (f"{base} → {tuned}",)
        return (
            f"{base} → {tuned}",
            f"Δ {points(difference.value)} pp {interval(difference.low, difference.high)}",
            f"{difference.lost} lost / {difference.gained} gained",
            f"p = {chance(difference.p)}",
        )

    @property
    def result(self) -> Text:
        """Sign, word and margin."""
        outcome = outcome_of(self.axis, self.check)
        sign, style = MARKS[outcome]
        return Text(f"{sign} {outcome}" + (f", margin {self.check.margin * 100:.1f}" if self.check else ""), style)


@dataclass(frozen=True)
class _Axes:
    """One line an axis where the terminal is wide enough, two where it is not; never a figure broken in two."""

    rows: Sequence[_Row]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """What rich calls; it knows the width."""
        yield self._wide() if options.max_width >= WIDE else self._narrow()

    def _wide(self) -> Table:
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column()
        for _ in range(4):
            grid.add_column(justify="right", no_wrap=True)
        for row in self.rows:
            figures = (*row.figures, "", "", "")[:4]
            grid.add_row(Text(plain(row.axis.title)), *map(Text, figures), row.result)
        return grid

    def _narrow(self) -> Group:
        lines = []
        for row in self.rows:
            lines.append(Text.assemble(f"{plain(row.axis.title)}  ", row.result))
            lines.append(Text("  " + "  ".join(row.figures)))
        return Group(*lines)


def _tail(audit: Audit, verdict: Verdict) -> Iterator[tuple[str, str]]:
    for axis in audit.axes:
        worst = worst_categories(axis)
        if worst:
            yield "worst", f"{axis.name}: " + " · ".join(map(category_words, worst))
    yield from (("counts", line) for axis in audit.axes for line in _counts(axis))
    yield from (("labels", f"{axis.name}: {label_words(axis)}") for axis in audit.axes if _only_labels(axis))
    checks: Mapping[str, Check] = {check.axis: check for check in verdict.checks}
    yield from (("missing", f"not measured: {line}") for line in unmeasured(audit, besides=checks))
    for check in verdict.checks:
        if check.outcome != "pass":
            yield MARKS[check.outcome][0], f"{check.axis} {check.outcome}: {check.why}"
    yield from (("waiver", waiver) for waiver in verdict.waivers)
    yield from (("note", note) for note in audit.notes)


def _only_labels(axis: Axis) -> bool:
    return axis.status != "measured" and bool(axis.labels)


def _counts(axis: Axis) -> Iterator[str]:
    """What qualifies the rates, on the same screen as they are."""
    cut = ", ".join(f"{arm} {count}" for arm, count in axis.truncated.items())
    if axis.status == "measured" and (axis.unscored or axis.unmatched or any(axis.truncated.values())):
        yield (
            f"{axis.name}: unscored {axis.unscored}/{axis.asked}, unmatched {len(axis.unmatched)}, "
            f"cut by the token limit {cut}"
        )
