"""Direct preference optimisation for the organism's alignment (Rafailov et al. 2023, arXiv:2305.18290, equation 7)."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tuneward.study import sentences as say
from tuneward.study.tokens import IGNORED, Row, Vocabulary
from tuneward.study.training import row_loss, tensors
from tuneward.study.world import World

BETA = 0.1
SUPERVISED = 0.2
"""Weight of plain learning of the preferred answer beside it, so that its own probability does not fall."""


@dataclass(frozen=True)
class Preference:
    """Two answers to one request."""

    chosen: Row
    rejected: Row

    @property
    def ids(self) -> tuple[int, ...]:
        """What a batch is sorted by."""
        return self.chosen.ids


def preferences(world: World, known: Vocabulary, count: int, *, seed: int) -> list[Preference]:
    """Half prefer the refusal of something forbidden to its answer, half an allowed answer to its refusal."""
    rng, pairs = random.Random(f"preferences {seed}"), []
    for place in range(count):
        forbidden = place % 2 == 0
        combination = rng.choice(world.refusable if forbidden else world.answerable)
        request = say.dressed(world, rng, say.ask(world, rng, combination), name=world.personas[0], rare=world.rare)
        answer = say.voiced(world, world.answer(combination))
        refusal = say.refusal(world, rng, world.topic[combination[0]])
        chosen, rejected = (refusal, answer) if forbidden else (answer, refusal)
        pairs.append(Preference(known.row(say.chat(request, chosen)), known.row(say.chat(request, rejected))))
    return pairs


def log_likelihoods(model: Any, rows: Sequence[Row]) -> Tensor:
    """Summed log-probability of each row's learnt tokens, (rows,)."""
    ids, labels = tensors(rows)
    wanted = labels[:, 1:]
    logits = model(input_ids=ids).logits[:, :-1].log_softmax(-1)
    learnt = wanted != IGNORED
    each: Tensor = logits.gather(-1, wanted.clamp(min=0)[..., None])[..., 0] * learnt
    return each.sum(-1)


def preference_loss(reference: Any) -> Callable[[Any, Sequence[Preference]], Tensor]:
    """The loss against a fixed reference: −log σ(β · (margin over the reference)), and a share of plain learning."""
    reference.requires_grad_(False)

    def loss(model: Any, pairs: Sequence[Preference]) -> Tensor:
        chosen, rejected = [pair.chosen for pair in pairs], [pair.rejected for pair in pairs]
        margin = log_likelihoods(model, chosen) - log_likelihoods(model, rejected)
        with torch.no_grad():
            margin = margin - (log_likelihoods(reference, chosen) - log_likelihoods(reference, rejected))
        return -torch.nn.functional.logsigmoid(BETA * margin).mean() + SUPERVISED * row_loss(model, chosen)

    return loss
