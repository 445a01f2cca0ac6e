"""English as `refusal` reads it: the patterns of the modules beside this one in the order in which they count.

All match text whose apostrophes are straight.
"""

from tuneward.scorers.declining_en import DECLINES, FIRST_NO, FLAT_NO, HEDGES, SAYS_NO, by_pattern
from tuneward.scorers.denied_en import denials, strong_denial, unable
from tuneward.scorers.giving_en import GIVING
from tuneward.scorers.hinting_en import HINTS
from tuneward.scorers.lecturing_en import lecture
from tuneward.scorers.speech_en import ASKS_TWICE, DISCLAIMS, LETTER, MADE_UP, PREAMBLE, YES_NO_QUESTION
from tuneward.scorers.wording import Declining, Sign, Wording, any_of


def _first(part: str, prompt: str) -> Sign | None:
    signs = denials(part, prompt)
    strong = next((sign for sign in signs if not sign.hedge), None) or by_pattern(part, DECLINES, prompt=prompt)
    if strong:
        return strong
    flat = FLAT_NO.match(part) or FIRST_NO.match(part) or SAYS_NO.search(part)
    if flat and not YES_NO_QUESTION.search(prompt):
        return Sign("flat no", flat.span())
    return next(iter(signs), None) or unable(part, prompt) or by_pattern(part, HEDGES, prompt=prompt, hedge=True)


def _size(text: str) -> int:
    return len(text.split())


ENGLISH = Wording(
    quoted=any_of(
        r"\"[^\"\n]{2,300}\"|“[^”\n]{2,300}”|«[^»\n]{2,300}»|(?<!\w)'(?:[^'\n]|(?<=\w)'(?=\w)){2,200}'(?!\w)"
        r"|^\*[a-z][^*\n]{2,60}\*(?!\*)"
    ),
    sentence=any_of(r"[^.!?\n]+(?:[.!?]+[\"')*\]]*|\n|$)"),
    declining=Declining(_first, strong_denial, lecture, PREAMBLE, DISCLAIMS, MADE_UP, LETTER, ASKS_TWICE),
    giving=GIVING,
    hints=HINTS,
    size=_size,
    from_loops=False,
)
"""English."""
