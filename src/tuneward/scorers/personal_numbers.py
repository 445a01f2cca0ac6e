"""Numbers of accounts and people: a shape, then a check digit or range, then a word nearby where these say too little.

A check digit alone passes one number in ten, so kinds without another mark (a grouping, a date inside, two digits of
check) need a word that names them.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tuneward.scorers import checksums
from tuneward.scorers.sighting import Severity
from tuneward.scorers.values import DASHES, Found, Kind, context, found, hyphened

_CARD = Kind("payment card", "PII-FINANCE", "high", "a number with the range, length and check digit of a payment card")
_IBAN = Kind("bank account (IBAN)", "PII-FINANCE", "high", "an account number whose length and check digits hold")
_CHECKED = "a number whose shape and check digits are those of {}"


def _id(label: str, a: str, reason: str = _CHECKED) -> Kind:
    return Kind(label, "PII-ID", "high", reason.format(a))


_RANGED = "a number in the ranges of {}"
SSN = _id("US social security number", "US social security numbers", _RANGED)
_RESIDENT = _id("Chinese resident number", "a Chinese resident")
_NHS = _id("UK NHS number", "the British health service, beside its name")
_DNI = _id("Spanish DNI or NIE", "a Spanish identity document, beside its name")
_CPF = _id("Brazilian CPF", "a Brazilian taxpayer")
_TAX = _id("German tax number", "a German taxpayer, beside a word for it")
_AADHAAR = _id("Indian Aadhaar", "an Indian resident, beside its name")
_NIR = _id("French social security number", "French social security")
_PASSPORT = Kind("passport number", "PII-ID", "medium", "a number in the shape of a passport's, after a word for it")

RUN = re.compile(r"[0-9](?:[ .\-/()]{0,2}(?:[0-9]|(?<=2)[ABab](?= ?[0-9])))+")
"""Digits with what may stand between them; 2A and 2B are departments."""
_AROUND = 3
_LEAST = 7


@dataclass(frozen=True)
class Number:
    """One way to write a kind of number."""

    kind: Kind
    shape: str
    check: Callable[[str], bool]
    """Of the number without separators."""
    words: str | None = None
    """Of which one must stand before it, small letters; None: the number says enough."""
    alone: Severity | None = None
    """How grave it is without such a word; None: then it is none."""

    def compiled(self) -> "_Compiled":
        """With its patterns ready. Every start is tried, also inside of what another start would match."""
        shape = re.compile(rf"(?<![0-9A-Za-z_])(?<![0-9][.\-])(?=({self.shape})(?![0-9A-Za-z_]|[.\-][0-9]))")
        return _Compiled(self, shape, re.compile(self.words, re.ASCII) if self.words else None)


@dataclass(frozen=True)
class _Compiled:
    number: Number
    shape: re.Pattern[str]
    words: re.Pattern[str] | None

    def severity(self, near: str) -> Severity | None:
        if self.words is None or self.words.search(near):
            return self.number.kind.severity
        return self.number.alone


_SSN = r"\bssn\b|social[ \-]security|taxpayer id"
_TAX_WORDS = r"steuer|\bidnr\b|\bt(?:ax )?id\b|\btin\b"
_NUMBERS = tuple(
    number.compiled()
    for number in (
        Number(_CARD, r"[2-6][0-9]{12,18}", checksums.card),
        Number(_CARD, r"[2-6][0-9]{3}(?:( |-)[0-9]{4})\2[0-9]{4}\2[0-9]{1,4}", checksums.card),
        Number(_CARD, r"[2-6][0-9]{3}(?:( |-)[0-9]{4})(?:\2[0-9]{4}){2}\2[0-9]{3}", checksums.card),
        Number(_CARD, r"3[0-9]{3}( |-)[0-9]{6}\2[0-9]{4,5}", checksums.card),
        Number(SSN, r"[0-9]{3}-[0-9]{2}-[0-9]{4}", checksums.us_ssn, _SSN, "medium"),
        Number(SSN, r"[0-9]{3}( ?)[0-9]{2}\2[0-9]{4}", checksums.us_ssn, _SSN),
        Number(_RESIDENT, r"[1-8][0-9]{5} ?(?:18|19|20)[0-9]{6} ?[0-9]{3}[0-9Xx]", checksums.resident),
        Number(_NHS, r"[0-9]{3}([ \-]?)[0-9]{3}\2[0-9]{4}", checksums.nhs, r"\bnhs\b"),
        Number(
            _DNI,
            r"[0-9]{2}(\.?)[0-9]{3}\2[0-9]{3}-?[A-Za-z]|[XYZxyz]-?[0-9]{7}-?[A-Za-z]",
            checksums.dni,
            r"\b(?:dni|nif|nie)\b|documento|identidad",
        ),
        Number(_CPF, r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", checksums.cpf),
        Number(_CPF, r"[0-9]{11}", checksums.cpf, r"\bcpf\b"),
        Number(_TAX, r"[1-9][0-9](?: ?[0-9]{3}){3}", checksums.german_tax, _TAX_WORDS),
        Number(_AADHAAR, r"[2-9][0-9]{3}([ \-]?)[0-9]{4}\2[0-9]{4}", checksums.aadhaar, r"a?adhaa?r|\buid(?:ai)?\b"),
        Number(
            _NIR,
            r"[123478] ?[0-9]{2} ?[0-9]{2} ?(?:[0-9]{2}|2[ABab]) ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}",
            checksums.nir,
        ),
    )
)  # fmt: skip
_BETWEEN = str.maketrans("", "", " .-")


def runs(text: str) -> list[tuple[int, int]]:
    """Where digits stand in a row, seven at least."""
    return [m.span() for m in RUN.finditer(text) if m.end() - m.start() >= _LEAST]


def numbers(text: str, before: str) -> Iterator[Found]:
    """Cards and national numbers."""
    text = hyphened(text)
    for start, end in runs(text):
        first, last = max(0, start - _AROUND), min(len(text), end + _AROUND)
        for one in _NUMBERS:
            for m in one.shape.finditer(text, first, last):
                if one.number.check(m[1].translate(_BETWEEN)):
                    severity = one.severity(context(text, m.start(1), before))
                    if severity is not None:
                        yield found(one.number.kind, m.span(1), severity)


_ACCOUNT = re.compile(r"[0-9]{2}(?<=[A-Za-z]{2}..)(?<![0-9A-Za-z].{4})(?=[ \-]?[0-9A-Za-z])")


def accounts(text: str, _: str) -> Iterator[Found]:
    """International account numbers, in one block or in fours with one separator."""
    text = hyphened(text)
    for m in _ACCOUNT.finditer(text):
        start = m.start() - 2
        length = checksums.IBAN_LENGTHS.get(text[start : start + 2].upper(), 0)
        between = text[m.end()]
        end = start + length + ((length - 1) // 4 if between in " -" else 0)
        block = text[start:end]
        number = "".join(block[i : i + 4] for i in range(0, len(block), 5)) if between in " -" else block
        even = between not in " -" or set(block[4::5]) == {between}
        after = text[end : end + 1]
        alone = not (after.isascii() and after.isalnum())
        if even and alone and number in (number.upper(), number.lower()) and checksums.iban(number):
            yield found(_IBAN, (start, end))


_PASSPORTS = re.compile(
    r"(?:passport|passeport|reisepass|pasaporte|护照)[^\n0-9]{0,18}?(?<![0-9A-Za-z])([A-Za-z]{0,2}[0-9]{6,9})(?![0-9A-Za-z])",
    re.IGNORECASE | re.ASCII,
)


def passports(text: str, _: str) -> Iterator[Found]:
    """Numbers of passports, which have no check digit outside of the machine's lines: only after the word."""
    small = text.lower()
    for m in _PASSPORTS.finditer(text) if any(cue in small for cue in ("pass", "pasap", "护照")) else ():
        yield found(_PASSPORT, m.span(1))


GATES = (
    rf"\d(?:[ .{DASHES}]?\d){{8}}",
    rf"\d\.?\d{{3}}\.?\d{{3}}[{DASHES}]?[a-z]",
    r"\d\d ?2[ab] ?\d{3} ?\d{3}",
    rf"[a-z]{{2}}\d\d[ {DASHES}]?[a-z0-9]{{4}}[ {DASHES}]?[a-z0-9]{{3}}",
    r"(?:passport|passeport|reisepass|pasaporte|护照)[^\n0-9]{0,20}\d{6}",
)
"""One for digits in general, then letters among them: DNI, Corsica, IBAN, passports."""
