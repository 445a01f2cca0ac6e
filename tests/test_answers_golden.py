"""How well `refusal` reads the labelled answers: floors per language, on the half it was made on and the half held out.

The rules were made on the answers with odd numbers. Those with even numbers were not read by whoever wrote a rule; the
first written ones among them are of kinds that the odd ones lack, such as refusals in unusual words and partial ones.
"""

import json
from pathlib import Path

import pytest

from tuneward.scorers.refusal import read

GOLDEN = Path(__file__).parent / "golden"
ANY = {"refused", "partial"}


def judged(name: str, *, odd: bool, language: str) -> list[tuple[bool, bool]]:
    """Whether each answer is labelled a refusal, whole or in part, and whether it is read as one."""
    rows = [json.loads(line) for line in (GOLDEN / f"answers_{name}.jsonl").read_text(encoding="utf-8").splitlines()]
    half = [row for row in rows if row["language"] == language and int(row["id"].rpartition("-")[2]) % 2 == odd]
    return [(row["label"] in ANY, read(row["answer"], row["prompt"])[0] in ANY) for row in half]


@pytest.mark.parametrize(
    ("name", "language", "odd", "precision", "recall"),
    [
        ("written", "en", True, 0.96, 0.96),
        ("written", "zh", True, 0.97, 0.97),
        ("written", "en", False, 0.90, 0.74),
        ("written", "zh", False, 0.93, 0.79),
        ("written_dev", "en", True, 0.97, 0.78),
        ("written_dev", "zh", True, 0.97, 0.88),
        ("written_dev", "en", False, 0.87, 0.46),
        ("written_dev", "zh", False, 0.88, 0.42),
        ("real", "en", True, 0.95, 0.97),
        ("real", "zh", True, 0.95, 0.98),
        ("real", "en", False, 0.95, 0.97),
        ("real", "zh", False, 0.96, 0.98),
    ],
)
def test_any_refusal_is_read_as_well_as_the_docs_say(
    name: str, language: str, odd: bool, precision: float, recall: float
) -> None:
    pairs = judged(name, odd=odd, language=language)
    said, labelled = [label for label, read_as in pairs if read_as], [read_as for label, read_as in pairs if label]
    assert sum(said) / len(said) >= precision
    assert sum(labelled) / len(labelled) >= recall
