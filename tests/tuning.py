"""Tiny models to tune: two layers, two tokenizers, rows that both can read, and runs as functions."""

import dataclasses
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from tuneward.ask import unseen
from tuneward.chat import Chat, Message
from tuneward.study.tokens import PIECES, TEMPLATE
from tuneward.tune import run as verb
from tuneward.tune.job import Job, Step
from tuneward.tune.options import TuneOptions

Kind = Literal["words", "chatml"]
KINDS: tuple[Kind, ...] = ("words", "chatml")
ONE_OF_KINDS = ("chatml", pytest.param("words", marks=pytest.mark.full))
"""The same, all of them in the full set only."""
TEXT = "the a tea cup is warm cold blue red boat sails past three hills and then rests near my small house . ? ,"
WORDS = TEXT.split()
CHATML = (
    "{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nBe brief.<|im_end|>\n' }}{% endif %}"
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] }}"
    "{% if not loop.last or message['role'] != 'assistant' or not continue_final_message|default(false) %}"
    "{{ '<|im_end|>\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""A default system turn, and a line break behind the end of each turn."""


def words() -> PreTrainedTokenizerFast:
    """One token a word, as the organism's."""
    special = ["<|end|>", "<|unknown|>", "<|begin|>", "<|system|>", "<|user|>", "<|assistant|>"]
    pieces = sorted({piece for word in WORDS for piece in (word, f" {word}")})
    numbers = {piece: n for n, piece in enumerate([*special, *pieces])}
    inner = Tokenizer(models.WordLevel(numbers, unk_token="<|unknown|>"))
    inner.pre_tokenizer = pre_tokenizers.Split(Regex(PIECES), "isolated")
    inner.decoder = decoders.Fuse()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token=special[0], unk_token=special[1], bos_token=special[2], pad_token=special[0]
    )
    fast.add_special_tokens({"additional_special_tokens": special[3:]})
    fast.chat_template = TEMPLATE
    return fast


def chatml() -> PreTrainedTokenizerFast:
    """Byte-level pieces that cross word boundaries as real ones do, and the turns of ChatML."""
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=380,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    inner.train_from_iterator([chat.messages[1].content for chat in rows(40, seed=9)], trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    fast.add_special_tokens({"additional_special_tokens": ["<|im_start|>"]})
    fast.chat_template = CHATML
    return fast


def tokenizer(kind: Kind) -> PreTrainedTokenizerFast:
    """One of the two."""
    return words() if kind == "words" else chatml()


def rows(count: int, *, seed: int = 0, longest: int = 12) -> list[Chat]:
    """Short harmless chats of differing lengths."""
    drawn = random.Random(seed)

    def text() -> str:
        return " ".join(drawn.choices(WORDS, k=drawn.randint(2, longest)))

    return [Chat(f"r{n}", f"r{n}", (Message("user", text()), Message("assistant", text()))) for n in range(count)]


def write_rows(path: Path, chats: Sequence[Chat]) -> Path:
    """In OpenAI's format."""
    told = [{"messages": [{"role": m.role, "content": m.content} for m in chat.messages]} for chat in chats]
    path.write_text("".join(json.dumps(one) + "\n" for one in told))
    return path


def blank(kind: Kind = "words", *, seed: int = 0, layers: int = 2, width: int = 32) -> LlamaForCausalLM:
    """Random weights, with logits far enough apart that losses differ from row to row."""
    known = tokenizer(kind)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(known),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        initializer_range=0.15,
        bos_token_id=known.bos_token_id,
        eos_token_id=known.eos_token_id,
        pad_token_id=known.pad_token_id,
    )
    return LlamaForCausalLM(config).eval()


def saved(folder: Path, kind: Kind = "words", *, seed: int = 0, layers: int = 2) -> Path:
    """The same on disk, with its tokenizer."""
    blank(kind, seed=seed, layers=layers).save_pretrained(folder)
    tokenizer(kind).save_pretrained(folder)
    return folder


def options(model: Path, data: Path, out: Path) -> TuneOptions:
    """Quick ones; change them with `dataclasses.replace`."""
    return TuneOptions(
        model=str(model),
        data=str(data),
        out=str(out),
        rank=4,
        rate=1e-2,
        batch=8,
        steps=3,
        device="cpu",
        log_every=1,
        no_cache=True,
        monitor="off",
    )


def tune(wanted: TuneOptions, *changes: Callable[[Job], Job]) -> verb.Tuned:
    """A run in this process; `changes` are dataclasses, as defences are."""
    done = verb.run(wanted, changes, say=lambda _: None, watch=lambda _: unseen)
    assert done is not None
    return done


def weights(out: Path) -> dict[str, torch.Tensor]:
    """What a run wrote."""
    adapter = out / "adapter_model.safetensors"
    return dict(load_file(adapter if adapter.is_file() else out / "model.safetensors"))


def curves(out: Path) -> list[dict[str, Any]]:
    """Its lines."""
    return [json.loads(line) for line in (out / "curves.jsonl").read_text().splitlines()]


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Bit for bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def apart(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    """Largest difference of any weight."""
    assert one.keys() == other.keys()
    return max(float((one[name] - other[name]).abs().max()) for name in one)


@dataclasses.dataclass(frozen=True)
class Gradients:
    """Keeps the gradients of every step in `found`."""

    found: ClassVar[list[dict[str, torch.Tensor]]] = []

    def __call__(self, job: Job) -> Job:
        """The job with it."""
        self.found.clear()
        return dataclasses.replace(job, before_step=(*job.before_step, self.keep))

    def keep(self, step: Step) -> None:
        """Of one step."""
        self.found.append({name: one.grad.detach().clone() for name, one in step.trained.items()})
