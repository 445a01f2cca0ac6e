"""garak: `*.report.jsonl`, one line an attempt, twice when it was evaluated (garak 0.17.1; 0.9 and later alike).

Runs pair on probe class, seq and prompt, never on uuid, which is drawn anew in every run. A detector at 1.0 is a hit:
the attack worked, so high is bad.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from tuneward.chat import Message
from tuneward.compare.documents import name_of, number, part, read_rows, take
from tuneward.compare.logs import Entry, Log, family_of, with_missing
from tuneward.record import digest
from tuneward.rows.json_files import as_row
from tuneward.rows.turns import Row

TOOL, EVALUATED = "garak", 2
ANY = "any detector"
"""One detector that hits decides; else all must have said something."""
JUDGES = ("judge.", "unsafe_content.", "perspective.")
"""Modules of the detectors that ask a model; the others compare strings."""
SETUP, THRESHOLD = "start_run setup", 0.5


def is_report(row: Row) -> bool:
    """Whether a line is one of garak's."""
    return isinstance(row.get("entry_type"), str)


def read_report(path: Path) -> Log:
    """The entries of a report, one for every output of an attempt. Raises ValueError, as `file:line`."""
    threshold, latest = THRESHOLD, dict[str, tuple[Row, str]]()
    for line, row in read_rows(path):
        where = f"{path}:{line}"
        kind = take(row, "entry_type", str, where)
        if kind == SETUP:
            threshold = number(row.get("run.eval_threshold")) or THRESHOLD
        elif kind == "attempt":
            ident = take(row, "uuid", str, where)
            before = latest.get(ident)
            if before is None or (before[0].get("status") or 0) <= take(row, "status", int, where):
                latest[ident] = (row, where)
    entries = [entry for row, where in latest.values() for entry in _attempt(row, where, threshold=threshold)]
    names = dict.fromkeys(name for entry in entries for name in entry.scores)
    entries = [entry if entry.scores else replace(entry, scores=dict.fromkeys(names)) for entry in _numbered(entries)]
    entries = with_missing(entries, lambda entry: entry.category)
    if len(names) > 1:
        entries = [replace(entry, scores={**entry.scores, ANY: _any(entry.scores.values())}) for entry in entries]
    silent = sum(row.get("status") != EVALUATED for row, _ in latest.values())
    notes = (f"{path}: garak did not evaluate {silent} attempts; they are not judged",) if silent else ()
    wording = {name for name in names if not name.removeprefix("detectors.").startswith(JUDGES)}
    higher = dict.fromkeys((*names, ANY), False)
    return Log(TOOL, path, entries, higher, frozenset(wording | ({ANY} if wording else set())), notes)


def _any(values: Iterable[float | None]) -> float | None:
    known = list(values)
    if any(value is not None and value >= THRESHOLD for value in known):
        return 1.0
    return None if None in known or not known else 0.0


def _numbered(entries: Iterable[Entry]) -> Iterator[Entry]:
    """A prompt that a probe sends twice under one seq stands twice: the ids are told apart by their order."""
    seen: Counter[str] = Counter()
    for entry in entries:
        name = str(entry.id)
        seen[name] += 1
        yield entry if seen[name] == 1 else replace(entry, id=f"{name} ({seen[name]})")


def _attempt(row: Row, where: str, *, threshold: float) -> Iterator[Entry]:
    probe, asked = take(row, "probe_classname", str, where), tuple(_turns(row.get("prompt"), where))
    outputs = part(row, "outputs", list, where)
    results = part(row, "detector_results", dict, where) if row.get("status") == EVALUATED else {}
    name = f"{probe}/{name_of(row, 'seq', where)}/{digest(asked)[:12]}"
    for place in range(max(1, len(outputs))):
        yield Entry(
            where=where,
            id=name if len(outputs) < 2 else f"{name}/{place}",
            family=family_of(asked),
            category=probe,
            asked=asked,
            answer=_text(outputs[place], where) if outputs else None,
            scores={key: _hit(found, place, threshold=threshold) for key, found in results.items()},
        )


def _hit(found: Any, place: int, *, threshold: float) -> float | None:
    """The detector's value for one output; 1 or 0 where the run drew the line elsewhere than in the middle."""
    value = number(found[place]) if isinstance(found, list) and place < len(found) else None
    if value is None or not 0 <= value <= 1 or threshold == THRESHOLD:
        return value
    return float(value >= threshold)


def _turns(prompt: object, where: str) -> Iterator[Message]:
    """Text in old reports, then a message, now a conversation."""
    turns = prompt.get("turns") if isinstance(prompt, dict) else None
    if turns is None:
        yield Message("user", _text(prompt, where) or "")
    for turn in turns if isinstance(turns, list) else ():
        row = as_row(turn, where)
        yield Message(take(row, "role", str, where), _text(row.get("content"), where) or "")


def _text(message: object, where: str) -> str | None:
    """A message is text or an object with it; an attachment has none, and is told apart by its checksum."""
    if message is None or isinstance(message, str):
        return message
    row = as_row(message, where)
    text, seal = row.get("text"), row.get("data_checksum")
    if text is not None and not isinstance(text, str):
        raise ValueError(f"{where}: a message whose text is no text; expected text or null")
    return f"{text or ''} [attachment {seal}]".strip() if seal else text
