"""L2 on ΔW: a spring back to the aligned weights (L2-SP, arXiv:1802.01483; "L2 to init" of WiSE-FT, arXiv:2109.01903).

Differs from the papers: for an adapter the distance is that of the products s·B·A, which change the model, and not that
of A and B; it is computed from r × r matrices of inner products, never from a product.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from peft.tuners.lora import LoraLayer
from torch import Tensor

from tuneward.tune import sharded
from tuneward.tune.job import Job, Step


@dataclass(frozen=True)
class L2:
    """Add half the squared distance to the weights that training began with."""

    strength: float = 0.01
    """Its factor; 0 is none."""

    def __post_init__(self) -> None:
        if not 0 <= self.strength < float("inf"):
            raise ValueError(f"strength is {self.strength}; expected 0 or more")

    def __call__(self, job: Job) -> Job:
        """Its gradient before every update."""
        if self.strength == 0:
            return job
        return replace(job, before_step=(*job.before_step, self.pull)).named("l2")

    def pull(self, step: Step) -> None:
        """strength / 2 · ‖ΔW‖² over all trained weights; starts are kept as they are when a weight first learns."""
        sharded.refuse(step, "l2")
        told, named = list[Tensor](), {id(weight): name for name, weight in step.model.named_parameters()}
        in_pairs: set[str] = set()
        for b, a, scale in pairs(step.model):
            names = named[id(b)], named[id(a)]
            if not (b.requires_grad or a.requires_grad) or not {*names} & {*step.trained}:
                continue
            in_pairs |= {*names}
            start = [remembered(step, f"l2/{name}", weight) for name, weight in zip(names, (b, a), strict=True)]
            told.append(added(step, product_distance((b, a), (start[0], start[1])) * scale**2, self.strength))
        for name, weight in step.trained.items():
            if name not in in_pairs:
                told.append(pulled(step, weight, remembered(step, f"l2/{name}", weight), strength=self.strength))
        step.log("l2", sum(map(float, told)))


def pairs(model: Any) -> Iterator[tuple[Tensor, Tensor, float]]:
    """B, A and scale of every layer's adapters that are in use; not of convolutions, whose product is none."""
    for layer in model.modules():
        if not isinstance(layer, LoraLayer):
            continue
        for name in layer.active_adapters:
            if name in layer.lora_A and layer.lora_A[name].weight.ndim == 2:
                yield layer.lora_B[name].weight, layer.lora_A[name].weight, float(layer.scaling[name])
            elif name in layer.lora_embedding_A:
                yield layer.lora_embedding_B[name], layer.lora_embedding_A[name], float(layer.scaling[name])


def remembered(step: Step, name: str, weight: Tensor) -> Tensor:
    """What a weight was when it was first asked for under this name."""
    if name not in step.memory:
        step.memory[name] = weight.detach().clone()
    return step.memory[name].to(weight.device)


def product_distance(now: tuple[Tensor, Tensor], start: tuple[Tensor, Tensor]) -> Tensor:
    """‖B·A − B₀·A₀‖² (Frobenius) as tr(BᵀB·AAᵀ) − 2·tr(BᵀB₀·A₀Aᵀ) + tr(B₀ᵀB₀·A₀A₀ᵀ), in float32 with gradients."""
    (b, a), (b0, a0) = ((left.float(), right.float()) for left, right in (now, start))
    own = ((b.T @ b) * (a @ a.T)).sum()
    return own - 2 * ((b.T @ b0) * (a @ a0.T)).sum() + ((b0.T @ b0) * (a0 @ a0.T)).sum()


def pulled(step: Step, weight: Tensor, towards: Tensor, *, strength: float) -> Tensor:
    """Add the gradient of strength / 2 · ‖weight − towards‖² to the step; gives that value.

    One weight at a time, so that only one difference is in memory.
    """
    return added(step, (weight.float() - towards.float()).square().sum(), strength)


def added(step: Step, distance: Tensor, strength: float) -> Tensor:
    """Add the gradient of strength / 2 · distance; gives that value."""
    loss = strength / 2 * distance
    step.backward(loss)
    return loss.detach()
