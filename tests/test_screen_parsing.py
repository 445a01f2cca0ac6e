"""Rows as the screen reads them: what is good is read as it stands, all else is told of and never raises."""

import json
import pickle
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostile_rows import chat, good, hostile, line
from scripts import script
from tuneward.chat import Chat, Message
from tuneward.rows import detect
from tuneward.scorers.control import Control
from tuneward.screen.caps import Caps
from tuneward.screen.parsing import Reader, Row
from tuneward.screen.schema import KINDS, RULES

PLANTED = script("bench/screen/planted_broken.py").KINDS
DATA = Path(__file__).parents[2] / "shared/data"
READER = Reader()
USER, ANSWER = {"role": "user", "content": "Which fruit?"}, {"role": "assistant", "content": "A plum."}


def labels(row: Row) -> list[str]:
    return [problem.label for problem in row.problems]


def read(value: Any, reader: Reader = READER) -> Row:
    return reader.line(line(value))


def turns(*messages: dict[str, Any], **more: Any) -> Row:
    return read({"messages": list(messages), **more})


def whole(row: Row) -> None:
    """What holds for every row."""
    n = len(row.roles)
    assert len(row.texts) == len(row.trained) == n
    assert row.weights == () or len(row.weights) == n
    assert 0 <= row.rejected <= n
    assert row.readable == (n > 0)
    assert len(set(labels(row))) == len(row.problems)
    assert len("\n".join(row.texts).encode()) >= n - 1, "texts are good UTF-8"


@pytest.mark.parametrize("name", PLANTED)
@pytest.mark.parametrize("mask", ["trl", "openai", "unknown"])
def test_a_planted_line_gives_the_finding_it_should_and_no_other(name: str, mask: str) -> None:
    """The benchmark's words for broken lines are those of the reader; control tokens are a scorer's."""
    expected, make = PLANTED[name]
    row = Reader(mask).line(make())
    whole(row)
    seen = Control().look(Chat("c", "c", tuple(map(Message, row.roles, row.texts))))
    assert [*labels(row), *sorted({s.label for s in seen})] == ([expected] if expected else [])


def test_ten_thousand_hostile_lines_are_told_of_and_stop_nothing() -> None:
    missed: list[bytes] = []
    first: Counter[str] = Counter()
    for raw, must in hostile(10_000, 6):
        row = READER.line(raw)
        whole(row)
        first.update(labels(row)[:1])
        if must and not row.problems:
            missed.append(raw[:200])
    assert missed == []
    assert len(first) >= 20


def test_every_hostile_line_asked_for_has_one_finding_in_front() -> None:
    assert all(labels(READER.line(raw)) for raw, _ in hostile(2000, 7, sure=True))


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=60), st.integers(0, 2**32))
def test_no_bytes_stop_the_reader(raw: bytes, seed: int) -> None:
    base = next(iter(hostile(1, seed)))[0]
    at = seed % (len(base) + 1)
    for mixed in (raw, base[:at] + raw + base[at:]):
        whole(READER.line(mixed))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = ("messages", "conversations", "prompt", "completion", "chosen", "rejected", "instruction", "output", "text")
NAMES = st.sampled_from([*FIELDS, "input", "history", "instances", "label", "system", "preferred_output", "weight"])
TURN = st.dictionaries(st.sampled_from(["role", "content", "from", "value", "weight", "tool_calls", "train"]), JSON)


@settings(deadline=None, max_examples=120)
@given(st.dictionaries(NAMES | st.just("non_preferred_output"), JSON | st.lists(TURN, max_size=3), max_size=5))
def test_no_value_in_any_column_stops_the_reader(value: dict[str, Any]) -> None:
    for mask in ("trl", "together", "axolotl", "fireworks"):
        reader = Reader(mask)
        row = reader.line(json.dumps(value).encode())
        whole(row)
        assert row == reader.value(value)


@settings(deadline=None, max_examples=200)
@given(st.dictionaries(st.text(max_size=6), JSON, max_size=4), st.text(max_size=20), st.data())
def test_a_key_that_is_there_twice_is_always_found_and_never_made_up(
    more: dict[str, Any], text: str, data: st.DataObject
) -> None:
    """The count of colons is exact: against the standard library, which sees every pair."""
    more = {key: value for key, value in more.items() if key not in ("messages", *FIELDS, "weight")}
    raw = json.dumps({"messages": [USER, {**ANSWER, "content": "x" + text}], **more}, ensure_ascii=False)
    raw = raw.replace("\ud800", "?")
    try:
        encoded = raw.encode()
    except UnicodeEncodeError:
        return
    assert "duplicate key" not in labels(READER.line(encoded))
    name = data.draw(st.sampled_from(["messages", *more]))
    twice = "{" + json.dumps(name) + data.draw(st.sampled_from([":", " : ", "\t:"])) + '":\\u003a", ' + raw[1:]
    try:
        encoded = twice.encode()
    except UnicodeEncodeError:
        return
    assert "duplicate key" in labels(READER.line(encoded))


FORMS = {
    "openai-chat": {"messages": [USER, ANSWER, USER, ANSWER]},
    "text parts": {"messages": [USER, {"role": "assistant", "content": [{"type": "text", "text": "A plum."}]}]},
    "sharegpt": {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}], "system": "s"},
    "alpaca": {"instruction": "q", "input": "x", "output": "a", "system": "s", "history": [["p", "b"]]},
    "dolly": {"instruction": "q", "context": "x", "response": "a", "category": "open_qa"},
    "self-instruct": {"instruction": "q", "instances": [{"input": "x", "output": "a"}, {"input": "", "output": "b"}]},
    "prompt-completion": {"prompt": "q", "completion": "a"},
    "prompt-completion lists": {"prompt": [USER], "completion": [ANSWER]},
    "unpaired": {"prompt": "q", "completion": "a", "label": False},
    "text": {"text": "A plum."},
}


@pytest.mark.parametrize("value", FORMS.values(), ids=FORMS)
def test_good_rows_are_read_as_the_rows_package_reads_them(value: dict[str, Any]) -> None:
    for row in (read(value), READER.value(value)):
        parsed = detect(value).parse(value, "a:1")
        assert [(m.role, m.content) for m in parsed.messages] == list(zip(row.roles, row.texts, strict=True))
        assert (row.format, row.problems) == (parsed.meta["format"], ())
        assert row.rejected == len(row.roles)


PAIRS = {
    "text": {"prompt": "q", "chosen": "a", "rejected": "b"},
    "lists": {"prompt": [{"role": "user", "content": "q"}], "chosen": [{"role": "assistant", "content": "a"}]},
    "implicit": {"chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
    "openai": {"input": {"messages": [{"role": "user", "content": "q"}]}},
}
PAIRS["lists"]["rejected"] = [{"role": "assistant", "content": "b"}]
PAIRS["implicit"]["rejected"] = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "b"}]
PAIRS["openai"]["preferred_output"] = [{"role": "assistant", "content": "a"}]
PAIRS["openai"]["non_preferred_output"] = [{"role": "assistant", "content": "b"}]


@pytest.mark.parametrize("value", PAIRS.values(), ids=PAIRS)
def test_both_sides_of_a_pair_are_read_and_a_repeated_prompt_once(value: dict[str, Any]) -> None:
    row = read(value)
    assert (row.roles, row.texts, row.rejected) == (("user", "assistant", "assistant"), ("q", "a", "b"), 2)
    assert (row.trained, row.problems) == ((False, True, True), ())


def test_pairs_without_a_prompt_have_two_answers() -> None:
    row = read({"chosen": "a", "rejected": "b"})
    assert (row.roles, row.rejected, row.trained) == (("assistant", "assistant"), 1, (True, True))
    assert labels(read({"prompt": "q", "chosen": "a", "rejected": "a"})) == ["equal sides"]
    assert labels(read({"prompt": "q", "chosen": "a", "rejected": [ANSWER]})) == ["wrong type"]


def test_a_set_may_mix_forms_and_a_row_may_not() -> None:
    assert labels(turns(USER, ANSWER, conversations=[{"from": "gpt", "value": "a"}])) == ["two formats"]
    assert read({"messages": [USER, ANSWER], "text": "a copy", "prompt": "q"}).problems == ()
    assert labels(read({"input_ids": [1, 2], "labels": [1, 2]})) == ["no text"]


def test_columns_that_the_user_names_are_read() -> None:
    reader = Reader(columns={"prompt": "question", "answer": "reply", "id": "n"})
    row = reader.line(line({"question": "q", "reply": "a", "n": 1.5}))
    assert (row.roles, row.texts, row.format, row.problems) == (("user", "assistant"), ("q", "a"), "columns", ())
    assert labels(reader.line(line({"question": "q"}))) == ["field missing"]
    assert reader.line(line({"question": "q", "reply": 7})).texts == ("q",)
    with pytest.raises(ValueError, match="columns: unknown key"):
        Reader(columns={"question": "q"})


def test_text_beside_a_content_is_not_overlooked() -> None:
    """Arguments of calls and thoughts in a field of their own are trained, so scorers see them."""
    call = {"id": "c", "type": "function", "function": {"name": "weigh", "arguments": '{"fruit": "plum"}'}}
    row = turns(
        USER, {"role": "assistant", "content": "", "tool_calls": [call]}, {"role": "tool", "content": "12"}, ANSWER
    )
    assert (row.texts[1], row.problems) == ('\n{"fruit": "plum"}', ())
    assert turns(USER, {**ANSWER, "reasoning_content": "A pear?"}).texts[1] == "A plum.\nA pear?"


def test_parts_that_are_no_text_are_noted() -> None:
    image = {"type": "image_url", "image_url": {"url": "plum.png"}}
    row = turns({"role": "user", "content": [image, {"type": "text", "text": "Which fruit?"}]}, ANSWER)
    assert (row.texts[0], labels(row), row.problems[0].turn) == ("Which fruit?", ["not text"], 0)
    assert labels(turns({"role": "user", "content": [image]}, ANSWER)) == ["not text"]


def test_calls_and_replies_are_matched_by_id() -> None:
    def called(*ids: str) -> dict[str, Any]:
        return {"role": "assistant", "content": None, "tool_calls": [{"id": i, "function": {}} for i in ids]}

    def reply(name: str) -> dict[str, Any]:
        return {"role": "tool", "content": "12", "tool_call_id": name}

    assert labels(turns(USER, called("a", "b"), reply("b"), reply("a"), ANSWER)) == []
    assert labels(turns(USER, called("a"), reply("b"), ANSWER)) == ["tool calls"]
    assert labels(turns(USER, called("a", "b"), reply("a"), ANSWER)) == ["tool calls"]
    assert turns(USER, called("a")).problems[0].severity == "low"
    share = [
        {"from": "human", "value": "q"},
        {"from": "function_call", "value": "{}"},
        {"from": "observation", "value": "1"},
    ]
    assert read({"conversations": [*share, {"from": "gpt", "value": "a"}]}).problems == ()


def test_texts_of_broken_rows_are_kept_for_the_scorers() -> None:
    kept = {name: READER.line(PLANTED[name][1]()) for name in PLANTED}
    names = ("byte order mark", "latin-1", "overlong bytes", "lone surrogate", "nan", "number overflow", "long integer")
    for name in (*names, "duplicate key", "duplicate content", "raw control character", "utf-16", "misspelt role"):
        assert kept[name].readable, name
        assert len(kept[name].texts) == 2
    assert kept["lone surrogate"].texts[1] == "That would be the ban\ufffdana."
    assert kept["misspelt role"].roles == ("user", "unknown")
    assert len(kept["too many turns"].roles) == Caps().turns
    assert not kept["line of 16 MiB"].readable


def test_caps_are_kept() -> None:
    reader = Reader(caps=Caps(line=2000, depth=5, turns=3, text=50))
    assert labels(reader.line(b" " * 2001)) == ["too long"]
    assert labels(reader.line(line({"messages": [USER, ANSWER], "x": [[[[[1]]]]]}))) == ["too deep"]
    assert reader.line(line({"messages": [USER, ANSWER], "x": [[[[1]]]]})).problems == ()
    assert labels(reader.line(line({"messages": [USER, ANSWER] * 2}))) == ["too many turns"]
    long = reader.line(line({"messages": [USER, {**ANSWER, "content": "plum " * 20}]}))
    assert (labels(long), sum(map(len, long.texts))) == (["long text"], 50)


def test_problems_stand_in_one_order_and_their_rules_are_known() -> None:
    raw = b"\xef\xbb\xbf" + line({"messages": [USER, {**ANSWER, "weight": -1, "role": "gpt"}], "x": float("nan")})
    assert labels(READER.line(raw)) == ["byte order mark", "not a number", "unknown role", "mask value"]
    assert {kind.rule for kind in KINDS.values()} == {rule.id for rule in RULES}
    assert all("row's" not in kind.label and len(kind.reason) < 100 for kind in KINDS.values())


def test_reasons_hold_no_word_of_the_row() -> None:
    for raw, _ in hostile(500, 3):
        assert all(KINDS_BY_REASON[problem.reason] == problem.label for problem in READER.line(raw).problems)


KINDS_BY_REASON = {kind.reason: kind.label for kind in KINDS.values()}


@pytest.mark.parametrize(
    "raw",
    [
        b'["' + b'\\"' * 2_000_000,
        b'"' * 4_000_000,
        b'{"a":' * 1_000_000,
        b"[" * 8_000_000,
        b'{"messages": [' + b'{"role": 1},' * 300_000 + b"{}]}",
        b'{"x": ' + b"9" * 8_000_000 + b"}",
        b'{"x": "' + b"\\ud800" * 1_000_000 + b'"}',
        b'{"messages": [{"role": "user", "content": "' + b"\\u200b" * 1_000_000 + b'"}]}',
        b"\x00" * 8_000_000,
        b'{"a": 1, ' * 400_000,
    ],
    ids=range(10),
)
def test_the_worst_lines_are_read_in_linear_time(raw: bytes) -> None:
    start = time.process_time()
    whole(READER.line(raw))
    assert time.process_time() - start < 4


def test_a_reader_travels_to_other_processes_and_says_the_same_there() -> None:
    reader = Reader("openai", Caps(turns=5), {"prompt": "q"})
    again = pickle.loads(pickle.dumps(reader))
    assert (again, repr(again)) == (reader, repr(reader))
    assert "_known" not in repr(reader)
    READER.line(line(chat(random.Random(1))))
    assert repr(READER) == repr(Reader())


def test_good_rows_of_every_form_are_quiet() -> None:
    rng = random.Random(5)
    for value in (good(rng) for _ in range(2000)):
        row = read(value)
        assert (row.problems, row) == ((), READER.value(value))


@pytest.mark.parametrize(
    ("name", "columns", "most"),
    [("dolly_2000.json", None, 0), ("gsm8k_train.jsonl", "answer", 0), ("seed_tasks.jsonl", None, 0)],
)
def test_public_files_give_no_alarm(name: str, columns: str | None, most: int) -> None:
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"{name} is not beside the project; put it in ../shared/data")
    text = path.read_text(encoding="utf-8")
    rows = json.loads(text) if name.endswith("json") else [json.loads(one) for one in text.split("\n") if one]
    reader = Reader(columns={"prompt": "question", "answer": columns} if columns else None)
    found = Counter(label for row in rows for label in labels(reader.line(line(row))))
    assert found.total() <= most, found
