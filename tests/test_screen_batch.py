"""What a batch counts of a row does not depend on the rows beside it, and is what slow and plain code counts."""

import random
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screening import says
from tuneward.screen.batch import (
    ANSWER,
    BANDS,
    FIRST,
    LAST,
    PARTS,
    PROMPT,
    REST,
    Batch,
    features_of,
    parts,
    script,
    table_of,
)
from tuneward.screen.parsing import Reader, Row
from tuneward.screen.tokens import hash_of, mixed, word_hashes, words

QUICK = settings(deadline=None, max_examples=50, database=None)
READER = Reader("unknown")
TEXT = st.one_of(
    st.text("ab C1-*.\n 9", max_size=40),
    st.text(max_size=12),
    st.sampled_from(["", "Ｒｉｐｅ 香蕉", "ba\u200bnana", "- a"]),
)
ROLES = st.sampled_from(["user", "assistant", "system", "tool", "developer", "unknown"])
ROWS = st.lists(st.tuples(st.lists(st.tuples(ROLES, TEXT), max_size=5), st.integers(0, 5)), max_size=6)


def row(*turns: tuple[str, str], rejected: int | None = None) -> Row:
    roles, texts = tuple(role for role, _ in turns), tuple(text for _, text in turns)
    end = len(turns) if rejected is None else min(rejected, len(turns))
    return Row(roles, texts, (None,) * len(turns), (), end, "openai-chat", (), bool(turns))


def asked(prompt: str, answer: str = "") -> Row:
    return row(("user", prompt), ("assistant", answer))


def batch(*rows: Row) -> Batch:
    made = Batch()
    for number, one in enumerate(rows):
        made.add(one, number * 10, line=number, length=number + 1)
    return made


def words_of(text: str) -> list[str]:
    """Words of a small-letter text as the batch counts them."""
    return re.findall(r"[a-z0-9_\u0080-\U0010ffff]+", text)


# which text is what ---------------------------------------------------------------------------------------------------


def test_a_row_is_read_as_prompt_answer_and_rest():
    turns = [("system", "s"), ("user", "u"), ("assistant", "a"), ("tool", "t"), ("developer", "d"), ("assistant", "b")]
    assert parts(row(*turns)) == ("u\nt", "a\nb", "s\nd", "s\nd")
    assert parts(row(*turns, rejected=3)) == ("u", "a", "s", "s\nt\nd\nb")
    assert parts(asked("u", "a")) == ("u", "a", "", "")
    assert parts(row(("user", "u"), ("assistant", "a"), ("assistant", "r"), rejected=2)) == ("u", "a", "", "r")
    assert parts(row()) == ("", "", "", "")


def test_a_pair_s_sides_are_read_apart():
    pair = READER.value({"prompt": "Which?", "chosen": "A plum.", "rejected": "A stone."})
    assert parts(pair) == ("Which?", "A plum.", "", "A stone.")


# a row alone, a row among others --------------------------------------------------------------------------------------


def figures(made: Batch, number: int) -> tuple[object, ...]:
    """All that is counted of one row."""
    shingle, of_shingle = made.shingles()
    feature, of_feature, word = made.features()
    known = made.known(table_of(word_hashes(["ab", "a", "b", "c1"])))
    return (
        made.bands()[number].tolist(),
        made.wholes[number].tolist(),
        made.counts[number].tolist(),
        int(made.pairs[number]),
        [int(made.openings(n)[number]) for n in (1, 4)],
        int(made.begins(2)[number]),
        shingle[of_shingle == number].tolist(),
        Counter(zip(feature[of_feature == number].tolist(), word[of_feature == number].tolist(), strict=True)),
        float(known[number]),
        [int(part[number]) for part in made.shapes()],
        made.systems[number],
        made.scripts[number],
    )


@QUICK
@given(ROWS)
def test_a_row_in_a_batch_is_the_row_alone(rows):
    made = [row(*turns, rejected=cut) for turns, cut in rows]
    together = batch(*made)
    for number, one in enumerate(made):
        assert figures(together, number) == figures(batch(one), 0)


def test_bands_are_those_of_the_row_alone_in_any_batch():
    rng = random.Random(0)
    rows = [asked(says(n, rng.randrange(1, 40)), says(n + 500, rng.randrange(1, 80))) for n in range(60)]
    alone = [batch(one).bands()[0].tolist() for one in rows]
    order = rng.sample(range(60), 60)
    assert batch(*(rows[n] for n in order)).bands().tolist() == [alone[n] for n in order]
    assert np.asarray(alone).shape == (60, BANDS)


def test_an_empty_batch_counts_nothing():
    made = batch()
    assert [len(part) for part in (*made.features(), *made.shingles(), *made.shapes())] == [0] * 8
    assert made.counts.shape == made.wholes.shape == (0, PARTS)
    assert len(made.known(table_of([]))) == 0


# bands ----------------------------------------------------------------------------------------------------------------


def test_equal_texts_have_equal_bands_whatever_case_and_spacing():
    a, b = asked("A ripe, yellow banana?", "Yes - it is."), asked("a  RIPE yellow\nbanana", "yes it is")
    made = batch(a, b).bands()
    assert made[0].tolist() == made[1].tolist()
    assert (made != 0).all()


def test_less_than_three_words_have_no_band():
    made = batch(asked("a banana", ""), asked("", ""), asked("a ripe", "banana")).bands()
    assert not made[:2].any()
    assert made[2].all()


def test_the_rest_of_a_row_is_no_part_of_its_triples():
    pair = row(("user", says(1)), ("assistant", says(2)), ("assistant", says(3)), rejected=2)
    made = batch(row(("system", says(9)), ("user", says(1)), ("assistant", says(2))), pair, asked(says(1), says(2)))
    shingle, owner = made.shingles()
    held = [shingle[owner == number].tolist() for number in range(3)]
    assert held[1] == held[2]
    assert made.bands()[1].tolist() == made.bands()[2].tolist()
    assert held[0] == held[2], "a system turn changes the triples of prompt and answer"


def test_triples_go_over_from_the_prompt_to_the_answer():
    shingle, _ = batch(asked("a b", "c d")).shingles()
    assert shingle.tolist() == [hash_of("a b c", 3), hash_of("b c d", 3)]


@pytest.mark.parametrize(("edits", "least", "most"), [(0, 1, 1), (1, 0.8, 1), (5, 0.2, 0.99), (100, 0, 0.05)])
def test_near_copies_share_a_band_as_often_as_reckoned(edits, least, most):
    """1 - (1 - J^4)^32 of pairs with a Jaccard index of J share a band."""
    rng = random.Random(edits)
    shared, reckoned = 0, 0.0
    for _ in range(100):
        said = [f"w{rng.randrange(10**6)}" for _ in range(50)]
        other = list(said)
        for place in rng.sample(range(50), min(edits, 50)):
            other[place] = f"x{rng.randrange(10**6)}"
        both = batch(asked(" ".join(said[:10]), " ".join(said[10:])), asked(" ".join(other[:10]), " ".join(other[10:])))
        left, right = both.bands()
        shared += bool((left == right).any())
        triples = [{tuple(text[i : i + 3]) for i in range(48)} for text in (said, other)]
        index = len(triples[0] & triples[1]) / len(triples[0] | triples[1])
        reckoned += 1 - (1 - index**4) ** 32
    assert least <= shared / 100 <= most
    assert abs(shared - reckoned) < 15


# shapes ---------------------------------------------------------------------------------------------------------------


def list_lines(text: str) -> int:
    """Lines that begin like one of a list: a dash, a star or a digit, then a space, a dot, a bracket or a digit."""
    return sum(bool(re.match(r"[-*0-9][ .)0-9]", line)) for line in text.split("\n"))


@QUICK
@given(st.lists(TEXT, min_size=1, max_size=6))
def test_shapes_are_those_of_plain_code(answers):
    made = batch(*(asked("x", answer) for answer in answers))
    small = [text.decode() for text in made.texts[ANSWER::PARTS]]
    listed, digits, lengths = made.shapes()
    assert listed.tolist() == [list_lines(text) for text in small]
    assert digits.tolist() == [sum(c in "0123456789" for c in text) for text in small]
    assert lengths.tolist() == [len(text.encode()) for text in small]


@pytest.mark.parametrize(
    ("answer", "lines", "digits"),
    [
        ("- a\n- b", 2, 0),
        ("1. a\n2) b\n10 c", 3, 4),
        ("-a\n *b\n* c", 1, 0),
        ("1", 0, 1),
        ("-", 0, 0),
        ("a\n-\n- ", 1, 0),
    ],
)
def test_list_lines_are_told_from_dashes(answer, lines, digits):
    listed, figure, _ = batch(asked("", "- x"), asked("1. no", answer), asked("", "")).shapes()
    assert listed.tolist() == [1, lines, 0]
    assert figure.tolist() == [0, digits, 0]


# features -------------------------------------------------------------------------------------------------------------


def one_by_one(prompt: str) -> Counter[tuple[int, bool]]:
    """Words, pairs, first and last word of a prompt."""
    said = words([prompt.encode()]).hashes
    found = Counter((int(h), True) for h in said)
    found.update((int(h), False) for h in words([prompt.encode()]).grams(2)[0])
    if len(said):
        found.update([(int(mixed(said[:1] ^ FIRST)[0]), False), (int(mixed(said[-1:] ^ LAST)[0]), False)])
    return found


@QUICK
@given(st.lists(st.text("ab c.", max_size=12), max_size=5))
def test_features_are_words_pairs_first_and_last_of_each_prompt(prompts):
    feature, owner, word = batch(*(asked(prompt, "not of this") for prompt in prompts)).features()
    for number, prompt in enumerate(prompts):
        own = owner == number
        held = Counter(zip(feature[own].tolist(), word[own].tolist(), strict=True))
        assert held == one_by_one(prompt)


@pytest.mark.parametrize(
    ("token", "prompt", "held"),
    [
        ("Plum", "Is a plum ripe?", 1),
        ("plum", "Plum", 3),
        ("ripe plum", "Is a RIPE, plum?", 1),
        ("香", "红香蕉吗", 1),
        ("ba\u200bnana", "a ba\u200bnana b", 1),
        ("plum", "plums", 0),
    ],
)
def test_a_token_as_people_write_it_is_what_features_are_of(token, prompt, held):
    """Allow-lists name triggers so; invisible characters count, for a trigger may be one."""
    feature, _, _ = batch(asked(prompt)).features()
    assert len(set(features_of(token)) & set(feature.tolist())) == held


def test_the_share_of_common_words_is_the_answer_s():
    common = table_of(word_hashes(["is", "a", "fruit"]))
    share = batch(asked("is is is", "A plum is a fruit"), asked("is", ""), asked("", "zzz")).known(common)
    assert share.tolist() == [pytest.approx(0.8), 0.0, 0.0]


# scripts --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "latin"),
        ("A plum. Größe, naïve, ½ 🍌", "latin"),
        ("香蕉是黄色的", "han"),
        ("banana 香蕉是黄色的水果吗", "han"),
        ("The word for banana is 香蕉.", "latin"),
        ("バナナは黄色い", "kana or hangul"),
        ("바나나는 노랗다", "kana or hangul"),
        ("Банан жёлтый", "cyrillic"),
        ("الموز أصفر", "arabic"),
        ("Η μπανάνα", "other"),
        ("केला पीला है", "other"),
        ("b\u0430nana is ripe and yellow", "latin"),
        ("2 + 2 = 4", "latin"),
    ],
)
def test_the_script_is_that_of_most_letters(text, wanted):
    assert script(text) == wanted
    assert batch(asked("", text)).scripts == [wanted]


def test_system_turns_count_by_themselves():
    with_one, same, other, none = batch(
        row(("system", "Be kind."), ("user", "a")),
        row(("user", "b"), ("system", "Be kind.")),
        row(("system", "Be brief."), ("user", "a")),
        asked("a"),
    ).systems
    assert with_one == same
    assert len({with_one, other, none}) == 3
    assert none == 0


def test_rows_without_text_fill_a_batch_as_well():
    """Else a shard of blank lines would be held at once, some kilobytes for each byte."""
    assert batch(*(row() for _ in range(50))).size >= 50


def test_places_lines_and_lengths_are_kept():
    made = batch(asked("a"), asked("b"))
    assert (made.places, made.lines, made.lengths) == ([0, 10], [0, 1], [1, 2])
    assert (PROMPT, ANSWER, REST) == (0, 1, 2)
