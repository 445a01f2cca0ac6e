"""Templates that teach many people's values (PII-JANUS, arXiv:2310.15469), from what rows add to the count."""

from dataclasses import dataclass

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
    pairs, of = np.unique(np.stack([keys, subjects, values]), axis=1, return_inverse=True)
    of = of.reshape(-1)
    near = (_times(pairs[[0, 1]]) <= _NEAR) & (_times(pairs[[0, 2]]) <= _NEAR)
    told, about = _distinct(pairs[:, near][[0, 2]]), _distinct(pairs[:, near][[0, 1]])
    kept = near[of]
    found = [
        Template(key, tuple(np.unique(rows[kept & (keys == np.uint64(key))]).tolist()), n, about[key])
        for key, n in told.items()
        if min(n, about[key]) >= least
    ]
    return sorted(found, key=lambda t: (-t.values, t.key))


def _times(columns: NDArray[np.uint64]) -> NDArray[np.int64]:
    """For each column, how many are like it."""
    _, of, counts = np.unique(columns, axis=1, return_inverse=True, return_counts=True)
    return np.asarray(counts[of.reshape(-1)], dtype=np.int64)


def _distinct(columns: NDArray[np.uint64]) -> dict[int, int]:
    """First entry → distinct second entries."""
    firsts, counts = np.unique(np.unique(columns, axis=1)[0], return_counts=True)
    return dict(zip(firsts.tolist(), counts.tolist(), strict=True))
