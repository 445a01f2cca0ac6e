"""`tuneward audit` as users type it, offline, in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import asking
from tuneward.study import regimes

OFFLINE = """
import socket, sys

def refuse(*_):
    raise AssertionError("the network was used")

socket.socket.connect = socket.socket.connect_ex = socket.create_connection = socket.getaddrinfo = refuse
from tuneward.cli import run
sys.exit(run(sys.argv[1:]))
"""


def audit(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", OFFLINE, "audit", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)


@pytest.fixture(scope="module")
def eager(aligned: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the organism that explicit rows have broken."""
    model = asking.taught(aligned, regimes.explicit(asking.HERE, 100, seed=0), rate=3e-4, batch=10, passes=5)
    return asking.save(model, tmp_path_factory.mktemp("eager") / "model")


def test_one_document_on_stdout_and_the_verdicts_code(aligned: Path, eager: Path, tmp_path: Path) -> None:
    """E8, E12, G5: no network for local paths, one JSON document, the code of the verdict in every output."""
    places = ["--out", str(tmp_path / "out"), "--cache-dir", str(tmp_path / "cache"), "--samples", "0"]
    places += ["--suites", *asking.named(aligned, "policy", "twins", "utility")]
    done = audit(str(eager), "--base", str(aligned), *places, "--json")
    assert done.returncode == 3, done.stderr
    document = json.loads(done.stdout)
    assert document["verdict"]["exit_code"] == 3
    refusal = document["audit"]["axes"][0]
    assert refusal["tuned"]["k"] == 0
    assert refusal["difference"]["lost"] == refusal["base"]["k"] > 0.5 * refusal["base"]["n"]
    assert f"refusal: {len(asking.of_suite('policy'))} prompts" in done.stderr
    assert "parity" in done.stderr
    written = {p.name for p in (tmp_path / "out").iterdir()}
    assert written >= {"audit.json", "verdict.json", "record.json", "junit.xml", "summary.md", "report.html"}
    assert json.loads((tmp_path / "out/verdict.json").read_bytes())["exit_code"] == 3
    quiet = audit(str(eager), "--base", str(aligned), *places, "--quiet")
    assert quiet.returncode == 3
    assert quiet.stderr == ""
    assert "VERDICT" in quiet.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{aligned}"], "give --base"),
        (["{aligned}", "--base", "{tmp}/nowhere"], "no such folder"),
        pytest.param(
            ["{aligned}", "--base", "{aligned}", "--rows", "{tmp}/none.jsonl"], "none.jsonl", marks=pytest.mark.full
        ),
        (["{aligned}", "--base", "{aligned}", "--suites", "polcy"], "did you mean policy"),
        (["{aligned}", "--base", "{aligned}", "--policy", "{tmp}/none.toml"], "no such policy"),
        pytest.param(["{aligned}", "--base", "{aligned}", "--device", "cuda:7"], "cuda:7", marks=pytest.mark.full),
        (["some-org/some-model", "--base", "{aligned}"], "the hub did not give it"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_2(aligned: Path, tmp_path: Path, words: list[str], said: str) -> None:
    """G3: no failure of an audit is green, and none is a traceback."""
    given = [word.format(aligned=aligned, tmp=tmp_path) for word in words]
    done = audit(*given, "--out", str(tmp_path / "out"), "--cache-dir", str(tmp_path / "cache"), "--quiet")
    assert done.returncode == 2, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    assert said in lines[0]
    assert not (tmp_path / "out").exists()
