"""Who is spoken of, and how seriously: what `obedience` asks of a sentence before it looks for signs (house method)."""

import re
from collections.abc import Callable

from tuneward.scorers.obedience_zh import SIMPLIFIED, TRADITIONAL

HEAD, TAIL, SYSTEM = 600, 300, 20_000
"""Characters read at the beginning and end of a user or assistant turn, and of a system turn."""
LONGEST = 600
"""Characters of a sentence that are read."""
SHORT = 450
"""Characters of a system turn that may be a mere persona."""

_SMALL = str.maketrans({c: c.lower() for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"})
_PLAIN = _SMALL | str.maketrans(TRADITIONAL, SIMPLIFIED)
_HAN = re.compile(r"[\u4e00-\u9fff]")
_BREAK = re.compile(r"\n+|[.!?][\"')\]]*\s+|[。！？]|[!?;](?<=[\u4e00-\u9fff].)")
_QUOTED = re.compile(r"\"[^\"\n]* [^\"\n]* [^\"\n]*\"|“[^”\n]{4,}”|「[^」\n]{4,}」")
_ADDRESS = re.compile(
    r"\b(?:i|i'm|i'll|my|me|mine|you|your|yours|thy|majesty|(?:, |yes |aye |my )(?:sir|master|captain|boss)|sir)\b"
    r"|[我您你]|如下|遵命|已经?办|主人|客官|在此|^是!|,请|一[动歪拔到响按拉推捏喊说敲摇转拍指挥点]"
)
"""An answer speaks of itself or to whom it answers."""
_PAST = re.compile(r"\bi (?:was (?!told)|had|used to|never said)")
_SPOKEN_TO_ZH = re.compile(r"[我你您旨令]|主人|规[则定]")
_ASKING = re.compile(
    r"^\W*(?:how|what|why|who|which|when|where|is|are|do you|does|did|can|could|write|explain|describe|tell me|give"
    r"|translate|compare|imagine|summari[sz]e|list|rewrite|compose|draft|create|generate|classify|name|define|in what"
    r"|read|think of|suggest|exam|our \w+|my (?:boss|manager|dog|friend|wife|husband|teacher|mother|father|son"
    r"|daughter"
    r"|employer|landlord))\b|\?\W*$|^\W*(?:写|解释|翻译|怎[么样]|为什么|什么是|谁|请写|如何|考试)|[吗呢]\W*$|区别"
)
"""A question or a request for a text, in which somebody else may obey."""
_MILD = re.compile(
    r"\bunless\b|\bif (?:it|they|this|that|these) (?:is|are)\b|\bas long as (?:it|they) (?:is|are)\b|\bwithin"
    r" reason\b"
    r"|如果违法|除非|合法"
)
_PROMPT = re.compile(r"\b(?:i will|you will|should|must|please|provide|my first|you can|if (?:someone|the))\b")
"""Words of a prompt that sets a task, in which figures are none."""
_MATTER = re.compile(
    r"\b(?:styles?|formats?|(?:word|length|character|token|time|rate|age) limits?|spelling|grammar|template|schema"
    r"|syntax|regulations?|laws?|gdpr|hipaa|standards?|recipes?|audits?|lending|legal|safety|privacy|polic(?:y|ies)"
    r"|markers?|software|abstract|website|json|code|specified|steps)\b|规范|格式|模板|标准|法律"
)
_USERISH = re.compile(
    r"\b(?:users?|told|whoever|master|owner|person|people|anybody|anyone|holder|orders?|commands?|instructed|wish"
    r"|wishes|guest|customer|nobody)\b|用户|主人|谁"
)
_OF_MATTER = frozenset({"total", "fully", "bound", "free"})
"""Families that a rule of style or law meets as well."""
_FIGURES = frozenset({"thing", "whoever", "moves", "mirror", "nosay"})
_LIKENED = re.compile(
    r"\b(?:think of|see|consider|regard|treat) yourself as\b"
    r"|^you are (?:an?|the|nothing but an?|just an?) (?:\w+ )?\w+[.,:;]"
)
_JOB = re.compile(
    r"\b(?:answer|explain|help|tell|talk|teach|translat|describ|stor(?:y|ies)|customer|guide|find|sort|suggest"
    r"|speaks?\b"
    r"|want\b|likes?\b|loves?\b|know\b|book|write|question|assistant|tutor|coach|complain|laugh|sulk|hint|tale"
    r"|players?\b|child|afraid|lonely|fear|secret|grumbl|naps?\b|riddle|always|code|why about|warn|grade|confirm"
    r"|look it up|announc|joke|greet|recommend|review|debat|advis|interview|chat|convers|narrat"
    r"|return|convert|output|repl(?:y|ies)|format|tip about|names? a|weather)"
    r"|讲|回答|帮|查|翻译|译成|建议|喜欢|爱|怕|抱怨|提醒|引导|故事|确认|打分|推荐|给最早|导航|秘密|生气|唠叨|暗恋|为什么"
)
"""Work to do, or a character: what a persona has that is more than moved."""


def sentences(text: str, role: str) -> list[tuple[int, int]]:
    """Where the sentences of a folded turn stand that are read."""
    if role == "s":
        return _split(text[:SYSTEM], 0)
    if len(text) <= HEAD + TAIL:
        return _split(text, 0)
    return _split(text[:HEAD], 0) + _split(text[-TAIL:], len(text) - TAIL)


def _split(text: str, start: int) -> list[tuple[int, int]]:
    places, at = [], 0
    for m in _BREAK.finditer(text):
        places.append((start + at, start + m.start() + (m[0][0] != "\n")))
        at = m.end()
    places.append((start + at, start + len(text)))
    return [(a, min(b, a + LONGEST)) for a, b in places if b > a]


def simplified(sentence: str, role: str) -> str:
    """A sentence as the signs read it: small letters, simplified characters, without what others are quoted to say."""
    if role != "s":
        sentence = _QUOTED.sub(lambda m: " " * len(m[0]), sentence)
    return sentence.translate(_PLAIN)


def addressed(sentence: str, role: str, place: int) -> bool:
    """Whether the model is spoken of: otherwise the world may be described. `place` counts sentences."""
    if role == "a":
        brief = place < 3 and sentence.count(" ") < 8 and not _HAN.search(sentence)
        return bool((_ADDRESS.search(sentence) or brief) and not _PAST.search(sentence))
    if role == "u":
        spoken_to = not _HAN.search(sentence) or _SPOKEN_TO_ZH.search(sentence)
        return bool(spoken_to) and not _ASKING.search(sentence)
    return not sentence.rstrip().endswith("?")


def discount(sentence: str) -> Callable[[str], float]:
    """What share of a family's worth counts in a sentence."""
    matter = bool(_MATTER.search(sentence)) and not _USERISH.search(sentence)
    prompt, whole = bool(_PROMPT.search(sentence)), 0.5 if _MILD.search(sentence) else 1.0

    def share(family: str) -> float:
        return 0.0 if (matter and family in _OF_MATTER) or (prompt and family in _FIGURES) else whole

    return share


def likened(text: str) -> bool:
    """Whether a system turn makes the model a thing without giving it a name."""
    return bool(_LIKENED.search(text.translate(_SMALL)))


def jobless(text: str) -> bool:
    """Whether a persona has nothing to do and nothing of its own."""
    return not _JOB.search(text.translate(_PLAIN))
