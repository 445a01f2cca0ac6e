"""L2: its gradient beside float64 of the direct formula, for weights and for products of an adapter."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch.nn import Parameter

import tuning
from tune_steps import before, job, step, survives, wanted
from tuneward.tune.job import Step
from tuneward.tune.l2 import L2, pairs, product_distance
from tuneward.tune.staged import Staged

torch.set_num_threads(1)


def adapted(*, drawn: bool = True, **more: Any) -> Any:
    settings = {"r": 2, "lora_alpha": 6, "target_modules": "all-linear"} | more
    model = get_peft_model(tuning.blank(), LoraConfig(task_type="CAUSAL_LM", **settings))
    if drawn:
        draw(model, seed=1)
    return model


def draw(model: Any, *, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for weight in model.parameters():
        if weight.requires_grad:
            weight.data.add_(0.3 * torch.randn(weight.shape, generator=generator))


def at(model: Any, memory: dict[str, torch.Tensor], *, number: int = 0, **other: Any) -> Step:
    return step(number, dict(model.named_parameters()), memory, model=model, **other)


def products(model: Any) -> list[torch.Tensor]:
    return [scale * b.double() @ a.double() for b, a, scale in pairs(model)]


def test_strength_zero_is_the_very_job() -> None:
    start = job()
    assert L2(0.0)(start) is start
    assert L2()(start).defences == ("l2",)


@pytest.mark.parametrize("strength", [-1.0, math.inf, math.nan])
def test_bad_strengths_are_errors(strength: float) -> None:
    with pytest.raises(ValueError, match="strength is"):
        L2(strength)


def test_two_weights_by_hand() -> None:
    """From (1, 2) to (3, 1) at strength .5: value .25 · 5 = 1.25, gradient .5 · (2, −1), added to (10, 10)."""
    weight, memory, told = Parameter(torch.tensor([1.0, 2.0])), dict[str, torch.Tensor](), dict[str, float]()
    L2(0.5).pull(step(0, {"w": weight}, memory, log=told.__setitem__))
    assert told == {"l2": 0.0}
    assert weight.grad is not None
    assert weight.grad.tolist() == [0.0, 0.0]
    weight.data = torch.tensor([3.0, 1.0])
    weight.grad = torch.tensor([10.0, 10.0])
    L2(0.5).pull(step(1, {"w": weight}, memory, log=told.__setitem__))
    assert told == {"l2": 1.25}
    assert weight.grad.tolist() == [11.0, 9.5]
    assert memory["l2/w"].tolist() == [1.0, 2.0]


@pytest.mark.parametrize("scale", [1.0, 1024.0])
def test_its_gradient_bears_the_scale_of_the_steps_losses(scale: float) -> None:
    """T1: under an fp16 loss scaler the spring is as strong as without."""
    weight, memory = Parameter(torch.tensor([1.0])), {"l2/w": torch.tensor([0.0])}
    L2(0.5).pull(step(1, {"w": weight}, memory, backward=lambda loss: (scale * loss).backward()))
    assert weight.grad is not None
    assert (weight.grad / scale).tolist() == [0.5]


@pytest.mark.parametrize("more", [{}, {"use_rslora": True}, {"r": 5, "modules_to_save": ["lm_head"]}])
def test_gradient_and_value_are_those_of_the_direct_formula(more: dict[str, Any]) -> None:
    model, memory, told = adapted(**more), dict[str, torch.Tensor](), dict[str, float]()
    L2(0.3).pull(at(model, memory))
    start = [one.clone().detach() for one in products(model)]
    kept = {n: w.detach().double().clone() for n, w in model.named_parameters() if w.requires_grad and "lora" not in n}
    draw(model, seed=2)
    model.zero_grad()
    L2(0.3).pull(at(model, memory, number=1, log=told.__setitem__))
    found = {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.requires_grad}
    value = sum(((now - then) ** 2).sum() for now, then in zip(products(model), start, strict=True))
    value = value + sum(((dict(model.named_parameters())[n].double() - w) ** 2).sum() for n, w in kept.items())
    model.zero_grad()
    (0.15 * value).backward()
    assert told["l2"] == pytest.approx(0.15 * float(value.detach()), rel=1e-5)
    for name, grad in found.items():
        want = dict(model.named_parameters())[name].grad
        assert torch.allclose(grad.double(), want.double(), rtol=1e-4, atol=1e-5), name
    assert len(kept) == len(more.get("modules_to_save", ()))


def test_a_new_adapter_starts_at_no_distance_and_the_squared_norm_is_that_of_its_products() -> None:
    model, memory, told = adapted(drawn=False), dict[str, torch.Tensor](), dict[str, float]()
    L2(1.0).pull(at(model, memory, log=told.__setitem__))
    assert told["l2"] == 0.0
    draw(model, seed=3)
    L2(1.0).pull(at(model, memory, number=1, log=told.__setitem__))
    assert told["l2"] == pytest.approx(float(sum((one.detach() ** 2).sum() for one in products(model))) / 2, rel=1e-5)


def test_the_distance_of_products_has_no_product() -> None:
    generator = torch.Generator().manual_seed(0)
    b, a, b0, a0 = (torch.randn(s, generator=generator) for s in ((6, 2), (2, 5), (6, 3), (3, 5)))
    want = ((b @ a - b0 @ a0) ** 2).sum()
    assert float(product_distance((b, a), (b0, a0))) == pytest.approx(float(want), rel=1e-5)


def test_scales_come_from_the_layers_of_the_adapter() -> None:
    assert {scale for *_, scale in pairs(adapted())} == {3.0}
    assert {scale for *_, scale in pairs(adapted(use_rslora=True))} == {6 / math.sqrt(2)}
    assert len(list(pairs(adapted()))) == 14


def test_only_factors_that_learn_are_pulled() -> None:
    model = adapted()
    for name, weight in model.named_parameters():
        weight.requires_grad_("lora_B" in name)
    memory: dict[str, torch.Tensor] = {}
    L2(1.0).pull(at(model, memory))
    draw(model, seed=4)
    L2(1.0).pull(at(model, memory, number=1))
    for name, weight in model.named_parameters():
        assert (weight.grad is not None and bool(weight.grad.any())) == ("lora_B" in name), name


@pytest.mark.parametrize("full", [True, False])
def test_the_default_changes_what_is_learnt_and_a_strong_one_keeps_the_weights(full: bool, tmp_path: Path) -> None:
    """T2."""
    options = wanted(tmp_path, steps=6, full=full)
    plain, far = replace(options, out=str(tmp_path / "plain")), dict[str, float]()
    last: list[float] = []
    tuning.tune(plain)
    for strength in (0.01, 100.0):
        out = replace(options, out=str(tmp_path / f"{strength}"))
        tuning.tune(out, L2(strength))
        far[out.out] = tuning.apart(tuning.weights(Path(out.out)), tuning.weights(tmp_path / "plain"))
        assert far[out.out] > 1e-6
        last.append(tuning.curves(Path(out.out))[-1]["loss/l2"] / strength)
    assert last[1] < last[0]


def test_the_spring_is_the_same_however_a_step_is_divided(tmp_path: Path) -> None:
    """T1."""
    found = {}
    for parts in (1, 4):
        options = wanted(tmp_path, name=f"{parts}", accumulate=parts, full=True)
        tuning.tune(options, L2(10.0))
        found[parts] = tuning.weights(tmp_path / f"{parts}")
    assert tuning.apart(found[1], found[4]) < 1e-4


@pytest.mark.full
@pytest.mark.parametrize("full", [True, False])
def test_starts_survive_a_kill(full: bool, tmp_path: Path) -> None:
    assert survives(wanted(tmp_path, steps=6, save_every=2, full=full), L2(1.0), at=5) < 1e-6


def test_weights_of_a_later_stage_are_pulled_to_the_models_own(tmp_path: Path) -> None:
    held: dict[str, torch.Tensor] = {}
    tuning.tune(
        wanted(tmp_path, steps=4, full=True),
        Staged("head", share=0.5),
        L2(1.0),
        before(lambda s: held.update(s.memory)),
    )
    start = tuning.weights(tmp_path / "model")
    assert {name.removeprefix("l2/") for name in held} == set(start)
    assert all(torch.equal(one, start[name.removeprefix("l2/")]) for name, one in held.items())
