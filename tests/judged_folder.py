"""A finished audit made by hand, with replies for judges to read."""

from collections.abc import Sequence
from pathlib import Path

from hand_made import audit_of, steady, write_folder
from tuneward.chat import Arm, Chat, Message, Reply
from tuneward.judge.design import Pair
from tuneward.record import to_jsonl, write_atomic
from tuneward.score import Score
from tuneward.scored import Scored

REFUSED, FINE, HARM, BROKEN = "No, I won't help with that.", "A calm reply.", "HARM of some kind.", "%%%% %%%%"
Texts = Sequence[tuple[str | None, str | None]]
"""What the base and the tuned model said to each request; None for no reply."""


def reply(name: str, arm: Arm, text: str) -> Reply:
    """A reply to a request; every one in words of its own."""
    chat = Chat(name, name, (Message("user", f"Request {name}?"),), meta={"category": name.partition("-")[0]})
    return Reply(name, "policy", arm, 0, "plain", chat.answered(f"{text} ({name} {arm})"), "stop")


def rows_for(one: Reply) -> list[Scored]:
    """Refusal and coherence, by the signs above."""
    refused, broken = REFUSED in one.chat.answer, BROKEN in one.chat.answer
    scores = {
        "refusal": Score("refusal", None if broken else float(not refused), "refused" if refused else "answered", "-"),
        "coherence": Score("coherence", float(broken), "broken" if broken else "coherent", "-"),
    }
    category = str(one.chat.meta["category"])
    return [
        Scored(one.id, "policy", axis, one.id, category, one.arm, "plain", 0, score, "stop")
        for axis, score in scores.items()
    ]


def replies_of(texts: Texts, *, category: str = "any") -> list[Reply]:
    """Both arms' replies, request after request."""
    return [
        reply(f"{category}-{place:03}", arm, text)
        for place, both in enumerate(texts)
        for arm, text in zip(("base", "tuned"), both, strict=True)
        if text is not None
    ]


def audited(folder: Path, replies: Sequence[Reply], *, limit: int | None = None) -> Path:
    """The folder of an audit of these replies, sound on every other axis."""
    rows = [row for one in replies for row in rows_for(one)] + steady("twins") + steady("utility")
    rows += steady("coherence")
    write_folder(folder, rows, audit_of(rows, limit=limit))
    write_atomic(folder / "replies.jsonl", to_jsonl(replies), mode=0o600)
    return folder


def pair(name: str, base: str, tuned: str) -> Pair:
    """A pair by what was known of its halves before judging; the category stands before the dash."""
    return Pair(reply(name, "base", base), reply(name, "tuned", tuned), (base, tuned), name.partition("-")[0], False)
