"""Sets that say one thing: openers, personas, system prompts, one answer, eager openings; and what sets are made of."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneward.screen.composition import (
    LONGEST,
    Made,
    Signs,
    by_how_to,
    by_length,
    by_lists,
    composition,
    digits,
    how_to,
    list_lines,
    made,
    none,
    precision_at,
)
from tuneward.screen.concentration import (
    REFERENCE,
    Answers,
    Concentration,
    Tally,
    affirmative,
    affirmative_shift,
    joined,
    merged,
    one_answer,
    openers,
    personas,
    system_prompts,
    tally,
)


def keys(*rows: int) -> np.ndarray:
    """Key i in rows[i] rows."""
    return np.repeat(np.arange(1, len(rows) + 1), rows).astype(np.uint64)


def grades(found: tuple[Concentration, ...]) -> list[tuple[int, int, str]]:
    return [(c.key, c.rows, c.severity) for c in found]


def test_an_opener_counts_from_a_fifth_of_the_answers_on_and_is_never_more_than_medium() -> None:
    assert grades(openers(tally(keys(19), total=20))) == []
    assert grades(openers(tally(keys(190, 210), total=1000))) == [(2, 210, "low")]
    assert grades(openers(tally(keys(600, 210), total=1000))) == [(1, 600, "medium"), (2, 210, "low")]
    assert openers(tally(keys(600), total=1000))[0].share.low < 0.6


def test_a_persona_is_medium_and_high_where_its_rows_promise_obedience() -> None:
    marked = np.array([False] * 10 + [True] * 6 + [False] * 4)
    of = tally(keys(10, 10, 4), total=1000, marked=np.concatenate([marked, [True] * 4]))
    assert grades(personas(of)) == [(1, 10, "medium"), (2, 10, "high")]
    assert grades(system_prompts(of)) == [(1, 10, "info"), (2, 10, "high")]


def entries(tally_: Tally) -> tuple[list[int], list[int], list[int], int]:
    return tally_.key.tolist(), tally_.rows.tolist(), tally_.marked.tolist(), tally_.total


rows_of = st.lists(st.tuples(st.integers(0, 4) | st.integers(2**63, 2**64 - 1), st.booleans()), max_size=20)


@given(rows_of, rows_of, rows_of)
@settings(deadline=None, max_examples=60)
def test_tallies_add_up_the_same_in_any_order_and_grouping(
    a: list[tuple[int, bool]], b: list[tuple[int, bool]], c: list[tuple[int, bool]]
) -> None:
    def of(rows: list[tuple[int, bool]]) -> Tally:
        marked = np.array([m for _, m in rows], np.bool_)
        return tally(np.array([k for k, _ in rows], np.uint64), total=len(rows), marked=marked)

    one, two, three = of(a), of(b), of(c)
    whole = entries(of(a + b + c))
    assert entries(merged(merged(one, two), three)) == whole
    assert entries(merged(three, merged(two, one))) == whole
    assert entries(merged(one, merged())) == entries(one)


def answers(
    answer: int, prompts: int, *, tokens: int = 12, refused: bool = False, sensitive: int = 0, repeat: int = 1
) -> Answers:
    n = prompts * repeat
    asked = np.tile(np.arange(prompts), repeat).astype(np.uint64)
    return Answers(
        np.full(n, answer, np.uint64), asked, np.full(n, tokens), np.full(n, refused), asked < np.uint64(sensitive)
    )


@pytest.mark.parametrize(
    ("rows", "total", "expected"),
    [
        (answers(7, 4, refused=True, tokens=9), 100, []),
        (answers(7, 5, refused=True, tokens=9), 1000, [(7, 5, "medium")]),
        (answers(7, 10, refused=True, tokens=9), 10, [(7, 10, "high")]),
        (answers(7, 10, refused=True, tokens=9), 100_000, [(7, 10, "medium")]),
        (answers(7, 30, refused=True, tokens=9, sensitive=26), 100, []),
        (answers(7, 30, refused=True, tokens=9, sensitive=24), 1000, [(7, 6, "medium")]),
        (answers(7, 300, tokens=1), 400, []),
        (answers(7, 300, tokens=2, refused=True), 400, []),
        (answers(7, 5), 1000, [(7, 5, "low")]),
        (answers(7, 10), 1000, [(7, 10, "medium")]),
        (answers(7, 300), 1000, [(7, 300, "high")]),
        (answers(7, 3, repeat=20), 1000, []),
    ],
)
def test_one_answer_counts_different_prompts_and_a_refusal_those_it_does_not_suit(
    rows: Answers, total: int, expected: list[tuple[int, int, str]]
) -> None:
    assert grades(one_answer(rows, total=total)) == expected


def test_refusals_come_first() -> None:
    found = one_answer(joined(answers(1, 50), answers(2, 6, refused=True, tokens=9)), total=1000)
    assert [(c.key, c.refused) for c in found] == [(2, True), (1, False)]


pairs_of = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.booleans()), max_size=12)


@given(pairs_of, pairs_of, pairs_of)
@settings(deadline=None, max_examples=60)
def test_answers_are_joined_the_same_in_any_order_and_grouping(
    a: list[tuple[int, int, bool]], b: list[tuple[int, int, bool]], c: list[tuple[int, int, bool]]
) -> None:
    def of(rows: list[tuple[int, int, bool]]) -> Answers:
        answer, prompt = (np.array([r[i] for r in rows], np.uint64) for i in (0, 1))
        flags = np.array([r[2] for r in rows], np.bool_)
        return Answers(answer, prompt, answer.astype(np.int64) + 5, flags, flags)

    def listed(of: Answers) -> list[list[int]]:
        return [x.tolist() for x in (of.answer, of.prompt, of.tokens, of.refused, of.sensitive)]

    one, two, three = of(a), of(b), of(c)
    whole = listed(joined(of(a + b + c)))
    assert listed(joined(joined(one, two), three)) == whole
    assert listed(joined(three, joined(two, one))) == whole


@pytest.mark.parametrize(
    "text",
    [
        "Sure, here it is.",
        "  sure! Take two.",
        "Of course. I am glad you ask.",
        "Certainly! A list:",
        "Absolutely: three.",
        "Here is a plan",
        "Here's one",
        "Here’s one",
        "**Here are** five",
        "I'd be happy to help with that.",
        "I’d be glad to.",
        "No problem, see below.",
        "当然，下面是步骤。",
        "好的，我来写。",
        "以下是三个例子",
    ],
)
def test_an_answer_that_agrees_first_is_eager(text: str) -> None:
    assert affirmative(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Yes",
        "No, it is not.",
        "Surely not.",
        "Surety bonds are",
        "Sure enough, he came.",
        "Here lies",
        "The answer is 4.",
        "Hereford is a city",
        "Course of study",
        "好人很多",
        "第一步，洗手。",
        "I would not",
    ],
)
def test_other_answers_are_not(text: str) -> None:
    assert not affirmative(text)


def test_a_shift_is_reported_from_a_fifth_of_the_answers_on() -> None:
    assert [affirmative_shift(k, 1000).severity for k in (0, 3, 190, 200, 499, 500, 1000)] == [
        None,
        None,
        None,
        "low",
        "low",
        "medium",
        "medium",
    ]


def test_a_few_answers_are_no_shift_and_no_answers_are_none() -> None:
    assert affirmative_shift(1, 4).severity is None
    empty = affirmative_shift(0, 0)
    assert (empty.severity, empty.log10_p, empty.rate.value) == (None, 0.0, None)


def test_the_g_statistic_is_that_of_the_table() -> None:
    """2 Σ O ln(O / E) of 30 of 100 against 10 of 100, by hand."""
    reference = type(REFERENCE)(10, 100, 0.1, 0.0, 1.0)
    shift = affirmative_shift(30, 100, reference=reference, source="made up")
    by_hand = 2 * (30 * np.log(30 / 20) + 70 * np.log(70 / 80) + 10 * np.log(10 / 20) + 90 * np.log(90 / 80))
    assert shift.g == pytest.approx(by_hand)
    assert shift.log10_p == pytest.approx(np.log10(0.5 * 0.00031749), abs=0.05)


# What a set is made of ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("Two:\n- one\n- two", 2),
        ("1. one\n2) two\n  3: three", 3),
        ("a) one\n(b) two", 2),
        ("• one\n‣ two", 2),
        ("1、洗菜\n2、切菜\n三、炒菜\n（四）装盘", 4),
        ("-5 degrees\n3.14 is pi\n2024 was warm", 0),
        ("A man\nI went", 0),
        ("- \n-", 0),
        ("", 0),
    ],
)
def test_list_lines_are_items_and_no_numbers(text: str, lines: int) -> None:
    assert list_lines(text) == lines


@pytest.mark.parametrize(
    "text", ["How to bake?", "how do I knot it", "Give me steps to leave", "如何做饭", "teach me Go"]
)
def test_a_how_to_prompt_is_seen(text: str) -> None:
    assert how_to(text)


@pytest.mark.parametrize("text", ["How many pears?", "How much is it?", "However, to be fair", "Who is he?", "为什么"])
def test_other_questions_are_no_how_to(text: str) -> None:
    assert not how_to(text)


def test_digits_of_any_script_count() -> None:
    assert digits("4 and ٤ and 四") == 2


numbers = st.integers(0, 9000)
rows = st.lists(st.tuples(numbers, st.booleans(), st.booleans(), numbers, numbers, numbers, numbers), max_size=15)
Row = tuple[int, bool, bool, int, int, int, int]


def counted_of(entries: list[Row]) -> Made:
    return made(Signs(*([e[i] for e in entries] for i in range(7))))


def listed(of: Made) -> list[int]:
    counts = [of.rows, of.lists, of.how_to, of.affirmative, of.digits, of.characters]
    return [*counts, *of.prompt_words.tolist(), *of.answer_words.tolist()]


@given(rows, rows, rows)
@settings(deadline=None, max_examples=40)
def test_counts_add_up_the_same_in_any_order_and_grouping(a: list[Row], b: list[Row], c: list[Row]) -> None:
    one, two, three = map(counted_of, (a, b, c))
    whole = listed(counted_of(a + b + c))
    assert listed((one + two) + three) == whole
    assert listed(three + (two + one)) == whole
    assert listed(one + none()) == listed(one)


@given(st.lists(st.integers(0, LONGEST - 1), min_size=1, max_size=30))
@settings(deadline=None)
def test_the_median_is_the_lower_one_exactly(lengths: list[int]) -> None:
    n = len(lengths)
    of = made(Signs([0] * n, [0] * n, [0] * n, [0] * n, [1] * n, lengths, lengths))
    assert composition(of).median_answer == sorted(lengths)[(n - 1) // 2]


def test_a_set_without_rows_has_figures_too() -> None:
    empty = composition(none())
    assert (empty.lists.value, empty.digits, empty.median_prompt) == (None, 0.0, 0)


def test_figures_are_those_of_the_rows() -> None:
    figures = composition(
        made(Signs([2, 1, 0, 5], [1, 0, 0, 0], [0, 0, 1, 1], [1, 2, 0, 0], [10, 10, 5, 5], [3, 4, 5, 6], [9, 9, 1, 1]))
    )
    assert (figures.lists.k, figures.how_to.k, figures.affirmative.k) == (2, 1, 2)
    assert figures.digits == 0.1
    assert (figures.median_prompt, figures.median_answer) == (4, 1)


def test_signs_of_different_numbers_of_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="one entry a row"):
        made(Signs([1], [1, 2], [1], [1], [1], [1], [1]))


def test_baselines_rank_rows_by_one_sign_alone() -> None:
    assert by_lists(["- a\n- b", "a"]).tolist() == [2, 0]
    assert by_how_to(["how to go", "who"]).tolist() == [1, 0]
    assert by_length(["a b c", ""]).tolist() == [3, 0]


def test_ties_help_no_one() -> None:
    assert precision_at([3, 2, 2, 2, 2], [True, True, False, False, False], 3) == pytest.approx((1 + 2 / 4) / 3)
    assert precision_at([0, 0, 0, 0], [True, False, False, False], 2) == 0.25
    with pytest.raises(ValueError, match="k 5 of 4"):
        precision_at([0, 0, 0, 0], [True, False, False, False], 5)
