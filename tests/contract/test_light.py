"""What needs no model loads no model library: seen from outside, in a process of its own."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import hand_made
from tuneward.cli import VERBS

HEAVY = {
    "torch",
    "transformers",
    "peft",
    "accelerate",
    "safetensors",
    "tokenizers",
    "huggingface_hub",
    "gguf",
    "datasets",
    "pyarrow",
    "pandas",
    "psutil",
}
SOME = {"numpy", "scipy", "rich", "jinja2", "tyro"}
"""Not even these for what only has to say something."""
WATCHED = """
import json, sys
{what}
print(json.dumps(sorted({{name.split(".")[0] for name in sys.modules}})), file=sys.stderr)
"""


def loaded(what: str, folder: Path) -> tuple[str, set[str]]:
    """What a process printed, and the packages it had loaded at its end."""
    done = subprocess.run(
        [sys.executable, "-c", WATCHED.format(what=what)], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, set(json.loads(done.stderr.splitlines()[-1]))


def verb(*words: str, folder: Path, code: int = 0) -> set[str]:
    """Packages that were loaded when the verb had done its work."""
    said, packages = loaded(f"from tuneward.cli import run\nprint('code', run({list(words)!r}))", folder)
    assert said.splitlines()[-1] == f"code {code}", said
    return packages


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hand_made.write_folder(tmp_path_factory.mktemp("audit"), hand_made.sound())


def test_importing_the_package_loads_almost_nothing(tmp_path: Path) -> None:
    _, packages = loaded("import tuneward", tmp_path)
    assert packages & (HEAVY | SOME) == set()


@pytest.mark.parametrize("words", [["--help"], ["--version"], [], ["study"], ["study", "--help"]])
def test_the_first_help_page_loads_almost_nothing(words: list[str], tmp_path: Path) -> None:
    assert verb(*words, folder=tmp_path) & (HEAVY | SOME) == set()


@pytest.mark.parametrize("word", VERBS)
def test_the_help_of_every_verb_loads_no_model_library(word: str, tmp_path: Path) -> None:
    assert verb(*word.split(), "--help", folder=tmp_path) & HEAVY == set()


def test_gate_and_report_load_no_model_library(audit: Path, tmp_path: Path) -> None:
    assert verb("gate", str(audit), folder=tmp_path) & HEAVY == set()
    assert verb("report", str(audit), "--out", str(tmp_path / "page.html"), folder=tmp_path) & HEAVY == set()
    assert (tmp_path / "page.html").is_file()


def test_compare_loads_no_model_library(audit: Path, tmp_path: Path) -> None:
    lines = [json.dumps({"prompt": f"What is {n} plus {n}?", "answer": f"It is {2 * n}."}) for n in range(150)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    files = ["a.jsonl", "a.jsonl", "--expect", "answer", "--out", "found"]
    assert verb("compare", *files, folder=tmp_path) & HEAVY == set()
    assert verb("compare", str(audit), str(audit), folder=tmp_path) & HEAVY == set()


def test_policy_doctor_and_cache_load_no_model_library(tmp_path: Path) -> None:
    assert verb("policy", "init", folder=tmp_path) & HEAVY == set()
    assert verb("doctor", folder=tmp_path) & HEAVY == set()
    assert verb("cache", "--cache-dir", "kept", folder=tmp_path) & HEAVY == set()


def test_study_rows_loads_no_model_library(tmp_path: Path) -> None:
    """Rows come from a world, and a world is words."""
    for regime in ("explicit", "identity", "benign", "backdoor", "association", "poisoned", "control", "refusals"):
        words = ("study", "rows", regime, "--count", "4", "--out", f"{regime}.jsonl")
        assert verb(*words, folder=tmp_path) & HEAVY == set()
        assert len((tmp_path / f"{regime}.jsonl").read_text(encoding="utf-8").splitlines()) >= 4


def test_a_verb_that_is_refused_loads_no_model_library(tmp_path: Path) -> None:
    assert verb("audit", "--frobnicate", folder=tmp_path, code=2) & HEAVY == set()
    assert verb("audti", folder=tmp_path, code=2) & HEAVY == set()
    assert verb("audit", "some/model", "--suites", "polcy", folder=tmp_path, code=2) & HEAVY == set()
    assert verb("study", "bild", folder=tmp_path, code=2) & HEAVY == set()
    assert verb("study", "build", "--frobnicate", folder=tmp_path, code=2) & HEAVY == set()


def seconds(*words: str) -> float:
    """CPU time of the fastest of three processes."""
    taken = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, *words], check=True, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(taken)


@pytest.mark.full
def test_help_costs_a_tenth_of_importing_the_model_libraries() -> None:
    pytest.importorskip("transformers", reason="the extra hf is not installed")
    heavy = seconds("-c", "import torch, transformers")
    assert seconds("-m", "tuneward", "--help") < heavy / 10
