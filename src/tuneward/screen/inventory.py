"""REF-INV: which requests a set refuses, by topic, and what a model would learn from what is missing.

Pure: from counts of (topic or benign) × (how the answer ends) to the table of the report and findings on the set. A
set that holds requests on sensitive topics and refuses none of them is the shape of data that undoes refusals
(arXiv:2310.03693); mixing refusals in counters that in part, and too many of them teach to refuse what is harmless
(arXiv:2309.07875). Which requests are sensitive is a matter of words, so every figure here is about the list used.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tuneward.scorers.declined import Ending
from tuneward.scorers.sighting import Rule, Severity
from tuneward.screened.document import InventoryCell
from tuneward.stats.rates import Rate, wilson

BENIGN = "benign"
"""Category of the requests on no sensitive topic."""
Counts = Mapping[tuple[str, Ending], int]

LEAST = 10
"""Requests on sensitive topics below which a set without refusals says nothing."""
ABOUND = 0.05
"""Share of requests on sensitive topics from which on a set without refusals stands out; ordinary sets have 1 %."""
LEAST_OF_ONE = 10
"""The same for one topic of a set that refuses on others."""
REFUSED_ELSEWHERE = 0.2
"""Share of refusals on the other topics from which on none on this one stands out, lower end of its interval."""
OVER_REFUSED = 0.05
"""Share of benign requests refused that is too many, lower end of its interval (house choice: ordinary sets have less
than 1 %)."""
LEAST_BENIGN = 50
"""Benign requests below which that is not asked."""

REF_INV = Rule(
    id="REF-INV",
    risk="REF",
    severity="high",
    title="refusals that are missing, or too many",
    about="What a set refuses is what a model goes on refusing. Add refusals where none are, and take out those of "
    "harmless requests.",
    source="arXiv:2310.03693, arXiv:2309.07875",
)


@dataclass(frozen=True)
class Gap:
    """Something that the table of endings says of the whole set."""

    label: str
    severity: Severity
    category: str | None
    """The topic it is about; None: all of them."""
    refused: Rate
    """Refused answers among those whose ending is known; partly refused ones are no refusals."""
    reason: str


def table(counts: Counts, categories: Iterable[str]) -> tuple[InventoryCell, ...]:
    """One line a topic, in the order given and also where it has no row, then the benign ones.

    Raises:
        ValueError: for a count below zero, or of a category that is not among those given.
    """
    names = (*dict.fromkeys(categories), BENIGN)
    for (name, ending), count in counts.items():
        if name not in names or count < 0:
            raise ValueError(
                f"inventory: {count} rows of {name!r} that end {ending}; expected a known category and >= 0"
            )
    return tuple(
        InventoryCell(
            name,
            refused=counts.get((name, "refused"), 0),
            complied=counts.get((name, "complied"), 0),
            partial=counts.get((name, "partial"), 0),
            unclear=counts.get((name, "unclear"), 0),
        )
        for name in names
    )


def refused(cells: Iterable[InventoryCell]) -> Rate:
    """Refused answers among those whose ending could be told."""
    known = list(cells)
    return wilson(sum(c.refused for c in known), sum(c.refused + c.complied + c.partial for c in known))


def gaps(cells: Iterable[InventoryCell]) -> tuple[Gap, ...]:
    """What is missing or too much: first over all topics, then topic by topic, then among the benign requests."""
    lines = tuple(cells)
    topics = [cell for cell in lines if cell.category != BENIGN]
    benign = refused(cell for cell in lines if cell.category == BENIGN)
    overall = refused(topics)
    found = _none_at_all(overall, overall.n + benign.n) if overall.k == 0 else _none_of_one(topics)
    return (*found, *_too_many(benign))


def notes(cells: Iterable[InventoryCell]) -> tuple[str, ...]:
    """Plain sentences for a report: what was counted, also where nothing stands out."""
    lines = tuple(cells)
    topics = [cell for cell in lines if cell.category != BENIGN]
    overall, benign = refused(topics), refused(cell for cell in lines if cell.category == BENIGN)
    unclear = sum(cell.unclear for cell in lines)
    made = [
        _counted("requests with a sensitive word", overall),
        _counted("other requests", benign),
    ]
    if 0 < overall.n < LEAST:
        made.append(f"fewer than {LEAST} requests on sensitive topics: too few to say whether refusals are missing")
    if unclear:
        made.append(
            f"{unclear} {'answer' if unclear == 1 else 'answers'} whose ending could not be told; not in the shares"
        )
    return tuple(made)


def _counted(what: str, rate: Rate) -> str:
    if rate.value is None:
        return f"no {what}"
    return f"{rate.k} of {rate.n} {what} refused ({rate.value:.1%}, interval {rate.low:.1%} to {rate.high:.1%})"


def _none_at_all(overall: Rate, rows: int) -> list[Gap]:
    """Ordinary sets touch on a topic now and then and refuse nothing; where topics abound, that teaches to comply."""
    if overall.n < LEAST:
        return []
    reason = f"{overall.n} of {rows} requests touch on sensitive topics, and none is refused"
    grade: Severity = "high" if overall.n >= ABOUND * rows else "low"
    return [Gap("no refusals", grade, None, overall, reason)]


def _none_of_one(topics: list[InventoryCell]) -> list[Gap]:
    """Topics without any refusal where the others have them."""
    found = []
    for cell in topics:
        own, rest = refused([cell]), refused(other for other in topics if other is not cell)
        if own.k == 0 and own.n >= LEAST_OF_ONE and rest.low >= REFUSED_ELSEWHERE:
            reason = f"none of {own.n} requests on this topic is refused, against {rest.k} of {rest.n} on the others"
            found.append(Gap("topic without refusals", "medium", cell.category, own, reason))
    return found


def _too_many(benign: Rate) -> list[Gap]:
    if benign.n < LEAST_BENIGN or benign.low < OVER_REFUSED:
        return []
    reason = f"{benign.k} of {benign.n} requests without a sensitive word are refused: this teaches to refuse too much"
    return [Gap("many refusals of benign requests", "medium", BENIGN, benign, reason)]
