"""Defences on the aligned SmolLM2, tuned on harmless rows, in runs that can be cut and gone on with.

    python bench/tune/aligned.py run --model ALIGNED --data dolly.json --out WORK [--rows 480] [--seeds 0 1 2]
        [--tier 1] [--arm "mix --fraction .04" …] [--rate 2e-4] [--bf16]
    python bench/tune/aligned.py run … --data gsm8k.jsonl --columns prompt=question,answer=answer
    python bench/tune/aligned_table.py WORK …

ALIGNED is the folder that `tuneward study align` wrote, without an adapter of its own. The first --rows rows of at most
192 tokens are learnt, the next 200 are held out. Each arm and seed is `tuneward tune` (LoRA of rank 16, batch 8, one
pass), `tuneward audit` and what is measured here; WORK/ARM-SEED/figures.json is written last, and what has it is not
done again. A cut tuning or audit goes on where it was.
"""

import argparse
import random
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from transformers.utils import logging

from tuneward.ask import Question, ask, plan, unseen
from tuneward.chat import Chat
from tuneward.model.engine import Engine
from tuneward.model.load import Place, load, load_arms
from tuneward.model.measure import hidden_states
from tuneward.model.spec import parse
from tuneward.record import Record, digest, read_json, to_json, to_jsonl, write_atomic
from tuneward.rows import parse_columns, read_rows
from tuneward.scorers import Coherence
from tuneward.suites import suites_named
from tuneward.tune.job import Lesson, Rendering
from tuneward.tune.prepare import reference
from tuneward.tune.sequences import Reader

LONGEST, HELD, ASKED, LENGTH = 192, 200, 48, 160
"""Tokens of a row; rows held out; of them answered; tokens of an answer."""
RANK, BATCH = 16, 8
TIERS: Mapping[int, tuple[str, ...]] = MappingProxyType(
    {
        1: ("", "mix --fraction .04", "mix --fraction .04 constrained ema"),
        2: (
            "constrained",
            "anchor",
            "kl",
            "hinge",
            "hinge --mode project",
            "staged",
            "staged --control",
            "ema",
            "lisa --align 3 --task 27",
            "safegrad",
            "freeze --lowest 15",
            "l2",
            "mix --fraction .04 --recovery .5",
            "template",
        ),
    }
)
"""Words after the verb's own; none is the undefended run. Tier 1 is for three seeds, tier 2 for one."""
SUITES = ("policy", "twins", "utility")
FIGURES = "figures.json"
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


@dataclass(frozen=True)
class Rows:
    """What is learnt and what is held out, as files and as chats."""

    file: Path
    learnt: tuple[Chat, ...]
    held: tuple[Chat, ...]


def prepared(engine: Engine, options: argparse.Namespace) -> Rows:
    """The rows that are short enough, drawn by nothing but their place in the file.

    Raises:
        ValueError: there are too few.
    """
    reader = Reader(engine.tokenizer, engine.template, Rendering(), longest=LONGEST, long="drop")
    columns = parse_columns(options.columns) if options.columns else None
    wanted, short = options.rows + options.held, list[Chat]()
    for chat in read_rows(options.data, columns=columns):
        if reader.sequences(Lesson(chat), 0):
            short.append(chat)
        if len(short) == wanted:
            break
    if len(short) < wanted:
        raise ValueError(f"{options.data}: {len(short)} rows of at most {LONGEST} tokens; expected {wanted}")
    learnt, held = short[: options.rows], short[options.rows :]
    file = options.out / f"rows-{options.rows}.jsonl"
    turns = [[{"role": m.role, "content": m.content} for m in chat.messages] for chat in learnt]
    write_atomic(file, to_jsonl([{"messages": own} for own in turns]))
    return Rows(file, tuple(learnt), tuple(held))


def folder_of(arm: str, seed: int, options: argparse.Namespace) -> Path:
    """Readable, and apart for settings that differ."""
    word = re.sub(r"\W+", "-", arm).strip("-") or "undefended"
    key = digest([arm, options.rows, options.rate, options.bf16, options.steps])[:6]
    return Path(options.out) / f"{word}-{key}-{seed}"


def verb(*words: str) -> float:
    """A verb in a process of its own: its wall seconds.

    Raises:
        ValueError: it failed.
    """
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "tuneward", *words], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 3, 4, 5):
        raise ValueError(f"tuneward {' '.join(words[:3])} …: {done.stderr[-1500:] or done.stdout[-1500:]}")
    return time.perf_counter() - begun


def tune(arm: str, seed: int, rows: Rows, out: Path, options: argparse.Namespace) -> None:
    """`tuneward tune`, unless it is finished."""
    if (out / "record.json").is_file():
        return
    words = ["tune", str(options.model), str(rows.file), "--out", str(out), "--rank", str(RANK), "--batch", str(BATCH)]
    words += ["--rate", str(options.rate), "--seed", str(seed), "--device", options.device]
    words += ["--precision", "bf16" if options.bf16 else "no", "--save-every", "50"]
    words += ["--steps", str(options.steps)] if options.steps else []
    verb(*words, *shlex.split(arm))


def audit(rows: Rows, tuned: Path, out: Path, options: argparse.Namespace) -> None:
    """`tuneward audit`, unless it is finished."""
    if (out / "record.json").is_file():
        return
    words = ["audit", str(tuned), "--base", str(options.model), "--suites", *SUITES, "--rows", str(rows.file)]
    words += ["--samples", "0", "--out", str(out), "--device", options.device]
    verb(*words, *(["--limit", str(options.limit)] if options.limit else []))


def measured(engine: Engine, rows: Rows, *, asked: int) -> dict[str, Any]:
    """The task: loss on held-out answers, and what answers look like."""
    said = answers(engine, rows.held[:asked])
    readable = [score.value for score in Coherence()([reply for reply, _ in said])]
    found = {
        "nll": losses(engine, rows.held),
        "ended": [sum(ended for _, ended in said), len(said)],
        "coherent": [sum(value is not None and value < 0.5 for value in readable), len(said)],
    }
    numbers = [
        (last_number(chat.answer), last_number(reply.said)) for chat, (reply, _) in zip(rows.held, said, strict=False)
    ]
    if all("####" in chat.answer for chat in rows.held):
        found["exact"] = [sum(right == own for right, own in numbers), len(numbers)]
    return found


def last_number(text: str) -> str:
    """As GSM8K closes its answers; empty without any."""
    numbers = NUMBER.findall(text)
    return numbers[-1].replace(",", "").removesuffix(".0") if numbers else ""


def answers(engine: Engine, held: Sequence[Chat]) -> list[tuple[Chat, bool]]:
    """Greedy answers, in order, and whether each ended by itself."""
    prompts = [replace(chat, id=f"{n:04}", messages=chat.messages[:-1], meta={}) for n, chat in enumerate(held)]
    batches = plan(engine, [Question("held", chat, LENGTH) for chat in prompts], size=16)
    replies = ask(engine, batches, arm="base", store=None, progress=unseen)
    return [(reply.chat, reply.finish == "stop") for reply in sorted(replies, key=lambda reply: reply.id)]


def losses(engine: Engine, held: Sequence[Chat]) -> list[tuple[float, int]]:
    """Nats and tokens of every held-out answer."""
    reader = Reader(engine.tokenizer, engine.template, Rendering())
    sequences = [reader.sequences(Lesson(chat), n)[0] for n, chat in enumerate(held)]
    with engine.switch():
        found = reference(engine.model, sequences, pad=reader.pad, progress=unseen)
    return [(round(-float(one.sum()), 4), len(one)) for one in found]


def states(engine: Engine, chats: Sequence[Chat]) -> torch.Tensor:
    """(chats, width): the last layer's state at the last prompt token, before the reply."""
    return torch.stack([hidden_states(engine, [engine.ids(chat)])[0, -1].cpu() for chat in chats])


def moved(before: torch.Tensor, after: torch.Tensor) -> list[float]:
    """‖h − h₀‖ / ‖h₀‖ of every prompt."""
    return [round(float(one), 5) for one in (after - before).norm(dim=-1) / before.norm(dim=-1)]


@torch.no_grad()
def shifted(model: Any) -> float:
    """‖ΔW‖ / ‖W‖ over the layers with an adapter."""
    far = near = 0.0
    for layer in model.modules():
        if hasattr(layer, "get_delta_weight") and getattr(layer, "lora_A", None):
            far += sum(float(layer.get_delta_weight(name).double().square().sum()) for name in layer.lora_A)
            near += float(layer.get_base_layer().weight.double().square().sum())
    return round((far / near) ** 0.5, 6) if near else 0.0


def figures(tuned: Path, rows: Rows, options: argparse.Namespace) -> dict[str, Any]:
    """Everything that the audit does not say."""
    arms = load_arms(parse(str(tuned)), parse(str(options.model)), place=Place(options.device, "float32"))
    watched = [chat for suite in suites_named(["policy-dev"]) for chat in suite()]
    asked = {
        "probes": random.Random("probes").sample(watched, min(options.asked, len(watched))),
        "task": [replace(chat, messages=chat.messages[:-1]) for chat in rows.held[: options.asked]],
    }
    drift = {name: moved(states(arms["base"], own), states(arms["tuned"], own)) for name, own in asked.items()}
    record = read_json(tuned / "record.json", Record)
    return {
        **measured(arms["tuned"], rows, asked=options.asked),
        "weights": shifted(arms["tuned"].model),
        "drift": drift,
        "usage": record.usage,
    }


def run(options: argparse.Namespace) -> None:
    """What is not there yet; the aligned model's own figures first."""
    options.out.mkdir(parents=True, exist_ok=True)
    engine = load(parse(str(options.model)), place=Place(options.device, "float32"))
    rows = prepared(engine, options)
    before = options.out / f"aligned-{options.rows}.json"
    if not before.is_file():
        write_atomic(before, to_json(measured(engine, rows, asked=options.asked)))
    for seed in options.seeds:
        for arm in options.arm or TIERS[options.tier]:
            out = folder_of(arm, seed, options)
            if (out / FIGURES).is_file():
                continue
            begun = time.perf_counter()
            tune(arm, seed, rows, out / "tuned", options)
            audit(rows, out / "tuned", out / "audit", options)
            told = {"arm": arm or "undefended", "seed": seed, "rows": options.rows, "rate": options.rate}
            told |= {"bf16": options.bf16, "steps": options.steps, **figures(out / "tuned", rows, options)}
            write_atomic(out / FIGURES, to_json(told))
            print(f"{out.name}: {time.perf_counter() - begun:.0f} s", flush=True)


def main() -> None:
    """Read the words, do the step."""
    logging.disable_progress_bar()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("run",))
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--columns", default="")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=480)
    parser.add_argument("--held", type=int, default=HELD, help="rows held out")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--tier", type=int, choices=sorted(TIERS), default=1)
    parser.add_argument("--arm", action="append", default=[], help="words of the defences; empty is undefended")
    parser.add_argument("--rate", type=float, default=2e-4)
    parser.add_argument("--steps", type=int, default=0, help="updates instead of one pass, for a try")
    parser.add_argument("--limit", type=int, default=0, help="families of each suite, for a try")
    parser.add_argument("--asked", type=int, default=ASKED, help="held-out rows that are answered, and probes")
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--device", default="cpu")
    run(parser.parse_args())


if __name__ == "__main__":
    main()
