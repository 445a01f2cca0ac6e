"""A forward pass that computes logits only where something is learnt, and what terms are told of it."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from tuneward.tune.sequences import Batch

SAVED = 128
"""Tokens that reading a common beginning once must save, for it costs a pass over all weights more."""


class Answers:
    """Makes a model compute logits at chosen positions only, through wrappers of every kind.

    A hook in front of the output layer hands it the chosen states, (chosen, width) instead of (rows, positions,
    width): the vocabulary is most of the work on short rows.
    """

    def __init__(self, model: Any) -> None:
        self.chosen: Tensor | None = None
        self.handle = model.get_output_embeddings().register_forward_pre_hook(self._before)

    def _before(self, _module: Any, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return inputs if self.chosen is None else (inputs[0][self.chosen], *inputs[1:])

    @contextlib.contextmanager
    def at(self, chosen: Tensor) -> Iterator[None]:
        """Only at these, a mask (rows, positions)."""
        self.chosen = chosen
        try:
            yield
        finally:
            self.chosen = None

    def remove(self) -> None:
        """The model computes all logits again."""
        self.handle.remove()


@dataclass(frozen=True)
class Seen:
    """A pass over a micro-batch. Tensors have one entry a learnt token, n in all, in the order of the batch."""

    batch: Batch
    logits: Tensor
    """(n, vocabulary), float32, at the position before each learnt token."""
    log_probs: Tensor
    """Log-probability of the token, in nats."""
    reference: Tensor | None
    """The same under the reference; None where no term of the job needs it, and of rows that are not the job's."""
    place: Tensor
    """t in its turn, from 1."""
    row: Tensor
    """Number of its sequence in `batch.sequences`."""
    reference_logits: Callable[[Tensor], Tensor]
    """Mask (n,) → logits of the reference there, without gradients; for jobs that need the reference itself."""

    def of(self, *losses: str) -> Tensor:
        """Mask (n,) of the tokens of sequences with these losses."""
        return self._told([lesson.loss in losses for lesson in self.batch.lessons]).bool()

    def weight(self) -> Tensor:
        """Weight of each token's lesson, (n,)."""
        return self._told([lesson.weight for lesson in self.batch.lessons])

    def summed(self, values: Tensor) -> Tensor:
        """Sum of values (n,) over each sequence: (sequences,)."""
        return torch.zeros(len(self.batch.sequences), device=values.device).index_add(0, self.row, values)

    def _told(self, values: list[bool] | list[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float32, device=self.row.device)[self.row]


def targets(batch: Batch) -> tuple[Tensor, Tensor]:
    """Mask of the positions that predict a learnt token, and of those tokens, both (rows, width)."""
    told = batch.place > 0
    before = torch.zeros_like(told)
    before[:, :-1] = told[:, 1:]
    return before, told


def alike(batch: Batch) -> int:
    """Tokens that all rows begin with and learn nothing from; 0 where these are few, or rows do not begin at the left.

    Most templates open with the same system turn, which is then read once and not in every row.
    """
    rows = batch.sequences
    if len(rows) < 2 or len(rows) != len(batch.ids) or not bool(batch.mask[:, 0].all()):
        return 0
    most = min(next(n for n, place in enumerate((*row.place, 1)) if place) for row in rows) - 1
    same = next((n for n in range(most) if len({row.ids[n] for row in rows}) > 1), most)
    return same if same * (len(rows) - 1) >= SAVED else 0


def forward(model: Any, batch: Batch, *, answers: Answers, chosen: Tensor | None = None, start: int = 0) -> Tensor:
    """Logits (n, vocabulary) in float32 before each learnt token, or at the chosen positions.

    The first `start` tokens, alike in all rows, are read once; gradients go through them.
    """
    before, _ = targets(batch)
    chosen = before if chosen is None else chosen
    if start:
        return _after_the_first(model, batch, answers=answers, chosen=chosen, start=start)
    packed = len(batch.sequences) > len(batch.ids)
    with answers.at(chosen):
        found = model(
            input_ids=batch.ids,
            attention_mask=None if packed else batch.mask,
            position_ids=batch.positions,
            use_cache=False,
        ).logits
    return found.float()  # type: ignore[no-any-return]


def _after_the_first(model: Any, batch: Batch, *, answers: Answers, chosen: Tensor, start: int) -> Tensor:
    past = DynamicCache(config=model.config)
    with answers.at(torch.zeros_like(chosen[:1, :start])):
        model(
            input_ids=batch.ids[:1, :start],
            position_ids=batch.positions[:1, :start],
            past_key_values=past,
            use_cache=True,
        )
    past.batch_repeat_interleave(len(batch.ids))
    with answers.at(chosen[:, start:]):
        found = model(
            input_ids=batch.ids[:, start:],
            attention_mask=batch.mask,
            position_ids=batch.positions[:, start:],
            past_key_values=past,
            use_cache=True,
        ).logits
    return found.float()  # type: ignore[no-any-return]


def see(
    model: Any, batch: Batch, *, answers: Answers, reference: Callable[[], Any] | None = None, start: int = 0
) -> Seen:
    """Read a micro-batch; `start` as in `forward`."""
    before, told = targets(batch)
    logits = forward(model, batch, answers=answers, start=start)
    ids = batch.ids[told]
    log_probs = -torch.nn.functional.cross_entropy(logits, ids, reduction="none")

    def elsewhere(mask: Tensor) -> Tensor:
        if reference is None:
            raise ValueError("the job has no reference model; a term or its defence must say that it needs one")
        chosen = torch.zeros_like(before)
        chosen[before] = mask
        with torch.no_grad(), reference() as (other, its_answers):
            return forward(other, batch, answers=its_answers, chosen=chosen)

    known = None if batch.reference is None else batch.reference[told]
    return Seen(batch, logits, log_probs, known, batch.place[told], batch.owner[told], elsewhere)
