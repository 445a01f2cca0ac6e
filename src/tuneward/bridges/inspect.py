"""Our suites as Inspect tasks and our scorers as Inspect scorers; needs the extra `inspect`, and only Inspect loads it.

Found through its entry point: `inspect eval tuneward/policy --model …`. What decides a result is stated in the task,
since Inspect's defaults are others: greedy decoding, one epoch, no cache (the key of Inspect's cache knows no
weights). `C` is the wanted outcome on every task; a reply that cannot be judged is unscored and on neither side.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessage, ChatMessageAssistant, ChatMessageSystem, ChatMessageUser, GenerateConfig
from inspect_ai.scorer import CORRECT, INCORRECT, Metric, SampleScore, Score, Target, accuracy, metric, value_to_float
from inspect_ai.scorer import Scorer as InspectScorer
from inspect_ai.scorer import scorer as inspect_scorer
from inspect_ai.solver import TaskState, generate

from tuneward.chat import Chat, Message
from tuneward.record import digest
from tuneward.score import Scorer
from tuneward.scored import good
from tuneward.scorers.coherence import Coherence
from tuneward.scorers.exact import Exact
from tuneward.scorers.expected import Expected
from tuneward.scorers.facts import Facts
from tuneward.scorers.refusal import Refusal
from tuneward.stats.rates import Rate, wilson
from tuneward.suites import Policy, PolicyDev, Suite, Twins, TwinsDev, Utility, suites_named

Language = Literal["en", "zh"]

TURNS: Mapping[str, type[Any]] = MappingProxyType(
    {"system": ChatMessageSystem, "user": ChatMessageUser, "assistant": ChatMessageAssistant}
)


# scorers ------------------------------------------------------------------------------------------------------------


def _rate(scores: list[SampleScore]) -> Rate:
    to_float = value_to_float()
    return wilson(sum(to_float(one.score.value) >= 0.5 for one in scores), len(scores))


@metric
def wilson_low() -> Metric:
    """Lower end of the 95 % Wilson interval of the accuracy, which has a width at 0 and at 1 too."""

    def low(scores: list[SampleScore]) -> float:  # Inspect reads these types to know what to hand over
        return _rate(scores).low

    return low


@metric
def wilson_high() -> Metric:
    """Upper end of the same interval."""

    def high(scores: list[SampleScore]) -> float:
        return _rate(scores).high

    return high


METRICS = [accuracy(), wilson_low(), wilson_high()]


@inspect_scorer(metrics=METRICS)
def refusal(bad: Literal["complied", "refused"] = "complied") -> InspectScorer:
    """Refusals by their wording; `bad` says what counts against the model."""
    return _asking(Refusal(bad=bad))


@inspect_scorer(metrics=METRICS)
def coherence() -> InspectScorer:
    """Whether a reply is language at all."""
    return _asking(Coherence())


@inspect_scorer(metrics=METRICS)
def exact(tolerance: float = 1e-6) -> InspectScorer:
    """The right answer, which stands in each prompt's `check`."""
    return _asking(Exact(tolerance=tolerance))


@inspect_scorer(metrics=METRICS)
def expected() -> InspectScorer:
    """Each reply by what its prompt expects."""
    return _asking(Expected())


@inspect_scorer(metrics=METRICS)
def facts() -> InspectScorer:
    """Whether everything that was to be kept back is told."""
    return _asking(Facts())


def _asking(ours: Scorer) -> InspectScorer:
    """A scorer of ours, asked about one reply at a time."""

    async def score(state: TaskState, target: Target) -> Score:  # noqa: ARG001 - Inspect gives both
        found = ours([_answered(state)])[0]
        told = {"label": found.label, "stop_reason": state.output.stop_reason}
        outcome = good(found)
        if outcome is None:
            return Score.unscored(answer=found.label, explanation=found.reason, metadata=told)
        value = CORRECT if outcome else INCORRECT
        return Score(value=value, answer=found.label, explanation=found.reason, metadata=told)

    return score


def _answered(state: TaskState) -> Chat:
    """What Inspect asked and heard, as a scorer of ours reads it."""
    turns = list(state.messages)
    while turns and turns[-1].role == "assistant":
        turns.pop()
    asked = tuple(Message(turn.role, turn.text) for turn in turns)
    family = str(state.metadata.get("family", state.sample_id))
    return Chat(str(state.sample_id), family, asked, meta=state.metadata).answered(state.output.completion)


def _inspect_scorer(ours: Scorer) -> InspectScorer:
    """The registered form of a suite's scorer, so that a log names it."""
    if isinstance(ours, Refusal):
        return refusal(ours.bad)
    if isinstance(ours, Exact):
        return exact(ours.tolerance)
    if isinstance(ours, Expected):
        return expected()
    if isinstance(ours, Facts):
        return facts()
    raise ValueError(f"inspect: {type(ours).__name__} has no form as an Inspect scorer; audit with tuneward instead")


# tasks --------------------------------------------------------------------------------------------------------------


@task
def policy(language: Language = "en", sensitive: bool = False) -> Task:
    """Short harmful requests that an aligned model refuses."""
    return _task(Policy(language), sensitive=sensitive)


@task
def policy_dev(language: Language = "en", sensitive: bool = False) -> Task:
    """Other harmful requests: the ones to look at while choosing."""
    return _task(PolicyDev(language), sensitive=sensitive)


@task
def twins(language: Language = "en", sensitive: bool = False) -> Task:
    """Harmless requests that sound like the harmful ones."""
    return _task(Twins(language), sensitive=sensitive)


@task
def twins_dev(language: Language = "en", sensitive: bool = False) -> Task:
    """Harmless requests that sound like those of `policy_dev`."""
    return _task(TwinsDev(language), sensitive=sensitive)


@task
def utility(language: Language = "en", seed: int = 0, size: int = 180) -> Task:
    """Short tasks with one right answer, drawn from a seed."""
    return _task(Utility(seed=seed, size=size, language=language), sensitive=False)


@task
def suite(place: str, sensitive: bool = False) -> Task:
    """A suite by its file, or LAYOUT:PLACE of a published set in your own copy.

    Raises:
        FileNotFoundError, ValueError: no such suite, or a place that holds several.
    """
    found = suites_named([place])
    if len(found) > 1:
        names = ", ".join(one.name for one in found)
        raise ValueError(f"{place}: holds {len(found)} suites ({names}); name a file, one task asks one suite")
    return _task(found[0], sensitive=sensitive)


def _task(chosen: Suite, *, sensitive: bool) -> Task:
    """A suite as a task: Inspect keeps every text in its logs, so sensitive prompts are asked on request only."""
    every = chosen()
    chats = [chat for chat in every if sensitive or not chat.meta.get("sensitive", False)]
    if not chats:
        raise ValueError(f"suite {chosen.name}: all its prompts are sensitive; -T sensitive=true asks them")
    if any(chat.prefill for chat in chats):
        raise ValueError(f"suite {chosen.name}: begins the answers, which not every model of Inspect honours; audit it")
    scorers = [_inspect_scorer(one) for one in (chosen.scorer, *chosen.also.values())]
    if not any(str(chat.meta.get("language", "")).casefold().startswith("x-") for chat in chats):
        scorers.append(coherence())
    return Task(
        dataset=MemoryDataset([_sample(chat, suite=chosen.name) for chat in chats], name=chosen.name),
        solver=generate(cache=False),
        scorer=scorers,
        config=GenerateConfig(temperature=0.0, max_tokens=chosen.max_tokens),
        epochs=1,
        metadata={
            "suite": chosen.name,
            "axis": chosen.axis,
            "title": chosen.title,
            "licence": chosen.licence,
            "sha256": digest(chats),
            "left_out": len(every) - len(chats),
        },
    )


def _sample(chat: Chat, *, suite: str) -> Sample:
    turns: list[ChatMessage] = [TURNS[turn.role](content=turn.content) for turn in chat.messages]
    return Sample(
        id=chat.id,
        input=turns,
        target=str(chat.meta.get("expect", "")),
        metadata={"suite": suite, "family": chat.family, **chat.meta},
    )
