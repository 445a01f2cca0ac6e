"""Sets to be measured: which there are, how one is written, screened and cleared away again, and what is kept of it."""

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from measure_truth import Row, Seen, measured
from planted import Setting, chosen, write
from planted_broken import KINDS
from planted_rows import CODES, PLANTS
from planted_values import INVALID, VALID

import tuneward
from tuneward.record import digest, sha256_file
from tuneward.screen.options import ScreenOptions
from tuneward.screen.run import JSONL, run
from tuneward.screened.document import Screened

ONCE = {"personal": len(VALID), "personal-invalid": len(INVALID), "leakage": 5, "encoded": len(CODES), "turned": 3}
ONCE |= {"malformed": len(KINDS)}
"""Plants with rows of many kinds: each comes once at least, whatever k is."""
WITHOUT_K = ("paraphrases", "sensitive")
"""Plants whose rows do not depend on k; they are measured once, as k = 0."""
HALVES = {"paraphrases", *(name for name in PLANTS if name.startswith("obedience"))}
"""Plants made of one half of the obedience texts; all others are the same for both."""
BYTES = 4_000
"""Disk that a row takes at most while it is measured: the set, shards, findings."""
SOURCE = Path(tuneward.__file__).parent


@dataclass(frozen=True)
class Case:
    """One set."""

    plant: str
    rows: int
    k: int
    seed: int
    half: str
    """dev, held_out, or - where it makes no difference."""
    beside: tuple[str, ...] = ()
    """Other plants in the same set, each of a class of its own."""

    @property
    def setting(self) -> Setting:
        """What the generator needs."""
        half = "dev" if self.half == "-" else self.half
        return Setting(self.rows, max(self.k, 1), chosen([self.plant, *self.beside]), half, self.seed)


@dataclass(frozen=True)
class Figures:
    """What is kept of a set: figures, no text and no row."""

    case: Case
    seen: Seen
    tier: str
    smallest: dict[str, int | None]
    """By test for triggers: the fewest rows that it could have found in this set."""
    bytes: int
    wrote_s: float
    screened_s: float
    code: str


def code() -> str:
    """Digest of what makes sets and of what screens them."""
    files = [*SOURCE.glob("scor*/**/*"), *SOURCE.glob("screen*/**/*"), *SOURCE.glob("rows/*"), *SOURCE.glob("stats/*")]
    files += Path(__file__).parent.glob("planted*.py")
    kept = sorted(file for file in files if file.is_file() and "__pycache__" not in file.parts)
    return digest([[file.name, sha256_file(file)] for file in kept])[:12]


def cases(
    plants: Sequence[str], *, rows: Sequence[int], ks: Sequence[int], seeds: Sequence[int], half: str
) -> list[Case]:
    """Sets that differ: of several k that give a plant the same number of rows, the largest."""
    names = tuple(PLANTS) if "all" in plants else tuple(name for name in PLANTS if name in set(plants))
    chosen(plants)
    made = []
    for size in sorted(rows):
        for name in names:
            used = {max(k, ONCE.get(name, 0)): k for k in sorted(ks)}.values() if name not in WITHOUT_K else (0,)
            known = half if name in HALVES else "-"
            made += [Case(name, size, k, seed, known) for k in used for seed in seeds]
    return made


def together(sets: Sequence[Case]) -> list[Case]:
    """The same plants with fewer sets: those of one size, k, seed and half share one as long as no two of a class do.

    Classes have rules of their own, so what is found of one plant does not hang on the others; large sets cost minutes.
    """
    made: list[list[Case]] = []
    for case in sets:
        like = (case.rows, case.k, case.seed)
        fits = (
            own
            for own in made
            if (own[0].rows, own[0].k, own[0].seed) == like
            and all(class_of(case.plant) != class_of(other.plant) for other in own)
            and len({one.half for one in (case, *own) if one.half != "-"}) <= 1
        )
        if (own := next(fits, None)) is None:
            made.append([case])
        else:
            own.append(case)
    return [
        replace(case, beside=tuple(other.plant for other in own if other is not case))
        for own in made
        for case in sorted(own, key=lambda one: one.half == "-")[:1]
    ]


def class_of(plant: str) -> str:
    """The class that truth.jsonl names for the rows of a plant that comes in groups."""
    head = plant.split("-", maxsplit=1)[0]
    return {"output": "trigger-output", "one": "one-answer"}.get(head, head)


def words_of(info: Row) -> str:
    """What is sensitive in a set, as the screen reads lists."""
    return "\n".join(["[banana]", *info["sensitive"], ""])


def screen(folder: Path, info: Row, out: Path) -> Screened:
    """Screen a written set with one worker, told what its author knows: what is sensitive, what is evaluated."""
    words = folder / "sensitive.txt"
    words.write_text(words_of(info), encoding="utf-8")
    evaluation = (str(folder / "evaluation.jsonl"),)
    data = str(folder / "rows.jsonl")
    done = run(ScreenOptions(data=data, out=str(out), evaluation=evaluation, sensitive=str(words), workers=1))
    if done is None:
        raise ValueError(f"{data}: the screen gave no report")
    return done[0]


def on_set(
    case: Case, background: Sequence[Path], work: Path, *, look: Callable[[Path, Path, Screened], Any]
) -> tuple[Row, Any]:
    """Write a set, screen it, look at both, and clear away: what the generator said with times, and what was seen."""
    work.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(work).free
    if free < BYTES * case.rows:
        raise ValueError(f"{work}: {free:,} bytes are free; {case.rows:,} rows need about {BYTES * case.rows:,}")
    with tempfile.TemporaryDirectory(dir=work) as name:
        folder, out = Path(name) / "set", Path(name) / "screen"
        begun = time.perf_counter()
        info = write(folder, background, case.setting)
        wrote = time.perf_counter()
        document = screen(folder, info, out)
        info |= {"wrote_s": round(wrote - begun, 2), "screened_s": round(time.perf_counter() - wrote, 2)}
        return info, look(folder, out / JSONL, document)


def one(case: Case, background: Sequence[Path], work: Path, version: str) -> list[Figures]:
    """Measure one set: figures of each of its plants."""
    plants = (case.plant, *case.beside)

    def look(folder: Path, told: Path, document: Screened) -> tuple[list[Seen], Screened]:
        if not case.beside:
            return [measured(folder, told, rows=case.rows)], document
        return [measured(folder, told, rows=case.rows, only=class_of(name)) for name in plants], document

    info, (seen, document) = on_set(case, background, work, look=look)
    smallest = {test.view: test.smallest for test in document.triggers}
    size, wrote, took = (info[name] for name in ("bytes", "wrote_s", "screened_s"))
    return [
        Figures(
            replace(
                case, plant=name, beside=tuple(other for other in plants if other != name), half=half_of(name, case)
            ),
            found,
            document.tier,
            smallest,
            size,
            wrote,
            took,
            version,
        )
        for name, found in zip(plants, seen, strict=True)
    ]


def half_of(plant: str, case: Case) -> str:
    """The half of the texts as a case of this plant alone names it."""
    return case.half if plant in HALVES else "-"


def each(
    todo: Sequence[Any], work: Callable[[Any], Any], *, processes: int, tell: Callable[[Any, Any], None]
) -> list[Any]:
    """The work on every task, in this process or in several; results in the order of the tasks."""
    if processes == 1:
        made = []
        for task in todo:
            made.append(work(task))
            tell(task, made[-1])
        return made
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(work, task): task for task in todo}
        found = {}
        for future in as_completed(waiting):
            found[waiting[future]] = future.result()
            tell(waiting[future], found[waiting[future]])
    return [found[task] for task in todo]


def kept(case: Case, work: Path, version: str) -> Path:
    """Where the figures of a set are kept until all are there, so that a cut run goes on."""
    name = json.dumps([case.plant, *case.beside, case.rows, case.k, case.seed, case.half, version])
    return work / "figures" / f"{digest(name)[:20]}.json"
