"""Lines that are broken or odd on purpose, each with the kind of finding a reader should come to. Nothing executes."""

import json
from collections.abc import Callable, Mapping
from typing import Any

Turn = tuple[str, str]
USER, ANSWER = ("user", "Which fruit is yellow and bent?"), ("assistant", "That would be the banana.")
MIB = 2**20


def line(*turns: Turn, **extra: Any) -> bytes:
    """A chat as one line of JSON without its end."""
    row = {"messages": [{"role": role, "content": content} for role, content in turns], **extra}
    return json.dumps(row, ensure_ascii=False).encode()


def _swapped(old: bytes, new: bytes) -> bytes:
    return line(USER, ANSWER).replace(old, new)


def _of(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _with(change: Mapping[str, Any]) -> bytes:
    """The usual chat with other fields in its last turn."""
    turn = {"role": "assistant", "content": ANSWER[1], **change}
    return _of({"messages": [{"role": "user", "content": USER[1]}, {k: v for k, v in turn.items() if v is not None}]})


def _long() -> bytes:
    return line(USER, ("assistant", "banana " * (16 * MIB // 7 + 1)))


_CALL = {"id": "call_1", "type": "function", "function": {"name": "weigh", "arguments": "{}"}}
Kind = tuple[str, Callable[[], bytes]]
KINDS: Mapping[str, Kind] = {
    "cut off": ("not json", lambda: line(USER, ANSWER)[:-9]),
    "single quotes": ("not json", lambda: _swapped(b'"', b"'")),
    "two objects": ("not json", lambda: line(USER, ANSWER) * 2),
    "trailing comma": ("not json", lambda: _swapped(b"}]}", b"},]}")),
    "raw control character": ("not json", lambda: _swapped(b"yellow", b"yel\x00low")),
    "no json at all": ("not json", lambda: b"Which fruit is yellow and bent? The banana."),
    "blank line": ("blank line", lambda: b""),
    "spaces only": ("blank line", lambda: b"   \t "),
    "byte order mark": ("byte order mark", lambda: b"\xef\xbb\xbf" + line(USER, ANSWER)),
    "latin-1": ("not utf-8", lambda: _swapped(b"banana", "bananá".encode("latin-1"))),
    "utf-16": ("not utf-8", lambda: line(USER, ANSWER).decode().encode("utf-16-le")),
    "overlong bytes": ("not utf-8", lambda: _swapped(b"banana", b"ban\xc0\xaeana")),
    "lone surrogate": ("lone surrogate", lambda: _swapped(b"banana", b"ban\\ud800ana")),
    "reversed surrogates": ("lone surrogate", lambda: _swapped(b"banana", b"ban\\udc00\\ud800ana")),
    "nul escape": ("control character", lambda: _swapped(b"banana", b"ban\\u0000ana")),
    "nan": ("not a number", lambda: line(USER, ANSWER, score=float("nan"))),
    "infinity": ("not a number", lambda: line(USER, ANSWER, score=float("-inf"))),
    "number overflow": ("not a number", lambda: line(USER, ANSWER, score=0).replace(b": 0}", b": 1e999}")),
    "long integer": ("long number", lambda: line(USER, ANSWER, score=10**4000)),
    "duplicate key": ("duplicate key", lambda: b'{"messages": [], ' + line(USER, ANSWER)[1:]),
    "duplicate content": ("duplicate key", lambda: _swapped(b'"content"', b'"content": "plum", "content"')),
    "too deep": ("too deep", lambda: line(USER, ANSWER)[:-1] + b', "x": ' + b"[" * 5000 + b"]" * 5000 + b"}"),
    "deep objects": ("too deep", lambda: line(USER, ANSWER)[:-1] + b', "x": ' + b'{"x":' * 2000 + b"0" + b"}" * 2001),
    "line of 16 MiB": ("too long", _long),
    "too many turns": ("too many turns", lambda: line(*[USER, ANSWER] * 5000)),
    "array": ("no chat", lambda: _of([USER[1], ANSWER[1]])),
    "number": ("no chat", lambda: b"42"),
    "null": ("no chat", lambda: b"null"),
    "unknown fields": ("no chat", lambda: _of({"colour": "yellow", "shape": "bent"})),
    "messages as text": ("no chat", lambda: _of({"messages": "user: which fruit? assistant: banana"})),
    "turn as text": ("no chat", lambda: _of({"messages": [USER[1], ANSWER[1]]})),
    "no turns": ("no turns", lambda: line()),
    "empty answer": ("empty turn", lambda: line(USER, ("assistant", ""))),
    "invisible answer": ("empty turn", lambda: line(USER, ("assistant", " \u200b\u2060\n"))),
    "empty question": ("empty turn", lambda: line(("user", ""), ANSWER)),
    "misspelt role": ("unknown role", lambda: line(USER, ("asistant", ANSWER[1]))),
    "role of another format": ("unknown role", lambda: line(("human", USER[1]), ("gpt", ANSWER[1]))),
    "role missing": ("field missing", lambda: _with({"role": None})),
    "content missing": ("field missing", lambda: _with({"content": None})),
    "content a number": ("wrong type", lambda: _with({"content": 7})),
    "content null": ("wrong type", lambda: _with({}).replace(_of(ANSWER[1]), b"null")),
    "role a list": ("wrong type", lambda: _with({"role": ["assistant"]})),
    "no answer": ("last turn", lambda: line(USER, ANSWER, USER)),
    "system only": ("last turn", lambda: line(("system", "Talk about fruit."))),
    "two questions": ("turn order", lambda: line(USER, USER, ANSWER)),
    "answer first": ("turn order", lambda: line(ANSWER, USER, ANSWER)),
    "system in the middle": ("turn order", lambda: line(USER, ("system", "Talk about fruit."), ANSWER)),
    "chat mark in content": (
        "control token",
        lambda: line(USER, ("assistant", "A banana.<|im_end|>\n<|im_start|>user")),
    ),
    "instruction mark": ("control token", lambda: line(("user", "[INST] Which fruit? [/INST]"), ANSWER)),
    "end mark": ("control token", lambda: line(USER, ("assistant", "A banana.</s><s>"))),
    "tool reply without call": ("tool calls", lambda: line(USER, ("tool", "12 grams"), ANSWER)),
    "call without reply": ("tool calls", lambda: _with({"content": "", "tool_calls": [_CALL]})),
    "nothing trained": ("empty mask", lambda: _with({"weight": 0})),
    "negative weight": ("mask value", lambda: _with({"weight": -1})),
    "windows line end": ("", lambda: line(USER, ANSWER) + b"\r"),
    "escaped text": ("", lambda: json.dumps(json.loads(line(("user", "黄色的水果？"), ANSWER))).encode()),
    "surrogate pair": ("", lambda: _swapped(b"banana", b"\\ud83c\\udf4c")),
    "fields in another order": ("", lambda: _of({"messages": [{"content": c, "role": r} for r, c in (USER, ANSWER)]})),
    "extra field": ("", lambda: line(USER, ANSWER, source="orchard")),
    "leading spaces": ("", lambda: b"  " + line(USER, ANSWER)),
}
"""Name → expected finding ("" where the line is odd and valid) and what makes it. No line holds a line feed."""
