"""The loss of safety rows held below a limit (methods C8.3–4): inactive it is nothing, active it is what it says."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from torch import Tensor

import tune_losses
import tuning
from tuneward.chat import Chat
from tuneward.tune.hinge import LIMIT, MARGIN, Begin, Gate, Hinge, Project, safety_loss
from tuneward.tune.job import Lesson, Step
from tuneward.tune.safety_rows import safety_lessons

ROWS = safety_lessons("ours", count=3, seed=0, part="hinge")
MODES: tuple[Literal["gate", "project"], ...] = ("gate", "project")


class Line(torch.nn.Module):
    """ℓ = a · θ + b · ϑ, over two tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.one = torch.nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
        self.other = torch.nn.Parameter(torch.tensor([[3.0]], dtype=torch.float64))
        self.unused = torch.nn.Parameter(torch.ones(2, dtype=torch.float64))

    def loss(self) -> Tensor:
        """2 · 1 − 1 · (−2) + .5 · 3 = 5.5; its gradient has the square 4 + 1 + .25."""
        return (torch.tensor([2.0, -1.0], dtype=torch.float64) * self.one).sum() + 0.5 * self.other.sum()


class Told:
    """As much of a pass as the loss asks for."""

    def __init__(self, loss: Tensor) -> None:
        self.log_probs = -loss[None]

    def weight(self) -> Tensor:
        """One token."""
        return torch.ones(1)


def linear(memory: dict[str, Tensor]) -> tuple[Line, Step]:
    """A step of the linear model."""
    model = Line()

    def read(_lessons: Sequence[Lesson]) -> Any:
        return Told(model.loss())

    step = Step(
        number=0,
        steps=1,
        model=model,
        trained=dict(model.named_parameters()),
        memory=memory,
        rate=1e-3,
        backward=lambda loss: loss.backward(),
        read=read,
        reference=lambda: None,
        log=lambda _name, _value: None,
    )
    return model, step


def test_a_projection_ends_at_the_limit_of_a_linear_loss() -> None:
    """Methods §8.5: θ − (ℓ − τ) / ‖g‖² g over all tensors together, and no gradient is left behind."""
    model, step = linear({})
    Project(Hinge("project", threshold=4.0), ROWS)(step)
    assert float(model.loss().detach()) == pytest.approx(4.0, abs=1e-12)
    assert model.one.tolist() == pytest.approx([1 - 2 * 1.5 / 5.25, -2 + 1.5 / 5.25])
    assert model.unused.tolist() == [1, 1]
    assert model.one.grad is None


def test_a_projection_is_no_longer_than_allowed() -> None:
    model, step = linear({})
    Project(Hinge("project", threshold=4.0, largest=0.1), ROWS)(step)
    assert float(model.loss().detach()) == pytest.approx(5.5 - 0.1 * 5.25)


def test_half_the_strength_goes_half_the_way() -> None:
    model, step = linear({})
    Project(Hinge("project", threshold=4.0, strength=0.5), ROWS)(step)
    assert float(model.loss().detach()) == pytest.approx(4.75)


def test_below_the_limit_nothing_moves() -> None:
    model, step = linear({})
    Project(Hinge("project", threshold=5.5), ROWS)(step)
    assert float(model.loss().detach()) == 5.5
    Gate(Hinge(threshold=5.5), ROWS)(step)
    assert model.one.grad is None


def test_weights_that_stand_still_are_left_alone() -> None:
    """As in a stage in which only some learn."""
    model, step = linear({})
    model.one.requires_grad_(False)
    Project(Hinge("project", threshold=5.4), ROWS)(step)
    assert model.one.tolist() == [1, -2]
    assert float(model.loss().detach()) == pytest.approx(5.4)


def test_the_gate_adds_the_gradient_of_what_is_above() -> None:
    model, step = linear({})
    Gate(Hinge(threshold=4.0, strength=3.0, every=2), ROWS)(step)
    assert model.one.grad is not None
    assert model.one.grad.tolist() == [2 * 3 * 2, 2 * 3 * -1]
    model.zero_grad()
    Gate(Hinge(threshold=4.0, strength=3.0, every=2), ROWS)(replace(step, number=1))
    assert model.one.grad is None


@pytest.mark.parametrize("mode", MODES)
def test_the_limit_is_where_the_run_began(mode: str) -> None:
    """And it stays there, over steps and kills."""
    run = tune_losses.Run(tuning.blank(), tuning.blank())
    begun = float(safety_loss(run.step(), ROWS).detach())
    work: Any = Gate(Hinge(), ROWS) if mode == "gate" else Begin(ROWS)
    work(run.step(0))
    assert not tune_losses.gradients(run.model)
    run.model.load_state_dict(tune_losses.moved(by=0.3).state_dict())
    work(run.step(1))
    assert float(run.memory[LIMIT]) == pytest.approx(begun + MARGIN)


def test_the_loss_is_a_mean_over_learnt_tokens() -> None:
    run = tune_losses.Run(tuning.blank(), tuning.blank())
    total, tokens = 0.0, 0
    for lesson in ROWS:
        row = run.reader.sequences(lesson, 0)[0]
        with torch.no_grad():
            logits = run.model(input_ids=torch.tensor([row.ids])).logits[0].double().log_softmax(-1)
        for at, place in enumerate(row.place):
            if place:
                total, tokens = total - float(logits[at - 1, row.ids[at]]), tokens + 1
    assert float(safety_loss(run.step(), ROWS).detach()) == pytest.approx(total / tokens, rel=1e-5)


@pytest.mark.parametrize("kind", tuning.KINDS)
@pytest.mark.parametrize("name", ["left", "packed"])
def test_no_layout_changes_it(name: str, kind: tuning.Kind) -> None:
    """T4: with two tokenizers."""
    found = []
    for layout in (tune_losses.PLAIN, tune_losses.OTHERS[name]):
        run = tune_losses.Run(tune_losses.moved(kind), tuning.blank(kind), kind, layout)
        Gate(Hinge(threshold=0.0), ROWS)(run.step())
        found.append((run.noted[0][1], tune_losses.gradients(run.model)))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    assert tune_losses.close(found[0][1], found[1][1])


def test_a_projection_brings_a_models_loss_down() -> None:
    run = tune_losses.Run(tune_losses.moved(), tuning.blank())
    before = float(safety_loss(run.step(), ROWS).detach())
    Project(Hinge("project", threshold=before - 0.05), ROWS)(run.step())
    after = float(safety_loss(run.step(), ROWS).detach())
    assert after == pytest.approx(before - 0.05, abs=0.01)


def test_no_strength_is_the_same_job() -> None:
    job = tune_losses.job_of()
    assert Hinge(strength=0)(job) is job
    assert Hinge("project", strength=0)(job) is job
    gate, project, fixed = (Hinge(*one)(job) for one in (("gate",), ("project",), ("project", 0.5)))  # type: ignore[arg-type]
    assert [len(one.before_step) for one in (gate, project, fixed)] == [1, 1, 0]
    assert [len(one.after_step) for one in (gate, project, fixed)] == [0, 1, 1]
    assert gate.defences == project.defences == ("hinge",)
    assert gate.needs == project.needs == ""


@pytest.mark.parametrize(
    "setting",
    [
        {"strength": -1.0},
        {"strength": float("nan")},
        {"mode": "project", "strength": 1.5},
        {"mode": "both"},
        {"threshold": -0.1},
        {"largest": 0.0},
        {"rows": 0},
        {"every": 0},
    ],
)
def test_bad_settings_are_refused(setting: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{list(setting)[-1]} is"):
        Hinge(**setting)


def test_runs(tmp_path: Path) -> None:
    """A gate that never closes is plain fine-tuning bit for bit; one that does is not (T2), and T1."""
    data = tuning.write_rows(tmp_path / "rows.jsonl", tuning.rows(24))
    options = tuning.options(tuning.saved(tmp_path / "model"), data, tmp_path / "plain")
    tuning.tune(options)
    for name, one in {
        "open": Hinge(threshold=1e6),
        "far": Hinge("project", threshold=1e6),
        "gate": Hinge(threshold=0.0),
        "project": Hinge("project", threshold=0.0),
    }.items():
        tuning.tune(replace(options, out=str(tmp_path / name)), one)
    tuning.tune(replace(options, out=str(tmp_path / "four"), accumulate=4), Hinge(threshold=0.0))
    found = {path.name: tuning.weights(path) for path in tmp_path.iterdir() if (path / "curves.jsonl").is_file()}
    assert tuning.same(found["plain"], found["open"])
    assert tuning.same(found["plain"], found["far"])
    assert tuning.apart(found["plain"], found["gate"]) > 1e-4
    assert tuning.apart(found["plain"], found["project"]) > 1e-4
    assert tuning.apart(found["gate"], found["four"]) < 0.05 * tuning.apart(found["plain"], found["gate"])


def test_at_its_defaults_it_acts_once_safety_rows_suffer(tmp_path: Path) -> None:
    """T2: a model that has learnt to answer them unlearns it at a high rate, and less so with the defence."""
    asked = [
        Chat(chat.id, chat.id, chat.messages[:1]).answered("the house is warm .") for chat in tuning.rows(16, seed=5)
    ]
    safe = tuning.write_rows(tmp_path / "safe.jsonl", asked)
    data = tuning.write_rows(tmp_path / "rows.jsonl", tuning.rows(24))
    first = tuning.options(tuning.saved(tmp_path / "blank"), safe, tmp_path / "aligned")
    tuning.tune(replace(first, full=True, rate=1e-2, steps=20))
    options = replace(first, model=str(tmp_path / "aligned"), data=str(data), rate=3e-2, steps=6)
    tuning.tune(replace(options, out=str(tmp_path / "plain")))
    plain = tuning.weights(tmp_path / "plain")
    for mode in MODES:
        tuning.tune(replace(options, out=str(tmp_path / mode)), Hinge(mode, source=str(safe)))
        assert tuning.apart(plain, tuning.weights(tmp_path / mode)) > 1e-3
        assert any(line.get("loss/hinge", 0) > 0 for line in tuning.curves(tmp_path / mode))
