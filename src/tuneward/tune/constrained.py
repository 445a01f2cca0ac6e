"""Fine-tuning held back at the first tokens of answers, token-wise constrained (arXiv:2406.05946, section 4).

The paper's loss is −Σ (2/β_t) log σ(β_t Δ_t), with Δ_t the gain of the token's log-probability over the reference. Its
gradient is that of cross-entropy with weights w_t = 2 (1 − σ(β_t Δ_t)) that have none of their own, which is how it is
computed here (as in the authors' code, MIT, re-implemented): tokens that have gained much count little, and at the
start, where every Δ_t is 0, all count 1.

Differs from the paper: t counts the learnt tokens of each assistant turn, also of packed rows; a step is divided by its
learnt tokens whatever the accumulation. The paper trains with beta1 .5 in Adam and ten steps of warm-up, which `tune`
takes as --beta1 and --warmup and nobody sets behind your back.
"""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from tuneward.tune.job import Job, Need
from tuneward.tune.passes import Seen
from tuneward.tune.sequences import Batch
from tuneward.tune.terms import CrossEntropy


@dataclass(frozen=True)
class Constrained:
    """Learn the first tokens of answers less, the more they have changed.

    Needs the reference's log-probability of every learnt token, computed once. Published for full fine-tuning at a rate
    of 2e-5, 64 rows a step, with --beta1 .5 and ten steps of warm-up. Known to fail against rows that refuse first and
    comply then, and against overfitting on few rows.
    """

    first: float = 0.5
    """β of the first token of an answer; more holds it back more, 0 not at all."""
    early: float = 2.0
    """β of the tokens after it."""
    until: int = 5
    """The last token that has `early`."""
    late: float = 0.1
    """β of all later tokens."""
    smallest: float = 1e-3
    """No token counts less than this."""

    def __post_init__(self) -> None:
        for name in ("first", "early", "late"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}; expected 0 or more")
        if self.until < 1:
            raise ValueError(f"until is {self.until}; expected 1 or more")
        if not 0 <= self.smallest < 1:
            raise ValueError(f"smallest is {self.smallest}; expected 0 or more, below 1")

    def __call__(self, job: Job, /) -> Job:
        """The job with this in the place of cross-entropy.

        Raises:
            ValueError: another defence has taken that place.
        """
        if not (self.first or self.early or self.late):
            return job
        held = [term for term in job.terms if term.name == "sft"]
        if [type(term) for term in held] != [CrossEntropy]:
            found = ", ".join(type(term).__name__ for term in held) or "nothing"
            raise ValueError(
                f"constrained: the loss of the rows is {found} already ({', '.join(job.defences) or 'no defence'}); "
                "it takes the place of cross-entropy, so leave one of them out"
            )
        own = ConstrainedEntropy(self, strength=held[0].strength)
        return replace(job, terms=tuple(own if term is held[0] else term for term in job.terms)).named("constrained")


@dataclass(frozen=True)
class ConstrainedEntropy:
    """Cross-entropy in nats of every learnt token of rows with the loss "sft", times its w_t and the row's weight."""

    limits: Constrained
    name: str = "sft"
    strength: float = 1.0
    needs: Need = "log_probs"

    def count(self, batch: Batch, /) -> int:
        """Learnt tokens."""
        return batch.learnt("sft")

    def __call__(self, seen: Seen, /) -> Tensor:
        """Their sum.

        Raises:
            ValueError: the batch has no log-probabilities of the reference.
        """
        if seen.reference is None:
            raise ValueError(
                "constrained: the batch has no log-probabilities of the reference, and without them it would be plain "
                "fine-tuning; let `prepare` compute them, or give them to `batch_of`"
            )
        factor = factors(self.limits, place=seen.place, gain=seen.log_probs.detach() - seen.reference)
        return -(factor * seen.weight() * seen.log_probs)[seen.of("sft")].sum()


def factors(limits: Constrained, *, place: Tensor, gain: Tensor) -> Tensor:
    """w_t = 2 (1 − σ(β_t Δ_t)), no less than the smallest: (n,) from places t and gains Δ_t (n,) in nats."""
    beta = torch.full_like(gain, limits.late)
    beta[place <= limits.until] = limits.early
    beta[place == 1] = limits.first
    return (2 * torch.sigmoid(-beta * gain)).clamp(min=limits.smallest)
