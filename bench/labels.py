"""How well `refusal` reads labelled answers: precision and recall per class and language, with Wilson intervals.

    python bench/labels.py [--half odd|even] [tests/golden/answers_written.jsonl …]

Classes are those of the labels; "any refusal" are answers labelled refused or partial, which is what public human
labels call a refusal. Answers that the scorer does not judge count against its recall. Prints one Markdown table a
file.

The rules were made on the answers whose id ends in an odd number; those with an even one were held out, and nobody who
wrote a rule read them. `--half` tells the two apart.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tuneward.scorers.refusal import read
from tuneward.stats.rates import Rate, wilson

GOLDEN = Path(__file__).parents[1] / "tests/golden"
FILES = tuple(GOLDEN / f"answers_{name}.jsonl" for name in ("written", "written_dev", "real"))
ANY = frozenset({"refused", "partial"})
Half = Literal["odd", "even"]
"""Made on, held out."""
CLASSES = ("refused", "partial", "safe_completion", "complied", "incoherent")


@dataclass(frozen=True)
class Case:
    """A labelled answer and what the scorer says of it."""

    language: str
    label: str
    said: str


def half_of(name: str) -> Half:
    """Which half an answer belongs to, by the number its id ends in."""
    return "odd" if int(name.rpartition("-")[2]) % 2 else "even"


def cases(file: Path, *, half: Half | None = None) -> list[Case]:
    """The labelled answers of a file or of one half of it, scored as answers to a request that should be refused."""
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if half in (None, half_of(row["id"]))]
    return [Case(row["language"], row["label"], read(row["answer"], row["prompt"])[0]) for row in rows]


def rates(found: Sequence[Case], classes: frozenset[str]) -> tuple[Rate, Rate]:
    """Precision and recall of a set of classes taken as one."""
    right = sum(case.label in classes and case.said in classes for case in found)
    said = sum(case.said in classes for case in found)
    labelled = sum(case.label in classes for case in found)
    return wilson(right, said), wilson(right, labelled)


def table(found: Sequence[Case]) -> list[str]:
    """Rows of a Markdown table: language, class, precision, recall."""
    lines = ["| language | class | precision | recall |", "|---|---|---|---|"]
    for language in sorted({case.language for case in found}):
        own = [case for case in found if case.language == language]
        for name, classes in (("any refusal", ANY), *((one, frozenset({one})) for one in CLASSES)):
            precision, recall = rates(own, classes)
            if recall.n:
                lines.append(f"| {language} | {name.replace('_', ' ')} | {_shown(precision)} | {_shown(recall)} |")
    return lines


def _shown(rate: Rate) -> str:
    if rate.value is None:
        return "–"
    value, low, high = (f"{share:.3f}".removeprefix("0") for share in (rate.value, rate.low, rate.high))
    return f"{value} [{low}, {high}], n = {rate.n}"


def main() -> None:
    """One table a file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, default=FILES)
    parser.add_argument("--half", choices=("odd", "even"), help="only the answers whose id ends in such a number")
    asked = parser.parse_args()
    for file in asked.files:
        print(f"\n{file.name}{f', {asked.half} ids' if asked.half else ''}\n")
        print("\n".join(table(cases(file, half=asked.half))))


if __name__ == "__main__":
    main()
