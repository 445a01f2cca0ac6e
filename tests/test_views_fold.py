"""The folded view: what it unifies, what it drops, and that every stretch of it leads back to its source."""

import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneward.scorers import views_fold
from tuneward.scorers.views import fold_text, folded

EVERY = [chr(code) for part in (range(0x20000), range(0x2F800, 0x2FA20), range(0xE0000, 0xE1000)) for code in part]
ODD = st.sampled_from(
    "ab é\u0301\u0323\u0338\u200b\u200d\ufe0f\u00ad\u034f\ufeffﬁ…Åㄱㅏㄳ\u1100\u1161\u11a8각가ﾊ\uff9e\uff9f\u3099は"
    "\U000e0041\U000e0020\U000e007f\U000e0001\ud800\udc00\u0344ﷺ½’‑\u2028Ａ１\u0bc6\u0bbe\u09c7\u09be\u3164\uffa0Ω\u212b😀"
)
TEXT = st.text(st.one_of(ODD, ODD, st.characters(), st.sampled_from(EVERY)), max_size=40)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("plain ASCII\x00", "plain ASCII\x00"),
        ("ｆｕｌｌ　ｗｉｄｔｈ！", "full width!"),
        ("ba\u200bna\u200cna\u00ad", "banana"),
        ("e\u200d\u0301", "é"),
        ("\U000e0068\U000e0069\U000e007f", "hi"),
        ("\U000e0001x", "x"),
        ("don’t", "don't"),
        ("\ud800 \udc00\u200b", "\ud800 \udc00"),
        ("a\u2028b\u2029c\u0085d", "a\nb\nc\nd"),
        ("ﾊﾞﾅﾅ", "バナナ"),
        ("\u202ereversed\u202c", "reversed"),
        ("❤\ufe0f", "❤"),
        ("Привет, мир", "Привет, мир"),
        ("你好，世界", "你好,世界"),
    ],
)
def test_what_a_reader_sees_is_what_rules_read(text: str, read: str) -> None:
    assert fold_text(text) == read
    assert folded(text).text == read


def test_every_single_character_folds_the_same_both_ways() -> None:
    wrong = [hex(ord(c)) for c in EVERY if views_fold.fold_map(c)[0] != fold_text(c)]
    again = [hex(ord(c)) for c in EVERY if fold_text(fold_text(c)) != fold_text(c) and c != "\u0149"]
    assert (wrong, again) == ([], [])


def test_characters_taken_for_sure_fold_to_themselves_and_join_nothing() -> None:
    sure = [c for c in EVERY if not views_fold._UNSURE.match(c)]
    assert len(sure) > 30_000
    changed = [hex(ord(c)) for c in sure if unicodedata.normalize("NFKC", c) != c or c in views_fold.PLAINER]
    joining = [hex(ord(c)) for c in sure if views_fold._joins(c) or views_fold._marks(c) or not views_fold._spelt(c)]
    assert (changed, joining) == ([], [])


def test_every_format_character_is_dropped() -> None:
    left = [hex(ord(c)) for c in EVERY if unicodedata.category(c) == "Cf" and len(fold_text(c)) and c < "\U000e0020"]
    assert left == []


@settings(max_examples=400, deadline=None)
@given(TEXT)
def test_the_text_is_the_same_with_and_without_the_way_back(text: str) -> None:
    assert views_fold.fold_map(text)[0] == fold_text(text)
    assert folded(text).text == fold_text(text)


@settings(max_examples=400, deadline=None)
@given(TEXT, st.data())
def test_a_stretch_of_the_view_leads_back_to_characters_that_fold_to_it(text: str, data: st.DataObject) -> None:
    """Exactly it, unless the stretch begins or ends within what one character, or one joined piece, stands for."""
    view = folded(text)
    start = data.draw(st.integers(0, len(view.text)))
    end = data.draw(st.integers(start, len(view.text)))
    a, b = view.span(start, end)
    assert 0 <= a <= b <= len(text)
    assert view.text[start:end] in fold_text(text[a:b])
    whole_start = start == 0 or end == start or view.span(start - 1, start)[1] <= a
    whole_end = end == len(view.text) or end == start or view.span(end, end + 1)[0] >= b
    if start < end and whole_start and whole_end:
        assert fold_text(text[a:b]) == view.text[start:end]


def test_places_never_go_back() -> None:
    view = folded("x\u200bé ﬁ ㄱㅏ\U000e0041\u0301 y’s")
    assert view.origin is not None
    assert list(view.origin) == sorted(view.origin)
    assert len(view.origin) == len(view.text) + 1


@pytest.mark.parametrize(
    "unit", ["\u0315\u0300", "\uff9e\u0301", "a\u200b", "ﷺ", "\u0344\u0316", "ㄱㅏ", "\u09c7\u09be\u0301"]
)
def test_time_grows_with_the_text_and_no_faster(unit: str) -> None:
    """CPython sorts a run of combining marks in quadratic time: 40,000 of them took 1.6 s before they were thinned."""

    def cost(n: int) -> float:
        text = unit * n
        fold_text(text)
        start = time.process_time()
        fold_text(text)
        folded(text)
        return time.process_time() - start

    small, large = min(cost(2_000) for _ in range(3)), min(cost(16_000) for _ in range(2))
    assert large < 24 * small + 0.05
