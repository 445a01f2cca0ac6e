"""docs/repair.md has every repair and blend, each with its settings, and is what the code writes."""

import dataclasses
import re
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from scripts import script
from tuneward.blend.options import BLENDS
from tuneward.repair.options import REPAIRS
from tuneward.repair.result import EXITS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/repair.md").read_text(encoding="utf-8")
WORDS = {**REPAIRS, **BLENDS}


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    return script("docs/generate.py")


def kind(word: str) -> Any:
    module, name = WORDS[word].split(":")
    return getattr(import_module(module), name)


def test_the_page_is_not_stale(generator: ModuleType) -> None:
    assert generator.repair_page() == PAGE, "docs/repair.md: run `make docs`"


def test_the_table_has_every_repair_and_no_other() -> None:
    table = PAGE.split("<!-- methods: ")[1].split("<!-- /methods -->")[0]
    assert re.findall(r"^\| \[`([a-z-]+)`\]", table, re.M) == list(REPAIRS)


def test_the_blends_have_a_line_each() -> None:
    section = PAGE.split("\n## Blend\n")[1].split("\n### ")[0]
    assert re.findall(r"^\| \[`([a-z-]+)`\]", section, re.M) == list(BLENDS)


@pytest.mark.parametrize("word", WORDS)
def test_each_word_is_described_with_its_source_and_settings(word: str) -> None:
    part = PAGE.split(f"\n#### {word}\n")[1].split("\n#### ")[0].split("\n<!-- /")[0]
    assert "\nSource: " in part
    assert re.findall(r"^\| `([a-z_]+)`", part, re.M) == [field.name for field in dataclasses.fields(kind(word))]
    if word in REPAIRS:
        assert "*Differs from the paper" in part


def test_exit_codes_are_those_of_the_verb() -> None:
    section = PAGE.split("\n## Exit codes\n")[1].split("\n## ")[0]
    assert {int(code) for code in re.findall(r"^\| `(\d)` \|", section, re.M)} == {*EXITS.values(), 2}
