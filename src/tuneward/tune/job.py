"""A job: what is to be learnt and how, as a value. A defence takes one and gives a changed one; neither runs a model.

Everything that needs the model is described here and done later, once, after all defences: answers that the model is to
give itself, log-probabilities of the reference (`prepare`), and what happens at every step (`trainer`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from tuneward.chat import Chat

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Parameter

    from tuneward.tune.passes import Seen
    from tuneward.tune.sequences import Batch

TASK = "task"
"""The part of the rows that the user brought."""
Need = Literal["", "log_probs", "model"]
"""What a term needs of the reference, the model as it was before the first step: nothing; one log-probability a learnt
token, which is computed once; the model itself, beside the one that learns."""


@dataclass(frozen=True)
class Lesson:
    """A row as it is learnt."""

    chat: Chat
    """Ends with an assistant turn, of which the prefill is read and not learnt; with a user turn where `own` is set."""
    part: str = TASK
    """TASK, or the word of the defence that added it."""
    loss: str = "sft"
    """Name of the term that reads it."""
    weight: float = 1.0
    """Factor on the loss of its tokens."""
    rejected: str = ""
    """The answer that should become less likely, for a loss on pairs."""
    own: str = ""
    """Verdict (a label of `scorers.Refusal`) that the model's own answer must have to become the row's answer; rows
    whose answer has another are left out and counted."""


@dataclass(frozen=True)
class Settings:
    """How it is learnt, whatever the defences."""

    rate: float = 2e-4
    batch: int = 16
    """Rows of one step, over all devices and micro-batches."""
    epochs: float = 1.0
    seed: int = 0
    beta1: float = 0.9
    warmup: float = 0.03
    """Share of the steps."""
    clip: float = 1.0
    """Longest gradient."""
    steps: int | None = None
    """Steps instead of epochs."""


class Order(Protocol):
    """Which rows make which step."""

    def __call__(self, lengths: Sequence[int], parts: Sequence[str], settings: Settings, /) -> Iterator[Sequence[int]]:
        """Row numbers of step after step, without end, the same for the same arguments."""
        ...


class Term(Protocol):
    """A part of the loss over rows; a frozen dataclass.

    A step's loss is the sum over terms of strength · Σ value / Σ count, both sums over all rows of the step wherever
    they are computed, so neither accumulation nor the number of devices changes it.
    """

    @property
    def name(self) -> str:
        """Under which it is logged; "sft" and names in `Lesson.loss` say whose rows it reads."""
        ...

    @property
    def strength(self) -> float:
        """Its factor."""
        ...

    @property
    def needs(self) -> Need:
        """Of the reference."""
        ...

    def count(self, batch: "Batch", /) -> int:
        """What its value is divided by: tokens, or rows, that it reads of a micro-batch."""
        ...

    def __call__(self, seen: "Seen", /) -> "Tensor":
        """The sum of its losses over a micro-batch, in nats, with gradients; a scalar."""
        ...


@dataclass(frozen=True)
class Step:
    """What work before and after an update sees. The dictionary `memory` lasts over steps, checkpoints and kills."""

    number: int
    """From 0, over all stages."""
    steps: int
    model: Any
    """The model that learns, without wrappers for devices."""
    trained: Mapping[str, "Parameter"]
    """Weights that learn, by name, as the model names them."""
    memory: dict[str, "Tensor"]
    rate: float
    """Learning rate of this step."""
    backward: Callable[["Tensor"], None]
    """Adds the gradients of a loss, computed alike on every device, to those of the step."""
    read: Callable[[Sequence[Lesson]], "Seen"]
    """A pass of the model over lessons, with gradients; they count as one micro-batch."""
    reference: Callable[[], Any]
    """Context in which the model given is the reference, without gradients."""
    log: Callable[[str, float], None]
    """Notes a figure beside the loss."""


Work = Callable[[Step], None]


@dataclass(frozen=True)
class Finished:
    """What there is when all steps are done, before the model is written."""

    model: Any
    trained: Mapping[str, "Parameter"]
    memory: Mapping[str, "Tensor"]
    out: Path
    """Folder of the tuned model, for files beside it."""


@dataclass(frozen=True)
class Stage:
    """A share of the steps in which only some weights learn; optimiser and schedule start anew with each."""

    share: float = 1.0
    trains: Callable[[str], bool] | None = None
    """Of the weights that learn at all, by name; None for all."""
    name: str = "all"
    warm: bool = False
    """The rate only rises, linearly, and reaches its full height with the stage's end."""
    within: Callable[[Any], Callable[[str], bool]] | None = None
    """The same where only the model can tell, its last blocks for example: the model → of the weights, by name."""

    def of(self, model: Any) -> "Stage":
        """With `trains` alone: weights that both it and `within` mean."""
        if self.within is None:
            return self
        within, trains = self.within(model), self.trains or (lambda _name: True)
        return replace(self, trains=lambda name: within(name) and trains(name), within=None)


@dataclass(frozen=True)
class Rendering:
    """Under which system turn rows are learnt, and the model is to be used."""

    system: str | None = None
    """None leaves each row's own; empty takes all away; a text takes their place."""
    deploy: str | None = None
    """Saved with the model for whoever runs it."""


@dataclass(frozen=True)
class Job:
    """All of it. Defences change it with `dataclasses.replace`, or with the methods below."""

    lessons: tuple[Lesson, ...]
    settings: Settings
    terms: tuple[Term, ...]
    order: Order
    rendering: Rendering = field(default_factory=Rendering)
    before_step: tuple[Work, ...] = ()
    """After all gradients are there, before they are clipped."""
    after_step: tuple[Work, ...] = ()
    """After the update, before anything is logged or saved."""
    stages: tuple[Stage, ...] = (Stage(),)
    checks: tuple[Callable[[Any], None], ...] = ()
    """Of the model as it is trained, before the first step and on every return: refuse it in one line, or fit it."""
    finish: tuple[Callable[[Finished], None], ...] = ()
    defences: tuple[str, ...] = ()
    """Words of the defences it has, in order."""
    needs: Need = ""
    """Of the reference, beside what its terms need: "model" where work uses it."""

    def adding(self, *lessons: Lesson) -> "Job":
        """With more rows."""
        return replace(self, lessons=(*self.lessons, *lessons))

    def with_term(self, term: Term) -> "Job":
        """With one more term."""
        return replace(self, terms=(*self.terms, term))

    def named(self, word: str) -> "Job":
        """Noted that a defence has changed it."""
        return replace(self, defences=(*self.defences, word))

    def parts(self) -> dict[str, int]:
        """How many rows of each part."""
        found: dict[str, int] = {}
        for lesson in self.lessons:
            found[lesson.part] = found.get(lesson.part, 0) + 1
        return found


class Defence(Protocol):
    """A frozen dataclass whose fields are its settings; called with a job it gives the changed one.

    At its neutral setting (a fraction or strength of 0) it gives back the very job it was called with.
    """

    def __call__(self, job: Job, /) -> Job:
        """The job with the defence, its word added with `named`.

        Raises:
            ValueError: it cannot go with what the job has already; the line names both.
        """
        ...
