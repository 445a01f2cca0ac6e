"""The guide has a say only where it and the tuned model disagree (house method).

Most of a reply is the same from both, and there a blend costs style and gains nothing; where the tuned model has been
pulled away, the two distributions are far apart. What is measured is that distance, not whether one of them refuses.
"""

from dataclasses import dataclass

from torch import Tensor

from tuneward.blend.kind import at_least, share
from tuneward.blend.log_mix import mixed


@dataclass(frozen=True)
class Gated:
    """Let the guide speak where its next token is far from the tuned model's."""

    threshold: float = 0.5
    """Total variation, 0 to 1, above which it is far; 1 is never."""
    weight: float = 0.0
    """Share of the tuned model where it is, as in log-mix: 0 is the guide alone."""
    first: int | None = 5
    """Tokens of a reply at which the guide is asked."""

    def __post_init__(self) -> None:
        share("threshold", self.threshold)
        share("weight", self.weight)
        at_least("first", self.first, 1)

    def __call__(self, tuned: Tensor, guide: Tensor, _step: int, /) -> Tensor:
        """Logits of both, (rows, vocabulary) → log-probabilities where they are far apart, tuned logits elsewhere."""
        tuned, guide = tuned.float(), guide.float()
        far = distance(tuned, guide) > self.threshold
        return mixed(tuned, guide, weight=self.weight).where(far, tuned) if self.threshold < 1 else tuned


def distance(tuned: Tensor, guide: Tensor) -> Tensor:
    """Total variation between two rows of logits, (rows, 1); summed in float64, so that no order of the vocabulary
    decides."""
    return (tuned.softmax(-1) - guide.softmax(-1)).abs().double().sum(-1, keepdim=True) / 2
