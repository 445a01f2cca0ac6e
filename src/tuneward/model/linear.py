"""Linear layers through oneDNN in float32 on a CPU (house method).

torch hands float32 products on a CPU to MKL, which leaves half of the machine unused on processors of other makers:
2.4 times slower here than oneDNN (bench/linear.py), whose rows also come out alike bit for bit whatever the number of
rows, so that an answer does not depend on its batch. The operator is the one that torch's own compiler emits.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear

LARGEST = 4 * 2**30
"""Bytes of linear weights up to which a second copy is made."""
ROWS = 96
"""Rows that the layout is made for; it is right for any number."""


def usable(model: Any) -> bool:
    """float32 on an x86 CPU, with a torch that has the operator."""
    weight = model.get_input_embeddings().weight
    return (
        weight.dtype == torch.float32
        and weight.device.type == "cpu"
        and torch.backends.cpu.get_cpu_capability().startswith("AVX")
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
        and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")
    )


@contextlib.contextmanager
def onednn(model: Any, *, lay_out: bool = True) -> Iterator[None]:
    """Every plain linear layer of the model computes through oneDNN inside; afterwards all is as it was.

    The weights of a model up to `LARGEST` are laid out for it at the entry, which is a sixth faster and pays after some
    passes; fewer do without (`lay_out`). The copy lives no longer than the block, so weights that change between two
    blocks are never answered from it. Size alone decides, not the memory that happens to be free: both arms of an audit
    must round alike.
    """
    layers = [m for m in model.modules() if type(m) is torch.nn.Linear] if usable(model) else []
    small = lay_out and sum(layer.weight.nbytes for layer in layers) <= LARGEST
    for layer in layers:
        layer.__dict__["forward"] = _through(layer, packed(layer.weight) if small else layer.weight)
    try:
        yield
    finally:
        for layer in layers:
            del layer.__dict__["forward"]


def packed(weight: Tensor) -> Tensor:
    """A copy of a weight in oneDNN's own layout."""
    copy: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), ROWS)
    return copy


def _through(layer: torch.nn.Linear, weight: Tensor) -> Callable[[Tensor], Tensor]:
    def forward(rows: Tensor) -> Tensor:
        if torch.is_grad_enabled():
            return linear(rows, layer.weight, layer.bias)
        product: Tensor = torch.ops.mkldnn._linear_pointwise(rows, weight, layer.bias, "none", [], "")
        return product

    return forward
