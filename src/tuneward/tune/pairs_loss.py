"""Direct preference optimisation over pairs of answers (Rafailov et al. 2023, arXiv:2305.18290, equation 7).

Differs from the paper: nothing in the loss; the reference's log-probabilities are computed once, before the first step.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuneward.tune.job import Need

if TYPE_CHECKING:
    from torch import Tensor

    from tuneward.tune.passes import Seen
    from tuneward.tune.sequences import Batch

PREFERENCE = "preference"


@dataclass(frozen=True)
class Preference:
    """−ln σ(β · (Δ of the wanted answer − Δ of the rejected one)) in nats for every pair, times the row's weight.

    Δ is the log-probability of an answer under the model less that under the reference, summed over its tokens.
    """

    strength: float = 1.0
    beta: float = 0.1
    name: str = PREFERENCE
    needs: Need = "log_probs"

    def count(self, batch: "Batch", /) -> int:
        """Pairs."""
        return len(_pairs(batch))

    def __call__(self, seen: "Seen", /) -> "Tensor":
        """The sum over pairs.

        Raises:
            ValueError: the rows' log-probabilities under the reference are not known.
        """
        if seen.reference is None:
            raise ValueError("preference: log-probabilities of the reference are missing; read the rows with prepare")
        pairs = _pairs(seen.batch)
        change = seen.summed((seen.log_probs - seen.reference) * seen.of(PREFERENCE))
        margin = self.beta * (change[[a for a, _ in pairs]] - change[[b for _, b in pairs]])
        weights = margin.new_tensor([seen.batch.lessons[a].weight for a, _ in pairs])
        return (weights * (-margin).logaddexp(margin.new_zeros(()))).sum()


def _pairs(batch: "Batch") -> list[tuple[int, int]]:
    """Numbers of the wanted and the rejected sequence of each pair, which stand beside each other."""
    return [
        (n - 1, n)
        for n, (sequence, lesson) in enumerate(zip(batch.sequences, batch.lessons, strict=True))
        if sequence.rejected and lesson.loss == PREFERENCE
    ]
