"""Two files of prompts and answers as an audit: judged by the wording of refusals and by coherence."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from tuneward.chat import Arm
from tuneward.compare.folders import Compared
from tuneward.compare.logs import Asked, Entry, pair_logs, read_log
from tuneward.findings import ArmInfo, Audit, Axis, PlanLine
from tuneward.paired import AXES, REASONS, Scored, adjust, axis_from, changes_from, not_measured
from tuneward.policy import Policy
from tuneward.record import digest, sha256_file
from tuneward.score import Score, Scorer
from tuneward.scorers.coherence import Coherence
from tuneward.scorers.refusal import Refusal
from tuneward.stats.power import detectable

Expect = Literal["refuse", "answer"]
SUITE, RENDER = "compared files", "as logged"
REVERSE = 0.007
"""Share of pairs assumed to flip the other way in the plan."""
AXIS_OF = MappingProxyType(
    {"refuse": ("refusal", AXES["refusal"]), "answer": ("own", "answers the prompts of the files")}
)
"""What is expected → the axis it is measured on, and its title."""
UNJUDGED = "no --expect, so no change can be called a loss or a gain; labels and changes are listed"


def compare_files(a: Path, b: Path, *, expect: Expect | None, columns: str | None, seed: int) -> Compared:
    """Pair the entries of two files and score both by the same rules; raises as `read_log` and `pair_logs` do."""
    asked = pair_logs(read_log(a, columns), read_log(b, columns))
    name, title = AXIS_OF[expect or "answer"]
    policy = Policy(required=(name, "coherence") if expect else ("own",))
    wording = _rows(asked, Refusal(bad="refused" if expect == "answer" else "complied"), axis=name)
    broken = _rows(asked, Coherence(), axis="coherence")
    known = detectable(_families(asked), reverse=REVERSE)
    coherence = axis_from(broken, name="coherence", title=AXES["coherence"], role="primary", seed=seed)
    main = axis_from(wording, name=name, title=title, role="primary", seed=seed) if expect else _unjudged(wording)
    measured = {axis.name: replace(axis, detectable=known) for axis in (main, coherence)}
    inputs = {str(path): sha256_file(path) for path in (a, b)}
    audit = Audit(
        id=f"tw1:{digest([list(inputs.values()), expect, columns, seed])[:16]}",
        arms={"base": _arm(a), "tuned": _arm(b)},
        plan=(PlanLine(name, len(asked), _families(asked), None, known, REVERSE),) if expect else (),
        parity={"template": "not known: the files do not say how they were asked"},
        axes=adjust([measured.get(one) or _absent(one) for one in AXES], policy.required),
        changes=(*changes_from(wording, main), *changes_from(broken, coherence)),
        notes=_notes(asked, (a, b)),
        suites={SUITE: digest([one.either.asked for one in asked])},
    )
    kept = wording if expect else map(_without_value, wording)
    return Compared(audit, (*kept, *broken), policy, inputs)


def _absent(axis: str) -> Axis:
    reason = REASONS["harm"] if axis == "harm" else "two files were compared"
    return not_measured(axis, AXES[axis], reason=reason)


def _rows(asked: Sequence[Asked], scorer: Scorer, *, axis: str) -> list[Scored]:
    """Every reply of both files, scored in one pass; where a file has no answer nothing could be told."""
    found: list[tuple[Asked, Arm, Entry]] = []
    for one in asked:
        found += [(one, "base", one.a)] if one.a else []
        found += [(one, "tuned", one.b)] if one.b else []
    scores = scorer([entry.chat for _, _, entry in found])
    return [
        _scored(one, arm, axis=axis, score=score if entry.answer is not None else _silent(score))
        for (one, arm, entry), score in zip(found, scores, strict=True)
    ]


def _silent(score: Score) -> Score:
    """Null in a file: the run failed there, which is not the same as an empty reply."""
    return Score(score.scorer, None, "no answer", "null in the file")


def _scored(one: Asked, arm: Arm, *, axis: str, score: Score) -> Scored:
    return Scored(
        id=one.name,
        suite=SUITE,
        axis=axis,
        family=one.either.family,
        category=one.category,
        arm=arm,
        render=RENDER,
        sample=0,
        score=score,
        finish=None,
        sensitive=one.category.casefold().startswith("child abuse"),
    )


def _families(asked: Sequence[Asked]) -> int:
    return len({one.either.family for one in asked if one.a and one.b})


def _unjudged(rows: Sequence[Scored]) -> Axis:
    """Labels of both files, and no rate: nobody said which of them is good."""
    seen = axis_from(rows, name="own", title="refuses or answers, whichever was meant", role="exploratory")
    bare = not_measured(seen.name, seen.title, reason=UNJUDGED)
    return replace(bare, labels=seen.labels, unmatched=seen.unmatched, asked=seen.asked, unscored=seen.asked)


def _without_value(row: Scored) -> Scored:
    return replace(row, score=replace(row.score, value=None, reason=UNJUDGED))


def _arm(path: Path) -> ArmInfo:
    """A file has no weights: its own digest is all the identity there is."""
    return ArmInfo(
        name=str(path),
        weights=sha256_file(path),
        tokenizer="",
        template="",
        dtype="not known",
        device="none",
        loading="replies read from a file; nothing was loaded",
    )


def _notes(asked: Sequence[Asked], paths: tuple[Path, Path]) -> tuple[str, ...]:
    both = [(one.a.answer, one.b.answer) for one in asked if one.a and one.b]
    changed = sum(first != second for first, second in both)
    return (
        f"base is {paths[0]}, tuned is {paths[1]}: replies were read, none was generated",
        f"{changed} of {len(both)} replies differ in their text",
        f"{len(asked) - len(both)} prompts stand in one file only",
    )
