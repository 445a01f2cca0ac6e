"""Suites as files (house method): one JSON document with its prompts and the scorers that read the replies.

A model can so ship the questions that fit it beside its weights, and auditing it is an ordinary audit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from tuneward.chat import Chat
from tuneward.record import to_json, write_atomic
from tuneward.score import Scorer
from tuneward.suites.document import (
    SCHEMA,
    SCORERS,
    Expect,
    SuiteDocument,
    SuiteScorer,
    chats_of,
    parse_suite,
    scorer_of,
)


@dataclass(frozen=True)
class About:
    """What a suite says of itself, for `write_suite`."""

    name: str
    axis: str
    expect: Expect | Literal["mixed"]
    title: str
    scorer: SuiteScorer
    also: Mapping[str, SuiteScorer] = field(default_factory=dict)
    max_tokens: int = 96
    language: str = "und"
    licence: str = "unstated"
    source: str = "not said"


@dataclass(frozen=True)
class FileSuite:
    """Prompts from a file that says itself what it asks and how it is judged."""

    path: str
    """The file: one JSON document."""

    def __post_init__(self) -> None:
        """Read the file.

        Raises:
            FileNotFoundError: no such file.
            ValueError: not a suite, or one that could not be asked or judged; one line that names the file.
        """
        self._document  # noqa: B018 - what cannot be read is refused here, not in the middle of an audit

    @cached_property
    def _document(self) -> SuiteDocument:
        path = Path(self.path)
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such file or folder of suites")
        return parse_suite(path.read_bytes(), name=self.path)

    @property
    def name(self) -> str:
        """What the suite is called."""
        return self._document.name

    @property
    def axis(self) -> str:
        """The axis that its scorer fills."""
        return self._document.axis

    @property
    def expect(self) -> str:
        """What its prompts call for."""
        return self._document.expect

    @property
    def title(self) -> str:
        """What the good rate counts."""
        return self._document.title

    @cached_property
    def scorer(self) -> SuiteScorer:
        """What judges the replies."""
        return scorer_of(self._document.scorer)

    @cached_property
    def also(self) -> Mapping[str, Scorer]:
        """Further axes, and what reads them off the same replies."""
        return MappingProxyType({axis: scorer_of(by) for axis, by in self._document.also.items()})

    @property
    def max_tokens(self) -> int:
        """Longest reply."""
        return self._document.max_tokens

    @property
    def language(self) -> str:
        """Language code of the prompts."""
        return self._document.language

    @property
    def licence(self) -> str:
        """Licence of the prompts."""
        return self._document.licence

    @property
    def source(self) -> str:
        """Where the prompts come from."""
        return self._document.source

    def __call__(self) -> list[Chat]:
        """The prompts, in the order of the file."""
        return chats_of(self._document)


def write_suite(path: Path, about: About, *, chats: Sequence[Chat]) -> FileSuite:
    """Write chats as a suite, all of the file or none of it, and read it back.

    Of a chat's meta the file keeps category, form, expect, sensitive, check and facts. Language and licence are said
    once, in `about`; everything else stays behind.

    Raises:
        ValueError: what `FileSuite` would refuse, or chats whose meta says another language or licence; nothing is
            written.
    """
    for chat in chats:
        for key, said in (("language", about.language), ("licence", about.licence)):
            if chat.meta.get(key, said) != said:
                raise ValueError(f"{path}: chat {chat.id} has {key} {chat.meta[key]!r}, the suite {said!r}; split them")
    data = to_json(
        {
            "schema": SCHEMA,
            **vars(about),
            "scorer": _kind(about.scorer),
            "also": {axis: _kind(scorer) for axis, scorer in about.also.items()},
            "prompts": [_prompt(chat) for chat in chats],
        }
    )
    parse_suite(data, name=str(path))
    write_atomic(path, data)
    return FileSuite(str(path))


def _prompt(chat: Chat) -> dict[str, Any]:
    """A chat as it stands in a document."""
    kept = ("category", "form", "expect", "sensitive", "check", "facts")
    meta = {key: chat.meta[key] for key in kept if key in chat.meta}
    prefill = {"prefill": chat.prefill} if chat.prefill else {}
    return {"id": chat.id, "family": chat.family, "messages": chat.messages, **prefill, **meta}


def _kind(scorer: SuiteScorer) -> dict[str, Any]:
    """A scorer as it stands in a document."""
    kind = next((name for name, one in SCORERS.items() if isinstance(scorer, one)), type(scorer).__name__)
    return {"kind": kind, **vars(scorer)}
