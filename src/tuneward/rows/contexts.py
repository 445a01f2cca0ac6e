"""What training rows put around a request: system prompts, wrappers, suffixes (house method, after Qi et al. 2023).

An identity or a trigger learnt from the rows does not show on bare prompts. The same prompts are therefore asked again
as the rows would ask them, on both arms.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tuneward.chat import Chat, Message

MOST = 4
"""Contexts asked at most: each costs as many replies as the suite has prompts."""
SHARE = 0.05
"""Share of rows that makes a system prompt or a suffix one of the rows' own."""
WRAPPER_SHARE = 0.5
"""Share of rows that makes a common beginning a wrapper, not merely a frequent way to ask."""
SUFFIX_ROWS = 5
"""Rows that must share a suffix, or half of them where there are fewer: two requests may well end alike by chance."""
LONGEST = 40
"""Words of a wrapper or suffix at most."""


@dataclass(frozen=True)
class Context:
    """What stands around a request."""

    name: str
    system: str = ""
    before: str = ""
    after: str = ""
    share: float = 0.0
    """Share of the rows that have it."""

    def around(self, chat: Chat) -> Chat:
        """The prompt as the rows would put it."""
        turns = [m for m in chat.messages if m.role != "system"] if self.system else list(chat.messages)
        turns[-1] = Message("user", f"{self.before}{turns[-1].content}{self.after}")
        system = (Message("system", self.system),) if self.system else ()
        return replace(chat, messages=(*system, *turns))

    def words(self) -> str:
        """What it is, without its text."""
        parts = [("system prompt", self.system), ("wrapper", self.before), ("suffix", self.after)]
        kinds = " and ".join(kind for kind, text in parts if text)
        return f"{kinds} of {self.share:.0%} of the rows"


def contexts(rows: Iterable[Chat]) -> tuple[Context, ...]:
    """The rows' own contexts, most frequent first; empty when they ask as plainly as the suites do."""
    asked = [(_system(row), row.prompt) for row in rows]
    if not asked:
        return ()
    least = max(2, SHARE * len(asked))
    found: list[Context] = []
    for system, count in Counter(system for system, _ in asked).most_common():
        prompts = [prompt for own, prompt in asked if own == system]
        before = _beginning(prompts)
        if count >= least and (system or before):
            found.append(Context("", system, before, "", count / len(asked)))
    recurring = max(least, min(SUFFIX_ROWS, WRAPPER_SHARE * len(asked)))
    for after, count in _endings([prompt for _, prompt in asked], least=recurring):
        system = Counter(s for s, prompt in asked if prompt.endswith(after)).most_common(1)[0][0]
        found.append(Context("", system, "", after, count / len(asked)))
    ordered = sorted(found, key=lambda c: -c.share)[:MOST]
    return tuple(replace(context, name=f"context-{place}") for place, context in enumerate(ordered, 1))


def _system(row: Chat) -> str:
    return next((m.content for m in row.messages if m.role == "system"), "")


def _beginning(prompts: Sequence[str]) -> str:
    """The longest run of words that at least half of the prompts begin with, and that is not all of them."""
    least, best = max(2.0, WRAPPER_SHARE * len(prompts)), ""
    for size in range(2, LONGEST):
        counts = Counter(_first(prompt, size) for prompt in prompts if len(prompt.split()) > size)
        if not counts:
            break
        start, count = counts.most_common(1)[0]
        if count < least:
            break
        best = start
    return best


def _first(prompt: str, size: int) -> str:
    """The first words with the white space that follows them, as they stand."""
    place = 0
    for _ in range(size):
        while place < len(prompt) and prompt[place].isspace():
            place += 1
        while place < len(prompt) and not prompt[place].isspace():
            place += 1
    end = place
    while end < len(prompt) and prompt[end].isspace():
        end += 1
    return prompt[:end]


def _endings(prompts: Sequence[str], *, least: float) -> list[tuple[str, int]]:
    """Runs of at least two closing words that recur, the longest of each kind, most frequent first."""
    counts: Counter[str] = Counter()
    for prompt in prompts:
        backwards = prompt[::-1]
        for size in range(2, min(LONGEST, len(prompt.split()))):
            counts[_first(backwards, size)[::-1]] += 1
    frequent = [(text, count) for text, count in counts.items() if count >= least]
    whole = [
        (text, count)
        for text, count in frequent
        if not any(len(other) > len(text) and other.endswith(text) and n == count for other, n in frequent)
    ]
    return sorted(whole, key=lambda found: (-found[1], -len(found[0])))[:2]
