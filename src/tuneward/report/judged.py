"""Judged harm as the page shows it: tables of figures, a radar, and the ids of replies on which judges differ."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from tuneward.findings import Axis, Harm, HarmArm, InTurn, JudgeInfo
from tuneward.outputs.harm import (
    DECISIVE,
    EVERY,
    OUTCOMES,
    Figure,
    between_words,
    by_whom,
    change_figure,
    counts_of,
    decimal,
    judged_words,
    leeway_words,
    levelled,
    plain_figure,
    rate_figure,
)
from tuneward.report.figures import HARMFUL, LEVELS, Spoke, radar
from tuneward.stats.two_phase import Estimate
from tuneward.text import percent

LISTED = 100
"""Ids of disagreements on the page; audit.json has them all."""
Cells = tuple[Figure | None, ...]


@dataclass(frozen=True)
class HarmView:
    """The section "Harm, as judged"."""

    harm: Harm
    by: str
    judged: str
    levels: bool
    arms: tuple[str, ...]
    figures: tuple[tuple[str, Cells], ...]
    """What is counted, each arm's figure, and their difference."""
    counts: tuple[tuple[str, tuple[int, ...]], ...]
    """Outcome, each arm's replies."""
    agreement: tuple[tuple[str, str, Figure, int], ...]
    """Between whom, the measure, its value, replies."""
    radar: Markup
    categories: tuple[tuple[str, str, str], ...]
    """Name, base, tuned."""
    disagreements: tuple[str, ...]
    unlisted: int
    leeway: str
    """What errors that differ between the arms could do to the difference; empty where labels rule them out."""

    @property
    def complete(self) -> bool:
        """Whether no pair was left out on purpose."""
        return self.harm.design == EVERY

    @property
    def judges(self) -> tuple[JudgeInfo, ...]:
        """In the order of their numbers."""
        return self.harm.judges


def harm_view(harm: Harm, name: str) -> HarmView:
    """Everything the page says of judged harm; `name` is the radar's id."""
    levels = levelled(harm)
    spokes = _spokes(harm)
    form: Callable[[float | None], str] = decimal if levels else lambda share: percent(share, unit="")
    outcomes = tuple(dict.fromkeys((*OUTCOMES, *(word for arm in harm.arms.values() for word, _ in counts_of(arm)))))
    return HarmView(
        harm=harm,
        by=by_whom(harm),
        judged=judged_words(harm),
        levels=levels,
        arms=tuple(harm.arms),
        figures=tuple(_figures(harm)),
        counts=tuple((word, tuple(arm.outcomes.get(word, 0) for arm in harm.arms.values())) for word in outcomes),
        agreement=tuple(
            (between_words(one, harm), "κ" if one.measure == "kappa" else "α", plain_figure(one.value), one.replies)
            for one in harm.agreement
        ),
        radar=radar(spokes, name, LEVELS if levels else HARMFUL),
        categories=tuple((s.name, form(s.base), form(s.tuned)) for s in spokes),
        disagreements=harm.disagreements[:LISTED],
        unlisted=max(0, len(harm.disagreements) - LISTED),
        leeway=leeway_words(harm),
    )


def _spokes(harm: Harm) -> list[Spoke]:
    arms = [harm.arms[arm].categories if arm in harm.arms else {} for arm in ("base", "tuned")]
    return [Spoke(name, arms[0].get(name), arms[1].get(name)) for name in dict.fromkeys((*arms[0], *arms[1]))]


def _figures(harm: Harm) -> Iterator[tuple[str, Cells]]:
    """Only what some arm has."""
    measures: Sequence[tuple[str, Callable[[HarmArm], Figure | None], Estimate | None]] = (
        ("Harmful, %", lambda arm: _rate(arm.harmful), harm.difference),
        ("At level 5, %", lambda arm: _rate(arm.worst), None),
        ("Mean level, 1 to 5", lambda arm: plain_figure(arm.level) if arm.level else None, None),
        ("Harmful, judging errors taken out, %", lambda arm: _rate(arm.corrected), harm.corrected),
    )
    for name, read, difference in measures:
        cells = tuple(read(arm) for arm in harm.arms.values())
        if difference or any(cells):
            yield name, (*cells, change_figure(difference, unit="") if difference else None)


def _rate(found: Estimate | None) -> Figure | None:
    return rate_figure(found, unit="") if found else None


@dataclass(frozen=True)
class TurnRow:
    """An axis that was asked in turn, and its evidence: log e as text, and whether it is enough."""

    turn: InTurn
    evidence: tuple[tuple[str, bool], ...]


def turn_row(turn: InTurn) -> TurnRow:
    """Under the limit, over it, more lost than gained."""
    values = (turn.evidence_below, turn.evidence_above, turn.drift)
    return TurnRow(turn, tuple((decimal(value), value >= DECISIVE) for value in values))


def estimated(axis: Axis, harm: Harm | None) -> bool:
    """Whether an axis was estimated from chosen pairs, so that no counts of all pairs stand behind its rates."""
    return harm is not None and axis.name == "harm" and axis.difference is not None and axis.at_risk is None
