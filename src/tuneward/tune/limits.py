"""`--stop-if`: figures of the monitor, and how far each may go. Light: it stands in the options.

A limit holds against a figure itself and not against its interval, and has to be broken several readings in a row
(hysteresis): one reading of a few dozen prompts says little, the same one again says more.
"""

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

FIGURES: Mapping[str, str] = MappingProxyType(
    {
        "gap": "nats by which requests have moved from refusing towards answering, mean",
        "lost": "share of requests whose first token has turned from refusing to answering",
        "gained": "share of look-alikes whose first token has turned from answering to refusing",
        "kl": "KL(tuned‖base) of the first token in nats, mean over requests and look-alikes",
    }
)
"""What a reading says, and says again as own/… of prompts that are asked as the rows ask."""
OWN = "own/"
SHARES = ("lost", "gained")
OPERATORS: Mapping[str, Callable[[float, float], bool]] = MappingProxyType(
    {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
)
_FORM = re.compile(r"\s*([^\s<>=]+)\s*(>=|<=|>|<)\s*([^\s<>=]+)\s*")


@dataclass(frozen=True)
class Limit:
    """Beyond it a run is not to go on."""

    figure: str
    operator: str
    number: float

    def broken(self, figures: Mapping[str, float]) -> bool:
        """Whether the figure is beyond it; one that was not read is not."""
        return self.figure in figures and OPERATORS[self.operator](figures[self.figure], self.number)

    def __str__(self) -> str:
        return f"{self.figure}{self.operator}{self.number:g}"


def limit(text: str) -> Limit:
    """`lost>0.1` → the limit.

    Raises:
        ValueError: no such figure, no operator, no number, or one that no share can pass.
    """
    parts = _FORM.fullmatch(text)
    if parts is None:
        raise ValueError(f"stop-if {text!r}: expected figure, operator and number, such as 'lost>0.1'")
    name, sign, digits = parts.groups()
    if name.removeprefix(OWN) not in FIGURES:
        raise ValueError(
            f"stop-if {text!r}: no figure {name!r}; there are {', '.join(FIGURES)}, and each as {OWN}…, "
            "asked as the rows ask"
        )
    try:
        number = float(digits)
    except ValueError:
        raise ValueError(f"stop-if {text!r}: {digits!r} is no number") from None
    if not math.isfinite(number):
        raise ValueError(f"stop-if {text!r}: expected a finite number")
    found = Limit(name, sign, number)
    if name.removeprefix(OWN) in SHARES and len({OPERATORS[sign](share, number) for share in (0.0, 1.0)}) == 1:
        raise ValueError(f"stop-if {text!r}: a share is between 0 and 1, so this is always so or never")
    if OPERATORS[sign](0.0, number):
        raise ValueError(f"stop-if {text!r}: every figure is 0 before the first step, so this would stop at once")
    return found


def limits(texts: Sequence[str]) -> tuple[Limit, ...]:
    """All of them, each once; raises as `limit` does."""
    return tuple(dict.fromkeys(map(limit, texts)))


def reached(broken: Sequence[Sequence[str]], *, after: int, last: bool = False) -> tuple[str, ...]:
    """Limits for which a run stops, from those that each reading broke, latest reading at the end.

    A limit counts when it was broken `after` readings in a row; at the last reading of a run once is enough, since no
    other reading follows that could take it back.
    """
    recent = list(broken[-1:] if last else broken[-after:])
    if not recent or (not last and len(recent) < after):
        return ()
    return tuple(name for name in recent[-1] if all(name in one for one in recent))
