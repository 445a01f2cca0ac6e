"""What asking needs of whoever answers: a model in this process, or one behind an endpoint."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tuneward.chat import Chat, Finish
from tuneward.findings import ArmInfo


@dataclass(frozen=True)
class Decoding:
    """How replies are drawn."""

    max_tokens: int = 96
    temperature: float = 0.0
    """0 is greedy."""
    seed: int = 0
    schema: str = ""
    """JSON schema that a server with structured output is told to keep to; others write freely."""

    def __post_init__(self) -> None:
        if self.max_tokens < 1:
            raise ValueError(f"decoding: max_tokens is {self.max_tokens}; expected at least 1")
        if self.temperature < 0:
            raise ValueError(f"decoding: temperature is {self.temperature}; expected 0 (greedy) or above")


@dataclass(frozen=True)
class Said:
    """One answer."""

    text: str
    finish: Finish
    tokens: int
    """Of the answer; 0 where a server does not say."""
    read: int = 0
    """Of the prompt, where a server bills them."""
    guided: tuple[int, int] | None = None
    """Positions at which a guide had a say, and those at which it changed the likeliest token; None without one."""


class Speaker(Protocol):
    """A model that can be asked."""

    @property
    def info(self) -> ArmInfo:
        """Who it is."""
        ...

    @property
    def key(self) -> str:
        """Digest of everything about it that decides an answer."""
        ...

    def ids(self, chat: Chat) -> tuple[int, ...]:
        """The prompt as it reads it; the bytes of the turns where only a server knows."""
        ...

    def room(self, *, longest: int, max_tokens: int) -> int:
        """How many prompts may be asked together."""
        ...

    def remarks(self) -> tuple[str, ...]:
        """What happened while it was asked and a reader must know."""
        ...

    def say(
        self, chats: Sequence[Chat], ids: Sequence[Sequence[int]], /, *, decoding: Decoding, keys: Sequence[str]
    ) -> list[Said | None]:
        """Answers in the order of the prompts; None where none could be had, which is asked again in the next run.

        Raises:
            MemoryError: when the batch does not fit.
            ValueError: when nobody can be asked at all.
        """
        ...


def bill(read: int, said: int, *, price: tuple[float, float] | None) -> str:
    """Tokens over the wire in words; with prices in dollars a million tokens (read, said), what they cost at most."""
    cost = "" if price is None else f", at most ${(read * price[0] + said * price[1]) / 1e6:.2f}"
    return f"about {read} tokens sent and at most {said} received{cost}"
