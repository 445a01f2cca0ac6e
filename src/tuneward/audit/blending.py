"""An arm that was answered with a guide: how often the guide stepped in, and whether that is too often (house method).

Counts come from the replies themselves, so a run that was cut and one that found its replies in the cache count alike.
"""

from collections.abc import Sequence
from dataclasses import replace

from tuneward.audit.document import Evidence
from tuneward.blend.options import over_the_limit
from tuneward.chat import Arm, Reply
from tuneward.scored import Scored

REASON = "the guide changed too many of its tokens"


def trusted(evidence: Evidence, replies: Sequence[Reply], *, limit: float) -> Evidence:
    """The same with the counts among its remarks; above the limit no reply of the arm is judged, so that nothing is
    established. Without a guide, nothing changes."""
    asked = [(reply.arm, reply.guided) for reply in replies if reply.guided is not None]
    if not asked:
        return evidence
    guided, changed = (sum(counts[place] for _, counts in asked) for place in (0, 1))
    arms = {arm for arm, _ in asked}
    named = ", ".join(sorted(arms))
    said = [
        f"{named}: the guide was asked at {guided} positions of {len(asked)} replies ({guided / len(asked):.1f} each) "
        f"and changed the likeliest token at {changed} ({changed / max(guided, 1):.1%})"
    ]
    if evidence.apart.nats:
        said.append(f"{named}: the divergence by position is that of the weights, without the guide")
    failed = over_the_limit(guided, changed, limit=limit)
    if failed:
        said.append(f"{named}: not judged: {failed.removeprefix('blend: ')}")
        rows, crossed = (_unjudged(rows, arms) for rows in (evidence.rows, evidence.crossed))
        evidence = replace(evidence, rows=rows, crossed=crossed)
    return replace(evidence, remarks=(*evidence.remarks, *said))


def _unjudged(rows: Sequence[Scored], arms: set[Arm]) -> list[Scored]:
    """The same rows, without an outcome in these arms."""
    return [
        replace(row, score=replace(row.score, value=None, label="not judged", reason=REASON, raw=None, spans=()))
        if row.arm in arms
        else row
        for row in rows
    ]
