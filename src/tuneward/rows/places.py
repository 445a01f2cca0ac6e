"""Where rows stand: which reader a path needs, and files that appear whole or not at all."""

import importlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import BinaryIO, NamedTuple

from tuneward.record import whole_file
from tuneward.rows.csv_files import read_csv, write_csv
from tuneward.rows.json_files import read_lines, read_list, write_lines, write_list
from tuneward.rows.turns import Row

READERS: dict[str, Callable[[Path], Iterator[tuple[int, Row]]]] = {
    ".jsonl": read_lines,
    ".json": read_list,
    ".csv": read_csv,
}
WRITERS: dict[str, Callable[[BinaryIO, Iterable[Row]], None]] = {
    ".jsonl": write_lines,
    ".json": write_list,
    ".csv": write_csv,
}
SUFFIXES = (*READERS, ".parquet")
HUB_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*(@[\w./-]+)?")
SPLITS = {"train": "train", "validation": "validation", "valid": "validation", "val": "validation", "dev": "validation"}
SPLITS |= {"test": "test", "eval": "test"}
"""Words in a shard's name → the split it belongs to."""


class Placed(NamedTuple):
    """A row and where it came from."""

    where: str
    """`file:line`; for JSON lists, Parquet and data sets the row's place from 1."""
    row: Row
    schema: bytes | None
    """Arrow schema of its file, where it has one."""


def rows_at(path: str | Path, split: str) -> Iterator[Placed]:
    """Rows of a file, a folder or a hub data set.

    Raises:
        FileNotFoundError: when it is none of them.
        ValueError: for a split that is not there or a kind of file that is not known; while reading, `file:line: …`.
    """
    place = Path(path)
    if place.is_dir():
        return _folder(place, split)
    if place.is_file():
        _only_train(place, split)
        return _file(place)
    if place.suffix.lower() in SUFFIXES or not HUB_ID.fullmatch(str(path)):
        raise FileNotFoundError(f"{path}: no such file or folder; expected {', '.join(SUFFIXES)}, a folder or ORG/NAME")
    schema, rows = _optional("hub", str(path)).open_hub(str(path), split)
    return _placed(_with_split(str(path), split), schema, rows)


def write_at(path: Path, rows: Iterator[Row], schema: bytes | None) -> None:
    """Rows as the kind of file that the suffix names; without a suffix, a folder as `datasets` saves it.

    Raises:
        ValueError: naming the path, for another suffix, a folder that is not empty, or rows that cannot be held.
    """
    suffix = path.suffix.lower()
    if suffix and suffix not in SUFFIXES:
        raise ValueError(f"{path}: cannot write {suffix}; expected {', '.join(SUFFIXES)} or a folder without a suffix")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        if suffix in WRITERS:
            with whole_file(path) as file:
                WRITERS[suffix](file, rows)
        elif suffix:
            with whole_file(path) as file:
                _optional("arrow_files", str(path)).write_parquet(file, rows, schema)
        else:
            with _whole_folder(path) as folder:
                _optional("arrow_files", str(path)).write_saved(folder, rows, schema)
    except ValueError as error:
        raise ValueError(f"{path}: not written: {error}") from error


def _file(path: Path) -> Iterator[Placed]:
    suffix = path.suffix.lower()
    if suffix in READERS:
        return _placed(path.as_posix(), None, READERS[suffix](path))
    if suffix == ".parquet":
        arrow = _optional("arrow_files", str(path))
        return _placed(path.as_posix(), arrow.parquet_schema(path), arrow.read_parquet(path))
    raise ValueError(
        f"{path}: cannot tell what kind of rows {suffix or 'a file without suffix'} has; expected {', '.join(SUFFIXES)}"
    )


def _placed(name: str, schema: bytes | None, rows: Iterator[tuple[int, Row]]) -> Iterator[Placed]:
    return (Placed(f"{name}:{number}", row, schema) for number, row in rows)


def _with_split(name: str, split: str) -> str:
    """Rows of two splits must not share ids; only train goes without saying."""
    return name if split == "train" else f"{name}[{split}]"


def _folder(folder: Path, split: str) -> Iterator[Placed]:
    if (folder / "dataset_dict.json").is_file():
        if not (folder / split / "state.json").is_file():
            found = ", ".join(sorted(state.parent.name for state in folder.glob("*/state.json")))
            raise ValueError(f"{folder}: no split {split}; expected one of {found or 'none, the folder is empty'}")
        return _saved(folder / split, folder, split)
    if (folder / "state.json").is_file():
        _only_train(folder, split)
        return _saved(folder, folder, split)
    shards = _shards(folder, split)
    return (placed for shard in shards for placed in _file(shard))


def _saved(folder: Path, named: Path, split: str) -> Iterator[Placed]:
    """A folder of `Dataset.save_to_disk`; rows are counted through its files."""
    arrow = _optional("arrow_files", str(named))
    try:
        state = json.loads((folder / "state.json").read_bytes())
        files = [folder / entry["filename"] for entry in state["_data_files"]]
    except (ValueError, KeyError, TypeError):
        raise ValueError(
            f"{folder / 'state.json'}: not a saved data set; expected _data_files with filenames"
        ) from None
    if state.get("_indices_files") or state.get("_indices_data_files"):
        raise ValueError(f"{folder}: saved with an index by an old version of datasets; load and save it again")
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        raise FileNotFoundError(f"{missing[0]}: no such file, but state.json names it; expected the whole saved folder")
    schema = arrow.arrow_schema(files[0]) if files else None
    rows = (row for file in files for _, row in arrow.read_arrow(file))
    name = named if named.name else named.resolve()
    return _placed(_with_split(name.as_posix(), split), schema, enumerate(rows, 1))


def _shards(folder: Path, split: str) -> list[Path]:
    """Parquet and JSONL files of a split, by the split's word in their path; without any such word, all are train."""
    shards = sorted(path.relative_to(folder) for suffix in ("parquet", "jsonl") for path in folder.rglob(f"*.{suffix}"))
    seen = [shard for shard in shards if not any(part.startswith(".") for part in shard.parts)]
    found = [folder / shard for shard in seen if (folder / shard).is_file()]
    named = {file: _split_of(file.relative_to(folder)) for file in found}
    wanted = SPLITS.get(split, split)
    chosen = [file for file in found if named[file] == wanted]
    if not chosen and wanted == "train" and not any(named.values()):
        chosen = found
    if not chosen:
        others = ", ".join(sorted({name for name in named.values() if name})) or "none"
        raise ValueError(f"{folder}: no .parquet or .jsonl file of split {split}; found splits: {others}")
    names = [file.name for file in chosen]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise ValueError(f"{folder}: two files named {twice} in it, so their rows would share ids; rename one")
    return chosen


def _split_of(path: Path) -> str | None:
    words = re.split(r"[^a-z0-9]+", path.as_posix().lower())
    return next((SPLITS[word] for word in words if word in SPLITS), None)


def _only_train(path: Path, split: str) -> None:
    if split != "train":
        raise ValueError(f"{path}: has no splits, so no split {split}; leave the split out")


def _optional(part: str, path: str) -> ModuleType:
    """A reader whose library is an extra; the one place where a module is imported late."""
    try:
        return importlib.import_module(f"tuneward.rows.{part}")
    except ModuleNotFoundError as error:
        if error.name not in ("pyarrow", "datasets"):
            raise
        raise ValueError(f"{path}: needs {error.name}; run pip install 'tuneward[rows]'") from None


@contextmanager
def _whole_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside it, renamed at the end; only a new or empty folder is given a new content."""
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise ValueError("it is there already; name a new folder")
    made = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        yield made
        made.chmod(0o755)
        os.replace(made, path)
    finally:
        shutil.rmtree(made, ignore_errors=True)  # gone already unless something was raised
