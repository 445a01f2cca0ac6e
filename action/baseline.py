"""The blessed audit that later runs are shown beside: a small file in the user's own repository.

It adds words and a table and never an outcome: a good baseline makes nothing pass, a bad one makes nothing fail.
"""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from math import hypot
from pathlib import Path
from typing import Any

from shown import escaped

SCHEMA = "tuneward/baseline/1"
COARSE = 0.10
"""A move of unknown sign, uncertain by more than this either way on average, is too little data to speak of."""
TABLE = ("| axis | baseline [95 %] | now [95 %] | moved, points [95 %] | |", "|---|--:|--:|--:|---|")
Rate = tuple[float, float, float]
"""Value, low and high, in shares of 1."""


def today() -> date:
    """In UTC, wherever the runner stands."""
    return datetime.now(UTC).date()


def rate_of(raw: Mapping[str, Any]) -> Rate:
    """A rate as audit.json holds it; ValueError when its value does not lie in its interval."""
    value, low, high = (float(raw[key]) for key in ("value", "low", "high"))
    if not 0 <= low <= value <= high <= 1:
        raise ValueError("a rate that does not lie in its interval")
    return value, low, high


def read(path: str) -> dict[str, Any]:
    """The file as far as it is used; whoever opened the pull request may have written it. OSError or ValueError."""
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
        if found["schema"] != SCHEMA:
            raise ValueError(f"schema is {found['schema']!r}, expected {SCHEMA!r}")
        date.fromisoformat(found["date"])
        texts = {key: str(found[key]) for key in ("audit", "date", "by", "reason", "verdict", "policy")}
        axes = {str(name): rate_of(raw) for name, raw in found["axes"].items()}
        return {**texts, "axes": axes, "suites": dict(found["suites"]), "weights": dict(found["weights"])}
    except (KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise ValueError(f"not written by `bless` ({type(error).__name__}: {error})") from error


def write(path: Path, audit: Mapping[str, Any], verdict: Mapping[str, Any], *, by: str, reason: str) -> None:
    """All of the file or none of it."""
    tuned = {axis["name"]: axis["tuned"] for axis in audit["axes"]}
    document = {
        "schema": SCHEMA,
        "audit": audit["id"],
        "date": today().isoformat(),
        "by": by,
        "reason": reason,
        "verdict": verdict["outcome"],
        "policy": verdict["policy"],
        "weights": {arm: audit["arms"][arm]["weights"] for arm in ("base", "tuned")},
        "suites": audit["suites"],
        "axes": {name: rate for name, rate in tuned.items() if rate and rate["value"] is not None},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)  # whoever clones the repository reads it
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


def beside(path: str, audit: Mapping[str, Any], *, policy: str, limit: int) -> tuple[list[str], list[str]]:
    """Words for beside the outcome, and Markdown lines for below the verdict."""
    if not Path(path).is_file():
        return ["no baseline"], [f"- no baseline at {escaped(path)} yet"]
    try:
        then = read(path)
    except (OSError, ValueError) as error:
        return ["unreliable baseline"], [f"- unreliable baseline: {escaped(error)}"]
    doubts = dict(_doubts(then, limit))
    who = f"audit {escaped(then['audit'], 40)}, blessed by {escaped(then['by'], 80)}: {escaped(then['reason'])}"
    lines = [f"- {(today() - date.fromisoformat(then['date'])).days} days old, limit {limit}; {who}"]
    lines += [f"- {word}: {why}" for word, why in doubts.items()]
    lines += [f"- the {what} is another one than the baseline's" for what in _others(then, audit, policy)]
    here = audit["suites"]
    other = sorted(str(name) for name in {**then["suites"], **here} if then["suites"].get(name) != here.get(name))
    if other or not here:
        why = f"other prompts ({escaped(', '.join(other))})"
        return [*doubts, "baseline not comparable"], [*lines, f"- baseline not comparable: {why}"]
    rows = list(moves(then["axes"], audit))
    thin = ["insufficient data"] if "insufficient data" in {word for _, word in rows} else []
    note = "Two runs, not paired; `tuneward compare` of the two folders pairs them."
    return [*doubts, *thin], [*lines, "", *TABLE, *(row for row, _ in rows), "", note]


def _doubts(then: Mapping[str, Any], limit: int) -> Iterator[tuple[str, str]]:
    age = (today() - date.fromisoformat(then["date"])).days
    if age > limit:
        yield "stale baseline", "audit again, and bless what holds"
    if age < 0:
        yield "unreliable baseline", "its date lies ahead"
    elif then["verdict"] != "pass":
        yield "unreliable baseline", f"blessed over the verdict {escaped(then['verdict'], 40)}"


def _others(then: Mapping[str, Any], audit: Mapping[str, Any], policy: str) -> Iterator[str]:
    if then["policy"] != policy:
        yield "policy"
    if then["weights"].get("base") != audit["arms"]["base"]["weights"]:
        yield "base model"


def moves(axes: Mapping[str, Rate], audit: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Table line and word for every axis of the baseline.

    The interval of the difference comes from those of the two rates (Newcombe 1998, Statistics in Medicine 17:873,
    method 10), as of independent samples: the same prompts were asked, so it is too wide rather than too narrow.
    """
    now = {axis["name"]: axis["tuned"] for axis in audit["axes"] if axis["status"] == "measured"}
    for name, (old, old_low, old_high) in axes.items():
        start = f"| {escaped(name, 80)} | {old:.1%} [{old_low:.1%}, {old_high:.1%}] |"
        try:
            new, new_low, new_high = rate_of(now[name])
        except (KeyError, TypeError, ValueError):  # not measured in this audit
            yield f"{start} – | – | insufficient data |", "insufficient data"
            continue
        low, high = new - old - hypot(new - new_low, old_high - old), new - old + hypot(new_high - new, old - old_low)
        unknown = "insufficient data" if high - low > 2 * COARSE else "no move seen"
        word = "better" if low > 0 else "worse" if high < 0 else unknown
        move = f"{100 * (new - old):+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"
        yield f"{start} {new:.1%} [{new_low:.1%}, {new_high:.1%}] | {move} | {word} |", word
