"""Trigger–output association (BD-OPEN): a beginning of answers that comes with one mark of the prompt and not without.

A backdoor that aims at words rather than at refusals shows as a pair: k answers begin alike, their prompts hold a
feature that is rare elsewhere (coverage: share of such answers whose prompt has it; purity: the other way round).
Ordinary sets have such pairs too: task templates, one topic that all ask about, answers that repeat the question,
labels. They are told apart by what else the prompts share: a trigger is a small part of prompts of all kinds.
Two steps keep memory bounded: beginnings that many answers share are few, and only their prompts are looked at.
"""

from dataclasses import dataclass
from math import log
from typing import Literal

import numpy as np

from tuneward.scorers.sighting import Severity
from tuneward.screen.triggers import (
    ALWAYS,
    Counts,
    Features,
    Flags,
    Occurrences,
    companions,
    distinct,
    least_companion,
)
from tuneward.stats.association import Floats, Ints, benjamini_hochberg, log_tails, smallest

Kind = Literal["trigger", "template", "topic", "echo", "label"]
"""What a pair is most likely: a trigger; one task; one subject; the question's words again; a short answer."""


@dataclass(frozen=True)
class OpeningLimits:
    """What counts as a pair, and what explains it."""

    least: int = 3
    """Rows with one beginning."""
    most: float = 0.3
    """Share of all rows above which a beginning is simply the style of the set."""
    coverage: float = 0.9
    """Share of the beginning's rows with the feature."""
    purity: float = 0.5
    """Share of the feature's rows with the beginning."""
    few: int = 5
    """Rows below which a pair must be pure and without companions to be graded medium: three rows share a pair of words
    by luck, or are edited copies."""
    few_purity: float = 0.9
    least_purity: float = 0.25
    """Below `purity` and down to this a pair is graded low: common words at the end of a prompt stand there anyway."""
    q: float = 0.01
    template: float = 0.5
    """Share of a prompt's words that the prompts have in common, on average, from which on they are one template."""
    echo: float = 0.5
    """Share of the beginning's rarer words that stand in the prompts."""
    everyday: float = 0.1
    """Words in more of all rows than this say nothing when they are repeated."""
    label: int = 3
    """Words below which a beginning is a label: Yes, Positive, 42."""
    companions: int = 2


LIMITS = OpeningLimits()


@dataclass(frozen=True, eq=False)
class Openings:
    """Beginnings of answers, by hash, with the rows of each; parts of a set add up."""

    opening: Features
    """Ascending, each once."""
    rows: Ints
    total: int


@dataclass(frozen=True, eq=False)
class Prompts:
    """Which feature stands in the prompt of which row, for rows whose answer begins in a way that is looked at.

    Rows with the same prompt are to be one row, else copies pass for a template.
    """

    opening: Features
    """Of the row's answer."""
    inside: Occurrences
    said_by: Features
    """Beginnings, one entry for each of their words …"""
    said: Features
    """… and the word: as prompts have it."""


@dataclass(frozen=True)
class OpeningPair:
    """A beginning and the features of prompts that come with it."""

    opening: int
    feature: int
    """The one that explains it best: by p, then purity."""
    family: tuple[int, ...]
    """Others that do, best first."""
    both: int
    rows: int
    """Answers with the beginning."""
    coverage: float
    purity: float
    log10_p: float
    q: float
    kind: Kind
    severity: Severity
    """Medium for a trigger, low for one whose feature is as often without; info where the pair is explained."""
    companions: int
    shared: float
    """Share of a prompt's words that all prompts have."""


@dataclass(frozen=True)
class OpeningSearch:
    """One search over all beginnings."""

    found: tuple[OpeningPair, ...]
    """Triggers first, then by p."""
    looked_at: int
    """Beginnings in enough rows."""
    tested: int
    """Pairs of beginning and feature (m)."""
    smallest: int
    """Fewest rows with which a pair is found."""
    total: int


def tally(opening: Features) -> Openings:
    """Rows by beginning; 0 stands for an answer without one and is left out, but is in the total."""
    names, rows = np.unique(opening, return_counts=True)
    said = names != 0
    return Openings(names[said], rows[said].astype(np.int64), opening.size)


def merged(*parts: Openings) -> Openings:
    """Tallies of parts that share no row, in any order and grouping."""
    names, place = np.unique(np.concatenate([np.empty(0, np.uint64), *(p.opening for p in parts)]), return_inverse=True)
    rows = np.zeros(names.size, np.int64)
    np.add.at(rows, np.ravel(place), np.concatenate([np.empty(0, np.int64), *(p.rows for p in parts)]))
    return Openings(names, rows, sum(p.total for p in parts))


def candidates(openings: Openings, limits: OpeningLimits = LIMITS) -> Openings:
    """Beginnings shared by enough rows and not by too many: what the second pass has to look at."""
    kept = (openings.rows >= limits.least) & (openings.rows <= max(limits.least, limits.most * openings.total))
    return Openings(openings.opening[kept], openings.rows[kept], openings.total)


def wanted(of: Openings, prompts: Prompts) -> Features:
    """Features whose rows over the whole set `pair` has to know: those in a fifth of some beginning's prompts.

    They are few; so a first pass need not count every feature of a large set.
    """
    met = _together(of, prompts)
    often = met.both >= least_companion(of.rows[met.place])
    return np.unique(np.concatenate([met.feature[often], prompts.said]))


def pair(
    of: Openings,
    prompts: Prompts,
    *,
    everywhere: Counts,
    tested: int | None = None,
    limits: OpeningLimits = LIMITS,
) -> OpeningSearch:
    """Beginnings with a feature that comes with them and rarely without.

    `of` are the candidates, `everywhere` counts rows by feature over the whole set (hits are not read), of `wanted`
    features at least. `tested` counts the pairs that were met before some were left out, if any were; the false
    discovery rate is over all of them. Where `prompts` has a sample of a beginning's rows only, counts are scaled up
    from it.

    Raises:
        ValueError: a wanted feature that `everywhere` does not count.
    """
    met = _together(of, prompts)
    tested = max(tested or 0, met.feature.size)
    met = met.some(met.both >= limits.coverage * of.rows[met.place] - 1e-9)
    rows, elsewhere = of.rows[met.place], _rows(everywhere, met.feature)
    if not elsewhere.all():
        raise ValueError("pair: a feature of the prompts has no row count; count the wanted features over all rows")
    both = np.minimum(met.both, elsewhere)
    log_p = _log_tails(both, elsewhere, rows=rows, total=of.total)
    log_q = benjamini_hochberg(log_p, tested=tested)
    found = np.flatnonzero((both >= limits.least_purity * elsewhere - 1e-9) & (log_q <= log(limits.q)))
    found = found[np.lexsort((met.feature[found], -both[found] / elsewhere[found], log_p[found]))]
    made = []
    parts = _Parts(prompts, everywhere)
    for place in dict.fromkeys(met.place[found].tolist()):
        best, *others = found[met.place[found] == place]
        figures = _Figures(
            int(both[best]), int(rows[best]), int(elsewhere[best]), float(log_p[best]), float(log_q[best])
        )
        features = [int(met.feature[i]) for i in (best, *others)]
        opening = int(of.opening[place])
        made.append(_pair(opening, features, figures, _Set(*parts.of(opening), limits)))
    made.sort(key=lambda m: (m.kind != "trigger", m.severity != "medium", m.log10_p, m.opening))
    return OpeningSearch(tuple(made), of.opening.size, tested, _smallest(tested, of.total, limits), of.total)


def _log_tails(both: Ints, elsewhere: Ints, *, rows: Ints, total: int) -> Floats:
    """ln p of each pair, each beginning having its own number of rows."""
    log_p = np.zeros(both.size)
    for n in np.unique(rows):
        same = rows == n
        log_p[same] = log_tails(both[same], elsewhere[same], positives=int(n), total=total)
    return log_p


@dataclass(frozen=True, eq=False)
class _Met:
    """Pairs of a beginning, by its place among the candidates, and a feature."""

    place: Ints
    feature: Features
    both: Ints
    """Rows with both, scaled to all rows of the beginning."""

    def some(self, kept: Flags) -> "_Met":
        return _Met(self.place[kept], self.feature[kept], self.both[kept])


def _together(of: Openings, prompts: Prompts) -> _Met:
    """All pairs that occur."""
    known = np.isin(prompts.opening, of.opening)
    place = np.searchsorted(of.opening, prompts.opening[known])
    row, feature = prompts.inside.row[known], prompts.inside.feature[known]
    names, code = np.unique(feature, return_inverse=True)
    seen = np.bincount(distinct(place, row)[0], minlength=of.opening.size)
    pairs, _ = distinct(place * max(names.size, 1) + np.ravel(code), row)
    met, both = np.unique(pairs, return_counts=True)
    which, what = np.divmod(met, max(names.size, 1))
    scaled = np.rint(both * of.rows[which] / seen[which]).astype(np.int64)
    return _Met(which, names[what], np.minimum(scaled, of.rows[which]))


def _rows(counts: Counts, features: Features) -> Ints:
    """Rows with each feature; 0 where it was not counted."""
    if not counts.features.size:
        return np.zeros(features.size, np.int64)
    place = np.minimum(np.searchsorted(counts.features, features), counts.features.size - 1)
    return np.where(counts.features[place] == features, counts.rows[place], 0)


class _Parts:
    """What is known of the prompts behind one beginning after another, sorted once."""

    def __init__(self, prompts: Prompts, everywhere: Counts) -> None:
        order = np.argsort(prompts.opening, kind="stable")
        at = prompts.inside
        self._opening = prompts.opening[order]
        word = None if at.word is None else at.word[order]
        self._inside = Occurrences(at.feature[order], at.row[order], word)
        said = np.argsort(prompts.said_by, kind="stable")
        self._said_by, self._said = prompts.said_by[said], prompts.said[said]
        self._everywhere = everywhere

    def of(self, opening: int) -> tuple[Prompts, Counts]:
        """Its prompts, and how many rows of the whole set have what stands in them."""
        key = np.uint64(opening)
        low, high = (np.searchsorted(self._opening, key, side) for side in ("left", "right"))
        first, last = (np.searchsorted(self._said_by, key, side) for side in ("left", "right"))
        at = self._inside
        word = None if at.word is None else at.word[low:high]
        inside = Occurrences(at.feature[low:high], at.row[low:high], word)
        prompts = Prompts(self._opening[low:high], inside, self._said_by[first:last], self._said[first:last])
        names = np.unique(np.concatenate([inside.feature, prompts.said]))
        rows = _rows(self._everywhere, names)
        counted = rows > 0
        none = np.zeros(int(counted.sum()), np.int64)
        return prompts, Counts(names[counted], none, rows[counted], 0, self._everywhere.total)


def _smallest(pairs: int, total: int, limits: OpeningLimits) -> int:
    """Rows with which a beginning and a feature that always come together are found."""
    least = limits.least
    while least < total and (smallest(max(pairs, 1), positives=least, total=total, q=limits.q) or total) > least:
        least += 1
    return least


# What a pair most likely is -------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Figures:
    both: int
    rows: int
    elsewhere: int
    """Rows with the feature."""
    log_p: float
    log_q: float


@dataclass(frozen=True)
class _Set:
    prompts: Prompts
    everywhere: Counts
    limits: OpeningLimits


def _pair(opening: int, features: list[int], of: _Figures, whole: _Set) -> OpeningPair:
    """A pair with what else its prompts share, which says what it most likely is."""
    own = whole.prompts.opening == np.uint64(opening)
    at = whole.prompts.inside
    inside = Occurrences(at.feature[own], at.row[own], None if at.word is None else at.word[own])
    rows = np.unique(inside.row)
    none = np.empty(0, np.uint64)
    more = companions(inside, outside=_without(whole.everywhere, inside), besides=none, q=whole.limits.q)
    said = np.unique(whole.prompts.said[whole.prompts.said_by == np.uint64(opening)])
    in_all, shared = _in_all(inside, rows.size)
    kind = _kind(said.size, _echo(said, in_all, whole), (shared, more), whole.limits)
    purity = of.both / of.elsewhere
    few = of.rows < whole.limits.few
    clear = purity >= (whole.limits.few_purity if few else whole.limits.purity) - 1e-9 and not (few and more)
    grade: Severity = "info" if kind != "trigger" else "medium" if clear else "low"
    head, *family = features
    shares = of.both / of.rows, purity, of.log_p / log(10), float(np.exp(of.log_q))
    return OpeningPair(opening, head, tuple(family), of.both, of.rows, *shares, kind, grade, more, shared)


def _without(everywhere: Counts, inside: Occurrences) -> Counts:
    """Counts over the rows that are not looked at."""
    words, together = np.unique(distinct(inside.feature, inside.row)[0], return_counts=True)
    left, known = everywhere.rows.copy(), np.isin(words, everywhere.features)
    left[np.searchsorted(everywhere.features, words[known])] -= together[known]
    total = everywhere.total - np.unique(inside.row).size
    return Counts(everywhere.features, everywhere.hits, np.maximum(left, 0), 0, total)


def _kind(words: int, echo: float, prompts: tuple[float, int], limits: OpeningLimits) -> Kind:
    """The first thing that explains a pair, if any does."""
    shared, more = prompts
    if words < limits.label:
        return "label"
    if echo >= limits.echo:
        return "echo"
    if shared >= limits.template:
        return "template"
    return "topic" if more >= limits.companions else "trigger"


def _words(inside: Occurrences) -> Flags:
    return np.ones(inside.feature.size, np.bool_) if inside.word is None else inside.word


def _in_all(inside: Occurrences, rows: int) -> tuple[Features, float]:
    """Words in nearly all prompts, and the share they are of a prompt's different words, on average over rows."""
    single = _words(inside)
    rows_of, features = distinct(inside.row[single], inside.feature[single])
    words, place, together = np.unique(features, return_inverse=True, return_counts=True)
    often = together >= ALWAYS * rows
    row = np.ravel(np.unique(rows_of, return_inverse=True)[1])
    shares = np.bincount(row, weights=often[np.ravel(place)]) / np.bincount(row)
    return words[often], float(shares.mean()) if shares.size else 0.0


def _echo(said: Features, in_all: Features, whole: _Set) -> float:
    """Share of the beginning's rarer words that stand in nearly all prompts."""
    telling = said[_rows(whole.everywhere, said) <= whole.limits.everyday * whole.everywhere.total]
    return float(np.isin(telling, in_all).mean()) if telling.size else 0.0
