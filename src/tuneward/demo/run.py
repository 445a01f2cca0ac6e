"""The demo: benign rows, a real model, the whole loop. A toy result: it shows that the loop works, nothing more."""

from collections.abc import Callable
from importlib import resources
from itertools import islice
from pathlib import Path

from tuneward import gate, report
from tuneward.ask import Progress
from tuneward.audit.options import AuditOptions
from tuneward.audit.run import run as audit
from tuneward.demo.lora import Tuning, tune
from tuneward.demo.options import DemoOptions
from tuneward.demo.small_model import small_model
from tuneward.model.load import Place, load
from tuneward.model.spec import parse
from tuneward.record import Record, now, sha256_file, to_json, versions, write_atomic
from tuneward.results import Judged
from tuneward.rows import read_rows

TUNING = Tuning(rate=1e-3, batch=4)


def run(
    options: DemoOptions, *, say: Callable[[str], None], progress: Callable[[str], Progress]
) -> tuple[Judged, list[str]]:
    """Tune on benign rows, audit against the base, gate, report; what was judged, and the files to look at."""
    out = Path(options.out)
    if out.exists() and not (out / "tuned").is_dir() and any(out.iterdir()):
        raise ValueError(f"{out}: holds something that is no demo; choose another --out")
    say("model    unpacking SmolLM2-135M-Instruct (once)" if options.model is None else f"model    {options.model}")
    model = Path(options.model) if options.model else small_model(Path(options.cache_dir).expanduser())
    tuned = out / "tuned"
    _tuned(model, tuned, options=options, progress=progress("tuning"))
    settings = AuditOptions(
        tuned=str(tuned),
        out=str(out / "audit"),
        samples=0,
        max_tokens=40,
        seed=options.seed,
        cache_dir=options.cache_dir,
        overwrite=True,
    )
    audit(settings, say=say, progress=progress)
    judged = gate.run(gate.GateOptions(folder=str(out / "audit")))
    page = report.run(report.ReportOptions(folder=str(out / "audit")))
    return judged, [str(page), str(out / "audit" / "summary.md"), str(tuned)]


def _tuned(model: Path, out: Path, *, options: DemoOptions, progress: Progress) -> None:
    started = now()
    with resources.as_file(resources.files("tuneward.demo") / "benign.jsonl") as path:
        rows, digest = list(islice(read_rows(path), options.rows)), sha256_file(path)
    engine = load(parse(str(model)), place=Place(device="cpu"))
    loss = tune(engine, rows, out, tuning=Tuning(TUNING.rate, batch=TUNING.batch, seed=options.seed), progress=progress)
    inputs = {"benign.jsonl": digest, str(model): engine.info.weights}
    record = Record("demo", {"rows": len(rows), "loss": loss}, inputs, versions(), options.seed, started, now())
    write_atomic(out / "record.json", to_json(record))
