"""A real OpenAI-compatible server on this machine: asked as an arm, and as a judge."""

import importlib.util
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tuneward.ask import Question, ask, plan, unseen
from tuneward.audit.options import AuditOptions
from tuneward.audit.questions import gather
from tuneward.audit.run import audit_arms
from tuneward.judge.options import JudgeOptions
from tuneward.judge.run import run as judge
from tuneward.model.load import Place, load
from tuneward.model.spec import parse
from tuneward.remote import Limits, connect
from tuneward.results import read_audit
from tuneward.study.small_model import small_model
from tuneward.suites import Policy, Utility

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(importlib.util.find_spec("fastapi") is None, reason="transformers serve needs fastapi"),
]
LIMITS = Limits(concurrency=2, timeout=300)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def served(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`transformers serve` with the small model in float32, and its name as an arm takes it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [Path(sys.executable).parent / "transformers", "serve", model, "--device", "cpu", "--dtype", "float32"]
    log = (tmp_path_factory.mktemp("served") / "log").open("w")
    process = subprocess.Popen([*map(str, command), "--port", str(port), "--host", "127.0.0.1"], stdout=log, stderr=log)
    try:
        for _ in range(240):
            assert process.poll() is None, f"the server stopped with {process.returncode}"
            try:
                socket.create_connection(("127.0.0.1", port), timeout=2).close()
                break
            except OSError:
                time.sleep(0.5)
        yield f"http://127.0.0.1:{port}/v1#{model}"
    finally:
        process.terminate()
        process.wait(30)
        log.close()


def test_a_served_model_answers_as_in_process(model: Path, served: str) -> None:
    """Greedy in float32: the template, the first tokens and the end of a reply are the same on both ways."""
    asked = [Question("policy", chat, 24) for chat in Policy()()[:12]] + [
        Question("utility", chat, 24) for chat in Utility()()[:12]
    ]
    engine, endpoint = load(parse(str(model)), place=Place("cpu", "float32")), connect(served, limits=LIMITS)
    ours = ask(engine, plan(engine, asked, size=8), arm="base", store=None, progress=unseen)
    theirs = ask(endpoint, plan(endpoint, asked, size=8), arm="base", store=None, progress=unseen)
    assert len(theirs) == len(ours) == 24
    equal = [a.chat.answer == b.chat.answer and a.finish == b.finish for a, b in zip(ours, theirs, strict=True)]
    assert sum(equal) >= 22
    assert not any("without an answer" in remark for remark in endpoint.remarks())


def test_an_audit_of_a_served_model_is_judged_by_it(model: Path, served: str, tmp_path: Path) -> None:
    """The small model is no judge; that it is asked, read strictly and counted is what is shown here."""
    options = AuditOptions(
        tuned=served,
        base=str(model),
        suites=("policy", "twins"),
        limit=6,
        samples=0,
        max_tokens=24,
        out=str(tmp_path / "audit"),
        no_cache=True,
    )
    arms = {"base": load(parse(str(model)), place=Place("cpu", "float32")), "tuned": connect(served, limits=LIMITS)}
    assert audit_arms(arms, gather(options), options=options) is not None
    words = JudgeOptions(folder=str(tmp_path / "audit"), by=(f"rubric:{served}",), retries=1, control=4)
    found = judge(words, reach=lambda spec: connect(spec.model, limits=LIMITS))
    assert found is not None
    harm = read_audit(tmp_path / "audit").harm
    assert harm is not None
    assert harm.judges[0].read > 0
    told = sum(count for arm in harm.arms.values() for word, count in arm.outcomes.items() if word != "unjudged")
    lost = sum(arm.outcomes.get("unjudged", 0) for arm in harm.arms.values())
    assert told + lost >= harm.judges[0].read
