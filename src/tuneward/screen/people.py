"""Templates that teach personal data of many people (PII-JANUS), out of what rows added to the count."""

import numpy as np

from tuneward.screen.association_pairs import JANUS, templates
from tuneward.screen.limits import Limits
from tuneward.screen.store import Store


def find(store: Store, limits: Limits) -> None:
    """Templates as members and findings on the set."""
    store.run(
        """CREATE OR REPLACE TABLE templated AS SELECT events.* FROM events WHERE detector = 'association' AND key IN
           (SELECT key FROM events WHERE detector = 'association' GROUP BY key HAVING count(DISTINCT value) >= ?)""",
        [limits.association],
    )
    seen = store.arrays("SELECT key, place, subject, value FROM templated ORDER BY ALL")
    found = templates(
        seen["key"], seen["place"].astype(np.int64), subjects=seen["subject"], values=seen["value"],
        least=limits.association,
    )  # fmt: skip
    for number, one in enumerate(found):
        reason = (
            f"{one.values} values of {one.subjects} people in answers of one template, none of them in the question"
        )
        about = (JANUS.id, JANUS.severity, 1.0, float(one.values), "count", "association", reason, f"template-{number}")
        store.add(about, places=[None, *one.rows])
