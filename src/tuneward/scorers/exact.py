"""Exact answers: tasks whose right answer is known and can be read off the reply (house method).

The expectation travels with the prompt as `meta["check"]`, so a stored reply can be graded again without its suite.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

import msgspec

from tuneward.chat import Chat
from tuneward.score import Score
from tuneward.scorers.coherence import says_something

Kind = Literal["number", "equals", "contains", "first", "ordered", "words", "starts", "lower", "count", "all"]

_NUMBER = re.compile(
    r"(?:(?<![\w)\].])[-−+])?"  # a sign, unless it is a hyphen or the middle of a sum
    r"(?:\d{1,3}(?:[,\u00a0\u2009\u202f]\d{3})+(?!\d)|\d+)(?:\.\d+)?"
)
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_OUTER = " \t\r\n\"'“”‘’`*_.,;:!?()[]{}<>。，！？「」"
_JOINT = re.compile(r"[\s,;]*(?:and|or|und|et|y)?\s*", re.I)  # what stands between the items of a list
_LETTER = "A-Za-z0-9\u00c0-\u024f\u0370-\u052f"  # scripts that put spaces between words
_UNITS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SPELT = re.compile(rf"\b(?:({'|'.join(_TENS)})(?:[ -]({'|'.join(_UNITS[1:10])}))?|({'|'.join(_UNITS[::-1])}))\b", re.I)


@dataclass(frozen=True)
class Check:
    """What the right answer is; each kind reads the fields its grader names."""

    kind: Kind
    target: str | tuple[str, ...] = ()
    """The text, any of the accepted texts (contains, equals), or the sequence (ordered)."""
    without: tuple[str, ...] = ()
    """contains: texts that may not appear. first: the other candidates."""
    among: tuple[str, ...] = ()
    """words: the words to choose from, each at most once; empty = any words."""
    count: int = 0
    """words, count: how many."""
    checks: tuple["Check", ...] = ()
    """all: every one of these must be right."""


@dataclass(frozen=True)
class Found:
    """Whether the answer is right, what was seen, and where."""

    right: bool
    seen: str
    spans: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Exact:
    """Grade replies whose right answer is known: right, wrong or empty."""

    tolerance: float = 1e-6
    """How far a number may be off the right one."""

    def __call__(self, chats: Sequence[Chat]) -> list[Score]:
        """One score a chat, in order: 0 right, 1 wrong or empty.

        Raises:
            ValueError: a chat carries no usable `meta["check"]`; the message names the chat.
        """
        return [self._score(chat) for chat in chats]

    def _score(self, chat: Chat) -> Score:
        check = read_check(chat)
        if not says_something(chat.answer):
            return Score("exact", 1.0, "empty", "no answer")
        found = grade(chat.answer, check, tolerance=self.tolerance)
        reason = f"{check.kind}: {found.seen}"
        return Score("exact", float(not found.right), "right" if found.right else "wrong", reason, spans=found.spans)


def read_check(chat: Chat) -> Check:
    """The expectation a prompt carries; ValueError naming the chat when there is none or it is malformed."""
    raw = chat.meta.get("check")
    if raw is None:
        raise ValueError(f'chat {chat.id}: no meta["check"] to grade by; use a suite with exact answers')
    try:
        check = msgspec.convert(raw, Check)
    except msgspec.ValidationError as error:
        raise ValueError(f"chat {chat.id}: unusable check ({error}); kinds are {', '.join(get_args(Kind))}") from error
    if not _complete(check):
        raise ValueError(f"chat {chat.id}: check {check.kind!r} lacks its target, count or checks")
    return check


def _complete(check: Check) -> bool:
    if check.kind == "all":
        return bool(check.checks) and all(map(_complete, check.checks))
    if check.kind == "number":
        return len(check.target) > 0 and numbers(_one(check)) != []
    needs = {"words": check.count > 0, "lower": True, "count": bool(check.target) and check.count > 0}
    return needs.get(check.kind, bool(check.target))


def grade(answer: str, check: Check, *, tolerance: float = 1e-6) -> Found:
    """Hold one answer against one check."""
    if check.kind == "number":
        return _number(answer, check, tolerance=tolerance)
    if check.kind == "all":
        parts = [grade(answer, part, tolerance=tolerance) for part in check.checks]
        failed = [f"{c.kind}: {p.seen}" for c, p in zip(check.checks, parts, strict=True) if not p.right]
        return Found(not failed, "; ".join(failed) or "all hold", tuple(s for p in parts for s in p.spans))
    return _GRADERS[check.kind](answer, check)


def numbers(text: str) -> list[tuple[float, tuple[int, int]]]:
    """Numbers in order with their spans; spelt-out ones (zero to ninety-nine) only where there are no digits."""
    found = [(_to_float(m.group()), m.span()) for m in _NUMBER.finditer(text)]
    return found or [(_spelt(m), m.span()) for m in _SPELT.finditer(text)]


def _to_float(text: str) -> float:
    return float(re.sub(r"[,\u00a0\u2009\u202f]", "", text).replace("−", "-"))


def _spelt(match: re.Match[str]) -> float:
    tens, unit, small = (group.lower() if group else "" for group in match.groups())
    if small:
        return float(_UNITS.index(small))
    return float(20 + 10 * _TENS.index(tens) + (_UNITS.index(unit) if unit else 0))


def plain(text: str) -> str:
    """Lower case, single spaces, no quotation marks or punctuation around it: what `equals` compares."""
    return " ".join(text.casefold().split()).strip(_OUTER)


def _targets(check: Check) -> tuple[str, ...]:
    return (check.target,) if isinstance(check.target, str) else check.target


def _one(check: Check) -> str:
    return _targets(check)[0]


def _mentions(text: str, words: Sequence[str]) -> list[tuple[int, int, str]]:
    """Whole-word mentions of any of the words, in order of appearance, whatever their case."""
    longest_first = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    pattern = re.compile(rf"(?<![{_LETTER}])(?:{longest_first})(?![{_LETTER}])", re.I)
    return [(*m.span(), m.group().casefold()) for m in pattern.finditer(text)] if words else []


def _number(answer: str, check: Check, *, tolerance: float) -> Found:
    """The last number said is the answer: earlier ones are the way there."""
    found = numbers(answer)
    if not found:
        return Found(False, "no number")
    value, span = found[-1]
    target = numbers(_one(check))[-1][0]
    return Found(abs(value - target) <= tolerance, answer[span[0] : span[1]], (span,))


def _equals(answer: str, check: Check) -> Found:
    return Found(plain(answer) in {plain(t) for t in _targets(check)}, "whole answer", ((0, len(answer)),))


def _contains(answer: str, check: Check) -> Found:
    wrong = _mentions(answer, check.without)
    hits = _mentions(answer, _targets(check))
    seen = f"also says {wrong[0][2]}" if wrong else ("named" if hits else "not named")
    return Found(bool(hits) and not wrong, seen, tuple(hit[:2] for hit in wrong or hits))


def _first(answer: str, check: Check) -> Found:
    """Of all candidates the right one is named first, not counting a list of them said back from the question."""
    hits = _mentions(answer, (*_targets(check), *check.without))
    listed = 1
    while listed < len(hits) and _JOINT.fullmatch(answer[hits[listed - 1][1] : hits[listed][0]]):
        listed += 1
    named = hits[listed:] if 1 < listed < len(hits) else hits
    right = bool(named) and named[0][2] in {t.casefold() for t in _targets(check)}
    return Found(right, f"names {named[0][2]} first" if named else "names none", tuple(h[:2] for h in named[:1]))


def _ordered(answer: str, check: Check) -> Found:
    """The last mentions stand in the right order: the list may be repeated before it is sorted."""
    hits = _mentions(answer, _targets(check))[-len(_targets(check)) :]
    order = [hit[2] for hit in hits]
    return Found(order == [t.casefold() for t in _targets(check)], " < ".join(order), tuple(h[:2] for h in hits))


def _words(answer: str, check: Check) -> Found:
    said = [word.casefold() for word in _WORD.findall(answer)]
    allowed = {word.casefold() for word in check.among}
    chosen = not allowed or (set(said) <= allowed and len(set(said)) == len(said))
    return Found(len(said) == check.count and chosen, f"{len(said)} words", ((0, len(answer)),))


def _starts(answer: str, check: Check) -> Found:
    lead = len(answer) - len(answer.lstrip(_OUTER))
    hits = [hit for hit in _mentions(answer, _targets(check)) if hit[0] == lead]
    return Found(bool(hits), "begins so" if hits else "begins otherwise", tuple(hit[:2] for hit in hits))


def _lower(answer: str, _check: Check) -> Found:
    upper = [(i, i + 1) for i, letter in enumerate(answer) if letter.isupper()]
    letters = any(letter.isalpha() for letter in answer)
    return Found(letters and not upper, f"{len(upper)} capitals", tuple(upper[:1]))


def _count(answer: str, check: Check) -> Found:
    hits = _mentions(answer, _targets(check))
    return Found(len(hits) == check.count, f"{len(hits)} times", tuple(hit[:2] for hit in hits))


_GRADERS: Mapping[str, Callable[[str, Check], Found]] = MappingProxyType(
    {
        "equals": _equals,
        "contains": _contains,
        "first": _first,
        "ordered": _ordered,
        "words": _words,
        "starts": _starts,
        "lower": _lower,
        "count": _count,
    }
)
