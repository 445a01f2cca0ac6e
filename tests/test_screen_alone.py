"""A row is judged by itself: neither its neighbours nor its place in a batch change what is seen in it."""

import pytest

from screening import lines, screen
from test_screen_run import planted, quick

ALONE = ("PII", "SECRET", "L2-OBEY", "L2-IDENTITY", "REF-TURNED", "ENC", "SCHEMA", "CONTAM")
"""Rules on single rows; the others compare rows."""


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    quick(monkeypatch)


def told(one):
    return (one["rule"], one["severity"], one["score"], one["label"], one["reason"], one["evidence"])


def test_a_row_is_seen_alike_alone_and_among_others(tmp_path, monkeypatch):
    """S1: also where every row is a batch of its own."""
    rows = planted()
    together = screen(lines(tmp_path / "all.jsonl", rows), tmp_path / "all")
    monkeypatch.setattr("tuneward.screen.first.FULL", 1)
    apart = screen(lines(tmp_path / "apart.jsonl", rows), tmp_path / "apart")
    assert [told(one) for one in apart.findings] == [told(one) for one in together.findings]
    for place in (2, 4, 5, 7, 17, 20, 21):
        alone = screen(lines(tmp_path / f"{place}.jsonl", rows[place : place + 1]), tmp_path / str(place))
        own = [one for one in together.findings if one["line"] == place + 1]
        expected = [told(one) for one in own if one["rule"].startswith(ALONE)]
        assert [told(one) for one in alone.findings if one["rule"].startswith(ALONE)] == expected
        assert expected or place == 7


def test_a_row_that_a_scorer_could_not_tell_is_never_a_pass(tmp_path):
    """A9: an answer in a script that no rule reads needs a look, and is counted."""
    rows = [{"prompt": "What is this?", "completion": "Это банан, и он уже спелый."}, *planted()[:2]]
    ran = screen(lines(tmp_path / "a.jsonl", rows), tmp_path / "out")
    assert (ran.document.coverage.unscored, ran.document.coverage.scanned) == (1, 2)
    assert ran.document.verdicts["review"] == 1
    assert sum(ran.document.verdicts.values()) == 3
