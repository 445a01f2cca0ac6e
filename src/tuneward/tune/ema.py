"""EMA: the written weights are a running average over the steps (arXiv:2508.12531).

Differs from the paper: it leaves the decay unspecified and treats no adapters. The decay here follows the length of the
run. For an adapter the average of A and B is not that of their product: `of factors` is the usual approximation, and
`of product` averages ΔW itself and returns to the rank at the end by its singular values.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from tuneward.tune import sharded
from tuneward.tune.job import Finished, Job, Step

LONGEST = 0.999
A, B = ("lora_A", "lora_embedding_A"), ("lora_B", "lora_embedding_B")


@dataclass(frozen=True)
class EMA:
    """Write the running average of the weights instead of the last ones.

    The average begins with the weights after the first step, or after the first step in which a weight learns.
    """

    decay: float | None = None
    """Share of the average that a step keeps, so 0 is none; unless given 1 − 2 / a tenth of the steps, at most .999."""
    of: Literal["factors", "product"] = "factors"
    """Of an adapter: its two factors (an approximation), or their product, which needs memory for a matrix of each
    layer's full size."""

    def __post_init__(self) -> None:
        if self.decay is not None and not 0 <= self.decay < 1:
            raise ValueError(f"decay is {self.decay}; expected 0 or more, below 1")

    def __call__(self, job: Job) -> Job:
        """Averages after every update, and writes at the end."""
        if self.decay == 0:
            return job
        return replace(
            job,
            before_step=(*job.before_step, self.check),
            after_step=(*job.after_step, self.update),
            finish=(*job.finish, self.write),
        ).named("ema")

    def kept(self, steps: int) -> float:
        """The decay for a run of so many steps."""
        return self.decay if self.decay is not None else min(LONGEST, max(0.0, 1 - 2 / (0.1 * steps)))

    def check(self, step: Step) -> None:
        """Refuse a run that is too short for an average, or whose weights are in pieces.

        Raises:
            ValueError: the line says which.
        """
        if self.kept(step.steps) == 0:
            raise ValueError(
                f"ema: a tenth of {step.steps} steps is too short an average, which would change nothing; give --decay"
            )
        sharded.refuse(step, "ema")

    @torch.no_grad()
    def update(self, step: Step) -> None:
        """Average ← decay · average + (1 − decay) · weights, in float32, for weights of this and of earlier stages."""
        decay = self.kept(step.steps)
        for name, value in self._values(dict(step.model.named_parameters()), step):
            if name in step.memory:
                step.memory[name].lerp_(value.to(step.memory[name].device), 1 - decay)
            else:
                step.memory[name] = value.clone()

    def _values(self, weights: Mapping[str, Any], step: Step) -> Iterator[tuple[str, Tensor]]:
        for name, weight in weights.items():
            other = partner(name) if self.of == "product" and weight.ndim == 2 else None
            if other is None:
                if name in step.trained or f"ema/{name}" in step.memory:
                    yield f"ema/{name}", weight.detach().float()
            elif is_b(name) and (name in step.trained or other in step.trained or f"ema/{name}@" in step.memory):
                yield f"ema/{name}@", weight.detach().float() @ weights[other].detach().float()

    @torch.no_grad()
    def write(self, finished: Finished) -> None:
        """The average becomes the weights, in their own type."""
        for name, weight in finished.trained.items():
            if (own := finished.memory.get(f"ema/{name}")) is not None:
                weight.copy_(own)
            if (product := finished.memory.get(f"ema/{name}@")) is not None:
                first = finished.trained[partner(name) or ""]
                left, right = factors(product, rank=weight.shape[1])
                weight.copy_(left)
                first.copy_(right)


def is_b(name: str) -> bool:
    """Whether it is the factor on the left of an adapter's product."""
    return any(f".{b}." in name for b in B)


def partner(name: str) -> str | None:
    """Name of an adapter's other factor; None for weights that are no factor."""
    for a, b in zip(A, B, strict=True):
        if f".{a}." in name:
            return name.replace(f".{a}.", f".{b}.")
        if f".{b}." in name:
            return name.replace(f".{b}.", f".{a}.")
    return None


def factors(product: Tensor, *, rank: int) -> tuple[Tensor, Tensor]:
    """B (out, rank) and A (rank, in) of the nearest product of this rank, each with half of the singular values."""
    left, values, right = torch.linalg.svd(product.float(), full_matrices=False)
    left, values, right = left[:, :rank], values[:rank].sqrt(), right[:rank]
    short = rank - len(values)
    pad = torch.nn.functional.pad
    return pad(left * values, (0, short)), pad(values[:, None] * right, (0, 0, 0, short))
