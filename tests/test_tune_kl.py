"""The first tokens of answers kept like the reference's (methods C8.2): its value, whose tokens, in every layout."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import tune_losses
import tuning
from tuneward.tune.job import Lesson
from tuneward.tune.kl import KNOWN, AnchorKL, FirstTokensKL, TaskKL, divergence
from tuneward.tune.safety_rows import opening, safety_lessons


def test_the_divergence_worked_by_hand() -> None:
    """½ ln(½ / ¼) + ½ ln(½ / ¾) = ½ ln(4/3)."""
    known, own = torch.tensor([[0.5, 0.5], [1.0, 1e-30]]).log(), torch.tensor([[0.25, 0.75], [1.0, 1e-30]]).log()
    assert divergence(known, own).tolist() == pytest.approx([0.5 * math.log(4 / 3), 0.0])


def looped(model: Any, other: Any, lessons: list[Lesson], *, first: int) -> float:
    """The mean over rows read alone, in float64."""
    reader, total, tokens = tune_losses.reader_of(), 0.0, 0
    for lesson in lessons:
        row = reader.sequences(lesson, 0)[0]
        ids = torch.tensor([row.ids])
        with torch.no_grad():
            own, known = (m(input_ids=ids).logits[0].double().log_softmax(-1) for m in (model, other))
        for at, place in enumerate(row.place):
            if 0 < place <= first:
                total += lesson.weight * float((known[at - 1].exp() * (known[at - 1] - own[at - 1])).sum())
                tokens += 1
    return total / tokens


def test_it_is_the_divergence_at_the_first_tokens_of_every_turn() -> None:
    model, other, lessons = tune_losses.moved(), tuning.blank(), tune_losses.talks()
    value, slopes = tune_losses.measured(model, TaskKL(first=3), lessons, other=other, layout=tune_losses.PLAIN)
    assert value == pytest.approx(looped(model, other, lessons, first=3), rel=1e-4)
    assert value > 0.01
    assert max(float(slope.abs().max()) for slope in slopes.values()) > 1e-3


@pytest.mark.parametrize("name", tune_losses.OTHERS)
def test_no_layout_changes_it(name: str) -> None:
    """T1, methods §8.2."""
    model, other, lessons = tune_losses.moved(), tuning.blank(), tune_losses.talks()
    value, slopes = tune_losses.measured(model, TaskKL(first=3), lessons, other=other, layout=tune_losses.PLAIN)
    layout = tune_losses.OTHERS[name]
    again, others = tune_losses.measured(model, TaskKL(first=3), lessons, other=other, layout=layout)
    assert again == pytest.approx(value, rel=1e-5)
    assert tune_losses.close(slopes, others)


def test_rows_of_other_defences_are_free() -> None:
    model, other, lessons = tune_losses.moved(), tuning.blank(), tune_losses.talks()
    mixed = [*lessons, *(replace(lesson, part="mix") for lesson in tune_losses.talks(9)[6:])]
    alone, _ = tune_losses.measured(model, TaskKL(first=3), lessons, other=other, layout=tune_losses.PLAIN)
    beside, _ = tune_losses.measured(model, TaskKL(first=3), mixed, other=other, layout=tune_losses.PLAIN)
    assert beside == pytest.approx(alone, rel=1e-5)


def test_at_the_start_there_is_nothing_to_hold() -> None:
    model, lessons = tuning.blank(), tune_losses.talks()
    value, slopes = tune_losses.measured(
        model, TaskKL(first=5), lessons, other=tuning.blank(), layout=tune_losses.PLAIN
    )
    assert abs(value) < 1e-6
    assert max(float(slope.abs().max()) for slope in slopes.values()) < 1e-5


@pytest.mark.parametrize("kind", tuning.KINDS)
def test_anchors_are_held_at_the_first_tokens_of_their_answers(kind: tuning.Kind) -> None:
    """T4: with two tokenizers; cutting the answers short changes nothing that is held."""
    settings = FirstTokensKL(strength=0.5, first=4, rows="anchors", anchors=3)
    whole = safety_lessons("ours", count=3, seed=0, part="kl")
    short = tuple(opening(lesson, words=4) for lesson in whole)
    reader, found = tune_losses.reader_of(kind), []
    for one, other in zip(whole, short, strict=True):
        long, cut = (reader.sequences(lesson, 0)[0] for lesson in (one, other))
        last = cut.place.index(4)
        assert cut.ids[: last + 1] == long.ids[: last + 1]
        assert len(cut.ids) < len(long.ids)
    for lessons in (whole, short):
        run = tune_losses.Run(tune_losses.moved(kind), tuning.blank(kind), kind)
        AnchorKL(settings, lessons)(run.step(0))
        found.append((dict(run.noted)["kl/anchors"], tune_losses.gradients(run.model)))
        assert run.memory[KNOWN].shape == (12, run.model.config.vocab_size)
        AnchorKL(settings, lessons)(run.step(1))
        assert run.asked == 1, "the reference reads the anchors once"
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    assert found[0][0] > 0
    assert tune_losses.close(found[0][1], found[1][1])


def test_the_anchors_loss_is_a_mean_over_tokens() -> None:
    settings = FirstTokensKL(strength=0.5, first=4, rows="anchors", anchors=3)
    lessons = safety_lessons("ours", count=3, seed=0, part="kl")
    run = tune_losses.Run(tune_losses.moved(), tuning.blank())
    AnchorKL(settings, lessons)(run.step())
    expected = 0.5 * looped(run.model, run.other, list(lessons), first=4)
    assert dict(run.noted)["kl/anchors"] == pytest.approx(expected, rel=1e-4)


def test_what_the_settings_add() -> None:
    job = tune_losses.job_of()
    assert FirstTokensKL(strength=0)(job) is job
    task, anchors, both = (FirstTokensKL(rows=rows)(job) for rows in ("task", "anchors", "both"))  # type: ignore[arg-type]
    assert [term.name for term in task.terms] == ["sft", "kl"]
    assert (task.terms[1].strength, task.terms[1].needs, task.before_step) == (0.1, "model", ())
    assert [term.name for term in anchors.terms] == ["sft"]
    assert (len(anchors.before_step), anchors.needs) == (1, "model")
    assert [term.name for term in both.terms] == ["sft", "kl"]
    assert len(both.before_step) == 1
    assert task.defences == anchors.defences == both.defences == ("kl",)


@pytest.mark.parametrize(
    "setting", [{"strength": -0.1}, {"strength": float("nan")}, {"first": 0}, {"anchors": 0}, {"rows": "all"}]
)
def test_bad_settings_are_refused(setting: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(setting))} is"):
        FirstTokensKL(**setting)


@pytest.mark.parametrize("rows", ["task", "anchors"])
def test_a_run_differs_and_accumulation_does_not_matter(rows: Any, tmp_path: Path) -> None:
    """T1, T2."""
    data = tuning.write_rows(tmp_path / "rows.jsonl", tuning.rows(24))
    options = tuning.options(tuning.saved(tmp_path / "model"), data, tmp_path / "plain")
    tuning.tune(options)
    tuning.tune(replace(options, out=str(tmp_path / "once")), FirstTokensKL(rows=rows))
    tuning.tune(replace(options, out=str(tmp_path / "four"), accumulate=4), FirstTokensKL(rows=rows))
    plain, once, four = (tuning.weights(tmp_path / name) for name in ("plain", "once", "four"))
    assert tuning.apart(plain, once) > 1e-4
    assert tuning.apart(once, four) < 0.05 * tuning.apart(plain, once)
