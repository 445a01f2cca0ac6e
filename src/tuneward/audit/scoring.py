"""Replies → scores: every reply by its suite's scorer, every plain one by its further scorers and by coherence too."""

from collections.abc import Iterator, Sequence

from tuneward.audit.questions import PLAIN, Asked, readable
from tuneward.chat import Arm, Reply
from tuneward.paired import Scored
from tuneward.score import Score
from tuneward.scorers.coherence import Coherence
from tuneward.suites import Suite


def score_replies(replies: Sequence[Reply], asked: Asked) -> list[Scored]:
    """One row a reply for its own axis (other ways to ask and samples included), and one for each further axis of its
    suite and for coherence where it was asked plainly.

    Coherence reads greedy replies alone, and none in an invented language.
    """
    rows: list[Scored] = []
    for name, suite in asked.suites.items():
        own = [reply for reply in replies if reply.suite == name]
        chats = [reply.chat for reply in own]
        for reply, score in zip(own, suite.scorer(chats), strict=True):
            rows.append(_row(reply, score, axis=asked.axis(suite, reply.render), category=_category(reply)))
        rows += _further(own, suite)
    plain = [r for r in replies if r.render == PLAIN and r.sample == 0 and readable(r.chat)]
    for reply, score in zip(plain, Coherence()([reply.chat for reply in plain]), strict=True):
        rows.append(_row(reply, score, axis="coherence", category=reply.suite))
    return rows


def unanswered(replies: Sequence[Reply], asked: Asked) -> list[Scored]:
    """Rows without an outcome, on both arms, for what neither arm answered: no reply would leave no trace otherwise."""
    answered = {(r.suite, r.id, r.render, r.sample) for r in replies}
    lost = [q for q in (*asked.questions, *asked.bare) if (q.suite, q.chat.id, q.render, q.sample) not in answered]
    score = Score("none", None, "no reply", "neither arm gave a reply")
    rows = []
    for q in lost:
        suite = asked.suites[q.suite]
        arms: tuple[Arm, Arm] = ("base", "tuned")
        for reply in (Reply(q.chat.id, q.suite, arm, q.sample, q.render, q.chat, None) for arm in arms):
            rows.append(_row(reply, score, axis=asked.axis(suite, q.render), category=_category(reply)))
            if q.render == PLAIN:
                rows += [_row(reply, score, axis=axis, category=_category(reply)) for axis in suite.also]
                if q.sample == 0 and readable(q.chat):
                    rows.append(_row(reply, score, axis="coherence", category=q.suite))
    return rows


def _further(replies: Sequence[Reply], suite: Suite) -> Iterator[Scored]:
    """The axes that a suite reads off the same replies, as far as they were asked plainly."""
    plain = [reply for reply in replies if reply.render == PLAIN]
    for axis, scorer in suite.also.items():
        for reply, score in zip(plain, scorer([reply.chat for reply in plain]), strict=True):
            yield _row(reply, score, axis=axis, category=_category(reply))


def _category(reply: Reply) -> str:
    return str(reply.chat.meta.get("category", reply.suite))


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
