"""The shards' tables as one: the set is counted by DuckDB, which spills what memory does not hold."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tuneward.screen.first import ROWS, TRIGGERS
from tuneward.screen.looking import EVENTS, SEEN

TABLES = {"rows": ROWS, "seen": SEEN, "events": EVENTS, "triggers": TRIGGERS}


class Store:
    """Views `rows`, `seen`, `events` and `triggers` over the folders of finished shards."""

    def __init__(self, folders: Sequence[Path], *, scratch: Path, memory_mb: int, threads: int) -> None:
        scratch.mkdir(parents=True, exist_ok=True)
        self.folders = tuple(folders)
        self._at = duckdb.connect(":memory:")
        self._at.execute(f"SET memory_limit = '{memory_mb}MB'")
        self._at.execute(f"SET threads = {threads}")
        self._at.execute("SET temp_directory = ?", [str(scratch)])
        self._at.execute("SET preserve_insertion_order = false")
        for table, schema in TABLES.items():
            self.view(table, [folder / f"{table}.parquet" for folder in folders], schema)

    def run(self, sql: str, values: Sequence[Any] = ()) -> None:
        """A statement without an answer."""
        self._at.execute(sql, values)

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """A small answer."""
        return self._at.execute(sql, values).fetchall()

    def arrays(self, sql: str, values: Sequence[Any] = ()) -> dict[str, NDArray[Any]]:
        """An answer by column."""
        found = self._at.execute(sql, values).fetchnumpy()
        return {name: np.asarray(column) for name, column in found.items()}

    def batches(self, sql: str, values: Sequence[Any] = (), *, size: int = 65_536) -> pa.RecordBatchReader:
        """An answer in pieces."""
        return self._at.sql(sql, params=list(values)).to_arrow_reader(size)

    def put(self, name: str, table: pa.Table) -> None:
        """A table under a name; one of that name is replaced."""
        self._at.register("incoming", table)
        self._at.execute(f'CREATE OR REPLACE TABLE "{name}" AS SELECT * FROM incoming')
        self._at.unregister("incoming")

    def add(self, about: tuple[Any, ...], *, places: Sequence[int | None]) -> None:
        """Rows of table `members`: one for each place, None for the set; `about` is what the other columns hold."""
        self._at.register("incoming", pa.table({"place": pa.array(places, pa.int64())}))
        self._at.execute("INSERT INTO members SELECT place, ?, ?, ?, ?, ?, ?, ?, ? FROM incoming", list(about))
        self._at.unregister("incoming")

    def view(self, name: str, files: Sequence[Path], schema: pa.Schema) -> None:
        """Parquet files under a name; an empty table where there are none."""
        if files:
            self._at.read_parquet([str(file) for file in files]).create_view(name)
        else:
            self.put(name, schema.empty_table())

    def close(self) -> None:
        """Let go of memory and scratch files."""
        self._at.close()
