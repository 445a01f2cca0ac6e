"""The [screen] table of a policy, and who answers for what it lets through."""

from collections import Counter
from dataclasses import fields
from datetime import date

import pytest

from screen_made import RULES, finding, on_set
from tuneward.policy import parse_policy
from tuneward.screen.allowed import Allowed, allowed, told
from tuneward.screen.limits import ORIGINS, Limits, parse_limits, read_limits, thresholds, to_toml

TODAY = date(2026, 11, 22)
IDS = tuple(rule.id for rule in RULES)
ENTRY = '[[screen.allow]]\nrule = "L2-OBEY"\nowner = "ana@example.org"\nreason = "a play"\nexpires = 2027-01-31\n'


def test_without_a_file_the_shipped_limits_hold():
    assert read_limits(None) == (Limits(), "shipped")
    assert parse_limits("") == Limits()


def test_a_file_is_named_with_its_digest(tmp_path):
    path = tmp_path / "policy.toml"
    path.write_text("[screen]\nq = 0.05\n", encoding="utf-8")
    limits, origin = read_limits(path)
    assert limits.q == 0.05
    assert origin.startswith(f"{path.name} sha256:")
    assert len(origin.split("sha256:")[1]) == 64


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.toml: no such policy"):
        read_limits(tmp_path / "none.toml")


def test_each_limit_says_where_it_is_from():
    names = {field.name for field in fields(Limits)} - {"allow", "dispositions"}
    assert set(ORIGINS) == names
    assert all(sentence.endswith(".") for sentence in ORIGINS.values())


def test_thresholds_are_all_the_numbers():
    found = thresholds(Limits())
    assert found["q"] == 0.01
    assert found["purity"] == 0.9
    assert all(isinstance(value, float) for value in found.values())
    assert set(found) == {name for name in ORIGINS if name != "fails_from"}


def test_an_audits_policy_and_a_screens_are_one_file():
    """Each verb reads its own tables and is strict about the others' too."""
    text = f'[gate]\nmargin = 2.0\n\n[screen]\nq = 0.05\n\n{ENTRY}row = "0123456789ab:17"\n'
    assert parse_policy(text).margin == 2.0
    assert parse_limits(text).q == 0.05
    assert parse_limits(text).allow[0].owner == "ana@example.org"


def test_the_shipped_table_reads_back_as_the_shipped_limits():
    assert parse_limits(to_toml(Limits())) == Limits()
    changed = Limits(q=0.05, group=8, fails_from="C", dispositions={"PII-CARD": "block"})
    assert parse_limits(to_toml(changed)) == changed


BAD = {
    "[screen]\npurty = 0.9": r"p\.toml:2: unknown key 'purty'; did you mean 'purity'\?",
    "[scren]\nq = 0.9": r"p\.toml:1: unknown key 'scren'; did you mean 'screen'\?",
    "[screen]\nq = 1.5": r"p\.toml:2: q is 1\.5",
    "[screen]\nq = 0": r"p\.toml:2: q is 0",
    "[screen]\npurity = nan": r"p\.toml:2: purity is nan",
    "[screen]\nnear_duplicate = -1": r"p\.toml:2: near_duplicate is -1",
    "[screen]\ngroup = 1": r"p\.toml:2: group is 1",
    "[screen]\nassociation = 0": r"p\.toml:2: association is 0",
    "[screen]\nunscanned = 2": r"p\.toml:2: unscanned is 2",
    '[screen]\nq = "1"': r"p\.toml:2: Expected `float`, got `str`",
    '[screen]\nfails_from = "A"': r"p\.toml:2: .*fails_from",
    '[screen.dispositions]\nL2-OBEY = "quarantined"': r"p\.toml.*[Ii]nvalid enum",
    '[screen.dispositions]\nL2-OBAY = "block"': r"p\.toml:2: unknown rule 'L2-OBAY'; did you mean 'L2-OBEY'\?",
    "screen = 3": r"p\.toml.*Expected `object`",
    "[screen]\nallow = 3": r"p\.toml.*Expected `array`",
    "[gate]\nmagin = 3.0\n[screen]\nq = 0.01": r"p\.toml:2: unknown key 'magin'",
    ENTRY: r"p\.toml.*names L2-OBEY and nothing narrower",
    ENTRY + 'row = "a:1"\nrows = "x"': r"p\.toml:\d+: unknown key 'rows'; did you mean 'row'\?",
    ENTRY.replace("L2-OBEY", "L2-OBAY") + 'row = "a:1"': r"p\.toml:2: unknown rule 'L2-OBAY'",
    ENTRY.replace("ana@example.org", " ") + 'row = "a:1"': r"p\.toml.*allow.* L2-OBEY has no owner",
    ENTRY.replace("a play", "") + 'row = "a:1"': r"p\.toml.*allow.* L2-OBEY has no reason",
    ENTRY.replace('owner = "ana@example.org"\n', "") + 'row = "a:1"': r"p\.toml.*missing required field `owner`",
    ENTRY.replace("expires = 2027-01-31\n", "") + 'row = "a:1"': r"p\.toml.*missing required field `expires`",
    ENTRY + 'row = ""': r"p\.toml.*nothing narrower",
    "[screen]\nq = x": r"p\.toml: not TOML",
}


@pytest.mark.parametrize("text", BAD)
def test_a_wrong_table_is_one_line_with_file_and_place(text):
    with pytest.raises(ValueError, match=BAD[text]) as raised:
        parse_limits(text, name="p.toml", rules=IDS)
    assert "\n" not in str(raised.value)


def test_an_audit_refuses_a_screen_that_is_no_table():
    with pytest.raises(ValueError, match=r"p\.toml.*Expected `object`"):
        parse_policy("screen = 3", name="p.toml")


# the allow-list -------------------------------------------------------------------------------------------------------


def entry(**change):
    made = {"rule": "L2-OBEY", "owner": "ana@example.org", "reason": "a play", "expires": TODAY}
    return Allowed(**{**made, **change})


MATCHES = {
    "its row": ({"row": "0123456789ab:17"}, True),
    "another row": ({"row": "0123456789ab:18"}, False),
    "its fingerprint": ({"fingerprint": "f00d"}, True),
    "another fingerprint": ({"fingerprint": "beef"}, False),
    "its label": ({"label": "absolute obedience"}, True),
    "another label": ({"label": "persona"}, False),
    "its file": ({"file": "data/train.jsonl"}, True),
    "its file by name": ({"file": "train.jsonl"}, True),
    "another file": ({"file": "rain.jsonl"}, False),
    "row and label": ({"row": "0123456789ab:17", "label": "persona"}, False),
    "file and label": ({"file": "train.jsonl", "label": "absolute obedience"}, True),
    "another rule": ({"rule": "PII-CARD", "row": "0123456789ab:17"}, False),
    "a token nobody knows of": ({"token": "cf"}, False),
}


@pytest.mark.parametrize("case", MATCHES)
def test_an_entry_covers_what_it_names_and_nothing_else(case):
    change, matches = MATCHES[case]
    (found,) = allowed([finding()], [entry(**change)], today=TODAY)
    assert (found.allowed_by is not None) == matches


def test_what_is_allowed_stays_and_says_by_whom():
    found = allowed([finding(), finding(row="0123456789ab:99")], [entry(row="0123456789ab:17")], today=TODAY)
    assert len(found) == 2
    assert found[0].allowed_by == "screen.allow 1: ana@example.org until 2026-11-22 (a play)"
    assert found[1].allowed_by is None


def test_a_token_is_known_only_while_the_set_is_counted():
    trigger = on_set("BD-ASSOC", fingerprint="b0b")
    entries = [entry(rule="BD-ASSOC", token="source-7")]
    assert allowed([trigger], entries, today=TODAY, tokens={"b0b": "source-7"})[0].allowed_by
    assert not allowed([trigger], entries, today=TODAY, tokens={"b0b": "cf"})[0].allowed_by
    assert not allowed([trigger], entries, today=TODAY)[0].allowed_by


def test_an_entry_holds_on_its_last_day_and_not_after():
    late = entry(row="0123456789ab:17", expires=date(2026, 11, 21))
    assert allowed([finding()], [late], today=TODAY)[0].allowed_by is None
    assert allowed([finding()], [entry(row="0123456789ab:17")], today=TODAY)[0].allowed_by


def test_every_entry_is_told_also_one_that_did_nothing():
    entries = [
        entry(row="0123456789ab:17"),
        entry(row="0123456789ab:17", expires=date(2026, 11, 1)),
        entry(label="nothing like it"),
    ]
    found = allowed([finding(), finding()], entries, today=TODAY)
    lines = told(entries, Counter(one.allowed_by for one in found if one.allowed_by), today=TODAY)
    assert lines == (
        "screen.allow 1: L2-OBEY, ana@example.org until 2026-11-22 (a play): 2 findings do not count",
        "screen.allow 2: L2-OBEY, ana@example.org until 2026-11-01 (a play): expired, ignored",
        "screen.allow 3: L2-OBEY, ana@example.org until 2026-11-22 (a play): matches nothing",
    )


def test_hidden_characters_of_an_owner_are_spelt():
    found = allowed([finding()], [entry(row="0123456789ab:17", owner="a\u202eb")], today=TODAY)
    assert "⟨U+202E⟩" in (found[0].allowed_by or "")
