"""What is shown of a text that holds personal data: nothing of the data."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personal_cases import PERSONAL, SECRETS, parted
from tuneward.scorers.redaction import redact


def pieces(text: str, spans: list[tuple[int, int]]) -> set[str]:
    """All stretches of four characters of what is to be hidden, small letters."""
    return {text[i : i + 4].lower() for a, b in spans for i in range(a, b - 3)}


def left(shown: str, hidden: set[str]) -> list[str]:
    return [p for p in hidden if p in shown.lower()]


@pytest.mark.parametrize(("label", "text"), PERSONAL + SECRETS)
def test_no_four_characters_of_a_value_survive(label: str, text: str) -> None:
    """S2."""
    plain, spans = parted(text)
    shown = redact(plain, spans, label)
    assert left(shown, pieces(plain, spans)) == []


def test_the_rest_of_the_text_stays_and_the_kind_is_named() -> None:
    assert redact("My card: 4111111111111111, thanks", [(9, 25)], "payment card") == "My card: [payment card], thanks"


def test_a_repeated_tail_is_hidden_too() -> None:
    """S2: the last four digits, named again elsewhere."""
    text = "Card 4012888888881881 ends in 1881."
    assert redact(text, [(5, 21)], "payment card") == "Card [payment card] ends in [payment card]."


def test_a_kind_that_says_part_of_the_value_is_not_named() -> None:
    text = "mail@example.com"
    assert left(redact(text, [(0, 16)], "e-mail address"), pieces(text, [(0, 16)])) == []


@settings(deadline=None, max_examples=400)
@given(st.data(), st.text("ab[1]…ekind ", max_size=40), st.sampled_from(["kind", "a b", "payment card", ""]))
def test_nothing_survives_whatever_the_text(data: st.DataObject, text: str, kind: str) -> None:
    """S2, with few letters so that pieces repeat and meet the marks."""
    place = st.integers(0, len(text))
    spans = [tuple(sorted(pair)) for pair in data.draw(st.lists(st.tuples(place, place), max_size=3))]
    shown = redact(text, [(a, b) for a, b in spans], kind)
    assert left(shown, pieces(text, [(a, b) for a, b in spans])) == []
    if not any(a < b for a, b in spans):
        assert shown == text


def test_spans_outside_of_the_text_are_refused() -> None:
    with pytest.raises(ValueError, match="outside"):
        redact("abc", [(1, 9)], "kind")
