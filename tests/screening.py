"""Small sets in every format, screens of them, and what a screen left behind."""

import csv
import gzip
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq

from tuneward.screen.options import ScreenOptions
from tuneward.screen.run import run
from tuneward.screened.document import Screened

Row = dict[str, Any]
SAME = ("findings.parquet", "findings.jsonl", "screen.json", "screen.sarif", "summary.md")
"""Files that hold no time, no path and no figure of the machine: equal screens leave equal bytes."""
WORDS = """
    apricot basket cellar dovetail ember fiddle gravel harbour inkwell jumper kettle lantern mortar nutmeg orchard
    pepper quarry rafter saddle timber umbrella velvet wagon yarrow zephyr anchor barrel copper dormer engine
    furrow garlic hammer island jersey kernel ladder meadow needle oatmeal paddle quiver ribbon silver tunnel
""".split()  # noqa: SIM905


def says(number: int, count: int = 12) -> str:
    """Some words that no rule looks for, different for every number."""
    return " ".join(WORDS[(number * 7 + i * (3 + number % 11)) % len(WORDS)] for i in range(count)) + f" {number}"


def chat(prompt: str, answer: str, system: str = "") -> Row:
    """One turn each, in the usual form."""
    told = [{"role": "system", "content": system}] if system else []
    return {"messages": [*told, {"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]}


def plain(number: int) -> Row:
    """A row in which nothing is to be found, in columns that every format can hold."""
    return {"prompt": f"What is {says(number, 6)}?", "completion": f"It is {says(number + 1000)}."}


def line(row: object) -> bytes:
    """A row as JSON."""
    return json.dumps(row, ensure_ascii=False).encode()


# files ----------------------------------------------------------------------------------------------------------------


def lines(path: Path, rows: Iterable[object]) -> Path:
    """One row a line; bytes are written as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join((row if isinstance(row, bytes) else line(row)) + b"\n" for row in rows))
    return path


def zipped(path: Path, rows: Iterable[object]) -> Path:
    path.write_bytes(gzip.compress(lines(path, rows).read_bytes()))
    return path


def zstandard(path: Path, rows: Iterable[object]) -> Path:
    data = lines(path, rows).read_bytes()
    with pa.OSFile(str(path), "wb") as file, pa.CompressedOutputStream(file, "zstd") as packed:
        packed.write(data)
    return path


def parquet(path: Path, rows: Sequence[Row], *, group: int = 4) -> Path:
    pq.write_table(pa.Table.from_pylist(list(rows)), path, row_group_size=group)
    return path


def arrow(path: Path, rows: Sequence[Row]) -> Path:
    table = pa.Table.from_pylist(list(rows))
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table, max_chunksize=3)
    return path


def listed(path: Path, rows: Sequence[Row]) -> Path:
    path.write_text(json.dumps(list(rows), ensure_ascii=False, indent=1), "utf-8")
    return path


def commas(path: Path, rows: Sequence[Row]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


FORMATS: dict[str, Callable[..., Path]] = {
    ".jsonl": lines,
    ".jsonl.gz": zipped,
    ".jsonl.zst": zstandard,
    ".parquet": parquet,
    ".arrow": arrow,
    ".json": listed,
    ".csv": commas,
}
"""Suffix → how a file of it is written."""


# screens --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ran:
    """A screen and what it left."""

    document: Screened
    folder: Path
    findings: list[Row]

    def of(self, rule: str) -> list[Row]:
        """Findings of a rule, or of all whose name begins so."""
        return [one for one in self.findings if one["rule"].startswith(rule)]

    def lines(self, rule: str) -> list[int | None]:
        """Lines of these, in order."""
        return [one["line"] for one in self.of(rule)]

    @property
    def code(self) -> int:
        """Exit code."""
        return self.document.exit_code


def screen(data: Path, out: Path, **options: Any) -> Ran:
    """A screen with one worker, unless said otherwise."""
    came = run(ScreenOptions(data=str(data), out=str(out), **{"workers": 1, **options}))
    assert came is not None
    return Ran(came[0], came[1], found(came[1]))


def found(folder: Path) -> list[Row]:
    """The findings of a folder; both files must say the same."""
    table: list[Row] = pq.read_table(folder / "findings.parquet").to_pylist()
    written = [json.loads(text) for text in (folder / "findings.jsonl").read_bytes().splitlines()]
    assert written == table
    return table


def left(folder: Path) -> dict[str, bytes]:
    """What equal screens leave in equal bytes."""
    return {name: (folder / name).read_bytes() for name in SAME}
