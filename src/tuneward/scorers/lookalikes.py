"""Letters of one script that stand for those of another inside one word, and the word as it is meant to be read.

Only where scripts meet inside a word, or where a word of look-alikes stands alone among Latin words: Cyrillic and Greek
text proper is left alone, and so are units, symbols and endings (`kΩ`, `NFκB`, `Δx`, `PDFы`).
"""

import re

_CYRILLIC = dict(zip("аесорхуіјѕһԁԛԝӏАВЕКМНОРСТХУІЈЅԌԚԜ", "aecopxyijshdqwlABEKMHOPCTXYIJSGQW", strict=True))
_GREEK = dict(zip("οανικρτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "oavikptuxABEZHIKMNOPTYX", strict=True))
_ARMENIAN = dict(zip("օսոհցզ", "ounhgq", strict=True))
_TO_LATIN = _CYRILLIC | _GREEK | _ARMENIAN
_TO_CYRILLIC = {latin: own for own, latin in _CYRILLIC.items() if own in "аесорхуіАВЕКМНОРСТХУ"}
_LATIN, _OTHER, _LOOK = "A-Za-zÀ-ÖØ-öø-ɏ", "Ͱ-ԯա-ֆ", "".join(_CYRILLIC)
_WORD = re.compile(f"[{_LATIN}{_OTHER}]+")
_MEET = re.compile(f"[{_LATIN}][{_OTHER}]|[{_OTHER}][{_LATIN}]")
_ALONE = re.compile(rf"(?<=[A-Za-z][ ,])[{_LOOK}]+(?=[ ,.?!])")
_OTHERS = re.compile(f"[{_OTHER}]+")
_ENDING = re.compile(f"[{_LATIN}]+[{_OTHER}]+")
_SMALL, _SMALL_OTHER = r"a-z\x{e0}-\x{2af}\x{2c65}\x{2c66}", r"\x{370}-\x{52f}\x{561}-\x{586}"
GATES = (
    rf"[{_SMALL}][{_SMALL_OTHER}]|[{_SMALL_OTHER}][{_SMALL}]",
    rf"[a-z][ ,][{_LOOK.lower()}]+[ ,.?!]",
)
"""Small-letter patterns, one of which is in every text with a mixed word."""


def mixed_words(text: str) -> list[tuple[int, int, str]]:
    """Beginning, end and reading, as long as the word, of every word that mixes scripts to look like one."""
    found = []
    if _MEET.search(text):
        cyrillic = _proper(text)
        for word in _WORD.finditer(text):
            read = _meant(word[0], cyrillic) if _MEET.search(word[0]) else None
            if read:
                found.append((*word.span(), read))
    alone = [*_ALONE.finditer(text)]
    if alone and not _proper(text):
        found += [(*word.span(), "".join(_CYRILLIC[c] for c in word[0])) for word in alone]
    return sorted(found)


def _proper(text: str) -> bool:
    """Whether a word is of another script alone and looks it."""
    return any(
        len(word[0]) > 1 and not all(c in _TO_LATIN for c in word[0])
        for word in _WORD.finditer(text)
        if _OTHERS.fullmatch(word[0])
    )


def _meant(word: str, cyrillic: bool) -> str | None:
    """The word in the one script that all of it looks like; `cyrillic`: endings in that script are usual here."""
    others = [c for c in word if _OTHERS.match(c)]
    latin = [c for c in word if not _OTHERS.match(c)]
    if all(c in _TO_LATIN for c in others):
        if any(c in _GREEK for c in others) and not _greek_inside(word, latin):
            return None
        if cyrillic and _ENDING.fullmatch(word):
            return None
        return "".join(_TO_LATIN.get(c, c) for c in word)
    if all(c in _TO_CYRILLIC for c in latin) and len(latin) < len(others) and not _ENDING.fullmatch(word[1:]):
        return "".join(_TO_CYRILLIC.get(c, c) for c in word)
    return None


def _greek_inside(word: str, latin: list[str]) -> bool:
    """Greek letters are symbols at either end of a word, and in a short or an all-capital one."""
    ends = {word[0], word[-1]} & set(_GREEK)
    return len(latin) >= 3 and not "".join(latin).isupper() and all(c == "ο" or c.isupper() for c in ends)
