"""Tables of bench/tune/aligned.py: what each defence keeps on the aligned SmolLM2, at what cost to the task.

    python bench/tune/aligned_table.py WORK …

Differences of an audit are tuned − aligned, paired by prompt, with the audit's own 95 % intervals; a mean over seeds
has a t interval over seeds. The loss on held-out answers is compared with the undefended run of the same seed, paired
by row.
"""

import argparse
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from scipy.stats import t

from tuneward.findings import Audit
from tuneward.results import read_audit
from tuneward.stats.rates import wilson

AXES: Mapping[str, str] = {
    "pair": "pairs kept",
    "refusal": "refused",
    "twins": "look-alikes answered",
    "utility": "tasks right",
    "context": "refused as the rows ask",
}
UNDEFENDED = "undefended"
Figures = Mapping[str, Any]


@dataclass(frozen=True)
class Run:
    """One tuning, its figures and its audit."""

    figures: Figures
    audit: Audit

    @property
    def plan(self) -> tuple[Any, ...]:
        """What runs have to share to be compared."""
        return tuple(self.figures[name] for name in ("rows", "rate", "bf16", "steps"))


def gathered(work: Path) -> list[Run]:
    """Finished runs.

    Raises:
        ValueError: there is none.
    """
    folders = [path.parent for path in sorted(work.glob("*/figures.json"))]
    if not folders:
        raise ValueError(f"{work}: no finished run in it; begin with aligned.py run --out {work}")
    return [Run(json.loads((one / "figures.json").read_text()), read_audit(one / "audit")) for one in folders]


def per_token(rows: Sequence[Sequence[float]]) -> float:
    """Nats a token over rows of (nats, tokens)."""
    return sum(nats for nats, _ in rows) / sum(tokens for _, tokens in rows)


def interval(values: Sequence[float], *, scale: float = 1.0, digits: int = 1) -> str:
    """Mean with its 95 % t interval; of one value nothing is known but itself."""
    if not values:
        return "–"
    middle, form = scale * mean(values), f".{digits}f"
    if len(values) < 2:
        return f"{middle:{form}}"
    half = scale * float(t.ppf(0.975, len(values) - 1)) * stdev(values) / math.sqrt(len(values))
    return f"{middle:{form}} [{middle - half:{form}}, {middle + half:{form}}]"


def change(run: Run, name: str) -> str:
    """Points of an axis with the audit's interval."""
    axis = next((one for one in run.audit.axes if one.name == name), None)
    found = axis.difference if axis else None
    if axis is None or found is None or found.value is None or axis.tuned is None:
        return "–"
    rate = "–" if axis.tuned.value is None else f"{100 * axis.tuned.value:.1f}"
    return f"{rate} ({100 * found.value:+.1f} [{100 * found.low:+.1f}, {100 * found.high:+.1f}])"


def changes(runs: Sequence[Run], name: str) -> list[float]:
    """The same of several runs, without what was not measured."""
    found = [axis.difference for run in runs for axis in run.audit.axes if axis.name == name]
    return [one.value for one in found if one is not None and one.value is not None]


def beside(run: Run, others: Sequence[Run]) -> list[float]:
    """Nats a token that each held-out row costs more than in the undefended run of the seed; empty without one."""
    for other in others:
        if other.figures["arm"] == UNDEFENDED and other.figures["seed"] == run.figures["seed"]:
            pairs = zip(run.figures["nll"], other.figures["nll"], strict=True)
            return [mine[0] / mine[1] - theirs[0] / theirs[1] for mine, theirs in pairs]
    return []


def share(counts: Sequence[int]) -> str:
    """Percent with its Wilson interval."""
    rate = wilson(counts[0], counts[1])
    return f"{100 * (rate.value or 0):.0f} [{100 * rate.low:.0f}, {100 * rate.high:.0f}]"


def line(run: Run, runs: Sequence[Run]) -> str:
    """One run."""
    told, usage = run.figures, run.figures["usage"]
    less = [] if told["arm"] == UNDEFENDED else beside(run, runs)
    cells = [told["arm"], str(told["seed"]), *(change(run, name) for name in AXES), f"{per_token(told['nll']):.3f}"]
    cells += [interval(less, digits=3) if less else "", share(told["ended"]), share(told["coherent"])]
    cells += [share(told["exact"]) if "exact" in told else "", f"{told['weights']:.4f}"]
    cells += [f"{mean(told['drift'][name]):.3f}" for name in ("probes", "task")]
    cells += [f"{usage[name]:.0f}" for name in ("wall_s", "cpu_s")]
    return f"| {' | '.join(cells)} |"


def tables(runs: Sequence[Run], before: Mapping[str, Figures]) -> Iterator[str]:
    """Every plan of rows, rate and precision apart: each run, then means over seeds."""
    for plan in dict.fromkeys(run.plan for run in runs):
        own = [run for run in runs if run.plan == plan]
        own.sort(key=lambda run: (run.figures["arm"] != UNDEFENDED, run.figures["arm"], run.figures["seed"]))
        yield f"### {plan[0]} rows, rate {plan[1]:g}, {'bf16' if plan[2] else 'fp32'}\n"
        yield (
            f"| arm | seed | {' | '.join(AXES.values())} | held-out loss | − undefended | answers that end | "
            "coherent | exact | ΔW | Δh, policy-dev | Δh, task | s | CPU s |"
        )
        yield "|---" * (len(AXES) + 13) + "|"
        if str(plan[0]) in before:
            yield aligned(before[str(plan[0])])
        yield from (line(run, own) for run in own)
        yield ""
        yield from over_seeds(own)


def aligned(told: Figures) -> str:
    """The model before any tuning."""
    cells = ["aligned", "", *("" for _ in AXES), f"{per_token(told['nll']):.3f}", ""]
    cells += [share(told["ended"]), share(told["coherent"]), share(told["exact"]) if "exact" in told else ""]
    return f"| {' | '.join([*cells, *[''] * 5])} |"


def over_seeds(runs: Sequence[Run]) -> Iterator[str]:
    """Means over seeds, in points; the undefended run of the same seed beside."""
    yield f"| arm | seeds | {' | '.join(f'Δ {name}' for name in AXES.values())} | loss | loss − undefended |"
    yield "|---" * (len(AXES) + 4) + "|"
    for arm in dict.fromkeys(run.figures["arm"] for run in runs):
        own = [run for run in runs if run.figures["arm"] == arm]
        cells = [arm, str(len(own)), *(interval(changes(own, name), scale=100) for name in AXES)]
        cells.append(interval([per_token(run.figures["nll"]) for run in own], digits=3))
        less = [mean(found) for run in own if (found := beside(run, runs))]
        cells.append("" if arm == UNDEFENDED else interval(less, digits=3))
        yield f"| {' | '.join(cells)} |"
    yield ""


def main() -> None:
    """Print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, nargs="+")
    for work in parser.parse_args().work:
        before = {path.stem.split("-")[1]: json.loads(path.read_text()) for path in work.glob("aligned-*.json")}
        print("\n".join(tables(gathered(work), before)))


if __name__ == "__main__":
    main()
