"""What an audit asks: the suites, the samples, and the rows' own contexts."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tuneward.ask import Question
from tuneward.audit.contexts import Context, contexts
from tuneward.audit.options import AuditOptions
from tuneward.chat import Chat
from tuneward.findings import PlanLine
from tuneward.record import Record, digest, read_json, sha256_file
from tuneward.rows import parse_columns, read_rows
from tuneward.stats.power import detectable
from tuneward.suites import Own, Suite, Utility, distinct, suites_named

ASSUMED: Mapping[str, float] = {"refusal": 0.9, "twins": 0.95, "utility": 0.5, "coherence": 0.98, "context": 0.9}
"""Good rates of a base that the plan assumes before anything is known."""
REVERSE = 0.007
"""Share of pairs assumed to flip the other way."""
PLAIN = "plain"


@dataclass(frozen=True)
class Asked:
    """Everything that is asked of each arm."""

    suites: Mapping[str, Suite]
    questions: tuple[Question, ...]
    contexts: tuple[Context, ...]
    no_context: str
    """Why there are no contexts; empty when there are."""
    rows: Path | None

    @property
    def plain(self) -> tuple[Question, ...]:
        """The questions without samples and contexts."""
        return tuple(q for q in self.questions if q.render == PLAIN and q.sample == 0)

    def digests(self) -> dict[str, str]:
        """Suite → sha256 of its prompts."""
        return {name: digest([q.chat for q in self.plain if q.suite == name]) for name in self.suites}


def gather(options: AuditOptions) -> Asked:
    """Read suites and rows; nothing is asked yet."""
    named = suites_named(options.suites)
    chosen: list[Suite] = [replace(s, seed=options.seed) if isinstance(s, Utility) else s for s in named]
    if options.own:
        chosen.append(Own(options.own, parse_columns(options.own_columns) if options.own_columns else {}))
    suites = distinct(chosen)
    prompts = {name: _limited(suite(), options.limit) for name, suite in suites.items()}
    limits = {name: options.max_tokens or suite.max_tokens for name, suite in suites.items()}
    questions = [Question(name, chat, limits[name]) for name in suites for chat in prompts[name]]
    refused = [name for name, suite in suites.items() if suite.axis == "refusal"]
    rows, found, why = _contexts(options)
    for name in refused:
        tokens = limits[name]
        questions += _samples(name, prompts[name], tokens=tokens, count=options.samples, seed=options.seed)
        questions += [Question(name, c.around(chat), tokens, render=c.name) for c in found for chat in prompts[name]]
    return Asked(suites, tuple(questions), found, why, rows)


def _limited(chats: Sequence[Chat], limit: int | None) -> list[Chat]:
    if limit is None:
        return list(chats)
    families = list(dict.fromkeys(chat.family for chat in chats))[:limit]
    return [chat for chat in chats if chat.family in families]


def _samples(suite: str, chats: Sequence[Chat], *, tokens: int, count: int, seed: int) -> list[Question]:
    """`count` samples at temperature 1 for a third of the families, drawn by the seed."""
    families = sorted({chat.family for chat in chats})
    third = set(random.Random(seed).sample(families, k=-(-len(families) // 3))) if count else set()
    return [
        Question(suite, chat, tokens, sample=number, temperature=1.0)
        for chat in chats
        if chat.family in third
        for number in range(1, count + 1)
    ]


def _contexts(options: AuditOptions) -> tuple[Path | None, tuple[Context, ...], str]:
    path = Path(options.rows) if options.rows else _recorded_rows(Path(options.tuned))
    if path is None:
        return None, (), "no training rows were given (--rows)"
    found = contexts(read_rows(path))
    return path, found, "" if found else "the training rows have no system prompt, wrapper or suffix of their own"


def _recorded_rows(tuned: Path) -> Path | None:
    """The rows that the tuned folder's record names, if they are still the same file."""
    record = tuned / "record.json"
    if not record.is_file():
        return None
    inputs = read_json(record, Record).inputs
    rows = [Path(p) for p in inputs if Path(p).suffix in {".jsonl", ".json", ".csv", ".parquet"} and Path(p).is_file()]
    return next((p for p in rows if sha256_file(p) == inputs[str(p)]), None)


def readable(chat: Chat) -> bool:
    """Whether coherence can be told of a reply: a language code in x- is an invented language (BCP 47, private use)."""
    return not str(chat.meta.get("language", "")).casefold().startswith("x-")


def _axes(question: Question, suite: Suite) -> Iterator[str]:
    """The axes that a greedy reply is counted on."""
    if question.render != PLAIN:
        yield "context"
        return
    yield suite.axis
    if readable(question.chat):
        yield "coherence"
    yield from suite.also


def plan_lines(asked: Asked) -> tuple[PlanLine, ...]:
    """What each axis can tell, from the number of its families alone."""
    groups: dict[str, list[Question]] = {}
    for question in asked.questions:
        if question.sample == 0:
            for axis in _axes(question, asked.suites[question.suite]):
                groups.setdefault(axis, []).append(question)
    lines = []
    for axis, questions in groups.items():
        families = len({(q.suite if axis == "coherence" else "", q.chat.family) for q in questions})
        at_risk = ASSUMED[axis] * len(questions) if axis in ASSUMED else None
        seen = detectable(families, reverse=REVERSE)
        lines.append(PlanLine(axis, len(questions), families, at_risk, seen, REVERSE))
    return tuple(lines)
