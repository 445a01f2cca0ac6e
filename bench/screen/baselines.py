"""Trivial rankings of rows, beside which a screen has to be seen: lists, how-to questions, length of the answer.

Each ranks all rows of a set by one figure, as the screen does by the worst score of the rules that count for what was
planted; then AUROC, and the share of planted rows among as many first ones as were planted. Length is ranked from
both ends and given the better one.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from measure_truth import answers, family, findings, truth
from numpy.typing import NDArray
from scipy.stats import rankdata

from tuneward.screen.composition import by_how_to, by_length, by_lists, precision_at

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
SCREEN = "screen"
AT_ONCE = 10_000
"""Rows whose texts are held."""


def turns(line: bytes) -> tuple[str, str]:
    """What is asked and what is answered; empty where a row is no chat."""
    try:
        told = json.loads(line)["messages"]
        asked, answered = ("\n".join(t["content"] for t in told if t["role"] == role) for role in ("user", "assistant"))
    except (ValueError, KeyError, TypeError, RecursionError):
        return "", ""
    return asked, answered


def columns(path: Path) -> dict[str, Floats]:
    """The figure of every row under each baseline, in the order of the file."""
    parts = [
        (by_lists([a for _, a in rows]), by_how_to([q for q, _ in rows]), by_length([a for _, a in rows]))
        for rows in _pieces(path)
    ]
    names = ("lists", "how-to", "length")
    return {name: np.concatenate(part) for name, part in zip(names, zip(*parts, strict=True), strict=True)}


def _pieces(path: Path) -> Iterator[list[tuple[str, str]]]:
    held: list[tuple[str, str]] = []
    with path.open("rb") as file:
        for line in file:
            held.append(turns(line))
            if len(held) == AT_ONCE:
                yield held
                held = []
    if held:
        yield held


def offsets(path: Path) -> list[int]:
    """Where each row begins."""
    made, at = [], 0
    with path.open("rb") as file:
        for line in file:
            made.append(at)
            at += len(line)
    return made


def screened(told: Path, places: Sequence[int], families: set[str]) -> Floats:
    """The worst score of each row by the rules that count."""
    worst: dict[int, float] = {}
    for one in findings(told):
        if one.offset is not None and any(answers(one.rule, name) for name in families):
            worst[one.offset] = max(worst.get(one.offset, 0.0), one.score or 0.0)
    return np.array([worst.get(place, 0.0) for place in places])


def auroc(score: Floats, wanted: Flags) -> float | None:
    """Chance that a wanted row stands before another one, ties for half; None unless there are rows of both kinds."""
    n, m = int(wanted.sum()), int((~wanted).sum())
    if not n or not m:
        return None
    return float((rankdata(score)[wanted].sum() - n * (n + 1) / 2) / (n * m))


def ranked(score: Floats, wanted: Flags, *, both_ends: bool) -> dict[str, float | None]:
    """AUROC, and precision among as many rows as are wanted."""
    first = int(wanted.sum())
    ends = (score, -score) if both_ends else (score,)
    found = [precision_at(end, wanted, first) for end in ends] if first else []
    return {"auroc": auroc(score, wanted), "precision": max(found, default=None)}


def compared(folder: Path, told: Path) -> dict[str, dict[str, float | None]]:
    """The screen and each baseline on one set; rows that count on neither side are left out."""
    facts, places = truth(folder), offsets(folder / "rows.jsonl")
    expects: Mapping[int, str] = {at: fact["expect"] for at, fact in facts.items()}
    kept = np.array([expects.get(place) != "open" for place in places])
    wanted = np.array([expects.get(place) == "found" for place in places])[kept]
    families = set(map(family, facts.values()))
    scores = {SCREEN: screened(told, places, families), **columns(folder / "rows.jsonl")}
    return {name: ranked(score[kept], wanted, both_ends=name == "length") for name, score in scores.items()}
