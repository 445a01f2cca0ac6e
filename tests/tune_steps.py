"""For tests of defences that work at a step: functions as changes, steps without a trainer, killed runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor
from torch.nn import Parameter

import tuning
from tuneward.tune.job import Job, Step, Work
from tuneward.tune.options import TuneOptions
from tuneward.tune.run import start


def job(count: int = 4) -> Job:
    """The undefended one of a few rows."""
    return start(tuning.options(Path("m"), Path("d"), Path("o")), tuning.rows(count))


def change(work: Callable[[Job], Job]) -> Callable[[Job], Job]:
    """A function as a defence without settings."""

    @dataclass(frozen=True)
    class Change:
        def __call__(self, job: Job) -> Job:
            return work(job)

    return Change()


def after(work: Work) -> Callable[[Job], Job]:
    """Work after every update."""
    return change(lambda job: replace(job, after_step=(*job.after_step, work)))


def before(work: Work) -> Callable[[Job], Job]:
    """Work before every update."""
    return change(lambda job: replace(job, before_step=(*job.before_step, work)))


class Model:
    """Named weights, and no more."""

    training = False

    def __init__(self, weights: Mapping[str, Parameter]) -> None:
        self.weights = weights

    def named_parameters(self) -> Any:
        """As a module's."""
        return self.weights.items()

    def modules(self) -> list[Any]:
        """No layers."""
        return []

    def train(self, mode: bool = True) -> None:
        """Nothing changes."""

    def eval(self) -> None:
        """Nothing changes."""


def step(number: int, weights: Mapping[str, Parameter], memory: dict[str, Tensor], **other: Any) -> Step:
    """Of a model that is but weights; a loss scale of 1 and 100 steps unless told otherwise."""

    def nothing(*_: Any) -> Any:
        raise AssertionError("it should not be asked for")

    given = {
        "steps": 100,
        "model": Model(weights),
        "rate": 0.1,
        "backward": lambda loss: loss.backward(),
        "read": nothing,
        "reference": nothing,
        "log": lambda *_: None,
    }
    trained = {name: weight for name, weight in weights.items() if weight.requires_grad}
    return Step(number=number, trained=trained, memory=memory, **(given | other))


def wanted(tmp_path: Path, *, name: str = "out", count: int = 16, **other: Any) -> TuneOptions:
    """A run on a model and rows of its own folder."""
    model, data = tmp_path / "model", tmp_path / "rows.jsonl"
    if not data.is_file():
        tuning.saved(model)
        tuning.write_rows(data, tuning.rows(count))
    return replace(tuning.options(model, data, tmp_path / name), **other)


class Killed(Exception):
    """The run ends here."""


def survives(options: TuneOptions, *defences: Callable[[Job], Job], at: int) -> float:
    """Largest difference of what a run writes when it is killed at a step and goes on, and when it is not."""
    living = [True]

    def die(step: Step) -> None:
        if step.number == at and not living[0]:
            raise Killed

    tuning.tune(options, before(die), *defences)
    other = replace(options, out=f"{options.out}-killed")
    living[0] = False
    with pytest.raises(Killed):
        tuning.tune(other, before(die), *defences)
    living[0] = True
    tuning.tune(other, before(die), *defences)
    return tuning.apart(tuning.weights(Path(options.out)), tuning.weights(Path(other.out)))
