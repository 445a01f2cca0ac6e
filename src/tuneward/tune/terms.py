"""The loss that every run has."""

from dataclasses import dataclass

from torch import Tensor

from tuneward.tune.job import Need
from tuneward.tune.passes import Seen
from tuneward.tune.sequences import Batch


@dataclass(frozen=True)
class CrossEntropy:
    """Cross-entropy in nats of every learnt token of rows with the loss "sft", times the row's weight."""

    name: str = "sft"
    strength: float = 1.0
    needs: Need = ""

    def count(self, batch: Batch, /) -> int:
        """Learnt tokens."""
        return batch.learnt("sft")

    def __call__(self, seen: Seen, /) -> Tensor:
        """Their sum."""
        return -(seen.log_probs * seen.weight())[seen.of("sft")].sum()
