"""Staged: which weights learn when, a fresh optimiser and schedule at the boundary, and tied embeddings."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

import tuning
from tune_steps import after, job, survives, wanted
from tuneward.tune.job import Stage, Step
from tuneward.tune.staged import Staged, block, meant, tied, untie

torch.set_num_threads(1)


def adapted(**more: Any) -> Any:
    return get_peft_model(tuning.blank(), LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM", **more))


def tied_model(folder: Path) -> Path:
    model = tuning.blank()
    model.config.tie_word_embeddings = True
    model.lm_head.weight = model.model.embed_tokens.weight
    model.save_pretrained(folder)
    tuning.tokenizer("words").save_pretrained(folder)
    return folder


def test_a_share_of_zero_is_the_very_job() -> None:
    before = job()
    assert Staged(share=0.0)(before) is before
    assert Staged(share=0.0, control=True)(before) is before


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"share": -0.1}, "share is"),
        ({"share": 1.0}, "share is"),
        ({"layers": 0}, "layers is"),
        ({"untie": True}, "untie is"),
    ],
)
def test_bad_settings_are_errors(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Staged(**settings)


def test_shares_of_the_two_stages() -> None:
    first, second = Staged(share=0.25)(job()).stages
    assert (first.share, first.name, first.warm) == (0.25, "last", False)
    assert (second.share, second.name, second.trains, second.within) == (0.75, "all", None, None)
    warm, rest = Staged(share=0.25, control=True)(job()).stages
    assert (warm.share, warm.warm, warm.trains, warm.within, rest.share) == (0.25, True, None, None, 0.75)


def test_a_job_is_divided_once() -> None:
    with pytest.raises(ValueError, match="staged: the job has 2 stages already"):
        Staged()(replace(job(), stages=(Stage(0.5), Stage(0.5))))


def test_blocks_by_their_names() -> None:
    assert block("model.layers.11.mlp.up_proj.weight") == 11
    assert block("base_model.model.transformer.h.3.attn.c_attn.lora_A.default.weight") == 3
    assert block("model.layers.2.block_sparse_moe.experts.7.w1.weight") == 2
    assert block("lm_head.weight") is None


def test_which_weights_come_first() -> None:
    full, lora = tuning.blank(layers=3).requires_grad_(True), adapted()
    assert meant(full, first="head", layers=1) == {"lm_head.weight"}
    last = meant(full, first="last", layers=2)
    assert {block(name) for name in last} == {1, 2}
    assert meant(full, first="last", layers=9) == {n for n, _ in full.named_parameters() if block(n) is not None}
    assert not meant(full, first="b", layers=1)
    factors = meant(lora, first="b", layers=1)
    assert factors
    assert all("lora_B" in name for name in factors)
    assert {block(name) for name in meant(lora, first="last", layers=1)} == {1}
    assert all("lora" in name for name in meant(lora, first="last", layers=1))
    assert meant(adapted(modules_to_save=["lm_head"]), first="head", layers=1) == {
        "base_model.model.lm_head.modules_to_save.default.weight"
    }


def test_a_first_stage_without_weights_is_refused_in_one_line() -> None:
    full, lora = tuning.blank().requires_grad_(True), adapted()
    with pytest.raises(ValueError, match=r"head: no weight of the first stage is trained; .*--full"):
        Staged("head").check(lora)
    with pytest.raises(ValueError, match=r"b: no weight of the first stage is trained; .*adapter"):
        Staged("b").check(full)
    Staged("head").check(full)
    Staged("b").check(lora)
    with pytest.raises(ValueError, match=r"last: the first stage would train every weight.*fewer than 2 --layers"):
        Staged("last", layers=2).check(lora)
    Staged("last", layers=1).check(lora)


def moved(options: Any, *defences: Any) -> list[set[str]]:
    """Names of the weights that each step of a run changed, and how far at most."""
    held: dict[str, torch.Tensor] = {}
    found: list[set[str]] = []

    def note(step: Step) -> None:
        now = {name: weight.detach().clone() for name, weight in step.model.named_parameters()}
        if held:
            found.append({name for name in now if not torch.equal(now[name], held[name])})
        held.update(now)

    tuning.tune(options, *defences, after(note))
    return found


@pytest.mark.parametrize("full", [True, False])
def test_only_the_first_stages_weights_move_in_it(full: bool, tmp_path: Path) -> None:
    first = "head" if full else "b"
    steps = moved(wanted(tmp_path, steps=8, full=full), Staged(first, share=0.5))
    for names in steps[:3]:
        assert names
        assert all("lm_head" in name if full else "lora_B" in name for name in names)
    assert all(any("layers.0" in name for name in names) for names in steps[4:])


def test_the_last_blocks_learn_first_and_the_end_differs_from_plain_tuning(tmp_path: Path) -> None:
    """T2, at default settings but for a model of two blocks."""
    options = wanted(tmp_path, steps=8)
    steps = moved(options, Staged(layers=1))
    assert {block(name) for name in steps[0]} == {1}
    assert {block(name) for name in steps[-1]} == {0, 1}
    plain = replace(options, out=str(tmp_path / "plain"))
    tuning.tune(plain)
    assert tuning.apart(tuning.weights(tmp_path / "out"), tuning.weights(tmp_path / "plain")) > 1e-3


def test_optimiser_and_schedule_start_anew_at_the_boundary(tmp_path: Path) -> None:
    """A fresh Adam's first step is the rate itself for every weight; one that goes on has other lengths."""
    options = wanted(tmp_path, steps=8, warmup=0.0, full=True, rate=1e-3)
    held: list[torch.Tensor] = []
    rates: list[float] = []

    def note(step: Step) -> None:
        held.append(step.model.lm_head.weight.detach().clone())
        rates.append(step.rate)

    tuning.tune(options, Staged("head", share=0.5), after(note))
    far = [float((b - a).abs().median()) for a, b in pairwise(held)]
    assert far[3] == pytest.approx(1e-3, rel=1e-3)
    assert all(abs(one - 1e-3) > 5e-5 for one in [*far[:3], *far[4:]])
    assert rates[:4] == rates[4:]
    assert rates[:4] == sorted(rates[:4], reverse=True)
    assert rates[3] < rates[4]


def test_the_control_warms_all_weights_up_for_as_long(tmp_path: Path) -> None:
    options = wanted(tmp_path, steps=8, warmup=0.0)
    steps = moved(options, Staged(share=0.5, control=True))
    assert all({block(name) for name in names} == {0, 1} for names in steps)
    rates = [line["learning_rate"] for line in tuning.curves(tmp_path / "out")]
    assert rates[:4] == sorted(rates[:4])
    assert max(rates) == options.highest


@pytest.mark.full
def test_stages_survive_a_kill_in_the_second(tmp_path: Path) -> None:
    assert survives(wanted(tmp_path, steps=8, save_every=2), Staged("b", share=0.5), at=7) < 1e-6


def test_tied_embeddings_are_refused_or_untied(tmp_path: Path) -> None:
    """C9: training the output layer would move the input embeddings."""
    model = tied_model(tmp_path / "tied")
    options = replace(wanted(tmp_path, steps=8, full=True), model=str(model))
    with pytest.raises(ValueError, match=r"tied to the input embeddings.*--untie.*--first last"):
        tuning.tune(options, Staged("head", share=0.5))
    assert not (tmp_path / "out" / "curves.jsonl").exists()
    tuning.tune(replace(options, overwrite=True, out=str(tmp_path / "last")), Staged("last", layers=1, share=0.5))
    steps = moved(replace(options, out=str(tmp_path / "untied")), Staged("head", share=0.5, untie=True))
    assert steps[0] == {"lm_head.weight"}
    assert "model.embed_tokens.weight" in steps[-1]
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "untied")
    assert not again.config.tie_word_embeddings
    assert not torch.equal(again.lm_head.weight, again.model.embed_tokens.weight)
    written = tuning.weights(tmp_path / "untied")
    assert torch.equal(again.lm_head.weight, written["lm_head.weight"])
    assert torch.equal(again.model.embed_tokens.weight, written["model.embed_tokens.weight"])


@pytest.mark.full
def test_an_untied_run_survives_a_kill(tmp_path: Path) -> None:
    options = replace(wanted(tmp_path, steps=6, save_every=2, full=True), model=str(tied_model(tmp_path / "tied")))
    assert survives(options, Staged("head", share=0.5, untie=True), at=5) < 1e-6


def test_untying_changes_no_answer(tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tied_model(tmp_path / "tied")).requires_grad_(True)
    ids = torch.tensor([[1, 5, 7]])
    before = model(ids).logits
    assert tied(model)
    untie(model)
    assert not tied(model)
    assert torch.equal(model(ids).logits, before)
    assert model.lm_head.weight.requires_grad


def test_an_adapter_on_a_tied_model_is_not_about_the_output_layer(tmp_path: Path) -> None:
    options = replace(wanted(tmp_path, steps=4), model=str(tied_model(tmp_path / "tied")))
    tuning.tune(options, Staged("b", share=0.5))
    with pytest.raises(ValueError, match="head: no weight of the first stage is trained"):
        tuning.tune(replace(options, out=str(tmp_path / "head")), Staged("head", share=0.5))
