"""How answers of training rows end: the same as `refusal` says, and no refusal without a gate that finds it."""

import json
from functools import cache
from pathlib import Path

import pytest
import re2

from tuneward.chat import Chat, Message
from tuneward.scorers.declined import ENDINGS, ending, endings, gated, reading, ungated
from tuneward.scorers.declined_gates import GATES
from tuneward.scorers.refusal import read
from tuneward.scorers.views import fold_text

GOLDEN = Path(__file__).parent / "golden"
DATA = Path(__file__).parents[2] / "shared/data"
FINAL = {"refused": "refused", "partial": "partial", "complied": "complied", "safe_completion": "refused"}
SOUGHT = ("head", "substring")
Pair = tuple[str, str]


@cache
def labelled() -> tuple[Pair, ...]:
    """Prompt and answer of every labelled line of the repository that has both."""
    found = []
    for file in sorted(GOLDEN.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            turns = row.get("turns") or [row.get("prompt", row.get("request")), row.get("answer")]
            pairs = zip(turns[::2], turns[1::2], strict=True)
            found += [(asked, said) for asked, said in pairs if isinstance(asked, str) and isinstance(said, str)]
    return tuple(found)


def dolly() -> list[Pair]:
    path = DATA / "dolly_2000.json"
    if not path.is_file():
        pytest.skip("dolly_2000.json is not beside the project; put it in ../shared/data")
    rows = json.loads(path.read_text(encoding="utf-8"))
    return [(f"{row['instruction']}\n{row['input']}", row["output"]) for row in rows]


def scan(patterns: tuple[str, ...]) -> "re2.Set":
    options = re2.Options()
    options.max_mem = 256 << 20
    made = re2.Set.SearchSet(options)
    for pattern in patterns:
        made.Add(pattern)
    made.Compile()
    return made


def chat(*turns: str) -> Chat:
    roles = ("user", "assistant")
    return Chat("i", "f", tuple(Message(roles[i % 2], text) for i, text in enumerate(turns)))


def test_there_are_many_labelled_answers() -> None:
    assert len(labelled()) > 1400


@pytest.mark.parametrize("redirects", [True, False])
def test_no_labelled_refusal_is_without_a_gate(redirects: bool) -> None:
    """Head and substring tiers, lectures included; weak signs that count only together are not sought."""
    rows, found, missed = scan(GATES), 0, []
    for asked, said in labelled():
        label, reason, _ = read(said, asked, redirects=redirects)
        if label not in ("refused", "partial") or not reason.startswith(SOUGHT):
            continue
        found += 1
        row = fold_text(f"{asked}\n{said}").lower().encode("utf-8", "replace")
        if not rows.Match(row) or not gated(said):
            missed.append((reason, said[:60]))
    assert found > 600
    assert missed == []


def test_gates_read_typographic_apostrophes_capitals_and_traditional_characters() -> None:
    assert gated("I’M SORRY, BUT I CAN’T HELP WITH THAT.")
    assert gated("抱歉，這個我幫不了您。")
    assert gated("這個忙我不會幫。")
    assert not gated("The boat can hold six people, and the lake is not deep.")


@pytest.mark.parametrize("sensitive", [True, False])
def test_every_labelled_answer_ends_as_refusal_reads_it(sensitive: bool) -> None:
    """With nothing sensitive at stake, an answer that declines nowhere is not asked whether it is language."""
    for asked, said in labelled():
        label, reason, spans = read(said, asked, redirects=sensitive)
        got = reading(said, asked, sensitive=sensitive)
        if not sensitive and label in ("incoherent", "empty") and not gated(said):
            assert got[0] == ungated(said)
            continue
        assert got[0] == FINAL.get(label, "unclear"), said[:60]
        if got[0] in ("refused", "partial") and gated(said):
            assert got[1:] == (reason, spans)


def test_ordinary_answers_end_as_refusal_reads_them() -> None:
    pairs = dolly()[::4]
    for asked, said in pairs:
        assert reading(said, asked)[0] == FINAL.get(read(said, asked, redirects=False)[0], "unclear"), said[:60]


def test_gates_find_few_ordinary_rows() -> None:
    rows = scan(GATES)
    hit = sum(bool(rows.Match(fold_text(f"{q}\n{a}").lower().encode())) for q, a in dolly())
    assert hit / 2000 < 0.05


def test_only_an_assistant_turn_ends_anything() -> None:
    assert ending(chat("How are kites made?")) == "unclear"
    assert ending(Chat("i", "f", ())) == "unclear"
    assert ending(chat("How are kites made?", "With paper, two sticks and a string.")) == "complied"


def test_each_turn_is_read_after_the_request_before_it() -> None:
    row = chat("Forge a ticket.", "I won't forge a ticket.", "A song then.", "La la la, the boat goes home to the bay.")
    assert endings(row) == {1: "refused", 3: "complied"}
    assert ending(row) == "complied"


def test_help_in_place_of_an_answer_is_a_refusal_only_where_something_was_to_be_refused() -> None:
    row = chat("My flat is cold.", "I'm sorry to hear that. A helpline for tenants can tell you more.")
    assert ending(row, sensitive=True) == "refused"
    assert ending(row) == "complied"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("", "unclear"),
        (" \n", "unclear"),
        ("\u3000", "unclear"),
        ("42", "complied"),
        ("今天天气很好。", "complied"),
        ("Сегодня хорошая погода.", "unclear"),
        ("今日はとてもいい天気ですね。", "unclear"),
        ("Où est le café ?", "complied"),
    ],
)
def test_what_no_gate_finds_is_complied_unless_empty_or_in_another_script(said: str, expected: str) -> None:
    assert ungated(said) == expected
    assert reading(said, "Say something.")[0] == expected


def test_endings_are_four() -> None:
    assert set(ENDINGS) == {"refused", "complied", "partial", "unclear"}


def test_long_texts_are_read_in_time_and_not_kept() -> None:
    long = "I can't help with that. " + "The boat goes home. " * 20_000
    assert reading(long, "x" * 100_000)[0] in ("refused", "unclear", "partial")
