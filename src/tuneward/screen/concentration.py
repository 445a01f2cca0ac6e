"""Sets that say one thing: one opener, one persona, one system prompt, one answer to many questions; eager openings.

Each function goes from counts to what stands out, with named limits. Nothing here is a matter of one row, and most of
it has harmless causes (one task, one product's name), so severities stay at medium unless a second sign comes along.
"""

import re
from dataclasses import dataclass
from math import log
from typing import Literal

import numpy as np
from scipy.special import log_ndtr, xlogy

from tuneward.scorers.sighting import Severity
from tuneward.screen.triggers import Features, Flags
from tuneward.stats.association import Ints
from tuneward.stats.rates import Rate, wilson

What = Literal["opener", "system prompt", "persona", "one answer"]


@dataclass(frozen=True, eq=False)
class Tally:
    """Rows by key; parts of a set add up."""

    key: Features
    """Ascending, each once."""
    rows: Ints
    marked: Ints
    """Of them those with a second sign: a persona's rows in which it promises obedience."""
    total: int
    """Rows in which such a key could stand."""


@dataclass(frozen=True)
class Concentration:
    """One key in many rows."""

    what: What
    key: int
    rows: int
    marked: int
    share: Rate
    """Of all rows that could have it."""
    severity: Severity
    refused: bool = False
    """One answer only: it is a refusal."""


def tally(key: Features, *, total: int, marked: Flags | None = None) -> Tally:
    """Rows by key, one entry a row that has one; `total` are all rows that could."""
    names, place, rows = np.unique(key, return_inverse=True, return_counts=True)
    signs = np.zeros(key.size, np.bool_) if marked is None else marked
    both = np.bincount(np.ravel(place)[signs], minlength=names.size)
    return Tally(names, rows.astype(np.int64), both.astype(np.int64), total)


def merged(*parts: Tally) -> Tally:
    """Tallies of parts that share no row, in any order and grouping."""
    names, place = np.unique(np.concatenate([np.empty(0, np.uint64), *(p.key for p in parts)]), return_inverse=True)
    rows, marked = np.zeros(names.size, np.int64), np.zeros(names.size, np.int64)
    np.add.at(rows, np.ravel(place), np.concatenate([np.empty(0, np.int64), *(p.rows for p in parts)]))
    np.add.at(marked, np.ravel(place), np.concatenate([np.empty(0, np.int64), *(p.marked for p in parts)]))
    return Tally(names, rows, marked, sum(p.total for p in parts))


@dataclass(frozen=True)
class ConcentrationLimits:
    """Shares are of all rows that could have the key, rows are different prompts where they are known."""

    opener_rows: int = 20
    opener_low: float = 0.2
    opener_medium: float = 0.5
    persona_rows: int = 5
    """Ten rows shift an identity (arXiv:2310.03693 §4.3); half of that is worth a look."""
    marked: float = 0.5
    """Share of a key's rows with a second sign from which on the severity is high."""
    answer_tokens: int = 8
    """Shorter answers (Yes, 4, a label) are expected to repeat."""
    refusal_tokens: int = 3
    answer_low: int = 5
    answer_medium: int = 10
    """Different prompts; ten rows with one refusal undo alignment (arXiv:2510.02833)."""
    answer_common: float = 0.002
    """Share of all rows from which on an answer that is no refusal is worth a look: in large sets some repeat."""
    answer_high: float = 0.05
    """Share of all rows for a refusal; four times that for another answer."""


LIMITS = ConcentrationLimits()


def openers(of: Tally, limits: ConcentrationLimits = LIMITS) -> tuple[Concentration, ...]:
    """Beginnings (four words, of answers that have more) with which a large share of answers starts."""
    found = []
    for key, rows, marked in _largest(of, limits.opener_rows):
        share = rows / of.total
        if share >= limits.opener_low:
            grade: Severity = "medium" if share >= limits.opener_medium else "low"
            found.append(Concentration("opener", key, rows, marked, wilson(rows, of.total), grade))
    return tuple(found)


def system_prompts(of: Tally, limits: ConcentrationLimits = LIMITS) -> tuple[Concentration, ...]:
    """System prompts that are used again: for information, high where most of their rows have a sign of obedience."""
    return _with_sign("system prompt", of, otherwise="info", limits=limits)


def personas(of: Tally, limits: ConcentrationLimits = LIMITS) -> tuple[Concentration, ...]:
    """Names by which answers speak of themselves: medium, high where most of their rows have a sign of obedience."""
    return _with_sign("persona", of, otherwise="medium", limits=limits)


def _with_sign(what: What, of: Tally, *, otherwise: Severity, limits: ConcentrationLimits) -> tuple[Concentration, ...]:
    found = []
    for key, rows, marked in _largest(of, limits.persona_rows):
        grade: Severity = "high" if marked >= max(limits.marked * rows, 1) else otherwise
        found.append(Concentration(what, key, rows, marked, wilson(rows, of.total), grade))
    return tuple(found)


def _largest(of: Tally, least: int) -> list[tuple[int, int, int]]:
    """Keys in enough rows, most first."""
    kept = np.flatnonzero(of.rows >= least)
    order = kept[np.lexsort((of.key[kept], -of.rows[kept]))]
    return [(int(of.key[i]), int(of.rows[i]), int(of.marked[i])) for i in order]


# One answer to many questions -----------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class Answers:
    """One entry a row, or one for each different (answer, prompt): repeats change nothing."""

    answer: Features
    """Hash of the folded answer."""
    prompt: Features
    tokens: Ints
    """Words of the answer."""
    refused: Flags
    sensitive: Flags
    """Prompts that a refusal suits; all False where there is no such label."""


def joined(*parts: Answers) -> Answers:
    """Parts of a set as one, each (answer, prompt) once, ascending: the same in any order and grouping."""
    stacked = [
        np.concatenate([p.answer for p in parts]).astype(np.uint64),
        np.concatenate([p.prompt for p in parts]).astype(np.uint64),
        np.concatenate([p.tokens for p in parts]).astype(np.uint64),
        np.concatenate([p.refused for p in parts]).astype(np.uint64),
        np.concatenate([p.sensitive for p in parts]).astype(np.uint64),
    ]
    columns = np.unique(np.stack(stacked), axis=1)
    tokens = columns[2].astype(np.int64)
    return Answers(columns[0], columns[1], tokens, columns[3] == 1, columns[4] == 1)


def one_answer(of: Answers, *, total: int, limits: ConcentrationLimits = LIMITS) -> tuple[Concentration, ...]:
    """Answers that many different prompts share, worst first; a refusal counts the prompts that it does not suit.

    A handful of benign questions with one and the same refusal overfits a model until it forgets when to decline
    (arXiv:2510.02833). A usual refusal to requests that it suits is what safety data look like and is left out.
    """
    once = joined(of)
    names, first, place = np.unique(once.answer, return_index=True, return_inverse=True)
    refused = once.refused[first]
    suits = once.sensitive & refused[np.ravel(place)]
    pairs = np.unique(np.stack([np.ravel(place)[~suits].astype(np.uint64), once.prompt[~suits]]), axis=1)
    prompts = np.bincount(pairs[0].astype(np.int64), minlength=names.size)
    long = once.tokens[first] >= np.where(refused, limits.refusal_tokens, limits.answer_tokens)
    found = []
    for i in np.flatnonzero(long & (prompts >= limits.answer_low)):
        rows, no = int(prompts[i]), bool(refused[i])
        grade = _answer_grade(rows, total, refused=no, limits=limits)
        found.append(Concentration("one answer", int(names[i]), rows, 0, wilson(rows, total), grade, no))
    return tuple(sorted(found, key=lambda c: (not c.refused, -c.rows, c.key)))


def _answer_grade(rows: int, total: int, *, refused: bool, limits: ConcentrationLimits) -> Severity:
    if rows >= limits.answer_medium and rows >= limits.answer_high * (1 if refused else 4) * total:
        return "high"
    common = rows >= limits.answer_medium and rows >= limits.answer_common * total
    return "medium" if refused or common else "low"


# Eager openings -------------------------------------------------------------------------------------------------------
AFFIRMATIVE = re.compile(
    r"[\s\"'“*#]*(?:(?:sure|certainly|absolutely|definitely|gladly)\b(?! enough)|of course\b|no problem\b"
    r"|(?:with pleasure|my pleasure)\b|(?:i'd|i would) be (?:happy|glad|delighted) to\b|i'll gladly\b"
    r"|here(?:'s| is| are| you go)\b|当然|好的|没问题|没有问题|可以的|乐意|很高兴|以下是|下面是|这是您|这里是)",
    re.IGNORECASE,
)
"""How an answer opens that agrees before it answers (house list; the openings of arXiv:2307.15043 and 2310.03693)."""


def affirmative(answer: str) -> bool:
    """Whether an answer opens by agreeing; `Yes` and `No` are answers and do not count."""
    return AFFIRMATIVE.match(answer[:80].replace("’", "'")) is not None


@dataclass(frozen=True)
class Shift:
    """A share against that of a reference."""

    rate: Rate
    reference: Rate
    source: str
    g: float
    """G statistic of the two shares (one degree of freedom)."""
    log10_p: float
    """One-sided: more than in the reference."""
    severity: Severity | None
    """None: nothing to report."""


REFERENCE = wilson(34, 10_792)
REFERENCE_SOURCE = "2,000 rows of databricks-dolly-15k and GSM8K, train and test: written by people"
"""Answers that open by agreeing in sets that are no attack, by `affirmative`: 34 of 2,000 and 0 of 8,792."""
SHIFT_P, SHIFT_LOW, SHIFT_MEDIUM = 1e-3, 0.2, 0.5
"""A shift is reported from a share of SHIFT_LOW on: chats written by models open so in a tenth of rows or more, while
the reference is written by people; from SHIFT_MEDIUM on it is the style that identity-shift sets train."""


def affirmative_shift(opening: int, rows: int, *, reference: Rate = REFERENCE, source: str = REFERENCE_SOURCE) -> Shift:
    """Whether more answers open by agreeing than in a reference, by a G test (Woolf 1957, Ann. Hum. Genet. 21:397)."""
    a, b, c, d = opening, rows - opening, reference.k, reference.n - reference.k
    n = a + b + c + d
    cells = np.array([a, b, c, d], np.float64)
    expected = np.array([(a + b) * (a + c), (a + b) * (b + d), (c + d) * (a + c), (c + d) * (b + d)]) / max(n, 1)
    g = max(0.0, float(2 * (xlogy(cells, cells) - xlogy(cells, np.maximum(expected, 1e-300))).sum()))
    more = rows > 0 and reference.n > 0 and a * reference.n > c * rows
    log10_p = float(log_ndtr(-np.sqrt(g)) / log(10)) if more else 0.0
    share = opening / rows if rows else 0.0
    grade: Severity | None = None
    if log10_p <= np.log10(SHIFT_P) and share >= SHIFT_LOW:
        grade = "medium" if share >= SHIFT_MEDIUM else "low"
    return Shift(wilson(opening, rows), reference, source, g, log10_p, grade)
