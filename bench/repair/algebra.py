"""What Safe LoRA's projector and LoX's directions cost at full size, beside the textbook way, and whether both agree.

    python bench/repair/algebra.py run [--side 4096] [--rank 16] [--layers 3] [--repeats 7] [--power .6] [--json FILE]
    python bench/repair/algebra.py table [--json FILE]

Layers are square, of random numbers: V = base − unaligned has directions of size k^−power, ΔW = B A is an adapter's,
more or less along V from layer to layer. Arms take turns, in another order each round, in one process and thread;
times are CPU seconds of one layer, from the stored bfloat16 tensors to the new factors (Safe LoRA) or the new rows
(LoX). The textbook way multiplies out: C = VVᵀ/‖V‖ or P = UUᵀ from a full decomposition, C ΔW, float32 norms. Decisions
of both are compared with float64, where everything is multiplied out too.
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from tuneward.checkpoint.delta import LowRank
from tuneward.checkpoint.layer import Given, Layer
from tuneward.record import to_json, write_atomic
from tuneward.repair.alignment import Alignment, below
from tuneward.repair.lox import LoX

OUT = Path(__file__).with_name("algebra.json")
NAME = "model.layers.0.mlp.down_proj.weight"
THRESHOLD, ENERGY = 0.5, 0.9
Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One layer, as it is stored."""

    base: Tensor
    before: Tensor
    low: LowRank
    tuned: Tensor

    def v(self) -> Tensor:
        """What alignment changed."""
        return self.base.float() - self.before.float()

    @property
    def names(self) -> tuple[str, ...]:
        """Its one weight: the case is the further checkpoint as well."""
        return (NAME,)

    def rows(self, _name: str, part: slice) -> Tensor:
        """Of the checkpoint before alignment."""
        return self.before[part]

    def factors(self, _name: str) -> None:
        """It is a whole model."""
        return


def case(side: int, rank: int, along: float, *, power: float, seed: int) -> Case:
    """A layer whose ΔW lies more or less along V."""
    drawn = torch.Generator().manual_seed(seed)

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, generator=drawn)

    sizes = torch.arange(1, side + 1).float() ** -power
    v = (random(side, side) * sizes) @ random(side, side) * (1e-3 / side**0.5)
    base = (random(side, side) * side**-0.5).bfloat16()
    before = base.float() - v
    b = random(side, rank)
    inside = v @ (v.T @ random(side, rank))
    b = (1 - along) * b / b.norm() + along * inside / inside.norm()
    low = LowRank(b, random(rank, side) * side**-0.5)
    return Case(base, before, low, (base.float() + v).bfloat16())


def ours(one: Case, projector: str) -> Row:
    """Low-rank products, sampled directions, float64 norms."""
    layer = Layer(
        NAME, tuple(one.base.shape), lambda part: one.base[part], lambda part: one.tuned[part], one.base.dtype
    )
    adapted = Layer(NAME, layer.shape, layer.base, layer.tuned, layer.dtype, one.low)
    alignment = Alignment(one, projector, ENERGY, 0)  # type: ignore[arg-type]
    ((found, low),) = below(alignment, [adapted], THRESHOLD)  # type: ignore[arg-type]
    return {"cosine": found.cosine, "low": low, "directions": found.rank, "error": found.error, "exact": found.exact}


def textbook(one: Case, projector: str) -> Row:
    """d × d products, a full decomposition, float32 norms."""
    v, rank = one.v(), None
    if projector == "published":
        matrix = v @ v.T / torch.norm(v)
    else:
        u, sizes, _ = torch.linalg.svd(v)
        held = sizes.square().cumsum(0) / sizes.square().sum()
        rank = int((held < ENERGY).sum()) + 1
        matrix = u[:, :rank] @ u[:, :rank].T
    delta = one.low.b @ one.low.a
    value = float(cosine_similarity((matrix @ delta).reshape(1, -1), delta.reshape(1, -1)))
    matrix @ one.low.b
    return {"cosine": value, "low": value <= THRESHOLD, "directions": rank}


def precise(one: Case, projector: str) -> Row:
    """Float64 throughout."""
    v, delta = one.v().double(), one.low.b.double() @ one.low.a.double()
    if projector == "published":
        part = v @ (v.T @ delta)
    else:
        sizes, turned = torch.linalg.eigh(v @ v.T)
        held = sizes.flip(0).cumsum(0) / sizes.sum()
        u = turned.flip(1)[:, : int((held < ENERGY).sum()) + 1]
        part = u @ (u.T @ delta)
    value = float((part * delta).sum() / (part.square().sum().sqrt() * delta.square().sum().sqrt()))
    return {"cosine": value, "low": value <= THRESHOLD}


def lox_layer(one: Case) -> Layer:
    """The aligned model beside the one before."""
    return Layer(
        NAME, tuple(one.base.shape), lambda part: one.base[part], lambda part: one.tuned[part], one.tuned.dtype
    )


def our_lox(one: Case) -> Row:
    """Six sampled directions."""
    layer = lox_layer(one)
    (looked,) = LoX().looked([layer])  # type: ignore[arg-type]
    assert isinstance(looked.fate, Given)
    new = looked.fate.rows(slice(None))
    new.to(one.tuned.dtype)
    return {"error": looked.error, "new": new}


def textbook_lox(one: Case) -> Row:
    """All directions, then six."""
    delta = one.tuned.float() - one.base.float()
    u, sizes, v = torch.linalg.svd(delta, full_matrices=False)
    first = (u[:, :6] * sizes[:6]) @ v[:6]
    error = float(sizes[6:].square().sum() / sizes.square().sum()) ** 0.5
    new = one.tuned.float() + 1.25 * first
    new.to(one.tuned.dtype)
    return {"error": error, "new": new}


ARMS: Mapping[str, Mapping[str, Callable[[Case], Row]]] = {
    "Safe LoRA, as published": {
        "ours": lambda one: ours(one, "published"),
        "textbook": lambda one: textbook(one, "published"),
    },
    "Safe LoRA, true projector": {"ours": lambda one: ours(one, "rank"), "textbook": lambda one: textbook(one, "rank")},
    "LoX, 6 directions": {"ours": our_lox, "textbook": textbook_lox},
}


def timed(arm: Callable[[Case], Row], one: Case) -> tuple[Row, float]:
    """What it found, and its CPU seconds."""
    before = time.process_time()
    found = arm(one)
    return found, time.process_time() - before


def agreed(task: str, one: Case, found: Mapping[str, Row]) -> Row:
    """How both ways compare on one layer."""
    if task.startswith("LoX"):
        changes = {arm: row["new"] - one.tuned.float() for arm, row in found.items()}
        apart = (changes["ours"] - changes["textbook"]).norm() / changes["textbook"].norm()
        return {"apart": float(apart), "error": found["ours"]["error"], "error_textbook": found["textbook"]["error"]}
    wanted = precise(one, "published" if "published" in task else "rank")
    rows = {arm: {key: row[key] for key in row} for arm, row in found.items()}
    return {
        "cosine": wanted["cosine"],
        "low": wanted["low"],
        "off": {arm: abs(row["cosine"] - wanted["cosine"]) for arm, row in rows.items()},
        "equal": {arm: row["low"] == wanted["low"] for arm, row in rows.items()},
        "directions": rows["ours"]["directions"],
        "error": rows["ours"]["error"],
        "exact": rows["ours"]["exact"],
    }


def run(options: argparse.Namespace) -> str:
    """All rounds; the first also compares what was found."""
    torch.set_num_threads(1)
    lines: list[Row] = []
    for number in range(options.layers):
        along = number / max(1, options.layers - 1) * 0.8
        one = case(options.side, options.rank, along, power=options.power, seed=number)
        rounds = options.repeats if number == 0 else 1
        for task, arms in ARMS.items():
            for turn in range(rounds):
                order = list(arms) if turn % 2 == 0 else list(arms)[::-1]
                load = os.getloadavg()[0]
                both = {arm: timed(arms[arm], one) for arm in order}
                line = {"task": task, "layer": number, "load": round(load, 2)}
                line |= {arm: seconds for arm, (_, seconds) in both.items()}
                if turn == 0:
                    line |= agreed(task, one, {arm: found for arm, (found, _) in both.items()})
                lines.append(line)
                print(json.dumps(line), flush=True)
    machine = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()}
    settings = {"side": options.side, "rank": options.rank, "power": options.power, "torch": str(torch.__version__)}
    write_atomic(options.json, to_json({"machine": machine, "settings": settings, "lines": lines}))
    return table(options.json)


def table(path: Path) -> str:
    """One line a task."""
    document = json.loads(path.read_text(encoding="utf-8"))
    side, lines = document["settings"]["side"], document["lines"]
    said = [
        f"| {side} × {side} | textbook, s | ours, s | times | equal decisions | largest error |",
        "|---|" + "--:|" * 5,
    ]
    for task in ARMS:
        of_task = [line for line in lines if line["task"] == task]
        first = [line for line in of_task if line["layer"] == 0]
        slow, fast = (median(line[arm] for line in first) for arm in ("textbook", "ours"))
        seen = [line for line in of_task if "equal" in line or "apart" in line]
        if "equal" in seen[0]:
            equal = f"{sum(line['equal']['ours'] for line in seen)} / {len(seen)}"
            equal += f" (textbook {sum(line['equal']['textbook'] for line in seen)})"
            off = {arm: max(line["off"][arm] for line in seen) for arm in ("ours", "textbook")}
            error = f"cosine {off['ours']:.1e} (textbook {off['textbook']:.1e})"
            if seen[0]["directions"]:
                error += f", {seen[0]['directions']} directions leave {max(line['error'] for line in seen):.3f} of V"
        else:
            equal = "–"
            error = f"new weights {max(line['apart'] for line in seen):.1e} of the change"
        said.append(f"| {task} | {slow:.2f} | {fast:.3f} | {slow / fast:.0f} | {equal} | {error} |")
    return "\n".join(said)


def main() -> None:
    """Run, or print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=("run", "table"))
    parser.add_argument("--side", type=int, default=4096)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--power", type=float, default=0.6)
    parser.add_argument("--json", type=Path, default=OUT)
    options = parser.parse_args()
    print(run(options) if options.what == "run" else table(options.json))


if __name__ == "__main__":
    main()
