"""Whether the engine answers as a model does by itself: tried out before its first answer (house method).

A cache and padding on the left are right for most architectures and silently wrong for some: states that no padding
may touch (DeepSeek-V4, TrOCR), a cache under another name (Mamba, RWKV), encoders that read both ways (BERT). A list of
such names would be behind the library from the day it was written, so every model shows it on three short texts.
What short texts do not show is asked of the configuration: how far positions are read alike.
"""

from collections.abc import Sequence
from typing import Any
from weakref import WeakSet

import torch
from torch import Tensor

from tuneward.model.prefill import Prompts, forward, prefill

LENGTHS = (16, 12, 9)
"""Tokens of the texts; the first `SHARED` are common, and the last `STEPS` are read one at a time."""
SHARED, STEPS = 8, 2
APART, APART_IN_LOW_PRECISION = 0.005, 0.25
"""Largest difference of the middle logits, as a share of their spread. In float32 the 95 architectures that answer
rightly are below 1e-5 and those that do not above 0.02; bfloat16 alone makes some hundredths, so that there only gross
differences are seen."""
LENGTHENED = {"longrope", "dynamic"}
"""Rotations that change once a text is long: a batch then has one rotation, and a cache keys of two."""
_passed: "WeakSet[torch.nn.Module]" = WeakSet()


@torch.inference_mode()
def hold(model: Any) -> None:
    """Refuse a model that answers otherwise in a batch and with a cache than alone and without; once a model.

    Raises:
        ValueError: it does, or it cannot be read in this way at all.
    """
    if model in _passed:
        return
    name, texts = type(model).__name__, _texts(model)
    try:
        ours, alone = _engines_way(model, texts), _plain_way(model, texts)
    except (TypeError, ValueError, AttributeError, LookupError, AssertionError, RuntimeError) as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        reason = " ".join(str(error).split())
        raise ValueError(f"{name}: cannot be read with a cache and padding ({reason}); it is not supported") from error
    spread = alone.std(-1).clamp(min=1e-12)
    apart = ((ours - alone).square().mean(-1).sqrt() / spread).median()
    if apart > (
        APART if model.dtype == torch.float32 else APART_IN_LOW_PRECISION
    ):  # not so where the model itself gives no numbers
        raise ValueError(
            f"{name}: its logits in a batch differ from those alone by {float(apart):.2f} of their spread, so its "
            "answers would depend on other prompts; this architecture is not supported"
        )
    _passed.add(model)


def within_reach(model: Any, prompts: Sequence[Sequence[int]], *, max_tokens: int) -> None:
    """Refuse a prompt whose answer may go past the positions that the model reads alike.

    Raises:
        ValueError: it does.
    """
    longest, reach = max(map(len, prompts), default=0), _reach(model)
    if reach is not None and longest + max_tokens - 1 > reach:  # the last token said is never read
        raise ValueError(
            f"{type(model).__name__}: a prompt of {longest} tokens and an answer of {max_tokens} go past its "
            f"{reach} positions; leave out longer prompts or ask for fewer tokens"
        )


def _reach(model: Any) -> int | None:
    """Positions in its table, or up to where its rotation is the same for every text; None for any number."""
    config = model.config.get_text_config(decoder=True)
    rope = getattr(config, "rope_parameters", None) or {}
    most: int | None = getattr(config, "max_position_embeddings", None)
    if getattr(config, "alibi", False):
        return None
    if not rope:
        return most
    kinds = [rope, *(kind for kind in rope.values() if isinstance(kind, dict))]
    ends = [
        kind.get("original_max_position_embeddings") or most for kind in kinds if kind.get("rope_type") in LENGTHENED
    ]
    return min((end for end in ends if end), default=None)


def _texts(model: Any) -> list[tuple[int, ...]]:
    """Ids from the middle of the vocabulary, where special tokens are rare."""
    count = model.get_input_embeddings().weight.shape[0]
    common = [(count // 3 + 5 * place) % count for place in range(SHARED)]
    return [
        (*common, *((count // 2 + 7 * place + row) % count for place in range(length - SHARED)))
        for row, length in enumerate(LENGTHS)
    ]


def _engines_way(model: Any, texts: list[tuple[int, ...]]) -> Tensor:
    """Logits after the prompt and after each further token, (rows, STEPS + 1, vocabulary), float32."""
    device = model.get_input_embeddings().weight.device
    state = prefill(model, Prompts(tuple(text[:-STEPS] for text in texts), 0, device), room=STEPS)
    logits, mask, positions = [state.logits], state.mask, state.positions
    for step in range(STEPS):
        mask = torch.cat([mask, mask.new_ones(len(texts), 1)], -1)
        ids = torch.tensor([[text[step - STEPS]] for text in texts], device=device)
        logits.append(forward(model, ids, mask, positions, cache=state.cache))
        positions = positions + 1
    return torch.stack(logits, 1).float()


def _plain_way(model: Any, texts: list[tuple[int, ...]]) -> Tensor:
    """The same logits from each whole text by itself, without cache, mask or positions."""
    device = model.get_input_embeddings().weight.device
    rows = [model(input_ids=torch.tensor([text], device=device), use_cache=False).logits[0] for text in texts]
    return torch.stack([row[-STEPS - 1 :] for row in rows]).float()
