"""Parquet files and folders saved by `datasets`, read and written with pyarrow; imported only when one is met.

A column that `datasets` stores as JSON text (its `Json` feature, which it uses for tool calls) is read as the value it
stands for. The schema travels with the rows, so that what is written has the types of what was read.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq

from tuneward.record import sha256_file
from tuneward.rows.json_files import decode, encode
from tuneward.rows.turns import Row, names

BATCH = 256
"""Rows in memory at a time."""


def read_parquet(path: Path) -> Iterator[tuple[int, Row]]:
    """Place (from 1) and row. Raises ValueError with `file:place` for a file that is broken or has a column twice."""
    try:
        with pq.ParquetFile(path) as file:
            yield from _rows(file.schema_arrow, file.iter_batches(batch_size=BATCH), path)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path}: not a readable Parquet file ({_first_line(error)})") from None


def parquet_schema(path: Path) -> bytes:
    """The file's schema as pyarrow serialises it. Raises ValueError when there is none."""
    try:
        return bytes(pq.read_schema(path).serialize())
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path}: not a readable Parquet file ({_first_line(error)})") from None


def read_arrow(path: Path) -> Iterator[tuple[int, Row]]:
    """Place (from 1) and row of one `.arrow` stream, mapped into memory. Raises ValueError as `read_parquet`."""
    try:
        with pa.memory_map(str(path)) as source, pa.ipc.open_stream(source) as stream:
            slices = (batch.slice(at, BATCH) for batch in stream for at in range(0, batch.num_rows, BATCH))
            yield from _rows(stream.schema, slices, path)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path}: not a readable Arrow stream ({_first_line(error)})") from None


def arrow_schema(path: Path) -> bytes:
    """The stream's schema as pyarrow serialises it. Raises ValueError when there is none."""
    try:
        with pa.memory_map(str(path)) as source, pa.ipc.open_stream(source) as stream:
            return bytes(stream.schema.serialize())
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path}: not a readable Arrow stream ({_first_line(error)})") from None


def write_parquet(file: BinaryIO, rows: Iterable[Row], schema: bytes | None) -> None:
    """Rows in batches; without a schema the first batch decides.

    Raises:
        ValueError: for no rows without a schema, and for a value or key that the schema has no place for.
    """
    kind, batches = _batches(rows, schema)
    with pq.ParquetWriter(file, kind) as writer:
        for batch in batches:
            writer.write_batch(batch)


def write_saved(folder: Path, rows: Iterable[Row], schema: bytes | None) -> None:
    """The three files of `Dataset.save_to_disk` in an empty folder. Raises ValueError as `write_parquet`."""
    kind, batches = _batches(rows, schema)
    data = folder / "data-00000-of-00001.arrow"
    with pa.OSFile(str(data), "wb") as file, pa.ipc.new_stream(file, kind) as writer:
        for batch in batches:
            writer.write_batch(batch)
    described = json.loads((kind.metadata or {}).get(b"huggingface", b"{}"))
    state: dict[str, Any] = {
        "_data_files": [{"filename": data.name}],
        "_fingerprint": sha256_file(data)[:16],
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": None,
    }
    (folder / "state.json").write_bytes(encode(state, "state.json"))
    (folder / "dataset_info.json").write_bytes(encode(described.get("info", {}), "dataset_info.json"))


def _rows(schema: Any, batches: Iterable[Any], path: Path) -> Iterator[tuple[int, Row]]:
    if len(set(schema.names)) != len(schema.names):
        twice = next(name for name in schema.names if schema.names.count(name) > 1)
        raise ValueError(f'{path}: the column "{twice}" is there twice; expected each name once')
    stored = [field for field in schema if _holds_json(field.type)]
    start = 1
    for batch in batches:
        try:
            rows = batch.to_pylist()
        except UnicodeDecodeError:
            end = start + batch.num_rows - 1
            raise ValueError(f"{path}:{start}: text that is not UTF-8 in rows {start} to {end}") from None
        for number, row in enumerate(rows, start):
            opened = {field.name: _walk(row[field.name], field.type, _opened, f"{path}:{number}") for field in stored}
            yield number, {**row, **opened}
        start += batch.num_rows


def _batches(rows: Iterable[Row], schema: bytes | None) -> tuple[Any, Iterator[Any]]:
    """The schema to write with, and record batches made as they are asked for."""
    rows = iter(rows)
    first = list(islice(rows, BATCH))
    kind = pa.ipc.read_schema(pa.py_buffer(schema)) if schema else _guessed(first)
    groups = chain([first] if first else [], iter(lambda: list(islice(rows, BATCH)), []))
    return kind, (_batch(group, kind) for group in groups)


def _guessed(rows: list[Row]) -> Any:
    if not rows:
        raise ValueError("no rows and no schema; expected at least one row, whose columns the file would have")
    columns = dict.fromkeys(column for row in rows for column in row)
    try:
        return pa.schema([(name, pa.array([row.get(name) for row in rows]).type) for name in columns])
    except pa.ArrowException as error:
        raise ValueError(f"the rows do not fit one table ({_first_line(error)}); expected one type a column") from None


def _batch(rows: list[Row], kind: Any) -> Any:
    """A batch of that schema; JSON text is laid out as plain text first, since pyarrow cannot build it nested."""
    unknown = sorted({column for row in rows for column in row} - set(kind.names))
    if unknown:
        raise ValueError(f"columns {', '.join(unknown)} are not in the file's schema; expected {names(kind.names)}")
    plain = pa.schema([(field.name, _plain(field.type)) for field in kind])
    columns = [[_walk(row.get(field.name), field.type, _closed, field.name) for row in rows] for field in kind]
    try:
        arrays = [pa.array(column, type=field.type) for column, field in zip(columns, plain, strict=True)]
        if not any(_holds_json(field.type) for field in kind):
            return pa.RecordBatch.from_arrays(arrays, schema=kind)
        return pa.RecordBatch.from_arrays(arrays, schema=plain).cast(kind)
    except (pa.ArrowException, TypeError, OverflowError, UnicodeEncodeError) as error:
        raise ValueError(f"a row does not fit the file's schema ({_first_line(error)})") from None


def _is_json(kind: Any) -> bool:
    return getattr(kind, "extension_name", "") == "arrow.json"


def _is_list(kind: Any) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _holds_json(kind: Any) -> bool:
    if pa.types.is_struct(kind):
        return any(_holds_json(field.type) for field in kind)
    return _holds_json(kind.value_type) if _is_list(kind) else _is_json(kind)


def _plain(kind: Any) -> Any:
    """The same type with JSON text as text."""
    if not _holds_json(kind):
        return kind
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, _plain(field.type)) for field in kind])
    if _is_list(kind):
        return (pa.large_list if pa.types.is_large_list(kind) else pa.list_)(_plain(kind.value_type))
    return kind.storage_type


def _walk(value: Any, kind: Any, change: Callable[[Any, str], Any], where: str) -> Any:
    """The value with `change` made to every JSON text in it; a key that a struct lacks is an error, not a loss."""
    if value is None:
        return None
    if _is_json(kind):
        return change(value, where)
    if isinstance(value, list) and _is_list(kind):
        return [_walk(item, kind.value_type, change, where) for item in value]
    if isinstance(value, dict) and pa.types.is_struct(kind):
        known = {field.name: field.type for field in kind}
        unknown = sorted(set(value) - set(known))
        if unknown:
            raise ValueError(f"{where}: the file's schema has no {', '.join(unknown)}; expected {', '.join(known)}")
        return {key: _walk(item, known[key], change, where) for key, item in value.items()}
    return value


def _opened(value: str, where: str) -> Any:
    return decode(value, 0, where)[0]


def _closed(value: Any, where: str) -> str:
    return encode(value, where).decode()


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
