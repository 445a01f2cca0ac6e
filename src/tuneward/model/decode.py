"""One batch of prompts → token ids, greedy or sampled (house method).

Greedy whatever the checkpoint's generation config says. A sampled token is found by inverting the distribution at a
uniform number fixed by seed, prompt and sample, so a reply does not depend on its neighbours, and both arms of an
audit draw with the same numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tuneward.chat import Finish
from tuneward.model.kv import buffers, select
from tuneward.model.prefill import Prompts, forward, prefill
from tuneward.model.steering import Hand
from tuneward.speaking import Decoding

SHRINK_AT = 0.9
"""Share of rows still speaking at which the others leave the batch."""


@dataclass(frozen=True)
class Answer:
    """What the model said to one prompt: ids without the stop token, and why it stopped."""

    ids: tuple[int, ...]
    finish: Finish
    guided: tuple[int, int] | None = None
    """As in `Said`."""


@dataclass(frozen=True)
class Draws:
    """How tokens are drawn, and what names each row for it."""

    decoding: Decoding
    keys: Sequence[str]

    def uniforms(self) -> Tensor | None:
        """None where nothing is left to chance."""
        return uniforms(self.keys, self.decoding) if self.decoding.temperature > 0 else None


def uniforms(keys: Sequence[str], decoding: Decoding) -> Tensor:
    """One uniform number a row and step, (rows, max_tokens), from seed and the row's key alone."""
    rows = []
    for key in keys:
        entropy = [decoding.seed, *key.encode()]
        rows.append(np.random.Generator(np.random.Philox(np.random.SeedSequence(entropy))).random(decoding.max_tokens))
    return torch.from_numpy(np.stack(rows))


def choose(logits: Tensor, draw: Tensor | None, temperature: float) -> Tensor:
    """Next token of each row, (rows,): the largest logit, or the token at quantile `draw` of the distribution."""
    if draw is None:
        return logits.argmax(-1)
    cumulative = torch.softmax(logits.float() / temperature, -1).double().cumsum(-1)
    target = draw.to(logits.device)[:, None] * cumulative[:, -1:]
    return torch.searchsorted(cumulative, target, right=True).squeeze(-1).clamp(max=logits.shape[-1] - 1)


class _Rows:
    """Which rows of the batch still speak, and what all have said."""

    def __init__(self, count: int, stops: frozenset[int], device: torch.device) -> None:
        self.said: list[list[int]] = [[] for _ in range(count)]
        self.finish: list[Finish] = ["length"] * count
        self.active = list(range(count))
        self._stops = torch.tensor(sorted(stops), device=device)

    def take(self, tokens: Tensor) -> list[int]:
        """Note one token for each active row; gives the places, within the active rows, of those that go on."""
        stopped = torch.isin(tokens, self._stops).tolist()
        going = []
        for place, (row, token, stop) in enumerate(zip(self.active, tokens.tolist(), stopped, strict=True)):
            if self.finish[row] == "stop":
                continue
            if stop:
                self.finish[row] = "stop"
                continue
            self.said[row].append(token)
            going.append(place)
        return going

    def answers(self, hand: Hand | None) -> list[Answer]:
        counts: Sequence[tuple[int, int] | None] = hand.counts() if hand else [None] * len(self.said)
        found = zip(self.said, self.finish, counts, strict=True)
        return [Answer(tuple(ids), finish, guided) for ids, finish, guided in found]


@torch.inference_mode()
def decode(
    model: Any,
    prompts: Sequence[Sequence[int]],
    *,
    draws: Draws,
    stops: frozenset[int],
    hand: Hand | None = None,
) -> list[Answer]:
    """Answer one batch. Same order, same length.

    Finished rows leave the batch only in float32, where a row's result does not depend on its neighbours; in lower
    precision they stay, so that a batch is computed alike however long each arm's answers are.
    """
    device, most = model.get_input_embeddings().weight.device, draws.decoding.max_tokens
    read = Prompts(tuple(tuple(p) for p in prompts), min(stops, default=0), device)
    state = prefill(model, read, room=most)
    drawn = draws.uniforms()
    rows = _Rows(len(prompts), stops, device)
    shrinks = model.dtype == torch.float32 and bool(buffers(state.cache))
    logits, mask, positions = state.logits, state.mask, state.positions
    tokens: Tensor | None = None
    for step in range(most):
        logits = logits if hand is None else hand(logits, tokens)
        tokens = choose(logits, None if drawn is None else drawn[rows.active, step], draws.decoding.temperature)
        going = rows.take(tokens)
        if not going or step + 1 == most:
            break
        if shrinks and len(going) <= SHRINK_AT * len(rows.active):
            kept = torch.tensor(going, device=device)
            tokens, mask, positions = tokens[kept], mask[kept], positions[kept]
            rows.active = [rows.active[place] for place in going]
            select(state.cache, kept)
            if hand is not None:
                hand.keep(kept)
        mask = torch.cat([mask, mask.new_ones(mask.shape[0], 1)], -1)
        logits = forward(model, tokens[:, None], mask, positions, cache=state.cache)
        positions = positions + 1
    return rows.answers(hand)
