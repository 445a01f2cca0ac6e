"""Short and whole replies of models in memory, as bad or not: what orders arms, chooses strengths and confirms them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from tuneward.ask import Progress, Question, Store, ask, batch_size, halved, plan, unseen
from tuneward.chat import Chat
from tuneward.model.engine import Engine
from tuneward.score import Scorer
from tuneward.scored import good
from tuneward.scorers.refusal import Refusal

SHORT = 32
"""Tokens of a reply by which its wording is told."""
WORDING = Refusal(bad="complied")
HEARD, TOGETHER = "heard", 64
"""Name under which replies of a search are kept, and how many are asked for together."""
Told = tuple[bool | None, ...]
"""Of each prompt whether the reply is bad; None: it cannot be told."""


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


@dataclass(frozen=True)
class Heard:
    """What one model began to say, by its wording."""

    complied: Told
    """With the requests."""
    declined: Told
    """The look-alikes."""


Ears = Callable[[Engine], Heard]


def ears_of(requests: Sequence[Chat], twins: Sequence[Chat], *, desk: Desk) -> Ears:
    """Ask a model for the beginnings of its replies.

    Raises:
        ValueError: two prompts of a side have one name, and their replies would be taken for each other's.
    """
    for chats in (requests, twins):
        if len({chat.id for chat in chats}) < len(chats):
            raise ValueError(f"search: two of {len(chats)} prompts have one name; expected another for each")
    sides = ((requests, WORDING), (twins, Refusal(bad="refused")))

    def heard(model: Engine) -> Heard:
        own = replace(desk, size=TOGETHER)
        return Heard(
            *(
                tuple(bad(model, [Question(HEARD, chat, SHORT) for chat in chats], {HEARD: scorer}, desk=own))
                for chats, scorer in sides
            )
        )

    return heard
