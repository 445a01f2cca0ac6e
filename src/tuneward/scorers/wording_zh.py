"""Chinese as `refusal` reads it: the patterns of the modules beside this one in the order in which they count.

The same ways of speaking as in English, in the grammar of Chinese: the subject is often left out, an act may be denied
by its complement (帮不了), and what is denied often stands first (这个忙我不能帮). All match simplified characters.
"""

from tuneward.scorers.declining_zh import DECLINES, FLAT_NO, FORBIDS, HEDGES, LEAVES_OUT, PRIVATE, STRONG, by_pattern
from tuneward.scorers.denied_zh import denials
from tuneward.scorers.giving_zh import GIVING
from tuneward.scorers.hinting_zh import HINTS
from tuneward.scorers.lecturing_zh import lecture
from tuneward.scorers.speech_zh import (
    ASKS_TWICE,
    DISCLAIMS,
    LETTER,
    MADE_UP,
    PREAMBLE,
    REQUEST,
    YES_NO_QUESTION,
    simplified,
)
from tuneward.scorers.wording import Declining, Sign, Wording, any_of

__all__ = ["CHINESE", "simplified"]


def _first(part: str, prompt: str) -> Sign | None:
    signs = denials(part, prompt)
    strong = by_pattern(part, LEAVES_OUT) or next((sign for sign in signs if not sign.hedge), None)
    strong = strong or by_pattern(part, DECLINES)
    if strong:
        return strong
    if not YES_NO_QUESTION.search(prompt) or REQUEST.search(prompt):
        flat, forbids = FLAT_NO.match(part), FORBIDS.search(part)
        if flat:
            return Sign("flat no", flat.span())
        signs += [Sign("not for doing", forbids.span(), hedge=True)] if forbids else []
        private = by_pattern(part, PRIVATE, hedge=True)
        signs += [private] if private else []
    return next(iter(signs), None) or by_pattern(part, HEDGES, hedge=True)


def _anywhere(part: str) -> Sign | None:
    return by_pattern(part, STRONG) or by_pattern(part, LEAVES_OUT)


def _size(text: str) -> int:
    """Characters, at five for three words."""
    return round(0.6 * sum(map(str.isalpha, text)))


CHINESE = Wording(
    quoted=any_of(r"[“「『][^”」』\n]{1,300}[”」』]|《[^》\n]{1,80}》|\"[^\"\n]{2,300}\""),
    sentence=any_of(r"[^。！？!?；;\n]+(?:[。！？!?；;]+[”」』）)\"*]*|\n|$)"),
    declining=Declining(_first, _anywhere, lecture, PREAMBLE, DISCLAIMS, MADE_UP, LETTER, ASKS_TWICE),
    giving=GIVING,
    hints=HINTS,
    size=_size,
    from_loops=True,
)
"""Chinese, in simplified characters."""
