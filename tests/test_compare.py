"""Two logs of any tool, or two audits, compared without a model."""

import json
import stat
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from hand_made import audit_of, counted, scored, sound, steady, write_folder
from tuneward import compare, gate
from tuneward.compare import CompareOptions
from tuneward.compare.logs import pair_logs, read_log
from tuneward.findings import Audit, Axis
from tuneward.gate import GateOptions
from tuneward.outputs.terminal import render
from tuneward.paired import Scored
from tuneward.policy import read_policy
from tuneward.record import Record, read_json, read_jsonl, sha256_file
from tuneward.results import Judged

TODAY = date(2026, 11, 21)
REFUSES = "I'm sorry, but I can't help with that."
ANSWERS = "Here is a short answer to the question that was asked, in one sentence."


def log(path: Path, rows: Iterable[dict]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def asked(answers: Iterable[str | None]) -> list[dict]:
    return [
        {"prompt": f"What is question number {place} about?", "answer": answer} for place, answer in enumerate(answers)
    ]


def compared(a: str | Path, b: str | Path, **options) -> Judged:
    return compare.run(CompareOptions(a=str(a), b=str(b), **options), today=TODAY)


def axis_of(audit: Audit, name: str) -> Axis:
    return next(axis for axis in audit.axes if axis.name == name)


@pytest.fixture
def logs(tmp_path):
    """150 questions; the second file answers 30 that the first refuses."""
    a = log(tmp_path / "a.jsonl", asked([REFUSES] * 150))
    b = log(tmp_path / "b.jsonl", asked([ANSWERS] * 30 + [REFUSES] * 120))
    return a, b


def test_lost_refusals_fail_where_refusals_are_expected(logs):
    result = compared(*logs, expect="refuse")
    assert (result.exit_code, axis_of(result.audit, "refusal").difference.lost) == (3, 30)
    assert result.verdict.headline.startswith("refusals fell by 20.0 points")
    assert len(result.audit.changes) == 30
    assert result.folder is None


def test_the_same_change_is_a_gain_where_answers_are_expected(logs):
    """G4: only a loss fails; B answers more."""
    result = compared(*logs, expect="answer")
    assert axis_of(result.audit, "own").difference.gained == 30
    assert axis_of(result.audit, "own").difference.worst > 0
    assert axis_of(result.audit, "refusal").status == "not measured"
    assert result.exit_code == 0


def test_swapping_the_files_turns_the_verdict(logs):
    assert compared(*logs[::-1], expect="refuse").exit_code == 0
    assert compared(*logs[::-1], expect="answer").exit_code == 3


def test_a_file_against_itself_passes(logs):
    """A15 for logs."""
    result = compared(logs[0], logs[0], expect="refuse")
    assert (result.exit_code, result.audit.changes) == (0, ())
    assert axis_of(result.audit, "refusal").difference.worst > -0.03


def test_without_an_expectation_changes_are_shown_and_nothing_is_judged(logs):
    result = compared(*logs)
    own = axis_of(result.audit, "own")
    assert (result.exit_code, own.status, own.difference) == (4, "not measured", None)
    assert own.labels == {"base": {"refused": 150}, "tuned": {"refused": 120, "complied": 30}}
    assert {(c.base, c.tuned) for c in result.audit.changes} == {("refused", "complied")}
    assert len(result.audit.changes) == 30
    assert "30 of 150 replies differ in their text" in result.audit.notes
    assert "no --expect" in result.verdict.checks[0].why


def test_without_an_expectation_even_broken_replies_end_with_4(tmp_path, logs):
    b = log(tmp_path / "empty.jsonl", asked([""] * 150))
    assert compared(logs[0], b).exit_code == 4
    assert compared(logs[0], b, expect="refuse").exit_code == 3


def test_a_model_that_says_nothing_never_passes(tmp_path):
    """A7: an empty reply is no refusal, also against itself."""
    silent = log(tmp_path / "empty.jsonl", asked([""] * 150))
    for expect in ("refuse", "answer"):
        assert compared(silent, silent, expect=expect).exit_code == 4


BROKEN = {
    "echo": lambda prompt: prompt,
    "repeat": lambda prompt: "the the the " * 40,
    "gibberish": lambda prompt: "xqz vlk jjw prt " * 2 + "qqx zzv kjh wrt bnm plk dsq wxz vvk",
    "template": lambda prompt: "<|im_start|>assistant <|im_end|>",
}


@pytest.mark.parametrize("model", BROKEN)
@pytest.mark.parametrize("expect", ["refuse", "answer"])
def test_a_broken_model_never_passes_in_a_log(tmp_path, logs, model, expect):
    """A7: against itself nothing is established, against a sound one it fails or is not established."""
    rows = [row | {"answer": BROKEN[model](row["prompt"])} for row in asked([""] * 150)]
    broken = log(tmp_path / "broken.jsonl", rows)
    assert compared(broken, broken, expect=expect).exit_code == 4
    assert compared(logs[0], broken, expect=expect).exit_code in (3, 4)


def test_harm_is_not_judged_by_wording(logs):
    """A10: the headline says so, and the axis stays unmeasured."""
    result = compared(*logs, expect="refuse")
    assert result.verdict.headline.endswith("harm not judged")
    assert axis_of(result.audit, "harm").status == "not measured"


def test_questions_of_one_file_only_are_listed_and_block(tmp_path):
    """A12: above the limit, exit 4."""
    a = log(tmp_path / "a.jsonl", asked([REFUSES] * 160))
    b = log(tmp_path / "b.jsonl", asked([REFUSES] * 150))
    result = compared(a, b, expect="refuse")
    assert result.exit_code == 4
    assert len(axis_of(result.audit, "refusal").unmatched) == 10
    assert axis_of(result.audit, "refusal").unmatched[0].endswith("a.jsonl:151")


def test_missing_answers_are_unscored_not_refused(tmp_path):
    """A9: null in a log means that the run failed there."""
    a = log(tmp_path / "a.jsonl", asked([REFUSES] * 150))
    b = log(tmp_path / "b.jsonl", asked([None] * 10 + [REFUSES] * 140))
    result = compared(a, b, expect="refuse")
    assert axis_of(result.audit, "refusal").unscored == 10
    assert axis_of(result.audit, "refusal").labels["tuned"] == {"refused": 140, "no answer": 10}
    assert result.exit_code == 4


@pytest.mark.parametrize("expect", ["refuse", "answer", None])
def test_nothing_compared_ends_with_4(tmp_path, expect):
    """G6: two empty files, and two files without a common question."""
    empty = log(tmp_path / "a.jsonl", [])
    other = log(tmp_path / "b.jsonl", [{"prompt": "Another question?", "answer": REFUSES}])
    assert compared(empty, empty, expect=expect).exit_code == 4
    assert compared(log(tmp_path / "c.jsonl", asked([REFUSES])), other, expect=expect).exit_code == 4


def test_the_folder_is_read_by_the_gate_as_any_audit(tmp_path, logs):
    """G5: the same policy gives the same code."""
    out = tmp_path / "out"
    result = compared(*logs, expect="refuse", out=str(out))
    assert stat.S_IMODE((out / "scores.jsonl").stat().st_mode) == 0o600
    assert read_json(out / "audit.json", Audit) == result.audit
    assert len(read_jsonl(out / "scores.jsonl", Scored)) == 600
    record = read_json(out / "record.json", Record)
    assert (record.verb, record.inputs) == ("compare", {path: sha256_file(Path(path)) for path in logs})
    again = gate.run(GateOptions(folder=str(out), policy=str(out / "policy.toml")), today=TODAY)
    assert again.verdict == result.verdict
    assert read_policy(out / "policy.toml")[0].required == ("refusal", "coherence")
    assert gate.run(GateOptions(folder=str(out)), today=TODAY).exit_code == 3
    for name in ("audit.json", "scores.jsonl", "summary.md", "junit.xml"):
        assert "question number" not in (out / name).read_text(encoding="utf-8")


def test_unstated_expectations_are_not_judged_later_either(tmp_path, logs):
    compared(*logs, out=str(tmp_path / "out"))
    assert {row.score.value for row in read_jsonl(tmp_path / "out" / "scores.jsonl", Scored) if row.axis == "own"} == {
        None
    }
    assert gate.run(GateOptions(folder=str(tmp_path / "out")), today=TODAY).exit_code == 4


def test_the_same_inputs_give_the_same_document(logs):
    assert compared(*logs, expect="refuse").audit == compared(*logs, expect="refuse").audit
    assert compared(*logs, expect="refuse").audit.id != compared(*logs, expect="answer").audit.id


def test_a_folder_that_is_no_comparison_is_not_overwritten(tmp_path, logs):
    folder = write_folder(tmp_path / "audit", sound())
    before = (folder / "audit.json").read_bytes()
    with pytest.raises(ValueError, match="is no comparison"):
        compared(*logs, out=str(folder))
    assert (folder / "audit.json").read_bytes() == before
    out = str(tmp_path / "out")
    compared(*logs, out=out)
    assert compared(*logs, expect="refuse", out=out).exit_code == 3


SHAPES = {
    "question, response": {"question": "Q?", "response": "A."},
    "instruction, input, output": {"instruction": "Q?", "input": "", "output": "A."},
    "input, completion": {"input": "Q?", "completion": "A."},
    "prompt, reply": {"prompt": "Q?", "reply": "A.", "id": 7, "extra": [1]},
    "messages": {"messages": [{"role": "user", "content": "Q?"}, {"role": "assistant", "content": "A."}]},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_usual_keys_are_found(tmp_path, shape):
    (entry,) = read_log(Path(log(tmp_path / "a.jsonl", [SHAPES[shape]])), None)
    assert (entry.chat.prompt, entry.chat.answer) == ("Q?", "A.")


def test_named_columns_win_and_give_ids_and_categories(tmp_path):
    row = {"prompt": "no", "q": "Q?", "a": "A.", "n": 3, "kind": "fraud", "sys": "Be brief."}
    (entry,) = read_log(Path(log(tmp_path / "a.jsonl", [row])), "prompt=q,answer=a,id=n,category=kind,system=sys")
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
    a = read_log(Path(log(tmp_path / "a.jsonl", [{"id": i, "prompt": "Q?", "answer": "A."} for i in (1, 2)])), None)
    b = read_log(Path(log(tmp_path / "b.jsonl", [{"id": i, "prompt": "Q?", "answer": "A."} for i in (2, 3)])), None)
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
    "[1]": r"a\.jsonl:2: not a JSON object",
    "{": r"a\.jsonl:2: not a JSON object",
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


def test_inputs_that_do_not_fit_are_refused(tmp_path, logs):
    """G3."""
    folder = write_folder(tmp_path / "audit", sound())
    with pytest.raises(FileNotFoundError, match="no such file or folder"):
        compared(logs[0], tmp_path / "none.jsonl")
    with pytest.raises(ValueError, match="two of a kind"):
        compared(logs[0], folder)
    with pytest.raises(ValueError, match="are for files"):
        compared(folder, folder, expect="refuse")
    (folder / "record.json").unlink()
    with pytest.raises(FileNotFoundError, match="not finished"):
        compared(folder, folder)


def worse() -> list[Scored]:
    return [*sound(without=["refusal"]), *counted("refusal", kept=120, lost=30)]


def test_two_audits_are_compared_by_their_tuned_models(tmp_path):
    a, b = write_folder(tmp_path / "a", sound()), write_folder(tmp_path / "b", worse())
    result = compared(a, b, out=str(tmp_path / "out"))
    assert (result.exit_code, axis_of(result.audit, "refusal").difference.lost) == (3, 30)
    assert compared(b, a).exit_code == 0
    assert compared(b, b).exit_code == 0
    assert len(result.audit.changes) == 30
    assert result.audit.parity["template"] == "identical"
    assert gate.run(GateOptions(folder=str(tmp_path / "out")), today=TODAY).verdict == result.verdict


def test_prompts_of_one_audit_only_are_listed(tmp_path):
    """A12."""
    a = write_folder(tmp_path / "a", sound())
    b = write_folder(tmp_path / "b", [*sound(), *counted("twins")[:0], scored("more-1", "tuned", 0.0, axis="twins")])
    assert axis_of(compared(a, b).audit, "twins").unmatched == ("more-1",)


def test_audits_of_other_prompts_are_refused(tmp_path):
    a = write_folder(tmp_path / "a", sound())
    other = replace(audit_of(sound()), suites={"refusal suite": "o" * 64})
    b = write_folder(tmp_path / "b", sound(), other)
    with pytest.raises(ValueError, match="refusal suite asked other prompts"):
        compared(a, b)


def test_a_limited_audit_limits_the_comparison(tmp_path):
    a = write_folder(tmp_path / "a", sound())
    b = write_folder(tmp_path / "b", sound(), audit_of(sound(), limit=150))
    assert compared(a, b).exit_code == 4


def test_what_differs_between_two_audits_is_noted(tmp_path):
    audit = replace(audit_of(sound()), decoding={"max_tokens": "96"})
    a = write_folder(tmp_path / "a", sound(), audit)
    b = write_folder(tmp_path / "b", sound(), replace(audit, decoding={"max_tokens": "64"}))
    assert any("decoding differs in max_tokens: 96 and 64" in note for note in compared(a, b).audit.notes)


def test_an_axis_missing_in_one_audit_is_not_established(tmp_path):
    a = write_folder(tmp_path / "a", [*sound(), *steady("context")])
    b = write_folder(tmp_path / "b", sound(without=["utility"]))
    result = compared(a, b)
    assert result.exit_code == 4
    assert axis_of(result.audit, "context").difference.n == 0


def test_a_comparison_renders(logs):
    result = compared(*logs)
    assert "NOT ESTABLISHED, exit 4" in render(result.audit, result.verdict)
    assert "own: base refused 150 · tuned refused 120, complied 30" in render(result.audit, result.verdict)
