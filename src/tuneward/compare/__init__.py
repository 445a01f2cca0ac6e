"""compare: two sets of replies to the same prompts, from any tool, without a model.

Audits, JSONL, and the logs of Inspect, lm-eval, promptfoo and garak; what a log is shows in its content.

A plays the base and B the tuned model in the audit document that comes out, so gate and report read it as any other.
"""

import time
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from tuneward.compare.files import compare_files
from tuneward.compare.folders import Compared, compare_folders
from tuneward.compare.formats import WORDS, Seen, look, read
from tuneward.compare.scoring import AxisName, Expect, Good, Question
from tuneward.policy import judge, to_toml
from tuneward.record import Record, now, read_json, sha256_bytes, to_json, to_jsonl, versions, write_atomic
from tuneward.results import AUDIT, RECORD, SCORES, Judged, write_verdict

POLICY = "policy.toml"


@dataclass(frozen=True, kw_only=True)
class CompareOptions:
    """Compare the replies of two models to the same prompts: two audit folders, JSONL files, or logs of one tool
    (Inspect, lm-eval, promptfoo, garak)."""

    a: Annotated[Positional[str], arg(metavar="A")]
    """The reference: an audit folder (its tuned model is compared), a JSONL file of prompts and answers, or a log."""
    b: Annotated[Positional[str], arg(metavar="B")]
    """What is judged against it: the other audit folder, file or log, with the same prompts."""
    out: Annotated[str | None, arg(aliases=["-o"])] = None
    """Folder to write; without it nothing is written."""
    expect: Expect | None = None
    """For files: what every prompt calls for, judged by wording. Without it, or a score in the logs, changes are
    counted and there is no verdict (exit 4)."""
    score: str | None = None
    """For logs: the scorer, metric or detector to compare; needed when they carry several."""
    good: Good | None = None
    """For logs: which end of that score is good, where the tool does not say (Inspect)."""
    axis: AxisName | None = None
    """For logs: the axis that the score measures; own without it, and harm from a judge only."""
    columns: str | None = None
    """For JSONL: which of its keys hold what, as in prompt=q,answer=a; also id, category, family and system.
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
    a, b = look(Path(options.a)), look(Path(options.b))
    _of_a_kind(a, b)
    if a.format == "audit":
        if options.expect or options.columns or options.score or options.good or options.axis:
            raise ValueError(
                "compare: --expect, --score, --good, --axis and --columns are for files and logs; an audit folder says "
                "what was expected"
            )
        return compare_folders(a.path, b.path, seed=options.seed)
    question = Question(options.expect, options.score, options.good, options.axis)
    logs = read(a, options.columns), read(b, options.columns)
    return compare_files(*logs, question=question, seed=options.seed)


def _of_a_kind(a: Seen, b: Seen) -> None:
    if a.format != b.format:
        raise ValueError(
            f"compare: {a.path} is {WORDS[a.format]} and {b.path} is {WORDS[b.format]}; expected two of a kind"
        )


def _checked(options: CompareOptions) -> Path | None:
    """The folder to write, after everything that can be refused before reading."""
    a, b = Path(options.a), Path(options.b)
    for path in (a, b):
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such file or folder; compare takes two audits, JSONL files or logs")
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
