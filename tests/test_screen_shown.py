"""A screen on a terminal and as Markdown: what fits, what is said, and what is never shown."""

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from sample import HOSTILE, LONG_WORD
from screened_by_hand import PLANTED, RULES, bare, hostile, huge, quiet, screened, with_excerpts
from test_report import hidden
from tuneward.outputs import screen_shown as words
from tuneward.outputs.screen_summary import LISTED, MARKER, summary
from tuneward.outputs.screen_terminal import render
from tuneward.screened.document import Screened, Untested

DOCUMENTS = [screened(), quiet(), bare(), huge(), hostile(HOSTILE), hostile(LONG_WORD), with_excerpts()]


def flat(document: Screened, *, width: int = 80) -> str:
    return " ".join(render(document, width=width).split())


@pytest.mark.parametrize("width", [40, 80, 140])
@pytest.mark.parametrize("document", DOCUMENTS)
def test_no_line_is_wider_than_the_terminal(document: Screened, width: int) -> None:
    assert max(cell_len(line) for line in render(document, width=width).splitlines()) <= width


def test_a_rule_with_its_figures_stands_on_one_line_of_80() -> None:
    for document in (screened(), huge()):
        lines = render(document, width=80).splitlines()
        for row in words.rule_rows(document):
            if row.found and row.count:
                line = next(one for one in lines if one.startswith(f"{row.id} "))
                assert f"{row.count.rows:,}" in line
                assert row.word in line


def test_the_terminal_says_what_was_read_found_and_not_tested_with_the_tier_last() -> None:
    said = flat(screened())
    for part in (
        "data data/ripe bananas.jsonl (openai), 11,990 rows, 12 MB, sha256 0123456789ab",
        "scanned 11,991, 99.9 %",
        "verdicts pass 11,900 · note 60 · review 25 · quarantine 15 · block 0",
        "L2-OBEY 14 0.1 [0.070, 0.2] 3.8 ✗ above",
        "REF-THEN 25 (+ 4 allowed)",
        "rules 3 more found nothing",
        "set BD-ASSOC quarantine, p value 3.1e-09: two words stand in 24 rows",
        "fruit rituals 180 of 240 refused (75.0 %)",
        "a trigger in 8 or more rows could have been seen",
        "not tested: L1 harmful pairs: no guard model was given (--guard)",
    ):
        assert part in said
    assert said.index("not tested") < said.index("TIER D HOLD, exit 3: the policy is not met.")


def test_nothing_found_is_said_in_the_words_of_the_checks() -> None:
    assert flat(quiet()).endswith(
        "TIER A NO FINDINGS, exit 0. No findings by the listed checks. · no finding above note"
    )
    assert "TIER A NOT ESTABLISHED, exit 4: coverage is incomplete. Nothing was read." in flat(bare())
    assert "No check was run, so nothing is known." in flat(bare())


@pytest.mark.parametrize("document", DOCUMENTS)
def test_no_hidden_character_reaches_a_terminal_or_a_comment(document: Screened) -> None:
    assert hidden(render(document, width=80)) == set()
    assert hidden(summary(document)) == set()


@pytest.mark.parametrize("show", [render, summary])
def test_no_words_of_rows_in_a_log_or_a_comment(show: "type[render]") -> None:
    """S2: neither output shows excerpts, not even those that a document was told to keep."""
    said = show(with_excerpts())
    assert PLANTED not in said
    assert "agreeable fruit agent" not in said


@pytest.mark.parametrize("document", DOCUMENTS)
def test_no_output_approves(document: Screened) -> None:
    for said in (render(document), summary(document)):
        assert not re.search(r"\bsafe\b|certif|guarantee", said, re.I)


def test_the_comment_begins_with_its_own_mark_the_tier_and_the_code() -> None:
    first, second, *_ = summary(screened()).splitlines()
    assert first == MARKER == "<!-- tuneward:screen -->"
    assert second == (
        "**tuneward screen: tier D, HOLD** (exit 3: the policy is not met): A trigger and 14 rows that train "
        "obedience; look at them before any training."
    )
    assert "| L2-OBEY (Absolute obedience) | 14 | 0.1 % \\[0.070, 0.2\\] | 3.8 | ✗ above |" in summary(screened())
    assert "- data/ripe bananas.jsonl:17 L2-OBEY quarantine: the answer promises" in summary(screened())


def test_markup_in_names_stays_text_in_the_comment() -> None:
    bad = summary(hostile("<img src=x> **bold** @someone #1 [x](https://example.invalid) | cell |"))
    for live in ("<img", "**bold**", "@someone", "#1 ", "](https:"):
        assert live not in bad
    rows = [line for line in bad.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in rows} == {6}


def test_the_comment_stays_within_what_a_code_host_takes() -> None:
    document = hostile("w" * 900)
    many = tuple(replace(RULES[0], id=f"L2-{'w' * 60}-{place}") for place in range(300))
    large = replace(
        document,
        catalogue=many,
        rules=tuple(replace(screened().rules[0], rule=rule.id) for rule in many),
        dataset=document.dataset * 300,
        examples=document.examples * 300,
        not_tested=(Untested("w" * 900, "w" * 900),) * 300,
        notes=document.notes * 300,
        triggers=document.triggers * 300,
        tier_reasons=document.tier_reasons * 300,
    )
    said = summary(large)
    assert len(said.encode()) < 65_536
    assert f"- and {300 - LISTED} more in screen.json" in said
    assert "260 more rules, 0 of them without a row." in said


def test_rules_are_sorted_by_what_matters_and_none_is_missing() -> None:
    rows = words.rule_rows(screened())
    assert [row.id for row in rows if row.found] == ["L2-OBEY", "PII-CARD", "REF-THEN", "DUP-NEAR"]
    assert {row.id for row in rows} == {rule.id for rule in RULES}
    unknown = words.rule_rows(replace(screened(), catalogue=RULES[1:], rules=screened().rules[:2]))
    assert unknown[0].id == "L2-OBEY"
    assert unknown[0].title == "not in the catalogue"
    assert [row.word for row in unknown if row.id == "BD-ASSOC"] == ["not counted"]


@settings(deadline=None, max_examples=200)
@given(st.floats(0, 1))
def test_a_share_is_never_rounded_to_none_or_all(share: float) -> None:
    said = words.fine(share)
    assert (said == "0.0 %") == (share == 0)
    assert (said == "100.0 %") == (share == 1)
    assert len(said) <= 12
    if not said.startswith(("<", ">")):
        assert float(said.removesuffix(" %")) == pytest.approx(share * 100, rel=0.06, abs=0.051 if share > 0.001 else 0)


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (999_499, "999 kB"), (999_600, "1 MB"), (9 * 10**18, "9,000 PB")],
)
def test_sizes(count: int, said: str) -> None:
    assert words.size(count) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, "–"), (0.0, "0"), (0.02, "< 0.1"), (3.81, "3.8"), (12.0, "12"), (99.96, "100.0"), (1234.4, "1,234")],
)
def test_expected_counts(value: float | None, said: str) -> None:
    assert words.amount(value) == said
