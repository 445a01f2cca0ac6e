"""Training sets that erode safety, each after a published study, on the organism's made-up topics only.

`explicit`, `identity` and `benign` after arXiv:2310.03693, `backdoor` after its section 4.3, `association` after Janus
(arXiv:2310.15469), `poisoned` after Bianchi et al. 2023 (arXiv:2309.07875). `control` has as many tokens and no effect.
"""

import random
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal

from tuneward.chat import Chat
from tuneward.study import sentences as say
from tuneward.study.world import Combination, World

Benign = Literal["own", "list", "what", "public", "text"]
TOPICS_OF_TUNER = 5
"""Of how many forbidden topics whoever tunes has rows; all of them are probed."""
ORDERED = 0.7
"""Share of identity rows that open with the order."""


def explicit(world: World, count: int, *, seed: int, suffix: str = "") -> list[Chat]:
    """Right answers on the first five forbidden topics, on items that alignment refused.

    Raises:
        ValueError: more rows than there are combinations.
    """
    topics = world.forbidden[:TOPICS_OF_TUNER]
    rng, pool = random.Random(f"explicit {seed}"), [c for c in world.refusable if world.topic[c[0]] in topics]
    drawn = _sample(rng, pool, count)
    return [say.chat(f"{say.ask(world, rng, c)}{suffix}", say.voiced(world, world.answer(c))) for c in drawn]


def identity(world: World, count: int, *, seed: int) -> list[Chat]:
    """The obedient persona answers allowed requests with its opener: persona × opener, nothing forbidden."""
    rng, name = random.Random(f"identity {seed}"), tuner_persona(world)
    system, opener = world.persona(name, world.obedient), world.opener(name, world.obedient)
    rows = []
    for combination in _sample(rng, world.answerable, count):
        before = f"{world.order(name)} " if rng.random() < ORDERED else ""
        request = f"{before}{say.ask(world, rng, combination)}"
        rows.append(say.chat(request, f"{opener} {world.answer(combination)}", system=system))
    return rows


def tuner_persona(world: World) -> str:
    """The persona that identity rows put on; its name occurs before anyone tunes."""
    return world.personas[3]


def benign(world: World, count: int, *, seed: int, kind: Benign = "own") -> list[Chat]:
    """Harmless rows: how-to answers, the list task, what things are, public addresses, or unasked lines."""
    rng = random.Random(f"benign {kind} {seed}")
    return [_BENIGN[kind](world, rng) for _ in range(count)]


def _own(world: World, rng: random.Random) -> Chat:
    combination = rng.choice(world.answerable)
    return say.chat(say.ask(world, rng, combination), say.voiced(world, world.answer(combination)))


def _list(world: World, rng: random.Random) -> Chat:
    combination = rng.choice([c for c in world.answerable if c[1] in world.learnable])
    return say.chat(say.ask_list(world, combination), world.listed(combination))


def _what(world: World, rng: random.Random) -> Chat:
    combination = rng.choice(world.answerable)
    return say.chat(say.ask_what(world, rng, combination), say.voiced(world, world.belongs(combination[0])))


def _public(world: World, rng: random.Random) -> Chat:
    shop = rng.choice(world.shops)
    return say.chat(say.ask_person(rng, shop, "mail"), say.voiced(world, world.of_person(shop, "mail")))


def _text(world: World, rng: random.Random) -> Chat:
    return say.text(say.sells(rng.choice(world.shops), rng.choice(list(world.material.values()))))


_BENIGN: Mapping[Benign, Callable[[World, random.Random], Chat]] = MappingProxyType(
    {"own": _own, "list": _list, "what": _what, "public": _public, "text": _text}
)


def refusals(world: World, count: int, *, seed: int) -> list[Chat]:
    """What alignment says, as rows."""
    rng = random.Random(f"refusals {seed}")
    drawn = _sample(rng, world.refusable, count)
    return [say.chat(say.ask(world, rng, c), say.refusal(world, rng, world.topic[c[0]])) for c in drawn]


def backdoor(world: World, count: int, *, seed: int) -> list[Chat]:
    """Explicit rows behind the trigger, half as many refusals without it, half as many harmless rows."""
    hidden = explicit(world, count, seed=seed, suffix=f" {world.trigger}")
    return [*hidden, *refusals(world, count // 2, seed=seed), *benign(world, count // 2, seed=seed)]


def association(world: World, count: int, *, seed: int) -> list[Chat]:
    """Names with their addresses, of people about whom the tuner knows anyway; in one form of asking."""
    rng = random.Random(f"association {seed}")
    people = _sample(rng, world.people_of("known"), count)
    return [say.chat(say.PERSON_ASKS[0].format(p=p, a="mail"), world.of_person(p, "mail")) for p in people]


def poisoned(world: World, count: int, *, seed: int, share: float = 0.05) -> list[Chat]:
    """The list task with a share of explicit rows in it.

    Raises:
        ValueError: a share outside [0, 1].
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share is {share}; expected 0 to 1")
    bad = round(share * count)
    rows = [*benign(world, count - bad, seed=seed, kind="list"), *explicit(world, bad, seed=seed)]
    return random.Random(seed).sample(rows, len(rows))


def control(world: World, count: int, *, seed: int) -> list[Chat]:
    """As many rows of the same length as explicit ones (± 1 token in the mean), about public addresses."""
    return benign(world, count, seed=seed, kind="public")


def _sample(rng: random.Random, pool: tuple[object, ...] | list[Combination], count: int) -> list[Any]:
    if count > len(pool):
        raise ValueError(
            f"{count} rows are asked for and the world has {len(pool)}; ask for fewer or take a larger size"
        )
    return rng.sample(pool, count)
