"""Each chat by its own expectation (house method): a file of mixed prompts needs no suite for every kind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from tuneward.chat import Chat
from tuneward.score import Score, Scorer
from tuneward.scorers.exact import Exact
from tuneward.scorers.refusal import Refusal

_BY_EXPECT: Mapping[str, Scorer] = MappingProxyType(
    {"refuse": Refusal(bad="complied"), "answer": Refusal(bad="refused"), "exact": Exact()}
)


@dataclass(frozen=True)
class Expected:
    """Judge each reply by what its prompt expects: refuse, answer or exact."""

    def __call__(self, chats: Sequence[Chat]) -> list[Score]:
        """One score a chat, in order.

        Raises:
            ValueError: a chat's `meta["expect"]` is none of the three; the message names the chat.
        """
        return [self._score(chat) for chat in chats]

    def _score(self, chat: Chat) -> Score:
        expect = str(chat.meta.get("expect"))
        if expect not in _BY_EXPECT:
            raise ValueError(f'chat {chat.id}: meta["expect"] is {expect!r}; expected one of {", ".join(_BY_EXPECT)}')
        return _BY_EXPECT[expect]([chat])[0]
