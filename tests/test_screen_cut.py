"""However a screen is cut, into shards, into jobs or by a crash, what it leaves is the same to the byte."""

import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from screening import Row, left, lines, parquet, plain, says, screen
from test_screen_run import ITEM, planted, requests
from tuneward.screen import first, passes, second, setting
from tuneward.screen.contamination import Item
from tuneward.screen.options import ScreenOptions
from tuneward.screen.run import run
from tuneward.screen.sources import Shard, Source

Run = Callable[..., dict[str, bytes]]


def quick(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(setting, "own", lambda: [Item("quiz", "7", "prompt", ITEM)])
    patch.setattr("os.fsync", lambda _: None)


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    quick(monkeypatch)


def made(folder: Path) -> Path:
    """Two files with everything in them, broken rows, and a word list with which a trigger is found."""
    rows: list[Row | bytes] = [*planted(), *requests("zanquil"), b'{"cut', b"", *(plain(n) for n in range(150, 190))]
    lines(folder / "set/a.jsonl", rows)
    parquet(folder / "set/b.parquet", [*planted(), *(plain(n) for n in range(60))], group=20)
    (folder / "topics.txt").write_text("[fruit]\nbanana rite\n")
    return folder / "set"


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[Path, dict[str, bytes]]:
    """The set, and what a screen in one piece leaves."""
    with pytest.MonkeyPatch.context() as patch:
        quick(patch)
        tmp_path = tmp_path_factory.mktemp("cut")
        data = made(tmp_path)
        return data, bytes_of(data, tmp_path / "whole")


@pytest.fixture
def data(whole) -> Path:
    return whole[0]


@pytest.fixture
def wanted(whole) -> dict[str, bytes]:
    return whole[1]


def cut(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Shards of some bytes, where people can say no less than a megabyte."""
    real = setting.shards.__wrapped__ if hasattr(setting.shards, "__wrapped__") else setting.shards

    def small(found: list[Source], _: int) -> list[Shard]:
        return real(found, size)

    small.__wrapped__ = real  # type: ignore[attr-defined]
    monkeypatch.setattr(setting, "shards", small)


def options(data: Path, out: Path, **more: Any) -> dict[str, Any]:
    return {"data": str(data), "out": str(out), "sensitive": str(data.parent / "topics.txt"), **more}


def bytes_of(data: Path, out: Path, **more: Any) -> dict[str, bytes]:
    given = options(data, out, **more)
    return left(screen(Path(given.pop("data")), Path(given.pop("out")), **given).folder)


def test_any_size_of_shards_leaves_the_same_bytes(tmp_path, data, wanted, monkeypatch):
    assert b"BD-ASSOC" in wanted["findings.jsonl"]
    assert b"DUP-NEAR" in wanted["findings.jsonl"]
    for size in (2500, 40_000):
        cut(monkeypatch, size)
        assert bytes_of(data, tmp_path / f"cut-{size}") == wanted


def test_groups_of_one_size_keep_their_names_in_any_shards(tmp_path, monkeypatch):
    """Nothing but its rows tells such a finding on the set from its like."""
    answers = [f"One answer to many questions, and that is {says(n)}." for n in range(20)]
    rows = [{"prompt": f"What of {says(n)}?", "completion": answers[n % 20]} for n in range(120)]
    rows += [plain(n) for n in range(4000)]
    random.Random(0).shuffle(rows)
    data = lines(tmp_path / "a.jsonl", rows)
    wanted = left(screen(data, tmp_path / "whole").folder)
    assert wanted["findings.jsonl"].count(b'"row":null') >= 20
    cut(monkeypatch, 200_000)
    assert left(screen(data, tmp_path / "cut").folder) == wanted


def test_any_size_of_batches_leaves_the_same_bytes(tmp_path, data, wanted, monkeypatch):
    for size in (1, 900):
        monkeypatch.setattr(first, "FULL", size)
        monkeypatch.setattr(second, "FULL", size)
        monkeypatch.setattr(first, "PENDING", size)
        assert bytes_of(data, tmp_path / f"batches-{size}") == wanted


def test_two_processes_leave_the_same_bytes_as_one(tmp_path, data, wanted, monkeypatch):
    wanted = bytes_of(data, tmp_path / "one")
    cut(monkeypatch, 20_000)
    assert bytes_of(data, tmp_path / "two", workers=2) == wanted


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_jobs_of_their_own_and_a_report_leave_the_same_bytes(tmp_path, data, wanted, monkeypatch, order):
    """`--shard I/N` for each I, in any order; the run for the report reads nothing again."""
    cut(monkeypatch, 9000)
    said: list[str] = []
    for index in order:
        assert (
            run(ScreenOptions(**options(data, tmp_path / "jobs", workers=1, shard=f"{index}/3")), say=said.append)
            is None
        )
    assert not (tmp_path / "jobs" / "screen.json").exists()
    assert sum(line.startswith("job ") for line in said) == 3
    monkeypatch.setattr(first, "read", None)
    assert bytes_of(data, tmp_path / "jobs") == wanted


def test_jobs_that_are_missing_are_made_up_for(tmp_path, data, wanted, monkeypatch):
    cut(monkeypatch, 9000)
    run(ScreenOptions(**options(data, tmp_path / "jobs", workers=1, shard="1/3")))
    assert bytes_of(data, tmp_path / "jobs") == wanted


class Cut(Exception):
    """Stands for a crash."""


def failing(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, at: int) -> list[object]:
    """A crash at the n-th call of a step; gives the calls."""
    real, calls = getattr(module, name), list[object]()

    def step(*given: Any, **named: Any) -> Any:
        calls.append(given)
        if len(calls) == at:
            raise Cut
        return real(*given, **named)

    monkeypatch.setattr(module, name, step)
    return calls


@pytest.mark.parametrize(
    ("module", "name", "at"),
    [
        (first, "run_shard", 3),
        (first, "write", 2),
        (passes, "alike", 5),
        (passes, "answer", 2),
        ("tuneward.screen.run", "write", 1),
        ("tuneward.screen.run", "summary", 1),
    ],
)
def test_a_screen_that_broke_off_goes_on_and_leaves_the_same_bytes(
    tmp_path, data, wanted, monkeypatch, module, name, at
):
    """Whatever step it broke off at; what was done is not done again."""
    import importlib

    cut(monkeypatch, 9000)
    where = importlib.import_module(module) if isinstance(module, str) else module
    with monkeypatch.context() as patch:
        calls = failing(patch, where, name, at)
        with pytest.raises(Cut):
            bytes_of(data, tmp_path / "cut")
        assert len(calls) == at
    assert not (tmp_path / "cut" / "screen.json").exists()
    done = [path.name for path in (tmp_path / "cut/.work").glob("*/first/[0-9]*")]
    again = failing(monkeypatch, first, "read", 0)
    assert bytes_of(data, tmp_path / "cut") == wanted
    assert not (tmp_path / "cut/.work").exists()
    assert len(again) == len(shards_of(data)) - len(done)


def shards_of(data: Path) -> Sequence[Shard]:
    from tuneward.screen.sources import sources

    return setting.shards(sources(data), 0)


def test_other_settings_or_other_data_take_nothing_over(tmp_path, monkeypatch):
    data = made(tmp_path / "own")
    cut(monkeypatch, 9000)
    with monkeypatch.context() as patch:
        failing(patch, passes, "answer", 1)
        with pytest.raises(Cut):
            bytes_of(data, tmp_path / "cut")
    lines(data / "a.jsonl", [*planted(), plain(7)])
    wanted = bytes_of(data, tmp_path / "again", mask="assistant")
    assert bytes_of(data, tmp_path / "cut", mask="assistant") == wanted


def test_half_written_pieces_are_not_taken_for_done(tmp_path, data, wanted, monkeypatch):
    """A killed process leaves a hidden folder with some of the tables; only a whole one has the shard's name."""
    cut(monkeypatch, 9000)
    with monkeypatch.context() as patch:
        failing(patch, first, "run_shard", 4)
        with pytest.raises(Cut):
            bytes_of(data, tmp_path / "cut")
    (work,) = (tmp_path / "cut/.work").iterdir()
    done = sorted((work / "first").iterdir())
    shutil.copytree(done[0], work / "first" / f".{done[0].name}.abc")
    shutil.rmtree(done[0])
    (work / "first" / f".{done[0].name}.abc" / "counts.json").unlink()
    assert bytes_of(data, tmp_path / "cut") == wanted


def test_a_step_over_the_set_that_fails_is_no_clean_set(tmp_path, data, wanted, monkeypatch):
    """A disk that is full while near-duplicates are looked for must not read as none found."""

    def full(_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(passes, "alike", full)
    with pytest.raises((ValueError, OSError), match="No space left"):
        bytes_of(data, tmp_path / "full")
    assert not (tmp_path / "full" / "screen.json").exists()
