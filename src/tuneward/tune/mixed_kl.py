"""Keep what the model says on mixed-in rows as it was (house method, after the anchor batches of arXiv:2406.05946).

Differs from the paper: the whole distribution of every learnt token is kept, not the likelihood of a sampled answer.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuneward.tune.job import Need

if TYPE_CHECKING:
    from torch import Tensor

    from tuneward.tune.passes import Seen
    from tuneward.tune.sequences import Batch

MIXED_KL = "mixed_kl"


@dataclass(frozen=True)
class MixedKL:
    """KL(reference‖model) in nats at every learnt token of rows with the loss "mixed_kl", times the row's weight.

    A micro-batch without such rows makes no pass of the reference.
    """

    strength: float = 1.0
    name: str = MIXED_KL
    needs: Need = "model"

    def count(self, batch: "Batch", /) -> int:
        """Learnt tokens."""
        return batch.learnt(MIXED_KL)

    def __call__(self, seen: "Seen", /) -> "Tensor":
        """Their sum."""
        own = seen.of(MIXED_KL)
        if not own.any():
            return seen.log_probs[own].sum()
        before = seen.reference_logits(own).log_softmax(-1)
        now = seen.logits[own].log_softmax(-1)
        return ((before.exp() * (before - now)).sum(-1) * seen.weight()[own]).sum()
