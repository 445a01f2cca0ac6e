"""How much of one row is read."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Caps:
    """Limits on one row; what is beyond them is a finding, and is not read."""

    line: int = 16 * 2**20
    """Bytes of a line."""
    depth: int = 64
    """Lists and objects inside each other."""
    turns: int = 1000
    """Messages of a row."""
    text: int = 4_000_000
    """Characters of a row's turns together."""
