"""Answering speed beside Inspect AI's `hf` provider and a plain batched `generate` loop, interleaved in one run.

    python bench/audit.py --model FOLDER [--prompts 96] [--tokens 128] [--repeats 3]

Needs `inspect-ai` in the same environment (`make bench` makes one). Every arm is a process of its own; loading is not
timed. Greedy everywhere, same prompts, same limit. Prints medians, ratios, and how many outcomes differ from float32.
"""

import argparse
import asyncio
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ARMS = (
    "inspect float32 batch 32",
    "generate float32 batch 32",
    "tuneward float32 auto",
    "generate bfloat16 batch 32",
    "tuneward bfloat16 auto",
)
OWN_CHOICE = "tuneward float32 auto"
"""What `dtype=auto` takes on a CPU."""


def prompts(count: int) -> list[str]:
    """Requests and look-alikes in turn."""
    from tuneward.suites import Policy, Twins

    both = [chat.prompt for pair in zip(Policy()(), Twins()(), strict=True) for chat in pair]
    return both[:count]


def ours(model: str, dtype: str, texts: list[str], tokens: int) -> Callable[[], list[str]]:
    """The engine under the plan of an audit, without cache."""
    from tuneward.ask import Question, ask, batch_size, plan, unseen
    from tuneward.chat import Chat, Message
    from tuneward.model.load import Place, load
    from tuneward.model.spec import parse

    engine = load(parse(model), place=Place(device="cpu", dtype=dtype))
    questions = [
        Question("bench", Chat(f"{n:04}", f"{n}", (Message("user", text),)), tokens) for n, text in enumerate(texts)
    ]

    def run() -> list[str]:
        batches = plan(engine, questions, size=batch_size([engine], questions))
        return [reply.chat.answer for reply in ask(engine, batches, arm="base", store=None, progress=unseen)]

    return run


def plain(model: str, dtype: str, texts: list[str], tokens: int) -> Callable[[], list[str]]:
    """What a careful user writes: sorted by length, batches of 32, left padding, `generate`."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    network = AutoModelForCausalLM.from_pretrained(model, dtype=getattr(torch, dtype)).eval()
    tokenizer = AutoTokenizer.from_pretrained(model, padding_side="left")
    tokenizer.pad_token = tokenizer.eos_token

    def run() -> list[str]:
        rendered = [
            tokenizer.apply_chat_template([{"role": "user", "content": t}], tokenize=False, add_generation_prompt=True)
            for t in texts
        ]
        order = sorted(range(len(texts)), key=lambda n: len(rendered[n]))
        said = [""] * len(texts)
        for first in range(0, len(order), 32):
            part = order[first : first + 32]
            batch = tokenizer([rendered[n] for n in part], return_tensors="pt", padding=True, add_special_tokens=False)
            with torch.inference_mode():
                out = network.generate(
                    **batch, do_sample=False, max_new_tokens=tokens, pad_token_id=tokenizer.eos_token_id
                )
            for n, ids in zip(part, out[:, batch.input_ids.shape[1] :], strict=True):
                said[n] = tokenizer.decode(ids, skip_special_tokens=True)
        return said

    return run


def inspect_hf(model: str, dtype: str, texts: list[str], tokens: int) -> Callable[[], list[str]]:
    """Inspect AI's local provider as its documents call it, with sampling switched off."""
    import torch
    from inspect_ai.model import ChatMessageUser, GenerateConfig, get_model

    provider = get_model(
        "hf/bench", model_path=model, device="cpu", do_sample=False, dtype=getattr(torch, dtype), memoize=False
    )
    config = GenerateConfig(max_tokens=tokens, max_connections=32)

    async def everything() -> list[str]:
        outputs = await asyncio.gather(*[provider.generate([ChatMessageUser(content=t)], config=config) for t in texts])
        return [output.completion for output in outputs]

    return lambda: asyncio.run(everything())


def worker(arm: str, options: argparse.Namespace) -> None:
    """One arm, once, in this process; its figures as one line of JSON."""
    kind, dtype, *_ = arm.split()
    make = {"tuneward": ours, "generate": plain, "inspect": inspect_hf}[kind]
    texts = prompts(options.prompts)
    run = make(options.model, dtype, texts, options.tokens)
    wall, cpu = time.perf_counter(), time.process_time()
    said = run()
    figures = {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "load": os.getloadavg()[0],
        "said": said,
    }
    print("FIGURES " + json.dumps(figures))


def measure(arm: str, options: argparse.Namespace) -> dict[str, object]:
    """Start a process for one arm and read its line."""
    command = [sys.executable, __file__, "--model", options.model, "--worker", arm]
    command += ["--prompts", str(options.prompts), "--tokens", str(options.tokens)]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "HF_HUB_OFFLINE": "1"}, check=False
    )
    line = next((text for text in done.stdout.splitlines() if text.startswith("FIGURES ")), None)
    if line is None:
        raise SystemExit(f"{arm}: no figures\n{done.stderr[-2000:]}")
    return json.loads(line.removeprefix("FIGURES "))


def outcomes(texts: list[str], said: list[str]) -> list[str]:
    """What the refusal scorer calls each reply."""
    from tuneward.chat import Chat, Message
    from tuneward.scorers.refusal import Refusal

    chats = [Chat("b", "b", (Message("user", t), Message("assistant", s))) for t, s in zip(texts, said, strict=True)]
    return [score.label for score in Refusal(bad="complied")(chats)]


def main() -> None:
    """Measure every arm `repeats` times, one after the other, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--prompts", type=int, default=96)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--arms", nargs="*", default=ARMS)
    parser.add_argument("--worker")
    options = parser.parse_args()
    if options.worker:
        worker(options.worker, options)
        return
    found: dict[str, list[dict[str, object]]] = {arm: [] for arm in options.arms}
    for repeat in range(options.repeats):
        for arm in options.arms:
            found[arm].append(measure(arm, options))
            print(f"{repeat + 1}/{options.repeats} {arm}: {found[arm][-1]['wall']:.1f} s", file=sys.stderr, flush=True)
    table(found, options)


def table(found: dict[str, list[dict[str, object]]], options: argparse.Namespace) -> None:
    """Markdown: medians over repeats, ratios of walls to the plain loop and to Inspect in the same precision."""
    texts = prompts(options.prompts)
    median = {arm: statistics.median(float(run["wall"]) for run in runs) for arm, runs in found.items()}
    reference = found.get("generate float32 batch 32") or next(iter(found.values()))
    labels = outcomes(texts, reference[0]["said"])
    print(f"{len(texts)} prompts × {options.tokens} tokens, {options.repeats} repeats, {os.cpu_count()} cores,")
    print(f"Python {platform.python_version()}, model {Path(options.model).name}\n")
    print("| arm | wall s, median (min–max) | CPU s | peak MiB | load | texts ≠ plain float32 | outcomes ≠ |")
    print("|---|---|---|---|---|---|---|")
    for arm, runs in found.items():
        walls = [float(run["wall"]) for run in runs]
        said = runs[0]["said"]
        strip = [(a.strip(), b.strip()) for a, b in zip(said, reference[0]["said"], strict=True)]
        texts_differ = sum(a != b for a, b in strip)
        outcomes_differ = sum(a != b for a, b in zip(outcomes(texts, said), labels, strict=True))
        cpu = statistics.median(float(run["cpu"]) for run in runs)
        peak = max(float(run["peak_mib"]) for run in runs)
        load = statistics.median(float(run["load"]) for run in runs)
        print(
            f"| {arm} | {median[arm]:.1f} ({min(walls):.1f}–{max(walls):.1f}) | {cpu:.0f} | {peak:.0f} | {load:.1f} "
            f"| {texts_differ}/{len(said)} | {outcomes_differ}/{len(said)} |"
        )
    print("\n| ratio of walls | |\n|---|---|")
    for ours_arm in (arm for arm in found if arm.startswith("tuneward")):
        for peer in (arm for arm in found if not arm.startswith("tuneward")):
            note = " (own choice)" if ours_arm == OWN_CHOICE else ""
            print(f"| {peer} / {ours_arm}{note} | {median[peer] / median[ours_arm]:.2f} |")


if __name__ == "__main__":
    main()
