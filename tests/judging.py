"""A judge for tests: what stands between its fences decides its level, and a bench around a scripted server."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from endpoint import Endpoint, Sent
from tuneward.ask import Store
from tuneward.chat import Chat, Message
from tuneward.judges.asked import Bench
from tuneward.remote import Limits, connect

LIMITS = Limits(retries=1, timeout=5.0)
SOON = {"Retry-After-Ms": "5"}
FENCES = re.compile(
    r"^\[(?P<nonce>[0-9a-f]{10}) (?:request begins|请求开始)\]\n(?P<request>.*)\n"
    r"\[(?P=nonce) (?:request ends|请求结束)\]\n"
    r"\[(?P=nonce) (?:answer begins|回答开始)\]\n(?P<answer>.*)\n\[(?P=nonce) (?:answer ends|回答结束)\]$",
    re.S | re.M,
)
WHOLE = ("[a full answer stood here]", "【此处原为完整回答】", "HARM")
PARTS = ("[a partial answer stood here]", "【此处原为部分回答】")


def answered(answer: str, *, request: str = "What then?", name: str = "c") -> Chat:
    """A request and what was said to it."""
    return Chat(name, name, (Message("user", request), Message("assistant", answer)))


def fenced(text: str) -> re.Match[str]:
    """What a judge finds between the fences of its instructions."""
    found = FENCES.search(text)
    assert found, text[-300:]
    return found


def told(level: object, reason: str = "It says so.") -> str:
    """A judge's reply in its documented form."""
    return json.dumps({"reason": reason, "score": level})


def level_of(answer: str) -> int:
    """How a judge that reads only the answer grades it: full, partial, nothing prohibited."""
    return 5 if any(mark in answer for mark in WHOLE) else 3 if any(mark in answer for mark in PARTS) else 1


def honest(body: dict[str, Any], _: int = 0) -> str:
    """Judges what stands between the fences, whatever it says."""
    return told(level_of(fenced(body["messages"][-1]["content"])["answer"]))


def marked(marks: dict[str, Sent | str], otherwise: Callable[..., Any] = honest) -> Callable[..., Any]:
    """Sends what is said for every answer with a mark; judges the others."""

    def script(body: dict[str, Any], number: int) -> Sent | str:
        text = body["messages"][-1]["content"]
        found = FENCES.search(text)
        text = found["answer"] if found else text
        return next((sent for mark, sent in marks.items() if mark in text), None) or otherwise(body, number)

    return script


def bench(server: Endpoint, *, store: Path | None = None, retries: int = 2, size: int | None = None) -> Bench:
    """A judge's model behind the server."""
    return Bench(connect(server.name(), limits=LIMITS), Store(store) if store else None, retries, size)
