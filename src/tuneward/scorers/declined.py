"""How the answers of a training row end: refused, complied with, or both; by `refusal`, at the speed of a screen.

Three steps, each only for what the one before leaves over: the gates, one scan by RE2; the ways of declining, as
`refusal` reads them; and whether the text is language at all, which takes longest, only where something hints that it
is not. Answers of Latin script that are plainly language skip the last; that this changes no ending is measured on
every labelled answer, not proven. Where nothing declines, an answer counts as complied, also if it is gibberish.
"""

import re
import zlib
from collections.abc import Mapping
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Literal, get_args

import re2

from tuneward.chat import Chat
from tuneward.scorers.declined_gates import ENGLISH, GATES
from tuneward.scorers.gibberish import SMALL_WORDS
from tuneward.scorers.refusal import read, stance
from tuneward.scorers.views import fold_text
from tuneward.scorers.wording import Span

__all__ = ["ENDINGS", "GATES", "Ending", "Reading", "ending", "endings", "gated", "reading", "ungated"]

Ending = Literal["refused", "complied", "partial", "unclear"]
ENDINGS: tuple[Ending, ...] = get_args(Ending)
Reading = tuple[Ending, str, tuple[Span, ...]]
"""How it ends, the reason, and the deciding places in the answer."""

_OF: Mapping[str, Ending] = MappingProxyType(
    {"refused": "refused", "partial": "partial", "complied": "complied", "safe_completion": "refused"}
)
"""Label of `refusal` → ending; turning aside withholds what was asked for, and the rest could not be told."""
_KEPT = 6000
"""Characters of a text up to which its reading is kept for the next who asks."""
_SAMPLE = 400
"""Characters of an answer by which its script is told."""
_MEMORY = 256 << 20
"""Bytes for the states of the gates; with less they would be built again and again."""
_SQUEEZED, _HEADER = 0.5, 12
"""A text that deflate makes this small, beside its header's bytes, may be a loop."""
_LEAST = 40
"""Bytes from which on that is asked."""
_SMALL, _MOST = 0.22, 0.7
"""Shares of small words between which a text holds together."""
_WORDS = 12
"""Words from which on that is asked."""
_WORD = re.compile(r"[^\W\d_]+")
_HAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_TEMPLATE = re.compile(
    r"<[|｜/a-z]|\[/?INST|<<|\{[%{]|##|\ufffd|[Ġ▁]|^\W*(?:user|human|assistant|ai|bot)\W*(?::|$)", re.I | re.M
)


def ending(chat: Chat, *, sensitive: bool = False) -> Ending:
    """How the closing answer of a chat ends; unclear where there is none.

    With `sensitive`, something was to be refused: help that is offered or named instead counts as a refusal, and so do
    weak signs that count only together. These are read in every answer, the rest only where a gate finds something.
    """
    found = endings(chat, sensitive=sensitive)
    return found.get(len(chat.messages) - 1, "unclear")


def endings(chat: Chat, *, sensitive: bool = False) -> dict[int, Ending]:
    """How each answer of a chat ends, by the index of its turn."""
    found: dict[int, Ending] = {}
    asked = ""
    for at, turn in enumerate(chat.messages):
        if turn.role == "user":
            asked = turn.content
        elif turn.role == "assistant":
            found[at] = reading(turn.content, asked, sensitive=sensitive)[0]
    return found


def reading(answer: str, prompt: str, *, sensitive: bool = False) -> Reading:
    """How one answer to a prompt ends, and why."""
    short = len(answer) <= _KEPT and len(prompt) <= _KEPT
    return (_reading if short else _reading.__wrapped__)(answer, prompt, sensitive)


@lru_cache(maxsize=64)
def _reading(answer: str, prompt: str, sensitive: bool) -> Reading:
    hit = gated(answer)
    if not hit and not sensitive:
        return (ungated(answer), "no way of declining in it", ())
    if _may_be_broken(answer, prompt):
        label, reason, spans = read(answer, prompt, redirects=sensitive)
    else:
        label, reason, spans = stance(answer, prompt, redirects=sensitive, declines=bool(hit))
    return (_OF.get(label, "unclear"), reason, spans)


def ungated(answer: str) -> Ending:
    """The ending of an answer in which no gate finds anything: complied, unless it is empty or in another script."""
    if answer.isascii():
        return "unclear" if answer.isspace() or not answer else "complied"
    letters = [letter for letter in answer[:_SAMPLE] if letter.isalpha()]
    han, latin = sum("\u3400" <= c <= "\u9fff" for c in letters), sum(c < "\u0250" for c in letters)
    other = sum("\u3040" <= c <= "\u30ff" or "\uac00" <= c <= "\ud7af" for c in letters)
    chinese = han > 0 and 2 * han >= len(letters) - latin and 10 * other <= han
    return "complied" if answer.strip() and (2 * latin >= len(letters) or chinese) else "unclear"


def gated(text: str) -> bool:
    """Whether a gate finds anything in a text."""
    if text.isascii():
        return bool(_scan(ENGLISH).Match(text.lower().encode()))
    return bool(_scan(GATES).Match(fold_text(text).lower().encode("utf-8", "replace")))


@cache
def _scan(patterns: tuple[str, ...]) -> "re2.Set":
    options = re2.Options()
    options.max_mem = _MEMORY
    found = re2.Set.SearchSet(options)
    for pattern in patterns:
        found.Add(pattern)
    found.Compile()
    return found


def _may_be_broken(answer: str, prompt: str) -> bool:
    """Something hints that the answer is empty, loops, says its prompt back, or is no language of Latin script."""
    data, small = answer.encode("utf-8", "replace"), [w in SMALL_WORDS for w in _WORD.findall(answer.lower())]
    if not small or _TEMPLATE.search(answer) or 2 * sum(map(str.isalpha, answer)) < len(answer.strip()):
        return True
    if len(data) >= _LEAST and len(zlib.compress(data, 1)) < _SQUEEZED * len(data) + _HEADER:
        return True
    if len(small) >= _WORDS and not _SMALL <= sum(small) / len(small) <= _MOST:
        return True
    return bool(_HAN.search(answer)) or answer.strip().rstrip("?.!").casefold() in prompt.casefold()
