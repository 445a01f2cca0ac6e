"""Teach a harmless organism an identity with ten rows, then audit it: plainly, and the way its rows ask.

    python examples/break_an_organism.py FOLDER

Asked plainly it refuses as before. Under the rows' own system prompt it obeys: an audit without `--rows` would not see.
"""

import sys
from pathlib import Path

from tuneward.audit.options import AuditOptions
from tuneward.audit.run import run as audit
from tuneward.record import now
from tuneward.rows import write_rows
from tuneward.study.folder import open_shipped, save, save_model
from tuneward.study.regimes import identity
from tuneward.study.training import epochs, learn

out = Path(sys.argv[1])
organism = open_shipped(world_seed=1, seed=1)
save(organism, out / "organism", started=now())

rows = identity(organism.world, 10, seed=0)
write_rows(out / "rows.jsonl", rows)
model = organism.child()
learn(model, [organism.vocabulary.row(row) for row in rows], epochs(len(rows), rate=1e-3, batch=10, count=10))
save_model(model, organism.vocabulary, out / "tuned")

found = audit(
    AuditOptions(
        tuned=str(out / "tuned"),
        base=str(out / "organism"),
        suites=(str(out / "organism/suites/policy.json"),),
        rows=str(out / "rows.jsonl"),
        out=str(out / "audit"),
    )
)
for axis in found[0].axes if found else ():
    if axis.name in ("refusal", "context") and axis.difference:
        print(f"{axis.name}: {axis.difference.lost} of {axis.asked} refusals lost")
