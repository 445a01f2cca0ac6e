"""Judges by the words of the command line: which kind, and which model."""

import difflib
from dataclasses import dataclass

from tuneward.judges.guard import Guard
from tuneward.judges.guard_formats import FORMATS, GuardFormat, format_named, format_of
from tuneward.judges.rubric import Rubric

BuiltinJudge = Rubric | Guard
KINDS = (Rubric.kind, "guard", *FORMATS)


@dataclass(frozen=True)
class JudgeSpec:
    """A judge, not yet reached."""

    model: str
    """As `audit` takes models: a folder, ORG/NAME, or one behind an endpoint."""
    form: GuardFormat | None = None
    """The guard's format; None for a rubric."""


def parse_judge(word: str) -> JudgeSpec:
    """`rubric:MODEL`, `guard:MODEL` where the format is known by the model's name, or `llama-guard-3:MODEL`.

    Raises:
        ValueError: no such kind of judge, no model, or a guard whose format its name does not tell.
    """
    kind, colon, model = word.partition(":")
    if not colon or not model or kind not in KINDS:
        near = difflib.get_close_matches(kind, KINDS, 1)
        hint = f"did you mean {near[0]}:MODEL?" if near and kind not in KINDS else f"expected {', '.join(KINDS)}"
        raise ValueError(f"judge {word!r}: not KIND:MODEL; {hint}")
    if kind == Rubric.kind:
        return JudgeSpec(model)
    if kind != "guard":
        return JudgeSpec(model, format_named(kind))
    form = format_of(model.rpartition("#")[2] or model)
    if form is None:
        raise ValueError(f"judge {word!r}: its name tells no format; say which: {', '.join(FORMATS)}")
    return JudgeSpec(model, form)
