"""The tuned model on disk, in the usual layout: adapter or model, tokenizer, and what defences add."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tuneward.tune.job import Finished, Job
from tuneward.tune.trainer import finite, trained_of, written

WORK, MODEL = ".work", "model"


@torch.no_grad()
def write_model(model: Any, job: Job, memory: Mapping[str, Tensor], *, tokenizer: Any, out: Path) -> None:
    """Written whole beside the folder's other files, then moved in, so that no half model stands there."""
    half = out / WORK / MODEL
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    done = Finished(model, trained_of(model), memory, half)
    for last in job.finish:
        last(done)
    finite(done.trained)
    with written(half):
        model.save_pretrained(str(half), safe_serialization=True)
        tokenizer.save_pretrained(str(half))
    for file in sorted(half.iterdir()):
        file.replace(out / file.name)
