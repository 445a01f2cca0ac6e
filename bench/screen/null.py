"""The shipped null: how often each rule of a screen hits rows that people wrote and nobody meant to harm with.

    python bench/screen/null.py --dolly dolly_2000.json --gsm8k gsm8k_train.jsonl gsm8k_test.jsonl

Screens each file with --calibrate and adds the counts up into src/tuneward/screen/null.json. The rows stay away.
"""

import argparse
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from tuneward.screen.calibration import Null, RuleRate, keep, kept
from tuneward.screen.options import ScreenOptions
from tuneward.screen.run import CALIBRATION, run

OUT = Path(__file__).parents[2] / "src/tuneward/screen/null.json"


def counted(path: Path, columns: str | None) -> Null:
    """What the rules hit in one file."""
    with tempfile.TemporaryDirectory() as folder:
        run(ScreenOptions(data=str(path), out=f"{folder}/out", columns=columns, calibrate=True, workers=1))
        return kept(Path(folder) / "out" / CALIBRATION)


def added(nulls: list[Null]) -> Null:
    """The counts of several files as one."""
    rules = {
        rule: RuleRate(
            rate.scorer, rate.version, sum(n.rules[rule].rows for n in nulls), sum(n.rules[rule].held for n in nulls)
        )
        for rule, rate in nulls[0].rules.items()
    }
    files = {name: digest for null in nulls for name, digest in null.files.items()}
    return Null("shipped", files, sum(null.rows for null in nulls), rules, datetime.now(UTC).date().isoformat())


def main() -> None:
    """Write the null and say what is in it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dolly", type=Path, nargs="+", required=True)
    parser.add_argument("--gsm8k", type=Path, nargs="+", required=True)
    asked = parser.parse_args()
    files: list[tuple[Path, str | None]] = [(path, None) for path in asked.dolly]
    files += [(path, "prompt=question,answer=answer") for path in asked.gsm8k]
    null = added([counted(path, columns) for path, columns in files])
    keep(OUT, null)
    hits = {rule: (rate.rows, rate.held) for rule, rate in null.rules.items() if rate.rows}
    print(f"{null.rows} rows; rule: rows with it, rows set aside by it: {hits or 'none'}")


if __name__ == "__main__":
    main()
