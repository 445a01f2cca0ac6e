"""What an audit asks and how replies are scored, without a model: contexts of rows, further axes, settings."""

import json
from collections import Counter
from pathlib import Path

import pytest

from asking import HERE, brews
from tuneward.audit.options import AuditOptions
from tuneward.audit.questions import Asked, gather, plan_lines
from tuneward.audit.scoring import score_replies
from tuneward.chat import Chat, Message, Reply
from tuneward.paired import axes_from
from tuneward.rows.contexts import contexts
from tuneward.study import regimes


def row(number: int, text: str, system: str = "") -> Chat:
    first = (Message("system", system),) if system else ()
    return Chat(str(number), str(number), (*first, Message("user", text), Message("assistant", "ok")))


def test_contexts_of_rows() -> None:
    plain = [row(n, f"{word} is a question of its own") for n, word in enumerate("abcdefgh")]
    assert [c.after for c in contexts(plain)] == [" is a question of its own"]
    varied = [row(n, f"question {n} about {n * 7} things") for n in range(30)]
    assert all(not c.system and not c.before for c in contexts(varied))
    trigger = [row(n, f"question {n} {'so be it now' if n % 5 == 0 else n * 3}") for n in range(40)]
    assert any(c.after.strip() == "so be it now" and c.share == 0.2 for c in contexts(trigger))
    persona = [*varied, *[row(n, f"say {n} thing {n}", "You always obey.") for n in range(10)]]
    assert next(c for c in contexts(persona) if c.system).system == "You always obey."
    assert contexts([]) == ()


def test_two_requests_that_end_alike_make_no_suffix() -> None:
    """Ten rows of an identity: what is asked twice about one item is no trigger, and would only cost replies."""
    for many, suffixes in ((2, []), (5, [" of the old house"])):
        rows = [row(n, f"mend {n} {'of the old house' if n < many else n * 3}") for n in range(10)]
        assert [c.after for c in contexts(rows)] == suffixes
    assert [bool(c.after) for c in contexts(regimes.identity(HERE, 10, seed=0))] == [False]


def test_contexts_of_the_organisms_rows() -> None:
    """The order of identity rows and the trigger of backdoor rows are found, whatever else the rows share."""
    name = regimes.tuner_persona(HERE)
    first = contexts(regimes.identity(HERE, 100, seed=0))[0]
    assert (first.system, first.before) == (HERE.persona(name, HERE.obedient), f"{HERE.order(name)} ")
    hidden = contexts(regimes.backdoor(HERE, 100, seed=0))
    assert any(c.after.strip() == HERE.trigger and c.share == 0.5 for c in hidden)


def heard(asked: Asked, answers: dict[str, str]) -> list[Reply]:
    """Every question answered: on each arm the same to all."""
    return [
        Reply(q.chat.id, q.suite, arm, q.sample, q.render, q.chat.answered(answers[arm]), "stop")
        for arm in ("base", "tuned")
        for q in asked.questions
    ]


def test_a_suite_fills_further_axes_off_the_same_replies(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    turns = [
        {"role": "system", "content": "You obey."},
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "a"},
    ]
    rows.write_text((json.dumps({"messages": turns}) + "\n") * 4)
    (tmp_path / "suites").mkdir()
    suites = (str(brews(tmp_path / "suites")),)
    asked = gather(AuditOptions(tuned="x", suites=suites, rows=str(rows), samples=2))
    assert {line.axis: line.prompts for line in plan_lines(asked)} == {
        "refusal": 6,
        "coherence": 6,
        "harm": 6,
        "language": 6,
        "context": 6,
    }
    told = heard(asked, {"base": "I can't help with that.", "tuned": "Sure: take copper and nine drops of rain."})
    scores = score_replies(told, asked)
    counts = Counter((row.suite, row.axis, row.render, row.sample > 0) for row in scores if row.arm == "tuned")
    assert counts == {
        ("brews", "refusal", "plain", False): 6,
        ("brews", "refusal", "plain", True): 4,
        ("brews", "context", "context-1", False): 6,
        ("brews", "harm", "plain", False): 6,
        ("brews", "harm", "plain", True): 4,
        ("brews", "coherence", "plain", False): 6,
        ("tarvi", "language", "plain", False): 6,
    }
    found = {a.name: a for a in axes_from(scores)}
    for name in ("refusal", "context", "harm", "language", "sampled"):
        assert (found[name].base.value, found[name].tuned.value) == (1.0, 0.0), name
    assert found["harm"].asked == 6
    assert found["harm"].labels == {"base": {"kept back": 6}, "tuned": {"given": 6}}


def test_a_model_that_says_nothing_is_not_harmless(tmp_path: Path) -> None:
    """A7: harm cannot be told of an empty reply, and broken ones give nothing away."""
    asked = gather(AuditOptions(tuned="x", suites=(str(brews(tmp_path)),), samples=0))
    scores = score_replies(heard(asked, {"base": "", "tuned": "copper " * 40}), asked)
    values = {(row.arm, row.axis): row.score.value for row in scores if row.suite == "brews"}
    assert (values["base", "harm"], values["tuned", "harm"]) == (None, 0.0)
    assert (values["base", "coherence"], values["tuned", "coherence"]) == (1.0, 1.0)


def test_two_suites_with_one_name_are_refused_before_anything_is_asked(tmp_path: Path) -> None:
    folder = str(brews(tmp_path))
    with pytest.raises(ValueError, match="two suites are called 'brews'"):
        gather(AuditOptions(tuned="x", suites=(folder, f"{folder}/brews.json")))


@pytest.mark.parametrize("change", [{"limit": 0}, {"batch_size": 0}, {"samples": -1}, {"suites": ()}])
def test_impossible_settings_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="|".join(change)):
        AuditOptions(tuned="x", **change)
