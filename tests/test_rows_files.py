"""Files of rows: JSON, CSV, Parquet, saved data sets and the hub, read row by row and written whole or not at all."""

import csv
import json
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneward.chat import Chat, Message
from tuneward.rows import detect, format_of, places, read_rows, write_rows

QUICK = settings(deadline=None, max_examples=40, database=None)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def exact(value: object) -> str:
    """A form in which the order of keys and 1 against 1.0 or true count."""
    return json.dumps(value)


def lines(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@QUICK
@given(
    rows=st.lists(st.tuples(TEXT, TEXT, TEXT), min_size=1, max_size=3), names=st.permutations(["q", "a", "x, y\r\n"])
)
def test_a_csv_read_and_written_holds_the_same_cells(
    rows: list[Any], names: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("csv")
    with (folder / "old.csv").open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows([names, *rows])
    chats = list(read_rows(folder / "old.csv", columns={"prompt": "q", "answer": "a"}))
    assert [(chat.prompt, chat.answer) for chat in chats] == [
        (row[names.index("q")], row[names.index("a")]) for row in rows
    ]
    write_rows(folder / "new.csv", chats)
    with (folder / "new.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [names, *map(list, rows)]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b'{"text": "a"}', r"1: not a list; expected"),
        ("a.json", b'[{"text": "a"},\n 3]', r"2: a number; expected an object"),
        ("a.json", b'[{"text": "a"}\n {"text": "b"}]', r"1: the list goes wrong after this row, on line 2; expected"),
        ("a.json", b'[{"text": "a"},\n {"text": "b"', r"2: not JSON \(.*line 2, column \d+\)"),
        ("a.csv", b'text\nok\n\n"one\ntwo"\na,b\n', r"6: 2 values; expected 1"),
        ("a.csv", b'text,n\n"a\nb",1\n"c,2\n', r"4: not CSV"),
        ("a.csv", b"text,text\n", r'1: the column "text" is there twice'),
        ("a.csv", b"text\nok\n\xe9\n", r"3: not UTF-8"),
        ("a.parquet", b"PAR1", r" not a readable Parquet file"),
        ("a.txt", b"hello", r" cannot tell what kind of rows .txt has; expected .jsonl, .json, .csv, .parquet"),
    ],
)
def test_other_broken_files_are_named_with_their_place(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow", reason="pyarrow is an extra")
    with pytest.raises(ValueError, match=rf"a\.\w+:{message}"):
        list(read_rows(tmp_path / name))


def test_line_numbers_and_ids_are_true_past_blank_lines_and_long_cells(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('text\n\n"1\n2"\n' + "x" * 200_000 + "\n", encoding="utf-8")
    (tmp_path / "a.jsonl").write_bytes(b'\xef\xbb\xbf\r\n{"text": "a\xe2\x80\xa8b"}\r\n \n{"text": "c"}')
    assert [chat.id for chat in read_rows(tmp_path / "a.csv")] == ["a.csv:3", "a.csv:5"]
    assert [(chat.id, chat.answer) for chat in read_rows(tmp_path / "a.jsonl")] == [
        ("a.jsonl:2", "a\u2028b"),
        ("a.jsonl:4", "c"),
    ]


def test_what_a_format_or_file_cannot_hold_is_refused_and_the_old_file_stays(tmp_path: Path) -> None:
    good = detect({"text": "t"}).parse({"text": "t"}, "a:1")
    alpaca = detect({"instruction": "i", "output": "o"}).parse({"instruction": "i", "output": "o"}, "a:2")
    new = Chat("n", "n", (Message("user", "q"),))
    path = tmp_path / "out.jsonl"
    path.write_text("old")
    for bad in (alpaca, new, replace(good, prefill="Yes"), replace(good, messages=(Message("user", "t"),))):
        with pytest.raises(ValueError, match=r"out.jsonl: not written: (a:\d|n): "):
            write_rows(path, [good, bad])
    for meta in ({"n": float("nan")}, {"n": {1}}, {"n": "\ud800"}):
        with pytest.raises(ValueError, match="row 1: JSON cannot hold it"):
            write_rows(path, [replace(good, meta={**good.meta, "row": meta, "columns": ["text", "n"]})])
    with pytest.raises(ValueError, match=r"a CSV holds text, write \.jsonl"):
        write_rows(tmp_path / "out.csv", [replace(good, meta={**good.meta, "row": {"n": 1}})])
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["out.jsonl"]
    with pytest.raises(ValueError, match="unknown format other"):
        format_of(replace(good, meta={"format": "other"}))


def test_a_file_can_be_rewritten_while_it_is_read(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", *({"text": str(n)} for n in range(2000)))
    write_rows(path, (chat for chat in read_rows(path) if chat.meta["line"] % 2))
    assert [chat.answer for chat in read_rows(path)] == [str(n) for n in range(0, 2000, 2)]
    write_rows(tmp_path / "none.jsonl", [])
    assert list(read_rows(tmp_path / "none.jsonl")) == []


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_memory_stays_bounded_while_a_long_file_streams_through(suffix: str, tmp_path: Path) -> None:
    if suffix == ".parquet":
        pytest.importorskip("pyarrow", reason="pyarrow is an extra")
    path = lines(tmp_path / "a.jsonl", *({"text": f"{n} " * 500} for n in range(4000)))
    write_rows(tmp_path / f"a{suffix}", read_rows(path))
    tracemalloc.start()
    write_rows(tmp_path / f"b{suffix}", read_rows(tmp_path / f"a{suffix}"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert path.stat().st_size > 8_000_000
    assert peak < 3_000_000


def typed_rows() -> list[dict[str, Any]]:
    call = {"id": "1", "function": {"name": "f", "arguments": {"x": 1}}}
    talk = [
        {"role": "user", "content": "hi", "tool_calls": None},
        {"role": "assistant", "content": None, "tool_calls": [call]},
    ]
    return [{"messages": talk, "n": n, "tools": [{"a": {"b": n}}, {"a": "c"}]} for n in range(600)]


@pytest.mark.parametrize("kind", ["parquet", "saved", "shards"])
def test_arrow_data_keep_values_columns_order_and_types(kind: str, tmp_path: Path) -> None:
    """S4; `tools` mixes types, so `datasets` stores it as JSON text."""
    datasets = pytest.importorskip("datasets", reason="datasets is an extra")
    made = datasets.Dataset.from_list(typed_rows(), on_mixed_types="use_json").cast_column("n", datasets.Value("int16"))
    source, target = tmp_path / "old", tmp_path / "new"
    if kind == "saved":
        datasets.DatasetDict(train=made, test=made.select([0])).save_to_disk(source)
    elif kind == "parquet":
        source, target = tmp_path / "old.parquet", tmp_path / "new.parquet"
        made.to_parquet(source)
    else:
        source.mkdir()
        for part in range(2):
            made.shard(2, part).to_parquet(source / f"train-0000{part}-of-00002.parquet")
        lines(source / "test-1.jsonl", {"text": "t"})
    chats = list(read_rows(source))
    write_rows(target, chats)
    if kind != "parquet":
        assert len(list(read_rows(source, split="test"))) == 1
    read = (
        datasets.Dataset.from_parquet(str(target), cache_dir=str(tmp_path))
        if kind == "parquet"
        else datasets.load_from_disk(target)
    )
    assert exact(list(read)) == exact(typed_rows())
    assert read.features == made.features
    assert [chat.messages for chat in read_rows(target)] == [chat.messages for chat in chats]
    assert len({chat.id for chat in chats}) == 600


def test_arrow_writers_refuse_what_the_schema_has_no_place_for(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is an extra")
    talk = {"messages": [{"role": "user", "content": "a"}]}
    heavy = {"messages": [{"role": "user", "content": "a", "weight": 1}]}
    with pytest.raises(ValueError, match="schema has no weight; expected role, content"):
        write_rows(tmp_path / "a.parquet", read_rows(lines(tmp_path / "a.jsonl", *[talk] * 300, heavy)))
    with pytest.raises(ValueError, match="columns n are not in the file's schema; expected messages"):
        write_rows(tmp_path / "a.parquet", read_rows(lines(tmp_path / "a.jsonl", *[talk] * 300, {**talk, "n": 1})))
    with pytest.raises(ValueError, match="do not fit one table"):
        write_rows(tmp_path / "a.parquet", read_rows(lines(tmp_path / "a.jsonl", {**talk, "n": 1}, {**talk, "n": "x"})))
    with pytest.raises(ValueError, match="no rows and no schema"):
        write_rows(tmp_path / "a", [])
    assert [file.name for file in tmp_path.iterdir()] == ["a.jsonl"]
    write_rows(tmp_path / "new", read_rows(lines(tmp_path / "a.jsonl", talk)))
    with pytest.raises(ValueError, match="it is there already; name a new folder"):
        write_rows(tmp_path / "new", read_rows(tmp_path / "a.jsonl"))


def test_folders_choose_the_split_or_say_which_there_are(tmp_path: Path) -> None:
    (tmp_path / ".cache").mkdir()
    lines(tmp_path / ".cache/train.jsonl", {"text": "hidden"})
    lines(tmp_path / "val.jsonl", {"text": "v"})
    with pytest.raises(ValueError, match=r"no .parquet or .jsonl file of split train; found splits: validation"):
        read_rows(tmp_path)
    assert [chat.id for chat in read_rows(tmp_path, split="validation")] == ["val.jsonl:1"]
    with pytest.raises(ValueError, match="has no splits"):
        read_rows(tmp_path / "val.jsonl", split="test")
    (tmp_path / "b").mkdir()
    lines(tmp_path / "b/val.jsonl", {"text": "v"})
    with pytest.raises(ValueError, match=r"two files named val\.jsonl"):
        read_rows(tmp_path, split="validation")


@pytest.mark.parametrize("path", ["data/none.jsonl", "none", "./a/b", "a/b/c"])
def test_a_missing_path_is_not_taken_for_a_hub_id(path: str) -> None:
    with pytest.raises(FileNotFoundError, match=rf"{path}: no such file or folder; expected .*ORG/NAME"):
        read_rows(path)


def test_a_hub_id_is_streamed_and_no_foreign_code_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """G9."""
    datasets = pytest.importorskip("datasets", reason="datasets is an extra")
    asked: list[dict[str, Any]] = []

    def load(name: str, **options: Any) -> Any:
        asked.append({"name": name, **options})
        if name == "org/gone":
            raise datasets.exceptions.DatasetNotFoundError("no such\ndata set")
        return datasets.Dataset.from_list([{"text": "a"}, {"text": "b"}])

    monkeypatch.setattr(datasets, "load_dataset", load)
    assert [chat.id for chat in read_rows("org/name@main", split="test")] == ["name@main[test]:1", "name@main[test]:2"]
    assert asked == [{"name": "org/name", "split": "test", "revision": "main", "streaming": True}]
    with pytest.raises(ValueError, match=r"org/gone: split train cannot be read from the hub \(no such\)"):
        read_rows("org/gone")


def test_a_missing_extra_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(places, "importlib", SimpleNamespace(import_module=lambda name: missing("pyarrow")))
    (tmp_path / "a.parquet").write_bytes(b"")
    with pytest.raises(ValueError, match=r"a.parquet: needs pyarrow; run pip install 'tuneward\[rows\]'"):
        read_rows(tmp_path / "a.parquet")
    monkeypatch.setattr(places, "importlib", SimpleNamespace(import_module=lambda name: missing("other")))
    with pytest.raises(ModuleNotFoundError):
        read_rows("org/name")


def test_reading_json_loads_neither_pyarrow_nor_datasets_nor_torch(tmp_path: Path) -> None:
    code = "import sys; from tuneward.rows import read_rows; list(read_rows(sys.argv[1])); print(*sys.modules)"
    path = lines(tmp_path / "a.jsonl", {"text": "a"})
    loaded = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"pyarrow", "datasets", "torch", "pandas"} & set(loaded)
