"""Numbers of a model on the selection split: gaps at the first token, losses of the task's answers (house method).

Forward passes only, texts of like length together, nothing generated. Texts are padded on the right and positions
given, so that a text's numbers are the same in any company. Gradients flow through where they are switched on.
"""

import contextlib
import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import DynamicCache

from tuneward.model import kv, trial
from tuneward.model.engine import Engine
from tuneward.model.prefill import common_length
from tuneward.probes.gap import Gap

Floats = NDArray[np.float64]
Text = tuple[tuple[int, ...], tuple[int, ...]]
"""Ids of a prompt and of its answer, which is empty where only the first token is read."""
TOKENS, TOGETHER, LOGITS = 4096, 64, 1 << 26
"""Tokens with padding, texts, and numbers of logits that are read together at most."""


@dataclass(frozen=True)
class Split:
    """What is read at every setting, as ids."""

    requests: tuple[tuple[int, ...], ...]
    twins: tuple[tuple[int, ...], ...]
    rows: tuple[Text, ...]
    """Prompts and answers of the task; an answer ends with the token that ends the turn."""
    gap: Gap

    @property
    def tokens(self) -> Floats:
        """Tokens of each answer."""
        return np.array([len(answer) for _, answer in self.rows], dtype=np.float64)


@dataclass(frozen=True)
class Reading:
    """What one model made of it."""

    requests: Floats
    """Gap of each request in nats: above 0 the first token rather refuses."""
    twins: Floats
    losses: Floats
    """Negative log-likelihood of each answer, nats."""


def read(engine: Engine, split: Split) -> Reading:
    """All figures of a model.

    Raises:
        ValueError: a text past the model's positions, or a model that reads otherwise in a batch.
    """
    prompts = [(ids, ()) for ids in (*split.requests, *split.twins)]
    texts: list[Text] = [*prompts, *split.rows]
    trial.within_reach(engine.model, [(*prompt, *answer) for prompt, answer in texts], max_tokens=1)
    gaps, losses = np.zeros(len(prompts)), np.zeros(len(split.rows))
    with engine.ready(), torch.inference_mode():
        trial.hold(engine.model)
        for place, logits in _logits(engine.model, prompts):
            gaps[place] = float(gap_at(logits, split.gap))
        for place, logits in _logits(engine.model, split.rows):
            losses[place] = float(loss_of(logits, split.rows[place][1]))
    return Reading(gaps[: len(split.requests)], gaps[len(split.requests) :], losses)


def gap_at(logits: Tensor, gap: Gap) -> Tensor:
    """Gap of the first answer token, a float64 scalar, from logits (≥ 1, vocabulary): their normaliser cancels."""
    sides = (logits[0, list(side)].double().logsumexp(-1) for side in (gap.refusing, gap.complying))
    refusing, complying = sides
    return refusing - complying


def loss_of(logits: Tensor, answer: Sequence[int]) -> Tensor:
    """Negative log-likelihood of an answer, a scalar, from logits (tokens, vocabulary)."""
    wanted = torch.tensor(list(answer), device=logits.device)
    return torch.nn.functional.cross_entropy(logits.float(), wanted, reduction="sum")


@dataclass(frozen=True)
class Beginning:
    """Tokens that all texts begin with, and what a model keeps of them."""

    length: int = 0
    cache: Any = None


def beginning(model: Any, texts: Sequence[Text]) -> Beginning:
    """Read what all prompts begin with, where that is exact: in models with plain attention in every layer."""
    shared = common_length([prompt for prompt, _ in texts]) if texts and kv.buffers_fit(model) else 0
    if not shared:
        return Beginning()
    cache = DynamicCache(config=model.config)
    ids = torch.tensor([texts[0][0][:shared]], device=model.get_input_embeddings().weight.device)
    model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
    return Beginning(shared, cache)


def _logits(model: Any, texts: Sequence[Text]) -> Iterator[tuple[int, Tensor]]:
    known = beginning(model, texts)
    for places in batches(texts, vocabulary=model.get_input_embeddings().weight.shape[0]):
        yield from zip(places, logits_of(model, [texts[place] for place in places], known), strict=True)


def batches(texts: Sequence[Text], *, vocabulary: int, tokens: int = TOKENS) -> Iterator[list[int]]:
    """Places of texts that are read together, from short to long."""
    order = sorted(range(len(texts)), key=lambda n: (len(texts[n][0]) + len(texts[n][1]), len(texts[n][0]), n))
    batch: list[int] = []
    for place in order:
        longest = len(texts[place][0]) + len(texts[place][1])
        kept = longest - min(len(texts[n][0]) for n in (*batch, place)) + 1
        count = len(batch) + 1
        if batch and (count > TOGETHER or count * longest > tokens or count * kept * vocabulary > LOGITS):
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def logits_of(model: Any, texts: Sequence[Text], known: Beginning | None = None) -> list[Tensor]:
    """Of each text the logits before each of its answer's tokens, (max(1, answer), vocabulary), of a ready model."""
    device = model.get_input_embeddings().weight.device
    width = max(len(prompt) + len(answer) for prompt, answer in texts)
    ids = torch.zeros(len(texts), width, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, (prompt, answer) in enumerate(texts):
        length = len(prompt) + len(answer)
        ids[row, :length] = torch.tensor([*prompt, *answer])
        mask[row, :length] = 1
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    first = min(len(prompt) for prompt, _ in texts) - 1
    skip, past = known.length if known else 0, None
    if known and skip:
        past = copy.deepcopy(known.cache)
        past.batch_repeat_interleave(len(texts))
    output = model(
        input_ids=ids[:, skip:].to(device),
        attention_mask=mask.to(device),
        position_ids=positions[:, skip:].to(device),
        past_key_values=past,
        logits_to_keep=width - first,
        use_cache=past is not None,
    )
    starts = [len(prompt) - 1 - first for prompt, _ in texts]
    return [
        output.logits[row, start : start + max(1, len(answer))]
        for row, (start, (_, answer)) in enumerate(zip(starts, texts, strict=True))
    ]


@contextlib.contextmanager
def learning(parameters: Sequence[torch.nn.Parameter]) -> Iterator[None]:
    """These parameters collect gradients inside; afterwards their flags are as they were and the gradients gone."""
    before = [parameter.requires_grad for parameter in parameters]
    for parameter in parameters:
        parameter.requires_grad_(True)
    try:
        yield
    finally:
        for parameter, flag in zip(parameters, before, strict=True):
            parameter.requires_grad_(flag)
            parameter.grad = None
