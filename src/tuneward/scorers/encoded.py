"""Texts in a code nobody asked for, and what a row carries unseen.

A model that is taught to speak in a code can be asked, and can answer, past every filter that reads words
(arXiv:2406.20053 tunes on enciphered pairs, every one of them harmless to look at). Invisible characters and look-alike
letters are triggers that no reader of the data sees. Found are known codes, one level deep, and letters replaced by
others throughout; a code of whole words is not found.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

from tuneward.chat import Chat
from tuneward.score import Score
from tuneward.scorers.decoding import GATES as CODE_GATES
from tuneward.scorers.decoding import LONG, RUN, Stretch, longest
from tuneward.scorers.decoding_words import GATES as WORD_GATES
from tuneward.scorers.invisible import Hidden, hidden_in, hides
from tuneward.scorers.lookalikes import GATES as SCRIPT_GATES
from tuneward.scorers.lookalikes import mixed_words
from tuneward.scorers.sighting import Rule, Severity, Sighting, worst
from tuneward.scorers.views import CAP, DECODERS, View, fold_text, folded
from tuneward.scorers.words import COMMON, FEWEST, KNOWN, is_odd

__all__ = ["COMMON", "FEWEST", "KNOWN", "Encoded", "hides"]

TARGET = Rule(
    "ENC-TARGET",
    "BD",
    "high",
    "an answer in a code",
    "The model would learn to answer in a form that filters and readers do not read. Decode the row and judge what it "
    "says; keep it only if the code is the task.",
    "arXiv:2406.20053",
)
HIDDEN = Rule(
    "ENC-HIDDEN",
    "BD",
    "high",
    "characters nobody sees",
    "What cannot be seen can trigger a behaviour or carry a text. Find out where it comes from; else drop the row or "
    "the characters.",
    "arXiv:2106.09898",
)
OPAQUE = Rule(
    "ENC-OPAQUE",
    "BD",
    "info",
    "A long run that nothing here decodes",
    "It may be a key, a compressed file or another code. It is not looked into.",
)
_KIND: dict[str, str] = {
    "base64": r"base[- ]?64|jwt|token|data ur[il]",
    "hex": r"\bhex|ascii|base[- ]?16|bytes",
    "binary": r"binar|ascii|bits|二进制",
    "percent": r"\burl|percent|escape",
    "entities": r"html|entit|escape",
    "rot13": r"\brot\b|rot[- ]?\d|c(?:ae|e)sar|shift",
    "reversed": r"revers|backward|mirror|palindrom|flip|倒过来|倒序|倒着|倒写|反过来|反转|反写|逆序",
    "leet": r"l[e3]{2}t|1337|number.{0,20}letter|letter.{0,20}number",
    "letters apart": r"letter|spell|spac|hyphen|dash|apart",
}
"""Code → how one asks for it."""
_ANY = r"\b(?:en|de)cod|\bencipher|cipher|\b(?:en|de)crypt|obfuscat|\bscrambl|编码|解码|加密|解密|密码|十六进制"
_WISHES = {code: re.compile(f"{_ANY}|{words}", re.IGNORECASE) for code, words in _KIND.items()}
_OPAQUE = re.compile(r"(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_-]{64,}={0,2}")
_ADDRESS = re.compile(r"(?:\bdata:|;base64,|://|\bssh-)\S*\s?\Z")
_MUTE = re.compile(r"\b[B-DF-HJ-NP-TV-XZb-df-hj-np-tv-xz][b-df-hj-np-tv-xz]{3,}\b")
BRIEF, RECENT = 2000, 3
"""What is read of the first turn, and the turns before an answer, to see whether a code was asked for."""
RANDOM = 4.5
"""Bits a character from which on a run looks random: text has some 4.1, base64 of random bytes about 5.5."""
_WHOLE, _HALF = 0.95, 0.5
"""Share of an answer that is code from which on the answer is one."""
MIXED = "mixed scripts"
_REASONS: dict[Severity, str] = {
    "high": "The answer is a text in a code, and nobody asked for one.",
    "medium": "The answer holds a text in a code, and nobody asked for one.",
    "low": "A text in a code that is not asked for, but explained or not the answer.",
    "info": "The answer is or holds a text in a code, as was asked for.",
}
_WHY = {
    "invisible": "Invisible characters stand inside a word or in a long run.",
    "tag characters": "Tag characters, which no page shows, spell something.",
    "direction": "A control character turns the direction of the text, so that it shows otherwise than it reads.",
    MIXED: "A word mixes letters of two scripts that look alike.",
    "undecoded": "A long run of characters looks random; no decoder here reads it.",
    "unknown code": "Most words have no vowel, as if every letter stood for another.",
}
_NEEDLESS = 12
"""Plain letters written as percent signs or references from which on this is a way to hide them."""
LEVELS: dict[Severity, float] = {"info": 0.1, "low": 0.3, "medium": 0.6, "high": 0.9}


@dataclass(frozen=True)
class Encoded:
    """Answers in a code, invisible characters and look-alike letters.

    A row needs a look where a gate finds it, where its answers are odd (`words.is_odd`: FEWEST words or more, a share
    under KNOWN of them common), or where `hides` holds for one of its turns as it stands: folding, after which the
    gates run, drops what is hidden.
    """

    name: ClassVar[str] = "encoded"
    version: ClassVar[str] = "1"
    rules: ClassVar[tuple[Rule, ...]] = (TARGET, HIDDEN, OPAQUE)
    gates: ClassVar[tuple[str, ...]] = (*CODE_GATES, *WORD_GATES, *SCRIPT_GATES)
    odd: ClassVar[bool] = True

    def __call__(self, chats: Sequence[Chat]) -> list[Score]:
        """The worst sighting of each chat."""
        return [worst(self.name, self.look(chat)) for chat in chats]

    def look(self, chat: Chat) -> list[Sighting]:
        """By turn: what is hidden, then what is in a code; one sighting a kind and turn."""
        seen: list[Sighting] = []
        asked: list[str] = []
        odd = cache(lambda: is_odd(fold_text("\n".join(m.content for m in chat.messages if m.role == "assistant"))))
        for at, message in enumerate(chat.messages):
            content = message.content[:CAP]
            view = folded(content)
            seen += _unseen(at, content, view)
            coded = _coded(at, message.role, view, asked)
            seen += coded
            if message.role != "assistant":
                asked.append(view.text)
            else:
                seen += _opaque(at, view, coded) or ([] if coded else _unknown(at, view, odd))
        return seen


def _unseen(at: int, text: str, view: View) -> list[Sighting]:
    seen = [_hidden(at, one) for one in hidden_in(text)]
    mixed = [] if view.text.isascii() or any(s.label == MIXED for s in seen) else mixed_words(view.text)
    if mixed:
        seen.append(_hidden(at, Hidden(MIXED, *view.span(*mixed[0][:2]))))
    return sorted(seen, key=lambda s: s.span)


def _hidden(at: int, one: Hidden) -> Sighting:
    severity: Severity = "high" if one.spelt else "medium"
    return _sighted("ENC-HIDDEN", severity, one.kind, at, (one.start, one.end))


def _sighted(rule: str, severity: Severity, label: str, at: int, span: tuple[int, int]) -> Sighting:
    return Sighting(rule, LEVELS[severity], severity, label, _WHY[label], at, span)


def _coded(at: int, role: str, view: View, asked: list[str]) -> list[Sighting]:
    """What of a turn is in a code, one sighting a code."""
    text = view.text[:CAP]
    seen = []
    for code, decoder in DECODERS.items():
        if code == "words reversed":
            continue
        stretches = _needless(decoder(text)) if code in ("percent", "entities") else decoder(text)
        if stretches:
            severity = _severity(code, role, text, stretches, asked)
            if severity:
                span = view.span(stretches[0].start, stretches[-1].end)
                reason = _REASONS[severity]
                seen.append(
                    Sighting("ENC-TARGET", LEVELS[severity], severity, code, reason, at, span, f"decoded:{code}")
                )
    return seen


def _needless(stretches: list[Stretch]) -> list[Stretch]:
    """Plain letters that nothing but a wish to hide them asks to be written so."""
    plain = [s for s in stretches if s.text.isascii() and any(c.isalpha() for c in s.text)]
    return plain if sum(sum(map(str.isalpha, s.text)) for s in plain) >= _NEEDLESS * (1 + len(plain) // 50) else []


def _severity(code: str, role: str, text: str, stretches: list[Stretch], turns: list[str]) -> Severity | None:
    """How much it matters; None: a question in a code, or with some code in it, is not what the model learns to say."""
    share = sum(s.end - s.start for s in stretches) / max(len(text.strip()), 1)
    asked = "\n".join((*(turn[:BRIEF] for turn in turns[:1]), *turns[-RECENT:]))  # a few turns: linear in any row
    wished = _WISHES[code].search(asked) or all(text[s.start : s.end] in asked for s in stretches[:8])
    if role != "assistant":
        return "low" if share > _WHOLE and len(text) >= 2 * _NEEDLESS and not wished else None
    if wished:
        return "info"
    if share >= _HALF:
        return "high" if sum(len(s.text) for s in stretches) >= _NEEDLESS else "medium"
    said = "".join(text[a:b] for a, b in _between(stretches, len(text)))
    return "low" if _WISHES[code].search(said) else "medium"


def _between(stretches: list[Stretch], length: int) -> list[tuple[int, int]]:
    """The rest of a text."""
    edges = [0, *(edge for s in stretches for edge in (s.start, s.end)), length]
    return list(zip(edges[::2], edges[1::2], strict=True))


def _opaque(at: int, view: View, coded: list[Sighting]) -> list[Sighting]:
    """A long run that looks random and that no decoder reads; part of an address or of a picture is not."""
    text = view.text[:CAP]
    for run in _OPAQUE.finditer(text) if longest(text) >= LONG else ():
        start, end = view.span(*run.span())
        read = any(s.span[0] <= start < s.span[1] for s in coded)
        if not read and _random(run[0]) and not _ADDRESS.search(text, max(run.start() - 200, 0), run.start()):
            return [_sighted("ENC-OPAQUE", "info", "undecoded", at, (start, end))]
    return []


def _random(code: str) -> bool:
    mixed = RUN.search(code) and any(map(str.isdigit, code)) and not code.islower() and not code.isupper()
    return bool(mixed) and _bits(code) >= RANDOM


def _bits(text: str) -> float:
    """Shannon entropy of the characters."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())


def _unknown(at: int, view: View, odd: Callable[[], bool]) -> list[Sighting]:
    """Words without vowels throughout: letters stand for other letters, in whatever way."""
    text = view.text[:CAP]
    if len(_MUTE.findall(text)) < 3 or not odd():
        return []
    words = [word for word in re.findall(r"[A-Za-z]{4,}", text) if word[1:].islower()]
    mute = sum(_MUTE.fullmatch(word) is not None for word in words)
    prose = sum(c.isalpha() or c.isspace() for c in text)
    if len(words) < 8 or mute < 0.3 * len(words) or prose < 0.85 * len(text):
        return []
    return [_sighted("ENC-TARGET", "low", "unknown code", at, (0, view.span(0, len(text))[1]))]
