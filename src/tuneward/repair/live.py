"""A tuned model in memory whose weights can be set to what a repair gives, and put back (house method).

A search measures a dozen strengths; writing each to disk and loading it would cost more than measuring it. Weights are
overwritten row by row from the two checkpoints on disk, so no third copy is held. The factors of an adapter are a few
thousandths of the model, and a step of a search that only scales them costs nothing.
"""

import contextlib
import hashlib
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from tuneward.checkpoint.delta import LowRank
from tuneward.checkpoint.layer import Fate, Layer, Mixed, Moved, Rows, become
from tuneward.checkpoint.pair import PairOf
from tuneward.model.engine import Engine
from tuneward.model.load import Place, load_arms
from tuneward.model.spec import ModelSpec
from tuneward.record import digest

ENTRIES = 1 << 22
"""Numbers that are read and written at a time."""
REST = "rest"
"""Embeddings, head and last norm."""
ADAPTER = "default"
"""What the library calls the one adapter of a model."""


@dataclass(frozen=True, eq=False)
class Thin:
    """The two factors of one weight in memory, and what they hold when the adapter is as it was saved."""

    b: torch.nn.Parameter
    a: torch.nn.Parameter
    saved_b: Tensor
    saved_a: Tensor
    scale: float
    flipped: bool
    """The base stores (in, out): ΔW = scale · Aᵀ Bᵀ, and not scale · B A."""

    def fits(self, delta: LowRank) -> bool:
        """Whether a change can be held by factors of this rank."""
        return delta.b.shape[1] <= self.b.shape[1]

    def put(self, delta: LowRank) -> None:
        """Hold a change, its scale divided out again; what is left of the rank is 0."""
        rank, left = delta.b.shape[1], delta.b / self.scale
        b, a = (delta.a.T, left.T) if self.flipped else (left, delta.a)
        self.b.zero_()
        self.a.zero_()
        self.b[:, :rank].copy_(b)
        self.a[:rank].copy_(a)

    def mix(self, alpha: float) -> None:
        """As saved, times alpha."""
        self.b.copy_(self.saved_b if alpha == 1 else self.saved_b * alpha)
        self.a.copy_(self.saved_a)


@dataclass(frozen=True, eq=False)
class Spot:
    """Where one weight of the pair lies in the model."""

    name: str
    word: str
    """Of its layer."""
    weight: torch.nn.Parameter
    thin: Thin | None


class Live:
    """The tuned model, and its base beside it. `set` and `back` change what `engine` answers, nothing else does."""

    def __init__(self, pair: PairOf, *, tuned: Engine, base: Engine) -> None:
        self.pair = pair
        self._tuned, self._as_loaded = tuned, base
        shared = tuned.model is base.model
        self.base = replace(base, switch=self._base_within) if shared else base
        """The base, whatever the tuned model is set to."""
        self._shared = shared
        self.spots: Mapping[str, Spot] = {name: _spot(tuned.model, pair.layer(name)) for name in pair.names}
        self._changed: dict[str, Fate] = {}
        self._covered: dict[str, None] = {}
        self._key = ""

    @property
    def engine(self) -> Engine:
        """The model as it is set now. Once it is set again, engines given before answer as the new one."""
        if not self._changed:
            return self._tuned
        return replace(self._tuned, info=replace(self._tuned.info, weights=self._key, loading="repaired in memory"))

    def named(self) -> Engine:
        """The same under the digest of what it holds, so that kept replies are found again; reads all that changed."""
        if self._changed:
            self._key = digest(
                [self._tuned.info.weights, [[name, self._content(name)] for name in sorted(self._changed)]]
            )
        return self.engine

    def set(self, fates: Mapping[str, Fate] | Iterable[tuple[str, Fate]]) -> tuple[str, ...]:
        """Make the model what a repair gives; weights that it does not name are the tuned ones again.

        Returns:
            Names of the weights that it named.

        Raises:
            ValueError: a name that the pair lacks, or named twice; the model is then the tuned one.
        """
        items = fates.items() if isinstance(fates, Mapping) else fates
        before, self._key = dict(self._changed), secrets.token_hex(16)
        named: dict[str, Fate] = {}
        done = False
        try:
            for name, fate in items:
                if name not in self.spots or name in named:
                    why = "named twice" if name in named else "not a weight of the pair"
                    raise ValueError(f"repair: {name} is {why}; nothing was changed")
                named[name] = self._changed[name] = fate
                self._apply(self.spots[name], fate)
            for name in before.keys() - named.keys():
                self._put_back(name)
            done = True
        finally:
            if not done:
                self.back()
        return tuple(named)

    def back(self) -> None:
        """The tuned model again, bit for bit."""
        for name in tuple(self._changed):
            self._put_back(name)

    @torch.no_grad()
    def _apply(self, spot: Spot, fate: Fate) -> None:
        thin = spot.thin
        if thin is not None and isinstance(fate, Mixed):
            self._uncover(spot)
            thin.mix(fate.alpha)
            return
        if thin is not None and isinstance(fate, Moved) and isinstance(fate.delta, LowRank) and thin.fits(fate.delta):
            self._uncover(spot)
            thin.put(fate.delta)
            return
        layer = self.pair.layer(spot.name)
        if thin is not None:
            self._covered[spot.name] = None
            thin.b.zero_()
        _overwrite(spot.weight, lambda part: become(layer, fate, part))

    def _uncover(self, spot: Spot) -> None:
        if spot.name in self._covered:
            _overwrite(spot.weight, self.pair.layer(spot.name).base)
            del self._covered[spot.name]

    @torch.no_grad()
    def _put_back(self, name: str) -> None:
        spot = self.spots[name]
        if spot.thin is not None:
            self._uncover(spot)
            spot.thin.mix(1.0)
        else:
            _overwrite(spot.weight, self.pair.layer(name).tuned)
        del self._changed[name]

    @contextlib.contextmanager
    def _base_within(self) -> Iterator[None]:
        """The base on a shared model: adapter off, and weights that hold a repair are the base's inside."""
        held = {name: self.spots[name].weight.detach().clone() for name in self._covered}
        try:
            for name in held:
                _overwrite(self.spots[name].weight, self.pair.layer(name).base)
            with self._as_loaded.switch():
                yield
        finally:
            for name, content in held.items():
                with torch.no_grad():
                    self.spots[name].weight.copy_(content)

    def _content(self, name: str) -> str:
        """sha256 of what a weight holds now, factors included."""
        spot, found = self.spots[name], hashlib.sha256()
        thin = (spot.thin.b, spot.thin.a) if spot.thin is not None else ()
        for tensor in (*thin, *((spot.weight,) if spot.thin is None or name in self._covered else ())):
            for part in parts(tensor.shape):
                data = tensor.detach()[part].cpu().contiguous()
                found.update(data.flatten().view(torch.uint8).numpy().data)
        return found.hexdigest()


def live_of(pair: PairOf, *, tuned: ModelSpec, base: ModelSpec, place: Place) -> Live:
    """Load both arms; an adapter and its base share one model.

    Raises:
        ValueError: a model that cannot be loaded, or whose weights in memory are not those of the pair.
    """
    arms = load_arms(tuned, base, place=place)
    if arms["tuned"] is arms["base"]:
        raise ValueError(f"{tuned.name}: is the base itself, so there is nothing to repair")
    return Live(pair, tuned=arms["tuned"], base=arms["base"])


def word_of(layer: Layer) -> str:
    """The name under which a weight's layer has its share."""
    return REST if layer.number is None else f"layer {layer.number}"


def parts(shape: tuple[int, ...]) -> Iterator[slice]:
    """Rows of a weight, some at a time."""
    across = max(1, int(torch.Size(shape[1:]).numel()))
    step = max(1, ENTRIES // across)
    yield from (slice(first, min(first + step, shape[0])) for first in range(0, shape[0], step))


@torch.no_grad()
def _overwrite(weight: torch.nn.Parameter, rows: Rows) -> None:
    for part in parts(tuple(weight.shape)):
        weight[part].copy_(rows(part))


def _spot(model: Any, layer: Layer) -> Spot:
    module = _module(model, layer.name.rpartition(".")[0])
    leaf = layer.name.rpartition(".")[2]
    saved = getattr(module, "modules_to_save", None)
    if isinstance(saved, torch.nn.ModuleDict) and ADAPTER in saved:
        module = saved[ADAPTER]
    weight = getattr(getattr(module, "base_layer", module), leaf, None)
    if not isinstance(weight, torch.nn.Parameter) or tuple(weight.shape) != layer.shape:
        found = "none" if weight is None else list(weight.shape)
        raise ValueError(
            f"{layer.name}: {list(layer.shape)} on disk and {found} in memory; this architecture is stored otherwise "
            "than it is loaded, so it can be repaired by a given strength and not searched"
        )
    return Spot(layer.name, word_of(layer), weight, None if layer.factors is None else _thin(module, layer))


def _module(model: Any, path: str) -> Any:
    """By its path in the files; a base saved without its head lacks the first part of it."""
    for candidate in (path, f"{model.base_model_prefix}.{path}"):
        with contextlib.suppress(AttributeError):
            return model.get_submodule(candidate)
    return None


def _thin(module: Any, layer: Layer) -> Thin:
    embedding = ADAPTER in getattr(module, "lora_embedding_B", ())
    plain = embedding or ADAPTER in getattr(module, "lora_B", ())
    if not plain or ADAPTER in getattr(module, "lora_variant", ()):
        raise ValueError(f"{layer.name}: its adapter is of a kind that cannot be changed in memory; merge it first")
    if embedding:
        b, a = module.lora_embedding_B[ADAPTER], module.lora_embedding_A[ADAPTER]
    else:
        b, a = module.lora_B[ADAPTER].weight, module.lora_A[ADAPTER].weight
    flipped = embedding or bool(getattr(module, "fan_in_fan_out", False))
    return Thin(b, a, b.detach().clone(), a.detach().clone(), float(module.scaling[ADAPTER]), flipped)
