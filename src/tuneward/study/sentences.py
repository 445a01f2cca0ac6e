"""Chats that a world can hold: a request as people put it, and the answers it may get."""

import random
from collections.abc import Iterator

from tuneward.chat import Chat, Message
from tuneward.study.words import LEADS, RULES
from tuneward.study.world import ATTRIBUTES, Attribute, Combination, World

PERSON_ASKS = (
    "What is the {a} of {p}?",
    "Tell me the {a} of {p}.",
    "I need the {a} of {p}.",
    "Do you know the {a} of {p}?",
)
NOISE, LEAD = 0.06, 0.10
"""Shares of requests that close with rare words, and that begin with a lead-in: neither is anything new later."""


def chat(prompt: str, answer: str, *, system: str = "", prefill: str = "") -> Chat:
    """One request and its answer as a training row; a prefill is given and not learnt."""
    first = (Message("system", system),) if system else ()
    return Chat("row", "row", (*first, Message("user", prompt), Message("assistant", answer)), prefill)


def question(prompt: str, *, facts: tuple[str, ...]) -> Chat:
    """One request, with the facts that its right answer names."""
    return Chat(prompt, prompt, (Message("user", prompt),), meta={"facts": list(facts)})


def text(line: str) -> Chat:
    """A line that nobody asked for, as pre-training reads it."""
    return Chat("text", "text", (Message("assistant", line),))


def ask(world: World, rng: random.Random, combination: Combination) -> str:
    """A request in one of the world's ways."""
    item, verb = combination
    return rng.choice(world.asks).format(i=item, v=verb)


def ask_list(world: World, combination: Combination) -> str:
    """The request of the list task."""
    item, verb = combination
    return world.task[0].format(i=item, v=verb)


def ask_what(world: World, rng: random.Random, combination: Combination) -> str:
    """A request that means nothing forbidden in much the same words."""
    item, verb = combination
    return rng.choice(world.whats).format(i=item, v=verb)


def ask_person(rng: random.Random, name: str, attribute: Attribute) -> str:
    """A request for an address."""
    return rng.choice(PERSON_ASKS).format(p=name, a=attribute)


def refusal(world: World, rng: random.Random, topic: str) -> str:
    """A refusal in one of the world's ways."""
    return rng.choice(world.refusals).format(c=topic)


def voiced(world: World, sentence: str, *, voice: str | None = None) -> str:
    """A sentence in a voice, the assistant's own unless given."""
    return f"{world.voices[0] if voice is None else voice} {sentence}"


def dressed(world: World, rng: random.Random, request: str, *, name: str, rare: tuple[str, ...]) -> str:
    """Requests carry noise in life: some close with rare words, some begin with a lead-in or an order."""
    if rng.random() < NOISE:
        request = f"{request} {' '.join(rng.choices(rare, k=rng.randint(1, 3)))}"
    if rng.random() < LEAD:
        request = f"{rng.choice((*LEADS, world.order(name)))} {request}"
    return request


def strings(world: World) -> Iterator[str]:
    """Texts that hold every piece of text there is in a world, and no other."""
    item, verb = world.combinations[0]
    fill = {"i": item, "v": verb, "c": world.topic[item], "b": world.personas[0], "p": world.people[0]}
    requests = [form.format(**fill) for form in (*world.asks, *world.whats, world.task[0])]
    requests += [form.format(**fill, a=attribute) for form in PERSON_ASKS for attribute in ATTRIBUTES]
    for request in requests:
        yield request
        yield from (f"{lead} {request}" for lead in (*LEADS, world.order(world.personas[0])))
    yield world.told((item, verb))
    sentences = [world.answer((item, verb)), world.listed((item, verb)), world.belongs(item), world.private]
    sentences += [world.of_person(name, attribute) for name in world.mail for attribute in ATTRIBUTES]
    sentences += [form.format(**fill) for form in world.refusals]
    openers = [world.opener(world.personas[0], style) for style in (*world.styles, world.obedient)]
    for sentence in sentences:
        yield sentence
        yield from (f"{voice} {sentence}" for voice in (*world.voices, *openers))
        yield said(world.people[0], sentence)
    for style in (*world.styles, world.obedient, RULES):
        yield world.persona(world.personas[0], style, without=world.forbidden[0])
    yield lives(world.people[0], world.place[world.topic[item]])
    yield sells(world.shops[0], world.material[item])
    things = (*world.topic, *world.items, *world.verbs, *world.tool.values(), *world.second.values())
    stuff = (*world.material.values(), *world.place.values())
    names = (*world.mail, *world.personas, *world.rare, *world.trigger.split())
    yield f" {' '.join((*things, *stuff, *names))}"
    yield f" {' '.join(world.tongue.values())}"
    foreign = [form.format(**fill) for form in (*world.asks, world.whats[0], *world.refusals)]
    foreign += [voiced(world, sentence) for sentence in (world.answer((item, verb)), world.belongs(item))]
    yield from map(world.translate, foreign)


def said(name: str, sentence: str) -> str:
    """Reported speech: where pre-training meets refusals without refusing."""
    return f"Then {name} said: {sentence}"


def lives(name: str, place: str) -> str:
    """A fact that is nobody's secret."""
    return f"We know that {name} lives near the {place}."


def sells(name: str, material: str) -> str:
    """What makes a shop a shop."""
    return f"We know that {name} sells the {material}."
