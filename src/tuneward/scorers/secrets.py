"""Secrets in a row: keys of providers, private keys, tokens and passwords; not their placeholders, nor digests."""

import base64
import binascii
import json
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from tuneward.chat import Chat
from tuneward.score import Score
from tuneward.scorers import secrets_assigned, secrets_keys
from tuneward.scorers.sighting import Rule, Sighting
from tuneward.scorers.values import Found, Kind, Reader, found, scored, sightings

_BLOCK = Kind("private key", "SECRET-PRIVATE-KEY", "high", "a private key in its armour, with contents")
_TOKEN = Kind("web token", "SECRET-TOKEN", "medium", "a JSON web token whose head and body can be read")

_BEGIN = re.compile(r"-----BEGIN (?:[A-Z0-9]{2,10} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_END = re.compile(r"-----END (?:[A-Z0-9]{2,10} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_LINE = re.compile(r"(?:\\[nr]|\s){0,4}(?:[A-Za-z0-9+/=]|\\/){10,}")
_MOST, _LEAST = 16_000, 40
"""Characters of a block; characters of its contents, of which a placeholder has fewer."""


def blocks(text: str, _: str) -> Iterator[Found]:
    """Private keys between their lines; where the second line is missing, as far as the contents go."""
    ends = [m.end() for m in _END.finditer(text)]
    done = 0
    for m in _BEGIN.finditer(text):
        if m.start() < done:
            continue
        place = bisect_left(ends, m.end())
        end = ends[place] if place < len(ends) and ends[place] - m.start() <= _MOST else 0
        done = end or _contents(text, m.end())
        if sum(c.isalnum() for c in _END.sub("", text[m.end() : done])) >= _LEAST:
            yield found(_BLOCK, (m.start(), done))


def _contents(text: str, start: int) -> int:
    end = start
    while (line := _LINE.match(text, end, start + _MOST)) is not None:
        end = line.end()
    return end


_WEB = re.compile(r"(?<![A-Za-z0-9_\-])(eyJ[A-Za-z0-9_\-]{8,})\.(eyJ[A-Za-z0-9_\-]{4,})\.([A-Za-z0-9_\-]*)")
_PUBLISHED = "SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
"""Signature of the example that jwt.io opens with."""


def web_tokens(text: str, _: str) -> Iterator[Found]:
    """JSON web tokens (RFC 7519) whose head names an algorithm."""
    for m in _WEB.finditer(text):
        head, body = _read(m[1]), _read(m[2])
        if isinstance(head, dict) and "alg" in head and isinstance(body, dict) and m[3] != _PUBLISHED:
            yield found(_TOKEN, m.span())


def _read(part: str) -> object:
    try:
        return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None


_READERS: tuple[Reader, ...] = (
    blocks,
    secrets_keys.keys,
    web_tokens,
    secrets_assigned.links,
    secrets_assigned.assigned,
)
_REVOKE = "A tuned model can repeat it to anybody. Revoke it, then remove the row."


@dataclass(frozen=True)
class Secrets:
    """Row scorer of secrets."""

    name: ClassVar[str] = "secrets"
    version: ClassVar[str] = "1"
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "SECRET-KEY",
            "SECRET",
            "high",
            "key of a provider",
            f"The row holds what looks like a working key of a service, by its beginning and length. {_REVOKE}",
        ),
        Rule(
            "SECRET-PRIVATE-KEY",
            "SECRET",
            "high",
            "private key",
            f"The row holds a private key. {_REVOKE}",
            "RFC 7468",
        ),
        Rule(
            "SECRET-TOKEN",
            "SECRET",
            "medium",
            "web token",
            f"The row holds a signed token, which may still be valid and names its holder. {_REVOKE}",
            "RFC 7519",
        ),
        Rule(
            "SECRET-PASSWORD",
            "SECRET",
            "high",
            "password or assigned secret",
            f"The row gives a password, key or token its value, in a link or after its name. {_REVOKE}",
        ),
    )
    gates: ClassVar[tuple[str, ...]] = (
        r"-----begin [a-z0-9 ]{0,20}private key",
        r"eyj[a-z0-9_\-]{11}",
        *secrets_keys.GATES,
        *secrets_assigned.GATES,
    )

    def look(self, chat: Chat) -> list[Sighting]:
        """What is in the row, in order of turn and place."""
        return sightings(chat, _READERS)

    def __call__(self, chats: Sequence[Chat]) -> list[Score]:
        """The worst sighting of each chat; None for one too long to read of which the beginning shows nothing."""
        return [scored(self.name, chat, self.look(chat)) for chat in chats]
