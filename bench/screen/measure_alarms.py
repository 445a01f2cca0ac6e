"""What the screen says of rows that people wrote for other ends: every finding is taken for a false alarm."""

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from measure_truth import Finding, findings

from tuneward.screen.options import ScreenOptions
from tuneward.screen.run import JSONL, run

DATA = Path(__file__).parents[3] / "shared/data"
"""Beside the repository."""
COLUMNS = {"gsm8k": "prompt=question,answer=answer"}
"""How a name begins → what its columns hold, where the form is not a usual one."""


def path_of(name: str) -> Path:
    """A file by its path, or by how its name begins in the folder of public data.

    Raises:
        FileNotFoundError: neither is there.
    """
    if Path(name).is_file():
        return Path(name)
    near = sorted(DATA.glob(f"{name}*.json*"))
    if len(near) != 1:
        raise FileNotFoundError(f"{name}: no such file, and {len(near)} files of {DATA} begin so; expected one")
    return near[0]


def looked(path: Path) -> tuple[dict[str, Any], list[Finding]]:
    """Figures of a file, and everything found on it; the shipped list says what is sensitive."""
    columns = next((map_ for name, map_ in COLUMNS.items() if path.name.startswith(name)), None)
    with tempfile.TemporaryDirectory() as folder:
        done = run(ScreenOptions(data=str(path), out=folder, columns=columns, workers=1))
        if done is None:
            raise ValueError(f"{path}: the screen gave no report")
        told = list(findings(Path(folder) / JSONL))
    document = done[0]
    on_rows = [one for one in told if one.row is not None]
    above = [one for one in on_rows if one.raised]
    rows, raised = (Counter(rule for rule, _ in pairs) for pairs in (_pairs(on_rows), _pairs(above)))
    figures = {
        "file": path.name,
        "rows": document.coverage.rows,
        "unscored": document.coverage.unscored,
        "tier": document.tier,
        "rules": {rule: [n, raised[rule]] for rule, n in sorted(rows.items())},
        "raised": len({one.row for one in above}),
        "on_set": [f"{one.rule} {one.label} ({one.disposition})" for one in told if one.row is None],
        "alarms": [
            {"rule": one.rule, "row": one.row, "line": one.line, "label": one.label, "disposition": one.disposition}
            for one in above
        ],
    }
    return figures, told


def _pairs(told: Sequence[Finding]) -> set[tuple[str, str | None]]:
    return {(one.rule, one.row) for one in told}


def listed(told: Sequence[Finding], *, most: int) -> list[str]:
    """A line for every alarm, at most so many a rule; no words of the row."""
    made, seen = [], Counter[str]()
    for one in told:
        seen[one.rule] += 1
        if seen[one.rule] <= most:
            where = "the set" if one.row is None else f"line {one.line}, {one.row}"
            made.append(f"{one.rule} · {one.disposition} · {where} · {one.label}: {one.reason}")
    made += [f"{rule} · and {n - most} more" for rule, n in sorted(seen.items()) if n > most]
    return sorted(made)
