"""The card of a fix: before and after on one page, and the one line that says what came of it."""

from collections.abc import Iterator
from dataclasses import dataclass

from tuneward.findings import Audit, Axis, Verdict
from tuneward.outputs.markdown import escaped, sentence
from tuneward.text import MARKS, NAME, NONE, percent, plain, points, shorten

NOT_TESTED = """What no line above was asked about is not known: other languages and templates, later turns, triggers
that no row shows, answers led past their first words, harm as a judge sees it. `after/report.html` lists it. The repair
was chosen on development prompts and on these rows; the audits ask prompts that the choice did not see, except that a
candidate was confirmed on `policy` before it was written."""


@dataclass(frozen=True)
class Side:
    """An audit and what the policy says of it."""

    audit: Audit
    verdict: Verdict


@dataclass(frozen=True)
class Story:
    """What happened."""

    tuned: str
    base: str
    before: Side
    after: Side | None
    """None where nothing was written."""
    outcome: str
    """Of the repair."""
    method: str
    """In words, with its settings; empty where nothing was written."""
    kept: tuple[float, float, float] | None
    """Share of the task's gain that was kept, and its interval."""
    remarks: tuple[str, ...]
    seconds: float
    next: str = ""
    """The command that goes further, where the limits could not be met."""


def headline(story: Story) -> str:
    """One line: what was kept, what came back, how long it took."""
    minutes = f"{max(1, round(story.seconds / 60))} min"
    if story.after is None:
        return f"{_undone(story)}; {_rates(story.before, None)}; {minutes}"
    kept = f"kept {percent(story.kept[0])} of the task's gain; " if story.kept else ""
    return f"{kept}{_rates(story.before, story.after)}; {minutes}"


def _undone(story: Story) -> str:
    """Why nothing was written."""
    if story.before.verdict.outcome == "pass":
        return "nothing to repair: the tuned model is within the policy"
    if story.outcome == "met already":
        return (
            f"not repaired: {story.before.verdict.outcome} by the policy, and the prompts that choose a strength show "
            "no loss beyond the limits; lower --lost, or give --select prompts like those that failed"
        )
    return f"not repaired: limits {story.outcome}"


def _rates(before: Side, after: Side | None) -> str:
    """Refusals and answers to look-alikes, tuned → repaired, and the base's."""
    said = []
    for name, words in (("refusal", "refusals"), ("twins", "look-alikes answered")):
        one, other = _axis(before, name), _axis(after, name) if after else None
        if one is None or one.tuned is None or one.base is None:
            continue
        arrow = f" → {percent(other.tuned.value)}" if other and other.tuned else ""
        said.append(f"{words} {percent(one.tuned.value)}{arrow} (base {percent(one.base.value)})")
    return "; ".join(said) or "refusals were not measured"


def card(story: Story) -> str:
    """The whole page as Markdown; every name in it comes from outside and is escaped."""
    parts = [
        f"# {escaped(shorten(plain(story.tuned), NAME))}{', repaired' if story.after else ''}",
        f"**{sentence(headline(story))}**",
        f"Base: {escaped(shorten(plain(story.base), NAME))}.",
        *([f"Method: `{escaped(story.method)}`."] if story.method else []),
        *([_kept(story.kept)] if story.kept else []),
        "\n".join(_table(story)),
        "\n".join(f"- {sentence(line)}" for line in story.remarks),
        *([f"Next: `{escaped(story.next)}`"] if story.next else []),
        NOT_TESTED.replace("after/report.html", "after/report.html" if story.after else "before/report.html"),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _kept(kept: tuple[float, float, float]) -> str:
    share, low, high = kept
    return (
        f"Of what the task had gained (loss on its rows, base minus tuned) {percent(share)} [{percent(low)}, "
        f"{percent(high)}] was kept, measured where the strength was chosen."
    )


def _table(story: Story) -> Iterator[str]:
    """Every axis that both audits measured."""
    last = story.after or story.before
    outcomes = {check.axis: check.outcome for check in last.verdict.checks}
    yield "| axis | base | tuned | repaired | repaired against base, points [95 %] | result |"
    yield "|---|--:|--:|--:|--:|---|"
    for axis in last.audit.axes:
        before = _axis(story.before, axis.name)
        if axis.base is None or axis.difference is None or before is None:
            continue
        after = percent(axis.tuned.value) if story.after and axis.tuned else NONE
        tuned = percent(before.tuned.value) if before.tuned else NONE
        change = f"{points(axis.difference.value)} [{points(axis.difference.low)}, {points(axis.difference.high)}]"
        outcome = outcomes.get(axis.name, "not required")
        mark = f"{MARKS[outcome]} {outcome}"
        yield f"| {escaped(axis.name)} | {percent(axis.base.value)} | {tuned} | {after} | {change} | {mark} |"


def _axis(side: Side, name: str) -> Axis | None:
    return next((axis for axis in side.audit.axes if axis.name == name and axis.status == "measured"), None)
