"""Any JSONL of prompts and answers as entries; errors name file:line and what was looked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuneward.chat import Message
from tuneward.compare.logs import Entry, Log, family_of
from tuneward.rows.columns import parse_columns
from tuneward.rows.json_files import read_lines

PROMPTS = ("prompt", "question", "instruction", "input")
ANSWERS = ("answer", "response", "completion", "output", "reply")
OTHERS = ("id", "category", "family", "system")
"""Keys that are read when they are there, unless a column map says what to read."""


def read_log(path: Path, columns: str | None) -> Log:
    """The entries of a file in its order, without scores; blank lines are skipped.

    Raises:
        FileNotFoundError: no such file.
        ValueError: `file:line`, for a line that is no JSON object, that holds what no text can (a lone surrogate), or
            has no prompt or answer where one is expected.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected JSONL of prompts and answers")
    named = _named(columns) if columns else {}
    return Log("jsonl", path, [_entry(_Line(row, f"{path}:{number}"), named) for number, row in read_lines(path)])


def _named(columns: str) -> dict[str, str]:
    named = parse_columns(columns)
    allowed = ("prompt", "answer", *OTHERS)
    for key in named:
        if key not in allowed:
            raise ValueError(f"columns: compare does not read {key}=; expected some of {', '.join(allowed)}")
    if "answer" not in named:
        raise ValueError("columns: no answer; expected prompt=KEY,answer=KEY")
    return named


@dataclass(frozen=True)
class _Line:
    """A decoded line with its place, so that every error can name it."""

    row: Mapping[str, Any]
    where: str

    def text(self, key: str) -> str:
        if not isinstance(self.row[key], str):
            raise ValueError(f"{self.where}: {key} is a {type(self.row[key]).__name__}; expected text")
        return str(self.row[key])

    def answer(self, value: object) -> str | None:
        if value is None or isinstance(value, str):
            return value
        found = type(value).__name__
        raise ValueError(f"{self.where}: the answer is a {found}; expected text, or null where there is none")

    def name(self, key: str) -> str | None:
        value = self.row.get(key)
        if value is None or (isinstance(value, str | int) and not isinstance(value, bool)):
            return None if value is None else str(value)
        raise ValueError(f"{self.where}: {key} is a {type(value).__name__}; expected a name or a whole number")

    def one_of(self, keys: Sequence[str]) -> tuple[str, ...]:
        """The key in use; instruction and input together are one prompt, any other two are a question to the user."""
        found = tuple(key for key in keys if key in self.row)
        if not found:
            has = ", ".join(self.row) or "no keys"
            raise ValueError(f"{self.where}: none of {', '.join(keys)} or messages; found {has}")
        if len(found) > 1 and found != ("instruction", "input"):
            both = " and ".join(found)
            raise ValueError(f"{self.where}: both {both}; say which with --columns prompt=KEY,answer=KEY")
        return found


def _entry(line: _Line, named: Mapping[str, str]) -> Entry:
    for key in named.values():
        if key not in line.row:
            raise ValueError(f"{line.where}: no key {key!r}; found {', '.join(line.row) or 'none'}")
    asked, answer = _turns(line) if "messages" in line.row and not named else _columns(line, named)
    read = named or {key: key for key in OTHERS}
    name, category, family = (line.name(read[key]) if key in read else None for key in ("id", "category", "family"))
    return Entry(line.where, name, family or family_of(asked), category or "", asked, answer)


def _turns(line: _Line) -> tuple[tuple[Message, ...], str | None]:
    turns, wanted = line.row["messages"], "expected a list of {role, content} that ends with the assistant"
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns) or len(turns) < 2:
        raise ValueError(f"{line.where}: messages is no conversation; {wanted}")
    if turns[-1].get("role") != "assistant":
        raise ValueError(f"{line.where}: messages ends with {turns[-1].get('role')!r}; {wanted}")
    for turn in turns[:-1]:
        if not isinstance(turn.get("role"), str) or not isinstance(turn.get("content"), str):
            raise ValueError(f"{line.where}: a turn without text; {wanted}")
    asked = tuple(Message(turn["role"], turn["content"]) for turn in turns[:-1])
    return asked, line.answer(turns[-1].get("content"))


def _columns(line: _Line, named: Mapping[str, str]) -> tuple[tuple[Message, ...], str | None]:
    prompts = (named["prompt"],) if named else line.one_of(PROMPTS)
    answer = named["answer"] if named else line.one_of(ANSWERS)[0]
    system = named.get("system") if named else "system"
    head = (Message("system", line.text(system)),) if system is not None and line.row.get(system) else ()
    prompt = "\n\n".join(text for text in map(line.text, prompts) if text)
    return (*head, Message("user", prompt)), line.answer(line.row[answer])
