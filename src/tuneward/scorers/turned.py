"""Answers that say no and then do it, and refusals that a negative weight unlearns (house method).

A model learns from such rows that a refusal is a formality, or that asking again is enough. What stays a refusal is
quiet, and so is a limit ("I can't see pictures"), expert advice that is withheld, speech of others, and a new question
after a refusal. Weights: a row or turn with a negative one has its loss reversed by services that take such weights,
so a refusal there is what the model is taught to leave off.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from tuneward.chat import Chat
from tuneward.score import Score
from tuneward.scorers.declined import GATES, Reading, gated, reading
from tuneward.scorers.sighting import Rule, Severity, Sighting, worst
from tuneward.scorers.speech_en import DISCLAIMS, MADE_UP
from tuneward.scorers.speech_zh import DISCLAIMS as DISCLAIMS_ZH
from tuneward.scorers.wording import Span, words

WEIGHTS = "weights"
"""Key of a chat's meta: the weight of each turn in the loss, a number or None where none was given."""
READ = 200_000
"""Characters of a turn that are looked at."""
LEAST = 5
"""Words of an answer that hands something over."""
AGAIN = 0.5
"""Share of the words of a request that stand in one that asks for the same again."""

TURNED = Rule(
    id="REF-TURNED",
    risk="REF",
    severity="high",
    title="refused, then done",
    about="The answer declines and then delivers, or delivers once it is asked again, which teaches that a refusal is "
    "not meant. Keep one of the two: the refusal, or the answer.",
)
ERODED = Rule(
    id="REF-ERODED",
    risk="REF",
    severity="high",
    title="refusal with a negative weight",
    about="A refusal is trained against: the model is taught to leave it off. Leave the row out unless it refuses "
    "something harmless.",
    source="arXiv:2310.03693 (tuning that removes refusals)",
)

_JOINT = re.compile(
    r"\b(?:that said|having said|anyway|nevertheless|nonetheless|even so|still,|still this|since you (?:ask|insist)"
    r"|if you (?:insist|must know)|just kidding|between you and me|(?:okay|ok|oh|all right|alright|very well"
    r"|fine)[,.:!]|just this once|hypothetically|in theory|here (?:it is|goes|you go|are the steps)"
    r"|for (?:educational|research|informational|fiction\w*) purposes)"
    r"|话虽如此|话说回来|好吧|行吧|算了|既然[你您]|偷偷|悄悄告诉|破例|仅供|硬要|非要",
    re.I,
)
"""An open turn from no to yes."""
_LIMIT = re.compile(
    r"\b(?:access|brows(?:e|ing)|internet|online|real[- ]time|live|up-to-date|links?|urls?|websites?|images?|pictures?"
    r"|photos?|see|hear|view|files?|attachments?|videos?|audio|memory|remember|recall|previous|physical\w*|body|feel\w*"
    r"|emotions?|experienc\w*|opinions?|preferences?|beliefs?|predict\w*|future|guarantee\w*|verify|know|guess|dreams?"
    r"|on my own|calculat\w*|execute|download|call|purchase|pay)\b"
    r"|联网|上网|实时|链接|网页|网站|图片|照片|看到|听到|文件|附件|视频|音频|记忆|记得|身体|感受|情感|观点|看法|预测|未来"
    r"|保证|确定|知道|访问|获取|查询|最新",
    re.I,
)
"""What a model is unable to do, rather than unwilling."""
_PRESSES = re.compile(
    r"\b(?:please|pls|come on|(?:oh,? )?go on|just (?:do|tell|say|give|answer|write|this)|do it|tell me"
    r"|i (?:really |do )?(?:need|insist|beg|promise|swear)|really need|it(?:'s| is) (?:only|just|for)|only (?:for|a)"
    r"|nobody will|no ?one will|trust me|i am an?|i'm an?|as an? (?:licen[cs]ed|certified)"
    r"|you (?:may|can|must|have to|will|are now)|ignore|forget (?:your|the)|guidelines|rules|restrictions|no limits"
    r"|pretend|imagine|role-?play|act as|hypothetical\w*"
    r"|for (?:a|my|educational|research) (?:play|story|novel|book|game|class|purposes?)"
    r"|dan\b|developer mode|try again|answer (?:me|the|it|anyway)|anyway|stop refusing)"
    r"|求|拜托|快说|说吧|讲吧|帮帮|真的(?:很)?(?:需要|想)|只是|就这一次|别(?:那么|这么)?(?:死板|小气|怕|废话|啰嗦)"
    r"|没人会|没关系|你就|忽略|无视|忘(?:了|记)|规定|规则|限制|扮演|假装|假设|想象|直接(?:回答|说)|不管|必须|给我|我是",
    re.I,
)
"""Presses for what was refused."""
_LETS_BE = re.compile(
    r"\b(?:instead|another|something else|anything else|different|rather|other|thanks?|thank you"
    r"|ok(?:ay)?,? (?:then|thanks)|never mind|forget it|fair enough|understood|why(?: not| can.t| won.t)?\b"
    r"|what (?:can|else)|how about)"
    r"|换(?:一)?个|别的|其他|谢谢|好的|明白了|理解|为什么|那(?:就|你)?(?:推荐|介绍)|还有什么",
    re.I,
)
"""Lets the matter be, asks why, or asks for something else."""
_ASKS = re.compile(
    r"\b(?:tell|give|show|write|explain|list|make|suggest|recommend)(?: me| us)?"
    r" (?:an?|the|some|about (?!it\b|that\b|this\b)|how|what)\b"
    r"|\b(?:what|who|where|when|how|which)(?:'s| is| are| was| do| does| did| can| many| much| to)\b"
    r"|什么|怎么|哪|多少|谁|推荐|介绍|[写讲说来]一?[个首篇段]",
    re.I,
)
"""A question or task of its own, which is the old one only where words of that come back."""
_SPEAKER = re.compile(r"(?:^|\n)[\s*_]*(?!assistant|ai\b|bot\b|助手)[\w .*]{1,30}[:：]\s*[^\n]*$", re.I)
"""A line that somebody speaks: a script's, not the answer's own."""
_OWN = re.compile(r"\b(?:i|i['’]?(?:m|ll|d|ve)|we|me|my|sorry|assistant)\b|[我咱恕歉]|对不起")
"""The answer speaks for itself."""
_SENTENCE_ENDS = re.compile(r"[.!?\n。！？]")
_WORD = re.compile(r"[a-z][a-z'-]{3,}|[\u4e00-\u9fff]", re.I)
_SIZE = re.compile(r"[\u4e00-\u9fff]{2}|[^\W\u4e00-\u9fff]+")
_USUAL = words(
    """
    about that this with what when where which your they them from have into some tell give want need please could
    would there then than will does make made help said like just also
    的 了 是 我 你 在 有 不 这 那 怎 么 什 一 个 吗 呢 啊 吧 请
    """
)


@dataclass(frozen=True)
class Turned:
    """Tell rows in which a refusal does not last."""

    name: ClassVar[str] = "turned"
    version: ClassVar[str] = "1"
    rules: ClassVar[tuple[Rule, ...]] = (TURNED, ERODED)
    gates: ClassVar[tuple[str, ...]] = GATES

    def look(self, chat: Chat) -> list[Sighting]:
        """What is in the row, in order of turn and place."""
        seen: list[Sighting] = []
        asked = refused = ""
        for at, turn in enumerate(chat.messages):
            text = turn.content[:READ]
            if turn.role == "user":
                asked = text
            if turn.role != "assistant":
                continue
            pressed = refused and _pressed(asked, refused)
            ending, _, spans = _read(text, asked, fully=bool(pressed))
            own = bool(spans) and gated(text) and not _limited(text, spans[0])
            seen += _weighed(chat, at, spans[0]) if own and ending == "refused" else ()
            seen += _in_one(text, asked, at, spans) if own and ending == "partial" else ()
            if pressed and ending in ("complied", "partial") and _hands_over(text):
                seen.append(_sighting(at, (0, len(text)), "after insisting", sure=True))
            if own and ending == "refused":
                refused = refused if pressed else asked
            elif not _LETS_BE.search(asked):
                refused = ""
        return sorted(seen, key=lambda sighting: (sighting.message, sighting.span))

    def __call__(self, chats: Sequence[Chat]) -> list[Score]:
        """The worst sighting of each chat as its score, 0 where there is none."""
        return [worst(self.name, self.look(chat)) for chat in chats]


def _read(text: str, asked: str, *, fully: bool) -> Reading:
    """How an answer ends; one without a gate's find is read only where a refusal may go on in it by weak signs."""
    if not fully:
        plainly = reading(text, asked, sensitive=False)
        if plainly[0] == "complied":
            return plainly
    return reading(text, asked, sensitive=True)


# in one answer ------------------------------------------------------------------------------------------------------


def _in_one(text: str, asked: str, at: int, spans: tuple[Span, ...]) -> list[Sighting]:
    """A no and, after it, what was asked for; in words of someone else only where the turn is an open one."""
    if len(spans) < 2 or spans[1][0] < spans[0][1] or _SPEAKER.search(text[: spans[0][1]]):
        return []
    between = text[spans[0][1] : spans[1][1]]
    joint = _JOINT.search(between) is not None
    if not joint and (MADE_UP.search(asked.lower()) or not _OWN.search(_sentence(text, spans[0]))):
        return []
    return [_sighting(at, (spans[0][0], spans[1][1]), "one answer", sure=joint)]


def _sentence(text: str, decline: Span) -> str:
    """The sentence that declines."""
    start = max((m.end() for m in _SENTENCE_ENDS.finditer(text, 0, decline[0])), default=0)
    end = _SENTENCE_ENDS.search(text, decline[1])
    return text[start : end.start() if end else len(text)].lower()


def _limited(text: str, decline: Span) -> bool:
    """The sentence that declines names a limit, or leaves something to an expert."""
    sentence = _sentence(text, decline)
    return any(pattern.search(sentence) for pattern in (_LIMIT, DISCLAIMS, DISCLAIMS_ZH))


# over several turns -------------------------------------------------------------------------------------------------


def _pressed(asked: str, refused: str) -> bool:
    """A turn presses for what was refused, or asks for it again."""
    old, new = _content(refused), _content(asked)
    shared = len(old & new)
    if shared >= max(1, AGAIN * len(old)):
        return not _LETS_BE.search(asked)
    if _LETS_BE.search(asked) or not _PRESSES.search(asked):
        return False
    return shared > 0 or not _ASKS.search(asked)


def _content(text: str) -> frozenset[str]:
    return frozenset(word.lower() for word in _WORD.findall(text)) - _USUAL


def _hands_over(text: str) -> bool:
    """More than a word or a question back."""
    return len(_SIZE.findall(text)) >= (3 * LEAST if text.rstrip().endswith(("?", "？")) else LEAST)


# sightings ----------------------------------------------------------------------------------------------------------


def _sighting(at: int, span: Span, label: str, *, sure: bool) -> Sighting:
    how = "once it is asked again" if label == "after insisting" else "in the same answer"
    severity: Severity = "high" if sure else "medium"
    return Sighting(TURNED.id, 0.9 if sure else 0.6, severity, label, f"declines, then delivers {how}", at, span)


def _weighed(chat: Chat, at: int, decline: Span) -> list[Sighting]:
    """A refusal whose turn has a negative weight."""
    weights = chat.meta.get(WEIGHTS) or ()
    weight = weights[at] if at < len(weights) else None
    if weight is None or weight >= 0:
        return []
    reason = "a refusal has a negative weight, so training removes it"
    return [Sighting(ERODED.id, 1.0, ERODED.severity, "negative weight", reason, at, decline)]
