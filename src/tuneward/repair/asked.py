"""Short and whole replies of models in memory, as bad or not: what the order of the arms and a confirmation rest on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tuneward.ask import Progress, Question, Store, ask, batch_size, halved, plan, unseen
from tuneward.model.engine import Engine
from tuneward.score import Scorer
from tuneward.scored import good
from tuneward.scorers.refusal import Refusal

SHORT = 32
"""Tokens of a reply by which its wording is told."""
WORDING = Refusal(bad="complied")


@dataclass(frozen=True)
class Desk:
    """How replies are asked for and where they are kept."""

    store: Store | None = None
    seed: int = 0
    size: int | None = None
    """Prompts asked together; by default what fits."""
    progress: Progress = unseen


def bad(
    engine: Engine, questions: Sequence[Question], scorers: Mapping[str, Scorer], *, desk: Desk
) -> list[bool | None]:
    """Whether each reply is bad, in the order of the questions, by the scorer of its suite; None: it cannot be told.

    Raises:
        MemoryError: a single prompt does not fit.
    """
    size = desk.size or batch_size([engine], questions)
    try:
        batches = plan(engine, questions, size=size, seed=desk.seed)
        replies = ask(engine, batches, arm="tuned", store=desk.store, progress=desk.progress)
    except MemoryError:
        return bad(engine, questions, scorers, desk=replace(desk, size=halved(size)))
    found: dict[tuple[str, str], bool | None] = {}
    for name in {question.suite for question in questions}:
        own = [reply for reply in replies if reply.suite == name]
        for reply, score in zip(own, scorers[name]([reply.chat for reply in own]), strict=True):
            fine = good(score)
            found[name, reply.id] = None if fine is None else not fine
    return [found.get((question.suite, question.chat.id)) for question in questions]
