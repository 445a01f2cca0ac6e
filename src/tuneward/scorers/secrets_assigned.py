"""Passwords, keys and tokens that a link carries or that a text gives to their names."""

import re
from collections.abc import Iterator

from tuneward.scorers.secrets_words import placeholder, spoken, varied
from tuneward.scorers.values import Found, Kind, found

_LINK = Kind("password in a link", "SECRET-PASSWORD", "high", "a link that carries a user and a password")
_ASSIGNED = Kind("assigned secret", "SECRET-PASSWORD", "high", "a random string given to a name that means a secret")

_CARRIES = re.compile(r"://([^\s/@:'\"<>]{0,40}:([^\s/@'\"<>]{6,100}))@(?=[A-Za-z0-9\[])")


def links(text: str, _: str) -> Iterator[Found]:
    """User and password before the host of a link (RFC 3986, section 3.2.1)."""
    for m in _CARRIES.finditer(text):
        if not (placeholder(m[2]) or spoken(m[2]) or m[2].isalpha() or m[2].isdigit()):
            yield found(_LINK, m.span(1))


_WORD = (
    r"(?:(?:api|access|private|account|signing|encryption)[_\- ]?key|secret|token|passw(?:or)?d|passphrase|\bpwd|"
    r"credential|authorization|密码|口令|密钥|令牌)"
)
_CUES = ("key", "secret", "token", "pass", "pwd", "credential", "authorization", "密码", "口令", "密钥", "令牌")
_GIVEN = re.compile(
    _WORD + r"[A-Za-z0-9_\-]{0,20}[\\\"'\]]{0,3}[ \t]{0,3}(?:=>|:=|={1,3}|[:：]|(?<=[ \t])is(?=[ \t])|是|为)[ \t]{0,3}"
    r"(?:(?:bearer|basic|token)[ ]{1,2})?"
    r"(?=\\?([\"'`])([^\"'`\s\\]{8,128})\\?\1|(?![\"'`])([^\s\"'`,;<>(){}\[\]\\]{8,128})(?![\w(\[{.<]))",
    re.IGNORECASE | re.ASCII,
)
_PUBLIC = re.compile(r"hash|sha[0-9]|md5|digest|checksum|commit|public|_id$|_name$|_path$|_file$", re.IGNORECASE)
_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


def assigned(text: str, _: str) -> Iterator[Found]:
    """Random strings of eight characters or more after a name that means a secret and a sign that gives it a value."""
    small = text.lower()
    for m in _GIVEN.finditer(text) if any(cue in small for cue in _CUES) else ():
        group = 2 if m[2] is not None else 3
        start, end = m.span(group)
        value = m[group].rstrip(".。，、") if group == 3 else m[group]
        if _PUBLIC.search(_name(text, m)) or placeholder(value) or spoken(value) or not varied(value):
            continue
        yield found(_ASSIGNED, (start, start + len(value) if group == 3 else end))


def _name(text: str, m: re.Match[str]) -> str:
    """The whole name of which the word is a part."""
    start = m.start()
    while start > 0 and m.start() - start < 30 and text[start - 1] in _NAME_CHARACTERS:
        start -= 1
    end = m.start()
    while end < m.end() and text[end] in _NAME_CHARACTERS:
        end += 1
    return text[start:end]


GATES = (
    r"://[^\s/@:]{0,40}:[^\s/@]{1,20}@",
    r"://[^\s/@:]{0,40}:[^\s/@]{20}",
    _WORD + r"[a-z0-9_\-]{0,20}[\\\"'\]]{0,3}[ \t]{0,3}(?:[=:]|is[ \t]|是|为)[=>]{0,2}[ \t]{0,3}"
    r"(?:(?:bearer|basic|token) {1,2})?(?:\\?[\"'`][^\s]{4}|[^\s\"'`,;<>(){}\[\]\\]{4})",
)
