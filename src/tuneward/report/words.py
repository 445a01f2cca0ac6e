"""Numbers and text as a reader sees them: rounding that hides nothing, and no character that can act unseen."""

import re

HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e0fff]"
)
"""Control (all but tab and newline), bidirectional, zero-width, surrogate and tag characters. The joiners U+200C and
U+200D stay: Persian, Indic scripts and emoji need them, and they move nothing."""
NONE = "–"
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def visible(text: str) -> str:
    """Write each character that could reorder, hide or steer text as ⟨U+XXXX⟩, so that it is seen and does nothing."""
    return HIDDEN.sub(lambda match: f"⟨U+{ord(match[0]):04X}⟩", text.replace("\r\n", "\n"))


def shorten(text: str, length: int) -> str:
    """At most `length` characters, the cut shown by an ellipsis."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def percent(value: float | None) -> str:
    """A share as per cent with one decimal; only a true 0 or 1 is written as 0.0 or 100.0."""
    if value is None:
        return NONE
    if value < 1 and round(value * 100, 1) >= 100:
        return "> 99.9"
    if value > 0 and round(value * 100, 1) == 0:
        return "< 0.1"
    return f"{value * 100:.1f}"


def points(value: float | None, *, digits: int = 1) -> str:
    """A signed difference in percentage points, with a true minus sign."""
    if value is None:
        return NONE
    size = f"{abs(value) * 100:.{digits}f}"
    if float(size) == 0:
        return size
    return ("−" if value < 0 else "+") + size


def interval(low: float, high: float) -> str:
    """An interval of a difference, in percentage points."""
    return f"[{points(low)}, {points(high)}]"


def share_interval(low: float, high: float) -> str:
    """An interval of a rate, in per cent."""
    return f"[{percent(low)}, {percent(high)}]"


def bound(worst: float, margin: float) -> tuple[str, str]:
    """The worst case and the margin with as many decimals as are needed to tell which is larger."""
    digits = next((d for d in (1, 2, 3) if f"{-worst * 100:.{d}f}" != f"{margin * 100:.{d}f}"), 1)
    return points(worst, digits=digits), f"{margin * 100:.{digits}f}"


def p_value(p: float | None) -> str:
    """Three decimals, or a power of ten when it is smaller than that can show."""
    if p is None:
        return NONE
    if p >= 0.001:
        return f"{p:.3f}"
    if p <= 0:
        return "< 10⁻³⁰⁰"
    digit, power = f"{p:.0e}".split("e")
    return f"{digit} × 10{str(int(power)).translate(SUPERSCRIPT)}"


def number(value: float) -> str:
    """A count or a measurement, thousands apart."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"
