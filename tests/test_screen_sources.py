"""Every row of a file belongs to exactly one shard, whatever their size; what cannot be read is told, not skipped."""

import gzip
import json
import pickle
import re
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from screening import FORMATS, Row, lines, parquet, plain, zipped, zstandard
from tuneward.screen import sources as module
from tuneward.screen.pool import _attempt
from tuneward.screen.sources import GROUP, Shard, Source, rows, shards, sources
from tuneward.screen.whole import whole

CAP = 1 << 20
PIECE = st.sampled_from([b"\n", b"\n\n", b"\r\n", b"\r", b"", b'{"text": "a"}', b"x" * 9, "香".encode(), b" ", b"\x00"])
FILES = st.lists(PIECE, max_size=24).map(b"".join)


def reference(data: bytes, cap: int) -> list[tuple[int, int, bytes | None]]:
    """Offset, length and bytes of each line; a line end at the end begins no further line."""
    parts = data.split(b"\n")
    if not parts[-1]:
        parts.pop()
    made, at = [], 0
    for part in parts:
        made.append((at, len(part), part if len(part) <= cap else None))
        at += len(part) + 1
    return made


def pieces(path: Path, size: int) -> list[Shard]:
    return shards(sources(path), size)


def read(found: Sequence[Shard], cap: int = CAP) -> list[tuple[int, int, object]]:
    return [(p.place, p.length, p.value) for shard in found for p in rows(shard, cap)]


# lines ----------------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=150, database=None)
@given(data=FILES, size=st.integers(1, 40), block=st.integers(1, 17), cap=st.integers(0, 12))
@example(data=b"", size=1, block=1, cap=5)
@example(data=b"abc", size=1, block=1, cap=5)
@example(data=b"\n\n\n", size=1, block=1, cap=0)
@example(data=b"aaaaaaaaaaaaaaa\nb", size=4, block=3, cap=6)
def test_every_line_is_owned_once_and_as_it_stands(tmp_path_factory, data, size, block, cap):
    """For any size of shards and of reads, with and without a last line end, over the cap or not."""
    path = tmp_path_factory.getbasetemp() / "owned.jsonl"
    path.write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", block)
        assert read(pieces(path, size), cap) == reference(data, cap)
        found = whole(sources(path)[0])
    assert found.rows == len(reference(data, cap))


def test_a_shard_owns_the_lines_that_start_inside_it(tmp_path):
    data = b"".join(b"%d" % i * (1 + i * 13 % 50) + b"\n" for i in range(60))
    path = tmp_path / "a.jsonl"
    path.write_bytes(data)
    for shard in pieces(path, 64):
        assert all(shard.start <= place < shard.end for place, _, _ in read([shard]))
    assert [shard.number for shard in pieces(path, 64)] == list(range(-(-len(data) // 64)))


def test_a_line_over_the_cap_is_not_held(tmp_path, monkeypatch):
    """Its length is told and its neighbours are as they were."""
    monkeypatch.setattr(module, "BLOCK", 100)
    path = tmp_path / "long.jsonl"
    path.write_bytes(b"first\n" + b"x" * 5000 + b"\nlast\n")
    wanted = [(0, 5, b"first"), (6, 5000, None), (5007, 4, b"last")]
    for size in (1 << 20, 700, 6, 7):
        assert read(pieces(path, size), 200) == wanted
    assert read(pieces(path, 700), 5000)[1] == (6, 5000, b"x" * 5000)


def test_blank_lines_are_rows_and_carriage_returns_belong_to_them(tmp_path):
    """What a reader makes of them is not the cutter's business; nothing is dropped."""
    path = tmp_path / "odd.jsonl"
    path.write_bytes(b"\n\r\n{}\r\nx\ry\n\n")
    assert [value for _, _, value in read(pieces(path, 3))] == [b"", b"\r", b"{}\r", b"x\ry", b""]


def test_an_empty_file_has_no_rows_and_no_shards(tmp_path):
    path = lines(tmp_path / "none.jsonl", [])
    assert pieces(path, 10) == []
    assert whole(sources(path)[0]).rows == 0


# other files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [zipped, zstandard])
@pytest.mark.parametrize("end", [b"\n", b""])
def test_a_packed_file_has_the_lines_and_offsets_of_its_content(tmp_path, monkeypatch, write, end):
    monkeypatch.setattr(module, "BLOCK", 37)
    texts = [b"first", b"", b"x" * 500, "香蕉".encode()]
    path = write(tmp_path / {zipped: "a.jsonl.gz", zstandard: "a.jsonl.zst"}[write], texts)
    (shard,) = pieces(path, 10)
    assert read([shard], 100) == reference(b"\n".join(texts) + b"\n", 100)


def test_several_members_and_frames_are_one_content(tmp_path):
    (tmp_path / "two.jsonl.gz").write_bytes(gzip.compress(b"a\nb") + gzip.compress(b"c\nd\n"))
    frame = zstandard(tmp_path / "one.jsonl.zst", ["x"]).read_bytes()
    (tmp_path / "two.jsonl.zst").write_bytes(frame + frame)
    assert [value for _, _, value in read(pieces(tmp_path / "two.jsonl.gz", 9))] == [b"a", b"bc", b"d"]
    assert [value for _, _, value in read(pieces(tmp_path / "two.jsonl.zst", 9))] == [b'"x"', b'"x"']


@pytest.mark.parametrize("size", [1, 300, 1 << 20])
def test_row_groups_are_owned_once_and_rows_keep_their_place(tmp_path, size):
    made = [plain(i) for i in range(23)]
    path = parquet(tmp_path / "a.parquet", made, group=5)
    found = read(pieces(path, size))
    assert [value for _, _, value in found] == made
    assert [place for place, _, _ in found] == [i // 5 * GROUP + i % 5 for i in range(23)]
    assert whole(sources(path)[0]).rows == 23
    assert len(pieces(path, size)) == {1: 5, 300: len(pieces(path, 300)), 1 << 20: 1}[size]


def test_a_group_longer_than_one_read_counts_on(tmp_path):
    made = [{"text": str(i)} for i in range(700)]
    path = parquet(tmp_path / "a.parquet", made, group=600)
    assert [place for place, _, _ in read(pieces(path, 1))] == [i // 600 * GROUP + i % 600 for i in range(700)]


def test_a_parquet_file_without_rows(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), path)
    assert read(pieces(path, 1)) == []
    assert whole(sources(path)[0]).rows == 0


@pytest.mark.parametrize("suffix", [".arrow", ".json", ".csv", ".parquet", ".jsonl"])
def test_every_format_gives_its_rows_in_order(tmp_path, suffix):
    made = [plain(i) for i in range(9)]
    path = FORMATS[suffix](tmp_path / f"a{suffix}", made)
    values = [value for _, _, value in read(pieces(path, 1))]
    assert [json.loads(value) if isinstance(value, bytes) else value for value in values] == made
    if suffix in (".arrow", ".json", ".csv"):
        assert [place for place, _, _ in read(pieces(path, 1))] == [n + (suffix == ".csv") for n in range(9)]


@pytest.mark.filterwarnings("ignore")
def test_a_saved_data_set_is_its_files_in_the_order_they_name(tmp_path):
    datasets = pytest.importorskip("datasets", reason="datasets is an extra")
    datasets.disable_progress_bars()
    made = datasets.Dataset.from_list([plain(i) for i in range(20)])
    folder = tmp_path / "saved"
    datasets.DatasetDict(train=made, test=made.select([3])).save_to_disk(folder, num_shards={"train": 3, "test": 1})
    (folder / "train" / "notes.parquet").write_bytes(b"no part of it")
    found = sources(folder)
    assert [source.name for source in found] == [
        "test/data-00000-of-00001.arrow",
        *(f"train/data-0000{n}-of-00003.arrow" for n in range(3)),
    ]
    values = [value for _, _, value in read(shards(found, 1))]
    assert values == [plain(3), *(plain(i) for i in range(20))]


def test_a_saved_data_set_with_a_file_missing_is_refused(tmp_path):
    (tmp_path / "state.json").write_text('{"_data_files": [{"filename": "data.arrow"}]}')
    with pytest.raises(FileNotFoundError, match=r"data\.arrow: no such file, but state\.json names it"):
        sources(tmp_path)
    (tmp_path / "state.json").write_text('{"rows": 7}')
    with pytest.raises(ValueError, match=r"state\.json: not a saved data set; expected _data_files"):
        sources(tmp_path)


def test_a_folder_is_its_files_by_name_and_nothing_hidden(tmp_path):
    for name in ("b.jsonl", "a/c.jsonl.gz", "a.parquet", ".hidden.jsonl", ".cache/d.jsonl", "notes.txt", "README.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = sources(tmp_path)
    assert [source.name for source in found] == ["a/c.jsonl.gz", "a.parquet", "b.jsonl"]
    assert [source.number for source in found] == [0, 1, 2]


# what is refused, what fails ------------------------------------------------------------------------------------------


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("name", ["a.pkl", "a.pickle", "a.pt", "a.jsonl.xz", "a.json.gz", "a.py", "a", "a.parquet.gz"])
def test_pickles_and_unknown_files_are_refused_in_one_line_and_never_opened(tmp_path, name):
    sprung = tmp_path / "sprung"
    path = tmp_path / name
    path.write_bytes(pickle.dumps(Trap(sprung)))
    with pytest.raises(
        ValueError, match=re.escape(str(path)) + ": cannot read .*; expected .*nothing else is opened"
    ) as seen:
        sources(path)
    assert "\n" not in str(seen.value)
    assert not sprung.exists()


def test_a_pickle_beside_rows_is_no_row(tmp_path):
    sprung = tmp_path / "sprung"
    (tmp_path / "set").mkdir()
    (tmp_path / "set/a.pkl").write_bytes(pickle.dumps(Trap(sprung)))
    with pytest.raises(ValueError, match=r"no \.jsonl or \.parquet file in it"):
        sources(tmp_path / "set")
    lines(tmp_path / "set/b.jsonl", [plain(0)])
    assert [source.name for source in sources(tmp_path / "set")] == ["b.jsonl"]
    assert not sprung.exists()


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.jsonl: no such file or folder; expected \.jsonl"):
        sources(tmp_path / "none.jsonl")


def many(path: Path) -> bytes:
    """Enough rows for several blocks of a packed file, packed."""
    made: list[Row] = [plain(i) for i in range(3000)]
    return FORMATS["".join(path.suffixes)](path, made).read_bytes()


DAMAGES = {
    "cut in half": lambda data: data[: len(data) // 2],
    "last byte gone": lambda data: data[:-1],
    "something else after it": lambda data: data + b"something else",
    "something else": lambda _: b"something else",
    "overwritten": lambda data: data[: len(data) // 3] + b"\xff" * 200 + data[len(data) // 3 + 200 :],
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("suffix", [".jsonl.gz", ".jsonl.zst"])
def test_a_damaged_packed_file_is_a_failure_with_a_reason(tmp_path, suffix, damage):
    """Never fewer rows without a word, and never a crash of the run."""
    path = tmp_path / f"a{suffix}"
    path.write_bytes(DAMAGES[damage](many(path)))
    done = _attempt(counted, pieces(path, 1 << 20)[0])
    assert done.result is None
    assert done.error
    assert "\n" not in done.error


@pytest.mark.parametrize("suffix", [".arrow", ".json", ".csv"])
def test_a_damaged_table_is_a_failure_with_a_reason(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    data = many(path)
    path.write_bytes(data[: len(data) // 2] if suffix != ".csv" else data + b'"no end')
    done = _attempt(counted, pieces(path, 1 << 20)[0])
    assert done.result is None
    assert done.error
    assert "\n" not in done.error


def test_a_damaged_row_group_fails_alone(tmp_path):
    path = parquet(tmp_path / "a.parquet", [plain(i) for i in range(40)], group=10)
    data = bytearray(path.read_bytes())
    about = pq.ParquetFile(path).metadata.row_group(2).column(0)
    start = about.dictionary_page_offset or about.data_page_offset
    data[start : start + about.total_compressed_size] = b"\xff" * about.total_compressed_size
    path.write_bytes(data)
    done = [_attempt(counted, shard) for shard in pieces(path, 1)]
    assert [one.result for one in done] == [10, 10, None, 10]
    assert done[2].error


def counted(shard: Shard) -> int:
    return sum(1 for _ in rows(shard, CAP))


def test_text_that_is_not_utf_8_in_a_table_is_a_failure_with_a_reason(tmp_path):
    odd = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\4\0\0\0"), pa.py_buffer(b"\xff\xfe\xfd\xfc")]
    )
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": odd}), path)
    done = _attempt(counted, pieces(path, 1)[0])
    assert done.result is None
    assert "utf-8" in str(done.error)


def test_a_file_that_grew_has_other_rows_than_its_shards(tmp_path):
    """The pass counts a file's lines for itself, at another time; its rows are held against that count."""
    path = lines(tmp_path / "a.jsonl", [plain(i) for i in range(9)])
    found = sources(path)
    cut = shards(found, 200)
    with path.open("ab") as file:
        file.write(b'{"text": "more"}\n')
    assert len(read(cut)) == 9
    assert whole(found[0]).rows == 10


def test_a_source_knows_whether_its_places_are_bytes(tmp_path):
    wanted = {".jsonl": True, ".jsonl.gz": True, ".jsonl.zst": True}
    for suffix, write in FORMATS.items():
        (found,) = sources(write(tmp_path / f"a{suffix}", [plain(0)]))
        assert isinstance(found, Source)
        assert found.offsets == wanted.get(suffix, False)
