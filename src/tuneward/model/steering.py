"""Somebody beside the model who has a say in its next token: what the decode loop asks of them, and of nobody else."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from torch import Tensor


class Hand(Protocol):
    """A say in the tokens of one batch, from the first on."""

    def __call__(self, logits: Tensor, said: Tensor | None, /) -> Tensor:
        """The model's logits before a token, (rows, vocabulary), and the token before it, (rows,), None at first →
        logits to choose from."""
        ...

    def keep(self, rows: Tensor, /) -> None:
        """Only these rows go on, in this order; one may stand twice."""
        ...

    def counts(self) -> list[tuple[int, int]]:
        """Of each prompt's answer: positions at which there was a say, and those at which it changed the likeliest
        token."""
        ...


class Steering(Protocol):
    """What gives a hand to each batch."""

    @property
    def key(self) -> str:
        """Digest of everything about it that decides an answer."""
        ...

    def over(self, prompts: Sequence[Sequence[int]], /, *, max_tokens: int) -> AbstractContextManager[Hand]:
        """For the time that one batch is answered.

        Raises:
            ValueError: a prompt that it cannot follow.
        """
        ...
