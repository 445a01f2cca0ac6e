"""The judge verb: read an audit's replies, let judges read them, write what they say into the audit.

Asking and judging are two passes with a file between them, so replies can be judged again, by others or by more. A cut
run is started again with the same words and goes on.
"""

import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tuneward.ask import Progress, Store, unseen
from tuneward.chat import Arm, Chat, Reply
from tuneward.findings import Audit, JudgeInfo
from tuneward.judge.calibration import kept
from tuneward.judge.design import Design, design, paired, unpaired
from tuneward.judge.harm import Heard, axis_of, harm_of, rows_of
from tuneward.judge.options import JudgeOptions
from tuneward.judges.asked import Bench
from tuneward.judges.guard import Guard
from tuneward.judges.named import JudgeSpec, parse_judge
from tuneward.judges.panel import identity_of, together
from tuneward.judges.rubric import Rubric
from tuneward.paired import changes_from
from tuneward.record import Record, now, read_jsonl, sha256_file, to_json, to_jsonl, versions, write_atomic
from tuneward.results import AUDIT, JUDGED, REPLIES, SAID, SCORES, VERDICTS, read_audit, read_scores
from tuneward.score import Score
from tuneward.speaking import Speaker, bill

Reach = Callable[[JudgeSpec], Speaker]
"""Judge's model → who answers; in this process or behind an endpoint."""
Say = Callable[[str], None]
REMARK = "judge "
"""Begins what is noted of a judge, so that the next judges' remarks replace it."""
STORE = "judgements"
BYTES_A_TOKEN, INSTRUCTIONS = 3, 4000
"""Of a prompt on the wire, so that the estimate is not too low."""


@dataclass(frozen=True)
class SaidOf:
    """One line of `verdicts.jsonl`: what every judge said of one reply, in its own words; never shown in a report."""

    suite: str
    id: str
    arm: str
    shape: str
    """What was known of the reply before."""
    weight: float
    """Pairs that it stands for."""
    verdicts: dict[str, Score]
    """Identity → verdict; the panel's too."""


def silent(_: str) -> None:
    """Say nothing."""


def unwatched(_: str) -> Progress:
    """Show no progress of anything."""
    return unseen


def run(
    options: JudgeOptions, *, reach: Reach, say: Say = silent, progress: Callable[[str], Progress] = unwatched
) -> tuple[Audit, Path] | None:
    """Judge an audit; the document with its axis `harm`, and its folder, or None after a dry run.

    Raises:
        ValueError, FileNotFoundError: a folder that is no finished audit or has no replies any more, or a judge that
            cannot be reached.
    """
    started, clock, cpu = now(), time.perf_counter(), time.process_time()
    folder = Path(options.folder)
    audit, rows = read_audit(folder), read_scores(folder)
    if not (folder / REPLIES).is_file():
        raise FileNotFoundError(f"{folder / REPLIES}: no replies are left to judge; audit without --delete-replies")
    found = paired(read_jsonl(folder / REPLIES, Reply), rows)
    plan = design(found, control=None if options.everything else options.control, seed=options.seed)
    plan = replace(plan, alone=unpaired(rows, found))
    replies = [reply for pair in plan.drawn for reply in pair.replies]
    say(f"plan     {plan.words()}; {len(plan.incoherent)} pairs with an incoherent reply stay unjudged")
    say(f"estimate {_estimate(options, replies)}")
    if options.dry_run:
        return None
    heard = _heard(options, replies, reach=reach, progress=progress)
    for line in heard.remarks:
        say(f"remark   {line}")
    audit = _with_harm(audit, plan, heard, options)
    kept_rows = [row for row in rows if row.axis != "harm"]
    for name in (*VERDICTS, JUDGED):  # what was concluded before the judges spoke
        (folder / name).unlink(missing_ok=True)
    write_atomic(folder / SAID, to_jsonl(_said(plan, heard)), mode=0o600)
    write_atomic(folder / SCORES, to_jsonl([*kept_rows, *rows_of(plan, heard)]), mode=0o600)
    write_atomic(folder / AUDIT, to_json(audit))
    usage = {
        "wall_s": round(time.perf_counter() - clock, 1),
        "cpu_s": round(time.process_time() - cpu, 1),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "calls": float(heard.calls),
    }
    inputs = {f"{judge.kind}: {judge.name}": judge.identity for judge in heard.judges}
    inputs[REPLIES] = sha256_file(folder / REPLIES)
    record = Record("judge", asdict(options), inputs, versions(), options.seed, started, now(), usage)
    write_atomic(folder / JUDGED, to_json(record))
    return audit, folder


def _estimate(options: JudgeOptions, replies: Sequence[Reply]) -> str:
    """Upper bounds of what the judges are asked, for one try of each."""
    own = Path(options.template).stat().st_size if options.template else 0
    texts = sum(len(r.chat.prompt.encode()) + len(r.chat.answer.encode()) + INSTRUCTIONS + own for r in replies)
    forms = [parse_judge(word).form for word in options.by]
    calls = [len(form.arguments) if form else 1 for form in forms]
    said = [form.max_tokens if form else Rubric.max_tokens for form in forms]
    most = len(replies) * sum(count * tokens for count, tokens in zip(calls, said, strict=True))
    bound = bill(sum(calls) * texts // BYTES_A_TOKEN, most, price=options.price)
    return f"{len(replies)} replies × {len(options.by)} judges, {1 + options.retries} tries at most; a try {bound}"


def made(spec: JudgeSpec, bench: Bench, options: JudgeOptions) -> Rubric | Guard:
    """The judge of a word, around the model that was reached for it."""
    if spec.form is not None:
        return Guard(bench, spec.form)
    template = Path(options.template).read_text(encoding="utf-8") if options.template else ""
    return Rubric(bench, options.language, template)


def _heard(
    options: JudgeOptions, replies: Sequence[Reply], *, reach: Reach, progress: Callable[[str], Progress]
) -> Heard:
    """Every judge on every reply, one judge after the other: two models would contend for the machine."""
    cache, store = Path(options.cache_dir).expanduser(), Store(Path(options.folder) / STORE)
    chats: list[Chat] = [reply.chat for reply in replies]
    by: dict[str, list[Score]] = {}
    infos, calls, remarks = [], 0, []
    for word in options.by:
        spec = parse_judge(word)
        bench = Bench(reach(spec), store, options.retries, options.batch_size, progress(word.partition(":")[0]))
        judge = made(spec, bench, options)
        if judge.identity in by:
            raise ValueError(f"judge {word!r}: the same judge as one before it; a judge agrees with itself")
        by[judge.identity], count = judge.judged(chats)
        calls += count
        lost = sum(score.value is None for score in by[judge.identity])
        known = kept(cache, judge.identity) is not None
        infos.append(JudgeInfo(judge.identity, judge.kind, bench.speaker.info.name, len(chats), lost, known))
        remarks += [f"{REMARK}{judge.kind}: {line}" for line in bench.speaker.remarks()]
    whole = identity_of([info.identity for info in infos])
    panel = [together(scores, identity=whole) for scores in zip(*by.values(), strict=True)]
    return Heard(replies, by, panel, tuple(infos), calls, tuple(remarks))


def _with_harm(audit: Audit, plan: Design, heard: Heard, options: JudgeOptions) -> Audit:
    """The audit with the finding, its axis, and the pairs on which harm came or went."""
    whole = identity_of([judge.identity for judge in heard.judges])
    models: dict[Arm, str] = {"base": audit.arms["base"].weights, "tuned": audit.arms["tuned"].weights}
    calibrated = kept(Path(options.cache_dir).expanduser(), whole, models=models)
    harm = harm_of(plan, heard, calibrated=calibrated, seed=options.seed)
    rows = rows_of(plan, heard)
    axis = axis_of(rows, harm, plan, seed=options.seed)
    axes = tuple(axis if one.name == "harm" else one for one in audit.axes)
    others = tuple(change for change in audit.changes if change.axis != "harm")
    notes = (*(note for note in audit.notes if not note.startswith(REMARK)), *heard.remarks)
    return replace(audit, axes=axes, changes=(*others, *changes_from(rows, axis)), notes=notes, harm=harm)


def _said(plan: Design, heard: Heard) -> list[SaidOf]:
    """Every reply with its verdicts, and how many pairs it stands for."""
    whole = identity_of([judge.identity for judge in heard.judges])
    verdicts = {(r.suite, r.id, r.arm): place for place, r in enumerate(heard.replies)}
    lines = []
    for stratum in plan.strata:
        for pair in stratum.drawn:
            for reply, shape in zip(pair.replies, pair.shapes, strict=True):
                place = verdicts[reply.suite, reply.id, reply.arm]
                told = {name: scores[place] for name, scores in heard.by.items()} | {whole: heard.panel[place]}
                weight = len(stratum.pairs) / len(stratum.drawn)
                lines.append(SaidOf(reply.suite, reply.id, reply.arm, shape, weight, told))
    return lines
