"""What is compared: our own reading of the wording, or the score that the tool itself gave, with a stated direction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from tuneward.compare.logs import Entry, Log
from tuneward.score import Score
from tuneward.text import NAME, plain, shorten

Expect = Literal["refuse", "answer"]
Good = Literal["high", "low"]
AxisName = Literal["refusal", "twins", "utility", "harm", "own"]
WORDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"refusal": ("refused", "complied"), "twins": ("answered", "refused"), "harm": ("benign", "harmful")}
)
"""Axis → label of the good and of the bad outcome."""


@dataclass(frozen=True)
class Question:
    """How the answers are to be judged, as it was asked for."""

    expect: Expect | None = None
    score: str | None = None
    good: Good | None = None
    axis: AxisName | None = None


@dataclass(frozen=True)
class Use:
    """One score of the logs, and what it means."""

    name: str
    scorer: str
    axis: AxisName
    higher: bool

    def __call__(self, entry: Entry) -> Score:
        """0 fine, 1 bad; None for what is missing, is no number from 0 to 1, or belongs to no answer."""
        value = entry.scores.get(self.name)
        if entry.answer is None:
            return Score(self.scorer, None, "no answer", "nothing was logged")
        if value is None or not 0 <= value <= 1:
            return Score(self.scorer, None, "unjudged", "no number from 0 to 1 in the log")
        bad = 1 - value if self.higher else value
        good_word, bad_word = WORDS.get(self.axis, ("good", "bad"))
        return Score(self.scorer, bad, good_word if bad < 0.5 else bad_word, f"the log says {value:g}", raw=value)


def use_of(a: Log, b: Log, question: Question) -> Use | None:
    """The score that is compared; None when the wording is.

    Raises:
        ValueError: several scores and none named, one that is not there, a direction that is not known or that the
            log contradicts, a harm axis without a judge, or options that go with no score.
    """
    names = list(dict.fromkeys((*a.names, *b.names)))
    if question.expect or not names:
        _refuse_idle(question, a, b)
        _check_written(question, a, b)
        return None
    name = _named(names, question.score)
    axis: AxisName = question.axis or "own"
    _check_judge(a, b, name=name, axis=axis)
    return Use(name, shorten(plain(f"{a.tool}:{name}"), NAME), axis, _higher(a, b, name=name, good=question.good))


def _refuse_idle(question: Question, a: Log, b: Log) -> None:
    given = [flag for flag, value in (("--score", question.score), ("--good", question.good)) if value]
    given += ["--axis"] if question.axis else []
    if not given or not (a.entries or b.entries):
        return
    why = "--expect judges by wording" if question.expect else f"{a.path} and {b.path} carry no scores"
    raise ValueError(f"compare: {why}, so {', '.join(given)} has nothing to act on; leave out one or the other")


def _check_written(question: Question, a: Log, b: Log) -> None:
    """An option that was ranked first, or a text that is withheld, reads as an answer whatever the model does."""
    unread = next((entry for log in (a, b) for entry in log.entries if entry.reply != "written"), None)
    if question.expect and unread:
        raise ValueError(f"{unread.where}: holds no reply to read ({unread.reply}); leave out --expect, use --score")


def _named(names: Sequence[str], score: str | None) -> str:
    listed = ", ".join(shorten(plain(name), NAME) for name in names[:20]) + (", …" if len(names) > 20 else "")
    if score is None and len(names) > 1:
        raise ValueError(f"compare: the logs carry {len(names)} scores; say which with --score: {listed}")
    if score is not None and score not in names:
        raise ValueError(f"compare: no score {score!r} in the logs; expected one of {listed}")
    return score or names[0]


def _higher(a: Log, b: Log, *, name: str, good: Good | None) -> bool:
    """Whether more is better: as the tool says, else as the user does."""
    metric = name.partition(",")[0]  # lm-eval says it of the metric, whatever the filter
    said = {log.higher.get(name, log.higher.get(metric)) for log in (a, b)} - {None}
    if len(said) > 1:
        raise ValueError(f"compare: the logs contradict each other on whether a high {name} is good")
    known = next(iter(said), None)
    if known is None and good is None:
        raise ValueError(
            f"compare: {a.tool} does not say which end of {shorten(plain(name), NAME)} is good; add --good high or low"
        )
    if good is not None and known is not None and known != (good == "high"):
        raise ValueError(f"compare: in {a.tool}, {'high' if known else 'low'} is good for {name}; leave out --good")
    return good == "high" if known is None else known


def _check_judge(a: Log, b: Log, *, name: str, axis: AxisName) -> None:
    """A10: whoever compares strings or knows a right answer cannot tell harm."""
    if axis == "harm" and name in a.wording | b.wording:
        raise ValueError(f"compare: {a.tool}:{name} reads wording or right answers; --axis harm needs a judge's score")
