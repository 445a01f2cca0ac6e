"""What a blend costs: tokens a second with no guide, with a guide for the first 5 tokens, and with one for all.

    python bench/repair/blend.py --model TUNED --base BASE [--tokens 256] [--prompts 1] [--repeats 7] [--out blend.json]

Prints a Markdown table; the arms take turns, in another order each time. No stop token ends an answer, so that all
arms say equally many tokens.
"""

import argparse
import contextlib
import itertools
import json
import os
import platform
import random
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from tuneward.blend.guide import guided
from tuneward.blend.options import parse_blend
from tuneward.chat import Chat, Message
from tuneward.model.engine import Engine
from tuneward.model.load import Place, load_arms
from tuneward.model.spec import parse
from tuneward.record import versions
from tuneward.speaking import Decoding

ASKED = (
    "Which river runs through the town, and who looks after its bridges?",
    "Write a short story about a lighthouse keeper who learns to bake bread.",
    "Explain to a child how a bicycle stays upright.",
    "What should one see in a small museum of clocks?",
)
BLENDS = ("log-mix first=5", "first-tokens first=5", "gated first=5", "log-mix first=all")
NONE = "tuned alone"


@dataclass(frozen=True)
class Run:
    """One arm, once."""

    arm: str
    seconds: float
    cpu: float
    tokens: int
    passes: int
    """Of the guide."""
    guided: int
    changed: int
    load: float


@contextlib.contextmanager
def counting(guide: Any) -> Iterator[list[int]]:
    """Columns of each pass of the guide; with an adapter, only of those while it is off."""
    seen: list[int] = []
    off = [m for m in guide.model.modules() if hasattr(m, "_disable_adapters")][:1]

    def note(_module: Any, args: Any, given: Any) -> None:
        if not off or off[0]._disable_adapters:
            seen.append(int((given["input_ids"] if "input_ids" in given else args[0]).shape[1]))

    hook = guide.model.register_forward_pre_hook(note, with_kwargs=True)
    try:
        yield seen
    finally:
        hook.remove()


@contextlib.contextmanager
def endless(engine: Engine) -> Iterator[None]:
    """Nothing the model says ends an answer: the stop is an id that is said to be impossible."""
    never, model = engine.model.get_output_embeddings().weight.shape[0] + 1, engine.model
    kept = model.config.eos_token_id, model.generation_config.eos_token_id, engine.tokenizer.eos_token
    model.config.eos_token_id = model.generation_config.eos_token_id = never
    engine.tokenizer.eos_token = None
    try:
        yield
    finally:
        model.config.eos_token_id, model.generation_config.eos_token_id, engine.tokenizer.eos_token = kept


def once(name: str, engine: Engine, base: Engine, *, prompts: Sequence[tuple[int, ...]], tokens: int) -> Run:
    """One arm answers."""
    decoding, keys = Decoding(max_tokens=tokens), [str(n) for n in range(len(prompts))]
    with counting(base) as seen:
        wall, cpu = time.perf_counter(), time.process_time()
        answers = engine.answer(prompts, decoding=decoding, keys=keys)
        took = time.perf_counter() - wall, time.process_time() - cpu
    passes = len(seen) if engine.steering else 0
    counts = [a.guided or (0, 0) for a in answers]
    said = sum(len(a.ids) for a in answers)
    guide, changed = (sum(one[place] for one in counts) for place in (0, 1))
    return Run(name, *took, said, passes, guide, changed, os.getloadavg()[0])


def arms(tuned: Engine, base: Engine) -> Mapping[str, Engine]:
    """The tuned model alone, and under each blend."""
    made = {words: guided(tuned, base, blend=parse_blend(words).made()) for words in BLENDS}
    return {NONE: tuned, **made}


def table(runs: Sequence[Run]) -> str:
    """Medians; the ratio is the median over repeats of tokens a second beside the tuned model alone in that repeat."""
    by_arm = {arm: [run for run in runs if run.arm == arm] for arm in dict.fromkeys(run.arm for run in runs)}
    lines = [
        "| arm | tokens/s | of tuned alone | lowest to highest | CPU s | guide's passes | guided | changed | load |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for arm, own in by_arm.items():
        ratios = [alone.seconds / run.seconds for alone, run in zip(by_arm[NONE], own, strict=True)]
        cells = [
            arm,
            f"{statistics.median(run.tokens / run.seconds for run in own):.1f}",
            f"{statistics.median(ratios):.3f}",
            f"{min(ratios):.3f} to {max(ratios):.3f}",
            f"{statistics.median(run.cpu for run in own):.2f}",
            str(max(run.passes for run in own)),
            str(own[0].guided),
            str(own[0].changed),
            f"{statistics.median(run.load for run in own):.1f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--base")
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--prompts", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    place = Place(given.device, given.dtype)
    found = load_arms(parse(given.model), parse(given.base) if given.base else None, place=place)
    tuned, base = found["tuned"], found["base"]
    texts = itertools.islice(itertools.cycle(ASKED), given.prompts)
    prompts = [tuned.ids(Chat(str(n), str(n), (Message("user", text),))) for n, text in enumerate(texts)]
    runs: list[Run] = []
    all_arms = arms(tuned, base)
    with endless(tuned):
        for name, engine in all_arms.items():
            once(name, engine, base, prompts=prompts, tokens=4)
        for repeat in range(given.repeats):
            order = random.Random(repeat).sample(list(all_arms), len(all_arms))
            runs += [once(name, all_arms[name], base, prompts=prompts, tokens=given.tokens) for name in order]
    runs.sort(key=lambda run: list(all_arms).index(run.arm))
    print(f"{platform.machine()}, {given.threads} threads, {tuned.info.dtype} on {tuned.info.device},")
    print(
        f"torch {torch.__version__}, {given.prompts} prompts, {given.tokens} tokens, {given.repeats} repeats in turns\n"
    )
    print(table(runs))
    if given.out:
        made = {"versions": versions(), "runs": [asdict(run) for run in runs], "info": asdict(tuned.info)}
        given.out.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
