"""One arm of an audit as an Inspect EvalLog, version 2 (format of inspect-ai 0.3.285), from plain values.

Every axis is a score of its own, since one scorer may ask opposite things on two axes. `C` is the wanted outcome, so
a higher accuracy is better on every axis, as in the audit. A reply that was not judged carries no score on that axis:
it is counted as unscored and named in the sample's metadata, and no rate is computed over it. Inspect's own interval
has no width at 0 and at 1, so the Wilson interval stands beside the accuracy.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from tuneward.chat import Arm, Message, Reply
from tuneward.findings import Audit
from tuneward.record import Record, digest
from tuneward.scored import Key, Scored, good, matched
from tuneward.stats.rates import wilson

TASK = "audit"
SCHEMA = "tuneward/inspect/1"
CORRECT, INCORRECT = "C", "I"
STOP: Mapping[str | None, str] = {"stop": "stop", "length": "max_tokens", None: "unknown"}
"""Our word for how a reply ended → Inspect's."""

Json = dict[str, Any]
K = TypeVar("K")


@dataclass(frozen=True)
class Source:
    """A finished audit, read."""

    audit: Audit
    rows: Sequence[Scored]
    record: Record
    replies: Mapping[tuple[Arm, Key], Reply] | None
    """None: texts are withheld."""

    @cached_property
    def status(self) -> Mapping[tuple[str, Key], str]:
        """Score name and question → what became of the pair."""
        found: dict[tuple[str, Key], str] = {}
        for name, rows in _grouped(self.rows, score_name).items():
            found |= {(name, _key(row)): "one arm only" for row in rows}
            found |= {(name, _key(base)): _became(base, tuned) for base, tuned in matched(rows).both}
        return found

    @cached_property
    def hidden(self) -> frozenset[Key]:
        """Questions whose text is never shown."""
        replies = (self.replies or {}).items()
        told = {key for (_, key), reply in replies if reply.chat.meta.get("sensitive", False)}
        return frozenset(told | {_key(row) for row in self.rows if row.sensitive})


def _key(row: Scored) -> Key:
    return (row.suite, row.id, row.render, row.sample)


def _grouped(rows: Iterable[Scored], by: Callable[[Scored], K]) -> dict[K, list[Scored]]:
    """Rows by a property, in the order of first appearance."""
    groups: dict[K, list[Scored]] = {}
    for row in rows:
        groups.setdefault(by(row), []).append(row)
    return groups


def score_name(row: Scored) -> str:
    """The axis; replies drawn at random are a score of their own, as they are no axis of greedy replies."""
    if row.sample == 0:
        return row.axis
    return "sampled" if row.axis in ("refusal", "sampled") else f"{row.axis}: sampled"


def _became(base: Scored, tuned: Scored) -> str:
    before, after = good(base.score), good(tuned.score)
    if before is None or after is None:
        return "not judged"
    if before == after:
        return "good in both" if before else "bad in both"
    return "lost" if before else "gained"


def _ident(source: Source, *parts: str) -> str:
    """An identifier in the length of Inspect's own; the same audit, the same identifier."""
    return digest([source.audit.id, *parts])[:22]


def file_name(source: Source, arm: Arm) -> str:
    """`<timestamp>_<task>_<id>.json`, as Inspect names its logs; the id begins with the arm."""
    created = source.record.started.translate(str.maketrans("_/:+", "----"))
    return f"{created}_{TASK}_{_task_id(source, arm)}.json"


def _task_id(source: Source, arm: Arm) -> str:
    return f"{arm}-{_ident(source, arm)}"


def eval_log(source: Source, arm: Arm) -> Json:
    """The log of one arm.

    Raises:
        ValueError: a question scored twice on one axis and arm, or pairs whose halves contradict each other.
    """
    rows = [row for row in source.rows if row.arm == arm]
    samples = [_sample(source, group) for group in _grouped(rows, _key).values()]
    clashing = len(samples) - len({sample["id"] for sample in samples})
    if clashing:
        raise ValueError(f"export: {clashing} questions would share the id of another; rename the suite with a / in it")
    return {
        "version": 2,
        "status": "success",
        "eval": _spec(source, arm, rows=rows),
        "plan": {"name": "plan", "steps": [], "config": {}},
        "results": {
            "total_samples": len(samples),
            "completed_samples": len(samples),
            "scores": [_result(source, name, rows=group) for name, group in _in_order(source, rows)],
        },
        "stats": {
            "started_at": source.record.started,
            "completed_at": source.record.finished,
            "model_usage": {},
        },
        "samples": samples,
    }


def _in_order(source: Source, rows: Sequence[Scored]) -> list[tuple[str, list[Scored]]]:
    """Score names with their rows: the axes as the audit shows them, so that the first one leads in Inspect too."""
    place = {axis.name: number for number, axis in enumerate(source.audit.axes)}
    return sorted(_grouped(rows, score_name).items(), key=lambda item: place.get(item[0], len(place)))


def _spec(source: Source, arm: Arm, *, rows: Sequence[Scored]) -> Json:
    """Who was asked what; identity is the digests, so both arms' weights stand in both files."""
    audit, info = source.audit, source.audit.arms[arm]
    names = list(dict.fromkeys(_name(_key(row)) for row in rows))
    return {
        "eval_id": _ident(source, arm, "eval"),
        "run_id": _ident(source, "run"),
        "created": source.record.started,
        "task": f"tuneward/{TASK}",
        "task_id": _task_id(source, arm),
        "task_version": 0,
        "dataset": {"name": "tuneward", "samples": len(names), "sample_ids": names, "shuffled": False},
        "model": info.name,
        "model_args": {"weights": info.weights},
        "config": {"epochs": 1},
        "packages": {"tuneward": source.record.versions.get("tuneward", "unknown")},
        "metadata": {
            "schema": SCHEMA,
            "audit": audit.id,
            "arm": arm,
            "weights": {one: audit.arms[one].weights for one in ("base", "tuned")},
            "tokenizer": info.tokenizer,
            "template": info.template,
            "dtype": info.dtype,
            "adapter": info.adapter,
            "revision": info.revision,
            "loading": info.loading,
            "decoding": audit.decoding,
            "suites": audit.suites,
            "parity": audit.parity,
            "limit": audit.limit,
            "notes": audit.notes,
            "texts": "withheld" if source.replies is None else "included where not sensitive",
        },
    }


def _result(source: Source, name: str, *, rows: Sequence[Scored]) -> Json:
    """Rate of the good outcome over the replies of this arm that were judged; no metrics when none was."""
    outcomes = [good(row.score) for row in rows]
    rate = wilson(outcomes.count(True), len(outcomes) - outcomes.count(None))
    found = {"accuracy": rate.value, "wilson_low": rate.low, "wilson_high": rate.high} if rate.n else {}
    title = next((axis.title for axis in source.audit.axes if axis.name == name), name)
    return {
        "name": name,
        "scorer": ", ".join(dict.fromkeys(row.score.scorer for row in rows)),
        "scored_samples": rate.n,
        "unscored_samples": outcomes.count(None),
        "metrics": {metric: {"name": metric, "value": value} for metric, value in found.items()},
        "metadata": {"axis": name, "title": title, CORRECT: "good outcome", INCORRECT: "bad outcome"},
    }


def _name(key: Key) -> str:
    """The sample's id, the same in both arms: suite/id, then how it was asked where that is not plainly."""
    suite, ident, render, sample = key
    asked = f"/{render}" if render != "plain" or sample else ""
    return f"{suite}/{ident}{asked}" + (f"/{sample}" if sample else "")


def _sample(source: Source, rows: Sequence[Scored]) -> Json:
    """All scores of one reply, and its texts where they may be shown."""
    key, first = _key(rows[0]), rows[0]
    arm = first.arm
    reply = None if source.replies is None or key in source.hidden else source.replies.get((arm, key))
    return {
        "id": _name(key),
        "epoch": 1,
        **_said(source, rows=rows, reply=reply),
        "scores": {
            score_name(row): _score(row, shown=reply is not None) for row in rows if good(row.score) is not None
        },
        "metadata": {
            "suite": first.suite,
            "prompt": first.id,
            "family": first.family,
            "category": first.category,
            "render": first.render,
            "sample": first.sample,
            "arm": arm,
            "sensitive": key in source.hidden,
            "axes": [score_name(row) for row in rows],
            "pair": {score_name(row): source.status[score_name(row), key] for row in rows},
            "unjudged": {score_name(row): row.score.label for row in rows if good(row.score) is None},
        },
    }


def _score(row: Scored, *, shown: bool) -> Json:
    """A judged outcome; the reason may quote the reply, so it goes with the text."""
    raw = {} if row.score.raw is None else {"raw": row.score.raw}
    return {
        "value": CORRECT if good(row.score) else INCORRECT,
        "answer": row.score.label,
        "explanation": row.score.reason if shown else None,
        "metadata": {"scorer": row.score.scorer, "category": row.category, **raw},
    }


def _said(source: Source, *, rows: Sequence[Scored], reply: Reply | None) -> Json:
    """Input, messages and output; what is withheld is named, so that no two questions look alike."""
    row = rows[0]
    if reply is None:
        withheld = f"[text withheld: {_name(_key(row))}]"
        asked, answer, target = [Message("user", withheld)], Message("assistant", withheld), ""
    else:
        asked, answer = list(reply.chat.messages[:-1]), reply.chat.messages[-1]
        target = str(reply.chat.meta.get("expect", ""))
    return {
        "input": asked,
        "target": target,
        "messages": [*asked, answer],
        "output": {
            "model": source.audit.arms[row.arm].name,
            "choices": [{"message": answer, "stop_reason": STOP[row.finish]}],
            "completion": answer.content,
        },
    }
