"""Head first: a few weights learn alone, then all of them (LP-FT, Kumar et al. 2022, arXiv:2202.10054).

Differs from the paper: its head is new and is fitted to the end by logistic regression on fixed features; a language
model has its head already, so a share of the same steps goes to it, or to the last blocks, or to the half of an adapter
that starts at 0. Nobody has shown that this keeps refusals: what must be beaten is a warm-up of equal length, which
`control` gives.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import torch

from tuneward.tune.job import Job, Stage

BLOCK = re.compile(r"\.(\d+)\.")
"""In a weight's name; the first number is that of its block."""
WAYS_ON = {
    "head": "an adapter has weights there only with --targets lm_head; take --first last or b, or --full",
    "last": "nothing is trained there; take more --layers",
    "b": "only an adapter has such weights; take --first last or head",
}


@dataclass(frozen=True)
class Staged:
    """Train a few weights first and all of them afterwards; experimental.

    Optimiser and schedule start anew with the second stage.
    """

    first: Literal["head", "last", "b"] = "last"
    """What learns first: the output layer, the last blocks, or the halves of the adapter that start at 0."""
    share: float = 0.25
    """Of the steps that the first stage has; 0 is none."""
    layers: int = 4
    """Blocks that `last` means."""
    control: bool = False
    """Instead, all weights in a stage of the same length in which the learning rate only rises."""
    untie: bool = False
    """Give a model whose output layer is its input embeddings an output layer of its own, for `head`."""

    def __post_init__(self) -> None:
        if not 0 <= self.share < 1:
            raise ValueError(f"share is {self.share}; expected 0 or more, below 1")
        if self.layers < 1:
            raise ValueError(f"layers is {self.layers}; expected 1 or more")
        if self.untie and (self.first != "head" or self.control):
            raise ValueError(
                f"untie is for --first head; expected it without {'control' if self.control else self.first}"
            )

    def __call__(self, job: Job) -> Job:
        """Its stages; those of the job must not have been divided already."""
        if self.share == 0:
            return job
        if len(job.stages) > 1:
            raise ValueError(f"staged: the job has {len(job.stages)} stages already; it divides one")
        (whole,) = job.stages
        rest = replace(whole, share=whole.share * (1 - self.share))
        begin = replace(whole, share=whole.share * self.share)
        if self.control:
            stages = (replace(begin, name="warm", warm=True), rest)
            return replace(job, stages=stages).named("staged")
        begin = replace(begin, name=self.first, within=partial(self._within, whole))
        return replace(job, stages=(begin, rest), checks=(*job.checks, self.check)).named("staged")

    def _within(self, whole: Stage, model: Any) -> Callable[[str], bool]:
        wider = whole.within(model) if whole.within is not None else None
        names = meant(model, first=self.first, layers=self.layers)
        return lambda name: name in names and (wider is None or wider(name))

    def check(self, model: Any) -> None:
        """Refuse a model that has nothing to train first, or whose output layer is more than that; untie it if asked.

        Raises:
            ValueError: it is neither; the line says what else to take.
        """
        if self.first == "head" and tied(model):
            if not self.untie:
                raise ValueError(
                    "head: the output layer is tied to the input embeddings, and training it would move them; "
                    "--untie gives it weights of its own, or take --first last"
                )
            untie(model)
        names = meant(model, first=self.first, layers=self.layers)
        if not names:
            raise ValueError(f"{self.first}: no weight of the first stage is trained; {WAYS_ON[self.first]}")
        if len(names) == sum(weight.requires_grad for weight in model.parameters()):
            raise ValueError(
                f"{self.first}: the first stage would train every weight that is trained; take fewer than "
                f"{self.layers} --layers, or --control for a warm-up"
            )


def meant(model: Any, *, first: str, layers: int) -> frozenset[str]:
    """Names of the trained weights that a first stage means."""
    names = [name for name, weight in model.named_parameters() if weight.requires_grad]
    if first == "b":
        return frozenset(name for name in names if "lora_B" in name or "lora_embedding_B" in name)
    if first == "head":
        return frozenset(names) & names_in(model, model.get_output_embeddings())
    blocks = {name: number for name, _ in model.named_parameters() if (number := block(name)) is not None}
    lowest = max(blocks.values(), default=-1) + 1 - layers
    return frozenset(name for name in names if blocks.get(name, -1) >= max(0, lowest))


def block(name: str) -> int | None:
    """Number of the block that a weight belongs to, by its name; None for one outside all blocks."""
    found = BLOCK.search(name)
    return int(found[1]) if found else None


def names_in(model: Any, layer: Any) -> frozenset[str]:
    """Names, in the model, of a layer's weights; weights that two layers share have one."""
    own = {id(weight) for weight in layer.parameters()}
    return frozenset(name for name, weight in model.named_parameters() if id(weight) in own)


def tied(model: Any) -> bool:
    """Whether the output layer is trained and its weights are those of the input embeddings."""
    head, embeddings = model.get_output_embeddings(), model.get_input_embeddings()
    shared = getattr(head, "weight", None) is getattr(embeddings, "weight", embeddings)
    return shared and bool(head.weight.requires_grad)


@torch.no_grad()
def untie(model: Any) -> None:
    """Give the output layer a copy of the weights, and say so in the configuration."""
    head = model.get_output_embeddings()
    head.weight = torch.nn.Parameter(head.weight.detach().clone(), requires_grad=True)
    model.config.tie_word_embeddings = False
    model.config.get_text_config(decoder=True).tie_word_embeddings = False
    model.all_tied_weights_keys = {}
