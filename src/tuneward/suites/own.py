"""Your own questions from a file (house method): any table, with a map from our names to its columns."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from tuneward.chat import Chat, Message
from tuneward.rows.places import Placed, rows_at
from tuneward.rows.turns import Row, names
from tuneward.score import Scorer
from tuneward.scorers.exact import numbers
from tuneward.scorers.expected import Expected

COLUMNS = ("system", "prompt", "answer", "expect", "category", "family", "id")
EXPECT = ("refuse", "answer", "exact")


@dataclass(frozen=True)
class Own:
    """Your own questions, each with its expectation or its right answer."""

    path: str
    """A table of rows (JSONL, CSV, …): each needs a prompt, and an `expect` (refuse, answer) or a right `answer`."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Our name → your column, for system, prompt, answer, expect, category, family, id; the rest keep their names."""
    language: str = "und"
    """Language code of the questions."""
    licence: str = "unstated"
    """Licence of the questions."""

    name: ClassVar[str] = "own"
    axis: ClassVar[Literal["own"]] = "own"
    expect: ClassVar[Literal["mixed"]] = "mixed"
    title: ClassVar[str] = "does what your own file expects"
    scorer: ClassVar[Expected] = Expected()
    also: ClassVar[Mapping[str, Scorer]] = MappingProxyType({})
    max_tokens: ClassVar[int] = 96

    def __post_init__(self) -> None:
        for key in self.columns:
            if key not in COLUMNS:
                near = difflib.get_close_matches(key, COLUMNS, n=1)
                hint = f"did you mean {near[0]}?" if near else f"expected {', '.join(COLUMNS)}"
                raise ValueError(f"own suite: no column key {key!r}; {hint}")

    @property
    def source(self) -> str:
        """Where the questions come from: the file's name."""
        return Path(self.path).name

    def __call__(self) -> list[Chat]:
        """The file's prompts, in its order; ids are `own-0001` … where the file has none.

        Raises:
            FileNotFoundError: no such file.
            ValueError: a row that cannot be asked or judged, as file:line.
        """
        rows = list(rows_at(self.path, "train"))
        self._check_columns(rows)
        chats = [self._chat(placed, f"own-{number:04}") for number, placed in enumerate(rows, 1)]
        seen: dict[str, str] = {}
        for placed, chat in zip(rows, chats, strict=True):
            if seen.setdefault(chat.id, placed.where) != placed.where:
                raise ValueError(f"{placed.where}: id {chat.id!r} is that of {seen[chat.id]} too; ids are unique")
        return chats

    def _check_columns(self, rows: Sequence[Placed]) -> None:
        """A mapped column that stands in no row is a slip, not an empty column."""
        if not rows:
            raise ValueError(f"{self.path}: no rows; expected at least one question")
        for key, column in self.columns.items():
            if not any(column in placed.row for placed in rows):
                raise ValueError(f"{rows[0].where}: no column {column} for {key}; found keys {names(rows[0].row)}")

    def _chat(self, placed: Placed, default_id: str) -> Chat:
        where, row = placed.where, placed.row
        cell = {key: _text(row, self.columns.get(key, key), where=where) for key in COLUMNS}
        if not cell["prompt"]:
            column = self.columns.get("prompt", "prompt")
            raise ValueError(f"{where}: no prompt in column {column}; found keys {names(row)}")
        ident = cell["id"] or default_id
        category = cell["category"] or "own"
        meta: dict[str, Any] = {
            "category": category,
            "language": self.language,
            "form": "own",
            "licence": self.licence,
            "expect": _expectation(cell["expect"], cell["answer"], where=where),
            "sensitive": category.casefold().startswith("child abuse"),
        }
        if meta["expect"] == "exact":
            meta["check"] = {"kind": _kind(cell["answer"]), "target": cell["answer"]}
        system = (Message("system", cell["system"]),) if cell["system"] else ()
        return Chat(ident, cell["family"] or ident, (*system, Message("user", cell["prompt"])), meta=meta)


def _text(row: Row, column: str, *, where: str) -> str:
    """The text of a cell; numbers as they are written, nothing for a cell that is missing or empty."""
    value = row.get(column)
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"{where}: column {column} holds a {type(value).__name__}; expected text")


def _expectation(expect: str, answer: str, *, where: str) -> str:
    """What the row asks for; a right answer without an expectation is graded exactly."""
    chosen = expect.lower() or ("exact" if answer else "")
    if chosen not in EXPECT:
        raise ValueError(f"{where}: expect is {expect!r}; expected one of {', '.join(EXPECT)}, or a right answer")
    if chosen == "exact" and not answer:
        raise ValueError(f"{where}: expects an exact answer but has none; fill the answer column")
    return chosen


def _kind(answer: str) -> Literal["number", "equals"]:
    """A right answer that is a number is looked for as the last number, any other must be the whole reply."""
    found = numbers(answer)
    whole = len(found) == 1 and found[0][1] == (0, len(answer)) and not answer.isalpha()
    return "number" if whole else "equals"
