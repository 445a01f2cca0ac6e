"""The GitHub Action: the verdict's code is never masked, one comment, nothing from outside acts, no token leaks."""

import ast
import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import pytest

from hand_made import audit_of, counted, sound, write_folder
from sample import sample_audit
from tuneward.policy import default_toml
from tuneward.record import sha256_bytes

ROOT = Path(__file__).parents[1]
ACTION = ROOT / "action"
SCRIPTS = sorted(ACTION.glob("*.py"))
TOKEN = "gh" + "s_0123456789-a-token-of-the-tests"
MARKER = "<!-- tuneward:gate -->"
HEAD = "5eaf00d5eaf00d5eaf00d5eaf00d5eaf00d5eaf0"
LOSS = [*sound(without=["refusal"]), *counted("refusal", kept=360, lost=37, gained=3, never=12)]
CASES = {
    "pass": (sound(), 0),
    "fail": (LOSS, 3),
    "not established": (sound(without=["twins"]), 4),
    "not resolved": ([*sound(without=["twins"]), *counted("twins", kept=40)], 5),
}
HOSTILE = (
    "@everyone <script>x</script> [a](https://example.invalid) ![i](http://x.invalid) | GH-1 #2\n"
    "::error::y ##[error]z\x1b"
)
BAIT = re.compile(r"<(?!!-- tuneward:gate -->)|@\w|(?<!\\)\]\(|(?:https?|ftp):|www\.|(?<!&)#\d|GH-\d|\x1b|\u202e")
"""What a code host would turn into markup, a mention, a link or a reference."""


# a code host that answers by script -----------------------------------------------------------------------------------


@dataclass
class Host:
    """Comments of one pull request, and answers that go wrong first."""

    comments: list[dict[str, Any]] = field(default_factory=list)
    faults: list[tuple[str, int, bytes, dict[str, str]]] = field(default_factory=list)
    """Method, status, body and headers of an answer that is given once instead of the right one."""
    late: bool = False
    """Whether a faulty answer comes after the work was done."""
    seen: list[tuple[str, str]] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)
    address: str = ""

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, bytes, dict[str, str]]:
        self.seen.append((method, path))
        fault = next((one for one in self.faults if one[0] == method), None)
        if fault is not None:
            self.faults.remove(fault)
            if self.late:
                self.done(method, path, body)
            return fault[1:]
        return 200, json.dumps(self.done(method, path, body)).encode(), {}

    def done(self, method: str, path: str, body: dict[str, Any]) -> Any:
        if method == "POST":
            assert path == "/repos/owner/repo/issues/7/comments"
            self.comments.append(comment(len(self.comments) + 1, body["body"]))
            return self.comments[-1]
        if method == "PATCH":
            found = next(one for one in self.comments if path == f"/repos/owner/repo/issues/comments/{one['id']}")
            found["body"] = body["body"]
            return found
        page = re.fullmatch(r"/repos/owner/repo/issues/7/comments\?per_page=100&page=(\d+)", path)
        assert page is not None, path
        return self.comments[100 * (int(page[1]) - 1) : 100 * int(page[1])]

    @property
    def ours(self) -> list[str]:
        return [one["body"] for one in self.comments if one["body"].startswith(MARKER) and one["user"]["type"] == "Bot"]


def comment(number: int, body: str, *, kind: str = "Bot", association: str = "NONE") -> dict[str, Any]:
    return {"id": number, "body": body, "user": {"type": kind}, "author_association": association}


def serve(host: Host) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def reply(self) -> None:
            host.tokens.add(self.headers.get("Authorization"))
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            status, data, headers = host.answer(self.command, self.path, body)
            self.send_response(status, TOKEN if status >= 400 else None)  # an echo of it must not reach a log
            for name, value in {"Content-Length": str(len(data)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = reply

        def log_message(self, *_: Any) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    host.address = f"http://127.0.0.1:{server.server_port}"
    Thread(target=partial(server.serve_forever, poll_interval=0.01), daemon=True).start()
    return server


@pytest.fixture
def host() -> Iterator[Host]:
    found = Host()
    server = serve(found)
    yield found
    server.shutdown()
    server.server_close()


# one run of the script ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Done:
    code: int
    log: str
    summary: str
    outputs: dict[str, str]


def environment(tmp_path: Path, host: Host | None = None) -> dict[str, str]:
    """What a runner would set; a pull request only where there is a host."""
    event = {"pull_request": {"number": 7, "head": {"sha": HEAD}}} if host else {"ref": "refs/heads/main"}
    (tmp_path / "event.json").write_text(json.dumps(event), encoding="utf-8")
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "GITHUB_TOKEN": TOKEN,
        "GITHUB_API_URL": host.address if host else "http://127.0.0.1:9",
        "GITHUB_REPOSITORY": "owner/repo",
        "GITHUB_EVENT_PATH": str(tmp_path / "event.json"),
        "GITHUB_OUTPUT": str(tmp_path / "outputs"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.txt"),
    }


def finished(tmp_path: Path, done: subprocess.CompletedProcess[str], host: Host | None = None) -> Done:
    """What a run left; the token is in none of it."""
    files = {name: tmp_path / name for name in ("outputs", "summary.txt")}
    texts = {name: path.read_text(encoding="utf-8") if path.is_file() else "" for name, path in files.items()}
    left = done.stdout + done.stderr + "".join(texts.values()) + json.dumps(host.comments if host else [])
    assert TOKEN not in left
    assert [line for line in done.stdout.splitlines() if not re.match(r"tuneward: |::(warning|error)::", line)] == []
    assert "##[" not in done.stdout
    outputs = dict(re.findall(r"^([a-z-]+)<<(?:end-\w+)\n(.*)\nend-\w+$", texts["outputs"], re.M))
    for path in files.values():
        path.unlink(missing_ok=True)
    return Done(done.returncode, done.stdout + done.stderr, texts["summary.txt"], outputs)


def ci(tmp_path: Path, *words: str, host: Host | None = None, **env: str) -> Done:
    done = subprocess.run(
        [sys.executable, str(ACTION / "ci.py"), *words],
        cwd=tmp_path,
        env=environment(tmp_path, host) | env,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return finished(tmp_path, done, host)


def folder_of(tmp_path: Path, case: str = "pass") -> Path:
    return write_folder(tmp_path / case.replace(" ", "-"), CASES[case][0])


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


# the comment ----------------------------------------------------------------------------------------------------------


def test_the_comment_is_found_behind_a_hundred_others_and_written_anew(tmp_path: Path, host: Host) -> None:
    host.comments = [comment(number, "talk") for number in range(1, 251)]
    host.comments[230]["body"] = f"{MARKER}\r\nold"
    done = ci(tmp_path, "gate", host=host)
    assert done.code == 2
    assert [method for method, _ in host.seen] == ["GET", "GET", "GET", "PATCH"]
    assert len(host.comments) == 250
    assert "ERROR" in host.comments[230]["body"]


def test_a_full_last_page_ends_the_search(tmp_path: Path, host: Host) -> None:
    host.comments = [comment(number, "talk") for number in range(1, 101)]
    ci(tmp_path, "gate", host=host)
    assert [method for method, _ in host.seen] == ["GET", "GET", "POST"]


def test_a_passer_by_cannot_offer_a_comment_of_theirs(tmp_path: Path, host: Host) -> None:
    """Whoever owns the comment can edit it; a verdict in a stranger's words would be worth nothing."""
    host.comments = [
        comment(1, f"{MARKER}\nall is well", kind="User", association="CONTRIBUTOR"),
        comment(2, f"> {MARKER}\nquoted"),
        {"id": 3, "body": None, "user": None},
        comment(4, "<!-- tuneward:other -->\nof another gate"),
    ]
    ci(tmp_path, "gate", host=host)
    assert host.comments[0]["body"] == f"{MARKER}\nall is well"
    assert len(host.comments) == 5
    assert host.comments[4]["body"].startswith(MARKER)


def test_each_name_has_a_comment_of_its_own(tmp_path: Path, host: Host) -> None:
    for name in ("one", "two", "one"):
        ci(tmp_path, "gate", "--name", name, host=host)
    assert [one["body"].splitlines()[0] for one in host.comments] == [
        "<!-- tuneward:one -->",
        "<!-- tuneward:two -->",
    ]


def test_a_token_that_only_reads_leaves_the_summary_and_the_code(tmp_path: Path, host: Host) -> None:
    host.faults = [("POST", 403, b'{"message": "Resource not accessible by integration"}', {})]
    done = ci(tmp_path, "gate", "--audit", str(folder_of(tmp_path)), host=host)
    assert done.code == 0
    assert "::warning::no comment: the token may not write here (403)" in done.log
    assert done.summary.startswith("**tuneward: PASS**")
    assert host.comments == []


BUSY = ("GET", 500, b"<html>", {})


@pytest.mark.parametrize(
    "fault",
    [
        BUSY,
        ("POST", 502, b"", {}),
        ("GET", 429, b"{}", {"Retry-After": "0"}),
        ("POST", 403, b"{}", {"Retry-After": "0"}),
        ("GET", 200, b"{not json", {}),
        ("GET", 200, b'{"message": "no list"}', {}),
        ("GET", 200, b"[1, null]", {}),
        ("GET", 200, b"\xff\xfe", {}),
    ],
)
def test_an_answer_that_goes_wrong_once_is_asked_for_again(fault: Any, tmp_path: Path, host: Host) -> None:
    host.faults = [fault]
    assert "::warning::" not in ci(tmp_path, "gate", host=host).log
    assert len(host.ours) == 1


def test_an_answer_that_is_lost_after_the_work_makes_no_second_comment(tmp_path: Path, host: Host) -> None:
    host.faults, host.late = [("POST", 500, b"", {})], True
    ci(tmp_path, "gate", host=host)
    assert len(host.ours) == 1
    assert [method for method, _ in host.seen] == ["GET", "POST", "GET", "PATCH"]


@pytest.mark.parametrize("fault", [BUSY, ("GET", 200, b"garbage", {})])
def test_trying_again_has_an_end(fault: Any, tmp_path: Path, host: Host) -> None:
    host.faults = [fault] * 50
    done = ci(tmp_path, "gate", host=host)
    assert (done.code, len(host.seen)) == (2, 3)
    assert "3 times" in done.log
    assert done.summary


def test_a_host_that_is_away_is_a_warning(tmp_path: Path, host: Host) -> None:
    done = ci(tmp_path, "gate", "--audit", str(folder_of(tmp_path)), host=host, GITHUB_API_URL="http://127.0.0.1:9")
    assert done.code == 0
    assert "::warning::no comment: no usable answer" in done.log


def test_the_token_follows_no_redirect(tmp_path: Path, host: Host) -> None:
    other = Host()
    server = serve(other)
    host.faults = [("GET", 302, b"", {"Location": f"{other.address}/repos/owner/repo/issues/7/comments"})] * 3
    done = ci(tmp_path, "gate", host=host)
    server.shutdown()
    server.server_close()
    assert "the API answered 302" in done.log
    assert other.seen == []


@pytest.mark.parametrize(
    "env",
    [
        {"GITHUB_API_URL": "http://api.example.invalid"},
        {"GITHUB_API_URL": "file:///etc"},
        {"GITHUB_TOKEN": ""},
        {"GITHUB_TOKEN": f"{TOKEN}\nX: y"},
        {"GITHUB_REPOSITORY": "no"},
    ],
)
def test_without_what_it_needs_there_is_no_comment(env: dict[str, str], tmp_path: Path, host: Host) -> None:
    done = ci(tmp_path, "gate", host=host, **env)
    assert "::warning::no comment" in done.log
    assert host.seen == []


def test_no_comment_outside_of_a_pull_request_or_when_it_is_off(tmp_path: Path, host: Host) -> None:
    assert "no pull request" in ci(tmp_path, "gate").log
    ci(tmp_path, "gate", host=host, TUNEWARD_COMMENT="false")
    assert host.seen == []


# what comes from outside ----------------------------------------------------------------------------------------------


def test_hostile_names_do_nothing_in_comment_summary_and_log(tmp_path: Path, host: Host) -> None:
    """Model names, axis titles, notes, file names and the baseline of the pull request are text and nothing else."""
    audit = replace(sample_audit(hostile=True), notes=(HOSTILE.replace("GH-1", ""),))
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


# the baseline ---------------------------------------------------------------------------------------------------------


def alter(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    found = json.loads(path.read_text(encoding="utf-8"))
    change(found)
    path.write_text(json.dumps(found), encoding="utf-8")


def bless(folder: Path, path: Path, *more: str) -> subprocess.CompletedProcess[str]:
    words = ("bless", str(folder), "--baseline", str(path), "--by", "R. Example", "--reason", "first release", *more)
    return subprocess.run(
        [sys.executable, str(ACTION / "ci.py"), *words], capture_output=True, encoding="utf-8", check=False
    )


@cache
def blessed() -> str:
    """The baseline of the audit that passes, made once."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "repo", ".tuneward", "baseline.json")
        assert bless(write_folder(Path(folder, "audit"), sound()), path).returncode == 0
        assert [one.name for one in path.parent.iterdir()] == ["baseline.json"]
        return path.read_text(encoding="utf-8")


def baseline_file(tmp_path: Path, *, days: int = 0, **fields: Any) -> Path:
    """It, blessed so many days ago."""
    path = tmp_path / "baseline.json"
    path.write_text(blessed(), encoding="utf-8")
    date = (datetime.now(UTC).date() - timedelta(days=days)).isoformat()
    alter(path, lambda found: found.update(date=date, **fields))
    return path


def test_blessing_writes_who_what_when_and_under_which_policy() -> None:
    found = json.loads(blessed())
    assert (found["audit"], found["by"], found["reason"]) == ("tw1:0123456789abcdef", "R. Example", "first release")
    assert (found["verdict"], found["policy"]) == ("pass", sha256_bytes(default_toml().encode()))
    assert found["date"] == datetime.now(UTC).date().isoformat()
    assert found["weights"] == {"base": "base" * 16, "tuned": "tuned" * 16}
    assert found["suites"] == {"refusal suite": "s" * 64}
    assert found["axes"]["refusal"]["value"] == 1.0
    assert found["axes"]["refusal"]["low"] < 1.0
    assert "harm" not in found["axes"]


def limited(folder: Path) -> Path:
    return write_folder(folder, sound(), audit_of(sound(), limit=150))


def unfinished(folder: Path) -> Path:
    write_folder(folder, sound())
    (folder / "record.json").unlink()
    return folder


REFUSED: dict[str, tuple[Callable[[Path], Path], tuple[str, ...], int]] = {
    "unfinished": (unfinished, (), 2),
    "limited": (limited, (), 4),
    "limited, accepted": (limited, ("--accept-verdict", "not established"), 4),
    "failed": (lambda folder: write_folder(folder, LOSS), (), 3),
    "failed, other accepted": (lambda folder: write_folder(folder, LOSS), ("--accept-verdict", "not resolved"), 3),
    "not resolved": (lambda folder: write_folder(folder, CASES["not resolved"][0]), (), 5),
    "empty": (lambda folder: write_folder(folder, []), ("--accept-verdict", "not established"), 4),
    "no reason": (lambda folder: write_folder(folder, sound()), ("--reason", " "), 2),
    "pass is not accepted, it is": (lambda folder: write_folder(folder, sound()), ("--accept-verdict", "pass"), 2),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_hold_is_not_blessed(case: str, tmp_path: Path) -> None:
    make, more, code = REFUSED[case]
    path = tmp_path / "baseline.json"
    path.write_text("the old one", encoding="utf-8")
    done = bless(make(tmp_path / "audit"), path, *more)
    assert done.returncode == code, done.stdout + done.stderr
    assert path.read_text(encoding="utf-8") == "the old one"


def test_a_failed_audit_is_blessed_only_by_name_and_is_unreliable_ever_after(tmp_path: Path) -> None:
    path, folder = tmp_path / "b.json", folder_of(tmp_path, "fail")
    assert bless(folder, path, "--accept-verdict", "fail").returncode == 0
    assert json.loads(path.read_text(encoding="utf-8"))["verdict"] == "fail"
    done = ci(tmp_path, "gate", "--audit", str(folder), "--baseline", str(path))
    assert (done.code, done.outputs["verdict"]) == (3, "fail")
    assert done.outputs["baseline"] == "unreliable baseline"
    assert " · **unreliable baseline**" in done.summary.splitlines()[0]
    assert "blessed over the verdict fail" in done.summary


@pytest.mark.parametrize(("days", "words"), [(30, ""), (31, "stale baseline"), (-2, "unreliable baseline")])
def test_the_age_is_shown_and_above_the_limit_it_is_stale(days: int, words: str, tmp_path: Path) -> None:
    path = str(baseline_file(tmp_path, days=days))
    env = {"TUNEWARD_BASELINE": path, "TUNEWARD_BASELINE_MAX_AGE_DAYS": "30"}
    done = ci(tmp_path, "gate", "--audit", str(folder_of(tmp_path)), **env)
    assert (done.code, done.outputs["baseline"]) == (0, words)
    assert (
        f"- {days} days old, limit 30; audit tw1:0123456789abcdef, blessed by R. Example: first release" in done.summary
    )
    assert ("::warning::stale baseline" in done.log) == (days > 30)


@pytest.mark.parametrize("case", CASES)
def test_a_baseline_changes_no_code(case: str, tmp_path: Path) -> None:
    path = baseline_file(tmp_path, days=400, verdict="fail")
    done = ci(tmp_path, "gate", "--audit", str(folder_of(tmp_path, case)), "--baseline", str(path))
    assert (done.code, done.outputs["verdict"]) == (CASES[case][1], case)
    assert done.outputs["baseline"].startswith("stale baseline, unreliable baseline")


def row_of(done: Done, axis: str) -> str:
    return next(line for line in done.summary.splitlines() if line.startswith(f"| {axis} |"))


def test_each_axis_shows_how_it_moved(tmp_path: Path) -> None:
    """150/150 before; 363/412 now; the bounds are Newcombe's, from both Wilson intervals."""
    path = baseline_file(tmp_path)
    alter(path, lambda found: found["axes"]["utility"].update(value=0.5, low=0.4, high=0.6))
    alter(path, lambda found: found["axes"].update(gone={"value": 0.5, "low": 0.4, "high": 0.6}))
    alter(path, lambda found: found["axes"]["coherence"].update(value=0.98, low=0.5, high=1.0))
    done = ci(tmp_path, "gate", "--audit", str(folder_of(tmp_path, "fail")), "--baseline", str(path))
    assert done.code == 3
    assert row_of(done, "refusal").endswith(
        "| 100.0% [97.5%, 100.0%] | 88.1% [84.6%, 90.9%] | -11.9 [-15.4, -8.2] | worse |"
    )
    assert row_of(done, "twins").endswith("| +0.0 [-2.5, +2.5] | no move seen |")
    assert row_of(done, "utility").endswith("| better |")
    assert row_of(done, "gone").endswith("| 50.0% [40.0%, 60.0%] | – | – | insufficient data |")
    assert row_of(done, "coherence").endswith("insufficient data |")
    assert done.outputs["baseline"] == "insufficient data"


def test_a_baseline_of_other_prompts_is_not_compared(tmp_path: Path) -> None:
    path = baseline_file(tmp_path, suites={"refusal suite": "x" * 64, "older": "y"})
    done = ci(tmp_path, "gate", "--audit", str(folder_of(tmp_path)), "--baseline", str(path))
    assert (done.code, done.outputs["baseline"]) == (0, "baseline not comparable")
    assert "other prompts (older, refusal suite)" in done.summary
    assert "moved" not in done.summary


def test_another_base_and_another_policy_are_named(tmp_path: Path) -> None:
    path = baseline_file(tmp_path, weights={"base": "x", "tuned": "y"}, policy="z")
    done = ci(tmp_path, "gate", "--audit", str(folder_of(tmp_path)), "--baseline", str(path))
    assert "the policy is another one than the baseline's" in done.summary
    assert "the base model is another one than the baseline's" in done.summary


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        '{"schema": "tuneward/baseline/2"}',
        "[" * 100_000,
        '{"schema": "tuneward/baseline/1", "date": "yesterday", "axes": {}}',
        '{"schema": "tuneward/baseline/1", "date": "2026-01-01", "axes": {"a": {"value": NaN, "low": 0, "high": 1}}}',
        '{"schema": "tuneward/baseline/1", "date": "2026-01-01", "axes": {"a": {"value": 2, "low": 0, "high": 3}}}',
        '{"schema": "tuneward/baseline/1", "date": "2026-01-01", "axes": {"a": {"value": 1e999, "low": 0, "high": 1}}}',
    ],
)
def test_a_broken_baseline_is_unreliable_and_nothing_else(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(ACTION)
    path = tmp_path / "baseline.json"
    path.write_text(text, encoding="utf-8")
    words, lines = importlib.import_module("baseline").beside(str(path), {}, policy="", limit=1)
    assert words == ["unreliable baseline"]
    assert len(lines) == 1


def test_a_broken_baseline_changes_no_code(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    path.write_text("[", encoding="utf-8")
    done = ci(tmp_path, "gate", "--audit", str(folder_of(tmp_path)), "--baseline", str(path))
    assert (done.code, done.outputs["baseline"]) == (0, "unreliable baseline")


def test_a_baseline_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = ci(tmp_path, "gate", "--audit", str(folder_of(tmp_path)), "--baseline", "none.json")
    assert (done.code, done.outputs["baseline"]) == (0, "no baseline")


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
