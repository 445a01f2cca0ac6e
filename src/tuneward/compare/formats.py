"""Which tool wrote a file or folder, told by what is in it and never by its name alone; and its entries."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from tuneward.compare import from_garak, from_inspect, from_jsonl, from_lm_eval, from_promptfoo
from tuneward.compare.documents import decode, first_line
from tuneward.compare.logs import Log
from tuneward.results import AUDIT, RECORD
from tuneward.rows.turns import Row, names

Format = Literal["audit", "jsonl", "inspect", "lm-eval", "promptfoo", "garak"]
WORDS: Mapping[Format, str] = MappingProxyType(
    {
        "audit": "an audit folder",
        "jsonl": "a file of prompts and answers",
        "inspect": "an Inspect log",
        "lm-eval": "an lm-eval run",
        "promptfoo": "promptfoo results",
        "garak": "a garak report",
    }
)


@dataclass(frozen=True)
class Seen:
    """An input that is there, and what it is."""

    path: Path
    format: Format
    document: Row | None = None
    """Its content, where it is one JSON document."""


def look(path: Path) -> Seen:
    """What a path holds; a folder that is no lm-eval run counts as an audit, whose reader says what it misses.

    Raises:
        ValueError: one JSON document that no known tool wrote, or that is broken.
    """
    if path.is_dir():
        known = any((path / name).exists() for name in (AUDIT, RECORD))
        return Seen(path, "lm-eval" if not known and from_lm_eval.is_run(path) else "audit")
    if from_inspect.is_zip(path):
        return Seen(path, "inspect")
    row = _row(first_line(path))
    if row is not None:  # one document on one line, or the first of many
        format = _of_document(row) or _of_line(row)
        return Seen(path, format, row if format in ("inspect", "promptfoo") else None)
    if not first_line(path).endswith((b"{", b"[", b",")):
        return Seen(path, "jsonl")
    document = decode(path.read_bytes(), str(path))
    format_ = _of_document(document) if isinstance(document, dict) else None
    if format_ is None:
        found = f"an object with {names(document)}" if isinstance(document, dict) else "a list"
        raise ValueError(f"{path}: {found}; expected JSONL, or a document of Inspect, lm-eval or promptfoo")
    return Seen(path, format_, document)


def _row(line: bytes) -> Row | None:
    """The object on a line; None when it does not end there, or is none."""
    try:
        found: Any = decode(line, "")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _of_line(row: Row) -> Format:
    if from_garak.is_report(row):
        return "garak"
    return "lm-eval" if all(key in row for key in from_lm_eval.SAMPLE) else "jsonl"


def _of_document(row: Row) -> Format | None:
    if isinstance(row.get("eval"), dict) and "version" in row and "status" in row:
        return "inspect"
    if from_promptfoo.summary_of(row) is not None:
        return "promptfoo"
    return "lm-eval" if all(key in row for key in from_lm_eval.RESULTS) else None


def read(seen: Seen, columns: str | None) -> Log:
    """The entries of a log; raises as its reader does, and ValueError when columns are named for a known format."""
    if seen.format == "jsonl":
        return from_jsonl.read_log(seen.path, columns)
    if columns:
        raise ValueError(f"compare: {seen.path} is {WORDS[seen.format]}; --columns is for JSONL of prompts and answers")
    if seen.format == "garak":
        return from_garak.read_report(seen.path)
    if seen.format == "lm-eval":
        return from_lm_eval.read_run(seen.path)
    if seen.format == "promptfoo":
        return from_promptfoo.read_document(seen.path, seen.document or {})
    if seen.document is None:
        return from_inspect.read_zip(seen.path)
    return from_inspect.read_document(seen.path, seen.document)
