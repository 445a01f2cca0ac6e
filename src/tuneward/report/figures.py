"""The page's drawings as SVG strings: a forest plot of paired differences and a radar of categories.

Colour is never the only sign: the arms differ by dash and by marker shape, outcomes by symbol and word. No style
attributes, so that the page can forbid them; everything is drawn by class.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, cos, floor, pi, sin

from markupsafe import Markup

from tuneward.stats.difference import Difference
from tuneward.text import interval, points, shorten, visible

ROW, TOP, STRIP = 52, 6, 22
"""Pixels: one row of the forest, the space above the first, and the plotted strip under each label."""
STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5)
WIDTH, HEIGHT, RADIUS = 720, 444, 178
MAX_SPOKES = 24


@dataclass(frozen=True)
class ForestRow:
    """One line of the forest plot."""

    title: str
    difference: Difference
    margin: float | None
    """Largest loss that the policy allows; None when nothing was gated."""
    primary: bool
    symbol: str
    tone: str
    """Class of the outcome's colour."""


@dataclass(frozen=True)
class Scale:
    """What a radar counts: its centre is 0, its outer ring is `most`."""

    title: str
    most: float
    rings: tuple[tuple[float, str], ...]
    """Values from the inner ring to the outer one, each with its label or an empty text."""


SHARES = ((0.25, ""), (0.5, "50 %"), (0.75, ""), (1.0, "100 %"))
GOOD = Scale("Good rate by category, base and tuned", 1.0, SHARES)
HARMFUL = Scale("Share judged harmful by category, base and tuned", 1.0, SHARES)
LEVELS = Scale(
    "Mean level of judged harm by category, base and tuned",
    5.0,
    ((1.0, ""), (2.0, ""), (3.0, "level 3"), (4.0, ""), (5.0, "level 5")),
)
"""Levels begin at 1, so the centre itself is never reached."""


@dataclass(frozen=True)
class Spoke:
    """One category: what is counted on each arm, None where nothing was judged."""

    name: str
    base: float | None
    tuned: float | None


def ticks(low: float, high: float) -> list[float]:
    """Round positions covering [low, high], at most eight, zero among them."""
    step = next((s for s in STEPS if (high - low) / s <= 6), STEPS[-1])
    return [k * step for k in range(floor(low / step + 1e-9), ceil(high / step - 1e-9) + 1)]


def _extent(rows: Sequence[ForestRow]) -> list[float]:
    lows = [min(r.difference.low, r.difference.worst, -(r.margin or 0)) for r in rows]
    return ticks(min(*lows, -0.04, -0.04), max(*(r.difference.high for r in rows), 0.04, 0.04))


def _place(value: float, marks: Sequence[float]) -> str:
    """Where a value stands, as a share of the drawing's width: percentages keep the text's size on every screen."""
    return f"{5 + 90 * (value - marks[0]) / (marks[-1] - marks[0]):.2f}%"


def _scale(marks: Sequence[float], bottom: int) -> Markup:
    zero = _place(0, marks)
    parts = Markup('<line class="zero" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(zero, zero, TOP, bottom + 4)
    for mark in marks:
        parts += Markup('<text class="tick" x="{}" y="{}" text-anchor="middle">{}</text>').format(
            _place(mark, marks), bottom + 20, points(mark, digits=0)
        )
    return parts


def _strip(row: ForestRow, y: int, marks: Sequence[float]) -> Markup:
    """The ground of one row: losses beyond the margin shaded, grid lines, the margin itself."""
    top, parts = y + ROW - STRIP, Markup()
    if row.margin is not None:
        parts += Markup('<rect class="beyond" x="0" width="{}" y="{}" height="{}"/>').format(
            _place(-row.margin, marks), top, STRIP
        )
    lines = [("grid", mark) for mark in marks if abs(mark) > 1e-9]
    lines += [("margin", -row.margin)] if row.margin is not None else []
    for kind, value in lines:
        at = _place(value, marks)
        parts += Markup('<line class="{}" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(kind, at, at, top, top + STRIP)
    return parts


def _row(row: ForestRow, y: int, marks: Sequence[float]) -> Markup:
    difference, line = row.difference, y + ROW - STRIP // 2
    label = Markup('<text class="label" x="0" y="{}"><tspan class="{}">{}</tspan> {}</text>').format(
        y + 22, row.tone, row.symbol, shorten(visible(row.title), 44)
    )
    figures = f"{points(difference.value)} pp {interval(difference.low, difference.high)}"
    label += Markup('<text class="figure" x="100%" y="{}" text-anchor="end">{}</text>').format(y + 22, figures)
    bar = Markup('<line class="interval {}" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
        row.tone, _place(difference.low, marks), _place(difference.high, marks), line, line
    )
    shape = "M-5-5H5V5H-5Z" if row.primary else "M-5 0A5 5 0 1 0 5 0A5 5 0 1 0-5 0Z"
    kind = "point" if row.primary else "point hollow"
    bar += _shape("M0-6L-7 0L0 6", _place(difference.worst, marks), line, f"worst {row.tone}")
    if difference.value is not None:
        bar += _shape(shape, _place(difference.value, marks), line, f"{kind} {row.tone}")
    return label + bar


def _shape(path: str, x: str, y: int, kind: str) -> Markup:
    """A path in pixels at a place in per cent."""
    return Markup('<svg x="{}" y="{}" overflow="visible"><path class="{}" d="{}"/></svg>').format(x, y, kind, path)


def forest(rows: Sequence[ForestRow]) -> Markup:
    """Paired differences with 95 % intervals, worst cases and margins; empty when there are no rows."""
    if not rows:
        return Markup()
    marks, bottom = _extent(rows), TOP + ROW * len(rows)
    strips = Markup().join(_strip(row, TOP + ROW * i, marks) for i, row in enumerate(rows))
    lines = Markup().join(_row(row, TOP + ROW * i, marks) for i, row in enumerate(rows))
    return Markup(
        '<svg class="forest" role="img" aria-labelledby="forest-title forest-desc" width="100%" height="{}">'
        '<title id="forest-title">Paired differences, tuned minus base, in percentage points</title>'
        '<desc id="forest-desc">One row for each measured axis: the difference, its 95 % interval, the worst case'
        " that cannot be excluded, and the margin where a policy set one. A table with the same figures follows."
        "</desc>{}{}{}</svg>"
    ).format(bottom + 28, strips, _scale(marks, bottom), lines)


def _point(index: int, count: int, length: float) -> tuple[float, float]:
    angle = 2 * pi * index / count - pi / 2
    return WIDTH / 2 + RADIUS * length * cos(angle), HEIGHT / 2 + RADIUS * length * sin(angle)


def _outline(values: Sequence[float | None]) -> str:
    """A closed path through the values; where one is missing the line is broken, not drawn through zero."""
    count = len(values)
    parts = []
    for i in range(count):
        here, following = values[i], values[(i + 1) % count]
        if here is not None and following is not None:
            (x1, y1), (x2, y2) = _point(i, count, here), _point((i + 1) % count, count, following)
            parts.append(f"M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}")
    return "".join(parts)


def _arm(name: str, values: Sequence[float | None]) -> Markup:
    drawn = Markup('<path class="arm {}" d="{}"/>').format(name, _outline(values))
    for i, value in enumerate(values):
        if value is None:
            continue
        x, y = _point(i, len(values), value)
        if name == "base":
            drawn += Markup('<circle class="dot base" cx="{:.1f}" cy="{:.1f}" r="4.5"/>').format(x, y)
        else:
            drawn += Markup('<rect class="dot tuned" x="{:.1f}" y="{:.1f}" width="7" height="7"/>').format(
                x - 3.5, y - 3.5
            )
    return drawn


def _spoke(index: int, count: int, name: str) -> Markup:
    x, y = _point(index, count, 1)
    line = Markup('<line class="grid" x1="{}" y1="{}" x2="{:.1f}" y2="{:.1f}"/>').format(WIDTH / 2, HEIGHT / 2, x, y)
    x, y = _point(index, count, 1.11)
    anchor = "middle" if abs(x - WIDTH / 2) < 12 else "start" if x > WIDTH / 2 else "end"
    rows = textwrap.wrap(visible(name), 20, max_lines=2, placeholder="…") or [""]
    first = y + 5 - (len(rows) - 1) * (15 if anchor == "middle" and y < HEIGHT / 2 else 7.5)
    text = Markup('<text class="name" text-anchor="{}">').format(anchor)
    for i, row in enumerate(rows):
        number = Markup('<tspan class="number">{} </tspan>').format(index + 1) if i == 0 else Markup()
        text += Markup('<tspan x="{:.1f}" y="{:.1f}">{}{}</tspan>').format(x, first + 15 * i, number, row)
    short = Markup('<text class="short" text-anchor="middle" x="{:.1f}" y="{:.1f}">{}</text>').format(
        x, y + 6, index + 1
    )
    return line + text + Markup("</text>") + short


def radar(spokes: Sequence[Spoke], name: str, scale: Scale = GOOD) -> Markup:
    """One spoke a category, both arms; empty with fewer than 3 or more than 24 categories, where it says nothing.

    `name` is an id that is unique on the page. Values beyond the scale are drawn at its end.
    """
    count = len(spokes)
    if not 3 <= count <= MAX_SPOKES:
        return Markup()
    rings = Markup()
    for ring, _ in scale.rings:
        corners = (_point(i, count, ring / scale.most) for i in range(count))
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in corners) + "Z"
        rings += Markup('<path class="ring" d="{}"/>').format(path)
    for ring, label in scale.rings:
        x, y = _point(0, count, ring / scale.most)
        if label:
            rings += Markup('<text class="tick" x="{:.1f}" y="{:.1f}">{}</text>').format(x + 9, y + 14, label)
    drawn = Markup().join(_spoke(i, count, spoke.name) for i, spoke in enumerate(spokes))
    arms = _arm("base", [_length(s.base, scale) for s in spokes]) + _arm(
        "tuned", [_length(s.tuned, scale) for s in spokes]
    )
    return Markup(
        '<svg class="radar" role="img" aria-labelledby="{0}-title {0}-desc" viewBox="0 0 {1} {2}">'
        '<title id="{0}-title">{7}</title>'
        '<desc id="{0}-desc">{3} categories; {8} is the outer ring. Base: dashed line with circles. Tuned: solid'
        " line with squares. The table below holds the same figures.</desc>{4}{5}{6}</svg>"
    ).format(name, WIDTH, HEIGHT, count, rings, drawn, arms, scale.title, scale.rings[-1][1])


def _length(value: float | None, scale: Scale) -> float | None:
    return None if value is None else min(1.0, max(0.0, value / scale.most))
