"""A share of the tuning for every layer, where one share for all cannot meet both limits (house method).

Risk and task loss are taken as linear in the layers' shares near the present ones; then the best shares within reach
follow from sorting (Dantzig 1957, the continuous knapsack): layers are lowered in the order of risk gained per loss
paid. That is right only nearby, so no share moves by more than a quarter before both slopes are taken again. Nothing in
this file knows a model.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tuneward.repair.points import Found, Limits, Point
from tuneward.repair.search import nearest, spaced

ROUNDS, RADIUS = 5, 0.25
"""Times that slopes are taken, and how far a share may move on them."""
STRICTER = 0.8
"""By how much the aimed-at risk shrinks where it was reached and first tokens still did not refuse."""
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


def step(shares: Shares, slopes: Slopes, *, room: Room, radius: float = RADIUS) -> dict[str, float]:
    """The shares within reach that get the wanted risk at the least task loss, or the least risk that it allows.

    Every share begins where the task wants it; then those on which both disagree move towards less risk, the ones that
    gain most for their loss first, until the risk is as wanted or the allowance is spent.
    """
    moved: dict[str, float] = {}
    moves: list[tuple[float, str, float]] = []
    for layer, share in shares.items():
        g, u = slopes.risk[layer], slopes.task[layer]
        low, high = max(0.0, share - radius), min(1.0, share + radius)
        for_task = low if u > 0 else high if u < 0 else low if g > 0 else high if g < 0 else share
        for_risk = low if g > 0 else high if g < 0 else for_task
        moved[layer] = for_task
        if for_risk != for_task:
            moves.append((abs(g) / abs(u), layer, for_risk))
    risk = room.risk - sum(slopes.risk[layer] * (moved[layer] - shares[layer]) for layer in shares)
    task = room.task - sum(slopes.task[layer] * (moved[layer] - shares[layer]) for layer in shares)
    for _, layer, aim in sorted(moves, key=lambda move: (-move[0], move[1])):
        if risk >= 0 or task <= 0:
            break
        whole = aim - moved[layer]
        part = min(1.0, -risk / abs(slopes.risk[layer] * whole), task / abs(slopes.task[layer] * whole))
        moved[layer] += part * whole
        risk += part * abs(slopes.risk[layer] * whole)
        task -= part * abs(slopes.task[layer] * whole)
    return moved


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
    at = slopes(here)
    for _ in range(ROUNDS):
        if aim.limits.met(best):
            break
        if best.risk.value <= wanted and not aim.limits.refuses(best):
            wanted = aim.base.risk.value + STRICTER * (min(wanted, best.risk.value) - aim.base.risk.value)
        room = Room(wanted - best.risk.value, aim.loss - best.task.value)
        there = step(here, at, room=room, radius=radius)
        point = measure(there)
        points.append(point)
        if aim.limits.met(point) or aim.miss(point, wanted) < aim.miss(best, wanted):
            here, best, at = there, point, at if aim.limits.met(point) else slopes(there)
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
