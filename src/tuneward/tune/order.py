"""Which rows make which step (house method)."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from tuneward.tune.job import Order, Settings

POOL = 16
"""Steps whose rows are drawn together and sorted by length, so that little is padding."""


@dataclass(frozen=True)
class Shuffled:
    """Pass after pass in new orders, rows of like length together; each row once a pass."""

    buckets: bool = True
    """False: lengths do not matter, steps are drawn blindly."""

    def __call__(self, lengths: Sequence[int], _parts: Sequence[str], settings: Settings, /) -> Iterator[Sequence[int]]:
        """Steps without end; as `Order` says."""
        return steps_of(lengths, size=settings.batch, seed=settings.seed, buckets=self.buckets)


def steps_of(lengths: Sequence[int], *, size: int, seed: int, buckets: bool = True) -> Iterator[list[int]]:
    """Steps of `size` numbers of rows of these lengths, without end; all rows at once where there are fewer.

    What a pass leaves over stands first in the next one's first step, so a run that ends there has seen each row.
    """
    rng = random.Random(seed)
    left: list[int] = []
    size = min(size, len(lengths))
    while True:
        drawn = rng.sample(range(len(lengths)), len(lengths))
        if left:
            cut = size - len(left)
            yield left + drawn[:cut]
            drawn = drawn[cut:]
        whole = len(drawn) - len(drawn) % size
        drawn, left = drawn[:whole], drawn[whole:]
        steps = []
        for first in range(0, whole, POOL * size):
            pool = drawn[first : first + POOL * size]
            if buckets:
                pool.sort(key=lambda n: (lengths[n], n))
            steps += [pool[at : at + size] for at in range(0, len(pool), size)]
        rng.shuffle(steps)
        yield from steps


def planned(order: Order, lengths: Sequence[int], parts: Sequence[str], *, settings: Settings) -> list[list[int]]:
    """All steps of a run; the last one holds what is left.

    Raises:
        ValueError: there is nothing to learn.
    """
    if not lengths:
        raise ValueError("no rows to learn from")
    endless = order(lengths, parts, settings)
    if settings.steps is not None:
        return [list(step) for step in islice(endless, settings.steps)]
    rows, steps = max(1, round(settings.epochs * len(lengths))), []
    while rows > 0:
        step = list(next(endless))[:rows]
        steps.append(step)
        rows -= len(step)
    return steps


def split(step: Sequence[int], lengths: Sequence[int], *, ways: int) -> list[list[int]]:
    """A step as so many micro-batches of like lengths, as even as can be; some are empty where rows are fewer."""
    ordered = sorted(step, key=lambda n: (lengths[n], n))
    cuts = [round(n * len(step) / ways) for n in range(ways + 1)]
    return [ordered[a:b] for a, b in pairwise(cuts)]
