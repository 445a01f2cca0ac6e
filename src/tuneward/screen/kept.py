"""The rows that a screen keeps, as files of the input's own format with a manifest; and, apart, those set aside.

Nothing is ranked: every row stays where it was among its neighbours. Rows in = kept + left out is counted on the files
that were written, and when any count is off nothing is written at all.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuneward.record import read_json, sha256_bytes, sha256_file, to_json, write_atomic
from tuneward.screen.rewriting import Walk, count, rewrite
from tuneward.screen.sources import Source

SCHEMA = "tuneward/screen-kept/1"
MANIFEST = "manifest.json"
COUNTS = ("splits", "dataset_size", "download_size", "size_in_bytes", "download_checksums")
"""Of a saved data set's description, what no longer holds once rows are gone."""
PRIVATE = 0o600


@dataclass(frozen=True)
class Part:
    """A screened file and the rows of it to leave out."""

    source: Source
    sha256: str
    """Of the file when it was screened."""
    rows: int
    """As the screen counted them, blank and broken lines among them."""
    left_out: NDArray[np.int64]
    """Places of rows, as `sources.rows` gives them, in order."""


@dataclass(frozen=True)
class KeptFile:
    """One file of kept rows."""

    name: str
    input_sha256: str
    rows: int
    """In the input."""
    kept: int
    left_out: int
    left_out_rows: tuple[tuple[int, int], ...]
    """Numbers, from 1, of the first and last row of each run left out: with them every kept row's old place is known;
    in JSONL a row's number is its line."""
    sha256: str


@dataclass(frozen=True)
class AsideFile:
    """One file of rows set aside, in the order of the input."""

    name: str
    rows: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What was written, from what, under which policy."""

    files: tuple[KeptFile, ...]
    rules: Mapping[str, int]
    """Rows left out by rule; a row may fall under several."""
    policy: str
    """Where the limits come from: shipped, or the file's name and sha256."""
    set_aside: tuple[AsideFile, ...] = ()
    """Filled once the rows left out have been written too."""
    schema: str = SCHEMA


def write_kept(parts: Sequence[Part], folder: Path, *, rules: Mapping[str, int], policy: str) -> Manifest:
    """Write the kept rows of each file under its own name, and manifest.json, into a new folder: all of it or nothing.

    Raises:
        ValueError: the folder is there, a file has changed, a place is no row's, or a count is off.
    """
    with _staged(folder, mode=0o755) as made:
        walks = _written(parts, made, aside=False)
        files = tuple(_kept_file(part, walk, made) for part, walk in zip(parts, walks, strict=True))
        _describe(parts, made)
        manifest = Manifest(files, dict(rules), policy)
        write_atomic(made / MANIFEST, to_json(manifest))
    return manifest


def write_set_aside(parts: Sequence[Part], folder: Path, *, manifest: Path) -> Manifest:
    """Write the rows that were left out into a new folder that only its owner can read, recorded in the manifest first.

    Raises:
        FileNotFoundError: no manifest of kept rows.
        ValueError: as `write_kept`, or these are not the rows that the manifest left out.
    """
    before = read_json(manifest, Manifest)
    with _staged(folder, mode=0o700) as made:
        walks = _written(parts, made, aside=True)
        known = {file.name: file for file in before.files}
        for part, walk in zip(parts, walks, strict=True):
            file = known.get(part.source.name)
            if file is None or (file.input_sha256, file.left_out_rows) != (part.sha256, walk.runs()):
                raise ValueError(f"{part.source.name}: these are not the rows that were left out of the kept ones")
        _describe(parts, made)
        for path in made.rglob("*"):
            path.chmod(PRIVATE if path.is_file() else 0o700)
        names = [part.source.name for part in parts]
        files = [AsideFile(n, w.written, sha256_file(made / n)) for n, w in zip(names, walks, strict=True)]
        after = replace(before, set_aside=tuple(files))
        write_atomic(manifest, to_json(after))
    return after


def _written(parts: Sequence[Part], folder: Path, *, aside: bool) -> list[Walk]:
    names = [part.source.name for part in parts]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise ValueError(f"{twice}: two files of this name; write them one by one")
    return [_rewritten(part, folder / part.source.name, aside) for part in parts]


def _rewritten(part: Part, path: Path, aside: bool) -> Walk:
    """One file, its rows counted on the way and once more on what was written."""
    name = part.source.name
    if sha256_file(Path(part.source.path)) != part.sha256:
        raise ValueError(f"{name}: changed since it was screened; screen it again")
    path.parent.mkdir(parents=True, exist_ok=True)
    walk = Walk(name, part.left_out, aside)
    rewrite(part.source, path, walk)
    if walk.rows != part.rows:
        raise ValueError(f"{name}: {walk.rows} rows, and the screen counted {part.rows}; nothing is written")
    wanted = len(part.left_out) if aside else part.rows - len(part.left_out)
    found = count(part.source, path)
    if not walk.written == found == wanted:
        raise ValueError(f"{name}: {found} rows came out where {wanted} were wanted; nothing is written")
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return walk


def _kept_file(part: Part, walk: Walk, folder: Path) -> KeptFile:
    return KeptFile(
        name=part.source.name,
        input_sha256=part.sha256,
        rows=walk.rows,
        kept=walk.written,
        left_out=len(walk.out),
        left_out_rows=walk.runs(),
        sha256=sha256_file(folder / part.source.name),
    )


def _describe(parts: Sequence[Part], folder: Path) -> None:
    """What makes a folder a saved data set again, where all files that its state.json names were written."""
    arrow = [part for part in parts if part.source.kind == "arrow"]
    for old in dict.fromkeys(Path(part.source.path).parent for part in arrow):
        ours = {Path(part.source.path).name: part for part in arrow if Path(part.source.path).parent == old}
        state = _object(old / "state.json")
        if not state or {entry["filename"] for entry in state["_data_files"]} != set(ours):
            continue
        names = [PurePosixPath(part.source.name) for part in ours.values()]
        new = folder / names[0].parent
        state["_fingerprint"] = sha256_bytes("".join(sha256_file(folder / name) for name in names).encode())[:16]
        info = {key: value for key, value in _object(old / "dataset_info.json").items() if key not in COUNTS}
        write_atomic(new / "state.json", json.dumps(state, indent=2).encode())
        write_atomic(new / "dataset_info.json", json.dumps(info, indent=2).encode())
        splits = old.parent / "dataset_dict.json"
        if new != folder and splits.is_file():
            write_atomic(new.parent / splits.name, splits.read_bytes())


def _object(path: Path) -> dict[str, Any]:
    found = json.loads(path.read_bytes()) if path.is_file() else {}
    return found if isinstance(found, dict) else {}


@contextmanager
def _staged(folder: Path, *, mode: int) -> Iterator[Path]:
    """A temporary folder beside it, renamed at the end; only a new or an empty folder is given a new content."""
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise ValueError(f"{folder}: is there already; name a new folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        yield made
        made.chmod(mode)
        os.replace(made, folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)  # gone already unless something was raised
