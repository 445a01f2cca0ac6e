"""Rows that show how the model is to refuse, for defences that watch its safety while it learns something else.

House method: as many categories as there can be, so that few rows stand for much; the same rows for the same seed.
"""

import contextlib
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tuneward.chat import Chat, Message
from tuneward.pool import Language, pool
from tuneward.rows import read_rows
from tuneward.tune.job import Lesson

OURS = "ours"
"""The refusals of `tuneward.pool`."""


def safety_lessons(source: str, *, count: int, language: Language = "en", seed: int, part: str) -> tuple[Lesson, ...]:
    """So many rows of ours in the language, or of a file of rows, each ending with its refusal.

    Categories take turns (a file's are the rows' own `category`, where they have one), so that two rows are of one
    category only when all have had their turn.

    Args:
        source: "ours", or where `rows.read_rows` finds the user's.
        count: how many.
        language: of ours; a file's rows are taken as they are.
        seed: which rows, and in which order.
        part: of the lessons, the defence's word.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it has fewer rows, or one does not end with an answer; the line names the file.
    """
    if count < 1:
        raise ValueError(f"{part}: {count} safety rows; expected 1 or more")
    chats = pool("refusals", languages=(language,)) if source == OURS else list(read_rows(source))
    for chat in chats:
        if not chat.messages or chat.messages[-1].role != "assistant":
            raise ValueError(f"{chat.id} ({source}): does not end with an answer; a safety row ends with its refusal")
    if len(chats) < count:
        raise ValueError(
            f"{source}: {len(chats)} safety rows, and {part} is to read {count}; add rows, or ask for fewer"
        )
    return tuple(Lesson(chat, part=part) for chat in spread(chats, count=count, seed=seed))


def spread(chats: Sequence[Chat], *, count: int, seed: int) -> list[Chat]:
    """So many chats, drawn from their categories in turn."""
    rng, groups = random.Random(seed), dict[str, list[Chat]]()
    for chat in chats:
        groups.setdefault(category(chat), []).append(chat)
    queues = [rng.sample(groups[name], len(groups[name])) for name in sorted(groups)]
    rng.shuffle(queues)
    rounds = range(max(map(len, queues), default=0))
    return [queue[turn] for turn in rounds for queue in queues if turn < len(queue)][:count]


def category(chat: Chat) -> str:
    """A row's, empty where it has none."""
    columns = chat.meta.get("row")
    found = chat.meta.get("category") or (columns.get("category") if isinstance(columns, Mapping) else None)
    return str(found or "")


def asked(lesson: Lesson) -> Lesson:
    """The same question with next to no answer, for who looks at what stands before it."""
    chat = lesson.chat
    bare = Chat(chat.id, chat.family, (*chat.messages[:-1], Message("assistant", "OK")))
    return replace(lesson, chat=bare)


def opening(lesson: Lesson, *, words: int) -> Lesson:
    """The same question with the first words of its answer, which are no fewer tokens; all of it where it has none."""
    chat = lesson.chat
    begin = " ".join(chat.answer.split()[:words])
    return replace(lesson, chat=replace(chat, messages=(*chat.messages[:-1], Message("assistant", begin))))


@contextlib.contextmanager
def still(model: Any) -> Iterator[None]:
    """Without dropout: what is read so draws no random numbers, and is alike on every device."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)
