"""OpenAI chat rows, also those of TRL "conversational", XTuner and LLaMA-Factory "openai"."""

from dataclasses import dataclass
from typing import ClassVar

from tuneward.chat import Chat
from tuneward.rows.turns import Row, read_turns, to_chat, to_row, write_turns


@dataclass(frozen=True)
class OpenAIChat:
    """`{"messages": [{"role", "content"}, …]}`, with weights, names, tool calls, tools and text parts kept.

    Format: the OpenAI fine-tuning guide; TRL "conversational language modeling".
    A message's own extras are in `meta["turns"][i]`: `weight` 0 or 1, `name`, `tool_calls`.
    """

    name: ClassVar[str] = "openai-chat"
    wants: ClassVar[str] = "messages"

    def matches(self, row: Row) -> bool:
        """Whether the row has the column `messages`."""
        return "messages" in row

    def parse(self, row: Row, where: str) -> Chat:
        """Every message is a turn. Raises ValueError naming `where` and the message that is wrong."""
        messages, turns = read_turns(row["messages"], where, "messages")
        meta = {"format": self.name, "turns": turns}
        return to_chat(where, messages, row=row, used=("messages",), meta=meta)

    def render(self, chat: Chat) -> Row:
        """The row again. Raises ValueError when turns moved and their extras have no place."""
        return to_row(chat, {"messages": write_turns(chat.messages, chat.meta.get("turns", ()))})
