"""What a guard model's format must offer, and what is read from its reply (house contract).

A guard is a classifier that reads a conversation and says whether the reply in it is harmful. Each family has its own
prompt and its own way to answer; a format is that pair and nothing else: it runs no model.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

from tuneward.chat import Chat

Label = Literal["harmful", "benign", "unjudged"]
"""Of the assistant's reply, not of the request; unjudged where the guard's answer is not in its documented form."""

SHOWN = 40
"""Characters of a guard's reply that a reason repeats."""

_ENDS = re.compile(r"(?:<\|(?:eot_id|eom_id|eot|end_of_text|im_end|endoftext)\|>|</s>|<eos>|<end_of_turn>)\Z")


@dataclass(frozen=True)
class Reading:
    """A guard's verdict on a reply."""

    label: Label
    reason: str
    """Short and plain, as "unsafe, S2" or "no verdict in 'foo'"."""
    refused: bool | None = None
    """Whether the reply is a refusal, where the guard says so (WildGuard, Qwen3Guard)."""
    score: float | None = None
    """Probability of harm in [0, 1], where the guard's text gives one; none of the formats here does."""


class GuardFormat(Protocol):
    """One family's prompt and answer.

    `texts` and `combine` are how a guard is asked in general: one prompt a call, one reading an answer, then one
    verdict. Every method that takes a chat raises ValueError, naming the chat, when it holds no reply to judge; such
    a chat is to be counted as unjudged.
    """

    name: ClassVar[str]
    max_tokens: ClassVar[int]
    """Enough for the longest documented answer."""
    begins: ClassVar[str]
    """The token `text` begins with. It is part of the prompt, so tokenise without adding special tokens, or take it
    off where the server adds its own: two of them change what the guard sees."""
    own_template: ClassVar[bool]
    """Whether the checkpoint's chat template is the guard's prompt; when False, only `texts` can be sent."""

    @property
    def parts(self) -> bool:
        """Whether that template reads a message only as a list of `{"type": "text", "text": …}`.

        Given a plain string it leaves the turn out without a word, and the guard judges an empty conversation.
        """
        ...

    @property
    def arguments(self) -> tuple[Mapping[str, Any], ...]:
        """Arguments for the chat template, one mapping a call; `({},)` where it needs none."""
        ...

    def turns(self, chat: Chat) -> Chat:
        """What is sent as messages where the checkpoint's own chat template is applied."""
        ...

    def text(self, chat: Chat, /) -> str | None:
        """The whole prompt; None when only the checkpoint's template has it, or when it takes several."""
        ...

    def texts(self, chat: Chat) -> tuple[str, ...]:
        """The prompts of all calls; empty when only the checkpoint's template has them."""
        ...

    def read(self, reply: str) -> Reading:
        """The verdict in one answer; anything but a documented form is unjudged."""
        ...

    def combine(self, readings: Sequence[Reading]) -> Reading:
        """The verdict of all calls, in the order of `texts`."""
        ...


class OneCall:
    """What the formats share that ask once: no template arguments, one prompt, one reading."""

    @property
    def parts(self) -> bool:
        """Messages are plain strings."""
        return False

    @property
    def arguments(self) -> tuple[Mapping[str, Any], ...]:
        """None needed."""
        return ({},)

    def text(self, _chat: Chat, /) -> str | None:
        """None: the prompt is the checkpoint's own template."""
        return None

    def texts(self, chat: Chat) -> tuple[str, ...]:
        """The one prompt, or nothing."""
        prompt = self.text(chat)
        return () if prompt is None else (prompt,)

    def combine(self, readings: Sequence[Reading]) -> Reading:
        """The one reading."""
        return readings[0] if len(readings) == 1 else miscounted(readings, asked=1)


def said(reply: str) -> str:
    """A guard's reply without blanks around it and without the token that ended its turn."""
    return _ENDS.sub("", reply.replace("\r\n", "\n").strip()).strip()


def no_verdict(reply: str, why: str = "no verdict") -> Reading:
    """The reading of anything unexpected."""
    flat = " ".join(reply.split())
    shown = flat if len(flat) <= SHOWN else flat[:SHOWN].rstrip() + "…"
    return Reading("unjudged", f"{why} in {shown!r}" if flat else "empty reply")


def miscounted(readings: Sequence[Reading], *, asked: int) -> Reading:
    """Some call was not answered, or one too many was."""
    return Reading("unjudged", f"{len(readings)} answers to {asked} question{'s' * (asked != 1)}")
