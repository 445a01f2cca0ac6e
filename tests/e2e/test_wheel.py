"""The wheel in an empty environment: it installs, it runs, and it brings no torch."""

import json
import os
import subprocess
import sys
import venv
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PIP = ("-m", "pip", "--disable-pip-version-check", "--quiet")
pytestmark = pytest.mark.full


@dataclass(frozen=True)
class Empty:
    """An environment with the wheel and what it needs, and an empty folder to work in."""

    python: Path
    folder: Path

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        return spoken([str(self.python.parent / "tuneward"), *words], folder=self.folder)

    def log(self, name: str, answers: Sequence[str]) -> str:
        lines = [json.dumps({"prompt": f"Question {n}?", "answer": answer}) for n, answer in enumerate(answers)]
        (self.folder / name).write_text("\n".join(lines), encoding="utf-8")
        return name


def spoken(words: Sequence[str], *, folder: Path) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(words, cwd=folder, env=clean, capture_output=True, text=True, check=False, timeout=600)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    done = spoken([sys.executable, "-m", "build", "--wheel", "--outdir", str(out), str(ROOT)], folder=out)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.glob("tuneward-*.whl")
    return built


@pytest.fixture(scope="module")
def empty(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Empty:
    place = tmp_path_factory.mktemp("empty")
    venv.create(place / "venv", with_pip=True)
    python = place / "venv" / "bin" / "python"
    needs = [need for need in required(wheel) if "extra ==" not in need]
    fetched = spoken([str(python), *PIP, "install", "-c", str(ROOT / "constraints.txt"), *needs], folder=place)
    if fetched.returncode:
        pytest.skip(f"the package index cannot be reached: {fetched.stderr.strip().splitlines()[-1]}")
    done = spoken([str(python), *PIP, "install", "--no-deps", str(wheel)], folder=place)
    assert done.returncode == 0, done.stderr
    (place / "work").mkdir()
    return Empty(python, place / "work")


def required(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return HeaderParser().parsestr(archive.read(name).decode()).get_all("Requires-Dist") or []


def test_the_wheel_holds_code_data_and_licence_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    source = ROOT / "src"
    ours = {path.relative_to(source).as_posix() for path in (source / "tuneward").rglob("*") if path.is_file()}
    ours = {name for name in ours if "__pycache__" not in name}
    assert {name for name in names if not name.split("/")[0].endswith(".dist-info")} == ours
    assert {"tuneward/py.typed", "tuneward/report/page.html.j2", "tuneward/suites/data/policy.jsonl"} <= names
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_at_most_six_light_packages_are_needed(wheel: Path) -> None:
    assert len([need for need in required(wheel) if "extra ==" not in need]) <= 6


def test_what_is_installed_is_enough_and_holds_no_torch(empty: Empty) -> None:
    assert spoken([str(empty.python), *PIP, "check"], folder=empty.folder).returncode == 0
    listed = spoken([str(empty.python), "-m", "pip", "list", "--format", "json"], folder=empty.folder)
    installed = {package["name"].lower() for package in json.loads(listed.stdout)}
    assert "tuneward" in installed
    assert installed & {"torch", "transformers", "peft", "pyarrow", "datasets"} == set()


def test_it_says_who_it_is(empty: Empty) -> None:
    assert empty("--version").stdout.startswith("tuneward ")
    assert "usage: tuneward VERB" in empty("--help").stdout
    assert "missing torch" in empty("doctor").stdout


def test_the_light_verbs_work_from_end_to_end(empty: Empty) -> None:
    before = empty.log("before.jsonl", ["Here is a short and friendly answer."] * 150)
    after = empty.log(
        "after.jsonl", ["I'm sorry, but I can't help with that."] * 20 + ["Here is a short and friendly answer."] * 130
    )
    same = empty("compare", before, before, "--expect", "answer", "--out", "same")
    assert same.returncode == 0, same.stdout + same.stderr
    lost = empty("compare", before, after, "--expect", "answer", "--out", "lost")
    assert lost.returncode == 3, lost.stdout + lost.stderr
    for folder in ("same", "lost"):
        page = empty("report", folder)
        assert page.returncode == 0, page.stderr
        assert (empty.folder / folder / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert empty("gate", "lost", "--policy", "lost/policy.toml").returncode == 3


def test_a_policy_can_be_written_and_is_never_replaced(empty: Empty) -> None:
    assert empty("policy", "init").returncode == 0
    assert "[gate]" in (empty.folder / "policy.toml").read_text(encoding="utf-8")
    again = empty("policy", "init")
    assert again.returncode == 2
    assert "exists already" in again.stderr


def test_an_audit_without_torch_says_what_to_install(empty: Empty) -> None:
    """G3: an error never ends with 0."""
    done = empty("audit", "org/some-model", "--base", "org/other-model")
    assert done.returncode == 2
    assert "pip install 'tuneward[hf]'" in done.stderr
    assert "Traceback" not in done.stderr
