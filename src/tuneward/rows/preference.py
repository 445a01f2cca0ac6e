"""Preference pairs: a chosen and a rejected answer."""

from dataclasses import dataclass
from typing import Any, ClassVar

from tuneward.chat import Chat, Message
from tuneward.rows.prompt_completion import read_sides, write_sides
from tuneward.rows.turns import Row, kind_of, read_turns, text_in, to_chat, to_row, was_used, write_turns

QUESTIONS = ("prompt", "instruction", "question", "query", "input")


@dataclass(frozen=True)
class Preference:
    """`{"prompt", "chosen", "rejected"}`, or without `prompt`; all text or all lists of messages.

    Format: TRL "preference", explicit and implicit prompt. The chat is the prompt and the chosen answer; the rejected
    one stays as it is in `meta["rejected"]`. Without a prompt, chosen text is one assistant turn. A text prompt beside
    lists that repeat it (as in UltraFeedback binarized) is left where it is.
    """

    name: ClassVar[str] = "preference"
    wants: ClassVar[str] = "chosen + rejected, with or without prompt"

    def matches(self, row: Row) -> bool:
        """Whether both answers are there, and no question under another name than `prompt`."""
        asked = [column for column in QUESTIONS if column in row]
        return "chosen" in row and "rejected" in row and (not asked or asked[0] == "prompt")

    def parse(self, row: Row, where: str) -> Chat:
        """Prompt turns, then chosen turns. Raises ValueError naming `where` and the column."""
        messages, used, meta = self._read(row, where)
        if type(row["rejected"]) is not type(row["chosen"]):
            kinds = f'"chosen" is {kind_of(row["chosen"])}, "rejected" is {kind_of(row["rejected"])}'
            raise ValueError(f"{where}: {kinds}; expected the same kind")
        meta = {"format": self.name, "rejected": row["rejected"], **meta}
        return to_chat(where, messages, row=row, used=("rejected", *used), meta=meta)

    def render(self, chat: Chat) -> Row:
        """The row again. Raises ValueError when the turns no longer fit, or when there is no rejected answer."""
        if "rejected" not in chat.meta:
            raise ValueError('no rejected answer; put one in meta["rejected"]')
        rejected = {"rejected": chat.meta["rejected"]}
        if was_used(chat, "prompt") or "columns" not in chat.meta:
            return to_row(chat, {**write_sides(chat, ("prompt", "chosen")), **rejected})
        if "turns" in chat.meta:
            return to_row(chat, {"chosen": write_turns(chat.messages, chat.meta["turns"]), **rejected})
        if len(chat.messages) != 1:
            raise ValueError(f"{len(chat.messages)} turns do not fit the text column chosen")
        return to_row(chat, {"chosen": chat.messages[0].content, **rejected})

    def _read(self, row: Row, where: str) -> tuple[list[Message], tuple[str, ...], dict[str, Any]]:
        whole = isinstance(row["chosen"], list)
        if row.get("prompt") is not None and (isinstance(row["prompt"], list) or not whole):
            messages, meta = read_sides(row, ("prompt", "chosen"), where)
            return messages, ("prompt", "chosen"), meta
        if not whole:
            return [Message("assistant", text_in(row, "chosen", where))], ("chosen",), {}
        messages, turns = read_turns(row["chosen"], where, "chosen")
        if row.get("prompt") is not None and messages[0].role == "assistant":
            raise ValueError(f'{where}: "prompt" is text, "chosen" a list without it; expected text or lists in both')
        return messages, ("chosen",), {"turns": turns}
