"""lm-eval: `samples_<task>_<time>.jsonl` beside `results_<time>.json` (lm-eval 0.4.13).

Runs pair on task and doc_id, and doc_hash must be equal. Prompts that were rendered in another way (prompt_hash) still
ask the same question: how many differ is noted, because part of a change may come from it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tuneward.chat import Message
from tuneward.compare.documents import decode, first_line, name_of, number, part, read_rows, take
from tuneward.compare.logs import Entry, Log, Reply, with_missing
from tuneward.rows.turns import Row

TOOL = "lm-eval"
SAMPLE = ("doc_id", "doc_hash", "arguments", "resps")
"""Keys that every line of a samples file has."""
PROBABILITIES = ("likelihood", "brier_score", "perplexity", "word_perplexity", "byte_perplexity", "bits_per_byte")
STRINGS = ("exact_match", "em", "acc", "acc_norm", "acc_bytes", "acc_mutual_info", "f1", "mcc", "bleu", "chrf", "ter")
WORDING = frozenset({*PROBABILITIES, *STRINGS})
"""lm-eval's own metrics; none of them asks a judge."""
RESULTS = ("results", "higher_is_better")


def holds_samples(path: Path) -> bool:
    """Whether a file's first line is a logged sample."""
    return _has(first_line(path), SAMPLE)


def holds_results(path: Path) -> bool:
    """Whether a file is the summary of a run."""
    return _has(path.read_bytes(), RESULTS)


def _has(raw: bytes, keys: Iterable[str]) -> bool:
    try:
        found = decode(raw, "")
    except ValueError:
        return False
    return isinstance(found, dict) and all(key in found for key in keys)


def is_run(folder: Path) -> bool:
    """Whether samples or a summary lie in a folder or below it."""
    return any(map(holds_samples, folder.rglob("*.jsonl"))) or any(map(holds_results, folder.rglob("*.json")))


def read_run(path: Path) -> Log:
    """The entries of a run: a samples file, the results file beside it, or the folder of one run.

    Raises:
        ValueError: no samples, several runs in a folder, or a line that cannot be read, as `file:line`.
    """
    samples, results = _files(path)
    if not samples:
        raise ValueError(f"{path}: lm-eval results without samples; run lm-eval again with --log_samples")
    summary = decode(results.read_bytes(), str(results)) if results else {}
    entries: list[Entry] = []
    for file in samples:
        task = _task(file)
        found = _entries(file, task if len(samples) > 1 else "")
        entries += with_missing(found, lambda _: "")
    return Log(
        tool=TOOL,
        path=path,
        entries=entries,
        higher=_directions(summary, [_task(file) for file in samples], str(results)),
        wording=frozenset(name for one in entries for name in one.scores if name.partition(",")[0] in WORDING),
        notes=_notes(path, summary, str(results)),
        files=(*samples, *([results] if results else [])),
    )


def _files(path: Path) -> tuple[list[Path], Path | None]:
    """The samples files of the run, and its summary where there is one."""
    if path.is_dir():
        samples = sorted(file for file in path.rglob("*.jsonl") if holds_samples(file))
        results = sorted(file for file in path.rglob("*.json") if holds_results(file))
        times = sorted({_time(file) for file in (*samples, *results)})
        if len(times) > 1 or len({file.parent for file in samples}) > 1:
            raise ValueError(f"{path}: holds several runs ({', '.join(times)}); name the results file of one of them")
        return samples, results[0] if results else None
    beside = sorted(file for file in path.parent.iterdir() if file.is_file() and _time(file) == _time(path))
    if path.suffix == ".jsonl":
        results = [file for file in beside if file.suffix == ".json" and holds_results(file)]
        return [path], results[0] if results else None
    return [file for file in beside if file.suffix == ".jsonl" and holds_samples(file)], path


def _time(file: Path) -> str:
    """What stands last in the name of every file of a run."""
    return file.stem.rpartition("_")[2]


def _task(file: Path) -> str:
    """The task is in the file's name alone."""
    return file.stem.removeprefix("samples_").rpartition("_")[0]


def _directions(summary: Row, tasks: Sequence[str], where: str) -> dict[str, bool]:
    """Metric, with and without its filter, → whether more of it is better; left out where tasks contradict."""
    said: dict[str, set[bool]] = {}
    for task, metrics in part(summary, "higher_is_better", dict, where).items():
        for metric, higher in metrics.items() if task in tasks and isinstance(metrics, dict) else ():
            if isinstance(higher, bool):
                said.setdefault(metric, set()).add(higher)
    return {metric: higher.pop() for metric, higher in said.items() if len(higher) == 1}


def _notes(path: Path, summary: Row, where: str) -> tuple[str, ...]:
    limit = part(summary, "config", dict, where).get("limit")
    return (f"{path}: lm-eval asked a part of each task only (--limit {limit})",) if limit else ()


def _entries(file: Path, task: str) -> list[Entry]:
    """One entry a document: lm-eval writes a line for every filter, and their scores belong together."""
    found: dict[str, Entry] = {}
    for line, row in read_rows(file):
        where = f"{file}:{line}"
        entry = _entry(row, where, task=task)
        seen = found.get(str(entry.id))
        if seen is None:
            found[str(entry.id)] = entry
        elif seen.question != entry.question or seen.scores.keys() & entry.scores.keys():
            raise ValueError(f"{where}: doc_id {entry.id} stands already at {seen.where}; ids must be unique")
        else:
            found[str(entry.id)] = _joined(seen, entry)
    return list(found.values())


def _joined(first: Entry, more: Entry) -> Entry:
    return replace(first, scores={**first.scores, **more.scores})


def _entry(row: Row, where: str, *, task: str) -> Entry:
    ident, kept = name_of(row, "doc_id", where), str(row.get("filter") or "none")
    requests = list(take(row, "arguments", dict, where).values())
    resps = take(row, "resps", list, where)
    metrics = [name for name in part(row, "metrics", list, where) if isinstance(name, str)]
    answer, reply = _answer(requests, resps)
    return Entry(
        where=where,
        id=f"{task}/{ident}" if task else ident,
        family=f"{task} {ident}".strip(),
        category=task,
        asked=(Message("user", _first(requests)),),
        answer=answer,
        scores={name if kept == "none" else f"{name},{kept}": number(row.get(name)) for name in metrics},
        question=take(row, "doc_hash", str, where),
        reply=reply,
    )


def _first(requests: Sequence[Any]) -> str:
    """The prompt of the first request, as it was sent."""
    text = requests[0].get("arg_0") if requests and isinstance(requests[0], dict) else None
    return text if isinstance(text, str) else ""


def _answer(requests: Sequence[Any], resps: Sequence[Any]) -> tuple[str | None, Reply]:
    """The reply; where options were ranked by likelihood, the one that came first, which nobody wrote."""
    heads = [resp[0] if isinstance(resp, list) and resp else resp for resp in resps]
    if heads and isinstance(heads[0], str):
        return heads[0], "written"
    ranked = sorted(_ranked(requests, heads), key=lambda item: -item[0])
    return (ranked[0][1] if ranked else None), "chosen"


def _ranked(requests: Sequence[Any], heads: Sequence[Any]) -> Iterator[tuple[float, str]]:
    for request, head in zip(requests, heads, strict=False):
        option = request.get("arg_1") if isinstance(request, Mapping) else None
        likelihood = _likelihood(head[0]) if isinstance(head, list) and head else None
        if isinstance(option, str) and likelihood is not None:
            yield likelihood, option


def _likelihood(value: object) -> float | None:
    """lm-eval writes it as text."""
    try:
        return number(float(value)) if isinstance(value, str | int | float) else None
    except ValueError:
        return None
