"""A screen on a terminal: what was read, the rules that found something, what was not tested, the tier last."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from types import MappingProxyType

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.text import Text

from tuneward.outputs import screen_shown as shown
from tuneward.outputs.terminal import Line
from tuneward.screened.document import Screened
from tuneward.text import NAME, NONE, SENTENCE, number, percent, plain, shorten

STYLES: Mapping[str, str] = MappingProxyType({"pass": "green", "fail": "bold red", "unknown": "yellow"})
"""Tone → style; all others are plain. Sign and word stand there too, so colour is never needed to read it."""
LISTED = 10
"""Findings on the set, files, and things not tested that are named; screen.json has them all."""
HEADS = ("rows", "share %", "95 %", "expected")
TITLE = 24
"""Columns that a rule's title gets at least, where it has any."""


def render(screened: Screened, *, width: int = 120) -> str:
    """`table` as text without colour."""
    out = StringIO()
    Console(file=out, width=width, no_color=True, highlight=False, force_terminal=False).print(table(screened))
    return out.getvalue()


def table(screened: Screened) -> RenderableType:
    """What `rich` prints."""
    rows = shown.rule_rows(screened)
    found = [row for row in rows if row.found]
    blocks: list[list[RenderableType]] = [
        [Line(*line) for line in _head(screened)],
        [_Rules(found)] if found else [],
        [Line(*line) for line in _rest(screened, silent=len(rows) - len(found))],
        [_end(screened), *(Line("", f"· {why}") for why in screened.tier_reasons[:LISTED])],
    ]
    first, *others = (block for block in blocks if block)
    return Group(*first, *(part for block in others for part in (Text(), *block)))


def _end(screened: Screened) -> Line:
    word = shown.tier_words(screened).upper()
    said = Text(f"{word}, {shown.code_words(screened)}. {shorten(plain(screened.headline), SENTENCE)}")
    said.stylize(STYLES.get(shown.tone(screened), ""), 0, len(word))
    return Line(f"TIER {screened.tier}", said)


def _head(screened: Screened) -> Iterator[tuple[str, str]]:
    for place, one in enumerate(screened.inputs[:LISTED]):
        said = f"{shown.tail(plain(one.file), NAME)} ({plain(one.format)}), {_rows(one.rows)}, {shown.size(one.bytes)}"
        yield "" if place else "data", f"{said}, sha256 {plain(one.sha256)[:12]}"
    if len(screened.inputs) > LISTED:
        yield "", f"and {number(len(screened.inputs) - LISTED)} more files"
    yield "read", " · ".join(f"{name} {said}" for name, said, _ in shown.coverage_rows(screened.coverage))
    counts = " · ".join(f"{shorten(word, NAME)} {number(rows)}" for word, rows in shown.verdict_counts(screened))
    yield "verdicts", counts


def _rows(count: int) -> str:
    return f"{number(count)} row{'' if count == 1 else 's'}"


def _rest(screened: Screened, *, silent: int) -> Iterator[tuple[str, str]]:
    if silent or not screened.rules:
        yield "rules", f"{number(silent)} more found nothing" if silent else shown.nothing(screened)
    for one in screened.dataset[:LISTED]:
        why = f" (allowed: {shorten(plain(one.allowed_by), NAME)})" if one.allowed_by is not None else ""
        total = f"; {_rows(one.related_total)}" if one.related_total else ""
        facts = ", ".join(filter(None, (one.disposition, shown.stat_words(one))))
        yield "set", f"{one.rule} {facts}: {shorten(plain(one.reason), SENTENCE // 3)}{total}{why}"
    if len(screened.dataset) > LISTED:
        yield "", f"and {number(len(screened.dataset) - LISTED)} more findings on the set in screen.json"
    if screened.inventory:
        yield (
            "refusals",
            "; ".join(
                f"{shorten(plain(cell.category), 40)} {number(cell.refused)} of {number(sum(shown.cell_counts(cell)))}"
                f" refused ({percent(shown.refused_share(cell).value)})"
                for cell in screened.inventory
            ),
        )
    if screened.composition:
        yield "mix", "; ".join(f"{name} {value}" for name, value, _ in shown.composition_rows(screened.composition))
    yield from (("trigger", shown.trigger_words(test)) for test in screened.triggers[:LISTED])
    for left in screened.not_tested[:LISTED]:
        yield NONE, f"not tested: {shorten(plain(left.what), NAME)}: {shorten(plain(left.why), SENTENCE // 3)}"
    if len(screened.not_tested) > LISTED:
        yield NONE, f"not tested: {number(len(screened.not_tested) - LISTED)} more, see screen.json"
    yield from (("note", note) for note in screened.notes[:LISTED])


@dataclass(frozen=True)
class _Rules:
    """One line a rule where the terminal is wide enough, two where it is not; never a figure broken in two."""

    rows: Sequence[shown.RuleRow]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """What rich calls; it knows the width."""
        names = ["rule", *(shorten(plain(row.id), TITLE) for row in self.rows)]
        marks = [Text("against it"), *(_mark(row) for row in self.rows)]
        figures = [HEADS, *map(_figures, self.rows)]
        widths = [max(map(cell_len, column)) for column in zip(*figures, strict=True)]
        lines = ["  ".join(f"{f:>{w}}" for f, w in zip(one, widths, strict=True)) for one in figures]
        named, marked = max(map(cell_len, names)), max(mark.cell_len for mark in marks)
        room = options.max_width - named - cell_len(lines[0]) - marked - 4
        titles = ["", *(plain(row.title) for row in self.rows)]
        for name, line, mark, title in zip(names, lines, marks, titles, strict=True):
            if room >= 0:
                rest = f"{'':{marked - mark.cell_len + 2}}{shorten(title, room - 2)}" if room >= TITLE and title else ""
                yield Text.assemble(f"{name}{'':{named - cell_len(name)}}  {line}  ", mark, rest)
                continue
            yield Text.assemble(name, "  ", mark)
            yield Text(f"  {line}" if cell_len(line) + 2 <= options.max_width else " ".join(line.split()))


def _mark(row: shown.RuleRow) -> Text:
    return Text(f"{row.symbol} {row.word}", STYLES.get(row.tone, "dim" if row.tone == "plain" else ""))


def _figures(row: shown.RuleRow) -> tuple[str, ...]:
    """Rows and those allowed, share, interval, what was expected of clean rows."""
    if row.count is None:
        return (NONE, NONE, NONE, NONE)
    allowed = f" (+ {number(row.count.allowed)} allowed)" if row.count.allowed else ""
    share = row.count.share
    expected = shown.amount(row.count.expected)
    return (number(row.count.rows) + allowed, shown.fine(share.value, unit=""), shown.ends(share), expected)
