"""A blend in words, such as `log-mix weight=0.5 first=5`. Apart from the blends, so that no model library is loaded."""

import difflib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

BLENDS: Mapping[str, str] = MappingProxyType(
    {
        "log-mix": "tuneward.blend.log_mix:LogMix",
        "first-tokens": "tuneward.blend.guard:FirstTokens",
        "gated": "tuneward.blend.gate:Gated",
    }
)
"""Word → module:class. `BuiltinBlend` in `blend.methods` is the same as a union."""
SETTINGS: Mapping[str, Mapping[str, type[int] | type[float]]] = MappingProxyType(
    {
        "log-mix": {"weight": float, "first": int},
        "first-tokens": {"first": int, "top_k": int, "common": int, "amplify": float},
        "gated": {"threshold": float, "weight": float, "first": int},
    }
)
"""Word → its settings and what they are: the fields of its class."""
ALL = "all"
"""What `first` may be instead of a number: every token of a reply."""
LIMIT = 0.2
"""Share of the guided positions at which the choice may be changed (house method): above a fifth, the two models have
too little in common for a blend of them to be trusted."""
FEWEST = 50
"""Guided positions below which that share says nothing."""


@dataclass(frozen=True)
class BlendSpec:
    """A blend by its word and settings, not yet loaded."""

    word: str
    settings: Mapping[str, float | int | None]
    limit: float = LIMIT

    @property
    def words(self) -> str:
        """The same as text, every setting that was given in it."""
        said = [f"{name}={ALL if value is None else f'{value:g}'}" for name, value in self.settings.items()]
        return " ".join([self.word, *said, *([f"limit={self.limit:g}"] if self.limit != LIMIT else [])])

    def made(self) -> Any:
        """The blend itself; loads the model libraries.

        Raises:
            ValueError: a setting out of its range.
        """
        module, name = BLENDS[self.word].split(":")
        try:
            return getattr(importlib.import_module(module), name)(**self.settings)
        except ValueError as error:
            raise ValueError(f"blend {self.word}: {error}") from error


def parse_blend(text: str) -> BlendSpec:
    """`NAME key=value …`, the keys being the blend's settings and `limit`.

    Raises:
        ValueError: a name, key or value that is not known, with the nearest right one.
    """
    word, *given = text.split() or [""]
    if word not in BLENDS:
        raise ValueError(f"blend: no {word!r}; {_meant(word, list(BLENDS))}")
    known: dict[str, type[int] | type[float]] = {**SETTINGS[word], "limit": float}
    settings: dict[str, float | int | None] = {}
    for one in given:
        key, _, value = one.replace("-", "_", one.partition("=")[0].count("-")).partition("=")
        if key not in known:
            raise ValueError(f"blend {word}: no setting {key!r}; {_meant(key, list(known))}")
        if key in settings:
            raise ValueError(f"blend {word}: {key} is given twice")
        settings[key] = None if (key, value) == ("first", ALL) else _number(value, known[key], f"{word}: {key}")
    limit = settings.pop("limit", LIMIT)
    if limit is None or not 0 <= limit <= 1:
        raise ValueError(f"blend {word}: limit is {limit}; expected a share, 0 to 1 (1 is no limit)")
    return BlendSpec(word, settings, float(limit))


def over_the_limit(guided: int, changed: int, *, limit: float) -> str:
    """What is to be said when the guide changed too many of the positions at which it had a say; empty when not."""
    if guided < FEWEST or changed <= limit * guided:
        return ""
    return (
        f"blend: the guide changed the likeliest token at {changed} of {guided} positions, more than {limit:.0%}: the "
        "two models are too far apart for their blend to be trusted; repair the weights, or use the base"
    )


def _number(value: str, kind: type[int] | type[float], what: str) -> float | int:
    try:
        return kind(value)
    except ValueError:
        wanted = "a whole number" if kind is int else "a number"
        raise ValueError(f"blend {what} is {value!r}; expected {wanted}") from None


def _meant(word: str, among: list[str]) -> str:
    near = difflib.get_close_matches(word, among, 1)
    return f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(among)}"
