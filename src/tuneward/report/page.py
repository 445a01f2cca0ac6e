"""From the JSON of a results folder to one HTML page that needs no network and runs no text it shows."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from tyro.conf import Positional

from tuneward.findings import SCHEMA, Audit, Axis, Change, Check, Verdict
from tuneward.record import Record, read_json, write_atomic
from tuneward.report import words
from tuneward.report.figures import ForestRow, Spoke, forest, radar

T = TypeVar("T")
HERE = Path(__file__).parent
MARKS: Mapping[str, tuple[str, str]] = {
    "pass": ("✓", "pass"),
    "fail": ("✗", "fail"),
    "not established": ("?", "unknown"),
    "not resolved": ("≈", "unresolved"),
    "waived": ("○", "unknown"),
    "not measured": ("?", "unknown"),
    "not required": ("·", "plain"),
    "not gated": ("○", "plain"),
}
"""Outcome → symbol and class; the word always stands beside them."""


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """Write one self-contained HTML page from an audit."""

    folder: Positional[str]
    """Folder that holds audit.json, and verdict.json and record.json if there are any."""
    out: str | None = None
    """File to write; report.html in that folder unless given."""


@dataclass(frozen=True)
class AxisRow:
    """An axis, what the gate said of it, and how that is shown."""

    axis: Axis
    check: Check | None
    word: str
    symbol: str
    tone: str
    worst: str | None
    """Worst case in points, with as many decimals as the comparison with the margin needs."""
    margin: str | None
    radar: Markup


@dataclass(frozen=True)
class ChangeRow:
    """A changed pair and the texts that may be shown of it."""

    change: Change
    texts: tuple[tuple[str, str], ...]


def run(options: ReportOptions) -> Path:
    """Read the folder, write the page, say where.

    Raises:
        FileNotFoundError: there is no audit.json.
        ValueError: a file cannot be read, is of another version, or the verdict is of another audit.
    """
    folder = Path(options.folder)
    out = Path(options.out) if options.out else folder / "report.html"
    if out.is_dir():
        raise ValueError(f"{out}: is a folder; give --out the name of a file, e.g. {out / 'report.html'}")
    audit = read_json(folder / "audit.json", Audit)
    if audit.schema != SCHEMA:
        raise ValueError(
            f"{folder / 'audit.json'}: schema {audit.schema!r}, this version reads {SCHEMA!r}; audit again"
        )
    verdict, record = _optional(folder / "verdict.json", Verdict), _optional(folder / "record.json", Record)
    write_atomic(out, render(audit, verdict=verdict, record=record).encode())
    return out


def _optional(path: Path, kind: type[T]) -> T | None:
    return read_json(path, kind) if path.exists() else None


def render(audit: Audit, *, verdict: Verdict | None, record: Record | None) -> str:
    """The whole page; every figure in it stands in the arguments.

    Raises:
        ValueError: the verdict is of another audit, so that its words would stand beside the wrong figures.
    """
    if verdict and verdict.audit_id != audit.id:
        raise ValueError(f"verdict is of audit {verdict.audit_id}, not of {audit.id}; run `tuneward gate` on it again")
    outcome = verdict.outcome if verdict else "not gated"
    rows = [_axis_row(axis, verdict, f"radar-{i}") for i, axis in enumerate(audit.axes)]
    style, script = _own("page.css"), _own("page.js")
    template = _environment().get_template("page.html.j2")
    page = template.render(
        audit=audit,
        verdict=verdict,
        record=record,
        banner=(outcome, *MARKS[outcome]),
        summary=summary(audit),
        rows=rows,
        marks=MARKS,
        forest=forest([_forest_row(row) for row in rows if row.axis.difference]),
        changes=[_change_row(change) for change in audit.changes],
        changed_axes=[a for a in audit.axes if any(c.axis == a.name for c in audit.changes)],
        style=style,
        script=script,
        policy=f"style-src '{_hash(style)}'; script-src '{_hash(script)}'",
    )
    return words.visible(page)


def _own(name: str) -> Markup:
    """A file of ours, which needs no escaping."""
    return Markup((HERE / name).read_text(encoding="utf-8"))  # noqa: S704


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "percent": words.percent,
        "points": words.points,
        "p": words.p_value,
        "number": words.number,
        "plain": _plain,
        "brief": _brief,
    }
    environment.globals |= {"interval": words.interval, "share_interval": words.share_interval}
    return environment


def _hash(text: str) -> str:
    """How a content security policy names an inline script or style."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _plain(value: Any) -> str:
    """A setting as one line: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _brief(text: str, length: int = 160) -> str:
    """A name or a sentence, cut where no name or sentence goes on; whole answers stand in boxes of their own."""
    return words.shorten(text, length)


def _outcome(axis: Axis, verdict: Verdict | None, check: Check | None) -> str:
    if check:
        return check.outcome
    if axis.status == "not measured":
        return "not measured"
    return "not required" if verdict else "not gated"


def _axis_row(axis: Axis, verdict: Verdict | None, name: str) -> AxisRow:
    check = next((c for c in verdict.checks if c.axis == axis.name), None) if verdict else None
    word = _outcome(axis, verdict, check)
    worst = words.points(axis.difference.worst) if axis.difference else None
    margin = None
    if check and axis.difference:
        worst, margin = words.bound(axis.difference.worst, check.margin)
    spokes = [Spoke(c.name, c.base.value, c.tuned.value) for c in axis.categories]
    return AxisRow(axis, check, word, *MARKS[word], worst, margin, radar(spokes, name))


def _forest_row(row: AxisRow) -> ForestRow:
    if row.axis.difference is None:
        raise ValueError(f"axis {row.axis.name}: measured without a difference; audit again")
    margin = row.check.margin if row.check else None
    return ForestRow(row.axis.title, row.axis.difference, margin, row.axis.role == "primary", row.symbol, row.tone)


def _change_row(change: Change) -> ChangeRow:
    """Texts only where the document holds them, and never of a sensitive pair, whatever it holds."""
    named = (("Prompt", change.prompt), ("Base", change.base_answer), ("Tuned", change.tuned_answer))
    texts = () if change.sensitive else tuple((name, text) for name, text in named if text is not None)
    return ChangeRow(change, texts)


def summary(audit: Audit) -> str:
    """What was found, in sentences: the first measured question with its counts, then what was not measured."""
    sentences = []
    first = next((a for a in audit.axes if a.difference and a.base and a.tuned), None)
    if first and first.difference and first.base and first.tuned:
        sentences.append(
            f"“{first.title}” held for {words.percent(first.base.value)} % on the base and for "
            f"{words.percent(first.tuned.value)} % on the tuned model; of {words.number(first.difference.n)} pairs "
            f"judged on both, {first.difference.lost} were lost and {first.difference.gained} gained."
        )
    missing = [axis.title for axis in audit.axes if axis.status == "not measured"]
    if missing:
        sentences.append(f"Not measured: {'; '.join(missing)}.")
    return " ".join(sentences) or "Nothing was measured."
