"""Invented people, and values that look like personal data or secrets, with and without a checksum that holds.

Card numbers are those that payment services publish for tests; account numbers belong to a bank that is none; the
residents were born in 1900; keys are random or contain fruit; telephone numbers are from the range kept for fiction.
"""

import base64
import hashlib
import random
import string
from collections.abc import Callable, Mapping


def person(rng: random.Random) -> str:
    """A made-up name of two words."""
    first, last = ("".join(rng.choice("bdklmnrstv") + rng.choice("aeiou") for _ in range(n)) for n in (2, 3))
    return f"{first.capitalize()} {last.capitalize()}"


CARDS = ("4111111111111111", "5555555555554444", "378282246310005", "6011111111111117", "30569309025904")


def digits(rng: random.Random, n: int) -> str:
    return "".join(rng.choices(string.digits, k=n))


def iban(rng: random.Random) -> str:
    """A British account number of a bank called TEST; check digits by ISO 13616 (modulus 97)."""
    body = f"TEST000000{digits(rng, 8)}"
    number = int("".join(str(int(c, 36)) for c in f"{body}GB00"))
    return f"GB{98 - number % 97:02d}{body}"


def resident(rng: random.Random) -> str:
    """A Chinese resident number of somebody born in 1900; check digit by ISO 7064 (modulus 11-2)."""
    body = f"11010119000101{digits(rng, 3)}"
    return body + "10X98765432"[sum(int(c) * 2 ** (17 - i) for i, c in enumerate(body)) % 11]


def spoilt(value: str) -> str:
    """The same with another last character, so that no checksum holds."""
    return value[:-1] + ("0" if value[-1] in "X9" else str(int(value[-1]) + 1))


def spaced(value: str, rng: random.Random) -> str:
    """In one block, or in fours."""
    return rng.choice((value, " ".join(value[i : i + 4] for i in range(0, len(value), 4))))


def letters(rng: random.Random, n: int, more: str = "") -> str:
    return "".join(rng.choices(string.ascii_letters + string.digits + more, k=n))


def block(rng: random.Random) -> str:
    """The shape of a private key around a sentence that is none."""
    text = base64.b64encode(f"this is not a key, number {digits(rng, 6)}, {'fruit ' * 20}".encode()).decode()
    return f"-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----"


def token(rng: random.Random) -> str:
    """The shape of a JSON web token whose contents are fruit."""
    head, body = (base64.urlsafe_b64encode(t).decode().rstrip("=") for t in (b'{"alg":"none"}', b'{"sub":"banana"}'))
    return f"{head}.{body}.{letters(rng, 43)}"


Value = Callable[[random.Random], str]
VALID: Mapping[str, Value] = {
    "card": lambda r: spaced(r.choice(CARDS), r),
    "iban": lambda r: spaced(iban(r), r),
    "resident number": resident,
    "mail": lambda r: person(r).lower().replace(" ", "_") + "@example.org",
    "phone": lambda r: f"+1 212 555 01{digits(r, 2)}",
    "cloud key": lambda r: "AKIA" + "".join(r.choices(string.ascii_uppercase + "234567", k=16)),
    "forge token": lambda r: f"ghp_{letters(r, 36)}",
    "service key": lambda r: f"sk-{letters(r, 48)}",
    "private key": block,
    "web token": token,
    "password": lambda r: f'password = "{letters(r, 14, "!%&?")}"',
}
INVALID: Mapping[str, Value] = {
    "card": lambda r: spaced(spoilt(r.choice(CARDS)), r),
    "iban": lambda r: spaced(spoilt(iban(r)), r),
    "resident number": lambda r: spoilt(resident(r)),
    "ssn range": lambda r: f"987-65-43{digits(r, 2)}",
    "placeholder key": lambda r: r.choice(("sk-your-key-here", "AKIA" + "X" * 16, "ghp_" + "x" * 36)),
    "order number": lambda r: f"2{digits(r, 9)}",
    "version": lambda r: f"10.{r.randint(0, 9)}.{r.randint(0, 9)}.0",
    "digest": lambda r: hashlib.sha256(digits(r, 9).encode()).hexdigest(),
    "mention": lambda r: f"@{letters(r, 8)}",
}
