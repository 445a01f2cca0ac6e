"""What every judge does: put a prompt about each reply to a model, and read what comes back, with bounded retries."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from tuneward.ask import Progress, Question, Store, answers, batch_size, halved, plan, unseen
from tuneward.chat import Chat
from tuneward.record import digest
from tuneward.speaking import Said, Speaker

T = TypeVar("T")
WARMTH = 0.7
"""Temperature of a second and third try: a greedy judge would only repeat itself."""


@dataclass(frozen=True)
class Bench:
    """The model that judges, and where its verdicts are kept."""

    speaker: Speaker
    store: Store | None = None
    retries: int = 2
    """Further questions about a reply whose verdict could not be read."""
    size: int | None = None
    """Prompts asked together; from free memory unless given."""
    progress: Progress = unseen


@dataclass(frozen=True)
class Asked:
    """How a prompt about a reply is answered: at most so many tokens, in this shape where the server has shapes."""

    max_tokens: int
    schema: str = ""


def readings(
    bench: Bench, prompts: Sequence[Chat], asked: Asked, *, read: Callable[[str], T], unread: Callable[[T], bool]
) -> tuple[list[T], int]:
    """What was read from the answer to each prompt, in order, and how many questions that took.

    Equal prompts are asked once. An answer cut by the token limit, or none at all, is read as empty: half a verdict is
    none.
    """
    keys = [digest([prompt.messages, prompt.meta]) for prompt in prompts]
    once = {key: replace(prompt, id=key) for key, prompt in zip(keys, prompts, strict=True)}
    found = dict.fromkeys(once, read(""))
    calls, left = 0, list(once)
    for attempt in range(1 + bench.retries if left else 0):
        warmth = WARMTH if attempt else 0.0
        questions = [
            Question("judge", once[key], asked.max_tokens, "judge", attempt, warmth, asked.schema) for key in left
        ]
        calls += len(questions)
        for question, said in _said(bench, questions):
            found[question.chat.id] = read(said.text if said and said.finish == "stop" else "")
        left = [key for key in left if unread(found[key])]
        if not left:
            break
    return [found[key] for key in keys], calls


def _said(bench: Bench, questions: Sequence[Question]) -> list[tuple[Question, Said | None]]:
    size = bench.size or batch_size([bench.speaker], questions)
    while True:
        batches = plan(bench.speaker, questions, size=size)
        try:
            return answers(bench.speaker, batches, store=bench.store, progress=bench.progress)
        except MemoryError:
            size = halved(size)
