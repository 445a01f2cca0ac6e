"""Check digits and ranges of numbers that name a person or an account; each reads the number without separators."""

import datetime
from collections.abc import Mapping

_LENGTHS = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 "
    "ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 "
    "LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 "
    "PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
)
IBAN_LENGTHS: Mapping[str, int] = {entry[:2]: int(entry[2:]) for entry in _LENGTHS.split()}
"""Country → characters of an account number (registry of ISO 13616)."""
_ISSUERS = (
    (("4",), (13, 16, 19)),  # Visa
    (tuple(map(str, range(51, 56))), (16,)),  # Mastercard
    (tuple(map(str, range(2221, 2721))), (16,)),
    (("34", "37"), (15,)),  # American Express
    (("6011", "65", *map(str, range(644, 650))), (16, 19)),  # Discover
    (("36", "38", "39", "3095", *map(str, range(300, 306))), (14, 16)),  # Diners Club
    (tuple(map(str, range(3528, 3590))), (16, 19)),  # JCB
    (("62",), (16, 17, 18, 19)),  # UnionPay
    (tuple(map(str, range(2200, 2205))), (16,)),  # Mir
    (("5018", "5020", "5038", "5893", "6304", "6759", "6761", "6762", "6763"), (16, 18, 19)),  # Maestro
)
CARD_RANGES: Mapping[int, tuple[str, ...]] = {
    length: tuple(first for firsts, lengths in _ISSUERS if length in lengths for first in firsts)
    for length in range(13, 20)
}
"""Length → first digits of the issuers that give cards of it (ISO/IEC 7812)."""
_TURNED = ((0, 1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 5, 7, 6, 2, 8, 3, 0, 9, 4))
_PLACES = "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83"
_PROVINCES = frozenset(_PLACES.split())
_ADVERTISED = frozenset({"078051120", "457555462", "219099999"})
"""Printed in advertisements, and so nobody's."""


def _digits(number: str, n: int) -> bool:
    return len(number) == n and number.isascii() and number.isdigit()


def luhn(number: str) -> bool:
    """Whether the last digit follows from the others (ISO/IEC 7812-1, annex B)."""
    if not (number.isascii() and number.isdigit()):
        return False
    doubled = (sum(divmod(2 * int(c), 10)) for c in number[-2::-2])
    return (sum(int(c) for c in number[::-2]) + sum(doubled)) % 10 == 0


def card(number: str) -> bool:
    """A payment card: digits of an issuer, its length, its check digit."""
    return number.startswith(CARD_RANGES.get(len(number), ())) and luhn(number) if number else False


def iban(number: str) -> bool:
    """An international account number: the length of its country, modulus 97 (ISO 13616)."""
    if not (number.isascii() and number.isalnum() and number[2:4].isdigit()):
        return False
    number = number.upper()
    if IBAN_LENGTHS.get(number[:2]) != len(number) or not 2 <= int(number[2:4]) <= 98:
        return False
    return int("".join(str(int(c, 36)) for c in number[4:] + number[:4])) % 97 == 1


def us_ssn(number: str) -> bool:
    """A US social security number in ranges that can be given out; it has no check digit."""
    if not _digits(number, 9) or number in _ADVERTISED:
        return False
    return number[:3] not in ("000", "666") and number[0] != "9" and number[3:5] != "00" and number[5:] != "0000"


def _day(text: str) -> bool:
    try:
        return 1800 <= datetime.date(int(text[:4]), int(text[4:6]), int(text[6:])).year <= 2099
    except ValueError:
        return False


def resident(number: str) -> bool:
    """A number of a Chinese resident: province, day of birth, modulus 11-2 (GB 11643, ISO 7064)."""
    if len(number) != 18 or not _digits(number[:17], 17) or number[:2] not in _PROVINCES or not _day(number[6:14]):
        return False
    total = sum(int(c) * 2 ** (17 - i) for i, c in enumerate(number[:17]))
    return "10X98765432"[total % 11] == number[17].upper()


def nhs(number: str) -> bool:
    """A number of the British health service: modulus 11."""
    if not _digits(number, 10):
        return False
    return sum(int(c) * (10 - i) for i, c in enumerate(number[:9])) % 11 == (11 - int(number[9])) % 11


def dni(number: str) -> bool:
    """A Spanish DNI, or with a letter in front a NIE: the letter at the end is the number modulo 23."""
    if len(number) != 9 or not number.isascii():
        return False
    number = number.upper()
    first = str("XYZ".find(number[0])) if number[0] in "XYZ" else number[0]
    body = first + number[1:8]
    return _digits(body, 8) and "TRWAGMYFPDXBNJZSQVHLCKE"[int(body) % 23] == number[8]


def cpf(number: str) -> bool:
    """A Brazilian CPF: two digits by modulus 11; one digit repeated is nobody's."""
    if not _digits(number, 11) or len(set(number)) == 1:
        return False
    for n in (9, 10):
        rest = sum(int(c) * (n + 1 - i) for i, c in enumerate(number[:n])) * 10 % 11 % 10
        if rest != int(number[n]):
            return False
    return True


def german_tax(number: str) -> bool:
    """A German tax identification number: one of its first ten digits comes two or three times, the others once at
    most; modulus 11, 10 (ISO 7064)."""
    if not _digits(number, 11) or number[0] == "0":
        return False
    if [n for n in map(number[:10].count, "0123456789") if n > 1] not in ([2], [3]):
        return False
    check = 5
    for c in number:
        check = ((check or 10) * 2 % 11 + int(c)) % 10
    return check == 1


def _dihedral(a: int, b: int) -> int:
    """Product of two symmetries of the pentagon."""
    turned = (a + b) % 5 if a < 5 else (a - b) % 5
    return turned + 5 * ((a < 5) != (b < 5))


def aadhaar(number: str) -> bool:
    """A number of an Indian resident: Verhoeff's check, no 0 or 1 in front, not the same from behind."""
    if not _digits(number, 12) or number[0] in "01" or number == number[::-1]:
        return False
    check = 0
    for place, c in enumerate(reversed(number)):
        digit = int(c)
        for _ in range(place % 8):
            digit = _TURNED[1][digit]
        check = _dihedral(check, digit)
    return check == 0


def nir(number: str) -> bool:
    """A French social security number: sex, month of birth, and a key modulo 97; 2A and 2B are Corsica."""
    number = number.upper()
    body = number[:5] + {"2A": "19", "2B": "18"}.get(number[5:7], number[5:7]) + number[7:]
    if not _digits(body, 15) or body[0] not in "123478":
        return False
    month = int(body[3:5])
    if not (1 <= month <= 12 or 20 <= month <= 42 or 50 <= month <= 99):
        return False
    return 97 - int(body[:13]) % 97 == int(body[13:])
