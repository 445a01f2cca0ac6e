"""Compare the logs of two models from Python: no model, no torch.

    python examples/compare_logs.py [BEFORE.jsonl AFTER.jsonl]

Each line of a log is {"prompt": …, "answer": …}; the ones here ask harmless questions that sound alarming.
"""

import sys
from pathlib import Path

from tuneward.compare import CompareOptions, run
from tuneward.text import interval, percent

DATA = Path(__file__).parent / "data"
before, after = sys.argv[1:3] or (str(DATA / "before.jsonl"), str(DATA / "after.jsonl"))

judged = run(CompareOptions(a=before, b=after, expect="answer"))

for axis in judged.audit.axes:
    if axis.base and axis.tuned and axis.difference:
        d = axis.difference
        print(f"{axis.title}: {percent(axis.base.value)} of {d.n} before, {percent(axis.tuned.value)} after")
        print(f"  difference in points {interval(d.low, d.high)}, {d.lost} lost, {d.gained} gained, p = {d.p:.3g}")
for change in judged.audit.changes:
    print(f"  {change.id}: {change.base} → {change.tuned}")

print(f"{judged.verdict.outcome}: {judged.verdict.headline}")
sys.exit(judged.exit_code)
