"""The model that learns, loaded or given: with a new adapter, with one to go on with, or all of its weights."""

import contextlib
import copy
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict
from safetensors.torch import load_file

from tuneward.model.engine import Engine
from tuneward.model.load import Place, adapter_folder, attach, load
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


def begun(spec: ModelSpec, options: TuneOptions) -> tuple[Engine, Learnable]:
    """The model loaded and made ready to learn; an adapter that it has is gone on with.

    Raises:
        ValueError: an adapter that does not fit the model, or settings that it cannot have.
    """
    if spec.adapter and options.full:
        raise ValueError(
            f"{spec.adapter}: an adapter, and --full trains all weights; merge it first, or leave --full out"
        )
    engine = load(replace(spec, adapter=None), place=Place(options.device, options.dtype))
    return _continued(engine, spec.adapter) if spec.adapter else (engine, learnable(engine, spec, options))


def learnable(engine: Engine, spec: ModelSpec, options: TuneOptions) -> Learnable:
    """The engine's model made ready to learn, with a new adapter or all of it."""
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


def _continued(base: Engine, adapter: str) -> tuple[Engine, Learnable]:
    """The engine is that of the adapter: its weights and template are what answers and references are kept under."""
    folder = adapter_folder(adapter)
    files = weight_files(folder, stem="adapter_model")
    line = f"{folder}: the adapter does not fit {base.info.name}; is it of another base?"
    try:
        with warnings.catch_warnings():  # what is missing is looked for below
            warnings.simplefilter("ignore")
            model, engine = attach(base, adapter)
    except (RuntimeError, ValueError, KeyError) as error:
        raise ValueError(f"{line} ({' '.join(str(error).split())[:200]})") from error
    wanted, found = set(get_peft_model_state_dict(model)), {name for file in files for name in load_file(file)}
    if wanted != found:
        raise ValueError(
            f"{line} ({len(wanted - found)} of its weights are missing, {len(found - wanted)} are too many)"
        )
    model.set_adapter(model.active_adapter)
    model.peft_config[model.active_adapter].inference_mode = False
    return engine, Learnable(model, "lora", continued=True)


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
