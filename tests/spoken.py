"""The command line in process: what was said where, and that a failure is one line."""

import contextlib
import io
from pathlib import Path
from typing import NamedTuple

from tuneward.cli import run


class Said(NamedTuple):
    """What a call gave back."""

    code: int
    out: str
    err: str


def said(*words: str | Path) -> Said:
    """Say the words to the command line."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(list(map(str, words)))
    return Said(code, out.getvalue(), err.getvalue())


def refused(answer: Said) -> str:
    """The one line of a failure, which says nothing anywhere else."""
    assert answer.code == 2
    assert answer.out == ""
    assert answer.err.startswith("error: ")
    assert answer.err.count("\n") == 1
    assert answer.err.endswith("\n")
    assert len(answer.err) > len("error: x\n")
    return answer.err
