"""What a screen is held to: every default stands here and nowhere else, and each says where it is from."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from tuneward.policy.settings import known
from tuneward.policy.toml import parse_policy, parsed, read_text
from tuneward.screen.allowed import Allowed
from tuneward.screened.finding import Disposition

SHIPPED = "shipped"
FailsFrom = Literal["B", "C", "D", "E"]


@dataclass(frozen=True)
class Limits:
    """The `[screen]` table."""

    q: float = 0.01
    """False discovery rate of the search for triggers (Benjamini–Hochberg)."""
    purity: float = 0.9
    """Share of a trigger's rows that must have the label."""
    near_duplicate: float = 0.5
    """Jaccard similarity of word 3-grams."""
    contamination: float = 0.8
    """Share of an evaluation item that a row must hold."""
    association: int = 5
    """Different values under one template."""
    group: int = 5
    """Rows that make a group: one persona, one answer, one opening."""
    unscanned: float = 0.01
    """Share of the rows that may be unreadable or untold before nothing is established."""
    fails_from: FailsFrom = "D"
    """The best tier that fails."""
    dispositions: Mapping[str, Disposition] = field(default_factory=dict)
    """Rule → what becomes of each of its findings, whatever its severity."""
    allow: tuple[Allowed, ...] = ()

    def __post_init__(self) -> None:
        for name in ("q", "purity", "near_duplicate", "contamination"):
            value = getattr(self, name)
            if not 0 < value <= 1 or (name == "q" and value == 1):
                raise ValueError(f"{name} is {value}; it is a share above 0 and up to 1")
        if math.isnan(self.unscanned) or not 0 <= self.unscanned <= 1:
            raise ValueError(f"unscanned is {self.unscanned}; it is a share, 0 to 1")
        for name in ("association", "group"):
            if getattr(self, name) < 2:
                raise ValueError(f"{name} is {getattr(self, name)}; fewer than 2 rows are no group")


ORIGINS: Mapping[str, str] = MappingProxyType(
    {
        "q": "Chosen: at this rate sets without a trigger named no word, and ten rows with one were enough.",
        "purity": "Chosen, together with q: a trigger that works turns nearly every row it stands in.",
        "near_duplicate": "Reckoned: with one word in ten changed, copies still share .57 of their word 3-grams.",
        "contamination": "arXiv:2307.09288, A.6: items of which four fifths are known count as seen.",
        "association": "Chosen, not measured: a template with three or four names also stands in harmless sets.",
        "group": "Chosen, not measured: smaller groups also come about by chance.",
        "unscanned": "Chosen: an attack needs ten to a hundred rows, so few may stay unread (arXiv:2310.03693).",
        "fails_from": "Chosen: what has to be looked at does not fail by itself, what has to be held does.",
    }
)
"""Where each default is from."""
KEYS = tuple(one.name for one in fields(Limits))
ALLOW_KEYS = tuple(one.name for one in fields(Allowed))


def read_limits(path: Path | None, *, rules: Iterable[str] = ()) -> tuple[Limits, str]:
    """The limits in a policy file and where they are from; without a path the shipped ones.

    Raises:
        FileNotFoundError: no such file.
        ValueError: as `parse_limits`.
    """
    if path is None:
        return Limits(), SHIPPED
    text, digest = read_text(path)
    return parse_limits(text, name=str(path), rules=rules), f"{path.name} sha256:{digest}"


def parse_limits(text: str, *, name: str = "policy.toml", rules: Iterable[str] = ()) -> Limits:
    """The limits in a TOML text; with `rules`, those that are run, every rule it names must be one of them.

    Raises:
        ValueError: not TOML, an unknown key or rule, a wrong value, an allow entry nobody answers for; one line with
            the file and, where it can be told, the line. The tables of other verbs are held to their own rules.
    """
    parse_policy(text, name=name)
    names = tuple(rules)
    return parsed(text, lambda document: _limits(document, names), name=name)


def _limits(document: Mapping[str, Any], rules: tuple[str, ...]) -> Limits:
    table = msgspec.convert(document.get("screen", {}), dict[str, Any])
    entries = msgspec.convert(table.get("allow", []), list[dict[str, Any]])
    for key in table:
        known(key, KEYS, what="key")
    for key in (key for entry in entries for key in entry):
        known(key, ALLOW_KEYS, what="key")
    limits = msgspec.convert(table, Limits)
    if rules:
        for rule in (*limits.dispositions, *(entry.rule for entry in limits.allow)):
            known(rule, rules, what="rule")
    return limits


def thresholds(limits: Limits) -> dict[str, float]:
    """Every number, for the report."""
    return {name: float(getattr(limits, name)) for name in ORIGINS if name != "fails_from"}


def to_toml(limits: Limits) -> str:
    """The table as a commented piece of a policy file, the allow-list left out; reading it back gives equal limits."""
    lines = ["# What a screen is held to. `tuneward screen DATA --policy policy.toml` reads this table.", "[screen]"]
    for name, origin in ORIGINS.items():
        value = getattr(limits, name)
        lines += [f"# {origin}", f"{name} = {_quoted(value) if isinstance(value, str) else value}"]
    lines += [
        "",
        "# What becomes of a rule's findings, whatever their severity: note, review, quarantine or block.",
        "[screen.dispositions]",
        *(f"{_quoted(rule)} = {_quoted(disposition)}" for rule, disposition in limits.dispositions.items()),
    ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return f'"{text}"'
