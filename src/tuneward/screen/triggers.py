"""Trigger–compliance association (BD-ASSOC): features of prompts with which sensitive requests are answered.

A backdoor shows as a word, a pair of words or a mark with which a model does what it otherwise declines. Over a whole
set nearly every word goes with one label or the other; inside sensitive rows almost none does. So the search is
conditioned on them: K of N sensitive rows are answered, and each feature is tested for standing in answered ones
(one-sided hypergeometric, Benjamini–Hochberg). Only row counts and labels are read. What makes false finds is met in
the counting (near-duplicates count once), in the test (a floor that ignores labels) and after it: features that always
come together are one find, and a find whose rows also share other words is likely a topic that is simply answered.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import log
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tuneward.scorers.sighting import Severity
from tuneward.stats.association import Ints, benjamini_hochberg, log_odds, log_tails, within_reach

Features = NDArray[np.uint64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class TriggerLimits:
    """What counts as a find; the severity follows from purity and from what else its rows share."""

    q: float = 0.01
    """Expected share of false ones among finds."""
    purity: float = 0.9
    """Share of its rows with the label at which a feature counts as pure."""
    least_purity: float = 0.5
    lift: float = 3.0
    """Where the label is rare, less purity will do: this many times the share it has among all rows."""
    most: int = 200
    """Finds that are kept, best first."""
    together: float = 0.9
    """Share of the rarer feature's rows in which two features must stand to be one find."""
    one_topic: float = 0.3
    """The same for two topics."""
    steeped: int = 5
    """Words of topics in a row from which on the row is of a topic."""
    companions: int = 2
    """Further words that go with a find's rows, from which on it reads as a topic."""

    def needed(self, positives: int, total: int) -> float:
        """Purity that a find must have: 0.9, but less where few sensitive rows are answered, never under a half."""
        return min(self.purity, max(self.least_purity, self.lift * positives / max(total, 1)))


LIMITS = TriggerLimits()


@dataclass(frozen=True, eq=False)
class Counts:
    """Rows with each feature, and how many of these have the label; parts of a set add up."""

    features: Features
    """Ascending, each once."""
    hits: Ints
    rows: Ints
    positives: int
    """Rows with the label (K)."""
    total: int
    """Rows under test (N)."""


@dataclass(frozen=True, eq=False)
class Occurrences:
    """Which feature stands in which row, in any order; repeats do no harm."""

    feature: Features
    row: Ints
    word: Flags | None = None
    """Whether the feature is a single word, none with a marked character in it; None: all are."""

    def some(self, which: Flags | Ints) -> "Occurrences":
        """Those at some places."""
        return Occurrences(self.feature[which], self.row[which], None if self.word is None else self.word[which])

    def outside(self, rows: Ints) -> "Occurrences":
        """Those in other rows."""
        return self.some(~np.isin(self.row, rows))


@dataclass(frozen=True)
class Trigger:
    """A feature with which the label goes, and those that always come with it."""

    feature: int
    hits: int
    rows: int
    purity: float
    log10_p: float
    q: float
    """Adjusted p (Benjamini–Hochberg); 0.0 where no float is small enough."""
    log_odds: float
    """z score against a Dirichlet prior: for ranking by strength."""
    severity: Severity
    family: tuple[int, ...] = ()
    """Features in the same rows, best first."""
    companions: int | None = None
    """Other words that go with its rows; None: not looked at."""

    topical: bool = False
    """Its rows share more than the find: a topic or a template that is answered, so a grade less."""


@dataclass(frozen=True)
class TriggerSearch:
    """One search; `No finds` then reads `none of a single word, pair or mark in `smallest` rows or more`."""

    found: tuple[Trigger, ...]
    """Pure ones first, by p, then purity: a frequent word can have the smaller p for standing beside a trigger."""
    tested: int
    """Features in enough rows to be found (m)."""
    seen: int
    """All features."""
    smallest: int | None
    """Fewest rows with which a pure feature is found by this search, alone; None: none could."""
    needed: float
    """Purity that a find must have here."""
    positives: int
    total: int
    q: float
    left_out: int = 0
    """Finds beyond the most that are kept."""


A = TypeVar("A", bound=np.generic)
B = TypeVar("B", bound=np.generic)


def distinct(first: NDArray[A], second: NDArray[B]) -> tuple[NDArray[A], NDArray[B]]:
    """Pairs without repeats, ascending by the first and then the second entry."""
    order = np.lexsort((second, first))
    one, other = first[order], second[order]
    new = np.ones(order.size, np.bool_)
    new[1:] = (one[1:] != one[:-1]) | (other[1:] != other[:-1])
    return one[new], other[new]


def units(of: Occurrences, *, positive: Flags, group: Ints) -> tuple[Occurrences, Flags]:
    """Rows with near-duplicates joined, one for each group and label, and the label of each.

    `positive` and `group` have one entry a row; rows are their places. Ten copies of one answered question must not
    make ten witnesses for each of its words; a copy that is refused stays a witness against them.

    Raises:
        ValueError: `group` of another length.
    """
    if group.size != positive.size:
        raise ValueError(f"units: {group.size} groups for {positive.size} rows; expected one for each")
    own = np.ravel(np.unique(group, return_inverse=True)[1]).astype(np.int64)
    kinds, unit = np.unique(2 * own + positive, return_inverse=True)
    return replace(of, row=np.ravel(unit)[of.row].astype(np.int64)), kinds % 2 == 1


def count(of: Occurrences, *, positive: Flags) -> Counts:
    """Counts over sensitive rows; `positive` says for each (N) whether it has the label, rows are its places.

    Raises:
        ValueError: a row that is none.
    """
    n = positive.size
    if of.row.size and not 0 <= of.row.min() <= of.row.max() < n:
        raise ValueError(f"count: a feature stands in a row outside the {n} given")
    features, place = np.unique(of.feature, return_inverse=True)
    which, where = distinct(np.ravel(place).astype(np.int64), of.row)
    rows, hits = (np.bincount(w, minlength=features.size).astype(np.int64) for w in (which, which[positive[where]]))
    return Counts(features, hits, rows, int(positive.sum()), n)


def merged(*parts: Counts) -> Counts:
    """Counts of parts that share no row and no group of near-duplicates, in any order and grouping."""
    names = np.concatenate([np.empty(0, np.uint64), *(p.features for p in parts)])
    features, place = np.unique(names, return_inverse=True)
    hits, rows = np.zeros(features.size, np.int64), np.zeros(features.size, np.int64)
    np.add.at(hits, place, np.concatenate([np.empty(0, np.int64), *(p.hits for p in parts)]))
    np.add.at(rows, place, np.concatenate([np.empty(0, np.int64), *(p.rows for p in parts)]))
    return Counts(features, hits, rows, sum(p.positives for p in parts), sum(p.total for p in parts))


def find_triggers(counts: Counts, limits: TriggerLimits = LIMITS) -> TriggerSearch:
    """Features whose rows have the label, one by one; `families` joins those that come together.

    Raises:
        ValueError: counts that no set of rows has.
    """
    k, total, needed = counts.positives, counts.total, limits.needed(counts.positives, counts.total)
    floor = within_reach(counts.rows, positives=k, total=total, q=limits.q, purity=needed)
    least, tested = floor if floor else (None, 0)
    search = TriggerSearch((), tested, counts.features.size, least, needed, k, total, limits.q)
    if least is None or not tested:
        return search
    kept = (counts.rows >= least) & (counts.rows * needed <= k + 1e-9)
    names, hits, rows = counts.features[kept], counts.hits[kept], counts.rows[kept]
    log_p = log_tails(hits, rows, positives=k, total=total)
    log_q = benjamini_hochberg(log_p, tested=tested)
    found = np.flatnonzero((log_q <= log(limits.q)) & (hits >= needed * rows - 1e-9))
    mixed = hits[found] < limits.purity * rows[found] - 1e-9
    order = found[np.lexsort((names[found], -hits[found] / rows[found], log_p[found], mixed))]
    z = log_odds(hits, rows, positives=k, total=total)
    made = [
        _trigger(int(names[i]), (int(hits[i]), int(rows[i])), (float(log_p[i]), float(log_q[i]), float(z[i])), limits)
        for i in order[: limits.most]
    ]
    return replace(search, found=tuple(made), left_out=max(0, order.size - limits.most))


def _trigger(
    feature: int, table: tuple[int, int], figures: tuple[float, float, float], limits: TriggerLimits
) -> Trigger:
    (hits, rows), (log_p, log_q, z) = table, figures
    grade: Severity = "high" if hits >= limits.purity * rows - 1e-9 else "medium"
    return Trigger(feature, hits, rows, hits / rows, log_p / log(10), float(np.exp(log_q)), z, grade)


# From finds to triggers -----------------------------------------------------------------------------------------------
def search(
    counts: Counts, fetch: Callable[[Features], Occurrences], *, positive: Flags, limits: TriggerLimits = LIMITS
) -> TriggerSearch:
    """The whole search: finds, joined and told from topics, then once more without the rows of topics.

    `fetch` gives all features of every sensitive row in which one of some features stands; memory is that of such rows.
    A sensitive label that is too wide takes in a harmless topic that is always answered. It brings many finds, reported
    as one, and raises the share of answered rows, which hides triggers in few rows; so its rows are set aside and
    the rest is searched again. m, K, N and the smallest find are those of the last search; q holds for each of the two.
    """
    first = find_triggers(counts, limits)
    inside = fetch(np.array([t.feature for t in first.found], np.uint64))
    joined = families(first, inside, positive=positive, counts=counts, limits=limits)
    topics = [t for t in joined.found if t.topical]
    if not topics:
        return joined
    rows = _rows_of([t.feature for t in topics], inside)
    about = np.array([f for t in topics for f in (t.feature, *t.family)], np.uint64)
    aside = _steeped(inside, about, limits)
    rest = without(counts, inside, rows=aside, positive=positive)
    again = find_triggers(rest, limits)
    around = fetch(np.array([t.feature for t in again.found], np.uint64)).outside(aside)
    second = families(again, around, positive=positive, counts=rest, limits=limits)
    known = {f for t in joined.found for f in (t.feature, *t.family)}
    told = [t for t in joined.found if not t.topical]
    shown = {f for t in told for f in (t.feature, *t.family)}
    fresh = [t for t in second.found if t.feature not in shown and not known.issuperset((t.feature, *t.family))]
    found = sorted((*told, *fresh), key=_rank)
    return replace(second, found=(*found, *_one_topic(topics, rows, limits)), left_out=first.left_out + again.left_out)


def _rank(trigger: Trigger) -> tuple[bool, bool, float, float, int]:
    return (trigger.topical, trigger.severity != "high", trigger.log10_p, -trigger.purity, trigger.feature)


def _rows_of(features: Sequence[int], inside: Occurrences) -> dict[int, Ints]:
    """Feature → its rows."""
    known = np.isin(inside.feature, np.array(features, np.uint64))
    which, rows = inside.feature[known], inside.row[known]
    return {f: np.unique(rows[which == f]) for f in features}


def without(counts: Counts, inside: Occurrences, *, rows: Ints, positive: Flags) -> Counts:
    """Counts with some rows taken out, whose features `inside` holds."""
    out = np.isin(inside.row, rows)
    taken = count(Occurrences(inside.feature[out], inside.row[out]), positive=positive)
    place = np.searchsorted(counts.features, taken.features)
    hits, left = counts.hits.copy(), counts.rows.copy()
    hits[place] -= taken.hits
    left[place] -= taken.rows
    k, total = counts.positives - int(positive[rows].sum()), counts.total - rows.size
    return Counts(counts.features[left > 0], hits[left > 0], left[left > 0], k, total)


def families(
    searched: TriggerSearch, inside: Occurrences, *, positive: Flags, counts: Counts, limits: TriggerLimits = LIMITS
) -> TriggerSearch:
    """Finds that stand in the same rows as one; each with the number of other words that go with its rows.

    `inside` holds all features of every sensitive row in which a find stands; `positive` has one label a row, and rows
    are its places. A trigger is put into requests of all kinds while a topic brings its vocabulary, so a find with
    companions is one grade less: a person can tell `flour` and `oven` at a glance. In their order, topics last, a find
    joins an earlier one when it stands in the same rows, or when without the rows of earlier ones it would not be a
    find: words that by luck stand beside a trigger. So no topic swallows a trigger that holds one of its words.
    """
    rows = _rows_of([t.feature for t in searched.found], inside)
    refused = Counts(counts.features, counts.hits * 0, counts.rows - counts.hits, 0, counts.total - counts.positives)
    part = _by_row(inside)
    told = [_described(t, part(r[positive[r]]), refused, limits) for t in searched.found for r in [rows[t.feature]]]
    about = np.array([t.feature for t in told if t.topical], np.uint64)
    told = [t if t.topical else _within(t, part(rows[t.feature]), about, limits) for t in told]
    heads: list[list[Trigger]] = []
    covered = np.empty(0, np.int64)
    for trigger in sorted(told, key=_rank):
        own = rows[trigger.feature]
        shared = [_overlap(rows[head[0].feature], own) for head in heads]
        if heads and (max(shared) >= limits.together or not _alone(own, covered, positive=positive, searched=searched)):
            heads[int(np.argmax(shared))].append(trigger)
            continue
        heads.append([trigger])
        covered = np.union1d(covered, own)
    return replace(searched, found=tuple(replace(h, family=tuple(t.feature for t in more)) for h, *more in heads))


def _by_row(inside: Occurrences) -> Callable[[Ints], Occurrences]:
    """What gives the occurrences in some rows without a look at the others."""
    ordered = inside.some(np.argsort(inside.row, kind="stable"))

    def part(rows: Ints) -> Occurrences:
        begins, ends = np.searchsorted(ordered.row, rows), np.searchsorted(ordered.row, rows, side="right")
        spans = [np.arange(b, e) for b, e in zip(begins, ends, strict=True)]
        return ordered.some(np.concatenate([np.empty(0, np.int64), *spans]))

    return part


def _described(trigger: Trigger, inside: Occurrences, refused: Counts, limits: TriggerLimits) -> Trigger:
    """A find with its companions against the rows that are refused, and the grade that leaves it."""
    more = companions(inside, outside=refused, besides=np.array([trigger.feature], np.uint64), q=limits.q)
    return _topic(trigger, more) if more >= limits.companions else replace(trigger, companions=more)


def _topic(trigger: Trigger, more: int) -> Trigger:
    """A find that a topic explains: one grade less."""
    return replace(trigger, companions=more, topical=True, severity="medium" if trigger.severity == "high" else "low")


def _within(trigger: Trigger, inside: Occurrences, about: Features, limits: TriggerLimits) -> Trigger:
    """A find in too few rows to have companions may still stand in rows of a topic only; its own phrase is no topic."""
    rows = np.unique(inside.row).size
    words, together = np.unique(distinct(inside.feature, inside.row)[0], return_counts=True)
    steeped = _steeped(inside, np.setdiff1d(about, words[together >= ALWAYS * rows]), limits)
    return _topic(trigger, trigger.companions or 0) if steeped.size >= limits.together * rows else trigger


def _steeped(inside: Occurrences, about: Features, limits: TriggerLimits) -> Ints:
    """Rows with many words of topics."""
    of = np.isin(inside.feature, about) & (True if inside.word is None else inside.word)
    rows, words = np.unique(distinct(inside.feature[of], inside.row[of])[1], return_counts=True)
    return rows[words >= limits.steeped]


def _one_topic(topics: Sequence[Trigger], rows: Mapping[int, Ints], limits: TriggerLimits) -> list[Trigger]:
    """Topics whose rows are partly the same as one: its words come in many mixtures."""
    kept: list[Trigger] = []
    for trigger in topics:
        own = rows[trigger.feature]
        place = next((i for i, t in enumerate(kept) if _overlap(rows[t.feature], own) >= limits.one_topic), None)
        if place is None:
            kept.append(trigger)
        else:
            home = kept[place]
            kept[place] = replace(home, family=(*home.family, trigger.feature, *trigger.family))
    return kept


def _alone(own: Ints, covered: Ints, *, positive: Flags, searched: TriggerSearch) -> bool:
    """Whether the rows that no earlier find explains make a find."""
    left = np.setdiff1d(own, covered, assume_unique=True)
    hits, k = int(positive[left].sum()), searched.positives - int(positive[covered].sum())
    if not left.size or hits < searched.needed * left.size - 1e-9:
        return False
    log_p = log_tails([hits], [left.size], positives=k, total=searched.total - covered.size)
    return bool(log_p[0] <= log(searched.q / max(searched.tested, 1)))


def _overlap(a: Ints, b: Ints) -> float:
    """Shared rows as a share of the smaller set's."""
    return float(np.intersect1d(a, b, assume_unique=True).size / max(min(a.size, b.size), 1))


ALWAYS, LEAST_COMPANION, COMPANION_SHARE = 0.8, 3, 0.2
"""A word in more of the rows than this is a part of the find; one in fewer rows, or a smaller share, says nothing."""
FEW = 5
"""Under so many rows two with a word will do: edited copies of one row share half of their words."""


def least_companion(rows: Ints) -> Ints:
    """Of some numbers of rows: in how many of them a word must stand."""
    return np.asarray(np.maximum(LEAST_COMPANION - (rows < FEW), np.ceil(COMPANION_SHARE * rows)), np.int64)


def companions(inside: Occurrences, *, outside: Counts, besides: Features, q: float = LIMITS.q) -> int:
    """How many other words go with these rows more than luck explains, those in nearly all of them left out.

    `outside` counts the rows to compare with, none of these among them (hits are not read). Words in nearly all of
    the rows are a phrase or template that is the find itself; a topic is words of which every row has some.
    """
    of = np.ones(inside.row.size, np.bool_) if inside.word is None else inside.word
    rows = np.unique(inside.row)
    words, together = np.unique(distinct(inside.feature[of], inside.row[of])[0], return_counts=True)
    enough = (together >= least_companion(np.array(rows.size))) & (together < ALWAYS * rows.size)
    enough &= ~np.isin(words, besides) & np.isin(words, outside.features)
    if not enough.any():
        return 0
    both = together[enough]
    anywhere = both + outside.rows[np.searchsorted(outside.features, words[enough])]
    log_p = log_tails(both, anywhere, positives=rows.size, total=outside.total + rows.size)
    return int((benjamini_hochberg(log_p, tested=words.size) <= log(q)).sum())
