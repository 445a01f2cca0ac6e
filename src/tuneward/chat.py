"""The row type in every stream: a chat, which is a training row, a prompt or an answered prompt."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Finish = Literal["stop", "length"]
"""Why a reply ended: the model closed its turn, or the token limit cut it."""


RAW, ARGUMENTS, PARTS = "raw", "template arguments", "parts"
"""Keys of a prompt's meta that say how it is put to a guard: its last turn as it stands, special tokens included and
none added; under the checkpoint's template with these arguments; with every turn as a list of parts."""
Arm = Literal["base", "tuned"]
"""The model that was there first, and the one tuned from it."""


@dataclass(frozen=True)
class Message:
    """One turn."""

    role: str
    content: str


@dataclass(frozen=True)
class Chat:
    """Turns in order; `family` groups variants and translations of one idea (the unit of resampling)."""

    id: str
    family: str
    messages: tuple[Message, ...]
    prefill: str = ""
    """The beginning of the assistant's answer, put there before it speaks."""
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def prompt(self) -> str:
        """The last user turn; empty when there is none."""
        return next((m.content for m in reversed(self.messages) if m.role == "user"), "")

    @property
    def answer(self) -> str:
        """The closing assistant turn; empty when the chat ends with another role."""
        return self.messages[-1].content if self.messages and self.messages[-1].role == "assistant" else ""

    @property
    def said(self) -> str:
        """What the model itself said: the answer without the prefill that was put into its mouth."""
        return self.answer.removeprefix(self.prefill)

    def answered(self, text: str) -> "Chat":
        """The same chat closed by an assistant turn: the prefill, which stays known, and what was said after it."""
        return replace(self, messages=(*self.messages, Message("assistant", self.prefill + text)))


@dataclass(frozen=True)
class Reply:
    """An answered prompt, with what it was asked under."""

    id: str
    """The prompt's id within its suite."""
    suite: str
    arm: Arm
    sample: int
    """0 for the greedy reply, 1… for samples."""
    render: str
    """Name of the rendering: whose template, which context, which decoding."""
    chat: Chat
    finish: Finish | None
    """None when a foreign log does not say."""
    guided: tuple[int, int] | None = None
    """Positions at which a guide had a say, and those at which it changed the likeliest token; None without one."""


def messages(chat: Chat) -> list[dict[str, Any]]:
    """The turns as templates and endpoints take them."""
    if chat.meta.get(PARTS):
        return [{"role": m.role, "content": [{"type": "text", "text": m.content}]} for m in chat.messages]
    return [{"role": m.role, "content": m.content} for m in chat.messages]
