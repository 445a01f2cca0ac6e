"""One arm of speed.py: learns the rows and prints what it took as a line of JSON."""

import json
import resource
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from speed import ARMS
from transformers import TrainerCallback

from tuneward import arguments, cli
from tuneward.ask import unseen
from tuneward.model.load import Place, load
from tuneward.model.spec import parse
from tuneward.rows import read_rows, write_rows
from tuneward.tune import run as tune
from tuneward.tune import training
from tuneward.tune.job import Lesson, Rendering
from tuneward.tune.options import TuneOptions
from tuneward.tune.prepare import reference
from tuneward.tune.sequences import Reader, TokenRow

LONGEST, BATCH, RATE, HELD_OUT = 192, 8, 2e-4, 40


class Clock(TrainerCallback):
    """Wall and CPU seconds from the begin of the first step to the end of the last."""

    def __init__(self) -> None:
        self.begun: tuple[float, float] | None = None
        self.ended = (0.0, 0.0)

    def on_step_begin(self, args: Any, state: Any, control: Any, **_library: Any) -> None:
        """The first one counts."""
        self.begun = self.begun or (time.perf_counter(), time.process_time())

    def on_step_end(self, args: Any, state: Any, control: Any, **_library: Any) -> None:
        """The last one counts."""
        self.ended = (time.perf_counter(), time.process_time())

    def told(self, *, tokens: int, prepared_s: float, held_out: float) -> dict[str, float]:
        """All figures."""
        assert self.begun is not None
        wall, cpu = (after - before for after, before in zip(self.ended, self.begun, strict=True))
        return {
            "steps_s": wall,
            "cpu_s": cpu,
            "tokens": tokens,
            "tokens_s": tokens / wall,
            "prepared_s": prepared_s,
            "held_out": held_out,
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }


@dataclass(frozen=True)
class Rows:
    """What is learnt, as a file and as ids, and what is not."""

    file: Path
    learnt: list[TokenRow]
    held_out: list[TokenRow]

    @property
    def tokens(self) -> int:
        """Of what is learnt."""
        return sum(len(row.ids) for row in self.learnt)


def loss_of(model: Any, rows: list[TokenRow]) -> float:
    """Nats a token of answers that were not learnt: how well the model is tuned, whatever the order of its rows was."""
    values = torch.cat(reference(model, rows, pad=0, progress=unseen))
    return -float(values.mean())


def short_rows(model: Path, data: Path, work: Path, count: int) -> Rows:
    """The first rows that are short enough; the next ones are held out."""
    engine = load(parse(str(model)), place=Place("cpu", "float32"))
    reader = Reader(engine.tokenizer, engine.template, Rendering())
    chats, found = [], []
    for chat in read_rows(data):
        (row,) = reader.sequences(Lesson(chat), 0)
        if len(row.ids) <= LONGEST and len(found) < count + HELD_OUT:
            chats.append(chat)
            found.append(row)
    file = work / f"rows-{count}{data.suffix}"
    write_rows(file, chats[:count])
    return Rows(file, found[:count], found[count:])


def ours(name: str, model: Path, rows: Rows, work: Path, *, seed: int, bf16: bool) -> dict[str, float]:
    """The verb as a user calls it, its steps timed."""
    clock, begun = Clock(), time.perf_counter()
    plain = training.Learner

    class Timed(plain):  # type: ignore[misc,valid-type]
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            self.add_callback(clock)

    training.Learner = Timed  # type: ignore[misc]
    out = work / "tuned"
    shutil.rmtree(out, ignore_errors=True)
    options = TuneOptions(
        model=str(model), data=str(rows.file), out=str(out), batch=BATCH, rate=RATE, seed=seed, log_every=1, warmup=0.0,
        save_every=10_000, device="cpu", precision="bf16" if bf16 else "no", no_cache=True,
        monitor="auto" if name == "monitor" else "off",
    )  # fmt: skip
    words = ARMS[name]
    defences = [arguments.method(cli.VERBS["tune"], "tune", *words)] if words else []
    done = tune.run(options, defences, say=lambda _: None, watch=lambda _: lambda *_: None)
    assert done is not None
    assert clock.begun is not None
    tuned = load(parse(str(out)), place=Place("cpu", "float32")).model
    held_out = loss_of(tuned, rows.held_out)
    return clock.told(tokens=rows.tokens, prepared_s=clock.begun[0] - begun, held_out=held_out)


def trl(model: Path, rows: Rows, work: Path, *, seed: int, bf16: bool) -> dict[str, float]:
    """TRL's trainer on the same ids and labels."""
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import SFTConfig, SFTTrainer

    clock, begun = Clock(), time.perf_counter()
    config = SFTConfig(
        output_dir=str(work / "trl"), per_device_train_batch_size=BATCH, learning_rate=RATE, num_train_epochs=1,
        logging_steps=1, save_strategy="no", report_to="none", use_cpu=True, bf16=bf16, seed=seed, max_length=None,
        gradient_checkpointing=False, lr_scheduler_type="cosine", disable_tqdm=True, dataloader_pin_memory=False,
        dataset_kwargs={"skip_prepare_dataset": True}, weight_decay=0.0,
    )  # fmt: skip
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32),
        args=config,
        train_dataset=Dataset.from_list([{"input_ids": list(row.ids), "labels": labels(row)} for row in rows.learnt]),
        processing_class=AutoTokenizer.from_pretrained(model),
        peft_config=LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM"),
        callbacks=[clock],
    )
    trainer.train()
    assert clock.begun is not None
    held_out = loss_of(trainer.model.eval(), rows.held_out)
    return clock.told(tokens=rows.tokens, prepared_s=clock.begun[0] - begun, held_out=held_out)


def labels(row: TokenRow) -> list[int]:
    """As the library takes them."""
    return [token if place else -100 for token, place in zip(row.ids, row.place, strict=True)]


def main() -> None:
    """Name, model, data, work, rows, seed, bf16."""
    name, model, data, work, count, seed, bf16 = sys.argv[1:]
    folder = Path(work)
    folder.mkdir(parents=True, exist_ok=True)
    rows = short_rows(Path(model), Path(data), folder, int(count))
    half = bool(int(bf16))
    if name == "trl":
        found = trl(Path(model), rows, folder, seed=int(seed), bf16=half)
    else:
        found = ours(name, Path(model), rows, folder, seed=int(seed), bf16=half)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
