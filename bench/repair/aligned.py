"""Every repair and blend on benign-tuned children of the aligned SmolLM2, in runs that can be cut and gone on with.

    python bench/repair/aligned.py run --model ALIGNED --tuned CHILD … --rows ROWS.jsonl --data dolly.json --out WORK
        [--unaligned SMOLLM2] [--safe CHILD] [--lox CHILD … --hardened MODEL] [--limit 20] [--arms …]
    python bench/repair/aligned.py safety --out WORK
    python bench/repair/aligned.py list
    python bench/repair/aligned_table.py WORK

CHILD is a folder that bench/tune/aligned.py left (…/tuned), ROWS the rows that it learnt, DATA what these were taken
from: the next rows of at most 192 tokens are the task's, 200 to report, then 128 to search on. Requests to search on
are those of `policy-dev` and `twins-dev`; what is reported are `policy`, `twins` and `utility`, asked and scored as the
audit does. Each arm is one pass of answers; WORK/runs/CHILD/ARM.json holds every prompt's outcome and is not made
again. With --unaligned, methods that need the model before alignment; with --safe also SafeMERGE: a child that learnt
WORK/safety.jsonl, the pool's English refusals and look-alikes, which `safety` writes. LoX comes before tuning: --lox
names a child for each of --tuned, with the same rows and seed but tuned from --hardened, which `tuneward repair ALIGNED
--base SMOLLM2 --out HARDENED lox` wrote.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from aligned_arms import ARMS, LOX, SAFE, SOUP
from aligned_beds import Child, tuner
from transformers.utils import logging
from ways import Arm, Subject, nats, selected

from tuneward.ask import Store, ask, batch_size, plan, unseen
from tuneward.audit.scoring import score_replies
from tuneward.pool import Part, pool
from tuneward.record import digest, to_json, to_jsonl, write_atomic

VERSION = 1
"""Of what is measured: part of every key."""
SELECT = 128
"""Rows that searches read."""
SAFETY: tuple[Part, ...] = ("refusals", "answers")
Found = dict[str, Any]


def measured(child: Child, subject: Subject) -> Found:
    """Every prompt's outcome on every axis (0 good, 1 bad, None not told), and the loss on every row of the task."""
    engine, questions = subject.engine, child.asked.plain
    size = child.options.batch or batch_size([child.live.base, child.live.engine], questions)
    store = Store(child.options.out / "replies")
    replies = ask(engine, plan(engine, questions, size=size), arm="tuned", store=store, progress=unseen)
    outcomes: dict[str, dict[str, int | None]] = {}
    for row in score_replies(replies, child.asked):
        value = None if row.score.value is None else int(row.score.value >= 0.5)
        outcomes.setdefault(row.axis, {})[f"{row.suite}/{row.id}"] = value
    guided = [reply.guided for reply in replies if reply.guided is not None]
    found: Found = {"outcomes": outcomes, "nll": nats(subject.losses(child.report), child.report)}
    return {**found, **({"guided": [sum(one) for one in zip(*guided, strict=True)]} if guided else {})}


def one(child: Child, arm: Arm) -> Found:
    """Repair and measure; what a method refuses is an outcome as well."""
    begun = time.perf_counter()
    curves = child.curves  # read before anything is set: reading them puts the tuned model back
    try:
        subject = arm.make(child)
    except ValueError as error:
        return {"refused": str(error)}
    took = round(time.perf_counter() - begun, 1)
    found = {**subject.told, "made_s": took, "select": selected(curves, subject), **measured(child, subject)}
    child.live.back()
    return {**found, "all_s": round(time.perf_counter() - begun, 1)}


def possible(arm: Arm, options: argparse.Namespace) -> bool:
    """Whether what it needs was given."""
    if arm.needs == SOUP:
        return len(options.tuned) > 1
    if arm.needs == LOX:
        return options.hardened is not None
    return not arm.needs or (options.unaligned is not None and (arm.needs != SAFE or options.safe is not None))


def run(options: argparse.Namespace) -> None:
    """What is not there yet, child by child."""
    wanted = {name: ARMS[name] for name in options.arms or ARMS if possible(ARMS[name], options)}
    for folder in options.tuned:
        child = Child(folder, options)
        prompts(child, options.out)
        for name, arm in wanted.items():
            path = options.out / "runs" / child.name / f"{name.replace(' ', '-')}.json"
            key = digest([VERSION, name, child.name, options.held, options.select, options.limit, str(options.data)])
            if path.is_file() and json.loads(path.read_text())["key"] == key:
                continue
            told = {"child": child.name, "arm": name, "family": arm.family, "tuning": arm.tuning, "key": key}
            told |= one(child, arm)
            write_atomic(path, to_json(told))
            print(f"{child.name} · {name}: {told.get('refused') or told['all_s']}", flush=True)


def safety(out: Path) -> None:
    """Rows for a safety-tuned child."""
    rows = [
        [{"role": m.role, "content": m.content} for m in chat.messages] for chat in pool(*SAFETY, languages=("en",))
    ]
    write_atomic(out / "safety.jsonl", to_jsonl([{"messages": turns} for turns in rows]))


def prompts(child: Child, out: Path) -> None:
    """Family and category of every prompt that was asked, for intervals over families."""
    found = {
        f"{question.suite}/{question.chat.id}": [question.chat.family, question.chat.meta.get("category", "")]
        for question in child.asked.plain
    }
    write_atomic(out / "prompts.json", to_json(found))


def main() -> None:
    """Read the words, do the step."""
    logging.disable_progress_bar()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("run", "safety", "list"))
    parser.add_argument("--model", type=Path, help="the aligned model")
    parser.add_argument("--tuned", type=Path, nargs="+", default=[])
    parser.add_argument("--rows", type=Path, help="rows that were learnt")
    parser.add_argument("--data", type=Path, help="what these were taken from")
    parser.add_argument("--columns", default="")
    parser.add_argument("--unaligned", type=Path, help="the model before alignment")
    parser.add_argument("--safe", type=Path, help="a child tuned on safety rows")
    parser.add_argument("--hardened", type=Path, help="the aligned model after LoX")
    parser.add_argument("--lox", type=Path, nargs="*", default=[], help="its children, one for each of --tuned")
    parser.add_argument("--out", type=Path, default=Path("build/repair-aligned"))
    parser.add_argument("--arms", nargs="*", choices=list(ARMS), default=[])
    parser.add_argument("--held", type=int, default=tuner.HELD, help="rows to report")
    parser.add_argument("--select", type=int, default=SELECT, help="rows to search on")
    parser.add_argument("--limit", type=int, default=0, help="families of each suite, for a try")
    parser.add_argument("--batch", type=int, default=0, help="prompts asked together; from free memory unless given")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    if options.step == "list":
        print("\n".join(ARMS))
        return
    if options.step == "safety":
        safety(options.out)
        return
    if not (options.model and options.tuned and options.rows and options.data):
        parser.error("run needs --model, --tuned, --rows and --data")
    if options.hardened and len(options.lox) != len(options.tuned):
        parser.error("--hardened needs --lox with a child for each of --tuned")
    run(options)


if __name__ == "__main__":
    main()
