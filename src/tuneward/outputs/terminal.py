"""The verdict on a terminal: one row an axis in an order that never changes, and a word beside every sign."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from types import MappingProxyType

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from tuneward.findings import Audit, Axis, Check, Contrast, PlanLine, Verdict
from tuneward.outputs.harm import LEAN, TURN_MARKS, harm_lines, turn_words
from tuneward.outputs.shown import (
    category_words,
    cut_replies,
    depth_words,
    findings,
    label_words,
    outcome_of,
    unjudged,
    unmeasured,
    worst_categories,
)
from tuneward.text import MARKS, NAME, SENTENCE, chance, interval, percent, plain, points, share_interval, shorten

STYLES: Mapping[str, str] = MappingProxyType(
    {
        "pass": "green",
        "fail": "bold red",
        "not resolved": "yellow",
        "not established": "yellow",
        "waived": "yellow",
    }
)
"""Outcome → style; all others are dim. Sign and word stand there too, so colour is never needed to read it."""
INDENT = 9
"""Columns of the word before each line."""
HALVES = ("requests refused", "twins answered", "both")
TITLE = 24
"""Columns that a title needs beside its figures; where there are fewer, it has a line of its own."""


def render(audit: Audit, verdict: Verdict, *, width: int = 120) -> str:
    """`table` as text without colour."""
    out = StringIO()
    Console(file=out, width=width, no_color=True, highlight=False, force_terminal=False).print(table(audit, verdict))
    return out.getvalue()


def table(audit: Audit, verdict: Verdict) -> RenderableType:
    """What `rich` prints: who was asked, the axes, what qualifies them, the verdict last."""
    checks = {check.axis: check for check in verdict.checks}
    turns = {one.axis for one in audit.in_turn}
    rows = [_Row(a, checks.get(a.name), a.name in turns) for a in audit.axes if a.status == "measured"]
    end = Text(f"{verdict.outcome.upper()}, exit {verdict.exit_code}: {shorten(plain(verdict.headline), SENTENCE)}")
    end.stylize(STYLES[verdict.outcome], 0, len(verdict.outcome))
    blocks: list[list[RenderableType]] = [
        [Line(*line) for line in _head(audit)],
        [_Axes(rows)] if rows else [],
        [Line(*line) for line in harm_lines(audit.harm)] if audit.harm else [],
        list(_in_turn(audit)),
        list(_under(audit)),
        list(_tail(audit, verdict)),
        [Line("VERDICT", end)],
    ]
    first, *others = (block for block in blocks if block)
    return Group(*first, *(part for block in others for part in (Text(), *block)))


def overview(audited: Sequence[tuple[str, Audit, Verdict]]) -> RenderableType:
    """Several audits, one row each: base → tuned on every axis that the policy requires, and the verdict."""
    names = list(dict.fromkeys(check.axis for _, _, verdict in audited for check in verdict.checks))
    rows = Table("model", *names, "verdict", box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name, audit, verdict in audited:
        axes = {axis.name: axis for axis in audit.axes}
        outcome = Text(f"{verdict.outcome}, exit {verdict.exit_code}", STYLES[verdict.outcome])
        rows.add_row(Text(shorten(plain(name), NAME)), *(_rates(axes.get(one)) for one in names), outcome)
    return rows


def _rates(axis: Axis | None) -> str:
    """Base → tuned, as everywhere; a dash where nothing was measured."""
    base, tuned = (axis.base, axis.tuned) if axis else (None, None)
    return f"{percent(base.value)} → {percent(tuned.value)}" if base and tuned else "–"


@dataclass(frozen=True)
class Line:
    """A word and a text that keeps its indent where it is broken."""

    word: str
    text: str | Text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """What rich calls; it knows the width."""
        said = self.text if isinstance(self.text, Text) else Text(shorten(plain(self.text), SENTENCE))
        for number, line in enumerate(said.wrap(console, max(1, options.max_width - INDENT))):
            line.rstrip()
            yield Text(f"{'' if number else self.word:<{INDENT}}").append_text(line)


def _head(audit: Audit) -> Iterator[tuple[str, str]]:
    arms = " → ".join(shorten(plain(audit.arms[arm].name), NAME) for arm in ("base", "tuned") if arm in audit.arms)
    yield "audit", f"{audit.id}   {arms}"
    if audit.plan:
        yield "plan", _plan(audit)
    if audit.parity:
        yield "parity", " · ".join(f"{name.replace('_', ' ')} {found}" for name, found in audit.parity.items())
    if audit.noise:
        flips, texts = audit.noise.flips, audit.noise.texts
        shares = f"{percent(flips.value)} {share_interval(flips.low, flips.high)}"
        yield (
            "noise",
            (
                f"{flips.k}/{flips.n} outcomes ({shares}) and {texts.k}/{texts.n} texts "
                "change between two runs of the base"
            ),
        )


def _plan(audit: Audit) -> str:
    """What each axis can tell, in one line."""
    turns = {one.axis for one in audit.in_turn}
    reverse = sorted({line.reverse for line in audit.plan})
    flips = " to ".join(percent(share) for share in (reverse[0], reverse[-1])[: len(reverse)])
    return f"at 80 % power and {flips} reverse flips detects " + " · ".join(
        _seen(line, in_turn=line.axis in turns) for line in audit.plan if line.prompts
    )


def _seen(line: PlanLine, *, in_turn: bool) -> str:
    if in_turn:
        return f"{shorten(plain(line.axis), NAME)} in turn (at most {line.prompts} prompts)"
    least = "nothing" if line.detectable is None else f"≥ {line.detectable * 100:.1f} pp"
    families = f" in {line.families} families" if line.families != line.prompts else ""
    return f"{shorten(plain(line.axis), NAME)} {least} ({line.prompts} prompts{families})"


@dataclass(frozen=True)
class _Row:
    """A measured axis with what the policy says of it."""

    axis: Axis
    check: Check | None
    in_turn: bool = False
    """Decided in turn, where no margin decides."""

    @property
    def title(self) -> Text:
        """What its good rate counts."""
        return Text(shorten(plain(self.axis.title), NAME))

    @property
    def figures(self) -> tuple[str, ...]:
        """base → tuned, the difference, the counts, p; empty where there are none."""
        axis, difference = self.axis, self.axis.difference
        base, tuned = (percent(rate.value if rate else None) for rate in (axis.base, axis.tuned))
        if difference is None or difference.value is None:
            return (f"{base} → {tuned}", "", "", "")
        return (
            f"{base} → {tuned}",
            f"Δ {points(difference.value)} pp {interval(difference.low, difference.high)}",
            f"{difference.lost} lost / {difference.gained} gained",
            f"p = {chance(difference.p)}",
        )

    @property
    def result(self) -> Text:
        """Sign, word, and what decided."""
        outcome = outcome_of(self.axis, self.check)
        told = ", in turn" if self.in_turn else f", margin {self.check.margin * 100:.1f}" if self.check else ""
        return Text(f"{MARKS[outcome]} {outcome}{told}", STYLES.get(outcome, "dim"))


@dataclass(frozen=True)
class _Axes:
    """One line an axis where the terminal is wide enough, two where it is not; never a figure broken in two."""

    rows: Sequence[_Row]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """What rich calls; it knows the width."""
        columns = list(zip(*(row.figures for row in self.rows), strict=True))
        widths = [max(map(cell_len, column)) for column in columns]
        lines = ["  ".join(f"{f:>{w}}" for f, w in zip(row.figures, widths, strict=True)) for row in self.rows]
        named = max(row.result.cell_len for row in self.rows)
        room = options.max_width - cell_len(lines[0]) - named - 4
        if room >= TITLE:
            room = min(room, max(row.title.cell_len for row in self.rows))
            for row, line in zip(self.rows, lines, strict=True):
                yield from _wide(row, line, console=console, room=room)
            return
        for row, line in zip(self.rows, lines, strict=True):
            fits = len(line) + 2 <= options.max_width
            yield Text.assemble(row.result, " " * (named - row.result.cell_len + 2), row.title)
            yield Text("  " + (line.rstrip() if fits else "  ".join(filter(None, row.figures))))


def _wide(row: _Row, line: str, *, console: Console, room: int) -> Iterator[Text]:
    first, *rest = row.title.wrap(console, room)
    first.rstrip()
    yield Text.assemble(first, " " * (room - first.cell_len), f"  {line}  ", row.result)
    yield from rest


def _in_turn(audit: Audit) -> Iterator[Line]:
    """Axes that were asked one prompt after another, and why their rates are no estimates."""
    for one in audit.in_turn:
        yield Line("in turn", f"{TURN_MARKS[one.outcome]} {shorten(plain(one.axis), NAME)} {turn_words(one)}")
    if audit.in_turn:
        yield Line("", LEAN)


def _under(audit: Audit) -> Iterator[RenderableType]:
    """The requests and their twins in every way they were asked, and how deep the refusals go."""
    if audit.conditions:
        found = Table("asked", "families", *HALVES, box=None, padding=(0, 2, 0, 0), header_style="dim")
        for one in audit.conditions:
            halves = (one.refusal, one.twins, one.pair)
            found.add_row(Text(one.name), str(one.families), *(map(_contrast, halves)))
        yield found
    if audit.depth:
        yield Line("depth", depth_words(audit.depth))


def _contrast(one: Contrast | None) -> str:
    if one is None:
        return "–"
    change = one.difference
    return (
        f"{percent(one.base.value)} → {percent(one.tuned.value)}  "
        f"{points(change.value)} {interval(change.low, change.high)}"
    )


def _tail(audit: Audit, verdict: Verdict) -> Iterator[Line]:
    for axis in audit.axes:
        worst = worst_categories(axis)
        if worst:
            yield Line("worst", f"{axis.name}: " + " · ".join(map(category_words, worst)))
    for axis in audit.axes:
        if unjudged(axis):
            yield Line("counts", f"{axis.name}: {unjudged(axis)}")
    if cut_replies(audit):
        yield Line("counts", cut_replies(audit))
    for axis in audit.axes:
        if axis.status != "measured" and axis.labels:
            yield Line("labels", f"{axis.name}: {label_words(axis)}")
    for names, reason in unmeasured(audit, besides=[check.axis for check in verdict.checks]):
        yield Line(MARKS["not measured"], f"{names} not measured: {reason}")
    yield from (Line("note", note) for note in audit.notes)
    yield from (Line("waiver", waiver) for waiver in verdict.waivers)
    yield from (Line(*finding) for finding in findings(verdict))
