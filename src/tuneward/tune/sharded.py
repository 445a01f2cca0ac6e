"""Whether a model's weights are in pieces on several devices, which work on whole weights cannot see (house method)."""

from torch.distributed.tensor import DTensor

from tuneward.tune.job import Step

MARKS = ("ds_id", "_is_flat_param")
"""Attributes that DeepSpeed's and the older FSDP's pieces have."""


def refuse(step: Step, word: str, *, gradients: bool = False) -> None:
    """Stop a defence that needs whole weights, or also their gradients, where each device has only a piece.

    Raises:
        ValueError: one line with the defence's word.
    """
    weights = list(step.trained.values())
    pieces = any(isinstance(one, DTensor) or any(hasattr(one, mark) for mark in MARKS) for one in weights)
    if pieces or (gradients and weights and all(one.grad is None for one in weights)):
        raise ValueError(
            f"{word}: needs whole {'gradients' if gradients else 'weights'}, and FSDP or DeepSpeed keeps them in "
            "pieces; launch without it (several devices are fine), or leave the defence out"
        )
