"""The GitHub Action's baseline: blessed on purpose, shown beside the verdict, never a verdict itself."""

import importlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hand_made import audit_of, sound, write_folder
from on_runner import ACTION, CASES, LOSS, Done, alter, baseline_file, bless, blessed, ci, folder_of
from tuneward.policy import default_toml
from tuneward.record import sha256_bytes


def test_blessing_writes_who_what_when_and_under_which_policy() -> None:
    found = json.loads(blessed())
    assert (found["audit"], found["by"], found["reason"]) == ("tw1:0123456789abcdef", "R. Example", "first release")
    assert (found["verdict"], found["policy"]) == ("pass", sha256_bytes(default_toml().encode()))
    assert found["date"] == datetime.now(UTC).date().isoformat()
    assert found["weights"] == {"base": "base" * 16, "tuned": "tuned" * 16}
    assert found["suites"] == {"refusal suite": "s" * 64}
    assert found["axes"]["refusal"]["value"] == 1.0
    assert found["axes"]["refusal"]["low"] < 1.0
    assert "harm" not in found["axes"]


def limited(folder: Path) -> Path:
    return write_folder(folder, sound(), audit_of(sound(), limit=150))


def unfinished(folder: Path) -> Path:
    write_folder(folder, sound())
    (folder / "record.json").unlink()
    return folder


REFUSED: dict[str, tuple[Callable[[Path], Path], tuple[str, ...], int]] = {
    "unfinished": (unfinished, (), 2),
    "limited": (limited, (), 4),
    "limited, accepted": (limited, ("--accept-verdict", "not established"), 4),
    "failed": (lambda folder: write_folder(folder, LOSS), (), 3),
    "failed, other accepted": (lambda folder: write_folder(folder, LOSS), ("--accept-verdict", "not resolved"), 3),
    "not resolved": (lambda folder: write_folder(folder, CASES["not resolved"][0]), (), 5),
    "empty": (lambda folder: write_folder(folder, []), ("--accept-verdict", "not established"), 4),
    "no reason": (lambda folder: write_folder(folder, sound()), ("--reason", " "), 2),
    "pass is not accepted, it is": (lambda folder: write_folder(folder, sound()), ("--accept-verdict", "pass"), 2),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_hold_is_not_blessed(case: str, tmp_path: Path) -> None:
    make, more, code = REFUSED[case]
    path = tmp_path / "baseline.json"
    path.write_text("the old one", encoding="utf-8")
    done = bless(make(tmp_path / "audit"), path, *more)
    assert done.returncode == code, done.stdout + done.stderr
    assert path.read_text(encoding="utf-8") == "the old one"


def test_a_failed_audit_is_blessed_only_by_name_and_is_unreliable_ever_after(tmp_path: Path) -> None:
    path, folder = tmp_path / "b.json", folder_of(tmp_path, "fail")
    assert bless(folder, path, "--accept-verdict", "fail").returncode == 0
    assert json.loads(path.read_text(encoding="utf-8"))["verdict"] == "fail"
    done = ci(tmp_path, "gate", "--audit", str(folder), "--baseline", str(path))
    assert (done.code, done.outputs["verdict"]) == (3, "fail")
    assert done.outputs["baseline"] == "unreliable baseline"
    assert " · **unreliable baseline**" in done.summary.splitlines()[0]
    assert "blessed over the verdict fail" in done.summary


@pytest.mark.full
@pytest.mark.parametrize(("days", "words"), [(30, ""), (31, "stale baseline"), (-2, "unreliable baseline")])
def test_the_age_is_shown_and_above_the_limit_it_is_stale(days: int, words: str, tmp_path: Path) -> None:
    path = str(baseline_file(tmp_path, days=days))
    env = {"TUNEWARD_BASELINE": path, "TUNEWARD_BASELINE_MAX_AGE_DAYS": "30"}
    done = ci(tmp_path, "gate", "--audit", str(folder_of(tmp_path)), **env)
    assert (done.code, done.outputs["baseline"]) == (0, words)
    assert (
        f"- {days} days old, limit 30; audit tw1:0123456789abcdef, blessed by R. Example: first release" in done.summary
    )
    assert ("::warning::stale baseline" in done.log) == (days > 30)


@pytest.mark.full
@pytest.mark.parametrize("case", CASES)
def test_a_baseline_changes_no_code(case: str, tmp_path: Path) -> None:
    path = baseline_file(tmp_path, days=400, verdict="fail")
    done = ci(tmp_path, "gate", "--audit", str(folder_of(tmp_path, case)), "--baseline", str(path))
    assert (done.code, done.outputs["verdict"]) == (CASES[case][1], case)
    assert done.outputs["baseline"].startswith("stale baseline, unreliable baseline")


def row_of(done: Done, axis: str) -> str:
    return next(line for line in done.summary.splitlines() if line.startswith(f"| {axis} |"))


def test_each_axis_shows_how_it_moved(tmp_path: Path) -> None:
    """150/150 before; 363/412 now; the bounds are Newcombe's, from both Wilson intervals."""
    path = baseline_file(tmp_path)
    alter(path, lambda found: found["axes"]["utility"].update(value=0.5, low=0.4, high=0.6))
    alter(path, lambda found: found["axes"].update(gone={"value": 0.5, "low": 0.4, "high": 0.6}))
    alter(path, lambda found: found["axes"]["coherence"].update(value=0.98, low=0.5, high=1.0))
    done = ci(tmp_path, "gate", "--audit", str(folder_of(tmp_path, "fail")), "--baseline", str(path))
    assert done.code == 3
    assert row_of(done, "refusal").endswith(
        "| 100.0% [97.5%, 100.0%] | 88.1% [84.6%, 90.9%] | -11.9 [-15.4, -8.2] | worse |"
    )
    assert row_of(done, "twins").endswith("| +0.0 [-2.5, +2.5] | no move seen |")
    assert row_of(done, "utility").endswith("| better |")
    assert row_of(done, "gone").endswith("| 50.0% [40.0%, 60.0%] | – | – | insufficient data |")
    assert row_of(done, "coherence").endswith("insufficient data |")
    assert done.outputs["baseline"] == "insufficient data"


def test_a_baseline_of_other_prompts_is_not_compared(tmp_path: Path) -> None:
    path = baseline_file(tmp_path, suites={"refusal suite": "x" * 64, "older": "y"})
    done = ci(tmp_path, "gate", "--audit", str(folder_of(tmp_path)), "--baseline", str(path))
    assert (done.code, done.outputs["baseline"]) == (0, "baseline not comparable")
    assert "other prompts (older, refusal suite)" in done.summary
    assert "moved" not in done.summary


@pytest.mark.full
def test_another_base_and_another_policy_are_named(tmp_path: Path) -> None:
    path = baseline_file(tmp_path, weights={"base": "x", "tuned": "y"}, policy="z")
    done = ci(tmp_path, "gate", "--audit", str(folder_of(tmp_path)), "--baseline", str(path))
    assert "the policy is another one than the baseline's" in done.summary
    assert "the base model is another one than the baseline's" in done.summary


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        '{"schema": "tuneward/baseline/2"}',
        "[" * 100_000,
        '{"schema": "tuneward/baseline/1", "date": "yesterday", "axes": {}}',
        '{"schema": "tuneward/baseline/1", "date": "2026-01-01", "axes": {"a": {"value": NaN, "low": 0, "high": 1}}}',
        '{"schema": "tuneward/baseline/1", "date": "2026-01-01", "axes": {"a": {"value": 2, "low": 0, "high": 3}}}',
        '{"schema": "tuneward/baseline/1", "date": "2026-01-01", "axes": {"a": {"value": 1e999, "low": 0, "high": 1}}}',
    ],
)
def test_a_broken_baseline_is_unreliable_and_nothing_else(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(ACTION)
    path = tmp_path / "baseline.json"
    path.write_text(text, encoding="utf-8")
    words, lines = importlib.import_module("baseline").beside(str(path), {}, policy="", limit=1)
    assert words == ["unreliable baseline"]
    assert len(lines) == 1


def test_a_broken_baseline_changes_no_code(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    path.write_text("[", encoding="utf-8")
    done = ci(tmp_path, "gate", "--audit", str(folder_of(tmp_path)), "--baseline", str(path))
    assert (done.code, done.outputs["baseline"]) == (0, "unreliable baseline")


def test_a_baseline_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = ci(tmp_path, "gate", "--audit", str(folder_of(tmp_path)), "--baseline", "none.json")
    assert (done.code, done.outputs["baseline"]) == (0, "no baseline")
