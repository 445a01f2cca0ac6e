"""New files of a known size, written and hashed behind whoever computes their content.

Reading, arithmetic, writing and hashing all let go of the interpreter's lock, so that two cores are enough to do them
at the same time. Until a file is finished its first bytes are zero: whatever kills the process, it does not load.
"""

import hashlib
import os
import shutil
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor

from tuneward.record import sha256_file

IN_FLIGHT = 16 << 20
"""Bytes that may wait to be written or hashed."""
FLUSHED = 64 << 20
"""Bytes after which the disk begins to take them, so that it need not take all of them at the end."""
KEPT_BACK = 8
"""First bytes of a file, written last: a safetensors file says there how long its header is."""


@contextmanager
def written(path: Path) -> Iterator[None]:
    """What the system says when it cannot write, as one line.

    Raises:
        OSError: where, and why.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(
            f"{path}: could not be written ({reason}); nothing is left of it, inputs are untouched"
        ) from error


@dataclass
class NewFile:
    """One file that grows."""

    path: Path
    shown: Path
    """What it will be called."""
    handle: int
    head: bytes
    left: int
    """Bytes that are still to be put."""
    sum: Any
    hashed: int
    """Bytes from the beginning that are hashed, or about to be."""
    unflushed: int = 0
    flushing: Future[None] | None = None


@dataclass
class NewFiles:
    """Files that are written together; a `with` block closes them."""

    out: Path
    """The folder that they will stand in."""
    _files: list[NewFile] = field(default_factory=list)
    _flying: deque[tuple[int, list[Future[None]]]] = field(default_factory=deque)
    _pools: tuple[ThreadPoolExecutor, ...] = field(
        default_factory=lambda: tuple(ThreadPoolExecutor(1) for _ in ("write", "hash", "flush"))
    )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        for pool in self._pools:
            pool.shutdown(cancel_futures=True)
        for file in self._files:
            os.close(file.handle)

    def open(self, path: Path, *, head: bytes, size: int) -> NewFile:
        """A file of `size` bytes that begins with `head`.

        Raises:
            OSError: it cannot be made, or not as large.
        """
        shown = self.out / path.name
        with written(shown):
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
            file = NewFile(path, shown, handle, head, size - len(head), hashlib.sha256(head), len(head))
            self._files.append(file)
            os.truncate(handle, size)
            _write(file, memoryview(head)[KEPT_BACK:], KEPT_BACK)
        return file

    def put(self, file: NewFile, offset: int, block: Tensor) -> None:
        """Some bytes at their place; the block must not change afterwards.

        In the order of the file they are hashed on the way; else the file is read once more at the end.

        Raises:
            OSError: this or an earlier block could not be written.
        """
        content: Any = block.contiguous().reshape(-1).view(torch.uint8).numpy()
        view = memoryview(content)
        writer, hasher, flusher = self._pools
        work = [writer.submit(_write, file, view, offset)]
        if offset == file.hashed:
            work.append(hasher.submit(file.sum.update, view))
            file.hashed += len(view)
        file.left -= len(view)
        file.unflushed += len(view)
        if file.unflushed >= FLUSHED and (file.flushing is None or file.flushing.done()):
            file.flushing, file.unflushed = flusher.submit(os.fsync, file.handle), 0
        self._flying.append((len(view), work))
        while sum(size for size, _ in self._flying) > IN_FLIGHT:
            self._land()

    def finish(self) -> dict[str, str]:
        """Everything on the disk, and the name of each file with its sha256.

        Raises:
            OSError: something could not be written.
        """
        while self._flying:
            self._land()
        for file in self._files:
            if file.left:
                raise RuntimeError(f"{file.path.name}: {file.left} bytes were never put")
            with written(file.shown):
                os.pwrite(file.handle, file.head[:KEPT_BACK], 0)
                os.fsync(file.handle)
        return {file.path.name: _digest(file) for file in self._files}

    def _land(self) -> None:
        _, work = self._flying.popleft()
        for one in work:
            one.result()


def _digest(file: NewFile) -> str:
    in_order = file.hashed == os.fstat(file.handle).st_size
    return str(file.sum.hexdigest()) if in_order else sha256_file(file.path)


def _write(file: NewFile, view: memoryview, offset: int) -> None:
    with written(file.shown):
        done = 0
        while done < len(view):
            done += os.pwrite(file.handle, view[done:], offset + done)


def room_for(path: Path, size: int) -> None:
    """Refuse to begin where the disk cannot hold it.

    Raises:
        OSError: how much there is.
    """
    free = shutil.disk_usage(path.parent).free
    if free < size:
        raise OSError(f"{path}: needs {size / 1e9:.2f} GB, {free / 1e9:.2f} GB are free; nothing is written")
