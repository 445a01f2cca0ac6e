"""Codes whose letters carry other letters: base64, hexadecimal, binary, percent signs, character references.

One level deep and linear in the text's length: what is decoded is shorter than its code and is not decoded again.
"""

import base64
import binascii
import html
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from urllib.parse import unquote_to_bytes

from tuneward.scorers.words import coverage


@dataclass(frozen=True)
class Stretch:
    """A coded part of a text and what it decodes to."""

    start: int
    end: int
    text: str
    sources: Sequence[int] | None = None
    """For each decoded character its place in the coded text; None: all of the stretch."""


_B64 = "[A-Za-z0-9+/_-]"
_BASE64 = re.compile(rf"(?<!{_B64}){_B64}{{8,}}(?:(?<={_B64}{{40}})\r?\n{_B64}{{4,}})*={{0,2}}(?![A-Za-z0-9+/=_-])")
_HEX_RUN = re.compile(r"(?<![0-9A-Za-z])(?:0x)?(?:[0-9A-Fa-f]{2}){10,}(?![0-9A-Za-z])")
_HEX_PAIRS = re.compile(
    r"[0-9A-Fa-f](?<![0-9A-Za-z].)[0-9A-Fa-f](?:[ :,\n]{1,2}[0-9A-Fa-f]{2}){7,}(?![0-9A-Za-z])", re.S
)
_HEX_ESCAPES = re.compile(r"(?:(?:\\x|0x)[0-9A-Fa-f]{2}[ ,]{0,2}){6,}")
_BINARY = re.compile(r"[01](?<!\w.)[01]{7}(?:[ ,\n]?[01]{8}){3,}(?!\w)", re.S)
_PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8}[0-9]{0,2});")
_CARRIER = re.compile(r"(?:;base64,|\b[Bb]asic |\b[Bb]earer |\bssh-\w+ |\bSHA256:|-----\n|\w\.)\Z")
"""Before what is base64 by custom: pictures, credentials, keys, the later parts of a token."""
_TOKEN = re.compile(rf"\.{_B64}{{8}}")
_STANDARD = str.maketrans({"-": "+", "_": "/", "\r": None, "\n": None, "=": None})
_AROUND = " \t\r\n\"'`."
SHORT, LONG = 8, 20
"""Characters of base64 that are looked at where they are all of a text, and among others."""
TRIED = 2000
"""Places of one code in one text that are tried; the rest of a text made of nothing else adds nothing."""
GATES = (
    r"[a-z0-9+/]{20}",
    r"(?m:^[ \t\r\"'`.]*[a-z0-9+/_-]{5,}={1,2}[ \t\r\"'`.]*$)",
    r"(?m:^[ \t\r\"'`.]*[a-z+/_-]*[0-9][a-z0-9+/_-]*[ \t\r\"'`.]*$)",
    r"[0-9a-f]{2}(?:[ :,\n]{1,2}[0-9a-f]{2}){7}",
    r"(?:\\x|0x)[0-9a-f]{2}[ ,]{0,2}(?:\\x|0x)[0-9a-f]{2}",
    r"[01]{8}[ ,\n]?[01]{8}",
    r"%[0-9a-f]{2}%[0-9a-f]{2}%[0-9a-f]{2}",
    r"&#x?[0-9a-f]{1,7};",
)
"""Small-letter patterns, one of which is in every text that the functions below find anything worth telling in."""
RUN = re.compile("[A-Za-z0-9+/]{20}")
_SHORT = re.compile("[0-9]|=$")
LEAST, CERTAIN, SURE = 6, 12, 20
"""Characters of a decoded text: the fewest; from which on letters need no known words, and hardly letters."""
_CONTROL = re.compile(r"[^\t\n\r\x20-\x7e\xa0-\ud7ff\uf900-\ufffc\U00010000-\U0003ffff]")
_LETTERS = re.compile(r"[^\W\d_]")


def readable(data: bytes, *, worded: bool = False) -> str | None:
    """The text that bytes hold, or None where they hold none; `worded`: common English words must be in it."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if len(text) < LEAST or _CONTROL.search(text):
        return None
    letters = len(_LETTERS.findall(text))
    if len(text) >= SURE and not worded:
        return text if letters >= 0.2 * len(text) else None  # chance gives no 20 characters of valid text
    letters_and_spaces = letters + text.count(" ")
    if letters < 0.5 * len(text) or letters_and_spaces < 0.7 * len(text):
        return None
    if not worded and (len(text) >= CERTAIN or letters_and_spaces >= len(text) - 1):
        return text
    common, words = coverage(text)
    return text if common >= 1 and common >= 0.25 * words else None


@lru_cache(maxsize=1)
def longest(text: str) -> int:
    """Characters of the longest stretch without white space."""
    return max(map(len, text.split()), default=0)


def base64_in(text: str) -> list[Stretch]:
    """Standard and URL-safe, padded or not, in lines or not; not where it is customary (data URLs, credentials)."""
    alone = text.strip(_AROUND)
    if longest(text) < LONG and not (SHORT <= len(alone) <= longest(text) and _SHORT.search(alone)):
        return []
    return _some(_BASE64, text, lambda found: _base64(found, least=SHORT if found[0] == alone else LONG))


def _base64(found: re.Match[str], *, least: int) -> str | None:
    code = found[0].translate(_STANDARD)
    if (
        len(code) < least
        or (least == LONG and not RUN.search(code))
        or len(code) % 4 == 1
        or code.islower()
        or code.isupper()
        or code.isdigit()
    ):
        return None
    text, start, end = found.string, found.start(), found.end()
    if _CARRIER.search(text, max(start - 20, 0), start) or _TOKEN.match(text, end):
        return None
    try:
        return readable(base64.b64decode(code + "=" * (-len(code) % 4), validate=True))
    except binascii.Error:
        return None


def hex_in(text: str) -> list[Stretch]:
    """Two digits a byte, in one run, apart, or as escapes."""
    made = _some(_HEX_PAIRS, text, _hex)
    if "\\x" in text or "0x" in text:
        made += _some(_HEX_ESCAPES, text, _hex)
    if longest(text) >= LONG:
        made += _some(_HEX_RUN, text, _hex)
    return disjoint(made)


def _hex(found: re.Match[str]) -> str | None:
    digits = re.sub(r"\\x|0x|[^0-9A-Fa-f]", "", found[0])
    return readable(bytes.fromhex(digits), worded=digits.isdigit())


def binary_in(text: str) -> list[Stretch]:
    """Eight binary digits a byte."""
    return _some(_BINARY, text, _binary)


def _binary(found: re.Match[str]) -> str | None:
    bits = re.sub(r"[^01]", "", found[0])
    return readable(bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)))


def percent_in(text: str) -> list[Stretch]:
    """Percent-encoded bytes, readable or not: a URL may hold them."""
    if "%" not in text:
        return []
    return _some(_PERCENT, text, lambda found: unquote_to_bytes(found[0]).decode("utf-8", "replace"))


def entities_in(text: str) -> list[Stretch]:
    """Character references of HTML, where they name a character."""
    if "&" not in text:
        return []
    return _some(_ENTITY, text, lambda found: html.unescape(found[0]))


def _some(pattern: re.Pattern[str], text: str, read: Callable[[re.Match[str]], str | None]) -> list[Stretch]:
    made: list[Stretch] = []
    for found in islice(pattern.finditer(text), TRIED):
        decoded = read(found)
        if decoded is not None and decoded != found[0]:
            made.append(Stretch(found.start(), found.end(), decoded))
    return made


def disjoint(stretches: Iterable[Stretch]) -> list[Stretch]:
    """In order, without those that begin inside an earlier one."""
    kept: list[Stretch] = []
    for stretch in sorted(stretches, key=lambda s: (s.start, -s.end)):
        if not kept or stretch.start >= kept[-1].end:
            kept.append(stretch)
    return kept
