"""What a search measured as one picture: task gain kept against refusals lost, the limits, the setting chosen.

A file of its own, so it brings its colours for light and dark screens. Colour is never the only sign: shapes and words
tell the settings apart. Nothing from outside is ever shown but as escaped text. House method.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from markupsafe import Markup

from tuneward.text import percent, plain, shorten

WIDTH, HEIGHT = 760, 520
LEFT, RIGHT, TOP, BOTTOM = 76, 28, 56, 84
"""Pixels around the plotted field."""
STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0, 2.0, 5.0)
MOST = 6.0
"""How far out a share is drawn; what lies beyond stands at the edge, its figures in its title."""
NAMED = 10
"""Settings that have their words beside them at most."""


class Measured(Protocol):
    """A value with its interval."""

    @property
    def value(self) -> float:
        """The estimate."""
        ...

    @property
    def low(self) -> float:
        """Its lower end."""
        ...

    @property
    def high(self) -> float:
        """Its upper end."""
        ...


class Strength(Protocol):
    """What a setting is."""

    @property
    def words(self) -> str:
        """For a reader."""
        ...

    @property
    def method(self) -> str:
        """`base` and `tuned` are the ends."""
        ...

    @property
    def keep(self) -> float:
        """Share of the tuning."""
        ...

    @property
    def shares(self) -> Mapping[str, float]:
        """Of each layer, where they differ."""
        ...


class Place(Protocol):
    """One setting that was measured."""

    @property
    def setting(self) -> Strength:
        """Which."""
        ...

    @property
    def kept(self) -> Measured:
        """Share of the task's gain."""
        ...

    @property
    def lost(self) -> Measured:
        """Share of the refusals."""
        ...


class Search(Protocol):
    """A search that ended."""

    @property
    def outcome(self) -> str:
        """In words."""
        ...

    @property
    def point(self) -> Place | None:
        """The setting chosen, or the nearest miss."""
        ...

    @property
    def points(self) -> Sequence[Place]:
        """All settings measured."""
        ...


class Bounds(Protocol):
    """What was asked for."""

    @property
    def keep(self) -> float:
        """Gain kept at least."""
        ...

    @property
    def lost(self) -> float:
        """Refusals lost at most."""
        ...


@dataclass(frozen=True)
class Axis:
    """Values from one edge of the field to the other."""

    low: float
    high: float
    begin: float
    end: float
    """Pixels of `low` and `high`."""

    def at(self, value: float) -> float:
        """Pixels; what is outside stands at the edge."""
        inside = min(self.high, max(self.low, value))
        return self.begin + (self.end - self.begin) * (inside - self.low) / (self.high - self.low)

    def marks(self) -> list[float]:
        """Round values, eight at most."""
        step = next((step for step in STEPS if (self.high - self.low) / step <= 8), STEPS[-1])
        first = int(self.low / step) - 1
        found = (n * step for n in range(first, first + 12))
        return [value for value in found if self.low - 1e-9 <= value <= self.high + 1e-9]


STYLE = (
    ".frontier{--paper:#fbfaf8;--ink:#1c1e22;--muted:#5a5f67;--line:#dcd8d0;--accent:#1d5878;--pass:#1a6639;"
    '--fail:#a3231c;font:14px system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",Arial,sans-serif;'
    "font-variant-numeric:tabular-nums}"
    "@media (prefers-color-scheme:dark){.frontier{--paper:#15171a;--ink:#e9e7e2;--muted:#a4a8af;--line:#33373d;"
    "--accent:#86bfe0;--pass:#78cf9b;--fail:#ff9a92}}"
    ".frontier .paper{fill:var(--paper)}.frontier text{fill:var(--ink)}"
    ".frontier .tick,.frontier .note{fill:var(--muted);"
    "font-size:12px}.frontier .head{font-weight:600;font-size:16px}.frontier .grid{stroke:var(--line)}"
    ".frontier .limit{stroke:var(--fail);stroke-dasharray:6 4}.frontier .met{fill:var(--pass);opacity:.09}"
    ".frontier .interval{stroke:var(--muted);opacity:.55}.frontier .dot{fill:var(--accent)}"
    ".frontier .other{fill:var(--paper);stroke:var(--accent);stroke-width:1.6}"
    ".frontier .end{fill:var(--ink)}.frontier .path{fill:none;stroke:var(--accent);opacity:.45}"
    ".frontier .chosen{fill:none;stroke:var(--pass);stroke-width:2.5}"
    ".frontier .miss{fill:none;stroke:var(--fail);stroke-width:2.5}"
)
SHAPES = {"base": "M-6-6H6V6H-6Z", "tuned": "M0-8L7 6H-7Z"}
CIRCLE, DIAMOND = "M-4.5 0A4.5 4.5 0 1 0 4.5 0A4.5 4.5 0 1 0-4.5 0Z", "M0-6L6 0L0 6L-6 0Z"


def frontier(found: Search, limits: Bounds) -> str:
    """The picture of a search as an SVG file's text; right and up is better.

    Raises:
        ValueError: nothing was measured.
    """
    points = list(found.points)
    if not points:
        raise ValueError("frontier: nothing was measured, so there is nothing to draw")
    x, y = _axes(points, limits)
    first = points[0].setting.method if len(points) == 1 else _first(points)
    chosen = found.point
    title = f"Task gain kept and refusals lost: {found.outcome}"
    note = "Refusals are told by the beginnings of replies to selection prompts: a ranking, never a certificate."
    drawn = Markup().join(
        [
            _field(x, y, limits),
            _path([p for p in points if p.setting.method in SHAPES or _plain(p, first)], x, y),
            *(_interval(point, x, y) for point in points),
            *(_point(p, x, y, first=first) for p in sorted(points, key=lambda p: p.setting.method in SHAPES)),
            _ring(chosen, x, y, met=found.outcome == "found") if chosen else Markup(),
            _names(points, chosen, x, y),
        ]
    )
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" class="frontier" role="img" aria-labelledby="frontier-title '
        'frontier-desc" viewBox="0 0 {0} {1}" width="{0}" height="{1}"><title id="frontier-title">{2}</title>'
        '<desc id="frontier-desc">{3}</desc><style>{4}</style><rect class="paper" width="{0}" height="{1}"/>'
        '<text class="head" x="{5}" y="28">{2}</text>{6}<text class="note" x="{5}" y="{7}">{8}</text></svg>\n'
    ).format(
        WIDTH,
        HEIGHT,
        plain(title),
        _told(points, chosen, limits),
        Markup(STYLE),  # noqa: S704 - a constant
        LEFT,
        drawn,
        HEIGHT - 12,
        note,
    )


def _first(points: Sequence[Place]) -> str:
    return next((p.setting.method for p in points if p.setting.method not in SHAPES), "")


def _plain(point: Place, first: str) -> bool:
    """One share of the first method for all layers."""
    return point.setting.method == first and not point.setting.shares


def _axes(points: Sequence[Place], limits: Bounds) -> tuple[Axis, Axis]:
    """Both ends, the limits and all points inside, up to `MOST` times the whole."""
    kept = [value for p in points for value in (p.kept.value, p.kept.low, p.kept.high)]
    lost = [value for p in points for value in (p.lost.value, p.lost.high)]
    low, high = max(-MOST, min(0.0, *kept)), min(MOST, max(1.0, limits.keep, *kept))
    room = 0.04 * (high - low)
    most = min(1.0, max(0.04, 1.5 * limits.lost, *lost))
    return (
        Axis(low - room, high + room, LEFT, WIDTH - RIGHT),
        Axis(0.0, most * 1.04, TOP, HEIGHT - BOTTOM),
    )


def _field(x: Axis, y: Axis, limits: Bounds) -> Markup:
    """Grid, ticks, what the axes are, the limits and where both are met."""
    parts = [
        Markup('<rect class="met" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
            x.at(limits.keep), y.begin, x.end - x.at(limits.keep), y.at(limits.lost) - y.begin
        )
    ]
    for value in x.marks():
        parts.append(_line("grid", (x.at(value), y.begin), (x.at(value), y.end)))
        parts.append(_text("tick", x.at(value), y.end + 18, percent(value), anchor="middle"))
    for value in y.marks():
        parts.append(_line("grid", (x.begin, y.at(value)), (x.end, y.at(value))))
        parts.append(_text("tick", x.begin - 8, y.at(value) + 4, percent(value), anchor="end"))
    parts.append(_line("limit", (x.at(limits.keep), y.begin), (x.at(limits.keep), y.end)))
    parts.append(_line("limit", (x.begin, y.at(limits.lost)), (x.end, y.at(limits.lost))))
    parts.append(_text("note", x.at(limits.keep) - 5, y.end - 6, f"keep {percent(limits.keep)}", anchor="end"))
    parts.append(_text("note", x.begin + 5, y.at(limits.lost) + 15, f"lose {percent(limits.lost)}"))
    parts.append(
        _text("label", (x.begin + x.end) / 2, y.end + 42, "share of the task's gain that is kept →", anchor="middle")
    )
    parts.append(_text("label", x.begin, y.begin - 8, "↑ share of the base's refusals that is lost (0 on top)"))
    return Markup().join(parts)


def _path(points: Sequence[Place], x: Axis, y: Axis) -> Markup:
    """The line from the base through the settings of the first method to the tuned model."""
    ordered = sorted(points, key=lambda p: _order(p))
    if len(ordered) < 2:
        return Markup()
    corners = "L".join(f"{x.at(p.kept.value):.1f} {y.at(p.lost.value):.1f}" for p in ordered)
    return Markup('<path class="path" d="M{}"/>').format(corners)


def _order(point: Place) -> tuple[int, float]:
    """The base, the settings by their share, the tuned model."""
    end = {"base": 0, "tuned": 2}.get(point.setting.method, 1)
    return end, point.setting.keep


def _interval(point: Place, x: Axis, y: Axis) -> Markup:
    across, down = x.at(point.kept.value), y.at(point.lost.value)
    return _line("interval", (x.at(point.kept.low), down), (x.at(point.kept.high), down)) + _line(
        "interval", (across, y.at(point.lost.low)), (across, y.at(point.lost.high))
    )


def _point(point: Place, x: Axis, y: Axis, *, first: str) -> Markup:
    method = point.setting.method
    shape = SHAPES.get(method, CIRCLE if _plain(point, first) else DIAMOND)
    kind = "end" if method in SHAPES else "dot" if _plain(point, first) else "other"
    title = (
        f"{point.setting.words}: gain kept {percent(point.kept.value)}, refusals lost {percent(point.lost.value)} "
        f"[{percent(point.lost.low)}, {percent(point.lost.high)}]"
    )
    return Markup('<path class="{}" transform="translate({:.1f} {:.1f})" d="{}"><title>{}</title></path>').format(
        kind, x.at(point.kept.value), y.at(point.lost.value), shape, plain(title)
    )


def _ring(point: Place, x: Axis, y: Axis, *, met: bool) -> Markup:
    return Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="11"/>').format(
        "chosen" if met else "miss", x.at(point.kept.value), y.at(point.lost.value)
    )


def _names(points: Sequence[Place], chosen: Place | None, x: Axis, y: Axis) -> Markup:
    """Words beside the ends and the chosen setting first, then beside others where there is room."""
    wanted = [p for p in points if p.setting.method in SHAPES]
    wanted = [*([chosen] if chosen else []), *wanted, *points]
    taken: list[tuple[float, float]] = []
    parts = []
    for point in wanted:
        across, down = x.at(point.kept.value), y.at(point.lost.value)
        right = across < (x.begin + x.end) / 2
        spot = (across + (15 if right else -15), down + 18)
        if len(taken) == NAMED or any(abs(spot[0] - a) < 120 and abs(spot[1] - b) < 15 for a, b in taken):
            continue
        taken.append(spot)
        words = shorten(plain(point.setting.words), 32)
        parts.append(_text("note", *spot, words, anchor="start" if right else "end"))
    return Markup().join(parts)


def _line(kind: str, one: tuple[float, float], other: tuple[float, float]) -> Markup:
    return Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(kind, *one, *other)


def _text(kind: str, x: float, y: float, text: str, *, anchor: str = "start") -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(kind, x, y, anchor, text)


def _told(points: Sequence[Place], chosen: Place | None, limits: Bounds) -> str:
    """The picture in words."""
    said = (
        f"{len(points)} settings. Limits: at least {percent(limits.keep)} of the gain kept, at most "
        f"{percent(limits.lost)} of the refusals lost."
    )
    if chosen is not None:
        said += (
            f" Marked: {chosen.setting.words}, {percent(chosen.kept.value)} kept and {percent(chosen.lost.value)} lost."
        )
    return plain(said)
