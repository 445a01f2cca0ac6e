"""A repair carried out into files: the tuned model's own layout, row by row, whole or not at all."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tuneward.checkpoint.adapter_writing import write_adapter
from tuneward.checkpoint.carrying import AS_TUNED, Carrying, Place, checked, filled, places
from tuneward.checkpoint.folder import copy_companions, half_folder, settle
from tuneward.checkpoint.layer import Fate
from tuneward.checkpoint.pair import PairOf
from tuneward.checkpoint.streams import NewFiles, room_for

Progress = Callable[[int, int], None]
"""Called with the bytes that are done, and all."""


def unseen(_done: int, _total: int) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class Written:
    """What was written, and how much it changed."""

    out: Path
    weights: int
    """Of the pair."""
    changed: int
    """Of these, how many differ from the tuned model's in any byte; at 0 nothing was written."""
    size: float | None
    """‖new − tuned‖ / ‖tuned − base‖ over all weights. Where all are mixed alike it is 1 − alpha, rounding apart.
    None where tuning changed nothing."""
    layers: Mapping[int, float | None]
    """The same of each decoder layer."""
    truncated: float | None
    """Of an adapter: the largest relative error of a change whose rank is higher than the adapter holds; 0 if none
    is. None of a whole model."""
    files: Mapping[str, str]
    """Weight file → sha256."""


def write(
    pair: PairOf,
    fates: Iterable[tuple[str, Fate]],
    out: Path,
    *,
    whole: bool = False,
    progress: Progress = unseen,
) -> Written:
    """Write what becomes of a tuned model to a new folder, or replace what another repair left there.

    Of a whole model and of an adapter files, names, order and sizes stay those of the tuned one; weights that the
    repair does not name stay as they are. A block is in memory at a time, besides what a fate itself holds.

    Args:
        fates: in the pair's order.
        whole: of an adapter, write a whole model in the layout of the base.

    Raises:
        ValueError: a weight that the pair does not have, that comes twice or out of order, that does not fit, or
            numbers that are not finite: it names the weight; or something else stands at `out`. Nothing is written.
        OSError: it cannot be written. What stood at `out` still does.
    """
    _apart(pair, out)
    as_adapter = pair.adapter is not None and not whole
    layout = pair.tuned if as_adapter else pair.base if pair.adapter is not None else pair.tuned
    asked = checked(fates, pair.names)
    with half_folder(out) as half, NewFiles(out) as files:
        room_for(out, sum(header.stamp[1] for header in layout.layout.values()))
        carrying = Carrying(files, layout, progress)
        into = places(files, layout, half)
        truncated = None
        if as_adapter:
            truncated = write_adapter(pair, asked, carrying, into)
        elif pair.adapter is not None:
            _merged(pair, asked, carrying, into)
        else:
            _in_order(pair, asked, carrying, into)
        sums: dict[str, str] = {}
        changed = sum(step.changed for step in carrying.sizes.steps)
        if changed:
            sums = files.finish()
            _companions(pair, half, as_adapter=as_adapter)
            settle(half, out, sums=sums)
    sizes = carrying.sizes
    return Written(out, len(pair), changed, sizes.ratio(), sizes.layers(), truncated, sums)


def _in_order(pair: PairOf, asked: Iterator[tuple[str, Fate]], carrying: Carrying, into: list[Place]) -> None:
    """A whole model: weights come as its files hold them, so that files are hashed as they grow."""
    model = pair.tuned_whole or pair.base_whole
    every = filled(asked, pair.names)
    shared = {pair.tie.input} if pair.tie is not None else set()
    kept: dict[str, Fate] = {}
    for place in into:
        name = model.weight_of(place.name)
        if name is None:
            carrying.copy(model.stored, place.name, place)
        elif name in kept:
            carrying.weight(pair.layer(name), kept[name], place)
        else:
            name, fate = next(every)
            carrying.sizes.steps.append(carrying.weight(pair.layer(name), fate, place))
            if name in shared:
                kept[name] = fate
            del fate  # may be as large as the weight; the next one is made now
    next(every, None)  # there is none; or the repair named one too many


def _merged(pair: PairOf, asked: Iterator[tuple[str, Fate]], carrying: Carrying, into: list[Place]) -> None:
    """A base with what becomes of an adapter, whose order is its own."""
    model = pair.base_whole
    where: dict[str, list[Place]] = {}
    for place in into:
        where.setdefault(model.weight_of(place.name) or "", []).append(place)
    left = dict.fromkeys(pair.names)

    def carry(name: str, fate: Fate) -> None:
        steps = [carrying.weight(pair.layer(name), fate, place) for place in where[name]]
        carrying.sizes.steps.append(steps[0])

    for name, fate in asked:
        carry(name, fate)
        del left[name], fate
    for name in left:
        carry(name, AS_TUNED)
    adapted = frozenset(pair.names)
    for place in into:
        if model.weight_of(place.name) not in adapted:
            carrying.copy(model.stored, place.name, place)


def _companions(pair: PairOf, half: Path, *, as_adapter: bool) -> None:
    if pair.adapter is not None and not as_adapter:
        copy_companions(pair.base.folder, half, tokenizer=pair.tuned.folder)
        index = pair.base.folder / "model.safetensors.index.json"
    else:
        copy_companions(pair.tuned.folder, half)
        index = pair.tuned.folder / f"{'adapter_model' if as_adapter else 'model'}.safetensors.index.json"
    if index.is_file():
        (half / index.name).write_bytes(index.read_bytes())


def _apart(pair: PairOf, out: Path) -> None:
    """Refuse to write into what is read."""
    there = out.resolve()
    for folder in (pair.tuned.folder, pair.base.folder):
        own = folder.resolve()
        if there == own or own in there.parents or there in own.parents:
            raise ValueError(f"{out}: lies in {folder}, which is read, or around it; choose another --out")
