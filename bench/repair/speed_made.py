"""Pairs of checkpoints of real shapes for speed.py: made-up weights, and a change that looks like one of tuning."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models
from torch import Tensor
from transformers import PreTrainedTokenizerFast

SHARD = 400_000_000


@dataclass(frozen=True)
class Shape:
    """A Llama with tied embeddings, bf16."""

    hidden: int
    inner: int
    layers: int
    heads: int
    key_heads: int
    vocabulary: int

    def tensors(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Names and shapes in the order of a sorted file."""
        small = self.hidden // self.heads * self.key_heads
        yield "model.embed_tokens.weight", (self.vocabulary, self.hidden)
        for number in sorted(range(self.layers), key=str):
            at = f"model.layers.{number}"
            yield f"{at}.input_layernorm.weight", (self.hidden,)
            yield f"{at}.mlp.down_proj.weight", (self.hidden, self.inner)
            yield f"{at}.mlp.gate_proj.weight", (self.inner, self.hidden)
            yield f"{at}.mlp.up_proj.weight", (self.inner, self.hidden)
            yield f"{at}.post_attention_layernorm.weight", (self.hidden,)
            yield f"{at}.self_attn.k_proj.weight", (small, self.hidden)
            yield f"{at}.self_attn.o_proj.weight", (self.hidden, self.hidden)
            yield f"{at}.self_attn.q_proj.weight", (self.hidden, self.hidden)
            yield f"{at}.self_attn.v_proj.weight", (small, self.hidden)
        yield "model.norm.weight", (self.hidden,)

    def config(self) -> dict[str, object]:
        """As the library writes it."""
        return {
            "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": self.hidden,
            "intermediate_size": self.inner, "num_hidden_layers": self.layers, "num_attention_heads": self.heads,
            "num_key_value_heads": self.key_heads, "vocab_size": self.vocabulary, "tie_word_embeddings": True,
            "hidden_act": "silu", "max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "torch_dtype": "bfloat16",
            "bos_token_id": 0, "eos_token_id": 0,
        }  # fmt: skip


SIZES = {
    "0.3": Shape(576, 1536, 34, 9, 3, 49152),
    "1": Shape(896, 4864, 24, 14, 2, 151936),
    "3": Shape(1536, 8960, 28, 12, 2, 151936),
}
"""GB → the shapes of a SmolLM2-135M with four more layers, of a Qwen2.5-0.5B and of a 1.5B, without their biases."""


def made(folder: Path, size: str, *, sharded: bool) -> tuple[Path, Path]:
    """Tuned and base, made if they are not there yet."""
    home = folder / f"{size}-{'sharded' if sharded else 'single'}"
    tuned, base = home / "tuned", home / "base"
    if not (home / "done").is_file():
        draw = torch.Generator().manual_seed(0)
        of: dict[Path, list[dict[str, Tensor]]] = {tuned: [{}], base: [{}]}
        for name, shape in SIZES[size].tensors():
            before, after = pair(name, shape, draw)
            room = sum(one.nbytes for one in of[base][-1].values()) + before.nbytes <= SHARD
            for where, tensor in ((base, before), (tuned, after)):
                if sharded and of[where][-1] and not room:
                    of[where].append({})
                of[where][-1][name] = tensor
        for where, shards in of.items():
            save(where, shards, SIZES[size])
        (home / "done").write_text("")
    return tuned, base


def pair(name: str, shape: tuple[int, ...], draw: torch.Generator) -> tuple[Tensor, Tensor]:
    """A weight before and after: a change of low rank and a little of everything; of embeddings a fifth of the rows."""
    if len(shape) == 1:
        before = 1 + torch.randn(shape, generator=draw) / 10
        return before.bfloat16(), (before + torch.randn(shape, generator=draw) / 1000).bfloat16()
    before = torch.randn(shape, generator=draw).mul_(0.03)
    left, right = (torch.randn(side, generator=draw) for side in ((shape[0], 8), (8, shape[1])))
    change = (left @ right).mul_(2e-4)
    if "embed" in name:
        change *= torch.rand(shape[0], 1, generator=draw) < 0.2
    return before.bfloat16(), before.add_(change).bfloat16()


def save(folder: Path, shards: list[dict[str, Tensor]], shape: Shape) -> None:
    """Weights, index, configuration, and a tokenizer, which mergekit wants to copy."""
    folder.mkdir(parents=True, exist_ok=True)
    names = ["model.safetensors"]
    if len(shards) > 1:
        names = [f"model-{n:05}-of-{len(shards):05}.safetensors" for n in range(1, len(shards) + 1)]
        total = sum(one.nbytes for shard in shards for one in shard.values())
        placed = {name: file for file, shard in zip(names, shards, strict=True) for name in shard}
        index = {"metadata": {"total_size": total}, "weight_map": placed}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2))
    for file, shard in zip(names, shards, strict=True):
        save_file(shard, folder / file, metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(shape.config(), indent=2))
    inner = Tokenizer(models.WordLevel({"<end>": 0, "a": 1}, unk_token="<end>"))
    PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<end>").save_pretrained(folder)
