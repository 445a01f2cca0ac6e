"""Freeze: what it names stands still, in every stage and in either order with staged."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import tuning
from tune_steps import job, survives, wanted
from tuneward.tune.freeze import Freeze
from tuneward.tune.staged import Staged, block

torch.set_num_threads(1)


def trained(model: Any, *defences: Any) -> list[set[str]]:
    """Names of the weights that learn in each stage."""
    made = job()
    for defence in defences:
        made = defence(made)
    for check in made.checks:
        check(model)
    names = [name for name, weight in model.named_parameters() if weight.requires_grad]
    stages = [stage.of(model).trains for stage in made.stages]
    return [{name for name in names if trains is None or trains(name)} for trains in stages]


def full(layers: int = 3) -> Any:
    return tuning.blank(layers=layers).requires_grad_(True)


def test_nothing_named_is_the_very_job() -> None:
    before = job()
    assert Freeze()(before) is before
    assert Freeze(lowest=1)(before).defences == ("freeze",)


@pytest.mark.parametrize("settings", [{"lowest": -1}, {"names": ("",)}, {"names": ("mlp", "")}])
def test_bad_settings_are_errors(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        Freeze(**settings)


def test_each_setting_freezes_what_it_says() -> None:
    model = full()
    every = {name for name, _ in model.named_parameters()}
    (one,) = trained(model, Freeze(lowest=2))
    assert every - one == {name for name in every if block(name) in (0, 1)}
    (one,) = trained(model, Freeze(embeddings=True))
    assert every - one == {"model.embed_tokens.weight"}
    (one,) = trained(model, Freeze(head=True))
    assert every - one == {"lm_head.weight"}
    (one,) = trained(model, Freeze(names=("q_proj", "norm")))
    assert every - one == {name for name in every if "q_proj" in name or "norm" in name}
    (one,) = trained(model, Freeze(lowest=1, embeddings=True, head=True, names=("mlp",)))
    assert {name for name in one if "mlp" in name or block(name) == 0} == set()
    assert {"model.embed_tokens.weight", "lm_head.weight"} & one == set()


def test_a_tied_layer_is_frozen_as_both() -> None:
    model = full()
    model.lm_head.weight = model.model.embed_tokens.weight
    every = {name for name, _ in model.named_parameters()}
    for one in (Freeze(embeddings=True), Freeze(head=True)):
        assert every - trained(model, one)[0] == {"model.embed_tokens.weight"}


@pytest.mark.parametrize("staged", [Staged("last", layers=2), Staged("last", control=True)])
def test_the_order_with_staged_does_not_matter(staged: Staged) -> None:
    frozen = Freeze(lowest=2, embeddings=True, names=("v_proj",))
    one, other = trained(full(), staged, frozen), trained(full(), frozen, staged)
    assert one == other
    assert len(one) == 2
    if not staged.control:
        assert {block(name) for name in one[0]} == {2}
    assert not any("v_proj" in name or "embed" in name or block(name) in (0, 1) for stage in one for name in stage)


@pytest.mark.parametrize(
    ("frozen", "said"),
    [
        (Freeze(names=("qproj",)), "no weight that is trained has 'qproj' in its name"),
        (Freeze(lowest=3, names=("norm",), embeddings=True, head=True), "every weight that is trained"),
    ],
)
def test_freezing_nothing_or_everything_is_refused(frozen: Freeze, said: str) -> None:
    """T2: a misspelt name would be plain fine-tuning under another name."""
    with pytest.raises(ValueError, match=said):
        frozen.check(full())
    still = full()
    still.model.embed_tokens.weight.requires_grad_(False)
    with pytest.raises(ValueError, match="nothing that it names is trained anyway"):
        Freeze(embeddings=True).check(still)


@pytest.mark.parametrize("full", [True, False])
def test_frozen_weights_are_bit_for_bit_the_models(full: bool, tmp_path: Path) -> None:
    options = wanted(tmp_path, full=full)
    tuning.tune(options, Freeze(lowest=1))
    out, start = tuning.weights(tmp_path / "out"), tuning.weights(tmp_path / "model")
    for name, weight in out.items():
        if full:
            assert torch.equal(weight, start[name]) == (block(name) == 0), name
        elif "lora_B" in name:
            assert bool(weight.any()) == (block(name) == 1), name


def test_in_either_order_with_staged_the_run_is_the_same(tmp_path: Path) -> None:
    options, frozen, staged = wanted(tmp_path, steps=4, full=True), Freeze(head=True), Staged(layers=1, share=0.5)
    tuning.tune(options, frozen, staged)
    tuning.tune(replace(options, out=str(tmp_path / "other")), staged, frozen)
    assert tuning.same(tuning.weights(tmp_path / "out"), tuning.weights(tmp_path / "other"))


def test_a_stage_without_a_weight_left_is_refused_before_the_first_step(tmp_path: Path) -> None:
    options = wanted(tmp_path, steps=4, full=True)
    with pytest.raises(ValueError, match="stage head: no weight that is trained belongs to it"):
        tuning.tune(options, Staged("head", share=0.5), Freeze(head=True))
    assert not (tmp_path / "out" / ".work" / "stage-1").exists()


@pytest.mark.full
def test_it_survives_a_kill(tmp_path: Path) -> None:
    assert survives(wanted(tmp_path, steps=4, save_every=2, full=True), Freeze(lowest=1, head=True), at=3) < 1e-6
