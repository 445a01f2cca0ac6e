"""Instruction rows: Alpaca and Dolly."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from tuneward.chat import Chat, Message
from tuneward.rows.turns import Row, kind_of, text_in, to_chat, to_row

GAP = "\n\n"
"""Between an instruction and what it is about."""


@dataclass(frozen=True)
class Alpaca:
    """`{"instruction", "input"?, "output", "system"?, "history"?}`.

    Format: Stanford Alpaca; `system` and `history` ([[question, answer], …]) as in LLaMA-Factory's data README.
    The question is the instruction, a blank line and the input.
    """

    name: ClassVar[str] = "alpaca"
    wants: ClassVar[str] = "instruction + output"

    def matches(self, row: Row) -> bool:
        """Whether `instruction` and `output` are there."""
        return "instruction" in row and "output" in row

    def parse(self, row: Row, where: str) -> Chat:
        """System, history, question, answer. Raises ValueError naming `where` and the column."""
        messages, used = [], {"output"}
        if row.get("system"):
            messages.append(Message("system", text_in(row, "system", where)))
            used.add("system")
        if row.get("history"):
            messages.extend(_history(row["history"], where))
            used.add("history")
        question, cuts = join(row, ("instruction", "input"), where)
        messages += [Message("user", question), Message("assistant", text_in(row, "output", where))]
        used.update(column for column, _ in cuts)
        return to_chat(where, messages, row=row, used=used, meta={"format": self.name, "cuts": cuts})

    def render(self, chat: Chat) -> Row:
        """The row again; turns before the last question and answer are its history."""
        messages = list(chat.messages)
        filled: Row = {}
        if messages and messages[0].role == "system":
            filled["system"] = messages.pop(0).content
        question, answer = closing_pair(messages)
        earlier = [message.content for message in messages[:-2]]
        if earlier:
            filled["history"] = [list(pair) for pair in zip(earlier[::2], earlier[1::2], strict=False)]
        if "columns" not in chat.meta:
            filled["input"] = ""
        return to_row(chat, {**filled, **part(question, chat.meta.get("cuts", ())), "output": answer})


@dataclass(frozen=True)
class Dolly:
    """`{"instruction", "context"?, "response", "category"?}`.

    Format: databricks-dolly-15k. The question is the instruction, a blank line and the context.
    """

    name: ClassVar[str] = "dolly"
    wants: ClassVar[str] = "instruction + response"

    def matches(self, row: Row) -> bool:
        """Whether `instruction` and `response` are there."""
        return "instruction" in row and "response" in row

    def parse(self, row: Row, where: str) -> Chat:
        """Question and answer, `meta["category"]` if there is one. Raises ValueError naming `where` and the column."""
        question, cuts = join(row, ("instruction", "context"), where)
        messages = [Message("user", question), Message("assistant", text_in(row, "response", where))]
        used = {"response", *(column for column, _ in cuts)}
        meta: dict[str, Any] = {"format": self.name, "cuts": cuts}
        if row.get("category"):
            meta["category"] = text_in(row, "category", where)
        return to_chat(where, messages, row=row, used=used, meta=meta)

    def render(self, chat: Chat) -> Row:
        """The row again."""
        question, answer = closing_pair(chat.messages)
        return to_row(chat, {**part(question, chat.meta.get("cuts", ())), "response": answer})


def join(row: Row, columns: tuple[str, str], where: str) -> tuple[str, list[tuple[str, int]]]:
    """The columns that say something, a blank line between them; with each one's name and length.

    Raises:
        ValueError: when the first is not text, or the second neither text nor missing.
    """
    texts = {columns[0]: text_in(row, columns[0], where)}
    if row.get(columns[1]) is not None:
        texts[columns[1]] = text_in(row, columns[1], where)
    said = {column: text for column, text in texts.items() if text} or {columns[0]: ""}
    return GAP.join(said.values()), [(column, len(text)) for column, text in said.items()]


def part(text: str, cuts: Sequence[tuple[str, int]]) -> Row:
    """Undo `join`. Where an edited text no longer has its blank line there, all of it goes to the first column."""
    if not cuts:
        return {"instruction": text}
    first, length = cuts[0]
    if len(cuts) == 1:
        return {first: text}
    rest = text[length + len(GAP) :]
    if text[length : length + len(GAP)] == GAP and rest:
        return {first: text[:length], cuts[1][0]: rest}
    return {first: text, cuts[1][0]: ""}


def closing_pair(messages: Sequence[Message]) -> tuple[str, str]:
    """The last question and its answer.

    Raises:
        ValueError: unless the chat ends with one turn of the user and one of the assistant.
    """
    if [message.role for message in messages[-2:]] != ["user", "assistant"]:
        raise ValueError("the chat does not end with a question and its answer")
    return messages[-2].content, messages[-1].content


def _history(value: object, where: str) -> list[Message]:
    pairs = value if isinstance(value, list) else []
    if not pairs or not all(_is_pair(pair) for pair in pairs):
        raise ValueError(f'{where}: "history" is {kind_of(value)} of another shape; expected [[question, answer], …]')
    roles = ("user", "assistant")
    return [Message(role, said) for pair in pairs for role, said in zip(roles, pair, strict=True)]


def _is_pair(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(said, str) for said in value)
