"""Adapters on disk: the same change as the library computes, and no setting passed over in silence."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from tuneward.checkpoint.adapter import Adapted
from tuneward.checkpoint.delta import LowRank
from tuneward.checkpoint.layer import Mixed, become
from tuneward.checkpoint.pair import PairOf, further_adapter, pair_of

EVERYTHING = slice(None)
PREFIX = "base_model.model."


def llama(*, tied: bool = False, biased: bool = False) -> Any:
    """A toy with weights that are no multiple of anything."""
    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        vocab_size=41,
        tie_word_embeddings=tied,
        attention_bias=biased,
    )
    return LlamaForCausalLM(config)


def gpt2() -> Any:
    """Its linear layers store (in, out), one of them square."""
    torch.manual_seed(0)
    return GPT2LMHeadModel(GPT2Config(n_embd=16, n_layer=1, n_head=2, vocab_size=41, n_positions=8))


def adapted(folder: Path, model: Any, *, dtype: torch.dtype = torch.float32, **settings: Any) -> tuple[Path, Path, Any]:
    """Base and adapter as the libraries save them, every adapter tensor moved off its start."""
    base, tuned = folder / "base", folder / "adapter"
    model.save_pretrained(base)
    peft_model = get_peft_model(model, LoraConfig(**settings))
    for name, tensor in peft_model.named_parameters():
        if "lora_" in name or tensor.requires_grad:
            tensor.data = (tensor.data + torch.randn(tensor.shape)).to(dtype)
    peft_model.save_pretrained(tuned)
    return base, tuned, peft_model


def agrees(pair: PairOf, peft_model: Any) -> set[str]:
    """Whether every ΔW is the library's own; the names compared."""
    compared = set()
    for path, module in peft_model.base_model.model.named_modules():
        if not hasattr(module, "get_delta_weight"):
            continue
        layer = pair.layer(f"{path}.weight")
        expected = module.get_delta_weight("default").detach()
        assert layer.factors is not None
        torch.testing.assert_close(layer.factors.rows(EVERYTHING), expected.float(), rtol=1e-5, atol=1e-6)
        whole = layer.base(EVERYTHING).float() + layer.factors.rows(EVERYTHING)
        assert torch.equal(layer.tuned(EVERYTHING), whole)
        assert torch.equal(become(layer, Mixed(0), EVERYTHING), module.get_base_layer().weight)
        compared.add(layer.name)
    return compared


SETTINGS = {
    "plain": {"target_modules": ["q_proj", "down_proj"], "r": 3, "lora_alpha": 7},
    "rank-stabilised": {"target_modules": "all-linear", "r": 3, "use_rslora": True},
    "patterns": {
        "target_modules": ["q_proj", "v_proj", "o_proj"],
        "r": 4,
        "rank_pattern": {r"layers\.0\.self_attn\.q_proj": 2, "self_attn.v_proj": 1, "v_proj": 3},
        "alpha_pattern": {r"layers.[1].*": 32, "v_proj": 1},
        "use_rslora": True,
    },
    "embeddings": {"target_modules": ["embed_tokens", "lm_head", "q_proj"], "r": 2},
    "fan_in_fan_out is no more than a memory": {"target_modules": ["q_proj"], "fan_in_fan_out": False},
}


@pytest.mark.filterwarnings("ignore:Setting `save_embedding_layers`")
@pytest.mark.parametrize("case", SETTINGS)
def test_the_change_is_the_librarys_own(case: str, tmp_path: Path) -> None:
    """Scale by r, by √r, by module; embeddings transposed."""
    base, tuned, peft_model = adapted(tmp_path, llama(), **SETTINGS[case])
    pair = pair_of(tuned=tuned, base=base)
    assert agrees(pair, peft_model) == {layer.name for layer in pair} == set(pair.names)
    for layer in pair:
        assert layer.dtype == torch.float32
        assert torch.equal(layer.delta().rows(slice(0, 2)), layer.factors.rows(slice(0, 2)))


@pytest.mark.filterwarnings("ignore:fan_in_fan_out is set")
def test_layers_that_store_in_by_out_are_turned_even_when_square(tmp_path: Path) -> None:
    base, tuned, peft_model = adapted(tmp_path, gpt2(), target_modules=["c_attn", "c_proj"], r=2)
    config = json.loads((tuned / "adapter_config.json").read_text())
    (tuned / "adapter_config.json").write_text(json.dumps(config | {"fan_in_fan_out": False}))
    names = agrees(pair_of(tuned=tuned, base=base), peft_model)
    assert "transformer.h.0.attn.c_proj.weight" in names  # 16 x 16: no shape tells


def test_half_precision_factors_are_read_as_they_are(tmp_path: Path) -> None:
    base, tuned, _ = adapted(tmp_path, llama(), dtype=torch.bfloat16, target_modules=["q_proj"], r=2, lora_alpha=3)
    stored = load_file(tuned / "adapter_model.safetensors")
    for layer in pair_of(tuned=tuned, base=base):
        at = PREFIX + layer.name.removesuffix(".weight")
        a, b = stored[f"{at}.lora_A.weight"].float(), stored[f"{at}.lora_B.weight"].float()
        assert layer.factors is not None
        assert torch.equal(layer.factors.rows(EVERYTHING), (b * 1.5) @ a)


@pytest.mark.parametrize("flipped", [False, True])
def test_factors_go_back_under_the_same_scale(flipped: bool) -> None:
    one = Adapted("w", a="A", b="B", scale=0.75, flipped=flipped)
    a, b = torch.randn(2, 5), torch.randn(3, 2)
    delta = one.factors(a, b)
    torch.testing.assert_close(delta.rows(EVERYTHING), (0.75 * b @ a).T if flipped else 0.75 * b @ a)
    back = one.stored(delta)
    torch.testing.assert_close(back["A"], a)
    torch.testing.assert_close(back["B"], b)
    assert isinstance(delta, LowRank)


@pytest.mark.parametrize("bias", ["all", "lora_only"])
def test_saved_modules_and_biases_are_dense_layers(bias: str, tmp_path: Path) -> None:
    settings = {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"], "bias": bias}
    base, tuned, peft_model = adapted(tmp_path, llama(biased=True), **settings)
    pair, merged = pair_of(tuned=tuned, base=base), peft_model.merge_and_unload().state_dict()
    dense = {layer.name for layer in pair if layer.factors is None}
    assert {"lm_head.weight", "model.layers.1.self_attn.q_proj.bias"} <= dense
    assert ("model.layers.0.self_attn.k_proj.bias" in dense) == (bias == "all")
    for layer in pair:
        torch.testing.assert_close(become(layer, Mixed(1), EVERYTHING), merged[layer.name])
    order = [name for name in pair.tuned.names if ".lora_B" not in name]
    assert len(order) == len(pair)
    assert [layer.name.rsplit(".", 1)[0] for layer in pair] == [
        name.removeprefix(PREFIX).replace(".base_layer", "").replace(".lora_A", "").rsplit(".", 1)[0] for name in order
    ]


@pytest.mark.filterwarnings("ignore:Model with `tie_word_embeddings`", "ignore:Setting `save_embedding_layers`")
@pytest.mark.parametrize("module", ["embed_tokens", "lm_head"])
def test_one_end_of_tied_embeddings_is_refused(module: str, tmp_path: Path) -> None:
    """R1: the library changes the one end, a merge both."""
    base, tuned, _ = adapted(tmp_path, llama(), target_modules=["q_proj"], modules_to_save=[module])
    for file in (base / "config.json",):
        file.write_text(json.dumps(json.loads(file.read_text()) | {"tie_word_embeddings": True}))
    tensors = load_file(base / "model.safetensors")
    del tensors["lm_head.weight"]
    save_file(tensors, base / "model.safetensors")
    with pytest.raises(ValueError, match=f"{module}.*: changes one end of tied embeddings"):
        pair_of(tuned=tuned, base=base)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A base and a plain adapter over it."""
    base, tuned, _ = adapted(tmp_path_factory.mktemp("plain"), llama(), target_modules=["q_proj"], r=2)
    return base, tuned


def changed(folder: Path, tuned: Path, config: dict[str, Any], tensors: dict[str, Any]) -> Path:
    """A copy of an adapter with other settings, and with tensors replaced or (None) taken out."""
    folder.mkdir()
    settings = json.loads((tuned / "adapter_config.json").read_text()) | config
    (folder / "adapter_config.json").write_text(json.dumps(settings))
    kept = load_file(tuned / "adapter_model.safetensors") | tensors
    save_file({n: t for n, t in kept.items() if t is not None}, folder / "adapter_model.safetensors")
    return folder


AT = f"{PREFIX}model.layers.0.self_attn.q_proj"
REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "another method": ({"peft_type": "IA3"}, {}, "of type IA3"),
    "dora": ({"use_dora": True}, {}, "use_dora is True"),
    "bias of a factor": ({"lora_bias": True}, {}, "lora_bias is True"),
    "single tokens": ({"trainable_token_indices": [1]}, {}, "trainable_token_indices"),
    "layers twice": ({"layer_replication": [[0, 1]]}, {}, "layer_replication"),
    "parameters": ({"target_parameters": ["q"]}, {}, "target_parameters"),
    "a setting of tomorrow": ({"use_next": 1}, {}, "use_next is 1"),
    "a start that changes the base": ({"init_lora_weights": "pissa"}, {}, "init_lora_weights is pissa"),
    "alpha 0": ({"lora_alpha": 0}, {}, "lora_alpha 0"),
    "alpha in words": ({"lora_alpha": "much"}, {}, "lora_alpha of .* is much"),
    "another rank": ({"r": 3}, {}, r"factors .* while its configuration says 3"),
    "no pattern": ({"rank_pattern": {"(": 3}}, {}, "no regular expression"),
    "one factor": ({}, {f"{AT}.lora_B.weight": None}, "no other factor"),
    "no such module": (
        {},
        {f"{PREFIX}model.layers.9.q.lora_{x}.weight": torch.ones(2, 2) for x in "AB"},
        "has no model.layers.9.q.weight; an adapter of another base",
    ),
    "another width": (
        {},
        {f"{AT}.lora_A.weight": torch.ones(2, 99)},
        r"\[16, 99\], .* is \[16, 16\]; an adapter of another base",
    ),
    "another vocabulary": ({}, {f"{PREFIX}lm_head.weight": torch.ones(42, 16)}, r"\[42, 16\], .* is \[41, 16\]"),
    "magnitudes": ({}, {f"{AT}.lora_magnitude_vector": torch.ones(16)}, "not a plain LoRA tensor"),
    "no prefix": ({}, {"lm_head.weight": torch.ones(41, 16)}, "an adapter of another base"),
    "another embedding": (
        {},
        {f"{PREFIX}lm_head.base_layer.weight": torch.ones(41, 16)},
        "not the content of lm_head.weight",
    ),
    "factors and a copy": ({}, {f"{AT}.weight": torch.ones(16, 16)}, "factors and a saved copy"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_factors_do_not_say_is_refused(case: str, plain: tuple[Path, Path], tmp_path: Path) -> None:
    """R4: one line that names the file and the first tensor or setting."""
    base, tuned = plain
    config, tensors, says = REFUSED[case]
    with pytest.raises(ValueError, match=says) as raised:
        pair_of(tuned=changed(tmp_path / "a", tuned, config, tensors), base=base)
    assert "\n" not in str(raised.value)


def test_a_further_adapter_gives_factors_by_the_bases_names(plain: tuple[Path, Path], tmp_path: Path) -> None:
    base, tuned = plain
    pair = pair_of(tuned=tuned, base=base)
    doubled = changed(tmp_path / "a", tuned, {"lora_alpha": 16}, {})
    more = further_adapter(doubled, like=pair)
    assert more.names == pair.names
    for layer in pair:
        assert layer.factors is not None
        torch.testing.assert_close(more.factors(layer.name).rows(EVERYTHING), 2 * layer.factors.rows(EVERYTHING))
    with pytest.raises(FileNotFoundError, match=r"adapter_config.json: no such file"):
        further_adapter(base, like=pair)


def test_an_adapter_over_an_adapter_and_two_things_in_one_folder_are_refused(
    plain: tuple[Path, Path], tmp_path: Path
) -> None:
    base, tuned = plain
    with pytest.raises(ValueError, match="adapter: an adapter; expected a whole model"):
        pair_of(tuned=tuned, base=tuned)
    both = changed(tmp_path / "both", tuned, {}, {})
    for name in ("model.safetensors", "config.json"):
        (both / name).write_bytes((base / name).read_bytes())
    with pytest.raises(ValueError, match="a whole model and an adapter in one folder"):
        pair_of(tuned=both, base=base)
