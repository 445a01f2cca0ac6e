"""Rows → token ids with what is learnt of them, and several of these → tensors."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import torch
from jinja2 import TemplateError
from torch import Tensor

from tuneward.chat import Chat, Message, messages
from tuneward.model.template import Template
from tuneward.tune.job import Lesson, Rendering

Mask = Literal["assistant", "last", "all"]
Side = Literal["left", "right"]


@dataclass(frozen=True)
class TokenRow:
    """A row in ids. Lists have one entry a token."""

    ids: tuple[int, ...]
    place: tuple[int, ...]
    """t where a token is the t-th learnt one of its turn, from 1; 0 where it is only read."""
    lesson: int
    """Number of its lesson in the job."""
    rejected: bool = False
    """The less wanted answer of a pair."""

    @property
    def learnt(self) -> int:
        """Tokens that are learnt."""
        return sum(place > 0 for place in self.place)


@dataclass(frozen=True)
class Reader:
    """How rows become ids under one tokenizer and template."""

    tokenizer: Any
    template: Template
    rendering: Rendering
    mask: Mask = "assistant"
    longest: int | None = None
    """Tokens a row may have."""
    long: Literal["refuse", "drop", "cut"] = "refuse"
    """What becomes of longer rows: an error, no sequence at all, or their beginning."""

    def sequences(self, lesson: Lesson, number: int) -> list[TokenRow]:
        """One sequence, or the wanted and the rejected one of a pair; none where one is too long and is to be dropped.

        Raises:
            ValueError: the row cannot be read; the line names it and says what to do.
        """
        chats = [lesson.chat]
        if lesson.rejected:
            turns = (*lesson.chat.messages[:-1], Message("assistant", lesson.rejected))
            chats.append(replace(lesson.chat, messages=turns))
        found = []
        for chat, rejected in zip(chats, (False, True), strict=False):
            ids, place = self._fitting(chat.id, *self._read(chat))
            if not ids:
                return []
            found.append(TokenRow(ids, place, number, rejected))
        return found

    def prompt(self, chat: Chat) -> tuple[int, ...]:
        """A prompt that ends with a user turn, as the model is asked it while it learns."""
        turns = self._turns(chat)
        text = self._text(turns, prompt=True, where=chat.id)
        return tuple(self.tokenizer(text, add_special_tokens=False).input_ids)

    def _turns(self, chat: Chat) -> list[dict[str, Any]]:
        turns = messages(chat)
        system = self.rendering.system
        if system is not None:
            turns = [turn for turn in turns if turn["role"] != "system"]
            turns = [{"role": "system", "content": system}, *turns] if system else turns
        return turns

    def _text(self, turns: list[dict[str, Any]], *, prompt: bool, where: str) -> str:
        if not self.template.source:
            raise ValueError(
                f"{where}: the tokenizer has no chat template; add chat_template.jinja to the model's folder"
            )
        try:
            text: str = self.tokenizer.apply_chat_template(
                turns, chat_template=self.template.source, tokenize=False, add_generation_prompt=prompt
            )
        except TemplateError as error:
            raise ValueError(f"{where}: the chat template refuses the row: {error}") from error
        return text

    def _read(self, chat: Chat) -> tuple[list[int], list[int]]:
        """Ids and places. Each assistant turn begins where the template asks for an answer, as when it is generated."""
        turns = self._turns(chat)
        answers = [n for n, turn in enumerate(turns) if turn["role"] == "assistant"]
        if not answers:
            raise ValueError(f"{chat.id}: no assistant turn, so there is nothing to learn; leave the row out")
        learnt = set(answers[-1:] if self.mask == "last" else answers) - _weightless(chat, turns)
        whole = self._text(turns, prompt=False, where=chat.id)
        ids: list[int] = []
        place: list[int] = []
        at = 0
        for number in answers:
            if number not in learnt and number != answers[-1] and self.mask != "all":
                continue
            begin = self._text(turns[:number], prompt=True, where=chat.id)
            end = self._text(turns[: number + 1], prompt=False, where=chat.id)
            if not whole.startswith(begin) or not whole.startswith(end):
                raise ValueError(
                    f"{chat.id}: the chat template renders turn {number + 1} otherwise once more turns follow; "
                    "use --mask last, or split the conversation"
                )
            prefill = chat.prefill if number == answers[-1] and chat.answer.startswith(chat.prefill) else ""
            if not whole.startswith(prefill, len(begin)):
                raise ValueError(f"{chat.id}: the chat template does not keep the prefill {prefill!r} as it is")
            self._given(ids, place, (whole[at : len(begin)], prefill))
            at = len(begin) + len(prefill)
            said = str(turns[number]["content"]).removeprefix(prefill)
            self._learnt(ids, place, (whole[at : len(end)], said), learn=number in learnt)
            at = len(end)
        if place:
            place[0] = 0  # nothing stands before it from which it could be told
        while place and not place[-1]:  # nothing is learnt from what stands behind the last learnt token
            place.pop()
        return ids[: len(place)], place

    def _given(self, ids: list[int], place: list[int], texts: tuple[str, str]) -> None:
        """A prompt and its prefill, which are one text where the model is asked."""
        learn = self.mask == "all"
        for text, told in [(texts[0], learn), (texts[1], False)] if learn else [("".join(texts), False)]:
            new = self.tokenizer(text, add_special_tokens=False).input_ids
            place += [n + 1 if told else 0 for n in range(len(new))]
            ids += new

    def _learnt(self, ids: list[int], place: list[int], texts: tuple[str, str], *, learn: bool) -> None:
        """A turn up to the token that ends it; what the template puts after that is not the model's."""
        text, said = texts
        new = self.tokenizer(text, add_special_tokens=False).input_ids
        behind = text.rpartition(said.strip())[2] if said.strip() else text
        ends = [n for n, token in enumerate(new) if token in self.ends]
        own = sum(token in self.ends for token in self.tokenizer(behind, add_special_tokens=False).input_ids)
        keep = ends[-own] + 1 if 0 < own <= len(ends) else len(new)
        place += [n + 1 if learn and n < keep else 0 for n in range(len(new))]
        ids += new

    @property
    def pad(self) -> int:
        """A token to pad with; it is masked, so which one makes no difference."""
        known = self.tokenizer
        return int(known.pad_token_id if known.pad_token_id is not None else known.eos_token_id)

    @cached_property
    def ends(self) -> frozenset[int]:
        """Tokens that end a turn, among others: all special ones but those for unknown text and the beginning."""
        known = self.tokenizer
        special = {number for number, token in known.added_tokens_decoder.items() if token.special}
        rest = (special | set(known.all_special_ids)) - {known.unk_token_id, known.bos_token_id}
        return frozenset(rest | ({known.eos_token_id} - {None}))

    def _fitting(self, where: str, ids: list[int], place: list[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """As it is where it fits, or what the settings make of it; empty where nothing of it can be learnt so."""
        if not any(place):
            raise ValueError(f"{where}: nothing in it is learnt (its mask or weights leave no answer); leave it out")
        if self.longest is None or len(ids) <= self.longest:
            return tuple(ids), tuple(place)
        if self.long == "refuse":
            raise ValueError(
                f"{where}: {len(ids)} tokens, and the limit is {self.longest}; "
                "raise --max-length, or give --long drop or cut"
            )
        if self.long == "drop" or not any(place[: self.longest]):
            return (), ()
        return tuple(ids[: self.longest]), tuple(place[: self.longest])


def _weightless(chat: Chat, turns: Sequence[dict[str, Any]]) -> set[int]:
    """Assistant turns that the row gives a weight of 0, as OpenAI's format can.

    Raises:
        ValueError: its turns are not those that the weights were given to, or some are calls of tools.
    """
    shells = [shell for shell in chat.meta.get("turns") or () if isinstance(shell, dict)]
    if any(shell.get("tool_calls") or shell.get("function_call") for shell in shells):
        raise ValueError(f"{chat.id}: calls of tools cannot be learnt yet; leave the row out")
    if not any(shell.get("weight") == 0 for shell in shells):
        return set()
    said = [shell for shell in shells if str(shell.get("role", shell.get("from"))).lower() != "system"]
    own = [n for n, turn in enumerate(turns) if turn["role"] != "system"]
    if len(said) != len(own):
        raise ValueError(f"{chat.id}: weights for {len(said)} turns, and it has {len(own)}; keep the row's own turns")
    return {n for n, shell in zip(own, said, strict=True) if shell.get("weight") == 0}


@dataclass(frozen=True)
class Batch:
    """Sequences as tensors, each (rows, width) unless it says otherwise; a row holds several sequences when packed."""

    ids: Tensor
    mask: Tensor
    positions: Tensor
    place: Tensor
    """As in a sequence, at the token that is learnt."""
    owner: Tensor
    """Number of the token's sequence in this batch, −1 for padding."""
    reference: Tensor | None
    """Log-probability of the token under the reference, in nats; 0 where it is not learnt. None where nobody asked."""
    sequences: tuple[TokenRow, ...]
    lessons: tuple[Lesson, ...]
    """Of each sequence."""

    def to(self, device: torch.device) -> "Batch":
        """On a device."""
        moved = {name: getattr(self, name).to(device) for name in ("ids", "mask", "positions", "place", "owner")}
        known = None if self.reference is None else self.reference.to(device)
        return replace(self, **moved, reference=known)

    def learnt(self, *losses: str) -> int:
        """Learnt tokens of the sequences with these losses, all unless named; rejected answers do not count."""
        return sum(
            sequence.learnt
            for sequence, lesson in zip(self.sequences, self.lessons, strict=True)
            if (not losses or lesson.loss in losses) and not sequence.rejected
        )


@dataclass(frozen=True)
class Layout:
    """How rows lie in tensors; nothing of it changes what is learnt."""

    pad: int
    side: Side = "right"
    packed: bool = False


def batch_of(
    sequences: Sequence[TokenRow],
    lessons: Sequence[Lesson],
    layout: Layout,
    *,
    reference: Sequence[Tensor] | None = None,
) -> Batch:
    """Tensors of some sequences; `reference` has one (learnt,) tensor for each."""
    groups = [range(len(sequences))] if layout.packed else [range(n, n + 1) for n in range(len(sequences))]
    width = max(sum(len(sequences[n].ids) for n in group) for group in groups)
    shape = (len(groups), width)
    ids = torch.full(shape, layout.pad, dtype=torch.long)
    mask, positions, place = (torch.zeros(shape, dtype=torch.long) for _ in range(3))
    owner = torch.full(shape, -1, dtype=torch.long)
    known = None if reference is None else torch.zeros(shape)
    for row, group in enumerate(groups):
        at = width - sum(len(sequences[n].ids) for n in group) if layout.side == "left" else 0
        for n in group:
            own = slice(at, at + len(sequences[n].ids))
            ids[row, own] = torch.tensor(sequences[n].ids)
            place[row, own] = torch.tensor(sequences[n].place)
            positions[row, own] = torch.arange(len(sequences[n].ids))
            mask[row, own], owner[row, own] = 1, n
            if known is not None and reference is not None:
                known[row, own][place[row, own] > 0] = reference[n].float()
            at = own.stop
    return Batch(ids, mask, positions, place, owner, known, tuple(sequences), tuple(lessons))
