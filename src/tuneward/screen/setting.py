"""Options made ready: the limits, the scorers, the plan, and the folder whose name says what the shards belong to."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tuneward.record import digest
from tuneward.rows import parse_columns
from tuneward.scorers.control import Control
from tuneward.scorers.encoded import Encoded
from tuneward.scorers.obedience import Obedience
from tuneward.scorers.personal import Personal
from tuneward.scorers.secrets import Secrets
from tuneward.scorers.sensitive import Sensitive, bundled, read_words
from tuneward.scorers.sighting import RowScorer, Rule
from tuneward.scorers.turned import Turned
from tuneward.screen.calibration import Null, kept, shipped
from tuneward.screen.catalogue import catalogue
from tuneward.screen.contamination import Item, build, save
from tuneward.screen.evaluation import of_files, own
from tuneward.screen.limits import Limits, read_limits
from tuneward.screen.mask_files import mask_of
from tuneward.screen.options import ScreenOptions
from tuneward.screen.parsing import Reader
from tuneward.screen.plan import Plan
from tuneward.screen.sources import Shard, Source, shards, sources

WORK = ".work"
"""Folder of what a screen needs until it is done."""
ENDS = 1 << 16
"""Bytes at both ends of a file that tell, with its size and time, whether it is still the same."""


def scorers() -> tuple[RowScorer, ...]:
    """Every scorer of rows."""
    return (Obedience(), Turned(), Personal(), Secrets(), Encoded(), Control())


@dataclass(frozen=True)
class Setting:
    """Everything a screen is told, read and checked."""

    out: Path
    sources: tuple[Source, ...]
    shards: tuple[Shard, ...]
    plan: Plan
    limits: Limits
    policy: str
    nulls: tuple[Null, ...]
    rules: tuple[Rule, ...]
    short: tuple[Item, ...]
    """Evaluation items too short to be looked for."""
    evaluation: bool
    """Evaluation sets of the user's own were given."""


def setting_of(options: ScreenOptions) -> Setting:
    """Read what the options name; nothing of the data yet, but what it consists of.

    Raises:
        FileNotFoundError, ValueError: a file that is not there or not what it should be, in one line.
    """
    rules = catalogue(scorers())
    limits, policy = read_limits(Path(options.policy) if options.policy else None, rules=[rule.id for rule in rules])
    nulls = [kept(Path(options.calibration))] if options.calibration else []
    nulls += [null for null in [shipped()] if null is not None]
    found = sources(Path(options.data))
    pieces = shards(found, options.shard_mb << 20)
    listed = read_words(Path(options.sensitive)) if options.sensitive else bundled()
    sensitive = Sensitive(dict(listed.words))  # a plain dict, which travels to other processes
    reader = Reader(_mask(options.mask), columns=parse_columns(options.columns) if options.columns else None)
    items = [*own(), *of_files(options.evaluation)]
    index, short = build(items)
    evaluated = digest([[item.suite, item.id, item.side, item.text] for item in items])
    out = Path(options.out or f"{Path(options.data).name.split('.')[0]}-screen")
    _apart(out, Path(options.data), found)
    _new(options.write_kept, options.write_set_aside)
    plan = Plan("", reader, scorers(), sensitive, "", evaluated, options.shard_mb)
    work = out / WORK / digest([plan.digest, [_state(source) for source in found]])[:16]
    kept_index = work / "evaluation.npz"
    if not kept_index.exists():
        save(index, kept_index)
    plan = replace(plan, work=str(work.resolve()), index=str(kept_index.resolve()))
    return Setting(
        out,
        tuple(found),
        tuple(pieces),
        plan,
        limits,
        policy,
        tuple(nulls),
        rules,
        tuple(short),
        bool(options.evaluation),
    )


def _mask(name: str) -> str:
    """A mask by its name, or as a trainer's own file says."""
    return mask_of(Path(name)) if name.endswith((".yaml", ".yml")) else name


def _new(*folders: str | None) -> None:
    """Folders of rows must be new, and that is told before anything is read."""
    for folder in map(Path, filter(None, folders)):
        if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
            raise ValueError(f"{folder}: is there already; name a new folder")


def _apart(out: Path, data: Path, found: Sequence[Source]) -> None:
    """Results must not become data."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out}: is a file; choose another --out")
    if data.is_dir() and data.resolve() in (out.resolve(), *out.resolve().parents):
        raise ValueError(f"{out}: is inside {data}, so its files would be read as rows; choose another --out")
    inside = next((s for s in found if out.resolve() in Path(s.path).resolve().parents), None)
    if inside:
        raise ValueError(f"{out}: the rows of {inside.path} are in it; choose another --out")


def _state(source: Source) -> list[str | int]:
    """What tells one state of a file from another without reading all of it."""
    with open(source.path, "rb") as file:
        begin = file.read(ENDS)
        file.seek(max(source.bytes - ENDS, 0))
        ends = digest([begin.hex(), file.read(ENDS).hex()])
    return [source.name, os.path.realpath(source.path), source.bytes, source.modified, ends]
