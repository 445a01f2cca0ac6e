"""SafeGrad: the projection by hand, under a loss scale, and alike however a step is divided."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import Parameter

import tuning
from tune_steps import change, job, step, survives, wanted
from tuneward.tune.job import Job, Lesson, Step
from tuneward.tune.passes import Seen
from tuneward.tune.safegrad import SafeGrad, Surgery, combined, divergence

torch.set_num_threads(1)


def source(tmp_path: Path, count: int = 20) -> str:
    """Safety rows in the words that a tiny model knows."""
    return str(tuning.write_rows(tmp_path / "safety.jsonl", tuning.rows(count, seed=7)))


def gradients(*values: Any) -> dict[str, Parameter]:
    found = {}
    for number, value in enumerate(values):
        found[f"w{number}"] = Parameter(torch.zeros(2))
        found[f"w{number}"].grad = None if value is None else torch.tensor(value)
    return found


def seen(logits: torch.Tensor, reference: torch.Tensor) -> Seen:
    n = len(logits)
    return Seen(
        None, logits, torch.zeros(n), torch.zeros(n), torch.ones(n), torch.zeros(n), lambda mask: reference[mask]
    )  # type: ignore[arg-type]


def test_strength_zero_is_the_very_job() -> None:
    start = job()
    assert SafeGrad(0.0)(start) is start
    made = SafeGrad()(start)
    assert (made.needs, made.defences, made.lessons) == ("model", ("safegrad",), start.lessons)


@pytest.mark.parametrize(
    ("given", "said"),
    [({"strength": -1.0}, "strength is"), ({"strength": math.inf}, "strength is"), ({"rows": 19}, "rows 19"),
     ({"batch": 0}, "batch 0"), ({"batch": 21}, "batch 21")],
)  # fmt: skip
def test_bad_settings_are_errors(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SafeGrad(**given)


@pytest.mark.parametrize(
    ("task", "safe", "strength", "want"),
    [
        ((1.0, 0.0), (1.0, 1.0), 1.0, (2.0, 1.0)),  # they agree: only added
        ((1.0, 0.0), (0.0, 2.0), 0.5, (1.0, 1.0)),  # at right angles
        ((1.0, 0.0), (-1.0, 1.0), 1.0, (-0.5, 1.5)),  # 〈g, a〉 = −1, ‖a‖² = 2: g + a / 2 = (.5, .5), and a
        ((3.0, -4.0), (0.0, 2.0), 2.0, (3.0, 4.0)),  # loses all of −4, gets 4
        ((1.0, 2.0), (0.0, 0.0), 1.0, (1.0, 2.0)),  # no safety gradient yet
    ],
)
def test_two_weights_by_hand(task: Any, safe: Any, strength: float, want: Any) -> None:
    trained = gradients(safe)
    against = combined(trained, {"w0": torch.tensor(task)}, strength=strength)
    assert trained["w0"].grad is not None
    assert trained["w0"].grad.tolist() == list(want)
    assert against == (task[0] * safe[0] + task[1] * safe[1] < 0)


def test_inner_products_are_over_all_weights_together() -> None:
    """Of the first weight alone they agree, of both together they do not: 1 − 3 = −2 over 1 + 1."""
    trained = gradients((1.0, 0.0), (0.0, 1.0))
    assert combined(trained, {"w0": torch.tensor([1.0, 0.0]), "w1": torch.tensor([0.0, -3.0])}, strength=1.0)
    assert [weight.grad.tolist() for weight in trained.values()] == [[3.0, 0.0], [0.0, -1.0]]  # type: ignore[union-attr]


def test_weights_that_only_one_of_the_two_reaches() -> None:
    trained = gradients(None, (2.0, 0.0), None)
    combined(trained, {"w0": torch.tensor([5.0, 6.0]), "w1": None, "w2": None}, strength=0.5)
    assert [None if w.grad is None else w.grad.tolist() for w in trained.values()] == [[5.0, 6.0], [1.0, 0.0], None]


@pytest.mark.parametrize("seed", range(5))
def test_what_is_left_of_the_task_no_longer_goes_against_safety(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    g, a = (torch.randn(50, generator=generator, dtype=torch.float64) for _ in range(2))
    a = a if float(g @ a) < 0 else -a
    weight = Parameter(torch.zeros(50, dtype=torch.float64))
    weight.grad = a.clone()
    combined({"w": weight}, {"w": g.clone()}, strength=0.7)
    assert weight.grad is not None
    left = weight.grad - 0.7 * a
    assert float(left @ a) == pytest.approx(0.0, abs=1e-9)
    assert torch.allclose(left, g - (g @ a) / (a @ a) * a)


def test_the_divergence_is_from_the_reference_to_the_model() -> None:
    """Half and half against .9 and .1 is ½ ln(.5/.9) + ½ ln(.5/.1); the other position agrees; the mean is half."""
    own = torch.log(torch.tensor([[0.9, 0.1], [0.3, 0.7]])).requires_grad_(True)
    reference = torch.log(torch.tensor([[0.5, 0.5], [0.3, 0.7]]))
    want = 0.5 * (0.5 * math.log(0.5 / 0.9) + 0.5 * math.log(0.5 / 0.1))
    loss = divergence(seen(own, reference))
    assert float(loss.detach()) == pytest.approx(want, rel=1e-6)
    loss.backward()
    assert own.grad is not None
    assert torch.allclose(own.grad, torch.tensor([[0.2, -0.2], [0.0, 0.0]]), atol=1e-6)  # (p − reference) / 2


@pytest.mark.parametrize("scale", [1.0, 65536.0])
def test_a_loss_scale_falls_out(scale: float) -> None:
    """T1: scaled gradients of the task and of safety give the scaled result."""
    weight = Parameter(torch.tensor([0.2, -0.1]))
    weight.grad = scale * torch.tensor([1.0, -3.0])

    def read(_: Any) -> Seen:
        return seen(weight[None], torch.tensor([[-1.0, 2.0]]))

    told: dict[str, float] = {}
    surgery = Surgery(tuple(Lesson(chat) for chat in tuning.rows(4)), 0.5, 2)
    surgery(
        step(0, {"w": weight}, {}, read=read, backward=lambda loss: (scale * loss).backward(), log=told.__setitem__)
    )
    p, q = torch.softmax(torch.tensor([0.2, -0.1]), 0), torch.softmax(torch.tensor([-1.0, 2.0]), 0)
    g, a = torch.tensor([1.0, -3.0]), p - q
    assert float(g @ a) > 0
    assert weight.grad is not None
    assert torch.allclose(weight.grad / scale, g + 0.5 * a, atol=1e-5)
    assert told["safegrad/conflict"] == 0.0
    weight.grad = scale * torch.tensor([-1.0, 3.0])
    surgery(
        step(1, {"w": weight}, {}, read=read, backward=lambda loss: (scale * loss).backward(), log=told.__setitem__)
    )
    assert torch.allclose(weight.grad / scale, -g + (g @ a) / (a @ a) * a + 0.5 * a, atol=1e-5)
    assert told["safegrad/conflict"] == 1.0


def test_rows_take_turns_by_the_number_of_the_step() -> None:
    lessons = tuple(Lesson(chat) for chat in tuning.rows(5))
    surgery = Surgery(lessons, 1.0, 2)
    assert [[lessons.index(one) for one in surgery.turn(n)] for n in range(4)] == [[0, 1], [2, 3], [4, 0], [1, 2]]


def test_gradients_in_pieces_are_refused_in_a_line() -> None:
    """Under DeepSpeed no weight has a gradient of its own."""
    surgery = Surgery(tuple(Lesson(chat) for chat in tuning.rows(2)), 1.0, 1)
    with pytest.raises(ValueError, match=r"safegrad: needs whole gradients, and FSDP or DeepSpeed"):
        surgery(step(0, gradients(None, None), {}))
    marked = gradients((1.0, 1.0))
    marked["w0"].ds_id = 3  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="in pieces"):
        surgery(step(0, marked, {}))


@pytest.mark.parametrize("full", [True, False])
def test_the_default_changes_what_is_learnt(full: bool, tmp_path: Path) -> None:
    """T2; its figures are in the curves."""
    options = wanted(tmp_path, steps=6, full=full)
    plain = replace(options, out=str(tmp_path / "plain"))
    tuning.tune(plain)
    tuning.tune(options, SafeGrad(source=source(tmp_path)))
    assert tuning.apart(tuning.weights(tmp_path / "out"), tuning.weights(tmp_path / "plain")) > 1e-3
    lines = tuning.curves(tmp_path / "out")
    assert lines[0]["loss/safegrad"] == pytest.approx(0.0, abs=1e-5)
    assert lines[-1]["loss/safegrad"] > 1e-4
    assert all(line["loss/safegrad/conflict"] in (0.0, 1.0) for line in lines)


@pytest.mark.full
def test_it_keeps_the_model_nearer_to_the_reference_on_its_rows(tmp_path: Path) -> None:
    options, far = wanted(tmp_path, steps=20, rate=3e-3), []
    for strength in (1e-9, 5.0):
        out = replace(options, out=str(tmp_path / f"{strength}"))
        tuning.tune(out, SafeGrad(strength, source=source(tmp_path), batch=20))
        far.append(tuning.curves(Path(out.out))[-1]["loss/safegrad"])
    assert far[1] < far[0]


@pytest.mark.parametrize("kind", tuning.ONE_OF_KINDS)
def test_the_same_update_however_a_step_is_divided(kind: tuning.Kind, tmp_path: Path) -> None:
    """T1 and T4: gradients as they go to the optimiser; at one learnt adapter, for 1, 2 and 8 micro-batches."""
    tuning.saved(tmp_path / "m", kind)
    found: dict[int, list[dict[str, torch.Tensor]]] = {}
    for parts in (1, 2, 8):
        options = replace(wanted(tmp_path, name=f"{parts}", accumulate=parts, steps=3), model=str(tmp_path / "m"))
        kept = tuning.Gradients()
        tuning.tune(replace(options, rate=1e-3), SafeGrad(source=source(tmp_path)), kept)
        found[parts] = list(kept.found)
    for parts in (2, 8):
        for one, other in zip(found[1], found[parts], strict=True):
            size = max(float(grad.abs().max()) for grad in one.values())
            assert tuning.apart(one, other) < 1e-3 * size


def test_dropout_is_off_for_its_rows_and_on_again_afterwards(tmp_path: Path) -> None:
    """The gradient must be the same on every device."""
    held: list[bool] = []

    def watched(job: Job) -> Job:
        (surgery,) = job.before_step

        def work(step: Step) -> None:
            def read(lessons: Any) -> Seen:
                held.append(step.model.training)
                return step.read(lessons)

            surgery(replace(step, read=read))
            held.append(step.model.training)

        return replace(job, before_step=(work,))

    tuning.tune(wanted(tmp_path, steps=2, dropout=0.3), SafeGrad(source=source(tmp_path)), change(watched))
    assert held == [False, True, False, True]


@pytest.mark.full
def test_it_survives_a_kill(tmp_path: Path) -> None:
    options = wanted(tmp_path, steps=6, save_every=2)
    assert survives(options, SafeGrad(source=source(tmp_path)), at=5) < 1e-6
