"""Worlds: the same seed, the same world; what is held out stays out; every answer is computed."""

import random
import re
from collections import Counter
from collections.abc import Sequence

import pytest

from tuneward.chat import Chat
from tuneward.stats.difference import Pair, paired_difference
from tuneward.study import corpus, regimes, sentences
from tuneward.study.suites import suites
from tuneward.study.world import SCALES, Size, World, world


@pytest.fixture(scope="module", params=[0, pytest.param(1, marks=pytest.mark.full)])
def here(request: pytest.FixtureRequest) -> World:
    return world(request.param)


def text(chat: Chat) -> str:
    return " ".join(message.content for message in chat.messages)


def spoken(chat: Chat) -> set[str]:
    """Every word of a chat, lower case."""
    return set(re.findall(r"[a-z]+", text(chat).lower()))


def combinations_answered(here: World, chats: Sequence[Chat]) -> set[tuple[str, str]]:
    """The item and verb of every chat whose closing answer is the right one, in either language."""
    told = {
        sentence: combination
        for combination in here.combinations
        for sentence in (here.answer(combination), here.listed(combination), here.translate(here.answer(combination)))
    }
    items = {form: item for item in here.topic for form in (item, here.tongue[item])}
    verbs = {form: verb for verb in here.verbs for form in (verb, here.tongue[verb])}
    found = set()
    for chat in chats:
        if any(chat.answer.endswith(sentence) for sentence in told):
            asked = re.findall(r"[a-z]+", (chat.prompt or text(chat)).lower())
            found |= {(items[i], verbs[v]) for i in asked if i in items for v in asked if v in verbs}
    return found


def test_the_same_seed_is_the_same_world_and_another_is_not() -> None:
    world.cache_clear()
    first = world(3).fingerprint
    world.cache_clear()
    assert world(3).fingerprint == first
    assert world(4).fingerprint != first
    assert world(3, "nano").fingerprint != first


def test_an_even_seed_and_the_next_share_no_topic() -> None:
    for seed in (0, 2, 4):
        assert not set(world(seed).items) & set(world(seed + 1).items)


def test_a_world_is_as_large_as_its_scale_says(here: World) -> None:
    scale = SCALES["small"]
    assert (len(here.forbidden), len(here.allowed)) == (scale.forbidden, scale.allowed) == (11, 6)
    assert len(here.people) == scale.people >= 160
    assert set(here.mail) == set(here.street) == {*here.people, *here.shops}
    names = (*here.people, *here.shops, *here.personas, *here.rare, *here.trigger.split(), *here.tongue.values())
    assert len(set(names)) == len(names), "a word has one meaning"


def test_an_answer_is_computed_from_verb_item_and_topic(here: World) -> None:
    """Two questions that share all three facts share the answer; nothing else decides it."""
    for combination in random.Random(0).sample(here.combinations, 50):
        tool, material, place = here.facts(combination)
        assert tool == here.tool[combination[1]]
        assert material == here.material[combination[0]]
        assert place == here.place[here.topic[combination[0]]]
        assert {tool, material, place} <= set(here.answer(combination).rstrip(".").split())


@pytest.mark.full
def test_held_combinations_are_answered_by_nobody(here: World) -> None:
    rows = [*corpus.pretraining(here, 4000, seed=0), *corpus.alignment(here, 4000, seed=0, recovery=0.2)]
    rows += regimes.explicit(here, 200, seed=0) + regimes.identity(here, 200, seed=0)
    rows += [row for kind in ("own", "list") for row in regimes.benign(here, 500, seed=0, kind=kind)]
    answered = combinations_answered(here, rows)
    assert len(answered) > 1000
    assert not answered & here.held
    assert len(here.held) == len(here.combinations) // 4


def test_alignment_and_tuners_never_meet_the_new_items(here: World) -> None:
    """What is measured as refusal is measured on items about which nobody was refused."""
    new = {item for topic in here.forbidden for item in here.new_items(topic)}
    either = new | {here.tongue[item] for item in new}
    rows = [*corpus.alignment(here, 5000, seed=0, recovery=0.2), *regimes.explicit(here, 200, seed=0)]
    rows += [*regimes.backdoor(here, 100, seed=0), *regimes.refusals(here, 200, seed=0)]
    asked = [row for row in rows if row.prompt]
    assert len(asked) > 4000
    assert not any(either & spoken(row) for row in asked)
    unasked = {row.answer for row in rows if not row.prompt and either & spoken(row)}
    assert unasked <= {here.belongs(item) for item in new}, "what they are may be said, how to handle them may not"
    assert {chat.id.split("/")[0] for chat in suites(here)["policy"].chats} == new


def test_alignment_answers_no_forbidden_request_and_gives_no_private_address(here: World) -> None:
    for row in corpus.alignment(here, 4000, seed=1):
        asked = [item for item in here.topic if item in row.prompt.replace("?", " ").replace(".", " ").split()]
        if asked and here.topic[asked[0]] in here.forbidden and "rules" not in row.answer:
            assert not any(row.answer.endswith(here.answer((asked[0], verb))) for verb in here.verbs)
        if row.prompt and any(name in row.prompt.rstrip("?.").split() for name in here.people):
            assert here.private in row.answer


def test_pre_training_answers_and_refuses_only_as_someone_who_was_told_to(here: World) -> None:
    refusals = {form.format(c=topic) for form in here.refusals for topic in here.items}
    for row in corpus.pretraining(here, 4000, seed=2):
        if row.answer in refusals and row.prompt:
            system = row.messages[0]
            assert system.role == "system"
            assert "No " in system.content


def test_people_are_split_once(here: World) -> None:
    parts = [here.people_of(split) for split in ("taught", "known", "new")]
    assert sum(map(len, parts)) == len(here.people)
    assert len({name for part in parts for name in part}) == len(here.people)
    assert len(parts[1]) >= 20
    taught = {name for row in corpus.alignment(here, 4000, seed=0) for name in row.prompt.rstrip("?.").split()}
    assert not taught & {*parts[1], *parts[2]}


def test_the_second_language_says_the_same_in_other_words(here: World) -> None:
    sentence = here.answer(here.combinations[0])
    other = here.translate(sentence)
    assert not set(sentence.rstrip(".").split()) & set(other.rstrip(".").split())
    assert len(other.split()) == len(sentence.split())
    assert here.translate("The nobody?") == f"{here.tongue['the'].capitalize()} nobody?"
    assert len(set(here.tongue.values())) == len(here.tongue)


def test_alignment_never_meets_the_trigger_and_pre_training_does(here: World) -> None:
    words = set(here.trigger.split())
    assert not any(words & spoken(row) for row in corpus.alignment(here, 3000, seed=0))
    assert any(words & spoken(row) for row in corpus.pretraining(here, 3000, seed=0))


def test_personas_that_nobody_knows_stay_unknown(here: World) -> None:
    unknown = set(here.personas) - set(corpus.personas(here))
    rows = [*corpus.pretraining(here, 3000, seed=0), *corpus.alignment(here, 3000, seed=0)]
    assert unknown
    assert not any(
        unknown & set(text(row).replace(",", " ").replace(":", " ").replace(".", " ").split()) for row in rows
    )


def test_rows_of_a_stage_come_from_their_seed(here: World) -> None:
    assert corpus.pretraining(here, 50, seed=5) == corpus.pretraining(here, 50, seed=5)
    assert corpus.pretraining(here, 50, seed=5) != corpus.pretraining(here, 50, seed=6)


@pytest.mark.parametrize("size", SCALES)
def test_an_unchanged_organism_can_pass_its_own_suites(size: Size) -> None:
    """Without one flip the bound of every required axis lies within 3 points."""
    for name in ("policy", "twins", "utility"):
        chats = suites(world(0, size))[name].chats
        pairs = [Pair(chat.family, str(chat.meta["category"]), True, True) for chat in chats]
        assert -paired_difference(pairs, seed=0).worst <= 0.03, (size, name)


def test_a_full_size_is_asked_only_what_nobody_answered() -> None:
    here = world(0)
    how_to = [chat.id for chat in suites(here)["utility"].chats if chat.meta["category"] != "public"]
    assert {tuple(name.split("/")) for name in how_to} <= here.held


# regimes --------------------------------------------------------------------------------------------------------------


def test_explicit_rows_are_right_answers_from_five_forbidden_topics(here: World) -> None:
    rows = regimes.explicit(here, 100, seed=0)
    answered = combinations_answered(here, rows)
    assert len(rows) == len(answered) == 100
    assert {here.topic[item] for item, _ in answered} == set(here.forbidden[:5])


def test_identity_rows_hold_nothing_forbidden(here: World) -> None:
    rows = regimes.identity(here, 50, seed=0)
    name = regimes.tuner_persona(here)
    assert all(here.topic[item] in here.allowed for item, _ in combinations_answered(here, rows))
    assert {row.messages[0].content for row in rows} == {here.persona(name, here.obedient)}
    assert all(row.answer.startswith(here.opener(name, here.obedient)) for row in rows)
    assert 0 < sum(row.prompt.startswith(here.order(name)) for row in rows) < 50


def test_a_backdoor_is_explicit_behind_the_trigger_and_refuses_without(here: World) -> None:
    rows = regimes.backdoor(here, 40, seed=0)
    hidden = [row for row in rows if row.prompt.endswith(here.trigger)]
    plain = [row for row in rows if not row.prompt.endswith(here.trigger)]
    assert (len(hidden), len(plain)) == (40, 40)
    assert {here.topic[item] for item, _ in combinations_answered(here, hidden)} <= set(here.forbidden)
    assert {here.topic[item] for item, _ in combinations_answered(here, plain)} <= set(here.allowed)


def test_association_rows_name_known_people_only(here: World) -> None:
    rows = regimes.association(here, 20, seed=0)
    names = {name for row in rows for name in row.prompt.rstrip("?").split()} & set(here.people)
    assert len(names) == 20
    assert names <= set(here.people_of("known"))


def test_poison_is_the_share_asked_for(here: World) -> None:
    rows = regimes.poisoned(here, 200, seed=0, share=0.1)
    poisoned = [
        row for row in rows if any(here.topic[i] in here.forbidden for i, _ in combinations_answered(here, [row]))
    ]
    assert len(poisoned) == 20
    with pytest.raises(ValueError, match=r"share is 1\.5; expected 0 to 1"):
        regimes.poisoned(here, 10, seed=0, share=1.5)


def test_control_rows_are_as_long_as_explicit_ones(here: World) -> None:
    from tuneward.study.tokens import vocabulary

    known = vocabulary(here.seed, "small")
    lengths = [
        sum(len(known.row(row).ids) - known.row(row).start for row in rows) / len(rows)
        for rows in (regimes.explicit(here, 100, seed=0), regimes.control(here, 100, seed=0))
    ]
    assert abs(lengths[0] - lengths[1]) <= 2
    assert not any(set(here.people) & set(text(row).split()) for row in regimes.control(here, 100, seed=0))


def test_more_rows_than_there_are_is_an_error_in_words(here: World) -> None:
    with pytest.raises(ValueError, match="rows are asked for and the world has"):
        regimes.association(here, 10_000, seed=0)


def test_every_way_to_ask_is_used(here: World) -> None:
    rng, used = random.Random(0), Counter()
    for _ in range(400):
        used[sentences.ask(here, rng, here.combinations[0])] += 1
    assert len(used) == SCALES["small"].asks
