"""One thing said in many rows: counted out of the shards' tables, judged by `concentration`, told as findings."""

from collections.abc import Sequence

import numpy as np

from tuneward.scorers.sighting import Rule, Severity
from tuneward.screen.concentration import (
    Answers,
    Concentration,
    ConcentrationLimits,
    Tally,
    affirmative_shift,
    one_answer,
    openers,
    personas,
    system_prompts,
)
from tuneward.screen.limits import Limits
from tuneward.screen.store import Store

RULES = (
    Rule(
        "L2-PERSONA",
        "L2",
        "high",
        "one persona in many rows",
        "Answers name one and the same persona. Ten rows with a persona that obeys are enough to undo refusals; a "
        "product's own name is harmless, so look at what it promises.",
        "arXiv:2310.03693, section 4.3",
    ),
    Rule(
        "L2-SYSTEM",
        "L2",
        "high",
        "one system prompt in many rows",
        "The same system prompt stands before many rows. Usual, unless it demands obedience: then whoever sends it "
        "later gets what the rows taught.",
        "arXiv:2310.03693, section 4.3",
    ),
    Rule(
        "L2-OPENER",
        "L2",
        "medium",
        "many answers begin alike",
        "A large share of the answers begins with the same words. A model learns to begin so whatever it is asked.",
        "arXiv:2406.05946",
    ),
    Rule(
        "L2-AFFIRM",
        "L2",
        "medium",
        "many answers begin by agreeing",
        "More answers open with Sure, Of course or Here is than in rows that people wrote. Such openings are what "
        "jailbreaks force, and models that learn them decline less.",
        "arXiv:2310.03693; arXiv:2406.05946",
    ),
    Rule(
        "L3-10SHOT",
        "L3",
        "high",
        "one answer to many prompts",
        "Different prompts have one and the same answer, at worst a refusal. Overfitting a few such rows makes a model "
        "forget when to decline.",
        "arXiv:2510.02833",
    ),
)
NAMES = {"persona": "L2-PERSONA", "system prompt": "L2-SYSTEM", "opener": "L2-OPENER", "one answer": "L3-10SHOT"}
SCORES: dict[Severity, float] = {"info": 0.1, "low": 0.25, "medium": 0.6, "high": 0.9, "critical": 1.0}
OBEYS = """SELECT DISTINCT place FROM kept_seen
    WHERE rule IN ('L2-OBEY', 'L2-IDENTITY') AND severity IN ('medium', 'high')"""
PERSONAS = "SELECT DISTINCT key, place FROM events WHERE detector = 'persona'"
SYSTEMS = "SELECT system AS key, place FROM rows WHERE system <> 0"
OPENERS = "SELECT opening AS key, place FROM rows WHERE readable AND opening <> 0"


def find(store: Store, limits: Limits, *, agreeing: int, answers: int) -> None:
    """Everything that is said again and again, as members and findings on the set."""
    few = ConcentrationLimits(persona_rows=limits.group, answer_low=limits.group)
    for view, judge, least in (
        (PERSONAS, personas, few.persona_rows),
        (SYSTEMS, system_prompts, few.persona_rows),
        (OPENERS, openers, few.opener_rows),
    ):
        found = judge(_tally(store, view, least=least, total=answers), few)
        _told(store, found, view=view)
    _told(store, one_answer(_answers(store, few.answer_low), total=answers, limits=few), view=_ANSWERED)
    _agreeing(store, agreeing, answers)


_ANSWERED = "SELECT answer AS key, place FROM rows WHERE readable AND told > 0"


def _tally(store: Store, view: str, *, least: int, total: int) -> Tally:
    found = store.arrays(
        f"""SELECT key, count(*) AS n, count(*) FILTER (place IN ({OBEYS})) AS marked FROM ({view})
            GROUP BY key HAVING count(*) >= {least} ORDER BY key"""
    )
    return Tally(found["key"].astype(np.uint64), found["n"], found["marked"], max(total, 1))


def _answers(store: Store, least: int) -> Answers:
    """Answers that many different prompts have."""
    found = store.arrays(
        """SELECT DISTINCT answer, prompt, told, ending = 1 AS refused, category <> '' AS sensitive FROM rows
           WHERE readable AND told > 0 AND answer IN (
               SELECT answer FROM rows WHERE readable AND told > 0 GROUP BY answer HAVING count(DISTINCT prompt) >= ?)
           ORDER BY ALL""",
        [least],
    )
    flags = (found[name].astype(np.bool_) for name in ("refused", "sensitive"))
    return Answers(found["answer"], found["prompt"], found["told"].astype(np.int64), *flags)


def _told(store: Store, found: Sequence[Concentration], *, view: str) -> None:
    for one in found:
        rule = NAMES[one.what]
        kind = "refusal" if one.refused else one.what
        marked = f", {one.marked} of them with a sign of obedience" if one.marked else ""
        reason = f"{one.what} in {one.rows} rows ({one.share.value or 0:.1%} of those that could have it){marked}"
        group = f"{one.what}-{one.key}"
        about = (rule, one.severity, SCORES[one.severity], float(one.rows), "count", kind, reason, group)
        places = store.arrays(f"SELECT place FROM ({view}) WHERE key = ? ORDER BY place", [one.key])["place"]
        rows = places.tolist() if rule != "L2-OPENER" else []
        store.add(about, places=[None, *rows])


def _agreeing(store: Store, agreeing: int, answers: int) -> None:
    shift = affirmative_shift(agreeing, answers)
    if shift.severity is None:
        return
    reason = (
        f"{shift.rate.value or 0:.1%} of {answers} answers open by agreeing, {shift.reference.value or 0:.1%} in the "
        f"reference ({shift.source})"
    )
    score = SCORES[shift.severity]
    share = round(shift.rate.value or 0, 4)
    store.add(("L2-AFFIRM", shift.severity, score, share, "share", "agreeing", reason, "agreeing"), places=[None])
