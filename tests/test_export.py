"""export: the two arms of an audit as Inspect logs, held against the fields that Inspect's reader requires."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
import tyro

from sample import sample_audit, sample_record
from tuneward import record as record_module
from tuneward.chat import Arm, Chat, Finish, Message, Reply
from tuneward.export import ExportOptions, run
from tuneward.paired import Scored, axis_from, rows_of
from tuneward.record import to_json, to_jsonl, write_atomic
from tuneward.score import Score

SECRET = "quince jam"
"""Stands in the prompt, the reply and the reason of every sensitive question."""
ASKED, ANSWERED = "How is a kite built?", "Two sticks and a sheet of paper."


class Turn(msgspec.Struct):
    role: Literal["system", "user", "assistant", "tool"]
    content: str


class Choice(msgspec.Struct):
    message: Turn
    stop_reason: Literal["stop", "max_tokens", "model_length", "tool_calls", "content_filter", "unknown"]


class Output(msgspec.Struct):
    model: str
    choices: list[Choice]
    completion: str


class Judged(msgspec.Struct):
    value: Literal["C", "I"]
    answer: str
    explanation: str | None
    metadata: dict[str, Any]


class Sample(msgspec.Struct):
    id: str
    epoch: int
    input: list[Turn]
    target: str
    messages: list[Turn]
    output: Output
    scores: dict[str, Judged]
    metadata: dict[str, Any]


class Metric(msgspec.Struct):
    name: str
    value: float


class Result(msgspec.Struct):
    name: str
    scorer: str
    scored_samples: int
    unscored_samples: int
    metrics: dict[str, Metric]


class Results(msgspec.Struct):
    total_samples: int
    completed_samples: int
    scores: list[Result]


class Spec(msgspec.Struct):
    eval_id: str
    run_id: str
    created: str
    task: str
    task_id: str
    dataset: dict[str, Any]
    model: str
    config: dict[str, Any]
    metadata: dict[str, Any]


class Log(msgspec.Struct):
    """What `read_eval_log` of inspect-ai 0.3.285 cannot do without, in its types."""

    version: Literal[2]
    status: Literal["success"]
    eval: Spec
    plan: dict[str, Any]
    results: Results
    stats: dict[str, Any]
    samples: list[Sample]


def scored(number: int, arm: Arm, value: float | None, **others: Any) -> Scored:
    """A row of question `number`; sensitive ones say the secret in their reason, as a judge's quotation would."""
    sensitive = bool(others.get("sensitive"))
    label = {0.0: "refused", 1.0: "complied", None: "gibberish"}[value]
    finish: Finish = "length" if number == 2 else "stop"
    row = Scored(
        id=f"q{number}",
        suite="policy",
        axis="refusal",
        family=f"f{number}",
        category="Malware" if number % 2 else "Fraud",
        arm=arm,
        render="plain",
        sample=0,
        score=Score("refusal", value, label, f"says {SECRET!r}" if sensitive else "opens with a no"),
        finish=finish,
    )
    return replace(row, **others)


def both(number: int, base: float | None, tuned: float | None, **others: Any) -> list[Scored]:
    return [scored(number, "base", base, **others), scored(number, "tuned", tuned, **others)]


ROWS = [
    *both(1, 0.0, 1.0),
    *both(2, 0.0, 0.0),
    *both(3, 1.0, 0.0),
    *both(4, 1.0, 1.0),
    *both(5, 0.0, None),
    *both(6, 0.0, 1.0, sensitive=True),
    scored(7, "base", 0.0),
    *both(1, 1.0, 1.0, sample=1),
    *both(1, 0.0, 0.0, axis="coherence", category="policy"),
    *both(1, 0.0, 1.0, axis="prefill", render="prefill-5"),
    *both(1, 0.0, 0.0, axis="twins", suite="twins"),
]


def reply(row: Scored) -> Reply:
    asked, said = (f"Tell me of {SECRET}.", f"No {SECRET}.") if row.sensitive else (ASKED, ANSWERED)
    meta = {"category": row.category, "expect": "refuse", "sensitive": row.sensitive}
    chat = Chat(row.id, row.family, (Message("user", asked),), meta=meta).answered(said)
    return Reply(row.id, row.suite, row.arm, row.sample, row.render, chat, row.finish)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A finished audit with its replies."""
    place = tmp_path / "audit"
    write_atomic(place / "audit.json", to_json(sample_audit()))
    write_atomic(place / "record.json", to_json(sample_record()))
    write_atomic(place / "scores.jsonl", to_jsonl(ROWS))
    write_atomic(place / "replies.jsonl", to_jsonl([reply(row) for row in ROWS if row.axis != "coherence"]))
    return place


def export(folder: Path, *, text: bool = False, out: str = "logs") -> tuple[Log, Log]:
    files = run(ExportOptions(folder=str(folder), out=str(folder.parent / out), include_text=text))
    base, tuned = (msgspec.json.decode(path.read_bytes(), type=Log) for path in files)
    return base, tuned


def scores_of(log: Log, name: str) -> dict[str, str]:
    return {sample.id: sample.scores[name].value for sample in log.samples if name in sample.scores}


def test_files_are_named_as_inspect_names_its_logs_and_hold_the_fields_it_requires(folder: Path) -> None:
    base, tuned = export(folder)
    names = sorted(path.name for path in (folder.parent / "logs").iterdir())
    stamp = sample_record().started.replace(":", "-").replace("+", "-")
    assert [name.rsplit("-", 1)[0] for name in names] == [f"{stamp}_audit_base", f"{stamp}_audit_tuned"]
    assert [log.eval.metadata["arm"] for log in (base, tuned)] == ["base", "tuned"]
    assert base.eval.run_id == tuned.eval.run_id
    assert base.eval.task_id != tuned.eval.task_id
    assert base.eval.dataset["sample_ids"] == [sample.id for sample in base.samples]


def test_both_arms_have_the_same_ids_and_each_reply_one_sample(folder: Path) -> None:
    base, tuned = export(folder)
    ids = [sample.id for sample in base.samples]
    assert len(ids) == len(set(ids)) == base.results.total_samples
    assert [one for one in ids if one != "policy/q7"] == [sample.id for sample in tuned.samples]
    assert {"policy/q1", "policy/q1/prefill-5", "policy/q1/plain/1", "twins/q1"} <= set(ids)
    assert set(next(s for s in base.samples if s.id == "policy/q1").scores) == {"refusal", "coherence"}


@pytest.mark.parametrize("axis", ["refusal", "coherence", "prefill", "twins"])
def test_paired_counts_of_the_logs_are_those_of_the_audits_axis(folder: Path, axis: str) -> None:
    base, tuned = (scores_of(log, axis) for log in export(folder))
    pairs = [(base[name], tuned[name]) for name in base.keys() & tuned.keys()]
    found = axis_from(rows_of(ROWS, axis), name=axis, title=axis, role="exploratory").difference
    assert found is not None
    assert (len(pairs), pairs.count(("C", "I")), pairs.count(("I", "C"))) == (found.n, found.lost, found.gained)


def test_a_reply_that_was_not_judged_has_no_score_and_is_counted(folder: Path) -> None:
    """A9: it stands on neither side of any rate."""
    _, tuned = export(folder)
    sample = next(sample for sample in tuned.samples if sample.id == "policy/q5")
    refusal = next(score for score in tuned.results.scores if score.name == "refusal")
    assert sample.scores == {}
    assert sample.metadata["unjudged"] == {"refusal": "gibberish"}
    assert (refusal.scored_samples, refusal.unscored_samples) == (5, 1)
    assert refusal.metrics["accuracy"].value == 2 / 5


def test_an_axis_on_which_nothing_was_judged_has_no_rate(folder: Path) -> None:
    """A9, G1: no number is made of nothing, and none is NaN."""
    write_atomic(folder / "scores.jsonl", to_jsonl(both(1, None, None)))
    for log in export(folder):
        assert [(score.scored_samples, score.unscored_samples) for score in log.results.scores] == [(0, 1)]
        assert log.results.scores[0].metrics == {}


def test_intervals_have_a_width_where_every_outcome_is_the_same(folder: Path) -> None:
    """G1."""
    metrics = next(s.metrics for s in export(folder)[0].results.scores if s.name == "coherence")
    assert metrics["accuracy"].value == metrics["wilson_high"].value == 1.0
    assert 0.0 < metrics["wilson_low"].value < 1.0


def test_metadata_say_category_family_render_axis_status_and_weights(folder: Path) -> None:
    base, tuned = export(folder)
    status = {sample.id: sample.metadata["pair"]["refusal"] for sample in base.samples if "refusal" in sample.scores}
    assert status == {
        "policy/q1": "lost",
        "policy/q2": "good in both",
        "policy/q3": "gained",
        "policy/q4": "bad in both",
        "policy/q5": "not judged",
        "policy/q6": "lost",
        "policy/q7": "one arm only",
    }
    asked = next(sample for sample in tuned.samples if sample.id == "policy/q1/prefill-5").metadata
    assert asked | {"category": "Malware", "family": "f1", "render": "prefill-5", "axes": ["prefill"]} == asked
    arms = sample_audit().arms
    assert base.eval.metadata["weights"] == {arm: arms[arm].weights for arm in ("base", "tuned")}
    assert base.eval.metadata["audit"] == sample_audit().id


def test_replies_cut_by_the_limit_say_so(folder: Path) -> None:
    """A5: the true stop reason, in Inspect's word for it."""
    reasons = {sample.id: sample.output.choices[0].stop_reason for sample in export(folder)[0].samples}
    assert (reasons["policy/q1"], reasons["policy/q2"]) == ("stop", "max_tokens")


def test_texts_and_reasons_are_withheld_unless_asked_for(folder: Path) -> None:
    """S2: a reason may quote the reply."""
    for log in export(folder):
        text = msgspec.json.encode(log).decode()
        assert not any(word in text for word in (ASKED, ANSWERED, SECRET, "opens with a no"))
        assert all(sample.id in sample.input[0].content for sample in log.samples), "no two questions look alike"


def test_sensitive_texts_stay_out_when_texts_are_asked_for(folder: Path) -> None:
    """S2: of a sensitive question no prompt, no reply and no reason leaves the audit."""
    for log in export(folder, text=True):
        assert SECRET not in msgspec.json.encode(log).decode()
        shown = next(sample for sample in log.samples if sample.id == "policy/q1")
        assert [turn.content for turn in shown.messages] == [ASKED, ANSWERED]
        assert (shown.input[0].content, shown.output.completion, shown.target) == (ASKED, ANSWERED, "refuse")
        assert shown.scores["refusal"].explanation == "opens with a no"
        assert "policy/q6" in next(sample for sample in log.samples if sample.metadata["sensitive"]).input[0].content


def test_a_question_is_hidden_on_every_axis_when_one_row_of_it_is_sensitive(folder: Path) -> None:
    """S2: the flag of one axis holds for the reply."""
    rows = [*both(6, 0.0, 0.0, axis="coherence"), *both(6, 0.0, 1.0, sensitive=True)]
    write_atomic(folder / "scores.jsonl", to_jsonl(rows))
    assert SECRET not in "".join(msgspec.json.encode(log).decode() for log in export(folder, text=True))


def test_the_same_audit_gives_the_same_bytes(folder: Path) -> None:
    for text in (False, True):
        first = run(ExportOptions(folder=str(folder), out=str(folder.parent / "one"), include_text=text))
        again = run(ExportOptions(folder=str(folder), out=str(folder.parent / "two"), include_text=text))
        assert [path.name for path in first] == [path.name for path in again]
        assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]


def test_scores_alone_are_exported_when_the_replies_were_deleted(folder: Path) -> None:
    kept = export(folder)
    (folder / "replies.jsonl").unlink()
    assert export(folder) == kept
    with pytest.raises(FileNotFoundError, match="leave out --include-text"):
        export(folder, text=True)


def test_an_interrupted_write_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        raise OSError("no space left on device")

    monkeypatch.setattr(record_module.os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        export(folder)
    assert calls
    assert list((folder.parent / "logs").iterdir()) == []


def test_files_are_for_their_owner_alone(folder: Path) -> None:
    files = run(ExportOptions(folder=str(folder), out=str(folder.parent / "logs")))
    assert [path.stat().st_mode & 0o777 for path in files] == [0o600, 0o600]


@pytest.mark.parametrize(
    ("damage", "error", "words"),
    [
        (lambda place: (place / "record.json").unlink(), FileNotFoundError, "not finished"),
        (lambda place: (place / "audit.json").unlink(), FileNotFoundError, "audit.json"),
        (lambda place: (place / "scores.jsonl").write_text(""), ValueError, "nothing to export"),
        (lambda place: (place / "scores.jsonl").write_text("{}\n"), ValueError, r"scores\.jsonl:1"),
        (lambda place: (place.parent / "logs").write_text("x"), ValueError, "is a file; choose another --out"),
        (
            lambda place: write_atomic(place / "scores.jsonl", to_jsonl([ROWS[0], ROWS[0]])),
            ValueError,
            "stands twice for the base arm",
        ),
        (
            lambda place: write_atomic(
                place / "scores.jsonl",
                to_jsonl([*both(1, 0.0, 0.0, suite="a/b", id="c"), *both(1, 0.0, 0.0, suite="a", id="b/c")]),
            ),
            ValueError,
            "share the id",
        ),
    ],
)
def test_what_cannot_be_exported_is_refused_in_one_line_and_nothing_is_written(
    folder: Path, damage: Any, error: type[Exception], words: str
) -> None:
    """G3, G6."""
    damage(folder)
    with pytest.raises(error, match=words) as caught:
        export(folder)
    assert "\n" not in str(caught.value)
    assert not (folder.parent / "logs").is_dir()


def test_the_audits_own_folder_is_no_place_for_logs(folder: Path) -> None:
    with pytest.raises(ValueError, match="is the audit itself"):
        export(folder, out="audit")


def test_the_words_of_the_command_line_are_the_options() -> None:
    words = ["some-audit", "--to", "inspect", "--out", "here", "--include-text"]
    expected = ExportOptions(folder="some-audit", to="inspect", out="here", include_text=True)
    assert tyro.cli(ExportOptions, args=words, config=(tyro.conf.FlagCreatePairsOff,)) == expected


def test_exporting_needs_neither_inspect_nor_a_model_library() -> None:
    code = "import sys, tuneward.export; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(found.stdout.split())
    assert "tuneward.export" in loaded
    assert not loaded & {"inspect_ai", "torch", "transformers"}
