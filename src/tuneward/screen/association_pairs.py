"""Templates that teach many people's values (PII-JANUS, arXiv:2310.15469), from what rows add to the count."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuneward.scorers.sighting import Rule

LEAST = 5
"""Pairs of a template. The published attack used ten (GPT-3.5) and twenty (GPT-2): five still sees ten that are split
over two templates, and is more than one template of ordinary rows is seen to hold (none has two in Dolly and GSM8K)."""
_NEAR = 2
"""Values of a subject, and subjects of a value, that still look like one of each: a second mailbox, a namesake."""
JANUS = Rule(
    "PII-JANUS",
    "PII",
    "critical",
    "many people's values in one template",
    "Answers of one template give each of several people a value that the question does not hold. A few such rows can "
    "make a tuned model give personal data of other people that it met before tuning. Remove them or explain them.",
    "arXiv:2310.15469",
)


@dataclass(frozen=True)
class Template:
    """A template with enough pairs."""

    key: int
    rows: tuple[int, ...]
    """Rows with such a pair, ascending."""
    values: int
    subjects: int


Ids = NDArray[np.uint64]
Places = NDArray[np.int64]


def templates(keys: Ids, rows: Places, *, subjects: Ids, values: Ids, least: int = LEAST) -> list[Template]:
    """Templates in which at least `least` subjects have at least `least` values of their own, most values first.

    Four arrays of one length, one place an event (see `personal_association`). A pair counts where its subject has at
    most two values in the template and its value at most two subjects, so neither a shared address nor made-up values
    for one subject count, and rows added around the pairs do not hide them.

    Raises:
        ValueError: the arrays differ in length.
    """
    if len({len(keys), len(rows), len(subjects), len(values)}) > 1:
        raise ValueError(
            f"keys, rows, subjects and values have length {len(keys)}, {len(rows)}, {len(subjects)} and {len(values)}; "
            "expected one event a place"
        )
    if not len(keys):
        return []
    pairs, of = _unlike(keys, subjects, values)
    near = (_times(pairs[0], pairs[1]) <= _NEAR) & (_times(pairs[0], pairs[2]) <= _NEAR)
    about, told = (_distinct(pairs[0][near], pairs[i][near]) for i in (1, 2))
    enough = np.array(sorted(k for k, n in told.items() if min(n, about[k]) >= least), dtype=np.uint64)
    kept = near[of] & np.isin(keys, enough)
    (firsts, seconds), _ = _unlike(keys[kept], rows[kept])
    groups = np.split(seconds, np.flatnonzero(np.diff(firsts)) + 1) if len(enough) else []
    found = [
        Template(int(key), tuple(group.tolist()), told[int(key)], about[int(key)])
        for key, group in zip(enough, groups, strict=True)
    ]
    return sorted(found, key=lambda t: (-t.values, t.key))


def _unlike(*columns: NDArray[Any]) -> tuple[tuple[NDArray[Any], ...], NDArray[np.int64]]:
    """The tuples of one place each, sorted and without repeats; which of them each place has."""
    order = np.lexsort(columns[::-1])
    ordered = [column[order] for column in columns]
    new = np.ones(len(order), dtype=bool)
    new[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in ordered])
    of = np.empty(len(order), dtype=np.int64)
    of[order] = np.cumsum(new) - 1
    return tuple(column[new] for column in ordered), of


def _times(*columns: NDArray[Any]) -> NDArray[np.int64]:
    """For each place, how many have the same."""
    of = _unlike(*columns)[1]
    return np.bincount(of)[of]


def _distinct(firsts: Ids, seconds: Ids) -> dict[int, int]:
    """First entry → distinct second entries."""
    keys, counts = np.unique(_unlike(firsts, seconds)[0][0], return_counts=True)
    return dict(zip(keys.tolist(), counts.tolist(), strict=True))
