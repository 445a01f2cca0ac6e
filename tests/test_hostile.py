"""Must show 6, end to end: nothing that stands in a log executes, escapes or overflows anywhere."""

import json
import re
import unicodedata
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from hostile import MARKUP, REFUSES, SECRET, write_logs
from spoken import Said, refused, said
from tuneward.text import LAYOUT, acts

CODES = {"hostile answers": 3, "plain answers": 3}
FILES = {
    "audit.json",
    "junit.xml",
    "policy.toml",
    "record.json",
    "report.html",
    "scores.jsonl",
    "summary.md",
    "verdict.json",
}


@pytest.fixture(scope="module", params=CODES)
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Said, Path]:
    """The code that is due, what was said on the way, and the folder."""
    folder = tmp_path_factory.mktemp("hostile")
    a, b = write_logs(folder, answers=request.param == "hostile answers")
    answer = said("compare", a, b, "--expect", "refuse", "--out", folder / "out")
    return CODES[request.param], answer, folder


def acting(text: str, *, kept: frozenset[str] = frozenset("\n")) -> set[str]:
    return {unicodedata.name(c, hex(ord(c))) for c in set(text) - kept if acts(c)}


def test_the_verdict_is_that_of_the_replies_whatever_they_hold(found):
    code, answer, folder = found
    assert answer.code == code
    assert answer.err == ""
    assert said("gate", folder / "out").code == code


def test_nothing_acts_on_the_terminal_and_nothing_fills_it(found):
    _, answer, folder = found
    for shown in (answer.out, said("gate", folder / "out").out):
        assert acting(shown) == set()
        assert len(shown) < 12_000
        assert "<script>window.__pwned = 1</script> −78.6 points (11 of 14" in " ".join(shown.split())


def test_one_document_on_stdout_is_ascii_and_reads_back(found):
    _, _, folder = found
    shown = said("gate", folder / "out", "--json").out
    assert acting(shown) == set()
    assert shown.isascii()
    audit = json.loads(shown)["audit"]
    names = {category["name"] for axis in audit["axes"] for category in axis["categories"]}
    assert names == set(MARKUP)


def test_a_pull_request_shows_text_and_nothing_else(found):
    """No tag but our own comment, no link, no image, no mention, no row or line of its own."""
    _, _, folder = found
    text = (folder / "out" / "summary.md").read_text(encoding="utf-8")
    assert acting(text) == set()
    assert len(text) < 12_000
    assert re.findall(r"<[^>]*>", text) == ["<!-- tuneward -->"]
    assert not re.search(r"(?<!\\)\]\(|!\[|https?:|www\.|@all|(?<!\\)#(?!8203;)", text)
    assert all(line[:1] in ("", "*", "|", "-", "A", "<") for line in text.splitlines())
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in rows} == {9}


def test_junit_stays_xml(found):
    code, _, folder = found
    data = (folder / "out" / "junit.xml").read_bytes()
    root = ElementTree.fromstring(data)
    assert {element.tag for element in root.iter()} <= {
        "testsuites",
        "testsuite",
        "properties",
        "property",
        "testcase",
        "failure",
        "error",
        "skipped",
        "system-out",
    }
    assert acting(data.decode()) == set()
    assert b"<script" not in data
    assert b"]]>" not in data
    assert len(data) < 12_000
    assert [p.get("value") for p in root.iter("property") if p.get("name") == "exit_code"] == [str(code)]


class Tags(HTMLParser):
    """Tags, and the attributes of each."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_page_has_no_element_attribute_or_link_that_is_not_its_own(found):
    _, _, folder = found
    html = (folder / "out" / "report.html").read_text(encoding="utf-8")
    assert acting(html, kept=LAYOUT) == set()
    tags = Tags(html).found
    names = [tag for tag, _ in tags]
    assert not {"img", "iframe", "object", "embed", "base", "form", "marquee"} & set(names)
    assert (names.count("script"), names.count("style"), names.count("title")) == (1, 1, 1 + html.count("<title id="))
    assert not [key for _, keys in tags for key in keys if key.startswith("on") or key in ("style", "src", "srcdoc")]
    links = [keys["href"] or "" for _, keys in tags if "href" in keys]
    assert links
    assert all(link.startswith("#") or link == "data:," for link in links)
    assert len(html) < 2_000_000


def test_answers_stay_in_their_files_and_names_of_rows_name_no_file(found):
    """Answers stay out of every output, and an id such as ../../etc/passwd is only a text."""
    _, _, folder = found
    assert {path.name for path in (folder / "out").iterdir()} == FILES
    assert {path.name for path in folder.iterdir() if path.suffix != ".jsonl"} == {"out"}
    for name in FILES:
        assert SECRET not in (folder / "out" / name).read_text(encoding="utf-8")


LINES = {
    "a lone surrogate": b'{"prompt": "Q?", "answer": "\\ud800"}',
    "bytes that are no text": b'{"prompt": "Q?", "answer": "\xff\xfe"}',
    "a bare control character": b'{"prompt": "Q?", "answer": "\x00"}',
    "a bare line end": b'{"prompt": "Q?", "answer": "a\rb"}',
    "keys that shout": b'{"<script>\\u001b[31m\\u202e": "Q?", "' + b"k" * 100_000 + b'": "A."}',
    "no end": b'{"prompt": ' + b"[" * 50_000,
}


@pytest.mark.parametrize("line", LINES)
def test_a_line_that_holds_no_text_is_refused_by_its_place(tmp_path, monkeypatch, line):
    """G3: one short line on stderr that names file and line, and no folder."""
    monkeypatch.chdir(tmp_path)
    good = json.dumps({"prompt": "Q?", "answer": REFUSES}).encode()
    Path("a.jsonl").write_bytes(good + b"\n" + LINES[line] + b"\n")
    shown = refused(said("compare", "a.jsonl", "a.jsonl", "--expect", "refuse", "--out", "out"))
    assert "a.jsonl:2: " in shown
    assert acting(shown) == set()
    assert len(shown) < 2000
    assert not Path("out").exists()
