"""The header of one safetensors file: which tensors it holds and where, believed only when every byte is accounted for.

Format: eight bytes with the header's length, little-endian; a JSON object of name → dtype, shape and offsets into the
rest of the file; the tensors, one after the other without gaps. (Own reading of the safetensors format description.)
"""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

from tuneward.text import plain, shorten

LONGEST = 100_000_000
"""Bytes of a header at most, as the library itself sets it."""
DTYPES: Mapping[str, torch.dtype] = MappingProxyType(
    {
        "F64": torch.float64,
        "F32": torch.float32,
        "F16": torch.float16,
        "BF16": torch.bfloat16,
        "I64": torch.int64,
        "I32": torch.int32,
        "I16": torch.int16,
        "I8": torch.int8,
        "U8": torch.uint8,
        "BOOL": torch.bool,
    }
)
FIELDS = {"dtype", "shape", "data_offsets"}


@dataclass(frozen=True)
class Spot:
    """Where one tensor lies."""

    file: Path
    start: int
    """Bytes from the beginning of the file."""
    shape: tuple[int, ...]
    dtype: torch.dtype

    @property
    def nbytes(self) -> int:
        """Bytes of the whole tensor."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def row(self) -> int:
        """Bytes of one row; of a single number its own."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize


@dataclass(frozen=True)
class Header:
    """One file: its tensors in the order in which they lie, and what its writer noted."""

    spots: Mapping[str, Spot]
    metadata: Mapping[str, str]
    stamp: tuple[int, int, int]
    """Inode, size and time of change: what shows that a file was replaced after its header was read."""


def stamp_of(handle: int) -> tuple[int, int, int]:
    """Inode, size and time of change of an open file."""
    status = os.fstat(handle)
    return status.st_ino, status.st_size, status.st_mtime_ns


def read_header(file: Path) -> Header:
    """Everything but the tensors' own bytes, which are not read.

    Raises:
        ValueError: one line naming the file, and the tensor where one is at fault.
    """
    with file.open("rb") as opened:
        stamp = stamp_of(opened.fileno())
        size, first = stamp[1], opened.read(8)
        length = int.from_bytes(first, "little")
        if len(first) < 8 or length > min(size - 8, LONGEST):
            raise ValueError(f"{file}: cut short, or no safetensors file ({size} bytes, header of {length})")
        text = opened.read(length)
    entries = _entries(file, text)
    metadata = entries.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError(f"{file}: __metadata__ is not an object of texts; the file is damaged")
    spots = {name: _spot(file, name, entry, 8 + length) for name, entry in entries.items()}
    ordered = dict(sorted(spots.items(), key=lambda item: (item[1].start, item[1].nbytes)))
    _gapless(file, ordered, 8 + length, size)
    return Header(MappingProxyType(ordered), MappingProxyType(metadata), stamp)


def read_object(file: Path, text: bytes) -> dict[str, Any]:
    """A JSON object in which no key comes twice: of two values readers pick different ones.

    Raises:
        ValueError: one line naming the file.
    """
    try:
        value = json.loads(text.decode(), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file}: not readable as a JSON object ({shorten(plain(str(error)), 200)})") from error
    if not isinstance(value, dict):
        raise ValueError(f"{file}: not readable as a JSON object (a {type(value).__name__})")
    return value


def called(name: str) -> str:
    """A tensor's name as it may be shown."""
    return shorten(plain(name), 200)


def _entries(file: Path, text: bytes) -> dict[str, Any]:
    if not text.startswith(b"{"):
        raise ValueError(f"{file}: the header is no JSON object; the file is damaged or no safetensors file")
    return read_object(file, text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)} comes twice")
    return found


def _spot(file: Path, name: str, entry: object, data: int) -> Spot:
    where = f"{file}: {called(name)}"
    if not isinstance(entry, dict) or set(entry) != FIELDS:
        raise ValueError(f"{where}: header entry without dtype, shape and data_offsets; the file is damaged")
    shape, offsets = entry["shape"], entry["data_offsets"]
    if not _counts(shape) or not _counts(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise ValueError(f"{where}: shape {_brief(shape)} or offsets {_brief(offsets)} are no counts; file damaged")
    dtype = DTYPES.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
    if dtype is None:
        raise ValueError(
            f"{where}: stored as {_brief(entry['dtype'])}; expected one of {', '.join(DTYPES)} "
            "(quantised weights cannot be repaired)"
        )
    spot = Spot(file, data + offsets[0], tuple(shape), dtype)
    if spot.nbytes != offsets[1] - offsets[0]:
        raise ValueError(f"{where}: shape {shape} needs {spot.nbytes} bytes, has {offsets[1] - offsets[0]}")
    return spot


def _gapless(file: Path, spots: Mapping[str, Spot], data: int, size: int) -> None:
    expected = data
    for name, spot in spots.items():
        if spot.start != expected:
            what = "overlaps the tensor before it" if spot.start < expected else "begins after a gap"
            raise ValueError(f"{file}: {called(name)}: {what}; the file is damaged")
        expected += spot.nbytes
        if expected > size:
            raise ValueError(f"{file}: {called(name)}: ends at byte {expected}, the file at {size}; it was cut short")
    if expected != size:
        raise ValueError(f"{file}: {size - expected} bytes after the last tensor; the file is damaged")


def _counts(values: object) -> bool:
    return isinstance(values, list) and all(type(value) is int and value >= 0 for value in values)


def _brief(value: object) -> str:
    return shorten(plain(str(value)), 60)
