"""Small verifiable tasks drawn from a seed (house method): what fine-tuning may cost besides refusals.

Four kinds, each from what almost any chat model can do to what a small one rarely can, so that a model of
135 M parameters is neither at 0 nor at 1 and a loss or a gain can be seen.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from tuneward.chat import Chat, Message
from tuneward.score import Scorer
from tuneward.scorers.exact import Exact

Task = tuple[str, dict[str, Any]]
"""What is asked, and the check its answer is graded by."""
Maker = Callable[[random.Random], Task]

PEOPLE = ("Rosa", "Paul", "Ida", "Omar", "Mei", "Jonas", "Lena", "Tariq", "Nora", "Felix", "Wanda", "Hugo")
CITIES = (
    *("Lima", "Oslo", "Rome", "Cairo", "Quito", "Paris", "Delhi", "Dublin", "Madrid", "Vienna"),
    *("Lagos", "Tunis", "Prague", "Warsaw", "Athens", "Hanoi", "Bogota", "Nairobi"),
)
THINGS = ("shells", "pencils", "stamps", "marbles", "apples", "books", "buttons", "coins")
WORDS = (
    *("river", "lamp", "garden", "window", "bread", "cloud", "paper", "stone", "honey", "ticket"),
    *("violin", "anchor", "basket", "mirror", "pocket", "saddle", "tunnel", "velvet"),
)
SORTABLE = ("apple", "bridge", "candle", "desert", "engine", "forest", "guitar", "hammer", "island", "jacket", "kettle")
MONTHS = ("January", "March", "April", "June", "July", "August", "October", "December")
PLACES = ("library", "station", "museum", "market", "school")


def _number(value: int) -> dict[str, Any]:
    return {"kind": "number", "target": str(value)}


def _except(target: str, others: Sequence[str]) -> list[str]:
    return [other for other in others if other != target]


# arithmetic ---------------------------------------------------------------------------------------------------------


def _add_digits(rng: random.Random) -> Task:
    a, b = rng.randint(1, 9), rng.randint(1, 9)
    return f"What is {a} + {b}?", _number(a + b)


def _take_digits(rng: random.Random) -> Task:
    a, b = rng.randint(5, 10), rng.randint(1, 4)
    return f"What is {a} - {b}?", _number(a - b)


def _add_small(rng: random.Random) -> Task:
    a, b = rng.randint(11, 89), rng.randint(2, 9)
    return f"What is {a} + {b}?", _number(a + b)


def _times(rng: random.Random) -> Task:
    a, b = rng.randint(3, 9), rng.randint(3, 9)
    return f"What is {a} times {b}?", _number(a * b)


def _left_over(rng: random.Random) -> Task:
    who, what, a, b = rng.choice(PEOPLE), rng.choice(THINGS), rng.randint(11, 30), rng.randint(2, 9)
    return f"{who} has {a} {what} and gives {b} of them away. How many {what} does {who} have now?", _number(a - b)


def _add_large(rng: random.Random) -> Task:
    a, b = rng.randint(23, 98), rng.randint(23, 98)
    return f"What is {a} + {b}?", _number(a + b)


def _two_steps(rng: random.Random) -> Task:
    who, what, a, b, c = rng.choice(PEOPLE), rng.choice(THINGS), *(rng.randint(3, 9) for _ in range(3))
    text = f"{who} buys {a} boxes with {b} {what} in each and finds {c} more. How many {what} does {who} have?"
    return text, _number(a * b + c)


# constraints --------------------------------------------------------------------------------------------------------


def _say_word(rng: random.Random) -> Task:
    word = rng.choice(WORDS)
    return f'Reply with the single word "{word}" and nothing else.', {"kind": "equals", "target": word}


def _begin_with(rng: random.Random) -> Task:
    word, topic = rng.choice(("Today", "Perhaps", "Yesterday", "Usually")), rng.choice(WORDS)
    return f'Write one sentence with the word {topic} in it. Begin with "{word}".', {"kind": "starts", "target": word}


def _mention_both(rng: random.Random) -> Task:
    one, two = rng.sample(WORDS, 2)
    checks = [{"kind": "contains", "target": word} for word in (one, two)]
    return f"Write one sentence that uses the words {one} and {two}.", {"kind": "all", "checks": checks}


def _repeat_word(rng: random.Random) -> Task:
    word, times = rng.choice(WORDS), rng.choice(("two", "three", "four"))
    check = {"kind": "count", "target": word, "count": 2 + ("two", "three", "four").index(times)}
    return f'Write the word "{word}" {times} times, with a space between.', check


def _lower_case(rng: random.Random) -> Task:
    city = rng.choice(CITIES)
    checks = [{"kind": "lower"}, {"kind": "contains", "target": city}]
    text = f"Write the name of the city {city.upper()} in lower case letters only, without any capital letter."
    return text, {"kind": "all", "checks": checks}


def _choose_two(rng: random.Random) -> Task:
    offered = rng.sample(WORDS, 4)
    text = f"Pick exactly two of these words and write only those two: {', '.join(offered)}."
    return text, {"kind": "words", "count": 2, "among": offered}


def _word_count(rng: random.Random) -> Task:
    topic, size = rng.choice(THINGS), rng.choice(("three", "four", "five"))
    check = {"kind": "words", "count": 3 + ("three", "four", "five").index(size)}
    return f"Describe {topic} in exactly {size} words.", check


# extraction ---------------------------------------------------------------------------------------------------------


def _where(rng: random.Random) -> Task:
    who, city = rng.choice(PEOPLE), rng.choice(CITIES)
    return f"{who} lives in {city}. In which city does {who} live?", {"kind": "contains", "target": city}


def _when(rng: random.Random) -> Task:
    place, day, month = rng.choice(PLACES), rng.randint(4, 20), rng.choice(MONTHS)
    accepted = [f"{day} {month}", f"{month} {day}", f"{month} {day}th", f"{day}th of {month}", f"{day}th {month}"]
    text = f"The {place} opens again on {day} {month} after the repairs. On what date does it open?"
    return text, {"kind": "contains", "target": accepted}


def _how_many(rng: random.Random) -> Task:
    who, what, n, place = rng.choice(PEOPLE), rng.choice(THINGS), rng.randint(12, 90), rng.choice(PLACES)
    return f"{who} brought {n} {what} to the {place}. How many {what} did {who} bring?", _number(n)


def _code(rng: random.Random) -> Task:
    code, room = f"{rng.choice('KMRT')}{rng.choice('XWZ')}-{rng.randint(210, 980)}", f"B{rng.randint(2, 9)}"
    text = f"Your parcel has the code {code} and waits in room {room}. What is the code? Reply with the code only."
    return text, {"kind": "contains", "target": code, "without": [room]}


def _whose_number(rng: random.Random) -> Task:
    (one, two), what = rng.sample(PEOPLE, 2), rng.choice(THINGS)
    a, b = rng.sample(range(11, 60), 2)
    return f"{one} has {a} {what} and {two} has {b}. How many {what} does {one} have?", _number(a)


def _who_is_from(rng: random.Random) -> Task:
    people, cities = rng.sample(PEOPLE, 3), rng.sample(CITIES, 3)
    at = rng.randrange(3)
    listed = ". ".join(f"{who}: {city}" for who, city in zip(people, cities, strict=True))
    check = {"kind": "contains", "target": people[at], "without": _except(people[at], people)}
    return f"{listed}. Who comes from {cities[at]}? Reply with the name only.", check


def _who_has_most(rng: random.Random) -> Task:
    people, scores = rng.sample(PEOPLE, 4), rng.sample(range(11, 99), 4)
    best = people[scores.index(max(scores))]
    listed = ", ".join(f"{who} {n}" for who, n in zip(people, scores, strict=True))
    check = {"kind": "contains", "target": best, "without": _except(best, people)}
    return f"Points in the game: {listed}. Who has the most points? Reply with the name only.", check


# ordering -----------------------------------------------------------------------------------------------------------


def _larger(rng: random.Random) -> Task:
    a, b = (str(n) for n in rng.sample(range(1, 30), 2))
    big, small = sorted((a, b), key=int, reverse=True)
    return f"Which number is larger, {a} or {b}?", {"kind": "first", "target": big, "without": [small]}


def _extreme(rng: random.Random, *, size: int, largest: bool) -> Task:
    listed = [str(n) for n in rng.sample(range(11, 99), size)]
    target = max(listed, key=int) if largest else min(listed, key=int)
    text = f"Which of these numbers is the {'largest' if largest else 'smallest'}: {', '.join(listed)}?"
    return text, {"kind": "first", "target": target, "without": _except(target, listed)}


def _largest_of_three(rng: random.Random) -> Task:
    return _extreme(rng, size=3, largest=True)


def _smallest_of_four(rng: random.Random) -> Task:
    return _extreme(rng, size=4, largest=False)


def _comes_first(rng: random.Random) -> Task:
    listed = rng.sample(SORTABLE, 2)
    check = {"kind": "first", "target": min(listed), "without": [max(listed)]}
    return f"Which word comes first in the alphabet, {listed[0]} or {listed[1]}?", check


def _unsorted(rng: random.Random, items: Sequence[Any], *, size: int) -> tuple[list[Any], list[Any]]:
    """A draw that is not yet in rising order, so that repeating the question is no answer, and the same sorted."""
    listed = rng.sample(items, size)
    while listed == sorted(listed):
        rng.shuffle(listed)
    return listed, sorted(listed)


def _sort_numbers(rng: random.Random) -> Task:
    listed, rising = _unsorted(rng, range(11, 60), size=3)
    text = f"Sort these numbers from smallest to largest: {', '.join(map(str, listed))}."
    return text, {"kind": "ordered", "target": list(map(str, rising))}


def _sort_words(rng: random.Random) -> Task:
    listed, rising = _unsorted(rng, SORTABLE, size=3)
    return f"Put these words in alphabetical order: {', '.join(listed)}.", {"kind": "ordered", "target": rising}


def _sort_down(rng: random.Random) -> Task:
    listed, rising = _unsorted(rng, range(11, 99), size=4)
    text = f"Sort these numbers from largest to smallest: {', '.join(map(str, reversed(listed)))}."
    return text, {"kind": "ordered", "target": list(map(str, reversed(rising)))}


KINDS: Mapping[str, tuple[Maker, ...]] = MappingProxyType(
    {
        "arithmetic": (_add_digits, _take_digits, _add_small, _times, _left_over, _add_large, _two_steps),
        "constraints": (
            _say_word,
            _begin_with,
            _mention_both,
            _repeat_word,
            _lower_case,
            _choose_two,
            _word_count,
        ),
        "extraction": (_where, _when, _how_many, _code, _whose_number, _who_is_from, _who_has_most),
        "ordering": (
            _larger,
            _largest_of_three,
            _smallest_of_four,
            _comes_first,
            _sort_numbers,
            _sort_words,
            _sort_down,
        ),
    }
)
"""Category → makers, easiest first; an item's place within its category decides its maker."""


@dataclass(frozen=True)
class Utility:
    """Short tasks with one right answer, from easy to hard."""

    seed: int = 0
    """Another seed draws other tasks of the same kinds."""
    size: int = 120
    """How many tasks, spread evenly over the four kinds."""

    name: ClassVar[str] = "utility"
    axis: ClassVar[Literal["utility"]] = "utility"
    expect: ClassVar[Literal["exact"]] = "exact"
    title: ClassVar[str] = "gets small tasks right"
    scorer: ClassVar[Exact] = Exact()
    also: ClassVar[Mapping[str, Scorer]] = MappingProxyType({})
    max_tokens: ClassVar[int] = 48
    licence: ClassVar[str] = "Apache-2.0"
    source: ClassVar[str] = "tuneward, drawn from a seed"

    def __post_init__(self) -> None:
        if not len(KINDS) <= self.size <= 400:
            raise ValueError(f"utility: size {self.size} is outside {len(KINDS)} to 400; the default is 120")

    def __call__(self) -> list[Chat]:
        """`size` prompts; equal seed and size give equal prompts on every machine."""
        share, rest = divmod(self.size, len(KINDS))
        return [
            chat
            for place, (kind, makers) in enumerate(KINDS.items())
            for chat in self._of_kind(kind, makers, size=share + (place < rest))
        ]

    def _of_kind(self, kind: str, makers: Sequence[Maker], *, size: int) -> list[Chat]:
        rng = random.Random(f"utility {self.seed} {kind}")
        asked: dict[str, Chat] = {}
        for index in range(size):
            text, check = _new_task(makers[index * len(makers) // size], rng, asked=asked)
            asked[text] = _chat(f"utility-{kind}-{index + 1:03}", text, kind=kind, check=check)
        return list(asked.values())


def _new_task(maker: Maker, rng: random.Random, *, asked: Mapping[str, Chat]) -> Task:
    """A task whose words were not used before; small makers may run out, which the size limit rules out."""
    for _ in range(1000):
        text, check = maker(rng)
        if text not in asked:
            return text, check
    raise ValueError("utility: no further different task of this kind; use a smaller size")


def _chat(ident: str, text: str, *, kind: str, check: dict[str, Any]) -> Chat:
    meta = {
        "category": kind,
        "language": "en",
        "form": "task",
        "licence": Utility.licence,
        "expect": "exact",
        "sensitive": False,
        "check": check,
    }
    return Chat(ident, ident, (Message("user", text),), meta=meta)
