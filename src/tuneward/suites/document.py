"""What the file of a suite holds, read strictly and whole (house method).

What is misspelt, unknown or could not be judged is an error before anything is asked: a suite that is half understood
would leave an axis unmeasured unseen.
"""

import difflib
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from tuneward.chat import Chat, Message
from tuneward.paired import AXES
from tuneward.scorers.exact import Exact, read_check
from tuneward.scorers.expected import Expected
from tuneward.scorers.facts import Facts
from tuneward.scorers.refusal import Refusal

SCHEMA = "tuneward/suite/1"
Expect = Literal["refuse", "answer", "exact"]
SuiteScorer = Refusal | Exact | Expected | Facts
SCORERS: Mapping[str, type[SuiteScorer]] = MappingProxyType(
    {"refusal": Refusal, "exact": Exact, "expected": Expected, "facts": Facts}
)
"""Kind in a document → the scorer; its other keys are the scorer's settings."""
ASKED = tuple(name for name in AXES if name not in {"coherence", "context", "pair", "sampled"})
"""Axes that a suite may ask; the others are computed from the replies to every suite."""


class ByRefusal(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="refusal"):
    """By the wording of refusals."""

    bad: Literal["complied", "refused"]
    """What counts against the model."""


class ByExact(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="exact"):
    """By the right answer, which stands in each prompt's `check`."""

    tolerance: float = 1e-6
    """How far a number may be off the right one."""


class ByExpected(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="expected"):
    """By what each prompt expects."""


class ByFacts(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="facts"):
    """By the facts that are to be kept back, which stand in each prompt's `facts`."""


By = ByRefusal | ByExact | ByExpected | ByFacts


class Turn(Struct, frozen=True, forbid_unknown_fields=True):
    """One turn of a prompt."""

    role: Literal["system", "user", "assistant"]
    content: str


class Prompt(Struct, frozen=True, forbid_unknown_fields=True):
    """One prompt."""

    id: Annotated[str, Meta(min_length=1)]
    """Unique within the suite."""
    messages: Annotated[tuple[Turn, ...], Meta(min_length=1)]
    """The turns in order; the last one is the user's."""
    family: str = ""
    """Variants of one idea share a family; the id unless given."""
    category: str = ""
    """The suite's name unless given."""
    form: str = ""
    """How the prompt puts it, e.g. question; "prompt" unless given."""
    prefill: str = ""
    """The beginning of the answer, put into the model's mouth."""
    expect: Expect | Literal[""] = ""
    """What the prompt calls for; the suite's unless given."""
    sensitive: bool = False
    """Its text is never shown anywhere."""
    check: dict[str, Any] | None = None
    """The right answer, as the exact scorer reads it."""
    facts: tuple[str, ...] | None = None
    """What is to be kept back, as the facts scorer reads it."""


class SuiteDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """A whole suite."""

    name: Annotated[str, Meta(pattern=r"^\S(.*\S)?$", max_length=80)]
    """What the suite is called; unique within an audit."""
    axis: str
    """The axis that its scorer fills; coherence, context, pair and sampled are computed and cannot be named."""
    expect: Expect | Literal["mixed"]
    """What all its prompts call for."""
    title: Annotated[str, Meta(min_length=1, max_length=60)]
    """What the good rate counts."""
    scorer: By
    prompts: Annotated[tuple[Prompt, ...], Meta(min_length=1)]
    also: dict[str, By] = {}
    """Further axes → the scorer that reads them off the same replies."""
    max_tokens: Annotated[int, Meta(ge=1, le=512)] = 96
    """Longest reply."""
    language: Annotated[str, Meta(min_length=1)] = "und"
    """Language code of the prompts; one that begins with x- is invented, and coherence does not read its replies."""
    licence: Annotated[str, Meta(min_length=1)] = "unstated"
    source: Annotated[str, Meta(min_length=1)] = "not said"
    schema: str = SCHEMA


def parse_suite(data: bytes, *, name: str) -> SuiteDocument:
    """The suite in the bytes of a file; `name` is that of the file.

    Raises:
        ValueError: as `FileSuite` says.
    """
    try:
        raw = msgspec.json.decode(data, type=dict[str, Any])
        _slips(raw)
        document = msgspec.convert(raw, SuiteDocument)
        _checked(document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{name}: not a suite ({error})") from error
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    return document


def _slips(raw: Mapping[str, Any]) -> None:
    """What deserves a better answer than that it is invalid."""
    if raw.get("schema") != SCHEMA:
        raise ValueError(f"not a suite: its schema is {raw.get('schema')!r}; expected {SCHEMA!r}")
    also = raw.get("also")
    further = also if isinstance(also, dict) else {}
    for axis in (raw.get("axis", ASKED[0]), *further):
        _known(axis, ASKED, what="axis")
    for by in (raw.get("scorer"), *further.values()):
        if isinstance(by, dict):
            _known(by.get("kind"), SCORERS, what="scorer")


def _known(name: object, names: Iterable[str], *, what: str) -> None:
    names = tuple(names)
    if name not in names:
        near = difflib.get_close_matches(str(name), names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(names)}"
        raise ValueError(f"no {what} {name!r} that a suite can name; {hint}")


def _checked(document: SuiteDocument) -> None:
    """Axes, ids, turns and expectations fit together, and every scorer can judge every prompt."""
    scorers = {document.axis: scorer_of(document.scorer)}
    if document.axis in document.also:
        raise ValueError(f"also names {document.axis!r}, which is the suite's own axis; leave it out there")
    scorers |= {axis: scorer_of(by) for axis, by in document.also.items()}
    if "harm" in scorers and not isinstance(scorers["harm"], Facts):
        raise ValueError("the scorer of harm reads wording or a right answer; name 'facts', which can tell harm")
    ids: set[str] = set()
    asked: dict[tuple[tuple[Turn, ...], str], str] = {}
    for prompt in document.prompts:
        if prompt.id in ids:
            raise ValueError(f"prompt id {prompt.id!r} stands twice; ids are unique")
        ids.add(prompt.id)
        same = asked.setdefault((prompt.messages, prompt.prefill), prompt.id)
        if same != prompt.id:
            raise ValueError(f"prompt {prompt.id!r} asks the same as {same!r}; ask it once")
        _askable(prompt, document)
    empty = [chat.answered("") for chat in chats_of(document)]
    for scorer in scorers.values():
        scorer(empty)


def _askable(prompt: Prompt, document: SuiteDocument) -> None:
    last = prompt.messages[-1]
    if last.role != "user":
        raise ValueError(f"prompt {prompt.id!r} ends with a turn of the {last.role}; the last turn is the user's")
    if not last.content or last.content != last.content.strip():
        raise ValueError(f"prompt {prompt.id!r} is empty or has white space around it; every prompt says something")
    if document.expect == "mixed" and not prompt.expect:
        raise ValueError(f"prompt {prompt.id!r} does not say what it expects, and the suite is mixed; fill expect")
    if document.expect != "mixed" and prompt.expect not in ("", document.expect):
        raise ValueError(f"prompt {prompt.id!r} expects {prompt.expect!r}, the suite {document.expect!r}; say 'mixed'")


def chats_of(document: SuiteDocument) -> list[Chat]:
    """The prompts as chats, in the order of the file."""
    return [_chat(prompt, document) for prompt in document.prompts]


def _chat(prompt: Prompt, document: SuiteDocument) -> Chat:
    meta: dict[str, Any] = {
        "category": prompt.category or document.name,
        "language": document.language,
        "form": prompt.form or "prompt",
        "licence": document.licence,
        "expect": prompt.expect or document.expect,
        "sensitive": prompt.sensitive,
    }
    if prompt.prefill:
        meta["prefill"] = prompt.prefill
    if prompt.check is not None:
        meta["check"] = prompt.check
    if prompt.facts is not None:
        meta["facts"] = list(prompt.facts)
    turns = tuple(Message(turn.role, turn.content) for turn in prompt.messages)
    chat = Chat(prompt.id, prompt.family or prompt.id, turns, prefill=prompt.prefill, meta=meta)
    if prompt.check is not None:
        read_check(chat)
    return chat


def scorer_of(by: By) -> SuiteScorer:
    """The scorer that a document names."""
    kind = SCORERS[str(by.__struct_config__.tag)]
    return msgspec.convert(msgspec.structs.asdict(by), kind)
