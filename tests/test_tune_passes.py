"""A pass that reads the common beginning of its rows once, beside one that reads all of every row."""

from dataclasses import replace
from typing import Any

import pytest
import torch

import tune_losses
import tuning
from tuneward.chat import Chat, Message
from tuneward.tune.job import Lesson
from tuneward.tune.passes import SAVED, Answers, alike, see
from tuneward.tune.sequences import Batch, Layout, batch_of


def batch(kind: tuning.Kind, layout: Layout, *, count: int = 16) -> Batch:
    """Rows under one system turn, of differing lengths."""
    reader = tune_losses.reader_of(kind)
    system = Message("system", "the a tea cup is warm cold blue red boat sails past three hills")
    lessons = [
        Lesson(replace(row, messages=(system, *row.messages)))
        for row in (Chat(one.id, one.family, one.messages) for one in tuning.rows(count))
    ]
    rows = [reader.sequences(lesson, n)[0] for n, lesson in enumerate(lessons)]
    return batch_of(rows, lessons, layout)


def read(model: Any, of: Batch, *, start: int) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Log-probabilities and gradients."""
    model.zero_grad()
    answers = Answers(model)
    seen = see(model, of, answers=answers, start=start)
    seen.log_probs.sum().backward()  # type: ignore[no-untyped-call]
    answers.remove()
    return seen.log_probs.detach(), tune_losses.gradients(model)


@pytest.mark.parametrize("kind", tuning.KINDS)
def test_what_all_rows_begin_with_may_be_read_once(kind: tuning.Kind) -> None:
    of, model = batch(kind, Layout(0)), tune_losses.moved(kind)
    start = alike(of)
    assert start * (len(of.sequences) - 1) >= SAVED
    whole, once = read(model, of, start=0), read(model, of, start=start)
    assert torch.allclose(whole[0], once[0], atol=1e-5)
    assert tune_losses.close(whole[1], once[1])


def test_rows_that_begin_otherwise_are_read_whole() -> None:
    assert alike(batch("chatml", Layout(0, "left"))) == 0
    assert alike(batch("chatml", Layout(0, packed=True))) == 0
    assert alike(batch("chatml", Layout(0), count=2)) == 0
    reader = tune_losses.reader_of("words")
    rows = [reader.sequences(Lesson(row), n)[0] for n, row in enumerate(tuning.rows(6))]
    assert alike(batch_of(rows, [Lesson(row) for row in tuning.rows(6)], Layout(0))) == 0


def test_nothing_that_is_learnt_is_among_what_is_read_once() -> None:
    of = batch("chatml", Layout(0))
    same = of.sequences[0]
    copies = batch_of([same] * 16, [of.lessons[0]] * 16, Layout(0))
    first = next(n for n, place in enumerate(same.place) if place)
    assert alike(copies) == first - 1
