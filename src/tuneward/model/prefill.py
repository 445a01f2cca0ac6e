"""Reading the prompts of one batch before the first token is chosen (house method).

One wide pass over a whole batch pays for its padding and overflows a CPU's caches; a few rows of like length at a time
do neither. What all prompts begin with (a system turn, a persona) is read once and copied.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, DynamicCache

from tuneward.model.kv import buffers, make_cache

GROUP = 16
"""Rows read together on a CPU."""
SHORTEST_PREFIX = 8
"""A common beginning of fewer tokens is not worth a pass of its own."""


@dataclass(frozen=True)
class Prompts:
    """Token ids on the model's device, padded on the left to one width."""

    ids: tuple[tuple[int, ...], ...]
    pad: int
    device: torch.device

    @property
    def width(self) -> int:
        """Tokens of the longest prompt."""
        return max(len(p) for p in self.ids)

    def tensors(self, *, skip: int = 0) -> tuple[Tensor, Tensor, Tensor]:
        """ids, mask and positions, each (rows, width − skip), leaving out the first `skip` tokens of every prompt."""
        width = self.width - skip
        ids = torch.full((len(self.ids), width), self.pad, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(self.ids):
            rest = len(prompt) - skip
            ids[row, width - rest :] = torch.tensor(prompt[skip:], dtype=torch.long)
            mask[row, width - rest :] = 1
        positions = (mask.cumsum(-1) - 1).clamp(min=0) + skip
        return ids.to(self.device), mask.to(self.device), positions.to(self.device)


@dataclass(frozen=True)
class Prefilled:
    """After reading: last logits (rows, vocabulary), mask (rows, width), next positions (rows, 1), the cache."""

    logits: Tensor
    mask: Tensor
    positions: Tensor
    cache: Cache


def forward(model: Any, ids: Tensor, mask: Tensor, positions: Tensor, *, cache: Cache) -> Tensor:
    """Logits of the last column, (rows, vocabulary)."""
    output = model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=positions,
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    )
    logits: Tensor = output.logits[:, -1]
    return logits


def common_length(prompts: Sequence[tuple[int, ...]]) -> int:
    """Tokens that all prompts begin with, at least one token of each left over; 0 when too few."""
    low, high = min(prompts), max(prompts)  # what these two share, all share: order is by the first difference
    differ = (place for place, (a, b) in enumerate(zip(low, high, strict=False)) if a != b)
    shared = min(next(differ, len(low)), min(len(p) for p in prompts) - 1)
    return shared if shared >= SHORTEST_PREFIX and len(prompts) > 1 else 0


def prefill(model: Any, prompts: Prompts, *, room: int | None) -> Prefilled:
    """Read all prompts; `room` columns are kept free for answers, None where nobody knows how many these will need."""
    rows, width = len(prompts.ids), prompts.width
    cache = DynamicCache(config=model.config) if room is None else make_cache(model, rows, width + room)
    layers = buffers(cache)
    last = torch.tensor([[len(p)] for p in prompts.ids], device=prompts.device)
    if not layers:
        ids, mask, positions = prompts.tensors()
        return Prefilled(forward(model, ids, mask, positions, cache=cache), mask, last, cache)
    shared = common_length(prompts.ids)
    group = GROUP if prompts.device.type == "cpu" else rows
    beginning = _read_beginning(model, prompts, shared=shared)
    mask = torch.zeros(rows, width, dtype=torch.long, device=prompts.device)
    logits = []
    for first in range(0, rows, group):
        part = Prompts(prompts.ids[first : first + group], prompts.pad, prompts.device)
        window, start = slice(first, first + len(part.ids)), width - part.width
        for layer, (keys, values) in zip(layers, beginning, strict=False):
            layer.open(window, start)
            layer.update(keys.expand(len(part.ids), -1, -1, -1), values.expand(len(part.ids), -1, -1, -1))
        if not beginning:
            for layer in layers:
                layer.open(window, start)
        ids, rest, positions = part.tensors(skip=shared)
        mask[window, start : start + shared] = 1
        mask[window, start + shared :] = rest
        logits.append(forward(model, ids, mask[window, start:], positions, cache=cache))
    for layer in layers:
        layer.open(slice(0, rows), 0, width)
    return Prefilled(torch.cat(logits), mask, last, cache)


def _read_beginning(model: Any, prompts: Prompts, *, shared: int) -> list[tuple[Tensor, Tensor]]:
    """Keys and values of the common beginning, one pair a layer, each (1, heads, shared, width)."""
    if not shared:
        return []
    cache = make_cache(model, 1, shared)
    ids, mask, positions = Prompts((prompts.ids[0][:shared],), prompts.pad, prompts.device).tensors()
    forward(model, ids, mask, positions, cache=cache)
    return [(layer.keys, layer.values) for layer in buffers(cache)]
