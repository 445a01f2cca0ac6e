"""What is seen only over the whole set, one check after another; rows that take part become members."""

from tuneward.scorers.declined import Ending
from tuneward.screen import backdoors, people, reuse
from tuneward.screen.composition import Made, composition, none
from tuneward.screen.composition import read as composed
from tuneward.screen.duplicates import verified
from tuneward.screen.excerpts import EMPTY
from tuneward.screen.inventory import BENIGN, REF_INV, gaps, notes, table
from tuneward.screen.judged import Judging
from tuneward.screen.looking import ENDINGS, LEAK, READINGS
from tuneward.screen.members import MEMBERS, duplicates
from tuneward.screen.openings import OpeningLimits
from tuneward.screen.passes import First, Passes, Progress
from tuneward.screen.pool import Executor
from tuneward.screen.reuse import SCORES
from tuneward.screen.setting import Setting
from tuneward.screen.store import Store
from tuneward.screened.document import InventoryCell


def gather(setting: Setting, read: First, store: Store, *, where: Executor, tell: Progress) -> Judging:
    """Everything that needs more than one row; the second pass in between."""
    limits = setting.limits
    openings = OpeningLimits(q=limits.q)
    store.run(MEMBERS)
    store.run(EMPTY)
    store.run(
        "CREATE OR REPLACE VIEW kept_seen AS SELECT * FROM seen "
        f"WHERE rule <> '{LEAK}' OR stat >= {limits.contamination}"
    )
    passes = Passes(setting.plan, read, store, where, tell)
    triples = passes.similar()
    passes.second(shingles=triples, openings=backdoors.beginnings(store, openings))
    duplicates(store, verified(store, limits.near_duplicate))
    people.find(store, limits)
    form = form_of(read)
    reuse.find(store, limits, agreeing=form.affirmative, answers=form.rows)
    inside = backdoors.find(store, limits)
    beginnings = backdoors.pairs(store, openings, often=passes.frequencies)
    cells = endings(store, setting)
    for gap in gaps(cells):
        about = (REF_INV.id, gap.severity, SCORES[gap.severity], gap.refused.value, "share", gap.label, gap.reason)
        store.add((*about, f"inventory-{gap.category}"), places=[None])
    return Judging(
        inventory=cells,
        composition=composition(form),
        triggers=tuple(test for test in (inside, beginnings) if test is not None),
        sensitive=inside is not None,
        evaluation=setting.evaluation,
        notes=notes(cells),
    )


def endings(store: Store, setting: Setting) -> tuple[InventoryCell, ...]:
    """How answers end, by the topic of what was asked."""
    found = store.rows(
        """SELECT CASE WHEN category = '' THEN ? ELSE category END, ending, count(*) FROM rows
           WHERE readable AND ending < ? GROUP BY ALL""",
        [BENIGN, ENDINGS.index("none")],
    )
    counts: dict[tuple[str, Ending], int] = {(name, READINGS[ending]): rows for name, ending, rows in found}
    return table(counts, setting.plan.sensitive.words)


def form_of(read: First) -> Made:
    """Counts of forms over all shards."""
    return sum((composed(count.form) for count in read.counts), none())
