"""Rows of any table, read through a column map that the user gives."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, ClassVar

from tuneward.chat import Chat, Message
from tuneward.rows.turns import Row, kind_of, names, text_in, to_chat, to_row

SAID = {"system": "system", "prompt": "user", "answer": "assistant"}
"""The keys whose columns become turns, in the order of the turns."""


@dataclass(frozen=True)
class Columns:
    """Which column holds what, for tables whose columns have names of their own. House method."""

    prompt: str = ""
    """Column with the question."""
    answer: str = ""
    """Column with the answer; none for a file of prompts."""
    system: str = ""
    """Column with the system prompt."""
    id: str = ""
    """Column with an id, instead of name:line."""
    family: str = ""
    """Column that is the same for variants of one idea."""
    category: str = ""
    """Column with a category, kept in `meta["category"]`."""
    expect: str = ""
    """Column with what is expected of an answer, kept in `meta["expect"]`."""

    name: ClassVar[str] = "columns"
    wants: ClassVar[str] = "any columns named by a map such as prompt=question,answer=response"

    @cached_property
    def mapped(self) -> dict[str, str]:
        """Key → column, for the keys that have one."""
        pairs = ((field.name, str(getattr(self, field.name))) for field in fields(self))
        return {key: column for key, column in pairs if column}

    def matches(self, row: Row) -> bool:
        """Whether there is a map and the row has all its columns."""
        return bool(self.prompt) and all(column in row for column in self.mapped.values())

    def parse(self, row: Row, where: str) -> Chat:
        """System (unless empty), question, answer. Raises ValueError naming `where` and the column."""
        for key, column in self.mapped.items():
            if column not in row:
                raise ValueError(f"{where}: no column {column} ({key}={column}); found keys {names(row)}")
        said = [(role, self.mapped[key]) for key, role in SAID.items() if key in self.mapped]
        said = [(role, column) for role, column in said if role != "system" or row[column] not in (None, "")]
        messages = [Message(role, text_in(row, column, where)) for role, column in said]
        meta: dict[str, Any] = {"format": self.name, "map": self.mapped}
        meta |= {key: row[self.mapped[key]] for key in ("category", "expect") if key in self.mapped}
        chat = to_chat(where, messages, row=row, used={column for _, column in said}, meta=meta)
        identity = _name(row, self.id, where) if self.id else chat.id
        return replace(chat, id=identity, family=_name(row, self.family, where) if self.family else identity)

    def render(self, chat: Chat) -> Row:
        """The row again. Raises ValueError when a turn has no column."""
        filled: Row = {}
        for message in chat.messages:
            column = next((self.mapped.get(key, "") for key, role in SAID.items() if role == message.role), "")
            if not column or column in filled:
                raise ValueError(f"no column for a turn of the {message.role}; the map is {self.mapped}")
            filled[column] = message.content
        if "columns" not in chat.meta:
            known = {"id": chat.id, "family": chat.family, "system": "", **chat.meta}
            filled = {column: known.get(key) for key, column in self.mapped.items()} | filled
        return to_row(chat, filled)


def checked(columns: Mapping[str, str]) -> Columns:
    """A column map as the format it stands for.

    Raises:
        ValueError: for an unknown key, no prompt, an empty column, or one column for two turns.
    """
    allowed = [field.name for field in fields(Columns)]
    for key, column in columns.items():
        if key not in allowed:
            raise ValueError(f"columns: unknown key {key}; expected one of {', '.join(allowed)}")
        if not column:
            raise ValueError(f"columns: {key}= names no column; expected {key}=COLUMN")
    if "prompt" not in columns:
        raise ValueError("columns: no prompt; expected at least prompt=COLUMN")
    turns = [columns[key] for key in SAID if key in columns]
    if len(set(turns)) != len(turns):
        raise ValueError(f"columns: {', '.join(turns)} names one column for two turns; expected one each")
    return replace(Columns(), **columns)


def parse_columns(text: str) -> dict[str, str]:
    """`"prompt=question,answer=response"` → a column map.

    Raises:
        ValueError: as `checked`, and for a part that is not KEY=COLUMN or repeats a key.
    """
    found: dict[str, str] = {}
    for pair in text.split(","):
        key, equals, column = (word.strip() for word in pair.partition("="))
        if not equals or key in found:
            wrong = "repeats a key" if equals else "is not KEY=COLUMN"
            raise ValueError(f"columns: {pair.strip()!r} {wrong}; expected prompt=COLUMN,answer=COLUMN")
        found[key] = column
    return checked(found).mapped


def _name(row: Row, column: str, where: str) -> str:
    value = row[column]
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        found = "empty" if value == "" else kind_of(value)
        raise ValueError(f'{where}: "{column}" is {found}; expected a name or a whole number')
    return str(value)
