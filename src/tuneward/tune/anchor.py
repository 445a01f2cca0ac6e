"""Hidden states of a few unsafe prompts kept where they were (the safety bottleneck of arXiv:2605.05995).

Differs from the paper: the distance is relative to the reference state's length, ‖h − h_ref‖² / ‖h_ref‖², so that one
strength fits models of any width and scale (the paper's λ of 50 is for the mean of squared differences, and means
nothing here); the last prompt token is found whatever the padding, where the authors' code expects it on the right.
"""

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module, ModuleList

from tuneward.tune.job import Job, Lesson, Step, Work
from tuneward.tune.models import inner
from tuneward.tune.passes import Seen, forward, targets
from tuneward.tune.safety_rows import OURS, asked, safety_lessons, still

KNOWN = "anchor/reference"
"""States (prompts, width) of the reference."""
FEWEST = 4
"""Readings of a run, unless it has fewer steps."""
DRAWN, MOST = 4, 200
"""Of so many times as many prompts of ours the shortest are taken, for their length is what they cost; and at most."""


@dataclass(frozen=True)
class Anchor:
    """Keep the hidden states of a few unsafe prompts where they were.

    Adds strength · mean of ‖h − h_ref‖² / ‖h_ref‖² over the prompts, h being the state at the last prompt token, before
    the answer. The reference's are computed once; the model reads the prompts, short ones, now and then.
    """

    strength: float = 10.0
    """Factor beside the loss of the rows; 0 switches it off. Not the paper's λ."""
    prompts: int = 2
    """How many."""
    every: int = 4
    """Steps from one reading of all prompts to the next, which counts as many times; fewer in runs of under four
    readings."""
    layer: int = -1
    """-1: the states that the output layer reads; n: those that layer n reads, from 1; -2, -3 …: from the end."""
    source: str = OURS
    """Where the prompts come from: "ours", or a file of rows that end with their refusals."""

    def __post_init__(self) -> None:
        if not 0 <= self.strength < math.inf:
            raise ValueError(f"strength is {self.strength}; expected 0 or more")
        for name in ("prompts", "every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; expected 1 or more")
        if self.layer == 0:
            raise ValueError("layer is 0; expected 1 or more, or -1 and less, for what layer 0 reads are embeddings")

    def __call__(self, job: Job, /) -> Job:
        """The job with the work before each step.

        Raises:
            ValueError: too few rows to take prompts from.
        """
        if not self.strength:
            return job
        count = max(self.prompts, min(DRAWN * self.prompts, MOST)) if self.source == OURS else self.prompts
        drawn = safety_lessons(self.source, count=count, seed=job.settings.seed, part="anchor")
        short = sorted(drawn, key=lambda lesson: len(lesson.chat.prompt))[: self.prompts]
        work = Pull(self, tuple(map(asked, short)))
        before: tuple[Work, ...] = (*job.before_step, work)
        return replace(job, before_step=before, checks=(*job.checks, self.fits), needs="model").named("anchor")

    def fits(self, model: Any) -> None:
        """Whether the model has the layer.

        Raises:
            ValueError: it has not.
        """
        _layer(inner(model), self.layer)


@dataclass(frozen=True)
class Pull:
    """The anchors' share of the gradients."""

    settings: Anchor
    lessons: tuple[Lesson, ...]

    def __call__(self, step: Step, /) -> None:
        """Adds them."""
        every = max(1, min(self.settings.every, step.steps // FEWEST))
        if (step.number + 1) % every:  # nothing has moved before the first step
            return
        with still(step.model), _reading(step.model, self.settings.layer) as found:
            seen = step.read(self.lessons)
        states = _last(found, seen)
        if KNOWN not in step.memory:
            step.memory[KNOWN] = self._reference(step, seen)
        known = step.memory[KNOWN].to(states.device)
        loss = self.settings.strength * every * distance(states, known)
        step.log("anchor", float(loss.detach()))
        step.backward(loss)

    def _reference(self, step: Step, seen: Seen) -> Tensor:
        with torch.no_grad(), step.reference() as (model, answers), _reading(model, self.settings.layer) as found:
            forward(model, seen.batch, answers=answers)
            return _last(found, seen)


def distance(states: Tensor, known: Tensor) -> Tensor:
    """Mean of ‖h − h_ref‖² / ‖h_ref‖² over rows, (rows, width) both."""
    return ((states - known).square().sum(-1) / known.square().sum(-1)).mean()


@contextlib.contextmanager
def _reading(model: Any, layer: int) -> Iterator[list[Tensor]]:
    """Collects what a layer is given: (positions that predict, width), or (rows, positions, width)."""
    found: list[Tensor] = []

    def keep(_module: Module, inputs: tuple[Tensor, ...]) -> None:
        found.append(inputs[0])

    handle = _layer(inner(model), layer).register_forward_pre_hook(keep)
    try:
        yield found
    finally:
        handle.remove()


def _layer(model: Any, layer: int) -> Module:
    """The module that reads these states."""
    count = model.config.get_text_config(decoder=True).num_hidden_layers
    place = layer if layer > 0 else count + 1 + layer
    if not 1 <= place <= count:
        raise ValueError(
            f"anchor: layer is {layer}, and the model has {count}; expected 1 to {count}, or -1 to -{count}"
        )
    output: Module = model.get_output_embeddings()
    if place == count:
        return output
    for module in model.modules():
        if isinstance(module, ModuleList) and len(module) == count:
            return module[place]
    raise ValueError("anchor: the model's layers stand in no list of its own; take layer -1")


def _last(found: list[Tensor], seen: Seen) -> Tensor:
    """The states at the last prompt token of each row, (rows, width) in float32."""
    before, _ = targets(seen.batch)
    states = found[-1]  # what all rows begin with may have been read before, once
    if states.dim() == 3:
        states = states[before[:, -states.shape[1] :]]
    begins = (seen.place == 1).nonzero()[:, 0]
    rows = torch.arange(len(seen.batch.sequences), device=begins.device)
    last = [begins[seen.row[begins] == row][-1] for row in rows]
    return states[torch.stack(last)].float()
