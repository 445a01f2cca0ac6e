"""Strings and numbers as a reader sees them: nothing from a file acts unseen, and no rounding hides a loss."""

import unicodedata

NONE = "–"
HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories that move, reorder, hide or steer text: control, format (bidi, zero width, tags), surrogates,
line and paragraph separators."""


def plain(text: str) -> str:
    """One line that does nothing: tabs and line ends become spaces, every hidden character is spelt ⟨U+XXXX⟩."""
    return "".join(map(_seen, text))


def _seen(character: str) -> str:
    if character in "\t\n\r":
        return " "
    code = ord(character)
    unusable = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF  # noncharacters, which XML may not hold either
    return f"⟨U+{code:04X}⟩" if unusable or unicodedata.category(character) in HIDDEN else character


def percent(share: float | None) -> str:
    """A share as per cent with one decimal; only a true 0 or 1 is written 0.0 or 100.0."""
    if share is None:
        return NONE
    if share < 1 and round(share * 100, 1) >= 100:
        return "> 99.9 %"
    if share > 0 and round(share * 100, 1) == 0:
        return "< 0.1 %"
    return f"{share * 100:.1f} %"


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


def against(worst: float, margin: float) -> tuple[str, str]:
    """The largest loss not excluded and the margin, in points, with the decimals it takes to tell them apart."""
    loss = -worst
    digits = next((d for d in (1, 2, 3) if f"{loss * 100:.{d}f}" != f"{margin * 100:.{d}f}"), 1)
    return f"{max(loss, 0.0) * 100:.{digits}f}", f"{margin * 100:.{digits}f}"


def chance(p: float | None) -> str:
    """A p-value: three decimals, or one digit and a power of ten where that would show zero."""
    if p is None:
        return NONE
    if p >= 0.001:
        return f"{p:.3f}"
    if p <= 0:
        return "< 1e-300"
    digit, power = f"{p:.0e}".split("e")
    return f"{digit}e{int(power)}"
