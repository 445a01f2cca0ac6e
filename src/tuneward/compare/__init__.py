"""compare: two sets of replies to the same prompts, from any tool, without a model.

A plays the base and B the tuned model in the audit document that comes out, so gate and report read it as any other.
"""

import time
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from tuneward.compare.files import compare_files
from tuneward.compare.folders import Compared, compare_folders
from tuneward.policy import judge, to_toml
from tuneward.record import Record, now, read_json, sha256_bytes, to_json, to_jsonl, versions, write_atomic
from tuneward.results import AUDIT, RECORD, SCORES, Judged, write_verdict

POLICY = "policy.toml"


@dataclass(frozen=True, kw_only=True)
class CompareOptions:
    """Compare the replies of two models to the same prompts: two audit folders, or two JSONL files."""

    a: Annotated[Positional[str], arg(metavar="A")]
    """The reference: an audit folder (its tuned model is compared) or a JSONL file of prompts and answers."""
    b: Annotated[Positional[str], arg(metavar="B")]
    """What is judged against it: the other audit folder or file, with the same prompts."""
    out: Annotated[str | None, arg(aliases=["-o"])] = None
    """Folder to write; without it nothing is written."""
    expect: Literal["refuse", "answer"] | None = None
    """For files: what every prompt calls for. Without it changes are counted and there is no verdict (exit 4)."""
    columns: str | None = None
    """For files: which of their keys hold what, as in prompt=q,answer=a; also id, category, family and system.
    No other key is read then."""
    seed: int = 0
    """Seed of the permutation test and of resampling by family."""


def run(options: CompareOptions, *, today: date | None = None) -> Judged:
    """Pair, judge, write. Exit code 4 when nothing was compared or no expectation was stated.

    Raises:
        FileNotFoundError: an input is missing.
        ValueError: a line that cannot be read, prompts that differ, or options that do not fit the inputs.
    """
    started, clock, cpu = now(), time.perf_counter(), time.process_time()
    out = _checked(options)
    found = _compared(options)
    text = to_toml(found.policy)
    verdict = judge(found.audit, found.policy, today=today or date.today(), policy_hash=sha256_bytes(text.encode()))
    if out is not None:
        usage = {"wall_s": time.perf_counter() - clock, "cpu_s": time.process_time() - cpu}
        record = Record(
            verb="compare",
            settings=asdict(options),
            inputs=found.inputs,
            versions=versions(),
            seed=options.seed,
            started=started,
            finished=now(),
            usage=usage,
        )
        (out / RECORD).unlink(missing_ok=True)  # a cut run leaves a folder that says it is unfinished
        write_atomic(out / SCORES, to_jsonl(found.rows), mode=0o600)
        write_atomic(out / AUDIT, to_json(found.audit))
        write_atomic(out / POLICY, text.encode())
        write_verdict(out, found.audit, verdict=verdict)
        write_atomic(out / RECORD, to_json(record))
    return Judged(found.audit, verdict, out)


def _compared(options: CompareOptions) -> Compared:
    a, b = Path(options.a), Path(options.b)
    if a.is_dir() and b.is_dir():
        return compare_folders(a, b, seed=options.seed)
    return compare_files(a, b, expect=options.expect, columns=options.columns, seed=options.seed)


def _checked(options: CompareOptions) -> Path | None:
    """The folder to write, after everything that can be refused before reading."""
    a, b = Path(options.a), Path(options.b)
    for path in (a, b):
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such file or folder; compare takes two audit folders or two files")
    if a.is_dir() != b.is_dir():
        raise ValueError(f"compare: {a} and {b} are a folder and a file; expected two of a kind")
    if a.is_dir() and (options.expect or options.columns):
        raise ValueError("compare: --expect and --columns are for files; an audit folder says what was expected")
    if options.out is None:
        return None
    out = Path(options.out)
    if out.resolve() in (a.resolve(), b.resolve()):
        raise ValueError(f"{out}: is one of the two that are compared; choose another --out")
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not _ours(out))):
        raise ValueError(f"{out}: exists and is no comparison; choose another --out, so that nothing is overwritten")
    return out


def _ours(folder: Path) -> bool:
    path = folder / RECORD
    return path.is_file() and read_json(path, Record).verb == "compare"
