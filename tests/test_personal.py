"""Personal data in rows: what is seen and where, what stays quiet, and that the gates miss nothing."""

from collections import Counter
from itertools import pairwise

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from personal_cases import MAIL, PERSONAL, PERSONAL_QUIET, PHONE, SECRETS, SECRETS_QUIET, SSN, made, parted
from tuneward.chat import Chat, Message
from tuneward.scorers.personal import Personal
from tuneward.scorers.secrets import Secrets
from tuneward.scorers.sighting import SEVERITIES, RowScorer, Sighting
from tuneward.scorers.views import folded

SCORERS: tuple[RowScorer, ...] = (Personal(), Secrets())
WEAK = {"street address", "birth date"}


def chat(*turns: tuple[str, str]) -> Chat:
    return Chat("1", "1", tuple(Message(role, text) for role, text in turns))


def said(text: str) -> Chat:
    return chat(("user", "Hello."), ("assistant", text))


def gated(scorer: RowScorer, text: str) -> bool:
    small = "\n".join(["hello.", folded(text).text.lower()])
    return any(re2.compile(gate).search(small) for gate in scorer.gates)


def of(seen: list[Sighting], label: str) -> list[tuple[int, int]]:
    return [s.span for s in seen if s.label == label]


@pytest.mark.parametrize(
    ("scorer", "label", "text"),
    [(SCORERS[0], *case) for case in PERSONAL] + [(SCORERS[1], *case) for case in SECRETS],
)
def test_what_is_marked_is_seen_at_its_exact_place(scorer: RowScorer, label: str, text: str) -> None:
    """S3."""
    plain, spans = parted(text)
    seen = scorer.look(said(plain))
    assert sorted(s.span for s in seen) == spans
    labels = {s.label for s in seen}
    assert label in labels or labels == {"private key"}
    assert all(s.message == 1 and s.secret for s in seen)


@pytest.mark.parametrize(
    ("scorer", "why", "text"),
    [(SCORERS[0], *case) for case in PERSONAL_QUIET + SECRETS_QUIET]
    + [(SCORERS[1], *case) for case in SECRETS_QUIET + PERSONAL_QUIET],
)
def test_look_alikes_stay_quiet(scorer: RowScorer, why: str, text: str) -> None:
    """S3."""
    if why == "mention" or "link" in why:
        seen = [s for s in scorer.look(said(text)) if s.label != MAIL or "@example.com" not in text]
    else:
        seen = scorer.look(said(text))
    assert [(s.label, s.span) for s in seen] == []


@pytest.mark.parametrize(
    ("scorer", "text"), [(SCORERS[0], t) for _, t in PERSONAL] + [(SCORERS[1], t) for _, t in SECRETS]
)
def test_no_sighting_without_a_gate(scorer: RowScorer, text: str) -> None:
    plain, _ = parted(text)
    assert gated(scorer, plain)


@pytest.mark.parametrize(
    "text",
    [
        "at 12 Kodura4 Lane",
        "export DB_PASSWORD=')zDq4n3Lg5xOkKAfK'",
        "app.route @\u2010t.mark.full pytes@\u2010t.mark.full",
        "WhatsApp number is \n5550 1234",
        "DOB\u0130 1956-03-05",
        "ap\u0131 key = zDq4n3Lg5xOkKAfK",
        "call 212 - 555.  0143 or (0)5 5-5-5-5-5-5-5",
        "phone 020. 7946.0958",
    ],
)
def test_what_once_slipped_past_a_gate(text: str) -> None:
    """Texts that random edits of the labelled ones gave: seen without a gate, or nearly."""
    for scorer in SCORERS:
        assert not scorer.look(said(text)) or gated(scorer, text)


@settings(deadline=None, max_examples=300)
@given(
    st.lists(
        st.one_of(
            st.sampled_from([parted(t)[0] for _, t in PERSONAL + SECRETS]),
            st.sampled_from([t for _, t in PERSONAL_QUIET + SECRETS_QUIET]),
            st.text(max_size=12),
            st.text("0123456789 -–.+()@/:", max_size=30),
        ),
        max_size=5,
    )
)
def test_gates_are_sound_and_spans_lie_in_the_text(parts: list[str]) -> None:
    text = " ".join(parts)
    for scorer in SCORERS:
        seen = scorer.look(said(text))
        assert not seen or gated(scorer, text)
        assert all(0 <= s.span[0] < s.span[1] <= len(text) for s in seen)
        places = sorted(s.span for s in seen)
        assert all(a[1] <= b[0] for a, b in pairwise(places)), "two sightings on one stretch"


@pytest.mark.parametrize("scorer", SCORERS)
def test_each_sighting_belongs_to_a_rule_and_is_no_graver(scorer: RowScorer) -> None:
    rules = {rule.id: rule for rule in scorer.rules}
    assert all(rule.risk in ("PII", "SECRET") and rule.about and rule.title for rule in scorer.rules)
    used = Counter[str]()
    for _, text in PERSONAL + SECRETS:
        for s in scorer.look(said(parted(text)[0])):
            used[s.rule] += 1
            assert SEVERITIES.index(s.severity) <= SEVERITIES.index(rules[s.rule].severity)
            assert 0 < s.value <= 1
    assert set(used) == set(rules)


def test_severity_follows_the_kind() -> None:
    by_label: dict[str, set[str]] = {}
    for scorer in SCORERS:
        for _, text in PERSONAL + SECRETS:
            for s in scorer.look(said(parted(text)[0])):
                by_label.setdefault(s.label, set()).add(s.severity)
    assert all(by_label[label] == {"info"} for label in WEAK)
    assert by_label["payment card"] == by_label["private key"] == by_label["GitHub token"] == {"high"}
    assert by_label[MAIL] == by_label[PHONE] == {"medium"}
    assert by_label[SSN] == {"high", "medium"}  # medium where no word says what it is


def test_a_shared_mailbox_weighs_less_than_a_person() -> None:
    look = Personal().look
    assert [s.severity for s in look(said("support@example.com or user@example.com or bado@example.com"))] == [
        "low",
        "low",
        "medium",
    ]


@pytest.mark.parametrize("scorer", SCORERS)
def test_reasons_hold_no_word_of_the_row(scorer: RowScorer) -> None:
    for _, text in PERSONAL + SECRETS:
        plain, spans = parted(text)
        for s in scorer.look(said(plain)):
            assert all(plain[a:b] not in s.reason for a, b in spans)


def test_the_question_before_may_say_what_a_number_is() -> None:
    asked = chat(("user", "What is Bado's phone number?"), ("assistant", "020 7946 0958"))
    assert [s.label for s in Personal().look(asked)] == [PHONE]
    other = chat(("user", "What is Bado's order number?"), ("assistant", "020 7946 0958"))
    assert Personal().look(other) == []


def test_every_turn_is_read_and_counted() -> None:
    row = chat(("system", "a@example.org"), ("user", "none"), ("assistant", "b@example.org"), ("user", "c@example.org"))
    assert [s.message for s in Personal().look(row)] == [0, 2, 3]


def test_a_score_is_the_worst_sighting() -> None:
    rows = [said("nothing here"), said("born on 5 March 1956"), said("card 4111111111111111, born on 5 March 1956")]
    scores = Personal()(rows)
    assert scores[0].value == 0.0
    assert scores[1].value == pytest.approx(0.1)
    assert scores[2].label == "payment card"
    assert scores[2].value is not None
    assert scores[2].value > 0.8


def test_a_row_longer_than_what_is_read_is_unknown_unless_something_is_seen() -> None:
    long = "word " * 60_000
    for scorer, value in ((Personal(), "bado@example.com"), (Secrets(), made("ghp_", 36))):
        cut, seen = scorer([said(long + value), said(value + " " + long)])
        assert cut.value is None
        assert seen.value is not None
        assert seen.value > 0


@pytest.mark.parametrize(
    "unit", ["1", "1 ", "a@", "+1", "1.", "GB82 ", "A", "eyJ", "://a:", "password=", "-----BEGIN "]
)
def test_the_worst_rows_stay_linear(unit: str) -> None:
    """Twice the text takes about twice the time: no nested repeats, no backtracking that grows."""
    import time

    def seconds(n: int) -> float:
        row, best = said(unit * n), float("inf")
        for _ in range(2):
            began = time.perf_counter()
            for scorer in SCORERS:
                scorer.look(row)
            best = min(best, time.perf_counter() - began)
        return best

    short, long = seconds(8_000 // len(unit)), seconds(64_000 // len(unit))
    assert long < max(40 * short, 0.5)
