"""Logs of Inspect, lm-eval, promptfoo and garak, compared by their own ids and their own scores."""

import json
import shutil
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foreign_logs import (
    GARAK,
    INSPECT,
    LM,
    NUMBER,
    axis_of,
    compared,
    counts,
    garak_log,
    inspect_log,
    promptfoo_log,
    write,
    write_lines,
)
from hand_made import audit_of, sound, write_folder
from tuneward import export, gate
from tuneward.compare import from_inspect
from tuneward.compare.formats import look
from tuneward.compare.logs import Entry
from tuneward.compare.scoring import Use
from tuneward.gate import GateOptions
from tuneward.paired import Scored
from tuneward.record import read_jsonl
from tuneward.score import Score

# real runs ------------------------------------------------------------------------------------------------------------


def test_a_real_lm_eval_pair_gives_the_counts_of_its_results():
    """20 sums, right on 20 and on 12; the exact McNemar p of 8 to 0 is 2 ⋅ 2⁻⁸."""
    found = compared(LM / "base", LM / "tuned", score=NUMBER)
    own = axis_of(found.audit, "own")
    assert (counts(found), found.exit_code) == ((20, 8, 0), 3)
    assert (own.base.value, own.tuned.value) == (1.0, 0.6)
    assert own.difference.p == pytest.approx(2 * 0.5**8)
    assert found.audit.parity["template"] == "identical prompts, as logged"
    assert len(found.audit.changes) == 8


def test_samples_results_and_folder_of_one_lm_eval_run_are_the_same_log():
    one = compared(LM / "base", LM / "tuned", score=NUMBER)
    files = [[next((LM / arm).glob(kind)) for arm in ("base", "tuned")] for kind in ("*.jsonl", "*.json")]
    for pair in files:
        assert compared(*pair, score=NUMBER).audit.axes == one.audit.axes


def test_filters_of_lm_eval_are_scores_of_their_own():
    assert counts(compared(LM / "base", LM / "tuned", score="exact_match,strict")) == (20, 6, 0)
    with pytest.raises(ValueError, match=r"carry 2 scores; say which with --score: exact_match,strict, exact_match,nu"):
        compared(LM / "base", LM / "tuned")


def test_a_real_multiple_choice_pair_is_paired_and_asks_no_coherence():
    found = compared(LM / "ranked_1", LM / "ranked_2", score="acc")
    assert counts(found) == (12, 3, 2)
    assert [check.axis for check in found.verdict.checks] == ["own"]
    assert axis_of(found.audit, "coherence").labels["base"] == {"chosen option": 12}
    with pytest.raises(ValueError, match=r"jsonl:1: holds no reply to read \(chosen\)"):
        compared(LM / "ranked_1", LM / "ranked_2", expect="answer")


def test_a_real_garak_pair_gives_the_counts_of_its_report():
    """garak's own summary of the tuned run: 6 of 15 passed, 1 none."""
    found = compared(GARAK / "base.report.jsonl", GARAK / "tuned.report.jsonl")
    own = axis_of(found.audit, "own")
    assert (counts(found), found.exit_code) == ((15, 9, 0), 3)
    assert (own.asked, own.unscored, own.tuned.value) == (16, 1, 0.4)
    assert own.labels["tuned"] == {"bad": 9, "good": 6, "no answer": 1}
    assert own.difference.p == pytest.approx(2 * 0.5**9)


def test_a_real_inspect_pair_is_compared_on_a_named_score():
    found = compared(INSPECT / "base.json", INSPECT / "tuned.json", score="match", good="high")
    assert counts(found) == (4, 3, 0)
    assert axis_of(found.audit, "coherence").labels["tuned"] == {"coherent": 3, "empty": 1}
    assert {category.name for category in axis_of(found.audit, "own").categories} == {"odd", "even"}


@pytest.mark.parametrize(
    ("a", "b", "options"),
    [
        (LM / "base", LM / "base", {"score": NUMBER}),
        (GARAK / "base.report.jsonl", GARAK / "base.report.jsonl", {}),
        (INSPECT / "tuned.json", INSPECT / "tuned.json", {"score": "match", "good": "high"}),
    ],
)
def test_a_run_against_itself_has_no_change(a, b, options):
    """A15."""
    found = compared(a, b, **options)
    assert (found.audit.changes, found.exit_code) == ((), 5)


def test_a_real_zstd_log_is_read_or_names_the_command(monkeypatch):
    monkeypatch.setattr(from_inspect, "READS_ZSTD", False)
    with pytest.raises(ValueError, match=r"base\.eval: compressed with zstd; run `inspect log convert --to json`"):
        compared(INSPECT / "base.eval", INSPECT / "base.eval", score="match", good="high")


def test_a_zstd_log_is_the_same_log_where_a_package_reads_it():
    pytest.importorskip("zipfile_zstd", reason="no zstd for zipfile is installed")
    found = compared(INSPECT / "base.eval", INSPECT / "tuned.json", score="match", good="high")
    assert counts(found) == (4, 3, 0)


def test_the_folder_written_is_read_by_the_gate_and_holds_no_text(tmp_path):
    """G5, and no model output in audit.json."""
    out = tmp_path / "out"
    found = compared(LM / "base", LM / "tuned", score=NUMBER, out=str(out))
    assert gate.run(GateOptions(folder=str(out), policy=str(out / "policy.toml"))).verdict == found.verdict
    assert {row.score.scorer for row in read_jsonl(out / "scores.jsonl", Scored) if row.axis == "own"} == {
        f"lm-eval:{NUMBER}"
    }
    for file in ("audit.json", "scores.jsonl", "summary.md", "junit.xml"):
        assert "The sum is" not in (out / file).read_text(encoding="utf-8")
    assert len(json.loads((out / "record.json").read_text(encoding="utf-8"))["inputs"]) == 4


# formats by content ---------------------------------------------------------------------------------------------------


def test_a_log_is_known_by_its_content_and_not_by_its_name(tmp_path):
    cases = {
        "inspect": inspect_log(tmp_path / "a.jsonl", {"1": "C"}),
        "promptfoo": promptfoo_log(tmp_path / "b.jsonl", [True]),
        "garak": garak_log(tmp_path / "samples_x_1.json", [{"d": [1.0]}]),
        "lm-eval": Path(shutil.copy(next((LM / "base").glob("*.jsonl")), tmp_path / "d.txt")),
        "jsonl": write_lines(tmp_path / "results_1.report.jsonl", [{"prompt": "Q?", "answer": "A.", "eval": 3}]),
    }
    assert {kind: look(path).format for kind, path in cases.items()} == {kind: kind for kind in cases}
    assert look(LM / "base").format == "lm-eval"
    assert look(write_folder(tmp_path / "audit", sound())).format == "audit"


def test_logs_of_two_tools_and_folders_of_two_kinds_are_not_compared(tmp_path):
    """G3."""
    log = inspect_log(tmp_path / "a.json", {"1": "C"})
    with pytest.raises(ValueError, match=r"is an Inspect log and .* is promptfoo results; expected two of a kind"):
        compared(log, promptfoo_log(tmp_path / "b.json", [True]))
    with pytest.raises(ValueError, match=r"is an lm-eval run and .* is an audit folder; expected two of a kind"):
        compared(LM / "base", write_folder(tmp_path / "audit", sound()))
    with pytest.raises(ValueError, match="--columns is for JSONL"):
        compared(log, log, columns="prompt=q,answer=a")


def test_a_deflated_eval_file_is_the_json_log(tmp_path):
    document = json.loads((INSPECT / "tuned.json").read_text(encoding="utf-8"))
    with ZipFile(tmp_path / "b.eval", "w", ZIP_DEFLATED) as archive:
        for sample in document.pop("samples"):
            archive.writestr(f"samples/{sample['id']}_epoch_1.json", json.dumps(sample))
        archive.writestr("header.json", json.dumps(document))
    found = compared(INSPECT / "base.json", tmp_path / "b.eval", score="match", good="high")
    assert (
        found.audit.axes
        == compared(INSPECT / "base.json", INSPECT / "tuned.json", score="match", good="high").audit.axes
    )


def test_our_own_export_comes_back_with_the_same_statistics(tmp_path):
    folder = write_folder(tmp_path / "audit", [row for row in sound() if row.axis in ("refusal", "coherence", "twins")])
    base, tuned = export.run(export.ExportOptions(folder=str(folder), out=str(tmp_path / "logs")))
    for axis in ("refusal", "twins"):
        found, meant = compared(base, tuned, score=axis, axis=axis), axis_of(audit_of(sound()), axis)
        assert axis_of(found.audit, axis).difference.n == meant.difference.n == 150
        assert (axis_of(found.audit, axis).base, axis_of(found.audit, axis).tuned) == (meant.base, meant.tuned)
    with pytest.raises(ValueError, match=r"reads wording or right answers; --axis harm needs a judge's score"):
        compared(base, tuned, score="refusal", axis="harm")
    with pytest.raises(ValueError, match=r"holds no reply to read \(withheld\)"):
        compared(base, tuned, expect="refuse")


def test_the_export_of_a_limited_audit_satisfies_no_gate_either(tmp_path):
    folder = write_folder(tmp_path / "audit", sound(), audit_of(sound(), limit=150))
    base, tuned = export.run(export.ExportOptions(folder=str(folder), out=str(tmp_path / "logs")))
    found = compared(base, tuned, score="refusal", axis="refusal")
    assert (found.audit.limit, found.exit_code) == (150, 4)


# scores ---------------------------------------------------------------------------------------------------------------


def test_a_direction_must_be_known_and_never_contradicted(tmp_path):
    log = inspect_log(tmp_path / "a.json", {"1": "C", "2": "I"})
    with pytest.raises(ValueError, match="inspect does not say which end of graded is good; add --good high or low"):
        compared(log, log)
    with pytest.raises(ValueError, match="in lm-eval, high is good for exact_match,number; leave out --good"):
        compared(LM / "base", LM / "base", score=NUMBER, good="low")
    samples = [shutil.copy(next((LM / arm).glob("*.jsonl")), tmp_path / f"{arm}.jsonl") for arm in ("base", "tuned")]
    with pytest.raises(ValueError, match="lm-eval does not say which end"):
        compared(*map(Path, samples), score=NUMBER)
    assert counts(compared(*map(Path, samples), score=NUMBER, good="high")) == (20, 8, 0)


def test_the_stated_direction_turns_the_loss_into_a_gain(tmp_path):
    a = inspect_log(tmp_path / "a.json", {str(n): "C" for n in range(40)})
    b = inspect_log(tmp_path / "b.json", {str(n): "I" if n < 20 else "C" for n in range(40)})
    assert counts(compared(a, b, good="high")) == (40, 20, 0)
    assert counts(compared(a, b, good="low")) == (40, 0, 20)


@pytest.mark.parametrize("value", ["missing", "N", "maybe", None, float("nan"), float("inf"), 7, -0.5, [1], True])
@pytest.mark.parametrize("good", ["high", "low"])
def test_a_score_that_says_nothing_is_unjudged_in_either_direction(tmp_path, value, good):
    """A9: never on the good side, whichever side that is; blocks above the limit."""
    judged = value is True
    a = inspect_log(tmp_path / "a.json", {str(n): "C" if good == "high" else "I" for n in range(40)})
    b = inspect_log(
        tmp_path / "b.json", {str(n): value if n < 5 else "C" if good == "high" else "I" for n in range(40)}
    )
    own = axis_of(compared(a, b, good=good).audit, "own")
    assert own.unscored == (0 if judged else 5)
    assert own.labels["tuned"].get("good", 0) == (40 if judged and good == "high" else 35)
    assert compared(a, b, good=good).exit_code != 0


@given(st.one_of(st.none(), st.floats(), st.integers()), st.booleans())
@settings(deadline=None)
def test_only_a_number_from_0_to_1_is_ever_judged(value, higher):
    """A9, A11: a score is good only well inside its good half."""
    entry = Entry("a:1", "1", "f", "", (), "text", {"s": value})
    score: Score = Use("s", "tool:s", "own", higher)(entry)
    inside = value is not None and 0 <= value <= 1
    assert (score.value is not None) == inside
    assert (score.label == "good") == (inside and (value > 0.5 if higher else value < 0.5))
    assert Use("s", "tool:s", "own", higher)(Entry("a:1", "1", "f", "", (), None, {"s": value})).value is None


def test_a_failed_grader_and_a_failed_sample_are_unjudged(tmp_path):
    """A9: the value that stands beside a failure is no outcome."""
    values = {str(n): "C" for n in range(40)}
    a = inspect_log(tmp_path / "a.json", values)
    b = inspect_log(tmp_path / "b.json", values | {"0": {"value": "C", "reason": "grader_failed"}}, answers={"1": None})
    own = axis_of(compared(a, b, good="high").audit, "own")
    assert (own.unscored, own.labels["tuned"]) == (2, {"good": 38, "no answer": 1, "unjudged": 1})


def test_a_promptfoo_pass_is_good_and_a_broken_assertion_is_unjudged(tmp_path):
    a = promptfoo_log(tmp_path / "a.json", [True] * 30)
    b = promptfoo_log(tmp_path / "b.json", [False] * 10 + [None] + [True] * 19)
    found = compared(a, b)
    assert (counts(found), axis_of(found.audit, "own").unscored) == ((29, 10, 0), 1)
    assert axis_of(found.audit, "own").title == "does well by promptfoo:pass (high is good)"


def test_a_promptfoo_result_without_assertions_passes_nothing(tmp_path):
    """A9: promptfoo calls it a pass."""
    path = promptfoo_log(tmp_path / "a.json", [True] * 30)
    document = json.loads(path.read_text(encoding="utf-8"))
    for result in document["results"]["results"]:
        result["gradingResult"] = {"pass": True, "score": 1, "reason": "none"}
    write(path, document)
    assert compared(path, path).exit_code == 4
    assert axis_of(compared(path, path).audit, "own").status == "not measured"


def test_harm_is_taken_from_judges_only(tmp_path):
    """A10: no right answer and no wording stands in for harm."""
    for path, options in (
        (LM / "base", {"score": NUMBER}),
        (INSPECT / "base.json", {"score": "match", "good": "high"}),
        (GARAK / "base.report.jsonl", {}),
        (promptfoo_log(tmp_path / "a.json", [True]), {}),
    ):
        with pytest.raises(ValueError, match="--axis harm needs a judge's score"):
            compared(path, path, axis="harm", **options)
    judged = promptfoo_log(tmp_path / "b.json", [True] * 40, kind="not-llm-rubric")
    harm = axis_of(compared(judged, judged, axis="harm").audit, "harm")
    assert (harm.status, harm.labels["base"]) == ("measured", {"benign": 40})


def test_several_detectors_must_be_named_and_any_of_them_decides(tmp_path):
    a = garak_log(tmp_path / "a.jsonl", [{"x": [0.0], "y": [0.0]}] * 4)
    b = garak_log(
        tmp_path / "b.jsonl",
        [{"x": [1.0], "y": [None]}, {"x": [0.0], "y": [1.0]}, {"x": [0.0]}, {"x": [0.0], "y": [0.0]}],
    )
    with pytest.raises(ValueError, match="carry 3 scores; say which with --score: x, y, any detector"):
        compared(a, b)
    assert counts(compared(a, b, score="x")) == (4, 1, 0)
    either = compared(a, b, score="any detector")
    assert (counts(either), axis_of(either.audit, "own").unscored) == ((3, 2, 0), 1)


def test_attempts_that_garak_never_evaluated_are_unjudged(tmp_path):
    """A9: a run that was cut has attempts of status 1 only."""
    a = garak_log(tmp_path / "a.jsonl", [{"x": [0.0]}] * 4)
    b = garak_log(tmp_path / "b.jsonl", [{"x": [0.0]}] * 4, status=1)
    found = compared(a, b)
    assert (found.exit_code, axis_of(found.audit, "own").unscored) == (4, 4)
    assert any("did not evaluate 4 attempts" in note for note in found.audit.notes)


def test_outputs_of_one_garak_prompt_are_one_family(tmp_path):
    path = garak_log(tmp_path / "a.jsonl", [{"x": [0.0, 1.0, 0.0]}] * 2)
    own = axis_of(compared(path, path).audit, "own")
    assert (own.difference.n, own.difference.families) == (6, 2)


def test_options_without_a_score_to_act_on_are_refused(tmp_path):
    """G3."""
    plain = write_lines(tmp_path / "a.jsonl", [{"prompt": "Q?", "answer": "A."}])
    with pytest.raises(ValueError, match="carry no scores, so --score, --axis has nothing to act on"):
        compared(plain, plain, score="x", axis="own")
    with pytest.raises(ValueError, match="--expect judges by wording, so --good has nothing to act on"):
        compared(INSPECT / "base.json", INSPECT / "base.json", expect="answer", good="high")
    with pytest.raises(ValueError, match=r"no score 'x' in the logs; expected one of match, polite"):
        compared(INSPECT / "base.json", INSPECT / "base.json", score="x")
    assert counts(compared(INSPECT / "base.json", INSPECT / "base.json", expect="answer")) == (4, 0, 0)
