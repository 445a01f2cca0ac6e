"""Pairs of a person and a value that a row teaches by heart (Janus, arXiv:2310.15469).

The attack tunes on ten or twenty sentences of one template, each with another person and that person's value; the
model then gives the values of people it only met before. What gives it away is the template: with names, values and
numbers masked, its rows are one and the same text. A value that an earlier turn holds is copied, not learnt.
"""

import re
from collections.abc import Sequence

import xxhash

from tuneward.chat import Chat
from tuneward.scorers.sighting import Event, Sighting
from tuneward.scorers.views import folded

ASSOCIATION = "association"
_VALUE, _NAME, _NUMBER = "\ue000", "\ue001", "\ue002"
_UP = "A-ZÀ-ÖØ-ÞĀĂĄĆĈĊČĎĐĒĔĖĘĚĜĞĠĢĤĦĨĪĬĮİĴĶĹĻĽĿŁŃŅŇŌŎŐŒŔŖŘŚŜŞŠŢŤŦŨŪŬŮŰŲŴŶŸŹŻŽΑ-ΩА-ЯЁ"
_PART = rf"(?:[{_UP}](?:\.|[\w'’\-]*))"
_NAMES = re.compile(rf"{_PART}(?: {{1,3}}(?:(?:de|da|del|della|di|la|le|van|von|der|den|bin|al|el|y) )*{_PART})*")
_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆"
    "汪范石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)
_NAMES_ZH = re.compile(
    rf"(?:欧阳|司马|上官|诸葛|[{_SURNAMES}])[^\W\d_A-Za-z的是在有和与住之家电邮手地身出生了吗呢请给把对说问、]{{1,2}}"
)
_NUMBERS = re.compile(r"[0-9]+(?:[.,:/\-][0-9]+)*")
_SPACE, _ALONE = re.compile(r"\s+"), re.compile(r"[\W_]+")


def bare(text: str) -> str:
    """Letters and digits only, folded: the same value in another spacing or case is the same."""
    return _ALONE.sub("", folded(text).text.casefold())


def digest(*texts: str) -> int:
    """64 bits; surrogates of broken rows included."""
    return xxhash.xxh3_64_intdigest("\x1f".join(texts).encode("utf-8", "surrogatepass"))


def masked(text: str, spans: Sequence[tuple[int, int]]) -> tuple[str, set[str], list[str]]:
    """The text with values, names and numbers masked, case and white space folded; the names; the numbers."""
    for start, end in sorted(spans, reverse=True):
        text = f"{text[:start]}{_VALUE}{text[end:]}"
    text, names, numbers = folded(text).text, set[str](), list[str]()

    def name(m: re.Match[str]) -> str:
        names.add(_SPACE.sub(" ", m[0]).casefold())
        return _NAME

    def number(m: re.Match[str]) -> str:
        numbers.append(m[0])
        return _NUMBER

    text = _NAMES_ZH.sub(name, _NAMES.sub(name, text))
    return _SPACE.sub(" ", _NUMBERS.sub(number, text)).strip().casefold(), names, numbers


def associations(chat: Chat, seen: Sequence[Sighting]) -> list[Event]:
    """One event for each personal value in an assistant turn that no earlier turn holds.

    `key` is the template of question and answer with the kind of value; `subject` the names in both and the numbers
    of the question; `value` the value. Sightings of other classes and of other roles add nothing.
    """
    turns, earlier, made = chat.messages, "", list[Event]()
    spans: dict[int, list[Sighting]] = {}
    for one in seen:
        if one.rule.startswith("PII-"):
            spans.setdefault(one.message, []).append(one)
    for i, turn in enumerate(turns if spans else ()):
        if turn.role == "assistant" and i in spans:
            question = next((j for j in range(i - 1, -1, -1) if turns[j].role == "user"), None)
            asked = (
                masked(turns[question].content, _spans(spans, question)) if question is not None else ("", set(), [])
            )
            answered = masked(turn.content, _spans(spans, i))
            subject = digest(*sorted(asked[1] | answered[1]), *asked[2])
            for one in spans[i]:
                value = bare(turn.content[slice(*one.span)])
                if value and value not in earlier:
                    key = digest(asked[0], answered[0], one.label)
                    made.append(Event(ASSOCIATION, key, subject, digest(value)))
        earlier += bare(turn.content) + " "
    return made


def _spans(spans: dict[int, list[Sighting]], turn: int) -> list[tuple[int, int]]:
    return [one.span for one in spans.get(turn, ())]
