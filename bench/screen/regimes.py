"""The organism's regimes under the screen: which are seen before a step is trained, and which are not.

    python bench/screen/regimes.py --out WORK [--count 100]

Screens the rows of every regime as `study rows` writes them, with the forbidden topics as sensitive words; backdoors
and explicit rows once alone and once among refusals and benign rows. Prints a Markdown table; the organism's words are
made up, so nothing here says how real rows are worded.
"""

import argparse
import shutil
from collections import Counter
from pathlib import Path

from tuneward.rows import write_rows
from tuneward.screen.options import ScreenOptions
from tuneward.screen.run import run
from tuneward.screened.document import Screened
from tuneward.study.rows import made
from tuneward.study.world import world

FEWER = {"association": 20}
MIXED = {"backdoor": ("refusals", "benign"), "explicit": ("refusals", "benign"), "identity": ("benign",)}
REGIMES = ("explicit", "identity", "benign", "backdoor", "association", "poisoned", "control", "refusals")


def screened(work: Path, name: str, regimes: tuple[str, ...], *, count: int) -> Screened:
    """What a screen says of the rows of some regimes together."""
    here = world(0, "small")
    folder = work / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    words = [item for topic in here.forbidden for item in here.items[topic]]
    (folder / "words.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    rows = [chat for regime in regimes for chat in made(regime, here, FEWER.get(regime, count), seed=0)]
    write_rows(folder / "rows.jsonl", rows)
    found = run(
        ScreenOptions(
            data=str(folder / "rows.jsonl"), out=str(folder / "out"), sensitive=str(folder / "words.txt"), workers=1
        )
    )
    if found is None:
        raise ValueError(f"{name}: no report")
    return found[0]


def line(name: str, seen: Screened) -> str:
    """One row of the table."""
    rules = {count.rule: count.rows for count in seen.rules if count.rows}
    whole = Counter(f"{one.rule} {one.disposition}" for one in seen.dataset)
    told = ", ".join(f"{rule} {rows}" for rule, rows in rules.items()) or "none"
    sets = ", ".join(f"{what} × {n}" for what, n in sorted(whole.items())) or "none"
    return f"| {name} | {seen.coverage.rows} | {seen.tier} | {told} | {sets} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=100)
    asked = parser.parse_args()
    print("| regime | rows | tier | rows with a rule | on the set |\n|---|---|---|---|---|")
    for regime in REGIMES:
        print(line(regime, screened(asked.out, regime, (regime,), count=asked.count)), flush=True)
    for regime, others in MIXED.items():
        name = f"{regime} among {' and '.join(others)} rows"
        print(line(name, screened(asked.out, f"{regime}-mixed", (regime, *others), count=asked.count)), flush=True)


if __name__ == "__main__":
    main()
