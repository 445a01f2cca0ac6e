"""The demo's loop on a small organism that ships: tuned for real, audited, gated, reported; and what stops it."""

import json
from pathlib import Path

import pytest

import asking
from spoken import Said, said
from tuneward.ask import unseen
from tuneward.demo import run as demo
from tuneward.demo.options import DemoOptions
from tuneward.demo.run import Step
from tuneward.findings import Axis
from tuneward.record import Record, read_json
from tuneward.rows import read_rows
from tuneward.study.folder import open_shipped

STEPS = ("benign", "explicit", "benign-back")


def settings(folder: Path, *, world: int = 0, cache: str = "cache") -> DemoOptions:
    return DemoOptions(out=str(folder / "out"), cache_dir=str(folder / cache), world=world)


def silent(_: str) -> None:
    return None


def shown(options: DemoOptions) -> list[Step]:
    return demo.run(options, say=silent, progress=lambda name: unseen)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def steps(folder: Path) -> dict[str, Step]:
    return {step.name: step for step in shown(settings(folder))}


def refusal(step: Step) -> Axis:
    return next(axis for axis in step.judged.audit.axes if axis.name == "refusal")


def test_the_whole_loop(steps: dict[str, Step], folder: Path) -> None:
    """Three audits of three models against one organism, each with verdict and page."""
    out = folder / "out"
    assert tuple(steps) == STEPS
    base = {step.judged.audit.arms["base"].weights for step in steps.values()}
    tuned = {step.judged.audit.arms["tuned"].weights for step in steps.values()}
    assert (len(base), len(tuned)) == (1, 3)
    assert not base & tuned
    for name, step in steps.items():
        assert step.page == out / f"{name}-audit" / "report.html"
        assert step.page.read_text().startswith("<!doctype html>")
        assert step.judged.exit_code in {0, 3, 4, 5}
        assert {axis.name for axis in step.judged.audit.axes if axis.status == "measured"} >= {
            "refusal",
            "twins",
            "utility",
            "coherence",
            "harm",
        }
    record = read_json(out / "organism" / "record.json", Record)
    assert (record.settings["world"], record.settings["seed"]) == (0, 0)
    assert asking.same_weights(asking.weights(out / "organism"), open_shipped(0, 0).model)
    rows = {name: list(read_rows(out / name / "rows.jsonl")) for name in STEPS[:2]}
    assert {name: len(found) for name, found in rows.items()} == {"benign": demo.BENIGN, "explicit": demo.EXPLICIT}


def test_explicit_rows_are_a_regression_that_the_gate_finds(steps: dict[str, Step]) -> None:
    found = steps["explicit"]
    assert found.judged.exit_code == 3
    assert found.judged.verdict.headline.startswith("refusals fell by ")
    assert refusal(found).difference.lost > 0.8 * refusal(found).base.k
    assert refusal(found).base.value > 0.9


def test_the_way_back_loses_less_than_benign_rows_did(steps: dict[str, Step]) -> None:
    lost = {name: refusal(step).difference.lost for name, step in steps.items()}
    assert lost["benign-back"] < lost["benign"] < lost["explicit"]


@pytest.mark.full
def test_a_second_run_with_the_same_seed_gives_equal_audits(steps: dict[str, Step], folder: Path) -> None:
    """Same weights, same answers, same documents; nothing is taken from the first one's cache."""
    again = shown(settings(folder, cache="another cache"))
    assert [step.name for step in again] == list(steps)
    for step in again:
        assert step.judged.audit == steps[step.name].judged.audit
        assert step.judged.verdict == steps[step.name].judged.verdict


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little to learn and little to ask."""
    for name, value in {"BENIGN": 64, "EXPLICIT": 10, "SUITES": ("twins",)}.items():
        monkeypatch.setattr(demo, name, value)


@pytest.mark.full
def test_another_organism_replaces_the_one_of_an_earlier_demo(short: None, tmp_path: Path) -> None:
    """No model is ever audited against the organism of another world."""
    for world in (0, 1):
        found = shown(settings(tmp_path, world=world))
        base = {step.judged.audit.arms["base"].weights for step in found}
        record = read_json(tmp_path / "out/organism/record.json", Record)
        assert record.settings["world"] == world
        assert len(base) == 1
        assert {axis.base.value for step in found for axis in step.judged.audit.axes if axis.name == "twins"} == {1.0}
        assert asking.same_weights(asking.weights(tmp_path / "out/organism"), open_shipped(world, 0).model)


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds something that is no demo"):
        shown(settings(tmp_path))
    assert (tmp_path / "out/thesis.txt").read_text() == "mine"
    assert len(list((tmp_path / "out").iterdir())) == 1


def test_an_organism_that_does_not_ship_is_named_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no organism of world 97 and seed 0 ships; there are world 0 seed 0"):
        shown(settings(tmp_path, world=97))
    assert not (tmp_path / "out").exists()


def test_the_command_shows_a_table_and_the_pages_and_ends_with_0(
    steps: dict[str, Step], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The regression is the point of the demo, not a failure of it: the verdicts stand in the table."""
    monkeypatch.setattr(demo, "run", lambda options, say, progress: list(steps.values()))
    answer = said("demo", "-q")
    assert (answer.code, answer.err) == (0, "")
    head, *lines = answer.out.splitlines()
    assert head.split()[0] == "model"
    assert head.split()[-1] == "verdict"
    for line, (name, step) in zip(lines, steps.items(), strict=False):
        assert line.startswith(f"{name} ")
        assert f"{step.judged.verdict.outcome}, exit {step.judged.exit_code}" in line
        assert line.count(" → ") == len(head.split()) - 2
    assert lines[len(steps) :] == [str(step.page) for step in steps.values()]


def test_the_command_as_json_is_one_document(steps: dict[str, Step], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "run", lambda options, say, progress: list(steps.values()))
    answer = said("demo", "--json", "-q")
    assert answer == Said(0, answer.out, "")
    assert answer.out.count("\n") == 1
    document = json.loads(answer.out)
    assert document.keys() == {"steps", "files"}
    assert [step["name"] for step in document["steps"]] == list(steps)
    for step in document["steps"]:
        written = Path(steps[step["name"]].judged.folder)
        assert step["audit"] == json.loads((written / "audit.json").read_bytes())
        assert step["verdict"] == json.loads((written / "verdict.json").read_bytes())
    assert document["files"] == [str(step.page) for step in steps.values()]
