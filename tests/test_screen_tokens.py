"""Words hashed by the thousand are those that plain Python finds, wherever and beside whatever they stand."""

import random
import re
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneward.screen import tokens
from tuneward.screen.tokens import Words, hash_of, mixed, spaced, word_hashes, words

QUICK = settings(deadline=None, max_examples=60, database=None)
WORD = re.compile(rb"[a-z0-9_\x80-\xff]+")
WHOLE = 1 << 64
BYTES, TOKENS = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93
TEXTS = st.lists(
    st.one_of(
        st.text("ab 1_.\n,Z", max_size=30).map(str.encode),
        st.text(max_size=20).map(lambda text: text.encode("utf-8", "replace")),
        st.binary(max_size=12),
    ),
    max_size=8,
)


# the same in plain Python ---------------------------------------------------------------------------------------------


def finished(value: int) -> int:
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 % WHOLE
    value = (value ^ value >> 27) * 0x94D049BB133111EB % WHOLE
    return value ^ value >> 31


def polynomial(values: Sequence[int], base: int) -> int:
    return finished((sum(v * pow(base, i, WHOLE) for i, v in enumerate(values)) + len(values)) % WHOLE)


def hash_of_word(word: bytes) -> int:
    return polynomial([byte + 1 for byte in word], BYTES)


def hashes_of(text: bytes) -> list[int]:
    return [hash_of_word(word) for word in WORD.findall(text)]


def runs(hashes: Sequence[int], n: int) -> list[int]:
    return [polynomial(hashes[i : i + n], TOKENS) for i in range(len(hashes) - n + 1)]


# words ----------------------------------------------------------------------------------------------------------------


@QUICK
@given(TEXTS)
def test_the_hashes_are_those_of_plain_python(texts):
    found = words(texts)
    assert found.hashes.tolist() == [h for text in texts for h in hashes_of(text)]
    assert found.counts.tolist() == [len(WORD.findall(text)) for text in texts]
    assert found.owner.tolist() == [i for i, text in enumerate(texts) for _ in WORD.findall(text)]


@QUICK
@given(TEXTS)
def test_words_are_where_they_are_said_to_be(texts):
    joined = b"\n".join(texts) + b"\n"
    found = words(texts)
    cut = [joined[a:b] for a, b in zip(found.starts.tolist(), found.ends.tolist(), strict=True)]
    assert cut == [word for text in texts for word in WORD.findall(text)]


@QUICK
@given(TEXTS)
def test_a_text_in_a_batch_is_the_text_alone(texts):
    together = words(texts)
    for number, text in enumerate(texts):
        own, alone = slice(*together.first[number : number + 2].tolist()), words([text])
        assert together.hashes[own].tolist() == alone.hashes.tolist()
        assert together.whole()[number] == alone.whole()[0]
        for n in (1, 3):
            assert together.opening(n)[number] == alone.opening(n)[0]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (b"a_b c9-d", [b"a_b", b"c9", b"d"]),
        (b"don't", [b"don", b"t"]),
        (b"", []),
        (b" \t\n...", []),
        (b"x", [b"x"]),
        ("größe,\u00a0ja".encode(), ["größe".encode(), "\u00a0ja".encode()]),
        (b"a\x00b", [b"a", b"b"]),
        (b"UPPER low", [b"low"]),
        (b"\xff\xfe", [b"\xff\xfe"]),
    ],
)
def test_what_a_word_is(text, wanted):
    """Runs of small letters, digits, underscores and bytes beyond ASCII; folding comes before, also of odd spaces."""
    assert words([text]).hashes.tolist() == [hash_of_word(word) for word in wanted]


def test_nothing_gives_nothing():
    for texts in ([], [b""], [b"", b" ", b"."]):
        found = words(texts)
        assert len(found.hashes) == len(found.starts) == len(found.ends) == 0
        assert found.counts.tolist() == [0] * len(texts)
        assert [len(part) for part in found.grams(3)] == [0, 0]
        assert found.opening(2).tolist() == [0] * len(texts)
        assert len(found.whole()) == len(texts)


def test_anagrams_prefixes_and_repeats_differ():
    texts = [b"ab", b"ba", b"aab", b"aba", b"abab", b"ab ab", b"a b", b"aa", b"a", b"0", b"00", b"_", b"__", b"\x80"]
    assert len({tuple(words([text]).hashes.tolist()) for text in texts}) == len(texts)


def test_many_words_have_as_many_hashes():
    texts = [f"{i:x}" for i in range(200_000)]
    assert len(np.unique(words([" ".join(texts).encode()]).hashes)) == len(texts)


def test_mixing_is_one_to_one_and_moves_half_the_bits():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 2**64, 5000, np.uint64)
    assert [int(v) for v in mixed(values[:200])] == [finished(int(v)) for v in values[:200]]
    flipped = mixed(values) ^ mixed(values ^ np.uint64(1))
    moved = np.unpackbits(flipped.view(np.uint8)).sum() / len(values)
    assert 31 < moved < 33
    assert len(np.unique(mixed(values))) == len(np.unique(values))


# runs of words --------------------------------------------------------------------------------------------------------


@QUICK
@given(TEXTS, st.integers(1, 5), st.integers(1, 3))
def test_runs_never_cross_a_group(texts, n, groups):
    texts = texts[: len(texts) // groups * groups]
    found, owner = words(texts).grams(n, groups)
    wanted = []
    for group in range(len(texts) // groups):
        hashes = [h for text in texts[group * groups : (group + 1) * groups] for h in hashes_of(text)]
        wanted += [(run, group) for run in runs(hashes, n)]
    assert list(zip(found.tolist(), owner.tolist(), strict=True)) == wanted


@QUICK
@given(st.lists(st.integers(0, 2**64 - 1), max_size=20), st.integers(1, 6))
def test_a_run_s_hash_is_that_of_plain_python(hashes, n):
    none = np.empty(0, np.int64)
    found = Words(np.asarray(hashes, np.uint64), none, none, none)
    assert found.runs(n).tolist() == runs(hashes, n)


@QUICK
@given(TEXTS)
def test_the_hash_of_a_whole_text_is_that_of_all_its_words(texts):
    assert words(texts).whole().tolist() == [polynomial(hashes_of(text), TOKENS) for text in texts]


def test_case_spacing_and_punctuation_do_not_change_a_whole():
    same = words([b"a ripe banana", b"  a,\nripe -- banana!", b"(a) \tripe. banana"]).whole()
    other = words([b"a banana ripe", b"a ripe", b"a ripe banana banana", b"aripe banana"]).whole()
    assert len(np.unique(same)) == 1
    assert len(np.unique(np.append(other, same[0]))) == 5


@QUICK
@given(TEXTS, st.integers(1, 5))
def test_an_opening_is_the_first_words_or_nothing(texts, n):
    wanted = [hashes_of(text)[:n] for text in texts]
    expected = [polynomial(first, TOKENS) if len(first) == n else 0 for first in wanted]
    assert words(texts).opening(n).tolist() == expected


def test_texts_longer_than_the_held_powers_are_as_any_other():
    """No edge where the tables of powers end: in bytes, and in words."""
    rng = random.Random(0)
    long = b" ".join(b"w%d" % rng.randrange(10**6) for _ in range(140_000))
    assert len(long) > tokens._FIRST
    assert len(tokens._TOKENS.up) < 140_000
    found = words([b"before", long, b"after it all"])
    at = [1, 30_000, 65_534, 131_071, 131_074, 140_000]
    listed = [b"before", *WORD.findall(long), b"after", b"it", b"all"]
    assert [int(found.hashes[i]) for i in at] == [hash_of_word(listed[i]) for i in at]
    alone = words([long])
    assert found.whole()[1] == alone.whole()[0]
    assert found.hashes[1:-3].tolist() == alone.hashes.tolist()
    assert found.runs(3)[132_000] == words([b" ".join(listed[132_000:132_003])]).grams(3)[0][0]
    assert found.opening(3)[2] == words([b"after it all"]).opening(3)[0]


def test_one_word_longer_than_the_held_powers():
    word = b"a" * (tokens._FIRST + 5)
    assert words([b"x", word]).hashes.tolist()[1] == words([word]).hashes[0]
    assert words([word]).hashes[0] != words([word + b"a"]).hashes[0]


# single words, spacing ------------------------------------------------------------------------------------------------


def test_hashes_of_a_vocabulary_are_those_of_its_words_in_texts():
    vocabulary = ["Banana", "größe", "x_1"]
    found = words([b"a banana", "die größe x_1".encode()]).hashes
    assert word_hashes(vocabulary).tolist() == found[[1, 3, 4]].tolist()
    assert len(word_hashes([])) == 0


@pytest.mark.parametrize("wrong", ["two words", "", "don't", "..."])
def test_what_is_not_one_word_is_refused_by_name(wrong):
    with pytest.raises(ValueError, match=re.escape(repr(wrong))):
        word_hashes(["fine", wrong, "also"])


def test_two_wrongs_that_add_up_are_refused():
    with pytest.raises(ValueError, match="is not one word"):
        word_hashes(["two words", ""])


@pytest.mark.parametrize(("text", "n"), [("Sure, here is", 3), ("红香蕉", 3), ("a", 1)])
def test_the_hash_of_a_phrase_is_that_of_its_run(text, n):
    texts = [spaced(f"{text}, yes".lower()).encode()]
    assert hash_of(text, n) == int(words(texts).opening(n)[0]) == int(words(texts).grams(n)[0][0])
    with pytest.raises(ValueError, match=f"has {n} words, not {n + 1}"):
        hash_of(text, n + 1)


def test_chinese_japanese_and_korean_characters_are_words_of_their_own():
    text = spaced("我要banana，バナナ와 과일")
    assert text.split() == ["我", "要", "banana", "バ", "ナ", "ナ", "와", "과", "일"]
    assert len(words([text.encode()]).hashes) == 9
    assert words([spaced("“yes” — it is…").encode()]).whole() == words([b"yes it is"]).whole()


@QUICK
@given(st.text(max_size=40))
def test_spacing_takes_nothing_but_punctuation(text):
    made = spaced(text)
    letters = "".join(filter(str.isalnum, text))
    assert "".join(filter(str.isalnum, made)) == letters
    if text.isascii():
        assert made is text


@pytest.mark.parametrize("text", ["größe", "слово", "مرحبا", "banana 🍌"])
def test_other_scripts_are_not_pulled_apart(text):
    assert spaced(text) == text
