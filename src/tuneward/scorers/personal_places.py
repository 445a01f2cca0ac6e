"""Weak kinds: street addresses and birth dates. Many are public or made up, so they are noted, and what counts is
whether a set teaches one for each of many people (see `personal_association`)."""

import re
from collections.abc import Iterator

from tuneward.scorers.values import DASHES, Found, Kind, found, hyphened

_STREET = Kind("street address", "PII-ADDRESS", "info", "a house number and the name of a street")
_BIRTH = Kind("birth date", "PII-BIRTH", "info", "a full date beside a word for birth")

_UP = "A-ZÀ-ÖØ-ÞŠŚŁŽČĐ"
_WORD = rf"[{_UP}][^\W\d_](?:[^\W\d_]|['’\-]){{0,20}}"
_ENGLISH = "Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Way|Place|Square|Terrace|Crescent|Close"
_GERMAN, _CHINESE = "straße|strasse|str.|weg|platz|allee|gasse", "路|街|大道|巷|弄"
_FRENCH, _ROMANCE = "rue|avenue|boulevard|place|chemin|impasse|quai|allée", "Calle|Avenida|Paseo|Rua|Viale|Piazza|Plaza"
_STREETS = tuple(
    (cues.split("|"), re.compile(pattern))
    for cues, pattern in (
        (
            _ENGLISH,
            r"[0-9](?<![0-9A-Za-z.,$€£/\-].)[0-9]{0,4}[A-Za-z]? "
            rf"(?:[NSEW]\.? )?(?:St\. )?{_WORD} (?:{_WORD} )?(?:{_WORD} )?(?:{_ENGLISH})\b",
        ),
        (_GERMAN, rf"[{_UP}](?<!\w.)[a-zäöüß\-]{{1,20}}(?:{_GERMAN.replace('.', chr(92) + '.')}) [0-9]{{1,4}}[a-z]?\b"),
        (
            _FRENCH,
            rf"[0-9](?<![0-9A-Za-z.,].)[0-9]{{0,3}}(?: bis| ter)?,? (?:{_FRENCH}) "
            rf"(?:d[eu]s? (?:la )?|d['’]|l['’]|la |le )?{_WORD}(?: {_WORD})?",
        ),
        (
            _ROMANCE,
            rf"[ACPRV](?<!\w.)(?:{'|'.join(word[1:] for word in _ROMANCE.split('|'))}) "
            rf"(?:de(?:l| la| los)? |d[aio]s? |della )?{_WORD}(?: {_WORD})?,? [0-9]{{1,4}}\b",
        ),
        (_CHINESE, rf"[^\W\d_A-Za-z在住是于到址为的地]{{1,8}}(?:{_CHINESE})[0-9]{{1,5}}号(?:[0-9]{{1,4}}[室楼栋])?"),
    )
)
_SQUARE = re.compile(r"(?:19|20)[0-9]{2} .*Square")
"""A year and a square are an event."""
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_MONTH = rf"(?:{_MONTHS})[a-z]{{0,6}}"
_DAY = (
    r"(?:[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2,4}|"
    r"[0-9]{4}年[0-9]{1,2}月[0-9]{1,2}日|"
    rf"[0-9]{{1,2}}(?:st|nd|rd|th)? (?:of )?{_MONTH}\.?,? [0-9]{{4}}|"
    rf"{_MONTH}\.? [0-9]{{1,2}}(?:st|nd|rd|th)?,? [0-9]{{4}})"
)
_CUES = ("born on", "birth", "dob", "d.o.b", "出生", "生于", "生日", "生人")
_SAID = r"(?:born on|birth|\bdob\b|\bd\.o\.b\.|出生|生于|生日)"
_BIRTHS = (
    re.compile(rf"{_SAID}[^\n0-9]{{0,20}}?(?<![0-9A-Za-z])({_DAY})(?![0-9A-Za-z])", re.IGNORECASE | re.ASCII),
    re.compile(r"[12](?<![0-9].)[0-9]{3}年[0-9]{1,2}月[0-9]{1,2}日(?=出生|生于|生人)"),
)
_YEAR, _LIVING = re.compile(r"[0-9]{4}"), 1920
"""Somebody born earlier is dead, and no longer a person whose data these are."""


def streets(text: str, _: str) -> Iterator[Found]:
    """A house number and a street, as English, German, French, Spanish, Portuguese, Italian and Chinese write them."""
    for cues, pattern in _STREETS:
        if any(cue in text for cue in cues):
            for m in pattern.finditer(text):
                if not _SQUARE.match(m[0]):
                    yield found(_STREET, m.span())


def births(text: str, _: str) -> Iterator[Found]:
    """A day, month and year that a word calls a birth. "(born 5 March 1956)", as of people in books, is none."""
    small = text.lower()
    if any(cue in small for cue in _CUES):
        text = hyphened(text)
        for pattern in _BIRTHS:
            for m in pattern.finditer(text):
                span = m.span(pattern.groups)
                year = _YEAR.search(text, *span)
                if year is None or int(year[0]) >= _LIVING:
                    yield found(_BIRTH, span)


_ANY = r"[^\s0-9.,;:!?%$()*=<>/+]+ "
_BEGUN = _SAID.replace(r"dob\b", "dob")  # a capital I with a dot becomes two characters, the first of them ASCII
GATES = (
    rf"\d[a-z]? (?:[nsew]\.? )?(?:st\. )?{_ANY}(?:{_ANY})?(?:{_ANY})?(?:{_ENGLISH.lower()})\b",
    r"(?:stra(?:ß|ss)e|str\.|weg|platz|allee|gasse) \d",
    rf"\d(?: bis| ter)?,? (?:{_FRENCH}) ",
    rf"(?:{_ROMANCE.lower()}) [^\n0-9]{{2,20}}\d",
    rf"(?:{_CHINESE})\d{{1,5}}号",
    rf"{_BEGUN}[^\n0-9]{{0,20}}\d{{1,4}}(?:[{DASHES}/.年]\d|(?:st|nd|rd|th)? (?:of )?(?:{_MONTHS}))",
    rf"{_BEGUN}[^\n0-9]{{0,20}}(?:{_MONTHS})[a-z]{{0,6}}\.? \d",
    r"\d日(?:出生|生于|生人)",
)
