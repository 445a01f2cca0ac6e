"""cache: where finished batches are kept, how much there is, and how to be rid of it."""

import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from tyro.conf import Positional

OURS: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "replies": re.compile(r"[0-9a-f]{2}\Z"),
        "readings": re.compile(r"[0-9a-f]{2}\Z"),
        "models": re.compile(r"\.?smollm2-135m-instruct(\.\w+)?\Z"),
    }
)
"""Folder of the cache → the names that verbs give what lies in it: batches, readings, the small real model."""
KEPT = ("uses.jsonl", "calibrations")
"""Of which models `policy` was asked, and what people's labels say of judges: no copies, so clearing leaves them."""


@dataclass(frozen=True, kw_only=True)
class CacheOptions:
    """Show or clear the cache of finished batches (it holds replies, readable by you alone)."""

    what: Positional[Literal["show", "clear"]] = "show"
    """`clear` removes every kept batch and reading; audits, labels and the record of uses of `policy` stay."""
    cache_dir: str = "~/.cache/tuneward"
    """Where the cache is."""


def run(options: CacheOptions) -> str:
    """Do it; one line that says what is or was there.

    Raises:
        ValueError: the folder holds things that no verb put there, and clearing would lose them.
    """
    folder = Path(options.cache_dir).expanduser()
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder}: is a file; expected the folder of the cache")
    strange = next(_strange(folder), None)
    if options.what == "clear" and strange:
        raise ValueError(f"{folder}: holds {strange.relative_to(folder)}, which is not ours; nothing was removed")
    files = [file for part in OURS for file in (folder / part).rglob("*") if file.is_file()]
    size = sum(file.stat().st_size for file in files) / 2**20
    if options.what == "clear":
        for part in OURS:
            if (folder / part).is_dir():
                shutil.rmtree(folder / part)
    done = "removed " if options.what == "clear" else ""
    return f"{folder}: {done}{len(files)} files, {size:.1f} MiB"


def _strange(folder: Path) -> Iterator[Path]:
    """What no verb put there; a name as common as `models` may be anybody's, so what lies inside is looked at too."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name in KEPT and not path.is_symlink():
            continue
        names = OURS.get(path.name)
        if names is None or path.is_symlink() or not path.is_dir():
            yield path
        else:
            yield from (one for one in sorted(path.iterdir()) if one.is_symlink() or not names.match(one.name))
