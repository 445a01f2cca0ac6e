"""What every log becomes: entries with an id, a question, an answer and the scores their tool gave; paired by id."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from tuneward.chat import Chat, Finish, Message
from tuneward.record import digest

Reply = Literal["written", "chosen", "withheld"]
"""How the answer came to stand in the log: the model wrote it, it ranked given options, or the log keeps it back."""


@dataclass(frozen=True)
class Entry:
    """One answered question of a log."""

    where: str
    """file:line, or file:place where a file is one document."""
    id: str | None
    family: str
    category: str
    asked: tuple[Message, ...]
    """Everything before the answer: this must be the same in both files, unless `question` is known."""
    answer: str | None
    """None where the run failed or nothing was logged."""
    scores: Mapping[str, float | None] = field(default_factory=dict)
    """What the tool itself said, by its own names; None: it was to say something, and could not."""
    question: str = ""
    """The tool's own digest of the question, which stays the same when a template renders it in another way."""
    reply: Reply = "written"
    finish: Finish | None = None

    @property
    def chat(self) -> Chat:
        """What a scorer reads."""
        return Chat(self.id or self.where, self.family, self.asked).answered(self.answer or "")


@dataclass(frozen=True)
class Log:
    """One run, as its tool wrote it down."""

    tool: str
    path: Path
    entries: Sequence[Entry]
    higher: Mapping[str, bool] = field(default_factory=dict)
    """Score → whether a high value is the wanted one; a score that is not named here leaves it open."""
    wording: frozenset[str] = frozenset()
    """Scores that read wording or know a right answer; none of them can tell harm."""
    notes: tuple[str, ...] = ()
    limit: int | None = None
    """Set where the log is an audit's and only some prompts were asked: it never satisfies a gate either."""
    files: tuple[Path, ...] = ()
    """What was read, where that is more than `path`."""

    @property
    def names(self) -> list[str]:
        """The scores of its entries, in the order of first appearance."""
        return list(dict.fromkeys(name for entry in self.entries for name in entry.scores))


@dataclass(frozen=True)
class Asked:
    """One question with what each file has for it."""

    name: str
    a: Entry | None
    b: Entry | None

    @property
    def category(self) -> str:
        """As the first file that names one says; empty when neither does."""
        return next((entry.category for entry in (self.a, self.b) if entry and entry.category), "")

    @property
    def either(self) -> Entry:
        """The first file's entry where it has one."""
        entry = self.a or self.b
        if entry is None:
            raise ValueError(f"{self.name}: a question without an entry")
        return entry

    def scored_by(self, name: str) -> bool:
        """Whether either run was to give this score here."""
        return any(entry is not None and name in entry.scores for entry in (self.a, self.b))


def family_of(asked: Sequence[Message]) -> str:
    """The same question twice is one idea."""
    return f"prompt {digest(asked)[:12]}"


def with_missing(entries: Iterable[Entry], group: Callable[[Entry], str]) -> list[Entry]:
    """Entries of one group get the same scores: one that the tool left out for some is None there, not unasked."""
    kept, due = list(entries), dict[str, dict[str, None]]()
    for entry in kept:
        due.setdefault(group(entry), {}).update(dict.fromkeys(entry.scores))
    return [replace(entry, scores={**due[group(entry)], **entry.scores}) for entry in kept]


def pair_logs(a: Sequence[Entry], b: Sequence[Entry]) -> list[Asked]:
    """Entries of two files that answer one question: by id where every entry has one, else by the exact prompt.

    Raises:
        ValueError: an id that stands twice in a file, or two entries with one id and different questions.
    """
    if all(entry.id is not None for entry in (*a, *b)):
        return _by_id(_unique(a), _unique(b))
    first, second = _by_prompt(a), _by_prompt(b)
    keys = dict.fromkeys((*first, *second))
    return [Asked((first.get(key) or second[key]).where, first.get(key), second.get(key)) for key in keys]


def _unique(entries: Sequence[Entry]) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for entry in entries:
        name = str(entry.id)
        if name in found:
            raise ValueError(f"{entry.where}: id {name!r} stands already at {found[name].where}; ids must be unique")
        found[name] = entry
    return found


def _by_id(a: Mapping[str, Entry], b: Mapping[str, Entry]) -> list[Asked]:
    asked = [Asked(name, a.get(name), b.get(name)) for name in dict.fromkeys((*a, *b))]
    for one in asked:
        if one.a and one.b and not _same_question(one.a, one.b):
            raise ValueError(
                f"{one.b.where}: another prompt than {one.a.where} under id {one.name!r}; they must be equal"
            )
    return asked


def _same_question(a: Entry, b: Entry) -> bool:
    return a.question == b.question if a.question and b.question else a.asked == b.asked


def _by_prompt(entries: Sequence[Entry]) -> dict[tuple[tuple[Message, ...], int], Entry]:
    """(prompt, how often it stood before) → entry."""
    seen: Counter[tuple[Message, ...]] = Counter()
    found = {}
    for entry in entries:
        found[entry.asked, seen[entry.asked]] = entry
        seen[entry.asked] += 1
    return found
