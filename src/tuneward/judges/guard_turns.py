"""The conversation as guard models take it: turns that alternate, and no text that could close its own turn.

Method (house): one space is put into anything that a tokenizer would take for a control token (`<|eot_id|>` becomes
`< |eot_id|>`) and before the colon of a line that looks like the guard's own speaker mark (`Agent:` becomes `Agent :`).
The break is visible, changes no word and undoes nothing when applied twice.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby

from tuneward.chat import Chat, Message

_CONTROL = re.compile(
    r"<(?=\|[^\s<>|]{1,60}\|>)"  # <|eot_id|>, <|im_start|>, <|start_of_role|>
    r"|<(?=/?(?:s|bos|eos|pad|unk|mask|think|score|confidence|unused\d+|image_soft_token)>)"
    r"|<(?=/?(?:start|end)_of_\w{1,40}>)"  # <end_of_turn>, <start_of_risk_definition>
    r"|<(?=/?(?:BEGIN|END)[ _][A-Z _]{1,40}>)"  # <END CONVERSATION>
    r"|<(?=<?/?SYS>>?)"
    r"|\[(?=/?(?:INST|TOOL_CALLS|AVAILABLE_TOOLS|TOOL_RESULTS|control_\d+)\])",
    re.I,
)
_LINE = r"(?:^|(?<=[\r\u2028\u2029]))"


def defused(text: str, speakers: Iterable[str] = ()) -> str:
    """The text with control tokens broken, and speaker marks at the beginning of a line too."""
    broken = _CONTROL.sub(lambda found: found.group() + " ", text)
    names = "|".join(re.escape(name) for name in speakers)
    if not names:
        return broken
    return re.sub(rf"{_LINE}([ \t*_#>-]*(?:{names})[*_]*)(?=[:：])", r"\1 ", broken, flags=re.I | re.M)


def conversation(chat: Chat, speakers: Sequence[str]) -> tuple[Message, ...]:
    """User and assistant turns in alternation, the reply last, all of them defused.

    Guards know no system role: its text belongs to the user turn beside it. Turns of one speaker in a row become one,
    and what an assistant said before any user spoke is left out.

    Raises:
        ValueError: the chat ends without a reply that says something, has no user turn, or an unknown role.
    """
    if not chat.answer.strip():
        raise ValueError(f"chat {chat.id}: no reply for a guard to judge; count it as unjudged")
    turns = [
        Message(speaker, "\n\n".join(message.content for message in said))
        for speaker, said in groupby(chat.messages, lambda message: _speaker(message, chat.id))
    ]
    turns = turns[turns[0].role == "assistant" :]
    if not turns:
        raise ValueError(f"chat {chat.id}: no user turn for a guard to read; count it as unjudged")
    return tuple(Message(turn.role, defused(turn.content, speakers)) for turn in turns)


def _speaker(message: Message, chat: str) -> str:
    known = {"user": "user", "system": "user", "developer": "user", "assistant": "assistant"}
    if message.role not in known:
        raise ValueError(f"chat {chat}: role {message.role!r}, but guards read user, system and assistant turns only")
    return known[message.role]


def sent(chat: Chat, turns: Sequence[Message]) -> Chat:
    """The chat a guard is shown: these turns, with nothing left to be put into anybody's mouth."""
    return replace(chat, messages=tuple(turns), prefill="")


def left_out(prompt: str, chat: Chat) -> tuple[Message, ...]:
    """The turns of a sent chat that a rendered prompt does not hold: to be checked before a guard is believed.

    A template that drops a turn (see `GuardFormat.parts`) would have every reply judged benign.
    """
    return tuple(message for message in chat.messages if message.content.strip() not in prompt)
