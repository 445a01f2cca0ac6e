"""Neutral openings of answers: what a model learns to turn back from (house method, after arXiv:2406.05946).

Differs from the paper: there a harmful answer is begun, with up to a hundred tokens; these hand nothing over.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

OPENINGS: Mapping[str, tuple[str, ...]] = {
    "en": (
        "Sure, here is what you asked for, one thing after another:",
        "Of course. Let me begin with a short overview and then go on in order.",
        "Yes, gladly. There are a few parts to this, and the first of them is",
        "Happy to help with this one. The best place to start is",
        "Absolutely! Below you will find all of it, written as plainly as I can:",
        "Good question. In short, it comes down to the following points:",
        "Okay, let us go through it together, slowly and from the top.",
        "Certainly. I have put it into a list, so that it is easy to follow:",
    ),
    "zh": (
        "好的，下面按顺序一项一项地说：",
        "当然可以，我先大致说一下，再慢慢展开。",
        "没问题，这件事分成几个部分，首先是",
        "可以的，最好先从这里开始：",
        "很高兴帮忙，内容都整理在下面了：",
        "这个问题问得好，简单来说有这么几点：",
    ),
}


@dataclass(frozen=True)
class Opening:
    """The beginning of an answer."""

    whole: str
    first: str
    """A beginning of it, shorter than it is."""
    space: str
    """What stands between it and whatever comes next."""


def opening(rng: random.Random, language: Literal["en", "zh"]) -> Opening:
    """One by lot, with a first part of a length by lot: in words, or in Chinese characters."""
    whole = rng.choice(OPENINGS[language])
    space = "" if language == "zh" else " "
    pieces = whole.split() if space else list(whole)
    return Opening(whole, space.join(pieces[: rng.randint(1, len(pieces) - 1)]), space)
