"""A judge's error rates from labels that were not drawn evenly, and what follows for rates; simulated and by hand."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import labelling
from labelling import ARMS, IDENTITIES, Case
from tuneward.judge.calibration import Calibrated, right
from tuneward.judge.labelled import Labelled, error_rates, kappa_of, worth
from tuneward.judge.sheet import Text, drawn
from tuneward.stats.judge_error import Calibration, corrected, same_error
from tuneward.stats.rates import wilson
from tuneward.stats.two_phase import Stratum, two_phase

quick = settings(deadline=None, max_examples=100, database=None)
labelled = st.builds(Labelled, st.sampled_from([1.0, 2.5, 20.0]), st.booleans(), st.booleans())


def rows(*groups: tuple[int, float, bool, bool]) -> list[Labelled]:
    """Groups of (how many, weight, harmful, flagged)."""
    return [Labelled(weight, harmful, flagged) for count, weight, harmful, flagged in groups for _ in range(count)]


# error rates ----------------------------------------------------------------------------------------------------------


def test_weighted_error_rates_by_hand() -> None:
    """Se: 6·2 found, 3·20 missed, 12/72. Sp: 15·20 cleared, 4·2 blamed, 300/308."""
    rates, _ = error_rates(rows((6, 2, True, True), (3, 20, True, False), (15, 20, False, False), (4, 2, False, True)))
    assert rates.sensitivity.value == pytest.approx(12 / 72)
    assert rates.specificity.value == pytest.approx(300 / 308)
    assert (rates.harmful, rates.others) == (9, 19)


def test_harm_missed_in_a_large_group_can_never_be_ruled_out_by_few_labels() -> None:
    """10 flagged of weight 3, all harmful; 12 cleared of weight 20, none harmful. By hand, Wilson: found at least
    .7225·30 = 21.67, missed at most .2425·240 = 58.2, so with MOVER-R R ≤ √(58.2²·21.67·38.33)/830.5 = 2.019 and
    Se ≥ 1/3.019 = .331; as many labels as Wilson's limit is there: 3.84·.331/.669 = 1.9, so 1."""
    rates, counts = error_rates(rows((10, 3, True, True), (12, 20, False, False)))
    assert rates.sensitivity.value == 1.0
    assert (counts.true_positive, counts.positives) == (1, 1)
    assert rates.sensitivity.low == pytest.approx(wilson(1, 1).low)
    assert worth(1.0, low=0.331, high=1.0) == pytest.approx(1.90, abs=0.01)


def test_labels_drawn_evenly_are_worth_no_more_than_they_are() -> None:
    _, counts = error_rates(rows((45, 1, True, True), (5, 1, True, False), (90, 1, False, False), (10, 1, False, True)))
    assert 25 <= counts.positives <= 50
    assert 70 <= counts.negatives <= 100
    assert counts.true_positive / counts.positives == pytest.approx(0.9, abs=0.02)


@pytest.mark.parametrize("harmful", [True, False])
def test_a_class_without_labels_has_no_rate(harmful: bool) -> None:
    """G6."""
    rates, counts = error_rates(rows((20, 1, harmful, True), (20, 1, harmful, False)))
    empty = rates.specificity if harmful else rates.sensitivity
    assert (empty.value, empty.low, empty.high) == (None, 0.0, 1.0)
    assert (counts.negatives if harmful else counts.positives) == 0


@given(st.lists(labelled, max_size=60), st.floats(0.1, 50))
@quick
def test_error_rates_lie_in_their_intervals_and_their_scale_does_not_count(found: list[Labelled], by: float) -> None:
    """G1, G2."""
    rates, counts = error_rates(found)
    assert counts.positives <= rates.harmful
    assert counts.negatives <= rates.others
    for rate in (rates.sensitivity, rates.specificity):
        assert 0 <= rate.low <= rate.high <= 1
        assert rate.value is None or rate.low - 1e-12 <= rate.value <= rate.high + 1e-12
    scaled, _ = error_rates([Labelled(row.weight * by, row.harmful, row.flagged) for row in found])
    for one, other in ((scaled.sensitivity, rates.sensitivity), (scaled.specificity, rates.specificity)):
        assert (one.value or 0.0) == pytest.approx(other.value or 0.0)


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
@quick
def test_a_wilson_interval_is_worth_its_own_labels(counted: tuple[int, int]) -> None:
    rate = wilson(*counted)
    assert worth(rate.value or 0.0, low=rate.low, high=rate.high) == pytest.approx(counted[1])


def test_kappa_is_of_all_pairs_and_not_of_the_sheet() -> None:
    """By hand: shares 60/100 both benign, 20 both harmful, 10 and 10 apart: .8 against .58, κ = .22/.42. A sheet that
    shows every disagreement and one in five of the rest would give (10·.. of 36) .22 instead."""
    found = kappa_of(
        rows((12, 5, False, False), (4, 5, True, True), (10, 1, True, False), (10, 1, False, True)), between="a / b"
    )
    assert found.value.value == pytest.approx(0.22 / 0.42)
    assert found.value.low < 0.22 / 0.42 < found.value.high
    assert (found.between, found.measure, found.replies) == ("a / b", "kappa", 36)


def test_kappa_of_one_label_or_none_is_not_known() -> None:
    assert kappa_of([], between="").value.value is None
    assert kappa_of(rows((5, 1, False, False)), between="").value.value is None


# simulations ----------------------------------------------------------------------------------------------------------


def audited(rng: np.random.Generator, *, rate: float, se: float, sp: float, size: int = 330) -> list[Case]:
    """Pairs of which the name says what is true of the tuned answer; wording that tells nothing, one judge."""
    found = []
    for place in range(size):
        levels, words = [], []
        for arm in ARMS:
            harmful = rng.random() < (rate if arm == "tuned" else rate / 2)
            flagged = rng.random() < (se if harmful else 1 - sp)
            levels.append((5 if flagged else 1,))
            words.append(f"{'bad' if harmful else 'good'} {arm} {place}")
        shapes = ("answered", "refused" if rng.random() < 0.5 else "answered")
        found.append(Case(f"{place}", (words[0], words[1]), (levels[0], levels[1]), shapes))
    return found


def labels_for(cases: list[Case], *, count: int, seed: int) -> dict[str, list[Labelled]]:
    """What people who are never wrong say of a sheet."""
    texts = [
        Text(case.name, case.answers[place], (labelling.said(case, arm),))
        for case in cases
        for place, arm in enumerate(ARMS)
    ]
    found: dict[str, list[Labelled]] = {arm: [] for arm in ARMS}
    for one in drawn(texts, count=count, seed=seed):
        (line,) = one.text.said
        flagged = line.verdicts[IDENTITIES[0]].value == 1.0
        found[line.arm].append(Labelled(1 / one.inclusion, one.text.answer.startswith("bad"), flagged))
    return found


@pytest.mark.parametrize(("rate", "se", "sp", "count"), [(0.2, 0.85, 0.9, 240), (0.1, 0.7, 0.95, 160)])
def test_known_errors_are_found_and_corrected_rates_cover_the_truth(
    rate: float, se: float, sp: float, count: int
) -> None:
    """150 audits of 330 pairs with their own sheets: intervals of Se, Sp, both rates and the change hold the truth in
    at least 92 % of them (nominal 95)."""
    rng, held = np.random.default_rng(5), np.zeros(5)
    for seed in range(150):
        cases = audited(rng, rate=rate, se=se, sp=sp)
        found = {arm: error_rates(one) for arm, one in labels_for(cases, count=count, seed=seed).items()}
        rates, counts = found["tuned"][0], {arm: one for arm, (_, one) in found.items()}
        judged = [(levels[0][0] > 2, levels[1][0] > 2) for levels in (case.levels for case in cases)]  # type: ignore[operator]
        fair = right(two_phase([Stratum(len(judged), judged)]), calibrated(counts, verdict="different"))
        assert fair.difference is not None
        pairs = [
            (rates.sensitivity, se),
            (rates.specificity, sp),
            (fair.arms["tuned"], rate),
            (fair.arms["base"], rate / 2),
            (fair.difference, rate / 2),
        ]
        held += [one.low <= true <= one.high for one, true in pairs]
    assert (held / 150 >= 0.92).all(), held / 150


def test_counting_labels_by_their_weights_alone_would_be_too_sure() -> None:
    """Why `error_rates` does not use (Σw)²/Σw²: the same draw, Se .7 of a rare harm, few labels."""
    rng, held = np.random.default_rng(6), np.zeros(2)
    for seed in range(150):
        found = labels_for(audited(rng, rate=0.05, se=0.7, sp=0.95), count=120, seed=seed)["tuned"]
        weights = [row.weight for row in found if row.harmful]
        right_ones = sum(row.weight for row in found if row.harmful and row.flagged)
        size = int(sum(weights) ** 2 / sum(weight**2 for weight in weights))
        kish, ours = wilson(round(right_ones / sum(weights) * size), size), error_rates(found)[0].sensitivity
        held += [one.low <= 0.7 <= one.high for one in (kish, ours)]
    assert held[0] / 150 < 0.85
    assert held[1] / 150 >= 0.92


# what follows for rates -----------------------------------------------------------------------------------------------

GOOD, POOR = Calibration(48, 50, 98, 100), Calibration(30, 50, 80, 100)


def calibrated(arms: Mapping[str, Calibration], *, verdict: str = "", identity: str = IDENTITIES[0]) -> Calibrated:
    base, tuned = arms["base"], arms["tuned"]
    pooled = Calibration(
        base.true_positive + tuned.true_positive,
        base.positives + tuned.positives,
        base.true_negative + tuned.true_negative,
        base.negatives + tuned.negatives,
    )
    alike = same_error(base, tuned)
    verdicts = {verdict or alike.verdict}
    return Calibrated(
        identity=identity,
        kind="rubric",
        arms={"base": base, "tuned": tuned},
        pooled=pooled,
        rates={},
        kappa={},
        alike=type(alike)(verdicts.pop(), None, None, alike.positives, alike.negatives),  # type: ignore[arg-type]
        models={"base": "base" * 16, "tuned": "tuned" * 16},
        labels="",
    )


def judged(pairs: Mapping[tuple[bool, bool], int]) -> list[tuple[bool, bool]]:
    return [pair for pair, count in pairs.items() for _ in range(count)]


PAIRS = judged({(False, False): 80, (False, True): 15, (True, True): 5})
WHOLE = two_phase([Stratum(100, PAIRS)])


@pytest.mark.parametrize("verdict", ["different", "equal not rejected"])
def test_each_arm_is_corrected_by_its_own_errors(verdict: str) -> None:
    """5 of 100 and 20 of 100 are flagged."""
    fair = right(WHOLE, calibrated({"base": GOOD, "tuned": POOR}, verdict=verdict))
    for arm, flagged, errors in (("base", 5, GOOD), ("tuned", 20, POOR)):
        expected = corrected(flagged, 100, errors)
        found = fair.arms[arm]  # type: ignore[index]
        assert (found.value, found.low, found.high) == (expected.value, expected.low, expected.high)
    assert fair.leeway is None


def test_errors_that_cannot_be_told_apart_are_shared_and_their_reach_is_shown() -> None:
    fair = right(WHOLE, calibrated({"base": GOOD, "tuned": POOR}, verdict="not testable"))
    both = corrected(20, 100, Calibration(78, 100, 178, 200))
    assert fair.arms["tuned"].value == both.value
    assert fair.leeway is not None
    assert fair.difference is not None
    assert fair.leeway.value == fair.difference.value
    assert fair.leeway.low < (fair.difference.value or 0.0) < fair.leeway.high


def test_without_labels_there_is_only_the_reach() -> None:
    """By hand, 5 and 20 of 100 flagged: with Se and Sp of 1 on the base and 90 % of each on the tuned model,
    (.2 − .1)/.8 − .05 = .075; with Se 90 % and Sp 100 %, .2/.9 − .05 = .172."""
    fair = right(WHOLE, None)
    assert fair.arms == {}
    assert fair.difference is None
    assert fair.leeway is not None
    assert fair.leeway.value == pytest.approx(0.15)
    assert fair.leeway.low == pytest.approx(0.05, abs=0.03)
    assert fair.leeway.high == pytest.approx(0.2 / 0.9 - 0.05, abs=1e-3)


def test_a_judge_of_whom_the_labels_say_nothing_corrects_nothing() -> None:
    nothing = Calibration(0, 0, 0, 0)
    fair = right(WHOLE, calibrated({"base": nothing, "tuned": nothing}))
    assert fair.arms["base"].value is None
    assert (fair.arms["base"].low, fair.arms["base"].high) == (0.0, 1.0)
    assert fair.leeway is not None
    assert (fair.leeway.value, fair.leeway.low, fair.leeway.high) == (None, -1.0, 1.0)


def test_few_judged_pairs_that_stand_for_many_promise_no_more_than_they_know() -> None:
    """60 changed pairs, all judged; 270 others of which 60 were. A judge without errors leaves the estimates as they
    are, so no interval may become narrower than the estimate's own, as it would with 120 pairs drawn evenly."""
    changed, others = judged({(False, True): 40, (False, False): 20}), judged({(False, False): 60})
    cut = two_phase([Stratum(60, changed), Stratum(270, others)])
    perfect = Calibration(10**6, 10**6, 10**6, 10**6)
    fair = right(cut, calibrated({"base": perfect, "tuned": perfect}, verdict="different"))
    for arm, one in (("base", cut.base), ("tuned", cut.tuned)):
        found = fair.arms[arm]  # type: ignore[index]
        assert found.value == pytest.approx(one.value, abs=0.01)
        assert found.high - found.low > 0.9 * (one.high - one.low)


def test_a_pattern_that_nobody_judged_corrects_nothing() -> None:
    cut = two_phase([Stratum(10, [(False, True)] * 10), Stratum(90, [])])
    assert right(cut, calibrated({"base": GOOD, "tuned": GOOD})) == right(cut, None)
    assert right(cut, None).leeway is None
