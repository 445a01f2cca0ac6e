"""From the JSON of a results folder to one HTML page that needs no network and runs no text it shows."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

from jinja2 import Environment
from markupsafe import Markup
from tyro.conf import Positional, arg

from tuneward import text
from tuneward.findings import Audit, Axis, Change, Check, Harm, Verdict
from tuneward.outputs.harm import DECIDED, DECISIVE, LEAN, TURN_MARKS, decimal
from tuneward.outputs.shown import depth_words, outcome_of, shown_axes
from tuneward.record import Record, read_json, write_atomic
from tuneward.report import frame, screen_page
from tuneward.report.figures import ForestRow, Spoke, forest, radar
from tuneward.report.judged import estimated, harm_view, turn_row
from tuneward.results import AUDIT, RECORD, VERDICT, read_audit

TONES: Mapping[str, str] = MappingProxyType(
    {
        "pass": "pass",
        "fail": "fail",
        "not established": "unknown",
        "not resolved": "unresolved",
        "waived": "unknown",
        "not measured": "unknown",
    }
)
"""Outcome → class of its colour; all others are plain."""


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """Write one self-contained HTML page from an audit or a screen."""

    folder: Annotated[Positional[str], arg(metavar="FOLDER")]
    """Folder of a finished audit, comparison or screen; a verdict is shown if there is one."""
    out: Annotated[str | None, arg(aliases=["-o"])] = None
    """File to write; report.html in that folder (screen.html of a screen) unless given."""


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
    estimated: bool
    """Whether its rates are estimates, so that they are no counts divided."""


@dataclass(frozen=True)
class ChangeRow:
    """A changed pair and the texts that may be shown of it."""

    change: Change
    texts: tuple[tuple[str, str], ...]


def run(options: ReportOptions) -> Path:
    """Read the folder, write the page, say where; a folder with both an audit and a screen has the audit's page.

    Raises:
        FileNotFoundError, ValueError: as `read_audit` or `screen_page.read_screened` does, or the verdict is of
            another audit.
    """
    folder = Path(options.folder)
    if (folder / screen_page.SCREENED).is_file() and not (folder / AUDIT).exists():
        return screen_page.write_page(folder, out=Path(options.out) if options.out else None)
    out = Path(options.out) if options.out else folder / "report.html"
    frame.refuse_folder(out, example="report.html")
    audit = read_audit(folder)
    verdict = read_json(folder / VERDICT, Verdict) if (folder / VERDICT).exists() else None
    page = render(audit, verdict=verdict, record=read_json(folder / RECORD, Record))
    write_atomic(out, page.encode())
    return out


def render(audit: Audit, *, verdict: Verdict | None, record: Record | None) -> str:
    """The whole page; every figure in it stands in the arguments.

    Raises:
        ValueError: the verdict is of another audit, so that its words would stand beside the wrong figures.
    """
    if verdict and verdict.audit_id != audit.id:
        raise ValueError(f"verdict is of audit {verdict.audit_id}, not of {audit.id}; run `tuneward gate` on it again")
    outcome = verdict.outcome if verdict else "not gated"
    axes = shown_axes(audit, required=[check.axis for check in verdict.checks] if verdict else [])
    rows = [_axis_row(axis, verdict, f"radar-{i}", harm=audit.harm) for i, axis in enumerate(axes)]
    style, script = frame.own("page.css"), frame.own("page.js")
    template = _environment().get_template("page.html.j2")
    page = template.render(
        audit=audit,
        verdict=verdict,
        record=record,
        banner=_mark(outcome),
        depth=depth_words(audit.depth) if audit.depth else "",
        summary=summary(replace(audit, axes=tuple(axes))),
        rows=rows,
        unasked=[axis.name for axis in audit.axes if axis not in axes],
        marks={outcome: _mark(outcome) for outcome in text.MARKS},
        harm=harm_view(audit.harm, "radar-harm") if audit.harm else None,
        turns=[turn_row(turn) for turn in audit.in_turn],
        forest=forest([_forest_row(row) for row in rows if row.axis.difference]),
        changes=[_change_row(change) for change in audit.changes],
        changed_axes=[a for a in audit.axes if any(c.axis == a.name for c in audit.changes)],
        style=style,
        script=script,
        policy=f"style-src '{frame.named(style)}'; script-src '{frame.named(script)}'",
    )
    return text.visible(page)


def _mark(outcome: str) -> tuple[str, str, str]:
    """Word, sign and class."""
    return outcome, text.MARKS[outcome], TONES.get(outcome, "plain")


def _environment() -> Environment:
    environment = frame.environment()
    environment.globals |= {
        "decisive": decimal(DECISIVE),
        "lean": LEAN,
        "decided": DECIDED,
        "turn_marks": TURN_MARKS,
    }
    return environment


def _axis_row(axis: Axis, verdict: Verdict | None, name: str, *, harm: Harm | None) -> AxisRow:
    check = next((c for c in verdict.checks if c.axis == axis.name), None) if verdict else None
    word = outcome_of(axis, check)
    if word == "not required" and not verdict:
        word = "not gated"
    worst = text.points(axis.difference.worst) if axis.difference else None
    margin = None
    if check and axis.difference:
        worst, margin = text.against(axis.difference.worst, check.margin, signed=True)
    spokes = [Spoke(c.name, c.base.value, c.tuned.value) for c in axis.categories]
    return AxisRow(axis, check, *_mark(word), worst, margin, radar(spokes, name), estimated(axis, harm))


def _forest_row(row: AxisRow) -> ForestRow:
    if row.axis.difference is None:
        raise ValueError(f"axis {row.axis.name}: measured without a difference; audit again")
    margin = row.check.margin if row.check else None
    return ForestRow(row.axis.title, row.axis.difference, margin, row.axis.role == "primary", row.symbol, row.tone)


def _change_row(change: Change) -> ChangeRow:
    """Texts only where the document holds them, and never of a sensitive pair, whatever it holds."""
    named = (("Prompt", change.prompt), ("Base", change.base_answer), ("Tuned", change.tuned_answer))
    texts = () if change.sensitive else tuple((name, said) for name, said in named if said is not None)
    return ChangeRow(change, texts)


def summary(audit: Audit) -> str:
    """What was found, in sentences: the first measured question with its counts, then what was not measured."""
    sentences = []
    first = next((a for a in audit.axes if a.difference and a.base and a.tuned), None)
    if first and first.difference and first.base and first.tuned:
        sentences.append(
            f"“{first.title}” held for {text.percent(first.base.value)} on the base and for "
            f"{text.percent(first.tuned.value)} on the tuned model; of {text.number(first.difference.n)} pairs "
            f"judged on both, {first.difference.lost} were lost and {first.difference.gained} gained."
        )
    missing = [axis.title for axis in audit.axes if axis.status == "not measured"]
    if missing:
        sentences.append(f"Not measured: {'; '.join(missing)}.")
    return " ".join(sentences) or "Nothing was measured."
