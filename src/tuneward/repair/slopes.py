"""How risk and task loss change with the share of the tuning in each layer: one backward pass for each of the two.

The model in memory is W = base + α_l ΔW in every layer l, so the slope of a loss in α_l is ⟨∂loss/∂W, ΔW⟩, summed over
the weights of the layer; of an adapter ⟨∂loss/∂B, B as saved⟩, and no other gradient is ever made. House method.
"""

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor

from tuneward.checkpoint.layer import Fate, Mixed
from tuneward.repair.knapsack import Shares, Slopes
from tuneward.repair.live import Live, Spot, parts
from tuneward.repair.reading import Split, Text, batches, gap_at, learning, logits_of, loss_of

TOKENS = 1024
"""Tokens with padding that are read together at most: what a backward pass needs is kept for all of them."""


def words_of(live: Live) -> tuple[str, ...]:
    """Layers of a pair, in order."""
    return tuple(dict.fromkeys(spot.word for spot in live.spots.values()))


def mixed(live: Live, shares: Shares) -> dict[str, Fate]:
    """What becomes of each weight under shares per layer; a layer that has none keeps its tuning."""
    return {name: Mixed(shares.get(spot.word, 1.0)) for name, spot in live.spots.items()}


def slopes(live: Live, split: Split) -> Slopes:
    """Slopes of the mean gap that was lost and of the task's loss, at the shares to which the model is set now.

    Of a whole model the gradients are held until both directions are read: once more the size of its weights.
    """
    requests: list[Text] = [(ids, ()) for ids in split.requests]
    rows, gap = split.rows, split.gap
    risk = _slopes(live, requests, lambda logits, _: -gap_at(logits, gap) / len(requests))
    tokens = float(split.tokens.sum())
    task = _slopes(live, rows, lambda logits, place: loss_of(logits, rows[place][1]) / tokens)
    return Slopes(risk, task)


def _slopes(
    live: Live, texts: list[Text] | tuple[Text, ...], loss: Callable[[Tensor, int], Tensor]
) -> Mapping[str, float]:
    engine = live.engine
    vocabulary = engine.model.get_input_embeddings().weight.shape[0]
    wanted = {name: _learnt(spot) for name, spot in live.spots.items()}
    found: dict[str, float] = {}
    with engine.ready(), learning(list(wanted.values())), torch.enable_grad():
        for places in batches(texts, vocabulary=vocabulary, tokens=TOKENS):
            read = zip(places, logits_of(engine.model, [texts[place] for place in places]), strict=True)
            torch.stack([loss(logits, place).double() for place, logits in read]).sum().backward()  # type: ignore[no-untyped-call]
        for name, parameter in wanted.items():
            spot, gradient, slope = live.spots[name], parameter.grad, 0.0
            if gradient is not None:
                slope = sum(float((gradient[part].cpu().double() * way).sum()) for part, way in _ways(live, spot))
            found[spot.word] = found.get(spot.word, 0.0) + slope
            parameter.grad = None
    return found


def _learnt(spot: Spot) -> torch.nn.Parameter:
    return spot.weight if spot.thin is None else spot.thin.b


def _ways(live: Live, spot: Spot) -> Iterator[tuple[slice, Tensor]]:
    """Rows of what the parameter moves along as the share grows, float64."""
    thin = spot.thin
    if thin is not None:
        yield from ((part, thin.saved_b[part].cpu().double()) for part in parts(tuple(thin.b.shape)))
        return
    layer = live.pair.layer(spot.name)
    for part in parts(layer.shape):
        yield part, layer.tuned(part).double() - layer.base(part).double()
