"""A pull request's code host and a runner's environment, for the tests of the GitHub Action."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

from hand_made import counted, sound, write_folder

ROOT = Path(__file__).parents[1]
ACTION = ROOT / "action"
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


@contextmanager
def served() -> Iterator[Host]:
    """A host at an address, until the block ends."""
    found = Host()
    server = serve(found)
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()


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
