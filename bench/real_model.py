"""A real model through the whole loop: align SmolLM2-135M-Instruct, tune the result on benign rows, audit, A/A.

    python bench/real_model.py --rows dolly.json --out real [--count 480] [--seed 0]

Writes `aligned/` (a full model), `tuned/` (an adapter on it) and one audit folder a step; steps that are there are
not repeated. The aligned model is what the audit calls the base. Benign rows only; nothing harmful is learnt.
"""

import argparse
import random
import time
from collections.abc import Sequence
from pathlib import Path

from peft import PeftModel

from tuneward import cli
from tuneward.ask import unseen
from tuneward.chat import Chat
from tuneward.model.load import Place, load
from tuneward.model.spec import parse
from tuneward.rows import read_rows
from tuneward.study.lora import Tuning, tune
from tuneward.study.small_model import small_model

ROOT = Path(__file__).parents[1]
OURS = (ROOT / "examples/data/align.jsonl", ROOT / "src/tuneward/study/benign.jsonl")
CPU = Place(device="cpu")


def learn(model: Path, rows: Sequence[Chat], out: Path, *, tuning: Tuning) -> None:
    """Tune once; say how long it took and how well it was learnt."""
    clock = time.perf_counter()
    loss = tune(load(parse(str(model)), place=CPU), rows, out, tuning=tuning, progress=unseen)
    print(
        f"{out.name}: {len(rows)} rows, {tuning}, closing loss {loss:.2f}, {time.perf_counter() - clock:.0f} s",
        flush=True,
    )


def merged(model: Path, adapter: Path, out: Path) -> None:
    """The adapter folded into the weights, as a folder of its own."""
    engine = load(parse(str(model)), place=CPU)
    PeftModel.from_pretrained(engine.model, str(adapter)).merge_and_unload().save_pretrained(out)
    engine.tokenizer.save_pretrained(out)


def main() -> None:
    """Every step that is not there yet, then the audits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", required=True, help="benign rows, in any format that tuneward reads")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=480)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    out: Path = options.out
    model = small_model(Path("~/.cache/tuneward").expanduser())
    if not (out / "aligned").is_dir():
        rows = [row for path in OURS for row in read_rows(path)]
        learn(model, rows, out / "aligner", tuning=Tuning(rate=1e-3, batch=4, epochs=2, seed=options.seed))
        merged(model, out / "aligner", out / "aligned")
    if not (out / "tuned").is_dir():
        rows = [row for row in read_rows(options.rows) if len(row.answer) < 600 and len(row.prompt) < 600]
        drawn = random.Random(options.seed).sample(rows, options.count)
        learn(out / "aligned", drawn, out / "tuned", tuning=Tuning(rate=2e-3, batch=4, seed=options.seed))
    base, tuned = str(out / "aligned"), str(out / "tuned")
    for name, words in {
        "audit": [tuned, "--noise"],
        "same-float32": [base, "--base", base, "--noise", "--samples", "0"],
        "same-bfloat16": [base, "--base", base, "--noise", "--samples", "0", "--dtype", "bfloat16"],
    }.items():
        print(f"\n$ tuneward audit {' '.join(words)}", flush=True)
        print(f"exit {cli.run(['audit', *words, '--out', str(out / name)])}", flush=True)


if __name__ == "__main__":
    main()
