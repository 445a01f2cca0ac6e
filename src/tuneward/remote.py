"""A model behind an OpenAI-compatible endpoint: vLLM, llama.cpp, Ollama, TGI, a hosted one (house method).

The client does retries, `Retry-After` and timeouts. What it cannot get is None, never an empty answer: an outage must
not read as a model with nothing to say. Weights behind a server cannot be hashed, so an endpoint is known by its
address, its name and what the server tells of the model, and its replies are never taken from another run's cache.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from types import MappingProxyType
from typing import Any

import httpx2
import msgspec
import openai

from tuneward.chat import ARGUMENTS, RAW, Chat, Finish, messages
from tuneward.endpoint import EndpointSpec, checked, known_as, parse_endpoint
from tuneward.findings import ArmInfo
from tuneward.record import digest, sha256_bytes
from tuneward.speaking import Decoding, Said

TELLING = frozenset({"root", "parent", "owned_by", "max_model_len", "meta", "quantization"})
"""What servers say of a model that does not change between two looks, unlike times and permissions."""
FATAL = frozenset({401, 403, 404})
"""After these no other prompt can fare better."""
PASSING = frozenset({408, 429, 502, 503, 504})
"""A list of models that is refused with one of these may be given in a minute; `transformers serve` answers 500 for
good where it has no hub cache, and that is a server without a list."""
FILTERED = "content_filter"
FINISHES: Mapping[str | None, Finish] = MappingProxyType({"stop": "stop", "eos": "stop", "length": "length"})
BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What reading a body that is no answer may raise."""
NEUTRAL: Mapping[str, object] = MappingProxyType({"repetition_penalty": 1.0, "repeat_penalty": 1.0})
"""Some servers punish repetition unless told otherwise (llama.cpp's Python server by 1.1, vLLM and TGI by what the
checkpoint says), and then greedy is not greedy. No two call it alike, and strict servers take neither word."""
FORM = "response_format"
NO_KEY = "none"
ROUNDS = 4
KNOWN_BY = "behind an endpoint: known by address, name and what the server tells of it, not by weights"
WORD = re.compile(r"[a-z_]{1,40}")


class Message(msgspec.Struct, frozen=True):
    """What a choice says."""

    content: str | None = None


class Choice(msgspec.Struct, frozen=True):
    """One answer of several."""

    message: Message | None = None
    text: str | None = None
    """Where a prompt without turns was sent."""
    finish_reason: str | None = None


class Usage(msgspec.Struct, frozen=True):
    """Tokens billed."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Answered(msgspec.Struct, frozen=True):
    """The body of an answer, as far as it is read."""

    choices: list[Choice]
    usage: Usage | None = None
    system_fingerprint: str | None = None


class Models(msgspec.Struct, frozen=True):
    """The body of the list of models."""

    data: list[dict[str, Any]]


@dataclass(frozen=True)
class Limits:
    """How hard an endpoint is asked."""

    concurrency: int = 8
    """Prompts under way at once."""
    timeout: float = 120.0
    """Seconds for one answer."""
    retries: int = 5
    """Further tries of one prompt after 408, 409, 429, 5xx or a lost connection; `Retry-After` holds, to 2 min."""

    def __post_init__(self) -> None:
        if self.concurrency < 1:
            raise ValueError(f"concurrency is {self.concurrency}; expected 1 or more")
        if not self.timeout > 0:
            raise ValueError(f"timeout is {self.timeout}; expected seconds above 0")
        if self.retries < 0:
            raise ValueError(f"retries is {self.retries}; expected 0 or more")


@dataclass
class Line:
    """What happened on the line so far."""

    calls: int = 0
    retries: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    """Why no answer came → how often."""
    withheld: int = 0
    """Prompts that the server answered with nothing to use: no outage, so asking again would change nothing."""
    systems: set[str] = field(default_factory=set)
    """What the server calls its own state (`system_fingerprint`)."""
    freely: bool = False
    """The server took no schema, and none is sent any more."""
    strict: bool = False
    """The server took no penalty, and none is sent any more: its own stands."""
    lock: Lock = field(default_factory=Lock)


@dataclass(frozen=True)
class Endpoint:
    """A `Speaker` over the wire."""

    client: openai.OpenAI
    spec: EndpointSpec
    info: ArmInfo
    limits: Limits = field(default_factory=Limits)
    line: Line = field(default_factory=Line)

    @property
    def key(self) -> str:
        """Digest of address, name and what the server says of the model; the key that opens it is no part of it."""
        return digest(["endpoint", self.info.weights])

    def ids(self, chat: Chat) -> tuple[int, ...]:
        """The bytes of the turns: only the server knows its tokens.

        Raises:
            ValueError: for a prefill, which no common rule of these endpoints keeps.
        """
        if chat.prefill:
            raise ValueError(f"{chat.id}: an endpoint cannot be made to go on with a begun answer; audit the weights")
        return tuple(json.dumps(_asked(chat), ensure_ascii=False).encode())

    def room(self, *, longest: int, max_tokens: int) -> int:  # noqa: ARG002
        """Prompts committed together: a few rounds of what is under way at once; memory is the server's own affair."""
        return ROUNDS * self.limits.concurrency

    def remarks(self) -> tuple[str, ...]:
        """Prompts without an answer and why, and whether the server changed under way."""
        lost = ", ".join(f"{why} ({count})" for why, count in sorted(self.line.lost.items()))
        found = [f"{self.info.name}: prompts without an answer: {lost}"] if lost else []
        if self.line.strict and not self.spec.official:
            found.append(f"{self.info.name}: the server takes no repetition penalty, so its own, if any, stands")
        if len(self.line.systems) > 1:
            found.append(f"{self.info.name}: the server changed its system under way ({len(self.line.systems)} seen)")
        return tuple(found)

    def say(
        self, chats: Sequence[Chat], _ids: Sequence[Sequence[int]], /, *, decoding: Decoding, keys: Sequence[str]
    ) -> list[Said | None]:
        """Answers in order; None after the last try, or where the server withheld or broke one.

        Raises:
            ValueError: when the server refuses the key or the model, or was not to be had for any of several prompts.
        """
        before = self.line.withheld
        with ThreadPoolExecutor(self.limits.concurrency) as pool:
            said = list(pool.map(lambda chat, key: self._one(chat, decoding, key=key), chats, keys))
        if len(said) > 1 and not any(said) and self.line.withheld == before:
            why = ", ".join(f"{reason} ({count})" for reason, count in self.line.lost.items())
            raise ValueError(f"{self.info.name}: none of {len(said)} prompts was answered: {why}; start again to go on")
        return said

    def _one(self, chat: Chat, decoding: Decoding, *, key: str) -> Said | None:
        why = ""
        for extras in self._offers(decoding):
            try:
                said = self._read(self._post(chat, decoding, key=key, extras=extras))
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                if error.code == FILTERED:
                    return self._withheld("ended by content_filter")
                why = _told_why(error, self.client.api_key)
                continue  # a server that takes something not has no other way to say so
            except openai.APIStatusError as error:
                if error.status_code in FATAL:
                    where = error.request.url.path.rpartition("/v1")[2]
                    line = f"{self.info.name}: status {error.status_code} from {where}; {self._hint()}"
                    raise ValueError(line) from None
                return self._lost(f"status {error.status_code}")
            except openai.APITimeoutError:
                return self._lost("timed out")
            except openai.APIConnectionError:
                return self._lost("connection lost")
            except BROKEN:
                return self._lost("a broken answer")
            if said is not None:
                self.line.strict |= not NEUTRAL.keys() <= extras.keys()
                self.line.freely |= bool(decoding.schema) and FORM not in extras
            return said
        return self._lost(f"refused by the server ({why})")

    def _offers(self, decoding: Decoding) -> Iterator[Mapping[str, object]]:
        """What is sent beyond the standard words, less each time until a server takes it."""
        form: dict[str, object] = {}
        if decoding.schema and not self.line.freely:
            shape = {"name": "verdict", "strict": True, "schema": json.loads(decoding.schema)}
            form = {FORM: {"type": "json_schema", "json_schema": shape}}
        known: list[Mapping[str, object]] = [{}] if self.line.strict else [NEUTRAL, {}]
        for neutral in known:
            if form:
                yield {**neutral, **form}
            if neutral:
                yield neutral
        yield {}

    def _post(self, chat: Chat, decoding: Decoding, *, key: str, extras: Mapping[str, object]) -> Answered:
        """One request with all its retries; the body is read by our own types, so nothing odd passes as text."""
        limit = "max_completion_tokens" if self.spec.official else "max_tokens"
        body: dict[str, object] = {
            "model": self.spec.model,
            **_asked(chat),
            "temperature": decoding.temperature,
            "seed": int(sha256_bytes(f"{decoding.seed}/{key}".encode())[:7], 16),
            limit: decoding.max_tokens,
            **extras,
        }
        path = "/completions" if "prompt" in body else "/chat/completions"
        raw = self.client.post(path, body=body, cast_to=httpx2.Response)
        with self.line.lock:
            self.line.calls += 1
            self.line.retries += int(raw.request.headers.get("x-stainless-retry-count", 0))
        return msgspec.json.decode(raw.content, type=Answered)

    def _read(self, body: Answered) -> Said | None:
        """The first choice; a filter's silence is not the model's."""
        if not body.choices:
            return self._withheld("an answer without a choice")
        choice = body.choices[0]
        if choice.finish_reason not in FINISHES:
            return self._withheld(f"ended by {_word(choice.finish_reason, self.client.api_key)}")
        finish = FINISHES[choice.finish_reason]
        text = choice.text if choice.message is None else choice.message.content
        if text is None and finish == "stop":
            return self._withheld("an answer without text")
        if body.system_fingerprint:
            with self.line.lock:
                self.line.systems.add(body.system_fingerprint)
        used = body.usage or Usage()
        return Said(text or "", finish, used.completion_tokens or 0, used.prompt_tokens or 0)

    def _lost(self, why: str) -> Said | None:
        with self.line.lock:
            self.line.lost[why] += 1
        return None

    def _withheld(self, why: str) -> Said | None:
        with self.line.lock:
            self.line.withheld += 1
        return self._lost(why)

    def _hint(self) -> str:
        return f"is {self.spec.model!r} a model there, and {self.spec.key_name} its key?"


def connect(text: str, *, limits: Limits) -> Endpoint:
    """The endpoint of a name, once it has said which models it has.

    Raises:
        ValueError: a name that is none, an address that nothing names, or a server that is not there.
    """
    spec = parse_endpoint(text)
    url = spec.url or checked(_address(spec, text), what=spec.url_name)
    client = openai.OpenAI(
        api_key=_key(spec),
        base_url=url,
        organization="",
        project="",
        timeout=limits.timeout,
        max_retries=limits.retries,
    )
    client._custom_headers = {}  # OPENAI_CUSTOM_HEADERS are for its own service; nothing public keeps them back
    name = f"{known_as(url)}#{spec.model}"
    told, listed = _told(client, spec, name=name)
    info = ArmInfo(
        name=name,
        weights=digest([known_as(url), spec.model, told]),
        tokenizer="",
        template="",
        dtype="not known",
        device="endpoint",
        loading=KNOWN_BY if listed else f"{KNOWN_BY}; the server lists other models, and none of this name",
    )
    return Endpoint(client, spec, info, limits, Line(strict=spec.official))


def _address(spec: EndpointSpec, text: str) -> str:
    """The address that the environment holds."""
    url = os.environ.get(spec.url_name, "").strip()
    if not url:
        raise ValueError(f"{text}: no address; set {spec.url_name}, for example to http://127.0.0.1:8000/v1")
    return url


def _key(spec: EndpointSpec) -> str:
    """The key that the environment holds; the blanks that come with a pasted one are no part of it."""
    key = os.environ.get(spec.key_name, "").strip()
    if not key.isascii() or not key.isprintable():
        raise ValueError(f"{spec.key_name} holds characters that no key has; set it again")
    return key or NO_KEY


def _told(client: openai.OpenAI, spec: EndpointSpec, *, name: str) -> tuple[Mapping[str, object], bool]:
    """What the server lists of the model, and whether it does; a server without a list denies nothing."""
    try:
        raw = client.get("/models", cast_to=httpx2.Response)
        found = msgspec.json.decode(raw.content, type=Models).data
    except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
        raise ValueError(f"{name}: status {error.status_code}; is {spec.key_name} set to its key?") from None
    except openai.APIStatusError as error:
        if error.status_code in PASSING:
            raise ValueError(f"{name}: status {error.status_code} from the list of models; start again") from None
        return {}, True
    except BROKEN:
        return {}, True
    except openai.APIConnectionError as error:
        raise ValueError(
            f"{name}: no answer from the server ({type(error.__cause__).__name__}); is it running?"
        ) from None
    entry = next((one for one in found if one.get("id") == spec.model), None)
    told = {key: value for key, value in (entry or {}).items() if key in TELLING}
    return told, entry is not None or not found


def _word(text: object, key: str) -> str:
    """A server's own word for something, where it is one and not the key sent back."""
    if text is None:
        return "nothing"
    return text if isinstance(text, str) and WORD.fullmatch(text) and key not in text else "something unknown"


def _told_why(error: openai.APIStatusError, key: str) -> str:
    """Status, and the server's short word for it."""
    return f"{error.status_code} {_word(error.code, key)}" if error.code else str(error.status_code)


def _asked(chat: Chat) -> dict[str, object]:
    """What of a request's body the prompt is."""
    if chat.meta.get(RAW):
        return {"prompt": chat.prompt, "add_special_tokens": False}
    arguments = chat.meta.get(ARGUMENTS)
    return {"messages": messages(chat), **({"chat_template_kwargs": arguments} if arguments else {})}
