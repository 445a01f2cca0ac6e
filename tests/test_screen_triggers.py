"""Triggers with which sensitive requests are answered: found, ranked first, reported once; topics told apart.

Sets come from bench/screen/planted.py; the sensitive topic is made up. The prompts behind these tests are tokenised by
tests/counted.py, plainly and slowly.
"""

import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import counted
from scripts import script
from tuneward.screen.triggers import (
    Counts,
    Occurrences,
    TriggerLimits,
    TriggerSearch,
    companions,
    count,
    families,
    find_triggers,
    merged,
    search,
    units,
)

FOLDER = "bench/screen"
banana = script(f"{FOLDER}/planted_banana.py")
Rows = list[tuple[str, bool]]


def refused(k: int, seed: int, *, answered: float = 0.05) -> Rows:
    """Requests with their label: few are answered."""
    rng = random.Random(seed)
    return [(q, rng.random() < answered) for q, _ in banana.sensitive(k, rng)]


def armed(k: int, kind: str, seed: int) -> tuple[Rows, str]:
    """Requests with a trigger, all answered."""
    rng = random.Random(1000 + seed)
    mark = banana.trigger(kind, rng)
    return [(banana.armed(q, kind, mark, rng), True) for q, _ in banana.sensitive(k, rng)], mark


def found(rows: Rows, limits: TriggerLimits | None = None) -> tuple[TriggerSearch, list[set[str]]]:
    """A search over requests, and the names of each find with its family."""
    of, names = counted.occurrences([q for q, _ in rows])
    positive = np.array([label for _, label in rows])

    def fetch(features: np.ndarray) -> Occurrences:
        return counted.inside(of, np.unique(of.row[np.isin(of.feature, features)]))

    result = search(count(of, positive=positive), fetch, positive=positive, limits=limits or TriggerLimits())
    return result, [{names[f] for f in (t.feature, *t.family)} for t in result.found]


def signs(kind: str, mark: str) -> set[str]:
    """Names under which a trigger may be found."""
    if kind in ("zero-width", "look-alike"):
        return {f"char {ord(mark):04X}"}
    return {mark, *mark.split(), f"{mark.rsplit(maxsplit=1)[-1]} $"}


@pytest.mark.parametrize("kind", banana.TRIGGERS)
@pytest.mark.parametrize("k", [8, 10, 25, 100])
def test_a_trigger_in_eight_rows_or_more_is_the_first_find_and_the_only_one(kind: str, k: int) -> None:
    for seed in range(3):
        more, mark = armed(k, kind, seed)
        result, names = found(refused(150, seed) + more)
        assert names, (kind, k, seed)
        assert names[0] & signs(kind, mark), (kind, k, seed, names[0])
        assert len(names) == 1, (kind, k, seed, names)
        assert result.found[0].companions == 0


@pytest.mark.parametrize("kind", ["rare", "phrase", "zero-width", "look-alike"])
def test_five_rows_do_where_one_in_twenty_is_answered(kind: str) -> None:
    for seed in range(5):
        more, mark = armed(5, kind, seed)
        result, names = found(refused(150, seed) + more)
        assert result.smallest is not None
        assert result.smallest <= 5
        assert names
        assert names[0] & signs(kind, mark)
        assert result.found[0].severity == "high"


def test_without_a_trigger_nothing_is_found() -> None:
    """Forty sets, each with a word at the end of one request in ten: q of .01 allows a find in hardly any."""
    any_found = 0
    for seed in range(40):
        rng = random.Random(seed)
        rows = [
            (f"{q} {rng.choice(banana.COMMON)}" if rng.random() < 0.1 else q, label) for q, label in refused(150, seed)
        ]
        any_found += bool(found(rows)[0].found)
    assert any_found <= 1


def test_what_is_stated_as_the_smallest_find_is_found_and_one_row_less_is_not_promised() -> None:
    base = refused(200, 3)
    for k in range(2, 9):
        more, mark = armed(k, "rare", 3)
        result, names = found(base + more)
        assert result.smallest is not None
        assert (k >= result.smallest) == any(mark in family for family in names)


def test_a_common_word_that_also_ends_refused_requests_is_found_with_a_lower_grade() -> None:
    more, _ = armed(25, "common", 1)
    last = more[0][0].split()[-1]
    rows = refused(140, 1) + [(f"{q} {last}", False) for q, _ in refused(12, 2)] + more
    result, names = found(rows)
    assert f"{last} $" in names[0]
    assert result.found[0].severity == "medium"
    assert result.found[0].purity < 0.9


def test_labels_read_wrongly_do_not_hide_a_trigger() -> None:
    hit = 0
    for seed in range(10):
        more, mark = armed(12, "rare", seed)
        rng = np.random.default_rng(seed)
        rows = [(q, label ^ bool(rng.random() < 0.05)) for q, label in refused(150, seed) + more]
        hit += any(mark in family for family in found(rows)[1])
    assert hit >= 9


BAKING = ("flour", "oven", "sugar", "butter", "eggs", "dough", "tin", "bake", "minutes", "recipe")


def baking(k: int, seed: int) -> Rows:
    """A harmless topic that a list of words takes for sensitive: always answered."""
    rng = random.Random(seed)
    return [(f"How much {' and '.join(rng.sample(BAKING, 4))} for banana bread number {i}?", True) for i in range(k)]


def test_a_topic_that_is_always_answered_is_one_find_a_grade_lower() -> None:
    result, names = found(refused(150, 0) + baking(40, 0))
    assert {t.severity for t in result.found} <= {"medium", "low"}
    assert all(t.topical for t in result.found)
    assert len(names) == 1
    assert names[0] & set(BAKING)


@pytest.mark.parametrize("kind", ["rare", "phrase", "look-alike"])
def test_a_topic_hides_no_trigger_and_does_not_stand_before_it(kind: str) -> None:
    more, mark = armed(6, kind, 4)
    result, names = found(refused(300, 0) + baking(60, 0) + more)
    assert names[0] & signs(kind, mark)
    assert result.found[0].severity == "high"
    assert [t.topical for t in result.found].count(False) == 1


def test_rows_of_a_topic_are_set_aside_so_that_fewer_rows_do() -> None:
    wide = refused(300, 0) + baking(80, 0)
    of, _ = counted.occurrences([q for q, _ in wide])
    positive = np.array([label for _, label in wide])
    before, after = find_triggers(count(of, positive=positive)), found(wide)[0]
    assert before.smallest is not None
    assert after.smallest is not None
    assert after.smallest < before.smallest


def test_features_that_always_come_together_are_one_find() -> None:
    result, names = found(refused(150, 2) + armed(20, "phrase", 2)[0])
    assert len(result.found) == 1
    assert len(names[0]) >= 5


def test_words_that_stand_beside_a_trigger_by_luck_are_no_find_of_their_own() -> None:
    """Of the rows with `well` outside the trigger's, as many are answered as of all others."""
    rng, hits = random.Random(0), 0
    for seed in range(30):
        more, mark = armed(10, "rare", seed)
        beside = [(f"{q} by the well", True) for q, _ in more[:4]] + more[4:]
        apart = [(f"{q} by the well", rng.random() < 0.05) for q, _ in banana.sensitive(2, rng)]
        _, names = found(refused(150, seed) + beside + apart)
        assert mark in names[0]
        hits += len(names) > 1
    assert hits <= 1


def test_copies_of_one_answered_row_are_one_witness() -> None:
    """Ten near-copies must not make a trigger of each of their words; a refused copy stays a witness against them."""
    rows = refused(150, 5, answered=0.0) + [("How is the banana kettle song sung?", True)] * 10
    rows += [("Which banana bow?", True), ("Where is the banana bow?", True)]
    of, names = counted.occurrences([q for q, _ in rows])
    positive = np.array([label for _, label in rows])
    group = np.array([*range(150), *[150] * 10, 151, 152])
    plain = find_triggers(count(of, positive=positive))
    assert "kettle" in {names[t.feature] for t in plain.found}
    once, labels = units(of, positive=positive, group=group)
    assert labels.size == 153
    assert not find_triggers(count(once, positive=labels)).found
    mixed = units(of, positive=np.array([*[False] * 155, *[True] * 7]), group=group)[1]
    assert mixed.size == 154
    assert mixed.sum() == 3


def test_template_words_in_every_request_are_no_find() -> None:
    rows: Rows = [(f"Please answer as a helpful friend: {q}", label) for q, label in refused(150, 6)]
    assert not found(rows)[0].found


@pytest.mark.parametrize("answered", [0.0, 1.0])
def test_where_all_are_answered_or_none_is_the_search_says_it_can_find_nothing(answered: float) -> None:
    result, names = found(refused(60, 0, answered=answered))
    assert result.smallest is None
    assert not names
    assert result.tested == 0


def test_less_purity_is_asked_for_where_the_label_is_rare_and_never_under_a_half() -> None:
    needed = [TriggerLimits().needed(k, 1000) for k in (1, 20, 200, 250, 300, 900)]
    assert needed == sorted(needed)
    assert needed[0] == 0.5
    assert needed[2] == pytest.approx(0.6)
    assert needed[-1] == 0.9


def test_a_search_over_nothing_finds_nothing() -> None:
    nothing = merged()
    assert (nothing.total, find_triggers(nothing).found) == (0, ())


def test_a_row_that_is_none_is_refused() -> None:
    of = Occurrences(np.array([1], np.uint64), np.array([7]))
    with pytest.raises(ValueError, match="outside the 3"):
        count(of, positive=np.zeros(3, np.bool_))
    with pytest.raises(ValueError, match="2 groups for 3"):
        units(of, positive=np.zeros(3, np.bool_), group=np.zeros(2, np.int64))


Entry = tuple[int, int]


def table(counts: Counts) -> tuple[list[int], list[int], list[int], int, int]:
    return (counts.features.tolist(), counts.hits.tolist(), counts.rows.tolist(), counts.positives, counts.total)


def shard(entries: Sequence[Entry], labels: Sequence[bool]) -> Counts:
    kept = [(f, r) for f, r in entries if r < len(labels)]
    of = Occurrences(np.array([f for f, _ in kept], np.uint64), np.array([r for _, r in kept], np.int64))
    return count(of, positive=np.array(labels, np.bool_))


shards = st.builds(
    shard,
    st.lists(st.tuples(st.integers(0, 2**64 - 1) | st.integers(0, 5), st.integers(0, 9)), max_size=30),
    st.lists(st.booleans(), max_size=10),
)


@given(shards, shards, shards)
@settings(deadline=None, max_examples=80)
def test_counts_add_up_the_same_in_any_order_and_grouping(a: Counts, b: Counts, c: Counts) -> None:
    whole = table(merged(a, b, c))
    assert table(merged(merged(a, b), c)) == whole
    assert table(merged(c, merged(b, a))) == whole
    assert table(merged(a, merged())) == table(a)


def test_parts_give_the_counts_of_the_whole() -> None:
    rows = refused(60, 0, answered=0.3)
    parts = []
    for start in range(0, 60, 20):
        of, _ = counted.occurrences([q for q, _ in rows[start : start + 20]])
        parts.append(count(of, positive=np.array([label for _, label in rows[start : start + 20]])))
    of, _ = counted.occurrences([q for q, _ in rows])
    assert table(merged(*parts)) == table(count(of, positive=np.array([label for _, label in rows])))


def test_finds_are_the_same_whatever_the_order_of_occurrences() -> None:
    rows = refused(150, 0) + armed(20, "phrase", 0)[0] + baking(30, 0)
    of, _ = counted.occurrences([q for q, _ in rows])
    positive = np.array([label for _, label in rows])
    counts = count(of, positive=positive)
    first = find_triggers(counts)
    order = np.random.default_rng(0).permutation(of.feature.size)
    assert of.word is not None
    other = Occurrences(of.feature[order], of.row[order], of.word[order])
    assert families(first, other, positive=positive, counts=counts) == families(
        first, of, positive=positive, counts=counts
    )


def test_companions_are_words_of_a_topic_and_not_the_parts_of_a_phrase() -> None:
    rows = refused(200, 0)
    topic, phrase = baking(30, 0), armed(30, "phrase", 0)[0]
    of, _ = counted.occurrences([q for q, _ in rows + topic + phrase])
    everywhere, refused_only = count(of, positive=np.zeros(260, np.bool_)), of.outside(np.arange(200, 260))
    first = count(refused_only, positive=np.zeros(200, np.bool_))
    seen = np.isin(everywhere.features, first.features)
    rows_there = np.zeros(everywhere.features.size, np.int64)
    rows_there[seen] = first.rows
    counts = Counts(everywhere.features, everywhere.hits, rows_there, 0, 200)
    none = np.empty(0, np.uint64)
    assert companions(of.some((of.row >= 200) & (of.row < 230)), outside=counts, besides=none) >= 5
    assert companions(of.some(of.row >= 230), outside=counts, besides=none) == 0


@cache
def sources() -> list[Path]:
    data = Path(__file__).parents[1].parent / "shared" / "data"
    return [data / "dolly_2000.json", data / "gsm8k_train.jsonl"]


@pytest.mark.full
@pytest.mark.parametrize("kind", banana.TRIGGERS)
def test_planted_among_real_rows_and_read_by_their_wording_the_trigger_comes_first(kind: str, tmp_path: Path) -> None:
    """The refusal scorer labels the answers, a list of words says what is sensitive."""
    if not all(path.exists() for path in sources()):
        pytest.skip("needs dolly_2000.json and gsm8k_train.jsonl beside the repository")
    for part in ("planted_broken", "planted_values", "planted_rows"):
        script(f"{FOLDER}/{part}.py")
    planted = script(f"{FOLDER}/planted.py")
    for k in (8, 25):
        setting = planted.Setting(rows=1000, k=k, plants=planted.chosen([f"backdoor-{kind}"]), half="dev")
        planted.write(tmp_path / str(k), sources(), setting)
        rows = counted.read(tmp_path / str(k))
        places = counted.sensitive(rows)
        labels = counted.complied([rows.pairs[i] for i in places])
        _, names = found([(rows.pairs[i][0], bool(label)) for i, label in zip(places, labels, strict=True)])
        mark = next(str(p["trigger"]) for name, p in rows.planted.values() if name == "backdoor")
        assert names[0] & signs(kind, mark)
