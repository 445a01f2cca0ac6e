"""An OpenAI-compatible server for tests: real sockets, scripted answers, every kind of failure on request."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = dict[str, Any]


@dataclass(frozen=True)
class Sent:
    """What the server sends instead of a plain answer."""

    status: int = 200
    body: Any = None
    """Encoded as JSON unless it is bytes."""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    """Close the connection after half of the body."""
    wait: float = 0.0
    """Seconds before anything is sent."""


Script = Callable[[Body, int], str | Sent]
"""(request body, number of the request from 1) → the text of an answer, or what to send instead."""


@dataclass
class Endpoint:
    """A running server and what it was asked."""

    url: str
    bodies: list[Body] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    def name(self, model: str = "m") -> str:
        """As `audit` and `judge` take it."""
        return f"{self.url}#{model}"


def answer(text: str | None, *, finish: str = "stop") -> Body:
    """A chat completion's body."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    return {"choices": [choice], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}


@contextmanager
def serving(script: Script, *, models: Any = None) -> Iterator[Endpoint]:
    """The server on a free port of this machine, while the block runs."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            told = models or {"data": [{"id": "m", "owned_by": "test"}]}
            self.reply(told if isinstance(told, Sent) else Sent(body=told))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                found.bodies.append(body)
                found.headers.append({k.lower(): v for k, v in self.headers.items()})
                found.paths.append(self.path)
                number = len(found.bodies)
            said = script(body, number)
            self.reply(Sent(body=answer(said)) if isinstance(said, str) else said)

        def reply(self, sent: Sent) -> None:
            data = sent.body if isinstance(sent.body, bytes) else json.dumps(sent.body).encode()
            threading.Event().wait(sent.wait)
            self.send_response(sent.status)
            for name, value in {"Content-Length": str(len(data)), **sent.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data[: len(data) // 2] if sent.cut else data)
            self.close_connection = sent.cut

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Whoever asked has left before the answer came."""

    server = Quiet(("127.0.0.1", 0), Handler)
    found = Endpoint(f"http://127.0.0.1:{server.server_address[1]}/v1")
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
