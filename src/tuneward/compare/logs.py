"""Any JSONL of prompts and answers as entries; errors name file:line and what was looked for."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tuneward.chat import Chat, Message
from tuneward.record import digest
from tuneward.rows.columns import parse_columns

PROMPTS = ("prompt", "question", "instruction", "input")
ANSWERS = ("answer", "response", "completion", "output", "reply")
OTHERS = ("id", "category", "family", "system")
"""Keys that are used when they are there."""


@dataclass(frozen=True)
class Entry:
    """One answered prompt."""

    where: str
    """file:line."""
    id: str | None
    chat: Chat
    """Closed by the answer; by the user's turn when there is none (null in the file: the run failed there)."""
    category: str

    @property
    def asked(self) -> tuple[Message, ...]:
        """Everything before the answer: this must be the same in both files."""
        return self.chat.messages if self.silent else self.chat.messages[:-1]

    @property
    def silent(self) -> bool:
        """Whether there is no answer at all, which is not the same as an empty one."""
        return self.chat.messages[-1].role != "assistant"


@dataclass(frozen=True)
class Asked:
    """One question with what each file has for it."""

    name: str
    a: Entry | None
    b: Entry | None

    @property
    def either(self) -> Entry:
        """The entry that gives the question its family and category."""
        entry = self.a or self.b
        if entry is None:
            raise ValueError(f"{self.name}: a question without an entry")
        return entry


def read_log(path: Path, columns: str | None) -> list[Entry]:
    """The entries of a file in its order; blank lines are skipped.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a line that is no JSON object, or has no prompt or answer where one is expected.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected JSONL of prompts and answers")
    named = _named(columns) if columns else {}
    decoder = msgspec.json.Decoder(dict[str, Any])
    entries = []
    for number, line in enumerate(path.read_bytes().removeprefix(b"\xef\xbb\xbf").splitlines(), 1):
        where = f"{path}:{number}"
        if line.strip():
            try:
                row = decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise ValueError(f"{where}: not a JSON object ({error}); expected one a line") from error
            entries.append(_entry(row, named, where))
    return entries


def _named(columns: str) -> dict[str, str]:
    named = parse_columns(columns)
    allowed = ("prompt", "answer", *OTHERS)
    for key in named:
        if key not in allowed:
            raise ValueError(f"columns: compare does not read {key}=; expected some of {', '.join(allowed)}")
    if "answer" not in named:
        raise ValueError("columns: no answer; expected prompt=KEY,answer=KEY")
    return named


def _entry(row: Mapping[str, Any], named: Mapping[str, str], where: str) -> Entry:
    for key in named.values():
        if key not in row:
            raise ValueError(f"{where}: no key {key!r}; found {', '.join(row) or 'none'}")
    asked, answer = _turns(row, where) if "messages" in row and not named else _columns(row, named, where)
    other = {key: _name(row, named.get(key, key), where) for key in ("id", "category", "family")}
    family = other["family"] or f"prompt {digest(asked)[:12]}"  # the same question twice is one idea
    chat = Chat(other["id"] or where, family, asked)
    return Entry(where, other["id"], chat if answer is None else chat.answered(answer), other["category"] or "")


def _turns(row: Mapping[str, Any], where: str) -> tuple[tuple[Message, ...], str | None]:
    turns = row["messages"]
    wanted = "expected a list of {role, content} that ends with the assistant"
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns) or len(turns) < 2:
        raise ValueError(f"{where}: messages is no conversation; {wanted}")
    if turns[-1].get("role") != "assistant":
        raise ValueError(f"{where}: messages ends with {turns[-1].get('role')!r}; {wanted}")
    for turn in turns[:-1]:
        if not isinstance(turn.get("role"), str) or not isinstance(turn.get("content"), str):
            raise ValueError(f"{where}: a turn without text; {wanted}")
    asked = tuple(Message(turn["role"], turn["content"]) for turn in turns[:-1])
    return asked, _answer(turns[-1].get("content"), where)


def _columns(row: Mapping[str, Any], named: Mapping[str, str], where: str) -> tuple[tuple[Message, ...], str | None]:
    prompts = (named["prompt"],) if named else _one(row, PROMPTS, where)
    texts = [_text(row, key, where) for key in prompts]
    system = _text(row, named.get("system", "system"), where) if named.get("system", "system") in row else ""
    answer = row[named["answer"] if named else _one(row, ANSWERS, where)[0]]
    head = (Message("system", system),) if system else ()
    return (*head, Message("user", "\n\n".join(text for text in texts if text))), _answer(answer, where)


def _one(row: Mapping[str, Any], keys: Sequence[str], where: str) -> tuple[str, ...]:
    """The key in use; instruction and input together are one prompt, any other two are a question to the user."""
    found = tuple(key for key in keys if key in row)
    if not found:
        raise ValueError(f"{where}: none of {', '.join(keys)} or messages; found {', '.join(row) or 'no keys'}")
    if len(found) > 1 and found != ("instruction", "input"):
        raise ValueError(f"{where}: both {' and '.join(found)}; say which with --columns prompt=KEY,answer=KEY")
    return found


def _text(row: Mapping[str, Any], key: str, where: str) -> str:
    if not isinstance(row[key], str):
        raise ValueError(f"{where}: {key} is a {type(row[key]).__name__}; expected text")
    return str(row[key])


def _answer(value: object, where: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise ValueError(f"{where}: the answer is a {type(value).__name__}; expected text, or null where there is none")


def _name(row: Mapping[str, Any], key: str, where: str) -> str | None:
    value = row.get(key)
    if value is None or (isinstance(value, str | int) and not isinstance(value, bool)):
        return None if value is None else str(value)
    raise ValueError(f"{where}: {key} is a {type(value).__name__}; expected a name or a whole number")


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
