"""A loss term over the same rows in every layout, and steps of a tiny model without a trainer."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

import tuning
from tuneward.ask import unseen
from tuneward.chat import Chat, Message
from tuneward.model.template import of_tokenizer
from tuneward.tune import sequences as tensors
from tuneward.tune.job import Job, Lesson, Rendering, Settings, Step, Term
from tuneward.tune.order import Shuffled
from tuneward.tune.passes import Answers, Seen, see
from tuneward.tune.prepare import reference
from tuneward.tune.sequences import Reader, Side, batch_of
from tuneward.tune.terms import CrossEntropy

PAD = 0


@dataclass(frozen=True)
class Layout:
    """How rows lie in tensors, and in how many micro-batches."""

    side: Side = "right"
    packed: bool = False
    micro: int = 1


PLAIN = Layout()
OTHERS = {"left": Layout("left"), "packed": Layout(packed=True), "accumulated": Layout(micro=3)}


def job_of(lessons: Sequence[Lesson] = ()) -> Job:
    """The undefended one."""
    return Job(tuple(lessons), Settings(), (CrossEntropy(),), Shuffled())


def talks(count: int = 6) -> list[Lesson]:
    """Rows of differing lengths and weights, every third with two answers."""
    found = []
    for n, chat in enumerate(tuning.rows(count, seed=3)):
        again = (Message("user", "the red boat ."), Message("assistant", "a cup is blue and then warm .")) * (
            n % 3 == 0
        )
        found.append(Lesson(Chat(chat.id, chat.family, (*chat.messages, *again)), weight=1 + n % 2))
    return found


def reader_of(kind: tuning.Kind = "words") -> Reader:
    """Of one of the two tokenizers."""
    known = tuning.tokenizer(kind)
    return Reader(known, of_tokenizer(known), Rendering())


def moved(kind: tuning.Kind = "words", *, by: float = 0.05, seed: int = 1) -> Any:
    """The tiny model after some unknown training."""
    model = tuning.blank(kind)
    torch.manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(by * torch.randn_like(weight))
    return model


def lent(other: Any) -> Any:
    """The reference as terms ask for it."""
    answers = Answers(other)
    return lambda: contextlib.nullcontext((other, answers))


def measured(
    model: Any, term: Term, lessons: Sequence[Lesson], *, other: Any, layout: Layout
) -> tuple[float, dict[str, Tensor]]:
    """Value over count of all micro-batches, and gradients."""
    reader, answers, borrow = reader_of(), Answers(model), lent(other)
    rows = [reader.sequences(lesson, n)[0] for n, lesson in enumerate(lessons)]
    known = reference(other, rows, pad=PAD, progress=unseen)
    parts = [range(n, len(rows), layout.micro) for n in range(layout.micro)]
    batches = [
        batch_of(
            [rows[n] for n in part],
            [lessons[n] for n in part],
            tensors.Layout(PAD, layout.side, layout.packed),
            reference=[known[n] for n in part],
        )
        for part in parts
    ]
    total, value = sum(term.count(batch) for batch in batches), 0.0
    model.zero_grad()
    for batch in batches:
        loss = term(see(model, batch, answers=answers, reference=borrow)) / total
        loss.backward()
        value += float(loss.detach())
    answers.remove()
    return value, gradients(model)


def gradients(model: Any) -> dict[str, Tensor]:
    """Of all weights that have one."""
    return {name: one.grad.clone() for name, one in model.named_parameters() if one.grad is not None}


def close(one: dict[str, Tensor], other: dict[str, Tensor], *, within: float = 1e-5) -> bool:
    """Relative to the longest."""
    assert one.keys() == other.keys()
    largest = max(float(value.abs().max()) for value in one.values())
    return max(float((one[name] - other[name]).abs().max()) for name in one) <= within * largest


@dataclass
class Run:
    """Steps of a model, one after another; notes figures, remembers what defences do."""

    model: Any
    other: Any
    kind: tuning.Kind = "words"
    layout: Layout = PLAIN

    def __post_init__(self) -> None:
        self.memory: dict[str, Tensor] = {}
        self.noted: list[tuple[str, float]] = []
        self.asked = 0
        self.answers, self.borrow, self.reader = Answers(self.model), lent(self.other), reader_of(self.kind)

    def step(self, number: int = 0) -> Step:
        """One."""
        return Step(
            number=number,
            steps=100,
            model=self.model,
            trained=dict(self.model.named_parameters()),
            memory=self.memory,
            rate=1e-3,
            backward=lambda loss: loss.backward(),
            read=self.read,
            reference=self.reference,
            log=lambda name, value: self.noted.append((name, value)),
        )

    def reference(self) -> Any:
        """Counts how often it is asked for."""
        self.asked += 1
        return self.borrow()

    def read(self, lessons: Sequence[Lesson]) -> Seen:
        """As the trainer reads rows of no job."""
        rows = [self.reader.sequences(lesson, -1)[0] for lesson in lessons]
        batch = batch_of(rows, lessons, tensors.Layout(PAD, self.layout.side, self.layout.packed))
        return see(self.model, batch, answers=self.answers, reference=self.reference)
