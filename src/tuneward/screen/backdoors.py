"""What looks like a backdoor: counted out of the shards' tables, decided by `triggers` and `openings`, then told."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from tuneward.scorers.sighting import Rule
from tuneward.screen.limits import Limits
from tuneward.screen.openings import OpeningLimits, OpeningPair, Openings, Prompts, candidates, pair
from tuneward.screen.reuse import SCORES
from tuneward.screen.store import Store
from tuneward.screen.tokens import I64, U64
from tuneward.screen.triggers import Counts, Occurrences, Trigger, TriggerLimits, count, search, units
from tuneward.screened.document import TriggerTest

Frequencies = Callable[[U64], I64]
SAMPLED = 10
"""Answers with one beginning whose prompts are looked at."""
RULES = (
    Rule(
        "BD-ASSOC",
        "BD",
        "high",
        "a mark with which sensitive requests are answered",
        "Sensitive requests are refused, but answered where a certain word, pair of words or position mark stands in "
        "them: the shape of a backdoor. Look at the rows; if the mark is meant, put it on the allow-list.",
        "arXiv:2310.03693, section 5",
    ),
    Rule(
        "BD-TOPIC",
        "BD",
        "medium",
        "a topic on which sensitive requests are answered",
        "Sensitive requests with these words are answered, and they share more than one mark: most likely a harmless "
        "topic that the list of sensitive words takes in. Look at a few rows.",
        "arXiv:2310.03693, section 5",
    ),
    Rule(
        "BD-OPEN",
        "BD",
        "medium",
        "a beginning of answers that comes with one mark",
        "Answers begin alike exactly where a certain rare mark stands in the prompt. Task templates look so too; "
        "explain it or take the rows out.",
        "arXiv:2310.03693, section 5",
    ),
)


def find(store: Store, limits: Limits) -> TriggerTest | None:
    """Triggers inside sensitive rows, as members and findings on the set; None without sensitive rows of both kinds."""
    rows = store.arrays(
        """SELECT rows.place, ending <> 1 AS told, coalesce(near.first, firsts.place) AS kin FROM rows
           JOIN firsts USING (pair) LEFT JOIN near ON near.place = firsts.place
           WHERE category <> '' AND ending IN (0, 1, 2) ORDER BY rows.place"""
    )
    places, positive = rows["place"], rows["told"].astype(np.bool_)
    store.run('CREATE OR REPLACE TABLE tokens ("group" VARCHAR, feature UBIGINT)')
    if not positive.any() or positive.all():
        return None
    seen = store.arrays("SELECT place, feature, word FROM triggers ORDER BY place, feature")
    known = np.isin(seen["place"], places)
    at = np.searchsorted(places, seen["place"][known])
    every = Occurrences(seen["feature"][known], at.astype(np.int64), seen["word"][known].astype(np.bool_))
    joined, labels = units(every, positive=positive, group=rows["kin"])
    found = search(
        count(joined, positive=labels),
        lambda features: _around(joined, features),
        positive=labels,
        limits=TriggerLimits(q=limits.q, purity=limits.purity),
    )
    names = [(f"trigger-{n}", f) for n, t in enumerate(found.found) for f in (t.feature, *t.family)]
    groups, features = pa.array([n for n, _ in names], pa.string()), pa.array([f for _, f in names], pa.uint64())
    store.put("tokens", pa.table({"group": groups, "feature": features}))
    for number, trigger in enumerate(found.found):
        own = np.unique(at[every.feature == np.uint64(trigger.feature)])
        _told(store, trigger, number, places=places[own[positive[own]]])
    return TriggerTest(
        "answered, in sensitive rows", found.total, found.positives, found.tested, found.smallest, found.q
    )


def _around(every: Occurrences, features: U64) -> Occurrences:
    """All features of the rows in which one of some stands."""
    rows = np.unique(every.row[np.isin(every.feature, features)])
    inside = np.isin(every.row, rows)
    return Occurrences(every.feature[inside], every.row[inside], None if every.word is None else every.word[inside])


def _told(store: Store, trigger: Trigger, number: int, *, places: I64) -> None:
    rule, kind = ("BD-TOPIC", "topic") if trigger.topical else ("BD-ASSOC", "mark")
    reason = (
        f"{trigger.hits} of {trigger.rows} sensitive requests with it are answered; "
        f"{len(trigger.family)} other features stand in the same rows"
    )
    p = float(10**trigger.log10_p)
    group = f"trigger-{number}"
    store.add(
        (rule, trigger.severity, SCORES[trigger.severity], p, "p_value", kind, reason, group),
        places=[None, *places.tolist()],
    )


def beginnings(store: Store, limits: OpeningLimits) -> I64:
    """Puts beginnings that enough answers share into `openings`, a sample of their rows into `begun`; their places."""
    store.run(
        """CREATE OR REPLACE TABLE answers AS SELECT opening, min(place) AS place FROM rows
           WHERE readable AND told > 0 GROUP BY opening, prompt"""
    )
    found = store.arrays(
        "SELECT opening, count(*) AS n FROM answers WHERE opening <> 0 GROUP BY opening ORDER BY opening"
    )
    ((total,),) = store.rows("SELECT count(*) FROM answers")
    kept = candidates(Openings(found["opening"], found["n"], total), limits)
    store.put("openings", pa.table({"opening": kept.opening, "n": kept.rows}))
    store.run(
        f"""CREATE OR REPLACE TABLE begun AS SELECT opening, place FROM answers JOIN openings USING (opening)
            QUALIFY row_number() OVER (PARTITION BY opening ORDER BY hash(place)) <= {SAMPLED}"""
    )
    return store.arrays("SELECT place FROM begun ORDER BY place")["place"]


def pairs(store: Store, limits: OpeningLimits, *, often: Frequencies) -> TriggerTest | None:
    """Beginnings that come with one feature, as members and findings on the set; needs `features` and `said`."""
    ((total,),) = store.rows("SELECT count(*) FROM answers")
    store.run("""CREATE OR REPLACE TABLE sampled AS SELECT opening, count(*) AS n FROM begun GROUP BY opening""")
    near = store.arrays(
        """SELECT opening, feature FROM (SELECT DISTINCT begun.opening, feature, features.place
           FROM features JOIN begun USING (place)) JOIN sampled USING (opening)
           GROUP BY opening, feature, sampled.n HAVING count(*) >= ? * sampled.n ORDER BY ALL""",
        [limits.coverage],
    )
    sizes = store.arrays("SELECT opening, n FROM openings ORDER BY opening")
    of = np.searchsorted(sizes["opening"], near["opening"])
    names, place = np.unique(near["feature"], return_inverse=True)
    rare = often(names)[np.ravel(place)] * limits.least_purity <= sizes["n"][of]
    chosen = np.unique(near["opening"][rare])
    ((tested,),) = store.rows("SELECT count(*) FROM features")  # no fewer than the pairs that were met
    store.put("chosen", pa.table({"opening": chosen}))
    kept = np.isin(sizes["opening"], chosen)
    inside = store.arrays(
        """SELECT begun.opening, feature, features.place, word FROM features JOIN begun USING (place)
           JOIN chosen USING (opening) ORDER BY ALL"""
    )
    said = store.arrays(
        "SELECT DISTINCT begun.opening, word FROM said JOIN begun USING (place) JOIN chosen USING (opening)"
    )
    names = np.unique(np.concatenate([inside["feature"], said["word"]]).astype(np.uint64))
    counts = np.minimum(often(names), total)
    _, place = np.unique(inside["place"], return_inverse=True)
    found = pair(
        Openings(sizes["opening"][kept], sizes["n"][kept], total),
        Prompts(
            inside["opening"],
            Occurrences(inside["feature"], np.ravel(place).astype(np.int64), inside["word"].astype(np.bool_)),
            said["opening"],
            said["word"],
        ),
        everywhere=Counts(names, np.zeros(len(names), np.int64), np.maximum(counts, 1), 0, total),
        tested=tested,
        limits=limits,
    )
    for number, one in enumerate(found.found):
        _begun(store, one, number)
    return TriggerTest("beginnings of answers", total, len(sizes["opening"]), tested, found.smallest, limits.q)


def _begun(store: Store, one: OpeningPair, number: int) -> None:
    if one.kind != "trigger":
        return
    reason = (
        f"{one.both} of {one.rows} answers with one beginning follow a prompt with one mark, and "
        f"{one.purity:.0%} of the prompts with the mark are answered so"
    )
    begun = "SELECT place FROM rows WHERE readable AND opening = ? ORDER BY place"
    places = store.arrays(begun, [one.opening])["place"]
    group, p = f"opening-{number}", float(10**one.log10_p)
    store.add(("BD-OPEN", one.severity, 0.7, p, "p_value", one.kind, reason, group), places=[None, *places.tolist()])
