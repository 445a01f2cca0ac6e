"""How fast a repaired checkpoint is written, beside mergekit, a naive stream, and the least there is to do.

    python bench/repair/speed.py run --work WORK [--mergekit VENV/bin/mergekit-yaml] [--sizes 0.3 1 3] [--repeats 7]
        [--layouts sharded single] [--arms ours mergekit …] [--json FILE]
    python bench/repair/speed.py limit --work WORK [--sizes 0.3 1 3] [--json FILE]
    python bench/repair/speed.py table [--json FILE]

WORK must be outside the repository and have room for three times the largest size. Every arm is a process of its own;
arms take turns, in another order each round; before each the inputs are read once and the disk is left to finish.
Seconds are from asking for the process to its end; of our own arms those of loading libraries stand apart. CPU seconds
and bytes are the whole process's, anonymous memory is the highest of samples a few milliseconds apart.
`limit` looks for the smallest address space (ulimit -v) in which ours finishes.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import torch
from safetensors import safe_open
from speed_made import SIZES, made

from tuneward.record import to_json, write_atomic

OUT = Path(__file__).with_name("speed.json")
ARM = Path(__file__).with_name("speed_arm.py")
ARMS = ("ours", "mergekit", "naive stream", "floor", "floor, on disk")
ALPHA, MIB = 0.6, 1 << 20
Row = dict[str, Any]


@dataclass(frozen=True)
class Inputs:
    """What an arm reads, and where it writes."""

    tuned: Path
    base: Path
    out: Path
    mergekit: Path | None

    def command(self, name: str, begun: float) -> list[str]:
        """The words that start an arm."""
        if name != "mergekit":
            return [sys.executable, str(ARM), name, str(self.tuned), str(self.base), str(self.out), repr(begun)]
        config = self.out.with_suffix(".yaml")
        weighted = [(self.tuned, ALPHA), (self.base, 1 - ALPHA)]
        models = [{"model": str(model), "parameters": {"weight": share}} for model, share in weighted]
        config.write_text(json.dumps({"merge_method": "linear", "dtype": "bfloat16", "models": models}))
        return [str(self.mergekit), str(config), str(self.out), "--quiet"]

    def rest(self) -> None:
        """Nothing of the arm before, inputs read, nothing left for the disk to write."""
        shutil.rmtree(self.out, ignore_errors=True)
        os.sync()
        for file in (*self.tuned.glob("*.safetensors"), *self.base.glob("*.safetensors")):
            with file.open("rb", 0) as opened:
                while opened.read(16 * MIB):
                    pass


def sampled(process: subprocess.Popen[str]) -> dict[str, int]:
    """Highest anonymous memory and last counts of bytes until the process ends; it is not waited for."""
    seen = {"anonymous": 0, "address_space": 0, "read": 0, "written": 0}
    home = Path(f"/proc/{process.pid}")
    while True:
        try:
            status = fields(home / "status")
            counts = fields(home / "io")
        except (OSError, ValueError):
            return seen
        if "RssAnon" not in status:
            return seen
        seen["anonymous"] = max(seen["anonymous"], status["RssAnon"] * 1024)
        seen["address_space"] = max(seen["address_space"], status["VmPeak"] * 1024)
        seen["read"], seen["written"] = counts["rchar"], counts["wchar"]
        time.sleep(0.004)


def fields(path: Path) -> dict[str, int]:
    """Name → number, of a file of the kernel's."""
    pairs = (line.split()[:2] for line in path.read_text().splitlines() if len(line.split()) > 1)
    return {name.rstrip(":"): int(value) for name, value in pairs if value.isdigit()}


def once(name: str, inputs: Inputs, *, address_space: int = 0) -> Row:
    """One process from begin to end."""
    inputs.rest()
    load, begun = os.getloadavg()[0], time.monotonic()
    process = subprocess.Popen(
        inputs.command(name, begun),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=(lambda: resource.setrlimit(resource.RLIMIT_AS, (address_space,) * 2)) if address_space else None,
    )
    seen = sampled(process)
    _, code, used = os.wait4(process.pid, 0)
    wall = time.monotonic() - begun
    process.returncode = os.waitstatus_to_exitcode(code)
    said, complained = process.communicate()
    if process.returncode:
        raise ValueError(f"{name}: {complained[-2000:]}")
    inner: Row = json.loads(said.splitlines()[-1]) if name != "mergekit" else {}
    return {"load": round(load, 2), "wall_s": wall, "cpu_s": used.ru_utime + used.ru_stime, **seen, **inner}


def right(inputs: Inputs) -> float:
    """Share of one tensor's numbers that are those of the mix in float32, rounded once."""
    name = "model.layers.1.mlp.down_proj.weight"
    found = {}
    for folder in (inputs.tuned, inputs.base, inputs.out):
        for file in folder.glob("*.safetensors"):
            with safe_open(file, "pt") as opened:
                if name in opened.keys():  # noqa: SIM118
                    found[folder] = opened.get_tensor(name)
    mixed = torch.lerp(found[inputs.base].float(), found[inputs.tuned].float(), ALPHA).bfloat16()
    return float((mixed == found[inputs.out]).float().mean())


def run(options: argparse.Namespace) -> str:
    """All rounds; lines are kept as they come."""
    kept = json.loads(options.json.read_text()) if options.json.is_file() else {"lines": [], "limits": []}
    arms = [name for name in options.arms if name != "mergekit" or options.mergekit]
    first = 1 + max((line["round"] for line in kept["lines"]), default=-1)
    for size in options.sizes:
        for layout in options.layouts:
            tuned, base = made(options.work, size, sharded=layout == "sharded")
            inputs = Inputs(tuned, base, options.work / "out", options.mergekit)
            for number in range(first, first + options.repeats):
                turn = number % len(arms)
                for name in (*arms[turn:], *arms[:turn]):
                    line = {"arm": name, "size": size, "layout": layout, "round": number, **once(name, inputs)}
                    kept["lines"].append({**line, "right": None if "floor" in name else right(inputs)})
                    print(f"{size} {layout} {name} · {line['wall_s']:.2f} s", file=sys.stderr, flush=True)
                    keep(options, kept)
    shutil.rmtree(options.work / "out", ignore_errors=True)
    return table(kept["lines"], kept["limits"])


def limit(options: argparse.Namespace) -> str:
    """Halve the interval between what fails and what is enough, to 8 MiB."""
    kept = json.loads(options.json.read_text()) if options.json.is_file() else {"lines": [], "limits": []}
    for size in options.sizes:
        tuned, base = made(options.work, size, sharded=False)
        inputs = Inputs(tuned, base, options.work / "out", None)
        short, enough = 256, 4096
        while enough - short > 8:
            middle = (short + enough) // 2
            try:
                once("ours", inputs, address_space=middle * MIB)
                enough = middle
            except ValueError:
                short = middle
        kept["limits"].append({"size": size, "mib": enough})
        keep(options, kept)
    return table(kept["lines"], kept["limits"])


def keep(options: argparse.Namespace, kept: Mapping[str, Any]) -> None:
    """Figures, and what they were measured on."""
    about = {"cpu": platform.processor() or platform.machine(), "cores": os.cpu_count()}
    about |= {of: version(of) for of in ("torch", "safetensors", "tuneward")}
    about["mergekit"] = version_of(options.mergekit) if options.mergekit else kept.get("machine", {}).get("mergekit")
    write_atomic(options.json, to_json({"machine": about, "lines": kept["lines"], "limits": kept["limits"]}))


def version_of(program: Path) -> str:
    """Of the package that lies beside a program."""
    asked = [
        str(program.with_name("python")),
        "-c",
        "from importlib.metadata import version as v; print(v('mergekit'))",
    ]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


def shown(options: argparse.Namespace) -> str:
    """What was measured so far."""
    kept = json.loads(options.json.read_text())
    return table(kept["lines"], kept["limits"])


COLUMNS = (
    "GB", "layout", "arm", "rounds", "seconds", "without start-up", "mergekit ÷ it", "it ÷ floor", "it ÷ floor on disk",
    "CPU s", "GB read", "GB written", "anonymous MiB", "right",
)  # fmt: skip


def table(lines: Sequence[Row], limits: Sequence[Row]) -> str:
    """Medians with the middle half; ratios within each round, then their median; floors without start-up."""
    told = [f"| {' | '.join(COLUMNS)} |", "|" + " --- |" * len(COLUMNS)]
    for size, layout in dict.fromkeys((line["size"], line["layout"]) for line in lines):
        of = [line for line in lines if (line["size"], line["layout"]) == (size, layout)]
        for name in dict.fromkeys(line["arm"] for line in of):
            own = [line for line in of if line["arm"] == name]
            apart = [line["work_s"] for line in own if "work_s" in line]
            faster = [1 / ratio for ratio in ratios(own, of, "mergekit", "wall_s")]
            cells = [size, layout, name, str(len(own)), middle([line["wall_s"] for line in own]), middle(apart)]
            cells += [middle(faster), *(middle(ratios(own, of, to, "work_s")) for to in ("floor", "floor, on disk"))]
            cells += [middle([line["cpu_s"] for line in own])]
            cells += [f"{median(line[key] for line in own) / 1e9:.2f}" for key in ("read", "written")]
            cells += [f"{median(line['anonymous'] for line in own) / MIB:.0f}"]
            share = [line["right"] for line in own if line["right"] is not None]
            told.append(f"| {' | '.join([*cells, f'{median(share):.4f}' if share else '–'])} |")
    told += [f"\n{one['size']} GB: ours finishes in {one['mib']} MiB of address space." for one in limits]
    return "\n".join(told)


def ratios(own: Sequence[Row], lines: Sequence[Row], arm: str, key: str) -> list[float]:
    """Its figure over the other arm's in the same round."""
    other = {line["round"]: line[key] for line in lines if line["arm"] == arm and key in line}
    return [line[key] / other[line["round"]] for line in own if key in line and line["round"] in other]


def middle(values: Sequence[float]) -> str:
    """Median and quartiles."""
    if len(values) < 2:
        return f"{values[0]:.2f}" if values else "–"
    low, _, high = quantiles(values, n=4, method="inclusive")
    return f"{median(values):.2f} [{low:.2f}, {high:.2f}]"


def main() -> None:
    """Read the words, do the step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    steps = parser.add_subparsers(dest="step", required=True)
    for word, does in (("run", run), ("limit", limit)):
        step = steps.add_parser(word)
        step.add_argument("--work", type=Path, required=True)
        step.add_argument("--sizes", nargs="+", choices=list(SIZES), default=list(SIZES))
        step.add_argument("--layouts", nargs="+", choices=["sharded", "single"], default=["sharded", "single"])
        step.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
        step.add_argument("--mergekit", type=Path)
        step.add_argument("--repeats", type=int, default=7)
        step.add_argument("--json", type=Path, default=OUT)
        step.set_defaults(does=does)
    step = steps.add_parser("table")
    step.add_argument("--json", type=Path, default=OUT)
    step.set_defaults(
        does=lambda options: table(*(json.loads(options.json.read_text())[k] for k in ("lines", "limits")))
    )
    options = parser.parse_args()
    print(options.does(options))


if __name__ == "__main__":
    main()
