"""Hidden states kept where they were (methods C8.1): the right position in every layout, relative, and cheap."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import tune_losses
import tuning
from tuneward.chat import Chat, Message
from tuneward.tune.anchor import KNOWN, Anchor, Pull, distance
from tuneward.tune.job import Lesson
from tuneward.tune.safety_rows import asked, safety_lessons

LAYOUTS = {"right": tune_losses.PLAIN} | {name: tune_losses.OTHERS[name] for name in ("left", "packed")}


def test_the_distance_worked_by_hand() -> None:
    """(1 + 4) / 25 and 4 / 1, their mean."""
    states, known = torch.tensor([[4.0, 6.0], [0.0, 3.0]]), torch.tensor([[3.0, 4.0], [0.0, 1.0]])
    assert float(distance(states, known)) == pytest.approx((5 / 25 + 4 / 1) / 2)
    assert float(distance(10 * states, 10 * known)) == pytest.approx((5 / 25 + 4 / 1) / 2)


def anchors(count: int = 3) -> tuple[Lesson, ...]:
    """Prompts of differing lengths, one after an earlier turn."""
    found = [asked(lesson) for lesson in safety_lessons("ours", count=count, seed=0, part="anchor")]
    turns = (Message("user", "a cup ."), Message("assistant", "the red boat ."), *found[0].chat.messages)
    return (replace(found[0], chat=Chat("t", "t", turns)), *found[1:])


def alone(model: Any, lesson: Lesson, *, kind: tuning.Kind, layer: int) -> Tensor:
    """The state at the end of the prompt without any answer, as the library gives it."""
    reader = tune_losses.reader_of(kind)
    ids = torch.tensor([reader.prompt(replace(lesson.chat, messages=lesson.chat.messages[:-1]))])
    with torch.no_grad():
        states = model(input_ids=ids, output_hidden_states=True).hidden_states
    return states[layer][0, -1]  # type: ignore[no-any-return]


@pytest.mark.parametrize("kind", tuning.KINDS)
@pytest.mark.parametrize("layer", [-1, 1, -2])
@pytest.mark.parametrize("name", LAYOUTS)
def test_it_reads_the_last_prompt_token(name: str, layer: int, kind: tuning.Kind) -> None:
    """Methods §8.2: whatever the padding, packing, layer and tokenizer."""
    lessons, other = anchors(), tuning.blank(kind)
    run = tune_losses.Run(tune_losses.moved(kind), other, kind, LAYOUTS[name])
    Pull(Anchor(layer=layer, strength=2.0, every=1), lessons)(run.step())
    known, own = (
        torch.stack([alone(model, lesson, kind=kind, layer=layer) for lesson in lessons])
        for model in (other, run.model)
    )
    assert torch.allclose(run.memory[KNOWN], known, atol=1e-4)
    expected = 2 * ((own - known).double().square().sum(-1) / known.double().square().sum(-1)).mean()
    assert dict(run.noted)["anchor"] == pytest.approx(float(expected), rel=1e-3)
    assert float(expected) > 1e-4


@pytest.mark.parametrize("name", ["left", "packed"])
def test_no_layout_changes_its_gradient(name: str) -> None:
    found = []
    for layout in (LAYOUTS["right"], LAYOUTS[name]):
        run = tune_losses.Run(tune_losses.moved(), tuning.blank(), layout=layout)
        Pull(Anchor(every=1), anchors())(run.step())
        found.append(tune_losses.gradients(run.model))
    assert tune_losses.close(*found)


def test_it_pulls_back() -> None:
    """Steps along its gradient alone bring the states home."""
    run = tune_losses.Run(tune_losses.moved(), tuning.blank())
    pull = Pull(Anchor(strength=1.0, every=1), anchors())
    for number in range(20):
        run.model.zero_grad()
        pull(run.step(number))
        with torch.no_grad():
            for weight in run.model.parameters():
                if weight.grad is not None:
                    weight.sub_(0.02 * weight.grad)
    figures = [value for _, value in run.noted]
    assert figures[-1] < 0.5 * figures[0]
    assert run.asked == 1, "the reference reads the prompts once"


def test_at_the_start_it_is_still() -> None:
    run = tune_losses.Run(tuning.blank(), tuning.blank())
    Pull(Anchor(every=1), anchors())(run.step())
    assert max(float(slope.abs().max()) for slope in tune_losses.gradients(run.model).values()) == 0


@pytest.mark.parametrize("every", [2, 3, 5])
def test_prompts_that_are_read_now_and_then_pull_as_much_on_average(every: int) -> None:
    """Over `every` steps."""
    run = tune_losses.Run(tune_losses.moved(), tuning.blank())
    Pull(Anchor(every=1), anchors())(run.step())
    once = tune_losses.gradients(run.model)
    run.model.zero_grad()
    run.memory.clear()
    turns = Pull(Anchor(every=every), anchors())
    for number in range(every):
        turns(run.step(number))
    whole = tune_losses.gradients(run.model)
    assert tune_losses.close({name: every * one for name, one in once.items()}, whole, within=1e-4)
    asked_for = run.asked
    turns(run.step(2 * every - 1))
    assert asked_for == 2
    assert run.asked == asked_for, "the reference reads each prompt once"


def test_ours_are_short() -> None:
    """Their length is what they cost."""
    work = Anchor(prompts=4)(tune_losses.job_of()).before_step[0]
    assert isinstance(work, Pull)
    lengths = sorted(len(lesson.chat.prompt) for lesson in safety_lessons("ours", count=16, seed=0, part="x"))
    assert [len(lesson.chat.prompt) for lesson in work.lessons] == lengths[:4]


@pytest.mark.parametrize("layer", [3, -3])
def test_a_layer_that_is_not_there_is_refused(layer: int) -> None:
    (check,) = Anchor(layer=layer)(tune_losses.job_of()).checks
    with pytest.raises(ValueError, match=f"layer is {layer}, and the model has 2; expected 1 to 2, or -1 to -2"):
        check(tuning.blank())


def test_no_strength_is_the_same_job() -> None:
    job = tune_losses.job_of()
    assert Anchor(strength=0)(job) is job
    changed = Anchor()(job)
    assert (changed.defences, changed.needs, len(changed.before_step)) == (("anchor",), "model", 1)
    assert changed.terms == job.terms


@pytest.mark.parametrize(
    "setting", [{"strength": -1.0}, {"strength": float("nan")}, {"prompts": 0}, {"every": 0}, {"layer": 0}]
)
def test_bad_settings_are_refused(setting: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(setting))} is"):
        Anchor(**setting)


@pytest.mark.parametrize("full", [False, True])
def test_a_run_differs_and_accumulation_does_not_matter(full: bool, tmp_path: Path) -> None:
    """T1, T2; an adapter's reference is the model under it, full tuning's a copy."""
    data = tuning.write_rows(tmp_path / "rows.jsonl", tuning.rows(24))
    options = tuning.options(tuning.saved(tmp_path / "model"), data, tmp_path / "plain")
    options = replace(options, full=full, rate=1e-3 if full else 1e-2)
    tuning.tune(options)
    tuning.tune(replace(options, out=str(tmp_path / "once")), Anchor(every=1))
    tuning.tune(replace(options, out=str(tmp_path / "four"), accumulate=4), Anchor(every=1))
    plain, once, four = (tuning.weights(tmp_path / name) for name in ("plain", "once", "four"))
    assert tuning.apart(plain, once) > 1e-4
    assert tuning.apart(once, four) < 0.05 * tuning.apart(plain, once)
