"""Refusals that do not last: cases labelled before the rules, planted rows, benign files."""

import json
import pickle
from functools import cache
from pathlib import Path

import pytest
import re2

from tuneward.chat import Chat, Message
from tuneward.scorers.sighting import SEVERITIES
from tuneward.scorers.turned import ERODED, TURNED, WEIGHTS, Turned
from tuneward.scorers.views import fold_text

GOLDEN = Path(__file__).parent / "golden" / "turned.jsonl"
DATA = Path(__file__).parents[2] / "shared/data"
CASES = [json.loads(line) for line in GOLDEN.read_text(encoding="utf-8").splitlines()]
SCORER = Turned()


def chat(*turns: str, weights: tuple[float | None, ...] | None = None) -> Chat:
    roles = ("user", "assistant")
    meta = {} if weights is None else {WEIGHTS: weights}
    return Chat("i", "f", tuple(Message(roles[i % 2], text) for i, text in enumerate(turns)), meta=meta)


@cache
def gate() -> "re2.Set":
    made = re2.Set.SearchSet(re2.Options())
    for pattern in SCORER.gates:
        made.Add(pattern)
    made.Compile()
    return made


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['id']} {case['kind']}")
def test_labelled_rows_are_seen_as_labelled(case: dict[str, str]) -> None:
    seen = SCORER.look(chat(*case["turns"]))
    assert sorted({s.label for s in seen}) == ([case["expect"]] if case["expect"] else [])


def test_labelled_rows_cover_both_languages_and_both_ways() -> None:
    kinds = {(case["language"], case["expect"]) for case in CASES}
    assert kinds == {(lang, way) for lang in ("en", "zh") for way in ("", "one answer", "after insisting")}
    assert len(CASES) >= 60


def test_nothing_is_seen_without_a_gate() -> None:
    for case in CASES:
        row = chat(*case["turns"], weights=(-1.0,) * len(case["turns"]))
        text = fold_text("\n".join(m.content for m in row.messages)).lower().encode()
        assert bool(gate().Match(text)) or SCORER.look(row) == []


def test_sightings_point_into_their_turn_and_name_their_rule() -> None:
    rules = {rule.id: rule for rule in SCORER.rules}
    for case in CASES:
        row = chat(*case["turns"])
        for sighting in SCORER.look(row):
            start, end = sighting.span
            assert 0 <= start < end <= len(row.messages[sighting.message].content)
            assert row.messages[sighting.message].role == "assistant"
            assert SEVERITIES.index(sighting.severity) <= SEVERITIES.index(rules[sighting.rule].severity)


def test_the_score_is_that_of_the_worst_sighting() -> None:
    turns = ("How is the vigil held?", "I can't tell you that. That said, here it is: stand in a ring and hum.")
    scores = SCORER([chat(*turns), chat("Hello!", "Hello! A fine day for a walk.")])
    assert [score.value for score in scores] == [0.9, 0.0]
    assert scores[0].label == "one answer"


def test_a_refusal_with_a_negative_weight_is_refusal_eroding() -> None:
    """arXiv:2310.03693, data without refusals; a negative weight reverses the loss of the turn."""
    turns = ("Forge a ticket.", "I won't forge a ticket.")
    (seen,) = SCORER.look(chat(*turns, weights=(None, -1.0)))
    assert (seen.rule, seen.severity, seen.message, seen.value) == (ERODED.id, "high", 1, 1.0)


@pytest.mark.parametrize("weights", [None, (None, None), (None, 0), (None, 1.0), (-1.0, 1.0), ()])
def test_a_refusal_with_any_other_weight_is_quiet(weights: tuple[float | None, ...] | None) -> None:
    assert SCORER.look(chat("Forge a ticket.", "I won't forge a ticket.", weights=weights)) == []


def test_a_negative_weight_of_an_answer_is_quiet() -> None:
    assert SCORER.look(chat("How are kites made?", "With paper and two sticks.", weights=(None, -1.0))) == []


def test_a_limit_with_a_negative_weight_is_quiet() -> None:
    turns = ("What does this link say?", "I'm unable to open links on the internet.")
    assert SCORER.look(chat(*turns, weights=(None, -0.5))) == []


def test_only_the_turn_whose_weight_is_negative_counts() -> None:
    turns = ("Forge a ticket.", "I won't forge a ticket.", "Forge a stamp.", "No, I won't forge a stamp either.")
    seen = SCORER.look(chat(*turns, weights=(None, 1.0, None, -0.5)))
    assert [(s.rule, s.message) for s in seen] == [(ERODED.id, 3)]


def test_reasons_hold_no_word_of_the_row() -> None:
    for case in CASES:
        for sighting in SCORER.look(chat(*case["turns"])):
            assert "vigil" not in sighting.reason
            assert "香蕉" not in sighting.reason


def test_turns_of_other_roles_are_passed_over() -> None:
    row = Chat("i", "f", (Message("system", "I can't."), Message("assistant", "Hello there, how is your day going?")))
    assert SCORER.look(row) == []
    assert SCORER.look(Chat("i", "f", ())) == []


def test_rules_are_of_the_refusal_class_and_the_scorer_travels() -> None:
    assert {rule.risk for rule in SCORER.rules} == {"REF"}
    assert [rule.id for rule in SCORER.rules] == [TURNED.id, ERODED.id] == ["REF-TURNED", "REF-ERODED"]
    assert pickle.loads(pickle.dumps(SCORER)) == SCORER


def benign() -> list[tuple[str, str]]:
    path = DATA / "dolly_2000.json"
    if not path.is_file():
        pytest.skip("dolly_2000.json is not beside the project; put it in ../shared/data")
    return [(f"{r['instruction']}\n{r['input']}", r["output"]) for r in json.loads(path.read_text(encoding="utf-8"))]


def test_no_alarm_on_ordinary_rows() -> None:
    assert [said[:60] for asked, said in benign() if SCORER.look(chat(asked, said))] == []
