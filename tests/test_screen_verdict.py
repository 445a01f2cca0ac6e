"""What becomes of a finding, of a row and of a set; and what a screen may never say."""

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screen_made import BY_ID, coverage, looked, null, on_set, tally
from tuneward.scorers.sighting import SEVERITIES, Severity
from tuneward.screen.calibration import rule_counts
from tuneward.screen.limits import Limits
from tuneward.screen.untested import Asked, untested
from tuneward.screen.verdict import base_rate, disposition, verdict
from tuneward.screened.document import TriggerTest
from tuneward.screened.finding import DISPOSITIONS

DEFAULT = Limits()


@pytest.mark.parametrize(
    ("rule", "severity", "trained", "wanted"),
    [
        ("L2-OBEY", "info", True, "note"),
        ("L2-OBEY", "low", True, "note"),
        ("L2-OBEY", "medium", True, "review"),
        ("L2-OBEY", "high", True, "quarantine"),
        ("L1-PAIR", "critical", True, "quarantine"),
        ("L2-OBEY", "high", None, "quarantine"),
        ("L2-OBEY", "high", False, "review"),
        ("L1-PAIR", "critical", False, "review"),
        ("PII-CARD", "medium", False, "note"),
        ("SECRET-KEY", "critical", False, "review"),
        ("L2-OBEY", "info", False, "note"),
        ("BD-ASSOC", "high", False, "quarantine"),
        ("CONTAM-EVAL", "high", False, "quarantine"),
        ("SCHEMA-ROLE", "high", False, "quarantine"),
    ],
)
def test_what_becomes_of_a_finding(rule, severity, trained, wanted):
    """Harm that the loss never sees weighs a step less; a trigger, a leak or a broken row sits in the prompt anyway."""
    assert disposition(severity, rule=BY_ID[rule], trained=trained, limits=DEFAULT) == wanted


@pytest.mark.parametrize("severity", get_args(Severity))
def test_nothing_blocks_by_itself(severity):
    assert disposition(severity, rule=BY_ID["L1-PAIR"], trained=True, limits=DEFAULT) != "block"
    blocking = Limits(dispositions={"L1-PAIR": "block"})
    assert disposition(severity, rule=BY_ID["L1-PAIR"], trained=False, limits=blocking) == "block"
    assert disposition(severity, rule=BY_ID["L2-OBEY"], trained=True, limits=blocking) != "block"


def test_what_people_and_a_guard_confirmed_blocks():
    assert disposition("high", rule=BY_ID["L1-PAIR"], trained=True, limits=DEFAULT, confirmed=True) == "block"


# the tier -------------------------------------------------------------------------------------------------------------

NOTED = {"verdicts": {"pass": 997, "note": 3}, "tallies": (tally("DUP-EXACT", 3),)}
REVIEWED = {"verdicts": {"pass": 998, "review": 2}, "tallies": (tally("L2-OBEY", 2),)}
TEN = {"verdicts": {"pass": 990, "quarantine": 10}, "tallies": (tally("L2-OBEY", 10, 10),)}
CARDS = {"verdicts": {"pass": 996, "quarantine": 4}, "tallies": (tally("PII-CARD", 4, 4),)}
TIERS = {
    "nothing": ("A", {}),
    "notes": ("B", NOTED),
    "format risk of the set": ("B", {"dataset": (on_set("L3-FMT", severity="info", disposition="note"),)}),
    "rows to review": ("C", REVIEWED),
    "a finding of the set to review": ("C", {"dataset": (on_set("BD-OPEN", disposition="review"),)}),
    "personal data set aside": ("C", CARDS),
    "obedience, never calibrated": ("D", TEN),
    "obedience above its false alarms": ("D", TEN | {"nulls": (null(),)}),
    "obedience within its false alarms": ("C", TEN | {"nulls": (null(hits=100, held=100),)}),
    "one row of obedience, none known to be false": ("D", {"tallies": (tally("L2-OBEY", 1, 1),)}),
    "a trigger": ("D", {"dataset": (on_set("BD-ASSOC"),)}),
    "a trigger of medium severity": ("D", {"dataset": (on_set("BD-ASSOC", disposition="review"),)}),
    "rows of a trigger": ("D", {"tallies": (tally("BD-ASSOC", 10, 10),)}),
    "an association": ("D", {"dataset": (on_set("PII-JANUS"),)}),
    "leaked items": ("D", {"tallies": (tally("CONTAM-EVAL", 2, 2),), "verdicts": {"pass": 998, "quarantine": 2}}),
    "possible leaks": ("C", {"tallies": (tally("CONTAM-EVAL", 2, 0),), "verdicts": {"pass": 998, "review": 2}}),
    "a persona": ("D", {"dataset": (on_set("L2-OBEY"),)}),
    "blocked rows": ("E", TEN | {"verdicts": {"pass": 990, "block": 10}}),
    "a blocked set": ("E", {"dataset": (on_set("BD-ASSOC", disposition="block"),)}),
    "a trigger that was allowed": ("A", {"dataset": (on_set("BD-ASSOC", allowed_by="someone"),)}),
    "rows that were allowed": ("A", {"tallies": (tally("L2-OBEY", 0, 0, allowed=5),)}),
}


@pytest.mark.parametrize("case", TIERS)
def test_the_tier_follows_the_table(case):
    tier, change = TIERS[case]
    found = verdict(looked(**change), DEFAULT)
    assert (found.tier, found.exit_code) == (tier, 3 if tier in "DE" else 0)
    assert found.reasons


@pytest.mark.parametrize("case", TIERS)
def test_every_reason_is_a_sentence_with_figures_and_promises_nothing(case):
    found = verdict(looked(**TIERS[case][1]), DEFAULT)
    for sentence in (*found.reasons, found.headline):
        assert sentence[0].isupper() or sentence[0].isdigit()
        assert sentence.endswith(".")
        assert "\n" not in sentence
        assert not {"safe", "certified", "clean"} & set(sentence.lower().split())
    if found.tier != "A":
        assert all(any(letter.isdigit() for letter in sentence) for sentence in found.reasons)


def test_nothing_found_says_so_and_no_more():
    found = verdict(looked(), DEFAULT)
    assert (found.tier, found.headline) == ("A", "No findings by the listed checks.")


def test_reasons_of_a_hold_give_counts_and_what_was_expected():
    found = verdict(looked(**TEN, nulls=(null(),)), DEFAULT)
    assert found.reasons == (
        "L2-OBEY sets 10 of 1,000 rows aside; at most 0.3 false alarms were expected, and 3 would already be more than "
        "chance explains.",
    )
    assert found.headline.startswith("Hold: L2-OBEY sets 10 of 1,000 rows aside")


def test_a_lowered_rule_no_longer_holds_a_set_and_a_raised_one_blocks_it():
    lowered = Limits(dispositions={"BD-ASSOC": "note"})
    assert verdict(looked(dataset=(on_set("BD-ASSOC", disposition="note"),)), lowered).tier == "B"
    raised = Limits(dispositions={"PII-CARD": "block"})
    made = disposition("low", rule=BY_ID["PII-CARD"], trained=None, limits=raised)
    assert made == "block"


def test_a_block_does_not_silence_what_would_have_held_the_set():
    found = verdict(looked(**(TEN | {"verdicts": {"pass": 980, "quarantine": 10, "block": 10}})), DEFAULT)
    assert found.tier == "E"
    assert found.reasons[0] == "10 of 1,000 rows are blocked."
    assert found.reasons[1].startswith("L2-OBEY sets 10 of 1,000 rows aside")
    assert found.headline == "Blocked: 10 of 1,000 rows are blocked (1 more reason)."


@pytest.mark.parametrize(("least", "codes"), [("B", "0333"), ("C", "0033"), ("D", "0003"), ("E", "0000")])
def test_the_policy_says_from_which_tier_on_a_set_fails(least, codes):
    limits = Limits(fails_from=least)
    cases = ({}, NOTED, REVIEWED, TEN)
    assert "".join(str(verdict(looked(**case), limits).exit_code) for case in cases) == codes


@pytest.mark.parametrize(
    "change",
    [
        {"failed": ("train.jsonl, bytes 0 to 100: cut off",)},
        {"rows": 0, "scanned": 0},
        {"scanned": 0, "unreadable": 1000},
        {"scanned": 989, "unscored": 11},
        {"scanned": 989, "unreadable": 6, "unscored": 5},
        {"scanned": 900},
    ],
)
def test_what_was_not_looked_at_is_never_green(change):
    """G3, G6, A9: failed shards, nothing scanned, or too many rows that could not be told."""
    found = verdict(looked(coverage=coverage(**{"rows": 1000, **change})), DEFAULT)
    assert found.exit_code == 4
    assert found.tier == "C"
    assert "No findings" not in found.headline


def test_few_rows_that_could_not_be_told_are_reviewed_and_do_not_fail():
    some = looked(coverage=coverage(scanned=990, unscored=10), verdicts={"pass": 990, "review": 10})
    found = verdict(some, DEFAULT)
    assert (found.tier, found.exit_code) == ("C", 0)
    assert any("10" in reason for reason in found.reasons)


def test_notes_that_fail_still_fail_when_too_little_was_looked_at():
    """Precedence 3 > 4."""
    seen = looked(**NOTED, coverage=coverage(failed=("shard 3",)))
    assert verdict(seen, Limits(fails_from="B")).exit_code == 3
    assert verdict(seen, DEFAULT).exit_code == 4


def test_a_failed_policy_comes_before_incomplete_coverage():
    """Precedence 3 > 4; both reasons stand."""
    found = verdict(looked(**TEN, coverage=coverage(failed=("shard 3",))), DEFAULT)
    assert found.exit_code == 3
    assert any("1 shard" in reason for reason in found.reasons)


@given(
    st.integers(0, 30), st.integers(0, 30), st.sampled_from([(), (null(),), (null(hits=40, held=20),)]), st.booleans()
)
@settings(deadline=None, max_examples=60)
def test_more_rows_set_aside_never_give_a_better_tier(held, more, nulls, noted):
    def tier(count):
        rows = {"pass": 1000 - count - noted, "note": int(noted), "quarantine": count}
        return verdict(looked(verdicts=rows, tallies=(tally("L2-OBEY", count, count),), nulls=nulls), DEFAULT).tier

    assert tier(held + more) >= tier(held)


# base rates --------------------------------------------------------------------------------------------


def test_base_rates_say_whether_a_few_rows_more_would_show():
    """8 on top of 1 expected stand out; 8 on top of 1,000 do not."""
    small = rule_counts((tally("L2-OBEY", 9, 9),), rows=1000, nulls=(null(10**6, 900, 900),))[0]
    large = rule_counts((tally("L2-OBEY", 1008, 9),), rows=10**6, nulls=(null(10**6, 950, 950),))[0]
    assert "8 more rows would be visible" in base_rate(small, extra=8)
    assert "8 more rows would not be visible" in base_rate(large, extra=8)
    assert "1,000,000 rows" in base_rate(large, extra=8)


def test_without_calibration_there_is_no_base_rate():
    count = rule_counts((tally("L2-OBEY", 3, 3),), rows=1000, nulls=())[0]
    assert "no false-alarm rate" in base_rate(count, extra=8)


# what was not tested --------------------------------------------------------------------------------------------------


def whats(**change):
    return " · ".join(f"{one.what}: {one.why}" for one in untested(Asked(**change), coverage(scripts={"latin": 990})))


def test_what_no_screen_answers_is_always_listed():
    said = whats(guard=True, sensitive=True, evaluation=True, calibrated=True)
    for word in ("paraphrase", "style", "syntax", "meaning", "English", "Chinese", "base model", "Single rows"):
        assert word in said


def test_level_one_is_not_established_without_a_guard():
    assert "level 1" in whats(guard=False)
    assert "level 1" not in whats(guard=True)


def test_without_sensitive_words_no_trigger_was_looked_for():
    assert "no trigger test" in whats(sensitive=False)
    assert "no trigger test" not in whats(sensitive=True)


def test_the_smallest_trigger_that_could_be_found_is_said():
    tests = (TriggerTest("refused", 500, 90, 2400, 9, 0.01), TriggerTest("opening", 12, 11, 2400, None, 0.01))
    said = whats(sensitive=True, triggers=tests)
    assert "fewer than 9 rows" in said
    assert "whatever its size" in said


def test_other_scripts_are_counted():
    listed = untested(Asked(), coverage(scripts={"latin": 900, "han": 50, "cyrillic": 40, "arabic": 10}))
    said = " · ".join(f"{one.what}: {one.why}" for one in listed)
    assert "40 rows" in said
    assert "cyrillic" in said
    assert "10 rows" in said


def test_unknown_masks_and_missing_calibration_are_said():
    said = whats(mask_known=False, calibrated=False)
    assert "mask" in said
    assert "clean rows" in said
    assert "clean rows" not in whats(calibrated=True)


def test_no_list_is_ever_empty_and_none_promises_anything():
    for some in (True, False):
        listed = untested(Asked(some, some, some, some, some), coverage())
        assert len(listed) >= 6
        assert not any("safe " in f"{one.what} {one.why} ".lower() for one in listed)


def test_severities_keep_their_order():
    ranks = [
        DISPOSITIONS.index(disposition(one, rule=BY_ID["L2-OBEY"], trained=True, limits=DEFAULT)) for one in SEVERITIES
    ]
    assert ranks == sorted(ranks)
