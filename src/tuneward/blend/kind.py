"""What a blend is.

A frozen dataclass that is called with what two models expect as the next token, and says what is chosen from. It keeps
no state, knows no vocabulary and asks no model: who asks the guide, and when, is `blend.guide`.
"""

from typing import Protocol

from torch import Tensor


class Blend(Protocol):
    """A frozen dataclass whose fields are its settings."""

    @property
    def first(self) -> int | None:
        """Tokens of a reply at which the guide is asked, from the first; None: at all of them."""
        ...

    def __call__(self, tuned: Tensor, guide: Tensor, step: int, /) -> Tensor:
        """Logits of both, (rows, vocabulary), before the token `step` (from 0) → logits to choose from, float32.

        Neutral settings give the tuned logits back; permuting the vocabulary permutes the result.
        """
        ...


def share(name: str, value: float) -> None:
    """Refuse what is no share; a negative one would turn a blend round."""
    if not 0 <= value <= 1:
        raise ValueError(f"{name} is {value}; expected 0 to 1")


def at_least(name: str, value: int | None, least: int) -> None:
    """Refuse a count below this; None is none."""
    if value is not None and value < least:
        raise ValueError(f"{name} is {value}; expected {least} or more")
