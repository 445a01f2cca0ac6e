"""Data sets of the Hugging Face hub, read with `datasets`; imported only when an id is met."""

from collections.abc import Iterator

import datasets
from datasets.exceptions import DatasetsError

from tuneward.rows.turns import Row


def open_hub(name: str, split: str) -> tuple[bytes | None, Iterator[tuple[int, Row]]]:
    """Schema, when the hub knows it, and place (from 1) and row, streamed. `name` is ORG/NAME or ORG/NAME@revision.

    Code from the hub is never run: `trust_remote_code` is not passed, and data sets that need it fail.

    Raises:
        ValueError: naming the data set and what `datasets` said in its first line.
    """
    repository, _, revision = name.partition("@")
    try:
        data = datasets.load_dataset(repository, split=split, revision=revision or None, streaming=True)
    except (OSError, ValueError, DatasetsError) as error:
        raise _failed(name, split, error) from None
    schema = bytes(data.features.arrow_schema.serialize()) if data.features else None
    return schema, _rows(data, name, split)


def _rows(data: "datasets.IterableDataset", name: str, split: str) -> Iterator[tuple[int, Row]]:
    try:
        for number, row in enumerate(data, 1):
            yield number, dict(row)
    except (OSError, ValueError, DatasetsError) as error:
        raise _failed(name, split, error) from None


def _failed(name: str, split: str, error: Exception) -> ValueError:
    said = next(iter(str(error).splitlines()), type(error).__name__)
    return ValueError(f"{name}: split {split} cannot be read from the hub ({said}); expected ORG/NAME or a local path")
