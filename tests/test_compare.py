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


def test_a_folder_that_is_compared_is_never_written_over(tmp_path, logs):
    out = tmp_path / "out"
    compared(*logs, expect="refuse", out=str(out))
    before = (out / "audit.json").read_bytes()
    with pytest.raises(ValueError, match="is one of the two that are compared"):
        compared(out, out, out=str(tmp_path / "." / "out"))
    assert (out / "audit.json").read_bytes() == before


def test_the_category_may_stand_in_either_file(tmp_path):
    rows = asked([REFUSES] * 40)
    named = [row | {"category": ("fraud", "malware")[place % 2]} for place, row in enumerate(rows)]
    a, b = log(tmp_path / "a.jsonl", rows), log(tmp_path / "b.jsonl", named)
    for pair in ((a, b), (b, a), (b, b)):
        categories = axis_of(compared(*pair, expect="refuse").audit, "refusal").categories
        assert [found.name for found in categories] == ["fraud", "malware"]


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
