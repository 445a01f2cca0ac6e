"""Finished audit folders, damaged: each way with what must be said of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def _edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads((folder / "audit.json").read_text(encoding="utf-8"))
    change(document)
    (folder / "audit.json").write_text(json.dumps(document), encoding="utf-8")


def broken_audit(folder: Path) -> None:
    (folder / "audit.json").write_text('{"schema": "tuneward/audit/1", "id": 3}', encoding="utf-8")


def truncated_audit(folder: Path) -> None:
    path = folder / "audit.json"
    path.write_bytes(path.read_bytes()[:-40])


def audit_that_is_no_text(folder: Path) -> None:
    (folder / "audit.json").write_bytes(b"\xff\xfe\x00")


def later_schema(folder: Path) -> None:
    _edit(folder, lambda document: document.update(schema="tuneward/audit/2"))


def no_schema(folder: Path) -> None:
    _edit(folder, lambda document: document.pop("schema"))


def one_arm(folder: Path) -> None:
    _edit(folder, lambda document: document["arms"].pop("base"))


def impossible_figure(folder: Path) -> None:
    _edit(folder, lambda document: document["axes"][0]["difference"].update(high=1e300))


def no_record(folder: Path) -> None:
    (folder / "record.json").unlink()


def broken_record(folder: Path) -> None:
    (folder / "record.json").write_text("{}", encoding="utf-8")


def no_audit(folder: Path) -> None:
    (folder / "audit.json").unlink()


def nothing_at_all(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


BROKEN: dict[Callable[[Path], None], tuple[type[Exception], str]] = {
    broken_audit: (ValueError, r"audit\.json: not a readable audit"),
    truncated_audit: (ValueError, r"audit\.json: not a readable"),
    audit_that_is_no_text: (ValueError, r"audit\.json: not a readable"),
    later_schema: (ValueError, r"written as 'tuneward/audit/2', this version reads 'tuneward/audit/1'"),
    no_schema: (ValueError, r"missing required field `schema`"),
    one_arm: (ValueError, r"expected base and tuned"),
    impossible_figure: (ValueError, r"axis refusal holds a figure beyond 100 %"),
    no_record: (FileNotFoundError, r"record\.json: missing, so the audit was not finished"),
    broken_record: (ValueError, r"record\.json: not a readable record"),
    no_audit: (FileNotFoundError, r"audit\.json: no such file"),
    nothing_at_all: (FileNotFoundError, r"no such folder"),
}
