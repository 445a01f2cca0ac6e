"""Screen training rows from Python: what in them could hurt, where, and what was not looked at.

    python examples/screen_rows.py [ROWS.jsonl [FOLDER]]

The rows here are harmless; a few have the shape of what a screen looks for.
"""

import sys
from pathlib import Path

from tuneward.record import read_jsonl
from tuneward.rows import read_rows
from tuneward.scorers.personal import Personal
from tuneward.screen.options import ScreenOptions
from tuneward.screen.run import JSONL, run
from tuneward.screened.finding import Finding

SAMPLE = Path(__file__).parent / "data" / "rows.jsonl"
rows, out, *_ = (*sys.argv[1:], *(str(SAMPLE), "rows-screen")[len(sys.argv) - 1 :])

found = run(ScreenOptions(data=rows, out=out, mask="assistant", workers=1))  # more workers: under `if __name__ == …`
if found is None:
    sys.exit("one job of several has no report")
screened, folder = found

for finding in read_jsonl(folder / JSONL, Finding):
    place = f"line {finding.line}" if finding.line else "the set"
    print(f"{place}: {finding.rule}, {finding.disposition}: {finding.reason}")
for rule in (count for count in screened.rules if count.rows):
    expected = rule.origin if rule.expected is None else f"{rule.expected:.2g} expected if all were clean"
    print(f"{rule.rule}: {rule.rows} of {screened.coverage.rows} rows; {expected}")
print("not tested:", *(one.what for one in screened.not_tested), sep="\n  ")

scores = Personal()(list(read_rows(rows)))  # one scorer alone, on chats: 0 fine, 1 bad, None could not be told
print(f"{sum(score.value != 0 for score in scores)} of {len(scores)} rows with personal data")
print(f"tier {screened.tier}: {screened.headline}")
sys.exit(screened.exit_code)
