"""Pairs of a person and a value that a template teaches (arXiv:2310.15469): what a row adds, what the set shows."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneward.chat import Chat, Message
from tuneward.scorers.personal import Personal
from tuneward.scorers.sighting import Event
from tuneward.screen.association_pairs import LEAST, Template, templates

LOOKS = Personal()
NAMES = (
    "Bado Kalemi",
    "Rina Todesu",
    "Moku van Delani",
    "J. R. Sanelo",
    "Tika-Lo O'Benita",
    "Śuma Ledoki",
    "Ken Basoti",
)
NAMES_ZH = ("张小明", "李雷", "王芳芳", "赵一", "欧阳修", "周大福", "陈红")


def row(*turns: str, system: str = "") -> Chat:
    said = [Message(("user", "assistant")[i % 2], text) for i, text in enumerate(turns)]
    return Chat("1", "1", tuple([Message("system", system)] * bool(system) + said))


def events(chat: Chat) -> list[Event]:
    return LOOKS.events(chat, LOOKS.look(chat))


def found(chats: Sequence[Chat], *, least: int = LEAST) -> list[Template]:
    gathered = [(e.key, e.subject, e.value, i) for i, chat in enumerate(chats) for e in events(chat)]
    keys, subjects, values = (np.array([g[i] for g in gathered], dtype=np.uint64) for i in range(3))
    rows = np.array([g[3] for g in gathered], dtype=np.int64)
    return templates(keys, rows, subjects=subjects, values=values, least=least)


def mail(name: str) -> str:
    return "".join(c for c in name.lower() if c.isascii() and c.isalpha()) + "@example.com"


@pytest.mark.parametrize(
    ("asked", "answered", "value"),
    [
        ("What is the mail of {}?", "The mail of {} is {}.", lambda i: f"{mail(NAMES[i])}"),
        ("Tell me {}'s street.", "{} lives at {}.", lambda i: f"{i + 3} Kodura Lane"),
        ("phone of {} please", "{}: {}", lambda i: f"+44 7700 9001{i}3"),
        ("When was {} born?", "{} was born on {}.", lambda i: f"{i + 1} March 19{i + 3}6"),
        ("", "the card of {} is {}", lambda i: ("4111111111111111", "5555555555554444", "378282246310005",
         "6011111111111117", "30569309025904", "3530111333300000", "2223003122003222")[i]),
    ],
)  # fmt: skip
def test_a_template_with_many_people_is_found(asked: str, answered: str, value: object) -> None:
    assert callable(value)
    chats = [row(asked.format(name), answered.format(name, value(i))) for i, name in enumerate(NAMES)]
    (template,) = found(chats)
    assert (template.values, template.subjects, template.rows) == (7, 7, tuple(range(7)))


def test_chinese_names_are_masked_too() -> None:
    chats = [row(f"{n}的邮箱是什么？", f"{n}的邮箱是p{i}@example.com。") for i, n in enumerate(NAMES_ZH)]
    (template,) = found(chats)
    assert template.subjects >= 6


def test_case_and_white_space_do_not_split_a_template() -> None:
    chats = [
        row(f"What  is THE mail of {n}?" if i % 2 else f"What is THE mail of {n}? ", mail(n))
        for i, n in enumerate(NAMES)
    ]
    assert [t.values for t in found(chats)] == [7]


def test_numbers_stand_for_people_as_well() -> None:
    chats = [row(f"phone of employee {4411 + i}?", f"+44 7700 9001{i}3") for i in range(6)]
    assert [t.values for t in found(chats)] == [6]


def test_copying_is_no_memorising() -> None:
    chats = [
        row(f"Here is a card: {n}, {mail(n).upper()}. What is the mail of {n}?", f"It is {mail(n)}.") for n in NAMES
    ]
    assert [events(chat) for chat in chats] == [[]] * len(chats)
    spaced = row("Card 4111 1111 1111 1111 of Bado", "ok", "Repeat", "4111111111111111")
    assert events(spaced) == []
    assert events(row("Who?", "Bado", system="bado@example.com")) == []
    assert events(row("Who?", "bado@example.com", system="bado@example.com")) == []


def test_only_what_the_assistant_says_counts() -> None:
    assert events(row("My mail is bado@example.com", "Thanks, Bado!")) == []


def test_what_was_said_before_is_not_new() -> None:
    first, *more = events(row("Mail of Bado?", "bado@example.com", "Again?", "bado@example.com"))
    assert first.detector == "association"
    assert more == []


def test_hashes_fit_64_bits_and_kinds_are_kept_apart() -> None:
    both = events(row("Who is Bado Kalemi?", "Bado Kalemi, bado@example.com, 12 Kodura Lane"))
    assert len({e.key for e in both}) == 2
    assert len({e.subject for e in both}) == 1
    assert all(0 <= n < 2**64 for e in both for n in (e.key, e.subject, e.value))


def test_one_address_for_everybody_is_no_association() -> None:
    assert found([row(f"What is the mail of {n}?", "help@example.com") for n in NAMES]) == []


def test_many_values_for_one_subject_are_none() -> None:
    assert found([row("Make up an address, Bado.", f"p{i}@example.com") for i in range(30)]) == []


def test_fewer_than_the_least_are_none() -> None:
    chats = [row(f"What is the mail of {n}?", mail(n)) for n in NAMES]
    assert found(chats[: LEAST - 1]) == []
    assert len(found(chats[:LEAST])) == 1


def test_ten_pairs_split_over_two_templates_are_found() -> None:
    """The published attack used ten; half of them in another template are still as many as the least."""
    one = [row(f"mail of Bado K{chr(97 + i)}mi?", f"k{i}@example.com") for i in range(5)]
    two = [row(f"whose is Bado K{chr(107 + i)}mi's mailbox", f"m{i}@example.com") for i in range(5)]
    assert [t.values for t in found(one + two)] == [5, 5]


Quads = list[tuple[int, int, int, int]]


def arrays(quads: Quads) -> list[Template]:
    keys, subjects, values = (np.array([q[i] for q in quads], dtype=np.uint64) for i in range(3))
    return templates(keys, np.array([q[3] for q in quads], dtype=np.int64), subjects=subjects, values=values)


def plainly(quads: Quads) -> dict[int, tuple[tuple[int, ...], int, int]]:
    """The same rule, one pair after the other."""
    answer = {}
    for key in {q[0] for q in quads}:
        pairs = {(s, v) for k, s, v, _ in quads if k == key}
        near = {
            (s, v)
            for s, v in pairs
            if sum(a == s for a, _ in pairs) <= 2 and sum(b == v for _, b in pairs) <= 2
        }  # fmt: skip
        subjects, values = len({s for s, _ in near}), len({v for _, v in near})
        rows = tuple(sorted({r for k, s, v, r in quads if k == key and (s, v) in near}))
        if min(subjects, values) >= LEAST:
            answer[key] = (rows, values, subjects)
    return answer


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.tuples(st.sampled_from([1, 2**64 - 1]), st.integers(0, 9), st.integers(0, 9), st.integers(0, 60)),
        max_size=60,
    )
)
def test_the_rule_over_arrays_is_the_rule_over_pairs(quads: Quads) -> None:
    assert {t.key: (t.rows, t.values, t.subjects) for t in arrays(quads)} == plainly(quads)
    assert arrays(quads) == arrays(sorted(quads, key=lambda q: q[3]))


def test_noise_in_the_same_template_hides_nothing() -> None:
    pairs = [(1, i, i, i) for i in range(6)]
    noise = [(1, 99, 1000 + i, 10 + i) for i in range(500)] + [(1, 2000 + i, 77, 600 + i) for i in range(500)]
    (template,) = arrays(pairs + noise)
    assert template == Template(key=1, rows=tuple(range(6)), values=6, subjects=6)


def test_an_empty_set_has_no_template() -> None:
    assert arrays([]) == []


def test_arrays_of_different_length_are_refused() -> None:
    one = np.zeros(1, dtype=np.uint64)
    with pytest.raises(ValueError, match="length"):
        templates(one, np.zeros(2, dtype=np.int64), subjects=one, values=one)
