"""What becomes of an adapter written as an adapter: the same names and sizes, nothing multiplied out."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from tuneward.checkpoint.adapter import Adapter
from tuneward.checkpoint.carrying import AS_TUNED, Carrying, Place, finite
from tuneward.checkpoint.delta import LowRank
from tuneward.checkpoint.header import called
from tuneward.checkpoint.layer import Fate, Mixed, Moved
from tuneward.checkpoint.pair import PairOf
from tuneward.checkpoint.sizes import step_of
from tuneward.checkpoint.streams import written

CONFIG = "adapter_config.json"


def write_adapter(pair: PairOf, asked: Iterator[tuple[str, Fate]], carrying: Carrying, into: list[Place]) -> float:
    """Every tensor of the adapter and its configuration; the largest relative error of a change cut to its rank.

    One share for all layers goes into `lora_alpha`, and the factors stay as they are, bit for bit; shares that differ
    go into the factors B.

    Raises:
        ValueError: a fate that an adapter cannot hold, or one that does not fit; it names the weight.
        OSError: it cannot be written.
    """
    own = pair.adapter
    if own is None:
        raise TypeError("a pair without an adapter")
    where = {place.name: place for place in into}
    truncated, mixed = 0.0, dict.fromkeys(pair.names, AS_TUNED)
    for name, fate in asked:
        if isinstance(fate, Mixed):
            mixed[name] = fate
            continue
        del mixed[name]
        if name in own.dense:
            carrying.sizes.steps.append(carrying.weight(pair.layer(name), fate, where[own.dense[name]]))
        else:
            truncated = max(truncated, _moved(pair, (name, fate), carrying, where))
        del fate
    shares = {fate.alpha for fate in mixed.values()}
    folded = shares.pop() if len(mixed) == len(pair.names) and len(shares) == 1 else None
    _mixed(pair, mixed, carrying, where, folded=folded is not None)
    half = into[0].file.path.parent
    with written(half / CONFIG):
        (half / CONFIG).write_bytes(_configuration(own.stored.folder / CONFIG, folded))
    return truncated


def _moved(pair: PairOf, what: tuple[str, Fate], carrying: Carrying, where: Mapping[str, Place]) -> float:
    name, fate = what
    own = _adapter(pair)
    if not isinstance(fate, Moved) or not isinstance(fate.delta, LowRank):
        raise ValueError(f"{called(name)}: an adapter cannot hold what becomes of it; give --whole")
    one, layer, delta = own.adapted[name], pair.layer(name), fate.delta
    if (delta.b.shape[0], delta.a.shape[1]) != layer.shape:
        shape = [delta.b.shape[0], delta.a.shape[1]]
        raise ValueError(f"{called(name)}: moved by {shape}; the weight is {list(layer.shape)}")
    if not one.scale:
        raise ValueError(f"{called(name)}: the adapter's lora_alpha is 0, so it can hold nothing; give --whole")
    step = step_of(layer, fate)
    fitting, lost = _of_rank(delta, own.stored.shape(one.a)[0])
    for tensor, content in one.stored(fitting).items():
        step.changed |= _put(own, tensor, content, (name, carrying, where[tensor]))
    carrying.sizes.steps.append(step)
    return lost


def _of_rank(delta: LowRank, rank: int) -> tuple[LowRank, float]:
    missing = rank - delta.b.shape[1]
    if missing < 0:
        return delta.of_rank(rank)
    return LowRank(pad(delta.b, (0, missing)), pad(delta.a, (0, 0, 0, missing))), 0.0


def _mixed(
    pair: PairOf, mixed: Mapping[str, Mixed], carrying: Carrying, where: Mapping[str, Place], *, folded: bool
) -> None:
    """All that is left, in the order of the file."""
    own = _adapter(pair)
    dense = {own.dense[name]: name for name in mixed if name in own.dense}
    scaled = {own.adapted[name].b: name for name in mixed if name in own.adapted}
    kept = {own.adapted[name].a for name in scaled.values()} | set(own.copied.values())
    for tensor, place in where.items():
        if tensor in dense:
            layer = pair.layer(dense[tensor])
            carrying.sizes.steps.append(carrying.weight(layer, mixed[dense[tensor]], place))
        elif tensor in scaled:
            name, fate = scaled[tensor], mixed[scaled[tensor]]
            step = step_of(pair.layer(name), fate)
            step.changed = fate.alpha != 1 and bool(step.tuning)
            carrying.sizes.steps.append(step)
            content = own.stored.rows(tensor)
            kind = content.dtype
            content = content if folded or fate.alpha == 1 else (content.float() * fate.alpha).to(kind)
            _put(own, tensor, content, (name, carrying, place))
        elif tensor in kept:
            carrying.copy(own.stored, tensor, place)


def _put(own: Adapter, tensor: str, content: Tensor, to: tuple[str, Carrying, Place]) -> bool:
    """Round, look, put; whether a byte of it is new."""
    name, carrying, place = to
    rounded = content.to(place.spot.dtype)
    if not finite(rounded):
        raise ValueError(f"{called(name)}: numbers that are not finite in {called(tensor)}; nothing is written")
    carrying.put(place, rounded)
    before = own.stored.rows(tensor)
    return not torch.equal(before.reshape(-1).view(torch.uint8), rounded.reshape(-1).view(torch.uint8))


def _configuration(path: Path, share: float | None) -> bytes:
    """As it was, or with the share folded in."""
    text = path.read_bytes()
    if share is None or share == 1:
        return text
    config = json.loads(text)
    config["lora_alpha"] = _times(config.get("lora_alpha", 8), share)
    config["alpha_pattern"] = {one: _times(value, share) for one, value in (config.get("alpha_pattern") or {}).items()}
    return (json.dumps(config, indent=2, sort_keys=True) + "\n").encode()


def _times(value: Any, share: float) -> float:
    product = value * share
    return int(product) if product == int(product) else product


def _adapter(pair: PairOf) -> Adapter:
    if pair.adapter is None:
        raise TypeError("a pair without an adapter")
    return pair.adapter
