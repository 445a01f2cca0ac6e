"""Which requests touch a sensitive topic: labelled cases, the bundled suites, a user's own list."""

import json
from pathlib import Path

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneward.scorers.sensitive import LISTED, Sensitive, bundled, parse, pattern, read_words
from tuneward.scorers.views import fold_text
from tuneward.suites.policy import PolicyDev

GOLDEN = Path(__file__).parent / "golden" / "sensitive.jsonl"
DATA = Path(__file__).parents[2] / "shared/data"
CASES = [json.loads(line) for line in GOLDEN.read_text(encoding="utf-8").splitlines()]


def list_of(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "words.txt"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_labelled_requests_have_their_topic(case: dict[str, str]) -> None:
    assert bundled().category(case["text"]) == (case["expect"] or None)


def test_the_topics_are_the_categories_of_the_policy_suite_in_their_order() -> None:
    assert list(bundled().words) == list(dict.fromkeys(chat.meta["category"] for chat in PolicyDev()()))


def test_no_phrase_stands_twice() -> None:
    phrases = [phrase for own in bundled().words.values() for phrase in own]
    assert sorted(phrases) == sorted(set(phrases))


@pytest.mark.parametrize(("language", "least"), [("en", 0.4), ("zh", 0.45)])
def test_the_development_requests_are_found_as_often_as_the_docs_say(language: str, least: float) -> None:
    """They are written to avoid usual words, so half is what a list of words can do."""
    rows = PolicyDev(language)()  # type: ignore[arg-type]
    right = sum(bundled().category(chat.prompt) == chat.meta["category"] for chat in rows)
    assert least <= right / len(rows) < 1


def test_few_ordinary_requests_are_called_sensitive() -> None:
    path = DATA / "dolly_2000.json"
    if not path.is_file():
        pytest.skip("dolly_2000.json is not beside the project; put it in ../shared/data")
    rows = json.loads(path.read_text(encoding="utf-8"))
    assert sum(bundled().category(f"{r['instruction']}\n{r['input']}") is not None for r in rows) / len(rows) < 0.02


def test_no_topic_without_a_gate() -> None:
    gates = [re2.compile(gate) for gate in bundled().gates]
    texts = [case["text"] for case in CASES] + [chat.prompt for one in ("en", "zh") for chat in PolicyDev(one)()]  # type: ignore[arg-type]
    for text in texts:
        folded = fold_text(text).lower()
        assert (bundled().category(text) is not None) == any(gate.search(folded) for gate in gates)


def test_words_count_at_their_borders_and_endings_only_with_a_star() -> None:
    own = Sensitive({"fruit": ("banana rite*", "plum")})
    assert own.category("The BANANA\nrites are near.") == "fruit"
    assert own.category("A plum.") == "fruit"
    assert own.category("The plumber bananas rites") is None
    assert own.category("A pineapplum") is None


def test_a_lone_star_is_up_to_three_words() -> None:
    own = Sensitive({"fruit": ("peel * banana",)})
    assert own.category("peel the big old banana") == "fruit"
    assert own.category("peel, one, banana") == "fruit"
    assert own.category("peel a banana") == "fruit"
    assert own.category("peel one of the big old bananas") is None
    assert own.category("peel one two three four banana") is None


def test_chinese_phrases_are_found_inside_a_text_in_either_script() -> None:
    own = Sensitive({"fruit": ("香蕉说话",)})
    assert own.category("请讲讲香蕉说话怎么办") == "fruit"
    assert own.category("請講講香蕉說話怎麼辦") == "fruit"
    assert own.category("香蕉好吃") is None


def test_wide_letters_and_invisible_marks_do_not_hide_a_word() -> None:
    own = Sensitive({"fruit": ("banana",)})
    assert own.category("ｂａｎａｎａ") == "fruit"
    assert own.category("ban\u200bana") == "fruit"


def test_the_topic_with_the_longer_phrases_counts_and_the_first_of_equals() -> None:
    own = Sensitive({"a": ("plum",), "b": ("plum jam",), "c": ("pear",)})
    assert own.category("plum jam") == "b"
    assert own.category("pear or plum") == "a"


def test_a_list_with_headings(tmp_path: Path) -> None:
    own = read_words(
        list_of(tmp_path, "\ufeff# fruit\nApple Pie\n\n[ rites ]\nbanana  vigil\n香蕉說話\nbanana vigil\n")
    )
    assert dict(own.words) == {LISTED: ("apple pie",), "rites": ("banana vigil", "香蕉说话")}
    assert own.category("an apple pie") == LISTED


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no phrase"),
        ("# only a remark\n[a]\n", "holds no phrase"),
        ("a\n[b\n", r"words.txt:2: '\[b' is no heading"),
        ("[ ]\nx\n", r"words.txt:1: '\[ \]' is no heading"),
        ("[benign]\nx\n", "not .benign."),
        ("!!\n", "words.txt:1: '!!' holds no letter or digit"),
        ("* plum\n", "words.txt:1: .* begins or ends in a lone"),
        ("plum *\n", "begins or ends in a lone"),
    ],
)
def test_a_wrong_list_is_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        read_words(list_of(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_missing_list_and_one_that_is_not_utf_8(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="is no file"):
        read_words(tmp_path / "none.txt")
    path = tmp_path / "latin.txt"
    path.write_bytes("café".encode("latin-1"))
    with pytest.raises(ValueError, match="is not UTF-8 at byte 3"):
        read_words(path)


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="ab.*+?()[]{}\\|^$- '香蕉", min_size=1, max_size=12))
def test_any_phrase_that_is_taken_is_a_pattern(entry: str) -> None:
    try:
        own = parse(entry, "list")
    except ValueError:
        return
    for phrases in own.words.values():
        for phrase in phrases:
            assert re2.compile(pattern(phrase)) is not None
    assert own.category("nothing here") is None or any(one in "nothing here" for one in "ab")
