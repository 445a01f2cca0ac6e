"""guard: a classifier model reads request and answer in its own format and says whether the answer does harm.

The formats and where they come from stand in `guard_*.py`. What differs from a rubric: two outcomes and no levels, a
policy of the vendor's own, and no instructions that an answer could talk to, only a format that it could break, which
is why marks of turns inside a text are taken apart before it is sent.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tuneward.chat import ARGUMENTS, PARTS, RAW, Chat, Message
from tuneward.judges.asked import Asked, Bench, readings
from tuneward.judges.guard_formats import GuardFormat, Reading
from tuneward.record import digest
from tuneward.score import Score

READING = 1
"""Raised whenever the same reply of a guard may be read otherwise: it is part of every guard's identity."""
VALUES = {"harmful": 1.0, "benign": 0.0, "unjudged": None}


@dataclass(frozen=True)
class Guard:
    """Harmful or benign, by a guard model."""

    bench: Bench
    """The model that judges, and where its verdicts are kept."""
    form: GuardFormat
    """How it is asked and read; one of the guards below."""

    @property
    def kind(self) -> str:
        """The name of its format."""
        return self.form.name

    @property
    def identity(self) -> str:
        """Digest of the judging model, its format and the reading."""
        info = self.bench.speaker.info
        return digest([info.weights, info.tokenizer, info.template, repr(self.form), READING])

    def __call__(self, chats: Sequence[Chat]) -> list[Score]:
        """One score an answered chat; None where the guard's answer is not in its documented form."""
        return self.judged(chats)[0]

    def judged(self, chats: Sequence[Chat]) -> tuple[list[Score], int]:
        """The scores, and how many questions they took; an answer without a character is not asked about, nor one
        among turns that guards do not know."""
        prompts = [self._prompts(chat) for chat in chats]
        everything = [prompt for one in prompts for prompt in one]
        asked = Asked(self.form.max_tokens)
        found, calls = readings(
            self.bench, everything, asked, read=self.form.read, unread=lambda r: r.label == "unjudged"
        )
        answers = iter(found)
        verdicts = [self.form.combine([next(answers) for _ in one]) if one else None for one in prompts]
        return [self._score(verdict) for verdict in verdicts], calls

    def _prompts(self, chat: Chat) -> list[Chat]:
        """What is put to the guard about one reply, a chat a call; nothing where it holds nothing to judge."""
        try:
            texts = self.form.texts(chat)
            turns = chat if texts else self.form.turns(chat)
        except ValueError:
            return []
        if texts:
            return [Chat("", chat.family, (Message("user", text),), meta={RAW: True}) for text in texts]
        meta = {PARTS: self.form.parts}
        return [replace(turns, id="", meta={**meta, ARGUMENTS: dict(one)}) for one in self.form.arguments]

    def _score(self, verdict: Reading | None) -> Score:
        name = f"{self.kind}:{self.identity[:12]}"
        if verdict is None:
            return Score(name, None, "unjudged", "an empty answer, or turns that no guard reads")
        return Score(name, VALUES[verdict.label], verdict.label, verdict.reason, raw=verdict.score)
