"""A repair as it is typed on the command line."""

from dataclasses import MISSING, Field, fields
from typing import Any

from tuneward.repair.options import REPAIRS


def words(method: Any) -> str:
    """Its word, and the settings that are not the default ones."""
    kind = type(method)
    place = f"{kind.__module__}:{kind.__name__}"
    word = next((word for word, known in REPAIRS.items() if known == place), place)
    given = [f"--{field.name.replace('_', '-')} {_said(getattr(method, field.name))}" for field in _changed(method)]
    return " ".join([word, *given])


def _changed(method: Any) -> list[Field[Any]]:
    return [
        field for field in fields(method) if field.default is MISSING or getattr(method, field.name) != field.default
    ]


def _said(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " ".join(map(_said, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
