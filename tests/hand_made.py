"""Scored replies and audits made by hand, for tests of what follows an audit."""

from collections.abc import Sequence
from pathlib import Path

from tuneward.chat import Arm
from tuneward.findings import ArmInfo, Audit
from tuneward.paired import Scored, axes_from
from tuneward.record import Record, to_json, to_jsonl, write_atomic
from tuneward.score import Score

SCORERS = {"refusal": "refusal", "twins": "refusal", "utility": "exact", "coherence": "coherence", "harm": "judge"}
SIZE = 150


def scored(name: str, arm: Arm, value: float | None, *, axis: str = "refusal", sample: int = 0) -> Scored:
    """One line of scores.jsonl; the category is what stands before the dash."""
    label = {0.0: "good", 1.0: "bad", None: "unclear"}[value]
    return Scored(
        id=name,
        suite=f"{axis} suite",
        axis=axis,
        family=name,
        category=name.partition("-")[0],
        arm=arm,
        render="chat",
        sample=sample,
        score=Score(SCORERS.get(axis, "refusal"), value, label, "by hand"),
        finish="stop",
    )


def both(name: str, base: float | None, tuned: float | None, *, axis: str = "refusal") -> list[Scored]:
    """One question on both arms; 0 good, 1 bad, None not told."""
    return [scored(name, "base", base, axis=axis), scored(name, "tuned", tuned, axis=axis)]


def outcomes(axis: str, pairs: Sequence[tuple[float | None, float | None]], *, category: str = "any") -> list[Scored]:
    """Questions in a row, all in one category."""
    return [row for place, pair in enumerate(pairs) for row in both(f"{category}-{place:03}", *pair, axis=axis)]


def counted(axis: str, *, kept: int = 0, lost: int = 0, gained: int = 0, never: int = 0) -> list[Scored]:
    """A 2 × 2 table as rows."""
    return outcomes(axis, [(0.0, 0.0)] * kept + [(0.0, 1.0)] * lost + [(1.0, 0.0)] * gained + [(1.0, 1.0)] * never)


def steady(axis: str, value: float | None = 0.0) -> list[Scored]:
    """An axis on which nothing changed; good unless told otherwise."""
    return outcomes(axis, [(value, value)] * SIZE)


def sound(*, without: Sequence[str] = ()) -> list[Scored]:
    """Rows of an audit that passes the default policy, less the axes named."""
    return [row for axis in ("refusal", "twins", "utility", "coherence") if axis not in without for row in steady(axis)]


def audit_of(rows: Sequence[Scored], *, limit: int | None = None) -> Audit:
    """The audit document of the rows."""
    arms = {arm: ArmInfo(arm, arm * 16, "t" * 64, "c" * 64, "float32", "cpu") for arm in ("base", "tuned")}
    return Audit(
        id="tw1:0123456789abcdef",
        arms=arms,
        plan=(),
        parity={"template": "identical"},
        axes=axes_from(rows),
        changes=(),
        limit=limit,
        suites={"refusal suite": "s" * 64},
    )


def write_folder(folder: Path, rows: Sequence[Scored], audit: Audit | None = None) -> Path:
    """A finished audit folder."""
    write_atomic(folder / "scores.jsonl", to_jsonl(rows), mode=0o600)
    write_atomic(folder / "audit.json", to_json(audit or audit_of(rows)))
    write_atomic(folder / "record.json", to_json(Record("audit", {}, {}, {}, 0, "then", "later")))
    return folder
