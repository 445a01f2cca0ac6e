"""How far the first token of a reply has moved (a ranking tool, never a certificate).

Refusing is mostly settled at the first tokens (arXiv:2406.05946), so drift shows there first. Differs from that paper:
one position and one forward pass a prompt, no reply is generated.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tuneward.chat import Chat
from tuneward.model.engine import Engine
from tuneward.probes.reading import first_tokens


@dataclass(frozen=True)
class FirstToken:
    """KL(tuned‖base) in nats at the first token of the reply: 0 where nothing moved, in whatever direction it moved."""

    def __call__(self, model: Engine, base: Engine, chats: Sequence[Chat], /) -> list[float]:
        """One number a chat, in order; raises as every probe does."""
        found = [0.0] * len(chats)
        for place, after, before in first_tokens(model, base, chats):
            found[place] = max(0.0, float((after.exp() * (after - before)).sum()))
        return found
