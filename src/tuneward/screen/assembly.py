"""Everything seen, as one table of findings in the order of the rows: the form of the files that a screen leaves."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from tuneward.scorers.sighting import Risk, Severity
from tuneward.screen.allowed import Allowed, name_of
from tuneward.screen.batch import features_of
from tuneward.screen.sources import FILE, GROUP
from tuneward.screen.store import Store
from tuneward.screened.finding import RELATED, Disposition, Evidence, Finding

Disposed = Callable[[str, Severity, bool | None], tuple[Risk, Disposition]]
"""Rule, severity and whether it is trained on → risk and disposition."""
GROUPS = ("groups", "1")
"""Name and version of what compares rows with each other."""
MACROS = f"""
    CREATE OR REPLACE MACRO file_of(place) AS place // {FILE};
    CREATE OR REPLACE MACRO own(place) AS place % {FILE};
    CREATE OR REPLACE MACRO named(digest, kind, place) AS
        digest || ':' || CASE WHEN kind = 'parquet' THEN (own(place) // {GROUP}) || ':' || (own(place) % {GROUP})
                         ELSE own(place)::VARCHAR END;
"""
EVERY = """
    CREATE OR REPLACE TABLE every AS
    SELECT place, rule, severity, score, stat, stat_kind, label, reason, message, role, "start", "end", "view", digest,
           secret, trained, scorer, version, NULL::VARCHAR AS "group" FROM kept_seen
    UNION ALL
    SELECT place, rule, severity, score, stat, stat_kind, label, reason, -1, '', 0, 0, '', '', false, NULL, ?, ?,
           "group"
    FROM members"""
RELATIONS = f"""
    CREATE OR REPLACE TABLE relations AS
    SELECT "group", list(named(files.digest, files.kind, place) ORDER BY place) AS ids, any_value(n) AS n
    FROM (SELECT "group", n, unnest(places) AS place
          FROM (SELECT "group", min(place, {RELATED + 1}) AS places, count(*) AS n
                FROM (SELECT DISTINCT "group", place FROM members WHERE place IS NOT NULL) GROUP BY "group"))
    JOIN files ON files.number = file_of(place) GROUP BY "group" """
FOUND = f"""
    CREATE OR REPLACE TABLE found AS
    WITH placed AS (
        SELECT every.*, CASE WHEN NOT every.secret THEN excerpts.excerpt END AS excerpt, rows.length, rows.pair,
               files.name AS file, files.kind,
               CASE WHEN files.kind = 'csv' THEN own(every.place) + 1 ELSE rows.line + bases.base + 1 END AS line,
               named(files.digest, files.kind, every.place) AS row, files.lines
        FROM every LEFT JOIN rows USING (place) LEFT JOIN excerpts USING (place, message, "start", "end")
        LEFT JOIN files ON files.number = file_of(every.place)
        ASOF LEFT JOIN bases ON every.place >= bases.place),
    marked AS (
        SELECT placed.*, rulebook.risk, rulebook.disposition, relations.ids, relations.n,
               md5(concat_ws('|', placed.rule, file, pair, message, "start", label,
                             CASE WHEN place IS NULL THEN array_to_string(relations.ids, ',') END)) AS print
        FROM placed LEFT JOIN relations ON relations."group" = placed."group"
        JOIN rulebook ON rulebook.rule = placed.rule AND rulebook.severity = placed.severity
             AND rulebook.trained IS NOT DISTINCT FROM placed.trained)
    SELECT place, rule, risk, severity, disposition, row, file, line::BIGINT AS line,
           CASE WHEN lines THEN own(place) END AS "offset",
           CASE WHEN lines THEN length END AS length, score, stat, stat_kind, label, reason, trained,
           CASE WHEN message < 0 THEN [] ELSE [{{'message': message, 'role': role, 'start': "start", 'end': "end",
                'view': "view", 'kind': label, 'digest': digest, 'excerpt': excerpt}}] END AS evidence,
           coalesce(list_filter(ids, lambda other: other IS DISTINCT FROM row)[1:{RELATED}], []) AS related,
           coalesce(n - CASE WHEN place IS NULL THEN 0 ELSE 1 END, 0) AS related_total,
           scorer, version,
           print[1:24] || '-' || row_number() OVER (PARTITION BY print ORDER BY place, "end", reason) AS fingerprint,
           NULL::VARCHAR AS allowed_by, message, "start", marked."group"
    FROM marked"""
COLUMNS = (
    'rule, risk, severity, disposition, "row", file, line, "offset", length, score, stat, stat_kind, label, reason, '
    "trained, evidence, related, related_total, scorer, version, fingerprint, allowed_by"
)
ORDER = 'place NULLS FIRST, rule, message, "start", label, reason, fingerprint'


def assemble(store: Store, *, disposed: Disposed) -> None:
    """Table `found` out of `seen` and `members`; needs `files` (number, name, kind, digest, lines) and `bases`."""
    store.run(MACROS)
    store.run(EVERY, GROUPS)
    kinds = store.rows("SELECT DISTINCT rule, severity, trained FROM every ORDER BY ALL")
    book = [(*kind, *disposed(*kind)) for kind in kinds]
    names = ("rule", "severity", "trained", "risk", "disposition")
    types = (pa.string(), pa.string(), pa.bool_(), pa.string(), pa.string())
    columns = zip(*book, strict=True) if book else [()] * len(names)
    arrays = [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)]
    store.put("rulebook", pa.Table.from_arrays(arrays, names=list(names)))
    store.run(RELATIONS)
    store.run(FOUND)


def allow(store: Store, entries: Sequence[Allowed], *, today: date) -> dict[str, int]:
    """Mark what an entry of today covers; gives findings by entry. Table `tokens` says which groups a feature made."""
    for place, entry in enumerate(entries, 1):
        if today > entry.expires:
            continue
        asked = {'"row"': entry.row, "fingerprint": entry.fingerprint, "label": entry.label}
        given: dict[str, Any] = {f"{column} = ?": value for column, value in asked.items() if value}
        if entry.file:
            given["(file = ? OR ends_with(file, '/' || ?))"] = entry.file
        if entry.token:
            given['"group" IN (SELECT "group" FROM tokens WHERE list_contains(?, feature))'] = features_of(entry.token)
        where = "".join(f" AND {condition}" for condition in given)
        values = [v for condition, value in given.items() for v in [value] * condition.count("?")]
        store.run(
            f"UPDATE found SET allowed_by = ? WHERE rule = ? AND allowed_by IS NULL{where}",
            [name_of(entry, place), entry.rule, *values],
        )
    return dict(store.rows("SELECT allowed_by, count(*) FROM found WHERE allowed_by IS NOT NULL GROUP BY 1"))


def findings(store: Store, *, each: int | None = None) -> Iterator[Finding]:
    """Findings in order; with `each`, at most that many of a rule."""
    few = "" if each is None else f"QUALIFY row_number() OVER (PARTITION BY rule ORDER BY {ORDER}) <= {each}"
    for batch in store.batches(f"SELECT {COLUMNS} FROM found {few} ORDER BY {ORDER}"):
        yield from (_finding(line) for line in batch.to_pylist())


def _finding(line: dict[str, Any]) -> Finding:
    evidence = tuple(Evidence(**one) for one in line.pop("evidence"))
    return Finding(**{**line, "evidence": evidence, "related": tuple(line["related"])})


def write(store: Store, *, folder: Path, parquet: str, jsonl: str) -> None:
    """Both files of findings, in order, each whole or not at all."""
    store.run("SET threads = 1")
    store.run("SET preserve_insertion_order = true")
    ordered = f"SELECT {COLUMNS} FROM found ORDER BY {ORDER}"
    for name, form in ((parquet, "FORMAT parquet, COMPRESSION zstd"), (jsonl, "FORMAT json")):
        part = folder / f".{name}.part"
        target = str(part).replace("'", "''")
        store.run(f"COPY ({ordered}) TO '{target}' ({form})")
        part.replace(folder / name)
