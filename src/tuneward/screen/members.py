"""Rows that belong to something seen over the whole set, and groups of rows that say the same."""

import pyarrow as pa

from tuneward.scorers.sighting import Rule
from tuneward.screen.duplicates import groups
from tuneward.screen.store import Store

SHORTEST = 3
"""Words of a prompt below which the same prompt twice says nothing."""
RULES = (
    Rule(
        "DUP-EXACT",
        "DUP",
        "info",
        "the same row again",
        "Prompt and answer are the same but for case, spacing and punctuation. Repeated rows weigh more and are "
        "memorised first; keep one unless the weight is meant.",
        "arXiv:2107.06499",
    ),
    Rule(
        "DUP-NEAR",
        "DUP",
        "low",
        "nearly the same row",
        "Most word triples of prompt and answer are shared with another row. What holds for equal rows holds here, and "
        "such copies leak between training and evaluation splits.",
        "arXiv:2107.06499",
    ),
    Rule(
        "DUP-PROMPT",
        "DUP",
        "info",
        "one prompt, several answers",
        "The same prompt is answered in different ways. Fine for preference data; else one answer is likely wrong.",
    ),
)
MEMBERS = """CREATE OR REPLACE TABLE members (
    place BIGINT, rule VARCHAR, severity VARCHAR, score DOUBLE, stat DOUBLE, stat_kind VARCHAR, label VARCHAR,
    reason VARCHAR, "group" VARCHAR)"""


def duplicates(store: Store, near: pa.Table) -> None:
    """Add the rows of groups of equal, nearly equal and equally asked rows; `near` holds verified pairs."""
    store.run(
        """INSERT INTO members
           SELECT rows.place, 'DUP-EXACT', 'info', 0.25, n, 'count', 'equal row', n || ' rows say the same',
                  'pair-' || pair
           FROM rows JOIN (SELECT pair, count(*) AS n FROM rows WHERE readable AND told > 0 GROUP BY pair
                           HAVING count(*) > 1) USING (pair)
           WHERE readable AND told > 0"""
    )
    store.run(
        """INSERT INTO members
           SELECT rows.place, 'DUP-PROMPT', 'info', 0.1, n, 'count', 'equal prompt',
                  n || ' different answers to one prompt', 'prompt-' || prompt
           FROM rows JOIN (SELECT prompt, count(DISTINCT answer) AS n FROM rows
                           WHERE readable AND words >= ? AND told > 0 GROUP BY prompt
                           HAVING count(DISTINCT answer) > 1) USING (prompt)
           WHERE readable AND told > 0 AND words >= ?""",
        [SHORTEST, SHORTEST],
    )
    places, first = groups(near["a"].to_numpy(), near["b"].to_numpy())
    store.put("near", pa.table({"place": places, "first": first}))
    best = """SELECT place, max(jaccard) AS jaccard FROM
              (SELECT a AS place, jaccard FROM near_pairs UNION ALL SELECT b, jaccard FROM near_pairs) GROUP BY place"""
    store.put("near_pairs", near)
    store.run(
        f"""INSERT INTO members
            WITH best AS ({best}), sizes AS (SELECT first, count(*) AS n FROM near GROUP BY first)
            SELECT copies.place, 'DUP-NEAR', 'low', round(best.jaccard, 3), round(best.jaccard, 3), 'jaccard',
                   'near copy', 'nearly the same as ' || (n - 1) || ' other row(s), equal ones counted once',
                   'near-' || near.first
            FROM near JOIN best USING (place) JOIN sizes USING (first)
            JOIN rows AS one ON one.place = near.place JOIN rows AS copies ON copies.pair = one.pair
            WHERE copies.readable"""
    )
