"""Linear layers through oneDNN: the same numbers, the same for every batch, and nothing left behind."""

import copy

import pytest
import torch

from tuneward.model import linear
from tuneward.model.linear import onednn, packed, usable
from tuneward.study.organism import RECIPES, blank

ORGANISM = blank(50, RECIPES["nano"], seed=0)
needed = pytest.mark.skipif(not usable(ORGANISM), reason="this torch or processor has no oneDNN product")


def stack(bias: bool) -> torch.nn.Module:
    torch.manual_seed(0)
    layers = torch.nn.Sequential(torch.nn.Linear(576, 1536, bias=bias), torch.nn.Linear(1536, 64, bias=bias))
    layers.get_input_embeddings = lambda: layers[0]
    return layers


@needed
@pytest.mark.parametrize("bias", [True, False])
def test_the_product_is_the_product(bias: bool) -> None:
    layers, rows = stack(bias), torch.randn(7, 3, 576)
    exact = layers.double()(rows.double())
    layers.float()
    with torch.inference_mode(), onednn(layers):
        assert torch.allclose(layers(rows).double(), exact, atol=1e-5)


@needed
def test_a_row_does_not_depend_on_the_others() -> None:
    layers, rows = stack(True), torch.randn(40, 1, 576)
    with torch.inference_mode(), onednn(layers):
        whole = layers(rows)
        for count in (1, 3, 16, 33):
            assert torch.allclose(layers(rows[:count]), whole[:count], atol=1e-6)


@needed
@pytest.mark.parametrize(("width", "out", "count"), [(576, 1536, 96), (1536, 576, 7), (64, 1219, 1)])
def test_the_layout_changes_rounding_at_most(width: int, out: int, count: int) -> None:
    rows, weight = torch.randn(count, 1, width), torch.randn(out, width)
    product = torch.ops.mkldnn._linear_pointwise
    laid_out, plain = (product(rows, w, None, "none", [], "") for w in (packed(weight), weight))
    assert torch.allclose(laid_out, plain, atol=1e-4)


@needed
def test_large_weights_are_used_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    layers, rows = stack(True), torch.randn(4, 576)
    with torch.inference_mode(), onednn(layers):
        copied = layers(rows)
    monkeypatch.setattr(linear, "LARGEST", 0)
    with torch.inference_mode(), onednn(layers):
        assert torch.allclose(layers(rows), copied, atol=1e-5)


@needed
def test_weights_that_change_between_two_uses_are_not_remembered() -> None:
    layers, rows = stack(False), torch.randn(2, 576)
    with torch.inference_mode(), onednn(layers):
        before = layers(rows)
    with torch.no_grad():
        layers[1].weight.mul_(2.0)
    with torch.inference_mode(), onednn(layers):
        assert torch.allclose(layers(rows), 2 * before, atol=1e-6)


@needed
def test_everything_is_put_back_and_gradients_flow() -> None:
    layers, rows = stack(True), torch.randn(2, 576)
    with onednn(layers):
        layers(rows).sum().backward()
    assert layers[0].weight.grad is not None
    assert all("forward" not in layer.__dict__ for layer in layers)
    with pytest.raises(RuntimeError, match="stop"), onednn(layers):
        raise RuntimeError("stop")
    assert all("forward" not in layer.__dict__ for layer in layers)


def test_other_precisions_stay_with_torch() -> None:
    assert not usable(copy.deepcopy(ORGANISM).to(torch.bfloat16))
