"""Tensors of a checkpoint's folder by name: read a few rows at a time, into memory that the reader names.

Files are read, never mapped: mapped pages count against a limit on address space, and a file that is cut while it is
mapped kills the process instead of raising an error.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor

from tuneward.checkpoint.header import Header, Spot, called, read_header, read_object, stamp_of
from tuneward.weights import weight_files


@dataclass(frozen=True, eq=False)
class Stored:
    """What the safetensors files of one folder hold. Only headers are in memory."""

    folder: Path
    layout: Mapping[Path, Header]
    """File → its tensors as they lie in it, and its `__metadata__`; files in the index's sorted order."""
    spots: Mapping[str, Spot]
    """Name → place, in the order of files and of offsets within them."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The files, shards in their order."""
        return tuple(self.layout)

    @property
    def names(self) -> tuple[str, ...]:
        """Tensors as they lie in the files."""
        return tuple(self.spots)

    def __contains__(self, name: object) -> bool:
        return name in self.spots

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of one tensor."""
        return self.spots[name].shape

    def dtype(self, name: str) -> torch.dtype:
        """Precision in which it is stored."""
        return self.spots[name].dtype

    def nbytes(self, name: str) -> int:
        """Bytes of the whole tensor."""
        return self.spots[name].nbytes

    def file_of(self, name: str) -> Path:
        """The file that holds it."""
        return self.spots[name].file

    def rows(self, name: str, part: slice = slice(None), *, into: Tensor | None = None) -> Tensor:
        """Some rows, and only these are read; of a single number (no dimension) itself.

        Args:
            into: bytes (uint8, one dimension, contiguous) that the rows are read into and that the result shares;
                at least `row bytes · rows`. Without it the result is a fresh tensor. It is writable either way.

        Raises:
            ValueError: a slice with a step, a buffer too small, or a file that changed since its header was read.
        """
        spot = self.spots[name]
        first, last, step = part.indices(spot.shape[0]) if spot.shape else (0, 1, part.step or 1)
        if step != 1:
            raise ValueError(f"{called(name)}: rows {part} with a step; expected neighbouring rows")
        count = max(0, last - first)
        size = count * spot.row
        room = torch.empty(size, dtype=torch.uint8) if into is None else into
        if room.dtype != torch.uint8 or room.dim() != 1 or not room.is_contiguous() or len(room) < size:
            raise ValueError(f"{called(name)}: {size} bytes do not fit the buffer given ({len(room)} {room.dtype})")
        room = room[:size]
        self._fill(room, spot, spot.start + first * spot.row)
        return room.view(spot.dtype).reshape((count, *spot.shape[1:]) if spot.shape else ())

    def _fill(self, room: Tensor, spot: Spot, offset: int) -> None:
        view, done = room.numpy().data, 0
        handle = os.open(spot.file, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if stamp_of(handle) != self.layout[spot.file].stamp:
                raise ValueError(f"{spot.file}: changed while it was being read; start again when nothing writes to it")
            while done < len(view):
                got = os.preadv(handle, [view[done:]], offset + done)
                if not got:
                    raise ValueError(f"{spot.file}: ends {len(view) - done} bytes early; it was cut while being read")
                done += got
        finally:
            os.close(handle)


def stored(folder: Path, *, stem: str = "model") -> Stored:
    """The tensors of a checkpoint, or with `stem="adapter_model"` of an adapter. Reads the headers alone.

    Raises:
        ValueError: pickles, code to run, a damaged header, or an index that does not agree with its shards; one line
            naming the file and the tensor.
        FileNotFoundError: no such folder, no weights in it, or a shard that is missing.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; expected a checkpoint in Hugging Face layout")
    index = folder / f"{stem}.safetensors.index.json"
    placed = _index(index) if index.is_file() else None
    files = weight_files(folder, stem=stem)
    single = folder / f"{stem}.safetensors"
    if placed is None and files != [single]:
        raise FileNotFoundError(f"{index}: missing; nothing else says which of the {len(files)} files belong together")
    if placed is not None and single.is_file() and single not in files:
        raise ValueError(f"{folder}: both {single.name} and {index.name}; remove the one that is not meant")
    layout = {file: read_header(file) for file in files}
    spots: dict[str, Spot] = {}
    for file, header in layout.items():
        for name, spot in header.spots.items():
            if name in spots:
                raise ValueError(f"{file}: {called(name)}: stored in {spots[name].file.name} as well")
            spots[name] = spot
    if placed is not None:
        _agree(index, placed, spots)
    return Stored(folder, MappingProxyType(layout), MappingProxyType(spots))


def _index(path: Path) -> dict[str, str]:
    placed = read_object(path, path.read_bytes()).get("weight_map")
    if not isinstance(placed, dict) or not placed or not all(isinstance(file, str) for file in placed.values()):
        raise ValueError(f"{path}: no weight_map of tensor → file; the index is damaged")
    for name, file in placed.items():
        if Path(file).name != file or not file.endswith(".safetensors"):
            raise ValueError(f"{path}: {called(name)}: {called(file)} is no safetensors file beside the index")
    return placed


def _agree(index: Path, placed: Mapping[str, str], spots: Mapping[str, Spot]) -> None:
    for name, file in placed.items():
        if name not in spots or spots[name].file.name != file:
            raise ValueError(f"{index}: {called(name)}: not in {file}, where the index has it")
    for name, spot in spots.items():
        if name not in placed:
            raise ValueError(f"{spot.file}: {called(name)}: the index does not name it; the index is damaged")
