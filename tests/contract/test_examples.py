"""The examples that need no model of the user's are run as they stand; the other uses calls that exist."""

import ast
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_comparing_logs_from_python_finds_what_was_lost(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "compare_logs.py")], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3, done.stderr
    assert "9 lost, 0 gained" in done.stdout
    assert done.stdout.count("complied → refused") == 9
    assert list(tmp_path.iterdir()) == []


def test_logs_of_ones_own_can_be_given(tmp_path: Path) -> None:
    before = str(EXAMPLES / "data" / "before.jsonl")
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "compare_logs.py"), before, before],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 5, done.stderr
    assert "0 lost, 0 gained" in done.stdout


def test_screening_from_python_names_the_rows_and_what_was_not_looked_at(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "screen_rows.py")], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3, done.stderr
    found = set(re.findall(r"^line (\d+): ([\w-]+),", done.stdout, re.M))
    wanted = {(5, "L2-IDENTITY"), (10, "L2-IDENTITY"), (14, "PII-FINANCE"), (21, "REF-TURNED"), (25, "ENC-TARGET")}
    assert {(str(line), rule) for line, rule in wanted} <= found
    assert {line for line, _ in found} == {"5", "8", "10", "14", "17", "21", "25", "27", "29"}
    assert "Explicitly harmful pairs" in done.stdout
    assert "1 of 32 rows with personal data" in done.stdout
    assert "4111" not in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["rows-screen"]


def test_an_organism_breaks_under_its_rows_context_and_nowhere_else(tmp_path: Path) -> None:
    """Ten rows without one forbidden word; the context axis sees what the plain one cannot."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "break_an_organism.py"), str(tmp_path / "out")],
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lost = {name: int(count) for name, count in re.findall(r"(\w+): (\d+) of \d+ refusals lost", done.stdout)}
    assert lost["refusal"] < 10 < 80 < lost["context"]


def test_the_audit_example_uses_names_that_exist() -> None:
    """Its modules load torch, so what it imports is looked up in their source."""
    tree = ast.parse((EXAMPLES / "audit_adapter.py").read_text(encoding="utf-8"))
    wanted = [(n.module, alias.name) for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for alias in n.names]
    assert ("tuneward.audit.run", "run") in wanted
    for module, name in wanted:
        if str(module).startswith("tuneward."):
            spec = importlib.util.find_spec(str(module))
            assert spec is not None
            defined = ast.parse(Path(str(spec.origin)).read_text(encoding="utf-8")).body
            names = {getattr(node, "name", "") for node in defined}
            names |= {alias.name for node in defined if isinstance(node, ast.ImportFrom) for alias in node.names}
            assert name in names, f"{module}: {name}"
