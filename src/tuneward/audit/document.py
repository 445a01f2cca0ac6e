"""Scored replies → the audit document."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import get_args

from tuneward.audit.depth import Apart
from tuneward.audit.options import AuditOptions
from tuneward.audit.questions import Asked, plan_lines
from tuneward.audit.under import condition_findings, depth_profile
from tuneward.chat import Arm, Reply
from tuneward.findings import ArmInfo, Audit, Axis, Change, Effect, InTurn, Kind, Noise
from tuneward.paired import Scored, axes_from, axis_from, changes_from, good, matched, rows_of
from tuneward.stats.rates import Rate, wilson

EFFECT_AXES = ("refusal", "twins", "utility")


@dataclass(frozen=True)
class Evidence:
    """What was scored: the arms as deployed, each under the other's template, the base once more."""

    rows: Sequence[Scored]
    crossed: Sequence[Scored] = ()
    again: Sequence[Scored] = ()
    apart: Apart = field(default_factory=Apart)
    """How far the arms are apart along the base's replies."""
    texts: Rate | None = None
    """Replies of the base whose text changed when it was asked again."""
    remarks: tuple[str, ...] = ()
    """What happened while the arms were asked."""
    in_turn: tuple[InTurn, ...] = ()


@dataclass(frozen=True)
class Setting:
    """Who was asked, and how; known before the first reply."""

    id: str
    arms: Mapping[str, ArmInfo]
    parity: Mapping[str, str]
    decoding: Mapping[str, str]
    notes: tuple[str, ...]


def document(
    evidence: Evidence, setting: Setting, *, asked: Asked, options: AuditOptions, replies: Sequence[Reply]
) -> Audit:
    """Every axis, every changed pair, and what must be known to read them."""
    plan = plan_lines(asked)
    seen = {line.axis: line.detectable for line in plan}
    reasons = {"context": asked.no_context} if asked.no_context else {}
    found = condition_findings(evidence.rows, asked, seed=options.seed)
    axes = axes_from(evidence.rows, reasons=reasons, detectable=seen, seed=options.seed)
    changes = [c for axis in axes for c in changes_from(rows_of(evidence.rows, axis.name), axis) if _listed(axis)]
    return Audit(
        id=setting.id,
        arms=setting.arms,
        plan=plan,
        parity=setting.parity,
        axes=axes,
        changes=_with_texts(changes, replies) if options.include_text else tuple(changes),
        effects=effects(evidence, seed=options.seed),
        conditions=found,
        depth=depth_profile(found, apart=evidence.apart),
        noise=noise(evidence),
        in_turn=evidence.in_turn,
        notes=(
            *setting.notes,
            *evidence.remarks,
            *(f"{c.name}: {c.words}" for c in asked.conditions if c.kind == "context"),
        ),
        limit=options.limit,
        decoding=setting.decoding,
        suites=asked.digests(),
    )


def _listed(axis: Axis) -> bool:
    return axis.status == "measured" and axis.name not in {"pair", "sampled"}


def _with_texts(changes: Sequence[Change], replies: Sequence[Reply]) -> tuple[Change, ...]:
    """Texts beside the changed pairs, never of a sensitive one, nor where one id names the replies of several ways."""
    texts: dict[tuple[str, str, Arm], Reply] = {}
    for reply in replies:
        if reply.render == "plain" and reply.sample == 0:
            texts[reply.suite, reply.id, reply.arm] = reply
    shown = []
    for change in changes:
        base, tuned = (texts.get((change.suite, change.id, arm)) for arm in ("base", "tuned"))
        if change.sensitive or change.axis in get_args(Kind) or base is None or tuned is None:
            shown.append(change)
            continue
        shown.append(
            replace(change, prompt=base.chat.prompt, base_answer=base.chat.answer, tuned_answer=tuned.chat.answer)
        )
    return tuple(shown)


def noise(evidence: Evidence) -> Noise | None:
    """How often an outcome of the base changed when it was asked again; None when it was not."""
    if not evidence.again or evidence.texts is None:
        return None
    second: list[Scored] = [replace(row, arm="tuned") for row in evidence.again]
    first = [row for row in evidence.rows if row.arm == "base" and _asked_again(row, second)]
    pairs = [pair for axis in {r.axis for r in second} for pair in matched(_of(axis, [*first, *second])).both]
    flips = sum(good(a.score) != good(b.score) for a, b in pairs)
    return Noise(flips=wilson(flips, len(pairs)), texts=evidence.texts)


def _asked_again(row: Scored, second: Sequence[Scored]) -> bool:
    return row.sample == 0 and row.render == second[0].render


def _of(axis: str, rows: Sequence[Scored]) -> list[Scored]:
    return [row for row in rows if row.axis == axis]


def effects(evidence: Evidence, *, seed: int) -> tuple[Effect, ...]:
    """The four edges of weights × template, from each arm under its own template and under the other's."""
    if not evidence.crossed:
        return ()
    cells: dict[tuple[Arm, Arm], Sequence[Scored]] = {
        ("base", "base"): [r for r in evidence.rows if r.arm == "base"],
        ("tuned", "tuned"): [r for r in evidence.rows if r.arm == "tuned"],
        ("base", "tuned"): [r for r in evidence.crossed if r.arm == "base"],
        ("tuned", "base"): [r for r in evidence.crossed if r.arm == "tuned"],
    }
    found = []
    for axis in EFFECT_AXES:
        for held in ("base", "tuned"):
            weights = _edge(cells["base", held], cells["tuned", held], axis=axis, seed=seed)
            template = _edge(cells[held, "base"], cells[held, "tuned"], axis=axis, seed=seed)
            if weights.difference and weights.difference.n:
                found.append(Effect(axis, "weights", f"template of {held}", weights.difference))
            if template.difference and template.difference.n:
                found.append(Effect(axis, "template", f"weights of {held}", template.difference))
    return tuple(found)


def _edge(before: Sequence[Scored], after: Sequence[Scored], *, axis: str, seed: int) -> Axis:
    rows = [replace(r, arm="base", render="plain") for r in before if _plain(r, axis)]
    rows += [replace(r, arm="tuned", render="plain") for r in after if _plain(r, axis)]
    return axis_from(rows, name=axis, title=axis, role="exploratory", seed=seed)


def _plain(row: Scored, axis: str) -> bool:
    return row.axis == axis and row.sample == 0
