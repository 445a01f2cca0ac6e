"""Models behind endpoints: names, keys that stay where they are, and failures that never read as an answer."""

import logging
import time
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

import pytest

from endpoint import Sent, answer, serving
from tuneward.ask import Question, Store, answers, plan, unseen
from tuneward.chat import ARGUMENTS, PARTS, RAW, Chat, Message
from tuneward.endpoint import EndpointSpec, checked, is_endpoint, known_as, parse_endpoint
from tuneward.record import to_json
from tuneward.remote import Endpoint, Limits, connect
from tuneward.speaking import Decoding, Said

KEY = "sk-not-a-key-but-secret-all-the-same"
ONCE = Limits(retries=0, timeout=5.0)


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key or address of this machine's environment takes part."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "TUNEWARD_API_KEY", "LOCAL_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def chat(name: str = "a", text: str = "Why is the sky blue?") -> Chat:
    return Chat(name, name, (Message("user", text),))


def said(speaker: Endpoint, count: int = 1, decoding: Decoding | None = None) -> list[Said | None]:
    """So many prompts at once."""
    chats = [chat(f"q{place}", f"Question {place}?") for place in range(count)]
    return speaker.say(chats, [()] * count, decoding=decoding or Decoding(8), keys=[c.id for c in chats])


# names ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("openai-api/local/org/m-7b", EndpointSpec("org/m-7b", "local")),
        ("openai-api/openai/gpt-x", EndpointSpec("gpt-x", "openai", "https://api.openai.com/v1")),
        ("http://127.0.0.1:8000/v1#m", EndpointSpec("m", url="http://127.0.0.1:8000/v1")),
        ("https://host/v1/#org/m:free", EndpointSpec("org/m:free", url="https://host/v1")),
    ],
)
def test_a_name_says_where_and_which(text: str, spec: EndpointSpec) -> None:
    assert is_endpoint(text)
    assert parse_endpoint(text) == spec


@pytest.mark.parametrize("text", ["openai-api/local", "openai-api//m", "http://host/v1", "http://#m", "https:m", "x#m"])
def test_other_names_are_refused_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match="expected") as refused:
        parse_endpoint(text)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "url", [f"http://me:{KEY}@host/v1", f"http://{KEY}@host/v1", f"http://host/v1?key={KEY}", f"http://host:{KEY}/v1"]
)
def test_an_address_with_a_secret_is_refused_without_repeating_it(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"the environment alone|cannot be read") as refused:
        parse_endpoint(f"{url}#m")
    assert KEY not in str(refused.value)
    monkeypatch.setenv("LOCAL_BASE_URL", url)
    with pytest.raises(ValueError, match="LOCAL_BASE_URL") as refused:
        connect("openai-api/local/m", limits=ONCE)
    assert KEY not in str(refused.value)


@pytest.mark.parametrize("url", ["ftp://host/v1", "host:8000/v1", "http:///v1", "http://host/v1#m", "http://[::1/v1"])
def test_an_address_that_is_none_is_told_by_the_variable_that_holds_it(url: str) -> None:
    with pytest.raises(ValueError, match=r"LOCAL_BASE_URL (is no http address|cannot be read)"):
        checked(url, what="LOCAL_BASE_URL")


def test_one_server_has_one_spelling() -> None:
    same = ["http://LocalHost:8000/v1/", "http://127.0.0.1:8000/v1", "HTTP://[::1]:8000/v1"]
    assert {known_as(url) for url in same} == {"http://127.0.0.1:8000/v1"}
    assert known_as("https://Host:443/v1") == "https://host/v1" != known_as("https://host:8443/v1")
    assert known_as("http://[fe80::2]:80/V1") == "http://[fe80::2]/V1"


def test_address_and_key_come_from_the_providers_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = EndpointSpec("m", "my.host-1")
    assert (spec.key_name, spec.url_name) == ("MY_HOST_1_API_KEY", "MY_HOST_1_BASE_URL")
    with pytest.raises(ValueError, match="set MY_HOST_1_BASE_URL"):
        connect("openai-api/my.host-1/m", limits=ONCE)
    with serving(lambda body, n: "yes") as server:
        monkeypatch.setenv("MY_HOST_1_BASE_URL", f"{server.url}/")
        monkeypatch.setenv("MY_HOST_1_API_KEY", f" {KEY}\n")
        assert said(connect("openai-api/my.host-1/m", limits=ONCE)) == [Said("yes", "stop", 3, 7)]
        monkeypatch.setenv("TUNEWARD_API_KEY", "another")
        named, plain = connect("openai-api/my.host-1/m", limits=ONCE), connect(server.name(), limits=ONCE)
        said(plain)
    assert [h["authorization"] for h in server.headers] == [f"Bearer {KEY}", "Bearer another"]
    assert named.key == plain.key, "the key that opens it, the slash and the way it was named are no part of it"


def test_a_key_that_cannot_be_sent_is_told_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for broken in (f"“{KEY}”", f"{KEY}\nand more"):
        monkeypatch.setenv("TUNEWARD_API_KEY", broken)
        with pytest.raises(ValueError, match="TUNEWARD_API_KEY holds") as refused:
            connect("http://127.0.0.1:9/v1#m", limits=ONCE)
        assert KEY not in str(refused.value)


# keys -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 400, 401, 404, 429, 500])
def test_the_key_is_nowhere_but_on_the_wire(
    status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even where the server sends it back: in bodies, in its reasons, in its words for itself."""
    monkeypatch.setenv("TUNEWARD_API_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    told = {"error": {"message": f"key {KEY}", "code": KEY, "type": KEY}}
    good = {**answer("fine"), "system_fingerprint": "fp"}
    good["choices"][0]["finish_reason"] = KEY
    with serving(lambda body, n: Sent(status, good if status == 200 else told)) as server:
        speaker = connect(server.name(), limits=ONCE)
        store = Store(tmp_path)
        batches = plan(speaker, [Question("s", chat(), 8)], size=1)
        words = ""
        try:
            answers(speaker, batches, store=store, progress=unseen)
        except ValueError as error:
            words = str(error)
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"
    seen = [words, *speaker.remarks(), repr(speaker), speaker.key, repr(to_json(speaker.info)), caplog.text]
    seen += [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert (status in (401, 404)) == bool(words)
    assert not [text for text in seen if KEY in text]


def test_what_is_meant_for_openai_is_sent_to_no_other_server(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API_KEY", "ADMIN_KEY", "ORG_ID", "PROJECT_ID", "WEBHOOK_SECRET"):
        monkeypatch.setenv(f"OPENAI_{name}", KEY)
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"Authorization: Bearer {KEY}\nX-Own: {KEY}")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    with serving(lambda body, n: "yes") as server:
        assert said(connect(server.name(), limits=ONCE))[0] is not None
    assert not [value for headers in server.headers for value in headers.values() if KEY in value]
    assert not [body for body in server.bodies if KEY in str(body)]


# what is asked --------------------------------------------------------------------------------------------------------


def test_greedy_is_said_and_seeds_are_of_the_question(monkeypatch: pytest.MonkeyPatch) -> None:
    """E4: temperature 0 is sent, since servers sample by default."""
    with serving(lambda body, n: "yes") as server:
        speaker = connect(server.name(), limits=ONCE)
        for seed, count in ((0, 1), (0, 3), (1, 1)):
            said(speaker, count, Decoding(8, 0.0, seed))
    seeds = {(number, b["messages"][0]["content"]): b["seed"] for number, b in enumerate(server.bodies)}
    assert all(b["temperature"] == 0 and b["max_tokens"] == 8 and b["model"] == "m" for b in server.bodies)
    first = [seed for (_, text), seed in seeds.items() if text == "Question 0?"]
    assert first[0] == first[1] != first[2]
    assert len(set(seeds.values())) == 4
    assert not {"response_format", "top_p", "n", "stream"} & {key for b in server.bodies for key in b}


def test_prompts_of_guards_go_where_they_belong() -> None:
    """A whole text to /completions as it stands; template arguments and parts beside the turns."""

    def script(body: dict[str, Any], _: int) -> Sent | str:
        bare = {"choices": [{"text": " safe", "finish_reason": "stop"}]}
        return Sent(body=bare) if "prompt" in body else "yes"

    bare = replace(chat(text="<s>[INST] whole"), meta={RAW: True})
    parts = replace(chat(), meta={PARTS: True, ARGUMENTS: {"guideline": "g"}})
    with serving(script) as server:
        speaker = connect(server.name(), limits=replace(ONCE, concurrency=1))
        found = speaker.say([bare, parts], [(), ()], decoding=Decoding(4), keys=["a", "b"])
    assert [one.text if one else None for one in found] == [" safe", "yes"]
    assert server.paths == ["/v1/completions", "/v1/chat/completions"]
    assert server.bodies[0]["prompt"] == "<s>[INST] whole"
    assert server.bodies[0]["add_special_tokens"] is False
    assert server.bodies[1]["messages"][0]["content"] == [{"type": "text", "text": "Why is the sky blue?"}]
    assert server.bodies[1]["chat_template_kwargs"] == {"guideline": "g"}
    assert len({speaker.ids(one) for one in (bare, parts, chat())}) == 3


def test_a_begun_answer_is_refused() -> None:
    with serving(lambda body, n: "yes") as server, pytest.raises(ValueError, match="audit the weights"):
        connect(server.name(), limits=ONCE).ids(replace(chat(), prefill="Sure"))


def test_no_more_are_under_way_than_allowed_and_order_is_kept() -> None:
    lock, under, most = Lock(), [0], [0]

    def script(body: dict[str, Any], number: int) -> str:
        with lock:
            under[0] += 1
            most[0] = max(most[0], under[0])
        time.sleep(0.02 if number % 2 else 0.06)
        with lock:
            under[0] -= 1
        return body["messages"][0]["content"]

    with serving(script) as server:
        found = said(connect(server.name(), limits=replace(ONCE, concurrency=3)), 12)
    assert [one.text for one in found if one] == [f"Question {place}?" for place in range(12)]
    assert most[0] == 3


# identity -------------------------------------------------------------------------------------------------------------


def test_one_name_at_two_addresses_is_two_models() -> None:
    """E9, A1: and so is one whose server tells something else of it."""
    told = [{"data": [{"id": "m", "root": root, "created": made}]} for root, made in (("a", 1), ("a", 2), ("b", 1))]
    with serving(lambda body, n: "x", models=told[0]) as one, serving(lambda body, n: "x", models=told[0]) as other:
        first, second = connect(one.name(), limits=ONCE), connect(other.name(), limits=ONCE)
        assert first.key != second.key
        assert connect(one.name(), limits=ONCE).key == first.key
        assert connect(one.name("n"), limits=ONCE).key != first.key
        by_name = connect(one.name().replace("127.0.0.1", "localhost"), limits=ONCE)
        assert (by_name.key, by_name.info.name) == (first.key, first.info.name)
        here = first.info
    keys = []
    for models in told:
        with serving(lambda body, n: "x", models=models) as server:
            told_of = connect(server.name(), limits=ONCE)
            keys.append(told_of.info.weights != here.weights)
    assert keys == [True] * 3
    assert (here.tokenizer, here.template, here.device) == ("", "", "endpoint")


def test_times_do_not_change_who_it_is_but_what_is_told_does() -> None:
    listed: dict[str, Any] = {"data": [{"id": "m", "created": 1, "root": "a"}]}
    with serving(lambda body, n: "x", models=listed) as server:
        before = connect(server.name(), limits=ONCE).key
        listed["data"][0]["created"] = 2
        assert connect(server.name(), limits=ONCE).key == before
        listed["data"][0]["root"] = "b"
        assert connect(server.name(), limits=ONCE).key != before


@pytest.mark.parametrize(
    ("models", "remark"),
    [({"data": [{"id": "other"}]}, True), ({"data": []}, False), ({"object": "list"}, False), ([1], False)],
)
def test_a_model_that_the_server_does_not_list_is_remarked(models: Any, remark: bool) -> None:
    """Some servers answer with what they have, whatever name is asked for."""
    with serving(lambda body, n: "x", models=models) as server:
        assert ("none of this name" in connect(server.name(), limits=ONCE).info.loading) is remark


def test_a_change_of_the_server_under_way_is_remarked() -> None:
    with serving(lambda body, n: Sent(body={**answer("x"), "system_fingerprint": f"fp{n // 3}"})) as server:
        speaker = connect(server.name(), limits=ONCE)
        said(speaker, 2)
        assert speaker.remarks() == ()
        said(speaker, 2)
        assert "changed its system under way (2 seen)" in speaker.remarks()[0]


def test_limits_are_checked() -> None:
    for limits in ({"concurrency": 0}, {"timeout": 0.0}, {"timeout": float("nan")}, {"retries": -1}):
        with pytest.raises(ValueError, match="expected"):
            Limits(**limits)
