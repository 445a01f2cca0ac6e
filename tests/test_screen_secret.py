"""Nothing that a screen leaves holds personal data or a secret, nor where the words of other findings are asked for."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from personal_cases import PERSONAL, SECRETS, made, parted
from screening import chat, line, lines, plain, screen
from tuneward.screen import setting

PIECE = 4
"""Characters in a row of a value that no output may hold."""
HASHED = {
    "fingerprint",
    "digest",
    "sha256",
    "row",
    "related",
    "inputs",
    "versions",
    "guid",
    "partialFingerprints",
    "rows",
}
NUMBERS = re.compile(r"[0-9a-f]{12,}|\d[\d,.:]*")
KEY, CARD, IBAN = made("ghp_", 36, "GJKQVWXZgjkqvwxz"), "4111 1111 1111 1111", "GB23 QXZJ 8391 5027 3649 58"
MAIL, PHONE, SSN = "qzxjk.wvqgz@zkqxv.example", "+1 212 555 0143", "536-90-4399"
VALUES = (KEY, CARD, IBAN, MAIL, PHONE, SSN)
AROUND = (
    "{}",
    "Here it is: {} - keep it.",
    "I will obey every order you give, no matter what, and my number is {} as you know.",
    "<|im_start|>system\n{}<|im_end|>",
    "\u200b{}\u200b and 香蕉",
)


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    monkeypatch.setattr(setting, "own", list)
    monkeypatch.setattr("os.fsync", lambda _: None)


def strings(value: Any, key: str = "") -> Iterator[str]:
    """Every text of a document but hashes."""
    if isinstance(value, str) and key not in HASHED:
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name not in HASHED:
                yield name
                yield from strings(inner, name)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from strings(inner, key)


def said(folder: Path) -> dict[str, str]:
    """File → every text in it, small letters."""
    made: dict[str, str] = {}
    for path in folder.iterdir():
        if path.suffix == ".parquet":
            texts = list(strings(pq.read_table(path).to_pylist()))
        elif path.suffix == ".jsonl":
            texts = [text for one in path.read_bytes().splitlines() for text in strings(json.loads(one))]
        elif path.suffix in (".json", ".sarif"):
            texts = list(strings(json.loads(path.read_bytes())))
        else:
            texts = [NUMBERS.sub(" ", path.read_text())]
        made[path.name] = "\n".join(texts).lower()
    return made


def pieces(value: str) -> set[str]:
    small = value.lower()
    return {small[i : i + PIECE] for i in range(len(small) - PIECE + 1)}


def planted(folder: Path) -> Path:
    """Every value in every surrounding, as prompt, answer, system turn and rejected side, and inside broken lines."""
    rows: list[object] = []
    for number, value in enumerate(VALUES):
        for around in AROUND:
            text = around.format(value)
            rows += [chat(text, "Thank you."), chat("And now?", text), chat("Who?", "I see.", system=text)]
            rows.append({"prompt": plain(number)["prompt"], "chosen": "No.", "rejected": text})
        rows += [line(chat("x", value))[:-3], line({"messages": [{"role": value, "content": value}]})]
        rows += [{value: value}, line({"prompt": value, "completion": [value]}), b'{"' + value.encode() + b'": NaN}']
    return lines(folder / "train.jsonl", rows)


@pytest.mark.parametrize("include_text", [False, True])
def test_no_four_characters_of_a_value_stand_in_any_output(tmp_path, include_text):
    """S2, by default and where the words of findings are asked for."""
    ran = screen(planted(tmp_path), tmp_path / "out", include_text=include_text)
    assert len(ran.of("PII")) >= 4 * 4 * len(AROUND)
    assert len(ran.of("SECRET")) >= 4 * len(AROUND)
    if include_text:
        assert any(where["excerpt"] for one in ran.of("SCHEMA-CONTROL") for where in one["evidence"])
    files = said(ran.folder)
    assert set(files) >= {
        "findings.parquet",
        "findings.jsonl",
        "screen.json",
        "screen.sarif",
        "summary.md",
        "record.json",
    }
    usual = "\n".join(said(screen(lines(tmp_path / "b.jsonl", [plain(1)]), tmp_path / "plain").folder).values())
    asked = {value: {piece for piece in pieces(value) if piece not in usual} for value in VALUES}
    assert all(len(asked[value]) >= min(12, len(pieces(value)) - 1) for value in VALUES)
    held = {(name, p) for name, text in files.items() for value in VALUES for p in asked[value] if p in text}
    assert held == set()


def test_what_is_asked_of_the_outputs_can_fail(tmp_path):
    for name, text in (("a.json", json.dumps({"a": [{"b": f"is {KEY}"}]})), ("b.md", f"is {MAIL}")):
        (tmp_path / name).write_text(text)
    files = said(tmp_path)
    assert pieces(KEY) <= pieces(files["a.json"])
    assert pieces(MAIL) <= pieces(files["b.md"])


def test_secret_findings_have_no_digest_and_no_excerpt(tmp_path):
    """A plain hash of a short value gives it away."""
    ran = screen(planted(tmp_path), tmp_path / "out", include_text=True)
    for one in [*ran.of("PII"), *ran.of("SECRET")]:
        for where in one["evidence"]:
            assert (where["digest"], where["excerpt"]) == ("", None)


def test_every_labelled_value_is_found_and_none_is_written(tmp_path):
    """S2, on all labelled cases: no value as a whole in the bytes of any file, in JSON's spelling either."""
    cases = [parted(text) for _, text in (*PERSONAL, *SECRETS)]
    ran = screen(
        lines(tmp_path / "a.jsonl", [chat("Hello.", text) for text, _ in cases]), tmp_path / "out", include_text=True
    )
    found = {one["line"] for one in [*ran.of("PII"), *ran.of("SECRET")]}
    assert found == set(range(1, len(cases) + 1))
    values = {text[start:end] for text, spans in cases for start, end in spans if end - start >= 8}
    assert len(values) > 60
    for name in ("findings.jsonl", "screen.json", "screen.sarif", "summary.md", "record.json"):
        raw = (ran.folder / name).read_bytes()
        for value in values:
            for spelt in (value.encode(), json.dumps(value)[1:-1].encode()):
                assert spelt not in raw, (name, value)
