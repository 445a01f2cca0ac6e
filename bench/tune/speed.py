"""How fast tuning is beside TRL, and what each defence costs beside our own undefended run, in one run.

    python bench/tune/speed.py run --model MODEL --data DOLLY.json --out WORK [--rows 96] [--repeats 3]
        [--arms trl undefended constrained …] [--bf16] [--json FILE]
    python bench/tune/speed.py table [--json FILE]

Every arm is a process of its own; arms take turns, in another order each round. All learn the same rows, the first of
DATA with at most 192 tokens under the model's template: LoRA of rank 16 on all linear layers, batch 8, one pass, no
gradient checkpointing, answers only. Times are those of the steps, from the begin of the first to the end of the last:
loading, and what is prepared once before (own answers, the reference's log-probabilities), stand apart. Tokens are
those of the rows, padding not counted. TRL gets the same ids and labels ready-made; its order of rows is its own.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from tuneward.record import to_json, write_atomic

OUT = Path(__file__).with_name("speed.json")
ARMS: Mapping[str, tuple[str, ...]] = {
    "trl": (),
    "undefended": (),
    "constrained": ("constrained",),
    "anchor, K = 2": ("anchor", "--prompts", "2"),
    "anchor, K = 2, all each step": ("anchor", "--prompts", "2", "--every", "1"),
    "anchor, K = 8, each 4th step": ("anchor", "--prompts", "8", "--every", "4"),
    "mix, 4 %": ("mix", "--fraction", ".04"),
    "monitor": (),
}
Row = dict[str, Any]


def arm(name: str, options: argparse.Namespace, *, seed: int) -> Row:
    """One process: what it printed last, and the machine's load before it."""
    load = os.getloadavg()[0]
    command = [sys.executable, str(Path(__file__).with_name("speed_arm.py")), name, str(options.model)]
    command += [str(options.data), str(options.out), str(options.rows), str(seed), str(int(options.bf16))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"{name}: {done.stderr[-2000:]}")
    found: Row = json.loads(done.stdout.splitlines()[-1])
    return {"arm": name, "seed": seed, "load": round(load, 2), **found}


def run(options: argparse.Namespace) -> str:
    """All rounds; lines are kept as they come."""
    lines: list[Row] = json.loads(options.json.read_text())["lines"] if options.json.is_file() else []
    first = 1 + max((line["seed"] for line in lines), default=-1)
    for number in range(first, first + options.repeats):
        turn = number % len(options.arms)
        for name in (*options.arms[turn:], *options.arms[:turn]):
            begun = time.perf_counter()
            lines.append({**arm(name, options, seed=number), "bf16": options.bf16, "rows": options.rows})
            print(f"{name} · {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
            about = {"cpu": platform.processor() or platform.machine(), "cores": os.cpu_count()}
            about |= {of: version(of) for of in ("torch", "transformers", "peft", "trl", "tuneward")}
            write_atomic(options.json, to_json({"machine": about, "lines": lines}))
    return table(lines)


COLUMNS = (
    "arm, precision, rows, rounds, tokens/s, × TRL, time × undefended, CPU s, s before the steps, MiB, held-out nats"
)
KEYS = (("cpu_s", 0), ("prepared_s", 1), ("peak_mib", 0), ("held_out", 4))


def table(lines: Sequence[Row]) -> str:
    """Medians over rounds; ratios within each round, then their median and range."""
    names = COLUMNS.split(", ")
    told = [f"| {' | '.join(names)} |", "|" + " --- |" * len(names)]
    for half, rows in sorted({(line["bf16"], line["rows"]) for line in lines}):
        of = [line for line in lines if (line["bf16"], line["rows"]) == (half, rows)]
        for name in dict.fromkeys(line["arm"] for line in of):
            own = [line for line in of if line["arm"] == name]
            speed = [against(line, "trl", of, key="tokens_s") for line in own]
            cost = [against(line, "undefended", of, key="steps_s") for line in own]
            figures = [f"{median(line['tokens_s'] for line in own):.0f}", spread(speed), spread(cost)]
            figures += [f"{median(line[key] for line in own):.{digits}f}" for key, digits in KEYS]
            about = [name, "bf16" if half else "fp32", str(rows), str(len(own))]
            told.append(f"| {' | '.join([*about, *figures])} |")
    return "\n".join(told)


def against(line: Row, arm_name: str, lines: Sequence[Row], *, key: str) -> float | None:
    """Its figure over that of the other arm in the same round."""
    other = [one for one in lines if one["arm"] == arm_name and one["seed"] == line["seed"]]
    return line[key] / other[-1][key] if other else None


def spread(values: Sequence[float | None]) -> str:
    """Median and range."""
    known = sorted(value for value in values if value is not None)
    return f"{median(known):.2f} [{known[0]:.2f}, {known[-1]:.2f}]" if known else "–"


def main() -> None:
    """Read the words, do the step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    steps = parser.add_subparsers(dest="step", required=True)
    step = steps.add_parser("run")
    step.add_argument("--model", type=Path, required=True)
    step.add_argument("--data", type=Path, required=True)
    step.add_argument("--out", type=Path, required=True)
    step.add_argument("--rows", type=int, default=96)
    step.add_argument("--repeats", type=int, default=3)
    step.add_argument("--arms", nargs="+", choices=list(ARMS), default=list(ARMS))
    step.add_argument("--bf16", action="store_true")
    for one in (step, steps.add_parser("table")):
        one.add_argument("--json", type=Path, default=OUT)
    options = parser.parse_args()
    print(run(options) if options.step == "run" else table(json.loads(options.json.read_text())["lines"]))


if __name__ == "__main__":
    main()
