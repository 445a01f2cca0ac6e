"""The model that learns, loaded or given: with a new adapter, with one to go on with, or all of its weights."""

import contextlib
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from peft import LoraConfig, PeftModel, get_peft_model

from tuneward.model.engine import Engine
from tuneward.model.load import adapter_folder
from tuneward.model.spec import ModelSpec
from tuneward.tune.job import Need
from tuneward.tune.options import TuneOptions
from tuneward.tune.passes import Answers
from tuneward.weights import weight_files

Kind = Literal["lora", "full"]


@dataclass(frozen=True)
class Learnable:
    """A model whose weights, or whose adapter's, can be learnt."""

    model: Any
    """As it is trained and saved."""
    kind: Kind
    continued: bool = False
    """It has an adapter that another run began, so switching it off does not give back the model that it was."""


def learnable(engine: Engine, spec: ModelSpec, options: TuneOptions) -> Learnable:
    """The engine's model made ready to learn; `spec.adapter` is gone on with.

    Raises:
        ValueError: an adapter that does not fit the model, or settings that it cannot have.
    """
    if spec.adapter:
        return Learnable(_continued(engine, spec.adapter, full=options.full), "lora", continued=True)
    if options.full:
        engine.model.requires_grad_(True)
        return Learnable(engine.model, "full")
    torch.manual_seed(options.seed)
    config = LoraConfig(
        r=options.rank,
        lora_alpha=options.alpha if options.alpha is not None else 2 * options.rank,
        lora_dropout=options.dropout,
        target_modules=list(options.targets) or "all-linear",
        task_type="CAUSAL_LM",
    )
    config.base_model_name_or_path = str(Path(spec.name).expanduser().resolve()) if spec.folder else spec.name
    config.revision = spec.revision
    return Learnable(get_peft_model(engine.model, config), "lora")


def _continued(engine: Engine, adapter: str, *, full: bool) -> Any:
    if full:
        raise ValueError(f"{adapter}: an adapter, and --full trains all weights; merge it first, or leave --full out")
    folder = adapter_folder(adapter)
    weight_files(folder, stem="adapter_model")
    try:
        return PeftModel.from_pretrained(engine.model, str(folder), is_trainable=True)
    except (RuntimeError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(
            f"{folder}: the adapter does not fit {engine.info.name}; is it of another base? ({reason})"
        ) from error


def inner(model: Any) -> Any:
    """The model under an adapter."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def reference_of(learner: Learnable, need: Need) -> Callable[[], Any]:
    """What gives the reference: the same model with its adapter off where that is it, else a copy that stands still.

    Where the job does not need it, asking is an error.
    """
    if need != "model":
        return _none
    if learner.kind == "lora" and not learner.continued:
        return lambda: _switched_off(learner.model)
    frozen = copy.deepcopy(learner.model).requires_grad_(False).eval()
    answers = Answers(inner(frozen))
    return lambda: contextlib.nullcontext((frozen, answers))


def _none() -> Any:
    raise ValueError("the job has no reference model; a term or its defence must say that it needs one")


@contextlib.contextmanager
def _switched_off(model: Any) -> Iterator[Any]:
    training = model.training
    answers = Answers(inner(model))
    model.eval()
    try:
        with model.disable_adapter():
            yield model, answers
    finally:
        answers.remove()
        model.train(training)
