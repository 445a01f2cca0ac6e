"""What goes wrong on the line: tried again, told in one line, or no answer at all; never an empty one (A9)."""

import itertools
import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from endpoint import Sent, answer, serving
from tuneward.ask import Question, Store, answers, plan, unseen
from tuneward.chat import Chat, Message
from tuneward.remote import Endpoint, Limits, connect
from tuneward.speaking import Decoding, Said

ONCE = Limits(retries=0, timeout=5.0)
SOON = {"Retry-After-Ms": "5"}
SCHEMA = '{"type":"object"}'
FINE = Said("fine", "stop", 3, 7)


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TUNEWARD_API_KEY", raising=False)


def ask(speaker: Endpoint, *texts: str, decoding: Decoding | None = None) -> list[Said | None]:
    chats = [Chat(text, text, (Message("user", text),)) for text in texts or ("a",)]
    return speaker.say(chats, [()] * len(chats), decoding=decoding or Decoding(8), keys=[c.id for c in chats])


def asked(body: dict[str, Any]) -> str:
    return str(body["messages"][0]["content"])


# tried again ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("header", "value", "least"), [("Retry-After", "0.4", 0.4), ("Retry-After-Ms", "300", 0.3)])
def test_the_server_says_how_long_to_wait(header: str, value: str, least: float) -> None:
    times: list[float] = []

    def script(body: dict[str, Any], number: int) -> Sent | str:
        times.append(time.monotonic())
        return Sent(429, {"error": {"message": "slow down"}}, {header: value}) if number < 3 else "fine"

    with serving(script) as server:
        speaker = connect(server.name(), limits=replace(ONCE, retries=2))
        assert ask(speaker) == [FINE]
    assert all(later - before >= least for before, later in itertools.pairwise(times))
    assert (len(times), speaker.line.calls, speaker.line.retries, speaker.remarks()) == (3, 1, 2, ())


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
def test_what_may_pass_is_tried_again(status: int) -> None:
    with serving(lambda body, n: "fine" if n > 1 else Sent(status, {}, SOON)) as server:
        assert ask(connect(server.name(), limits=replace(ONCE, retries=1))) == [FINE]
    assert len(server.bodies) == 2
    assert server.bodies[0] == server.bodies[1], "the same question under the same seed"


def test_a_cut_or_lost_connection_is_tried_again() -> None:
    cut = Sent(body=answer("half of this is lost"), cut=True)
    with serving(lambda body, n: cut if n == 1 else "fine") as server:
        assert ask(connect(server.name(), limits=replace(ONCE, retries=1))) == [FINE]


def test_tries_are_bounded_and_the_reason_is_kept() -> None:
    with serving(lambda body, n: Sent(503, {}, SOON)) as server:
        speaker = connect(server.name(), limits=replace(ONCE, retries=3))
        assert ask(speaker) == [None]
        assert len(server.bodies) == 4
    assert speaker.remarks() == (f"{speaker.info.name}: prompts without an answer: status 503 (1)",)


def test_a_wait_beyond_reason_is_not_waited_for() -> None:
    with serving(lambda body, n: Sent(429, {}, {"Retry-After": "86400"})) as server:
        begun = time.monotonic()
        assert ask(connect(server.name(), limits=replace(ONCE, retries=5))) == [None]
    assert time.monotonic() - begun < 5
    assert len(server.bodies) == 1


# no answer ------------------------------------------------------------------------------------------------------------

BROKEN = {
    "empty body": b"",
    "garbage": b"\x00\xff<html>",
    "a page": b"<html><body>Bad gateway</body></html>",
    "no utf-8": b'{"choices":[{"message":{"content":"\xff"},"finish_reason":"stop"}]}',
    "half a surrogate pair": b'{"choices":[{"message":{"content":"\\ud800"},"finish_reason":"stop"}]}',
    "nested beyond reading": b'{"choices":[],"x":' + 9999 * b"[" + 9999 * b"]" + b"}",
    "null": b"null",
    "a list": b"[]",
    "no choices": b"{}",
    "choices of another type": b'{"choices":{"0":"x"}}',
    "choices are null": b'{"choices":null}',
    "content is a number": b'{"choices":[{"message":{"content":3},"finish_reason":"stop"}]}',
    "content is a list": b'{"choices":[{"message":{"content":["x"]},"finish_reason":"stop"}]}',
    "usage of another type": b'{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}],"usage":"many"}',
}
WITHHELD = {
    "no choice": {"choices": []},
    "content null": answer(None),
    "no message and no text": {"choices": [{"finish_reason": "stop"}]},
    "content_filter": answer("", finish="content_filter"),
    "content_filter with half a text": answer("Sure, first", finish="content_filter"),
    "tool_calls": answer(None, finish="tool_calls"),
    "an end of its own": answer("x", finish="mood"),
    "no end": {"choices": [{"message": {"content": "x"}}]},
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_body_is_no_answer(what: str) -> None:
    with serving(lambda body, n: Sent(body=BROKEN[what]) if asked(body) == "b" else "fine") as server:
        speaker = connect(server.name(), limits=ONCE)
        assert ask(speaker, "a", "b", "c") == [FINE, None, FINE]
    assert speaker.line.lost == {"a broken answer": 1}


@pytest.mark.parametrize("what", WITHHELD)
def test_a_withheld_answer_is_none_and_not_an_empty_one(what: str) -> None:
    """A server that answers without an answer is there: every prompt of a batch may end so, and the run goes on."""
    with serving(lambda body, n: Sent(body=WITHHELD[what])) as server:
        speaker = connect(server.name(), limits=ONCE)
        assert ask(speaker, "a", "b", "c") == [None, None, None]
    assert sum(speaker.line.lost.values()) == speaker.line.withheld == 3
    assert "prompts without an answer" in speaker.remarks()[0]


def test_an_answer_cut_by_the_limit_and_an_empty_one_are_answers() -> None:
    said = {"a": answer("half", finish="length"), "b": answer("", finish="stop"), "c": answer(None, finish="length")}
    with serving(lambda body, n: Sent(body=said[asked(body)])) as server:
        found = ask(connect(server.name(), limits=ONCE), "a", "b", "c")
    assert [(one.text, one.finish) for one in found if one] == [("half", "length"), ("", "stop"), ("", "length")]


def test_a_slow_answer_is_given_up() -> None:
    with serving(lambda body, n: Sent(body=answer("late"), wait=2.0) if asked(body) == "b" else "fine") as server:
        speaker = connect(server.name(), limits=replace(ONCE, timeout=0.3))
        assert ask(speaker, "a", "b") == [FINE, None]
    assert speaker.line.lost == {"timed out": 1}


def test_a_filter_that_refuses_with_a_status_is_no_outage() -> None:
    """Some hosted services answer 400 to a prompt that their filter holds back."""
    told = {"error": {"message": "held back", "code": "content_filter"}}
    with serving(lambda body, n: Sent(400, told)) as server:
        speaker = connect(server.name(), limits=ONCE)
        assert ask(speaker, "a", "b", decoding=Decoding(8, schema=SCHEMA)) == [None, None]
        assert len(server.bodies) == 2
    assert speaker.line.lost == {"ended by content_filter": 2}
    assert not speaker.line.freely


def test_an_outage_stops_the_run_in_one_line_instead_of_asking_on() -> None:
    with serving(lambda body, n: Sent(500, {})) as server:
        speaker = connect(server.name(), limits=ONCE)
        with pytest.raises(ValueError, match=r"none of 3 prompts was answered: status 500 \(3\); start again to go on"):
            ask(speaker, "a", "b", "c")


def test_the_servers_own_word_for_a_refusal_is_told() -> None:
    told = {"error": {"message": "Unsupported value: temperature", "code": "unsupported_value"}}
    with serving(lambda body, n: Sent(400, told)) as server:
        speaker = connect(server.name(), limits=ONCE)
        with pytest.raises(ValueError, match=r"refused by the server \(400 unsupported_value\) \(2\)"):
            ask(speaker, "a", "b")


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refused_key_or_model_is_one_clear_error(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda body, n: Sent(status, {"error": {"message": "no"}})) as server:
        monkeypatch.setenv("LOCAL_BASE_URL", server.url)
        speaker = connect("openai-api/local/m", limits=replace(ONCE, concurrency=1, retries=3))
        with pytest.raises(ValueError, match=f"status {status} .*'m' a model there, and LOCAL_API_KEY its key") as told:
            ask(speaker, *"abcdefgh")
        assert len(server.bodies) <= 2, "no further prompt is put to it, but one that is under way"
    assert "\n" not in str(told.value)


# the list of models ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_is_refused_before_anything_is_asked(status: int) -> None:
    refused = pytest.raises(ValueError, match=f"status {status}; is TUNEWARD_API_KEY set")
    with serving(lambda body, n: "x", models=Sent(status, {})) as server, refused:
        connect(server.name(), limits=ONCE)


@pytest.mark.parametrize(
    "sent", [Sent(404, {}), Sent(405, b""), Sent(500, {}), Sent(501, {}), Sent(200, b"\xff"), Sent(200, b"")]
)
def test_a_server_without_a_list_is_asked_all_the_same(sent: Sent) -> None:
    with serving(lambda body, n: "fine", models=sent) as server:
        assert ask(connect(server.name(), limits=ONCE)) == [FINE]


@pytest.mark.parametrize("status", [429, 502, 503])
def test_a_list_that_is_late_never_makes_another_model_of_it(status: int) -> None:
    """Without what the server tells, its identity would be another, and a cut audit could not go on."""
    refused = pytest.raises(ValueError, match=f"status {status} from the list of models; start again")
    with serving(lambda body, n: "x", models=Sent(status, {})) as server, refused:
        connect(server.name(), limits=ONCE)


def test_a_server_that_is_not_there_is_one_line() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ValueError, match=r"127.0.0.1:\d+/v1#m: no answer from the server .*; is it running\?"):
        connect(f"http://127.0.0.1:{port}/v1#m", limits=ONCE)


# structured output ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_without_structured_output_is_asked_freely_and_never_again(status: int) -> None:
    with serving(lambda body, n: Sent(status, {}) if "response_format" in body else "fine") as server:
        speaker = connect(server.name(), limits=replace(ONCE, concurrency=1))
        assert ask(speaker, "a", "b", "c", decoding=Decoding(8, schema=SCHEMA)) == [FINE] * 3
        forms = [body.get("response_format", {}).get("type") for body in server.bodies]
    assert forms == ["json_schema", None, None, None]


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_that_knows_no_penalty_is_asked_without_and_its_own_is_noted(status: int) -> None:
    """Repetition is not punished where a server lets us say so; one that does not is said to have its own way."""
    penalties = {"repetition_penalty", "repeat_penalty"}
    with serving(lambda body, n: Sent(status, {}) if penalties & body.keys() else "fine") as server:
        speaker = connect(server.name(), limits=replace(ONCE, concurrency=1))
        assert ask(speaker, "a", "b", decoding=Decoding(8, schema=SCHEMA)) == [FINE] * 2
        sent = [bool(penalties & body.keys()) for body in server.bodies]
        assert sent.count(False) == 2
        assert sent[-1] is False
        assert "response_format" in server.bodies[-1]
    assert speaker.remarks() == (
        f"{speaker.info.name}: the server takes no repetition penalty, so its own, if any, stands",
    )
    with serving(lambda body, n: "fine") as server:
        speaker = connect(server.name(), limits=ONCE)
        assert ask(speaker, "a") == [FINE]
        assert [server.bodies[0][name] for name in penalties] == [1.0, 1.0]
        assert speaker.remarks() == ()


def test_a_prompt_refused_for_itself_takes_structured_output_from_no_other() -> None:
    with serving(lambda body, n: Sent(400, {}) if asked(body) == "b" else "fine") as server:
        speaker = connect(server.name(), limits=replace(ONCE, concurrency=1))
        assert ask(speaker, "a", "b", "c", decoding=Decoding(8, schema=SCHEMA)) == [FINE, None, FINE]
        assert "response_format" in server.bodies[-1]
    assert server.bodies[0]["response_format"]["json_schema"]["strict"] is True


# what is kept ---------------------------------------------------------------------------------------------------------


def test_only_what_was_not_answered_is_asked_again(tmp_path: Path) -> None:
    sick = [True]

    def script(body: dict[str, Any], _: int) -> Sent | str:
        return Sent(500, {}) if sick[0] and asked(body) in ("b", "d") else asked(body)

    with serving(script) as server:
        speaker, store = connect(server.name(), limits=ONCE), Store(tmp_path)
        questions = [Question("s", Chat(t, t, (Message("user", t),)), 8) for t in "abcdef"]
        batches = plan(speaker, questions, size=3)
        first = answers(speaker, batches, store=store, progress=unseen)
        assert [q.chat.id for q, one in first if one is None] == ["b", "d"]
        before, sick[0] = len(server.bodies), False
        again = answers(connect(server.name(), limits=ONCE), batches, store=store, progress=unseen)
        assert [one.text for _, one in again if one] == list("abcdef")
        assert sorted(asked(body) for body in server.bodies[before:]) == ["b", "d"]
        answers(speaker, batches, store=store, progress=unseen)
        assert len(server.bodies) == before + 2
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 2
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    seeds = {asked(body): body["seed"] for body in server.bodies}
    assert all(body["seed"] == seeds[asked(body)] for body in server.bodies)
