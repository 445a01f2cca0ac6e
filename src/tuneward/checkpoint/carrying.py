"""What becomes of each weight carried out, a few MiB at a time, into the places where files hold it."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

from tuneward.checkpoint.delta import Delta, LowRank
from tuneward.checkpoint.header import Spot, called
from tuneward.checkpoint.layer import Fate, Layer, Mixed, Moved, Rows, become
from tuneward.checkpoint.sizes import Sizes, Step, parts, step_of
from tuneward.checkpoint.stored import Stored
from tuneward.checkpoint.streams import NewFile, NewFiles

GLIMPSE = 4 << 10
"""Bytes that are compared first, since a weight that changed changed nearly everywhere."""
CHUNK = 1 << 17
"""Numbers looked at together, so that the processor's cache holds them."""
EXPONENTS: Mapping[torch.dtype, int] = MappingProxyType(
    {torch.bfloat16: 0x7F80, torch.float16: 0x7C00, torch.float32: 0x7F800000, torch.float64: 0x7FF << 52}
)
"""The exponent's bits, all of them set in what is no finite number."""
BITS: Mapping[int, torch.dtype] = MappingProxyType({2: torch.int16, 4: torch.int32, 8: torch.int64})
AS_TUNED = Mixed(1.0)


@dataclass(frozen=True)
class Place:
    """Where a new file holds one tensor."""

    name: str
    """The tensor's, in the file."""
    file: NewFile
    spot: Spot
    """The same place in the file whose layout is kept."""


@dataclass
class Carrying:
    """New files in the layout of others, and what was put into them so far."""

    files: NewFiles
    layout: Stored
    progress: Callable[[int, int], None]
    """Called with the bytes that are done, and all."""
    sizes: Sizes = field(default_factory=Sizes)
    done: int = 0

    @cached_property
    def total(self) -> int:
        """Bytes of all tensors."""
        return sum(spot.nbytes for spot in self.layout.spots.values())

    def weight(self, layer: Layer, fate: Fate, place: Place) -> Step:
        """One weight at one place.

        Raises:
            ValueError: rows of another shape, or numbers that are not finite; it names the weight.
            OSError: it cannot be written.
        """
        _fits(layer, fate)
        with few_threads(multiplied=layer.factors is not None):
            return self._weight(layer, fate, place)

    def _weight(self, layer: Layer, fate: Fate, place: Place) -> Step:
        layer = layer if layer.dtype == place.spot.dtype else replace(layer, dtype=place.spot.dtype)
        step = step_of(layer, fate)
        measured = step.share is None and step.tuning is None
        for part in parts(layer, layer.dtype.itemsize):
            block = become(layer, fate, part)
            _whole(layer, block, part)
            if not finite(block):
                raise ValueError(_blamed(layer, part))
            if measured:
                step.add(layer, new=block, part=part)
            step.changed = step.changed or (step.share != 1 and _differs(layer, block, part))
            self.put(place, block, row=part.start)
        return step

    def copy(self, source: Stored, name: str, place: Place) -> None:
        """A tensor as another file has it.

        Raises:
            ValueError: numbers that are not finite.
            OSError: it cannot be written.
        """
        rows: Rows = partial(source.rows, name)
        spot = place.spot
        for part in parts(Layer(name, spot.shape, base=rows, tuned=rows, dtype=spot.dtype), spot.dtype.itemsize):
            block = rows(part)
            if not finite(block):
                where = f"{source.file_of(name)}: {called(name)}"
                raise ValueError(f"{where}: numbers that are not finite; nothing is written")
            self.put(place, block, row=part.start)

    def put(self, place: Place, block: Tensor, *, row: int = 0) -> None:
        """Some rows, the first of which is `row`."""
        self.files.put(place.file, place.spot.start + row * place.spot.row, block)
        self.done += block.nbytes
        self.progress(self.done, self.total)


def places(files: NewFiles, layout: Stored, half: Path) -> list[Place]:
    """New files with the header of those whose layout is kept: the same names, order, metadata and sizes."""
    found = []
    for path, header in layout.layout.items():
        size = header.stamp[1]
        start = min((spot.start for spot in header.spots.values()), default=size)
        with path.open("rb") as opened:
            head = opened.read(start)
        file = files.open(half / path.name, head=head, size=size)
        found += [Place(name, file, spot) for name, spot in header.spots.items()]
    return found


def checked(fates: Iterable[tuple[str, Fate]], known: Collection[str]) -> Iterator[tuple[str, Fate]]:
    """The same, each weight named once.

    Raises:
        ValueError: a name that the pair does not have, or one that comes twice.
    """
    names, seen = frozenset(known), set()
    for name, fate in fates:
        if name not in names:
            raise ValueError(f"{called(name)}: the repair names this weight, and the pair has none of that name")
        if name in seen:
            raise ValueError(f"{called(name)}: the repair names this weight twice")
        seen.add(name)
        yield name, fate
        del fate  # may be as large as the weight; the next one is made now


def filled(fates: Iterator[tuple[str, Fate]], names: Iterable[str]) -> Iterator[tuple[str, Fate]]:
    """Every weight in the pair's order, those that the repair does not name as they are tuned.

    Raises:
        ValueError: the repair names them in another order.
    """
    upcoming = next(fates, None)
    for name in names:
        if upcoming is not None and upcoming[0] == name:
            yield upcoming
            upcoming = None  # as above
            upcoming = next(fates, None)
        else:
            yield name, AS_TUNED
    if upcoming is not None:
        raise ValueError(f"{called(upcoming[0])}: the repair names this weight out of the pair's order")


@contextmanager
def few_threads(*, multiplied: bool) -> Iterator[None]:
    """Blocks of a few MiB are sums as fast as memory: threads that share one cost more than they bring."""
    before = torch.get_num_threads()
    if multiplied or before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def finite(block: Tensor) -> bool:
    """Whether all are numbers; told by the exponents, several times as fast as by arithmetic."""
    exponent = EXPONENTS.get(block.dtype)
    if exponent is None:
        return True
    bits = block.contiguous().reshape(-1).view(BITS[block.dtype.itemsize]).numpy()
    kind = bits.dtype.type
    room = np.empty(min(len(bits), CHUNK), bits.dtype)
    for first in range(0, len(bits), CHUNK):
        chunk = bits[first : first + CHUNK]
        if np.bitwise_and(chunk, kind(exponent), out=room[: len(chunk)]).max() == exponent:
            return False
    return True


def _fits(layer: Layer, fate: Fate) -> None:
    if isinstance(fate, Moved):
        shape = _shape(fate.delta)
        if shape is not None and shape != layer.shape:
            raise ValueError(f"{called(layer.name)}: moved by {list(shape)}; the weight is {list(layer.shape)}")


def _shape(delta: Delta) -> tuple[int, ...] | None:
    if isinstance(delta, LowRank):
        return (delta.b.shape[0], delta.a.shape[1])
    matrix = getattr(delta, "matrix", None)
    return tuple(matrix.shape) if isinstance(matrix, Tensor) else None


def _whole(layer: Layer, block: Tensor, part: slice) -> None:
    expected = (part.stop - part.start, *layer.shape[1:]) if layer.shape else ()
    if tuple(block.shape) != expected:
        raise ValueError(f"{called(layer.name)}: rows {list(block.shape)} were given, expected {list(expected)}")


def _blamed(layer: Layer, part: slice) -> str:
    sources = (("the base", layer.base(part)), ("the tuned model", layer.tuned(part)))
    guilty = next((who for who, rows in sources if not bool(torch.isfinite(rows).all())), "the result of the repair")
    return f"{called(layer.name)}: numbers that are not finite in {guilty}; nothing is written"


def _differs(layer: Layer, block: Tensor, part: slice) -> bool:
    if not layer.shape:
        return not _same(block, layer.tuned(part).to(layer.dtype))
    row = max(1, block.nbytes // max(1, len(block)))
    few = min(part.stop, part.start + max(1, GLIMPSE // row))
    if not _same(block[: few - part.start], layer.tuned(slice(part.start, few)).to(layer.dtype)):
        return True
    return few < part.stop and not _same(block, layer.tuned(part).to(layer.dtype))


def _same(left: Tensor, right: Tensor) -> bool:
    bits = BITS[left.dtype.itemsize]
    one, other = (side.contiguous().reshape(-1).view(bits).numpy() for side in (left, right))
    return bool(np.array_equal(one, other))
