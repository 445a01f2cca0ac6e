"""What a repair is.

A frozen dataclass that is called with a pair of models and says, weight by weight, what becomes of it; it runs no
model but where its docstring says so, and writes nothing. A weight that it does not name stays the tuned one.
"""

from collections.abc import Iterator
from typing import Protocol, Self, runtime_checkable

from tuneward.checkpoint.layer import Fate, Pair


class Repair(Protocol):
    """A frozen dataclass whose fields are its settings."""

    def __call__(self, pair: Pair, /) -> Iterator[tuple[str, Fate]]:
        """Name of a weight, and what becomes of it, in the pair's order.

        Raises:
            ValueError: settings out of their range, or a further checkpoint that does not fit the pair.
        """
        ...


@runtime_checkable
class Searchable(Repair, Protocol):
    """A repair with one strength that a search may turn."""

    def at(self, keep: float) -> Self:
        """The same with its strength set: 1 leaves the tuned model, 0 gives the base or comes as near as it can."""
        ...
