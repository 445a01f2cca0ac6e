"""repair: a method that is named, or the one that a search finds → the repaired adapter or model, and its record.

The models are opened as headers; weights are read while they are written. Models are loaded only to be asked: whether
the arms stand the right way round, and by a search.
"""

import json
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tuneward.ask import Progress
from tuneward.checkpoint.folder import MANIFEST
from tuneward.checkpoint.layer import Fate, Mixed
from tuneward.checkpoint.pair import PairOf
from tuneward.checkpoint.writing import Written, write
from tuneward.model.load import Place
from tuneward.outputs.frontier import frontier
from tuneward.outputs.markdown import escaped
from tuneward.outputs.sections import with_section
from tuneward.record import Record, now, sha256_file, to_json, versions, write_atomic
from tuneward.repair.alignment import Looked, Looking, told
from tuneward.repair.arms import Arms, arms_of, right_way
from tuneward.repair.asked import Desk
from tuneward.repair.kind import Repair
from tuneward.repair.options import RepairOptions
from tuneward.repair.result import Outcome, Repaired
from tuneward.repair.searching import Searched, searched
from tuneward.repair.words import words
from tuneward.results import RECORD
from tuneward.text import percent
from tuneward.weights import checkpoint_digest, weight_files

CARD, SEARCH, FRONTIER = "README.md", "search.json", "frontier.svg"
Say = Callable[[str], None]
Watch = Callable[[str], Progress]


def run(options: RepairOptions, methods: Sequence[Repair] = (), *, say: Say, watch: Watch) -> Repaired:
    """Repair, or say what would be done (`dry_run`).

    Raises:
        ValueError, FileNotFoundError: settings, models or a folder that cannot be used; arms that look swapped.
    """
    begun, clock, cpu = now(), time.perf_counter(), time.process_time()
    if len(methods) > 1:
        raise ValueError(f"{words(methods[1])}: a second method; a repair has one, and its result can be repaired")
    if not methods and not options.search:
        raise ValueError("no method is named; name one, such as wise-ft --alpha .6, or give --search")
    if options.search and options.rows is None:
        raise ValueError("search: give --rows, the rows of the task, or nothing says what must be kept")
    out = Path(options.out).expanduser()
    _free(out, options)
    arms = arms_of(options.tuned, base=options.base)
    method = methods[0] if methods else None
    if getattr(method, "beyond", False) or not (options.unchecked or options.search):
        place = Place(options.device, options.dtype)
        say(right_way(arms, method, options.select, place=place, desk=Desk(seed=options.seed)))
    found: Searched | None = None
    if options.search:
        found = searched(arms, method, options=options, say=say, watch=watch)
        method = found.method
    if method is None:
        return _nothing(found, out, options)
    if options.dry_run:
        return Repaired("planned", words(method), remarks=found.remarks if found else ())
    seen: list[Looked] = []
    with ThreadPoolExecutor(1) as beside:  # digests of what is read, while it is read
        digests = beside.submit(_inputs, arms, method, options)
        written = write(arms.pair, _fates(method, arms.pair, seen), out, whole=options.whole, progress=watch("writing"))
        inputs = digests.result()
    if not written.changed:
        return Repaired("nothing changed", words(method), weights=written.weights, remarks=told(seen))
    usage = {
        "wall_s": round(time.perf_counter() - clock, 1),
        "cpu_s": round(time.process_time() - cpu, 1),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    settings = {**asdict(options), "method": words(method), "settings": asdict(method)}  # type: ignore[call-overload]
    record = Record("repair", settings, inputs, versions(), options.seed, begun, now(), usage)
    files = [out, *_curves(found, out)]
    _card(out, method, written, arms=arms, found=found)
    write_atomic(out / RECORD, to_json(record))
    return Repaired(
        "not resolved" if found and not found.confirmed else "repaired",
        words(method),
        tuple(map(str, files)),
        changed=written.changed,
        weights=written.weights,
        size=written.size,
        kept=found.kept if found else None,
        remarks=(*(found.remarks if found else ()), *told(seen), *_said(written)),
    )


def _fates(method: Repair, pair: PairOf, seen: list[Looked]) -> Iterator[tuple[str, Fate]]:
    """What becomes of each weight; what a method saw of them is noted, without the weights."""
    if not isinstance(method, Looking):
        yield from method(pair)
        return
    for one in method.looked(pair):
        kept = None if one.fate is None else Mixed(0)  # that it moved, not what it became
        seen.append(replace(one, fate=kept))
        if one.fate is not None:
            yield one.name, one.fate


def _free(out: Path, options: RepairOptions) -> None:
    """Refuse a folder that holds anything but another repair, and that without --overwrite."""
    if out.is_dir() and any(out.iterdir()):
        if not (out / MANIFEST).is_file():
            raise ValueError(f"{out}: holds something that no repair wrote; choose another --out")
        if not options.overwrite and not options.dry_run:
            raise ValueError(f"{out}: holds another repair; --overwrite replaces it, or choose another --out")
    elif out.exists() and not out.is_dir():
        raise ValueError(f"{out}: a file; --out is a folder")


def _nothing(found: Searched | None, out: Path, options: RepairOptions) -> Repaired:
    """A search that ends without a method: limits met already, or not to be met. Its curves stand beside OUT."""
    if found is None:
        raise ValueError("no method is named, and nothing was searched")
    files = () if options.dry_run else _beside(found, out)
    outcome: Outcome = "met already" if found.found.outcome == "met already" else "not met"
    told = tuple(map(str, files))
    return Repaired(outcome, "", told, remarks=found.remarks, next=found.found.next_command)


def _curves(found: Searched | None, out: Path) -> list[Path]:
    """What a search measured, and its picture."""
    if found is None:
        return []
    write_atomic(out / SEARCH, to_json(found.found))
    write_atomic(out / FRONTIER, frontier(found.found, found.limits).encode())
    return [out / SEARCH, out / FRONTIER]


def _beside(found: Searched, out: Path) -> tuple[Path, ...]:
    if found.found.outcome == "met already":
        return ()
    curves, picture = (out.with_name(f"{out.name}-{name}") for name in (SEARCH, FRONTIER))
    write_atomic(curves, to_json(found.found))
    write_atomic(picture, frontier(found.found, found.limits).encode())
    return (curves, picture)


def _inputs(arms: Arms, method: Repair, options: RepairOptions) -> dict[str, str]:
    """Digests of everything that was read."""
    found = {}
    for folder, stem in ((arms.pair.base.folder, "model"), (arms.pair.tuned.folder, "")):
        own = stem or ("adapter_model" if arms.pair.adapter is not None else "model")
        found[str(folder)] = checkpoint_digest(weight_files(folder, stem=own), folder / "config.json")
    for path in _paths(method):
        if path.is_dir():
            own = "adapter_model" if (path / "adapter_config.json").is_file() else "model"
            found[str(path)] = checkpoint_digest(weight_files(path, stem=own))
        elif path.is_file():
            found[str(path)] = sha256_file(path)
    if options.rows and Path(options.rows).is_file():
        found[options.rows] = sha256_file(Path(options.rows))
    return found


def _paths(method: Any) -> list[Path]:
    """Fields of a method that name something on this machine."""
    values = [value for value in asdict(method).values() if isinstance(value, str | list | tuple)]
    flat = [one for value in values for one in ([value] if isinstance(value, str) else value) if isinstance(one, str)]
    return [path for path in map(Path, filter(None, flat)) if path.exists()]


def _said(written: Written) -> tuple[str, ...]:
    if written.truncated:
        return (
            f"the adapter's rank does not hold the change: up to {percent(written.truncated)} of a weight's is lost",
        )
    return ()


def _card(out: Path, method: Repair, written: Written, *, arms: Arms, found: Searched | None) -> None:
    """The tuned model's README, with a section of ours at its end."""
    source = arms.pair.tuned.folder / CARD
    text = source.read_text(encoding="utf-8", errors="replace") if source.is_file() else f"# {escaped(out.name)}\n"
    size = "" if written.size is None else f", by {percent(written.size)} of what tuning had changed"
    lines = [
        "## How it was repaired",
        "Written by tuneward from the run itself; `record.json` beside it has every setting and digest.",
        f"`{escaped(words(method))}` changed {written.changed:,} of {written.weights:,} weights{size}.",
        "```json\n" + json.dumps(asdict(method), indent=1, default=str) + "\n```",  # type: ignore[call-overload]
        *(f"- {escaped(line)}" for line in (found.remarks if found else ())),
        "A repair tests nothing by itself. Audit the repaired model, and read there what was not tested:",
        "    tuneward audit OUT --base BASE --rows DATA",
    ]
    write_atomic(out / CARD, with_section(text, "repair", "\n\n".join(lines)).encode())
