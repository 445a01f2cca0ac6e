"""cache: where finished batches are kept, how much there is, and how to be rid of it."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional


@dataclass(frozen=True, kw_only=True)
class CacheOptions:
    """Show or clear the cache of finished batches (it holds replies, readable by you alone)."""

    what: Positional[Literal["show", "clear"]] = "show"
    """`clear` removes every kept batch; audits that were written stay as they are."""
    cache_dir: str = "~/.cache/tuneward"
    """Where the cache is."""


def run(options: CacheOptions) -> str:
    """Do it; one line that says what is or was there.

    Raises:
        ValueError: the folder holds things that no audit put there, and clearing would lose them.
    """
    folder = Path(options.cache_dir).expanduser()
    files = sorted(folder.rglob("*")) if folder.is_dir() else []
    kept = [file for file in files if file.is_file()]
    size = sum(file.stat().st_size for file in kept) / 2**20
    if options.what == "show":
        return f"{folder}: {len(kept)} files, {size:.1f} MiB"
    strange = sorted({p.relative_to(folder).parts[0] for p in kept} - {"replies", "models"})
    if strange:
        raise ValueError(f"{folder}: holds {strange[0]}, which is not ours; nothing was removed")
    for name in ("replies", "models"):
        shutil.rmtree(folder / name, ignore_errors=True)
    return f"{folder}: removed {len(kept)} files, {size:.1f} MiB"
