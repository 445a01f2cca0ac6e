"""Evaluation items are found in rows by shared runs of words, and coverage is what plain sets say it is."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screening import WORDS, chat, lines, says
from tuneward.scorers.views import fold_text
from tuneward.screen import contamination
from tuneward.screen.batch import ANSWER, PARTS, PROMPT, REST, Batch
from tuneward.screen.contamination import LONG, SHORT, Index, Item, build, load, save
from tuneward.screen.evaluation import DEEP, of_files, own
from tuneward.screen.first import COVERED, _leaks
from tuneward.screen.looking import LEAK, SEEN
from tuneward.screen.parsing import Reader, Row
from tuneward.screen.tokens import spaced, words

QUICK = settings(deadline=None, max_examples=60, database=None)
READER = Reader("assistant")
SAYING = st.lists(st.sampled_from("abcdefg"), max_size=30).map(" ".join)


def item(text: str, name: str = "1", side: str = "prompt") -> Item:
    return Item("quiz", name, side, text)


def runs(text: str, n: int) -> set[tuple[str, ...]]:
    said = spaced(text.lower()).split()
    return {tuple(said[i : i + n]) for i in range(len(said) - n + 1)}


def reference(items: list[str], texts: list[str], least: float) -> list[tuple[int, int, float]]:
    """Every text against every item, with sets."""
    found = []
    kept = [text for text in items if len(spaced(text).split()) >= SHORT]
    for t, text in enumerate(texts):
        for i, asked in enumerate(kept):
            wanted = runs(asked, LONG) or runs(asked, SHORT)
            coverage = len(wanted & runs(text, LONG if runs(asked, LONG) else SHORT)) / len(wanted)
            if coverage >= least and coverage > 0:
                found.append((t, i, coverage))
    return found


def overlaps(index: Index, texts: list[str], least: float) -> list[tuple[int, int, float]]:
    made = words([spaced(fold_text(text).lower()).encode() for text in texts])
    return index.overlaps(made, least)


# coverage -------------------------------------------------------------------------------------------------------------


@QUICK
@given(st.lists(SAYING, max_size=5), st.lists(SAYING, max_size=6), st.sampled_from([0.01, 0.3, 0.5, 1.0]))
def test_coverage_is_that_of_plain_sets(items, texts, least):
    texts = [*texts, *(f"x {text} y" for text in items), " ".join(items)]
    index, short = build([item(text) for text in items])
    assert [one.text for one in short] == [text for text in items if len(text.split()) < SHORT]
    found = overlaps(index, texts, least)
    assert found == [(t, i, pytest.approx(c)) for t, i, c in reference(items, texts, least)]


def test_an_item_repeated_in_a_text_is_covered_once():
    index, _ = build([item(says(1, 20))])
    assert overlaps(index, [f"{says(1, 20)} and {says(1, 20)}"], 0.5) == [(0, 0, 1.0)]


def test_equal_items_are_both_found():
    index, _ = build([item(says(1, 20), "a"), item(says(1, 20), "b"), item(says(2, 20), "c")])
    assert overlaps(index, ["x " + says(1, 20)], 0.9) == [(0, 0, 1.0), (0, 1, 1.0)]
    assert index.names == ("quiz:a:prompt", "quiz:b:prompt", "quiz:c:prompt")


def test_an_item_over_two_texts_is_in_neither():
    said = says(1, 25).split()
    index, _ = build([item(" ".join(said))])
    for cut in (5, 12, 13, 20):
        halves = [" ".join(said[:cut]), " ".join(said[cut:])]
        assert overlaps(index, halves, 0.01) == [
            (t, i, pytest.approx(c)) for t, i, c in reference([" ".join(said)], halves, 0.01)
        ]
        assert not overlaps(index, halves, 0.9)


def test_empty_texts_between_others_do_not_move_what_is_found():
    index, _ = build([item(says(1, 20))])
    assert overlaps(index, ["", "", "a " + says(1, 20), "", says(1, 20)], 0.9) == [(2, 0, 1.0), (4, 0, 1.0)]


@pytest.mark.parametrize("change", [str.upper, lambda t: t.replace(" ", ", "), lambda t: f'"{t}"\n'])
def test_case_and_punctuation_hide_nothing(change):
    index, _ = build([item("Which of the two is the ripe one, and why is it so?")])
    text = change("which of the two is the ripe one and why is it so")
    assert [round(c, 3) for _, _, c in overlaps(index, [text], 0.9)] == [1.0]


@pytest.mark.parametrize(("count", "found"), [(7, 0), (8, 1), (12, 1), (13, 1)])
def test_short_items_are_found_by_eight_words_and_shorter_ones_are_told(count, found):
    text = " ".join(WORDS[:count])
    index, short = build([item(text)])
    assert len(overlaps(index, [f"so {text} there"], 0.9)) == found
    assert len(short) == 1 - found


def test_chinese_items_are_found_by_their_characters():
    index, short = build([item("如果一只香蕉很黄那么它是不是已经熟了")])
    assert not short
    assert overlaps(index, ["问：如果一只香蕉很黄，那么它是不是已经熟了？"], 0.9) == [(0, 0, 1.0)]


@pytest.mark.parametrize(
    "text",
    [
        "如果一只香蕉，很黄，那么它是不是已经熟了？请回答。",
        "Add ½ of the ripe ﬁgs and ① plum to the ｂｉｇ bowl, then stir it well…",
        "Wha\u200bt is the colour of a ripe banana that hangs in the second orchard row?",
    ],
)
def test_an_item_is_found_in_a_row_that_holds_it_as_it_stands(text):
    """Rows are folded before their words are counted, so items must be."""
    found = leaks(READER.value(chat(f"Q: {text}", "No.")), items=[item(text)])
    assert [one["stat"] for one in found] == [1.0]


def test_no_items_and_no_texts_give_nothing():
    index, _ = build([])
    assert overlaps(index, [says(1, 30)], 0.1) == []
    assert overlaps(build([item(says(1, 20))])[0], [], 0.1) == []
    assert overlaps(build([item(says(1, 20))])[0], ["few words"], 0.1) == []


def test_runs_are_told_from_others_beyond_the_table_of_bits(monkeypatch):
    """A run that only falls into an item's slot is none of it."""
    monkeypatch.setattr(contamination, "SLOTS", 2)
    items = [says(n, 15) for n in range(30)]
    index, _ = build([item(text) for text in items])
    texts = [says(n, 40) for n in range(20, 60)]
    assert overlaps(index, texts, 0.1) == [(t, i, pytest.approx(c)) for t, i, c in reference(items, texts, 0.1)]


def test_an_index_is_kept_as_it_is(tmp_path):
    index, _ = build([item(says(n, 10 + n), str(n)) for n in range(9)])
    save(index, tmp_path / "index.npz")
    again = load(str(tmp_path / "index.npz"))
    for name in ("runs", "items", "sizes", "slots"):
        assert np.array_equal(getattr(again, name), getattr(index, name))
    assert again.names == index.names
    empty, _ = build([])
    save(empty, tmp_path / "empty.npz")
    assert load(str(tmp_path / "empty.npz")).names == ()


def test_more_runs_than_an_index_may_hold_are_refused(monkeypatch):
    monkeypatch.setattr(contamination, "MOST", 10)
    with pytest.raises(ValueError, match="have 20 runs of words, 10 at most; give fewer of them"):
        build([item(says(1, 31))])


# rows -----------------------------------------------------------------------------------------------------------------


def leaks(*rows: Row, items: list[Item]) -> list[dict[str, object]]:
    made = Batch()
    for number, one in enumerate(rows):
        made.add(one, number, line=number, length=0)
    found = _leaks(made, build(items)[0])
    return [dict(zip(SEEN.names, one, strict=True)) for one in found]


def test_an_item_is_found_on_every_side_of_a_row():
    """In the prompt, the answer, the system turn and the rejected side, with its turn and whether that is trained."""
    said = says(1, 20)
    rows = [
        READER.value(chat(f"Please: {said}", "No.")),
        READER.value(chat("Well?", f"Yes, {said}.")),
        READER.value(chat("Well?", "Yes.", system=said)),
        READER.value({"prompt": "Well?", "chosen": f"A: {said}", "rejected": "B"}),
        READER.value({"prompt": "Well?", "chosen": "A", "rejected": f"B: {said}"}),
        READER.value(chat("Well?", "No.")),
    ]
    found = leaks(*rows, items=[item(said)])
    assert [(one["place"], one["rule"], one["stat"]) for one in found] == [(n, LEAK, 1.0) for n in range(5)]
    assert [one["role"] for one in found] == ["user", "assistant", "system", "assistant", "assistant"]
    assert [one["trained"] for one in found] == [False, True, False, True, True]


def test_a_finding_names_the_item_and_not_its_words():
    said = says(1, 20)
    (found,) = leaks(READER.value(chat(said, "No.")), items=[Item("quiz", "q-7", "answer", said)])
    assert found["label"] == "quiz"
    assert found["reason"] == "holds 100% of the answer of item q-7 of quiz"


def test_part_of_an_item_is_told_from_half_of_it_on():
    said = says(1, 32).split()
    rows = [READER.value(chat(" ".join(said[:n]), "No.")) for n in (15, 21, 22, 30)]
    found = leaks(*rows, items=[item(" ".join(said[:32]))])
    assert [one["place"] for one in found] == [2, 3]
    assert all(COVERED <= float(str(one["stat"])) < 1 for one in found)
    assert (PROMPT, ANSWER, REST, PARTS) == (0, 1, 2, 3)


# items ----------------------------------------------------------------------------------------------------------------


def test_our_own_suites_are_looked_for_in_every_language():
    items = own()
    assert len({(one.suite, one.id, one.side) for one in items}) == len(items) > 1000
    assert {one.suite.rsplit("-", 1)[1] for one in items} == {"en", "zh"}
    _, short = build(items)
    assert len(short) < len(items) / 2


def test_every_text_of_an_evaluation_file_is_an_item_named_by_row_and_column(tmp_path):
    rows = [
        {"id": "q:1", "question": "Which?", "choices": {"text": ["a", "b"], "label": [1, 2]}, "n": 7},
        {"question": "Where?", "answer": None},
    ]
    items = of_files([str(lines(tmp_path / "my:quiz.jsonl", rows))])
    assert [(one.suite, one.id, one.side, one.text) for one in items] == [
        ("my-quiz", "q-1", "question", "Which?"),
        ("my-quiz", "q-1", "choices", "a"),
        ("my-quiz", "q-1", "choices", "b"),
        ("my-quiz", "2", "question", "Where?"),
    ]


def test_texts_deep_inside_an_item_are_left():
    deep: object = "here"
    for _ in range(DEEP + 2):
        deep = [deep]
    from tuneward.screen.evaluation import _texts

    assert list(_texts(deep, DEEP)) == []
    assert list(_texts([["here"]], DEEP)) == ["here"]


def test_coverage_on_random_texts_is_that_of_plain_sets():
    """Longer texts than hypothesis draws: parts of items, shuffled items, several items in a text."""
    rng = random.Random(0)
    items = [" ".join(rng.choice(WORDS[:12]) for _ in range(rng.randrange(4, 40))) for _ in range(40)]
    texts = []
    for _ in range(60):
        picked = rng.sample(items, 2)
        cut = rng.randrange(10)
        texts.append(" ".join(picked[0].split()[cut:] + picked[1].split()[: 30 - cut]))
    index, _ = build([item(text) for text in items])
    wanted = reference(items, texts, 0.05)
    assert len(wanted) > 80
    assert overlaps(index, texts, 0.05) == [(t, i, pytest.approx(c)) for t, i, c in wanted]
