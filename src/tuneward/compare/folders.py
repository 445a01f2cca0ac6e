"""Two audits as one: the tuned arm of A against the tuned arm of B, from the scores both have written."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tuneward.chat import Arm
from tuneward.findings import ArmInfo, Audit, Axis, Change
from tuneward.paired import AXES, Scored, axes_from, changes_from, rows_of
from tuneward.policy import Policy
from tuneward.record import digest, sha256_file
from tuneward.results import AUDIT, SCORES, read_audit, read_scores


@dataclass(frozen=True)
class Compared:
    """What a comparison found, before a policy is held against it."""

    audit: Audit
    rows: Sequence[Scored]
    policy: Policy
    """What fits the inputs: all required axes for audits, the one that was stated for files."""
    inputs: Mapping[str, str]
    """Path → sha256."""


def compare_folders(a: Path, b: Path, *, seed: int) -> Compared:
    """Pair the tuned arms of two finished audits.

    Raises:
        FileNotFoundError, ValueError: as `read_audit` and `read_scores` do, or a suite that asked different prompts.
    """
    first, second = read_audit(a), read_audit(b)
    _same_prompts(first, second, where=b)
    rows = [*_as_arm(read_scores(a), "base"), *_as_arm(read_scores(b), "tuned")]
    axes = axes_from(rows, reasons=_reasons(first, second), seed=seed)
    inputs = {str(folder / name): sha256_file(folder / name) for folder in (a, b) for name in (AUDIT, SCORES)}
    limits = [audit.limit for audit in (first, second) if audit.limit is not None]
    audit = Audit(
        id=f"tw1:{digest([list(inputs.values()), seed])[:16]}",
        arms={"base": first.arms["tuned"], "tuned": second.arms["tuned"]},
        plan=(),
        parity=_parity(first.arms["tuned"], second.arms["tuned"]),
        axes=axes,
        changes=tuple(_changes(rows, [axis for axis in axes if axis.status == "measured"])),
        notes=_notes(first, second),
        limit=min(limits) if limits else None,
        decoding=first.decoding if first.decoding == second.decoding else {},
        suites={**first.suites, **second.suites},
    )
    return Compared(audit, rows, Policy(), inputs)


def _same_prompts(first: Audit, second: Audit, *, where: Path) -> None:
    for suite in first.suites.keys() & second.suites.keys():
        if first.suites[suite] != second.suites[suite]:
            raise ValueError(
                f"{where}: suite {suite} asked other prompts than the first audit; audit both with the same"
            )


def _as_arm(rows: Sequence[Scored], arm: Arm) -> Iterator[Scored]:
    return (replace(row, arm=arm) for row in rows if row.arm == "tuned")


def _reasons(first: Audit, second: Audit) -> dict[str, str]:
    """Why an axis is empty, in the words of the audit in which it is."""
    said = (axis for audit in (second, first) for axis in audit.axes if axis.status != "measured")
    return {axis.name: axis.reason for axis in said if axis.name in AXES}


def _changes(rows: Sequence[Scored], measured: Sequence[Axis]) -> Iterator[Change]:
    """Changed pairs of the axes whose rows are single replies; `pair` and `sampled` would only repeat them."""
    for axis in measured:
        if axis.name not in ("pair", "sampled"):
            yield from changes_from(rows_of(rows, axis.name), axis)


def _parity(first: ArmInfo, second: ArmInfo) -> dict[str, str]:
    return {
        what: "identical" if one == other else "differs"
        for what, one, other in (
            ("template", first.template, second.template),
            ("tokenizer", first.tokenizer, second.tokenizer),
            ("dtype", first.dtype, second.dtype),
        )
    }


def _notes(first: Audit, second: Audit) -> tuple[str, ...]:
    notes = [
        f"base is the tuned model of audit {first.id} ({first.arms['tuned'].name}), "
        f"tuned is that of audit {second.id} ({second.arms['tuned'].name})"
    ]
    for key in sorted(first.decoding.keys() | second.decoding.keys()):
        one, other = first.decoding.get(key, "not said"), second.decoding.get(key, "not said")
        if one != other:
            notes.append(f"decoding differs in {key}: {one} and {other}; part of a change may come from that")
    return (
        *notes,
        *(f"first audit: {note}" for note in first.notes),
        *(f"second audit: {note}" for note in second.notes),
    )
