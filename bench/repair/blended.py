"""What a blend makes of given texts: logits of both models at every place, blended as while decoding."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tuneward.blend.exempt import blended, exempt_ids
from tuneward.model import trial
from tuneward.model.engine import Engine
from tuneward.repair.reading import Floats, Reading, Split, Text, batches, gap_at, logits_of, loss_of

FLOOR = float(np.log(1e-9))
"""Log-probability of a token that a blend rules out: a loss without a limit would say nothing of the other tokens."""

TOGETHER = 16
"""Texts whose logits are held together."""


def read(tuned: Engine, base: Engine, blend: Any, split: Split) -> Reading:
    """As `repair.reading.read`, of a blend."""
    prompts: list[Text] = [(ids, ()) for ids in (*split.requests, *split.twins)]
    gaps = np.array([float(gap_at(logits, split.gap)) for logits in logits_under(tuned, base, blend, prompts)])
    count = len(split.requests)
    return Reading(gaps[:count], gaps[count:], losses(tuned, base, blend, split.rows))


def losses(tuned: Engine, base: Engine, blend: Any, texts: Sequence[Text]) -> Floats:
    """Negative log-likelihood of each answer, nats; a token that is ruled out has a probability of 1e-9."""
    found = [
        float(loss_of(logits, answer))
        for logits, (_, answer) in zip(logits_under(tuned, base, blend, texts), texts, strict=True)
    ]
    return np.array(found)


@torch.inference_mode()
def logits_under(tuned: Engine, base: Engine, blend: Any, texts: Sequence[Text]) -> Iterator[Tensor]:
    """Of each text what is chosen from before each token of its answer, (max(1, answer), vocabulary)."""
    exempt = torch.tensor(exempt_ids(tuned.tokenizer, tuned.model), dtype=torch.long)
    exempt = exempt.to(tuned.model.get_input_embeddings().weight.device)
    for start in range(0, len(texts), TOGETHER):
        part = texts[start : start + TOGETHER]
        yield from _blended(blend, *(_read(engine, part) for engine in (tuned, base)), exempt=exempt)


def _blended(blend: Any, ours: Sequence[Tensor], theirs: Sequence[Tensor], *, exempt: Tensor) -> Iterator[Tensor]:
    for mine, guide in zip(ours, theirs, strict=True):
        first = len(mine) if blend.first is None else min(blend.first, len(mine))
        begun = blended(blend, mine[:first], guide[:first], step=0, exempt=exempt)
        whole = torch.cat([begun, mine[first:].float()]).log_softmax(-1)
        yield whole.clamp(min=FLOOR)


def _read(engine: Engine, texts: Sequence[Text]) -> list[Tensor]:
    known: dict[int, Tensor] = {}
    with engine.ready():
        trial.hold(engine.model)
        vocabulary = engine.model.get_input_embeddings().weight.shape[0]
        for places in batches(texts, vocabulary=vocabulary):
            known.update(zip(places, logits_of(engine.model, [texts[p] for p in places]), strict=True))
    return [known[place] for place in range(len(texts))]
