"""The gate reads a finished audit, decides once, and refuses what it cannot read."""

import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from subprocess import run as run_process
from xml.etree import ElementTree

import pytest

from damage import BROKEN
from hand_made import audit_of, counted, sound, write_folder
from tuneward import gate
from tuneward.findings import Verdict
from tuneward.gate import GateOptions
from tuneward.outputs.terminal import render
from tuneward.policy import Policy, default_toml, to_toml
from tuneward.record import read_json, sha256_bytes

TODAY = date(2026, 11, 21)
LOSS = [*sound(without=["refusal"]), *counted("refusal", kept=360, lost=37, gained=3, never=12)]
CASES = {
    "pass": (sound(), 0),
    "fail": (LOSS, 3),
    "not established": (sound(without=["twins"]), 4),
    "not resolved": ([*sound(without=["twins"]), *counted("twins", kept=40)], 5),
}


def judged(folder: Path, policy: str | None = None):
    return gate.run(GateOptions(folder=str(folder), policy=policy), today=TODAY)


@pytest.mark.parametrize("outcome", CASES)
def test_the_code_is_the_same_in_every_output(outcome, tmp_path):
    """G5: computed once; text, JSON, JUnit and Markdown only show it."""
    rows, code = CASES[outcome]
    result = judged(write_folder(tmp_path, rows))
    assert (result.exit_code, result.verdict.outcome) == (code, outcome)
    assert read_json(tmp_path / "verdict.json", Verdict) == result.verdict
    properties = {p.get("name"): p.get("value") for p in ElementTree.parse(tmp_path / "junit.xml").iter("property")}
    assert properties["exit_code"] == str(code)
    assert f"(exit {code})" in (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert f"exit {code}" in render(result.audit, result.verdict)


@pytest.mark.parametrize("outcome", CASES)
def test_junit_is_green_only_when_the_verdict_is(outcome, tmp_path):
    """G5: a CI that reads only JUnit sees the same."""
    rows, code = CASES[outcome]
    judged(write_folder(tmp_path, rows))
    suite = ElementTree.parse(tmp_path / "junit.xml").find("testsuite")
    assert (int(suite.get("failures")) + int(suite.get("errors")) == 0) == (code == 0)


def test_an_improvement_ends_with_0(tmp_path):
    """G4."""
    rows = [*sound(without=["refusal"]), *counted("refusal", kept=100, gained=50)]
    assert judged(write_folder(tmp_path, rows)).exit_code == 0


def test_nothing_compared_ends_with_4(tmp_path):
    """G6."""
    assert judged(write_folder(tmp_path, [])).exit_code == 4


def test_a_limited_audit_ends_with_4(tmp_path):
    assert judged(write_folder(tmp_path, sound(), audit_of(sound(), limit=150))).exit_code == 4


def test_the_verdict_names_audit_and_policy_file(tmp_path):
    policy = tmp_path / "strict.toml"
    policy.write_text(to_toml(Policy(margin=1.0)), encoding="utf-8")
    verdict = judged(write_folder(tmp_path / "audit", sound()), str(policy)).verdict
    assert verdict.audit_id == "tw1:0123456789abcdef"
    assert verdict.policy == sha256_bytes(policy.read_bytes())
    assert verdict.exit_code == 5
    assert judged(tmp_path / "audit").verdict.policy == sha256_bytes(default_toml().encode())


def test_a_later_policy_replaces_the_verdict(tmp_path):
    judged(write_folder(tmp_path, LOSS))
    policy = tmp_path / "lax.toml"
    policy.write_text(to_toml(Policy(required=("twins",))), encoding="utf-8")
    assert judged(tmp_path, str(policy)).exit_code == 0
    assert read_json(tmp_path / "verdict.json", Verdict).exit_code == 0


@pytest.mark.parametrize("damage", BROKEN)
def test_what_cannot_be_read_is_an_error_and_leaves_no_verdict(damage, tmp_path):
    """G3: every failure is an error, never a pass."""
    kind, message = BROKEN[damage]
    damage(write_folder(tmp_path, sound()))
    with pytest.raises(kind, match=message):
        judged(tmp_path)
    assert not (tmp_path / "verdict.json").exists()


def test_a_missing_folder_or_policy_is_an_error(tmp_path):
    """G3."""
    with pytest.raises(FileNotFoundError, match="no such folder"):
        judged(tmp_path / "none")
    write_folder(tmp_path, sound())
    with pytest.raises(FileNotFoundError, match="no such policy"):
        judged(tmp_path, str(tmp_path / "none.toml"))


def test_an_axis_without_figures_is_not_established(tmp_path):
    audit = audit_of(sound())
    hollow = replace(audit, axes=tuple(replace(axis, difference=None, base=None, tuned=None) for axis in audit.axes))
    assert judged(write_folder(tmp_path, sound(), hollow)).exit_code == 4


def test_the_light_verbs_load_no_model_library():
    code = (
        "import sys, tuneward.gate, tuneward.compare, tuneward.outputs.terminal\n"
        "heavy = ('torch', 'transformers', 'pyarrow', 'datasets', 'scipy.stats')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = run_process([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_policy_in_the_folder_is_the_folders_own(tmp_path):
    write_folder(tmp_path, sound())
    text = to_toml(Policy(required=("twins",), margin=2.5))
    (tmp_path / "policy.toml").write_text(text, encoding="utf-8")
    assert judged(tmp_path).verdict.policy == sha256_bytes(text.encode())
    assert judged(tmp_path, None).exit_code == 0
