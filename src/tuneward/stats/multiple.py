"""Several tests at once."""

from collections.abc import Sequence


def holm(ps: Sequence[float]) -> list[float]:
    """Holm-adjusted p values in the order given (Holm 1979): below .05 means significant with 5 % for the whole family.

    Monotone in the p values, capped at 1; an empty family gives an empty list.

    Raises:
        ValueError: for a p outside [0, 1].
    """
    for place, p in enumerate(ps):
        if not 0 <= p <= 1:
            raise ValueError(f"holm: p value {p} at place {place} is outside [0, 1]; leave untested entries out")
    adjusted, floor = [1.0] * len(ps), 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=lambda index: ps[index])):
        floor = max(floor, min(1.0, (len(ps) - rank) * ps[place]))
        adjusted[place] = floor
    return adjusted
