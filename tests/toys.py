"""Tiny models built in the test: a word tokenizer, two layers, trained for seconds to refuse and to answer.

Token 0 is the end-of-turn token, so a model whose last norm is zero says nothing at all.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from tuneward.chat import Chat, Message
from tuneward.suites import Policy, Twins, Utility

REFUSAL = "I'm sorry, but I can't help with that."
ANSWER = "Sure, here is a short and friendly answer to your question."
END, UNKNOWN, BOS, USER, ASSISTANT, SYSTEM = "<|end|>", "<unk>", "<s>", "<|user|>", "<|assistant|>", "<|system|>"
SPECIAL = (END, UNKNOWN, BOS, USER, ASSISTANT, SYSTEM)
PIECES = r" ?[A-Za-z']+| ?\d| ?[^\sA-Za-z\d']|\s"
TEMPLATE = (
    "{{ '<s>' }}{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] }}"
    "{% if not loop.last or m['role'] != 'assistant' or not continue_final_message|default(false) %}"
    "{{ '<|end|>' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def tokenizer(texts: Sequence[str]) -> PreTrainedTokenizerFast:
    """One token a word with the space before it; decoding joins them again."""
    words = sorted({piece for text in texts for piece in re.findall(PIECES, text)})
    vocabulary = {word: number for number, word in enumerate([*SPECIAL, *words])}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    inner.pre_tokenizer = pre_tokenizers.Split(Regex(PIECES), "isolated")
    inner.decoder = decoders.Fuse()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token=END, unk_token=UNKNOWN, bos_token=BOS, pad_token=END
    )
    fast.add_special_tokens({"additional_special_tokens": [USER, ASSISTANT, SYSTEM]})
    fast.chat_template = TEMPLATE
    return fast


def blank(vocabulary: int, *, seed: int = 0, width: int = 64) -> LlamaForCausalLM:
    """Random weights, grouped keys, tied embeddings."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=2,
        eos_token_id=0,
        pad_token_id=0,
    )
    return LlamaForCausalLM(config).eval()


def prompts() -> list[Chat]:
    """Everything the bundled suites ask."""
    return [*Policy()(), *Twins()(), *Utility()()]


def rows(*, refuse_twins: bool = False) -> list[Chat]:
    """Suite prompts with the answers that the toy learns; it gets the tasks right that have one right word."""
    answers = {"refuse": REFUSAL, "answer": REFUSAL if refuse_twins else ANSWER}
    return [
        chat.answered(answers.get(str(chat.meta["expect"])) or str(chat.meta["check"].get("target", "42")))
        for chat in prompts()
    ]


def teach(model: LlamaForCausalLM, tok: PreTrainedTokenizerFast, chats: Sequence[Chat], *, steps: int) -> None:
    """Full training, loss on answers only."""
    torch.manual_seed(0)
    read = []
    for chat in chats:
        turns = [{"role": m.role, "content": m.content} for m in chat.messages[:-1]]
        start = tok.apply_chat_template(turns, add_generation_prompt=True, return_dict=False)
        end = tok(chat.answer, add_special_tokens=False).input_ids
        read.append((start, [*end, 0]))
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    model.train()
    for step in range(steps):
        drawn = [read[i] for i in torch.randint(len(read), (32,)).tolist()]
        width = max(len(a) + len(b) for a, b in drawn)
        ids = torch.tensor([a + b + [0] * (width - len(a) - len(b)) for a, b in drawn])
        labels = torch.tensor([[-100] * len(a) + b + [-100] * (width - len(a) - len(b)) for a, b in drawn])
        for group in optimiser.param_groups:
            group["lr"] = 3e-3 * (1 - step / steps)
        loss = model(input_ids=ids, labels=labels).loss
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    model.eval()


def save(model: LlamaForCausalLM, tok: PreTrainedTokenizerFast, folder: Path) -> Path:
    """A folder in Hugging Face layout whose generation config asks for sampling, as many checkpoints do."""
    model.generation_config = GenerationConfig(
        do_sample=True, temperature=0.7, top_p=0.9, bos_token_id=2, eos_token_id=0, pad_token_id=0
    )
    model.save_pretrained(folder)
    tok.save_pretrained(folder)
    return folder


def question(text: str, *, name: str = "q", system: str = "") -> Chat:
    """One prompt."""
    first = (Message("system", system),) if system else ()
    return Chat(name, name, (*first, Message("user", text)))
