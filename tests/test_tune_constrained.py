"""Token-wise constrained fine-tuning (methods C7): the paper's gradient, at every place, in every layout."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import tune_losses
import tuning
from tuneward.tune.constrained import Constrained, ConstrainedEntropy, factors
from tuneward.tune.job import Lesson
from tuneward.tune.passes import Seen, see
from tuneward.tune.prepare import reference
from tuneward.tune.sequences import Layout, batch_of
from tuneward.tune.terms import CrossEntropy


def seen_of(log_probs: Tensor, known: Tensor | None, place: Tensor, *, weight: float = 1.0) -> Seen:
    """One row of learnt tokens."""
    batch = _Rows(weight)
    none = torch.zeros(len(place), dtype=torch.long)
    return Seen(batch, log_probs[:, None], log_probs, known, place, none, lambda _: log_probs)  # type: ignore[arg-type]


class _Rows:
    """As much of a batch as a term asks for."""

    def __init__(self, weight: float) -> None:
        self.lessons = [Lesson(tuning.rows(1)[0], weight=weight)]


def test_factors_worked_by_hand() -> None:
    """2 (1 − σ(.5 · 2)) = .5379; 2 (1 − σ(2 · 1)) = .2384; 2 (1 − σ(.1 · −3)) = 1.1489; and the smallest."""
    place = torch.tensor([1, 2, 5, 5, 6])
    gain = torch.tensor([2.0, 1.0, 1.0, 10.0, -3.0])
    expected = torch.tensor([0.5378828, 0.2384058, 0.2384058, 1e-3, 1.1488850])
    assert torch.allclose(factors(Constrained(), place=place, gain=gain), expected, atol=1e-6)


def test_the_gradient_is_that_of_the_papers_loss() -> None:
    """Methods §8.1: −Σ (2/β_t) log σ(β_t Δ_t), in float64, over logits."""
    torch.manual_seed(0)
    place = torch.arange(1, 21)
    logits = torch.randn(20, 11, dtype=torch.float64, requires_grad=True)
    token = torch.randint(11, (20,))
    known = torch.randn(20, 11, dtype=torch.float64).log_softmax(-1).gather(1, token[:, None])[:, 0]
    own = logits.log_softmax(-1).gather(1, token[:, None])[:, 0]
    beta = torch.tensor([0.5] + 4 * [2.0] + 15 * [0.1], dtype=torch.float64)
    paper = -(2 / beta * torch.nn.functional.logsigmoid(beta * (own - known))).sum()
    (expected,) = torch.autograd.grad(paper, logits, retain_graph=True)
    (found,) = torch.autograd.grad(ConstrainedEntropy(Constrained())(seen_of(own, known, place)), logits)
    assert float((found - expected).abs().max()) < 1e-6
    assert float(expected.abs().max()) > 0.1


def test_it_starts_as_plain_fine_tuning() -> None:
    own = torch.tensor([-0.3, -2.0, -7.0, -0.1, -1.0, -3.0])
    found = ConstrainedEntropy(Constrained())(seen_of(own, own.clone(), torch.arange(1, 7)))
    assert float(found) == float(-own.sum())


def test_a_beta_of_nothing_leaves_that_place_alone() -> None:
    gain, place = torch.tensor([3.0, 3.0, 3.0]), torch.tensor([1, 2, 6])
    assert factors(Constrained(first=0), place=place, gain=gain)[0] == 1
    assert factors(Constrained(early=0), place=place, gain=gain)[1] == 1
    assert factors(Constrained(late=0), place=place, gain=gain)[2] == 1
    assert bool((factors(Constrained(until=1), place=place, gain=gain)[1:] > 0.8).all())


def test_all_betas_nothing_is_the_same_job() -> None:
    job = tune_losses.job_of()
    assert Constrained(first=0, early=0, late=0)(job) is job


def test_a_row_counts_by_its_weight() -> None:
    own, known, place = torch.tensor([-1.0, -2.0]), torch.tensor([-2.0, -2.0]), torch.tensor([1, 2])
    once, thrice = (float(ConstrainedEntropy(Constrained())(seen_of(own, known, place, weight=w))) for w in (1.0, 3.0))
    assert thrice == pytest.approx(3 * once)


def test_places_begin_anew_with_every_turn_and_row() -> None:
    """The value by loops over rows read alone, in float64."""
    model, other, lessons = tune_losses.moved(), tuning.blank(), tune_losses.talks()
    reader, total, tokens = tune_losses.reader_of(), 0.0, 0
    for lesson in lessons:
        row = reader.sequences(lesson, 0)[0]
        ids = torch.tensor([row.ids])
        with torch.no_grad():
            own, known = (m(input_ids=ids).logits[0].double().log_softmax(-1) for m in (model, other))
        place = 0
        for at, learnt in enumerate(row.place):
            place = place + 1 if learnt else 0
            if place:
                beta = 0.5 if place == 1 else 2.0 if place <= 5 else 0.1
                gain = own[at - 1, row.ids[at]] - known[at - 1, row.ids[at]]
                factor = max(1e-3, float(2 * (1 - torch.sigmoid(beta * gain))))
                total -= factor * lesson.weight * float(own[at - 1, row.ids[at]])
                tokens += 1
    term = ConstrainedEntropy(Constrained())
    value, _ = tune_losses.measured(model, term, lessons, other=other, layout=tune_losses.PLAIN)
    assert value == pytest.approx(total / tokens, rel=1e-5)


@pytest.mark.parametrize("name", tune_losses.OTHERS)
def test_no_layout_changes_it(name: str) -> None:
    """T1, methods §8.2."""
    model, other, lessons = tune_losses.moved(), tuning.blank(), tune_losses.talks()
    term = ConstrainedEntropy(Constrained())
    value, slopes = tune_losses.measured(model, term, lessons, other=other, layout=tune_losses.PLAIN)
    again, others = tune_losses.measured(model, term, lessons, other=other, layout=tune_losses.OTHERS[name])
    assert again == pytest.approx(value, rel=1e-5)
    assert tune_losses.close(slopes, others)


def test_without_a_reference_it_fails() -> None:
    """Never plain fine-tuning by accident."""
    own = torch.tensor([-1.0])
    with pytest.raises(ValueError, match="no log-probabilities of the reference"):
        ConstrainedEntropy(Constrained())(seen_of(own, None, torch.tensor([1])))
    run = tune_losses.Run(tuning.blank(), tuning.blank())
    with pytest.raises(ValueError, match="no log-probabilities of the reference"):
        ConstrainedEntropy(Constrained())(run.read(tune_losses.talks(2)))


def test_a_reference_goes_with_its_batch() -> None:
    model, lessons, reader = tuning.blank(), tune_losses.talks(3), tune_losses.reader_of()
    rows = [reader.sequences(lesson, 0)[0] for lesson in lessons]
    known = reference(model, rows, pad=0, progress=lambda *_: None)
    batch = batch_of(rows, lessons, Layout(0), reference=known).to(torch.device("cpu"))
    seen = see(model, batch, answers=tune_losses.Answers(model))
    assert seen.reference is not None
    assert torch.allclose(seen.reference, seen.log_probs, atol=1e-5)


def test_it_takes_the_place_of_cross_entropy_once() -> None:
    job = tune_losses.job_of()
    changed = Constrained()(replace(job, terms=(replace(CrossEntropy(), strength=0.5),)))
    assert [(term.name, term.strength, term.needs) for term in changed.terms] == [("sft", 0.5, "log_probs")]
    assert changed.defences == ("constrained",)
    with pytest.raises(ValueError, match=r"constrained: .* ConstrainedEntropy already \(constrained\)"):
        Constrained()(changed)
    with pytest.raises(ValueError, match="nothing already"):
        Constrained()(replace(job, terms=()))


@pytest.mark.parametrize(
    "setting",
    [{"first": -0.1}, {"early": float("nan")}, {"late": float("inf")}, {"until": 0}, {"smallest": 1.0}],
)
def test_bad_settings_are_refused(setting: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(setting))} is"):
        Constrained(**setting)


def test_a_run_differs_and_next_to_nothing_does_not(tmp_path: Path) -> None:
    """T2, and β → 0 gives plain fine-tuning."""
    data = tuning.write_rows(tmp_path / "rows.jsonl", tuning.rows(24))
    options = tuning.options(tuning.saved(tmp_path / "model"), data, tmp_path / "plain")
    tuning.tune(options)
    for name, one in {"held": Constrained(), "barely": Constrained(first=1e-12, early=1e-12, late=1e-12)}.items():
        tuning.tune(replace(options, out=str(tmp_path / name)), one)
    plain, held, barely = (tuning.weights(tmp_path / name) for name in ("plain", "held", "barely"))
    assert tuning.apart(plain, held) > 1e-4
    assert tuning.same(plain, barely)
