"""Who asks the guide, when, and what came of it (house method).

The guide reads the same ids as the tuned model, with a key-value cache of its own that begins and ends with a request;
after the blend's first tokens it is asked no more. Which rows go on, in which order, it is told. Where both are one
model with an adapter, the adapter is off while it reads.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from tuneward.blend.exempt import blended, exempt_ids
from tuneward.blend.kind import Blend
from tuneward.model import trial
from tuneward.model.engine import Engine, prepared
from tuneward.model.kv import select
from tuneward.model.prefill import Prefilled, Prompts, forward, prefill
from tuneward.model.template import stop_ids
from tuneward.record import digest

VERSION = 1
"""Raised whenever the way the guide is asked changes an answer: it is part of every key."""


@dataclass(frozen=True)
class Guide:
    """A model that has a say in another one's answers; `switch` is entered whenever it reads."""

    blend: Blend
    model: Any
    exempt: tuple[int, ...]
    """Ids that it has no say in."""
    stops: frozenset[int]
    weights: str = ""
    """Digest of the model's."""
    switch: Callable[[], AbstractContextManager[Any]] = field(default=nullcontext)
    shared: bool = False
    """Whether it is the very model that is guided, switched; it then stands ready already."""

    @property
    def key(self) -> str:
        """Digest of the blend, its settings, the guide and what is exempt."""
        kind = type(self.blend)
        settings = asdict(self.blend)  # type: ignore[call-overload]  # a dataclass, which no protocol can say
        return digest([VERSION, kind.__module__, kind.__qualname__, settings, self.weights, self.exempt])

    @contextlib.contextmanager
    def over(self, prompts: Sequence[Sequence[int]], /, *, max_tokens: int) -> Iterator["Guiding"]:
        """For the time that the decode loop answers one batch; raises as `trial.within_reach` and `trial.hold` do."""
        room = min(max_tokens, self.blend.first or max_tokens)
        trial.within_reach(self.model, prompts, max_tokens=room)
        lay_out = self.blend.first is None
        with nullcontext() if self.shared else prepared(self.model, lay_out=lay_out):
            yield Guiding(self, prompts, room=room)


class Guiding:
    """The guide in one request: its cache, its place, its counts."""

    def __init__(self, guide: Guide, prompts: Sequence[Sequence[int]], *, room: int | None) -> None:
        device = guide.model.get_input_embeddings().weight.device
        self.guide, self.step = guide, 0
        self._prompts = Prompts(tuple(tuple(p) for p in prompts), min(guide.stops, default=0), device)
        self._room = room
        self._state: Prefilled | None = None
        self._rows = torch.arange(len(prompts))
        self._ended = torch.zeros(len(prompts), dtype=torch.bool)
        self._guided, self._changed = (torch.zeros(len(prompts), dtype=torch.long) for _ in range(2))
        self._exempt = torch.tensor(guide.exempt, dtype=torch.long)

    @torch.no_grad()
    def __call__(self, logits: Tensor, said: Tensor | None, /) -> Tensor:
        """The tuned model's logits before a token → what is chosen from; beyond the first tokens the very same.

        Raises:
            ValueError: the guide's vocabulary has another size.
        """
        step, first = self.step, self.guide.blend.first
        self.step += 1
        if said is not None:
            stops = torch.tensor(sorted(self.guide.stops), device=said.device)
            self._ended |= torch.isin(said, stops).cpu()
        if first is not None and step >= first:
            self._state = None
            return logits
        theirs = self._read(said).to(logits.device)
        if theirs.shape != logits.shape:
            raise ValueError(_two_sizes(logits.shape[-1], theirs.shape[-1]))
        chosen = blended(self.guide.blend, logits, theirs, step=step, exempt=self._exempt.to(logits.device))
        moved = (chosen.argmax(-1) != logits.argmax(-1)).cpu()
        self._guided.index_add_(0, self._rows, (~self._ended).long())
        self._changed.index_add_(0, self._rows, (moved & ~self._ended).long())
        return chosen

    def _read(self, said: Tensor | None) -> Tensor:
        """The guide's logits after what was said, (rows, vocabulary)."""
        model = self.guide.model
        with self.guide.switch():
            if self._state is None or said is None:
                trial.hold(model)
                self._state = prefill(model, self._prompts, room=self._room)
                return self._state.logits
            state = self._state
            mask = torch.cat([state.mask, state.mask.new_ones(state.mask.shape[0], 1)], -1)
            ids = said.to(mask.device)[:, None]
            logits = forward(model, ids, mask, state.positions, cache=state.cache)
        self._state = Prefilled(logits, mask, state.positions + 1, state.cache)
        return logits

    def keep(self, rows: Tensor, /) -> None:
        """Only these rows go on, in this order; one may stand twice."""
        here = rows.cpu()
        self._rows, self._ended = self._rows[here], self._ended[here]
        if self._state is not None:
            there = rows.to(self._state.mask.device)
            select(self._state.cache, there)
            mask, positions = self._state.mask[there], self._state.positions[there]
            self._state = replace(self._state, mask=mask, positions=positions)

    def counts(self) -> list[tuple[int, int]]:
        """Of each prompt: positions guided before the reply had ended, and those at which the likeliest token
        changed."""
        return list(zip(self._guided.tolist(), self._changed.tolist(), strict=True))


def guided(tuned: Engine, base: Engine, *, blend: Blend) -> Engine:
    """The tuned model with its base as guide: another model to every cache and record.

    Raises:
        ValueError: their vocabularies differ, so that one's ids would be other words to the other.
    """
    same_vocabulary(tuned, base)
    guide = Guide(
        blend,
        base.model,
        exempt_ids(tuned.tokenizer, tuned.model),
        stop_ids(tuned.tokenizer, tuned.model),
        base.info.weights,
        base.switch,
        shared=base.model is tuned.model,
    )
    known = f"weights {tuned.info.weights[:12]}, guide {base.info.weights[:12]}"
    parts = [tuned.info.loading] if tuned.info.loading else []
    info = replace(
        tuned.info,
        weights=digest([tuned.info.weights, guide.key]),
        loading="; ".join([*parts, f"answers are blended with the base's by {blend} ({known})"]),
    )
    return replace(tuned, info=info, steering=guide)


def same_vocabulary(tuned: Engine, base: Engine) -> None:
    """Refuse a guide to which an id is another piece of text.

    Tokenizers that differ in nothing but what they do around a text (padding, a template) are alike here.
    """
    same_size(tuned.model, base.model)
    if tuned.info.tokenizer != base.info.tokenizer:
        same_pieces(tuned.tokenizer, base.tokenizer)


def same_size(tuned: Any, base: Any) -> None:
    """Refuse two models whose vocabularies have two sizes."""
    sizes = [model.config.get_text_config(decoder=True).vocab_size for model in (tuned, base)]
    if sizes[0] != sizes[1]:
        raise ValueError(_two_sizes(*sizes))


def same_pieces(tuned: Any, base: Any) -> None:
    """Refuse two tokenizers in which an id stands for two pieces; the first one is named."""
    ours, theirs = ({number: piece for piece, number in t.get_vocab().items()} for t in (tuned, base))
    differ = sorted(number for number in ours.keys() | theirs.keys() if ours.get(number) != theirs.get(number))
    if differ:
        first = differ[0]
        raise ValueError(
            f"blend: the tokenizers differ in {len(differ)} ids, the first being {first}: {ours.get(first)!r} to the "
            f"tuned model, {theirs.get(first)!r} to the guide; the guide must be the model it was tuned from"
        )


def _two_sizes(tuned: int, guide: int) -> str:
    return (
        f"blend: the tuned model has a vocabulary of {tuned} and the guide of {guide}; the guide must be the model it "
        "was tuned from"
    )
