"""What the Linear layers of a decoder read, layer by layer, while their weights are being changed (arXiv:2505.12038).

One loaded model. Prompts go through it once, to see which arguments each decoder layer is called with; from then on
their hidden states are kept before the layer at hand, and only these. Each prompt is read alone, so there is no padding
that could be counted.
"""

import contextlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import Linear, Module, ModuleList

Change = Callable[[str, Tensor], Tensor | None]
"""Name of a Linear's weight and H = (2/n) Σ x xᵀ over the n tokens that it reads, (in, in) float32 → its new weight,
or None to leave it. Layers that read the same share one H: it must not be written to."""
HIDDEN = "hidden_states"
APART = 0.02
"""Largest difference between a layer's outputs in the model and by itself, as a share of their spread."""


def through_layers(
    model: Any, prompts: Sequence[Sequence[int]], *, names: Sequence[str], change: Change
) -> Iterator[tuple[str, Tensor]]:
    """New weights of the Linears of these names, decoder layer by decoder layer.

    A layer's H are of inputs that have come through the new weights of all layers before it. New weights stand in the
    model only while that is computed: whenever a weight is yielded, the model is as it was.

    Memory: the hidden states of all prompts (tokens × width), and the H of one layer.

    Raises:
        ValueError: the model has no list of decoder layers, hands more from layer to layer than hidden states, reads
            numbers that are not finite, or none of the names is a Linear's.
    """
    layers = decoder_layers(model)
    linears = [_linears(model, layer, frozenset(names)) for layer in layers]
    last = max((number for number, found in enumerate(linears) if found), default=-1)
    if last < 0:
        raise ValueError(
            f"{type(model).__name__}: none of its decoder layers has a Linear that this repair could change"
        )
    passage = _arrive(model, layers, prompts)
    for number, (layer, found) in enumerate(zip(layers[: last + 1], linears, strict=False)):
        moments = _moments(layer, found, passage, number) if found else {}
        changed = {name: change(name, moment) for name, moment in moments.items()}
        new = {name: weight for name, weight in changed.items() if weight is not None}
        del moments
        if number < last:
            with _standing_in({found[name]: weight for name, weight in new.items()}):
                _step(layer, passage, number)
        yield from new.items()


def decoder_layers(model: Any) -> ModuleList:
    """The layers of the decoder, in order.

    Raises:
        ValueError: they stand in no list of their own.
    """
    count = model.config.get_text_config(decoder=True).num_hidden_layers
    for module in model.modules():
        if isinstance(module, ModuleList) and len(module) == count:
            return module
    raise ValueError(f"{type(model).__name__}: its decoder layers stand in no list of their own; take another method")


@dataclass
class Passage:
    """The prompts before one decoder layer."""

    states: list[Tensor] = field(default_factory=list)
    """Of each prompt (1, tokens, width)."""
    told: list[list[tuple[tuple[Any, ...], dict[str, Any]]]] = field(default_factory=list)
    """What each layer is told with the states, by layer and prompt: positions, mask, …"""

    def run(self, layer: Module, number: int, prompt: int) -> Tensor:
        """What a layer makes of a prompt's states."""
        given, named = self.told[number][prompt]
        return _states(layer(self.states[prompt], *given, **named))


def _states(output: Any) -> Tensor:
    found: Tensor = output[0] if isinstance(output, tuple) else output
    return found


def _linears(model: Any, layer: Module, names: frozenset[str]) -> dict[str, Linear]:
    """The Linears of a layer by the names that their weights have on disk; of one under an adapter the one beneath."""
    own = {id(module) for module in layer.modules() if isinstance(module, Linear)}
    found = {
        f"{name.replace('.base_layer', '')}.weight": module
        for name, module in model.named_modules()
        if isinstance(module, Linear) and id(module) in own
    }
    return {name: module for name, module in found.items() if name in names}


@torch.no_grad()
def _arrive(model: Any, layers: ModuleList, prompts: Sequence[Sequence[int]]) -> Passage:
    """All prompts read to the first layer, and what every layer is told."""
    if not prompts or not all(prompts):
        raise ValueError("second moments: expected prompts of at least one token each")
    passage, first = Passage(told=[[] for _ in layers]), list[Tensor]()

    def look(number: int) -> Callable[[Module, tuple[Any, ...], dict[str, Any]], None]:
        def hook(_layer: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            rest = {name: value for name, value in kwargs.items() if name != HIDDEN}
            states = args[0] if args else kwargs[HIDDEN]
            passage.told[number].append((args[1:], rest))
            if number == 0:
                passage.states.append(states)
            if len(passage.told[number]) == 1:
                first.append(states)

        return hook

    device = model.get_input_embeddings().weight.device
    handles = [layer.register_forward_pre_hook(look(n), with_kwargs=True) for n, layer in enumerate(layers)]
    try:
        for prompt in prompts:
            ids = torch.tensor([list(prompt)], dtype=torch.long, device=device)
            model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False, logits_to_keep=1)
    finally:
        for handle in handles:
            handle.remove()
    _hold(model, layers, passage, first)
    return passage


def _hold(model: Any, layers: ModuleList, passage: Passage, first: Sequence[Tensor]) -> None:
    """Refuse a model whose layers, called one by one on the first prompt, say something else than in the model."""
    for number, (before, after) in enumerate(itertools.pairwise(first)):
        given, named = passage.told[number][0]
        found = _states(layers[number](before, *given, **named)).float()
        if (found - after.float()).square().mean().sqrt() > APART * after.float().std().clamp(min=1e-12):
            raise ValueError(
                f"{type(model).__name__}: layer {number} gives other states by itself than in the model; "
                "this architecture is not supported, take another method"
            )


@torch.no_grad()
def _moments(layer: Module, linears: Mapping[str, Linear], passage: Passage, number: int) -> dict[str, Tensor]:
    """H of every Linear; one tensor for all that are called with one and the same input."""
    sums, counts, leaders = dict[str, Tensor](), dict[str, int](), dict[str, str]()
    now: list[tuple[str, Tensor]] = []

    def look(name: str) -> Callable[[Module, tuple[Any, ...]], None]:
        def hook(_linear: Module, args: tuple[Any, ...]) -> None:
            leader = next((other for other, seen in now if seen is args[0]), name)
            if leaders.setdefault(name, leader) != leader:
                raise ValueError(f"{name}: reads what {leaders[name]} reads for some prompts only; take another method")
            if leader != name:
                return
            now.append((name, args[0]))
            inputs = args[0].reshape(-1, args[0].shape[-1]).float()
            total = sums.setdefault(name, inputs.new_zeros(inputs.shape[1], inputs.shape[1]))
            total.addmm_(inputs.T, inputs)
            counts[name] = counts.get(name, 0) + len(inputs)

        return hook

    handles = [module.register_forward_pre_hook(look(name)) for name, module in linears.items()]
    try:
        for prompt in range(len(passage.states)):
            now.clear()
            passage.run(layer, number, prompt)
    finally:
        for handle in handles:
            handle.remove()
    for name, total in sums.items():
        if not torch.isfinite(total.mul_(2 / max(1, counts[name]))).all():
            raise ValueError(f"{name}: what it reads on the safety prompts are not all finite numbers")
    for name, module in linears.items():
        if name not in leaders:  # an expert that no prompt came to
            sums[name] = module.weight.new_zeros(module.in_features, module.in_features, dtype=torch.float32)
    return {name: sums[leaders.get(name, name)] for name in linears}


@torch.no_grad()
def _step(layer: Module, passage: Passage, number: int) -> None:
    """All prompts through a layer."""
    for prompt in range(len(passage.states)):
        passage.states[prompt] = passage.run(layer, number, prompt)
    passage.told[number].clear()


@contextlib.contextmanager
def _standing_in(weights: Mapping[Linear, Tensor]) -> Iterator[None]:
    """New weights in these layers inside; the old ones, which were never touched, afterwards.

    What `model.linear` made of the old ones is laid aside too.
    """
    before = {module: module.weight.data for module in weights}
    forwards = {module: module.__dict__.pop("forward") for module in weights if "forward" in module.__dict__}
    try:
        for module, weight in weights.items():
            module.weight.data = weight.to(before[module])
        yield
    finally:
        for module, weight in before.items():
            module.weight.data = weight
        for module, forward in forwards.items():
            module.__dict__["forward"] = forward
