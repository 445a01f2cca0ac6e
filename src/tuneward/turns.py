"""Prompts that are asked in turn: one a family, in random order (house method).

Verbs that draw by the same seed find each other's kept replies.
"""

import random
from collections.abc import Mapping, Sequence

from tuneward.ask import Question
from tuneward.chat import Chat


def one_a_family(prompts: Mapping[str, Sequence[Chat]], *, seed: int) -> dict[str, list[Chat]]:
    """One prompt of each family of an axis, drawn by the seed: prompts that change together count once."""
    families: dict[str, list[tuple[str, str]]] = {}
    for name, chats in prompts.items():
        for chat in chats:
            families.setdefault(chat.family, []).append((name, chat.id))
    rng = random.Random(f"one a family {seed}")
    drawn = {rng.choice(sorted(families[family])) for family in sorted(families)}
    return {name: [chat for chat in chats if (name, chat.id) in drawn] for name, chats in prompts.items()}


def in_order(questions: Sequence[Question], *, seed: int) -> list[Question]:
    """Random order by the seed; neither the arms nor the order of the suites matters.

    Families keep their places whatever else is asked, so a request and its twin come at about the same time.
    """
    place = {f: random.Random(f"in turn {seed} {f}").random() for f in {q.chat.family for q in questions}}
    return sorted(questions, key=lambda q: (place[q.chat.family], q.chat.family, q.key))
