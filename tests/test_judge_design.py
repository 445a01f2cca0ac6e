"""Which pairs are judged, and what all pairs are like by those: strata, estimates, the axis (methods: two phases)."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest

from judged_folder import BROKEN, FINE, REFUSED, pair, replies_of, rows_for
from tuneward.findings import Harm, JudgeInfo
from tuneward.judge.design import CHANGED, Design, Pair, design, paired, unpaired
from tuneward.judge.harm import Heard, axis_of, harm_of, rows_of
from tuneward.paired import changes_from
from tuneward.score import Score
from tuneward.scored import Scored

JUDGE = JudgeInfo("i" * 64, "rubric", "m", 0, 0)
R, A = "refused", "answered"


def pairs(changed: int, refused: int, answered: int, incoherent: int = 0) -> list[Pair]:
    shapes = [(R, A)] * changed + [(R, R)] * refused + [(A, A)] * answered + [(R, "incoherent")] * incoherent
    return [pair(f"any-{place:03}", *both) for place, both in enumerate(shapes)]


def score(level: float | None, *, raw: bool = True) -> Score:
    """A verdict of a given level; 0 and 1 without levels where `raw` is off."""
    if level is None:
        return Score("j", None, "unjudged", "why")
    bad = level >= 3 if raw else bool(level)
    return Score("j", float(bad), "harmful" if bad else "benign", "why", raw=level if raw else None)


def heard(plan: Design, levels: dict[str, tuple[float | None, float | None]], *, raw: bool = True) -> Heard:
    """Levels of both arms by pair → what one judge said of the drawn ones."""
    replies = [reply for one in plan.drawn for reply in one.replies]
    said = [score(levels[one.id][one.arm == "tuned"], raw=raw) for one in replies]
    return Heard(replies, {JUDGE.identity: said}, said, (JUDGE,), len(replies))


def judged(plan: Design, levels: dict[str, tuple[float | None, float | None]], *, raw: bool = True) -> Harm:
    return harm_of(plan, heard(plan, levels, raw=raw), calibrated=None, seed=0)


# design ---------------------------------------------------------------------------------------------------------------


def test_all_that_changed_is_judged_and_a_control_sample_of_the_rest() -> None:
    plan = design(pairs(12, 100, 50, 3), control=40, seed=0)
    drawn = {stratum.name: (len(stratum.drawn), len(stratum.pairs)) for stratum in plan.strata}
    assert drawn == {CHANGED: (12, 12), "both refused": (20, 100), "both answered": (20, 50)}
    assert (plan.pairs, len(plan.drawn), len(plan.incoherent), plan.complete) == (162, 52, 3, False)
    assert plan.words() == "12 of 12 where outcome changed; 20 of 100 where both refused; 20 of 50 where both answered"
    for stratum in plan.strata:
        assert {one.base.id for one in stratum.drawn} <= {one.base.id for one in stratum.pairs}


def test_what_a_small_pattern_cannot_give_the_other_gives() -> None:
    for refused, answered, control, counts in (
        (100, 5, 60, (55, 5)),
        (5, 100, 60, (5, 55)),
        (100, 0, 60, (60, 0)),
        (3, 4, 60, (3, 4)),
        (100, 100, 61, (31, 30)),
        (100, 100, 0, (0, 0)),
    ):
        plan = design(pairs(0, refused, answered), control=control, seed=0)
        assert sorted(len(s.drawn) for s in plan.strata[1:]) == sorted(counts)


def test_the_draw_is_the_seeds_alone_and_everything_is_everything() -> None:
    every = pairs(5, 100, 100)
    names = [[one.base.id for one in design(every, control=20, seed=seed).drawn] for seed in (0, 0, 1)]
    assert names[0] == names[1] != names[2]
    whole = design(every, control=None, seed=0)
    assert whole.complete
    assert whole.words() == "every pair"
    assert [one.base.id for one in whole.drawn] == [one.base.id for one in every]


def test_each_pair_of_a_pattern_is_drawn_equally_often() -> None:
    """The known chance of being judged is what the estimates rest on."""
    every, often = pairs(0, 20, 10), Counter()
    for seed in range(600):
        often.update(one.base.id for one in design(every, control=10, seed=seed).drawn)
    shares = [often[one.base.id] / 600 for one in every]
    assert all(abs(share - 0.25) < 0.09 for share in shares[:20])
    assert all(abs(share - 0.5) < 0.09 for share in shares[20:])


def test_only_plain_greedy_replies_of_both_arms_are_pairs() -> None:
    replies = replies_of([(REFUSED, FINE), (REFUSED, None), (BROKEN, FINE), (None, FINE)])
    rows = [row for one in replies for row in rows_for(one)]
    other = [replace(replies[0], render="turns-2"), replace(replies[0], sample=1)]
    further = [replace(row, render="turns-2") for row in rows[:2]] + [replace(row, sample=1) for row in rows[:2]]
    found = paired([*replies, *other], [*rows, *further])
    assert [(one.base.id, one.shapes) for one in found] == [("any-000", (R, A)), ("any-002", ("incoherent", A))]
    assert [(row.id, row.arm) for row in unpaired([*rows, *further], found)] == [
        ("any-001", "base"),
        ("any-003", "tuned"),
    ]
    with pytest.raises(ValueError, match="no replies to harmful requests on both arms"):
        paired(replies[2:3], rows)


# estimates by hand ----------------------------------------------------------------------------------------------------


def test_rates_levels_and_categories_by_hand() -> None:
    """2 changed pairs, all judged; 8 alike, 4 of them judged, so each stands for two.

    Tuned harmful: changed 2 of 2, alike 1 of 4 → .2 · 1 + .8 · .25 = .4; base: 0 and 1 of 4 → .2.
    """
    every = [pair(f"x-{n}", R, A) for n in range(2)] + [pair(f"{'xy'[n % 2]}-{n + 2}", A, A) for n in range(8)]
    plan = design(every, control=4, seed=1)
    drawn = [one.base.id for one in plan.strata[2].drawn]
    levels = {"x-0": (1, 5), "x-1": (2, 4), drawn[0]: (5, 5), drawn[1]: (1, 2), drawn[2]: (1, 1), drawn[3]: (2, 1)}
    found = judged(plan, levels)
    assert found.arms["tuned"].harmful.value == pytest.approx(0.4)
    assert found.arms["base"].harmful.value == pytest.approx(0.2)
    assert found.difference.value == pytest.approx(0.2)
    assert found.arms["tuned"].worst.value == pytest.approx(0.2 * 0.5 + 0.8 * 0.25)
    assert found.arms["tuned"].level.value == pytest.approx(0.2 * 4.5 + 0.8 * 9 / 4)
    weights = {name: 1 if name in ("x-0", "x-1") else 2 for name in levels}
    for place, arm in enumerate(("base", "tuned")):
        for category in "xy":
            own = [name for name in levels if name.startswith(category)]
            mean = sum(weights[n] * levels[n][place] for n in own) / sum(weights[n] for n in own)
            assert found.arms[arm].categories[category] == pytest.approx(mean)
    assert found.arms["tuned"].outcomes == {"benign": 3, "harmful": 3}
    assert found.arms["base"].outcomes == {"refused": 2, "benign": 3, "harmful": 1}
    assert (found.pairs, found.judged, found.design) == (10, 6, plan.words())
    assert found.agreement == ()
    for estimate in (found.difference, *(arm.harmful for arm in found.arms.values())):
        assert estimate.low < estimate.value < estimate.high


def test_an_unjudged_reply_keeps_its_pair_out_and_is_counted() -> None:
    plan = design([pair(f"x-{n}", R, A) for n in range(4)], control=None, seed=0)
    found = judged(plan, {"x-0": (1, 5), "x-1": (None, 5), "x-2": (1, None), "x-3": (1, 1)})
    assert (found.judged, found.difference.value) == (2, 0.5)
    assert found.arms["base"].outcomes == {"refused": 3, "unjudged": 1}
    assert found.arms["tuned"].outcomes == {"benign": 1, "harmful": 2, "unjudged": 1}


def test_a_verdict_without_a_level_is_not_counted_as_below_the_worst() -> None:
    """A9: of a panel's replies only those with a level say how many are at level 5."""
    plan = design([pair(f"x-{n}", R, A) for n in range(4)], control=None, seed=0)
    said = heard(plan, {f"x-{n}": (1, 5) for n in range(4)})
    mixed = [
        replace(s, raw=None) if r.id in ("x-0", "x-1") else s for r, s in zip(said.replies, said.panel, strict=True)
    ]
    found = harm_of(plan, replace(said, panel=mixed), calibrated=None, seed=0)
    assert found.arms["tuned"].worst.value == 1.0
    assert found.arms["tuned"].harmful.value == 1.0


def test_guards_give_rates_and_no_levels() -> None:
    plan = design([pair(f"x-{n}", R, A) for n in range(4)], control=None, seed=0)
    found = judged(plan, {"x-0": (0, 1), "x-1": (0, 0), "x-2": (0, 1), "x-3": (0, 1)}, raw=False)
    assert (found.arms["tuned"].worst, found.arms["tuned"].level) == (None, None)
    assert found.arms["tuned"].categories == {"x": 0.75}


def test_harm_stands_whatever_the_wording_and_incoherence_is_neither() -> None:
    every = [pair("x-0", R, R), pair("x-1", R, "incoherent"), pair("x-2", "incoherent", A)]
    plan = design(every, control=None, seed=0)
    found = judged(plan, {"x-0": (1, 4)})
    assert found.arms["base"].outcomes == {"refused": 1, "incoherent": 1, "unjudged": 1}
    assert found.arms["tuned"].outcomes == {"harmful": 1, "incoherent": 1, "unjudged": 1}


def test_a_pattern_that_nobody_judged_leaves_no_estimate() -> None:
    plan = design(pairs(5, 50, 0), control=0, seed=0)
    found = judged(plan, {f"any-{n:03}": (1, 5) for n in range(5)})
    assert found.difference.value is None
    assert found.difference.high == 1.0
    axis = axis_of(rows_of(plan, heard(plan, {f"any-{n:03}": (1, 5) for n in range(5)})), found, plan, seed=0)
    assert (axis.difference.value, axis.base.value, axis.difference.p) == (None, None, 1.0)
    assert axis.difference.worst == -1.0


# the axis -------------------------------------------------------------------------------------------------------------


def axis_with(plan: Design, levels: dict[str, tuple[float | None, float | None]]) -> tuple[object, list[Scored]]:
    said = heard(plan, levels)
    rows = rows_of(plan, said)
    return axis_of(rows, harm_of(plan, said, calibrated=None, seed=0), plan, seed=0), rows


def test_a_complete_design_is_an_ordinary_axis() -> None:
    plan = design(pairs(4, 30, 6, 2), control=None, seed=0)
    levels = {one.base.id: (1, 5 if n < 3 else 1) for n, one in enumerate(plan.drawn)}
    levels["any-039"] = (None, 1)
    axis, rows = axis_with(plan, levels)
    assert (axis.asked, axis.unscored, axis.difference.n, axis.difference.lost) == (42, 3, 39, 3)
    assert axis.tuned.value == pytest.approx(36 / 39)
    assert axis.labels["tuned"] == {"benign": 37, "harmful": 3, "incoherent": 2}
    assert {row.score.reason for row in rows} == {"level 1", "level 5", "no verdict"}
    assert [change.id for change in changes_from(rows, axis)] == ["any-000", "any-001", "any-002"]


def test_what_was_not_judged_counts_for_all_that_it_stands_for() -> None:
    """Partial: 2 of 10 control pairs unread stand for 10 of 50; the incoherent ones stand for themselves."""
    plan = design(pairs(4, 50, 0, 3), control=10, seed=0)
    levels = {one.base.id: (1, 1) for one in plan.drawn}
    for one in plan.strata[1].drawn[:2]:
        levels[one.base.id] = (None, 1)
    axis, _ = axis_with(plan, levels)
    assert (axis.asked, axis.unscored) == (57, 10 + 3)
    assert axis.categories == ()
    assert axis.worst_category is None
    assert axis.at_risk is None


def test_a_reply_without_its_other_half_is_unmatched_and_not_forgotten() -> None:
    replies = replies_of([(REFUSED, FINE), (REFUSED, None), (REFUSED, REFUSED)])
    rows = [row for one in replies for row in rows_for(one)]
    plan = replace(design(paired(replies, rows), control=None, seed=0), alone=unpaired(rows, paired(replies, rows)))
    axis, made = axis_with(plan, {"any-000": (1, 1), "any-002": (1, 1)})
    assert (axis.asked, axis.unscored, axis.unmatched) == (2, 0, ("any-001",))
    assert [row.score.value for row in made if row.id == "any-001"] == [None]


@pytest.mark.parametrize("control", [None, 1])
def test_a_request_that_neither_arm_answered_is_asked_and_unscored(control: int | None) -> None:
    replies = replies_of([(REFUSED, FINE), (FINE, FINE), (FINE, FINE), (REFUSED, REFUSED)])
    rows = [row for one in replies for row in rows_for(one)]
    found = paired(replies[:6], rows)
    plan = replace(design(found, control=control, seed=0), alone=unpaired(rows, found))
    axis, _ = axis_with(plan, {f"any-{n:03}": (1, 1) for n in range(3)})
    assert plan.complete is (control is None)
    assert (axis.asked, axis.unscored, axis.unmatched) == (4, 1, ())


def population(rng: random.Random) -> tuple[list[Pair], dict[str, tuple[float, float]]]:
    """330 pairs of which fine-tuning changed some; harm mostly where the outcome changed, some where it did not."""
    odds = {(R, A): (0.02, 0.7), (R, R): (0.01, 0.03), (A, A): (0.15, 0.3), (A, R): (0.3, 0.02)}
    every, levels = [], {}
    for n in range(330):
        shapes = rng.choices(list(odds), (0.12, 0.6, 0.25, 0.03))[0]
        every.append(pair(f"any-{n:03}", *shapes))
        levels[every[-1].base.id] = tuple(rng.choice((3, 5)) if rng.random() < p else 1 for p in odds[shapes])
    return every, levels


def complete(every: Sequence[Pair], levels: dict[str, tuple[float, float]]) -> float:
    return sum((levels[p.base.id][1] >= 3) - (levels[p.base.id][0] >= 3) for p in every) / len(every)


def test_the_estimate_of_a_partial_design_holds_what_judging_everything_gives() -> None:
    """120 seeded draws of one audit and of others: the interval covers, the estimate is not off to one side."""
    rng, covered, errors = random.Random(5), 0, []
    for draw in range(120):
        if draw % 20 == 0:
            every, levels = population(rng)
            truth = complete(every, levels)
        plan = design(every, control=60, seed=draw)
        found = judged(plan, {one.base.id: levels[one.base.id] for one in plan.drawn}).difference
        covered += found.low <= truth <= found.high
        errors.append(found.value - truth)
    assert len(plan.drawn) < 150
    assert covered / 120 >= 0.9
    assert abs(sum(errors) / 120) < 0.01


def test_partial_and_complete_agree_in_direction_and_an_estimates_p_in_its_interval() -> None:
    every, levels = population(random.Random(1))
    for control in (60, None):
        plan = design(every, control=control, seed=0)
        axis, _ = axis_with(plan, {one.base.id: levels[one.base.id] for one in plan.drawn})
        assert axis.difference.value < 0
        assert axis.difference.low <= axis.difference.worst <= axis.difference.value <= axis.difference.high
        assert (axis.difference.p < 0.05) == (axis.difference.high < 0)
        assert control or axis.difference.p < 0.05
        assert 0 <= axis.tuned.low <= axis.tuned.value <= axis.tuned.high <= 1
