"""Tensors by name: what is read is what the format's own library reads, and no damaged file is believed."""

import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from tuneward.checkpoint.stored import stored

DTYPES = (
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.int32,
    torch.uint8,
    torch.bool,
)
ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


def raw(folder: Path, header: object, data: bytes = b"\0" * 8) -> Path:
    """A file from a header written by hand."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
    return folder


def sharded(folder: Path, *shards: dict[str, torch.Tensor], index: dict[str, str] | None = None) -> Path:
    """Shards with their index."""
    folder.mkdir(exist_ok=True)
    names = [f"model-{n:05}-of-{len(shards):05}.safetensors" for n in range(1, len(shards) + 1)]
    for name, tensors in zip(names, shards, strict=True):
        save_file(tensors, folder / name)
    placed = {key: name for name, tensors in zip(names, shards, strict=True) for key in tensors}
    text = json.dumps({"metadata": {"total_size": 0}, "weight_map": placed if index is None else index})
    (folder / "model.safetensors.index.json").write_text(text)
    return folder


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_any_rows_equal_what_the_formats_own_library_reads(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    shape = data.draw(st.lists(st.integers(0, 5), max_size=3))
    dtype = data.draw(st.sampled_from(DTYPES))
    noise = torch.randint(0, 256, (*shape, dtype.itemsize), dtype=torch.uint8)
    tensor = (noise[..., 0] > 127) if dtype == torch.bool else noise.view(dtype).reshape(shape)
    folder = tmp_path_factory.mktemp("any")
    save_file({"beside": torch.ones(3), "x": tensor}, folder / "model.safetensors")
    ends = st.none() | st.integers(-7, 7)
    part = slice(data.draw(ends), data.draw(ends)) if shape else slice(None)
    held, expected = stored(folder), load_file(folder / "model.safetensors")["x"]
    found = held.rows("x", part)
    wanted = expected[part] if shape else expected
    assert found.dtype == wanted.dtype
    assert found.shape == wanted.shape
    assert found.reshape(-1).view(torch.uint8).tolist() == wanted.reshape(-1).contiguous().view(torch.uint8).tolist()
    assert held.nbytes("x") == expected.nbytes
    assert (held.shape("x"), held.dtype("x")) == (tuple(shape), dtype)


def test_shards_read_like_one_file(tmp_path: Path) -> None:
    """R1, R4: the layout on disk changes nothing that is read."""
    tensors = {name: torch.randn(4, 3).to(torch.bfloat16) for name in ("b", "a", "c")}
    tensors["steps"] = torch.arange(5)
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    save_file(tensors, one / "model.safetensors", metadata={"format": "pt"})
    sharded(two, {name: tensors[name] for name in ("c", "steps")}, {name: tensors[name] for name in ("a", "b")})
    single, several = stored(one), stored(two)
    assert set(several.names) == set(single.names) == set(tensors)
    assert [file.name for file in several.files] == [f"model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    assert set(several.names[:2]) == {"c", "steps"}
    assert several.file_of("a") == several.files[1]
    assert dict(single.layout[single.files[0]].metadata) == {"format": "pt"}
    for name, tensor in tensors.items():
        assert torch.equal(single.rows(name), tensor)
        assert torch.equal(several.rows(name, slice(1, 3)), tensor[1:3])


def test_rows_go_into_the_buffer_given_and_may_be_written_to(tmp_path: Path) -> None:
    save_file({"x": torch.arange(12.0).reshape(4, 3)}, tmp_path / "model.safetensors")
    held, room = stored(tmp_path), torch.zeros(40, dtype=torch.uint8)
    found = held.rows("x", slice(1, 3), into=room)
    assert found.data_ptr() == room.data_ptr()
    found += 1
    assert held.rows("x", slice(1, 3)).tolist() == [[3, 4, 5], [6, 7, 8]]
    for wrong in (torch.zeros(23, dtype=torch.uint8), torch.zeros(40), torch.zeros(80, dtype=torch.uint8)[::2]):
        with pytest.raises(ValueError, match=r"x: 24 bytes do not fit"):
            held.rows("x", slice(1, 3), into=wrong)
    with pytest.raises(ValueError, match="with a step"):
        held.rows("x", slice(0, 4, 2))
    with pytest.raises(KeyError):
        held.rows("y")


HEADERS = {
    "not JSON": (b"{nonsense", b"", "not readable as a JSON object"),
    "not an object": (b"[1, 2]", b"", "no JSON object"),
    "not UTF-8": (b'{"\xff": 1}', b"", "not readable"),
    "deep": (b'{"a":' * 100_000, b"", "not readable"),
    "same key twice": (b'{"a":1,"a":2}', b"", "a comes twice"),
    "no offsets": ({"x": {"dtype": "F32", "shape": [2]}}, b"\0" * 8, "x: header entry without"),
    "unknown field": ({"x": ENTRY | {"also": 1}}, b"\0" * 8, "x: header entry without"),
    "unknown dtype": ({"x": ENTRY | {"dtype": "F8_E4M3"}}, b"\0" * 8, "x: stored as F8_E4M3"),
    "dtype no text": ({"x": ENTRY | {"dtype": [1]}}, b"\0" * 8, "x: stored as"),
    "negative shape": ({"x": ENTRY | {"shape": [-2]}}, b"\0" * 8, "x: shape"),
    "true as a shape": ({"x": ENTRY | {"shape": [True]}}, b"\0" * 8, "x: shape"),
    "offsets back": ({"x": ENTRY | {"data_offsets": [8, 0]}}, b"\0" * 8, "x: shape"),
    "shape of more bytes": ({"x": ENTRY | {"shape": [3]}}, b"\0" * 8, r"x: shape \[3\] needs 12 bytes, has 8"),
    "hole": ({"x": ENTRY | {"data_offsets": [4, 12]}}, b"\0" * 12, "x: begins after a gap"),
    "overlap": ({"x": ENTRY, "y": ENTRY | {"data_offsets": [4, 12]}}, b"\0" * 12, "y: overlaps"),
    "cut": ({"x": ENTRY}, b"\0" * 7, "x: ends at byte .* the file at .*; it was cut short"),
    "trailing": ({"x": ENTRY}, b"\0" * 9, "1 bytes after the last tensor"),
    "metadata of numbers": ({"__metadata__": {"a": 1}, "x": ENTRY}, b"\0" * 8, "__metadata__"),
}


@pytest.mark.parametrize("case", HEADERS)
def test_a_damaged_header_is_one_line_that_names_file_and_tensor(case: str, tmp_path: Path) -> None:
    header, data, expected = HEADERS[case]
    with pytest.raises(ValueError, match=expected) as raised:
        stored(raw(tmp_path, header, data))
    assert "model.safetensors: " in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"\0" * 7, struct.pack("<Q", 1 << 40), struct.pack("<Q", 9) + b"{}      "])
def test_a_file_shorter_than_its_header_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match="cut short, or no safetensors file"):
        stored(tmp_path)


def test_a_name_from_a_file_acts_on_no_terminal(tmp_path: Path) -> None:
    with pytest.raises(ValueError) as raised:
        stored(raw(tmp_path, {"x\n\x1b[31m": ENTRY}, b""))
    assert "\x1b" not in str(raised.value)
    assert "\n" not in str(raised.value)


def faults(step: int, folder: Path) -> None:
    """Cut the file, and turn every bit of its header, one at a time."""
    save_file({"a": torch.ones(2, 3), "bb": torch.zeros(4).half()}, folder / "model.safetensors")
    file, held = folder / "model.safetensors", stored(folder)
    whole = file.read_bytes()
    kept = {name: (held.shape(name), held.dtype(name)) for name in held.names}
    for length in range(0, len(whole), step):
        file.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"cut short|not readable|header"):
            stored(folder)
    for bit in range(0, 8 * (len(whole) - 32), step):
        turned = bytearray(whole)
        turned[bit // 8] ^= 1 << bit % 8
        file.write_bytes(turned)
        try:
            found = stored(folder)
        except ValueError:
            continue
        same = {name: (found.shape(name), found.dtype(name)) for name in found.names}
        assert same == kept or set(same) != set(kept), f"bit {bit}"


def test_cuts_and_turned_bits_are_seen(tmp_path: Path) -> None:
    """Some of them; a turned bit in a name gives another name, which the comparison with the base refuses."""
    faults(29, tmp_path)


@pytest.mark.full
def test_every_cut_and_every_turned_bit_is_seen(tmp_path: Path) -> None:
    """All of them."""
    faults(1, tmp_path)


def test_an_index_that_does_not_agree_with_its_shards_is_refused(tmp_path: Path) -> None:
    x, y = torch.ones(2), torch.zeros(2)
    first, second = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
    cases = [
        ({"x": first, "y": second, "z": second}, "index.json: z: not in model-00002"),
        ({"x": second, "y": second}, "index.json: x: not in model-00002|y: stored in"),
        ({"x": first}, "y"),
        ({}, "no weight_map"),
        ({"x": first, "y": "../" + second}, "y: ../.* is no safetensors file beside the index"),
        ({"x": first, "y": "other.bin"}, "y: other.bin is no safetensors file"),
    ]
    for number, (index, expected) in enumerate(cases):
        folder = sharded(tmp_path / str(number), {"x": x}, {"y": y}, index=index)
        if expected == "y":  # a shard that the index names for something else holds one tensor more
            save_file({"x": x, "y": y}, folder / first)
            expected = "y: the index does not name it"
        with pytest.raises(ValueError, match=expected):
            stored(folder)


def test_a_tensor_in_two_shards_a_missing_shard_and_a_missing_index_are_refused(tmp_path: Path) -> None:
    twice = sharded(tmp_path / "twice", {"x": torch.ones(2)}, {"x": torch.ones(2), "y": torch.ones(2)})
    (twice / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {"x": "model-00001-of-00002.safetensors", "y": "model-00002-of-00002.safetensors"}})
    )
    with pytest.raises(ValueError, match=r"00002\.safetensors: x: stored in model-00001-of-00002\.safetensors as well"):
        stored(twice)
    lost = sharded(tmp_path / "lost", {"x": torch.ones(2)}, {"y": torch.ones(2)})
    (lost / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"00002.safetensors: missing shard"):
        stored(lost)
    bare = sharded(tmp_path / "bare", {"x": torch.ones(2)}, {"y": torch.ones(2)})
    (bare / "model.safetensors.index.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"index.json: missing"):
        stored(bare)
    both = sharded(tmp_path / "both", {"x": torch.ones(2)})
    save_file({"x": torch.ones(2)}, both / "model.safetensors")
    with pytest.raises(ValueError, match=r"both model\.safetensors and"):
        stored(both)


def test_pickles_and_missing_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such folder"):
        stored(tmp_path / "none")
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(ValueError, match="pickled weights"):
        stored(tmp_path)


def test_a_file_replaced_after_its_header_was_read_is_refused(tmp_path: Path) -> None:
    save_file({"x": torch.ones(4)}, tmp_path / "model.safetensors")
    held = stored(tmp_path)
    save_file({"y": torch.ones(2), "x": torch.ones(4)}, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="changed while it was being read"):
        held.rows("x")


UNDER_A_LIMIT = """
import resource, sys
from pathlib import Path
import torch
from tuneward.checkpoint.stored import stored
held = stored(Path(sys.argv[1]))
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + (64 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
room = torch.empty(16 << 20, dtype=torch.uint8)
print(sum(float(held.rows("x", slice(first, first + 1024), into=room).sum()) for first in range(0, 65536, 1024)))
"""


@pytest.mark.full
def test_a_tensor_of_a_gigabyte_is_read_under_a_limit_of_64_megabytes_more(tmp_path: Path) -> None:
    """Mapping the file would need address space for all of it."""
    header = json.dumps({"x": {"dtype": "F32", "shape": [65536, 4096], "data_offsets": [0, 1 << 30]}}).encode()
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + (1 << 30))
    run = [sys.executable, "-c", UNDER_A_LIMIT, str(tmp_path)]
    done = subprocess.run(run, capture_output=True, text=True, timeout=120)
    assert done.stdout == "0.0\n", done.stderr
