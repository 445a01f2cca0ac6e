"""The GitHub Action: the verdict's code is never masked, nothing from outside acts, no token leaks."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hand_made import write_folder
from on_runner import (
    ACTION,
    CASES,
    HEAD,
    ROOT,
    TOKEN,
    Host,
    alter,
    baseline_file,
    ci,
    environment,
    finished,
    folder_of,
    served,
)
from sample import sample_audit

SCRIPTS = sorted(ACTION.glob("*.py"))
HOSTILE = (
    "@everyone <script>x</script> [a](https://example.invalid) ![i](http://x.invalid) | GH-1 #2\n"
    "::error::y ##[error]z\x1b"
)
BAIT = re.compile(r"<(?!!-- tuneward:gate -->)|@\w|(?<!\\)\]\(|(?:https?|ftp):|www\.|(?<!&)#\d|GH-\d|\x1b|\u202e")
"""What a code host would turn into markup, a mention, a link or a reference."""


@pytest.fixture
def host() -> Iterator[Host]:
    with served() as found:
        yield found


# the verdict and its code ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_the_code_of_the_verdict_is_the_code_of_the_step(case: str, tmp_path: Path, host: Host) -> None:
    """G5: log, summary, outputs and comment show one verdict, and the code comes last."""
    folder, code = folder_of(tmp_path, case), CASES[case][1]
    done = ci(tmp_path, "gate", "--audit", str(folder), host=host)
    assert done.code == code
    assert done.outputs == {"verdict": case, "exit-code": str(code), "report": f"{folder}/report.html", "baseline": ""}
    assert Path(done.outputs["report"]).is_file()
    assert done.summary.startswith(f"**tuneward: {case.upper()}** (exit {code})")
    assert [body.splitlines()[1] for body in host.ours] == [done.summary.splitlines()[0]]
    assert f"Commit {HEAD[:12]}." in host.ours[0]
    assert host.tokens == {f"Bearer {TOKEN}"}


def test_an_unfinished_audit_is_an_error_and_replaces_a_green_comment(tmp_path: Path, host: Host) -> None:
    """G3."""
    folder = folder_of(tmp_path)
    assert ci(tmp_path, "gate", "--audit", str(folder), host=host).code == 0
    (folder / "record.json").unlink()
    done = ci(tmp_path, "gate", "--audit", str(folder), host=host)
    assert (done.code, done.outputs["verdict"], done.outputs["report"]) == (2, "error", "")
    assert len(host.ours) == 1
    assert "**tuneward: ERROR** (exit 2)" in host.ours[0]
    assert "PASS" not in host.ours[0] + done.summary


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--audit", "a", "--before", "b", "--after", "c"),
        ("--before", "b"),
        ("--audit", "a", "--comment", "yes"),
        ("--audit", "a", "--baseline-max-age-days", "-1"),
        ("--audit", "a", "--name", "x --> @all"),
        ("--audit", "none-such"),
        ("--audit=-x",),
    ],
)
def test_inputs_that_do_not_fit_end_with_2(words: tuple[str, ...], tmp_path: Path) -> None:
    """G3."""
    done = ci(tmp_path, "gate", *words)
    assert (done.code, done.outputs["verdict"]) == (2, "error")
    assert "::error::" in done.log
    assert done.summary.startswith("**tuneward: ERROR** (exit 2): ")


def test_a_policy_that_is_missing_ends_with_2_and_one_that_asks_more_with_4(tmp_path: Path) -> None:
    folder, policy = folder_of(tmp_path), tmp_path / "policy.toml"
    assert ci(tmp_path, "gate", "--audit", str(folder), "--policy", str(policy)).code == 2
    policy.write_text('[gate]\nrequired = ["harm"]\n', encoding="utf-8")
    assert ci(tmp_path, "gate", "--audit", str(folder), "--policy", str(policy)).code == 4


def test_two_logs_are_compared_and_judged(tmp_path: Path) -> None:
    logs = [str(ROOT / "examples" / "data" / name) for name in ("before.jsonl", "after.jsonl")]
    words = ("gate", "--before", logs[0], "--after", logs[1])
    done = ci(tmp_path, *words, "--expect", "answer", "--out", "out")
    assert (done.code, done.outputs["verdict"]) == (3, "fail")
    assert done.outputs["report"] == "out/report.html"
    assert (tmp_path / "out" / "junit.xml").is_file()
    assert ci(tmp_path, *words).code == 4


def test_nothing_in_the_working_folder_takes_the_place_of_a_module(tmp_path: Path) -> None:
    """A pull request brings files of its own; none of them is run by the gate."""
    for name in ("tuneward.py", "json.py", "shown.py", "argparse.py"):
        (tmp_path / name).write_text("raise SystemExit(0)\n", encoding="utf-8")
    assert ci(tmp_path, "gate", "--audit", str(folder_of(tmp_path, "fail"))).code == 3


def test_the_token_is_handed_to_no_other_process(tmp_path: Path) -> None:
    """Each interpreter that starts notes whether it has the token: the script has it, the verbs do not."""
    note = (
        f"import os\nopen({str(tmp_path / 'noted')!r}, 'a').write('GITHUB_TOKEN' in os.environ and 'yes ' or 'no ')\n"
    )
    (tmp_path / "sitecustomize.py").write_text(note, encoding="utf-8")
    ci(tmp_path, "gate", "--audit", str(folder_of(tmp_path)), PYTHONPATH=str(tmp_path))
    assert (tmp_path / "noted").read_text(encoding="utf-8") == "yes no no "


def test_what_cannot_be_written_changes_no_code(tmp_path: Path) -> None:
    gone = str(tmp_path / "none" / "file")
    env = {"GITHUB_OUTPUT": gone, "GITHUB_STEP_SUMMARY": gone, "GITHUB_EVENT_PATH": gone}
    done = ci(tmp_path, "gate", "--audit", str(folder_of(tmp_path, "not resolved")), **env)
    assert done.code == 5
    assert done.log.count("::warning::") == 3


# what comes from outside ----------------------------------------------------------------------------------------------


def test_hostile_names_do_nothing_in_comment_summary_and_log(tmp_path: Path, host: Host) -> None:
    """Model names, axis titles, notes, file names and the baseline of the pull request are text and nothing else."""
    audit = replace(sample_audit(hostile=True), notes=(HOSTILE,))
    folder = write_folder(tmp_path / "a <b>@all #1 [x](https://example.invalid)", [], audit)
    baseline = baseline_file(tmp_path, by=HOSTILE, reason=HOSTILE, verdict=HOSTILE, audit=HOSTILE)
    alter(baseline, lambda found: found["axes"].update({HOSTILE: {"value": 0.5, "low": 0.4, "high": 0.6}}))
    alter(baseline, lambda found: found.update(suites=dict(audit.suites)))
    done = ci(tmp_path, "gate", "--audit", str(folder), "--baseline", str(baseline), host=host)
    assert done.code == 3
    assert "everyone" in host.ours[0]
    assert "insufficient data" in host.ours[0]
    for text in (host.ours[0], done.summary):
        assert BAIT.findall(text) == []
        assert all(line.count("|") - line.count("\\|") in (0, 6, 9) for line in text.splitlines())
    unread = ci(tmp_path, "gate", "--audit", f"{HOSTILE}", host=host)
    assert unread.code == 2
    assert BAIT.findall(host.ours[0]) == []


def test_a_comment_and_a_summary_stay_below_their_limits(tmp_path: Path, host: Host) -> None:
    baseline = baseline_file(tmp_path)
    many = {f"axis {number} {'ü' * 70}": {"value": 0.5, "low": 0.4, "high": 0.6} for number in range(8000)}
    alter(baseline, lambda found: found["axes"].update(many))
    done = ci(tmp_path, "gate", "--audit", str(folder_of(tmp_path)), "--baseline", str(baseline), host=host)
    assert done.code == 0
    assert len(host.ours[0].encode()) < 65_536
    assert 100_000 < len(done.summary.encode()) < 2**20
    assert "Cut here" in host.ours[0]
    assert host.ours[0].splitlines()[1].startswith("**tuneward: PASS**")


# the action itself ----------------------------------------------------------------------------------------------------


TEXT = (ACTION / "action.yml").read_text(encoding="utf-8")
INPUTS = set(re.findall(r"^  ([a-z-]+):$", TEXT.split("\noutputs:")[0].split("\ninputs:")[1], re.M))


def runs(step: str) -> str:
    """The shell of a step, by its id."""
    part = TEXT.split(f"    - id: {step}\n")[1].split("    - id: ")[0]
    return re.sub(r"^ {8}", "", part.split("      run: |\n")[1], flags=re.M)


def test_the_action_is_yaml_of_the_right_shape() -> None:
    assert "\t" not in TEXT
    yaml = pytest.importorskip("yaml")
    found = yaml.safe_load(TEXT)
    assert set(found) == {"name", "description", "branding", "inputs", "outputs", "runs"}
    assert found["runs"]["using"] == "composite"
    assert set(found["inputs"]) == INPUTS
    assert all(one["description"] and isinstance(one["default"], str) for one in found["inputs"].values())
    assert [step["id"] for step in found["runs"]["steps"]] == ["python", "install", "gate"]
    for step in found["runs"]["steps"]:
        assert ("run" in step) != ("uses" in step)
        assert "run" not in step or (step["shell"] == "bash" and step["run"] == runs(step["id"]).rstrip("\n") + "\n")


def test_no_text_of_a_user_becomes_shell_code() -> None:
    """Script injection: an expression inside `run` is pasted before the shell reads it, a variable is not."""
    for step in ("install", "gate"):
        assert "${{" not in runs(step)
        assert (
            re.findall(
                r'(?<!")\$\{?TUNEWARD_\w+', re.sub(r"\$\{TUNEWARD_EXTRAS:\+\[\$TUNEWARD_EXTRAS\]\}", "", runs(step))
            )
            == []
        )
    places = [line for line in TEXT.splitlines() if "${{" in line]
    assert [line for line in places if not re.match(r"\s+[\w-]+: \$\{\{ [\w.-]+ \}\}$", line)] == []


def test_each_input_is_used_and_known_to_the_script() -> None:
    source = ast.parse((ACTION / "ci.py").read_text(encoding="utf-8"))
    known = next(
        ast.literal_eval(node.value)
        for node in source.body
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "INPUTS" and node.value
    )
    handed = dict(re.findall(r"^ {8}(\w+): \$\{\{ inputs\.([a-z-]+) \}\}$", TEXT, re.M))
    used = set(re.findall(r"inputs\.([a-z-]+)", TEXT))
    assert used == INPUTS
    extra = {"python-version", "extras", "token"}
    assert {key: name for key, name in handed.items() if name not in extra} == {
        "TUNEWARD_" + name.upper().replace("-", "_"): name for name in known
    }
    assert {*known, *extra} == INPUTS
    defaults = dict(re.findall(r'^  ([a-z-]+):\n    description: .*\n    default: "?([^"\n]*)"?$', TEXT, re.M))
    assert {name: defaults[name] for name in known} == known


def test_each_output_is_written_by_the_script(tmp_path: Path) -> None:
    promised = re.findall(r"^    value: \$\{\{ steps\.gate\.outputs\.([a-z-]+) \}\}$", TEXT, re.M)
    assert sorted(promised) == sorted(ci(tmp_path, "gate").outputs)


def test_other_actions_are_pinned_to_a_commit() -> None:
    assert re.findall(r"uses: (?!actions/[\w-]+@[0-9a-f]{40} # v)", TEXT) == []


def shell(tmp_path: Path, step: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """A step as the runner would run it."""
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", runs(step)],
        cwd=tmp_path,
        env=environment(tmp_path) | {"GITHUB_ACTION_PATH": str(ACTION), "RUNNER_TEMP": str(tmp_path / "temp")} | env,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_the_gate_step_ends_with_the_code_of_the_verdict(tmp_path: Path) -> None:
    env = {"TUNEWARD_PYTHON": sys.executable, "TUNEWARD_AUDIT": str(folder_of(tmp_path, "fail"))}
    done = shell(tmp_path, "gate", env)
    assert finished(tmp_path, done).outputs["exit-code"] == "3"
    assert done.returncode == 3
    hostile = shell(tmp_path, "gate", env | {"TUNEWARD_AUDIT": '"; touch pwned; $(touch pwned) `touch pwned`'})
    assert hostile.returncode == 2
    assert not (tmp_path / "pwned").exists()


def stub(tmp_path: Path, *, pip: int = 0) -> Path:
    """A python that writes its words down and makes an environment of itself."""
    path, own = tmp_path / "python", tmp_path / "temp" / "tuneward" / "bin"
    path.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" >> "{tmp_path}/words"\n'
        f'case "$*" in *venv*) mkdir -p "{own}"; cp "$0" "{own}/python";; *) exit {pip};; esac\n'
    )
    path.chmod(0o755)
    return path


def test_the_install_step_takes_the_actions_own_commit_and_pinned_versions(tmp_path: Path) -> None:
    done = shell(tmp_path, "install", {"TUNEWARD_PYTHON": str(stub(tmp_path)), "TUNEWARD_EXTRAS": "rows,hf"})
    assert done.returncode == 0, done.stderr
    assert f"python={tmp_path}/temp/tuneward/bin/python\n" in (tmp_path / "outputs").read_text(encoding="utf-8")
    words = (tmp_path / "words").read_text(encoding="utf-8").splitlines()
    assert words[-3:] == ["-c", str(ROOT / "constraints.txt"), f"{ROOT}[rows,hf]"]


@pytest.mark.parametrize("extras", ["rows]; touch pwned", "$(touch pwned)", "--index-url=x", "rows, hf", "a\nb"])
def test_extras_are_names_and_nothing_else(extras: str, tmp_path: Path) -> None:
    done = shell(tmp_path, "install", {"TUNEWARD_PYTHON": str(stub(tmp_path)), "TUNEWARD_EXTRAS": extras})
    assert done.returncode == 2
    assert not (tmp_path / "words").exists()
    assert not (tmp_path / "pwned").exists()


def test_an_installation_that_fails_is_no_verdict(tmp_path: Path) -> None:
    """G3."""
    done = shell(tmp_path, "install", {"TUNEWARD_PYTHON": str(stub(tmp_path, pip=1)), "TUNEWARD_EXTRAS": ""})
    assert done.returncode == 2
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_the_scripts_are_short_and_need_the_standard_library_alone(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert len(text.splitlines()) <= 250
    own = {script.stem for script in SCRIPTS}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 40, node.name
        names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
        names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
        assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names | own


def test_the_page_about_it_is_short_and_names_inputs_that_exist() -> None:
    text = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 70
    blocks = re.findall(r"^```yaml\n(.*?)^```", text, re.M | re.S)
    used = [
        re.findall(r"^ +([a-z-]+):", part, re.M)
        for block in blocks
        for part in re.findall(r"/action@\S+\n +with:\n((?: {10}.*\n)+)", block)
    ]
    assert len(used) >= 2
    assert {name for names in used for name in names} <= INPUTS
    for name in INPUTS:
        assert f"`{name}`" in text
    assert "pull-requests: write" in text
