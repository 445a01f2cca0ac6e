"""Rows of one text."""

from dataclasses import dataclass
from typing import ClassVar

from tuneward.chat import Chat, Message
from tuneward.rows.turns import Row, text_in, to_chat, to_row

OTHERS = ("messages", "conversations", "prompt", "completion", "chosen", "rejected", "instruction")


@dataclass(frozen=True)
class PlainText:
    """`{"text"}`: language modelling; the whole text is one assistant turn, because all of it is trained.

    Format: TRL "standard language modeling". A `text` column beside columns of another format (as in
    tatsu-lab/alpaca) is a rendered copy and leaves the row to that format.
    """

    name: ClassVar[str] = "text"
    wants: ClassVar[str] = "text"

    def matches(self, row: Row) -> bool:
        """Whether `text` is there and no column that another format is known by."""
        return "text" in row and not any(column in row for column in OTHERS)

    def parse(self, row: Row, where: str) -> Chat:
        """One assistant turn. Raises ValueError naming `where` unless the column is text."""
        message = Message("assistant", text_in(row, "text", where))
        return to_chat(where, [message], row=row, used=("text",), meta={"format": self.name})

    def render(self, chat: Chat) -> Row:
        """The row again. Raises ValueError unless the chat is one turn."""
        if len(chat.messages) != 1:
            raise ValueError(f"{len(chat.messages)} turns do not fit the text column")
        return to_row(chat, {"text": chat.messages[0].content})
