"""What a strength costs and gives on the selection split: refusals lost, task gain kept.

The prompts are those of `policy-dev` and `twins-dev`, never the sets that certify. Whether a reply refuses is told by
the wording of its beginning. How near a model is to answering is told by the gap of its first token (arXiv:2506.24056),
whose tokens are those of the base's own replies and of the rows' answers: it moves long before the wording does, so it
says which layers matter, and no limit is set on it. Every figure is paired against the base. House method.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import sqrt

import numpy as np
from scipy.special import stdtrit

from tuneward.chat import Chat
from tuneward.model.engine import Engine
from tuneward.model.template import stop_ids
from tuneward.probes.gap import widened
from tuneward.record import digest
from tuneward.repair.asked import Ears, Heard
from tuneward.repair.kept import NOWHERE, Kept
from tuneward.repair.live import Live
from tuneward.repair.points import BASE_END, TUNED_END, Point, Setting
from tuneward.repair.reading import Floats, Reading, Split, Text
from tuneward.stats.figure import Figure
from tuneward.stats.rates import wilson

REQUESTS, TWINS, ROWS = 128, 64, 128
"""Requests, look-alikes, and rows of the task that are read at most."""
DRAWS = 2000
"""Of the bootstrap over rows."""


@dataclass(frozen=True)
class Taken:
    """What was taken from one model."""

    reading: Reading
    heard: Heard


@dataclass(frozen=True)
class Look:
    """What is read of every model, and what it is asked."""

    split: Split
    ears: Ears
    kept: Kept = NOWHERE
    """Where readings are kept."""

    def __call__(self, model: Engine) -> Taken:
        """Read and ask."""
        return Taken(self.kept.reading(model, self.split), self.ears(model))


@dataclass(frozen=True)
class Curves:
    """Both ends, and how any model between them compares."""

    look: Look
    base: Taken
    tuned: Taken
    seed: int = 0

    @property
    def split(self) -> Split:
        """What is read."""
        return self.look.split

    def point(self, setting: Setting, taken: Taken) -> Point:
        """What was taken from a model, against the ends. A reply that cannot be told is no refusal any more."""
        reading, before, after = taken.reading, self.base.heard, taken.heard
        fell = self.base.reading.requests - reading.requests
        lost = [a is False and b is not False for a, b in zip(before.complied, after.complied, strict=True)]
        gained = [a is False and b is True for a, b in zip(before.declined, after.declined, strict=True)]
        sums = self._drawn @ reading.losses
        return Point(
            setting=setting,
            risk=_mean(fell),
            lost=_share(lost),
            gained=_share(gained),
            task=_between(
                float(reading.losses.sum() / self.split.tokens.sum()), sums / self._drawn_tokens, len(reading.losses)
            ),
            kept=self._kept(reading, sums),
        )

    def measure(self, model: Engine, setting: Setting) -> Point:
        """Read and ask a model, and compare it."""
        return self.point(setting, self.look(model))

    @property
    def base_end(self) -> Point:
        """Nothing of the tuning."""
        return self.point(Setting(BASE_END, 0.0), self.base)

    @property
    def tuned_end(self) -> Point:
        """All of it."""
        return self.point(Setting(TUNED_END, 1.0), self.tuned)

    @cached_property
    def gain(self) -> Figure:
        """Loss that tuning took off the answers, nats a token, with its interval."""
        value = float(self._gains.sum() / self.split.tokens.sum())
        return _between(value, self._drawn @ self._gains / self._drawn_tokens, len(self.split.rows))

    @property
    def _gains(self) -> Floats:
        """Nats that tuning took off each answer."""
        found: Floats = self.base.reading.losses - self.tuned.reading.losses
        return found

    @cached_property
    def _drawn(self) -> Floats:
        """How often each bootstrap sample holds each row, (draws, rows): the same for every point."""
        count = len(self.split.rows)
        rng = np.random.default_rng(self.seed)
        return rng.multinomial(count, np.full(count, 1 / count), size=DRAWS).astype(np.float64)

    @cached_property
    def _drawn_tokens(self) -> Floats:
        tokens: Floats = self._drawn @ self.split.tokens
        return tokens

    def _kept(self, reading: Reading, sums: Floats) -> Figure:
        """Share of the gain; a sample without a gain, which `curves_of` makes rare, says nothing."""
        gains, before = self._drawn @ self._gains, self.base.reading.losses
        shares = (self._drawn @ before - sums)[gains > 0] / gains[gains > 0]
        return _between(float((before - reading.losses).sum() / self._gains.sum()), shares, len(reading.losses))


def curves_of(*, base: Engine, tuned: Engine, look: Look, seed: int = 0) -> Curves:
    """Read and ask both ends.

    Raises:
        ValueError: the arms read different tokens, or the tuned model has no gain on the rows beyond chance.
    """
    if tuned.info.tokenizer != base.info.tokenizer:
        raise ValueError(
            "search: the arms have two tokenizers, so nothing between them can be read; repair by a strength"
        )
    curves = Curves(look, look(base), look(tuned), seed)
    gain = curves.gain
    if gain.low <= 0:
        ends = (curves.base.reading, curves.tuned.reading)
        before, after = (float(end.losses.sum() / curves.split.tokens.sum()) for end in ends)
        raise ValueError(
            f"no task gain to keep: {before:.3f} nats a token on the base, {after:.3f} on the tuned model over "
            f"{gain.n} rows, a gain of {gain.value:.3f} [{gain.low:.3f}, {gain.high:.3f}]; give --rows of the task it "
            "was tuned on, or more of them"
        )
    return curves


def split_of(
    live: Live,
    *,
    asked: tuple[Sequence[Chat], Sequence[Chat]],
    rows: Iterable[Chat],
    most: "Most",
    kept: Kept = NOWHERE,
) -> Split:
    """Requests, look-alikes (`asked`, as `drawn` gives them) and rows as ids; the base generates once, for its gap.

    Raises:
        ValueError: the base refuses nothing or answers nothing; no row fits.
    """
    base, tuned, known = live.base, live.engine, list(rows)
    requests, twins = asked
    gap = widened(kept.gap(base, [*requests, *twins]), tuned, known)
    texts = rows_of(tuned, known, most=most)
    if not texts:
        raise ValueError(
            f"search: none of {len(known)} rows has an answer and fits into {most.length} tokens; raise --max-length"
        )
    return Split(tuple(base.ids(c) for c in requests), tuple(base.ids(c) for c in twins), texts, gap)


@dataclass(frozen=True)
class Most:
    """How much of the rows is read."""

    rows: int = ROWS
    length: int = 512
    """Tokens of prompt and answer."""
    seed: int = 0


def drawn(chats: Sequence[Chat], *, count: int, skip: int = 0, seed: int = 0) -> list[Chat]:
    """One prompt of each of `count` families by the digest of their names, after `skip` of them.

    Calls that skip what others took see other families. A request and its look-alike have one family's name, so they
    are drawn together.
    """
    one: dict[str, Chat] = {}
    for chat in sorted(chats, key=lambda chat: chat.id):
        one.setdefault(chat.family, chat)
    order = sorted(one, key=lambda family: digest([seed, family]))
    return [one[family] for family in order[skip : skip + count]]


def rows_of(engine: Engine, rows: Sequence[Chat], *, most: Most) -> tuple[Text, ...]:
    """Answered rows as ids, chosen by their digests and not by their order; the same row twice is read once."""
    named = {digest([most.seed, [[m.role, m.content] for m in row.messages]]): row for row in rows if row.answer}
    found: list[Text] = []
    for name in sorted(named):
        text = text_of(engine, named[name])
        if text is not None and len(text[0]) + len(text[1]) <= most.length:
            found.append(text)
        if len(found) == most.rows:
            break
    return tuple(found)


def text_of(engine: Engine, row: Chat) -> Text | None:
    """Prompt and answer of a row as the model would write it, the token that ends the turn included.

    None where a row does not end with an answer to a user.
    """
    asked = replace(row, messages=row.messages[:-1], prefill="")
    try:
        prompt = engine.ids(asked)
    except ValueError:
        return None
    ids = engine.tokenizer(row.answer, add_special_tokens=False).input_ids
    return (prompt, (*ids, end_of_turn(engine, row))) if ids and prompt else None


def end_of_turn(engine: Engine, row: Chat) -> int:
    """The token that the template puts behind an answer, if it ends a reply, else the tokenizer's own."""
    stops = stop_ids(engine.tokenizer, engine.model)
    own = engine.tokenizer.eos_token_id
    if engine.template.source:
        turns = [{"role": m.role, "content": m.content} for m in row.messages]
        text = engine.tokenizer.apply_chat_template(
            turns, chat_template=engine.template.source, tokenize=False, add_generation_prompt=False
        )
        behind = text.rpartition(row.answer.strip())[2]
        ends = [token for token in engine.tokenizer(behind, add_special_tokens=False).input_ids if token in stops]
        if ends:
            return int(ends[0])
    return int(own) if own is not None else min(stops)


def _mean(values: Floats) -> Figure:
    """With Student's interval; of one prompt nothing is known but its own value."""
    n, mean = len(values), float(values.mean())
    half = float(stdtrit(n - 1, 0.975)) * float(values.std(ddof=1)) / sqrt(n) if n > 1 else 0.0
    return Figure(mean, mean - half, mean + half, n)


def _share(hits: Sequence[bool]) -> Figure:
    rate = wilson(sum(hits), len(hits))
    return Figure(sum(hits) / len(hits), rate.low, rate.high, len(hits))


def _between(value: float, draws: Floats, rows: int) -> Figure:
    """Percentile interval of a bootstrap."""
    low, high = np.quantile(draws, (0.025, 0.975)) if len(draws) else (value, value)
    return Figure(value, min(value, float(low)), max(value, float(high)), rows)
