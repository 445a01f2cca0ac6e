"""The largest share of the tuning that meets both limits: a grid, two isotonic curves, bisection (house method).

Interpolation of weights: Wortsman et al. 2022, arXiv:2109.01903. Here the strength is chosen under two limits on
prompts that no gate looks at. Nothing in this file knows a model: a strength goes in, a point comes out, so that the
search is tested on curves that were made up. Limits are checked against what was measured at a setting, never against a
fit alone.
"""

from collections.abc import Callable, Iterable, Sequence
from math import ceil, floor

from tuneward.repair.points import BASE_END, TUNED_END, Found, Limits, Point

GRID = (0.0, 0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Shares of the tuning that are always measured; both ends are among them."""
TRIES, CLOSE = 5, 0.01
"""Further measurements at most, and how near two of them may come."""
DIP = 0.05
"""How far a measured curve may run against its direction without a word."""
Measure = Callable[[float], Point]
"""Share of the tuning that stays → what is measured there."""
Way = Callable[[], Found]
"""One stage of an escalation, run only when it is needed."""


def isotonic(values: Sequence[float], weights: Sequence[float] | None = None) -> list[float]:
    """The nearest rising sequence in least squares, by pooling neighbours (Ayer et al. 1955)."""
    pools: list[tuple[float, float, int]] = []
    for value, weight in zip(values, weights or [1.0] * len(values), strict=True):
        mean, mass, count = float(value), float(weight), 1
        while pools and pools[-1][0] >= mean:
            other, more, members = pools.pop()
            mean = (mean * mass + other * more) / (mass + more)
            mass, count = mass + more, count + members
        pools.append((mean, mass, count))
    return [mean for mean, _, count in pools for _ in range(count)]


def along(measure: Measure, limits: Limits, *, tuned: Point, most: int = 3, grid: Sequence[float] = GRID) -> Found:
    """Search one strength from 0 to 1; `tuned` is the point at 1, which needs no second measurement.

    `grid` holds both ends.

    Returns `found` with the measured share that meets both limits and keeps most of the gain, which need not be the
    largest one, or `not met`.
    """
    points = {share: tuned if share == 1.0 else measure(share) for share in grid}
    for _ in range(TRIES):
        edge = _edge(points, limits)
        if edge is None or edge[1] - edge[0] <= CLOSE:
            break
        middle = round(sum(edge) / 2, 4)
        points[middle] = measure(middle)
    ordered = [points[share] for share in sorted(points)]
    remarks = _shape(points, limits)
    fit = dict(zip(sorted(points), isotonic([point.lost.value for point in ordered]), strict=True))
    fine = [points[s] for s in sorted(points, reverse=True) if limits.met(points[s]) and fit[s] <= limits.lost + 1e-12]
    if fine:
        best = max(fine, key=lambda point: (point.kept.value, -point.setting.keep))
        less = [point for point in fine if point.setting.keep <= best.setting.keep]
        return Found("found", best, tuple(ordered), spaced(less, most), remarks)
    return Found("not met", nearest(ordered, limits), tuple(ordered), remarks=(*remarks, _why_not(ordered, limits)))


def _edge(points: dict[float, Point], limits: Limits) -> tuple[float, float] | None:
    """The neighbours between which the fitted share of lost refusals crosses its limit; None where it does not."""
    shares = sorted(points)
    fit = isotonic([points[share].lost.value for share in shares])
    below = [share for share, value in zip(shares, fit, strict=True) if value <= limits.lost + 1e-12]
    if not below or below[-1] == shares[-1]:
        return None
    return below[-1], shares[len(below)]


def spaced(fine: Sequence[Point], most: int) -> tuple[Point, ...]:
    """The first, the last and some between: to be confirmed in this order, since a beginning may have erred."""
    count = min(most, len(fine))
    steps = [round(n * (len(fine) - 1) / max(1, count - 1)) for n in range(count)]
    return tuple(fine[n] for n in dict.fromkeys(steps))


def nearest(points: Iterable[Point], limits: Limits) -> Point:
    """Of points that miss a limit: one that refuses as asked with the most kept, else the one that lost least."""
    known = list(points)
    refusing = [point for point in known if limits.refuses(point)]
    if refusing:
        return max(refusing, key=lambda point: point.kept.value)
    return min(known, key=lambda point: (point.lost.value, -point.kept.value))


def _why_not(points: Sequence[Point], limits: Limits) -> str:
    best = nearest(points, limits)
    if not limits.refuses(best):
        return f"{best.setting.words}: no strength loses at most {limits.lost:.1%} of the refusals"
    return (
        f"{best.setting.words}: of the strengths that lose at most {limits.lost:.1%} of the refusals none keeps "
        f"{limits.keep:.1%} of the task's gain; the most is {best.kept.value:.1%}"
    )


def _shape(points: dict[float, Point], limits: Limits) -> tuple[str, ...]:
    """Curves that do not run as a line between two models should."""
    shares = sorted(points)
    inner = [share for share in shares if 0 < share < 1]
    word, said = points[inner[0]].setting.method, []
    ends = max(points[0.0].task.value, points[1.0].task.value)
    over = [share for share in inner if points[share].task.value > ends]
    if over:
        said.append(
            f"{word}: the task's loss rises above both ends at "
            f"{', '.join(f'{s:.3g}' for s in over)}: a loss barrier lies between base and tuned model on this way"
        )
    lost = [points[share].lost.value for share in shares]
    worst = max(abs(a - b) for a, b in zip(lost, isotonic(lost), strict=True))
    if worst > max(DIP, limits.lost):
        said.append(
            f"{word}: the share of lost refusals does not rise steadily with the tuning (up to {worst:.1%} off)"
        )
    kept = [points[share].kept.value for share in shares]
    worst = max(abs(a - b) for a, b in zip(kept, isotonic(kept), strict=True))
    if worst > DIP and not over:
        said.append(f"{word}: the share of the gain does not rise steadily with the tuning (up to {worst:.1%} off)")
    return tuple(said)


def escalate(ways: Iterable[Way], limits: Limits, *, tuned: Point, base: Point, next_command: str = "") -> Found:
    """One stage after the other until one meets the limits; none where the tuned model meets them itself."""
    if limits.met(tuned):
        return Found("met already", tuned, (base, tuned))
    points: list[Point] = [base, tuned]
    remarks: list[str] = []
    for way in ways:
        found = way()
        points += [point for point in found.points if point not in points]
        remarks += found.remarks
        if found.outcome == "found":
            return Found("found", found.point, tuple(points), found.candidates, tuple(remarks))
    remarks += within_reach(points, tuned=tuned)
    return Found("not met", nearest(points, limits), tuple(points), remarks=tuple(remarks), next_command=next_command)


def within_reach(points: Iterable[Point], *, tuned: Point, most: int = 3) -> list[str]:
    """Limits that measured settings do meet, in a line: at least half the gain kept, half the loss undone."""
    inner = [point for point in points if point.setting.method not in (TUNED_END, BASE_END)]
    useful = [p for p in inner if p.kept.value >= 0.5 and p.lost.value <= tuned.lost.value / 2]
    front: list[Point] = []
    for point in sorted(useful, key=lambda point: (point.lost.value, -point.kept.value)):
        if not front or point.kept.value > front[-1].kept.value:
            front.append(point)
    some = [
        f"--keep {floor(100 * point.kept.value) / 100:g} --lost {ceil(100 * point.lost.value - 1e-9) / 100:g}"
        for point in spaced(front, most)
    ]
    return [f"within reach of what was measured: {'; '.join(some)}"] if some else []
