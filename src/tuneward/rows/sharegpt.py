"""ShareGPT rows, as LLaMA-Factory, Axolotl and many public data sets have them."""

from dataclasses import dataclass
from typing import ClassVar

from tuneward.chat import Chat, Message
from tuneward.rows.turns import SHAREGPT, Row, read_turns, text_in, to_chat, to_row, was_used, write_turns


@dataclass(frozen=True)
class ShareGPT:
    """`{"conversations": [{"from", "value"}, …], "system"?, "tools"?}`.

    Format: LLaMA-Factory's data README, which also names the speakers of tools.
    Other names for a speaker (human, gpt, observation …) are read as roles and written back as they stood.
    """

    name: ClassVar[str] = "sharegpt"
    wants: ClassVar[str] = "conversations"

    def matches(self, row: Row) -> bool:
        """Whether the row has the column `conversations`."""
        return "conversations" in row

    def parse(self, row: Row, where: str) -> Chat:
        """A `system` column that says something comes first. Raises ValueError naming `where` and the message."""
        messages, turns = read_turns(row["conversations"], where, "conversations")
        used = ["conversations"]
        if row.get("system"):
            messages.insert(0, Message("system", text_in(row, "system", where)))
            used.append("system")
        return to_chat(where, messages, row=row, used=used, meta={"format": self.name, "turns": turns})

    def render(self, chat: Chat) -> Row:
        """The row again. Raises ValueError when turns moved and their extras have no place."""
        messages, filled = list(chat.messages), {}
        if was_used(chat, "system") and messages and messages[0].role == "system":
            filled["system"] = messages.pop(0).content
        turns = write_turns(messages, chat.meta.get("turns", ()), style=SHAREGPT)
        return to_row(chat, {**filled, "conversations": turns})
