"""Strings, numbers and signs as a reader sees them: nothing from a file acts unseen, and no rounding hides a loss."""

import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

NONE = "–"
MARKS: Mapping[str, str] = MappingProxyType(
    {
        "pass": "✓",
        "fail": "✗",
        "not resolved": "≈",
        "not established": "?",
        "waived": "○",
        "not measured": NONE,
        "not required": "·",
        "not gated": "·",
    }
)
"""Outcome → sign, the same on every output; the word always stands beside it."""
HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories that move, reorder, hide or steer text: control, format (bidi, zero width, tags), surrogates,
line and paragraph separators."""
BREAKS = str.maketrans("\t\n\r", "   ")
LAYOUT = frozenset("\t\n\u200c\u200d")
"""What a page may keep: tabs and line ends, and the joiners that Persian, Indic scripts and emoji need."""
NAME, SENTENCE = 80, 1200
"""Characters of a name and of a sentence: a file may hold longer ones, and no screen or comment should."""
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def acts(character: str) -> bool:
    """Whether a character could do something unseen, or is one that XML may not hold."""
    code = ord(character)
    unusable = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    return unusable or unicodedata.category(character) in HIDDEN


def plain(text: str) -> str:
    """One line that does nothing: tabs and line ends become spaces, every hidden character is spelt ⟨U+XXXX⟩."""
    return _spelt(text.translate(BREAKS), frozenset())


def visible(text: str) -> str:
    """The same for a page: hidden characters are spelt, while lines, tabs and joiners stay."""
    return _spelt(text.replace("\r\n", "\n"), LAYOUT)


def _spelt(text: str, kept: frozenset[str]) -> str:
    marks = {ord(c): f"⟨U+{ord(c):04X}⟩" for c in set(text) - kept if acts(c)}
    return text.translate(marks) if marks else text


def shorten(text: str, length: int) -> str:
    """At most `length` characters, the cut shown by an ellipsis."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def percent(share: float | None, *, unit: str = " %") -> str:
    """A share as per cent with one decimal; only a true 0 or 1 is written 0.0 or 100.0."""
    if share is None:
        return NONE
    if share < 1 and round(share * 100, 1) >= 100:
        return f"> 99.9{unit}"
    if share > 0 and round(share * 100, 1) == 0:
        return f"< 0.1{unit}"
    return f"{share * 100:.1f}{unit}"


def points(share: float | None, *, digits: int = 1) -> str:
    """A signed difference in percentage points with a true minus sign; what rounds to nothing has no sign."""
    if share is None:
        return NONE
    size = f"{abs(share) * 100:.{digits}f}"
    sign = "" if float(size) == 0 else "−" if share < 0 else "+"
    return sign + size


def interval(low: float, high: float) -> str:
    """An interval of a difference, in points."""
    return f"[{points(low)}, {points(high)}]"


def share_interval(low: float, high: float) -> str:
    """An interval of a rate, in per cent."""
    return f"[{percent(low, unit='')}, {percent(high, unit='')}]"


def against(worst: float, margin: float, *, signed: bool = False) -> tuple[str, str]:
    """The largest loss not excluded and the margin, in points, with the decimals it takes to tell them apart.

    `signed` gives the worst case as the difference it is: a loss is negative, and a gain is not cut to 0.
    """
    digits = next((d for d in (1, 2, 3) if f"{-worst * 100:.{d}f}" != f"{margin * 100:.{d}f}"), 1)
    loss = points(worst, digits=digits) if signed else f"{max(-worst, 0.0) * 100:.{digits}f}"
    return loss, f"{margin * 100:.{digits}f}"


def chance(p: float | None, *, typeset: bool = False) -> str:
    """A p-value: three decimals, or one digit and a power of ten where that would show zero.

    `typeset` writes the power as a reader of a page expects it.
    """
    if p is None:
        return NONE
    if p >= 0.001:
        return f"{p:.3f}"
    if p <= 0:
        return "< 10⁻³⁰⁰" if typeset else "< 1e-300"
    digit, power = f"{p:.0e}".split("e")
    if typeset:
        return f"{digit} × 10{str(int(power)).translate(SUPERSCRIPT)}"
    return f"{digit}e{int(power)}"


def number(value: float) -> str:
    """A count or a measurement, thousands apart."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"
