"""From findings to the document: rows of each rule, what becomes of them, the tier, and what was not asked."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tuneward.screen.allowed import told
from tuneward.screen.assembly import findings
from tuneward.screen.calibration import HELD, Tally, remarks, rule_counts
from tuneward.screen.catalogue import Kind, kinds
from tuneward.screen.limits import thresholds
from tuneward.screen.looking import ENDINGS
from tuneward.screen.passes import First
from tuneward.screen.setting import Setting
from tuneward.screen.store import Store
from tuneward.screen.untested import Asked, untested
from tuneward.screen.verdict import Counted, base_rate, verdict
from tuneward.screened.document import Composition, Coverage, Input, InventoryCell, Screened, TriggerTest
from tuneward.screened.finding import DISPOSITIONS, Finding

ATTACK = 10
"""Rows that were enough to undo refusals (arXiv:2310.03693): whether so few would show beside false alarms is told."""
EXAMPLES = 3
"""Findings on rows of each rule that the document shows."""
WHOLE = 200
"""Findings on the set that the document shows."""


@dataclass(frozen=True)
class Judging:
    """What the document says beside the findings."""

    inventory: tuple[InventoryCell, ...]
    composition: Composition | None
    triggers: tuple[TriggerTest, ...]
    sensitive: bool
    evaluation: bool
    notes: tuple[str, ...]


def judge(setting: Setting, read: First, store: Store, *, about: Judging, used: Mapping[str, int]) -> Screened:
    """The document of a screen; table `found` is complete."""
    coverage = _coverage(setting, read, store)
    tallies = tallied(store, kinds(setting.plan.scorers))
    digests = frozenset(whole.sha256 for whole in read.wholes)
    few = list(findings(store, each=WHOLE))
    dataset = tuple(one for one in few if one.row is None)
    verdicts = _verdicts(store, coverage)
    counted = Counted(coverage, verdicts, tallies, dataset, setting.nulls, digests)
    came = verdict(counted, setting.limits)
    rules = rule_counts(tallies, rows=max(coverage.rows, 1), nulls=setting.nulls, inputs=digests)
    grave = {tally.rule for tally in tallies if tally.risk in ("L1", "L2")}
    weighed = [count for count in rules if count.rule in grave and count.expected is not None]
    asked = Asked(
        sensitive=about.sensitive,
        evaluation=about.evaluation,
        calibrated=any(null.name == "own" for null in setting.nulls),
        mask_known=setting.plan.reader.mask != "unknown",
        group=setting.limits.group,
        triggers=about.triggers,
    )
    return Screened(
        tier=came.tier,
        tier_reasons=came.reasons,
        exit_code=came.exit_code,
        headline=came.headline,
        inputs=_inputs(read),
        coverage=coverage,
        verdicts=verdicts,
        rules=rules,
        dataset=dataset,
        examples=_examples(few),
        catalogue=setting.rules,
        inventory=about.inventory,
        composition=about.composition,
        triggers=about.triggers,
        not_tested=untested(asked, coverage),
        thresholds=thresholds(setting.limits),
        policy=setting.policy,
        notes=(
            *about.notes,
            *(base_rate(count, extra=ATTACK) for count in weighed),
            *told(setting.limits.allow, used, today=datetime.now(UTC).date()),
            *remarks(tallies, nulls=setting.nulls, inputs=digests),
        ),
    )


def _examples(few: Sequence[Finding]) -> tuple[Finding, ...]:
    shown: Counter[str] = Counter()
    kept = []
    for one in few:
        if one.row is not None and shown[one.rule] < EXAMPLES:
            shown[one.rule] += 1
            kept.append(one)
    return tuple(kept)


def _inputs(read: First) -> tuple[Input, ...]:
    found = []
    for whole in read.wholes:
        counts = [c for s, c in zip(read.shards, read.counts, strict=True) if s.source == whole.source]
        formats: Counter[str] = Counter()
        for count in counts:
            formats.update(count.formats)
        named = ", ".join(name for name, _ in formats.most_common()) or "none"
        rows = sum(count.rows for count in counts)
        found.append(Input(whole.source.name, whole.sha256, whole.source.bytes, rows, named))
    return tuple(found)


def _coverage(setting: Setting, read: First, store: Store) -> Coverage:
    store.run(
        """CREATE OR REPLACE TABLE untold AS SELECT place FROM rows
           WHERE readable AND (ending = ? OR place IN (SELECT place FROM seen WHERE label = 'long text'))""",
        [ENDINGS.index("unclear")],
    )
    ((unscored,),) = store.rows("SELECT count(*) FROM untold")
    ((unreadable,),) = store.rows("SELECT count(*) FROM rows WHERE NOT readable")
    scripts: Counter[str] = Counter()
    for count in read.counts:
        scripts.update(count.scripts)
    mask = setting.plan.reader.mask
    said = "unknown: every turn counts as trained" if mask == "unknown" else f"{mask}, as --mask says"
    whole = {shard.source for shard in read.shards if not shard.source.offsets or shard.source.packed}
    parts = (shard for shard in read.shards if shard.source not in whole)
    size = sum(source.bytes for source in whole) + sum(shard.end - shard.start for shard in parts)
    return Coverage(
        rows=read.rows,
        scanned=read.rows - unreadable - unscored,
        unreadable=unreadable,
        unscored=unscored,
        bytes=size,
        scripts=dict(scripts.most_common()),
        mask=said,
        failed=read.failed,
    )


def _verdicts(store: Store, coverage: Coverage) -> dict[str, int]:
    """Rows by the worst that counts of what was found in them; what a scorer could not tell needs a look at least."""
    ranks = ", ".join(f"'{name}'" for name in DISPOSITIONS)
    found = store.rows(
        f"""SELECT worst, count(*) FROM (
              SELECT max(list_position([{ranks}], disposition)) AS worst FROM (
                SELECT place, disposition FROM found WHERE place IS NOT NULL AND allowed_by IS NULL
                UNION ALL SELECT place, 'review' FROM untold)
              GROUP BY place) GROUP BY worst"""
    )
    counts: dict[str, int] = {DISPOSITIONS[worst - 1]: rows for worst, rows in found}
    ordered: dict[str, int] = {name: counts.get(name, 0) for name in DISPOSITIONS}
    return {"pass": coverage.rows - sum(ordered.values()), **ordered}


def tallied(store: Store, ran: Sequence[Kind]) -> tuple[Tally, ...]:
    """Rows with each rule that was run; findings on the whole set are not rows."""
    held = ", ".join(f"'{name}'" for name in HELD)
    found = store.rows(
        f"""SELECT rule, count(*) FILTER (counts), count(*) FILTER (held), count(*) FILTER (NOT counts) FROM (
              SELECT rule, place, bool_or(allowed_by IS NULL) AS counts,
                     bool_or(allowed_by IS NULL AND disposition IN ({held})) AS held
              FROM found WHERE place IS NOT NULL GROUP BY rule, place) GROUP BY rule"""
    )
    counts = {rule: (rows, holds, allowed) for rule, rows, holds, allowed in found}
    return tuple(
        Tally(rule.id, rule.risk, kind.name, kind.version, *counts.get(rule.id, (0, 0, 0)))
        for kind in ran
        for rule in kind.rules
    )
