"""Any JSONL of prompts and answers as entries; errors name file:line and what was looked for."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuneward.chat import Chat, Message
from tuneward.record import digest
from tuneward.rows.columns import parse_columns
from tuneward.rows.json_files import read_lines

PROMPTS = ("prompt", "question", "instruction", "input")
ANSWERS = ("answer", "response", "completion", "output", "reply")
OTHERS = ("id", "category", "family", "system")
"""Keys that are read when they are there, unless a column map says what to read."""


@dataclass(frozen=True)
class Entry:
    """One line of a log."""

    where: str
    """file:line."""
    id: str | None
    family: str
    category: str
    asked: tuple[Message, ...]
    """Everything before the answer: this must be the same in both files."""
    answer: str | None
    """None where the file says null: the run failed there."""

    @property
    def chat(self) -> Chat:
        """What a scorer reads."""
        return Chat(self.id or self.where, self.family, self.asked).answered(self.answer or "")


@dataclass(frozen=True)
class Asked:
    """One question with what each file has for it."""

    name: str
    a: Entry | None
    b: Entry | None

    @property
    def category(self) -> str:
        """As the first file that names one says; empty when neither does."""
        return next((entry.category for entry in (self.a, self.b) if entry and entry.category), "")

    @property
    def either(self) -> Entry:
        """The first file's entry where it has one."""
        entry = self.a or self.b
        if entry is None:
            raise ValueError(f"{self.name}: a question without an entry")
        return entry


def read_log(path: Path, columns: str | None) -> list[Entry]:
    """The entries of a file in its order; blank lines are skipped.

    Raises:
        FileNotFoundError: no such file.
        ValueError: `file:line`, for a line that is no JSON object, that holds what no text can (a lone surrogate), or
            has no prompt or answer where one is expected.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected JSONL of prompts and answers")
    named = _named(columns) if columns else {}
    return [_entry(_Line(row, f"{path}:{number}"), named) for number, row in read_lines(path)]


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
    idea = family or f"prompt {digest(asked)[:12]}"  # the same question twice is one idea
    return Entry(line.where, name, idea, category or "", asked, answer)


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


def pair_logs(a: Sequence[Entry], b: Sequence[Entry]) -> list[Asked]:
    """Entries of two files that answer one question: by id where every entry has one, else by the exact prompt.

    Raises:
        ValueError: an id that stands twice in a file, or two entries with one id and different prompts.
    """
    if all(entry.id is not None for entry in (*a, *b)):
        return _by_id(_unique(a), _unique(b))
    first, second = _by_prompt(a), _by_prompt(b)
    keys = dict.fromkeys((*first, *second))
    return [Asked((first.get(key) or second[key]).where, first.get(key), second.get(key)) for key in keys]


def _unique(entries: Sequence[Entry]) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for entry in entries:
        name = str(entry.id)
        if name in found:
            raise ValueError(f"{entry.where}: id {name!r} stands already at {found[name].where}; ids must be unique")
        found[name] = entry
    return found


def _by_id(a: Mapping[str, Entry], b: Mapping[str, Entry]) -> list[Asked]:
    asked = [Asked(name, a.get(name), b.get(name)) for name in dict.fromkeys((*a, *b))]
    for one in asked:
        if one.a and one.b and one.a.asked != one.b.asked:
            raise ValueError(
                f"{one.b.where}: another prompt than {one.a.where} under id {one.name!r}; they must be equal"
            )
    return asked


def _by_prompt(entries: Sequence[Entry]) -> dict[tuple[tuple[Message, ...], int], Entry]:
    """(prompt, how often it stood before) → entry."""
    seen: Counter[tuple[Message, ...]] = Counter()
    found = {}
    for entry in entries:
        found[entry.asked, seen[entry.asked]] = entry
        seen[entry.asked] += 1
    return found
