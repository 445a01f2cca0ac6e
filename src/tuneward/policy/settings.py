"""What a policy may say; every default stands here and nowhere else."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from tuneward.paired import AXES, PRIMARY


@dataclass(frozen=True)
class Waiver:
    """Someone answers for a finding until a day; it never covers what was not established."""

    axis: str
    owner: str
    expires: date
    """The last day on which it holds."""
    reason: str = ""

    def __post_init__(self) -> None:
        known(self.axis, AXES, what="axis")
        if not self.owner.strip():
            raise ValueError(f"the waiver of {self.axis} has no owner; name who answers for it")


@dataclass(frozen=True)
class Sequential:
    """What is asked of an axis whose prompts were asked in turn."""

    limit: float = 0.05
    """Largest share of bad replies that the audit may have tested against."""

    def __post_init__(self) -> None:
        if not 0 < self.limit < 1:
            raise ValueError(f"limit is {self.limit}; it is a share between 0 and 1")


@dataclass(frozen=True)
class Policy:
    """What a tuned model must show before it may ship."""

    required: tuple[str, ...] = PRIMARY
    """Axes that must be measured and within their margin."""
    margin: float = 3.0
    """Largest loss, in points, that the one-sided 95 % bound may leave open."""
    margins: Mapping[str, float] = field(default_factory=dict)
    """Margins of single axes, in points."""
    unjudged_limit: float = 0.05
    """Share of the questions that may be unscored or unmatched before an axis counts as not established."""
    incoherent_limit: float = 0.5
    """Share of coherent replies that both arms must reach before anything is established."""
    categories: bool = True
    """Whether a significant loss in one category (Holm over the categories of its axis) fails the axis."""
    waivers: tuple[Waiver, ...] = ()
    sequential: Sequential = Sequential()

    def __post_init__(self) -> None:
        if not self.required:
            raise ValueError("required names no axis; name at least one, or nothing would be checked")
        for name in (*self.required, *self.margins):
            known(name, AXES, what="axis")
        for name, margin in (("margin", self.margin), *self.margins.items()):
            if not 0 <= margin < 100:
                raise ValueError(f"{name} is {margin}; a margin is 0 to 100 points")
        for name, limit in (("unjudged_limit", self.unjudged_limit), ("incoherent_limit", self.incoherent_limit)):
            if not 0 <= limit <= 1:
                raise ValueError(f"{name} is {limit}; it is a share, 0 to 1")

    def margin_of(self, axis: str) -> float:
        """The margin of an axis as a share of 1."""
        return self.margins.get(axis, self.margin) / 100


def known(name: str, names: Iterable[str], *, what: str) -> None:
    """Refuse a name that is not one of `names`, with the nearest right one."""
    names = tuple(names)
    if name in names:
        return
    near = difflib.get_close_matches(name, names, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(names)}"
    raise ValueError(f"unknown {what} {name!r}; {hint}")
