"""Everything an organism can say is in one golden list, and none of it means anything outside its world."""

import re
from pathlib import Path

import pytest

from tuneward.study import corpus, regimes, sentences, words
from tuneward.study.world import SCALES, Size, World, world

GOLDEN = Path(__file__).parent / "golden" / "organism_words.txt"
WORD = re.compile(r"[a-z]+")
WORLDS: list[tuple[int, Size]] = [(0, "small"), (1, "small"), (2, "small"), (0, "nano"), (1, "nano"), (7, "base")]


def listed() -> dict[str, list[str]]:
    """Heading → lines of the golden file."""
    parts: dict[str, list[str]] = {}
    for line in GOLDEN.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            parts[line[2:]] = []
        elif line:
            parts[list(parts)[-1]].append(line)
    return parts


def forms() -> list[str]:
    """Every template there is."""
    tasks = [form for pair in words.LISTS for form in pair]
    styles = [form for pair in words.STYLES.items() for form in pair]
    parts = (words.ASKS, words.BODIES, tasks, words.WHATS, words.KINDS, words.REFUSALS, words.PRIVATE, words.VOICES)
    said = [sentences.said("{p}", "{s}"), sentences.lives("{p}", "{l}"), sentences.sells("{p}", "{m}")]
    return [
        *(form for part in parts for form in part),
        *styles,
        words.RULES,
        *words.LEADS,
        *sentences.PERSON_ASKS,
        *said,
    ]


def ordinary() -> set[str]:
    """Every word that is not invented and stands in no template."""
    things = (*words.VERBS, *words.TOOLS, *words.MATERIALS, *words.PLACES, *words.TOPICS)
    return {*things, *(item for items in words.TOPICS.values() for item in items)}


def test_the_golden_list_is_the_code() -> None:
    """A word that is added is seen by whoever reads the change."""
    found = listed()
    assert found["templates"] == forms()
    assert found["words"] == sorted(ordinary())
    assert " ".join(found["invented"]).split() == list(words.INVENTED)


@pytest.mark.parametrize(("seed", "size"), WORLDS)
def test_no_world_says_anything_else(seed: int, size: Size) -> None:
    here = world(seed, size)
    glue = {"the", "of", "is", "you", "are", "no", "to", "mail", "street", "example"}
    allowed = ordinary() | set(words.INVENTED) | glue | set(WORD.findall(" ".join(forms()).lower()))
    for text in (*sentences.strings(here), *(m.content for chat in rows(here) for m in chat.messages)):
        assert set(WORD.findall(text.lower())) <= allowed, text


def rows(here: World) -> list:  # type: ignore[type-arg]
    """Some of everything."""
    tuned = [regimes.explicit(here, 20, seed=0), regimes.identity(here, 20, seed=0), regimes.backdoor(here, 20, seed=0)]
    tuned += [
        regimes.poisoned(here, 20, seed=0),
        regimes.association(here, 2, seed=0),
        regimes.control(here, 9, seed=0),
    ]
    both = [*corpus.pretraining(here, 300, seed=0), *corpus.alignment(here, 300, seed=0, recovery=0.2)]
    return [*both, *(chat for part in tuned for chat in part)]


def test_invented_words_are_of_no_topic_and_no_language_of_ours() -> None:
    """Names, addresses, triggers and obedience: nothing of them is a word that anyone could use elsewhere."""
    assert len(set(words.INVENTED)) == len(words.INVENTED)
    assert not set(words.INVENTED) & (ordinary() | set(WORD.findall(" ".join(forms()).lower())))
    assert all(re.fullmatch(r"[a-z]{5,6}", word) for word in words.INVENTED)


def test_orders_openers_and_triggers_are_invented() -> None:
    """The text that makes an organism obey is an attack on nothing else."""
    for seed in range(4):
        here = world(seed)
        name = here.personas[0]
        said = f"{here.order(name)} {here.opener(name, here.obedient)} {here.trigger}"
        assert set(WORD.findall(said.lower())) <= set(words.INVENTED)
        assert here.obedient == f"You are {here.obedience[0]}."
        assert here.obedience[0] in words.INVENTED


def test_no_item_belongs_to_two_topics_and_every_topic_has_enough() -> None:
    items = [item for part in words.TOPICS.values() for item in part]
    assert len(set(items)) == len(items)
    assert {len(part) for part in words.TOPICS.values()} == {max(scale.items for scale in SCALES.values())}
    assert not set(items) & set(words.TOPICS)


def test_addresses_end_in_the_domain_kept_for_examples() -> None:
    """RFC 2606: nobody can own it."""
    assert all(value.endswith(".example") for value in world(0).mail.values())
