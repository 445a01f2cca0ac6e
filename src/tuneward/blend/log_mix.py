"""The geometric mean of two next-token distributions, renormalised (house method).

What interpolation between two fine-tuned checkpoints does to weights (arXiv:2109.01903), done to what they say. A token
that either model all but rules out stays ruled out; the arithmetic mean would keep whatever the tuned model has taken
up, which is why it is not offered.
"""

from dataclasses import dataclass

from torch import Tensor

from tuneward.blend.kind import at_least, share

NOTHING = float("-inf")
"""Logit of what cannot be."""


@dataclass(frozen=True)
class LogMix:
    """Weigh the logarithms of both models' probabilities.

    log p = w log p_tuned + (1 − w) log p_guide, up to a constant: 1 is the tuned model, 0 the guide.
    """

    weight: float = 0.5
    """Share w of the tuned model, 0 to 1."""
    first: int | None = None
    """Tokens of a reply at which the guide is asked; all unless given."""

    def __post_init__(self) -> None:
        share("weight", self.weight)
        at_least("first", self.first, 1)

    def __call__(self, tuned: Tensor, guide: Tensor, _step: int, /) -> Tensor:
        """Logits of both, (rows, vocabulary) → log-probabilities, float32; the tuned logits where the weight is 1."""
        return mixed(tuned.float(), guide.float(), weight=self.weight)


def mixed(tuned: Tensor, guide: Tensor, *, weight: float) -> Tensor:
    """The mixture, (rows, vocabulary): what is ruled out on the tuned side stays so, whatever the weight.

    A row in which no token is left stays the tuned one's.
    """
    if weight == 1:
        return tuned
    together = weight * tuned.log_softmax(-1) + (1 - weight) * guide.log_softmax(-1) if weight else guide
    together = together.masked_fill(tuned.isneginf(), NOTHING)
    left = together.isfinite().any(-1, keepdim=True)
    return together.log_softmax(-1).where(left, tuned)
