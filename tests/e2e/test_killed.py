"""Killed at any moment, an audit that is started again ends with the same document and asks nothing twice."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

pytestmark = pytest.mark.full

RUNNER = """
import sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
from tuneward.audit import run as verb
from tuneward.audit.options import AuditOptions
from tuneward.model.engine import Engine
import tuneward.audit.run as module

model, out, cache, log, slow, *suites = sys.argv[1:]
answer, score = Engine.answer, module.score_replies

def watched(self, prompts, *, decoding, keys):
    told = answer(self, prompts, decoding=decoding, keys=keys)
    time.sleep(float(slow))
    return told

def scored(replies, asked):
    Path(log).open("a").write("scoring\\n")
    rows = score(replies, asked)
    time.sleep(5 * float(slow))
    return rows

Engine.answer, module.score_replies = watched, scored
asked = dict(suites=tuple(suites), samples=1, batch_size=16, noise=False)
options = AuditOptions(tuned=model, base=model, out=out, cache_dir=cache, **asked)
put = module.Store.put

def committed(self, batch):
    put(self, batch)
    Path(log).open("a").write(batch.key + "\\n")

module.Store.put = committed
verb.run(options)
print("finished")
"""


def start(arguments: list[str], errors: Path) -> subprocess.Popen[bytes]:
    with errors.open("wb") as file:
        return subprocess.Popen([sys.executable, "-c", RUNNER, *arguments], stdout=file, stderr=file, env=os.environ)


def finish(arguments: list[str], errors: Path) -> None:
    process = start(arguments, errors)
    assert process.wait(timeout=240) == 0, errors.read_text()


def lines(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.is_file() else []


def kill_when(process: subprocess.Popen[bytes], log: Path, *, count: int) -> bool:
    """SIGKILL once the log has grown to `count` lines; False when the run ended first."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        if process.poll() is not None:
            return False
        if len(lines(log)) >= count:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return True
        time.sleep(0.005)
    raise AssertionError("the run neither went on nor ended")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_killed_fourteen_times_it_ends_with_the_same_document(aligned: Path, tmp_path: Path) -> None:
    """Kills fall into generation (after each few commits, at no fixed point of a batch) and into scoring."""
    suites = [str(aligned / "suites" / f"{name}.json") for name in ("policy", "twins", "utility", "turns", "prefill")]
    whole = [str(aligned), str(tmp_path / "whole"), str(tmp_path / "cache-1"), str(tmp_path / "log-1"), "0", *suites]
    errors = tmp_path / "errors"
    finish(whole, errors)
    log = tmp_path / "log-2"
    cut = [str(aligned), str(tmp_path / "cut"), str(tmp_path / "cache-2"), str(log)]
    kills = {"generation": 0, "scoring": 0}
    for _ in range(40):
        before = lines(log)
        process = start([*cut, "0.05", *suites], errors)
        if not kill_when(process, log, count=len(before) + 1 + len(before) % 3):
            break
        kills["scoring" if lines(log)[-1] == "scoring" else "generation"] += 1
        assert not (tmp_path / "cut/audit.json").exists() or kills["scoring"], "nothing is half-written"
        if kills["generation"] >= 10 and kills["scoring"] >= 4:
            break
    assert kills["generation"] >= 10
    assert kills["scoring"] >= 2
    finish([*cut, "0", *suites], errors)
    assert digest(tmp_path / "cut/audit.json") == digest(tmp_path / "whole/audit.json")
    committed = Counter(line for line in lines(log) if line != "scoring")
    assert set(committed.values()) == {1}, "no finished batch is asked twice"
    assert set(committed) == {line for line in lines(tmp_path / "log-1") if line != "scoring"}
    assert not [p for p in tmp_path.rglob("*.json") if not json.loads(p.read_bytes())]
