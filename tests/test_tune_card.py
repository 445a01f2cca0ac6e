"""The model card: what the section says, what it never says, and that nothing from outside acts in it."""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tuneward.chat import Chat, Message
from tuneward.outputs.sections import marks
from tuneward.tune.card import Facts, section, write_card
from tuneward.tune.job import Job, Lesson, Rendering, Settings
from tuneward.tune.options import TuneOptions
from tuneward.tune.order import Shuffled
from tuneward.tune.terms import CrossEntropy

WORDS = "marmalade quartet"
BEGIN, END = marks("tune")
HOSTILE = f"x{END}<script>alert(1)</script>|`[a](javascript:b) @all **c**\n# d\u202e"


@dataclass(frozen=True)
class Blend:
    """A defence for this test."""

    fraction: float = 0.04
    pool: str = ""
    parts: tuple[str, ...] = ("a", "b")
    twins: bool = True

    def __call__(self, job: Job, /) -> Job:
        return job.named("blend")


def row(number: int, part: str = "task") -> Lesson:
    return Lesson(
        Chat(f"rows:{number}", f"{number}", (Message("user", WORDS), Message("assistant", f"{WORDS}!"))), part
    )


def reading(step: int, figures: dict[str, float], **more: Any) -> dict[str, Any]:
    """A line of the monitor's."""
    told = {name: {"value": value, "low": 0.0, "high": 1.0, "n": 24} for name, value in figures.items()}
    return {"step": step, "figures": told, **more}


LESSONS = (*map(row, range(1200)), row(0, "mix"), row(1, "mix"))


def facts(**changes: str) -> Facts:
    options = TuneOptions(**{"model": "org/model", "data": "rows.jsonl", "out": "tuned", **changes})  # type: ignore[arg-type]
    job = Job(LESSONS, Settings(rate=1e-4, batch=8, seed=3), (CrossEntropy(),), Shuffled(), defences=("blend",))
    return Facts(options, job, (Blend(),), {options.data: "ab" * 32, options.model: "cd" * 16}, 150)


def test_the_section_says_what_was_learnt_from_what() -> None:
    said = section(facts())
    for part in (
        "org/model, weights " + "cd" * 16,
        "rows.jsonl, SHA-256 " + "ab" * 32,
        "1,200 task, 2 mix",
        "a LoRA adapter, rank 16, scale 32",
        "| steps planned | 150 of 8 rows |",
        "| highest rate | 0.0001 |",
        "- Blend: fraction 0.04, pool –, parts a b, twins on",
        "tuneward audit OUT --base BASE",
        "What was not tested",
    ):
        assert part in said


def test_all_weights_and_a_prompt_for_deployment_are_named_and_the_prompt_is_not_shown() -> None:
    told = facts()
    job = replace(told.job, rendering=Rendering(system="", deploy=WORDS))
    said = section(replace(told, options=replace(told.options, full=True), job=job, defences=()))
    assert "| trained | all weights |" in said
    assert "system prompt that stands in this folder" in said
    assert "None: plain fine-tuning." in said
    assert WORDS not in said


def test_no_word_of_a_row_and_no_promise_stands_in_it() -> None:
    said = section(facts(), [reading(10, {"gap": 0.1})])
    assert WORDS not in said
    assert not re.search(r"\bsafe(ly|ty)?\b|certif|guarantee|complian", said, re.I)


def test_the_attestation_is_a_template_with_blanks_for_a_name_and_a_date() -> None:
    said = section(facts())
    assert {"[name]", "[date]", "[audit report and its date]"} <= set(re.findall(r"\[[^\]]{2,}\]", said))
    assert said.count("- [ ] ") == 5
    assert "- [x]" not in said


def inert(said: str) -> None:
    """What was put in is text: the section has its own two marks and no markup but ours."""
    assert said.count(BEGIN) == said.count(END) == 0
    assert "<script" not in said
    assert not re.search(r"(?<!\\)\]\(javascript", said)
    assert not re.search(r"(?<!\\)\*\*c", said)
    assert not re.search(r"^# d", said, re.M)
    assert "\u202e" not in said
    assert not re.search(r"@all", said)


@pytest.mark.parametrize("field", ["model", "data", "pool", "part"])
def test_nothing_from_outside_acts(field: str) -> None:
    told = facts(**({field: HOSTILE} if field in ("model", "data") else {}))
    if field == "pool":
        told = replace(told, defences=(Blend(pool=HOSTILE, parts=(HOSTILE,)),))
    if field == "part":
        told = replace(told, job=told.job.adding(row(0, HOSTILE)))
    inert(section(told, [reading(1, {HOSTILE: 1.0}), reading(2, {HOSTILE: 2.0}, stopped={"limits": [HOSTILE]})]))


@settings(deadline=None, max_examples=60)
@example("~0")
@given(st.text(max_size=60))
def test_tables_keep_their_form_whatever_the_names(text: str) -> None:
    plain, odd = section(facts()).splitlines(), section(facts(data=text)).splitlines()
    bars = [[len(re.findall(r"(?<!\\)\|", line)) for line in lines] for lines in (plain, odd)]
    assert bars[0] == bars[1]


def test_of_a_place_on_this_machine_only_the_last_part_is_said(tmp_path: Path) -> None:
    rows = tmp_path / "private-folder" / "rows.jsonl"
    rows.parent.mkdir()
    rows.write_text("{}")
    said = section(facts(data=str(rows), model="/home/somebody/models/base"))
    assert "rows.jsonl" in said
    assert "| base model | base, weights" in said
    assert "private-folder" not in said
    assert "somebody" not in said


def test_a_readme_that_is_there_stays_and_an_older_section_goes(tmp_path: Path) -> None:
    card = tmp_path / "README.md"
    card.write_text(f"---\nbase_model: x\n---\n# Mine\n\nBefore.\n\n{BEGIN}\nold\n{END}\n\nAfter.\n", encoding="utf-8")
    assert write_card(tmp_path, facts()) == card
    once = card.read_text(encoding="utf-8")
    assert once.startswith("---\nbase_model: x\n---\n# Mine\n\nBefore.\n\nAfter.\n\n" + BEGIN)
    assert "old" not in once.split("How it was tuned")[0]
    write_card(tmp_path, facts())
    assert card.read_text(encoding="utf-8") == once


def test_a_section_that_somebody_cut_in_two_takes_nothing_with_it(tmp_path: Path) -> None:
    card = tmp_path / "README.md"
    card.write_text(f"# Mine\n\n{BEGIN}\nhalf\n\nAfter.\n", encoding="utf-8")
    write_card(tmp_path, facts())
    assert "After." in card.read_text(encoding="utf-8")


def test_without_a_readme_there_is_a_title(tmp_path: Path) -> None:
    folder = tmp_path / "tuned"
    folder.mkdir()
    assert write_card(folder, facts()).read_text(encoding="utf-8").startswith("# tuned\n\n" + BEGIN)


def test_the_monitor_is_summed_up_where_it_ran(tmp_path: Path) -> None:
    lines = [
        {"schema": "tuneward/monitor/1", "scope": WORDS},
        reading(0, {"gap": 0.5, "own/lost": 0.0}),
        reading(40, {"gap": 0.75, "own/lost": 0.2}, broken=["gap>0.7"], stopped={"limits": ["gap>0.7"], "weights": 0}),
    ]
    (tmp_path / "monitor.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    said = write_card(tmp_path, facts()).read_text(encoding="utf-8")
    assert "2 readings of first tokens, at steps 0 to 40." in said
    assert "| gap | 0.5 → 0.75 |" in said
    assert "| own/lost | 0 → 0.2 |" in said
    assert "1 of them were beyond a limit." in said
    assert "| ended early | at step 40 by the monitor (gap&gt;0.7); the weights are those of step 0 |" in said
    assert WORDS not in said
    assert "monitor saw" not in section(facts())


def test_a_broken_monitor_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "monitor.jsonl").write_text('{"step": 1\n')
    with pytest.raises(ValueError, match=r"monitor\.jsonl: not the monitor's lines"):
        write_card(tmp_path, facts())
