"""False alarms: counted on clean rows, bounded, compared, and never borrowed from another version or the same file."""

from dataclasses import dataclass
from math import exp, factorial
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screen_made import BY_ID, finding, null, tally
from tuneward.record import read_json
from tuneward.screen.calibration import (
    FEWEST,
    Null,
    RuleRate,
    Tally,
    calibrate,
    count_above,
    expectation,
    keep,
    kept,
    remarks,
    rule_counts,
    shipped,
    tallied,
    upper,
)


@dataclass(frozen=True)
class Obedience:
    name: ClassVar[str] = "obedience"
    version: ClassVar[str] = "1"
    rules: ClassVar = (BY_ID["L2-OBEY"], BY_ID["PII-CARD"])


@pytest.mark.parametrize(
    ("hits", "n", "wanted"), [(0, 300, 3 / 300), (0, 10_000, 3 / 10_000), (0, 30_000, 1e-4), (5, 1000, 0.01047)]
)
def test_the_upper_end_is_exact_and_for_no_hits_the_rule_of_three(hits, n, wanted):
    assert upper(hits, n) == pytest.approx(wanted, rel=0.01)


def test_the_upper_end_at_its_edges():
    assert upper(7, 7) == 1.0
    assert upper(0, 1) == pytest.approx(0.95)
    with pytest.raises(ValueError, match="3 of 2"):
        upper(3, 2)
    with pytest.raises(ValueError, match="0 of 0"):
        upper(0, 0)


@given(st.integers(1, 2000), st.data())
@settings(deadline=None, max_examples=60)
def test_the_upper_end_is_above_the_share_and_falls_with_more_rows(n, data):
    hits = data.draw(st.integers(0, n))
    assert hits / n < upper(hits, n) <= 1 or hits == n
    assert upper(hits, n) >= upper(hits, n + 1)


def tail(count, mean):
    return 1 - sum(exp(-mean) * mean**k / factorial(k) for k in range(count))


@pytest.mark.parametrize("mean", [0.01, 0.3, 1.0, 3.0, 12.0, 40.0])
def test_the_count_that_stands_out_is_the_first_with_a_poisson_tail_below_one_in_a_hundred(mean):
    count = count_above(mean)
    assert tail(count, mean) < 0.01
    assert tail(count - 1, mean) >= 0.01


def test_a_thousand_expected_hide_eight_and_one_expected_does_not():
    assert count_above(1.0) == 5
    assert 1000 + 8 < count_above(1000.0) < 1000 + 90


def test_a_rule_that_hit_nothing_is_calibrated_and_one_that_was_not_run_is_not():
    (count,) = rule_counts((tally("L2-OBEY", 2, 2),), rows=1000, nulls=(null(10_000),))
    assert count.rate == pytest.approx(3e-4, rel=0.01)
    assert count.expected == pytest.approx(0.3, rel=0.01)
    assert not count.above
    assert "own" in count.origin
    assert "10,000" in count.origin
    (other,) = rule_counts((tally("PII-CARD", 2, 2),), rows=1000, nulls=(null(10_000),))
    assert (other.expected, other.rate, other.above) == (None, None, False)
    assert "never calibrated" in other.origin


def test_above_is_decided_by_the_exact_tail():
    for rows, wanted in ((2, False), (3, True)):
        (count,) = rule_counts((tally("L2-OBEY", rows, 0),), rows=1000, nulls=(null(10_000),))
        assert (count.expected is not None and count.above) == wanted, rows


def test_shares_have_intervals_and_allowed_rows_stand_beside():
    """G1."""
    (count,) = rule_counts((tally("L2-OBEY", 0, 0, allowed=4),), rows=1000, nulls=())
    assert (count.rows, count.allowed, count.share.k, count.share.n) == (0, 4, 0, 1000)
    assert count.share.low < count.share.high


def test_a_calibration_of_another_version_does_not_count_and_is_told():
    old = null(rules={"L2-OBEY": RuleRate("obedience", "0", 0, 0)})
    (count,) = rule_counts((tally("L2-OBEY", 9, 9),), rows=1000, nulls=(old,))
    assert count.expected is None
    assert "version 0" in count.origin
    (said,) = remarks((tally("L2-OBEY", 9, 9),), nulls=(old,))
    assert "L2-OBEY" in said
    assert "version" in said


def test_own_clean_rows_come_before_those_shipped():
    ours, theirs = null(10_000), null(20_000, name="shipped")
    assert expectation(tally(), rows=1000, nulls=(ours, theirs)).expected == pytest.approx(0.3, rel=0.01)
    assert "own" in expectation(tally(), rows=1000, nulls=(ours, theirs)).origin
    assert "shipped" in expectation(tally(), rows=1000, nulls=(theirs,)).origin
    old = null(rules={"L2-OBEY": RuleRate("obedience", "0", 0, 0)})
    assert expectation(tally(), rows=1000, nulls=(old, theirs)).expected == pytest.approx(0.15, rel=0.01)


def test_rows_are_not_held_against_themselves():
    """The very file that is screened would explain all that is found in it."""
    same = null(files={"train.jsonl": "d" * 64})
    (count,) = rule_counts((tally("L2-OBEY", 9, 9),), rows=1000, nulls=(same,), inputs=frozenset({"d" * 64}))
    assert count.expected is None
    (said,) = remarks((tally(),), nulls=(same,), inputs=frozenset({"d" * 64}))
    assert "train.jsonl" in said


def test_what_sets_rows_aside_has_its_own_rate():
    both = null(10_000, hits=50, held=0)
    found = expectation(tally("L2-OBEY", 60, 6), rows=10_000, nulls=(both,))
    assert found.expected is not None
    assert found.expected > 50
    assert found.expected_held == pytest.approx(3.0, rel=0.01)


def test_calibrating_counts_every_rule_that_was_run():
    tallies = (tally("L2-OBEY", 3, 1, allowed=2), tally("PII-CARD", 0, 0))
    made = calibrate(tallies, files={"clean.jsonl": "e" * 64}, rows=5000, name="own", made="2026-11-22")
    assert made.rules["L2-OBEY"] == RuleRate("obedience", "1", 5, 1)
    assert made.rules["PII-CARD"].rows == 0


@pytest.mark.parametrize("rows", [0, 20, FEWEST - 1])
def test_a_handful_of_clean_rows_would_excuse_anything(rows):
    with pytest.raises(ValueError, match=f"{rows} clean rows.*at least {FEWEST}"):
        calibrate((tally(),), files={"a": "e" * 64}, rows=rows, name="own", made="2026-11-22")


def test_more_hits_than_rows_are_refused():
    with pytest.raises(ValueError, match=r"L2-OBEY.*600 of 500"):
        calibrate((tally("L2-OBEY", 600, 1),), files={"a": "e" * 64}, rows=500, name="own", made="2026-11-22")


def test_a_calibration_survives_its_file(tmp_path):
    path = tmp_path / "calibration.json"
    made = null(10_000, 3, 1)
    keep(path, made)
    assert kept(path) == made
    assert kept(path) == read_json(path, Null)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "tuneward/screen-calibration/0"}, "another version"),
        ({"rows": 10}, "10 clean rows"),
        ({"rules": {"L2-OBEY": RuleRate("obedience", "1", 20_000, 0)}}, "20000 of 10000"),
        ({"rules": {"L2-OBEY": RuleRate("obedience", "1", -1, 0)}}, "-1 of 10000"),
        ({"rules": {"L2-OBEY": RuleRate("obedience", "1", 1, 2)}}, "2 of 1"),
    ],
)
def test_a_file_that_could_not_have_been_written_is_refused(tmp_path, change, message):
    path = tmp_path / "calibration.json"
    keep(path, null(**change))
    with pytest.raises(ValueError, match=rf"calibration\.json: .*{message}"):
        kept(path)


def test_a_broken_file_is_named(tmp_path):
    (tmp_path / "c.json").write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match=r"c\.json"):
        kept(tmp_path / "c.json")
    with pytest.raises(FileNotFoundError, match="none"):
        kept(tmp_path / "none.json")


def test_the_shipped_null_is_one_or_none():
    found = shipped()
    assert found is None or (found.rows >= FEWEST and found.name == "shipped")


def test_rows_are_counted_once_a_rule_and_what_is_allowed_apart():
    """Two findings of one rule on one row are one row; a row counts as set aside if one of them says so."""
    findings = [
        finding(row="a:1", disposition="review"),
        finding(row="a:1", disposition="quarantine"),
        finding(row="a:2", disposition="review"),
        finding(row="a:3", disposition="quarantine", allowed_by="x"),
        finding(row="a:4", disposition="quarantine", allowed_by="x"),
        finding(row="a:4", disposition="note"),
        finding(row=None),
    ]
    assert tallied(findings, [Obedience()]) == (
        Tally("L2-OBEY", "L2", "obedience", "1", 3, 1, 1),
        Tally("PII-CARD", "PII", "obedience", "1", 0, 0, 0),
    )
