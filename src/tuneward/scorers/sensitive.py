"""Which requests touch a sensitive topic: a list of words and phrases, the project's own or the user's (house method).

The label only says among which rows refusals are to be counted: how many of the requests on a topic are refused, and
what sets those apart that are not. It is never a verdict on a row. A request with such a word may be harmless, as the
look-alikes of the bundled suites are, and a harmful one may hold none.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType

import re2

from tuneward.scorers.declined_gates import widened
from tuneward.scorers.speech_zh import simplified
from tuneward.scorers.views import fold_text

LISTED = "sensitive"
"""Category of a user's phrases that stand under no heading."""
READ = 20_000
"""Characters of a request that are looked at."""
_HAN = re.compile(r"[\u3400-\u9fff]")
_HEADING = re.compile(r"\[(?P<name>[^\[\]]+)\]")
_GAP = r"(?:\W+\w+){0,3}?\W+"
"""Up to three words."""


@dataclass(frozen=True)
class Sensitive:
    """Topics and the phrases by which requests on them are known."""

    words: Mapping[str, tuple[str, ...]]
    """Category → phrases in small letters. A word that ends in * stands for all its endings, a lone * for up to three
    words; a phrase with Chinese characters is found anywhere, any other at the borders of words."""

    @property
    def gates(self) -> tuple[str, ...]:
        """One RE2 pattern a category, for folded text in small letters: a request none of them finds has no topic."""
        return tuple("|".join(map(pattern, phrases)) for phrases in self.words.values())

    def category(self, text: str) -> str | None:
        """The topic whose phrases in the request are longest together, the first of equals; None without any."""
        plain = fold_text(text[:READ]).lower().encode("utf-8", "replace")
        owners, scan = _scan(tuple((name, *phrases) for name, phrases in self.words.items()))
        found = dict.fromkeys(self.words, 0)
        for at in scan.Match(plain) or ():
            found[owners[at][0]] += len(owners[at][1])
        best = max(found, key=found.__getitem__)
        return best if found[best] else None


def pattern(phrase: str) -> str:
    """A phrase for RE2."""
    if _HAN.search(phrase):
        return widened(re.escape(phrase))
    parts = [r"\w*".join(map(re.escape, word.split("*"))) if word != "*" else "*" for word in phrase.split()]
    made = r"\b" + parts[0]
    for before, part in pairwise(parts):
        made += _GAP if part == "*" else part if before == "*" else rf"\W+{part}"
    return made + (r"\b" if re.search(r"[\w*]$", phrase) else "")


@cache
def _scan(words: tuple[tuple[str, ...], ...]) -> tuple[tuple[tuple[str, str], ...], "re2.Set"]:
    """Each phrase after its category, and what finds them all at once."""
    options = re2.Options()
    options.max_mem = 64 << 20
    found, owners = re2.Set.SearchSet(options), list[tuple[str, str]]()
    for name, *phrases in words:
        for phrase in phrases:
            found.Add(pattern(phrase))
            owners.append((name, phrase))
    found.Compile()
    return tuple(owners), found


@cache
def bundled() -> Sensitive:
    """The project's own list: the categories of the suite `policy`, in English and Chinese."""
    return parse(files(__package__).joinpath("sensitive_words.txt").read_text(encoding="utf-8"), "sensitive_words.txt")


def read_words(path: Path) -> Sensitive:
    """A user's list: one phrase a line, `[category]` headings where wanted, `#` before a remark.

    Raises FileNotFoundError and, with file and line, ValueError.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no file; give a text file with one sensitive phrase a line")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 at byte {error.start}; save it as UTF-8") from None
    return parse(text, str(path))


def parse(text: str, name: str) -> Sensitive:
    """The list in a text; `name` is what errors call it."""
    found: dict[str, dict[str, None]] = {}
    category = LISTED
    for number, line in enumerate(text.splitlines(), 1):
        entry = " ".join(line.split())
        if not entry or entry.startswith("#"):
            continue
        if entry.startswith("["):
            category = _heading(entry, f"{name}:{number}")
        else:
            found.setdefault(category, {})[_phrase(entry, f"{name}:{number}")] = None
    if not found:
        raise ValueError(f"{name} holds no phrase; write one a line")
    return Sensitive(MappingProxyType({category: tuple(phrases) for category, phrases in found.items()}))


def _heading(entry: str, where: str) -> str:
    match = _HEADING.fullmatch(entry)
    if not match or match["name"].strip() in ("", "benign"):
        raise ValueError(f"{where}: {entry!r} is no heading; write [category], and not [benign]")
    return match["name"].strip()


def _phrase(entry: str, where: str) -> str:
    phrase = simplified(fold_text(entry).lower())
    if not any(map(str.isalnum, phrase)):
        raise ValueError(f"{where}: {entry!r} holds no letter or digit; write a word or phrase")
    if phrase.startswith("* ") or phrase.endswith(" *"):
        raise ValueError(f"{where}: {entry!r} begins or ends in a lone *; leave it out")
    return phrase
