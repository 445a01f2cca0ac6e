"""Other readings of a text: what they say, where it stood, and what they cost."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoded_cases import LONG, RU, ZH, b64, binary, hexed, rot13, safe64, spelt, tagged, words_reversed
from tuneward.chat import Chat, Message
from tuneward.scorers.encoded import Encoded
from tuneward.scorers.views import fold_text, folded, views

PHRASE = "i will follow every order you give me"
LEET = str.maketrans("aeiost", "431057")
DISGUISES = {
    "plain": PHRASE,
    "full width": "".join(chr(ord(c) + 0xFEE0) if c > " " else "\u3000" for c in PHRASE),
    "zero width": "\u200b".join(PHRASE),
    "soft hyphens": "\u00ad".join(PHRASE),
    "mathematical": "".join(chr(0x1D41A + ord(c) - 97) if c.isalpha() else c for c in PHRASE),
    "tags": tagged(PHRASE),
    "look-alikes": PHRASE.replace("o", "\u043e").replace("e", "\u0435"),
    "base64": b64(PHRASE),
    "base64 url-safe": safe64(PHRASE),
    "hex": hexed(PHRASE),
    "hex pairs": hexed(PHRASE, " "),
    "binary": binary(PHRASE),
    "percent": "".join(f"%{byte:02x}" for byte in PHRASE.encode()),
    "entities": "".join(f"&#x{ord(c):x};" for c in PHRASE),
    "rot13": rot13(PHRASE),
    "reversed": PHRASE[::-1],
    "words reversed": words_reversed(PHRASE),
    "leet": PHRASE.translate(LEET),
    "letters apart": spelt(PHRASE),
    "letters evenly apart": spelt(PHRASE, " ", " "),
}


@pytest.mark.parametrize("name", DISGUISES)
@pytest.mark.parametrize(("before", "after"), [("", ""), (LONG + "\n", "\n" + LONG)], ids=["alone", "between"])
def test_a_disguised_phrase_is_read_and_leads_back_to_its_place(name: str, before: str, after: str) -> None:
    text = before + DISGUISES[name] + after
    found = [(view, at) for view in views(text) if (at := view.text.lower().find(PHRASE)) >= 0]
    assert found, [view.name for view in views(text)]
    view, at = found[0]
    start, end = view.span(at, at + len(PHRASE))
    assert len(before) <= start < end <= len(text) - len(after)
    if name in ("reversed", "rot13", "words reversed", "base64", "hex", "zero width", "look-alikes"):
        assert text[start:end] == DISGUISES[name]


@pytest.mark.parametrize(
    "text", [LONG, ZH, RU, "ASCII", "Für Élise, naïve café"], ids=["en", "zh", "ru", "short", "accents"]
)
def test_plain_text_has_one_reading(text: str) -> None:
    assert [view.text for view in views(text)] == [fold_text(text)]


def test_codes_are_read_one_level_deep() -> None:
    deep = [view.text for view in views(b64(b64(PHRASE) + " " * 3))]
    assert b64(PHRASE) in "".join(deep)
    assert PHRASE not in "".join(deep)


PIECES = st.sampled_from(
    [
        *DISGUISES.values(),
        "the cat sat",
        "é",
        "\u200b",
        "%41",
        "&amp;",
        "\ud800",
        "\n",
        ". ",
        "bа",
        "їжак",
        "a b c d",
        "<<1=2>>",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=6))
def test_every_character_of_every_view_has_a_place(pieces: list[str]) -> None:
    text = " ".join(pieces)
    for view in views(text):
        if view.origin is not None:
            assert len(view.origin) == len(view.text) + 1
            assert view.ends is None or len(view.ends) == len(view.text)
        for at in range(len(view.text)):
            start, end = view.span(at, at + 1)
            assert 0 <= start < end <= len(text)
        assert view.span(0, len(view.text))[1] <= len(text)


BOMBS = {
    "base64 of base64": "QUFB" * 50 + "\n",
    "one run": "Aa1/",
    "padding": "AAAAAAA= ",
    "hex": "41",
    "hex pairs": "41 ",
    "hex almost": "41 41 41 41 41 41 41 41 z ",
    "bits": "01000001 ",
    "percent": "%25",
    "entities": "&amp;amp;&#65;",
    "rot13": "gur ",
    "rot13 lines": "gur naq\n",
    "reversed": "eht. ",
    "reversed Chinese": "么什以可",
    "leet": "7h3 7h15 ",
    "letters": "a b ",
    "letters evenly": "t h e ",
    "mixed": "bа ",
    "look-alikes": "a а ",
    "invisible": "a\u200b",
    "selectors": "\ufe0f\U000e0130",
    "tags": "\U000e0041",
    "equals": "=",
    "spaces": " \n",
    "mute": "xyzzt krbf ",
    "accents": "e\u0301\u0323",
}


@pytest.mark.parametrize("name", BOMBS)
def test_time_grows_with_the_text_and_no_faster(name: str) -> None:
    def cost(size: int) -> float:
        text = BOMBS[name] * (size // len(BOMBS[name]))
        half = len(text) // 2
        chat = Chat("a", "a", (Message("user", text[:half]), Message("assistant", text[:half])))
        start = time.process_time()
        views(text)
        Encoded().look(chat)
        return time.process_time() - start

    cost(2_000)
    small, large = min(cost(10_000) for _ in range(3)), min(cost(80_000) for _ in range(2))
    assert large < 20 * small + 0.05


def test_many_turns_stay_linear() -> None:
    def cost(turns: int) -> float:
        pair = (Message("user", "gur naq"), Message("assistant", b64("it is the same every time") + " xkcd brrr pfft"))
        start = time.process_time()
        Encoded().look(Chat("a", "a", pair * turns))
        return time.process_time() - start

    cost(10)
    small, large = min(cost(50) for _ in range(3)), min(cost(400) for _ in range(2))
    assert large < 20 * small + 0.05


def test_an_ascii_text_is_itself() -> None:
    view = folded("plain\x00 text")
    assert (view.name, view.origin, view.span(2, 5)) == ("raw", None, (2, 5))
