"""Prompts → replies: batch plan, commits, resume (house method).

The plan is a pure function of the tokenised prompts: neither the arm nor the length of any answer changes who shares a
batch with whom, because in low precision that alone changes answers. A batch is also the unit of commit. Its file is
named by the digest of everything that decides its answers, so a killed run finds what was finished, a batch that was
cut is asked again whole, and a checkpoint overwritten in place is never answered from its predecessor's replies.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tuneward.chat import Arm, Chat, Reply
from tuneward.record import digest, read_json, to_json, write_atomic
from tuneward.speaking import Decoding, Said, Speaker

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
    schema: str = ""
    """As in `Decoding`."""

    @property
    def key(self) -> str:
        """Names the draw of a sampled reply."""
        return f"{self.suite}/{self.chat.id}/{self.render}/{self.sample}"


@dataclass(frozen=True)
class BatchFile:
    """What a committed batch's file holds."""

    key: str
    answers: tuple[Said | None, ...]
    """None where an endpoint gave no answer: such a prompt is asked again by the next run."""
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

    def key(self, speaker: Speaker) -> str:
        """Digest of who is asked, what, and how."""
        how = {name: value for name, value in asdict(self.decoding).items() if value != ""}
        return digest([speaker.key, how, self.ids, [q.key for q in self.questions if q.temperature > 0]])


def plan(speaker: Speaker, questions: Sequence[Question], *, size: int, seed: int = 0, shuffle: int = 0) -> list[Batch]:
    """Group by decoding, longest prompts first, in batches of `size`; `shuffle` > 0 deals them at random instead.

    Only the reading of prompts is used: arms that share tokenizer and template get the same plan.
    """
    groups: dict[tuple[int, float, str], list[tuple[tuple[int, ...], Question]]] = {}
    for question in questions:
        ids = speaker.ids(question.chat)
        groups.setdefault((question.max_tokens, question.temperature, question.schema), []).append((ids, question))
    batches = []
    for (max_tokens, temperature, schema), members in sorted(groups.items(), reverse=True):
        ordered = sorted(members, key=lambda member: (-len(member[0]), member[1].key))
        if shuffle:
            random.Random(shuffle).shuffle(ordered)
        decoding = Decoding(max_tokens, temperature, seed, schema)
        for first in range(0, len(ordered), size):
            part = ordered[first : first + size]
            batches.append(Batch(tuple(q for _, q in part), tuple(ids for ids, _ in part), decoding))
    return batches


def batch_size(speakers: Sequence[Speaker], questions: Sequence[Question]) -> int:
    """The size that every arm has room for; one size for all, since the plan must not depend on the arm."""
    most = max((q.max_tokens for q in questions), default=1)
    longest = max((len(speaker.ids(q.chat)) for speaker in speakers[:1] for q in questions), default=1)
    return min((speaker.room(longest=longest, max_tokens=most) for speaker in speakers), default=1)


def answer(speaker: Speaker, batch: Batch, *, store: Store | None) -> BatchFile:
    """One batch, from the store when it was finished before, else asked and committed whole.

    Of a batch in which some prompts got no answer, only these are asked again.

    Raises:
        MemoryError: when it does not fit on the device.
    """
    key = batch.key(speaker)
    found = store.get(key) if store else None
    said: list[Said | None] = list(found.answers) if found else [None] * len(batch.questions)
    missing = [place for place, one in enumerate(said) if one is None]
    if found is not None and not missing:
        return found
    chats, keys = [batch.questions[n].chat for n in missing], [batch.questions[n].key for n in missing]
    answers = speaker.say(chats, [batch.ids[n] for n in missing], decoding=batch.decoding, keys=keys)
    for place, one in zip(missing, answers, strict=True):
        said[place] = one
    done = BatchFile(key, tuple(said))
    if store:
        store.put(done)
    return done


def answers(
    speaker: Speaker, batches: Sequence[Batch], *, store: Store | None, progress: Progress
) -> list[tuple[Question, Said | None]]:
    """Every question of a plan with what was said to it, in the order of the plan."""
    total = sum(len(batch.questions) for batch in batches)
    found: list[tuple[Question, Said | None]] = []
    progress(0, total)
    for batch in batches:
        found += zip(batch.questions, answer(speaker, batch, store=store).answers, strict=True)
        progress(len(found), total)
    return found


def ask(
    speaker: Speaker,
    batches: Sequence[Batch],
    *,
    arm: Arm,
    store: Store | None,
    progress: Progress,
) -> list[Reply]:
    """All replies of one arm, ordered by question, whatever the plan was; a prompt without an answer has none."""
    replies = [
        Reply(q.chat.id, q.suite, arm, q.sample, q.render, q.chat.answered(said.text), said.finish, said.guided)
        for q, said in answers(speaker, batches, store=store, progress=progress)
        if said is not None
    ]
    return sorted(replies, key=lambda r: (r.suite, r.render, r.sample, r.id))


def halved(size: int) -> int:
    """The next smaller batch size after one did not fit; one prompt that does not fit is an error.

    Raises:
        MemoryError: when a single prompt is too large already.
    """
    if size <= 1:
        raise MemoryError("a single prompt does not fit on the device; use a smaller model or another device")
    return size // 2
