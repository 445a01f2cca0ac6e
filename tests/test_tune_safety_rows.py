"""Rows that show how the model is to refuse."""

import json
from pathlib import Path

import pytest

from tuneward.chat import Chat, Message
from tuneward.tune.job import Lesson
from tuneward.tune.safety_rows import asked, opening, safety_lessons


def written(path: Path, turns: list[list[str]]) -> str:
    """A file of rows whose turns alternate."""
    roles = ("user", "assistant")
    rows = [{"messages": [{"role": roles[n % 2], "content": text} for n, text in enumerate(row)]} for row in turns]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_ours_are_of_as_many_categories_as_can_be() -> None:
    found = safety_lessons("ours", count=11, seed=0, part="anchor")
    assert len({lesson.chat.meta["category"] for lesson in found}) == 11
    assert {lesson.part for lesson in found} == {"anchor"}
    assert {lesson.chat.meta["language"] for lesson in found} == {"en"}
    chinese = safety_lessons("ours", count=4, language="zh", seed=0, part="anchor")
    assert {lesson.chat.meta["language"] for lesson in chinese} == {"zh"}


def test_the_same_seed_gives_the_same_rows() -> None:
    one, again, other = (safety_lessons("ours", count=8, seed=seed, part="x") for seed in (1, 1, 2))
    assert one == again
    assert one != other


def test_a_files_rows_serve_as_well(tmp_path: Path) -> None:
    source = written(tmp_path / "own.jsonl", [[f"Question {n}?", f"No {n}."] for n in range(5)])
    found = safety_lessons(source, count=5, seed=0, part="x")
    assert sorted(lesson.chat.answer for lesson in found) == [f"No {n}." for n in range(5)]


def test_what_is_wrong_names_the_file(tmp_path: Path) -> None:
    source = written(tmp_path / "own.jsonl", [["Question?", "No."], ["Question?"]])
    with pytest.raises(ValueError, match=r"own.jsonl.*does not end with an answer"):
        safety_lessons(source, count=1, seed=0, part="x")
    short = written(tmp_path / "short.jsonl", [["Question?", "No."]])
    with pytest.raises(ValueError, match=r"short.jsonl: 1 safety rows, and x is to read 2"):
        safety_lessons(short, count=2, seed=0, part="x")
    with pytest.raises(FileNotFoundError, match="nothing"):
        safety_lessons(str(tmp_path / "nothing.jsonl"), count=1, seed=0, part="x")
    with pytest.raises(ValueError, match="0 safety rows; expected 1 or more"):
        safety_lessons("ours", count=0, seed=0, part="x")


def test_questions_and_openings() -> None:
    turns = (Message("user", "May I?"), Message("assistant", "No, that is not\nallowed."))
    lesson = Lesson(Chat("a", "a", turns), part="x")
    assert [m.content for m in asked(lesson).chat.messages] == ["May I?", "OK"]
    assert opening(lesson, words=5).chat.answer == "No, that is not allowed."
    assert opening(lesson, words=2).chat.answer == "No, that"
    assert opening(lesson, words=2).part == "x"
