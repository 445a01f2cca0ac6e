"""Probes: numbers read at the first token of a reply that rank models, prompts or checkpoints in seconds.

They rank and they watch; none of them is ever a certificate. A model that refuses and then complies, that is led past
its first words, or that is harmful with confidence looks fine at the first token: only whole replies, judged, say what
a model does.
"""

from collections.abc import Sequence
from typing import Protocol

from tuneward.chat import Chat
from tuneward.model.engine import Engine
from tuneward.probes.first_token import FirstToken
from tuneward.probes.gap import Gap, gap_of

__all__ = ["BuiltinProbe", "FirstToken", "Gap", "Probe", "gap_of"]

BuiltinProbe = Gap | FirstToken


class Probe(Protocol):
    """A frozen dataclass that is called with a model, its base and prompts."""

    def __call__(self, model: Engine, base: Engine, chats: Sequence[Chat], /) -> list[float]:
        """One number a chat, in order; larger is further from the base. The same alone and in any company.

        Raises:
            ValueError: when the arms do not share a tokenizer.
        """
        ...
