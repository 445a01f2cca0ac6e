"""What must not stand in training rows: tuneward's own suites and the user's evaluation sets, item by item."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tuneward.rows.places import rows_at
from tuneward.screen.contamination import Item
from tuneward.suites import Policy, PolicyDev, Twins, TwinsDev, Utility

DEEP = 6
"""Lists and objects inside each other that are looked through."""
NAMES = ("id", "task_id", "question_id", "key")
"""Columns that name an item."""


def own() -> list[Item]:
    """The prompts of the bundled suites, in every language: rows that hold them flatter the next audit."""
    found: list[Item] = []
    for kind in (Policy, PolicyDev, Twins, TwinsDev, Utility):
        for language in ("en", "zh"):
            suite = kind(language=language)
            found.extend(Item(f"{suite.name}-{language}", chat.id, "prompt", chat.prompt) for chat in suite())
    return found


def of_files(names: Iterable[str]) -> list[Item]:
    """Every text of every row of evaluation files, by its column.

    Raises:
        FileNotFoundError, ValueError: no such file, or a row that cannot be read.
    """
    return [item for name in names for item in _of_file(name)]


def _of_file(name: str) -> Iterator[Item]:
    suite = Path(name).stem.replace(":", "-")
    for number, placed in enumerate(rows_at(name, "train"), 1):
        named = next((str(placed.row[key]) for key in NAMES if key in placed.row), str(number)).replace(":", "-")
        for column, value in placed.row.items():
            if column not in NAMES:
                yield from (Item(suite, named, column.replace(":", "-"), text) for text in _texts(value, DEEP))


def _texts(value: Any, depth: int) -> Iterator[str]:
    """The texts inside a value."""
    if isinstance(value, str):
        yield value
    elif depth and isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner, depth - 1)
    elif depth and isinstance(value, list):
        for inner in value:
            yield from _texts(inner, depth - 1)
