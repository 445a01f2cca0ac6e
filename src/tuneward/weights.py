"""Checkpoints on disk: which files hold the weights, are they harmless to open, what is their digest.

Nothing here imports torch. Weights are named by content, never by path: a checkpoint overwritten in place is another
model, and two folders with the same bytes are one.
"""

from pathlib import Path
from typing import Any

import msgspec

from tuneward.record import digest, sha256_file

PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
CONFIGS = ("config.json", "tokenizer_config.json")


def read_config(path: Path) -> dict[str, Any]:
    """A JSON object from a checkpoint; a broken one is an error naming the file."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise ValueError(f"{path}: not readable as a JSON object ({error})") from error


def weight_files(folder: Path, *, stem: str = "model") -> list[Path]:
    """The safetensors files of a checkpoint (or, with `stem="adapter_model"`, of an adapter), sorted.

    Raises:
        ValueError: when the weights are pickles or the configuration wants code of its own to run.
        FileNotFoundError: when there are none, or an index names a missing shard.
    """
    for name in CONFIGS:
        if (folder / name).is_file() and "auto_map" in read_config(folder / name):
            raise ValueError(f"{folder / name}: asks for code of its own (auto_map), which is never run; remove it")
    found = sorted(folder.glob(f"{stem}*.safetensors"))
    index = folder / f"{stem}.safetensors.index.json"
    if index.is_file():
        named = sorted(set(read_config(index).get("weight_map", {}).values()))
        missing = [name for name in named if not (folder / name).is_file()]
        if missing:
            raise FileNotFoundError(f"{folder / missing[0]}: missing shard named in {index.name}")
        found = [folder / name for name in named]
    if found:
        return found
    pickled = sorted(p.name for p in folder.iterdir() if p.suffix in PICKLED)
    if pickled:
        raise ValueError(f"{folder / pickled[0]}: pickled weights can run code and are refused; convert to safetensors")
    raise FileNotFoundError(f"{folder}: no {stem}.safetensors; expected a model folder in Hugging Face layout")


def checkpoint_digest(files: list[Path], *configs: Path) -> str:
    """sha256 over the content of weights and configurations, whatever they are called."""
    return digest([[sha256_file(p) for p in files], [sha256_file(p) for p in configs if p.is_file()]])
