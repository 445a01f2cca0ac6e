"""Lines of training data that are broken, odd or made to break a reader: seeded, bounded, without a line feed.

What must be found is known from how a line was made, never from the reader under test.
"""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

Row = dict[str, Any]
Made = tuple[bytes, bool]
Maker = Callable[[random.Random], Made]
WORDS = ("banana", "plum", "which", "is", "yellow", "bent:", "ripe", "ümlaut", "黄色", "🍌", '"quoted"', "a\\b", "x\ny")
ODD = (7, 0, -1, 1.5, None, True, False, [], {}, [[]], [None], {"text": "plum"}, [7], [{"type": 7}], 10**25)
CONTROLS = [chr(c) for c in range(32) if chr(c) not in "\t\n\r\x0b\x0c"] + ["\x7f", "\x80", "\x9b"]
INVISIBLE = ("", " ", "\u200b", "\u2060\ufeff", "\n\t ", "\u3164", "\U000e0041\U000e0042", "\u00ad\u200d", "\u2800")
ROLES = ("user", "assistant", "system", "tool", "developer")
STRANGE = ("asistant", "User", "human", "", " user", "assistant\u200b", "<|im_start|>", "us\u0435r", "\U0001f34c")


def says(rng: random.Random) -> str:
    """Some words."""
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 12)))


def chat(rng: random.Random) -> Row:
    """A good chat in the usual form."""
    turns = [{"role": r, "content": says(rng)} for _ in range(rng.randint(1, 3)) for r in ("user", "assistant")]
    return {"messages": [{"role": "system", "content": says(rng)}] * rng.randint(0, 1) + turns}


def good(rng: random.Random) -> Row:
    """A good row of any form."""
    a, b, c = says(rng), says(rng), says(rng)
    forms: list[Row] = [
        chat(rng),
        {"conversations": [{"from": "human", "value": a}, {"from": "gpt", "value": b}]},
        {"instruction": a, "input": c, "output": b},
        {"instruction": a, "context": "", "response": b},
        {"prompt": a, "completion": b},
        {"prompt": a, "chosen": b, "rejected": b + c},
        {"text": a},
    ]
    return rng.choice(forms)


def line(row: object, *, ascii_only: bool = False) -> bytes:
    """A row as JSON."""
    return json.dumps(row, ensure_ascii=ascii_only).encode()


def plain(rng: random.Random) -> bytes:
    """A good row of ASCII bytes only."""
    return line(good(rng), ascii_only=True)


def spliced(raw: bytes, rng: random.Random, piece: bytes) -> bytes:
    """A piece put in at a random place inside."""
    at = rng.randrange(1, len(raw))
    return raw[:at] + piece + raw[at:]


def in_text(rng: random.Random, piece: bytes) -> bytes:
    """A chat with a piece as it stands inside its last text."""
    row = chat(rng)
    row["messages"][-1]["content"] = "ripe HERE plum"
    return line(row).replace(b"HERE", piece)


def cut(rng: random.Random) -> Made:
    raw = line(good(rng), ascii_only=rng.random() < 0.5)
    return raw[: rng.randrange(len(raw))], True


def flipped(rng: random.Random) -> Made:
    raw = bytearray(line(good(rng)))
    raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
    return bytes(raw).replace(b"\n", b" "), False


def no_utf8(rng: random.Random) -> Made:
    piece = rng.choice([b"\xff", b"\x80", b"\xc3", b"\xc0\xae", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x28"])
    return spliced(plain(rng), rng, piece), True


def encoded(rng: random.Random) -> Made:
    name = rng.choice(["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
    return plain(rng).decode().encode(name).replace(b"\n", b" "), True


def marked(rng: random.Random) -> Made:
    return b"\xef\xbb\xbf" + line(good(rng)), True


def deep(rng: random.Random) -> Made:
    depth = rng.choice([65, 70, 300, 900, 1023, 1025, 3000, 20_000])
    if rng.random() < 0.3:
        return rng.choice([b"[", b'{"x":', b'[{"x":']) * depth, True
    opened, closed = rng.choice([(b"[", b"]"), (b'{"x":', b"}"), (b"[0,", b"]")])
    return line(chat(rng))[:-1] + b', "x": ' + opened * depth + b"0" + closed * depth + b"}", True


def number(rng: random.Random) -> Made:
    long = b"1" * rng.choice([310, 500, 4301, 50_000])
    value = rng.choice([b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e400", long, b"-" + long])
    return line(good(rng))[:-1] + b', "score": ' + value + b"}", True


def fine_number(rng: random.Random) -> Made:
    value = rng.choice([b"1e-999", b"-0", b"0.1", b"123456789012345678901234567890", b"1." + b"3" * 2000])
    return line(good(rng))[:-1] + b', "score": ' + value + b"}", False


def wrong_type(rng: random.Random) -> Made:
    row, value = chat(rng), rng.choice(ODD)
    place = rng.choice(["messages", "turn", "role", "content"])
    if place == "messages":
        row["messages"] = value
    elif place == "turn":
        row["messages"][-1] = value
    else:
        row["messages"][-1][place] = value
    return line(row), True


def wrong_column(rng: random.Random) -> Made:
    row = good(rng)
    row.pop("messages", None)
    row = row or {"prompt": "plum", "completion": "plum"}
    column = [name for name in row if name not in ("input", "context")][-1]
    value = rng.choice([7, True, 1.5, None, {}, [[]], {"a": "b"}])
    return line({**row, column: value}), True


def missing(rng: random.Random) -> Made:
    row = chat(rng)
    turn = rng.choice(row["messages"])
    name = rng.choice(["role", "content"])
    turn[name.upper()] = turn.pop(name)
    return line(row), True


def salad(rng: random.Random) -> Made:
    roles = [rng.choice(ROLES) for _ in range(rng.randint(1, 9))]
    bad = roles[-1] != "assistant" or "tool" in roles
    return line({"messages": [{"role": role, "content": says(rng)} for role in roles]}), bad


def strange_role(rng: random.Random) -> Made:
    row = chat(rng)
    rng.choice(row["messages"])["role"] = rng.choice(STRANGE)
    return line(row, ascii_only=rng.random() < 0.5), True


def invisible(rng: random.Random) -> Made:
    row = chat(rng)
    row["messages"][-rng.randint(1, 2)]["content"] = rng.choice(INVISIBLE) * rng.randint(1, 50)
    return line(row, ascii_only=rng.random() < 0.5), True


def control(rng: random.Random) -> Made:
    row = chat(rng)
    row["messages"][-1]["content"] += rng.choice(CONTROLS) + "plum"
    return line(row, ascii_only=rng.random() < 0.5), True


def raw_control(rng: random.Random) -> Made:
    return in_text(rng, bytes([rng.choice([c for c in range(32) if c != 10])])), True


def between(rng: random.Random) -> Made:
    """Separators that some readers take for blanks or line ends, between the parts of the JSON."""
    piece = rng.choice([b"\x0b", b"\x0c", b"\x1c", b"\xe2\x80\xa8", b"\xc2\x85", b"\xc2\xa0", b"\xef\xbb\xbf"])
    return line(good(rng)).replace(b": ", b":" + piece, 1), True


def separators(rng: random.Random) -> Made:
    """The same inside a text: good JSON, and one line."""
    piece = rng.choice(["\u2028", "\u2029", "\x85", "\ufeff", "\u202e", "\uffff", "\U000e0001", "e" + "\u0301" * 200])
    return in_text(rng, piece.encode()), False


def surrogate(rng: random.Random) -> Made:
    piece = rng.choice([b"\\ud800", b"\\udc00", b"\\udc00\\ud800", b"\\uD83C x", b"\\ud83c\\ud83c\\udf4c"])
    return in_text(rng, piece), True


def twice(rng: random.Random) -> Made:
    raw = line({**chat(rng), "source": "orchard"})
    name = rng.choice([b"messages", b"role", b"content", b"source"])
    spelt = rng.choice([name, b"\\u%04x" % name[0] + name[1:]])
    value = rng.choice([b'"plum"', b"[]", b'":"', b'"\\u003a"', b"null", b'{"a": 1}'])
    gap = rng.choice([b":", b" :", b"\t: "])
    return raw.replace(b'"%s"' % name, b'"%s"%s%s, "%s"' % (spelt, gap, value, name), 1), True


def after(rng: random.Random) -> Made:
    return line(good(rng)) + rng.choice([b"x", b"{}", b",", b"]", b"\x00", b"// plum", b" 7", b"\xc2\xa0"]), True


def no_json(rng: random.Random) -> Made:
    row = good(rng)
    choice = [repr(row).encode(), b"<row>plum</row>", b"plum,pear", b"{plum: 1}", b"/* x */ " + line(row), b"\\", b'"']
    return rng.choice(choice).replace(b"\n", b" "), True


def no_chat(rng: random.Random) -> Made:
    values = [1, "plum", None, True, [], {}, [good(rng)], {"a": "b"}, {"prompt": "plum"}, {"row": good(rng)}]
    return line(rng.choice(values)), True


def two_forms(rng: random.Random) -> Made:
    return line({**chat(rng), "conversations": [{"from": "human", "value": "plum"}]}), True


def many_turns(rng: random.Random) -> Made:
    return line({"messages": [{"role": "user", "content": "p"}, {"role": "assistant", "content": "q"}] * 501}), True


def tools(rng: random.Random) -> Made:
    row = chat(rng)
    call = rng.choice(["x", 7, [], [None], [{"id": []}], {"a": 1}, [{"function": {"arguments": {"a": {}}}}]])
    if rng.random() < 0.5:
        row["messages"][-1]["tool_calls"] = call
        return line(row), bool(call)
    row["messages"].insert(-1, {"role": "tool", "content": "12", "tool_call_id": call})
    return line(row), True


def weight(rng: random.Random) -> Made:
    row = chat(rng)
    name = rng.choice(["weight", "train", "training"])
    row["messages"][-1][name] = rng.choice([-1, 2, 0.5, "1", [1], {}, 10**300, -1e300])
    return line(row), True


def large(rng: random.Random) -> Made:
    """Big, good, and costly for a careless reader: quotes, escapes, brackets, digits."""
    piece = rng.choice(["plum ", '"', "\\", "[{", "1", ":", "\u200b", "🍌", '\\"', "<s>"])
    row = chat(rng)
    row["messages"][-1]["content"] = "ripe " + piece * rng.choice([1000, 20_000])
    return line(row, ascii_only=rng.random() < 0.3), False


def large_and_cut(rng: random.Random) -> Made:
    return large(rng)[0][: -rng.randint(1, 5)], True


USUAL: tuple[Maker, ...] = (
    cut,
    flipped,
    no_utf8,
    encoded,
    marked,
    number,
    fine_number,
    wrong_type,
    wrong_column,
    missing,
    salad,
    strange_role,
    invisible,
    control,
    raw_control,
    between,
    separators,
    surrogate,
    twice,
    after,
    no_json,
    no_chat,
    two_forms,
    tools,
    weight,
)
RARE: tuple[Maker, ...] = (deep, many_turns, large, large_and_cut)
"""Costly to make: one line in forty."""


def hostile(count: int, seed: int, *, sure: bool = False) -> Iterator[Made]:
    """Lines, and for each whether something must be found in it; with `sure` only those where it must."""
    rng = random.Random(seed)
    made = 0
    while made < count:
        makers = RARE if rng.random() < 1 / 40 else USUAL
        raw, must = rng.choice(makers)(rng)
        if (must or not sure) and b"\n" not in raw:
            made += 1
            yield raw, must
