"""What the documents say is true of the code: commands parse, links lead somewhere, both languages keep in step."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tuneward.arguments import method, split
from tuneward.cli import VERBS, parse

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
ENGLISH, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"
OUTSIDE = ("/" + "work/", "/" + "tmp/w", "shared/" + "design")
"""Places that are nobody else's business; written in two pieces, so that this file does not hold them."""
BLOCK = re.compile(r"^```(?:bash|sh|shell|console)\n(.*?)^```", re.M | re.S)
FENCED = re.compile(r"^```.*?^```", re.M | re.S)
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def commands(page: Path) -> list[list[str]]:
    """Every line of the page's shell blocks, as words."""
    lines = [line.removeprefix("$ ") for block in BLOCK.findall(text(page)) for line in block.splitlines()]
    return [words for words in (shlex.split(line, comments=True) for line in lines) if words]


def slug(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    bare = re.sub(r"[^\w\- ]", "", heading.replace("`", "").strip().lower())
    return bare.replace(" ", "-")


ASKED = [(page.name, words) for page in PAGES for words in commands(page)]


def test_the_readme_has_five_lines_that_run() -> None:
    assert len(commands(ENGLISH)) == 5


@pytest.mark.parametrize(("page", "words"), ASKED, ids=[f"{page}: {' '.join(words)}" for page, words in ASKED])
def test_each_command_in_the_documents_is_one(page: str, words: list[str]) -> None:
    """R6: README commands run as they stand."""
    if words[0] == "tuneward":
        verb = " ".join(words[1:3]) if " ".join(words[1:3]) in VERBS else words[1]
        assert verb in VERBS, f"{page}: no verb {verb}"
        own, *methods = split(VERBS[verb], words[1 + len(verb.split()) :])
        parse(verb, own)
        for named in methods:
            method(VERBS[verb], verb, *named)
    elif words[0] == "make":
        targets = re.findall(r"^([a-z-]+):", text(ROOT / "Makefile"), re.M)
        assert {word for word in words[1:] if "=" not in word} <= set(targets)
    else:
        assert words[:2] == ["pip", "install"], f"{page}: {words} is not checked by anything"


def test_scripts_named_in_the_documents_exist() -> None:
    named = {name for page in PAGES for name in re.findall(r"`python ([\w/]+\.py)", text(page))}
    assert "bench/simulate.py" in named
    assert [name for name in named if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in LINK.findall(FENCED.sub("", text(page))):
        target, _, anchor = link.partition("#")
        place = (page.parent / target).resolve() if target else page
        if re.match(r"[a-z]+:", link):
            continue
        if not place.exists() or (anchor and anchor not in map(slug, re.findall(r"^#+ (.*)$", text(place), re.M))):
            broken.append(link)
    assert broken == []


def test_the_readme_names_every_verb_and_no_other() -> None:
    for page in (ENGLISH, CHINESE):
        shown = re.findall(r"^\| `tuneward ([a-z]+(?: [a-z]+)?)", text(page), re.M)
        assert sorted(name if name in VERBS else name.split()[0] for name in shown) == sorted(VERBS), page.name


def test_exit_codes_are_the_same_wherever_they_stand() -> None:
    rows = re.compile(r"^\| (\d+) \| (.*) \|$", re.M)
    generated = rows.findall(text(ROOT / "docs" / "cli.md"))
    assert [code for code, _ in generated] == ["0", "1", "2", "3", "4", "5", "130"]
    assert rows.findall(text(ENGLISH)) == generated[:-1]
    assert [code for code, _ in rows.findall(text(CHINESE))] == [code for code, _ in generated[:-1]]


def test_both_readmes_keep_in_step() -> None:
    """Same sections, same commands, same tables, same links; the figures of the real run included."""
    english, chinese = text(ENGLISH), text(CHINESE)
    for pattern in (r"^#+ ", r"^- ", r"^\|", r"<!-- .* -->"):
        assert len(re.findall(pattern, english, re.M)) == len(re.findall(pattern, chinese, re.M)), pattern
    assert FENCED.findall(english) == FENCED.findall(chinese)
    ours = [sorted(set(LINK.findall(page)) - {ENGLISH.name, CHINESE.name}) for page in (english, chinese)]
    assert ours[0] == ours[1]
    figures = [re.findall(r"\d+(?:\.\d+)? ?%", page) for page in (english, chinese)]
    assert sorted(figures[0]) == sorted(figures[1])


def test_decisions_are_numbered_and_short() -> None:
    found = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [path.name[:3] for path in found] == [f"{number:03}" for number in range(1, len(found) + 1)]
    for path in found:
        assert text(path).startswith(f"# {path.name[:3]} ")
        assert len(text(path).splitlines()) <= 60


def test_no_file_names_the_place_where_it_was_written() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    found = []
    for name in filter(None, listed.stdout.decode().split("\0")):
        path = ROOT / name
        content = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        found += [f"{name}: {place}" for place in OUTSIDE if place in content]
    assert found == []


def test_examples_are_short_flat_and_whole() -> None:
    scripts = sorted((ROOT / "examples").glob("*.*"))
    assert [path.name for path in scripts] == [
        "audit_adapter.py",
        "blend_generate.py",
        "break_an_organism.py",
        "compare_logs.py",
        "gate_in_ci.sh",
        "monitor_trl.py",
        "repair_search.py",
        "screen_rows.py",
        "tune_defended.py",
    ]
    for path in scripts:
        lines = text(path).splitlines()
        assert len(lines) <= 40
        if path.suffix == ".py":
            compile(text(path), str(path), "exec")
            assert not [line for line in lines if re.match(r"\s*(def|class) ", line)]
        else:
            subprocess.run(["bash", "-n", str(path)], check=True)
