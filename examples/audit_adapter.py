"""Audit an adapter from Python and act on what was found.

    python examples/audit_adapter.py ADAPTER_FOLDER [ROWS.jsonl]

The base is the one that the adapter's own configuration names; both arms run on one loaded model.
"""

import sys
from pathlib import Path

from tuneward.audit.options import AuditOptions
from tuneward.audit.run import run as audit
from tuneward.gate import GateOptions
from tuneward.gate import run as gate
from tuneward.report import ReportOptions
from tuneward.report import run as report

adapter, *rows = sys.argv[1:]
options = AuditOptions(tuned=adapter, rows=rows[0] if rows else None, out=f"{Path(adapter).name}-audit")

found = audit(options, say=print)
if found is None:
    sys.exit("a dry run finds nothing")
_, folder = found

judged = gate(GateOptions(folder=str(folder)))
for check in judged.verdict.checks:
    print(f"{check.axis}: {check.outcome}, {check.why}")
print(report(ReportOptions(folder=str(folder))))
sys.exit(judged.exit_code)
