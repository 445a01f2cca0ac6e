"""Strings, numbers and signs: what is seen is what is there."""

import unicodedata
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneward.text import (
    LAYOUT,
    MARKS,
    acts,
    against,
    chance,
    interval,
    number,
    percent,
    plain,
    points,
    share_interval,
    shorten,
    visible,
)


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(), max_size=60))
def test_plain_leaves_nothing_that_acts_and_changes_nothing_twice(text):
    shown = plain(text)
    assert not {unicodedata.category(c) for c in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert plain(shown) == shown
    root = ElementTree.Element("a")
    root.text = shown
    assert ElementTree.fromstring(ElementTree.tostring(root)).text == (shown or None)


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(), max_size=60))
def test_visible_leaves_nothing_hidden_and_ordinary_text_alone(text):
    shown = visible(text)
    assert not [c for c in set(shown) - LAYOUT if acts(c)]
    assert visible(shown) == shown
    if not [c for c in set(text) - LAYOUT if acts(c)]:
        assert shown == text


@pytest.mark.parametrize("text", ["naïve café", "סדר", "می\u200cخواهم", "👩\u200d🔬", "a\tb\nc", "大小 “q” –"])
def test_visible_keeps_every_script_and_the_lines(text):
    assert visible(text) == text


@pytest.mark.parametrize(
    "code", [0, 8, 0x1B, 0x7F, 0x9B, 0xAD, 0x200B, 0x202E, 0x2028, 0x2066, 0xFEFF, 0xFFFE, 0xE0041]
)
def test_what_acts_is_spelt_on_one_line_and_on_a_page(code):
    assert plain(f"a{chr(code)}b") == visible(f"a{chr(code)}b") == f"a⟨U+{code:04X}⟩b"


def test_line_ends_become_spaces_on_one_line_and_stay_on_a_page():
    assert plain("a\r\nb\tc") == "a  b c"
    assert visible("a\r\nb\rc\td") == "a\nb⟨U+000D⟩c\td"
    assert plain("a\u202eb\x1b[0m\tc") == "a⟨U+202E⟩b⟨U+001B⟩[0m c"
    assert plain("Größe 大小 é – “q” 👍") == "Größe 大小 é – “q” 👍"
    assert plain("\ud800") == visible("\ud800") == "⟨U+D800⟩"


def test_a_cut_is_shown():
    assert (shorten("abcdef", 4), shorten("abcd", 4), shorten("ab cd", 4)) == ("abc…", "abcd", "ab…")


def test_shares_never_claim_all_or_none():
    shares = (0, 1, 0.9996, 0.0004, 0.5, None)
    assert [percent(s) for s in shares] == ["0.0 %", "100.0 %", "> 99.9 %", "< 0.1 %", "50.0 %", "–"]
    assert [percent(s, unit="") for s in shares] == ["0.0", "100.0", "> 99.9", "< 0.1", "50.0", "–"]
    assert share_interval(0.0, 0.9996) == "[0.0, > 99.9]"


def test_differences_have_a_true_sign_or_none():
    assert [points(v) for v in (-0.083, 0.145, 0, -0.0001, None)] == ["−8.3", "+14.5", "0.0", "0.0", "–"]
    assert interval(-0.114, 0.02) == "[−11.4, +2.0]"


def test_a_small_p_value_is_never_zero():
    values = (1, 0.23, 0.0314, 1.946e-8, 0, None)
    assert [chance(p) for p in values] == ["1.000", "0.230", "0.031", "2e-8", "< 1e-300", "–"]
    typeset = ["1.000", "0.230", "0.031", "2 × 10⁻⁸", "< 10⁻³⁰⁰", "–"]
    assert [chance(p, typeset=True) for p in values] == typeset


def test_worst_case_and_margin_show_which_is_larger():
    assert against(-0.0301, 0.03) == ("3.01", "3.00")
    assert against(0.02, 0.03) == ("0.0", "3.0")
    assert against(-0.0304, 0.03, signed=True) == ("−3.04", "3.00")
    assert against(-0.112, 0.03, signed=True) == ("−11.2", "3.0")
    assert against(-0.03, 0.03, signed=True) == ("−3.0", "3.0")
    assert against(0.02, 0.03, signed=True) == ("+2.0", "3.0")


def test_thousands_stand_apart():
    assert (number(1234), number(1843.0), number(522.4)) == ("1,234", "1,843", "522.4")


def test_what_passed_and_what_did_not_never_share_a_sign():
    assert len({MARKS[outcome] for outcome in ("pass", "fail", "not established", "not resolved", "waived")}) == 5
