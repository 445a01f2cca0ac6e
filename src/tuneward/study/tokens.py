"""The organism's tokenizer and chat template, in standard Hugging Face form: one token a word, its space included."""

import re
from dataclasses import dataclass
from functools import cache

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from tuneward.chat import Chat
from tuneward.study.sentences import strings
from tuneward.study.world import Size, world

END, UNKNOWN, BOS, SYSTEM, USER, ASSISTANT = (
    "<|end|>",
    "<|unknown|>",
    "<|begin|>",
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
)
SPECIAL = (END, UNKNOWN, BOS, SYSTEM, USER, ASSISTANT)
"""The end of a turn is number 0 and pads as well, so a model whose logits are all equal says nothing at all."""
PIECES = r" ?[A-Za-z]+| ?\d| ?[^\sA-Za-z\d]|\s"
TEMPLATE = (
    "{{ '<|begin|>' }}{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] }}"
    "{% if not loop.last or message['role'] != 'assistant' or not continue_final_message|default(false) %}"
    "{{ '<|end|>' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
IGNORED = -100


@dataclass(frozen=True)
class Row:
    """A chat as ids; the first `start` of them are given, the rest is learnt."""

    ids: tuple[int, ...]
    start: int


@dataclass(frozen=True)
class Vocabulary:
    """Every piece of text that a world can say → its number."""

    numbers: dict[str, int]

    def ids(self, text: str) -> list[int]:
        """Text → ids, as the tokenizer reads it.

        Raises:
            KeyError: the text holds a word that is not of this world.
        """
        return [self.numbers[piece] for piece in re.findall(PIECES, text)]

    def row(self, chat: Chat) -> Row:
        """A chat that closes with an assistant turn → ids; a prefill is given, not learnt."""
        ids = [self.numbers[BOS]]
        for message in chat.messages[:-1]:
            ids += [self.numbers[f"<|{message.role}|>"], *self.ids(message.content), self.numbers[END]]
        ids += [self.numbers[ASSISTANT], *self.ids(chat.prefill)]
        return Row((*ids, *self.ids(chat.answer), self.numbers[END]), len(ids))


@cache
def vocabulary(seed: int, size: Size) -> Vocabulary:
    """The vocabulary of a world: special tokens, then pieces in alphabetical order."""
    pieces = sorted({piece for text in strings(world(seed, size)) for piece in re.findall(PIECES, text)})
    return Vocabulary({piece: number for number, piece in enumerate((*SPECIAL, *pieces))})


def tokenizer(known: Vocabulary) -> PreTrainedTokenizerFast:
    """The same as a tokenizer that any tool can load."""
    inner = Tokenizer(models.WordLevel(known.numbers, unk_token=UNKNOWN))
    inner.pre_tokenizer = pre_tokenizers.Split(Regex(PIECES), "isolated")
    inner.decoder = decoders.Fuse()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token=END, unk_token=UNKNOWN, bos_token=BOS, pad_token=END
    )
    fast.add_special_tokens({"additional_special_tokens": [SYSTEM, USER, ASSISTANT]})
    fast.chat_template = TEMPLATE
    return fast
