"""What a reader of a comparison must know and that is no axis."""

from collections.abc import Iterable, Sequence

from tuneward.compare.logs import Asked, Entry, Log
from tuneward.compare.scoring import Use


def _both(asked: Sequence[Asked]) -> list[tuple[Entry, Entry]]:
    return [(one.a, one.b) for one in asked if one.a and one.b]


def template_of(asked: Sequence[Asked]) -> str:
    """Where the tool knows a question apart from its prompt, whether both were rendered alike."""
    known = [a.asked == b.asked for a, b in _both(asked) if a.question]
    if not known:
        return "not known: the files do not say how they were asked"
    if all(known):
        return "identical prompts, as logged"
    return f"differs: {known.count(False)} of {len(known)} prompts were rendered in another way"


def notes_of(asked: Sequence[Asked], logs: tuple[Log, Log]) -> tuple[str, ...]:
    """What was read, what differs, and what stands in one log only."""
    both = _both(asked)
    changed = f"{sum(a.answer != b.answer for a, b in both)} of {len(both)} replies differ in their text"
    if any("withheld" in (a.reply, b.reply) for a, b in both):
        changed = "the logs withhold replies, so how many differ in their text is not known"
    other = template_of(asked)
    return (
        f"base is {logs[0].path}, tuned is {logs[1].path}: replies were read, none was generated",
        changed,
        f"{len(asked) - len(both)} prompts stand in one file only",
        *((f"the template {other}; part of a change may come from that",) if other.startswith("differs") else ()),
        *(note for log in logs for note in log.notes),
    )


def score_notes(everything: Sequence[Asked], asked: Sequence[Asked], use: Use | None) -> tuple[str, ...]:
    """What the compared score is, and what it leaves out or cannot tell."""
    if use is None:
        return ()
    notes = [f"compared on {use.scorer}, where {'high' if use.higher else 'low'} is good"]
    if len(asked) < len(everything):
        notes.append(f"{len(everything) - len(asked)} other questions were not scored by it in either log")
    if cut := _between(asked, use.name):
        notes.append(f"{cut} scores lie between 0 and 1; the middle itself counts as bad")
    if any(one.either.reply == "chosen" for one in asked):
        notes.append("options were ranked by likelihood, so coherence says nothing there")
    return tuple(notes)


def _between(asked: Iterable[Asked], name: str) -> int:
    """How many answers have a value that is neither end of the scale, and so is cut in the middle."""
    values = (entry.scores.get(name) for one in asked for entry in (one.a, one.b) if entry)
    return sum(value is not None and 0 < value < 1 for value in values)
