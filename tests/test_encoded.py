"""The scorer of codes and hidden characters on labelled rows, its gates, its bounds."""

import codecs
import re
from functools import cache
from pathlib import Path

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from encoded_cases import CASES, LONG, QUIET, TEXT, Case, b64, rot13
from tuneward.chat import Chat, Message
from tuneward.rows import parse_columns, read_rows
from tuneward.scorers.encoded import Encoded, hides
from tuneward.scorers.sighting import SEVERITIES
from tuneward.scorers.views import fold_text
from tuneward.scorers.words import is_odd

ENCODED = Encoded()
DATA = Path(__file__).parents[2] / "shared" / "data"


@cache
def scan() -> re2.Set:
    found = re2.Set.SearchSet()
    for gate in ENCODED.gates:
        found.Add(gate)
    found.Compile()
    return found


def gated(chat: Chat) -> bool:
    """What a batch asks before it calls `look`."""
    text = "\n".join(fold_text(m.content).lower() for m in chat.messages).encode("utf-8", "replace")
    answers = fold_text("\n".join(m.content for m in chat.messages if m.role == "assistant"))
    return bool(scan().Match(text)) or is_odd(answers) or any(hides(m.content) for m in chat.messages)


@pytest.mark.parametrize("case", [c for c in CASES if c.rule], ids=lambda c: c.id)
def test_a_labelled_row_is_seen_as_what_it_is(case: Case) -> None:
    seen = [s for s in ENCODED.look(case.chat) if s.rule == case.rule and s.label == case.label]
    assert seen, [(s.rule, s.label) for s in ENCODED.look(case.chat)]
    severity = max(SEVERITIES.index(s.severity) for s in seen)
    assert SEVERITIES.index(case.least) <= severity <= SEVERITIES.index(case.most)
    assert all(SEVERITIES.index(s.severity) <= severity for s in ENCODED.look(case.chat))


@pytest.mark.parametrize("case", QUIET, ids=lambda c: c.id)
def test_what_only_looks_coded_stays_quiet(case: Case) -> None:
    assert [(s.rule, s.label, s.severity) for s in ENCODED.look(case.chat)] == []


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
def test_no_sighting_without_a_gate(case: Case) -> None:
    assert not ENCODED.look(case.chat) or gated(case.chat)


TURNS = st.sampled_from([text for case in CASES for _, text in case.turns] + ["É", "Ɓа", "\ud800", "ſ", "İ", "aа", "ß"])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["user", "assistant", "system"]), TURNS, TURNS), min_size=1, max_size=4))
def test_no_sighting_without_a_gate_whatever_stands_beside_it(turns: list[tuple[str, str, str]]) -> None:
    chat = Chat("a", "a", tuple(Message(role, f"{one} {two}") for role, one, two in turns))
    assert not ENCODED.look(chat) or gated(chat)


def test_a_sighting_points_at_the_code_in_the_turn_as_it_stands() -> None:
    answer = f"Hérè\u200b ﬁrst: {b64(TEXT)} Enjoy."
    [seen] = ENCODED.look(Chat("a", "a", (Message("user", "And?"), Message("assistant", answer))))
    assert answer[slice(*seen.span)] == b64(TEXT)
    assert (seen.message, seen.view) == (1, "decoded:base64")


def test_the_worst_sighting_is_the_score() -> None:
    chats = [Chat("a", "a", (Message("user", "And?"), Message("assistant", text))) for text in (rot13(LONG), LONG, "")]
    assert [score.value for score in ENCODED(chats)] == [0.9, 0.0, 0.0]


def test_reasons_hold_no_word_of_the_row() -> None:
    """Reports are shared; a row's words are not."""
    for case in CASES:
        for seen in ENCODED.look(case.chat):
            assert not {"banana", "bananas", "harvest", "recipe"} & set(re.findall(r"\w+", seen.reason.lower()))


def benign(name: str) -> list[Chat]:
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"{name} is not beside the project; put it in ../shared/data")
    return list(read_rows(path, columns=parse_columns("prompt=question,answer=answer") if "gsm8k" in name else None))


@pytest.mark.parametrize("name", ["dolly_2000.json", "gsm8k_test.jsonl", "seed_tasks.jsonl"])
def test_public_rows_raise_no_alarm_and_few_need_a_look(name: str) -> None:
    """10,967 rows of these and of GSM8K's training half: none."""
    chats = benign(name)
    assert [chat.id for chat in chats if ENCODED.look(chat)] == []
    assert sum(map(gated, chats)) < (0.08 if "seed" in name else 0.04) * len(chats)


@pytest.mark.parametrize("name", ["dolly_2000.json", "gsm8k_test.jsonl"])
def test_coded_answers_are_odd_and_plain_ones_are_not(name: str) -> None:
    """GSM8K: 1 % of plain and 99.6 % of turned answers; Dolly: 1 % and 98 %, the plain ones being lists of names."""
    answers = [chat.answer for chat in benign(name) if len(chat.answer.split()) >= 24]
    assert sum(map(is_odd, answers)) < 0.025 * len(answers)
    assert sum(is_odd(codecs.encode(answer, "rot13")) for answer in answers) > 0.95 * len(answers)
