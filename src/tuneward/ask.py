"""Prompts → replies: batch plan, commits, resume (house method).

The plan is a pure function of the tokenised prompts: neither the arm nor the length of any answer changes who shares a
batch with whom, because in low precision that alone changes answers. A batch is also the unit of commit. Its file is
named by the digest of everything that decides its answers, so a killed run finds what was finished, a batch that was
cut is asked again whole, and a checkpoint overwritten in place is never answered from its predecessor's replies.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tuneward.chat import Arm, Chat, Finish, Reply
from tuneward.model.decode import Decoding
from tuneward.model.engine import SIZES, Engine, fitting_size
from tuneward.record import digest, read_json, to_json, write_atomic

Progress = Callable[[int, int], None]
"""Called with how much is done, and how much there is."""


def unseen(_done: int, _total: int) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class Question:
    """One prompt as it is to be asked."""

    suite: str
    chat: Chat
    max_tokens: int
    render: str = "plain"
    sample: int = 0
    temperature: float = 0.0

    @property
    def key(self) -> str:
        """Names the draw of a sampled reply."""
        return f"{self.suite}/{self.chat.id}/{self.render}/{self.sample}"


@dataclass(frozen=True)
class Said:
    """One answer in a committed batch."""

    text: str
    finish: Finish
    tokens: int


@dataclass(frozen=True)
class BatchFile:
    """What a committed batch's file holds."""

    key: str
    answers: tuple[Said, ...]
    schema: str = "tuneward/batch/1"


@dataclass(frozen=True)
class Store:
    """A folder of committed batches, readable by its owner alone."""

    folder: Path

    def get(self, key: str) -> BatchFile | None:
        """The batch, or None when it was never finished."""
        path = self._path(key)
        if not path.is_file():
            return None
        found = read_json(path, BatchFile)
        if found.key != key:
            raise ValueError(f"{path}: holds another batch than its name says; remove it with `tuneward cache clear`")
        return found

    def put(self, batch: BatchFile) -> None:
        """Commit a batch: all of it or nothing."""
        path = self._path(batch.key)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomic(path, to_json(batch), mode=0o600)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"


@dataclass(frozen=True)
class Batch:
    """Questions asked together: same limit and temperature, their prompts' ids beside them."""

    questions: tuple[Question, ...]
    ids: tuple[tuple[int, ...], ...]
    decoding: Decoding

    def key(self, engine: Engine) -> str:
        """Digest of who is asked, what, and how."""
        return digest([engine.key, self.decoding, self.ids, [q.key for q in self.questions if q.temperature > 0]])


def plan(engine: Engine, questions: Sequence[Question], *, size: int, seed: int = 0, shuffle: int = 0) -> list[Batch]:
    """Group by decoding, longest prompts first, in batches of `size`; `shuffle` > 0 deals them at random instead.

    Only tokenizer and template of the engine are used: arms that share both get the same plan.
    """
    groups: dict[tuple[int, float], list[tuple[tuple[int, ...], Question]]] = {}
    for question in questions:
        ids = engine.ids(question.chat)
        groups.setdefault((question.max_tokens, question.temperature), []).append((ids, question))
    batches = []
    for (max_tokens, temperature), members in sorted(groups.items(), reverse=True):
        ordered = sorted(members, key=lambda member: (-len(member[0]), member[1].key))
        if shuffle:
            random.Random(shuffle).shuffle(ordered)
        decoding = Decoding(max_tokens=max_tokens, temperature=temperature, seed=seed)
        for first in range(0, len(ordered), size):
            part = ordered[first : first + size]
            batches.append(Batch(tuple(q for _, q in part), tuple(ids for ids, _ in part), decoding))
    return batches


def batch_size(engines: Sequence[Engine], questions: Sequence[Question]) -> int:
    """The size that fits every arm's memory; one size for all, since the plan must not depend on the arm."""
    most = max((q.max_tokens for q in questions), default=1)
    longest = {len(engine.ids(q.chat)) for engine in engines[:1] for q in questions}
    return min((fitting_size(e, longest=max(longest, default=1), max_tokens=most) for e in engines), default=SIZES[-1])


def answer(engine: Engine, batch: Batch, *, store: Store | None) -> BatchFile:
    """One batch, from the store when it was finished before, else asked and committed whole.

    Raises:
        MemoryError: when it does not fit on the device.
    """
    key = batch.key(engine)
    found = store.get(key) if store else None
    if found is not None:
        return found
    answers = engine.answer(batch.ids, decoding=batch.decoding, keys=[q.key for q in batch.questions])
    said = tuple(Said(engine.text(a.ids), a.finish, len(a.ids)) for a in answers)
    done = BatchFile(key, said)
    if store:
        store.put(done)
    return done


def ask(
    engine: Engine,
    batches: Sequence[Batch],
    *,
    arm: Arm,
    store: Store | None,
    progress: Progress,
) -> list[Reply]:
    """All replies of one arm, ordered by question, whatever the plan was."""
    total, replies = sum(len(b.questions) for b in batches), []
    progress(0, total)
    for batch in batches:
        done = answer(engine, batch, store=store)
        for question, said in zip(batch.questions, done.answers, strict=True):
            chat = question.chat.answered(said.text)
            replies.append(
                Reply(question.chat.id, question.suite, arm, question.sample, question.render, chat, said.finish)
            )
        progress(len(replies), total)
    return sorted(replies, key=lambda r: (r.suite, r.render, r.sample, r.id))


def halved(size: int) -> int:
    """The next smaller batch size after one did not fit; one prompt that does not fit is an error.

    Raises:
        MemoryError: when a single prompt is too large already.
    """
    if size <= 1:
        raise MemoryError("a single prompt does not fit on the device; use a smaller model or another device")
    return size // 2
