"""Repairs carried out into files: the tuned model's layout, each weight moved once, all of it or nothing."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from tuneward.checkpoint.carrying import finite
from tuneward.checkpoint.delta import Dense, LowRank
from tuneward.checkpoint.folder import verify
from tuneward.checkpoint.layer import Fate, Given, Layer, Mixed, Moved
from tuneward.checkpoint.pair import PairOf, pair_of
from tuneward.checkpoint.writing import Written, write
from tuneward.record import sha256_file

HALVES = (torch.bfloat16, torch.float16)
EMBED, HEAD = "model.embed_tokens.weight", "lm_head.weight"
Q = "model.layers.1.self_attn.q_proj.weight"


def llama(seed: int, *, tied: bool = False, dtype: torch.dtype = torch.float32) -> Any:
    torch.manual_seed(seed)
    config = LlamaConfig(
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        vocab_size=41,
        tie_word_embeddings=tied,
        attention_bias=True,
    )
    model = LlamaForCausalLM(config).to(dtype)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) / 8)
    return model


@dataclass(frozen=True)
class Two:
    """A tuned model and its base on disk."""

    tuned: Path
    base: Path

    @property
    def pair(self) -> PairOf:
        return pair_of(tuned=self.tuned, base=self.base)


def two(folder: Path, *, tied: bool = False, dtype: torch.dtype = torch.float32, shard: str = "1GB") -> Two:
    for seed, name in ((1, "tuned"), (2, "base")):
        llama(seed, tied=tied, dtype=dtype).save_pretrained(folder / name, max_shard_size=shard)
    return Two(folder / "tuned", folder / "base")


def tensors(folder: Path, stem: str = "model") -> dict[str, Tensor]:
    return {k: v for file in sorted(folder.glob(f"{stem}*.safetensors")) for k, v in load_file(file).items()}


def mixed(pair: PairOf, alpha: float) -> Iterator[tuple[str, Fate]]:
    return ((name, Mixed(alpha)) for name in pair.names)


def alike(left: Mapping[str, Tensor], right: Mapping[str, Tensor]) -> None:
    assert set(left) == set(right)
    for name, one in left.items():
        assert one.dtype == right[name].dtype
        assert torch.equal(one.view(torch.uint8), right[name].view(torch.uint8)), name


def layout(folder: Path) -> dict[str, Any]:
    """Everything of the weight files but the tensors' content, and the index."""
    found: dict[str, Any] = {}
    for file in sorted(folder.glob("*.safetensors")):
        raw = file.read_bytes()
        found[file.name] = (len(raw), raw[: 8 + int.from_bytes(raw[:8], "little")])
    return found | {file.name: file.read_bytes() for file in folder.glob("*.index.json")}


# whole models ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_both_ends_are_the_inputs_bit_for_bit(dtype: torch.dtype, tmp_path: Path) -> None:
    """R2, R3: at 1 no tensor changes, so nothing is written; at 0 it is the base."""
    models = two(tmp_path, dtype=dtype)
    nothing = write(models.pair, mixed(models.pair, 1), tmp_path / "one")
    assert (nothing.changed, nothing.size, nothing.files) == (0, 0.0, {})
    assert not (tmp_path / "one").exists()
    done = write(models.pair, mixed(models.pair, 0), tmp_path / "zero")
    alike(tensors(tmp_path / "zero"), tensors(models.base))
    assert (done.changed, done.weights, done.size) == (len(models.pair), len(models.pair), 1.0)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("dtype", HALVES)
def test_a_mix_is_computed_in_float32_and_rounded_once(dtype: torch.dtype, tmp_path: Path) -> None:
    models = two(tmp_path, dtype=dtype)
    write(models.pair, mixed(models.pair, 0.37), tmp_path / "out")
    tuned, base = tensors(models.tuned), tensors(models.base)
    expected = {name: torch.lerp(base[name].float(), one.float(), 0.37).to(dtype) for name, one in tuned.items()}
    alike(tensors(tmp_path / "out"), expected)


def test_shards_order_and_index_stay_and_hold_the_same_tensors_as_a_single_file(tmp_path: Path) -> None:
    single, sharded = two(tmp_path / "a"), two(tmp_path / "b", shard="8KB")
    assert len(list(sharded.tuned.glob("*.safetensors"))) > 2
    for models in (single, sharded):
        done = write(models.pair, mixed(models.pair, 0.6), models.tuned.parent / "out")
        assert layout(done.out) == layout(models.tuned)
        assert done.files == {file.name: sha256_file(file) for file in done.out.glob("*.safetensors")}
        verify(done.out)
    alike(tensors(single.tuned.parent / "out"), tensors(sharded.tuned.parent / "out"))
    AutoModelForCausalLM.from_pretrained(sharded.tuned.parent / "out")


def test_shards_of_the_two_models_may_be_cut_differently(tmp_path: Path) -> None:
    models = Two(two(tmp_path / "a", shard="8KB").tuned, two(tmp_path / "b").base)
    done = write(models.pair, mixed(models.pair, 0.6), tmp_path / "out")
    assert layout(done.out) == layout(models.tuned)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("twice", [True, False])
def test_a_tied_weight_moves_once_and_stays_tied(tied: bool, twice: bool, tmp_path: Path) -> None:
    """R1: applied over expected change is 1 on embedding rows, after loading and after saving again."""
    models = two(tmp_path, tied=tied)
    if tied and twice:
        for folder in (models.tuned, models.base):
            held = load_file(folder / "model.safetensors")
            save_file(held | {HEAD: held[EMBED].clone()}, folder / "model.safetensors", metadata={"format": "pt"})
    pair = models.pair
    step = torch.randn(41, 16)
    fates: list[tuple[str, Fate]] = [(name, Mixed(0.5)) for name in pair.names]
    fates[list(pair.names).index(EMBED)] = (EMBED, Moved(Dense(step)))
    done = write(pair, fates, tmp_path / "out")
    assert (HEAD in tensors(done.out)) == (twice or not tied)
    again = tmp_path / "again"
    AutoModelForCausalLM.from_pretrained(done.out).save_pretrained(again)
    base = llama(2, tied=tied).get_input_embeddings().weight.detach()
    for folder in (done.out, again):
        model = AutoModelForCausalLM.from_pretrained(folder)
        inputs, outputs = model.get_input_embeddings().weight, model.get_output_embeddings().weight
        applied = inputs.detach() - base
        assert float((applied * step).sum() / step.square().sum()) == pytest.approx(1, abs=1e-6)
        assert (inputs.data_ptr() == outputs.data_ptr()) == tied


def test_what_is_not_named_stays_and_the_size_is_over_all_weights(tmp_path: Path) -> None:
    """Sums in float64, against a reference that holds everything."""
    models = two(tmp_path)
    tuned, base = tensors(models.tuned), tensors(models.base)
    low, new = LowRank(torch.randn(16, 2), torch.randn(2, 16)), torch.randn(24, 16)
    gate = "model.layers.0.mlp.gate_proj.weight"
    named: dict[str, Fate] = {EMBED: Mixed(0.25), Q: Moved(low), gate: Given(lambda part: new[part].double())}
    pair = models.pair
    done = write(pair, [(name, named[name]) for name in pair.names if name in named], tmp_path / "out")
    expected = tuned | {EMBED: torch.lerp(base[EMBED], tuned[EMBED], 0.25), Q: base[Q] + low.b @ low.a, gate: new}
    got = tensors(done.out)
    alike({k: v for k, v in got.items() if k not in named}, {k: v for k, v in tuned.items() if k not in named})
    for name in named:
        torch.testing.assert_close(got[name], expected[name])
    assert done.changed == 3

    def norm(of: Mapping[str, Tensor], to: Mapping[str, Tensor], names: list[str]) -> float:
        return sum(float((of[n].double() - to[n].double()).square().sum()) for n in names) ** 0.5

    for number, found in ((None, done.size), *done.layers.items()):
        names = [name for name in tuned if number is None or f".layers.{number}." in name]
        assert found == pytest.approx(norm(got, tuned, names) / norm(tuned, base, names), rel=1e-6)


def test_shares_of_layers_that_differ_are_weighed_by_what_tuning_did(tmp_path: Path) -> None:
    models = two(tmp_path)
    pair = models.pair
    done = write(pair, [(name, Mixed(0.5 if ".1." in name else 0.9)) for name in pair.names], tmp_path / "out")
    assert done.layers == {0: pytest.approx(0.1), 1: pytest.approx(0.5)}
    tuned, base, got = tensors(models.tuned), tensors(models.base), tensors(done.out)
    whole, moved = (sum(float((tuned[n] - to[n]).square().sum()) for n in tuned) for to in (base, got))
    assert done.size == pytest.approx((moved / whole) ** 0.5, rel=1e-4)


# what is refused ------------------------------------------------------------------------------------------------------


def refused(models: Two, fates: list[tuple[str, Fate]], out: Path, match: str) -> None:
    before = {path: sha256_file(path) for path in out.parent.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match=match) as raised:
        write(models.pair, fates, out)
    assert "\n" not in str(raised.value)
    assert {path: sha256_file(path) for path in out.parent.rglob("*") if path.is_file()} == before
    assert not out.exists()


def test_a_name_is_the_pairs_own_once_and_in_its_order(tmp_path: Path) -> None:
    """R4: a prefix that matches nothing is an error, not a model as it was."""
    models, out = two(tmp_path), tmp_path / "out"
    names = models.pair.names
    refused(models, [("model.layers.9.x", Mixed(0.5))], out, "model.layers.9.x: .*none of that name")
    refused(models, [(names[0], Mixed(0.5)), (names[0], Mixed(0.5))], out, "twice")
    refused(models, [(names[3], Mixed(0.5)), (names[1], Mixed(0.5))], out, f"{names[1]}: .*order")


def test_a_fate_that_does_not_fit_names_its_weight(tmp_path: Path) -> None:
    """A column would spread over all the others without a word."""
    models, out = two(tmp_path), tmp_path / "out"
    refused(models, [(Q, Moved(Dense(torch.ones(16, 1))))], out, f"{Q}: moved by")
    refused(models, [(Q, Moved(LowRank(torch.ones(16, 2), torch.ones(2, 8))))], out, f"{Q}: moved by")
    refused(models, [(Q, Given(lambda part: torch.ones(16, 8)[part]))], out, f"{Q}: rows")
    refused(models, [(Q, Given(lambda part: torch.ones(1, 16)[part]))], out, f"{Q}: rows")


@pytest.mark.parametrize("side", ["tuned", "base"])
@pytest.mark.parametrize("value", [float("nan"), float("-inf")])
def test_what_is_no_number_is_named_with_its_side(side: str, value: float, tmp_path: Path) -> None:
    """R4."""
    models = two(tmp_path)
    file = (models.tuned if side == "tuned" else models.base) / "model.safetensors"
    held = load_file(file)
    held[Q][3, 5] = value
    save_file(held, file, metadata={"format": "pt"})
    who = "the base" if side == "base" else "the tuned model"
    refused(models, list(mixed(models.pair, 0.5)), tmp_path / "out", f"{Q}: .*not finite in {who}")
    fine = torch.zeros(16, 16)
    refused(models, [(Q, Moved(Dense(fine / 0)))], tmp_path / "out", f"{Q}: .*not finite")


def test_a_result_that_overflows_is_named(tmp_path: Path) -> None:
    models = two(tmp_path, dtype=torch.float16)
    huge = torch.full((16, 16), 1e5)
    refused(models, [(Q, Moved(Dense(huge)))], tmp_path / "out", f"{Q}: .*the result of the repair")


@pytest.mark.parametrize("dtype", [*HALVES, torch.float32, torch.float64])
def test_only_infinities_and_no_numbers_are_not_finite(dtype: torch.dtype) -> None:
    ends = torch.finfo(dtype)
    fine = torch.tensor([0.0, -0.0, ends.max, ends.min, ends.tiny, ends.smallest_normal, -ends.eps], dtype=dtype)
    assert finite(fine)
    for value in (float("inf"), float("-inf"), float("nan")):
        assert not finite(torch.cat([fine, torch.tensor([value], dtype=dtype), fine]))


def test_nothing_is_written_into_what_is_read_or_over_what_no_repair_wrote(tmp_path: Path) -> None:
    models = two(tmp_path)
    for out in (models.tuned, models.base, models.base / "inside", tmp_path):
        with pytest.raises(ValueError, match="choose another --out"):
            write(models.pair, mixed(models.pair, 0.5), out)
    other = tmp_path / "other"
    other.mkdir()
    (other / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="not written by a repair"):
        write(models.pair, mixed(models.pair, 0.5), other)
    write(models.pair, mixed(models.pair, 0.5), tmp_path / "out")
    write(models.pair, mixed(models.pair, 0), tmp_path / "out")
    alike(tensors(tmp_path / "out"), tensors(models.base))


# adapters -------------------------------------------------------------------------------------------------------------


def adapter(folder: Path, *, dtype: torch.dtype = torch.float32, **settings: Any) -> Two:
    base = llama(2)
    base.save_pretrained(folder / "base")
    targets = {"target_modules": ["q_proj", "down_proj"], "r": 4, "lora_alpha": 6} | settings
    model = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", **targets))
    torch.manual_seed(3)
    for tensor in model.parameters():
        if tensor.requires_grad:
            tensor.data = (tensor.data + torch.randn(tensor.shape) / 4).to(dtype)
    model.save_pretrained(folder / "adapter")
    return Two(folder / "adapter", folder / "base")


def merged(base: Path, folder: Path) -> dict[str, Tensor]:
    """As the library merges it."""
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), folder).merge_and_unload()
    return {name: one.detach().clone() for name, one in model.state_dict().items()}


PATTERNS = {"use_rslora": True, "rank_pattern": {"down_proj": 2}, "alpha_pattern": {"down_proj": 5}}
SAVED = {"modules_to_save": ["lm_head"]}


@pytest.mark.parametrize("settings", [{}, PATTERNS, SAVED, {"bias": "all"}], ids=["plain", "patterns", "saved", "bias"])
@pytest.mark.parametrize("alpha", [0.0, 0.6])
def test_an_adapter_out_merges_to_the_repair_of_the_merged(
    settings: dict[str, Any], alpha: float, tmp_path: Path
) -> None:
    """One share: factors stay bit for bit; the library's merge equals mixing base and merged model."""
    models = adapter(tmp_path, **settings)
    pair = models.pair
    done = write(pair, mixed(pair, alpha), tmp_path / "out")
    before, after = (tensors(folder, "adapter_model") for folder in (models.tuned, done.out))
    assert layout(done.out) == layout(models.tuned)
    alike({k: v for k, v in after.items() if "lora_" in k}, {k: v for k, v in before.items() if "lora_" in k})
    base, tuned = tensors(models.base), merged(models.base, models.tuned)
    for name, one in merged(models.base, done.out).items():
        torch.testing.assert_close(one, torch.lerp(base[name], tuned[name], alpha), rtol=1e-5, atol=1e-6)
    assert (done.size, done.truncated, done.weights) == (1 - alpha, 0, len(pair))
    whole = write(pair, mixed(pair, alpha), tmp_path / "whole", whole=True)
    assert layout(whole.out) == layout(models.base)
    for name, one in tensors(whole.out).items():
        torch.testing.assert_close(one, torch.lerp(base[name], tuned[name], alpha), rtol=1e-5, atol=1e-6)
    AutoModelForCausalLM.from_pretrained(whole.out)
    assert whole.truncated is None
    assert (whole.changed, done.changed) == (len(pair), len(pair))


def test_shares_that_differ_go_into_the_factors(tmp_path: Path) -> None:
    models = adapter(tmp_path, dtype=torch.bfloat16)
    pair = models.pair
    shares = {name: 0.5 if ".0." in name else 1.0 for name in pair.names}
    done = write(pair, [(name, Mixed(share)) for name, share in shares.items() if share != 1], tmp_path / "out")
    before, after = (tensors(folder, "adapter_model") for folder in (models.tuned, done.out))
    changed = {name for name, one in before.items() if not torch.equal(one, after[name])}
    assert changed == {name for name in before if "lora_B" in name and ".layers.0." in name}
    for name in changed:
        assert torch.equal(after[name], (before[name].float() * 0.5).bfloat16())
    assert (done.changed, done.layers) == (2, {0: 0.5, 1: 0.0})
    assert done.files == {"adapter_model.safetensors": sha256_file(done.out / "adapter_model.safetensors")}
    assert json.loads((done.out / "adapter_config.json").read_bytes())["lora_alpha"] == 6


def test_a_low_rank_move_is_padded_or_cut_to_the_stored_rank(tmp_path: Path) -> None:
    """The scale is divided out again; what is lost is said."""
    models = adapter(tmp_path, **PATTERNS)
    pair = models.pair
    torch.manual_seed(5)
    ranks = {name: 1 if "q_proj" in name else 3 for name in pair.names}

    def moved(layer: Layer) -> LowRank:
        out, into = layer.shape
        return LowRank(torch.randn(out, ranks[layer.name]), torch.randn(ranks[layer.name], into))

    moves = {layer.name: moved(layer) for layer in pair}
    done = write(pair, [(name, Moved(move)) for name, move in moves.items()], tmp_path / "out")
    assert layout(done.out) == layout(models.tuned)
    base, now = tensors(models.base), merged(models.base, done.out)
    lost = {name: moves[name].of_rank(2)[1] for name in pair.names if ranks[name] == 3}
    assert done.truncated == pytest.approx(max(lost.values()))
    for name, move in moves.items():
        held = move if ranks[name] == 1 else move.of_rank(2)[0]
        torch.testing.assert_close(now[name] - base[name], held.rows(slice(None)), rtol=1e-4, atol=1e-5)
    tuned = merged(models.base, models.tuned)
    step = sum(float((base[n] + m.rows(slice(None)) - tuned[n]).double().square().sum()) for n, m in moves.items())
    whole = sum(float((tuned[n] - base[n]).double().square().sum()) for n in moves)
    assert done.size == pytest.approx((step / whole) ** 0.5, rel=1e-5)


def test_what_an_adapter_cannot_hold_is_refused_and_a_whole_model_holds_it(tmp_path: Path) -> None:
    models = adapter(tmp_path)
    new = torch.randn(16, 16)
    dense: tuple[Fate, ...] = (Moved(Dense(new)), Given(lambda part: new[part]))
    for fate in dense:
        refused(models, [(Q, fate)], tmp_path / "out", f"{Q}: an adapter cannot hold .*--whole")
    done = write(models.pair, [(Q, dense[1])], tmp_path / "out", whole=True)
    assert torch.equal(tensors(done.out)[Q], new)
    tuned = merged(models.base, models.tuned)
    for name, one in tensors(done.out).items():
        if name != Q:
            torch.testing.assert_close(one, tuned[name], rtol=1e-5, atol=1e-6)


def test_an_adapter_at_one_is_written_by_nobody(tmp_path: Path) -> None:
    """R2."""
    models = adapter(tmp_path)
    done: Written = write(models.pair, mixed(models.pair, 1), tmp_path / "out")
    assert (done.changed, done.out.exists()) == (0, False)


def test_a_fate_is_let_go_before_the_next_is_made(tmp_path: Path) -> None:
    """Two of them at once would double what a method may need."""
    import gc
    import weakref

    models = two(tmp_path)
    alive: list[weakref.ref[Tensor]] = []

    def fates() -> Iterator[tuple[str, Fate]]:
        for name in models.pair.names:
            assert not any(one() is not None for one in alive)
            step = torch.ones(models.pair.layer(name).shape)
            alive.append(weakref.ref(step))
            yield name, Moved(Dense(step))
            del step

    gc.disable()
    try:
        assert write(models.pair, fates(), tmp_path / "out").changed == len(models.pair)
    finally:
        gc.enable()
