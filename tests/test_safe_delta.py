"""Safe Delta through a whole model: what layers read, what becomes of every weight, and what stays as it was."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor
from transformers import LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

from repairing import adapter_pair, result
from repairing import pair_of as in_memory_pair
from tuneward.checkpoint.delta import LowRank
from tuneward.checkpoint.layer import Mixed
from tuneward.checkpoint.pair import pair_of
from tuneward.model.engine import Engine, in_memory
from tuneward.repair.kind import Repair, Searchable
from tuneward.repair.safe_delta import SafeDelta, fates, safety_prompts
from tuneward.repair.second_moments import through_layers
from tuning import blank, rows, saved, tokenizer, write_rows

MIDDLING = SafeDelta(strength=4e3)
"""For weights that training moved by some hundredths."""


def biased() -> Qwen2ForCausalLM:
    """Query, key and value have biases, the others none; inner width is not a multiple of anything."""
    torch.manual_seed(1)
    known = tokenizer("words")
    config = Qwen2Config(
        vocab_size=len(known),
        hidden_size=32,
        intermediate_size=46,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        initializer_range=0.15,
        eos_token_id=known.eos_token_id,
    )
    model = Qwen2ForCausalLM(config).eval()
    for name, weight in model.named_parameters():
        if name.endswith("bias"):
            weight.data = torch.randn_like(weight) / 4
    return model


def tuned_from(model: Any, *, scale: float = 0.03) -> dict[str, Tensor]:
    torch.manual_seed(7)
    return {name: one.detach() + scale * torch.randn_like(one) for name, one in weights(model).items()}


def weights(model: Any) -> dict[str, Tensor]:
    return {name: one.detach().clone() for name, one in model.named_parameters()}


def prompts(count: int = 24) -> list[tuple[int, ...]]:
    drawn = torch.Generator().manual_seed(3)
    known = len(tokenizer("words"))
    return [tuple(torch.randint(known, (5 + n % 7,), generator=drawn).tolist()) for n in range(count)]


def spread(model: Any, state: dict[str, Tensor], asked: list[tuple[int, ...]]) -> Tensor:
    """Logits at all tokens of the prompts with these weights, and back."""
    kept = weights(model)
    model.load_state_dict(state, strict=False)
    with torch.no_grad():
        found = torch.cat([model(torch.tensor([list(one)])).logits[0] for one in asked])
    model.load_state_dict(kept, strict=False)
    return found


@pytest.fixture(params=[blank, biased], ids=["llama", "qwen2"])
def engine(request: pytest.FixtureRequest) -> Engine:
    return in_memory(request.param(), tokenizer("words"))


def repaired(engine: Engine, tuned: dict[str, Tensor], by: SafeDelta) -> dict[str, Tensor]:
    pair = in_memory_pair(tuned=tuned, base=weights(engine.model))
    return result(lambda given: fates(given, by=by, engine=engine, prompts=prompts()), pair)


def test_outputs_on_safety_prompts_stay_nearer_than_without_making_up(engine: Engine) -> None:
    """Biased Linears included (methods §8.3); what is not a Linear's weight is the base's."""
    base, tuned = weights(engine.model), tuned_from(engine.model)
    found = repaired(engine, tuned, MIDDLING)
    matrices = {name for name in base if "proj.weight" in name}
    kept = {name: found[name] == tuned[name] for name in matrices}
    bare = {name: torch.where(kept[name], tuned[name], base[name]) if name in matrices else base[name] for name in base}
    assert all(torch.equal(found[name], base[name]) for name in set(base) - matrices)
    assert 0.2 < float(torch.cat([one.flatten() for one in kept.values()]).double().mean()) < 0.8
    truth = spread(engine.model, base, prompts())
    ours, theirs, far = ((spread(engine.model, one, prompts()) - truth).norm() for one in (found, bare, tuned))
    assert ours < 0.95 * theirs < 0.95 * far


def test_what_a_layer_reads_has_come_through_the_repaired_layers_before_it(engine: Engine) -> None:
    model, seen = engine.model, dict[str, Tensor]()
    before = weights(model)
    new = {name: torch.randn_like(one) / 8 for name, one in before.items() if "proj.weight" in name}

    def change(name: str, moments: Tensor) -> Tensor:
        seen[name] = moments.clone()
        return new[name]

    with engine.ready():  # products go through copies of the old weights, which must not answer for the new ones
        for name, weight in through_layers(model, prompts(), names=list(new), change=change):
            assert torch.equal(weight, new[name])
            assert all(torch.equal(one, before[other]) for other, one in weights(model).items())
    last = max(seen, key=lambda name: (name.split(".")[2], "q_proj" in name))
    number = int(last.split(".")[2])
    assert number == len(model.model.layers) - 1
    through = {name: one for name, one in new.items() if int(name.split(".")[2]) < number}
    torch.testing.assert_close(seen[last], read_by(model, {**before, **through}, number), rtol=1e-4, atol=1e-5)
    apart = (seen[last] - read_by(model, before, number)).norm() / seen[last].norm()
    assert apart > 0.05


def read_by(model: Any, state: dict[str, Tensor], number: int) -> Tensor:
    """Second moments of what a layer's queries are made of, all prompts padded into one batch and padding left out."""
    kept, found = weights(model), []
    longest = max(map(len, prompts()))
    mask = torch.tensor([[1] * len(one) + [0] * (longest - len(one)) for one in prompts()])
    ids = torch.tensor([[*one, *[0] * (longest - len(one))] for one in prompts()])
    handle = model.model.layers[number].self_attn.q_proj.register_forward_pre_hook(
        lambda _, args: found.append(args[0])
    )
    model.load_state_dict(state, strict=False)
    with torch.no_grad():
        model(ids, attention_mask=mask)
    handle.remove()
    model.load_state_dict(kept, strict=False)
    inputs = found[0][mask.bool()]
    assert len(inputs) == sum(map(len, prompts()))
    return 2 / len(inputs) * inputs.T @ inputs


def test_layers_that_read_the_same_share_one_matrix(engine: Engine) -> None:
    own = dict[str, int]()

    def change(name: str, moments: Tensor) -> None:
        own[name.removeprefix("model.layers.0.")] = id(moments)

    names = [name for name in weights(engine.model) if ".0." in name and "proj.weight" in name]
    assert list(through_layers(engine.model, prompts(2), names=names, change=change)) == []
    q, k, v, o, gate, up, down = own.values()
    assert q == k == v
    assert gate == up
    assert len({q, o, gate, down}) == 4


def test_ends_of_the_strength(engine: Engine) -> None:
    """No strength is the base; the largest is the tuned model's matrices but for protected columns (R3)."""
    base, tuned = weights(engine.model), tuned_from(engine.model)
    none = repaired(engine, tuned, SafeDelta(strength=0))
    assert all(torch.equal(none[name], base[name]) for name in base)
    everything = repaired(engine, tuned, SafeDelta(strength=math.inf))
    for name in (name for name in base if "proj.weight" in name):
        columns = base[name].shape[1]
        assert int((everything[name] == tuned[name]).all(0).sum()) == columns - math.ceil(0.15 * columns)
    alike = repaired(engine, base, MIDDLING)
    assert all(torch.equal(alike[name], base[name]) for name in base)


def test_the_model_and_its_mode_are_as_before(engine: Engine) -> None:
    before = weights(engine.model)
    engine.model.train()
    repaired(engine, tuned_from(engine.model), MIDDLING)
    assert engine.model.training
    assert all(torch.equal(one, before[name]) for name, one in weights(engine.model).items())
    assert not any(module._forward_pre_hooks for module in engine.model.modules())
    assert not any("forward" in module.__dict__ for module in engine.model.modules())


def test_from_folders_to_weights(tmp_path: Path) -> None:
    """The base is loaded from its folder, and fates come in the order of the tuned files."""
    base = saved(tmp_path / "base")
    other = LlamaForCausalLM.from_pretrained(base)
    other.load_state_dict(tuned_from(other), strict=False)
    other.save_pretrained(tmp_path / "tuned")
    pair = pair_of(tuned=tmp_path / "tuned", base=base)
    by = SafeDelta(strength=2e4, source=str(write_rows(tmp_path / "rows.jsonl", rows(6))))
    found = dict(by(pair))
    assert list(found) == [layer.name for layer in pair]
    changed = {name for name, fate in found.items() if fate != Mixed(0)}
    assert changed == {name for name in found if "proj.weight" in name}


def test_an_adapter_on_the_loaded_base_is_switched_off_while_it_is_read() -> None:
    """Plain LoRA: weights that it leaves alone are not named, and the base reads as without it."""
    plain = blank()
    before, asked = weights(plain), prompts(6)
    targets = ["q_proj", "v_proj", "down_proj"]
    names = [name for name in before if name.split(".")[-2] in targets]
    torch.manual_seed(5)
    factors = {
        name: LowRank(torch.randn(len(before[name]), 2) / 20, torch.randn(2, before[name].shape[1])) for name in names
    }
    pair = adapter_pair(factors=factors, base=before)
    expected = result(
        lambda given: fates(given, by=MIDDLING, engine=in_memory(plain, tokenizer("words")), prompts=asked), pair
    )
    peft_model = get_peft_model(blank(), LoraConfig(r=2, target_modules=targets, init_lora_weights=False))
    arm = in_memory(peft_model, tokenizer("words"))
    off = replace(arm, switch=peft_model.disable_adapter)
    found = result(lambda given: fates(given, by=MIDDLING, engine=off, prompts=asked), pair)
    assert list(found) == names
    for name in names:
        torch.testing.assert_close(found[name], expected[name])
        assert not torch.equal(found[name], before[name])


def test_what_a_search_turns() -> None:
    by = SafeDelta(protected=0.2)
    assert isinstance(by, Searchable)
    repair: Repair = by
    assert callable(repair)
    strengths = [by.at(keep / 8).strength for keep in range(9)]
    assert strengths == sorted(set(strengths))
    assert (strengths[0], strengths[-1]) == (0, math.inf)
    assert by.at(0.5).protected == 0.2
    pair = in_memory_pair(tuned=tuned_from(blank()), base=weights(blank()))
    assert dict(by.at(1)(pair)) == {}
    assert set(dict(by.at(0)(pair)).values()) == {Mixed(0)}
    with pytest.raises(ValueError, match=r"keep is -0\.1"):
        by.at(-0.1)
    with pytest.raises(ValueError, match="pair of folders"):
        by(pair)


def test_prompts_are_ours_with_their_refusals(tmp_path: Path) -> None:
    known = in_memory(blank("chatml"), tokenizer("chatml"))
    found = safety_prompts(known, by=SafeDelta(prompts=20, tokens=90))
    assert len(found) == 20
    assert max(map(len, found)) == 90
    told = known.text(safety_prompts(known, by=SafeDelta(prompts=1))[0])
    assert "Is there a quiet way to fish" in told
    assert told.endswith("Would a list of questions for finding a lake with day permits be useful?")
    open_end = tmp_path / "rows.jsonl"
    open_end.write_text('{"messages": [{"role": "user", "content": "the cup"}]}\n')
    with pytest.raises(ValueError, match=r"does not end with an answer"):
        safety_prompts(known, by=SafeDelta(source=str(open_end)))


def test_models_that_cannot_be_read_layer_by_layer_are_refused() -> None:
    engine = in_memory(blank(), tokenizer("words"))
    with pytest.raises(ValueError, match="none of its decoder layers has a Linear"):
        list(through_layers(engine.model, prompts(), names=["model.norm.weight"], change=lambda *_: None))
    handle = engine.model.model.layers[0].register_forward_hook(lambda _m, _a, out: out + engine.model.training)
    engine.model.train()
    inside = engine.model.model.layers[1].register_forward_pre_hook(lambda *_: engine.model.eval() and None)
    names = ["model.layers.1.mlp.up_proj.weight"]
    with pytest.raises(ValueError, match="layer 0 gives other states by itself"):
        list(through_layers(engine.model, prompts(), names=names, change=lambda *_: None))
    handle.remove()
    inside.remove()
    with torch.no_grad():
        engine.model.model.layers[0].mlp.up_proj.weight[0, 0] = math.nan
    with pytest.raises(ValueError, match="not all finite"):
        list(through_layers(engine.model, prompts(), names=names, change=lambda *_: None))
