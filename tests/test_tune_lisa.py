"""Lisa: whose rows a step has, where it is pulled, and what it does to the number of steps."""

from collections import Counter
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import Parameter

import tuning
from tune_steps import before, job, step, survives, wanted
from tuneward.tune.job import Settings, Step
from tuneward.tune.lisa import Lisa, Turns
from tuneward.tune.order import Shuffled, planned

torch.set_num_threads(1)


def source(tmp_path: Path, count: int = 8) -> str:
    """Safety rows in the words that a tiny model knows."""
    return str(tuning.write_rows(tmp_path / "safety.jsonl", tuning.rows(count, seed=7)))


def test_neutral_settings_are_the_very_job() -> None:
    start = job()
    assert Lisa(align=0)(start) is start
    assert Lisa(align=0, rho=0.0)(start) is start


@pytest.mark.parametrize(
    ("given", "said"),
    [({"align": -1}, "align -1"), ({"task": 0}, "task 0"), ({"rows": 0}, "rows 0"), ({"rho": -1.0}, "rho is"),
     ({"rho": float("inf")}, "rho is")],
)  # fmt: skip
def test_bad_settings_are_errors(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Lisa(**given)


def test_its_rows_are_its_own_part_and_both_languages_are_there() -> None:
    for language in ("en", "zh"):
        made = Lisa(rows=30, language=language)(job())
        assert made.parts() == {"task": 4, "lisa": 30}
        assert made.defences == ("lisa",)
        assert made.order == Turns(100, 900)
        assert len(made.before_step) == 1
    assert Lisa(rows=30, rho=0.0)(job()).before_step == ()


def test_an_order_of_another_defence_is_refused() -> None:
    with pytest.raises(ValueError, match="lisa: has its own order of rows, and Turns is there already"):
        Lisa(rows=8)(replace(job(), order=Turns(1, 1)))
    made = Lisa(rows=8)(replace(job(), order=Shuffled(buckets=False)))
    assert made.order == Turns(100, 900, buckets=False)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 9), st.integers(1, 9), st.integers(0, 99))
def test_turns_have_only_their_rows_and_each_as_often(align: int, task: int, safety: int, own: int, seed: int) -> None:
    parts = ["task", "mix"] * own + ["lisa"] * safety
    lengths = [3 + (7 * n) % 5 for n in range(len(parts))]
    told = Settings(batch=3, seed=seed, steps=999)
    steps = list(islice(Turns(align, task)(lengths, parts, told), 4 * (align + task)))
    for number, rows in enumerate(steps):
        wanted = {"lisa"} if number % (align + task) < align else {"task", "mix"}
        assert {parts[n] for n in rows} <= wanted
    seen = Counter(n for rows in steps for n in rows)
    for kind in ({"lisa"}, {"task", "mix"}):
        counts = [seen[n] for n in range(len(parts)) if parts[n] in kind]
        assert max(counts) - min(counts) <= 1
    assert steps == list(islice(Turns(align, task)(lengths, parts, told), len(steps)))


def test_the_run_has_as_many_steps_as_all_rows_make() -> None:
    """80 task and 20 safety rows, batches of 4, one epoch: 25 steps, of which 5 · (1 of 5) are of safety rows."""
    parts = ["task"] * 80 + ["lisa"] * 20
    steps = planned(Turns(1, 4), [5] * 100, parts, settings=Settings(batch=4))
    assert len(steps) == 25
    assert sum(parts[rows[0]] == "lisa" for rows in steps) == 5


def test_a_run_without_a_task_step_or_without_one_kind_is_refused() -> None:
    parts = ["task"] * 8 + ["lisa"] * 8
    with pytest.raises(ValueError, match=r"about 4 steps and the first 4 are of safety rows.*lower --align"):
        planned(Turns(4, 9), [5] * 16, parts, settings=Settings(batch=4))
    assert len(planned(Turns(3, 9), [5] * 16, parts, settings=Settings(batch=4))) == 4
    with pytest.raises(ValueError, match="about 7 steps"):
        planned(Turns(9, 9), [5] * 16, parts, settings=Settings(batch=4, steps=7))
    with pytest.raises(ValueError, match="lisa: 0 safety rows and 16 of the task are left"):
        planned(Turns(1, 1), [5] * 16, ["task"] * 16, settings=Settings(batch=4))


def test_the_pull_by_hand() -> None:
    """Turns of 1 and 2, 10 steps: quiet in 0 and 1, then to the weights before the latest switch."""
    lisa, weight = Lisa(align=1, task=2, rho=0.5), Parameter(torch.zeros(2))
    memory, found = dict[str, torch.Tensor](), []
    for number in range(10):
        weight.data = torch.tensor([float(number), -2.0 * number])
        weight.grad = torch.zeros(2)
        lisa.pull(step(number, {"w": weight}, memory, steps=10))
        found.append((memory["lisa/w"].tolist(), weight.grad.tolist()))
    last = [0, 1, 1, 3, 4, 4, 6, 7, 7, 9]
    assert [one for one, _ in found] == [[float(n), -2.0 * n] for n in last]
    far = [0 if number <= 1 else number - n for number, n in enumerate(last)]
    assert [grad for _, grad in found] == [[0.5 * n, -1.0 * n] for n in far]


@pytest.mark.parametrize("scale", [1.0, 2048.0])
def test_the_pull_bears_the_scale_of_the_steps_losses(scale: float) -> None:
    weight, memory = Parameter(torch.tensor([3.0])), {"lisa/w": torch.tensor([1.0])}
    Lisa(rho=0.5).pull(step(50, {"w": weight}, memory, backward=lambda loss: (scale * loss).backward()))
    assert weight.grad is not None
    assert (weight.grad / scale).tolist() == [1.0]


def test_steps_of_a_run_have_their_rows_and_the_default_pull_changes_it(tmp_path: Path) -> None:
    """T2."""
    options, safety = wanted(tmp_path, steps=6, full=True, warmup=0.0), source(tmp_path)
    plain, loose = replace(options, out=str(tmp_path / "plain")), replace(options, out=str(tmp_path / "loose"))
    tuning.tune(plain)
    pulled: list[bool] = []

    def note(step: Step) -> None:
        pulled.append(any(bool((w.detach() != step.memory[f"lisa/{n}"]).any()) for n, w in step.trained.items()))

    tuning.tune(options, Lisa(align=2, task=2, rows=8, source=safety), before(note))
    tuning.tune(loose, Lisa(align=2, task=2, rows=8, source=safety, rho=0.0))
    assert pulled == [False, True, False, True, False, True]
    out, free = tuning.weights(tmp_path / "out"), tuning.weights(tmp_path / "loose")
    assert tuning.apart(out, free) > 1e-5
    assert tuning.apart(out, tuning.weights(tmp_path / "plain")) > 1e-3


@pytest.mark.parametrize("kind", tuning.ONE_OF_KINDS)
def test_our_rows_can_be_read_with_either_tokenizer(kind: tuning.Kind, tmp_path: Path) -> None:
    """T4."""
    tuning.saved(tmp_path / "m", kind)
    options = replace(wanted(tmp_path, steps=2, max_length=240, long="cut"), model=str(tmp_path / "m"))
    for language in ("en", "zh"):
        told = replace(options, out=str(tmp_path / language))
        assert tuning.tune(told, Lisa(align=1, task=1, rows=10, language=language)).parts == {"task": 16, "lisa": 10}


@pytest.mark.full
def test_where_it_is_pulled_survives_a_kill(tmp_path: Path) -> None:
    lisa = Lisa(align=2, task=3, rows=8, source=source(tmp_path))
    assert survives(wanted(tmp_path, steps=8, save_every=2), lisa, at=7) < 1e-6
