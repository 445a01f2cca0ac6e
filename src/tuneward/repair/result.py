"""What a repair came to."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from tuneward.text import percent

Outcome = Literal["repaired", "planned", "met already", "not met", "nothing changed", "not resolved"]
EXITS: Mapping[Outcome, int] = MappingProxyType(
    {"repaired": 0, "planned": 0, "met already": 0, "not met": 3, "nothing changed": 4, "not resolved": 5}
)
"""Outcome → exit code: limits that cannot be met, a method that altered no tensor, a candidate written that its
confirmation could neither pass nor fail."""


@dataclass(frozen=True)
class Repaired:
    """What was done, and what is known of it."""

    outcome: Outcome
    method: str
    """As it would be typed, with its settings; empty where there was nothing to do."""
    files: tuple[str, ...] = ()
    """Written; none unless the outcome is repaired or not resolved, but curves of a search."""
    changed: int = 0
    weights: int = 0
    size: float | None = None
    """‖repaired − tuned‖ / ‖tuned − base‖."""
    kept: tuple[float, float, float] | None = None
    """Share of the task's gain that is kept, and its interval; of a search."""
    remarks: tuple[str, ...] = ()
    next: str = ""
    """The command that goes further, where the limits could not be met."""
    schema: str = "tuneward/repaired/1"

    @property
    def exit_code(self) -> int:
        """0, 3, 4 or 5."""
        return EXITS[self.outcome]

    def lines(self) -> list[str]:
        """What to say of it."""
        size = "" if self.size is None else f", by {percent(self.size)} of what tuning had changed"
        said = f": {self.method}; {self.changed} of {self.weights} weights changed{size}" if self.method else ""
        return [
            f"{self.outcome}{said}",
            *(f"remark   {line}" for line in self.remarks),
            *([f"next     {self.next}"] if self.next else []),
        ]
