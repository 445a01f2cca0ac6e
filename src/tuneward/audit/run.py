"""The audit verb: read, ask, score, compute, write. A cut run is started again with the same words and goes on."""

import resource
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tuneward.ask import Progress, Store, batch_size, plan, unseen
from tuneward.audit.arms import Connect, arms_of, in_process
from tuneward.audit.asking import UNKNOWN, Desk, Heard, Say, ask_again, ask_arms, crossed, estimate, parity
from tuneward.audit.blending import trusted
from tuneward.audit.depth import Apart, apart
from tuneward.audit.document import Evidence, Setting, document
from tuneward.audit.in_turn import Turned, ask_in_turn
from tuneward.audit.options import AuditOptions
from tuneward.audit.questions import Asked, gather, plan_words
from tuneward.audit.scoring import score_replies, unanswered
from tuneward.blend.options import LIMIT, parse_blend
from tuneward.chat import Arm, Reply
from tuneward.findings import Audit
from tuneward.model.template import Template
from tuneward.record import Record, digest, now, read_json, sha256_file, to_json, to_jsonl, versions, write_atomic
from tuneward.results import AUDIT, JUDGEMENTS, RECORD, REPLIES, SCORES, VERDICTS
from tuneward.speaking import Speaker
from tuneward.stats.rates import Rate, wilson
from tuneward.suites import FileSuite, PublicSuite, Suite
from tuneward.uses import certifies, record, use_of, uses, warning

PLAN, BATCHES = "plan.json", "batches"


@dataclass(frozen=True)
class Plan:
    """Written before the first reply: what this folder is for, and in batches of which size."""

    id: str
    batch_size: int
    schema: str = "tuneward/plan/1"


def silent(_: str) -> None:
    """Say nothing."""


def unwatched(_: str) -> Progress:
    """Show no progress of anything."""
    return unseen


def run(
    options: AuditOptions,
    *,
    connect: Connect | None = None,
    say: Say = silent,
    progress: Callable[[str], Progress] = unwatched,
) -> tuple[Audit, Path] | None:
    """Audit two models named by their places; the document and its folder, or None after a dry run.

    Raises:
        ValueError, FileNotFoundError: a setting, a model or a file that cannot be used; nothing was asked.
    """
    asked = gather(options)
    say(f"loading  {options.tuned}")
    arms = arms_of(options, connect)
    return audit_arms(arms, asked, options=options, say=say, progress=progress)


def audit_arms(
    arms: Mapping[Arm, Speaker],
    asked: Asked,
    *,
    options: AuditOptions,
    say: Say = silent,
    progress: Callable[[str], Progress] = unwatched,
) -> tuple[Audit, Path] | None:
    """Audit two models, loaded, in memory or behind endpoints; inside a training loop too."""
    started, clock, cpu = now(), time.perf_counter(), time.process_time()
    out = Path(options.out or f"{Path(options.tuned).name.split('@')[0]}-audit")
    setting = _noted(_setting(arms, asked, options), asked, options=options, say=say)
    size = _claimed(
        out, setting.id, options=options, size=options.batch_size or batch_size(list(arms.values()), asked.questions)
    )
    for line in plan_words(asked, worst=options.worst):
        say(f"plan     {line}")
    say(f"parity   {' · '.join(f'{name} {found}' for name, found in setting.parity.items())}    id {setting.id}")
    everything = (*asked.questions, *asked.bare)
    say(f"estimate {estimate(arms, plan(arms['base'], everything, size=size), price=options.price)}")
    if options.dry_run:
        return None
    write_atomic(out / PLAN, to_json(Plan(setting.id, size)))
    engines = in_process(arms)
    shared = bool(engines) and not (options.no_cache or options.delete_replies)
    store = Store(Path(options.cache_dir).expanduser() / "replies" if shared else out / BATCHES)
    desk = Desk(store, say, progress, options.seed)
    turned = ask_in_turn(arms, asked, size=size, desk=desk, limit=options.worst)
    heard = _whole(arms, asked, turned, desk=desk)
    if asked.bare:
        bare = {arm: replace(engine, template=Template("")) for arm, engine in engines.items()}
        heard = replace(
            heard, replies=(*heard.replies, *ask_arms(bare, asked.bare, size=heard.size, desk=desk).replies)
        )
    evidence = _evidence(arms, turned.part_of(asked), heard, desk=desk, noise=options.noise)
    evidence = replace(evidence, in_turn=turned.turns, remarks=(*evidence.remarks, *turned.remarks()))
    evidence = trusted(evidence, heard.replies, limit=parse_blend(options.blend).limit if options.blend else LIMIT)
    audit = document(evidence, setting, asked=asked, options=options, replies=heard.replies)
    if not options.delete_replies:
        write_atomic(out / REPLIES, to_jsonl(heard.replies), mode=0o600)
    for name in JUDGEMENTS:  # of the audit that stood here
        (out / name).unlink(missing_ok=True)
    write_atomic(out / SCORES, to_jsonl(evidence.rows), mode=0o600)
    write_atomic(out / AUDIT, to_json(audit))
    usage = {
        "wall_s": round(time.perf_counter() - clock, 1),
        "cpu_s": round(time.process_time() - cpu, 1),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "batch_size": float(heard.size),
    }
    made = Record("audit", asdict(options), _inputs(setting, asked), versions(), options.seed, started, now(), usage)
    write_atomic(out / RECORD, to_json(made))
    _certified(setting, asked, options)
    if options.delete_replies:
        shutil.rmtree(out / BATCHES, ignore_errors=True)
    return audit, out


def _whole(arms: Mapping[Arm, Speaker], asked: Asked, turned: Turned, *, desk: Desk) -> Heard:
    """What was asked in turn, and all that does not wait for it."""
    rest = [question for question in asked.questions if not asked.waits(question)]
    heard = ask_arms(arms, rest, size=turned.size, desk=desk) if rest else Heard((), turned.size)
    return replace(heard, replies=(*turned.replies, *heard.replies))


def _setting(arms: Mapping[Arm, Speaker], asked: Asked, options: AuditOptions) -> Setting:
    """Who is asked what and how, under an id that is the digest of all that decides the result."""
    found = parity(arms, asked.plain)
    sampled = len({(q.suite, q.chat.family) for q in asked.questions if q.sample})
    decoding = {
        "plain": "greedy",
        "sampled": f"{options.samples} samples at temperature 1 on {sampled} families"
        if options.samples and not asked.in_turn
        else "none",
        "max_tokens": ", ".join(sorted({f"{q.suite} {q.max_tokens}" for q in asked.questions})),
        "seed": str(options.seed),
    }
    if options.blend:
        decoding["blend"] = parse_blend(options.blend).words
    everything = (*asked.questions, *asked.bare)
    if asked.in_turn:
        decoding["in turn"] = f"{' and '.join(asked.in_turn)}, against {options.worst:g}"
    questions = [[q.suite, q.chat, q.render, q.sample, q.max_tokens] for q in everything]
    keys = {arm: engine.key for arm, engine in arms.items()}
    looks = [options.noise, options.include_text, options.limit]
    name = digest([keys, questions, decoding, looks, versions()["tuneward"]])[:16]
    notes = [f"{arm}: {e.info.loading}" for arm, e in arms.items() if e.info.loading]
    if not all(e.template.source for e in in_process(arms).values()):
        notes.append("a model without a chat template was asked with bare prompts")
    if found["template"] not in ("identical", UNKNOWN):
        if crossed(arms):
            notes.append("the templates differ: each arm was asked under both, and the effects are shown apart")
        else:
            notes.append(
                "the templates and the tokenizers differ: their effect and that of the weights cannot be told apart"
            )
    return Setting(f"tw1:{name}", {arm: e.info for arm, e in arms.items()}, found, decoding, tuple(notes))


def _noted(setting: Setting, asked: Asked, *, options: AuditOptions, say: Say) -> Setting:
    """The same with a warning where the certifying set has been asked of other models from this base."""
    if options.no_cache or not any(map(certifies, asked.suites.values())):
        return setting
    found = uses(Path(options.cache_dir).expanduser())
    line = warning(found, base=setting.arms["base"], tuned=setting.arms["tuned"])
    if not line:
        return setting
    say(f"warning  {line}")
    return replace(setting, notes=(*setting.notes, line))


def _certified(setting: Setting, asked: Asked, options: AuditOptions) -> None:
    """Put down that the certifying set was asked, unless nothing is to be kept."""
    if options.no_cache or not any(map(certifies, asked.suites.values())):
        return
    cache = Path(options.cache_dir).expanduser()
    use = use_of(setting.id, base=setting.arms["base"], tuned=setting.arms["tuned"])
    record(cache, use, found=uses(cache))


def _claimed(out: Path, name: str, *, options: AuditOptions, size: int) -> int:
    """Make sure that the folder is free or holds this very audit; a resumed one keeps its batch size."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out}: is a file; choose another --out")
    held = read_json(out / PLAN, Plan) if (out / PLAN).is_file() else None
    if held is not None and held.id == name:
        return options.batch_size or held.batch_size
    if out.is_dir() and any(out.iterdir()):
        if not options.overwrite or held is None:
            what = "another audit (--overwrite replaces it)" if held else "something else"
            raise ValueError(f"{out}: holds {what}; choose another --out")
        if not options.dry_run:
            for file in (PLAN, REPLIES, SCORES, AUDIT, RECORD, *VERDICTS, *JUDGEMENTS):
                (out / file).unlink(missing_ok=True)
            shutil.rmtree(out / BATCHES, ignore_errors=True)
    return size


def _evidence(arms: Mapping[Arm, Speaker], asked: Asked, heard: Heard, *, desk: Desk, noise: bool) -> Evidence:
    """Score what was heard, and ask what only some audits ask: the crossed templates, the base once more."""
    rows = [*score_replies(heard.replies, asked), *unanswered(heard.replies, asked)]
    other = crossed(arms)
    across = ask_arms(other, asked.plain, size=heard.size, desk=desk).replies if other else ()
    again = ask_again(arms["base"], asked.plain, size=heard.size, desk=desk) if noise else []
    deep = any(condition.kind == "prefill" for condition in asked.conditions)
    return Evidence(
        rows=rows,
        apart=apart(in_process(arms), asked, heard.replies) if deep else Apart(),
        crossed=score_replies(across, asked),
        again=score_replies(again, asked),
        texts=_changed_texts(heard.replies, again) if noise else None,
        remarks=tuple(f"{arm}: {line}" for arm, speaker in arms.items() for line in speaker.remarks()),
    )


def _changed_texts(first: tuple[Reply, ...], again: list[Reply]) -> Rate:
    before = {
        (r.suite, r.id): r.chat.answer for r in first if r.arm == "base" and r.sample == 0 and r.render == "plain"
    }
    both = [(before[r.suite, r.id], r.chat.answer) for r in again if (r.suite, r.id) in before]
    return wilson(sum(first != second for first, second in both), len(both))


def _files(suite: Suite) -> list[Path]:
    """The files of this machine that a suite was read from."""
    if isinstance(suite, FileSuite):
        return [Path(suite.path)]
    if not isinstance(suite, PublicSuite) or suite.on_hub:
        return []
    inside = [file for file in sorted(suite.path.rglob("*")) if file.is_file()]
    return inside if suite.path.is_dir() else [suite.path]


def _inputs(setting: Setting, asked: Asked) -> dict[str, str]:
    inputs = {f"{arm}: {info.name}": info.weights for arm, info in setting.arms.items()}
    for suite in asked.suites.values():
        inputs |= {str(file): sha256_file(file) for file in _files(suite)}
    if asked.rows:
        inputs[str(asked.rows)] = sha256_file(asked.rows)
    return inputs
