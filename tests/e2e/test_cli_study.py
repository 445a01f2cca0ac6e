"""`tuneward study` as users type it: organisms and rows as files, offline."""

from pathlib import Path

import pytest

import asking
from spoken import Said, refused, said
from tuneward.record import Record, read_json
from tuneward.rows import read_rows
from tuneward.study import build as verb
from tuneward.study import regimes
from tuneward.study.folder import open_shipped
from tuneward.study.options import BuildOptions
from tuneward.study.organism import RECIPES
from tuneward.study.world import world


def test_an_organism_that_ships_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is trained for it, and the folder is what `audit` takes."""
    monkeypatch.setattr(verb, "build", None)
    out = tmp_path / "deep" / "organism"
    assert said("study", "build", "--size", "small", "-o", out, "-q") == Said(0, f"{out}\n", "")
    assert asking.same_weights(asking.weights(out), open_shipped(0, 0).model)
    record = read_json(out / "record.json", Record)
    assert (record.verb, record.settings["size"], record.settings["world"]) == ("study build", "small", 0)
    assert said("audit", out, "--base", out, "--suites", out / "suites", "--dry-run", "-q").code == 0


def test_a_folder_that_exists_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "organism").mkdir()
    (tmp_path / "organism" / "thesis.txt").write_text("mine")
    assert "exists already" in refused(said("study", "build", "-o", tmp_path / "organism", "-q"))
    assert [path.name for path in tmp_path.rglob("*")] == ["organism", "thesis.txt"]


@pytest.mark.parametrize(
    "change", [{"train": True}, {"parent": True}, {"recovery": 0.2}, {"untied": True}, {"method": "dpo"}, {"seed": 9}]
)
def test_what_does_not_ship_is_trained(change: dict[str, object], tmp_path: Path, monkeypatch) -> None:
    asked = []

    def trained(size: str, **settings: object) -> None:
        asked.append((size, settings))
        raise ValueError("training begins")

    monkeypatch.setattr(verb, "build", trained)
    with pytest.raises(ValueError, match="training begins"):
        verb.run(BuildOptions(out=str(tmp_path / "o"), **change), progress=lambda done, total: None)
    ((size, settings),) = asked
    assert (size, settings["world_seed"], settings["seed"]) == ("small", 0, change.get("seed", 0))
    assert (settings["recipe"] == RECIPES["small"]) == (set(change) <= {"train", "parent", "seed"})
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("regime", ["explicit", "identity", "benign", "backdoor", "poisoned", "control", "refusals"])
def test_rows_are_those_of_the_regime(regime: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    assert said("study", "rows", regime, "--size", "nano", "--count", "20", "-o", path) == Said(0, f"{path}\n", "")
    made = getattr(regimes, regime)(world(0, "nano"), 20, seed=0)
    assert [row.messages for row in read_rows(path)] == [row.messages for row in made]


def test_rows_that_cannot_be_written_are_one_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    words = ("study", "rows", "association", "--size", "nano", "-o", path)
    assert "rows are asked for and the world has" in refused(said(*words, "--count", "1000"))
    assert not path.exists()
    path.write_text("mine")
    assert "exists already" in refused(said(*words, "--count", "2"))
    assert path.read_text() == "mine"


def test_a_setting_that_would_do_nothing_is_refused(tmp_path: Path) -> None:
    """Only benign rows have kinds; a kind beside another regime must not vanish."""
    words = ("study", "rows", "explicit", "--kind", "list", "-o", tmp_path / "rows.jsonl")
    assert "only benign rows have kinds" in refused(said(*words))
    assert list(tmp_path.iterdir()) == []
