"""Tables of bench/repair/aligned.py: what each repair gives back on the aligned SmolLM2's children, at which cost.

    python bench/repair/aligned_table.py WORK

Rates have Wilson intervals; differences of two arms are paired by prompt, with the intervals of the audit (families as
units), and those of the task's loss are bootstrapped over rows. Settings are chosen on rows that searches read; every
figure is of others. Means over children have t intervals, where there are several. "Equal gain" sets a line beside the
straight line between the two shares of WiSE-FT that keep just less and just more of the gain.
"""

import argparse
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from organism_table import ALIGNED, FAMILIES, GRID, KEEP, TUNED, per_token, percent, side, theirs

from tuneward.stats.difference import Difference, Pair, paired_difference
from tuneward.stats.rates import wilson

DRAWS = 2000
AXES = ("refusal", "twins", "utility", "coherence")
"""Of the tables; the first is what is to come back."""
SEARCHES = ("search", "search one share", "search lost .05", "search one share lost .05")
Line = Mapping[str, Any]


@dataclass(frozen=True)
class Child:
    """What the runner left of one child."""

    name: str
    lines: Mapping[str, Line]
    """Arm → its line, in the order of the tables."""
    said: Mapping[str, str]
    """Arm → what it said instead of a repair."""
    prompts: Mapping[str, Sequence[str]]
    """Prompt → family and category."""

    @cached_property
    def families(self) -> dict[str, list[Line]]:
        """Family → its lines."""
        found: dict[str, list[Line]] = {}
        for line in self.lines.values():
            found.setdefault(line["family"], []).append(line)
        return found

    def rate(self, line: Line, axis: str) -> tuple[int, int]:
        """Good ones of those that were judged."""
        values = [value for value in line["outcomes"][axis].values() if value is not None]
        return values.count(0), len(values)

    def difference(self, line: Line, other: Line, axis: str) -> Difference:
        """Line − other, by prompt; one that either did not have judged is left out."""
        mine, theirs = line["outcomes"][axis], other["outcomes"][axis]
        both = [name for name in mine if mine[name] is not None and theirs.get(name) is not None]
        return paired_difference(
            [Pair(*self.prompts[name], base=theirs[name] == 0, tuned=mine[name] == 0) for name in both]
        )

    def beside_grid(self, line: Line, axis: str) -> tuple[float, float, float] | None:
        """Line − WiSE-FT where that keeps as much of the gain, as a share of prompts with a bootstrap interval.

        Between two measured shares (or a share and an end) rates are taken to run straight. Families hold one prompt
        each here, so prompts are drawn.
        """
        ends = [self.lines[arm] for arm in (ALIGNED, TUNED)]
        grid = sorted((self.kept(one)[0], n, one) for n, one in enumerate([*ends, *self.families.get(GRID, ())]))
        own = self.kept(line)[0]
        above = next((n for n, (kept, *_) in enumerate(grid) if kept >= own), None)
        if not above:
            return None
        (less, _, low), (more, _, high) = grid[above - 1 : above + 1]
        way = (own - less) / (more - less)
        three = [one["outcomes"][axis] for one in (line, low, high)]
        rows = [[found.get(name) for found in three] for name in three[0]]
        known = np.array([row for row in rows if None not in row], dtype=float)
        differences = (1 - known[:, 0]) - ((1 - way) * (1 - known[:, 1]) + way * (1 - known[:, 2]))
        drawn = np.random.default_rng(0).integers(len(known), size=(DRAWS, len(known)))
        ends_of = np.quantile(differences[drawn].mean(axis=1), (0.025, 0.975))
        return float(differences.mean()), float(ends_of[0]), float(ends_of[1])

    def equal_gain(self, line: Line) -> tuple[float, float, float] | None:
        """Refusals beside the grid; nothing for the grid itself and its ends."""
        return None if line["family"] in (ALIGNED, TUNED, GRID) else self.beside_grid(line, "refusal")

    def kept(self, line: Line, other: Line | None = None) -> tuple[float, float, float]:
        """Share of the gain on the reported rows, less that of another line, with a bootstrap interval over rows."""
        before, after = (np.array(self.lines[arm]["nll"])[:, 0] for arm in (ALIGNED, TUNED))
        mine = np.array(line["nll"])[:, 0]
        against = before if other is None else np.array(other["nll"])[:, 0]
        count = len(before)
        drawn = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), size=DRAWS)
        low, high = np.quantile((drawn @ (against - mine)) / (drawn @ (before - after)), (0.025, 0.975))
        return float((against - mine).sum() / (before - after).sum()), float(low), float(high)


def gathered(work: Path) -> list[Child]:
    """Children whose ends were measured.

    Raises:
        ValueError: there is none.
    """
    found = []
    path = work / "prompts.json"
    prompts = json.loads(path.read_text()) if path.is_file() else {}
    for folder in sorted((work / "runs").glob("*")):
        lines = sorted((json.loads(path.read_text()) for path in folder.glob("*.json")), key=place)
        whole = {line["arm"]: line for line in lines if "outcomes" in line}
        if {ALIGNED, TUNED} <= set(whole):
            said = {line["arm"]: str(line["refused"]) for line in lines if "refused" in line}
            found.append(Child(folder.name, whole, said, prompts))
    if not found:
        raise ValueError(f"{work}: no child with its ends in it; begin with aligned.py run --out {work}")
    return found


def place(line: Line) -> tuple[int, float, str]:
    """In the order of the tables."""
    family = FAMILIES.index(line["family"]) if line["family"] in FAMILIES else len(FAMILIES)
    return family, -(line["tuning"] or 0.0), line["arm"]


def shown(value: float, low: float, high: float, *, sign: bool = False) -> str:
    """Percent with its interval."""
    form = "+.1f" if sign else ".1f"
    return f"{100 * value:{form}} [{100 * low:{form}}, {100 * high:{form}}]"


def rate(child: Child, line: Line, axis: str) -> str:
    """With Wilson's interval."""
    found = wilson(*child.rate(line, axis))
    return "–" if found.value is None else shown(found.value, found.low, found.high)


def change(child: Child, line: Line, other: Line, axis: str) -> str:
    """Paired."""
    found = child.difference(line, other, axis)
    return "–" if found.value is None else shown(found.value, found.low, found.high, sign=True)


def child_table(child: Child) -> Iterator[str]:
    """The frontier and everything else, a line an arm."""
    loss = [per_token(child.lines[arm]["nll"]) for arm in (ALIGNED, TUNED)]
    rows = len(child.lines[TUNED]["nll"])
    yield f"### {child.name}\n"
    yield f"Loss on {rows} held-out answers: {loss[0]:.4f} aligned, {loss[1]:.4f} tuned, nats a token.\n"
    less = "− tuned | − aligned | − WiSE-FT, equal gain"
    yield f"| arm | {' | '.join(AXES)} | {less} | gain kept | guide changed | chosen |"
    yield "|---" * (len(AXES) + 7) + "|"
    for arm, line in child.lines.items():
        row = [arm, *(rate(child, line, axis) for axis in AXES)]
        row += [change(child, line, child.lines[end], "refusal") if arm != end else "" for end in (TUNED, ALIGNED)]
        beside = child.equal_gain(line)
        row.append(shown(*beside, sign=True) if beside else "")
        yield f"| {' | '.join([*row, shown(*child.kept(line)), guided(line), chosen_words(line)])} |"
    for arm, why in child.said.items():
        yield f"| {arm} | refuses: {why} |{' |' * (len(AXES) + 5)}"
    yield ""


def guided(line: Line) -> str:
    """Share of the guided positions at which the choice changed."""
    asked, changed = line.get("guided", (0, 0))
    return f"{100 * changed / asked:.1f} % of {asked}" if asked else ""


def chosen_words(line: Line) -> str:
    """What a search came to."""
    found = line.get("search")
    return f"{found['outcome']}: {found.get('method', '')} {found.get('keep', math.nan):.3f}" if found else ""


def strongest(child: Child, family: str) -> Line | None:
    """The one of a family that keeps enough on the rows of the search with the least of the tuning."""
    fine = [line for line in child.families.get(family, ()) if (line["select"]["kept"] or 0) >= KEEP]
    return min(fine, key=lambda line: line["tuning"] or 0.0) if fine else None


def equal_table(child: Child) -> Iterator[str]:
    """Every family at equal task score."""
    best = strongest(child, GRID)
    yield f"### {child.name}: the strongest setting of each family that keeps {KEEP:.0%} on the search's rows\n"
    yield "| family | setting | refusal | − tuned | − WiSE-FT | twins | utility | gain kept |"
    yield "|---" * 8 + "|"
    for family in child.families:
        line = strongest(child, family)
        if family in (ALIGNED, TUNED):
            continue
        if line is None:
            yield f"| {family} | none |{' |' * 6}"
            continue
        row = [family, line["arm"], rate(child, line, "refusal"), change(child, line, child.lines[TUNED], "refusal")]
        row.append(change(child, line, best, "refusal") if best is not None and family != GRID else "")
        row += [rate(child, line, axis) for axis in ("twins", "utility")]
        yield f"| {' | '.join([*row, shown(*child.kept(line))])} |"
    yield ""


def check_table(children: Sequence[Child], search: str) -> Iterator[str]:
    """Whether a fixed share beats the searched one on both axes, on what no search read."""
    own = [child for child in children if search in child.lines]
    if not own:
        return
    yield f"### Fixed shares against `{search}`\n"
    yield "| child | fixed share | refusal − searched | gain kept − searched | beats both |"
    yield "|---" * 5 + "|"
    beaten = 0
    for child in own:
        mine = child.lines[search]
        for arm, line in child.lines.items():
            if arm in (ALIGNED, TUNED) or line["family"] == GRID:
                refusal, kept = child.difference(line, mine, "refusal"), child.kept(line, mine)
                both = side((-refusal.high, -refusal.low), kept[1:]) == "better"
                beaten += both
                row = [child.name, arm, change(child, line, mine, "refusal"), shown(*kept, sign=True)]
                yield f"| {' | '.join([*row, '**yes**' if both else 'no'])} |"
    yield f"\nFixed shares that beat `{search}` on both axes: {beaten}.\n"


def over_children(children: Sequence[Child]) -> Iterator[str]:
    """Means over children, where all have an arm."""
    arms = [arm for arm in children[0].lines if all(arm in child.lines for child in children)]
    if len(children) < 2:
        return
    yield f"### Means over {len(children)} children\n"
    yield f"| arm | {' | '.join(AXES)} | refusal − WiSE-FT, equal gain | gain kept |"
    yield "|---" * (len(AXES) + 3) + "|"
    for arm in arms:
        own = [(child, child.lines[arm]) for child in children]
        counts = [[child.rate(line, axis) for child, line in own] for axis in AXES]
        row = [theirs.interval([k / n if n else math.nan for k, n in those]) for those in counts]
        beside = [child.equal_gain(line) for child, line in own]
        row.append(percent([found[0] for found in beside if found]) if all(beside) else "")
        row.append(percent([child.kept(line)[0] for child, line in own]))
        yield f"| {arm} | {' | '.join(row)} |"
    yield ""


def tables(children: Sequence[Child]) -> str:
    """All of it as Markdown."""
    parts: list[str] = []
    for child in children:
        parts += [*child_table(child), *equal_table(child)]
    parts += over_children(children)
    for search in SEARCHES:
        parts += check_table(children, search)
    return "\n".join(parts).rstrip() + "\n"


def main() -> None:
    """Print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    print(tables(gathered(parser.parse_args().work)), end="")


if __name__ == "__main__":
    main()
