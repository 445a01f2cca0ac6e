"""The export verb: an audit's two arms as log files that another tool reads, written without that tool."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, get_args

from tyro.conf import Positional, arg

from tuneward.chat import Arm, Reply
from tuneward.export.inspect_log import Source, eval_log, file_name
from tuneward.record import Record, read_json, read_jsonl, to_json, whole_file
from tuneward.results import RECORD, REPLIES, read_audit, read_scores
from tuneward.scored import Key


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """Write the two arms of a finished audit as Inspect logs: scores, outcomes and digests, texts only on request."""

    folder: Annotated[Positional[str], arg(metavar="AUDIT")]
    """The folder of a finished audit."""
    to: Literal["inspect"] = "inspect"
    """The format: EvalLog version 2 as JSON, one file per arm."""
    out: Annotated[str, arg(aliases=["-o"])] = "logs"
    """Folder to write into; `logs` is where Inspect looks."""
    include_text: bool = False
    """Include prompts, replies and reasons; those of sensitive prompts are never included."""


def run(options: ExportOptions) -> list[Path]:
    """The files written, the base's first; both appear whole or neither does.

    Raises:
        FileNotFoundError: no finished audit there, or texts were asked for and the replies were deleted.
        ValueError: a file that cannot be read, or a place that cannot be written to.
    """
    folder, out = Path(options.folder), Path(options.out)
    audit, rows = read_audit(folder), read_scores(folder)
    if not rows:
        raise ValueError(f"{folder}: its scores are empty, so there is nothing to export")
    if out.exists() and (not out.is_dir() or out.resolve() == folder.resolve()):
        raise ValueError(f"{out}: is {'the audit itself' if out.is_dir() else 'a file'}; choose another --out")
    replies = _replies(folder / REPLIES) if options.include_text else None
    source = Source(audit, rows, read_json(folder / RECORD, Record), replies)
    base, tuned = (out / file_name(source, arm) for arm in get_args(Arm))
    first, second = to_json(eval_log(source, "base")), to_json(eval_log(source, "tuned"))
    with whole_file(base, mode=0o600) as one, whole_file(tuned, mode=0o600) as other:
        one.write(first)
        other.write(second)
    return [base, tuned]


def _replies(path: Path) -> Mapping[tuple[Arm, Key], Reply]:
    """Every reply by its arm and question."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no replies are kept there; leave out --include-text to export the scores")
    replies = read_jsonl(path, Reply)
    return {(reply.arm, (reply.suite, reply.id, reply.render, reply.sample)): reply for reply in replies}


__all__ = ["ExportOptions", "run"]
