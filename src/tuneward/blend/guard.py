"""The first tokens of a reply from what both models would say (SafeDecoding, arXiv:2402.08983, eq. 3 and 4).

Both models' lists of likeliest tokens grow until they share enough; over the shared ones p = p_t + a (p_g − p_t), and
after some tokens the tuned model goes on alone.

Differs from the paper: the guide is the base that the model was tuned from, where the authors train an expert for it.
Tokens that tie are in a list together. A token pushed below 0 is left out, where the authors' code gives it 1e-8; where
all are, the guide chooses among the shared ones.
"""

from dataclasses import dataclass

from torch import Tensor, searchsorted

from tuneward.blend.kind import at_least

FURTHEST = 5.0
"""Beyond it nothing but tokens that the guide likes better is left anyway."""
LOOKED_AT = 4
"""Times the length of a list that is looked at before all of the vocabulary is."""


@dataclass(frozen=True)
class FirstTokens:
    """Choose first tokens that both models find likely, leaning to the guide."""

    first: int | None = 5
    """Tokens of a reply at which the guide is asked."""
    top_k: int = 10
    """Tokens of each model's list at least."""
    common: int = 5
    """Tokens that the lists must share, or they grow."""
    amplify: float = 3.0
    """How far the way from tuned to guide is gone, 0 to 5: 0 is the tuned model, 1 the guide, 3 the paper's."""

    def __post_init__(self) -> None:
        for name, value in (("first", self.first), ("top_k", self.top_k), ("common", self.common)):
            at_least(name, value, 1)
        if not 0 <= self.amplify <= FURTHEST:
            raise ValueError(f"amplify is {self.amplify}; expected 0 (the tuned model) to {FURTHEST:g}")

    def __call__(self, tuned: Tensor, guide: Tensor, _step: int, /) -> Tensor:
        """Logits of both, (rows, vocabulary) → log-probabilities, float32; the tuned logits where `amplify` is 0."""
        tuned = tuned.float()
        if not self.amplify:
            return tuned
        ours, theirs = tuned.softmax(-1), guide.float().softmax(-1)
        both = self._shared(tuned, guide.float()) & ~tuned.isneginf()
        pushed = (ours + self.amplify * (theirs - ours)).clamp(min=0) * both
        pushed = pushed.where(pushed.sum(-1, keepdim=True) > 0, theirs * both)
        total = pushed.sum(-1, keepdim=True)
        return (pushed / total).log().where(total > 0, tuned)

    def _shared(self, tuned: Tensor, guide: Tensor) -> Tensor:
        """Which tokens are in both lists, (rows, vocabulary)."""
        size = tuned.shape[-1]
        common, look = min(self.common, size), min(size, LOOKED_AT * max(self.top_k, self.common))
        while True:
            worse = _ranks(tuned, look).maximum(_ranks(guide, look))
            length = worse.kthvalue(common, dim=-1, keepdim=True).values.clamp(min=self.top_k)
            if look == size or bool((length <= look).all()):
                return worse <= length
            look = size


def _ranks(values: Tensor, most: int) -> Tensor:
    """How many values of the row are larger, and 1, up to `most`; beyond it `most` + 1. Equal values, equal ranks."""
    rising = values.topk(most, dim=-1).values.flip(-1).contiguous()
    return most + 1 - searchsorted(rising, values.contiguous(), right=True)
