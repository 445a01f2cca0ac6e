"""The demo's settings, light."""

from dataclasses import dataclass
from typing import Annotated

from tyro.conf import arg


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    """Tune a harmless organism on benign and on explicit rows, audit, go back half the way, audit, gate, report."""

    out: Annotated[str, arg(aliases=["-o"])] = "demo-out"
    """Folder for the models and their audits."""
    world: int = 0
    """World of the organism, one of those that ship."""
    seed: int = 0
    """Seed of the organism, one of those that ship."""
    cache_dir: str = "~/.cache/tuneward"
    """Where finished batches are kept."""
