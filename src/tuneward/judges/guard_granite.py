"""Granite Guardian 3.x: whether the last message carries a named risk, yes or no.

Source: Granite Guardian, arXiv:2412.07724; model cards of ibm-granite/granite-guardian-3.0 to -3.3; the vendor's
evaluation code and cookbooks (ibm-granite/granite-guardian, Apache-2.0). The definition of a risk is a long text of
the vendor's, so the prompt is left to the checkpoint's own chat template, which is told the risk by its name: 3.0 to
3.2 take `risk_name`, 3.3 takes `criteria_id`. The answer is a bare Yes or No (3.0, 3.1), the same with a confidence
tag (3.2), or a score tag, after thoughts or without (3.3); all three are read whatever the generation. The confidence
is a word, not a probability, so it is told in the reason and gives no score.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from tuneward.chat import Chat
from tuneward.judges.guard_reading import OneCall, Reading, no_verdict, said
from tuneward.judges.guard_turns import conversation, sent

_SPEAKERS = ("User Message", "Assistant Message", "Context")
_BARE = re.compile(r"(?P<verdict>yes|no)(?:\s*<confidence>\s*(?P<sure>high|low)\s*</confidence>)?", re.I)
_TAGGED = re.compile(
    r"(?:<think>(?:(?!</?think>|</?score>).)*</think>\s*)?<score>\s*(?P<verdict>yes|no)\s*</score>", re.I | re.S
)


@dataclass(frozen=True)
class GraniteGuardian(OneCall):
    """Granite Guardian, by the checkpoint's own chat template."""

    generation: Literal["3.2", "3.3"] = "3.3"
    """"3.2" stands for 3.0 to 3.2, which are asked alike."""
    risk: str = "harm"
    """The vendor's name of the risk that is asked about."""

    name: ClassVar[str] = "granite-guardian"
    max_tokens: ClassVar[int] = 64
    begins: ClassVar[str] = ""
    own_template: ClassVar[bool] = True

    @property
    def arguments(self) -> tuple[Mapping[str, Any], ...]:
        """The risk by its name, and for 3.3 that no thoughts are wanted."""
        if self.generation == "3.3":
            return ({"guardian_config": {"criteria_id": self.risk}, "think": False},)
        return ({"guardian_config": {"risk_name": self.risk}},)

    def turns(self, chat: Chat) -> Chat:
        """All turns."""
        return sent(chat, conversation(chat, _SPEAKERS))

    def read(self, reply: str) -> Reading:
        """Yes is harmful, No is benign, in any case as the vendor's parser allows."""
        text = said(reply)
        bare, tagged = _BARE.fullmatch(text), _TAGGED.fullmatch(text)
        found = bare or tagged
        if not found:
            return no_verdict(text)
        verdict = found["verdict"].lower()
        sure = f", {bare['sure'].lower()} confidence" if bare and bare["sure"] else ""
        return Reading("harmful" if verdict == "yes" else "benign", f"{self.risk}: {verdict}{sure}")
