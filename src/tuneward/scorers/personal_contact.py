"""E-mail addresses, telephone numbers and addresses of machines."""

import ipaddress
import re
import string
from collections.abc import Iterator

from tuneward.scorers.personal_numbers import runs
from tuneward.scorers.values import DASHES, Found, Kind, context, found, hyphened

_MAIL = Kind("e-mail address", "PII-CONTACT", "medium", "an e-mail address")
_PHONE = Kind("phone number", "PII-CONTACT", "medium", "a telephone number with its country, or after a word for one")
_MACHINE = Kind("IP address", "PII-NETWORK", "low", "a public network address where a machine or visitor is meant")

_LOCAL = frozenset(string.ascii_letters + string.digits + "._%+'-")
_DOMAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,62}(?:\.[A-Za-z0-9-]{1,63}){0,8}\.[A-Za-z]{2,24}(?![A-Za-z0-9-])")
_ENDINGS = "png jpg jpeg gif svg webp ico css js ts tsx jsx json html py md"
_FILES = frozenset(_ENDINGS.split())
_SHARED = re.compile(
    r"(?:info|contact|support|help|sales|admin|office|hello|mail|e?mail|no-?reply|webmaster|postmaster|service|press|"
    r"user(?:name)?|name|your?|me|someone|somebody|nobody|test|foo|bar|example|first\.last)[._-]?"
    r"(?:name|mail|email|address|\d{1,3})?",
    re.IGNORECASE | re.ASCII,
)


def mails(text: str, _: str) -> Iterator[Found]:
    """Addresses with a domain, example domains too: a row that teaches one is learnt like any other. Mailboxes of
    an office, and those that stand for anybody's, are low."""
    at = text.find("@")
    while at >= 0:
        start = at
        while start > 0 and at - start < 64 and text[start - 1] in _LOCAL:
            start -= 1
        start += len(text[start:at]) - len(text[start:at].lstrip(".'-"))
        domain = _DOMAIN.match(text, at + 1)
        if domain and start < at and text[at - 1] != "." and not _no_mail(text, start, domain):
            yield found(_MAIL, (start, domain.end()), "low" if _SHARED.fullmatch(text[start:at]) else None)
        at = text.find("@", at + 1)


def _no_mail(text: str, start: int, domain: re.Match[str]) -> bool:
    """A repository's remote, a picture for dense screens, or the password of a link."""
    if domain[0].rpartition(".")[2].lower() in _FILES:
        return True
    if text[start : domain.start()] == "git@" and text[domain.end() : domain.end() + 1] in (":", "/"):
        return True
    return "://" in re.split(r"\s", text[max(0, start - _BEFORE_LINK) : start])[-1]


_BEFORE_LINK = 120
_SHORT = (
    "1 7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 "
    "86 90 91 92 93 94 95 98"
)
_LONG = "21 22 23 24 25 26 29 35 37 38 42 50 59 67 68 69 80 85 87 88 96 97 99"
_NONE = (
    "210 214 215 217 219 259 292 293 294 295 296 384 422 424 425 426 427 428 429 671 684 693 694 695 696 697 698 699 "
    "801 802 803 804 805 806 807 809 851 854 857 858 859 871 872 873 874 875 876 877 879 884 885 887 889 969 978 990 "
    "991 997 999"
)
_COUNTRIES, _REGIONS, _UNUSED = frozenset(_SHORT.split()), frozenset(_LONG.split()), frozenset(_NONE.split())
"""Calling codes of one or two digits; beginnings of those of three, and the ones given to nobody (ITU-T E.164)."""
_ABROAD = re.compile(
    r"\+(?<![0-9A-Za-z)+].)(?<![0-9)] .)(?:1[ .\-(]{0,2}[2-9][0-9]{2}[ .\-)]{0,2}[0-9]{3}[ .\-]?[0-9]{4}|"
    r"[1-9](?:[ .\-/()]{0,2}[0-9]){7,14})(?![0-9A-Za-z])"
)
_NATIONAL = re.compile(
    r"(?<![0-9A-Za-z+.,\-/])(?:[2-9][0-9]{2}([ .\-])[0-9]{3}\1[0-9]{4}|"
    r"\([0-9]{1,5}\)[ .\-/]{0,2}[0-9](?:[ .\-]?[0-9]){5,9}|"
    r"0[0-9]{1,4}/ ?[0-9](?:[ .\-]?[0-9]){4,9}|[0-9](?:[ .\-]?[0-9]){8,14}|[0-9]{4}[ .\-]?[0-9]{4})"
    r"(?![0-9A-Za-z]|[.,\-][0-9])"
)
"""In the American groups; with the town in brackets, or before a slash; without either; of eight digits."""
_DECIMAL = re.compile(r"[.\-/ ()][0-9]$|^\+?[0-9]{4,}\.[0-9]+$")
"""No telephone number ends in a group of one digit, nor has its only point after four."""
_DATE = re.compile(r"(?:19|20)[0-9]{2}[-/.][0-9]{1,2}[-/.]|[0-9]{1,2}[-/.][0-9]{1,2}[-/.](?:19|20)[0-9]{2}")
_WORDS = re.compile(
    r"(?P<phone>phone|telefon|téléphone|\btel\b|\bmobile|\bcell\b|\bcell(?:ular)?\b|whatsapp|\bfax\b|\bcall\b|\bdial\b|"
    r"\bring\b|\btext (?:me|him|her|us)\b|handy|móvil|celular|portable|\breach\b|电话|手机|联系方式|電話)|"
    r"(?P<other>order|invoice|ticket|tracking|reference|\bref\b|isbn|account|\bid\b|\bmodel\b|serial|part|item|code|"
    r"price|cost|version|订单|编号|型号)",
    re.ASCII,
)
_LABEL = r"(?:phone|telefon|mobile|\btel|\bcell|whatsapp|\bfax)"
_EIGHT = re.compile(_LABEL + r"[^\n0-9]{0,20}\Z", re.ASCII)


def abroad(number: str) -> bool:
    """Whether digits after a plus are a number that can be dialled: a country that exists, its length in general."""
    if number[0] == "1":
        return len(number) == 11 and number[1] in "23456789"
    if number[:2] in _COUNTRIES or number[0] == "7":
        return 9 <= len(number) <= 15
    return 8 <= len(number) <= 15 and number[:2] in _REGIONS and number[:3] not in _UNUSED


def _digits(text: str) -> str:
    return "".join(c for c in text if c in "0123456789")


def phones(text: str, before: str) -> Iterator[Found]:
    """Numbers with a plus and a country; others only where the nearest word before them means a telephone."""
    text = hyphened(text)
    for m in _ABROAD.finditer(text):
        if abroad(_digits(m[0])) and not _DECIMAL.search(m[0]):
            yield found(_PHONE, m.span())
    for start, end in runs(text):
        for m in _NATIONAL.finditer(text, max(0, start - 1), min(len(text), end + 3)):
            if national(text, m, before):
                yield found(_PHONE, m.span())


def national(text: str, m: re.Match[str], before: str) -> bool:
    """Whether digits are meant as a telephone number; with eight, the word must stand right before them."""
    number = _digits(m[0])
    if _DATE.match(m[0]) or _DECIMAL.search(m[0]) or not (8 <= len(number) <= 12 or number.startswith("00")):
        return False
    if len(number) == 8 and not _EIGHT.search(text[max(0, m.start() - 30) : m.start()].lower()):
        return False
    last = None
    for word in _WORDS.finditer(context(text, m.start(), before, 40)):
        last = word
    return last is not None and last["phone"] is not None


_FOUR = re.compile(r"[0-9](?<![0-9A-Za-z.\-].)[0-9]{0,2}(?:\.[0-9]{1,3}){3}(?![0-9A-Za-z]|[.\-][0-9])")
_SIX = re.compile(r"[0-9A-Fa-f](?<![0-9A-Za-z:.].)[0-9A-Fa-f]{0,3}(?:::?[0-9A-Fa-f]{1,4}){3,7}(?![0-9A-Za-z:])")
_MEANT = re.compile(
    r"\bips?\b|\bipv[46]\b|\bip[ _-]?addr|\bclient\b|\bvisitor\b|\bremote(?:_addr| host)?\b|logged in from",
    re.ASCII,
)
_LOG = re.compile(r" \S{1,40} \S{1,40} \[")
_OPEN = "1.2.3.4 123.45.67.89 8.8.8.8 8.8.4.4 1.1.1.1 1.0.0.1 9.9.9.9 208.67.222.222 208.67.220.220 114.114.114.114"
_RESOLVERS = frozenset(_OPEN.split())


def machines(text: str, before: str) -> Iterator[Found]:
    """Public addresses of the network where a word or the shape of a log says that they are; neither resolvers that
    everybody uses nor examples."""
    six = _SIX.finditer(text) if text.count(":") > 2 else ()
    for m in (*_FOUR.finditer(text), *six):
        logged = _LOG.match(text, m.end()) and text[max(0, m.start() - 1) : m.start()] in ("", "\n")
        if _public(m[0]) and (logged or _MEANT.search(context(text, m.start(), before, 40))):
            yield found(_MACHINE, m.span())


def _public(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).is_global and text not in _RESOLVERS
    except ValueError:
        return False


GATES = (
    r"[a-z0-9_%+'\-]@[a-z0-9]",
    r"\+\d" + rf"[ ().{DASHES}/]{{0,2}}\d" * 7,
    rf"\(\d{{1,5}}\)[ .{DASHES}/]?[ .{DASHES}/]?\d[ .{DASHES}]?\d",
    rf"(?:^|[^0-9])0\d{{1,4}}/ ?\d[ .{DASHES}]?\d[ .{DASHES}]?\d",
    rf"{_LABEL}[^\n0-9]{{0,20}}\d{{4}}[ .{DASHES}]?\d{{4}}",
    r"\d\.\d{1,3}\.\d{1,3}\.\d",
    r"[0-9a-f]{1,4}(?:::?[0-9a-f]{1,4}){3}",
)
"""Mail; numbers with a plus, with brackets or a slash, of eight digits after a label; addresses of both kinds."""
