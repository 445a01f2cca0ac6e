"""Rows that are likely nearly the same: those with an equal key in one of the bands, a task a band."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tuneward.record import sha256_bytes, whole_file
from tuneward.screen.tokens import I64, U64, held

AT_ONCE = 4_000_000
"""Keys that are sorted together."""


@dataclass(frozen=True)
class Band:
    """One band of all shards, to be searched for equal keys."""

    number: int
    folders: tuple[str, ...]
    out: str


def alike(band: Band) -> str:
    """Pairs of rows with an equal key, each with the first row of its key, as a file (2, n) of places."""
    known = sha256_bytes("\n".join(band.folders).encode())[:12]
    out = Path(band.out) / f"{band.number:02d}-{known}.npy"
    if out.exists():
        return str(out)
    columns = [held(Path(folder) / "bands.npy")[band.number] for folder in band.folders]
    rounds = max(1, -(-sum(map(len, columns)) // AT_ONCE))
    found = [_round(band, columns, part=part, of=rounds) for part in range(rounds)]
    with whole_file(out) as file:
        np.save(file, np.concatenate([np.empty((2, 0), np.int64), *found], axis=1))
    return str(out)


def _round(band: Band, columns: Sequence[U64], *, part: int, of: int) -> I64:
    """The pairs among the keys of one part of all keys."""
    keys, places = [], []
    for folder, column in zip(band.folders, columns, strict=True):
        own = np.flatnonzero((column != 0) & (column % np.uint64(of) == part))
        keys.append(column[own])
        places.append(held(Path(folder) / "places.npy")[own])
    key = np.concatenate([np.empty(0, np.uint64), *keys])
    place = np.concatenate([np.empty(0, np.int64), *places])
    order = np.argsort(key, kind="stable")  # places ascend already
    key, place = key[order], place[order]
    begins = np.concatenate([[True], key[1:] != key[:-1]]) if len(key) else np.empty(0, np.bool_)
    first = place[np.flatnonzero(begins)][np.cumsum(begins) - 1] if len(key) else place
    return np.stack([first[~begins], place[~begins]])
