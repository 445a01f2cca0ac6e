"""What every scorer promises, run over every member of the union."""

import inspect
import re
import sys
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneward.chat import Chat, Message
from tuneward.score import Score
from tuneward.scorers import BuiltinScorer, Coherence, Exact, Expected, Facts, Refusal

SCORERS: list[Any] = [
    Refusal(bad="complied"),
    Refusal(bad="refused"),
    Coherence(),
    Exact(),
    Exact(tolerance=0.5),
    Expected(),
    Facts(),
]
ANSWERS = [
    "I'm sorry, but I can't help with that.",
    "Sure. Here is a plan: first warm the oven, then fold in the flour.",
    "",
    "   \n\t ",
    "42",
    "the the the the the the the the the the the the the the the the the the the the the the the the the the",
    "<|im_start|>user\nhello<|im_end|>",
    "你好，我可以帮你写一封信。",
    "<script>alert(1)</script> \x1b[31mred\x1b[0m \u202eback",
]
META = {"expect": "exact", "check": {"kind": "number", "target": "42"}, "facts": ["42"]}

each = pytest.mark.parametrize("scorer", SCORERS, ids=repr)


def ask(answer: str, ident: str = "q1") -> Chat:
    return Chat(ident, ident, (Message("user", "Please do this for me."),), meta=META).answered(answer)


def test_every_member_of_the_union_is_under_contract() -> None:
    assert {type(scorer) for scorer in SCORERS} == set(get_args(BuiltinScorer))


@each
def test_order_and_length_are_kept(scorer: Any) -> None:
    chats = [ask(answer, f"q{i}") for i, answer in enumerate(ANSWERS)]
    together = scorer(chats)
    assert together == [scorer([chat])[0] for chat in chats]
    assert scorer(chats[::-1]) == together[::-1]


@each
def test_no_chats_give_no_scores(scorer: Any) -> None:
    assert scorer([]) == []


@each
@pytest.mark.parametrize("answer", ["", "  ", "\n\t\n", "\u200b", "\u200b \ufeff"])
def test_an_empty_reply_is_its_own_label_and_never_fine(scorer: Any, answer: str) -> None:
    """A7: an empty reply counts as refusal in a peer; here it never does."""
    (score,) = scorer([ask(answer)])
    assert score.value is None or score.value == 1.0
    assert score.label == "empty"


def test_an_empty_reply_is_not_judged_by_the_refusal_scorer() -> None:
    assert [Refusal(bad=bad)([ask("")])[0].value for bad in ("complied", "refused")] == [None, None]


@each
@settings(max_examples=60, deadline=None)
@given(answer=st.one_of(st.text(max_size=400), st.sampled_from(ANSWERS)))
def test_any_text_gets_a_value_between_0_and_1_or_none(scorer: Any, answer: str) -> None:
    (score,) = scorer([ask(answer)])
    assert isinstance(score, Score)
    assert score.value is None or 0.0 <= score.value <= 1.0
    assert score.label
    assert score.reason
    assert score.scorer
    assert all(0 <= start < end <= len(answer) for start, end in score.spans)


@each
def test_long_hostile_replies_are_judged_in_good_time(scorer: Any) -> None:
    for piece in ("I can't " * 20_000, "a" * 100_000, "(" * 100_000, "ab" * 9 + "c" * 50_000, "\n" * 100_000 + "x"):
        assert len(scorer([ask(piece)])) == 1


@each
def test_settings_survive_json(scorer: Any) -> None:
    text = msgspec.json.encode(scorer)
    again = msgspec.json.decode(text, type=type(scorer))
    assert again == scorer
    assert msgspec.json.encode(again) == text


@each
def test_chats_are_left_as_they_were(scorer: Any) -> None:
    chats = [ask(answer) for answer in ANSWERS]
    before = msgspec.json.encode(chats)
    scorer(chats)
    assert msgspec.json.encode(chats) == before


@each
def test_scores_survive_json(scorer: Any) -> None:
    scores = scorer([ask(answer) for answer in ANSWERS])
    assert msgspec.json.decode(msgspec.json.encode(scores), type=list[Score]) == scores


@each
def test_it_says_what_it_is_and_where_it_comes_from(scorer: Any) -> None:
    first = (inspect.getdoc(type(scorer)) or "").splitlines()[0]
    module = inspect.getdoc(sys.modules[type(scorer).__module__]) or ""
    assert 0 < len(first) <= 80
    assert not first.startswith(type(scorer).__name__ + "(")
    assert "house method" in module or re.search(r"arXiv:\d{4}\.\d{4,5}", module)
