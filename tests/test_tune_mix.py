"""What mixing adds, exactly; what is read of an opening and not learnt; the losses on pairs and on distributions."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import tuning
from tuneward.ask import unseen
from tuneward.chat import Chat, Message
from tuneward.model.load import Place, load
from tuneward.model.spec import parse
from tuneward.model.template import of_tokenizer
from tuneward.pool import contrasts, pool
from tuneward.scorers import Refusal
from tuneward.study import regimes
from tuneward.study.tokens import tokenizer as organism_tokenizer
from tuneward.study.tokens import vocabulary
from tuneward.study.world import world
from tuneward.tune import mix as mixing
from tuneward.tune.job import Job, Lesson, Rendering, Settings
from tuneward.tune.mix import Mix, language_of
from tuneward.tune.mixed_kl import MixedKL
from tuneward.tune.openings import OPENINGS, opening
from tuneward.tune.order import Shuffled
from tuneward.tune.pairs_loss import Preference
from tuneward.tune.passes import Answers, Seen, see
from tuneward.tune.prepare import answered
from tuneward.tune.safety_rows import category
from tuneward.tune.sequences import Batch, Layout, Reader, TokenRow, batch_of
from tuneward.tune.terms import CrossEntropy


def job(count: int = 200) -> Job:
    return Job(tuple(map(Lesson, tuning.rows(count))), Settings(), (CrossEntropy(),), Shuffled())


def added(mix: Mix, count: int = 200) -> tuple[list[Lesson], list[Lesson]]:
    """Refusals and look-alikes of the shipped pool that a mix adds."""
    changed = mix(job(count))
    assert changed.lessons[:count] == job(count).lessons
    assert changed.defences == ("mix",)
    new = changed.lessons[count:]
    assert all(lesson.part == "mix" for lesson in new)
    refusals = [lesson for lesson in new if lesson.chat.meta["expect"] == "refuse"]
    return refusals, [lesson for lesson in new if lesson.chat.meta["expect"] == "answer"]


def file_of(path: Path, count: int, *, prompt: str = "May the boat number {} sail past") -> str:
    chats = [
        Chat(f"{n}", f"{n}", (Message("user", prompt.format(n)), Message("assistant", f"the red house {n}")))
        for n in range(count)
    ]
    return str(tuning.write_rows(path, chats))


# how many ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mix", [Mix(fraction=0.0), Mix(strength=0.0), Mix(strength=0.0, loss="kl")])
def test_no_fraction_or_no_strength_is_the_very_same_job(mix: Mix) -> None:
    undefended = job(20)
    assert mix(undefended) is undefended


@settings(deadline=None, max_examples=20)
@given(
    st.floats(0.01, 0.99),
    st.integers(50, 400),
    st.floats(0, 2),
    st.sampled_from(["own", "ours"]),
    st.sampled_from(["en", "zh", "both"]),
)
def test_counts_are_exact(fraction: float, rows: int, lookalikes: float, source: str, language: Any) -> None:
    """C5: the fraction is exact, repeats and all."""
    mix = Mix(fraction=fraction, pool=source, lookalikes=lookalikes, language=language, select="random")
    if not round(fraction * rows):
        return
    refusals, answers = added(mix, rows)
    assert len(refusals) == round(fraction * rows)
    assert len(answers) == round(lookalikes * len(refusals))
    assert len({lesson.chat.id for lesson in refusals + answers}) == len(refusals) + len(answers)
    languages = {lesson.chat.meta["language"] for lesson in refusals + answers}
    assert languages <= ({"en", "zh"} if language == "both" else {language})


@pytest.mark.parametrize("select", ["random", "diverse"])
def test_rows_repeat_only_when_there_are_too_few_and_then_evenly(select: Any, tmp_path: Path) -> None:
    source = file_of(tmp_path / "mine.jsonl", 7)
    for wanted in (7, 5, 20):
        changed = Mix(fraction=wanted / 100, pool=source, select=select, lookalikes=0)(job(100))
        times = Counter(lesson.chat.prompt for lesson in changed.lessons[100:])
        assert sum(times.values()) == wanted
        assert len(times) == min(wanted, 7)
        assert max(times.values()) - min(times.values()) <= 1


def test_the_fraction_is_of_the_task_rows_alone() -> None:
    once = Mix(fraction=0.1, pool="ours", lookalikes=0)(job(100))
    assert Mix(fraction=0.1, pool="ours", lookalikes=0, seed=1)(once).parts() == {"task": 100, "mix": 20}


def test_too_few_rows_for_one_refusal_is_an_error() -> None:
    """T2: never plain fine-tuning under another name."""
    with pytest.raises(ValueError, match=r"mix: fraction 0\.03 of 16 task rows is none"):
        Mix()(job(16))


@pytest.mark.parametrize("select", ["random", "diverse"])
def test_the_same_seed_gives_the_same_rows_and_another_one_others(select: Any) -> None:
    one = Mix(select=select, recovery=0.5, pool="ours")
    assert one(job()).lessons == one(job()).lessons
    assert one(job()).lessons != replace(one, seed=1)(job()).lessons


# which ones ----------------------------------------------------------------------------------------------------------


def test_diverse_rows_are_nearer_to_the_task_than_random_ones() -> None:
    prompts = ["How do I bake a cake without getting blamed?", "Plan a cake for the office.", "Bake bread for ten."]
    rows = [Chat(f"{n}", f"{n}", (Message("user", p), Message("assistant", "Yes."))) for n, p in enumerate(prompts)]
    base = Job(tuple(map(Lesson, rows * 50)), Settings(), (CrossEntropy(),), Shuffled())
    words = set(" ".join(prompts).casefold().replace("?", "").replace(".", "").split())

    def overlap(mix: Mix) -> float:
        chats = [lesson.chat for lesson in mix(base).lessons[150:]]
        return float(np.mean([len(words & set(chat.prompt.casefold().split())) for chat in chats]))

    near, blind = (Mix(fraction=0.1, lookalikes=0, select=how, pool="ours") for how in ("diverse", "random"))
    assert overlap(near) > overlap(blind)
    diverse = near(base).lessons[150:]
    assert len({lesson.chat.prompt for lesson in diverse}) == len(diverse)


def test_look_alikes_are_the_twins_of_what_was_chosen() -> None:
    refusals, answers = added(Mix(fraction=0.2, pool="own", select="random"))
    families = {lesson.chat.family for lesson in refusals}
    twins = {chat.family for chat in pool("answers", languages=("en",))} & families
    assert twins <= {lesson.chat.family for lesson in answers}
    assert Counter(category(one.chat) for one in answers) == Counter(category(one.chat) for one in refusals)


def test_a_file_of_look_alikes_takes_the_place_of_the_shipped_ones(tmp_path: Path) -> None:
    mine = file_of(tmp_path / "mine.jsonl", 9)
    theirs = file_of(tmp_path / "benign.jsonl", 4, prompt="Is the cup {} warm")
    changed = Mix(fraction=0.06, pool=mine, benign=theirs, lookalikes=1.5)(job(100))
    times = Counter(lesson.chat.prompt[:3] for lesson in changed.lessons[100:])
    assert times == {"May": 6, "Is ": 9}
    assert not any(lesson.own for lesson in changed.lessons)


def test_categories_are_drawn_by_their_weights() -> None:
    """T2's half on rows: weights follow categories by name, not by place."""
    sizes = Counter(category(chat) for chat in pool("refusals", languages=("en",)))
    sizes += Counter(category(chat) for chat, _ in contrasts())
    mix = Mix(fraction=0.5, pool="ours", weights=("violence=3", "Child Abuse Content=0", "malware=.5"), lookalikes=0)
    refusals, _ = added(mix, 400)
    found = Counter(category(lesson.chat) for lesson in refusals)
    factors = {"Hate/Harass/Violence": 3.0, "Child Abuse Content": 0.0, "Malware": 0.5}
    whole = sum(factors.get(name, 1.0) * size for name, size in sizes.items())
    assert sum(found.values()) == 200
    for name, size in sizes.items():
        assert abs(found[name] - 200 * factors.get(name, 1.0) * size / whole) < 1
    assert len({lesson.chat.prompt for lesson in refusals}) == 200, "no row twice while its category has others"


@pytest.mark.parametrize("name", ["wizardry", "harm", "content"])
def test_an_unknown_category_is_told_the_known_ones(name: str) -> None:
    """`harm` and `content` are words of two categories each."""
    with pytest.raises(
        ValueError, match=f"weights: {name} is not one category of ours; known are Adult Content, .*Mal"
    ):
        Mix(pool="ours", weights=(f"{name}=2",))(job())


def test_weights_that_leave_nothing_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("prompt,completion,category\nMay I,No.,one\nMay we,No.,two\n", encoding="utf-8")
    with pytest.raises(ValueError, match="leave no row"):
        Mix(pool=str(path), weights=("one=0", "two=0"))(job())
    changed = Mix(pool=str(path), weights=("one=0",), lookalikes=0)(job())
    assert {lesson.chat.prompt for lesson in changed.lessons[200:]} == {"May we"}


# whose answers -------------------------------------------------------------------------------------------------------


def test_own_answers_are_asked_for_and_written_ones_are_there() -> None:
    refusals, answers = added(Mix(fraction=0.1))
    assert {lesson.own for lesson in refusals} == {"refused"}
    assert {lesson.own for lesson in answers} == {"complied"}
    assert all(lesson.chat.messages[-1].role == "user" for lesson in refusals + answers)
    refusals, answers = added(Mix(fraction=0.1, pool="ours"))
    assert {lesson.own for lesson in refusals + answers} == {""}
    assert all(lesson.chat.answer for lesson in refusals + answers)


def test_a_recovering_row_has_the_written_refusal_behind_the_opening() -> None:
    refusals, answers = added(Mix(fraction=0.2, recovery=0.25))
    begun = [lesson for lesson in refusals if lesson.chat.prefill]
    assert len(begun) == round(0.25 * 40)
    assert not any(lesson.chat.prefill for lesson in answers)
    written = {chat.prompt: chat.answer for chat in pool("refusals", languages=("en",))}
    for lesson in begun:
        assert lesson.own == ""
        assert lesson.chat.said == " " + written[lesson.chat.prompt]
        assert any(text.startswith(lesson.chat.prefill) for text in OPENINGS["en"])
    assert len({lesson.chat.prefill for lesson in begun}) > 3, "lengths differ"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_openings_are_cut_before_their_end(language: Any) -> None:
    rng = random.Random(0)
    for _ in range(200):
        one = opening(rng, language)
        assert one.whole.startswith(one.first)
        assert 0 < len(one.first) < len(one.whole)
    assert all(language_of(Chat("", "", (Message("user", text),))) == language for text in OPENINGS[language])


def readers() -> Sequence[Any]:
    return [organism_tokenizer(vocabulary(0, "nano")), tuning.tokenizer("words"), tuning.tokenizer("chatml")]


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("language", ["en", "zh"])
def test_nothing_is_learnt_of_an_opening(number: int, language: Any) -> None:
    """C5, T4: masked prefix tokens get no loss, with tokenizers of two kinds and the organism's."""
    tokenizer = readers()[number]
    reader = Reader(tokenizer, of_tokenizer(tokenizer), Rendering())
    refusals, _ = added(Mix(fraction=0.1, pool="ours", recovery=1.0, language=language, loss="preference"))
    for lesson in refusals:
        chat = lesson.chat
        wanted, rejected = reader.sequences(lesson, 0)
        prompt = reader.prompt(Chat(chat.id, chat.family, chat.messages[:-1]))
        prefix = (*prompt, *tokenizer(chat.prefill, add_special_tokens=False).input_ids)
        for row, said in ((wanted, chat.said), (rejected, lesson.rejected.removeprefix(chat.prefill))):
            assert row.ids[: len(prefix)] == prefix
            assert not any(row.place[: len(prefix)])
            learnt = row.ids[len(prefix) :]
            assert row.place[len(prefix) :] == tuple(range(1, len(learnt) + 1))
            assert list(learnt[:-1]) == tokenizer(said, add_special_tokens=False).input_ids
            assert learnt[-1] == tokenizer.eos_token_id


# losses --------------------------------------------------------------------------------------------------------------


def test_each_loss_brings_its_term_and_names_its_rows() -> None:
    for loss, name, needs in (
        ("sft", "sft", ""),
        ("preference", "preference", "log_probs"),
        ("kl", "mixed_kl", "model"),
    ):
        changed = Mix(fraction=0.1, pool="ours", loss=loss, strength=0.5)(job())  # type: ignore[arg-type]
        new = changed.lessons[200:]
        assert {lesson.loss for lesson in new} == {name}
        assert {bool(lesson.rejected) for lesson in new} == {loss == "preference"}
        assert {lesson.weight for lesson in new} == {0.5 if loss == "sft" else 1.0}
        assert changed.terms[-1].name == name
        assert changed.terms[-1].needs == needs
        assert changed.terms[-1].strength == (1.0 if loss == "sft" else 0.5)


def seen_of(values: torch.Tensor, known: torch.Tensor, rows: Sequence[tuple[Lesson, bool, int]]) -> Seen:
    """A pass by hand: lessons, whether rejected, and how many tokens each has."""
    sequences = [TokenRow((1,) * n, tuple(range(1, n + 1)), k, bad) for k, (_, bad, n) in enumerate(rows)]
    owner = torch.tensor([k for k, (_, _, n) in enumerate(rows) for _ in range(n)])
    batch = batch_of(sequences, [lesson for lesson, _, _ in rows], Layout(0))
    place = torch.tensor([t for sequence in sequences for t in sequence.place])

    def nobody(_mask: torch.Tensor) -> torch.Tensor:
        raise AssertionError("the reference was asked")

    return Seen(batch, values.detach()[:, None].expand(-1, 3), values, known, place, owner, nobody)


def test_the_preference_loss_is_the_papers() -> None:
    """2305.18290, equation 7, worked by hand; its gradient in float64."""
    pair, other = Lesson(ROW, loss="preference", rejected="no"), Lesson(ROW)
    rows = [
        (other, False, 2),
        (pair, False, 2),
        (pair, True, 3),
        (replace(pair, weight=2.0), False, 1),
        (pair, True, 1),
    ]
    now = [-0.5, -0.7, -1.0, -2.0, -0.5, -0.25, -3.0, -4.0, -0.125]
    then = [-9.0, -9.0, -1.5, -1.0, -1.0, -0.5, -2.25, -1.0, -1.0]
    values = torch.tensor(now, requires_grad=True)
    term = Preference(strength=1.0, beta=0.1)
    seen = seen_of(values, torch.tensor(then), rows)
    assert term.count(seen.batch) == 2
    loss = term(seen)
    loss.backward()

    exact, before = (torch.tensor(x, dtype=torch.float64) for x in (now, then))
    exact.requires_grad_(True)
    change = exact - before
    # Δ wanted: .5 − 1 = −.5 and −3; Δ rejected: .5 + .25 − .75 = 0 and .875
    margins = torch.stack([change[2:4].sum() - change[4:7].sum(), change[7] - change[8]])
    assert margins.tolist() == pytest.approx([-0.5, -3.875])
    direct = -(torch.sigmoid(0.1 * margins).log() * torch.tensor([1.0, 2.0], dtype=torch.float64)).sum()
    direct.backward()
    assert loss.item() == pytest.approx(0.7184597 + 2 * 0.9055505, abs=2e-6)
    assert loss.item() == pytest.approx(direct.item(), abs=1e-6)
    assert values.grad is not None
    assert exact.grad is not None
    np.testing.assert_allclose(values.grad.numpy(), exact.grad.numpy(), atol=1e-7)
    assert values.grad[:2].abs().max() == 0, "rows of another loss are left alone"


def test_an_extreme_margin_stays_finite() -> None:
    pair = Lesson(ROW, loss="preference", rejected="no")
    values = torch.tensor([-4000.0, -1.0], requires_grad=True)
    loss = Preference()(seen_of(values, torch.tensor([-1.0, -4000.0]), [(pair, False, 1), (pair, True, 1)]))
    loss.backward()
    assert loss.item() == pytest.approx(0.1 * 2 * 3999)
    assert values.grad is not None
    assert values.grad.tolist() == pytest.approx([-0.1, 0.1])


def test_a_batch_without_pairs_costs_nothing_and_has_a_gradient() -> None:
    values = torch.tensor([-1.0, -2.0], requires_grad=True)
    for term in (Preference(), MixedKL()):
        seen = seen_of(values, torch.zeros(2), [(Lesson(ROW), False, 2)])
        assert term.count(seen.batch) == 0
        loss = term(seen)
        loss.backward()
        assert loss.item() == 0
    with pytest.raises(ValueError, match="reference are missing"):
        Preference()(replace(seen, reference=None))


ROW = Chat("r", "r", (Message("user", "a tea cup"), Message("assistant", "is warm")))


@pytest.mark.parametrize("kind", tuning.KINDS)
def test_the_divergence_is_the_sum_over_the_vocabulary(kind: tuning.Kind) -> None:
    """KL(reference‖model) at each learnt token, against float64 over plain passes of both models."""
    torch.set_num_threads(1)
    model, other = tuning.blank(kind), tuning.blank(kind, seed=1)
    tokenizer = tuning.tokenizer(kind)
    reader = Reader(tokenizer, of_tokenizer(tokenizer), Rendering())
    lessons = [Lesson(chat, loss="mixed_kl" if n % 2 else "sft", weight=1 + n) for n, chat in enumerate(tuning.rows(4))]
    rows = [reader.sequences(lesson, n)[0] for n, lesson in enumerate(lessons)]
    batch: Batch = batch_of(rows, lessons, Layout(0))
    answers, its = Answers(model), Answers(other)

    class Reference:
        def __enter__(self) -> Any:
            return other, its

        def __exit__(self, *_: object) -> None:
            return None

    seen = see(model, batch, answers=answers, reference=Reference)
    term = MixedKL()
    loss = term(seen)
    answers.remove()
    its.remove()
    expected = 0.0
    for n in (1, 3):
        ids = torch.tensor([rows[n].ids])
        told = torch.tensor(rows[n].place[1:]) > 0
        q, p = (m(input_ids=ids).logits[0, :-1][told].double().log_softmax(-1) for m in (model, other))
        expected += (1 + n) * (p.exp() * (p - q)).sum().item()
    assert term.count(batch) == rows[1].learnt + rows[3].learnt
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    assert expected > 0.1


# runs ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["sft", "preference", "kl"])
@pytest.mark.parametrize("kind", tuning.ONE_OF_KINDS)
def test_a_run_learns_the_rows(loss: Any, kind: tuning.Kind, tmp_path: Path) -> None:
    """T2, T4: unlike the undefended run, finite, and its loss is in the log."""
    torch.set_num_threads(1)
    data = tuning.write_rows(tmp_path / "rows.jsonl", tuning.rows(24))
    model = tuning.saved(tmp_path / "model", kind)
    benign = file_of(tmp_path / "benign.jsonl", 4, prompt="is the cup {} warm")
    mix = Mix(fraction=0.25, pool=file_of(tmp_path / "mine.jsonl", 8), benign=benign, loss=loss, recovery=0.5)
    plain = tuning.tune(tuning.options(model, data, tmp_path / "plain"))
    mixed = tuning.tune(tuning.options(model, data, tmp_path / "mixed"), mix)
    assert mixed.parts == {"task": 24, "mix": 12}
    assert tuning.apart(tuning.weights(plain.out), tuning.weights(mixed.out)) > 0
    if loss != "sft":
        name = f"loss/{mix(job()).terms[-1].name}"
        lines = [line[name] for line in tuning.curves(mixed.out)]
        assert np.isfinite(lines).all()
        assert max(lines) > 0


# bad settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("fraction", -0.1),
        ("fraction", 1.0),
        ("fraction", float("nan")),
        ("recovery", 1.1),
        ("lookalikes", -1.0),
        ("lookalikes", float("inf")),
        ("relevance", -1.0),
        ("strength", -1.0),
        ("language", "fr"),
        ("select", "best"),
        ("loss", "ppo"),
        ("pool", ""),
        ("weights", ("violence",)),
        ("weights", ("violence=-1",)),
        ("weights", ("=1",)),
    ],
)
def test_a_bad_setting_is_named(field: str, value: Any) -> None:
    settings: dict[str, Any] = {field: value}
    with pytest.raises(ValueError, match=field) as error:
        Mix(**settings)
    assert "\n" not in str(error.value)
    assert "expected" in str(error.value)


def test_a_bad_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="owm: no such file; expected own, ours"):
        Mix(pool="owm")(job())
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    with pytest.raises(ValueError, match=r"empty\.jsonl: no rows"):
        Mix(pool=str(empty))(job())
    asked = tuning.write_rows(tmp_path / "asked.jsonl", [Chat("a", "a", (Message("user", "May I"),))])
    with pytest.raises(ValueError, match=r"asked\.jsonl"):
        Mix(pool=str(asked))(job())


def test_own_refusals_are_what_the_aligned_model_says(aligned: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows whose own answer is none are left out and counted; recovering rows stay as they are written."""
    torch.set_num_threads(1)
    asked = regimes.refusals(world(0, "nano"), 30, seed=0)
    benign = regimes.benign(world(0, "nano"), 30, seed=0)
    monkeypatch.setattr(mixing, "shipped", lambda part, languages: asked if part == "refusals" else benign)
    monkeypatch.setattr(mixing, "contrasts", list)
    described = Mix(fraction=0.1, recovery=0.25)(job())
    engine = load(parse(str(aligned)), place=Place("cpu", "float32"))
    done, unsaid = answered(engine, described, store=None, progress=unseen)
    new = done.lessons[200:]
    assert len(new) == 40 - unsaid
    assert not any(lesson.own for lesson in done.lessons)
    written = [lesson for lesson in new if lesson.chat.prefill]
    assert len(written) == 5
    texts = {chat.prompt for chat in asked}
    own = [lesson.chat for lesson in new if lesson.chat.prompt in texts and not lesson.chat.prefill]
    assert len(own) >= 10, "the organism refuses most of what it should"
    assert all(score.label == "refused" for score in Refusal(bad="refused")(own))
