"""Every file we write has a schema, and what is written keeps to it."""

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import hand_made
import sample
import screening
from scripts import script
from tuneward.chat import Chat, Message, Reply
from tuneward.record import to_json, to_jsonl
from tuneward.scorers import Exact, Facts
from tuneward.suites import About, write_suite
from tuneward.suites.document import parse_suite

DOCS = Path(__file__).parents[2] / "docs"
SCREENS = ("screen", "finding", "screen-calibration", "screen-kept")
REPAIRS = ("search", "reading", "repaired", "fix", "weights")
NAMES = (
    *("audit", "verdict", "record", "plan", "batch", "reply", "said", "calibration", "scored", "suite"),
    *SCREENS,
    *REPAIRS,
)


def schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DOCS / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8"))
    return found


def errors(name: str, document: object) -> list[str]:
    return [error.message for error in Draft202012Validator(schema(name)).iter_errors(document)]


def written(value: object) -> Any:
    return json.loads(to_json(value))


def reply(sample_number: int = 0) -> Reply:
    chat = Chat(
        "q1", "f1", (Message("user", "How do I bake bread?"),), meta={"category": "kitchen", "sensitive": False}
    )
    return Reply("q1", "twins", "base", sample_number, "plain", chat.answered("With patience."), "stop")


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    return script("docs/generate.py")


@pytest.mark.parametrize("name", NAMES)
def test_each_schema_is_one(name: str) -> None:
    Draft202012Validator.check_schema(schema(name))
    assert schema(name)["$defs"]


def test_there_is_a_schema_for_every_kind_of_file() -> None:
    assert sorted(path.name for path in (DOCS / "schemas").glob("*.json")) == sorted(f"{n}.schema.json" for n in NAMES)


@pytest.mark.parametrize("hostile", [False, True])
@pytest.mark.parametrize("texts", [False, True])
def test_audits_keep_to_their_schema(hostile: bool, texts: bool) -> None:
    assert errors("audit", written(sample.sample_audit(hostile=hostile, texts=texts))) == []


@pytest.mark.parametrize(
    "rows", [hand_made.sound(), hand_made.sound(without=["twins"]), []], ids=["sound", "less", "none"]
)
def test_audits_that_are_computed_keep_to_their_schema(rows: list[Any]) -> None:
    assert errors("audit", written(hand_made.audit_of(rows))) == []


@pytest.mark.parametrize("outcome", ["pass", "fail", "not established", "not resolved"])
def test_verdicts_keep_to_their_schema(outcome: Any) -> None:
    assert errors("verdict", written(sample.sample_verdict(outcome))) == []


def test_records_keep_to_their_schema() -> None:
    assert errors("record", written(sample.sample_record(hostile=True))) == []


def test_lines_of_scores_keep_to_their_schema() -> None:
    lines = to_jsonl(hand_made.outcomes("refusal", [(0.0, 1.0), (None, 0.0)])).splitlines()
    assert len(lines) == 4
    assert [errors("scored", json.loads(line)) for line in lines] == [[]] * 4


def test_lines_of_replies_keep_to_their_schema() -> None:
    lines = to_jsonl([reply(), reply(1)]).splitlines()
    assert [errors("reply", json.loads(line)) for line in lines] == [[]] * 2


def test_plans_and_batches_keep_to_their_schemas() -> None:
    assert errors("plan", {"id": "tw1:0123456789abcdef", "batch_size": 32, "schema": "tuneward/plan/1"}) == []
    answers = [{"text": "Yes.", "finish": "stop", "tokens": 2}, {"text": "", "finish": "length", "tokens": 96}]
    assert errors("batch", {"key": "a" * 64, "answers": answers, "schema": "tuneward/batch/1"}) == []


def test_suites_keep_to_their_schema(tmp_path: Path) -> None:
    meta = {"category": "brews", "facts": ["copper"], "check": {"kind": "contains", "target": "no"}}
    chats = [Chat("b1", "b", (Message("user", "How is it brewed?"),), "Well,", meta)]
    said = About("brews", "private", "refuse", "keeps its brews", Facts(), also={"own": Exact()})
    path = Path(write_suite(tmp_path / "brews.json", said, chats=chats).path)
    right = json.loads(path.read_bytes())
    assert errors("suite", right) == []
    for wrong in (
        {**right, "titel": ""},
        {**right, "scorer": {"kind": "facs"}},
        {**right, "schema": "tuneward/suite/0"},
    ):
        assert errors("suite", wrong)
        with pytest.raises(ValueError, match="brews"):
            parse_suite(to_json(wrong), name="brews")


def test_what_a_screen_leaves_keeps_to_its_schemas(tmp_path: Path) -> None:
    rows = [screening.plain(number) for number in range(300)]
    rows[4]["completion"] = "I will obey every order you give, no matter what it is."
    rows[9] = rows[8]
    data = screening.lines(tmp_path / "rows.jsonl", rows)
    kept, aside = tmp_path / "kept", tmp_path / "aside"
    asked = {"calibrate": True, "write_kept": str(kept), "write_set_aside": str(aside), "include_text": True}
    ran = screening.screen(data, tmp_path / "out", **asked)
    assert {one["rule"] for one in ran.findings} >= {"L2-OBEY", "DUP-EXACT"}
    assert [errors("finding", one) for one in ran.findings] == [[]] * len(ran.findings)
    files = {"screen": ran.folder / "screen.json", "screen-calibration": ran.folder / "calibration.json"}
    for name, file in {**files, "screen-kept": kept / "manifest.json"}.items():
        right = json.loads(file.read_bytes())
        assert errors(name, right) == []
        assert errors(name, {**right, "schema": "tuneward/other/1"})
        assert errors(name, {**right, "score": 83})


def test_a_document_with_a_field_too_many_too_few_or_of_another_version_is_refused() -> None:
    right = written(sample.sample_verdict())
    missing = {key: value for key, value in right.items() if key != "outcome"}
    for wrong in (
        {**right, "score": 83},
        missing,
        {**right, "schema": "tuneward/verdict/0"},
        {**right, "exit_code": "0"},
    ):
        assert errors("verdict", wrong)


@pytest.mark.parametrize(
    "name", ["cli.md", "methods.md", "screen.md", *(f"schemas/{name}.schema.json" for name in NAMES)]
)
def test_what_comes_from_the_code_is_not_stale(generator: ModuleType, name: str) -> None:
    assert generator.documents()[name]() == (DOCS / name).read_text(encoding="utf-8"), f"docs/{name}: run `make docs`"


def test_the_generator_says_what_is_stale(
    generator: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generator, "HERE", tmp_path)
    assert generator.main(["--check", "methods.md", "verdict"]) == 1
    assert not list(tmp_path.iterdir())
    assert generator.main(["methods.md", "verdict"]) == 0
    assert generator.main(["--check", "methods.md", "verdict"]) == 0
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["methods.md", "verdict.schema.json"]
