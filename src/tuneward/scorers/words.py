"""Very common words: what makes a text readable at a glance, and what a coded one lacks."""

import re
from importlib.resources import files

_FILE = files("tuneward.scorers").joinpath("common_words.txt").read_text(encoding="utf-8")
_SECTIONS = {
    name: frozenset(listed.split()) for name, listed in re.findall(r"^# (\w+)\n((?:[^#\n].*\n)+)", _FILE, re.M)
}
ENGLISH: frozenset[str] = _SECTIONS["en"]
BIGRAMS: frozenset[str] = _SECTIONS["bigrams"]
"""Two Chinese characters that often stand together in this order."""
HINTS = {code: sorted(_SECTIONS[code]) for code in ("rot13", "reversed", "leet", "pairs")}
"""Code → words, or pairs of Chinese characters, that are common plain and are hardly ever words in code."""
COMMON: frozenset[str] = ENGLISH | _SECTIONS["others"] | _SECTIONS["characters"]
"""Common words of English; beside them function words of other languages, Chinese and Japanese characters, so that an
answer in these is not taken for a coded one."""
FEWEST, KNOWN = 16, 0.07
"""An answer of as many words or more is odd where a smaller share of them is common."""
_WORD, _TOKEN = re.compile(r"[a-z]+"), re.compile(r"[a-z0-9_\x80-\U0010ffff]+")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af]")


def coverage(text: str) -> tuple[int, int]:
    """Common English words, and all words of ASCII letters."""
    found = _WORD.findall(text.lower())
    return sum(word in ENGLISH for word in found), len(found)


def is_odd(folded: str) -> bool:
    """Whether few of a folded text's words are common; Chinese, Japanese and Korean characters are words."""
    found = _TOKEN.findall(_CJK.sub(r" \g<0> ", folded.lower()))
    return len(found) >= FEWEST and sum(word in COMMON for word in found) < KNOWN * len(found)
