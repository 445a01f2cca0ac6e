"""EMA: the average by hand, of factors and of products, over stages, and through a checkpoint."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import Parameter

import tuning
from tune_steps import after, change, job, step, survives, wanted
from tuneward.tune.ema import EMA, factors, partner
from tuneward.tune.job import Finished, Job, Stage

torch.set_num_threads(1)
ADAPTED = {"q.lora_A.default.weight": (2, 5), "q.lora_B.default.weight": (4, 2), "norm.weight": (3,)}


def walk(one: EMA, shapes: dict[str, tuple[int, ...]], count: int = 6) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Weights after each step, and what the average writes."""
    drawn = torch.Generator().manual_seed(3)
    weights = {name: Parameter(torch.randn(shape, generator=drawn)) for name, shape in shapes.items()}
    memory: dict[str, torch.Tensor] = {}
    seen = []
    for number in range(count):
        for weight in weights.values():
            weight.data.add_(torch.randn(weight.shape, generator=drawn))
        seen.append({name: weight.detach().double().clone() for name, weight in weights.items()})
        one.update(step(number, weights, memory))
    one.write(Finished(None, weights, memory, Path()))
    return seen, {name: weight.detach() for name, weight in weights.items()}


def average(values: list[torch.Tensor], decay: float) -> torch.Tensor:
    found = values[0]
    for value in values[1:]:
        found = decay * found + (1 - decay) * value
    return found


def test_decay_zero_is_the_very_job() -> None:
    before = job()
    assert EMA(0.0)(before) is before
    assert EMA()(before).defences == ("ema",)


@pytest.mark.parametrize("decay", [-0.1, 1.0, 2.0, float("nan")])
def test_decays_outside_0_to_1_are_errors(decay: float) -> None:
    with pytest.raises(ValueError, match="decay is"):
        EMA(decay)


def test_the_decay_follows_the_length_of_the_run() -> None:
    assert EMA().kept(100) == pytest.approx(0.8)
    assert EMA().kept(1000) == pytest.approx(0.98)
    assert EMA().kept(10**6) == 0.999
    assert EMA().kept(10) == 0.0
    assert EMA(0.3).kept(10) == 0.3


def test_a_run_too_short_for_the_default_is_refused_in_a_line() -> None:
    """T2: an average over two steps or fewer would be plain fine-tuning under another name."""
    weights = {"w": Parameter(torch.zeros(1))}
    with pytest.raises(ValueError, match=r"ema: a tenth of 20 steps is too short.*--decay"):
        EMA().check(step(0, weights, {}, steps=20))
    EMA().check(step(0, weights, {}, steps=21))
    EMA(0.5).check(step(0, weights, {}, steps=2))


def test_two_weights_by_hand() -> None:
    """1, 2 → decay .5: after 1 → (1, 2), after (3, 6) → (2, 4), after (5, 0) → (3.5, 2)."""
    weight, memory = Parameter(torch.tensor([1.0, 2.0])), dict[str, torch.Tensor]()
    for number, value in enumerate([(1.0, 2.0), (3.0, 6.0), (5.0, 0.0)]):
        weight.data = torch.tensor(value)
        EMA(0.5).update(step(number, {"w": weight}, memory))
    assert memory["ema/w"].tolist() == [3.5, 2.0]
    EMA(0.5).write(Finished(None, {"w": weight}, memory, Path()))
    assert weight.tolist() == [3.5, 2.0]


@pytest.mark.parametrize("decay", [0.3, 0.9])
def test_factors_are_averaged_on_their_own(decay: float) -> None:
    seen, written = walk(EMA(decay), ADAPTED)
    for name in ADAPTED:
        assert torch.allclose(written[name].double(), average([one[name] for one in seen], decay), atol=1e-6)


@pytest.mark.parametrize("decay", [0.3, 0.9])
def test_the_product_is_the_best_of_its_rank_for_the_average_of_products(decay: float) -> None:
    seen, written = walk(EMA(decay, of="product"), ADAPTED)
    a, b, norm = ADAPTED
    want = average([one[b] @ one[a] for one in seen], decay)
    left, values, right = torch.linalg.svd(want, full_matrices=False)
    nearest = (left[:, :2] * values[:2]) @ right[:2]
    assert torch.allclose((written[b] @ written[a]).double(), nearest, atol=1e-5)
    assert torch.allclose(written[norm].double(), average([one[norm] for one in seen], decay), atol=1e-6)


def test_nearly_no_decay_gives_the_last_weights_back() -> None:
    for of in ("factors", "product"):
        seen, written = walk(EMA(1e-9, of=of), ADAPTED)
        a, b, norm = ADAPTED
        assert torch.allclose(written[b] @ written[a], (seen[-1][b] @ seen[-1][a]).float(), atol=1e-5)
        assert torch.allclose(written[norm], seen[-1][norm].float(), atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 8), st.integers(0, 99))
def test_factors_have_the_rank_asked_for_whatever_the_shape(out: int, inner: int, rank: int, seed: int) -> None:
    product = torch.randn(out, inner, generator=torch.Generator().manual_seed(seed))
    left, right = factors(product, rank=rank)
    assert (left.shape, right.shape) == ((out, rank), (rank, inner))
    if rank >= min(out, inner):
        assert torch.allclose(left @ right, product, atol=1e-4)


def test_half_precision_weights_are_averaged_in_full() -> None:
    weight, memory = Parameter(torch.ones(1, dtype=torch.bfloat16)), dict[str, torch.Tensor]()
    EMA(0.999).update(step(0, {"w": weight}, memory))
    weight.data.fill_(2.0)
    for number in range(1, 51):
        EMA(0.999).update(step(number, {"w": weight}, memory))
    assert memory["ema/w"].item() == pytest.approx(2 - 0.999**50, rel=1e-5)
    EMA(0.999).write(Finished(None, {"w": weight}, memory, Path()))
    assert weight.dtype == torch.bfloat16


def test_a_weight_that_stands_still_later_is_averaged_on() -> None:
    """Its average would otherwise stay behind the weight that the run ends with."""
    weight, memory = Parameter(torch.tensor([0.0])), dict[str, torch.Tensor]()
    EMA(0.5).update(step(0, {"w": weight}, memory))
    weight.data.fill_(1.0)
    weight.requires_grad_(False)
    for number in range(1, 30):
        EMA(0.5).update(step(number, {"w": weight}, memory))
    assert memory["ema/w"].item() == pytest.approx(1.0)


def test_partners_of_every_kind_of_adapter_weight() -> None:
    assert partner("q.lora_A.default.weight") == "q.lora_B.default.weight"
    assert partner("e.lora_embedding_B.default") == "e.lora_embedding_A.default"
    assert partner("q.weight") is None


@pytest.mark.parametrize("full", [True, False])
def test_the_written_weights_are_the_average_of_the_runs_weights(full: bool, tmp_path: Path) -> None:
    """T2: the default changes what is written, and only that: the run's own weights are those of the plain run."""
    options = wanted(tmp_path, steps=24, full=full)
    found: list[dict[str, torch.Tensor]] = []
    keep = after(lambda step: found.append({n: w.detach().clone() for n, w in step.trained.items()}))
    tuning.tune(options, keep, EMA())
    decay = EMA().kept(24)
    assert 0 < decay < 1
    written = tuning.weights(tmp_path / "out")
    written = written if full else {n.replace(".weight", ".default.weight"): w for n, w in written.items()}
    for name in found[-1]:
        want = average([one[name].double() for one in found], decay)
        assert torch.allclose(written[name].double(), want, atol=1e-5), name
    assert any(not torch.equal(written[name], last) for name, last in found[-1].items())


@pytest.mark.full
@pytest.mark.parametrize("of", ["factors", "product"])
def test_the_average_survives_a_kill(of: Any, tmp_path: Path) -> None:
    assert survives(wanted(tmp_path, steps=6, save_every=2), EMA(0.6, of=of), at=4) < 1e-6


def test_weights_of_a_later_stage_are_averaged_from_its_first_step(tmp_path: Path) -> None:
    held: list[set[str]] = []
    stages = (Stage(0.5, trains=lambda name: "lm_head" in name, name="head"), Stage(0.5))

    def staged(job: Job) -> Job:
        return replace(job, stages=stages)

    keep = after(lambda step: held.append({name for name in step.memory if "lm_head" in name or "embed" in name}))
    tuning.tune(wanted(tmp_path, steps=4, full=True), EMA(0.5), change(staged), keep)
    head, both = {"ema/lm_head.weight"}, {"ema/lm_head.weight", "ema/model.embed_tokens.weight"}
    assert held == [head, head, both, both]
