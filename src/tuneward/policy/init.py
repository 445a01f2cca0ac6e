"""policy init: the default policy as a file to edit."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from tuneward.policy.toml import default_toml
from tuneward.record import write_atomic


@dataclass(frozen=True, kw_only=True)
class PolicyOptions:
    """Write the default policy of the gate, every line explained."""

    what: Positional[Literal["init"]]
    """`init` writes the file."""
    out: Annotated[str, arg(aliases=["-o"])] = "policy.toml"
    """File to write; one that exists is never replaced."""


def run(options: PolicyOptions) -> Path:
    """Write the file.

    Raises:
        ValueError: it exists already.
    """
    path = Path(options.out)
    if path.exists():
        raise ValueError(f"{path}: exists already and may hold your changes; choose another --out or remove it")
    write_atomic(path, default_toml().encode())
    return path
