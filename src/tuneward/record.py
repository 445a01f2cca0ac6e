"""Files and what makes them reproducible: atomic writes, digests, and the `record.json` of a results folder."""

import contextlib
import hashlib
import importlib.metadata
import os
import platform
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import msgspec

T = TypeVar("T")
LIBRARIES = ("tuneward", "numpy", "scipy", "torch", "transformers", "peft", "tokenizers")


@dataclass(frozen=True)
class Record:
    """One per results folder: what was run, on what, with which versions."""

    verb: str
    settings: Mapping[str, Any]
    inputs: Mapping[str, str]
    """Path or model name → sha256."""
    versions: Mapping[str, str]
    seed: int
    started: str
    finished: str
    usage: Mapping[str, float] = field(default_factory=dict)
    """Wall and CPU seconds, peak memory in MiB."""
    schema: str = "tuneward/record/1"


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def versions() -> dict[str, str]:
    """Versions of Python and of the installed libraries that decide a result; imports none of them."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def sha256_bytes(data: bytes) -> str:
    """Hex digest."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """Hex digest of a file's content, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(value: object) -> str:
    """sha256 of any value that msgspec can write, keys in order: equal values, equal digests."""
    return sha256_bytes(msgspec.json.encode(value, order="sorted"))


def to_json(value: object) -> bytes:
    """Indented JSON with a closing newline; fields in the order they are declared."""
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"


def to_jsonl(values: Sequence[object]) -> bytes:
    """One JSON document a line."""
    return b"".join(msgspec.json.encode(value) + b"\n" for value in values)


@contextlib.contextmanager
def whole_file(path: Path, *, mode: int = 0o644) -> Iterator[BinaryIO]:
    """A file to write that appears whole or not at all: a temporary one beside it, fsync, rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, mode)
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)  # gone already unless something was raised


def write_atomic(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """All of the file or none of it."""
    with whole_file(path, mode=mode) as file:
        file.write(data)


def read_json(path: Path, kind: type[T]) -> T:
    """Decode one of our files; a broken one is a ValueError naming file and field."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected one written by tuneward")
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: not a readable {kind.__name__.lower()} ({error})") from error


def read_jsonl(path: Path, kind: type[T]) -> list[T]:
    """Decode a file of one document a line; errors name file:line."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected one written by tuneward")
    decoder, rows = msgspec.json.Decoder(kind), []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            rows.append(decoder.decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ValueError(f"{path}:{number}: not a readable {kind.__name__.lower()} ({error})") from error
    return rows
