"""What the GitHub Action runs; it needs the standard library and an installed tuneward.

    python action/ci.py gate --audit FOLDER --policy policy.toml --baseline .tuneward/baseline.json
    python action/ci.py bless FOLDER --baseline .tuneward/baseline.json --by NAME --reason TEXT

`gate` judges, shows the verdict in the summary of the job, in the outputs of the step and in one comment on the pull
request, and ends with the verdict's own exit code, whatever became of the showing. `bless` writes a baseline.
"""

import argparse
import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import baseline
from shown import SENTENCE, capped, escaped, say
from sticky import NAME, commented

CODES = {"pass": 0, "fail": 3, "not established": 4, "not resolved": 5}
INPUTS: Mapping[str, str] = {
    "audit": "",
    "before": "",
    "after": "",
    "expect": "",
    "columns": "",
    "out": "tuneward-comparison",
    "policy": "",
    "baseline": "",
    "baseline-max-age-days": "90",
    "comment": "true",
    "name": "gate",
}
"""Option of `gate` → default. The Action hands each over as TUNEWARD_NAME: no text of a user's becomes shell code."""
SUMMARY = 1_000_000
"""Bytes; the runner drops a summary of more than 1 MiB."""


@dataclass(frozen=True)
class Found:
    """What the gate said, and where it lies."""

    code: int
    outcome: str
    said: str
    """One sentence."""
    text: str
    """Markdown."""
    audit: Mapping[str, Any] = field(default_factory=dict)
    """Empty where there is no verdict."""
    verdict: Mapping[str, Any] = field(default_factory=dict)
    report: str = ""


def error_of(said: str, code: int = 2) -> Found:
    """No verdict, and never 0."""
    code = code if code > 0 else 2
    return Found(code, "error", said, f"**tuneward: ERROR** (exit {code}): {escaped(said, SENTENCE)}\n")


def tuneward(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a verb: nothing in the working folder takes the place of a module (-P); the token is gone from here."""
    command = [sys.executable, "-P", "-m", "tuneward", *words]
    return subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)


def last_words(done: subprocess.CompletedProcess[str]) -> str:
    """The line in which a verb says what went wrong."""
    return (done.stderr.strip().splitlines() or ["tuneward said nothing"])[-1].removeprefix("error: ")


def operand(path: str) -> str:
    """A path that no parser takes for an option."""
    return os.path.join(".", path) if path.startswith("-") else path


def gated(folder: str, policy: str) -> Found:
    """`tuneward gate`: a verdict counts only where its document and the exit code say the same."""
    done = tuneward("gate", operand(folder), "--json", *([f"--policy={policy}"] if policy else []))
    try:
        document = json.loads(done.stdout)
        verdict, audit = document["verdict"], document["audit"]
        if CODES[verdict["outcome"]] != done.returncode:
            return error_of("the verdict and the exit code differ", done.returncode)
        text = Path(folder, "summary.md").read_text(encoding="utf-8").removeprefix("<!-- tuneward -->\n")
    except (OSError, ValueError, KeyError, TypeError):
        return error_of(last_words(done), done.returncode)
    return Found(done.returncode, verdict["outcome"], verdict["headline"], text, audit, verdict)


def checked(options: argparse.Namespace) -> str:
    """What is wrong with the inputs; empty when nothing is."""
    pair, days = (options.before, options.after), options.baseline_max_age_days
    if bool(options.audit) == any(pair) or any(pair) != all(pair):
        return "give either audit, or both before and after"
    if options.comment not in ("true", "false"):
        return f"comment is {options.comment!r}; expected true or false"
    if not re.fullmatch(r"[0-9]{1,5}", days):
        return f"baseline-max-age-days is {days!r}; expected a number of days"
    if not NAME.fullmatch(options.name):
        return f"name is {options.name!r}; expected at most 40 of a-z, 0-9 and -"
    return ""


def judged(options: argparse.Namespace) -> Found:
    """The verdict on the folder, or on the two that are compared first, and the page that shows why."""
    wrong, folder = checked(options), options.audit or options.out
    if wrong:
        return error_of(wrong)
    if not options.audit:
        more = [f"--{name}={value}" for name in ("out", "expect", "columns") if (value := getattr(options, name))]
        done = tuneward("compare", operand(options.before), operand(options.after), *more)
        if done.returncode not in CODES.values():
            return error_of(last_words(done), done.returncode)
    found = gated(folder, options.policy)
    if not found.audit:
        return found
    page = tuneward("report", operand(folder))
    if page.returncode:
        say(f"no report.html: {last_words(page)}", "warning")
        return found
    return replace(found, report=os.path.join(folder, "report.html"))


def append(variable: str, text: str) -> str:
    """Add to one of the runner's files, where there is one; gives what went wrong."""
    if not os.environ.get(variable):
        return ""
    try:
        with open(os.environ[variable], "a", encoding="utf-8") as file:
            file.write(text)
    except (OSError, ValueError) as error:
        return f"{variable} could not be written ({type(error).__name__})"
    return ""


def outputs(found: Found, words: list[str]) -> str:
    """The step's outputs, between lines that no value can hold."""
    values = {"verdict": found.outcome, "exit-code": found.code, "report": found.report, "baseline": ", ".join(words)}
    end = f"end-{secrets.token_hex(16)}"
    return "".join(f"{name}<<{end}\n{value}\n{end}\n" for name, value in values.items())


def gate(options: argparse.Namespace, token: str) -> int:
    """Judge, show, and end with the verdict's code; what goes wrong while showing is a warning."""
    found = judged(options)
    words: list[str] = []
    first, _, rest = found.text.partition("\n")
    if options.baseline and found.audit:
        policy, limit = found.verdict["policy"], int(options.baseline_max_age_days)
        words, lines = baseline.beside(options.baseline, found.audit, policy=policy, limit=limit)
        rest += "\n**Baseline**\n\n" + "\n".join(lines) + "\n"
    text = "".join([first, *(f" · **{word}**" for word in words), "\n", rest])
    say(f"{found.outcome} (exit {found.code}){''.join(f', {word}' for word in words)}: {found.said}")
    for word in words:
        say(word, "warning")
    if not found.audit:
        say(found.said, "error")
    problems = [append("GITHUB_OUTPUT", outputs(found, words)), append("GITHUB_STEP_SUMMARY", capped(text, SUMMARY))]
    problems += [commented(options.name, text, token)] if options.comment == "true" else []
    for problem in filter(None, problems):
        say(problem, "warning")
    return found.code


def bless(options: argparse.Namespace) -> int:
    """Write the baseline; a refusal ends with the code of the verdict for which it was refused, and writes nothing."""
    found = gated(options.folder, options.policy)
    if not found.audit:
        say(found.said, "error")
        return found.code
    measured = any(axis["tuned"] and axis["tuned"]["value"] is not None for axis in found.audit["axes"])
    if found.audit["limit"] is not None or not measured:
        say("an audit with --limit, or one that measured nothing, is never a baseline", "error")
        return CODES["not established"]
    if found.outcome not in ("pass", options.accept_verdict):
        say(f"the verdict is {found.outcome}: {found.said}; only --accept-verdict that names it blesses it", "error")
        return found.code
    if not options.by.strip() or not options.reason.strip():
        say("--by and --reason say who answers for the baseline and why; neither may be empty", "error")
        return 2
    path = Path(options.baseline)
    baseline.write(path, found.audit, found.verdict, by=options.by, reason=options.reason)
    say(f"{path}: blessed {found.audit['id']} ({found.outcome})")
    return 0


def parser() -> argparse.ArgumentParser:
    """Two verbs; each option of `gate` may also stand in the environment, and an empty one is not given."""
    whole = argparse.ArgumentParser(description="tuneward in continuous integration", allow_abbrev=False)
    verbs = whole.add_subparsers(dest="verb", required=True)
    judging = verbs.add_parser("gate", allow_abbrev=False, help="judge a finished audit and show the verdict")
    for name, default in INPUTS.items():
        judging.add_argument(f"--{name}", default=os.environ.get(variable(name)) or default)
    blessing = verbs.add_parser("bless", allow_abbrev=False, help="write the baseline of later runs")
    blessing.add_argument("folder")
    for name in ("baseline", "by", "reason"):
        blessing.add_argument(f"--{name}", required=True)
    blessing.add_argument("--policy", default="")
    blessing.add_argument("--accept-verdict", choices=[name for name in CODES if name != "pass"])
    return whole


def variable(name: str) -> str:
    """Where the Action puts an input."""
    return "TUNEWARD_" + name.upper().replace("-", "_")


def main(arguments: list[str]) -> int:
    """Run a verb; the token leaves the environment before anything else starts."""
    token = os.environ.pop("GITHUB_TOKEN", "").strip()
    options = parser().parse_args(arguments)
    try:
        return gate(options, token) if options.verb == "gate" else bless(options)
    except OSError as error:
        say(error, "error")
        return 2


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    sys.exit(main(sys.argv[1:]))
