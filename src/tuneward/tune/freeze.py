"""Freeze: some weights stand still (as features do in LP-FT's account of their distortion, arXiv:2202.10054).

Differs from the paper: no stage of its own; what is frozen stays so in every stage that the job has, in whichever order
the two are named. Papers that freeze for safety choose layers or units by measuring them; here the user names them.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tuneward.tune.job import Job, Stage
from tuneward.tune.staged import block, names_in


@dataclass(frozen=True)
class Freeze:
    """Let the lowest blocks, the embeddings, the output layer or named weights stand still."""

    lowest: int = 0
    """Blocks, from the first, that are not trained."""
    embeddings: bool = False
    """The input embeddings are not trained; nor is an output layer that is tied to them."""
    head: bool = False
    """The output layer is not trained; nor are input embeddings that are tied to it."""
    names: tuple[str, ...] = ()
    """Weights with one of these in their name are not trained."""

    def __post_init__(self) -> None:
        if self.lowest < 0:
            raise ValueError(f"lowest is {self.lowest}; expected 0 blocks or more")
        if not all(self.names):
            raise ValueError("names has an empty one, which is in every name; expected parts of names of weights")

    def __call__(self, job: Job) -> Job:
        """Every stage without the frozen weights."""
        if not (self.lowest or self.embeddings or self.head or self.names):
            return job
        stages = tuple(self._narrowed(stage) for stage in job.stages)
        return replace(job, stages=stages, checks=(*job.checks, self.check)).named("freeze")

    def _narrowed(self, stage: Stage) -> Stage:
        before, within = stage.trains, stage.within

        def trains(name: str) -> bool:
            return (before is None or before(name)) and not self.named(name)

        def layers(model: Any) -> Callable[[str], bool]:
            inner = within(model) if within is not None else None
            frozen = self.layers(model)
            return lambda name: (inner is None or inner(name)) and name not in frozen

        return replace(stage, trains=trains, within=layers if self.embeddings or self.head else within)

    def named(self, name: str) -> bool:
        """Whether a weight's name alone tells that it is frozen."""
        number = block(name)
        return (number is not None and number < self.lowest) or any(part in name for part in self.names)

    def layers(self, model: Any) -> frozenset[str]:
        """Names of weights in frozen layers that only the model can tell."""
        chosen = [model.get_input_embeddings()] if self.embeddings else []
        chosen += [model.get_output_embeddings()] if self.head else []
        return frozenset[str]().union(*(names_in(model, layer) for layer in chosen))

    def check(self, model: Any) -> None:
        """Refuse settings that freeze nothing, or everything.

        Raises:
            ValueError: the line says which.
        """
        trained = [name for name, weight in model.named_parameters() if weight.requires_grad]
        for part in self.names:
            if not any(part in name for name in trained):
                raise ValueError(f"freeze: no weight that is trained has {part!r} in its name; one is {trained[0]}")
        layers = self.layers(model)
        frozen = [name for name in trained if self.named(name) or name in layers]
        if not frozen:
            raise ValueError("freeze: nothing that it names is trained anyway; leave it out")
        if len(frozen) == len(trained):
            raise ValueError("freeze: every weight that is trained would stand still; freeze fewer")
