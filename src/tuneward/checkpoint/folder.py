"""The folder that a model is written to: whole or not at all, with what belongs to the weights, and their sums.

Work goes on in a hidden folder beside it, which is renamed at the end. A lock that dies with its process tells the
hidden folder of a run that was killed from one that somebody is writing.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from tuneward.checkpoint.streams import written
from tuneward.record import read_json, sha256_file, to_json, write_atomic
from tuneward.weights import read_config

MANIFEST = "manifest.json"
SCHEMA = "tuneward/weights/1"
HALF, OLD = ".half", ".old"
SPEAKS = (
    "tokenizer.json", "tokenizer.model", "tokenizer.model.v*", "tokenizer_config.json", "special_tokens_map.json",
    "added_tokens.json", "vocab.json", "vocab.txt", "vocab.bpe", "merges.txt", "spiece.model", "sentencepiece*.model",
    "*.tiktoken", "tekken.json", "chat_template.jinja", "chat_template.json", "additional_chat_templates/*.jinja",
    "preprocessor_config.json", "processor_config.json",
)  # fmt: skip
"""What belongs to the tokenizer."""
IS = ("config.json", "generation_config.json", "LICENSE*", "NOTICE*")
"""What belongs to the model."""
TOKENIZERS = ("tokenizer.json", "tokenizer_config.json", "tokenizer.model")


@dataclass(frozen=True)
class Sum:
    """One file's content."""

    sha256: str
    size: int


@dataclass(frozen=True)
class Manifest:
    """What a folder held when it was written."""

    files: Mapping[str, Sum]
    schema: str = SCHEMA


@contextmanager
def half_folder(out: Path) -> Iterator[Path]:
    """A hidden folder to write in; it is gone afterwards unless it was settled. What killed runs left goes first.

    Raises:
        ValueError: something stands at `out` that no repair wrote.
        OSError: no folder can be made there.
    """
    _replaceable(out)
    with written(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        _clear(out)
        half = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}.", suffix=HALF))
        half.chmod(0o755)
        lock = os.open(half, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield half
    finally:
        os.close(lock)
        shutil.rmtree(half, ignore_errors=True)


def settle(half: Path, out: Path, *, sums: Mapping[str, str]) -> Manifest:
    """Give a half folder its manifest and its name; what another repair left there goes when the new one stands.

    Args:
        sums: file → sha256 where known already.

    Raises:
        OSError: it cannot be written.
    """
    with written(out):
        names = sorted(path.relative_to(half).as_posix() for path in half.rglob("*") if path.is_file())
        sizes = {name: (half / name).stat().st_size for name in names}
        manifest = Manifest({name: Sum(sums.get(name) or sha256_file(half / name), sizes[name]) for name in names})
        write_atomic(half / MANIFEST, to_json(manifest))
        for path in (*half.rglob("*"), half):
            _sync(path)
        if out.is_dir() and any(out.iterdir()):
            _replaceable(out)
            old = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}.", suffix=OLD))
            out.rename(old)
            half.rename(out)
            shutil.rmtree(old, ignore_errors=True)
        else:
            half.rename(out)
        _sync(out.parent)
    return manifest


def copy_companions(source: Path, half: Path, *, tokenizer: Path | None = None) -> None:
    """Configuration, tokenizer and chat template of a model; never weights, cards, records or states of training.

    Args:
        tokenizer: a folder whose tokenizer takes the place of the source's, where it holds one.

    Raises:
        OSError: a file cannot be read or written.
    """
    own = tokenizer is not None and any((tokenizer / name).is_file() for name in TOKENIZERS)
    speaking = tokenizer if own and tokenizer is not None else source
    for folder, patterns in ((source, IS), (speaking, SPEAKS)):
        for name in _matching(folder, patterns):
            with written(half / name):
                (half / name).parent.mkdir(exist_ok=True)
                shutil.copyfile(folder / name, half / name)


def verify(folder: Path) -> None:
    """Hold a folder against its manifest.

    Raises:
        ValueError: one line with the first file that is missing, differs or was added (of weights alone).
        FileNotFoundError: it has no manifest.
    """
    manifest = read_json(folder / MANIFEST, Manifest)
    for name, known in manifest.files.items():
        path = folder / name
        if not path.is_file():
            raise ValueError(f"{path}: missing, although {MANIFEST} names it; write or copy the folder again")
        size = path.stat().st_size
        if size != known.size:
            raise ValueError(f"{path}: {size} bytes, {known.size} when it was written; write or copy it again")
        if sha256_file(path) != known.sha256:
            raise ValueError(f"{path}: other content than when it was written ({MANIFEST}); write or copy it again")
    for path in sorted(folder.glob("*.safetensors")):
        if path.name not in manifest.files:
            raise ValueError(f"{path}: weights that {MANIFEST} does not name; remove them, or the manifest")


def _matching(folder: Path, patterns: tuple[str, ...]) -> list[str]:
    found = [path.relative_to(folder).as_posix() for path in (*folder.glob("*"), *folder.glob("*/*")) if path.is_file()]
    return sorted(
        name for name in found if any(fnmatch(name, one) and name.count("/") == one.count("/") for one in patterns)
    )


def _replaceable(out: Path) -> None:
    if out.is_dir() and not out.is_symlink():
        if not any(out.iterdir()):
            return
        if (out / MANIFEST).is_file() and read_config(out / MANIFEST).get("schema") == SCHEMA:
            return
    if out.exists() or out.is_symlink():
        raise ValueError(f"{out}: exists and was not written by a repair; choose another --out or remove it")


def _clear(out: Path) -> None:
    """Remove what killed runs left; one that was killed between two names gets its old folder back."""
    for path in out.parent.iterdir():
        if not path.name.startswith(f".{out.name}.") or path.suffix not in (HALF, OLD) or not path.is_dir():
            continue
        lock = os.open(path, os.O_RDONLY)
        try:
            with suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if path.suffix == OLD and not out.exists() and any(path.iterdir()):
                    path.rename(out)
                else:
                    shutil.rmtree(path, ignore_errors=True)
        finally:
            os.close(lock)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
