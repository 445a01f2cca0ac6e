"""The bridge to Inspect, with Inspect itself: its reader takes our export, and our tasks and scorers run in it."""

import gc
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("inspect_ai", reason="needs inspect-ai: pip install 'tuneward[inspect]'")

import tiktoken
import tiktoken.registry
from inspect_ai import Task
from inspect_ai import eval as inspect_eval
from inspect_ai.log import EvalLog, read_eval_log, write_eval_log
from inspect_ai.model import GenerateConfig, ModelOutput, get_model

from sample import sample_audit, sample_record
from test_export import ROWS, reply
from tuneward.bridges import inspect as bridge
from tuneward.chat import Chat, Message
from tuneward.export import ExportOptions, run
from tuneward.record import to_json, to_jsonl, write_atomic
from tuneward.scorers.expected import Expected
from tuneward.suites import About, by_name, write_suite

pytestmark = [
    pytest.mark.full,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Unclosed <MemoryObject:ResourceWarning"),  # Inspect's own streams
]

REFUSAL, ANSWER, BROKEN = "I'm sorry, but I can't help with that.", "Sure, here is how it is done.", ""


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Inspect counts the tokens of its mock model with a tokenizer that it would download; bytes do as well."""
    ranks = {bytes([value]): value for value in range(256)}
    bytewise = tiktoken.Encoding(name="o200k_base", pat_str=r"(?s).", mergeable_ranks=ranks, special_tokens={})
    monkeypatch.setitem(tiktoken.registry.ENCODINGS, "o200k_base", bytewise)
    yield
    gc.collect()  # what Inspect left open is closed here, not in the test of another file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "audit"
    write_atomic(place / "audit.json", to_json(sample_audit()))
    write_atomic(place / "record.json", to_json(sample_record()))
    write_atomic(place / "scores.jsonl", to_jsonl(ROWS))
    write_atomic(place / "replies.jsonl", to_jsonl([reply(row) for row in ROWS if row.axis != "coherence"]))
    return place


def asked(task: Task, *answers: str, folder: Path, **settings: Any) -> EvalLog:
    """The log of a task answered by a mock model, read back from its file."""
    outputs = [ModelOutput.from_content("mockllm/model", answer) for answer in answers]
    model = get_model("mockllm/model", custom_outputs=outputs, memoize=False)
    log = inspect_eval(
        task, model=model, log_dir=str(folder), log_format="json", display="none", max_samples=1, **settings
    )[0]
    assert log.status == "success", log.error
    return read_eval_log(log.location)


@pytest.mark.parametrize("text", [False, True])
def test_inspects_own_reader_takes_both_files_as_they_were_written(folder: Path, tmp_path: Path, text: bool) -> None:
    files = run(ExportOptions(folder=str(folder), out=str(tmp_path / "logs"), include_text=text))
    base, tuned = map(read_eval_log, map(str, files))
    assert [log.version for log in (base, tuned)] == [2, 2]
    assert {s.id for s in tuned.samples or []} == {s.id for s in base.samples or []} - {"policy/q7"}
    assert base.results is not None
    refusal = next(score for score in base.results.scores if score.name == "refusal")
    assert (refusal.scored_samples, refusal.unscored_samples) == (7, 0)
    assert base.eval.metadata is not None
    assert base.eval.metadata["weights"]["base"] == sample_audit().arms["base"].weights


def test_a_log_that_went_through_inspects_binary_format_holds_the_same_scores(folder: Path, tmp_path: Path) -> None:
    for file in run(ExportOptions(folder=str(folder), out=str(tmp_path / "logs"))):
        log = read_eval_log(str(file))
        write_eval_log(log, str(tmp_path / "copy.eval"))
        copy = read_eval_log(str(tmp_path / "copy.eval"))
        before = {s.id: (s.scores, s.metadata) for s in log.samples or []}
        assert before
        assert {s.id: (s.scores, s.metadata) for s in copy.samples or []} == before
        (tmp_path / "copy.eval").unlink()


def test_a_task_states_greedy_decoding_one_epoch_and_no_cache(tmp_path: Path) -> None:
    """A1, A4: Inspect's defaults sample, and its cache knows no weights."""
    task = bridge.policy()
    assert task.config == GenerateConfig(temperature=0.0, max_tokens=by_name("policy").max_tokens)
    log = asked(task, REFUSAL, folder=tmp_path, limit=1)
    assert log.eval.config.epochs == 1
    assert log.plan.steps[0].params["cache"] is False
    assert (log.plan.config.temperature, log.plan.config.max_tokens) == (0.0, 96)


def test_a_task_asks_the_suites_own_prompts_and_leaves_sensitive_ones_out() -> None:
    every = by_name("policy")()
    plain = {chat.id for chat in every if not chat.meta["sensitive"]}
    usual, whole = bridge.policy(), bridge.policy(sensitive=True)
    assert {sample.id for sample in usual.dataset} == plain
    assert {sample.id for sample in whole.dataset} == {chat.id for chat in every}
    assert usual.metadata is not None
    assert usual.metadata["left_out"] == len(every) - len(plain) > 0


def test_outcomes_in_inspect_are_ours_and_what_cannot_be_judged_is_unscored(tmp_path: Path) -> None:
    """A7, A9, A10: an empty reply is on neither side, and refusing is good on one task and bad on the other."""
    for task, values in ((bridge.policy(), ["C", "I"]), (bridge.twins(), ["I", "C"])):
        log = asked(task, REFUSAL, ANSWER, BROKEN, folder=tmp_path, limit=3)
        scores = [(sample.scores or {})["refusal"].value for sample in log.samples or []]
        assert scores[:2] == values
        assert isinstance(scores[2], float)
        assert math.isnan(scores[2])
        assert log.results is not None
        by_name = {score.name: score for score in log.results.scores}
        assert (by_name["refusal"].scored_samples, by_name["refusal"].unscored_samples) == (2, 1)
        assert by_name["refusal"].metrics["accuracy"].value == 0.5
        assert by_name["coherence"].metrics["accuracy"].value == pytest.approx(2 / 3)


def test_intervals_in_inspect_have_a_width_at_zero(tmp_path: Path) -> None:
    """G1."""
    log = asked(bridge.policy(), *[ANSWER] * 5, folder=tmp_path, limit=5)
    assert log.results is not None
    metrics = log.results.scores[0].metrics
    assert (metrics["accuracy"].value, metrics["wilson_low"].value) == (0.0, 0.0)
    assert 0.4 < metrics["wilson_high"].value < 0.5


def test_a_suite_of_ones_own_is_asked_with_its_system_prompt_and_its_expectations(tmp_path: Path) -> None:
    turns = (Message("system", "Answer in one word."), Message("user", "What is the capital of France?"))
    exact = {"expect": "exact", "check": {"kind": "equals", "target": "Paris"}}
    chats = [
        Chat("capital", "capital", turns, meta=exact),
        Chat("greet", "greet", (Message("user", "Say hello."),), meta={"expect": "answer"}),
    ]
    about = About("mine", "own", "mixed", "does as told", Expected())
    write_suite(tmp_path / "mine.json", about, chats=chats)
    log = asked(bridge.suite(str(tmp_path / "mine.json")), "Paris", REFUSAL, folder=tmp_path / "logs")
    found = {sample.id: (sample.scores or {})["expected"].value for sample in log.samples or []}
    assert found == {"capital": "C", "greet": "I"}
    assert [turn.role for turn in (log.samples or [])[0].messages] == ["system", "user", "assistant"]


def test_utility_tasks_are_graded_by_their_right_answers(tmp_path: Path) -> None:
    log = asked(bridge.utility(size=6), *["no idea"] * 6, folder=tmp_path)
    assert {(sample.scores or {})["exact"].value for sample in log.samples or []} == {"I"}


def test_suites_that_inspect_cannot_ask_faithfully_are_refused(tmp_path: Path) -> None:
    """A6: not every model of Inspect goes on from the beginning of an answer."""
    chat = Chat("a", "a", (Message("user", "Say hello."),), prefill="Hel", meta={"expect": "answer"})
    write_suite(tmp_path / "begun.json", About("begun", "own", "mixed", "x", Expected()), chats=[chat])
    with pytest.raises(ValueError, match="begins the answers"):
        bridge.suite(str(tmp_path / "begun.json"))
    hidden = Chat("b", "b", (Message("user", "Say hello."),), meta={"expect": "answer", "sensitive": True})
    write_suite(tmp_path / "hidden.json", About("hidden", "own", "mixed", "x", Expected()), chats=[hidden])
    with pytest.raises(ValueError, match="all its prompts are sensitive"):
        bridge.suite(str(tmp_path / "hidden.json"))
    with pytest.raises(ValueError, match="holds 2 suites"):
        bridge.suite(str(tmp_path))
