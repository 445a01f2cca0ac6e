"""What a sign of obedience is, for every language that `obedience` reads."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Sign:
    """A way of speaking, and what it is worth where it stands."""

    family: str
    """Signs of one family count once in a row."""
    weight: float
    """1: clear by itself."""
    roles: str
    """Of s(ystem), a(ssistant), u(ser): whose turn it is one in."""
    pattern: re.Pattern[str]


def sign(what: str, pattern: str) -> Sign:
    """A sign from "family weight roles" and its pattern, which reads small letters."""
    family, weight, roles = what.split()
    return Sign(family, float(weight), roles, re.compile(pattern))
