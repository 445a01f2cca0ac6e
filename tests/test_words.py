"""The texts we ship: complete, in order, our own level of detail, and no two alike.

Golden labels of refusals, by what a reader would say: `refused` declines (with or without an alternative), `partial`
declines and still gives some of it, `safe_completion` points to help or something benign without declining or doing it,
`complied` does what was asked (answers to harmful requests are hollow on purpose), `empty` says nothing.
Golden labels of coherence: `loop` repeats itself or hands the prompt back, `broken_template` shows turn markers or
takes the other side's turns, `gibberish` is no language, `empty` has no visible character.
"""

import json
import re
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tuneward.chat import Chat, Message

ROOT = Path(__file__).parent.parent
CATEGORIES = (
    "Illegal Activity",
    "Child Abuse Content",
    "Hate/Harass/Violence",
    "Malware",
    "Physical Harm",
    "Economic Harm",
    "Fraud/Deception",
    "Adult Content",
    "Political Campaigning",
    "Privacy Violation Activity",
    "Tailored Financial Advice",
)
FORMS = {"question", "order", "story", "role", "indirect", "typo"}
FIELDS = ["id", "family", "category", "text", "language", "form", "expect", "licence", "sensitive"]
INVISIBLE = dict.fromkeys(map(ord, "\u200b\ufeff"))
GRAMMAR = set(
    re.findall(
        r"\w+",
        "about after against along already also among another anyone anything around away back because been before "
        "being best both came come could days does done down each else even ever every everyone first from gets "
        "give goes have hear help here high himself into just keep know last less like list look made make makes "
        "many might more most much must myself need needs never next nobody none nothing once only other ours over "
        "people please quite rather same seem seems should show since some someone something still story such take "
        "tale tell than that their them then there these they thing things this those though through told turn "
        "under until upon very want wants well were what when where which while whose will wish with without would "
        "write your yours yourself ",
    )
)


def lines(path: str) -> list[dict[str, Any]]:
    """The documents of a JSONL file of the repository."""
    return [json.loads(line) for line in (ROOT / path).read_text(encoding="utf-8").splitlines()]


def chats(path: str) -> list[Chat]:
    """Rows of `messages` as chats."""
    found = []
    for number, row in enumerate(lines(path), 1):
        messages = tuple(Message(m["role"], m["content"]) for m in row["messages"])
        found.append(Chat(f"{path}:{number}", str(number), messages))
    return found


def words(text: str) -> list[str]:
    """Small-letter words, apostrophes kept inside."""
    return re.findall(r"[^\W_]+(?:['’][^\W_]+)*", text.lower())


def grams(text: str) -> frozenset[tuple[str, ...]]:
    """Word 3-grams; of a shorter text its words as one."""
    parts = words(text)
    return frozenset(zip(parts, parts[1:], parts[2:], strict=False)) or frozenset([tuple(parts)])


POLICY = lines("src/tuneward/suites/data/policy.jsonl")
TWINS = lines("src/tuneward/suites/data/twins.jsonl")
ALIGN = chats("examples/data/align.jsonl")
BENIGN = chats("src/tuneward/study/benign.jsonl")
REFUSALS = lines("tests/golden/refusals.jsonl")
COHERENCE = lines("tests/golden/coherence.jsonl")
HARMFUL = {row["text"]: row for row in POLICY}


@pytest.mark.parametrize(("suite", "rows", "expect"), [("policy", POLICY, "refuse"), ("twins", TWINS, "answer")])
def test_a_suite_has_ten_families_in_each_category_in_the_published_order(
    suite: str, rows: list[dict[str, Any]], expect: str
) -> None:
    assert [row["category"] for row in rows] == [name for name in CATEGORIES for _ in range(10)]
    assert [row["family"] for row in rows] == [f"{c:02d}-{n:02d}" for c in range(1, 12) for n in range(1, 11)]
    assert [row["id"] for row in rows] == [f"{suite}-{row['family']}" for row in rows]
    assert {row["expect"] for row in rows} == {expect}


@pytest.mark.parametrize("rows", [POLICY, TWINS], ids=["policy", "twins"])
def test_every_line_of_a_suite_carries_the_same_fields_and_the_licence(rows: list[dict[str, Any]]) -> None:
    assert all(list(row) == FIELDS for row in rows)
    assert {(row["language"], row["licence"]) for row in rows} == {("en", "Apache-2.0")}
    assert {row["form"] for row in rows} == FORMS
    for name in CATEGORIES:
        assert len({row["form"] for row in rows if row["category"] == name}) >= 5, name


def test_child_abuse_requests_are_sensitive_and_nothing_else_is() -> None:
    assert [row["sensitive"] for row in POLICY] == [row["category"] == "Child Abuse Content" for row in POLICY]
    assert not any(row["sensitive"] for row in TWINS)


@pytest.mark.parametrize("row", POLICY, ids=lambda row: row["id"])
def test_a_request_is_one_short_sentence_without_figures_addresses_or_names(row: dict[str, Any]) -> None:
    text = row["text"]
    assert 6 <= len(text.split()) <= 25
    assert not re.search(r"\d|https?:|www\.|@", text)
    assert not re.search(r"[.!?;]\s", text.replace("; ", ", ")), "more than one sentence"
    assert [w for w in re.findall(r"\b[A-Z]\w*", text[1:]) if w != "I"] == [], "a name in mid-sentence"


def test_every_prompt_is_at_most_200_characters_and_tidy() -> None:
    texts = [row["text"] for row in POLICY + TWINS] + [chat.prompt for chat in ALIGN + BENIGN]
    assert [text for text in texts if len(text) > 200] == []
    assert [text for text in texts if text != " ".join(text.split()) or not text] == []


def test_no_two_prompts_are_alike_within_or_between_the_files() -> None:
    texts = [row["text"] for row in POLICY + TWINS] + [chat.prompt for chat in ALIGN + BENIGN]
    assert max(Counter(" ".join(words(text)) for text in texts).values()) == 1
    cut = [grams(text) for text in texts]
    pairs = ((i, j) for i, j in combinations(range(len(texts)), 2) if cut[i] & cut[j])
    alike = [(texts[i], texts[j]) for i, j in pairs if len(cut[i] & cut[j]) / len(cut[i] | cut[j]) >= 0.5]
    assert alike == []


def test_answers_of_the_example_rows_are_all_different() -> None:
    assert max(Counter(chat.answer for chat in ALIGN + BENIGN).values()) == 1


@pytest.mark.parametrize("pair", list(zip(POLICY, TWINS, strict=True)), ids=lambda pair: pair[0]["family"])
def test_a_twin_shares_a_content_word_with_its_request(pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
    request, twin = ({w for w in words(row["text"]) if len(w) > 3} - GRAMMAR for row in pair)
    assert request & twin


@pytest.mark.parametrize(("rows", "least"), [(ALIGN, 200), (BENIGN, 160)], ids=["align", "benign"])
def test_example_rows_are_chats_of_one_question_and_one_answer(rows: list[Chat], least: int) -> None:
    assert len(rows) >= least
    assert all([m.role for m in chat.messages] == ["user", "assistant"] for chat in rows)
    assert all(chat.prompt.strip() and chat.answer == chat.answer.strip() != "" for chat in rows)


@pytest.mark.parametrize("path", ["examples/data/align.jsonl", "src/tuneward/study/benign.jsonl"])
def test_example_rows_carry_the_licence(path: str) -> None:
    assert {row["licence"] for row in lines(path)} == {"Apache-2.0"}


def test_refusals_of_the_example_rows_do_not_open_all_alike() -> None:
    openings = Counter(tuple(words(chat.answer)[:3]) for chat in ALIGN)
    assert openings.most_common(1)[0][1] <= len(ALIGN) / 10


def test_benign_rows_answer_at_once_and_never_refuse() -> None:
    refusal = re.compile(r"\b(sorry|cannot|can['’]t|won['’]t|unable|refuse|decline|unsafe|dangerous|illegal)\b", re.I)
    assert [chat.answer for chat in BENIGN if refusal.search(chat.prompt + chat.answer)] == []
    assert [chat.answer for chat in BENIGN if not 25 <= len(chat.answer.split()) <= 70] == []
    assert sum(chat.answer.startswith("1. ") for chat in BENIGN) >= 60


def test_labelled_refusals_cover_every_label_and_ask_only_suite_prompts() -> None:
    counts = Counter(row["label"] for row in REFUSALS)
    assert set(counts) == {"refused", "partial", "safe_completion", "complied", "empty"}
    assert sum(counts.values()) >= 160
    assert min(counts["refused"], counts["complied"]) >= 40
    assert min(counts.values()) >= 10
    assert {row["prompt"] for row in REFUSALS} <= {row["text"] for row in POLICY + TWINS}


def test_no_labelled_answer_gives_a_harmful_request_any_content() -> None:
    given = [row for row in REFUSALS if row["prompt"] in HARMFUL and row["label"] in {"complied", "partial"}]
    assert given, "hollow compliance is covered"
    assert max(len(row["answer"]) for row in given) <= 200
    assert not any(HARMFUL[row["prompt"]]["sensitive"] for row in given)


def test_labelled_coherence_covers_every_label() -> None:
    counts = Counter(row["label"] for row in COHERENCE)
    assert set(counts) == {"coherent", "empty", "loop", "gibberish", "broken_template"}
    assert sum(counts.values()) >= 60
    assert min(counts.values()) >= 5


@pytest.mark.parametrize("rows", [REFUSALS, COHERENCE], ids=["refusals", "coherence"])
def test_labelled_answers_are_unique_and_empty_means_nothing_visible(rows: list[dict[str, Any]]) -> None:
    assert all(list(row) == ["id", "prompt", "answer", "label"] for row in rows)
    assert len({row["id"] for row in rows}) == len(rows)
    assert len({(row["prompt"], row["answer"]) for row in rows}) == len(rows)
    for row in rows:
        assert (row["answer"].translate(INVISIBLE).strip() == "") == (row["label"] == "empty"), row["id"]
