"""A share of the tuning for every layer, where one share for all cannot meet both limits (house method).

Near the present shares, risk is taken as linear in them and the task's loss as a sum of parabolas; then the best shares
within reach follow from sorting (Dantzig 1957, the continuous knapsack): layers are lowered in the order of risk gained
per loss paid. The bends matter: a tuned model is near its task's optimum, where every first step looks free. All this
is right only nearby, so no share moves by more than a quarter before the slopes are taken again. Nothing in this file
knows a model.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tuneward.repair.points import Found, Limits, Point
from tuneward.repair.search import nearest, spaced

ROUNDS, RADIUS = 5, 0.25
"""Times that slopes are taken, and how far a share may move on them."""
PIECES, APART = 8, 0.02
"""Pieces that a layer's move is cut into; how far two shares must be apart to tell how the loss bends between them."""
STRICTER = 0.8
"""By how much the aimed-at risk shrinks where it was reached and replies still did not refuse."""
Shares = Mapping[str, float]
"""Layer's word → its share of the tuning."""


@dataclass(frozen=True)
class Slopes:
    """Change of risk and of task loss for each layer's share, at the present shares."""

    risk: Mapping[str, float]
    """Nats of the requests' gap."""
    task: Mapping[str, float]
    """Nats a token."""


@dataclass(frozen=True)
class Room:
    """What a step is for and what it may cost, by the linear reckoning."""

    risk: float
    """Change of risk that is wanted; negative where it must fall."""
    task: float
    """Rise of the task loss that is allowed; negative where it must fall."""


def step(
    shares: Shares, slopes: Slopes, *, room: Room, radius: float = RADIUS, bends: Shares | None = None
) -> dict[str, float]:
    """The shares within reach that get the wanted risk at the least task loss, or the least risk that it allows.

    Every share begins where the task wants it; then those on which both disagree move towards less risk, piece by
    piece, the pieces that gain most for their loss first, until the risk is as wanted or the allowance is spent.
    `bends` are second derivatives of the task's loss, 0 or more: a layer's later pieces then cost more than its first.
    """
    moved: dict[str, float] = {}
    pieces: list[tuple[float, str, float, float]] = []
    risk, task = room.risk, room.task
    for layer, share in shares.items():
        line = _Line(slopes.risk[layer], slopes.task[layer], max(0.0, (bends or {}).get(layer, 0.0)))
        low, high = max(-share, -radius), min(1.0 - share, radius)
        begin = line.for_task(low, high)
        aim = low if line.risk > 0 else high if line.risk < 0 else begin
        moved[layer] = begin
        risk -= line.risk * begin
        task -= line.cost(begin)
        width = (aim - begin) / PIECES
        gain = abs(line.risk * width)
        for n in range(PIECES if gain > 0 else 0):  # a slope may be so small that the product is none
            cost = max(0.0, line.cost(begin + (n + 1) * width) - line.cost(begin + n * width))
            pieces.append((-gain / max(cost, 1e-15), layer, width, cost))
    for _, layer, width, cost in sorted(pieces, key=lambda piece: piece[:2]):
        if risk >= 0 or task <= 0:
            break
        part = min(1.0, -risk / abs(slopes.risk[layer] * width), task / max(cost, 1e-15))
        moved[layer] += part * width
        risk += part * abs(slopes.risk[layer] * width)
        task -= part * cost
    return {layer: min(1.0, max(0.0, share + moved[layer])) for layer, share in shares.items()}


@dataclass(frozen=True)
class _Line:
    """Risk and task loss of one layer near its present share."""

    risk: float
    task: float
    bend: float

    def cost(self, move: float) -> float:
        """Rise of the task loss."""
        return self.task * move + self.bend / 2 * move * move

    def for_task(self, low: float, high: float) -> float:
        """The move that the task wants; what it does not care for, risk decides."""
        if self.bend > 0:
            return min(high, max(low, -self.task / self.bend))
        toward = self.task or self.risk
        return low if toward > 0 else high if toward < 0 else 0.0


def bends_of(near: tuple[Shares, Slopes], far: tuple[Shares, Slopes], known: Shares) -> dict[str, float]:
    """Second derivatives of the task's loss from its slopes at two sets of shares; where they are one, as known."""
    found = dict(known)
    for layer, share in near[0].items():
        apart = share - far[0][layer]
        if abs(apart) >= APART:
            found[layer] = max(0.0, (near[1].task[layer] - far[1].task[layer]) / apart)
    return found


@dataclass(frozen=True)
class Aim:
    """What the layers' shares are to reach; made by `aim_of`."""

    limits: Limits
    risk: float
    """Risk at which as few refusals are lost as asked."""
    tuned: Point
    base: Point

    @property
    def loss(self) -> float:
        """Task loss at most."""
        return self.tuned.task.value + (1 - self.limits.keep) * (self.base.task.value - self.tuned.task.value)

    def miss(self, point: Point, risk: float) -> float:
        """How far a point is from both, each as a share of the way between the ends; 0 or less is there."""
        gain = max(self.base.task.value - self.tuned.task.value, 1e-12)
        span = max(self.tuned.risk.value - self.base.risk.value, 1e-12)
        return max((point.risk.value - risk) / span, (point.task.value - self.loss) / gain)


def aim_of(found: Found, limits: Limits, *, tuned: Point, base: Point) -> Aim:
    """The risk to aim at, from a search of one share: that of the most tuning that lost few enough refusals."""
    fine = [point for point in found.points if limits.refuses(point)]
    best = max(fine, key=lambda point: point.setting.keep, default=base)
    return Aim(limits, best.risk.value, tuned, base)


def per_layer(
    measure: Callable[[Shares], Point],
    slopes: Callable[[Shares], Slopes],
    *,
    start: Shares,
    aim: Aim,
    most: int = 3,
) -> Found:
    """Shares for every layer, from the best single one.

    A step that comes no nearer is taken back and tried at half the reach. What is asked for in the end is what was
    measured, not what was reckoned.
    """
    here, radius, wanted = dict(start), RADIUS, aim.risk
    best = measure(here)
    points = [best]
    whole = dict.fromkeys(here, 1.0)
    at = slopes(here)
    bends = bends_of((here, at), (whole, slopes(whole)), {}) if here != whole else {}
    for _ in range(0 if aim.limits.met(best) else ROUNDS):
        if best.risk.value <= wanted and not aim.limits.refuses(best):
            wanted = aim.base.risk.value + STRICTER * (min(wanted, best.risk.value) - aim.base.risk.value)
        room = Room(wanted - best.risk.value, aim.loss - best.task.value)
        there = {word: round(share, 4) for word, share in step(here, at, room=room, radius=radius, bends=bends).items()}
        point = measure(there)
        points.append(point)
        if aim.limits.met(point):
            break
        if aim.miss(point, wanted) < aim.miss(best, wanted):
            steeper = slopes(there)
            bends = bends_of((there, steeper), (here, at), bends)
            here, best, at = there, point, steeper
        else:
            radius /= 2
    fine = sorted((p for p in points if aim.limits.met(p)), key=lambda p: -p.setting.keep)
    if fine:
        return Found("found", fine[0], tuple(points), spaced(fine, most))
    closest = nearest(points, aim.limits)
    why = (
        f"shares per layer: {closest.lost.value:.1%} of the refusals lost and {closest.kept.value:.1%} of the task's "
        f"gain kept at the nearest of {len(points)}; asked for at most {aim.limits.lost:.1%} and at least "
        f"{aim.limits.keep:.1%}"
    )
    return Found("not met", closest, tuple(points), remarks=(why,))
