"""doctor: what this machine has, and what is missing for which verb. Imports none of the heavy libraries."""

import importlib.util
import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tuneward.record import versions

NEEDS = {
    "audit, demo, study": ("torch", "transformers", "peft", "safetensors", "psutil"),
    "GGUF models": ("gguf",),
    "Parquet rows": ("pyarrow",),
    "datasets folders and ids": ("datasets",),
}


@dataclass(frozen=True, kw_only=True)
class DoctorOptions:
    """Say what this machine has for each verb."""

    cache_dir: str = "~/.cache/tuneward"
    """Where the cache would be."""


def run(options: DoctorOptions) -> list[str]:
    """One line a finding."""
    return list(_lines(Path(options.cache_dir).expanduser()))


def _lines(cache: Path) -> Iterator[str]:
    yield f"python      {platform.python_version()} on {platform.machine()}, {os.cpu_count()} cores"
    yield "versions    " + ", ".join(f"{name} {version}" for name, version in versions().items() if name != "python")
    for verb, modules in NEEDS.items():
        missing = [name for name in modules if importlib.util.find_spec(name) is None]
        extra = "rows" if verb in {"Parquet rows", "datasets folders and ids"} else "hf"
        what = "ready" if not missing else f"missing {', '.join(missing)}: pip install 'tuneward[{extra}]'"
        yield f"{verb}: {what}"
    place = next(folder for folder in (cache, *cache.parents) if folder.exists())
    yield f"cache       {cache}, {shutil.disk_usage(place).free / 2**30:.0f} GiB free"
