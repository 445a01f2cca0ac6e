"""Numbers read off a model without generating: token log-probabilities and hidden states (house method).

Positions are given explicitly, so a row's numbers are the same alone, in any batch, and under either padding side.
"""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from tuneward.model import trial
from tuneward.model.engine import Engine

Side = Literal["left", "right"]


def _padded(rows: Sequence[Sequence[int]], *, side: Side, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """ids, mask, positions, each (rows, longest)."""
    width = max(len(row) for row in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for number, row in enumerate(rows):
        place = slice(width - len(row), width) if side == "left" else slice(0, len(row))
        ids[number, place] = torch.tensor(row, dtype=torch.long)
        mask[number, place] = 1
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    return ids.to(device), mask.to(device), positions.to(device)


Row = tuple[Sequence[int], Sequence[int]]
"""Prompt and answer, as ids."""


@torch.inference_mode()
def _spread(engine: Engine, rows: Sequence[Row], *, side: Side = "right") -> list[Tensor]:
    """Log-probabilities of the vocabulary at every answer token: one (tokens, vocabulary) float32 tensor a row."""
    whole = [[*prompt, *answer] for prompt, answer in rows]
    device = engine.model.get_input_embeddings().weight.device
    ids, mask, positions = _padded(whole, side=side, device=device)
    with engine.ready():
        logits = engine.model(input_ids=ids, attention_mask=mask, position_ids=positions).logits
    found = []
    for number, (prompt, answer) in enumerate(rows):
        start = ids.shape[1] - len(prompt) - len(answer) if side == "left" else 0
        first = start + len(prompt) - 1
        found.append(logits[number, first : first + len(answer)].float().log_softmax(-1))
    return found


def log_probs(
    engine: Engine, prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]], *, side: Side = "right"
) -> list[Tensor]:
    """Log-probability in nats of every answer token given prompt and answer so far: one (tokens,) float32 tensor a row.

    Raises:
        ValueError: when a row has no prompt, or the counts differ.
    """
    if len(prompts) != len(answers) or not all(prompts):
        raise ValueError("log_probs: every answer needs a prompt of at least one token")
    spread = _spread(engine, list(zip(prompts, answers, strict=True)), side=side)
    ids = [
        torch.tensor(list(answer), dtype=torch.long, device=found.device)
        for answer, found in zip(answers, spread, strict=True)
    ]
    return [found.gather(-1, own[:, None]).squeeze(-1).cpu() for found, own in zip(spread, ids, strict=True)]


def divergences(base: Engine, tuned: Engine, rows: Sequence[Row]) -> list[list[float]]:
    """KL(tuned‖base) in nats at every answer token, one list a row, both arms having read the same ids.

    Raises:
        ValueError: a row without a prompt, or vocabularies of two sizes.
    """
    if not all(prompt for prompt, _ in rows):
        raise ValueError("divergences: every answer needs a prompt of at least one token")
    before, after = _spread(base, rows), _spread(tuned, rows)
    if before and before[0].shape[-1] != after[0].shape[-1]:
        raise ValueError(
            "divergences: the vocabularies of the arms have two sizes; their tokenizers cannot be the same"
        )
    return [(two.exp() * (two - one)).sum(-1).clamp(min=0).tolist() for one, two in zip(before, after, strict=True)]


@torch.inference_mode()
def first_log_probs(engine: Engine, prompts: Sequence[Sequence[int]]) -> Tensor:
    """Log-probability in nats of each token as the first of a reply: (rows, vocabulary), float32.

    Raises:
        ValueError: an empty prompt, one past the model's positions, or a model that reads otherwise in a batch.
    """
    if not prompts or not all(prompts):
        raise ValueError("first_log_probs: expected prompts of at least one token each")
    trial.within_reach(engine.model, prompts, max_tokens=1)
    with engine.ready():
        trial.hold(engine.model)
        return spread_of_first(engine.model, prompts)


@torch.inference_mode()
def spread_of_first(model: Any, prompts: Sequence[Sequence[int]]) -> Tensor:
    """The same of a model that is ready and was tried out, for many batches under one `Engine.ready`."""
    device = model.get_input_embeddings().weight.device
    ids, mask, positions = _padded(prompts, side="left", device=device)
    output = model(input_ids=ids, attention_mask=mask, position_ids=positions, logits_to_keep=1, use_cache=False)
    spread: Tensor = output.logits[:, -1].float().log_softmax(-1).cpu()
    return spread


@torch.inference_mode()
def hidden_states(engine: Engine, prompts: Sequence[Sequence[int]], *, side: Side = "right") -> Tensor:
    """State of each prompt's last token after every layer: (rows, layers + 1, width), float32."""
    device = engine.model.get_input_embeddings().weight.device
    ids, mask, positions = _padded(prompts, side=side, device=device)
    with engine.ready():
        states = engine.model(
            input_ids=ids, attention_mask=mask, position_ids=positions, output_hidden_states=True
        ).hidden_states
    last = [ids.shape[1] - 1 if side == "left" else len(prompt) - 1 for prompt in prompts]
    rows = torch.arange(len(prompts))
    return torch.stack([layer[rows, last] for layer in states], 1).float().cpu()
