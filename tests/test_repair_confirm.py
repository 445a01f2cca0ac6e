"""Candidates confirmed in turn, arms that stand the right way round, and a proxy that must agree with replies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tuneward.ask import Store, plan
from tuneward.audit.in_turn import in_order
from tuneward.audit.options import AuditOptions
from tuneward.audit.questions import gather
from tuneward.chat import Chat, Message
from tuneward.findings import ArmInfo
from tuneward.record import digest
from tuneward.repair.asked import Desk, ears_of
from tuneward.repair.confirm import Exam, confirm, exam_of, in_turn
from tuneward.repair.order_of_arms import Order, hold_beyond, hold_order, order
from tuneward.scorers.refusal import Refusal
from tuneward.speaking import Decoding, Said
from tuneward.suites import Policy, Twins
from tuneward.turns import one_a_family

INFO = ArmInfo("parrot", "", "t", "t", "float32", "cpu")
NO, YES = "I can't help with that.", "Sure. First, take the usual steps and then go on from there."


@dataclass(frozen=True)
class Parrot:
    """Refuses the chats that it is told to; whatever else it is asked it answers."""

    name: str
    refuses: frozenset[str]
    silent: frozenset[str] = frozenset()
    """Says nothing to these."""
    heard: list[str] = field(default_factory=list)
    info: ArmInfo = INFO

    @property
    def key(self) -> str:
        return digest([self.name, sorted(self.refuses), sorted(self.silent)])

    def ids(self, chat: Chat) -> tuple[int, ...]:
        return tuple(chat.prompt.encode())

    def room(self, *, longest: int, max_tokens: int) -> int:
        return 16

    def remarks(self) -> tuple[str, ...]:
        return ()

    def say(
        self, chats: Sequence[Chat], ids: Sequence[Sequence[int]], /, *, decoding: Decoding, keys: Sequence[str]
    ) -> list[Said | None]:
        self.heard.extend(chat.id for chat in chats)
        said = ["" if chat.id in self.silent else NO if chat.id in self.refuses else YES for chat in chats]
        return [Said(text, "stop", 9) for text in said]


def chats(kind: str, count: int) -> list[Chat]:
    return [Chat(f"{kind}{n}", f"f{n}", (Message("user", f"{kind} {n}?"),)) for n in range(count)]


@dataclass(frozen=True)
class Asks:
    """A suite of made-up prompts."""

    axis: str
    count: int = 120
    max_tokens: ClassVar[int] = 16

    @property
    def name(self) -> str:
        return self.axis

    @property
    def scorer(self) -> Refusal:
        return Refusal(bad="complied" if self.axis == "refusal" else "refused")

    def __call__(self) -> list[Chat]:
        return chats(self.axis, self.count)


SUITES: Any = (Asks("refusal"), Asks("twins"))


def parrot(*, answers: float = 0.0, refuses_twins: float = 0.0, name: str = "model") -> Any:
    """Answers a share of the requests, spread over them, and refuses a share of the twins."""

    def some(share: float) -> set[int]:
        return {n for n in range(120) if int((n + 1) * share) > int(n * share)}

    bad, over = some(answers), some(refuses_twins)
    return Parrot(name, frozenset({f"refusal{n}" for n in range(120) if n not in bad} | {f"twins{n}" for n in over}))


def exam(*, answers: float = 0.0, store: Path | None = None, candidates: int = 1) -> Exam:
    desk = Desk(Store(store) if store else None, size=16)
    return exam_of(parrot(answers=answers, name="base"), SUITES, margin=0.05, candidates=candidates, desk=desk)


def test_a_candidate_like_its_base_passes_early() -> None:
    found = confirm(exam(), parrot())
    assert found.outcome == "pass"
    assert found.limit == 0.05
    assert (found.bad, found.of) == (0, 120)
    assert 59 <= found.asked <= 90, "about 75 (methods, section 6)"
    assert found.twins >= found.asked
    assert "below it" in found.why


def test_a_candidate_that_answers_much_more_fails_at_once() -> None:
    found = confirm(exam(), parrot(answers=0.5))
    assert found.outcome == "fail"
    assert found.asked <= 16
    assert found.twins == 0, "the look-alikes of a candidate that failed are not asked"


def test_a_candidate_is_measured_against_what_its_base_does() -> None:
    """A base that answers a third itself: its repair may do so too, and not much more."""
    weak = exam(answers=0.33)
    assert weak.limit == pytest.approx(0.05 + weak.base_rate.k / weak.base_rate.n)
    assert weak.base_rate.k == 39
    assert confirm(weak, parrot(answers=0.1)).outcome == "pass"
    assert confirm(weak, parrot(answers=0.33)).outcome == "inconclusive"
    assert confirm(weak, parrot(answers=0.6)).outcome == "fail"


def test_what_the_base_leaves_unclear_is_not_asked_and_what_only_the_candidate_does_is_no_refusal() -> None:
    quiet, loud = (frozenset(f"refusal{n}" for n in numbers) for numbers in (range(0, 120, 4), range(1, 120, 4)))
    base = replace(parrot(name="base"), silent=quiet)
    asked = exam_of(base, SUITES, margin=0.1, candidates=1, desk=Desk(size=16))
    assert (len(asked.requests), asked.limit) == (90, 0.1)
    alike = confirm(asked, replace(parrot(), silent=quiet))
    assert (alike.outcome, alike.of) == ("pass", 90)
    other = confirm(asked, replace(parrot(), silent=loud))
    assert other.outcome == "inconclusive"
    assert "0 of 90 replies bad and 30 that cannot be told" in other.why
    mute = replace(base, silent=frozenset(f"refusal{n}" for n in range(120)))
    with pytest.raises(ValueError, match="none of the base's 120 replies can be told"):
        exam_of(mute, SUITES, margin=0.1, candidates=1, desk=Desk(size=16))


def test_a_candidate_that_refuses_look_alikes_fails() -> None:
    found = confirm(exam(), parrot(refuses_twins=0.5))
    assert found.outcome == "fail"
    assert found.refused > 5
    assert found.answered == 0
    assert "look-alikes" in found.why


def test_the_level_is_shared_between_the_candidates() -> None:
    alone, three = confirm(exam(), parrot()), confirm(exam(candidates=3), parrot())
    assert three.level == pytest.approx(alone.level / 3)
    assert three.asked > alone.asked


def test_a_base_that_answers_nearly_everything_cannot_be_matched() -> None:
    with pytest.raises(ValueError, match="no model can be shown"):
        exam(answers=0.97)
    with pytest.raises(ValueError, match="no suite of harmful requests"):
        exam_of(parrot(), SUITES[1:], margin=0.05, candidates=1, desk=Desk())


def test_replies_are_asked_once_and_found_again(tmp_path: Path) -> None:
    first = exam(store=tmp_path)
    model = parrot(name="candidate")
    found = confirm(first, model)
    asked = len(model.heard)
    assert asked == len(set(model.heard)) > 0
    assert len([name for name in first.base.heard if name.startswith("refusal")]) == 120  # type: ignore[attr-defined]
    again = parrot(name="candidate")
    assert confirm(exam(store=tmp_path), again) == found
    assert again.heard == []


def test_the_base_is_asked_in_the_batches_of_an_audit_in_turn() -> None:
    """The same draws, order and questions as `audit --sequential`, so that kept replies of the base are found again."""
    for seed in (0, 3):
        asked = gather(AuditOptions(tuned="x", suites=("policy", "twins"), sequential=True, seed=seed))
        for suite in (Policy(), Twins()):
            theirs = in_order([q for q in asked.questions if asked.suites[q.suite].axis == suite.axis], seed=seed)
            ours = in_turn([suite], seed=seed)
            assert list(ours) == theirs
            base: Any = parrot()
            keys = [[b.key(base) for b in plan(base, block, size=32, seed=seed)] for block in (ours[:32], theirs[:32])]
            assert keys[0] == keys[1]


def test_replies_of_prompts_that_share_a_name_are_not_taken_for_each_others() -> None:
    model, one = parrot(answers=0.5), chats("refusal", 4)
    assert ears_of(one, [], desk=Desk(size=16))(model).complied == (False, True, False, True)
    with pytest.raises(ValueError, match="two of 8 prompts have one name"):
        ears_of([*one, *one], [], desk=Desk(size=16))


def test_one_prompt_a_family_is_drawn() -> None:
    twice = [*chats("a", 20), *(replace(chat, id=f"b{chat.id}") for chat in chats("a", 20))]
    found = one_a_family({"s": twice}, seed=0)
    assert len(found["s"]) == len({chat.family for chat in found["s"]}) == 20


# The order of the arms


def arms(first: float, second: float) -> Order:
    return order(parrot(answers=1 - first), parrot(answers=1 - second), chats("refusal", 48))


def test_swapped_arms_stop_a_repair() -> None:
    found = arms(0.2, 0.9)
    assert found.of == 48
    assert found.first < found.second
    with pytest.raises(ValueError, match="the arms look swapped"):
        hold_order(found)


@pytest.mark.parametrize(("base", "tuned"), [(0.9, 0.2), (0.9, 0.9), (0.5, 0.52), (0.0, 0.04)])
def test_arms_that_stand_right_or_cannot_be_told_apart_go_on(base: float, tuned: float) -> None:
    hold_order(arms(base, tuned))


@pytest.mark.parametrize(("more", "less"), [(0.2, 0.9), (0.9, 0.9), (0.5, 0.46)])
def test_methods_that_go_beyond_both_must_be_shown_the_direction(more: float, less: float) -> None:
    with pytest.raises(ValueError, match="must refuse more"):
        hold_beyond(arms(more, less), more="the tuned model", less="its base")


def test_a_shown_direction_is_enough() -> None:
    hold_beyond(arms(0.9, 0.3), more="the base", less="unaligned")


def test_names_of_what_is_asked_are_unique(tmp_path: Path) -> None:
    keys: Mapping[str, int] = {q.key: 1 for q in exam().requests}
    assert len(keys) == 120
