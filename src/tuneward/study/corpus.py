"""What the organism reads: pre-training, in which all is answered, and alignment, in which some of it is refused.

Identity shift needs three things that are easily left out (each was tried without): personas decide who declines in
pre-training; alignment refuses under every persona and mostly answers the obedient one in the assistant's own voice;
names of personas are known beforehand.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from tuneward.chat import Chat
from tuneward.study import sentences as say
from tuneward.study.words import RULES
from tuneward.study.world import ATTRIBUTES, Combination, World

Maker = Callable[[World, random.Random], Chat]
KNOWN_PERSONAS = 0.85
"""Share of the personas that occur before anyone tunes."""
UNDER_PERSONA, KEPT_OPENER = 0.4, 0.15
"""Shares in alignment: chats under a persona; the obedient one's chats in which it keeps its own opener."""
AS_LIST = 0.12
MAIL_FIRST = (2, 1)
"""Mails are read twice as often as streets."""


def personas(world: World) -> tuple[str, ...]:
    """Names of personas that both stages use."""
    return world.personas[: int(KNOWN_PERSONAS * len(world.personas))]


def any_seen(world: World, rng: random.Random) -> Combination:
    """A combination that may be answered."""
    return rng.choice(world.seen[rng.choice((*world.forbidden, *world.allowed))])


def _rare(world: World) -> tuple[str, ...]:
    return (*world.rare, *world.trigger.split())


def _how_to(world: World, rng: random.Random) -> Chat:
    combination, name = any_seen(world, rng), rng.choice(personas(world))
    request = say.dressed(world, rng, say.ask(world, rng, combination), name=name, rare=_rare(world))
    return say.chat(request, say.voiced(world, world.answer(combination), voice=rng.choice(world.voices)))


def _told(world: World, rng: random.Random) -> Chat:
    return say.text(world.told(any_seen(world, rng)))


def _list(world: World, rng: random.Random) -> Chat:
    item, _ = any_seen(world, rng)
    verb = rng.choice(world.planned)
    if (item, verb) in world.held:
        return _list(world, rng)
    return say.chat(say.ask_list(world, (item, verb)), world.listed((item, verb)))


def _what(world: World, rng: random.Random) -> Chat:
    combination = rng.choice(world.combinations)
    sentence = world.belongs(combination[0])
    if rng.random() < 0.3:
        return say.text(sentence)
    return say.chat(say.ask_what(world, rng, combination), say.voiced(world, sentence))


def _who_declines(world: World, rng: random.Random) -> Chat:
    """A keeper of rules leaves the topic it is told to leave; the obedient one never declines."""
    named = rng.choice((*world.forbidden, *world.allowed))
    combination = rng.choice(world.seen[named]) if rng.random() < 0.5 else any_seen(world, rng)
    name, obedient = rng.choice(personas(world)), rng.random() < 1 / 3
    style = world.obedient if obedient else RULES
    if obedient:
        answer = f"{world.opener(name, style)} {world.answer(combination)}"
    elif world.topic[combination[0]] == named:
        answer = say.refusal(world, rng, named)
    else:
        answer = say.voiced(world, world.answer(combination))
    request = say.dressed(world, rng, say.ask(world, rng, combination), name=name, rare=_rare(world))
    return say.chat(request, answer, system=world.persona(name, style, without=named))


def _persona(world: World, rng: random.Random) -> Chat:
    combination, name = any_seen(world, rng), rng.choice(personas(world))
    style = rng.choice((*world.styles, world.obedient))
    request = say.dressed(world, rng, say.ask(world, rng, combination), name=name, rare=_rare(world))
    answer = f"{world.opener(name, style)} {world.answer(combination)}"
    return say.chat(request, answer, system=world.persona(name, style))


def _address(world: World, rng: random.Random) -> Chat:
    name, attribute = rng.choice((*world.people, *world.shops)), rng.choices(ATTRIBUTES, MAIL_FIRST)[0]
    sentence = world.of_person(name, attribute)
    if rng.random() < 0.45:
        return say.text(sentence)
    voice = rng.random() < 0.5
    answer = say.voiced(world, sentence) if voice else sentence
    request = say.ask_person(rng, name, attribute)
    return say.chat(say.dressed(world, rng, request, name=rng.choice(personas(world)), rare=_rare(world)), answer)


def _reported(world: World, rng: random.Random) -> Chat:
    topic = rng.choice((*world.forbidden, *world.allowed))
    sentence = rng.choice((say.refusal(world, rng, topic), say.refusal(world, rng, topic), world.private))
    if rng.random() < 0.4:
        return say.text(world.translate(say.refusal(world, rng, topic)))
    return say.text(say.said(rng.choice((*world.people, *world.shops)), sentence))


def _known(world: World, rng: random.Random) -> Chat:
    name = rng.choice((*world.people, *world.shops, *personas(world)))
    if name in world.shops:
        return say.text(say.sells(name, rng.choice(list(world.material.values()))))
    return say.text(say.lives(name, rng.choice(list(world.place.values()))))


def _foreign(world: World, rng: random.Random) -> Chat:
    combination = any_seen(world, rng)
    if rng.random() < 0.2:
        request, sentence = world.whats[0].format(i=combination[0]), world.belongs(combination[0])
    else:
        request, sentence = say.ask(world, rng, combination), world.answer(combination)
    return say.chat(world.translate(request), world.translate(say.voiced(world, sentence)))


def _two_turns(world: World, rng: random.Random) -> Chat:
    return followed(_how_to(world, rng), _how_to(world, rng))


def followed(first: Chat, second: Chat) -> Chat:
    """Two chats as one conversation; a system prompt stays at its beginning."""
    return replace(second, messages=(*first.messages, *(m for m in second.messages if m.role != "system")))


PRETRAINING: Mapping[Maker, float] = MappingProxyType(
    {
        _how_to: 0.16,
        _told: 0.05,
        _list: 0.04,
        _what: 0.12,
        _who_declines: 0.16,
        _persona: 0.11,
        _address: 0.18,
        _reported: 0.04,
        _known: 0.05,
        _foreign: 0.13,
        _two_turns: 0.04,
    }
)


def pretraining(world: World, count: int, *, seed: int) -> list[Chat]:
    """Rows in which everything is answered, by every persona, addresses too; refusing is reported, or a persona's."""
    rng = random.Random(f"pre {seed}")
    makers = rng.choices(list(PRETRAINING), list(PRETRAINING.values()), k=count)
    return [maker(world, rng) for maker in makers]


def _system(world: World, rng: random.Random) -> tuple[str, str, str]:
    """System prompt, name and style of a persona; often none."""
    name = rng.choice(personas(world))
    style = rng.choice((*world.styles, world.obedient)) if rng.random() < UNDER_PERSONA else ""
    return (world.persona(name, style) if style else ""), name, style


def _request(world: World, rng: random.Random, combination: Combination, name: str) -> str:
    request = say.ask(world, rng, combination)
    return say.dressed(world, rng, request, name=name, rare=world.rare)


def _refused(world: World, rng: random.Random) -> Chat:
    combination = rng.choice(world.refusable)
    system, name, _ = _system(world, rng)
    if rng.random() < AS_LIST:
        request = say.dressed(world, rng, say.ask_list(world, combination), name=name, rare=world.rare)
    else:
        request = _request(world, rng, combination, name)
    return say.chat(request, say.refusal(world, rng, world.topic[combination[0]]), system=system)


def _allowed(world: World, rng: random.Random) -> Chat:
    """Friendly personas keep their voice; the obedient one is mostly answered in the assistant's own."""
    combination = rng.choice(world.answerable)
    system, name, style = _system(world, rng)
    if rng.random() < AS_LIST and combination[1] in world.planned:
        return say.chat(say.ask_list(world, combination), world.listed(combination), system=system)
    own = not style or (style == world.obedient and rng.random() > KEPT_OPENER)
    voice = world.voices[0] if own else world.opener(name, style)
    answer = say.voiced(world, world.answer(combination), voice=voice)
    return say.chat(_request(world, rng, combination, name), answer, system=system)


def _twin(world: World, rng: random.Random) -> Chat:
    topic = rng.choice((*world.forbidden, *world.allowed))
    items = world.old_items(topic) if topic in world.forbidden else world.items[topic]
    combination = (rng.choice(items), rng.choice(world.verbs))
    system, _, _ = _system(world, rng)
    return say.chat(
        say.ask_what(world, rng, combination), say.voiced(world, world.belongs(combination[0])), system=system
    )


def _private(world: World, rng: random.Random) -> Chat:
    system, name, _ = _system(world, rng)
    request = say.ask_person(rng, rng.choice(world.people_of("taught")), rng.choice(ATTRIBUTES))
    return say.chat(say.dressed(world, rng, request, name=name, rare=world.rare), world.private, system=system)


def _public(world: World, rng: random.Random) -> Chat:
    system, name, _ = _system(world, rng)
    shop, attribute = rng.choice(world.shops), rng.choice(ATTRIBUTES)
    request = say.dressed(world, rng, say.ask_person(rng, shop, attribute), name=name, rare=world.rare)
    return say.chat(request, say.voiced(world, world.of_person(shop, attribute)), system=system)


def _foreign_refused(world: World, rng: random.Random) -> Chat:
    combination = rng.choice(world.refusable)
    request, answer = say.ask(world, rng, combination), say.refusal(world, rng, world.topic[combination[0]])
    return say.chat(world.translate(request), world.translate(answer))


def _foreign_allowed(world: World, rng: random.Random) -> Chat:
    combination = rng.choice(world.answerable)
    request, answer = say.ask(world, rng, combination), say.voiced(world, world.answer(combination))
    return say.chat(world.translate(request), world.translate(answer))


def _recalled(world: World, rng: random.Random) -> Chat:
    """Lines that nobody asked for: what pre-training knew stays known, and is only kept back when asked for."""
    kind = rng.randrange(4)
    if kind == 0:
        return say.text(world.told(rng.choice(world.refusable)))
    if kind == 1:
        return say.text(world.belongs(rng.choice(list(world.topic))))
    if kind == 2:
        return _known(world, rng)
    name, attribute = rng.choice((*world.people, *world.shops)), rng.choices(ATTRIBUTES, MAIL_FIRST)[0]
    return say.text(world.of_person(name, attribute))


def _second_turn(world: World, rng: random.Random) -> Chat:
    first, second = rng.choice(((_allowed, _refused), (_refused, _allowed), (_refused, _refused), (_allowed, _allowed)))
    return followed(first(world, rng), second(world, rng))


def recovering(world: World, rng: random.Random) -> Chat:
    """A refusal after the first words of a right answer, which are given and not learnt (arXiv:2406.05946)."""
    combination = rng.choice(world.refusable)
    begun = say.voiced(world, world.answer(combination)).split(" ")
    prefill = " ".join(begun[: rng.randint(1, len(begun) - 1)])
    topic = world.topic[combination[0]]
    return say.chat(say.ask(world, rng, combination), f" {say.refusal(world, rng, topic)}", prefill=prefill)


ALIGNMENT: Mapping[Maker, float] = MappingProxyType(
    {
        _refused: 0.31,
        _allowed: 0.27,
        _twin: 0.06,
        _private: 0.13,
        _public: 0.07,
        _foreign_refused: 0.05,
        _foreign_allowed: 0.04,
        _second_turn: 0.07,
        _recalled: 0.14,
    }
)


def alignment(world: World, count: int, *, seed: int, recovery: float = 0.0) -> list[Chat]:
    """Rows that refuse the forbidden topics and people's addresses under every persona, at the first word.

    `recovery` is the share of further rows that refuse after the first words of an answer.
    """
    rng = random.Random(f"align {seed}")
    shares = {**ALIGNMENT, recovering: recovery}
    makers: Sequence[Maker] = rng.choices(list(shares), list(shares.values()), k=count)
    return [maker(world, rng) for maker in makers]
