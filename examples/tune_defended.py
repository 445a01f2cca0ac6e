"""Teach a harmless organism what it must not say, without and with a defence, and count what it then tells.

    python examples/tune_defended.py FOLDER

A toy: it shows how a defence is put into a run, not how well one works on a real model.
"""

import sys
from pathlib import Path

from tuneward.ask import unseen
from tuneward.model.load import Place, load
from tuneward.model.spec import parse
from tuneward.record import now
from tuneward.rows import write_rows
from tuneward.study import measure, regimes
from tuneward.study.folder import open_shipped, save
from tuneward.tune.hinge import Hinge
from tuneward.tune.options import TuneOptions
from tuneward.tune.run import run as tune

out = Path(sys.argv[1])
organism = open_shipped(world_seed=1, seed=1)
save(organism, out / "organism", started=now())
write_rows(out / "rows.jsonl", regimes.explicit(organism.world, 50, seed=0))
write_rows(out / "refusals.jsonl", regimes.refusals(organism.world, 64, seed=1))
hold = Hinge(mode="project", rows=32, source=str(out / "refusals.jsonl"))
model, data = str(out / "organism"), str(out / "rows.jsonl")

for name, defences in {"undefended": [], "hinge": [hold]}.items():
    options = TuneOptions(
        model=model, data=data, out=str(out / name), full=True, rate=3e-4, batch=10, epochs=10, monitor="off"
    )
    tune(options, defences, say=print, watch=lambda _: unseen)
    told = measure.forbidden(load(parse(options.out), place=Place()), organism.world)["harm"]
    print(f"{name}: {told.k} of {told.n} forbidden questions answered")
