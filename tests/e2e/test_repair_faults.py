"""Damaged inputs, full disks and kills: inputs stay, no half checkpoint loads, and one line says what happened."""

import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from tuneward.checkpoint.folder import verify
from tuneward.checkpoint.pair import pair_of
from tuneward.checkpoint.writing import write

pytestmark = pytest.mark.full
RUNNER = """
import os, signal, sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
import tuneward.checkpoint.folder as folder
import tuneward.checkpoint.streams as streams
import tuneward.checkpoint.writing as writing
from tuneward.checkpoint.layer import Mixed
from tuneward.checkpoint.pair import pair_of

tuned, base, out, stop, alpha = sys.argv[1:]
calls = 0

def dying(function, name):
    def then(*given, **named):
        global calls
        if stop.startswith(name):
            calls += 1
            if calls > int(stop.partition(":")[2] or 0):
                os.kill(os.getpid(), signal.SIGKILL)
        return function(*given, **named)
    return then

streams.NewFiles.put = dying(streams.NewFiles.put, "put")
os.fsync = dying(os.fsync, "fsync")
writing.settle = dying(folder.settle, "settle")
writing.copy_companions = dying(folder.copy_companions, "companions")
Path.rename = dying(Path.rename, "rename")
try:
    pair = pair_of(tuned=Path(tuned), base=Path(base))
    done = writing.write(pair, ((name, Mixed(float(alpha))) for name in pair.names), Path(out))
except (ValueError, OSError) as error:
    sys.exit(f"error: {error}")
"""


def llama(seed: int) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    config = LlamaConfig(
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=3,
        num_attention_heads=2,
        num_key_value_heads=2,
        vocab_size=97,
        tie_word_embeddings=True,
    )
    return LlamaForCausalLM(config).bfloat16()


@pytest.fixture
def models(tmp_path: Path) -> tuple[Path, Path]:
    for seed, name in ((1, "tuned"), (2, "base")):
        llama(seed).save_pretrained(tmp_path / name, max_shard_size="100KB")
    return tmp_path / "tuned", tmp_path / "base"


def ran(folder: Path, *, stop: str = "", alpha: float = 0.6, limit: int = 0) -> subprocess.CompletedProcess[str]:
    """The writer in a process of its own, which may be allowed files of `limit` bytes only."""
    words = [str(folder / "tuned"), str(folder / "base"), str(folder / "out"), stop, str(alpha)]

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.run(
        [sys.executable, "-c", RUNNER, *words],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limited if limit else None,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"},
    )


def sums(*folders: Path) -> dict[str, str]:
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def content(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.is_file()}


def loads(folder: Path) -> bool:
    """Whether the library makes a model of it, without its own complaints."""
    try:
        AutoModelForCausalLM.from_pretrained(folder)
    except (OSError, ValueError, SafetensorError):
        return False
    return True


def folders(root: Path) -> list[Path]:
    return [path for path in root.iterdir() if path.is_dir() and path.name not in ("tuned", "base", "whole")]


STOPS = ("put:0", "put:3", "put:11", "put:20", "companions", "settle", "fsync:0", "fsync:2", "fsync:9", "rename:0")


def test_killed_at_any_point_it_leaves_nothing_that_loads_and_the_next_run_clears_up(
    models: tuple[Path, Path], tmp_path: Path
) -> None:
    before = sums(*models)
    assert ran(tmp_path).returncode == 0
    (tmp_path / "out").rename(tmp_path / "whole")
    whole = content(tmp_path / "whole")
    for stop in STOPS:
        done = ran(tmp_path, stop=stop)
        assert done.returncode == -signal.SIGKILL, (stop, done.stderr)
        assert sums(*models) == before
        assert not (tmp_path / "out").exists()
        for left in folders(tmp_path):
            assert left.name.startswith("."), stop
            held = {name: one for name, one in content(left).items() if name != "manifest.json"}
            assert not loads(left) or held.items() <= whole.items(), stop
    assert len(folders(tmp_path)) == 1, "each run clears away what the one before left"
    assert ran(tmp_path).returncode == 0
    assert content(tmp_path / "out") == whole
    assert [path.name for path in folders(tmp_path)] == ["out"]


def test_killed_while_it_replaces_one_of_both_is_there(models: tuple[Path, Path], tmp_path: Path) -> None:
    assert ran(tmp_path).returncode == 0
    old = content(tmp_path / "out")
    for stop in ("put:4", "settle", "rename:0", "rename:1"):
        assert ran(tmp_path, stop=stop, alpha=0.3).returncode == -signal.SIGKILL
        if stop != "rename:1":
            assert content(tmp_path / "out") == old
    assert not (tmp_path / "out").exists()
    assert ran(tmp_path, stop="put:0", alpha=0.3).returncode == -signal.SIGKILL
    assert content(tmp_path / "out") == old, "the next run gives the old one its name back before it begins"
    assert ran(tmp_path, alpha=0.3).returncode == 0
    verify(tmp_path / "out")
    assert content(tmp_path / "out") != old


def test_killed_at_no_chosen_moment(models: tuple[Path, Path], tmp_path: Path) -> None:
    """The clock decides; the slowest part of a run is loading the library."""
    words = [str(tmp_path / "tuned"), str(tmp_path / "base"), str(tmp_path / "out"), "", "0.6"]
    begun = time.monotonic()
    assert ran(tmp_path).returncode == 0
    taken = time.monotonic() - begun
    shutil.rmtree(tmp_path / "out")
    for part in (0.9, 0.95, 0.99):
        process = subprocess.Popen([sys.executable, "-c", RUNNER, *words])
        time.sleep(taken * part)
        process.kill()
        process.wait()
        for left in folders(tmp_path):
            if left.name == "out":
                verify(left)
                assert loads(left)


@pytest.mark.parametrize("limit", [20_000, 90_000])
def test_a_full_disk_is_one_line_and_leaves_nothing(limit: int, models: tuple[Path, Path], tmp_path: Path) -> None:
    before = sums(*models)
    done = ran(tmp_path, limit=limit)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {tmp_path / 'out'}")
    assert "could not be written (File too large); nothing is left of it, inputs are untouched" in line
    assert folders(tmp_path) == []
    assert sums(*models) == before


def largest(folder: Path) -> Path:
    return max(folder.glob("*.safetensors"), key=lambda file: file.stat().st_size)


def cut(folder: Path) -> str:
    file = largest(folder)
    file.write_bytes(file.read_bytes()[:-100])
    return rf"{file}: .*cut short"


def header_bit(folder: Path) -> str:
    file = largest(folder)
    raw = bytearray(file.read_bytes())
    raw[9] ^= 0x80
    file.write_bytes(raw)
    return rf"{file}: "


def no_shard(folder: Path) -> str:
    file = largest(folder)
    file.unlink()
    return rf"{file}: missing shard"


def no_index(folder: Path) -> str:
    (folder / "model.safetensors.index.json").unlink()
    return r"model\.safetensors\.index\.json: missing"


def bad_index(folder: Path) -> str:
    index = folder / "model.safetensors.index.json"
    index.write_text(index.read_text()[:40])
    return rf"{index}: "


def no_number(folder: Path) -> str:
    file = largest(folder)
    held = load_file(file)
    name = sorted(held)[-1]
    held[name].view(-1)[-1] = float("nan")
    save_file(held, file, metadata={"format": "pt"})
    return rf"{name}: .*not finite"


@pytest.mark.parametrize("side", ["tuned", "base"])
@pytest.mark.parametrize("damage", [cut, header_bit, no_shard, no_index, bad_index, no_number])
def test_a_damaged_input_is_named_in_one_line(
    damage: Callable[[Path], str], side: str, models: tuple[Path, Path], tmp_path: Path
) -> None:
    expected = damage(tmp_path / side)
    before = sums(*models)
    done = ran(tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    with pytest.raises(AssertionError, match=expected):
        raise AssertionError(line)
    assert folders(tmp_path) == []
    assert sums(*models) == before


def test_every_flipped_bit_is_found_by_the_manifest(models: tuple[Path, Path], tmp_path: Path) -> None:
    """Where the header still makes sense nothing else can tell."""
    assert ran(tmp_path).returncode == 0
    out = tmp_path / "out"
    verify(out)
    for name in json.loads((out / "manifest.json").read_bytes())["files"]:
        file = out / name
        raw = file.read_bytes()
        for place in (0, len(raw) // 2, len(raw) - 1):
            file.write_bytes(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
            with pytest.raises(ValueError, match=rf"{name}: other content"):
                verify(out)
        file.write_bytes(raw)
    verify(out)


def test_a_file_that_is_cut_while_it_is_read_is_told(models: tuple[Path, Path], tmp_path: Path) -> None:
    pair = pair_of(tuned=models[0], base=models[1])
    cut(models[0])
    with pytest.raises(ValueError, match="changed while it was being read"):
        write(pair, (), tmp_path / "out")
    assert folders(tmp_path) == []
