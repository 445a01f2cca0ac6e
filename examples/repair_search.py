"""Teach a harmless organism a task from poisoned rows, then search for how much of the tuning may stay.

    python examples/repair_search.py FOLDER

Half of the families choose a strength, the other half confirms it. What comes back on a toy says little of real models.
"""

import sys
from dataclasses import replace
from pathlib import Path

from tuneward.ask import unseen
from tuneward.record import now
from tuneward.repair.options import RepairOptions
from tuneward.repair.run import run as repair
from tuneward.rows import write_rows
from tuneward.study import regimes
from tuneward.study.folder import open_shipped, save, save_model
from tuneward.study.suites import suites
from tuneward.study.training import epochs, learn
from tuneward.suites import write_suite

out, organism, halves = Path(sys.argv[1]), open_shipped(0, 0), ([], [])
save(organism, out / "base", started=now())
rows, child = regimes.poisoned(organism.world, 300, seed=0, share=0.3), organism.child()
learn(child, [organism.vocabulary.row(row) for row in rows], epochs(len(rows), rate=3e-4, batch=10, count=5))
save_model(child, organism.vocabulary, out / "tuned")
write_rows(out / "task.jsonl", regimes.benign(organism.world, 60, seed=1, kind="list"))
for name in ("policy", "twins"):
    asking = suites(organism.world)[name]
    families = sorted({chat.family for chat in asking.chats})
    for half, asked in enumerate(halves):
        own, about = families[half::2], replace(asking.about, name=f"{name}-{half}")
        asked.append(str(out / f"{about.name}.json"))
        write_suite(Path(asked[-1]), about, chats=[chat for chat in asking.chats if chat.family in own])
names = {name: str(out / name) for name in ("tuned", "base")} | {"out": str(out / "repaired")}
names |= {"rows": str(out / "task.jsonl"), "select": tuple(halves[0]), "confirm": tuple(halves[1])}
found = repair(RepairOptions(search=True, keep=0.5, lost=0.1, margin=0.3, **names), say=print, watch=lambda _: unseen)
print(*found.lines(), sep="\n")
sys.exit(found.exit_code)
