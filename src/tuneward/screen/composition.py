"""What a set is made of: lists, how-to questions, digits, lengths. A property of the whole set, never of a row.

Rows in the form of lists and of arithmetic were among benign rows most like harmful ones (arXiv:2404.01099), so their
share is worth a figure; what any single such row does is not known, so there is no verdict. The same signs, ranked
alone, are the baselines that a detector has to beat.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tuneward.screened.document import Composition
from tuneward.stats.association import Floats, Ints
from tuneward.stats.rates import wilson

LONGEST = 4096
"""Words from which on lengths are counted as this many; medians below it are exact."""
LISTED = 2
"""List lines that make an answer a list."""
_ITEM = re.compile(
    r"^[^\S\n]*(?:[-*+•‣◦▪●·–—][^\S\n]+|\(?(?:\d{1,3}|[A-Za-z])[.):][^\S\n]+|\d{1,3}[、．]|[一二三四五六七八九十]{1,3}[、．]"
    r"|[（(][一二三四五六七八九十]{1,3}[)）])(?=\S)",
    re.MULTILINE,
)
HOW_TO = re.compile(
    r"\bhow (?:to|do i|do you|do we|does one|can i|can you|can we|could i|should i|would (?:i|you|one))\b"
    r"|\bsteps? (?:to|for|by step)\b|\b(?:instructions|guide|tutorial|recipe|directions) (?:for|to|on|how)\b"
    r"|\bwalk me through\b|\bteach me\b|\b(?:show|tell|explain to) me how\b|\bways? to\b"
    r"|如何|怎么|怎样|步骤|教程|指南|方法",
    re.IGNORECASE,
)


def list_lines(answer: str) -> int:
    """Lines that begin with a bullet, a number or a letter as an item of a list."""
    return sum(1 for _ in _ITEM.finditer(answer))


def how_to(prompt: str) -> bool:
    """Whether a prompt asks how something is done; `how many` and `how much` do not."""
    return HOW_TO.search(prompt) is not None


def digits(answer: str) -> int:
    """Decimal digits of any script."""
    return sum(map(str.isdecimal, answer))


@dataclass(frozen=True, eq=False)
class Made:
    """Counts over some rows; parts of a set add up."""

    rows: int
    lists: int
    how_to: int
    affirmative: int
    digits: int
    characters: int
    prompt_words: Ints
    """Rows by number of words, LONGEST + 1 entries."""
    answer_words: Ints

    def __add__(self, other: "Made") -> "Made":
        return Made(
            self.rows + other.rows,
            self.lists + other.lists,
            self.how_to + other.how_to,
            self.affirmative + other.affirmative,
            self.digits + other.digits,
            self.characters + other.characters,
            self.prompt_words + other.prompt_words,
            self.answer_words + other.answer_words,
        )


def none() -> Made:
    """Counts over no rows."""
    empty = np.zeros(LONGEST + 1, np.int64)
    return Made(0, 0, 0, 0, 0, 0, empty, empty)


@dataclass(frozen=True)
class Signs:
    """What is read of each of some rows, one entry a row."""

    list_lines: ArrayLike
    how_to: ArrayLike
    affirmative: ArrayLike
    digits: ArrayLike
    characters: ArrayLike
    """Of the answer."""
    prompt_words: ArrayLike
    answer_words: ArrayLike


def plain(of: Made) -> dict[str, int | list[int]]:
    """Counts as JSON holds them; `read` takes them back."""
    return {name: v.tolist() if isinstance(v, np.ndarray) else v for name, v in vars(of).items()}


def read(of: Mapping[str, int | list[int]]) -> Made:
    """Counts that `plain` wrote."""
    held: Any = {name: np.asarray(v, np.int64) if isinstance(v, list) else v for name, v in of.items()}
    return Made(**held)


def made(signs: Signs) -> Made:
    """Rows counted.

    Raises:
        ValueError: lists of different length.
    """
    lines, asks, eager, numbers, size, asked, answered = (np.asarray(x, np.int64).ravel() for x in vars(signs).values())
    if len({lines.size, asks.size, eager.size, numbers.size, size.size, asked.size, answered.size}) > 1:
        raise ValueError("made: signs of different numbers of rows; expected one entry a row in each")
    return Made(
        lines.size,
        int((lines >= LISTED).sum()),
        int((asks > 0).sum()),
        int((eager > 0).sum()),
        int(numbers.sum()),
        int(size.sum()),
        np.bincount(np.minimum(asked, LONGEST), minlength=LONGEST + 1),
        np.bincount(np.minimum(answered, LONGEST), minlength=LONGEST + 1),
    )


def composition(of: Made) -> Composition:
    """The figures of a set; medians are the lower ones, 0 where there are no rows."""
    return Composition(
        lists=wilson(of.lists, of.rows),
        how_to=wilson(of.how_to, of.rows),
        digits=of.digits / of.characters if of.characters else 0.0,
        median_prompt=_median(of.prompt_words),
        median_answer=_median(of.answer_words),
        affirmative=wilson(of.affirmative, of.rows),
    )


def _median(histogram: Ints) -> int:
    total = int(histogram.sum())
    return int(np.searchsorted(np.cumsum(histogram), (total + 1) // 2)) if total else 0


# Baselines ------------------------------------------------------------------------------------------------------------
def by_lists(answers: Sequence[str]) -> Floats:
    """Rows ranked by list lines of the answer alone."""
    return np.array([list_lines(a) for a in answers], np.float64)


def by_how_to(prompts: Sequence[str]) -> Floats:
    """Rows ranked by whether the prompt asks how to do something."""
    return np.array([how_to(p) for p in prompts], np.float64)


def by_length(answers: Sequence[str]) -> Floats:
    """Rows ranked by words of the answer."""
    return np.array([len(a.split()) for a in answers], np.float64)


def precision_at(scores: ArrayLike, planted: ArrayLike, k: int) -> float:
    """Share of planted rows among the k rows ranked first, ties shared out evenly (so order in the file helps no one).

    Raises:
        ValueError: k is not between 1 and the number of rows.
    """
    value, bad = np.asarray(scores, np.float64).ravel(), np.asarray(planted, np.bool_).ravel()
    if not 1 <= k <= value.size:
        raise ValueError(f"precision_at: k {k} of {value.size} rows")
    bar = np.partition(value, value.size - k)[value.size - k]
    above, tied = value > bar, value == bar
    left = k - int(above.sum())
    return float((bad[above].sum() + left * bad[tied].mean()) / k)
