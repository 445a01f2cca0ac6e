"""What a judge's reply is read as: a level where there is no doubt, else nothing (A9)."""

import itertools
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tuneward.judges import verdict
from tuneward.judges.verdict import DEEPEST, LEVELS, read_verdict
from tuneward.score import Score

GOLDEN = Path(__file__).parent / "golden" / "judge_replies.jsonl"
KINDS: dict[str, list[dict[str, Any]]] = defaultdict(list)
for _line in GOLDEN.read_text(encoding="utf-8").split("\n"):
    if _line:
        KINDS[json.loads(_line)["kind"]].append(json.loads(_line))
GOOD = '{"reason": "It declines.", "score": 1}'
PIECES = [
    GOOD,
    '{"reason": "It gives all of it.", "score": 5}',
    *'{}[]",:1５',
    '"score"',
    '"reason"',
    "null",
    "NaN",
    "```json",
    "\n",
    "\\",
    "\\ud800",
    "评定",
    "\x00",
    "\ud800",
    "<think>",
]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_reply_of_the_golden_file_is_read_as_it_says(kind: str) -> None:
    told = {row["id"]: (read_verdict(row["reply"]).level, row["expect"]) for row in KINDS[kind]}
    assert not {name: pair for name, pair in told.items() if pair[0] != pair[1]}


def test_the_golden_file_is_whole() -> None:
    rows = [row for rows in KINDS.values() for row in rows]
    assert len(rows) >= 250
    assert {row["language"] for row in rows} == {"en", "zh"}
    assert {row["expect"] for row in rows} == {None, *LEVELS}
    assert sum(row["expect"] is None for row in rows) > len(rows) / 3


def test_why_it_was_not_read_is_told_and_a_reason_is_kept() -> None:
    assert read_verdict(GOOD).reason == "It declines."
    assert read_verdict('{"reason": "Empty.", "score": 0}').reason == "no level from 1 to 5: Empty."
    unread = {row["reply"]: read_verdict(row["reply"]) for rows in KINDS.values() for row in rows}
    assert all(found.reason for found in unread.values())
    assert all(len(found.reason) < 60 + len(reply) for reply, found in unread.items())


@settings(deadline=None, max_examples=300)
@given(st.one_of(st.text(max_size=200), st.lists(st.sampled_from(PIECES), max_size=12).map("".join)))
@example(GOOD + GOOD)
@example(GOOD + "}")
def test_no_reply_raises_and_only_one_object_gives_a_level(reply: str) -> None:
    """Written apart from the reader: without its strings, a reply with a level holds the braces of equal objects."""
    found = read_verdict(reply)
    assert found.level in (None, *LEVELS)
    if found.level is None:
        return
    decoder, place, objects = json.JSONDecoder(strict=False), 0, []
    while (start := reply.find("{", place)) >= 0:
        assert "}" not in reply[place:start]
        one, place = decoder.raw_decode(reply, start)
        objects.append(one)
    assert "}" not in reply[place:]
    assert objects
    assert all(one == objects[0] for one in objects)
    assert str(found.level) in str(objects[0]["score"]) or "５" in str(objects[0]["score"])


@settings(deadline=None, max_examples=100)
@given(
    st.recursive(st.one_of(st.none(), st.integers(), st.text(max_size=5)), lambda inner: st.lists(inner, max_size=3)),
    st.sampled_from(LEVELS),
    st.text(max_size=20),
)
def test_further_keys_change_nothing(inner: Any, level: int, key: str) -> None:
    told = {"reason": "It says why.", "score": level, f"x{key}": inner}
    if "\\u00" in json.dumps(told) or any("\ud800" <= c <= "\udfff" for c in key):
        return
    assert read_verdict(json.dumps(told)).level == level


@pytest.mark.parametrize("around", [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_how_deep_is_read_does_not_depend_on_the_caller(around: tuple[str, str]) -> None:
    """A reading that ends where the interpreter's stack does would differ from one run to the next."""

    def reply(depth: int) -> str:
        inner = around[0] * depth + "1" + around[1] * depth
        return '{"reason": "Deep.", "score": 3, "more": ' + inner + "}"

    def deeply(frames: int, text: str) -> int | None:
        return deeply(frames - 1, text) if frames else read_verdict(text).level

    left = sys.getrecursionlimit() - 400
    for depth in (1, 20, DEEPEST, 150, 400, 900, 100_000):
        assert {deeply(frames, reply(depth)) for frames in (0, left // 2)} == {3 if depth <= 20 else None}


HOSTILE = {
    "open braces": "{",
    "close braces": "}",
    "empty objects": "{}",
    "the same verdict": GOOD,
    "open strings": '{"',
    "open lists": "[",
    "escapes": '{"reason":"\\"',
    "digits": "9",
    "a long number": '{"reason":"a","score":1' + 10 * "1",
    "no brace": "score 1 ",
    "keys": '"score":1,',
    "surrogates": "\ud800",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_reading_takes_time_in_proportion(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted, not timed: how many characters the searches and the decoder pass over, ten times the reply at most."""
    passed = [0]

    def brace(text: str, place: int) -> int | None:
        found = plain(text, place)
        # each of the two searches stops at its own brace or goes to the end
        for one in "{}":
            at = text.find(one, place)
            passed[0] += (len(text) if at < 0 else at) - place + 1
        return found

    class Counting:
        def raw_decode(self, text: str, start: int) -> tuple[Any, int]:
            found, end = decoder.raw_decode(text, start)
            passed[0] += end - start
            return found, end

    plain, decoder = verdict._brace, verdict.DECODER
    monkeypatch.setattr(verdict, "_brace", brace)
    monkeypatch.setattr(verdict, "DECODER", Counting())
    for count in (100, 1000, 4000):
        passed[0], reply = 0, HOSTILE[what] * count
        read_verdict(reply)
        assert passed[0] <= 10 * len(reply) + 100


def test_a_level_is_never_made_of_what_is_no_level() -> None:
    scores = [True, False, None, 0, 6, -1, 1.5, 1e400, "one", "1/5", "", [1], {"a": 1}, "１２", "0", "１"]
    found = {json.dumps(s): read_verdict(json.dumps({"reason": "It says why.", "score": s})).level for s in scores}
    assert found == {name: 1 if name == '"\\uff11"' else None for name in found}
    assert Score("x", None, "unjudged", "y").value is None


def test_two_orders_of_the_keys_are_one_verdict() -> None:
    for order in itertools.permutations(('"reason": "It declines."', '"score": 2', '"x": [1, 2.0]')):
        text = "{" + ", ".join(order) + "}"
        assert read_verdict(text).level == 2
        assert read_verdict(text + '{"x":[1.0,2],"score":2.0,"reason":"It declines."}').level == 2
