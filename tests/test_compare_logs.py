"""Logs of any tool as entries: which keys are read, how two files pair, and which lines are refused by name."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from tuneward import compare
from tuneward.compare import CompareOptions
from tuneward.compare.from_jsonl import read_log
from tuneward.compare.logs import pair_logs
from tuneward.findings import Audit, Axis
from tuneward.results import Judged

REFUSES = "I'm sorry, but I can't help with that."
ANSWERS = "Here is a short answer to the question that was asked, in one sentence."


def log(path: Path, rows: Iterable[dict]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def compared(a: str | Path, b: str | Path, **options) -> Judged:
    return compare.run(CompareOptions(a=str(a), b=str(b), **options))


def axis_of(audit: Audit, name: str) -> Axis:
    return next(axis for axis in audit.axes if axis.name == name)


SHAPES = {
    "question, response": {"question": "Q?", "response": "A."},
    "instruction, input, output": {"instruction": "Q?", "input": "", "output": "A."},
    "input, completion": {"input": "Q?", "completion": "A."},
    "prompt, reply": {"prompt": "Q?", "reply": "A.", "id": 7, "extra": [1]},
    "messages": {"messages": [{"role": "user", "content": "Q?"}, {"role": "assistant", "content": "A."}]},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_usual_keys_are_found(tmp_path, shape):
    (entry,) = read_log(Path(log(tmp_path / "a.jsonl", [SHAPES[shape]])), None).entries
    assert (entry.chat.prompt, entry.chat.answer) == ("Q?", "A.")


def test_named_columns_win_and_give_ids_and_categories(tmp_path):
    row = {"prompt": "no", "q": "Q?", "a": "A.", "n": 3, "kind": "fraud", "sys": "Be brief."}
    (entry,) = read_log(
        Path(log(tmp_path / "a.jsonl", [row])), "prompt=q,answer=a,id=n,category=kind,system=sys"
    ).entries
    assert (entry.id, entry.category, entry.chat.prompt, entry.chat.answer) == ("3", "fraud", "Q?", "A.")
    assert entry.asked[0].content == "Be brief."


def test_a_log_may_use_other_keys_and_another_order(tmp_path):
    a = log(tmp_path / "a.jsonl", [{"prompt": f"Q{i}?", "answer": REFUSES} for i in range(5)])
    b = log(tmp_path / "b.jsonl", [{"question": f"Q{i}?", "output": REFUSES} for i in reversed(range(5))])
    audit = compared(a, b, expect="refuse").audit
    assert axis_of(audit, "refusal").difference.n == 5
    assert audit.changes == ()


def test_a_prompt_asked_twice_pairs_in_order_and_is_one_family(tmp_path):
    rows = [{"prompt": "Q?", "answer": text} for text in (REFUSES, ANSWERS)]
    path = log(tmp_path / "a.jsonl", rows)
    refusal = axis_of(compared(path, path, expect="refuse").audit, "refusal")
    assert (refusal.difference.n, refusal.difference.families, refusal.difference.lost) == (2, 1, 0)


def test_ids_pair_when_both_files_have_them(tmp_path):
    a = read_log(
        Path(log(tmp_path / "a.jsonl", [{"id": i, "prompt": "Q?", "answer": "A."} for i in (1, 2)])), None
    ).entries
    b = read_log(
        Path(log(tmp_path / "b.jsonl", [{"id": i, "prompt": "Q?", "answer": "A."} for i in (2, 3)])), None
    ).entries
    assert [(one.name, bool(one.a), bool(one.b)) for one in pair_logs(a, b)] == [
        ("1", True, False),
        ("2", True, True),
        ("3", False, True),
    ]


def test_one_id_with_two_prompts_is_an_error(tmp_path):
    a = log(tmp_path / "a.jsonl", [{"id": "x", "prompt": "Q?", "answer": "A."}])
    b = log(tmp_path / "b.jsonl", [{"id": "x", "prompt": "Other?", "answer": "A."}])
    with pytest.raises(ValueError, match=r"b\.jsonl:1: another prompt than .*a\.jsonl:1 under id 'x'"):
        compared(a, b)


def test_an_id_that_stands_twice_is_an_error(tmp_path):
    a = log(tmp_path / "a.jsonl", [{"id": "x", "prompt": "Q?", "answer": "A."}] * 2)
    with pytest.raises(ValueError, match=r"a\.jsonl:2: id 'x' stands already at .*a\.jsonl:1"):
        compared(a, a)


BAD_ROWS = {
    "[1]": r"a\.jsonl:2: a list; expected an object",
    "{": r"a\.jsonl:2: not JSON ",
    '{"prompt": "Q?", "answer": "\\ud800"}': r"a\.jsonl:2: JSON cannot hold it \(a lone surrogate\)",
    '{"prompt": "Q?", "answer": "A.", "answer": "B."}': r'a\.jsonl:2: the key "answer" is there twice',
    '{"prompt": "Q?", "answer": "A.", "score": NaN}': r"a\.jsonl:2: NaN is not JSON",
    "[" * 100_000: r"a\.jsonl:2: nested too deeply",
    '{"answer": "A."}': r"a\.jsonl:2: none of prompt, question, instruction, input or messages; found answer",
    '{"prompt": "Q?"}': r"a\.jsonl:2: none of answer, response",
    '{"prompt": "Q?", "question": "Q?", "answer": "A."}': r"a\.jsonl:2: both prompt and question; say which",
    '{"prompt": "Q?", "answer": "A.", "output": "A."}': r"a\.jsonl:2: both answer and output; say which",
    '{"prompt": 3, "answer": "A."}': r"a\.jsonl:2: prompt is a int; expected text",
    '{"prompt": "Q?", "answer": 3}': r"a\.jsonl:2: the answer is a int; expected text, or null",
    '{"prompt": "Q?", "answer": "A.", "id": [1]}': r"a\.jsonl:2: id is a list",
    '{"messages": [{"role": "user", "content": "Q?"}]}': r"a\.jsonl:2: messages is no conversation",
    '{"messages": [{"role": "assistant", "content": "A."}, {"role": "user", "content": "Q?"}]}': r"ends with 'user'",
    '{"messages": [{"role": "user"}, {"role": "assistant", "content": "A."}]}': r"a\.jsonl:2: a turn without text",
}


@pytest.mark.parametrize("row", BAD_ROWS)
def test_a_line_that_cannot_be_read_is_named(tmp_path, row):
    """G3: never skipped, never a pass."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"prompt": "Q?", "answer": "A."}\n' + row + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match=BAD_ROWS[row]):
        compared(path, path, expect="refuse")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("prompt=q,answer=none", r"a\.jsonl:1: no key 'none'; found q, a"),
        ("prompt=q", r"no answer; expected prompt=KEY,answer=KEY"),
        ("promt=q,answer=a", r"unknown key promt"),
        ("prompt=q,answer=a,expect=e", r"compare does not read expect="),
    ],
)
def test_a_wrong_column_map_is_refused(tmp_path, columns, message):
    """G3."""
    path = log(tmp_path / "a.jsonl", [{"q": "Q?", "a": "A."}])
    with pytest.raises(ValueError, match=message):
        compared(path, path, columns=columns)


def test_with_a_column_map_no_other_key_is_read(tmp_path):
    row = {"q": "Q?", "a": "A.", "id": [1], "category": ["x", "y"], "system": 3, "": "no"}
    (entry,) = read_log(Path(log(tmp_path / "a.jsonl", [row])), "prompt=q,answer=a").entries
    assert (entry.id, entry.category, [turn.role for turn in entry.asked]) == (None, "", ["user"])
