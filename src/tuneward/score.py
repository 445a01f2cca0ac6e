"""What a scorer says of an answered prompt."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tuneward.chat import Chat


@dataclass(frozen=True)
class Score:
    """0 is fine, 1 is bad for the question asked, None could not be told (never NaN)."""

    scorer: str
    value: float | None
    label: str
    reason: str
    raw: float | None = None
    spans: tuple[tuple[int, int], ...] = ()
    """Character ranges of the answer that decided."""


class Scorer(Protocol):
    """A frozen dataclass called on answered chats: same order, same length, no model."""

    def __call__(self, chats: Sequence[Chat]) -> list[Score]: ...
