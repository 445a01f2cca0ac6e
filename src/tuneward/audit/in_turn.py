"""Asking in turn: one prompt a family in random order, until an axis is decided (e-process, house method).

Both arms are asked the same block, and a block depends on prompts, seed and batch size alone, so a cut run finds what
it had asked. The decision is read off the replies in their order, whatever the block: prompts that only shared the
block of the one that decided are kept and scored, but they can take back a pass and nothing else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tuneward.ask import Progress, Question, unseen
from tuneward.audit.asking import Desk, ask_arms
from tuneward.audit.questions import Asked
from tuneward.chat import Arm, Reply
from tuneward.findings import InTurn
from tuneward.scored import good
from tuneward.speaking import Speaker
from tuneward.stats.sequential import decide, log_e, paired
from tuneward.text import percent
from tuneward.turns import in_order


@dataclass(frozen=True)
class Outcome:
    """Whether the replies to one prompt are bad; None where it could not be told, or where there was no reply."""

    base: bool | None
    tuned: bool | None

    @property
    def changed(self) -> bool:
        """Known on both arms, and not the same."""
        return None not in (self.base, self.tuned) and self.base != self.tuned


@dataclass(frozen=True)
class Turned:
    """What was asked in turn and how it ended; `size` is the batch size that fitted."""

    replies: tuple[Reply, ...]
    questions: tuple[Question, ...]
    turns: tuple[InTurn, ...]
    size: int

    def part_of(self, asked: Asked) -> Asked:
        """What was asked of a plan: all that does not wait, and of the rest only this."""
        whole = tuple(question for question in asked.questions if not asked.waits(question))
        return replace(asked, questions=(*self.questions, *whole))

    def remarks(self) -> tuple[str, ...]:
        """What a reader of rates must know, for each axis that stopped early."""
        said = []
        for turn in self.turns:
            if turn.outcome == "inconclusive":
                said.append(f"{turn.axis}: all {turn.of} families were asked in turn, and nothing was decided")
                continue
            said.append(
                f"{turn.axis}: asked in turn and decided at prompt {turn.asked} of {turn.of} (limit "
                f"{percent(turn.limit)}, the last batch was finished): its rates, and those of every axis read off the "
                "same replies, lean towards the decision; their intervals and p values hold only for a fixed plan"
            )
        return tuple(said)


def turn_of(axis: str, outcomes: Sequence[Outcome], *, limit: float, of: int) -> InTurn:
    """The decision on replies in their order, with the figures of the prompt that decided.

    Failed when the tuned model's bad replies show a rate above the limit, or the pairs that changed show a drift, also
    one after a pass; passed when they show a rate below it and there is no drift. Unjudged replies count as bad for a
    pass and as not bad for a failure.
    """
    changed = [place for place, outcome in enumerate(outcomes, 1) if outcome.changed]
    alarm = paired([outcomes[place - 1].tuned is True for place in changed])
    stop = decide([outcome.tuned for outcome in outcomes], limit)
    result, last = stop.decision, stop.n
    if alarm.decision == "fail":
        drifted = changed[alarm.n - 1]
        result, last = "fail", min(last, drifted) if result == "fail" else drifted
    read = outcomes[:last]
    bad, unknown = sum(o.tuned is True for o in read), sum(o.tuned is None for o in read)
    moved = [outcome for outcome in read if outcome.changed]
    return InTurn(
        axis=axis,
        outcome=result,
        limit=limit,
        asked=last,
        of=of,
        bad=bad,
        evidence_below=log_e(bad + unknown, last, limit)[0],
        evidence_above=log_e(bad, last, limit)[1],
        drift=log_e(sum(o.tuned is True for o in moved), len(moved), 0.5)[1],
    )


def ask_in_turn(arms: Mapping[Arm, Speaker], asked: Asked, *, size: int, desk: Desk, limit: float) -> Turned:
    """Every axis that is asked in turn, each until it is decided or its families run out, in blocks of `size`.

    Raises:
        MemoryError: when a single prompt does not fit.
    """
    replies: list[Reply] = []
    done: list[Question] = []
    turns, fits = [], size
    for axis in asked.in_turn:
        waiting = in_order([q for q in asked.questions if asked.suites[q.suite].axis == axis], seed=desk.seed)
        outcomes: list[Outcome] = []
        turn = turn_of(axis, outcomes, limit=limit, of=len(waiting))
        shown = desk.progress(f"{axis} in turn")
        shown(0, len(waiting))
        while turn.outcome == "inconclusive" and len(outcomes) < len(waiting):
            block = waiting[len(outcomes) : len(outcomes) + size]
            heard = ask_arms(arms, block, size=fits, desk=replace(desk, progress=_unwatched))
            fits = heard.size
            replies += heard.replies
            done += block
            outcomes += _outcomes(block, heard.replies, asked)
            turn = turn_of(axis, outcomes, limit=limit, of=len(waiting))
            shown(len(outcomes), len(waiting))
        shown(len(outcomes), len(outcomes))
        turns.append(turn)
        desk.say(f"decided  {axis}: {turn.outcome} after {turn.asked} of {turn.of}")
    ordered = sorted(replies, key=lambda reply: (tuple(arms).index(reply.arm), reply.suite, reply.id))
    return Turned(tuple(ordered), tuple(done), tuple(turns), fits)


def _unwatched(_: str) -> Progress:
    return unseen


def _outcomes(block: Sequence[Question], replies: Sequence[Reply], asked: Asked) -> list[Outcome]:
    """One a question, by the scorer of its suite."""
    bad: dict[tuple[str, str, Arm], bool | None] = {}
    for name in {question.suite for question in block}:
        own = [reply for reply in replies if reply.suite == name]
        for reply, score in zip(own, asked.suites[name].scorer([r.chat for r in own]), strict=True):
            fine = good(score)
            bad[name, reply.id, reply.arm] = None if fine is None else not fine
    keys = [(question.suite, question.chat.id) for question in block]
    return [Outcome(bad.get((*key, "base")), bad.get((*key, "tuned"))) for key in keys]
