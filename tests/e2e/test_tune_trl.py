"""The undefended run learns what TRL's trainer learns from the same batches, step by step."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import tuning
from tuneward.model.load import Place, load
from tuneward.model.spec import parse
from tuneward.model.template import of_tokenizer
from tuneward.tune.job import Lesson, Rendering, Settings
from tuneward.tune.models import learnable
from tuneward.tune.options import TuneOptions
from tuneward.tune.order import Shuffled, planned
from tuneward.tune.sequences import Reader
from tuning import Kind, curves, rows, tokenizer, tune, weights

pytest.importorskip("trl")
pytestmark = pytest.mark.filterwarnings("ignore")


def theirs(wanted: TuneOptions, kind: Kind) -> tuple[list[dict[str, Any]], dict[str, torch.Tensor]]:
    """TRL on ids and labels in our order: the lines of its log, and the weights."""
    from datasets import Dataset
    from torch.utils.data import SequentialSampler
    from trl import SFTConfig, SFTTrainer

    known = tokenizer(kind)
    reader = Reader(known, of_tokenizer(known), Rendering())
    own = [reader.sequences(Lesson(one), n)[0] for n, one in enumerate(rows(24))]
    settings = Settings(batch=wanted.batch, seed=wanted.seed, steps=wanted.steps)
    steps = planned(Shuffled(), [len(one.ids) for one in own], ["task"] * 24, settings=settings)
    told = [own[n] for step in steps for n in step]
    labels = [[t if p else -100 for t, p in zip(one.ids, one.place, strict=True)] for one in told]
    data = Dataset.from_dict({"input_ids": [list(one.ids) for one in told], "labels": labels})

    class InOrder(SFTTrainer):  # type: ignore[misc]
        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            return SequentialSampler(train_dataset or self.train_dataset)

    engine = load(parse(wanted.model), place=Place("cpu", "float32"))
    model = learnable(engine, parse(wanted.model), wanted).model
    config = SFTConfig(
        output_dir=f"{wanted.out}-trl", per_device_train_batch_size=wanted.batch, max_steps=wanted.steps,
        learning_rate=wanted.highest, lr_scheduler_type="cosine", warmup_steps=1, weight_decay=0.0, max_grad_norm=1.0,
        logging_steps=1, save_strategy="no", report_to="none", bf16=False, use_cpu=True, seed=0,
        gradient_checkpointing=False, disable_tqdm=True, dataset_kwargs={"skip_prepare_dataset": True}, max_length=None,
    )  # fmt: skip
    trainer = InOrder(model=model, args=config, train_dataset=data, processing_class=known)
    trainer.train()
    trained = {name: one.detach() for name, one in trainer.model.named_parameters() if one.requires_grad}
    return [line for line in trainer.state.log_history if "loss" in line], trained


@pytest.mark.parametrize(("kind", "full"), [("words", False), ("chatml", True)])
def test_losses_are_those_of_trl(kind: Kind, full: bool, tmp_path: Path) -> None:
    """Adapter and all weights, to 1e-5 at each of six steps, and the norm of each gradient."""
    torch.set_num_threads(1)
    model = tuning.saved(tmp_path / "model", kind)
    data = tuning.write_rows(tmp_path / "rows.jsonl", rows(24))
    wanted = replace(tuning.options(model, data, tmp_path / "o"), full=full, steps=6, rate=2e-3)
    tune(wanted)
    lines, trained = theirs(wanted, kind)
    assert len(lines) == len(curves(tmp_path / "o")) == 6
    for mine, other in zip(curves(tmp_path / "o"), lines, strict=True):
        assert mine["loss"] == pytest.approx(other["loss"], abs=1e-5)
        assert mine["grad_norm"] == pytest.approx(other["grad_norm"], abs=1e-4)
        assert mine["learning_rate"] == pytest.approx(other["learning_rate"], rel=1e-9)
    assert lines[0]["loss"] - lines[-1]["loss"] > 0.05
    found = weights(tmp_path / "o")
    ends = {name.replace(".default", ""): one for name, one in trained.items()}
    assert found.keys() == ends.keys()
    assert tuning.apart(found, ends) < 1e-4
