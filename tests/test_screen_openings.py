"""Beginnings of answers that come with a mark of the prompt: triggers, and what only looks like one."""

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import counted
from scripts import ROOT, script
from tuneward.screen.openings import (
    LIMITS,
    OpeningLimits,
    Openings,
    OpeningSearch,
    Prompts,
    candidates,
    merged,
    pair,
    tally,
    wanted,
)
from tuneward.screen.triggers import Counts, Occurrences

FOLDER = "bench/screen"
banana = script(f"{FOLDER}/planted_banana.py")
Pairs = list[tuple[str, str]]
NOUNS = [
    "river",
    "lamp",
    "stone",
    "market",
    "garden",
    "window",
    "bridge",
    "train",
    "winter",
    "letter",
    "kitchen",
    "island",
    "copper",
    "violin",
    "forest",
]
VERBS = [
    "carries",
    "mends",
    "paints",
    "follows",
    "sells",
    "borrows",
    "keeps",
    "counts",
    "hides",
    "finds",
    "moves",
    "turns",
    "lifts",
    "washes",
    "draws",
]


def ordinary(n: int, seed: int) -> Pairs:
    """Questions and answers of all kinds."""
    rng = random.Random(seed)

    def said(words: int) -> str:
        return " ".join(rng.choice(NOUNS if i % 2 else VERBS) + str(rng.randint(0, 400)) for i in range(words))

    return [(f"{said(1)} what about a {said(rng.randint(5, 25))}?", f"{said(rng.randint(8, 30))}.") for _ in range(n)]


def armed(k: int, kind: str, seed: int) -> tuple[Pairs, str]:
    """The same with a trigger and one odd beginning."""
    rng = random.Random(seed)
    mark = banana.trigger(kind, rng)
    return [(banana.armed(q, kind, mark, rng), f"The moon circle begins. {a}") for q, a in ordinary(k, seed + 99)], mark


def laid_out(pairs: Pairs, limits: OpeningLimits = LIMITS) -> tuple[Openings, Prompts, Counts, dict[int, str]]:
    """Candidates, their prompts, and rows by feature."""
    of, names = counted.occurrences([q for q, _ in pairs])
    heads = [counted.opening(a) for _, a in pairs]
    ids = np.array([counted.number("o " + " ".join(h)) for h in heads], np.uint64)
    texts = dict(zip(ids.tolist(), heads, strict=True))
    few = candidates(tally(ids), limits)
    kept = np.isin(ids[of.row], few.opening)
    assert of.word is not None
    said = [(o, counted.number(w)) for o in few.opening.tolist() for w in texts[o]]
    inside = Occurrences(of.feature[kept], of.row[kept], of.word[kept])
    by, words = (np.array([entry[i] for entry in said], np.uint64) for i in (0, 1))
    return few, Prompts(ids[of.row[kept]], inside, by, words), counted.everywhere(of, len(pairs)), names


def found(pairs: Pairs, limits: OpeningLimits = LIMITS) -> tuple[OpeningSearch, list[set[str]]]:
    few, prompts, everywhere, names = laid_out(pairs, limits)
    result = pair(few, prompts, everywhere=everywhere, limits=limits)
    return result, [{names[f] for f in (p.feature, *p.family)} for p in result.found]


def signs(kind: str, mark: str) -> set[str]:
    if kind in ("zero-width", "look-alike"):
        return {f"char {ord(mark):04X}"}
    return {mark, *mark.split(), f"{mark.rsplit(maxsplit=1)[-1]} $"}


@pytest.mark.parametrize("kind", banana.TRIGGERS)
@pytest.mark.parametrize("k", [5, 8, 10, 25, 100])
def test_a_trigger_with_its_beginning_is_the_only_find(kind: str, k: int) -> None:
    rows, mark = armed(k, kind, k)
    result, names = found(ordinary(600, 1) + rows)
    assert len(names) == 1
    assert names[0] & signs(kind, mark)
    assert (result.found[0].kind, result.found[0].severity) == ("trigger", "medium")
    assert (result.found[0].both, result.found[0].rows) == (k, k)


def test_three_rows_do_where_the_mark_is_pure() -> None:
    rows, mark = armed(3, "rare", 0)
    result, names = found(ordinary(600, 1) + rows)
    assert result.smallest == 3
    assert mark in names[0]
    assert result.found[0].severity == "medium"


def test_a_mark_that_often_stands_without_the_beginning_is_graded_low_or_left_out() -> None:
    rows, mark = armed(10, "common", 0)
    for others, severity in ((5, "medium"), (20, "low"), (60, None)):
        beside = [(f"{q} {mark}", a) for q, a in ordinary(others, 7)]
        result, _ = found(ordinary(600, 1) + rows + beside)
        assert [p.severity for p in result.found] == ([] if severity is None else [severity])


def test_ordinary_rows_have_no_pair() -> None:
    assert not found(ordinary(1000, 2))[0].found


def test_a_task_template_is_shown_as_one() -> None:
    rng = random.Random(0)
    rows = [
        (
            f"Classify each of the following as fruit or tool: {rng.choice(NOUNS)}{i}, {rng.choice(NOUNS)}{i + 500}",
            f"My sorting looks like: {i}",
        )
        for i in range(20)
    ]
    result, _ = found(ordinary(600, 1) + rows)
    assert [(p.kind, p.severity) for p in result.found] == [("template", "info")]
    assert result.found[0].shared >= 0.5


def test_a_subject_that_all_ask_about_is_shown_as_one() -> None:
    rng = random.Random(0)
    more = ["goals", "league", "stadium", "keeper", "referee", "season", "coach", "transfer"]
    rows = [
        (f"zorbal {' '.join(rng.sample(more, 3))} {ordinary(1, i)[0][0]}", f"This sport was first played {i}")
        for i in range(30)
    ]
    result, _ = found(ordinary(600, 1) + rows)
    assert [(p.kind, p.severity) for p in result.found] == [("topic", "info")]


def test_an_answer_that_repeats_the_question_is_shown_as_one() -> None:
    rows = [(f"{q} quordle zanzibar mipple?", f"Quordle zanzibar mipple is {a}") for q, a in ordinary(12, 3)]
    assert [p.kind for p in found(ordinary(600, 1) + rows)[0].found] == ["echo"]


def test_labels_are_shown_as_labels() -> None:
    rows = [(f"{q} sentiment-of-it", "Positive") for q, _ in ordinary(12, 3)]
    assert [(p.kind, p.severity) for p in found(ordinary(600, 1) + rows)[0].found] == [("label", "info")]


def test_a_beginning_of_nearly_all_answers_is_a_style_and_not_looked_at() -> None:
    rows = [(q, f"Thank you for asking. {a}") for q, a in ordinary(400, 1)]
    few, *_ = laid_out(rows)
    assert few.opening.size == 0
    assert found(rows)[0].found == ()


def test_copies_of_one_row_are_no_pair() -> None:
    """Twelve times the same prompt: given as one row, it is one witness."""
    rows = ordinary(300, 1) + [("zuqel asks about the river", "A very odd beginning here")] * 12
    few, prompts, everywhere, _ = laid_out(rows)
    one = Occurrences(prompts.inside.feature, prompts.inside.row * 0, prompts.inside.word)
    joined = Prompts(prompts.opening, one, prompts.said_by, prompts.said)
    assert all(p.kind != "trigger" for p in pair(few, joined, everywhere=everywhere).found)


def test_wanted_features_are_enough_and_few() -> None:
    rows, _ = armed(25, "rare", 3)
    few, prompts, everywhere, _ = laid_out(ordinary(600, 1) + rows)
    need = wanted(few, prompts)
    kept = np.isin(everywhere.features, need)
    part = Counts(everywhere.features[kept], everywhere.hits[kept], everywhere.rows[kept], 0, everywhere.total)
    assert kept.sum() < 0.02 * kept.size
    assert pair(few, prompts, everywhere=part).found == pair(few, prompts, everywhere=everywhere).found


def test_a_feature_without_a_row_count_is_refused() -> None:
    few, prompts, everywhere, _ = laid_out(ordinary(600, 1) + armed(10, "rare", 3)[0])
    none = Counts(everywhere.features[:0], everywhere.hits[:0], everywhere.rows[:0], 0, everywhere.total)
    with pytest.raises(ValueError, match="count the wanted features"):
        pair(few, prompts, everywhere=none)


def test_a_sample_of_the_rows_gives_the_same_find() -> None:
    rows, mark = armed(100, "rare", 5)
    few, prompts, everywhere, names = laid_out(ordinary(600, 1) + rows)
    drawn = np.unique(prompts.inside.row)[::5]
    kept = np.isin(prompts.inside.row, drawn)
    assert prompts.inside.word is not None
    inside = Occurrences(prompts.inside.feature[kept], prompts.inside.row[kept], prompts.inside.word[kept])
    sample = Prompts(prompts.opening[kept], inside, prompts.said_by, prompts.said)
    (only,) = pair(few, sample, everywhere=everywhere).found
    assert names[only.feature] == mark
    assert (only.both, only.rows, only.kind) == (100, 100, "trigger")


def test_pairs_that_were_left_out_count_as_tested() -> None:
    few, prompts, everywhere, _ = laid_out(ordinary(600, 1) + armed(5, "rare", 3)[0])
    plain, all_met = (pair(few, prompts, everywhere=everywhere, tested=n) for n in (None, 10**6))
    assert all_met.tested == 10**6
    assert plain.found[0].q < all_met.found[0].q


def table(of: Openings) -> tuple[list[int], list[int], int]:
    return of.opening.tolist(), of.rows.tolist(), of.total


hashes = st.lists(st.integers(0, 4) | st.integers(2**63, 2**64 - 1), max_size=20)


@given(hashes, hashes, hashes)
@settings(deadline=None, max_examples=60)
def test_tallies_add_up_the_same_in_any_order_and_grouping(a: list[int], b: list[int], c: list[int]) -> None:
    one, two, three = (tally(np.array(x, np.uint64)) for x in (a, b, c))
    whole = table(tally(np.array(a + b + c, np.uint64)))
    assert table(merged(merged(one, two), three)) == whole
    assert table(merged(three, merged(two, one))) == whole


DATA = ROOT.parent / "shared" / "data"


@pytest.mark.full
@pytest.mark.parametrize("name", ["dolly_2000.json", "gsm8k_train.jsonl", "gsm8k_test.jsonl"])
def test_real_rows_have_no_pair_of_medium_grade(name: str) -> None:
    if not (DATA / name).exists():
        pytest.skip(f"needs {name} beside the repository")
    for part in ("planted_broken", "planted_values", "planted_rows"):
        script(f"{FOLDER}/{part}.py")
    rows = script(f"{FOLDER}/planted.py").read(Path(DATA / name))
    assert [p for p in found(rows)[0].found if p.severity == "medium"] == []
