"""promptfoo: the JSON of `promptfoo eval --output`, whose results are version 3.

Runs pair on testIdx and promptIdx. A pass is good, also in a red team, where it means that the target resisted. A
result without assertions passes by itself in promptfoo; here it has no score.
"""

from collections.abc import Iterator
from pathlib import Path

from tuneward.chat import Message
from tuneward.compare.documents import number, part, take
from tuneward.compare.logs import Entry, Log
from tuneward.record import digest
from tuneward.rows.json_files import as_row, encode
from tuneward.rows.turns import Row, names

TOOL, VERSION, PASS = "promptfoo", 3, "pass"
JUDGES = ("llm-rubric", "model-graded-", "g-eval", "moderation", "guardrails", "promptfoo:redteam:")
"""Beginnings of the assertion types that ask a judge; not- before them inverts them."""
ERROR = 2
"""failureReason of a result whose provider or assertion broke: it says nothing of the model."""


def summary_of(document: Row) -> Row | None:
    """The part that holds the results; None for any other document."""
    for found in (document.get("results"), document):
        if isinstance(found, dict) and isinstance(found.get("results"), list) and "version" in found:
            return found
    return None


def read_document(path: Path, document: Row) -> Log:
    """The entries of a decoded file. Raises ValueError for another version, or for several providers in one file."""
    summary = summary_of(document)
    if summary is None or summary.get("version") != VERSION:
        version = None if summary is None else summary.get("version")
        raise ValueError(f"{path}: promptfoo results of version {version!r}; this version reads {VERSION}")
    rows = [as_row(row, f"{path}:{place}") for place, row in enumerate(take(summary, "results", list, str(path)), 1)]
    providers = sorted({_provider(row, f"{path}:{place}") for place, row in enumerate(rows, 1)})
    if len(providers) > 1:
        raise ValueError(f"{path}: holds several providers ({names(providers)}); run each with --filter-providers")
    entries = [_entry(row, f"{path}:{place}") for place, row in enumerate(rows, 1)]
    asserted = {kind for row in rows for kind in _asserted(row)}
    judged = bool(asserted) and all(kind.removeprefix("not-").startswith(JUDGES) for kind in asserted)
    return Log(TOOL, path, entries, {PASS: True}, frozenset() if judged else frozenset({PASS}))


def _components(row: Row) -> list[Row]:
    grading = row.get("gradingResult")
    parts = grading.get("componentResults") if isinstance(grading, dict) else None
    return [one for one in parts if isinstance(one, dict)] if isinstance(parts, list) else []


def _asserted(row: Row) -> Iterator[str]:
    """Types of the assertions behind a result; a part that does not say counts as none that asks a judge."""
    for one in _components(row):
        assertion = one.get("assertion")
        yield str(assertion.get("type")) if isinstance(assertion, dict) else "unknown"


def _provider(row: Row, where: str) -> str:
    provider = part(row, "provider", dict, where)
    return str(provider.get("label") or provider.get("id") or "unnamed")


def _entry(row: Row, where: str) -> Entry:
    test = part(row, "testCase", dict, where)
    meta = {**part(test, "metadata", dict, where), **part(row, "metadata", dict, where)}
    category = next((meta[key] for key in ("category", "pluginId") if isinstance(meta.get(key), str)), "")
    prompt = take(take(row, "prompt", dict, where), "raw", str, where)
    ids = [take(row, key, int, where) for key in ("testIdx", "promptIdx")]
    return Entry(
        where=where,
        id="/".join(map(str, ids)),
        family=f"test {digest(test.get('vars') or ids[0])[:12]}",  # several prompts of one test are one idea
        category=category,
        asked=(Message("user", prompt),),
        answer=_answer(row, where),
        scores=_scores(row, where),
    )


def _answer(row: Row, where: str) -> str | None:
    """The output; an object is its text as JSON, and a result in error has none."""
    response = part(row, "response", dict, where)
    output = response.get("output")
    if row.get("failureReason") == ERROR or response.get("error") or output is None:
        return None
    return output if isinstance(output, str) else encode(output, where).decode()


def _broken(grading: Row) -> bool:
    meta = grading.get("metadata")
    return isinstance(meta, dict) and bool(meta.get("graderError"))


def _scores(row: Row, where: str) -> dict[str, float | None]:
    """Pass or fail where something was asserted; None where what asserts it broke."""
    parts = _components(row)
    broken = any(map(_broken, (part(row, "gradingResult", dict, where), *parts)))
    if row.get("failureReason") == ERROR or broken:
        return {PASS: None}
    if not parts and row.get("success") is not False:
        return {}
    return {PASS: number(row["success"]) if isinstance(row.get("success"), bool) else None}
