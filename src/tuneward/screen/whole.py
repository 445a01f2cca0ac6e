"""A file read once for itself: its digest, and its rows counted apart from the pass that screens them."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from tuneward.screen.sources import BLOCK, Source


@dataclass(frozen=True)
class Whole:
    """A file as a whole."""

    source: Source
    sha256: str
    rows: int | None
    """Lines, or rows that the file says it has; None where nothing tells."""


def whole(source: Source) -> Whole:
    """Digest and rows of a file.

    Raises:
        OSError: it cannot be read.
    """
    sha, lines, last = hashlib.sha256(), 0, b"\n"
    with open(source.path, "rb", buffering=0) as file:
        for block in iter(lambda: file.read(BLOCK), b""):
            sha.update(block)
            if source.kind == "lines" and not source.packed:
                lines += block.count(b"\n")
                last = block[-1:]
    return Whole(source, sha.hexdigest(), _rows(source, lines + (last != b"\n")))


def _rows(source: Source, lines: int) -> int | None:
    if source.kind == "parquet":
        return int(pq.ParquetFile(Path(source.path)).metadata.num_rows)
    return lines if source.kind == "lines" and not source.packed else None
