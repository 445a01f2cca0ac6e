"""Every rule that a screen runs, by what runs it."""

from collections.abc import Sequence
from dataclasses import dataclass

from tuneward.scorers.sighting import RowScorer, Rule
from tuneward.screen import backdoors, members, reuse, schema
from tuneward.screen.assembly import GROUPS
from tuneward.screen.association_pairs import JANUS
from tuneward.screen.inventory import REF_INV
from tuneward.screen.looking import LEAK, READER, WORDS

CONTAMINATION = Rule(
    LEAK,
    "CONTAM",
    "high",
    "an evaluation item in the training rows",
    "A model that was tuned on an item knows it, so the evaluation measures memory; for our own suites the audit after "
    "tuning would flatter the model. Take the rows out, or leave the item out of the evaluation.",
    "arXiv:2005.14165",
)


@dataclass(frozen=True)
class Kind:
    """What finds, and all that it can find."""

    name: str
    version: str
    rules: tuple[Rule, ...]


def kinds(scorers: Sequence[RowScorer]) -> tuple[Kind, ...]:
    """The scorers, and what compares rows."""
    return (
        *(Kind(scorer.name, scorer.version, scorer.rules) for scorer in scorers),
        Kind(*READER, schema.RULES),
        Kind(*WORDS, (CONTAMINATION,)),
        Kind(*GROUPS, (*members.RULES, *backdoors.RULES, *reuse.RULES, JANUS, REF_INV)),
    )


def catalogue(scorers: Sequence[RowScorer]) -> tuple[Rule, ...]:
    """All rules, one after another.

    Raises:
        ValueError: two rules share an id.
    """
    rules = [rule for kind in kinds(scorers) for rule in kind.rules]
    names = [rule.id for rule in rules]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise ValueError(f"rule {twice} is run by two scorers")
    return tuple(rules)
