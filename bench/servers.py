"""The same model in this process and behind real OpenAI-compatible servers: how many greedy answers are equal, and why
the others differ.

    python bench/servers.py --model FOLDER --out work                     # transformers serve
    python bench/servers.py --model FOLDER --gguf FILE.gguf --out work    # and llama.cpp's server

Writes bench/servers.json; `--limit` asks fewer families. Every difference is explained by the logits of this process
at the first token that differs: a near tie is rounding, another prompt is a template, the rest is named as it is.
"""

import argparse
import json
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tuneward.ask import Question, Store, ask, plan, unseen
from tuneward.chat import Chat, Reply
from tuneward.model.engine import Engine
from tuneward.model.load import Place, load
from tuneward.model.prefill import Prompts, prefill
from tuneward.model.spec import parse
from tuneward.remote import Limits, connect
from tuneward.suites import Policy, Twins, Utility

OUT = Path(__file__).with_suffix(".json")
TIE = 0.05
"""Logits closer than this may change places by the order of sums alone."""


@dataclass(frozen=True)
class Server:
    """How a server is started, and the name under which it has the model."""

    name: str
    command: tuple[str, ...]
    model: str


def servers(model: Path, gguf: Path | None, port: int) -> list[Server]:
    """Those that are installed here."""
    at, here = ("--host", "127.0.0.1", "--port", str(port)), (sys.executable, "-m")
    where = str(model.resolve())
    precise = ("--device", "cpu", "--dtype", "float32")
    found = [
        Server(
            "transformers serve",
            (str(Path(sys.executable).parent / "transformers"), "serve", where, *precise, *at),
            where,
        )
    ]
    if gguf:
        settings = ("--model", str(gguf), "--n_ctx", "2048", "--seed", "0", "--n_threads", "2")
        found.append(Server("llama.cpp", (*here, "llama_cpp.server", *settings, *at), str(gguf)))
    return found


@contextmanager
def running(server: Server, port: int, log: Path) -> Iterator[str]:
    """The server's address, from its first answer until the block ends."""
    with log.open("w") as file:
        process = subprocess.Popen(server.command, stdout=file, stderr=subprocess.STDOUT)
    try:
        for _ in range(240):
            if process.poll() is not None:
                raise SystemExit(f"{server.name}: stopped with {process.returncode}; see {log}")
            try:
                socket.create_connection(("127.0.0.1", port), timeout=2).close()
                break
            except OSError:
                time.sleep(0.5)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(20)


def questions(limit: int | None) -> list[Question]:
    """Requests, twins and tasks, as an audit asks them."""
    suites = (Policy(), Twins(), Utility())
    return [Question(s.name, chat, min(s.max_tokens, 48)) for s in suites for chat in s()[:limit]]


def explained(engine: Engine, ours: Reply, theirs: Reply) -> str:
    """Why two answers to one prompt differ, by what this process says of the first token that differs."""
    a = engine.tokenizer(ours.chat.answer, add_special_tokens=False).input_ids
    b = engine.tokenizer(theirs.chat.answer, add_special_tokens=False).input_ids
    at = next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    prompt = engine.ids(Chat(ours.id, ours.chat.family, ours.chat.messages[:-1]))
    logits = _logits(engine, (*prompt, *a[:at]))
    first = a[at] if at < len(a) else engine.tokenizer.eos_token_id
    other = b[at] if at < len(b) else engine.tokenizer.eos_token_id
    gap = float(logits[first] - logits[other])
    if ours.chat.answer.strip() == theirs.chat.answer.strip():
        return "white space at the ends"
    if abs(gap) < TIE:
        return f"a tie: logits {TIE} or less apart"
    rank = "second" if logits.argsort(descending=True).tolist().index(other) == 1 else "third or later"
    return f"their token is our {rank}, {'under' if gap < 0.5 else 'over'} 0.5 behind"


@torch.inference_mode()
def _logits(engine: Engine, ids: Sequence[int]) -> torch.Tensor:
    with engine.ready():
        return prefill(engine.model, Prompts((tuple(ids),), 0, torch.device("cpu")), room=1).logits[0].float()


def compared(engine: Engine, ours: Sequence[Reply], theirs: Sequence[Reply]) -> dict[str, Any]:
    """Equal answers, by suite, and the reasons of the others."""
    other = {(r.suite, r.id): r for r in theirs}
    both = [(r, other[r.suite, r.id]) for r in ours if (r.suite, r.id) in other]
    equal = [a.chat.answer == b.chat.answer for a, b in both]
    reasons = Counter(explained(engine, a, b) for (a, b), same in zip(both, equal, strict=True) if not same)
    finish = sum(a.finish == b.finish for (a, b), same in zip(both, equal, strict=True) if same)
    by_suite = Counter(a.suite for (a, _), same in zip(both, equal, strict=True) if same)
    asked = Counter(r.suite for r in ours)
    return {
        "asked": len(ours),
        "answered": len(both),
        "equal": sum(equal),
        "by suite": {name: f"{by_suite[name]} of {count}" for name, count in asked.items()},
        "same finish among equal": finish,
        "reasons": dict(reasons.most_common()),
    }


def main() -> None:
    """Ask here, then every server, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--gguf", type=Path)
    parser.add_argument("--out", type=Path, default=Path("work"))
    parser.add_argument("--limit", type=int)
    chosen = parser.parse_args()
    engine = load(parse(str(chosen.model)), place=Place("cpu", "float32"))
    asked, store = questions(chosen.limit), Store(chosen.out / "servers")
    clock = time.perf_counter()
    ours = ask(engine, plan(engine, asked, size=64), arm="base", store=store, progress=unseen)
    found: dict[str, Any] = {"model": chosen.model.name, "in process": {"seconds": round(time.perf_counter() - clock)}}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    chosen.out.mkdir(parents=True, exist_ok=True)
    for server in servers(chosen.model, chosen.gguf, port):
        with running(server, port, chosen.out / f"{server.name.replace(' ', '-')}.log") as url:
            endpoint = connect(f"{url}#{server.model}", limits=Limits(concurrency=2, timeout=300))
            clock = time.perf_counter()
            theirs = ask(endpoint, plan(endpoint, asked, size=8), arm="tuned", store=store, progress=unseen)
            seconds = round(time.perf_counter() - clock)
        told = [line.replace(endpoint.info.name, server.name) for line in endpoint.remarks()]
        found[server.name] = {**compared(engine, ours, theirs), "seconds": seconds, "remarks": told}
        print(json.dumps(found[server.name], indent=1), flush=True)
    OUT.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
