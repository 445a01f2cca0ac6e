"""What all outputs say in the same words."""

from collections.abc import Collection

from tuneward.findings import Audit, Axis, CategoryFinding, Check
from tuneward.text import points

WORST = 3
"""Categories named for one axis."""


def outcome_of(axis: Axis | None, check: Check | None) -> str:
    """The word for an axis: what its check says; without a check it is never called passed."""
    if check:
        return check.outcome
    return "not required" if axis and axis.status == "measured" else "not measured"


def worst_categories(axis: Axis) -> list[CategoryFinding]:
    """The categories of an axis with a net loss, the largest first."""
    lost = [found for found in axis.categories if (found.difference.value or 0.0) < 0]
    return sorted(lost, key=lambda found: found.difference.value or 0.0)[:WORST]


def category_words(found: CategoryFinding) -> str:
    """Its loss, what it is of, and the smallest loss that this many prompts could have shown."""
    difference = found.difference
    least = f"{found.resolvable * 100:.0f} points" if found.resolvable <= 1 else "no loss"
    return f"{found.name} {points(difference.value)} points ({difference.lost} of {difference.n}; resolves {least})"


def label_words(axis: Axis) -> str:
    """How often each label stands on each arm, most frequent first."""
    return " · ".join(
        f"{arm} " + ", ".join(f"{label} {count}" for label, count in labels.items())
        for arm, labels in axis.labels.items()
    )


def unmeasured(audit: Audit, *, besides: Collection[str]) -> list[str]:
    """The axes that say nothing, by their reason; those with a check have said it there."""
    reasons: dict[str, list[str]] = {}
    for axis in audit.axes:
        if axis.status != "measured" and axis.name not in besides:
            reasons.setdefault(axis.reason, []).append(axis.name)
    return [f"{', '.join(names)} ({reason})" for reason, names in reasons.items()]
