"""A blend inside `generate` of transformers: greedy, sampled, beams, batches padded on the left (house method).

The library hands over ids and scores and says neither where a request begins nor where a beam came from; both are read
off the ids. A row's parent is the row of the last call that it is one token longer than; where a row has none, a new
request has begun, and the guide reads it from its beginning with a new cache.
"""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from transformers import LogitsProcessor

from tuneward.blend.exempt import exempt_ids
from tuneward.blend.guide import Guide, Guiding, same_pieces, same_size
from tuneward.blend.kind import Blend
from tuneward.blend.options import LIMIT, over_the_limit
from tuneward.model.template import stop_ids


class GuideProcessor(LogitsProcessor):  # type: ignore[misc]
    """Give it to `generate` in a `LogitsProcessorList`; one serves any number of requests, one after the other.

    `guided` and `changed` count positions over all requests, every beam's its own. Assisted generation, which takes
    tokens back, is not followed.
    """

    def __init__(self, guide: Guide, *, pad: int | None, bos: int | None = None, limit: float = LIMIT) -> None:
        self.guide, self.pad, self.bos, self.limit = guide, pad, bos, limit
        self._before = (0, 0)
        self._guiding: Guiding | None = None
        self._ids: Tensor | None = None
        self._mask: Tensor | None = None

    @property
    def guided(self) -> int:
        """Positions at which the guide had a say."""
        return self._before[0] + sum(guided for guided, _ in self._counts())

    @property
    def changed(self) -> int:
        """Those at which it changed the likeliest token."""
        return self._before[1] + sum(changed for _, changed in self._counts())

    def _counts(self) -> list[tuple[int, int]]:
        return [] if self._guiding is None else self._guiding.counts()

    def reset(self, mask: Tensor | None = None) -> None:
        """Forget the last request; the next is read under this mask, (prompts, length), instead of by its padding.

        Needed before a prompt that is the last request and one more token, which would be taken for its next step.
        """
        self._before = (self.guided, self.changed)
        self._guiding, self._ids, self._mask = None, None, mask

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Ids so far, (rows, length), and the tuned model's scores, (rows, vocabulary) → what is chosen from.

        Raises:
            ValueError: the guide changed more than `limit` of at least 50 positions (fail closed), its vocabulary has
                another size, or the mask given does not fit.
        """
        parents = self._parents(input_ids)
        if parents is None:
            rows = self._prompts(input_ids)
            self.reset()
            self._guiding = Guiding(self.guide, rows, room=None)
        elif self._guiding is not None and parents != list(range(len(parents))):
            self._guiding.keep(torch.tensor(parents))
        self._ids = input_ids
        if self._guiding is None:
            return scores
        chosen = self._guiding(scores, None if parents is None else input_ids[:, -1])
        self._hold()
        return chosen

    def _hold(self) -> None:
        said = over_the_limit(self.guided, self.changed, limit=self.limit)
        if said:
            raise ValueError(said)

    def _parents(self, ids: Tensor) -> list[int] | None:
        """Of each row, the row of the last call that it has grown from; None where one has none."""
        if self._ids is None or ids.shape[1] != self._ids.shape[1] + 1:
            return None
        grown = ids[:, :-1]
        if torch.equal(grown, self._ids):
            return list(range(len(ids)))
        same = (grown[:, None] == self._ids[None]).all(-1)
        return same.long().argmax(-1).tolist() if bool(same.any(-1).all()) else None

    def _prompts(self, ids: Tensor) -> list[list[int]]:
        """The rows without their padding: by the mask, else without the pad ids that they begin with.

        Where a prompt begins with the pad id itself, what all rows begin with is no padding.
        """
        rows = ids.tolist()
        if self._mask is not None:
            times, left = divmod(len(rows), len(self._mask))
            if left or self._mask.shape[1] != ids.shape[1]:
                shape, given = tuple(ids.shape), tuple(self._mask.shape)
                raise ValueError(f"blend: a mask of shape {given} was given for ids of shape {shape}")
            seen = self._mask.repeat_interleave(times, 0).bool().tolist()
            return [[i for i, s in zip(row, own, strict=True) if s] for row, own in zip(rows, seen, strict=True)]
        leading = [next((n for n, one in enumerate(row) if one != self.pad), len(row) - 1) for row in rows]
        kept = min(leading) if self.pad == self.bos else 0
        return [row[count - kept :] for row, count in zip(rows, leading, strict=True)]


def processor(blend: Blend, *, tuned: Any, base: Any, tokenizer: Any, base_tokenizer: Any = None) -> GuideProcessor:
    """A processor for `tuned.generate`; with `base=None`, `tuned` being a PEFT model, the guide is it with adapters
    off.

    Raises:
        ValueError: no base and no adapter, another vocabulary, or a guide that is being trained.
    """
    alone = base is None
    if alone and not hasattr(tuned, "disable_adapter"):
        raise ValueError("blend: the tuned model has no adapter to switch off; give its base")
    model = tuned.get_base_model() if alone else base
    same_size(tuned, model)
    if base_tokenizer is not None:
        same_pieces(tokenizer, base_tokenizer)
    if model.training:
        raise ValueError("blend: the guide is in training mode; call eval() on it first")
    guide = Guide(blend, model, exempt_ids(tokenizer, tuned), stop_ids(tokenizer, tuned))
    guide = replace(guide, switch=tuned.disable_adapter, shared=True) if alone else guide
    return GuideProcessor(guide, pad=tokenizer.pad_token_id, bos=tokenizer.bos_token_id)
