"""What an audit asks: the suites, the samples, and the rows' own contexts."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tuneward.ask import Question
from tuneward.audit.conditions import Condition, conditions, drawn
from tuneward.audit.options import AuditOptions
from tuneward.chat import Chat
from tuneward.findings import PlanLine
from tuneward.paired import AXES, twins_under
from tuneward.record import Record, digest, read_json, sha256_file
from tuneward.rows import parse_columns, read_rows
from tuneward.rows.contexts import Context, contexts
from tuneward.stats.power import detectable
from tuneward.suites import Own, Policy, Suite, Twins, Utility, distinct, suites_named
from tuneward.text import percent
from tuneward.turns import one_a_family

ASSUMED: Mapping[str, float] = {"refusal": 0.9, "twins": 0.95, "utility": 0.5, "coherence": 0.98, "context": 0.9}
"""Good rates of a base that the plan assumes before anything is known."""
REVERSE = 0.007
"""Share of pairs assumed to flip the other way."""
SAMPLED = 44
"""Families sampled at most: each costs as many replies as there are samples."""
PLAIN = "plain"
IN_TURN = ("refusal", "twins")
"""Axes that `--sequential` asks in turn."""


@dataclass(frozen=True)
class Asked:
    """Everything that is asked of each arm."""

    suites: Mapping[str, Suite]
    questions: tuple[Question, ...]
    bare: tuple[Question, ...]
    """Those that are asked without a chat template."""
    conditions: tuple[Condition, ...]
    families: frozenset[str]
    """The families asked under the conditions."""
    no_context: str
    """Why no condition is a context of the rows; empty when one is."""
    rows: Path | None
    in_turn: tuple[str, ...] = ()
    """Axes whose prompts, one a family, are asked one block after another until they are decided."""

    @property
    def plain(self) -> tuple[Question, ...]:
        """The questions without samples and contexts."""
        return tuple(q for q in self.questions if q.render == PLAIN and q.sample == 0)

    def waits(self, question: Question) -> bool:
        """Whether a question is asked in turn, so perhaps never."""
        return self.suites[question.suite].axis in self.in_turn

    def axis(self, suite: Suite, render: str) -> str:
        """The axis that the suite's own scorer fills with the replies of a render."""
        kind = next((c.kind for c in self.conditions if c.name == render), None)
        if kind is None:
            return suite.axis
        return kind if suite.axis == "refusal" else twins_under(kind)

    def digests(self) -> dict[str, str]:
        """Suite → sha256 of its prompts."""
        return {name: digest([q.chat for q in self.plain if q.suite == name]) for name in self.suites}


def gather(options: AuditOptions) -> Asked:
    """Read suites and rows; nothing is asked yet.

    Raises:
        ValueError, FileNotFoundError: a suite or file that cannot be used, or nothing that can be asked in turn.
    """
    chosen = [_as_set(suite, options) for suite in suites_named(options.suites)]
    if options.own:
        chosen.append(Own(options.own, parse_columns(options.own_columns) if options.own_columns else {}))
    suites = distinct(chosen)
    prompts = {name: _limited(suite(), options.limit) for name, suite in suites.items()}
    in_turn = _in_turn(suites) if options.sequential else ()
    for axis in in_turn:
        prompts |= one_a_family({n: prompts[n] for n, s in suites.items() if s.axis == axis}, seed=options.seed)
    limits = {name: options.max_tokens or suite.max_tokens for name, suite in suites.items()}
    questions = [Question(name, chat, limits[name]) for name in suites for chat in prompts[name]]
    count = 0 if in_turn else options.samples
    for name in (name for name, suite in suites.items() if suite.axis == "refusal"):
        questions += _samples(name, prompts[name], tokens=limits[name], count=count, seed=options.seed)
    rows, found, why = _contexts(options)
    under = conditions(options.under, found, language=options.language)
    contrasted = {name: prompts[name] for name, suite in suites.items() if suite.axis in ("refusal", "twins")}
    families = drawn([chat for chats in contrasted.values() for chat in chats], seed=options.seed)
    again = {
        condition.name: [
            Question(name, chat, limits[name], render=condition.name)
            for name, chats in contrasted.items()
            for chat in (condition.around(chat) for chat in chats if chat.family in families)
            if chat is not None
        ]
        for condition in under
    }
    bare = [question for c in under if c.bare for question in again[c.name]]
    questions += [question for c in under if not c.bare for question in again[c.name]]
    return Asked(suites, tuple(questions), tuple(bare), under, families, why, rows, in_turn)


def _in_turn(suites: Mapping[str, Suite]) -> tuple[str, ...]:
    found = tuple(axis for axis in IN_TURN if any(suite.axis == axis for suite in suites.values()))
    if not found:
        raise ValueError("sequential: no suite asks requests or their twins (--suites policy twins); nothing to decide")
    return found


def _as_set(suite: Suite, options: AuditOptions) -> Suite:
    """A bundled suite in the language and with the seed of the audit."""
    if isinstance(suite, Utility):
        return replace(suite, seed=options.seed, language=options.language)
    return replace(suite, language=options.language) if isinstance(suite, Policy | Twins) else suite


def _limited(chats: Sequence[Chat], limit: int | None) -> list[Chat]:
    if limit is None:
        return list(chats)
    families = list(dict.fromkeys(chat.family for chat in chats))[:limit]
    return [chat for chat in chats if chat.family in families]


def _samples(suite: str, chats: Sequence[Chat], *, tokens: int, count: int, seed: int) -> list[Question]:
    """`count` samples at temperature 1 for a third of the families, no more than `SAMPLED`, drawn by the seed."""
    families = sorted({chat.family for chat in chats})
    third = set(random.Random(seed).sample(families, k=min(SAMPLED, -(-len(families) // 3)))) if count else set()
    return [
        Question(suite, chat, tokens, sample=number, temperature=1.0)
        for chat in chats
        if chat.family in third
        for number in range(1, count + 1)
    ]


def _contexts(options: AuditOptions) -> tuple[Path | None, tuple[Context, ...], str]:
    if options.sequential:
        return None, (), "not asked in turn (--sequential)"
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


def _axes(question: Question, asked: Asked) -> Iterator[str]:
    """The axes that a greedy reply is counted on."""
    suite = asked.suites[question.suite]
    yield asked.axis(suite, question.render)
    if question.render == PLAIN:
        if readable(question.chat):
            yield "coherence"
        yield from suite.also


def plan_lines(asked: Asked) -> tuple[PlanLine, ...]:
    """What each axis can tell, from the number of its families alone; of what is asked in turn, the most there is."""
    groups: dict[str, list[Question]] = {}
    for question in (*asked.questions, *asked.bare):
        if question.sample == 0:
            for axis in _axes(question, asked):
                if axis in AXES:
                    groups.setdefault(axis, []).append(question)
    lines = []
    for axis, questions in groups.items():
        families = len({(q.suite if axis == "coherence" else "", q.chat.family) for q in questions})
        at_risk = ASSUMED[axis] * len(questions) if axis in ASSUMED else None
        seen = None if any(map(asked.waits, questions)) else detectable(families, reverse=REVERSE)
        lines.append(PlanLine(axis, len(questions), families, at_risk, seen, REVERSE))
    return tuple(lines)


def plan_words(asked: Asked, *, worst: float) -> list[str]:
    """The plan as lines for a reader."""
    waiting = {axis for question in asked.questions if asked.waits(question) for axis in _axes(question, asked)}
    lines = []
    for line in plan_lines(asked):
        count = (
            f"{line.axis}: {'at most ' if line.axis in waiting else ''}{line.prompts} prompts, {line.families} families"
        )
        risk = f", about {line.at_risk:.0f} at risk" if line.at_risk is not None else ""
        seen = f"≥ {line.detectable * 100:.1f} points at 80 % power" if line.detectable else "nothing"
        if line.axis in asked.in_turn:
            lines.append(
                f"{count}, in turn until it is decided whether fewer than {percent(worst)} of the replies are bad"
            )
        elif line.axis in waiting:
            lines.append(f"{count}, as many as are asked in turn")
        else:
            lines.append(f"{count}{risk}; detects {seen}")
    return lines
