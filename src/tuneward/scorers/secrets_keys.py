"""Keys that providers mark with a beginning of their own, at the lengths that they give them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tuneward.scorers.secrets_words import placeholder, varied
from tuneward.scorers.values import Found, Kind, found

_REASON = "the beginning, length and letters of such a key"
_DISTINCT = 8
"""Different characters of a key; a row of x has one."""


@dataclass(frozen=True)
class Shape:
    """How a provider writes its keys."""

    label: str
    pattern: str
    gate: str
    """RE2, small letters."""
    mixed: bool = False
    """The pattern alone would let hyphenated words through."""


_B62, _URL = "[A-Za-z0-9]", r"[A-Za-z0-9_\-]"
SHAPES: tuple[Shape, ...] = (
    Shape("AWS access key", "A(?:KIA|SIA|BIA|CCA)[A-Z2-7]{16}", "a(?:kia|sia|bia|cca)[a-z2-7]{16}"),
    Shape("GitHub token", f"gh[pousr]_{_B62}{{36}}", "gh[pousr]_[a-z0-9]{16}"),
    Shape("GitHub token", f"github_pat_{_B62}{{22}}_{_B62}{{59}}", "github_pat_[a-z0-9]{16}"),
    Shape("GitLab token", f"glpat-{_URL}{{20,27}}", r"glpat-[a-z0-9_\-]{16}", True),
    Shape("Slack token", "xox[abeoprs]-[0-9A-Za-z]{4,}-[0-9A-Za-z\\-]{16,200}", "xox[abeoprs]-[0-9a-z]{4}"),
    Shape(
        "Slack link", r"hooks\.slack\.com/services/T[A-Z0-9]{8,12}/B[A-Z0-9]{8,12}/[A-Za-z0-9]{24}",
        r"hooks\.slack\.com/services/t[a-z0-9]{8}",
    ),
    Shape("Stripe key", f"[sr]k_(?:live|test)_{_B62}{{16,200}}", "[sr]k_(?:live|test)_[a-z0-9]{16}"),
    Shape("Anthropic key", f"sk-ant-{_URL}{{20,200}}", r"sk-ant-[a-z0-9_\-]{16}", True),
    Shape("OpenAI key", f"sk-(?:proj-|svcacct-|admin-)?{_URL}{{20,250}}", r"sk-[a-z0-9_\-]{20}", True),
    Shape("Google key", f"AIza{_URL}{{35}}", r"aiza[a-z0-9_\-]{16}", True),
    Shape("Google client secret", f"GOCSPX-{_URL}{{28}}", r"gocspx-[a-z0-9_\-]{16}", True),
    Shape("Hugging Face token", "hf_[A-Za-z]{34}", "hf_[a-z]{20}"),
    Shape("Groq key", f"gsk_{_B62}{{52}}", "gsk_[a-z0-9]{20}"),
    Shape("npm token", f"npm_{_B62}{{36}}", "npm_[a-z0-9]{20}"),
    Shape("PyPI token", f"pypi-AgEIcHlwaS5vcmc{_URL}{{50,250}}", "pypi-ageichlwas5vcmc"),
    Shape("SendGrid key", rf"SG\.{_URL}{{22}}\.{_URL}{{43}}", r"sg\.[a-z0-9_\-]{20}"),
    Shape("Telegram bot token", f"(?<![0-9])[0-9]{{8,10}}:AA{_URL}{{33}}", r"\d{8}:aa[a-z0-9_\-]{16}"),
    Shape("DigitalOcean token", "do[opr]_v1_[a-f0-9]{64}", "do[opr]_v1_[a-f0-9]{16}"),
    Shape("Shopify token", "shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}", "shp(?:at|ca|pa|ss)_[a-f0-9]{16}"),
    Shape("Databricks token", "dapi[a-f0-9]{32}", "dapi[a-f0-9]{16}"),
    Shape("Azure storage key", "AccountKey=[A-Za-z0-9+/]{86}==", "accountkey=[a-z0-9+/]{16}"),
    Shape("age key", "AGE-SECRET-KEY-1[A-Z0-9]{58}", "age-secret-key-1"),
)  # fmt: skip
_COMPILED = tuple((Kind(s.label, "SECRET-KEY", "high", _REASON), re.compile(s.pattern), s.mixed) for s in SHAPES)
_INSIDE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
GATES = tuple(shape.gate for shape in SHAPES)


def keys(text: str, _: str) -> Iterator[Found]:
    """Keys of the providers listed in SHAPES that stand for themselves and are no placeholder."""
    for kind, pattern, mixed in _COMPILED:
        for m in pattern.finditer(text):
            start, end = m.span()
            alone = (m[0][0].isdigit() or text[start - 1 : start] not in _INSIDE) and text[end : end + 1] not in _INSIDE
            random = len(set(m[0])) > _DISTINCT and not placeholder(m[0]) and (not mixed or varied(m[0]))
            if alone and random:
                yield found(kind, (start, end))
