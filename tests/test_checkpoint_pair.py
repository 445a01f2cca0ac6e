"""Two models side by side: tied weights once, strangers refused by the first tensor that differs."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tuneward.checkpoint.layer import Mixed, become
from tuneward.checkpoint.pair import further, pair_of

EVERYTHING = slice(None)
EMBED, HEAD = "model.embed_tokens.weight", "lm_head.weight"
LLAMA = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "num_attention_heads": 2}


def weights(seed: int, *, dtype: torch.dtype = torch.float32, without: tuple[str, ...] = ()) -> dict[str, Tensor]:
    """A toy of two layers with biases, head apart."""
    made = torch.Generator().manual_seed(seed)
    shapes = {EMBED: (7, 4), "model.norm.weight": (4,), HEAD: (7, 4)}
    for number in range(2):
        shapes |= {f"model.layers.{number}.q_proj.weight": (4, 4), f"model.layers.{number}.q_proj.bias": (4,)}
    return {n: torch.randn(s, generator=made).to(dtype) for n, s in shapes.items() if n not in without}


def model(folder: Path, tensors: dict[str, Tensor], *, tied: bool | None = False, **config: Any) -> Path:
    """A model's folder; `tied=None` leaves the setting out."""
    folder.mkdir()
    save_file(tensors, folder / "model.safetensors")
    says = {} if tied is None else {"tie_word_embeddings": tied}
    (folder / "config.json").write_text(json.dumps(LLAMA | says | config))
    return folder


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_both_ends_come_back_bit_for_bit(dtype: torch.dtype, tmp_path: Path) -> None:
    """R1, R3: every weight once, each from its own side."""
    ours, theirs = weights(1, dtype=dtype), weights(2, dtype=dtype)
    pair = pair_of(tuned=model(tmp_path / "t", ours), base=model(tmp_path / "b", theirs))
    assert [layer.name for layer in pair] == list(pair.tuned.names)
    assert (len(pair), pair.adapter, pair.tie) == (len(ours), None, None)
    for layer in pair:
        assert (layer.shape, layer.dtype) == (tuple(ours[layer.name].shape), dtype)
        assert torch.equal(become(layer, Mixed(1), EVERYTHING), ours[layer.name])
        assert torch.equal(become(layer, Mixed(0), slice(1, 3)), theirs[layer.name][1:3])


def test_each_side_keeps_its_own_precision(tmp_path: Path) -> None:
    pair = pair_of(
        tuned=model(tmp_path / "t", weights(1, dtype=torch.bfloat16)), base=model(tmp_path / "b", weights(2))
    )
    layer = pair.layer(EMBED)
    assert (layer.dtype, layer.base(EVERYTHING).dtype) == (torch.bfloat16, torch.float32)
    with pytest.raises(KeyError):
        pair.layer("model.embed_tokens")


STORES = {"input": (HEAD,), "output": (EMBED,), "both": ()}


@pytest.mark.parametrize("ours", STORES)
@pytest.mark.parametrize("theirs", STORES)
def test_a_tied_weight_comes_once_whichever_of_its_names_is_stored(ours: str, theirs: str, tmp_path: Path) -> None:
    """R1: met twice it would be moved twice."""
    tuned, base = weights(1), weights(2)
    for one in (tuned, base):
        one[HEAD] = one[EMBED].clone()
    pair = pair_of(
        tuned=model(tmp_path / "t", {n: w for n, w in tuned.items() if n not in STORES[ours]}, tied=True),
        base=model(tmp_path / "b", {n: w for n, w in base.items() if n not in STORES[theirs]}, tied=True),
    )
    name = HEAD if ours == theirs == "output" else EMBED
    assert [layer.name for layer in pair].count(name) == 1
    assert len(pair) == len(tuned) - 1
    assert pair.tied
    assert torch.equal(pair.layer(name).tuned(EVERYTHING), tuned[EMBED])
    assert torch.equal(pair.layer(name).base(EVERYTHING), base[EMBED])
    stored_as = [pair.tuned_whole.weight_of(stored) for stored in pair.tuned.names] if pair.tuned_whole else []
    assert stored_as.count(name) == (2 if ours == "both" else 1)


def test_copies_of_a_tied_weight_that_differ_are_refused(tmp_path: Path) -> None:
    base = model(tmp_path / "b", weights(2, without=(HEAD,)), tied=True)
    with pytest.raises(ValueError, match=r"t: lm_head.weight: stored apart from model.embed_tokens.weight"):
        pair_of(tuned=model(tmp_path / "t", weights(1), tied=True), base=base)


def test_tied_and_untied_are_no_pair(tmp_path: Path) -> None:
    tied = model(tmp_path / "tied", weights(1, without=(HEAD,)), tied=True)
    untied = model(tmp_path / "untied", weights(2), tied=False)
    for tuned, base in ((tied, untied), (untied, tied)):
        with pytest.raises(ValueError, match=r"/tied: ties its output embedding .*/untied does not"):
            pair_of(tuned=tuned, base=base)
    pair = pair_of(tuned=untied, base=untied)
    with pytest.raises(ValueError, match=r"/tied: ties its output embedding .*/untied does not"):
        further(tied, like=pair)


def test_tying_is_read_where_the_configuration_has_it_or_the_architecture(tmp_path: Path) -> None:
    """GPT-2 is tied by default and its files say nothing of it."""
    nested = model(tmp_path / "n", weights(1, without=(HEAD,)), tied=None, text_config={"tie_word_embeddings": True})
    silent = model(tmp_path / "s", weights(1, without=(HEAD,)), tied=None)
    assert pair_of(tuned=nested, base=silent).tied
    names = {"transformer.wte.weight": torch.ones(5, 2), "lm_head.weight": torch.ones(5, 2)}
    gpt2 = model(tmp_path / "g", names, tied=None, model_type="gpt2", architectures=["GPT2LMHeadModel"])
    assert [layer.name for layer in pair_of(tuned=gpt2, base=gpt2)] == ["transformer.wte.weight"]
    odd = model(tmp_path / "o", names, tied=None, model_type="no such type")
    with pytest.raises(ValueError, match="does not say whether embeddings are tied"):
        pair_of(tuned=odd, base=odd)


@dataclass(frozen=True)
class Stranger:
    """What is changed in the tuned model, and what is then said."""

    says: str
    tensors: Any = None
    config: Any = None


Q = "model.layers.0.q_proj.weight"
STRANGERS = {
    "shape": Stranger(rf"t: {Q}: another shape .*\[5, 4\], in its base .*\[4, 4\]", {Q: torch.ones(5, 4)}),
    "transposed": Stranger(rf"t: {HEAD}: another shape .*\[4, 7\]", {HEAD: torch.ones(4, 7)}),
    "one more": Stranger("b: model.extra.weight: its base lacks", {"model.extra.weight": torch.ones(1)}),
    "one less": Stranger(f"t: {Q}: lacks this tensor", {Q: None}),
    "model type": Stranger("model_type is mistral, there llama", {}, {"model_type": "mistral"}),
    "architecture": Stranger(r"architectures is \['Other'\]", {}, {"architectures": ["Other"]}),
    "heads": Stranger("num_attention_heads is 4, there 2", {}, {"num_attention_heads": 4}),
    "integers for a weight": Stranger(f"t: {Q}: lacks this tensor", {Q: torch.ones(4, 4).to(torch.int8)}),
}


@pytest.mark.parametrize("case", STRANGERS)
def test_strangers_are_refused_by_the_first_difference(case: str, tmp_path: Path) -> None:
    """R4: before anything is computed, in one line."""
    stranger, tensors = STRANGERS[case], weights(1)
    tensors |= stranger.tensors or {}
    tuned = model(tmp_path / "t", {n: w for n, w in tensors.items() if w is not None}, **(stranger.config or {}))
    base = model(tmp_path / "b", weights(2))
    with pytest.raises(ValueError, match=stranger.says) as raised:
        pair_of(tuned=tuned, base=base)
    assert "\n" not in str(raised.value)


def test_a_prefix_that_no_tensor_shares_is_an_error(tmp_path: Path) -> None:
    """R4: a peer matched nothing and said nothing."""
    tuned = model(tmp_path / "t", {f"wrapped.{name}": tensor for name, tensor in weights(1).items()})
    with pytest.raises(ValueError, match=r"b: wrapped\..*: its base lacks this tensor"):
        pair_of(tuned=tuned, base=model(tmp_path / "b", weights(2)))


def test_buffers_must_be_equal_and_are_no_layers(tmp_path: Path) -> None:
    """Constants that code computes may be stored on one side alone, as files of different ages do."""
    steps, computed = {"model.steps": torch.arange(3)}, {"model.layers.0.rotary_emb.inv_freq": torch.ones(2)}
    tuned = model(tmp_path / "t", weights(1) | steps | computed)
    pair = pair_of(tuned=tuned, base=model(tmp_path / "b", weights(2) | steps))
    assert set(pair.names) == set(weights(1))
    assert pair.tuned_whole is not None
    assert set(pair.tuned_whole.buffers) == {*steps, *computed}
    assert pair.tuned_whole.weight_of("model.steps") is None
    with pytest.raises(ValueError, match=r"model\.steps: a constant, and not the one in"):
        pair_of(tuned=tuned, base=model(tmp_path / "c", weights(2) | {"model.steps": torch.ones(3).long()}))
    with pytest.raises(ValueError, match=r"d: model\.steps: lacks this buffer"):
        pair_of(tuned=tuned, base=model(tmp_path / "d", weights(2)))


def test_no_configuration_no_folder_and_an_adapter_for_a_base_are_refused(tmp_path: Path) -> None:
    good = model(tmp_path / "good", weights(1))
    bare = model(tmp_path / "bare", weights(1))
    (bare / "config.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"bare/config.json: no such file"):
        pair_of(tuned=good, base=bare)
    with pytest.raises(FileNotFoundError, match="none: no such folder"):
        pair_of(tuned=tmp_path / "none", base=good)
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text("{}")
    with pytest.raises(ValueError, match="adapter: an adapter; expected a whole model"):
        pair_of(tuned=good, base=adapter)
    with pytest.raises(ValueError, match="adapter: an adapter; expected a whole model"):
        further(adapter, like=pair_of(tuned=good, base=good))


def test_tuned_and_base_go_by_keyword_alone(tmp_path: Path) -> None:
    """Swapped, a repair would move away from the base."""
    folder = model(tmp_path / "m", weights(1))
    with pytest.raises(TypeError):
        pair_of(folder, folder)  # type: ignore[misc]


@pytest.mark.parametrize("stores", STORES)
def test_a_further_model_is_read_by_the_pairs_names(stores: str, tmp_path: Path) -> None:
    third = weights(3)
    third[HEAD] = third[EMBED].clone()
    pair = pair_of(
        tuned=model(tmp_path / "t", weights(1, without=(HEAD,)), tied=True),
        base=model(tmp_path / "b", weights(2, without=(HEAD,)), tied=True),
    )
    more = further(model(tmp_path / "m", {n: third[n] for n in third if n not in STORES[stores]}, tied=True), like=pair)
    assert set(more.names) == set(pair.names)
    for name in pair.names:
        assert torch.equal(more.rows(name, slice(0, 2)), third[name][:2])
        assert (more.shape(name), more.dtype(name)) == (tuple(third[name].shape), torch.float32)
    with pytest.raises(ValueError, match=r"s: lacks|s: model.norm.weight: lacks this tensor, which the base"):
        further(model(tmp_path / "s", weights(3, without=(HEAD, "model.norm.weight")), tied=True), like=pair)


def test_shards_and_one_file_are_the_same_pair(tmp_path: Path) -> None:
    one = model(tmp_path / "one", weights(1))
    two = model(tmp_path / "two", weights(1))
    tensors = load_file(two / "model.safetensors")
    (two / "model.safetensors").unlink()
    halves = sorted(tensors)[:3], sorted(tensors)[3:]
    places = {}
    for number, half in enumerate(halves, 1):
        places |= dict.fromkeys(half, f"model-0000{number}-of-00002.safetensors")
        save_file({name: tensors[name] for name in half}, two / f"model-0000{number}-of-00002.safetensors")
    (two / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    base = model(tmp_path / "b", weights(2))
    for left in pair_of(tuned=one, base=base):
        right = pair_of(tuned=two, base=base).layer(left.name)
        assert torch.equal(become(left, Mixed(0.3), EVERYTHING), become(right, Mixed(0.3), EVERYTHING))
