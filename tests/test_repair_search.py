"""The search on made-up curves: what it finds and refuses, and the layers' shares against brute force. No model."""

from collections.abc import Callable, Mapping
from itertools import pairwise, product
from math import isclose

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tuneward.repair.knapsack import Aim, Room, Slopes, aim_of, per_layer, step
from tuneward.repair.points import Found, Limits, Point, Setting
from tuneward.repair.search import GRID, along, escalate, isotonic, spaced
from tuneward.stats.figure import Figure

LOSS = 2.0, 1.0
"""Task loss of the base and of the tuned model in every toy here."""


def sure(value: float, n: int = 128) -> Figure:
    return Figure(value, value, value, n)


def point(keep: float, *, risk: float = 0.0, lost: float = 0.0, kept: float = 1.0, method: str = "wise-ft") -> Point:
    task = LOSS[0] - kept * (LOSS[0] - LOSS[1])
    return Point(Setting(method, keep), sure(risk), sure(lost), sure(0.0), sure(task), sure(kept))


def curve(lost: Callable[[float], float], kept: Callable[[float], float]) -> Callable[[float], Point]:
    return lambda keep: point(keep, risk=lost(keep), lost=lost(keep), kept=kept(keep))


def search(measure: Callable[[float], Point], limits: Limits) -> Found:
    return along(measure, limits, tuned=measure(1.0))


@pytest.mark.parametrize(
    ("values", "fit"),
    [
        ([1, 2, 3], [1, 2, 3]),
        ([3, 2, 1], [2, 2, 2]),
        ([0, 2, 1, 4], [0, 1.5, 1.5, 4]),
        ([1, 3, 2, 0], [1, 5 / 3, 5 / 3, 5 / 3]),
        ([], []),
    ],
)
def test_pooling_gives_the_nearest_rising_sequence(values: list[float], fit: list[float]) -> None:
    assert isotonic(values) == pytest.approx(fit)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(-5, 5), min_size=1, max_size=20))
def test_pooling_rises_keeps_the_mean_and_leaves_what_rises_alone(values: list[float]) -> None:
    fit = isotonic(values)
    assert all(a <= b + 1e-9 for a, b in pairwise(fit))
    assert sum(fit) == pytest.approx(sum(values), abs=1e-9)
    assert isotonic(sorted(values)) == pytest.approx(sorted(values))


@settings(deadline=None, max_examples=60)
@given(edge=st.floats(0.02, 0.99), steep=st.floats(0.05, 5), bend=st.floats(0.2, 3), limit=st.floats(0.005, 0.2))
def test_on_rising_curves_it_finds_the_edge(edge: float, steep: float, bend: float, limit: float) -> None:
    """Lost refusals begin at `edge`; the share found is measured, meets both limits, and hardly more would."""
    measure = curve(lambda s: min(1.0, max(0.0, steep * (s - edge))), lambda s: s**bend)
    found = search(measure, Limits(keep=0.0, lost=limit))
    true = min(1.0, edge + limit / steep)
    assert found.outcome == "found"
    assert found.point is not None
    assert found.point.lost.value <= limit + 1e-9
    assert true - 0.02 <= found.point.setting.keep <= true + 1e-6
    assert set(GRID) <= {p.setting.keep for p in found.points}
    assert found.remarks == ()


@settings(deadline=None, max_examples=60)
@given(
    noise=st.lists(st.floats(-0.05, 0.05), min_size=20, max_size=20),
    limit=st.floats(0.0, 0.1),
    keep=st.floats(0.0, 1.0),
)
def test_whatever_the_noise_what_is_found_was_measured_and_meets_both_limits(
    noise: list[float], limit: float, keep: float
) -> None:
    def lost(share: float) -> float:
        return 0.0 if share == 0 else min(1.0, max(0.0, 0.2 * share**3 + noise[int(share * 1000) % 20]))

    limits = Limits(keep, limit)
    found = search(curve(lost, lambda s: s), limits)
    if found.outcome == "found":
        assert all(limits.met(candidate) for candidate in found.candidates)
        assert found.point == found.candidates[0]
        assert found.point in found.points
        shares = [candidate.setting.keep for candidate in found.candidates]
        assert shares == sorted(shares, reverse=True)
        assert len(shares) <= 3
    else:
        assert found.candidates == ()
        assert found.remarks


def test_a_gain_that_falls_too_early_is_said_so() -> None:
    found = search(curve(lambda s: 0.5 * s, lambda s: s**2), Limits(keep=0.95, lost=0.02))
    assert found.outcome == "not met"
    assert "none keeps 95.0% of the task's gain" in found.remarks[-1]
    assert found.point is not None
    assert found.point.lost.value <= 0.02, "the nearest miss refuses as asked"


def test_a_strength_that_never_refuses_is_said_so() -> None:
    found = search(curve(lambda s: 0.3, lambda s: s), Limits())
    assert found.outcome == "not met"
    assert "no strength loses at most 2.0%" in found.remarks[-1]


def test_a_loss_barrier_between_the_ends_is_named() -> None:
    found = search(curve(lambda s: 0.0, lambda s: -0.5 if 0.4 < s < 0.65 else s), Limits(lost=0.02))
    assert "loss barrier" in found.remarks[0]
    assert "0.5, 0.6" in found.remarks[0]


def test_curves_that_do_not_rise_are_named() -> None:
    found = search(curve(lambda s: 0.4 if s == 0.5 else 0.1 * s, lambda s: s), Limits())
    assert any("does not rise steadily" in line for line in found.remarks)


def test_a_lucky_point_above_the_fit_is_not_chosen() -> None:
    """One measurement below the limit among ones far above it is noise."""
    measure = curve(lambda s: 0.0 if s == 0.9 or s < 0.5 else 0.3, lambda s: s)
    found = search(measure, Limits(keep=0.2, lost=0.02))
    assert found.point is not None
    assert found.point.setting.keep < 0.51


def test_candidates_are_far_apart() -> None:
    fine = [point(keep) for keep in (0.9, 0.8, 0.7, 0.6, 0.5)]
    assert [p.setting.keep for p in spaced(fine, 3)] == [0.9, 0.7, 0.5]
    assert spaced(fine, 1) == (fine[0],)
    assert spaced(fine[:2], 3) == tuple(fine[:2])


def ends(lost: float) -> dict[str, Point]:
    return {"tuned": point(1, risk=lost, lost=lost, method="tuned"), "base": point(0, kept=0, method="base")}


def test_nothing_is_tried_where_the_tuned_model_meets_the_limits() -> None:
    def never() -> Found:
        raise AssertionError

    found = escalate([never], Limits(), **ends(0.01))
    assert (found.outcome, found.point) == ("met already", ends(0.01)["tuned"])


def test_stages_follow_each_other_until_one_succeeds_and_the_rest_is_never_run() -> None:
    run: list[str] = []

    def stage(name: str, outcome: str) -> Callable[[], Found]:
        def go() -> Found:
            run.append(name)
            here = point(0.5, lost=0.0 if outcome == "found" else 0.3, method=name)
            return Found(outcome, here, (here,), (here,) if outcome == "found" else (), (f"{name} said",))  # type: ignore[arg-type]

        return go

    ways = [stage("one", "not met"), stage("two", "found"), stage("three", "found")]
    found = escalate(ways, Limits(), **ends(0.4), next_command="tuneward tune")
    assert run == ["one", "two"]
    assert found.setting is not None
    assert found.setting.method == "two"
    assert found.remarks == ("one said", "two said")
    assert len(found.points) == 4
    assert found.next_command == ""
    lost = escalate(ways[:1], Limits(), **ends(0.4), next_command="tuneward tune")
    assert (lost.outcome, lost.next_command) == ("not met", "tuneward tune")


def test_who_asked_for_too_much_is_told_what_can_be_had() -> None:
    """Measured on the aligned SmolLM2; the third keeps too little to be worth a word, and the last is beaten."""
    figures = [(0.047, 0.549), (0.102, 0.862), (0.008, 0.019), (0.2, 0.5)]
    points = tuple(point(n / 10, lost=lost, kept=kept) for n, (lost, kept) in enumerate(figures))
    found = escalate([lambda: Found("not met", points[0], points)], Limits(), **ends(0.4))
    assert found.remarks == ("within reach of what was measured: --keep 0.54 --lost 0.05; --keep 0.86 --lost 0.11",)
    for limits in (Limits(0.54, 0.05), Limits(0.86, 0.11)):
        assert any(limits.met(one) for one in points)


@pytest.mark.parametrize(("keep", "lost"), [(1.1, 0.0), (-0.1, 0.0), (0.9, 2.0)])
def test_limits_outside_their_range_are_refused(keep: float, lost: float) -> None:
    with pytest.raises(ValueError, match="expected shares"):
        Limits(keep, lost)


# Shares per layer


def test_a_step_lowers_the_layers_that_buy_most_for_their_loss() -> None:
    """Hand-worked: a buys 4 nats a nat of loss, b 1; wanted −.9: all of a's .25 (−.5), then .2 of b (−.4 at 2)."""
    slopes = Slopes(risk={"a": 2.0, "b": 2.0}, task={"a": -0.5, "b": -2.0})
    moved = step({"a": 1.0, "b": 1.0}, slopes, room=Room(-0.9, 10.0))
    assert moved == pytest.approx({"a": 0.75, "b": 0.8})
    spent = step({"a": 1.0, "b": 1.0}, slopes, room=Room(-0.9, 0.225))
    assert spent == pytest.approx({"a": 0.75, "b": 0.95}), ".125 for a, the other .1 for b"


def test_a_step_raises_again_what_costs_the_task_and_buys_nothing() -> None:
    slopes = Slopes(risk={"a": 0.01, "b": 5.0}, task={"a": -3.0, "b": -0.1})
    moved = step({"a": 0.5, "b": 1.0}, slopes, room=Room(-1.0, 0.0))
    assert moved == pytest.approx({"a": 0.75, "b": 0.8 - 0.0005}, abs=1e-6)


@settings(deadline=None, max_examples=80)
@given(
    st.lists(st.tuples(st.floats(-3, 3), st.floats(-3, 3), st.floats(0, 1)), min_size=1, max_size=6),
    st.floats(-3, 0),
    st.floats(0, 3),
    st.floats(0.01, 0.25),
)
@example([(-5e-324, 1.0, 0.0)], -1.0, 1.0, 0.25)
def test_a_step_stays_within_reach_and_within_its_allowance(
    layers: list[tuple[float, float, float]], want: float, allowance: float, radius: float
) -> None:
    shares = {str(n): share for n, (_, _, share) in enumerate(layers)}
    slopes = Slopes(
        {str(n): g for n, (g, _, _) in enumerate(layers)}, {str(n): u for n, (_, u, _) in enumerate(layers)}
    )
    moved = step(shares, slopes, room=Room(want, allowance), radius=radius)
    assert all(abs(moved[n] - shares[n]) <= radius + 1e-9 and 0 <= moved[n] <= 1 for n in shares)
    assert sum(slopes.task[n] * (moved[n] - shares[n]) for n in shares) <= allowance + 1e-9


class Toy:
    """Layers that do not know of each other: risk r α^p, loss c (1 − α)² each."""

    def __init__(self, risk: list[float], cost: list[float], power: float = 1.0) -> None:
        self.risk, self.cost, self.power = np.array(risk), np.array(cost), power
        self.names = [f"layer {n}" for n in range(len(risk))]
        self.asked = 0

    def values(self, shares: Mapping[str, float]) -> tuple[float, float]:
        at = np.array([shares[name] for name in self.names])
        return float((self.risk * at**self.power).sum()), float((self.cost * (1 - at) ** 2).sum())

    def measure(self, shares: Mapping[str, float]) -> Point:
        self.asked += 1
        risk, loss = self.values(shares)
        kept = 1 - loss / float(self.cost.sum())
        lost = max(0.0, risk - 0.5)
        mean = sum(shares.values()) / len(shares)
        task = sure(LOSS[1] + (1 - kept) * (LOSS[0] - LOSS[1]))
        return Point(Setting("wise-ft", mean, dict(shares)), sure(risk), sure(lost), sure(0), task, sure(kept))

    def slopes(self, shares: Mapping[str, float]) -> Slopes:
        at = np.array([shares[name] for name in self.names])
        risk = self.power * self.risk * at ** (self.power - 1)
        task = -2 * self.cost * (1 - at) / self.cost.sum() * (LOSS[0] - LOSS[1])
        return Slopes(*(dict(zip(self.names, map(float, one), strict=True)) for one in (risk, task)))

    def even(self, keep: float) -> Point:
        return self.measure(dict.fromkeys(self.names, keep))

    def best(self, keep: float, grid: int = 11) -> float:
        """Least risk of any shares on a grid that keep the gain."""
        ticks = np.array(list(product(np.linspace(0, 1, grid), repeat=len(self.names))))
        risk, loss = ticks**self.power @ self.risk, (1 - ticks) ** 2 @ self.cost
        return float(risk[1 - loss / self.cost.sum() >= keep - 1e-12].min())


TOYS = [
    Toy([2.0, 0.1, 0.1, 0.1], [0.1, 1.0, 1.0, 1.0]),
    Toy([1.0, 1.0, 0.2, 0.05], [0.05, 0.1, 1.0, 0.5], power=1.5),
]


@pytest.mark.parametrize("toy", TOYS)
def test_shares_per_layer_meet_limits_that_one_share_cannot(toy: Toy) -> None:
    tuned, base = toy.even(1.0), toy.even(0.0)
    limits = Limits(keep=0.9, lost=0.0)
    one = along(toy.even, limits, tuned=tuned)
    assert one.outcome == "not met"
    assert toy.best(0.9) <= 0.5, "brute force says that shares per layer can"
    aim = aim_of(one, limits, tuned=tuned, base=base)
    start = dict.fromkeys(toy.names, 0.7)
    found = per_layer(toy.measure, toy.slopes, start=start, aim=aim)
    assert found.outcome == "found"
    assert found.point is not None
    assert limits.met(found.point)
    assert len(found.points) <= 6, "once at the start, and once a round"


def test_shares_per_layer_come_near_the_best_there_is() -> None:
    """No shares meet these limits: the rounds end at the least risk that brute force finds at the same gain kept."""
    toy = TOYS[0]
    limits = Limits(keep=0.97, lost=0.0)
    aim = Aim(limits, 0.0, toy.even(1.0), toy.even(0.0))
    found = per_layer(toy.measure, toy.slopes, start=dict.fromkeys(toy.names, 0.9), aim=aim)
    fine = [p.risk.value for p in found.points if limits.useful(p)]
    uniform = min(p.risk.value for p in along(toy.even, limits, tuned=toy.even(1.0)).points if limits.useful(p))
    best = toy.best(0.97, grid=21)
    assert uniform > 2
    assert min(fine) <= best + 0.02


def test_later_pieces_of_a_layer_cost_more_where_its_loss_bends() -> None:
    """Two layers alike but for the bend: each slope is nought, so only the bends say where to lower."""
    slopes = Slopes(risk={"a": 1.0, "b": 1.0}, task={"a": 0.0, "b": 0.0})
    moved = step({"a": 1.0, "b": 1.0}, slopes, room=Room(-0.3, 9.0), bends={"a": 1.0, "b": 4.0})
    assert 1 - moved["a"] == pytest.approx(4 * (1 - moved["b"]), abs=0.08)
    assert moved["a"] + moved["b"] == pytest.approx(1.7)


def test_what_no_shares_can_meet_is_not_met() -> None:
    toy = Toy([1.0, 1.0], [1.0, 1.0])
    aim = Aim(Limits(0.99, 0.0), 0.5, toy.even(1.0), toy.even(0.0))
    found = per_layer(toy.measure, toy.slopes, start=dict.fromkeys(toy.names, 0.5), aim=aim)
    assert found.outcome == "not met"
    assert found.candidates == ()
    assert "shares per layer" in found.remarks[0]


def test_the_aim_is_the_risk_of_the_most_tuning_that_still_refuses() -> None:
    points = tuple(point(keep, risk=keep, lost=max(0.0, keep - 0.6)) for keep in (0.0, 0.3, 0.6, 0.9))
    aim = aim_of(Found("not met", None, points), Limits(0.95, 0.0), tuned=points[3], base=points[0])
    assert aim.risk == 0.6
    assert isclose(aim.loss, LOSS[1], abs_tol=1e-9), "all points of this toy keep all of the gain"
