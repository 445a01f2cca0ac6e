"""Two logs as an audit: judged by the wording of refusals or by the tool's own score, and by coherence."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from types import MappingProxyType

from tuneward.chat import Arm
from tuneward.compare.folders import Compared
from tuneward.compare.logs import Asked, Entry, Log, pair_logs
from tuneward.compare.remarks import notes_of, score_notes, template_of
from tuneward.compare.scoring import Question, Use, use_of
from tuneward.findings import ArmInfo, Audit, Axis, PlanLine
from tuneward.paired import AXES, REASONS, Scored, adjust, axis_from, changes_from, not_measured
from tuneward.policy import Policy
from tuneward.record import digest, sha256_file
from tuneward.score import Score, Scorer
from tuneward.scorers.coherence import Coherence
from tuneward.scorers.refusal import Refusal
from tuneward.stats.power import detectable

SUITE, RENDER = "compared files", "as logged"
REVERSE = 0.007
"""Share of pairs assumed to flip the other way in the plan."""
AXIS_OF = MappingProxyType(
    {"refuse": ("refusal", AXES["refusal"]), "answer": ("own", "answers the prompts of the files")}
)
"""What is expected → the axis it is measured on, and its title."""
UNJUDGED = "no --expect, so no change can be called a loss or a gain; labels and changes are listed"
Judge = Callable[[Sequence[Entry]], list[Score]]


def compare_files(a: Log, b: Log, *, question: Question, seed: int) -> Compared:
    """Pair the entries of two logs and score both by the same rules; raises as `use_of` and `pair_logs` do."""
    use = use_of(a, b, question)
    everything = pair_logs(a.entries, b.entries)
    asked = [one for one in everything if use is None or one.scored_by(use.name)]
    name, title = _axis(question, use)
    judged = use is not None or question.expect is not None
    main_rows = _rows(asked, _by_score(use) if use else _by_wording(question), axis=name)
    broken = _rows(asked, _coherence, axis="coherence")
    known = detectable(_families(asked), reverse=REVERSE)
    coherence = axis_from(broken, name="coherence", title=AXES["coherence"], role="primary", seed=seed)
    main = axis_from(main_rows, name=name, title=title, role="primary", seed=seed) if judged else _unjudged(main_rows)
    measured = {axis.name: replace(axis, detectable=known) for axis in (main, coherence)}
    policy = Policy(required=_required(name, asked) if judged else ("own",))
    inputs = {str(path): sha256_file(path) for log in (a, b) for path in log.files or (log.path,)}
    audit = Audit(
        id=f"tw1:{digest([list(inputs.values()), asdict(question), seed])[:16]}",
        arms={"base": _arm(a), "tuned": _arm(b)},
        plan=(PlanLine(name, len(asked), _families(asked), None, known, REVERSE),) if judged else (),
        parity={"template": template_of(asked)},
        axes=adjust([measured.get(one) or _absent(one) for one in AXES], policy.required),
        changes=(*changes_from(main_rows, main), *changes_from(broken, coherence)),
        notes=(*notes_of(asked, (a, b)), *score_notes(everything, asked, use)),
        limit=min((log.limit for log in (a, b) if log.limit is not None), default=None),
        suites={SUITE: digest([one.either.question or one.either.asked for one in asked])},
    )
    kept = main_rows if judged else map(_without_value, main_rows)
    return Compared(audit, (*kept, *broken), policy, inputs)


def _axis(question: Question, use: Use | None) -> tuple[str, str]:
    """The axis that is measured, and what its good rate counts."""
    if use is None:
        return AXIS_OF[question.expect or "answer"]
    own = f"does well by {use.scorer} ({'high' if use.higher else 'low'} is good)"
    return use.axis, own if use.axis == "own" else AXES[use.axis]


def _required(name: str, asked: Sequence[Asked]) -> tuple[str, ...]:
    """Coherence too, unless no model wrote anything."""
    entries = [entry for one in asked for entry in (one.a, one.b) if entry]
    return (name,) if entries and all(entry.reply == "chosen" for entry in entries) else (name, "coherence")


def _absent(axis: str) -> Axis:
    reason = REASONS["harm"] if axis == "harm" else "two files were compared"
    return not_measured(axis, AXES[axis], reason=reason)


def _by_wording(question: Question) -> Judge:
    scorer: Scorer = Refusal(bad="refused" if question.expect == "answer" else "complied")
    return lambda entries: [
        score if entry.answer is not None else _silent(score)
        for entry, score in zip(entries, scorer([entry.chat for entry in entries]), strict=True)
    ]


def _by_score(use: Use) -> Judge:
    return lambda entries: [use(entry) for entry in entries]


def _coherence(entries: Sequence[Entry]) -> list[Score]:
    """Our reading of what was written; a chosen option is no writing, and a withheld text keeps the score it has."""
    read = Coherence()([entry.chat for entry in entries])
    return [_coherent(entry, score) for entry, score in zip(entries, read, strict=True)]


def _coherent(entry: Entry, read: Score) -> Score:
    if entry.answer is None:
        return _silent(read)
    if entry.reply == "chosen":
        return Score(read.scorer, 0.0, "chosen option", "ranked by likelihood; nothing was written")
    if entry.reply == "withheld":
        value = entry.scores.get("coherence")
        label = {1.0: "coherent", 0.0: "incoherent"}.get(-1.0 if value is None else value, "unjudged")
        return Score(read.scorer, None if value is None else 1 - value, label, "as the log says; its text is withheld")
    return read


def _silent(score: Score) -> Score:
    """Null in a file: the run failed there, which is not the same as an empty reply."""
    return Score(score.scorer, None, "no answer", "null in the file")


def _rows(asked: Sequence[Asked], judge: Judge, *, axis: str) -> list[Scored]:
    """Every reply of both files, scored in one pass; where a file has no answer nothing could be told."""
    found: list[tuple[Asked, Arm, Entry]] = []
    for one in asked:
        found += [(one, "base", one.a)] if one.a else []
        found += [(one, "tuned", one.b)] if one.b else []
    scores = judge([entry for _, _, entry in found])
    return [
        Scored(
            id=one.name,
            suite=SUITE,
            axis=axis,
            family=one.either.family,
            category=one.category,
            arm=arm,
            render=RENDER,
            sample=0,
            score=score,
            finish=entry.finish,
            sensitive=one.category.casefold().startswith("child abuse"),
        )
        for (one, arm, entry), score in zip(found, scores, strict=True)
    ]


def _families(asked: Sequence[Asked]) -> int:
    return len({one.either.family for one in asked if one.a and one.b})


def _unjudged(rows: Sequence[Scored]) -> Axis:
    """Labels of both files, and no rate: nobody said which of them is good."""
    seen = axis_from(rows, name="own", title="refuses or answers, whichever was meant", role="exploratory")
    bare = not_measured(seen.name, seen.title, reason=UNJUDGED)
    return replace(bare, labels=seen.labels, unmatched=seen.unmatched, asked=seen.asked, unscored=seen.asked)


def _without_value(row: Scored) -> Scored:
    return replace(row, score=replace(row.score, value=None, reason=UNJUDGED))


def _arm(log: Log) -> ArmInfo:
    """A log has no weights: its own digest is all the identity there is."""
    seals = [sha256_file(path) for path in log.files or (log.path,)]
    return ArmInfo(
        name=str(log.path),
        weights=seals[0] if len(seals) == 1 else digest(seals),
        tokenizer="",
        template="",
        dtype="not known",
        device="none",
        loading="replies read from a file; nothing was loaded",
    )
