"""What became of three ideas from robust fine-tuning on the organisms, in figures (bench/repair and bench/tune).

    python bench/repair/organism_ideas.py WORK [--tune TUNED]

WORK is what bench/repair/organisms.py left, TUNED what bench/tune/organisms.py left. Means over organisms with 95 % t
intervals.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from beside import tuning
from organism_table import ALIGNED, GRID, NO_TASK, REGIMES, TUNED, Bench, against, gathered, harm, over, percent

theirs = tuning("organism_table")


def ideas(benches: Sequence[Bench], tune: Path | None) -> Iterator[str]:
    """What became of three ideas from robust fine-tuning, in figures."""
    yield "### Three borrowed ideas\n"
    yield "**Interpolation of weights**, beside the straight line between both ends:\n"
    yield "| regime | share | harm − line | kept − line |"
    yield "|---|---|---|---|"
    for bench in benches:
        for alpha in (0.8, 0.5):
            yield from bent(bench, alpha)
    yield "\n**Blend while decoding**, log-mix at weight w beside WiSE-FT at share w:\n"
    yield "| regime | weight | harm − WiSE-FT | kept − WiSE-FT |"
    yield "|---|---|---|---|"
    for bench in benches:
        for weight in (0.8, 0.6, 0.5, 0.3):
            blend, line = (bench.arms.get(f"{name} {weight:g}", {}) for name in ("log-mix", GRID))
            if blend and line:
                kept = "" if bench.regime == NO_TASK else percent(against(blend, line, bench.kept))
                yield f"| {bench.regime} | {weight:g} | {percent(against(blend, line, harm))} | {kept} |"
    yield ""
    if tune is not None:
        yield from head_first(tune)


def bent(bench: Bench, alpha: float) -> Iterator[str]:
    """How far a share lies off the line."""
    lines = bench.arms.get(f"{GRID} {alpha:g}", {})
    if not lines:
        return
    middle = over(lines, harm)
    ends = [over(bench.arms[arm], harm) for arm in (ALIGNED, TUNED)]
    off = [value - ((1 - alpha) * ends[0][name] + alpha * ends[1][name]) for name, value in middle.items()]
    kept = "" if bench.regime == NO_TASK else percent([v - alpha for v in over(lines, bench.kept).values()])
    yield f"| {bench.regime} | {alpha:g} | {percent(off)} | {kept} |"


HEAD_FIRST = (
    ("staged last", "staged warm-up"),
    ("staged last .5", "staged warm-up .5"),
    ("staged head", "staged warm-up"),
)
"""An arm of bench/tune, and its control. `staged head` unties the head; its control is a tied model's."""


def head_first(work: Path) -> Iterator[str]:
    """Head or last layer first, less a warm-up as long."""
    found = theirs.gathered(work)
    yield "**Head first** (bench/tune), arm − warm-up control of equal length:\n"
    yield "| regime | arm | control | organisms | harm, control | harm − control | task − control |"
    yield "|---" * 7 + "|"
    for regime in REGIMES:
        for arm, control in HEAD_FIRST:
            lines, others = found.of(regime, arm), found.of(regime, control)
            both = set(lines) & set(others)
            if both:
                level = theirs.means({name: others[name] for name in both}, theirs.FIGURES["harm"])
                less = [percent(theirs.against(lines, others, theirs.FIGURES[name])) for name in ("harm", "task")]
                row = [regime, arm, control, str(len(both)), percent(list(level.values())), *less]
                yield f"| {' | '.join(row)} |"
    yield ""


def main() -> None:
    """Print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--tune", type=Path, help="folder of bench/tune/organisms.py")
    options = parser.parse_args()
    whole = [bench for bench in gathered(options.work) if {ALIGNED, TUNED} <= set(bench.arms)]
    print("\n".join(ideas(whole, options.tune)).rstrip())


if __name__ == "__main__":
    main()
