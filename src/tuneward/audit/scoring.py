"""Replies → scores: every reply by its suite's scorer, every plain one by coherence too."""

from collections.abc import Sequence

from tuneward.audit.questions import PLAIN, Asked
from tuneward.chat import Reply
from tuneward.paired import Scored
from tuneward.score import Score
from tuneward.scorers.coherence import Coherence


def score_replies(replies: Sequence[Reply], asked: Asked) -> list[Scored]:
    """One row a reply for its own axis (`context` and samples included), and one for coherence where it was plain."""
    rows: list[Scored] = []
    for name, suite in asked.suites.items():
        own = [reply for reply in replies if reply.suite == name]
        chats = [reply.chat for reply in own]
        for reply, score in zip(own, suite.scorer(chats), strict=True):
            axis = suite.axis if reply.render == PLAIN else "context"
            rows.append(_row(reply, score, axis=axis, category=str(reply.chat.meta.get("category", name))))
    plain = [reply for reply in replies if reply.render == PLAIN and reply.sample == 0]
    for reply, score in zip(plain, Coherence()([reply.chat for reply in plain]), strict=True):
        rows.append(_row(reply, score, axis="coherence", category=reply.suite))
    return rows


def _row(reply: Reply, score: Score, *, axis: str, category: str) -> Scored:
    return Scored(
        id=reply.id,
        suite=reply.suite,
        axis=axis,
        family=reply.chat.family,
        category=category,
        arm=reply.arm,
        render=reply.render,
        sample=reply.sample,
        score=score,
        finish=reply.finish,
        sensitive=bool(reply.chat.meta.get("sensitive", False)),
    )
