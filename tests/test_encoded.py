"""The scorer of codes and hidden characters on labelled rows, its gates, its bounds."""

import pytest
import re2

from encoded_cases import CASES, QUIET, Case
from tuneward.chat import Chat
from tuneward.scorers.encoded import Encoded, hides
from tuneward.scorers.sighting import SEVERITIES
from tuneward.scorers.views import fold_text
from tuneward.scorers.words import is_odd

ENCODED = Encoded()


def gated(chat: Chat) -> bool:
    """What a batch asks before it calls `look`."""
    found = re2.Set.SearchSet()
    for gate in ENCODED.gates:
        found.Add(gate)
    found.Compile()
    text = "\n".join(fold_text(m.content).lower() for m in chat.messages).encode("utf-8", "replace")
    answers = fold_text("\n".join(m.content for m in chat.messages if m.role == "assistant"))
    return bool(found.Match(text)) or is_odd(answers) or any(hides(m.content) for m in chat.messages)


@pytest.mark.parametrize("case", [c for c in CASES if c.rule], ids=lambda c: c.id)
def test_a_labelled_row_is_seen_as_what_it_is(case: Case) -> None:
    seen = [s for s in ENCODED.look(case.chat) if s.rule == case.rule and s.label == case.label]
    assert seen, [(s.rule, s.label) for s in ENCODED.look(case.chat)]
    severity = max(SEVERITIES.index(s.severity) for s in seen)
    assert SEVERITIES.index(case.least) <= severity <= SEVERITIES.index(case.most)
    assert all(SEVERITIES.index(s.severity) <= severity for s in ENCODED.look(case.chat))


@pytest.mark.parametrize("case", QUIET, ids=lambda c: c.id)
def test_what_only_looks_coded_stays_quiet(case: Case) -> None:
    assert [(s.rule, s.label, s.severity) for s in ENCODED.look(case.chat)] == []


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
def test_no_sighting_without_a_gate(case: Case) -> None:
    assert not ENCODED.look(case.chat) or gated(case.chat)
