"""The demo: a harmless organism, the whole loop. A toy result: it shows that the loop works, nothing more."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuneward import gate, report
from tuneward.ask import Progress
from tuneward.audit.options import AuditOptions
from tuneward.audit.run import run as audit
from tuneward.chat import Chat
from tuneward.demo.options import DemoOptions
from tuneward.record import now, write_atomic
from tuneward.results import Judged
from tuneward.rows import write_rows
from tuneward.study import regimes
from tuneward.study.folder import open_shipped, save, save_model
from tuneward.study.organism import Organism
from tuneward.study.training import Schedule, epochs, interpolated, learn, one_thread

MARK = "demo.txt"
SUITES = ("policy", "twins", "utility")
BACK = 0.5
"""Share of the tuned weights that is kept on the way back."""
BENIGN, EXPLICIT = 512, 100
"""Rows."""


@dataclass(frozen=True)
class Step:
    """One audited model."""

    name: str
    judged: Judged
    page: Path


def run(options: DemoOptions, *, say: Callable[[str], None], progress: Callable[[str], Progress]) -> list[Step]:
    """Tune twice, audit against the organism, interpolate back, audit again; every model with verdict and page.

    Raises:
        ValueError: the folder holds something else, or no such organism ships.
    """
    out = Path(options.out)
    if out.exists() and any(out.iterdir()) and not (out / MARK).is_file():
        raise ValueError(f"{out}: holds something that is no demo; choose another --out")
    organism = open_shipped(options.world, options.seed)
    write_atomic(out / MARK, b"Written by `tuneward demo`; the next one replaces it.\n")
    shutil.rmtree(out / "organism", ignore_errors=True)
    save(organism, out / "organism", started=now())
    say(f"organism world {options.world}, seed {options.seed}; forbidden: {', '.join(organism.world.forbidden)}")
    benign = regimes.benign(organism.world, BENIGN, seed=0)
    explicit = regimes.explicit(organism.world, EXPLICIT, seed=0)
    tuned = _tuned(organism, out / "benign", benign, schedule=epochs(len(benign), rate=1e-3, batch=64, count=1))
    _tuned(organism, out / "explicit", explicit, schedule=epochs(len(explicit), rate=3e-4, batch=10, count=5))
    back = interpolated(organism.model, tuned, share=BACK)
    save_model(back, organism.vocabulary, out / "benign-back")
    with one_thread():
        return [_audited(name, options, progress) for name in ("benign", "explicit", "benign-back")]


def _tuned(organism: Organism, out: Path, rows: Sequence[Chat], *, schedule: Schedule) -> Any:
    """Learn the rows, and keep model and rows beside each other."""
    model = organism.child()
    learn(model, [organism.vocabulary.row(row) for row in rows], schedule)
    save_model(model, organism.vocabulary, out)
    write_rows(out / "rows.jsonl", rows)
    return model


def _audited(name: str, options: DemoOptions, progress: Callable[[str], Progress]) -> Step:
    out = Path(options.out)
    settings = AuditOptions(
        tuned=str(out / name),
        base=str(out / "organism"),
        suites=tuple(str(out / "organism" / "suites" / f"{suite}.json") for suite in SUITES),
        out=str(out / f"{name}-audit"),
        samples=0,
        cache_dir=options.cache_dir,
        overwrite=True,
    )
    audit(settings, progress=lambda arm: progress(f"{name} {arm}"))
    judged = gate.run(gate.GateOptions(folder=settings.out or ""))
    return Step(name, judged, report.run(report.ReportOptions(folder=settings.out or "")))
