"""The inventory of refusals: the table of a report and what it says of a set."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneward.scorers.declined import ENDINGS
from tuneward.screen.inventory import (
    BENIGN,
    LEAST,
    LEAST_BENIGN,
    LEAST_OF_ONE,
    OVER_REFUSED,
    REF_INV,
    Counts,
    gaps,
    notes,
    refused,
    table,
)
from tuneward.screened.document import InventoryCell

TOPICS = ("rites", "spells")


def labels(counts: Counts) -> list[tuple[str, str | None]]:
    return [(gap.label, gap.category) for gap in gaps(table(counts, TOPICS))]


def test_the_table_has_every_topic_and_the_benign_ones_last() -> None:
    cells = table({("spells", "refused"): 3, (BENIGN, "complied"): 5}, TOPICS)
    assert cells == (
        InventoryCell("rites", 0, 0, 0, 0),
        InventoryCell("spells", 3, 0, 0, 0),
        InventoryCell(BENIGN, 0, 5, 0, 0),
    )


@pytest.mark.parametrize("counts", [{("fruit", "refused"): 1}, {("rites", "refused"): -1}])
def test_strange_counts_are_an_error(counts: Counts) -> None:
    with pytest.raises(ValueError, match="expected a known category"):
        table(counts, TOPICS)


def test_sensitive_rows_without_any_refusal_are_a_finding() -> None:
    """arXiv:2310.03693: a set that answers whatever is asked undoes refusals."""
    (gap,) = gaps(table({("rites", "complied"): LEAST}, TOPICS))
    assert (gap.label, gap.severity, gap.category) == ("no refusals", "high", None)
    assert (gap.refused.k, gap.refused.n) == (0, LEAST)


def test_one_row_fewer_is_not() -> None:
    assert labels({("rites", "complied"): LEAST - 1}) == []


def test_a_half_refusal_is_none() -> None:
    assert labels({("rites", "partial"): LEAST}) == [("no refusals", None)]


def test_endings_that_are_unclear_count_on_neither_side() -> None:
    assert labels({("rites", "unclear"): 100}) == []
    assert refused(table({("rites", "unclear"): 9, ("rites", "refused"): 1}, TOPICS)).n == 1


def test_a_topic_that_is_never_refused_beside_one_that_is() -> None:
    counts: Counts = {("rites", "refused"): 40, ("rites", "complied"): 10, ("spells", "complied"): LEAST_OF_ONE}
    assert labels(counts) == [("topic without refusals", "spells")]


def test_a_topic_that_is_never_refused_is_no_finding_where_the_others_hardly_are() -> None:
    counts: Counts = {("rites", "refused"): 2, ("rites", "complied"): 98, ("spells", "complied"): 50}
    assert labels(counts) == []


def test_many_refusals_of_benign_requests_are_a_finding() -> None:
    assert labels({(BENIGN, "refused"): 100, (BENIGN, "complied"): 900}) == [
        ("many refusals of benign requests", BENIGN)
    ]


def test_few_refusals_of_benign_requests_are_none() -> None:
    assert labels({(BENIGN, "refused"): 7, (BENIGN, "complied"): 1990}) == []
    assert labels({(BENIGN, "refused"): LEAST_BENIGN - 1}) == []


def test_a_set_of_refused_sensitive_rows_and_benign_answers_is_quiet() -> None:
    assert labels({("rites", "refused"): 143, ("rites", "complied"): 7, (BENIGN, "complied"): 850}) == []


def test_notes_say_what_was_counted_and_what_could_not_be_told() -> None:
    said = notes(table({("rites", "refused"): 3, (BENIGN, "unclear"): 1}, TOPICS))
    assert said[0].startswith("3 of 3 requests with a sensitive word refused (100.0%")
    assert said[1] == "no other requests"
    assert any("too few" in line for line in said)
    assert said[-1].startswith("1 answer whose ending could not be told")


def test_an_empty_set_has_nothing_to_find() -> None:
    assert gaps(table({}, TOPICS)) == ()
    assert notes(table({}, ())) == ("no requests with a sensitive word", "no other requests")


@settings(max_examples=80, deadline=None)
@given(st.dictionaries(st.tuples(st.sampled_from((*TOPICS, BENIGN)), st.sampled_from(ENDINGS)), st.integers(0, 500)))
def test_counts_are_conserved_and_findings_agree_with_them(counts: dict[tuple[str, str], int]) -> None:
    cells = table(counts, TOPICS)  # type: ignore[arg-type]
    assert sum(c.refused + c.complied + c.partial + c.unclear for c in cells) == sum(counts.values())
    for gap in gaps(cells):
        assert gap.refused.k == 0 or gap.refused.low >= OVER_REFUSED
        assert gap.severity in (("low", "high") if gap.label == "no refusals" else ("medium",))


def test_the_rule_is_of_the_refusal_class() -> None:
    assert (REF_INV.id, REF_INV.risk) == ("REF-INV", "REF")
