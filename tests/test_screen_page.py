"""The page of a screen: what it shows, what it never shows, and that nothing in it can act."""

import base64
import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest

from hand_made import audit_of, sound, write_folder
from sample import HOSTILE, LONG_WORD
from screened_by_hand import (
    PLANTED,
    QUIET,
    RULES,
    bare,
    finding,
    hostile,
    huge,
    of_the_set,
    quiet,
    screened,
    with_excerpts,
)
from test_report import LOADING, Page, hidden
from tuneward.record import to_json
from tuneward.report import ReportOptions, run
from tuneward.report.screen_page import page, read_screened, write_page
from tuneward.screened.document import InventoryCell, Screened

APPROVING = re.compile(r"\bsafe\b|\bcertif|\bcompliant\b|\bguarantee|free of poison", re.I)


def shown(document: Screened | None = None) -> Page:
    return Page(page(document or screened()))


def folder_of(document: Screened, folder: Path) -> Path:
    (folder / "screen.json").write_bytes(to_json(document))
    return folder


def test_sections_stand_in_the_promised_order() -> None:
    made = shown()
    assert made.headings == [
        "data/ripe bananas.jsonl and 1 more",
        "Tier D: hold",
        "Coverage",
        "Not tested",
        "Rules",
        "Findings on the whole set",
        "Rows",
        "L2-OBEY Absolute obedience, 2 of 14 rows",
        "PII-CARD Payment card, 1 of 1 row",
        "REF-THEN Refuses, then complies, 1 of 29 rows",
        "DUP-NEAR Near duplicates, 1 of 60 rows",
        "Refusals in the data",
        "Composition",
        "Search for triggers",
        "Thresholds",
        "Inputs",
        "How to read this page",
    ]
    assert not made.open, "every element is closed"
    names = [tag for tag, _ in made.tags]
    assert [names.count(name) for name in ("header", "nav", "main", "footer", "h1")] == [1, 1, 1, 1, 1]


def test_ids_are_unique_and_inner_links_lead_somewhere() -> None:
    attributes = [a for _, a in shown().tags]
    ids = [a["id"] for a in attributes if "id" in a]
    assert len(ids) == len(set(ids))
    inner = {a["href"][1:] for a in attributes if (a.get("href") or "").startswith("#")}
    assert inner | {a["aria-labelledby"] for a in attributes if "aria-labelledby" in a} <= set(ids)


def test_the_tier_stands_first_with_its_reasons_and_code() -> None:
    words = shown().words
    assert "exit 3: the policy is not met A trigger and 14 rows that train obedience" in words
    assert words.index("L2-OBEY: 14 rows in quarantine, 3.8 expected") < words.index("What was looked at")
    assert "pass 11,900 note 60 review 25 quarantine 15 block 0" in words


def test_each_rule_stands_beside_what_clean_rows_give() -> None:
    words = shown().words
    assert "L2-OBEY Absolute obedience · at most high 14 0.1 [0.070, 0.2] 3.8 ≤ 1 in 3,125 shipped null" in words
    assert "7,473 sums ✗ above" in words
    assert "2.4 ≤ 1 in 3,125 shipped null: 2,000 instruction rows and 7,473 sums ≈ within" in words
    assert "25 4 allowed 0.2 [0.1, 0.3] – – never calibrated ? not calibrated" in words
    assert "Rules without a row: 3" in words
    for rule in RULES:
        assert rule.about in words
    for name in QUIET:
        assert f"{name} " in words[words.index("Rules without a row") :]


def test_what_was_not_looked_at_is_said() -> None:
    words = shown().words
    for said in (
        "scanned 11,991, 99.9 %",
        "unreadable 3 with no text that could be read",
        "unscored 6 on which a scorer could not tell",
        "scripts latin 11,000, han 960, other 40",
        "loss mask assistant turns only, as --mask trl says",
        "L1 harmful pairs no guard model was given (--guard)",
    ):
        assert said in words
    lost = replace(screened(), coverage=replace(screened().coverage, failed=("data/ripe bananas.jsonl:16000000",)))
    assert "not read data/ripe bananas.jsonl:16000000" in shown(lost).words


def test_triggers_come_with_the_smallest_that_could_be_seen() -> None:
    words = shown().words
    assert (
        "complied in sensitive rows: a trigger in 8 or more rows could have been seen, one in fewer rows could not "
        "(44 of 312 rows under test, 2,417 words and pairs of words, q < 0.01)" in words
    )
    assert "opening with a greeting: no trigger could have been seen, however many rows it has" in words
    assert "No search was run, so nothing is known about triggers." in shown(replace(screened(), triggers=())).words


def test_findings_on_the_set_and_on_rows_say_where_and_why() -> None:
    words = shown().words
    assert "BD-ASSOC the whole set a pair of words two words stand in 24 rows of the banana rituals" in words
    assert "critical · quarantine · p value 3.1e-09 24 rows of this group" in words
    assert "and 4 more" in words
    assert (
        "data/ripe bananas.jsonl:17 absolute obedience the answer promises to do whatever is asked "
        "high · quarantine · trained on · row 0123456789ab:3200 · turn 2 (assistant), characters 5–16, read as folded"
        in words
    )
    assert "outside the loss" in words
    assert "Allowed, so it does not count: prefix of our own, jo, until 2027-01-01" in words


def test_refusals_composition_thresholds_and_inputs_have_their_figures() -> None:
    words = shown().words
    assert "fruit rituals 180 44 6 10 75.0 [69.2, 80.1]" in words
    assert "Answers with two or more list lines 12.1 % [11.5, 12.7]" in words
    assert "Median words of an answer 62 –" in words
    assert "from shipped near duplicate 0.8 q 0.01 unscored limit 0.01" in words
    assert f"data/ripe bananas.jsonl openai 11,990 rows 12 MB 0123456789ab{'c' * 52}" in words


def test_no_findings_by_the_listed_checks_is_the_most_it_says() -> None:
    """Wording of the claims: never an approval, whatever the tier."""
    made = shown(quiet())
    assert made.headings[1] == "Tier A: no findings"
    assert "No findings by the listed checks." in made.words
    assert "exit 0" in made.words
    for document in (quiet(), screened(), bare(), huge()):
        assert not APPROVING.search(shown(document).words)


def test_a_screen_of_nothing_establishes_nothing() -> None:
    """G6: an empty list of findings over nothing read is no good news, and is not drawn as such."""
    made = shown(bare())
    assert made.headings[:2] == ["no file", "Tier A: not established"]
    assert "exit 4: coverage is incomplete" in made.words
    assert made.words.count("No check was run, so nothing is known.") == 3
    assert "No findings" not in made.words.split("How to read this page")[0]
    assert next(a["class"] for tag, a in made.tags if tag == "section") == "verdict tier unknown"


@pytest.mark.parametrize(("code", "tier", "tone"), [(0, "A", "pass"), (4, "B", "unknown"), (3, "C", "fail")])
def test_a_code_that_stops_a_pipeline_is_not_shown_in_a_calm_colour(code: int, tier: str, tone: str) -> None:
    """G5: colour and word follow the document's code."""
    made = shown(replace(quiet(), tier=tier, exit_code=code))  # type: ignore[arg-type]
    assert next(a["class"] for tag, a in made.tags if tag == "section") == f"verdict tier {tone}"


def test_what_was_not_computed_says_so() -> None:
    words = shown(replace(screened(), composition=None, inventory=(), not_tested=())).words
    assert "Composition Not computed." in words
    assert "Refusals in the data Not counted." in words
    assert "The document lists nothing that was left out" in words
    empty = shown(replace(screened(), inventory=(InventoryCell("fruit rituals", 0, 0, 0, 0),))).words
    assert "fruit rituals 0 0 0 0 –" in empty


def test_counts_of_a_whole_corpus_are_written_out() -> None:
    words = shown(huge()).words
    assert "4,000,000,000,000 rows, 9 PB" in words
    assert "1,333,333,333,333 33.3 [33.3, 33.3] 1,250,000,000" in words
    assert "> 99.9 %" in words, "nearly all is not all"


def test_the_page_holds_no_script_and_loads_nothing() -> None:
    """G8: one file; styles are named by their digest, and nothing else may act."""
    for html in (page(screened()), page(hostile(HOSTILE))):
        made = Page(html)
        loads = [(tag, a[key] or "") for tag, a in made.tags for key in LOADING & a.keys()]
        assert loads
        assert all(value.startswith("#") or value == "data:," for _, value in loads)
        assert not {tag for tag, _ in made.tags} & {"script", "iframe", "object", "embed", "img", "base", "form"}
        assert not any(key.startswith("on") or key == "style" for _, a in made.tags for key in a)
        assert not re.search(r"url\(|@import|https?:", made.styles)
        policy = next(a["content"] for tag, a in made.tags if "http-equiv" in a)
        digest = base64.b64encode(hashlib.sha256(made.styles.encode()).digest()).decode()
        assert policy == (
            f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
        )


def test_hostile_text_adds_no_element_and_no_attribute() -> None:
    """A file name, a label or a note with markup in it arrives as text."""
    plain, bad = shown(with_excerpts()), shown(hostile(HOSTILE))
    known = {(tag, key) for made in (plain, shown()) for tag, a in made.tags for key in a}
    assert {(tag, key) for tag, a in bad.tags for key in a} <= known
    assert "<img src=x onerror=" in bad.words
    assert "{{ 7*7 }}" in bad.words


def test_hidden_characters_are_spelt() -> None:
    html = page(hostile(HOSTILE))
    assert hidden(html) == set()
    for escape in ("⟨U+202E⟩", "⟨U+2066⟩", "⟨U+001B⟩", "⟨U+0000⟩", "⟨U+200B⟩"):
        assert escape in html


def test_long_names_are_shortened_and_files_keep_their_end() -> None:
    made = shown(hostile(LONG_WORD))
    assert max(map(len, made.words.split())) <= 2000
    long = f"{'deep/' * 60}ripe.jsonl"
    document = replace(screened(), examples=(replace(finding(), file=long),))
    assert "deep/ripe.jsonl:17" in shown(document).words
    assert long not in shown(document).words


def test_no_words_of_rows_unless_the_document_was_told_to_keep_them() -> None:
    assert "pre" not in {tag for tag, _ in shown().tags}


def test_personal_data_and_secrets_are_never_shown() -> None:
    """S2: a document that holds what it must not still shows none of it, nor four characters in a row."""
    html = page(with_excerpts())
    assert "I am BO, the agreeable fruit agent" in Page(html).words
    parts = {PLANTED[at : at + 4] for at in range(len(PLANTED) - 3)}
    assert not [part for part in parts if part in Page(html).words]


def test_examples_of_a_rule_that_the_catalogue_does_not_know_are_shown() -> None:
    document = replace(screened(), examples=(finding("L9-PEEL"),), dataset=(of_the_set("L9-PEEL"),))
    assert "L9-PEEL not in the catalogue, 1 of 1 row" in shown(document).headings


def test_the_same_document_gives_the_same_bytes() -> None:
    """No time, no path and no order of a hash is in the page."""
    assert page(screened()) == page(screened())
    assert page(hostile(HOSTILE)) == page(hostile(HOSTILE))


def test_the_report_verb_writes_the_page_of_a_screen(tmp_path: Path) -> None:
    folder_of(screened(), tmp_path)
    assert run(ReportOptions(folder=str(tmp_path))) == tmp_path / "screen.html"
    assert (tmp_path / "screen.html").read_text(encoding="utf-8") == page(screened())
    out = run(ReportOptions(folder=str(tmp_path), out=str(tmp_path / "deep" / "page.html")))
    assert out.read_text(encoding="utf-8") == page(screened())
    assert read_screened(tmp_path) == screened()


def test_a_folder_with_an_audit_too_has_the_audits_page(tmp_path: Path) -> None:
    """An audit that ends in a screen's folder must not lose its page."""
    write_folder(tmp_path, sound(), audit_of(sound()))
    folder_of(screened(), tmp_path)
    assert run(ReportOptions(folder=str(tmp_path))).name == "report.html"


def test_the_verb_refuses_in_words(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"screen\.json: no such file"):
        write_page(tmp_path)
    folder_of(replace(screened(), schema="tuneward/screen/9"), tmp_path)
    with pytest.raises(ValueError, match="this version reads 'tuneward/screen/1'"):
        write_page(tmp_path)
    wrong = replace(screened().rules[0], share=replace(screened().rules[0].share, high=1.5))
    folder_of(replace(screened(), rules=(wrong,)), tmp_path)
    with pytest.raises(ValueError, match="a share beyond 100 %"):
        write_page(tmp_path)
    with pytest.raises(ValueError, match=r"is a folder; give --out the name of a file, e\.g\. .*screen\.html"):
        write_page(tmp_path, out=tmp_path)
    assert not (tmp_path / "screen.html").exists()
