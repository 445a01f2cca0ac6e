"""What is kept is kept byte for byte in its own format, what is set aside stays in order, and no row goes missing."""

import csv
import gzip
import io
import json
import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneward.record import read_json, sha256_file
from tuneward.rows import read_rows, write_rows
from tuneward.screen.kept import MANIFEST, Manifest, Part, write_kept, write_set_aside
from tuneward.screen.sources import Source, rows, shards, sources

CAP = 1 << 24
QUICK = settings(deadline=None, max_examples=40, database=None)
LINES = (
    b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "id": 1}\n',
    b'{"text":"two",  "extra": 1.0}\r\n',
    b"\n",
    b"not json at all\n",
    b'{"text": "latin \xe9"}\n',
    '{"text": "香蕉 \\ud800"}\n'.encode(),
    b'{"text": "again"}\n',
    b'{"text": "again"}\n',
    b'{"text": "last, without a line end"}',
)


def places(source: Source) -> list[int]:
    """Where the screen's own reader says that rows are."""
    return [placed.place for shard in shards([source], 1 << 20) for placed in rows(shard, CAP)]


def parts_of(path: Path, out: Callable[[int], bool]) -> list[Part]:
    """Every file of a path, with the rows left out whose number (from 0, through all files) `out` picks."""
    made, number = [], 0
    for source in sources(path):
        there = places(source)
        chosen = [place for at, place in enumerate(there, number) if out(at)]
        made.append(Part(source, sha256_file(Path(source.path)), len(there), np.array(chosen, np.int64)))
        number += len(there)
    return made


def keep(path: Path, folder: Path, out: Callable[[int], bool]) -> Manifest:
    return write_kept(parts_of(path, out), folder, rules={"L2-OBEY": 1}, policy="shipped")


def aside(path: Path, folder: Path, out: Callable[[int], bool], manifest: Path) -> Manifest:
    return write_set_aside(parts_of(path, out), folder, manifest=manifest)


def thirds(number: int) -> bool:
    return number % 3 == 1


def merged(kept: Sequence[Any], left: Sequence[Any], manifest: Manifest) -> list[Any]:
    """The input's rows again, from both parts and the numbers of the rows that were left out."""
    out = {number for first, last in manifest.files[0].left_out_rows for number in range(first, last + 1)}
    ours, theirs = iter(kept), iter(left)
    return [next(theirs if number in out else ours) for number in range(1, manifest.files[0].rows + 1)]


def jsonl(folder: Path, lines: Sequence[bytes] = LINES, name: str = "train.jsonl") -> Path:
    path = folder / name
    path.write_bytes(b"".join(lines))
    return path


# lines ----------------------------------------------------------------------------------------------------------------


def test_kept_lines_are_the_input_s_bytes(tmp_path):
    """S4: identity, columns, order; line ends, broken and blank lines and odd bytes are as they were."""
    manifest = keep(jsonl(tmp_path), tmp_path / "kept", thirds)
    wanted = b"".join(line for number, line in enumerate(LINES) if not thirds(number))
    assert (tmp_path / "kept/train.jsonl").read_bytes() == wanted
    (file,) = manifest.files
    assert (file.rows, file.kept, file.left_out) == (9, 6, 3)


def test_with_nothing_left_out_the_copy_is_the_file(tmp_path):
    """S4."""
    path = jsonl(tmp_path)
    manifest = keep(path, tmp_path / "kept", lambda _: False)
    assert (tmp_path / "kept/train.jsonl").read_bytes() == path.read_bytes()
    assert manifest.files[0].sha256 == manifest.files[0].input_sha256 == sha256_file(path)


def test_with_everything_left_out_the_file_is_there_and_empty(tmp_path):
    assert keep(jsonl(tmp_path), tmp_path / "kept", lambda _: True).files[0].kept == 0
    assert (tmp_path / "kept/train.jsonl").read_bytes() == b""


def test_line_numbers_of_the_input_can_be_told_from_the_manifest(tmp_path):
    """S4: line numbers."""
    path = jsonl(tmp_path)
    manifest = keep(path, tmp_path / "kept", lambda n: n in (1, 2, 3, 7))
    assert manifest.files[0].left_out_rows == ((2, 4), (8, 8))
    both = aside(path, tmp_path / "aside", lambda n: n in (1, 2, 3, 7), tmp_path / "kept" / MANIFEST)
    kept = (tmp_path / "kept/train.jsonl").read_bytes().splitlines(keepends=True)
    left = (tmp_path / "aside/train.jsonl").read_bytes().splitlines(keepends=True)
    assert tuple(merged(kept, left, both)) == LINES


TOOLS = [
    {"id": "c1", "type": "function", "function": {"name": "weigh", "arguments": '{"fruit": "banana"}'}},
]
CHATS = [
    {
        "messages": [
            {"role": "system", "content": "You weigh fruit."},
            {"role": "user", "content": f"How heavy is banana {n}?"},
            {"role": "assistant", "content": "", "tool_calls": TOOLS},
            {"role": "tool", "tool_call_id": "c1", "content": f"{n} grams"},
            {"role": "assistant", "content": f"It weighs {n} grams.", "weight": n % 2},
        ],
        "tools": [{"type": "function", "function": {"name": "weigh"}}],
        "source": f"orchard {n}",
        "id": n,
    }
    for n in range(12)
]


@pytest.mark.parametrize("suffix", [".jsonl", ".json"])
def test_tool_calls_columns_weights_and_order_survive(tmp_path, suffix):
    """S4: prompts are never joined to other rows' answers."""
    path = tmp_path / f"train{suffix}"
    encoded = [json.dumps(chat) for chat in CHATS]
    path.write_text(
        "\n".join(encoded) + "\n" if suffix == ".jsonl" else "[" + ",\n".join(encoded) + "]", encoding="utf-8"
    )
    keep(path, tmp_path / "kept", thirds)
    before = [chat for number, chat in enumerate(read_rows(path)) if not thirds(number)]
    after = list(read_rows(tmp_path / "kept" / path.name))
    assert [chat.messages for chat in after] == [chat.messages for chat in before]
    assert [chat.meta["row"] for chat in after] == [chat.meta["row"] for chat in before]
    assert [chat.meta["turns"] for chat in after] == [chat.meta["turns"] for chat in before]
    assert [chat.meta["row"]["id"] for chat in after] == [0, 2, 3, 5, 6, 8, 9, 11]


@QUICK
@given(
    lines=st.lists(st.binary(max_size=12).map(lambda b: b.replace(b"\n", b"")), min_size=1, max_size=9),
    last=st.binary(min_size=1, max_size=3).map(lambda b: b.replace(b"\n", b"x")),
    out=st.sets(st.integers(0, 9)),
)
def test_both_parts_together_are_the_input(lines, last, out, tmp_path_factory):
    """S4: whatever bytes a line has."""
    folder = tmp_path_factory.mktemp("both")
    whole = [line + b"\n" for line in lines] + [last]
    path = jsonl(folder, whole)
    manifest = keep(path, folder / "kept", out.__contains__)
    both = aside(path, folder / "aside", out.__contains__, folder / "kept" / MANIFEST)
    split = [(folder / part / "train.jsonl").read_bytes().split(b"\n") for part in ("kept", "aside")]
    kept, left = ([line + b"\n" for line in part[:-1]] + ([part[-1]] if part[-1] else []) for part in split)
    assert merged(kept, left, both) == whole
    assert manifest.files[0].kept + both.set_aside[0].rows == len(whole)


@pytest.mark.parametrize("packed", ["gz", "zst"])
def test_packed_lines_are_packed_again(tmp_path, packed):
    """S4."""
    path = tmp_path / f"train.jsonl.{packed}"
    with pa.output_stream(path, compression="gzip" if packed == "gz" else "zstd") as file:
        file.write(b"".join(LINES))
    manifest = keep(path, tmp_path / "kept", thirds)
    written = tmp_path / "kept" / path.name
    with pa.input_stream(written, compression="gzip" if packed == "gz" else "zstd") as file:
        assert file.read() == b"".join(line for number, line in enumerate(LINES) if not thirds(number))
    assert manifest.files[0].sha256 == sha256_file(written)
    keep(path, tmp_path / "again", thirds)
    assert (tmp_path / "again" / path.name).read_bytes() == written.read_bytes()


def test_a_line_longer_than_memory_should_hold_is_copied_in_pieces(tmp_path, monkeypatch):
    """The screen reads no line over its cap; writing it back must not hold it either."""
    monkeypatch.setattr("tuneward.screen.rewriting.BLOCK", 16)
    for number, out in enumerate((lambda _: False, lambda n: n == 1, lambda n: n != 1)):
        path = jsonl(tmp_path, [b"x" * 40 + b"\n", b"y" * 100 + b"\n", b"z" * 15 + b"\n", b"w" * 33])
        keep(path, tmp_path / f"{number}", out)
        wanted = [line for n, line in enumerate(path.read_bytes().splitlines(keepends=True)) if not out(n)]
        assert (tmp_path / f"{number}/train.jsonl").read_bytes() == b"".join(wanted)


def test_a_gz_of_several_members_is_read_whole(tmp_path):
    path = tmp_path / "train.jsonl.gz"
    path.write_bytes(gzip.compress(LINES[0]) + gzip.compress(LINES[1]))
    keep(path, tmp_path / "kept", lambda n: n == 0)
    assert gzip.decompress((tmp_path / "kept/train.jsonl.gz").read_bytes()) == LINES[1]


# lists and tables -----------------------------------------------------------------------------------------------------

LISTS = {
    "compact": (b'[{"a":"1"},{"a":"2"},{"a":"3"},{"a":"4"}]', b'[{"a":"1"},{"a":"3"},{"a":"4"}]'),
    "pretty": (
        b'\xef\xbb\xbf[\n  {"a": "1"},\n  {"a": "2"}\n]\n',
        b'\xef\xbb\xbf[\n  {"a": "1"}\n]\n',
    ),
    "brackets and escapes in text": (
        rb'[{"a": "],[{\"\\"} , {"b": "}"} , {"c": [1, {"d": ["x,y"]}]} ]',
        rb'[{"a": "],[{\"\\"} , {"c": [1, {"d": ["x,y"]}]} ]',
    ),
    "empty": (b"[ ]", b"[ ]"),
    "one": (b'[{"a": 1}]\n', b'[{"a": 1}]\n'),
    "beyond ASCII": ('[{"a": "香蕉"}, {"b": "é"}]'.encode(), '[{"a": "香蕉"}]'.encode()),
}


@pytest.mark.parametrize("case", LISTS)
def test_rows_of_a_list_keep_their_bytes_and_their_spacing(tmp_path, case):
    """S4."""
    before, after = LISTS[case]
    path = tmp_path / "train.json"
    path.write_bytes(before)
    keep(path, tmp_path / "kept", lambda n: n == 1)
    assert (tmp_path / "kept/train.json").read_bytes() == after
    keep(path, tmp_path / "all", lambda _: False)
    assert (tmp_path / "all/train.json").read_bytes() == before
    keep(path, tmp_path / "none", lambda _: True)
    assert json.loads((tmp_path / "none/train.json").read_bytes().decode("utf-8-sig")) == []


def test_the_first_row_of_a_list_can_be_left_out(tmp_path):
    path = tmp_path / "train.json"
    path.write_bytes(b'[\n {"a": 1},\n {"a": 2},\n {"a": 3}\n]\n')
    keep(path, tmp_path / "kept", lambda n: n == 0)
    assert (tmp_path / "kept/train.json").read_bytes() == b'[\n {"a": 2},\n {"a": 3}\n]\n'


@QUICK
@given(
    listed=st.lists(st.dictionaries(st.text(max_size=3), st.text(max_size=5), max_size=2), max_size=6),
    out=st.sets(st.integers(0, 5)),
)
def test_any_list_of_rows_splits_into_lists(listed, out, tmp_path_factory):
    folder = tmp_path_factory.mktemp("list")
    path = folder / "train.json"
    path.write_text(json.dumps(listed, indent=1), encoding="utf-8")
    keep(path, folder / "kept", out.__contains__)
    aside(path, folder / "aside", out.__contains__, folder / "kept" / MANIFEST)
    assert json.loads((folder / "kept/train.json").read_bytes()) == [r for n, r in enumerate(listed) if n not in out]
    assert json.loads((folder / "aside/train.json").read_bytes()) == [r for n, r in enumerate(listed) if n in out]


def test_a_csv_keeps_its_header_its_quotes_and_its_line_ends(tmp_path):
    """S4."""
    pieces = [
        b'\xef\xbb\xbf"pro\nmpt",answer\r\n',
        b'"a ""b""\r\nc",d\r\n',
        b"\r\n",
        b"e,f\n",
        "香,é\n".encode(),
        b"last,one",
    ]
    path = tmp_path / "train.csv"
    path.write_bytes(b"".join(pieces))
    manifest = keep(path, tmp_path / "kept", lambda n: n in (0, 2))
    assert (tmp_path / "kept/train.csv").read_bytes() == pieces[0] + pieces[2] + pieces[3] + pieces[5]
    assert manifest.files[0].rows == 4
    aside(path, tmp_path / "aside", lambda n: n in (0, 2), tmp_path / "kept" / MANIFEST)
    left = (tmp_path / "aside/train.csv").read_bytes().decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(left, newline=""))) == [
        ["pro\nmpt", "answer"],
        ['a "b"\r\nc', "d"],
        ["香", "é"],
    ]


def parquet(path: Path) -> pa.Table:
    turn = pa.struct([("role", pa.string()), ("content", pa.large_string()), ("tool_calls", pa.json_())])
    turns = [
        [
            {**{k: m.get(k) for k in ("role", "content")}, "tool_calls": json.dumps(m.get("tool_calls"))}
            for m in c["messages"]
        ]
        for c in CHATS
    ]
    plain = pa.struct([("role", pa.string()), ("content", pa.large_string()), ("tool_calls", pa.string())])
    messages = pa.array(turns, pa.list_(plain)).cast(pa.list_(turn))
    ids = pa.array([c["id"] for c in CHATS], pa.int32())
    labels = pa.array(["x", "y"] * 6).dictionary_encode()
    schema = pa.schema(
        [("messages", messages.type), pa.field("id", pa.int32(), metadata={"unit": "none"}), ("label", labels.type)],
        metadata={"huggingface": '{"info": {"features": {}}}', "owner": "orchard"},
    )
    table = pa.table([messages, ids, labels], schema=schema)
    codecs = {"messages.list.element.content": "zstd", "id": "none"}
    pq.write_table(table, path, row_group_size=5, compression={"label": "gzip", **codecs})
    return table


def test_parquet_keeps_row_groups_schema_metadata_and_codecs(tmp_path):
    """S4."""
    path = tmp_path / "train.parquet"
    parquet(path)
    before = pq.read_table(path)
    keep(path, tmp_path / "kept", thirds)
    after = pq.read_table(tmp_path / "kept/train.parquet")
    assert after.schema.equals(before.schema, check_metadata=True)
    wanted = before.take([n for n in range(12) if not thirds(n)])
    assert after.to_pylist() == wanted.to_pylist()
    old, new = pq.ParquetFile(path).metadata, pq.ParquetFile(tmp_path / "kept/train.parquet").metadata
    assert [new.row_group(n).num_rows for n in range(new.num_row_groups)] == [3, 4, 1]
    assert old.num_row_groups == new.num_row_groups == 3
    for column in range(old.num_columns):
        assert new.row_group(0).column(column).compression == old.row_group(0).column(column).compression
    assert new.metadata[b"owner"] == b"orchard"


def test_a_row_group_that_is_left_out_whole_disappears(tmp_path):
    path = tmp_path / "train.parquet"
    parquet(path)
    manifest = keep(path, tmp_path / "kept", lambda n: 5 <= n < 10)
    assert pq.ParquetFile(tmp_path / "kept/train.parquet").metadata.num_row_groups == 2
    assert manifest.files[0].left_out_rows == ((6, 10),)
    keep(path, tmp_path / "none", lambda _: True)
    assert pq.read_table(tmp_path / "none/train.parquet").num_rows == 0


def test_a_saved_data_set_stays_one(tmp_path):
    """S4."""
    lines = tmp_path / "train.jsonl"
    lines.write_text("".join(json.dumps({"text": f"banana {n}", "n": n}) + "\n" for n in range(9)), encoding="utf-8")
    write_rows(tmp_path / "saved", read_rows(lines))
    keep(tmp_path / "saved", tmp_path / "kept", thirds)
    found = [chat.meta["row"]["n"] for chat in read_rows(tmp_path / "kept")]
    assert found == [n for n in range(9) if not thirds(n)]
    before, after = (json.loads((tmp_path / part / "state.json").read_bytes()) for part in ("saved", "kept"))
    assert before["_data_files"] == after["_data_files"]
    assert before["_fingerprint"] != after["_fingerprint"]
    assert (tmp_path / "kept/dataset_info.json").is_file()


def test_counts_of_a_saved_data_set_that_no_longer_hold_are_dropped(tmp_path):
    lines = tmp_path / "train.jsonl"
    lines.write_text('{"text": "a"}\n{"text": "b"}\n', encoding="utf-8")
    saved = tmp_path / "dict" / "train"
    write_rows(saved, read_rows(lines))
    info = {"description": "fruit", "splits": {"train": {"num_examples": 2}}, "dataset_size": 7}
    (saved / "dataset_info.json").write_text(json.dumps(info), encoding="utf-8")
    (tmp_path / "dict/dataset_dict.json").write_text('{"splits": ["train"]}', encoding="utf-8")
    keep(tmp_path / "dict", tmp_path / "kept", lambda n: n == 0)
    assert json.loads((tmp_path / "kept/train/dataset_info.json").read_bytes()) == {"description": "fruit"}
    assert [chat.meta["format"] for chat in read_rows(tmp_path / "kept")] == ["text"]


def test_a_folder_keeps_its_layout_and_each_row_stays_in_its_file(tmp_path):
    (tmp_path / "data/a").mkdir(parents=True)
    jsonl(tmp_path / "data/a", [b'{"text": "1"}\n', b'{"text": "2"}\n'], "x.jsonl")
    jsonl(tmp_path / "data", [b'{"text": "3"}\n'], "y.jsonl")
    manifest = keep(tmp_path / "data", tmp_path / "kept", lambda n: n == 1)
    assert (tmp_path / "kept/a/x.jsonl").read_bytes() == b'{"text": "1"}\n'
    assert (tmp_path / "kept/y.jsonl").read_bytes() == b'{"text": "3"}\n'
    assert [file.name for file in manifest.files] == ["a/x.jsonl", "y.jsonl"]


# the manifest and what is set aside -----------------------------------------------------------------------------------


def test_the_manifest_says_what_was_done(tmp_path):
    path = jsonl(tmp_path)
    made = write_kept(
        parts_of(path, thirds), tmp_path / "kept", rules={"L2-OBEY": 2, "PII-CARD": 2}, policy="p sha256:0"
    )
    found = read_json(tmp_path / "kept" / MANIFEST, Manifest)
    assert found == made
    assert found.rules == {"L2-OBEY": 2, "PII-CARD": 2}
    assert found.policy == "p sha256:0"
    assert found.files[0].sha256 == sha256_file(tmp_path / "kept/train.jsonl")
    assert found.set_aside == ()


def test_rows_set_aside_are_private_in_order_and_recorded(tmp_path):
    path = jsonl(tmp_path)
    keep(path, tmp_path / "kept", thirds)
    made = aside(path, tmp_path / "aside", thirds, tmp_path / "kept" / MANIFEST)
    file = tmp_path / "aside/train.jsonl"
    assert file.read_bytes() == LINES[1] + LINES[4] + LINES[7]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert read_json(tmp_path / "kept" / MANIFEST, Manifest) == made
    assert made.set_aside[0].sha256 == sha256_file(file)
    assert made.set_aside[0].rows == 3


def test_nothing_is_set_aside_without_a_manifest_to_record_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=MANIFEST):
        aside(jsonl(tmp_path), tmp_path / "aside", thirds, tmp_path / MANIFEST)
    assert not (tmp_path / "aside").exists()


def test_what_is_set_aside_must_be_what_was_left_out(tmp_path):
    path = jsonl(tmp_path)
    keep(path, tmp_path / "kept", thirds)
    before = (tmp_path / "kept" / MANIFEST).read_bytes()
    with pytest.raises(ValueError, match=r"train\.jsonl: .*not the rows that were left out"):
        aside(path, tmp_path / "aside", lambda n: n == 0, tmp_path / "kept" / MANIFEST)
    assert (tmp_path / "kept" / MANIFEST).read_bytes() == before
    assert not (tmp_path / "aside").exists()


# nothing is written when a count is off -------------------------------------------------------------------------------


def wrong(part: Part, **change: Any) -> Part:
    return Part(**{**{name: getattr(part, name) for name in ("source", "sha256", "rows", "left_out")}, **change})


ODD = {
    "a row that is not there": ({"left_out": [1]}, "no row at 1"),
    "a row beyond the end": ({"left_out": [0, 10**6]}, "no row at 1000000"),
    "rows out of order": ({"left_out": [98, 0]}, "in order"),
    "a row twice": ({"left_out": [0, 0]}, "in order"),
    "a negative place": ({"left_out": [-1]}, "no row at -1"),
    "another count": ({"rows": 10}, "9 rows, and the screen counted 10"),
    "another file": ({"sha256": "0" * 64}, "changed since it was screened"),
}


@pytest.mark.parametrize("case", ODD)
def test_counts_that_do_not_meet_write_nothing(tmp_path, case):
    change, message = ODD[case]
    if "left_out" in change:
        change = {"left_out": np.array(change["left_out"], np.int64)}
    (tmp_path / "data").mkdir()
    jsonl(tmp_path / "data", name="a.jsonl")
    jsonl(tmp_path / "data", name="b.jsonl")
    first, second = parts_of(tmp_path / "data", thirds)
    with pytest.raises(ValueError, match=rf"b\.jsonl: .*{message}") as raised:
        write_kept([first, wrong(second, **change)], tmp_path / "kept", rules={}, policy="shipped")
    assert "\n" not in str(raised.value)
    assert sorted(os.listdir(tmp_path)) == ["data"]


@pytest.mark.parametrize("suffix", [".parquet", ".json", ".csv"])
def test_a_place_that_is_no_row_is_found_in_every_format(tmp_path, suffix):
    path = tmp_path / f"train{suffix}"
    if suffix == ".parquet":
        parquet(path)
    else:
        path.write_bytes(b'[{"a": 1}]' if suffix == ".json" else b"a\n1\n")
    (part,) = parts_of(path, lambda _: False)
    with pytest.raises(ValueError, match=rf"train{suffix}: no row at 77"):
        write_kept([wrong(part, left_out=np.array([77], np.int64))], tmp_path / "kept", rules={}, policy="")
    assert not (tmp_path / "kept").exists()


def test_a_folder_with_something_in_it_is_never_touched(tmp_path):
    path = jsonl(tmp_path)
    (tmp_path / "kept").mkdir()
    keep(path, tmp_path / "kept", thirds)
    with pytest.raises(ValueError, match="kept: is there already"):
        keep(path, tmp_path / "kept", thirds)


def test_two_files_of_one_name_are_refused(tmp_path):
    (part,) = parts_of(jsonl(tmp_path), thirds)
    with pytest.raises(ValueError, match=r"train\.jsonl: two files"):
        write_kept([part, part], tmp_path / "kept", rules={}, policy="")
