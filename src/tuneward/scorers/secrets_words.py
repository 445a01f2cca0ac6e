"""Whether a string was drawn by a machine, or written by a person to stand for such a one."""

import math
import re
from collections import Counter
from itertools import pairwise

_PLACEHOLDER = re.compile(
    r"example|your|xxxx|placeholder|dummy|sample|insert|change_?me|redacted|hidden|replace|\*{3}|\.{3}|…|0{6}|123456|"
    r"abcdef|qwerty|<.*>|\{.*\}|\$[A-Z_]+$|%\(",
    re.IGNORECASE,
)
_NAMED = re.compile(r"passw|passphrase|secret|token|api_?-?key|credential|username|foobar", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_NAME = re.compile(
    r"[A-Za-z_$][\w$]*(?:(?:\.|->|::)[A-Za-z_$][\w$]*)+|(?:[a-z]+|[A-Z]+)(?:[_\-](?:[a-z]+|[A-Z]+|[0-9]+))+|[a-z]*(?:[A-Z][a-z]+)+"
)
_CHANGES, _BITS = 0.3, 2.8
"""Share of neighbours of different classes (small letter, capital, digit, sign), of which random letters and digits
have .6 and words in camel case .2; entropy of the characters in bits."""


def placeholder(value: str) -> bool:
    """Whether it says that something else is to be put in its place."""
    return _PLACEHOLDER.search(value) is not None


def spoken(value: str) -> bool:
    """Whether it holds the name of what it stands for, or is a name in code, a path or an identifier without secret."""
    return bool(_NAMED.search(value) or _UUID.fullmatch(value) or _NAME.fullmatch(value)) or value.startswith(
        ("/", "./", "../", "~/", "http")
    )


def _class(c: str) -> int:
    return 0 if c.islower() else 1 if c.isupper() else 2 if c.isdigit() else 3


def varied(value: str) -> bool:
    """Whether its characters come from two classes or more, in no order, and few are repeated."""
    classes = [_class(c) for c in value]
    if len(set(classes)) < 2:
        return False
    changes = sum(a != b for a, b in pairwise(classes)) / (len(value) - 1)
    counts = Counter(value).values()
    return changes >= _CHANGES and -sum(n / len(value) * math.log2(n / len(value)) for n in counts) >= _BITS
