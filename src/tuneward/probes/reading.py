"""What two models expect as the first token of a reply (house method)."""

from collections.abc import Iterator, Sequence

from torch import Tensor

from tuneward.chat import Chat
from tuneward.model.engine import Engine
from tuneward.model.measure import first_log_probs

ROWS = 16
"""Prompts read together: each holds a row of the vocabulary."""


def first_tokens(model: Engine, base: Engine, chats: Sequence[Chat]) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Place of a chat, and the log-probabilities (vocabulary,) of the model and of the base, prompts of like length
    together; both read the prompt as the base reads it, so that weights are compared and not templates.

    Raises:
        ValueError: when the tokenizers or the sizes of the vocabularies differ.
    """
    if model.info.tokenizer != base.info.tokenizer:
        raise ValueError("probe: the arms have two tokenizers, so their first tokens are not the same words")
    prompts = [base.ids(chat) for chat in chats]
    order = sorted(range(len(prompts)), key=lambda place: (len(prompts[place]), place))
    for first in range(0, len(order), ROWS):
        places = order[first : first + ROWS]
        before, after = (first_log_probs(arm, [prompts[place] for place in places]) for arm in (base, model))
        if before.shape != after.shape:
            raise ValueError("probe: the vocabularies of the arms have two sizes; their tokenizers cannot be the same")
        yield from zip(places, after, before, strict=True)
