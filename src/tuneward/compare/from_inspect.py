"""Inspect logs: `.json`, and `.eval`, a zip of one JSON document a sample (EvalLog version 2, inspect-ai 0.3.285).

Runs pair on sample id and epoch. Inspect does not say whether a high score is the wanted one; our own exports do.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zipfile import BadZipFile, ZipFile

from tuneward.chat import Finish, Message
from tuneward.compare.documents import decode, name_of, number, part, take
from tuneward.compare.logs import Entry, Log, Reply, family_of, with_missing
from tuneward.compare.zip_zstd import READS_ZSTD
from tuneward.rows.json_files import as_row
from tuneward.rows.turns import Row

TOOL, VERSION = "inspect", 2
OURS = "tuneward/inspect/1"
"""Schema of the logs that tuneward exports: C is the wanted outcome on every score, and texts may be withheld."""
WITHHELD = "[text withheld"
ZSTD = 93
LETTERS: Mapping[str, float] = MappingProxyType({"C": 1.0, "P": 0.5, "I": 0.0})
"""Correct, partial, incorrect. N (no answer) is no value: which side it belongs to depends on the question."""
WORDING = frozenset(
    {"match", "includes", "pattern", "answer", "exact", "f1", "choice", "math", "perplexity", "target_perplexity"}
)
"""Inspect's own scorers that ask no judge."""
FAILED = ("grader_failed", "scoring_failed")
"""Reasons that blame the scorer and not the model: such a score says nothing, whatever its value."""
STOPS: Mapping[str, Finish] = MappingProxyType({"stop": "stop", "max_tokens": "length", "model_length": "length"})


def is_zip(path: Path) -> bool:
    """Whether a file begins as a zip does."""
    with path.open("rb") as file:
        return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


def read_zip(path: Path) -> Log:
    """The entries of an `.eval` file.

    Raises:
        ValueError: no Inspect log, a broken one, or one compressed in a way that this Python cannot read.
    """
    try:
        with ZipFile(path) as archive:
            names = archive.namelist()
            if not {"header.json", "_journal/start.json"} & set(names):
                raise ValueError(f"{path}: a zip without header.json; expected an .eval log of Inspect")
            if not READS_ZSTD and any(info.compress_type == ZSTD for info in archive.infolist()):
                raise ValueError(f"{path}: compressed with zstd; run `inspect log convert --to json` and compare those")
            head = "header.json" if "header.json" in names else "_journal/start.json"
            header = as_row(decode(archive.read(head), f"{path}:{head}"), f"{path}:{head}")
            within = [name for name in dict.fromkeys(names) if name.startswith("samples/") and name.endswith(".json")]
            samples = [as_row(decode(archive.read(name), f"{path}:{name}"), f"{path}:{name}") for name in within]
    except (BadZipFile, NotImplementedError, EOFError, OSError) as error:
        raise ValueError(f"{path}: a broken zip ({error}); expected an .eval log of Inspect") from None
    return _log(path, header, zip(within, samples, strict=True))


def read_document(path: Path, document: Row) -> Log:
    """The entries of a decoded `.json` log. Raises ValueError for a log without samples or of another shape."""
    if document.get("samples") is None:
        raise ValueError(f"{path}: has no samples (a header, or --no-log-samples); nothing can be paired")
    samples = take(document, "samples", list, str(path))
    placed = ((str(place), as_row(sample, f"{path}:{place}")) for place, sample in enumerate(samples, 1))
    return _log(path, document, placed)


def _log(path: Path, header: Row, samples: Any) -> Log:
    if header.get("version") != VERSION:
        raise ValueError(f"{path}: written as version {header.get('version')!r}; this version reads {VERSION}")
    spec = take(header, "eval", dict, str(path))
    about = part(spec, "metadata", dict, str(path))
    ours = about.get("schema") == OURS
    limit = part(about, "limit", int, str(path)) or None if ours else None
    entries = [_entry(sample, f"{path}:{place}", ours=ours) for place, sample in samples]
    status = header.get("status", "not finished")
    notes = () if status == "success" else (f"{path}: the run ended as {status!r}; some samples may be missing",)
    if not ours:
        entries = with_missing(_leaves(entries), lambda _: "")
    higher = {name: True for entry in entries for name in entry.scores} if ours else {}
    wording = frozenset(name for entry in entries for name in entry.scores if _reads_wording(name, ours=ours))
    return Log(TOOL, path, entries, higher, wording, notes, limit)


def _reads_wording(name: str, *, ours: bool) -> bool:
    return name != "harm" if ours else bool(WORDING & set(name.split("/")))


def _leaves(entries: list[Entry]) -> list[Entry]:
    """Without the bare name of a scorer that gives several values elsewhere: there it stands for all of them."""
    names = {name for entry in entries for name in entry.scores}
    bare = {name for name in names if any(other.startswith(f"{name}/") for other in names)}
    return [replace(one, scores={n: v for n, v in one.scores.items() if n not in bare}) for one in entries]


def _entry(sample: Row, where: str, *, ours: bool) -> Entry:
    name, epoch = name_of(sample, "id", where), part(sample, "epoch", int, where)
    meta, kept = part(sample, "metadata", dict, where), part(sample, "attachments", dict, where)
    asked = tuple(_turns(sample.get("input"), kept, where))
    answer, finish = _answer(sample, kept, where)
    scores = dict(_scores(part(sample, "scores", dict, where), where))
    if ours:  # what was asked and not judged is named there, since Inspect has no way to write it as a score
        scores = {**dict.fromkeys(_texts(meta.get("axes"))), **scores}
    family, category = _texts([meta.get("family")]), _texts([meta.get("category")])
    reply: Reply = "withheld" if ours and (answer or "").startswith(WITHHELD) else "written"
    return Entry(
        where=where,
        id=name if epoch == 1 else f"{name} (epoch {epoch})",
        family=family[0] if family else family_of(asked),
        category=category[0] if category else "",
        asked=asked,
        answer=answer,
        scores=scores,
        reply=reply,
        finish=finish,
    )


def _texts(values: object) -> list[str]:
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []


def _turns(value: object, kept: Mapping[str, Any], where: str) -> Iterator[Message]:
    if isinstance(value, str):
        yield Message("user", _text(value, kept, where))
        return
    if not isinstance(value, list) or not value:
        raise ValueError(f"{where}: input is no prompt; expected text or a list of messages")
    for turn in value:
        yield Message(take(as_row(turn, where), "role", str, where), _text(turn.get("content"), kept, where))


def _text(content: object, kept: Mapping[str, Any], where: str) -> str:
    """Text, or the text parts of a list; what is kept apart as an attachment is put back."""
    if isinstance(content, list):
        parts = [as_row(item, where) for item in content]
        return "\n".join(_text(item.get("text"), kept, where) for item in parts if item.get("type") == "text")
    if not isinstance(content, str):
        raise ValueError(f"{where}: a message without text; expected text or a list of parts")
    key = content.removeprefix("attachment://")
    return str(kept.get(key, content)) if key != content else content


def _answer(sample: Row, kept: Mapping[str, Any], where: str) -> tuple[str | None, Finish | None]:
    """What the model said last; None where the sample ended in an error or nothing came back."""
    output = part(sample, "output", dict, where)
    choices = part(output, "choices", list, where)
    if sample.get("error") or output.get("error") or not choices:
        return None, None
    choice = as_row(choices[0], where)
    message = take(choice, "message", dict, where)
    return _text(message.get("content"), kept, where), STOPS.get(str(choice.get("stop_reason")))


def _scores(scores: Row, where: str) -> Iterator[tuple[str, float | None]]:
    """Values as numbers; a scorer that gives several is one score for each of its keys."""
    for name, found in scores.items():
        score = as_row(found, where)
        value = None if score.get("reason") in FAILED else score.get("value")
        if isinstance(value, dict):
            yield from ((f"{name}/{key}", _value(inner)) for key, inner in value.items())
        else:
            yield name, _value(value)


def _value(value: object) -> float | None:
    return LETTERS.get(value) if isinstance(value, str) else number(value)
