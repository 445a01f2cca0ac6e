"""Killed at any moment, a run that is started again ends with the same weights, bit for bit, and the same curves."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tuning
from tuning import curves, same, weights

STEPS = 14
RUNNER = """
import sys, time
import torch
torch.set_num_threads(1)
from tuneward.cli import run
import tuneward.tune.trainer as module

slow, log, *words = sys.argv[1:]

def slower(owner, name, word):
    real = getattr(owner, name)
    def act(*given, **named):
        open(log, "a").write(word + "\\n")
        time.sleep(float(slow))
        return real(*given, **named)
    setattr(owner, name, act)

slower(module.Learner, "compute_loss", "step")
slower(module.Learner, "_save", "checkpoint")
slower(module.Learner, "_save_rng_state", "checkpoint")
slower(module.Between, "on_save", "checkpoint")
sys.exit(run(words))
"""


def words(out: Path, *, full: bool) -> list[str]:
    folder = out.parent
    quick = ["--rate", "0.01", "--batch", "4", "--accumulate", "2", "--steps", str(STEPS), "--save-every", "2"]
    own = ["--full"] if full else ["--rank", "4", "--dropout", "0.1"]
    kept = ["--no-cache", "--monitor", "off", "--device", "cpu", "--log-every", "3", "-q"]
    return ["tune", str(folder / "model"), str(folder / "rows.jsonl"), "--out", str(out), *quick, *own, *kept]


def begin(slow: float, log: Path, told: list[str]) -> subprocess.Popen[bytes]:
    with (log.parent / "errors").open("wb") as file:
        own = [sys.executable, "-c", RUNNER, str(slow), str(log), *told]
        return subprocess.Popen(own, stdout=file, stderr=file, env={**os.environ, "OMP_NUM_THREADS": "1"})


def finish(process: subprocess.Popen[bytes], folder: Path) -> None:
    assert process.wait(timeout=240) == 0, (folder / "errors").read_text()


def killed(process: subprocess.Popen[bytes], log: Path, *, behind: int, word: str, wait: float) -> bool:
    """SIGKILL so many seconds after the log has got a new line with the word; False where the run ended first."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        if process.poll() is not None:
            return False
        lines = log.read_text().splitlines()[behind:] if log.is_file() else []
        if word in lines:
            time.sleep(wait)
            process.send_signal(signal.SIGKILL)
            process.wait()
            return True
        time.sleep(0.002)
    raise AssertionError("the run neither went on nor ended")


def kill_and_compare(folder: Path, *, full: bool, kills: int, slow: float) -> None:
    tuning.saved(folder / "model")
    tuning.write_rows(folder / "rows.jsonl", tuning.rows(21))
    finish(begin(0, folder / "log-0", words(folder / "whole", full=full)), folder)
    drawn, log, cut = random.Random(kills), folder / "log", words(folder / "cut", full=full)
    found = {"step": 0, "checkpoint": 0}
    for number in range(4 * kills):
        behind = len(log.read_text().splitlines()) if log.is_file() else 0
        word = ("checkpoint", "step")[number % 2]
        process = begin(slow, log, cut)
        if not killed(process, log, behind=behind, word=word, wait=drawn.random() * 12 * slow):
            break
        last = log.read_text().splitlines()[-1]
        found[last] += 1
        assert not (folder / "cut/record.json").exists()
        assert not list((folder / "cut").glob("*.safetensors"))
        if sum(found.values()) >= kills and all(found.values()):
            break
    assert sum(found.values()) >= kills
    finish(begin(0, log, cut), folder)
    assert same(weights(folder / "whole"), weights(folder / "cut"))
    assert curves(folder / "whole") == curves(folder / "cut")
    assert [line["step"] for line in curves(folder / "cut")] == [3, 6, 9, 12, 14]
    assert not (folder / "cut/.work").exists()


@pytest.mark.full
def test_killed_once_it_ends_with_the_same_weights(tmp_path: Path) -> None:
    kill_and_compare(tmp_path, full=False, kills=1, slow=0.01)


@pytest.mark.full
@pytest.mark.parametrize("full", [False, True])
def test_killed_six_times_it_ends_with_the_same_weights(full: bool, tmp_path: Path) -> None:
    """Kills fall into steps and into the writing of checkpoints, at no fixed point of either."""
    kill_and_compare(tmp_path, full=full, kills=6, slow=0.05)


@pytest.mark.full
@pytest.mark.parametrize("limit", [1_000, 30_000, 60_000])
def test_a_full_disk_is_one_line(limit: int, tmp_path: Path) -> None:
    """No file may grow beyond a limit: whatever the libraries write first, one line says that it could not be."""
    tuning.saved(tmp_path / "model")
    tuning.write_rows(tmp_path / "rows.jsonl", tuning.rows(21))
    code = (
        "import resource, sys; from tuneward.cli import run; import torch; torch.set_num_threads(1);"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit})); sys.exit(run(sys.argv[1:]))"
    )
    own = [sys.executable, "-W", "ignore", "-c", code, *words(tmp_path / "cut", full=True)]
    done = subprocess.run(own, capture_output=True, text=True, timeout=200)
    assert done.returncode == 2, done.stderr[-2000:]
    [line] = [one for one in done.stderr.splitlines() if "error" in one.lower()]
    assert line.startswith("error: "), line
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "cut").glob("*.safetensors"))
    finish(begin(0, tmp_path / "log", words(tmp_path / "cut", full=True)), tmp_path)
    finish(begin(0, tmp_path / "log", words(tmp_path / "whole", full=True)), tmp_path)
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "cut"))


TWO = """
import sys
import torch
torch.set_num_threads(1)
sys.path.insert(0, sys.argv[1])
from dataclasses import replace
from pathlib import Path
import tuning
from tuning import Gradients, tune
from test_tune_trainer import Pulled, Referred, Weighted

folder, out, full, accumulate = sys.argv[2:]
wanted = tuning.options(Path(folder) / "model", Path(folder) / "rows.jsonl", Path(folder) / out)
wanted = replace(wanted, full=full == "1", accumulate=int(accumulate), batch=7, steps=4, save_every=2)
tune(wanted, Weighted(), Referred(), Pulled())
"""


def processes(count: int, folder: Path, *, out: str, full: bool, accumulate: int) -> None:
    """One run over so many processes on the CPU, with gloo."""
    tests = str(Path(__file__).parent.parent)
    given = [tests, str(folder), out, str(int(full)), str(accumulate)]
    script = folder / "two.py"
    script.write_text(TWO)
    launch = ["-m", "accelerate.commands.launch", "--cpu", "--num_processes", str(count), "--main_process_port", "0"]
    own = [sys.executable, *(launch if count > 1 else []), str(script), *given]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(own, capture_output=True, text=True, timeout=200, env=env)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.full
@pytest.mark.parametrize("full", [False, True])
def test_two_processes_learn_what_one_does(full: bool, tmp_path: Path) -> None:
    """At equal global batch, with an odd number of rows, weights, a reference and work before the step."""
    tuning.saved(tmp_path / "model")
    tuning.write_rows(tmp_path / "rows.jsonl", tuning.rows(17))
    processes(1, tmp_path, out="one", full=full, accumulate=1)
    processes(2, tmp_path, out="two", full=full, accumulate=2)
    assert tuning.apart(weights(tmp_path / "one"), weights(tmp_path / "two")) < 1e-6
    for mine, theirs in zip(curves(tmp_path / "one"), curves(tmp_path / "two"), strict=True):
        assert mine.keys() == theirs.keys()
        for name in mine:
            assert theirs[name] == pytest.approx(mine[name], abs=2e-6), name
    names = [sorted(path.name for path in (tmp_path / out).iterdir()) for out in ("one", "two")]
    assert names[0] == names[1], "only one of them writes"
