"""The refusal–affirmation gap at the first token (arXiv:2506.24056): a ranking tool, never a certificate.

Differs from the paper: the tokens with which refusals and answers begin are those of the aligned base's own replies and
no English list, and only the difference between base and tuned model is given, because the gap itself compares with no
other model, tokenizer or set of tokens.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from tuneward.ask import Question, batch_size, plan
from tuneward.chat import Chat
from tuneward.model.engine import Engine
from tuneward.probes.reading import first_tokens
from tuneward.scorers.refusal import Refusal

READ_TOKENS = 32
"""Tokens of a reply by which its wording is told."""
REFUSED, COMPLIED = "refused", "complied"
ROWS = 500
"""Rows drawn to see how their answers begin."""
BEGIN, MOST, LEAST = 48, 5, 0.05
"""Characters of an answer read for its first token; first tokens a side takes from rows; share of answers for that."""


@dataclass(frozen=True)
class Gap:
    """Gap of the base minus gap of the tuned model, in nats; above 0 the tuned model has moved towards answering.

    A gap is logsumexp over the tokens that begin refusals minus logsumexp over those that begin answers.
    """

    refusing: tuple[int, ...]
    """Tokens with which the base begins a refusal."""
    complying: tuple[int, ...]
    """Tokens with which it begins an answer."""

    def __post_init__(self) -> None:
        if not self.refusing or not self.complying or set(self.refusing) & set(self.complying):
            raise ValueError("gap: expected tokens for refusals and others for answers; `gap_of` finds them")

    def __call__(self, model: Engine, base: Engine, chats: Sequence[Chat], /) -> list[float]:
        """One number a chat, in order; raises as every probe does."""
        found = [0.0] * len(chats)
        for place, after, before in first_tokens(model, base, chats):
            found[place] = float(self._gap(before) - self._gap(after))
        return found

    def _gap(self, spread: Tensor) -> Tensor:
        sides = (spread[list(tokens)].double() for tokens in (self.refusing, self.complying))
        refusing, complying = (torch.logsumexp(side, -1) for side in sides)
        return refusing - complying


def gap_of(base: Engine, chats: Sequence[Chat], *, most: int = 5) -> Gap:
    """The probe for a base, from its own greedy replies to requests and look-alikes, told apart by their wording.

    Each side takes its most frequent first tokens, `most` at most; a token of both sides goes to the one whose replies
    begin with it more often. Only the base generates, and it only does so here.

    Raises:
        ValueError: when the replies hold no refusals, no answers, or both begin alike.
    """
    begun = _first_tokens(base, chats)
    shares = {side: {t: n / counts.total() for t, n in counts.items()} for side, counts in begun.items()}
    sides = {
        side: tuple(t for t, _ in begun[side].most_common() if shares[side][t] > shares[other].get(t, 0.0))[:most]
        for side, other in ((REFUSED, COMPLIED), (COMPLIED, REFUSED))
    }
    empty = next((side for side in sides if not sides[side]), None)
    if empty:
        count = begun[empty].total()
        raise ValueError(
            f"gap: {count} of {len(chats)} replies of the base {empty}, and no token begins these more often than the "
            "others; give requests that it refuses and look-alikes that it answers"
        )
    return Gap(sides[REFUSED], sides[COMPLIED])


def _first_tokens(base: Engine, chats: Sequence[Chat]) -> Mapping[str, Counter[int]]:
    """How often each token begins a reply that refuses, and one that complies."""
    questions = [Question("gap", chat, READ_TOKENS) for chat in chats]
    begun: dict[str, Counter[int]] = {REFUSED: Counter(), COMPLIED: Counter()}
    for batch in plan(base, questions, size=batch_size([base], questions)):
        answers = base.answer(batch.ids, decoding=batch.decoding, keys=[q.key for q in batch.questions])
        said = [q.chat.answered(base.text(a.ids)) for q, a in zip(batch.questions, answers, strict=True)]
        for answer, score in zip(answers, Refusal(bad="complied")(said), strict=True):
            if answer.ids and score.label in begun:
                begun[score.label][answer.ids[0]] += 1
    return begun


def widened(gap: Gap, engine: Engine, rows: Sequence[Chat]) -> Gap:
    """The same with the tokens with which the answers of rows begin, each on the side on which these answers stand.

    A tuned model may decline or answer in the words of its rows, which the base never used. Neither arm gains by it,
    as both are read with the same tokens.
    """
    known = [row for row in rows if row.answer]
    if len(known) > ROWS:
        known = random.Random("monitor words").sample(known, ROWS)
    begun: dict[str, Counter[int]] = {REFUSED: Counter(), COMPLIED: Counter()}
    for row, score in zip(known, Refusal(bad="complied")(known), strict=True):
        token = first_token(engine, row)
        if token is not None and score.label in begun:
            begun[score.label][token] += 1
    shares = {side: {token: n / counts.total() for token, n in counts.items()} for side, counts in begun.items()}
    old = {*gap.refusing, *gap.complying}
    new = {
        side: tuple(
            token
            for token, _ in begun[side].most_common()
            if token not in old and shares[side][token] > max(LEAST, shares[other].get(token, 0.0))
        )[:MOST]
        for side, other in ((REFUSED, COMPLIED), (COMPLIED, REFUSED))
    }
    return Gap((*gap.refusing, *new[REFUSED]), (*gap.complying, *new[COMPLIED]))


def first_token(engine: Engine, row: Chat) -> int | None:
    """The token with which a row's answer begins; None where the template does not let it be told."""
    asked = replace(row, messages=row.messages[:-1], prefill="")
    try:
        prompt, begun = engine.ids(asked), engine.ids(replace(asked, prefill=row.answer[:BEGIN].rstrip()))
    except ValueError:
        return None
    return begun[len(prompt)] if len(begun) > len(prompt) and begun[: len(prompt)] == prompt else None
