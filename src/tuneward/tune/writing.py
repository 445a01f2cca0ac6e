"""The tuned model on disk, in the usual layout: adapter or model, tokenizer, and what defences add."""

import shutil
from pathlib import Path
from typing import Any

import torch

from tuneward.model.engine import Engine
from tuneward.tune.job import Finished, Job
from tuneward.tune.trainer import finite, trained_of, written
from tuneward.tune.training import Trained

MODEL = "model"


@torch.no_grad()
def write_model(model: Any, job: Job, trained: Trained, *, engine: Engine, work: Path, out: Path) -> None:
    """Written whole beside the folder's other files, then moved in, so that no half model stands there."""
    half = work / MODEL
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    done = Finished(model, trained_of(model), trained.memory, half)
    for last in job.finish:
        last(done)
    finite(done.trained)
    with written(half):
        model.save_pretrained(str(half), safe_serialization=True)
        engine.tokenizer.save_pretrained(str(half))
    for file in sorted(half.iterdir()):
        file.replace(out / file.name)
