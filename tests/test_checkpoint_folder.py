"""The folder that a model is written to: what goes along, what stays behind, what a later look finds out."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from tuneward.checkpoint.folder import MANIFEST, copy_companions, half_folder, settle, verify
from tuneward.checkpoint.streams import NewFiles, room_for

GOES = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "merges.txt",
    "chat_template.jinja",
    "additional_chat_templates/tools.jinja",
    "LICENSE",
)
STAYS = (
    "README.md",
    "record.json",
    "manifest.json",
    "model.safetensors",
    "pytorch_model.bin",
    "optimizer.pt",
    "training_args.bin",
    "trainer_state.json",
    "modeling_own.py",
    "checkpoint-10/config.json",
    "suites/policy.json",
)


def filled(folder: Path, names: tuple[str, ...], *, content: str = "") -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content + name)
    return folder


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_configuration_and_tokenizer_go_along_and_nothing_else(tmp_path: Path) -> None:
    source, half = filled(tmp_path / "tuned", GOES + STAYS), tmp_path / "half"
    half.mkdir()
    copy_companions(source, half)
    assert names(half) == set(GOES)
    assert all((half / name).read_bytes() == (source / name).read_bytes() for name in GOES)


def test_files_behind_links_are_copied_as_files(tmp_path: Path) -> None:
    """A hub cache holds links into a store."""
    blob, source, half = tmp_path / "blob", tmp_path / "tuned", tmp_path / "half"
    blob.write_text("{}")
    source.mkdir()
    half.mkdir()
    (source / "config.json").symlink_to(blob)
    copy_companions(source, half)
    assert not (half / "config.json").is_symlink()
    assert (half / "config.json").read_text() == "{}"


def test_an_adapters_own_tokenizer_takes_the_place_of_the_bases_whole(tmp_path: Path) -> None:
    base = filled(tmp_path / "base", GOES)
    own = filled(tmp_path / "own", ("tokenizer.json", "tokenizer_config.json", "config.json"), content="own ")
    bare = filled(tmp_path / "bare", ("chat_template.jinja",), content="own ")
    for adapter, name in ((own, "a"), (bare, "b")):
        half = tmp_path / name
        half.mkdir()
        copy_companions(base, half, tokenizer=adapter)
    assert names(tmp_path / "a") == {
        "tokenizer.json", "tokenizer_config.json", "config.json", "generation_config.json", "LICENSE",
    }  # fmt: skip
    assert (tmp_path / "a/tokenizer.json").read_text().startswith("own")
    assert not (tmp_path / "a/config.json").read_text().startswith("own")
    assert names(tmp_path / "b") == set(GOES)


def written(out: Path, *, content: str = "") -> Path:
    with half_folder(out) as half:
        filled(half, ("model.safetensors", "config.json"), content=content)
        settle(half, out, sums={})
    return out


def test_one_bit_a_missing_file_and_one_too_many_are_named(tmp_path: Path) -> None:
    out = written(tmp_path / "out")
    verify(out)
    manifest = json.loads((out / MANIFEST).read_bytes())
    assert manifest["schema"] == "tuneward/weights/1"
    assert set(manifest["files"]) == {"model.safetensors", "config.json"}
    file = out / "model.safetensors"
    before = file.read_bytes()
    file.write_bytes(bytes([before[0], before[1] ^ 4, *before[2:]]))
    with pytest.raises(ValueError, match=r"model\.safetensors: other content"):
        verify(out)
    file.write_bytes(before[:-1])
    with pytest.raises(ValueError, match=r"model\.safetensors: 16 bytes, 17 when it was written"):
        verify(out)
    file.unlink()
    with pytest.raises(ValueError, match=r"model\.safetensors: missing"):
        verify(out)
    file.write_bytes(before)
    (out / "model-00001-of-00001.safetensors").write_bytes(before)
    with pytest.raises(ValueError, match="does not name"):
        verify(out)
    (out / MANIFEST).unlink()
    with pytest.raises(FileNotFoundError, match=MANIFEST):
        verify(out)


def test_a_folder_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), half_folder(tmp_path / "out") as half:
        filled(half, ("config.json",) * (1 // 0))
    assert list(tmp_path.iterdir()) == []
    out = written(tmp_path / "out", content="new ")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert out.stat().st_mode & 0o777 == 0o755


def test_only_what_a_repair_wrote_is_replaced(tmp_path: Path) -> None:
    """A manifest of another kind does not count."""
    out = written(tmp_path / "out", content="old ")
    filled(out, ("record.json",))
    written(out, content="new ")
    assert names(out) == {"model.safetensors", "config.json", MANIFEST}
    assert (out / "config.json").read_text() == "new config.json"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    empty = tmp_path / "empty"
    empty.mkdir()
    written(empty)
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / MANIFEST).write_text('{"schema": "another/1", "files": []}')
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(out)
    for other in (kept, tmp_path / "file", tmp_path / "link"):
        with pytest.raises(ValueError, match="not written by a repair"):
            written(other)


def test_what_dead_runs_left_goes_and_what_a_living_one_writes_stays(tmp_path: Path) -> None:
    """A run that was killed between two names gets its old folder back."""
    dead = filled(tmp_path / ".out.dead.half", ("model.safetensors",))
    other = filled(tmp_path / ".outer.dead.half", ("model.safetensors",))
    with half_folder(tmp_path / "out") as living:
        assert not dead.exists()
        written(tmp_path / "out")
        assert living.is_dir()
    assert other.is_dir()
    (tmp_path / "out").rename(tmp_path / ".out.x.old")
    with half_folder(tmp_path / "out"):
        verify(tmp_path / "out")
    assert not (tmp_path / ".out.x.old").exists()


def test_a_disk_that_is_too_small_is_told_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"needs 1000000\.00 GB, .* GB are free"):
        room_for(tmp_path / "out", 10**15)


def test_a_file_that_is_not_finished_begins_with_zeros_and_a_gap_is_noticed(tmp_path: Path) -> None:
    import torch

    head, half = (16).to_bytes(8, "little") + b"h" * 16, torch.arange(32, dtype=torch.uint8)
    with NewFiles(tmp_path) as files:
        file = files.open(tmp_path / "x", head=head, size=24 + 64)
        files.put(file, 24 + 32, half)
        with pytest.raises(RuntimeError, match="32 bytes were never put"):
            files.finish()
        assert (tmp_path / "x").read_bytes()[:8] == bytes(8)
        files.put(file, 24, half)
        sums = files.finish()
    content = head + bytes(half.numpy()) * 2
    assert (tmp_path / "x").read_bytes() == content
    assert sums == {"x": hashlib.sha256(content).hexdigest()}
    assert os.path.getsize(tmp_path / "x") == 88
