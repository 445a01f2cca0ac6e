"""TRL's prompt/completion rows, paired with nothing or with a label; text or lists of messages."""

from dataclasses import dataclass
from typing import Any, ClassVar

from tuneward.chat import Chat, Message
from tuneward.rows.turns import Row, kind_of, read_turns, text_in, to_chat, to_row, was_used, write_turns


@dataclass(frozen=True)
class PromptCompletion:
    """`{"prompt", "completion"}`, both text or both lists of messages.

    Format: TRL "dataset formats". With these columns `SFTTrainer` trains on the completion only.
    """

    name: ClassVar[str] = "prompt-completion"
    wants: ClassVar[str] = "prompt + completion"

    def matches(self, row: Row) -> bool:
        """Whether both columns are there and no true-or-false `label`."""
        return "prompt" in row and "completion" in row and not _labelled(row)

    def parse(self, row: Row, where: str) -> Chat:
        """Prompt turns, then completion turns. Raises ValueError naming `where` and the column."""
        messages, meta = read_sides(row, ("prompt", "completion"), where)
        return to_chat(where, messages, row=row, used=("prompt", "completion"), meta={"format": self.name, **meta})

    def render(self, chat: Chat) -> Row:
        """The row again. Raises ValueError when the turns no longer fit the two columns."""
        return to_row(chat, write_sides(chat, ("prompt", "completion")))


@dataclass(frozen=True)
class Unpaired:
    """`{"prompt", "completion", "label"}`: a completion somebody liked (true) or did not (false).

    Format: TRL "unpaired preference", for KTO. The label stays in `meta["row"]["label"]`.
    """

    name: ClassVar[str] = "unpaired"
    wants: ClassVar[str] = "prompt + completion + label (true or false)"

    def matches(self, row: Row) -> bool:
        """Whether the three columns are there and the label is true or false (1, 0 or such words in a CSV)."""
        return "prompt" in row and "completion" in row and _labelled(row)

    def parse(self, row: Row, where: str) -> Chat:
        """Prompt turns, then completion turns. Raises ValueError naming `where` and the column."""
        messages, meta = read_sides(row, ("prompt", "completion"), where)
        return to_chat(where, messages, row=row, used=("prompt", "completion"), meta={"format": self.name, **meta})

    def render(self, chat: Chat) -> Row:
        """The row again. Raises ValueError when the turns no longer fit, or when a new chat brings no label."""
        if "label" not in chat.meta.get("row", {}):
            raise ValueError('no label; put true or false in meta["row"]["label"]')
        return to_row(chat, write_sides(chat, ("prompt", "completion")))


def read_sides(row: Row, columns: tuple[str, str], where: str) -> tuple[list[Message], dict[str, Any]]:
    """Turns of two columns one after the other, and what `write_sides` needs to part them again.

    Raises:
        ValueError: unless both are text, or both lists of messages.
    """
    first, second = columns
    if isinstance(row[first], list) and isinstance(row[second], list):
        asked, asked_shells = read_turns(row[first], where, first)
        said, said_shells = read_turns(row[second], where, second)
        return [*asked, *said], {"turns": [*asked_shells, *said_shells], "tail": len(said)}
    if isinstance(row[first], list) or isinstance(row[second], list):
        kinds = f'"{first}" is {kind_of(row[first])}, "{second}" is {kind_of(row[second])}'
        raise ValueError(f"{where}: {kinds}; expected text twice or lists of messages twice")
    return [Message("user", text_in(row, first, where)), Message("assistant", text_in(row, second, where))], {}


def write_sides(chat: Chat, columns: tuple[str, str]) -> Row:
    """Two columns again; a chat that was never a row ends its first column before its last turn.

    Raises:
        ValueError: when text columns would have to hold anything but one question and one answer.
    """
    texts = [message.content for message in chat.messages]
    if all(was_used(chat, column) for column in columns) and "turns" not in chat.meta:
        if len(texts) != 2:
            raise ValueError(f"{len(texts)} turns do not fit the two text columns {' and '.join(columns)}")
        return dict(zip(columns, texts, strict=True))
    turns = write_turns(chat.messages, chat.meta.get("turns", ()))
    cut = len(turns) - chat.meta.get("tail", 1)
    return {columns[0]: turns[:cut], columns[1]: turns[cut:]}


def _labelled(row: Row) -> bool:
    label = row.get("label")
    return label.lower() in ("true", "false", "0", "1") if isinstance(label, str) else label in (0, 1)
