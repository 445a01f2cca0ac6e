"""An audit's folder: what the verbs after an audit read from it, and the verdict they write beside it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tuneward.findings import SCHEMA, Audit, Axis, Harm, Verdict
from tuneward.outputs.junit import junit
from tuneward.outputs.markdown import summary
from tuneward.paired import Scored
from tuneward.record import Record, read_json, read_jsonl, to_json, write_atomic
from tuneward.stats.difference import Difference
from tuneward.stats.rates import Rate

AUDIT, SCORES, RECORD, REPLIES = "audit.json", "scores.jsonl", "record.json", "replies.jsonl"
JUDGEMENTS = SAID, JUDGED = "verdicts.jsonl", "judged.json"
"""What judges said, and the record of their run: of the replies beside them, and stale when those are."""
SCREEN = "screen.json"
"""What a screen found."""
VERDICTS = VERDICT, JUNIT, SUMMARY = "verdict.json", "junit.xml", "summary.md"


@dataclass(frozen=True)
class Judged:
    """What a verb found and what the policy says of it."""

    audit: Audit
    verdict: Verdict
    folder: Path | None
    """Where it was written; None when nothing was."""

    @property
    def exit_code(self) -> int:
        """0, 3, 4 or 5, as the verdict says: no output decides it again."""
        return self.verdict.exit_code


@dataclass(frozen=True)
class _Head:
    schema: str


def read_audit(folder: Path) -> Audit:
    """The audit of a finished folder.

    Raises:
        FileNotFoundError: no folder, no audit in it, or no record: the audit was not finished.
        ValueError: a file is broken or holds impossible figures, or was written by another version of the format.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; expected one written by `tuneward audit` or `compare`")
    path = folder / AUDIT
    schema = read_json(path, _Head).schema
    if schema != SCHEMA:
        raise ValueError(
            f"{path}: written as {schema!r}, this version reads {SCHEMA!r}; audit again or use its version"
        )
    if not (folder / RECORD).is_file():
        raise FileNotFoundError(f"{folder / RECORD}: missing, so the audit was not finished; run it again to resume")
    read_json(folder / RECORD, Record)
    audit = read_json(path, Audit)
    if not {"base", "tuned"} <= audit.arms.keys():
        raise ValueError(f"{path}: arms are {', '.join(audit.arms) or 'none'}; expected base and tuned")
    wrong = next((axis.name for axis in audit.axes if not all(map(_possible, _figures(axis)))), None)
    if wrong is not None:
        raise ValueError(f"{path}: axis {wrong} holds a figure beyond 100 %, so it was not written by an audit")
    if audit.harm is not None and not _sound(audit.harm):
        raise ValueError(f"{path}: the finding on harm holds a figure out of its range, so no judge's run wrote it")
    return audit


def _sound(harm: Harm) -> bool:
    """Shares and levels within their ranges, counts that can be counts."""
    shares = [e for arm in harm.arms.values() for e in (arm.harmful, arm.worst, arm.corrected) if e]
    changes = [e for e in (harm.difference, harm.corrected, harm.leeway) if e]
    levels = [arm.level for arm in harm.arms.values() if arm.level]
    scales = ((shares, 0.0, 1.0), (changes, -1.0, 1.0), (levels, 1.0, 5.0))
    counts = [harm.pairs, harm.judged, harm.calls, *(n for arm in harm.arms.values() for n in arm.outcomes.values())]
    inside = all(
        least <= value <= most
        for found, least, most in scales
        for one in found
        for value in (one.low, one.high, one.low if one.value is None else one.value)
    )
    return inside and min(counts) >= 0 and {"base", "tuned"} == harm.arms.keys()


def _figures(axis: Axis) -> Iterator[Rate | Difference | None]:
    yield from (axis.base, axis.tuned, axis.difference, axis.at_risk)
    for category in axis.categories:
        yield from (category.base, category.tuned, category.difference)


def _possible(found: Rate | Difference | None) -> bool:
    """Shares within [-1, 1]; a rate within [0, 1]."""
    if found is None:
        return True
    least, worst = (-1.0, found.worst) if isinstance(found, Difference) else (0.0, 0.0)
    return all(least <= value <= 1.0 for value in (found.low, found.high, worst, found.value or 0.0))


def read_scores(folder: Path) -> list[Scored]:
    """Every line of `scores.jsonl`; raises as `read_jsonl` does."""
    return read_jsonl(folder / SCORES, Scored)


def write_verdict(folder: Path, audit: Audit, *, verdict: Verdict) -> None:
    """`verdict.json`, `junit.xml` and `summary.md`, each all or nothing."""
    write_atomic(folder / VERDICT, to_json(verdict))
    write_atomic(folder / JUNIT, junit(audit, verdict))
    write_atomic(folder / SUMMARY, summary(audit, verdict).encode())
