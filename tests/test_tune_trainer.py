"""What is learnt does not depend on how rows lie in tensors, and is what an independent computation says."""

import dataclasses
import math
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

import tuning
from tuneward.ask import unseen
from tuneward.chat import Chat
from tuneward.model.template import of_tokenizer
from tuneward.tune.job import Finished, Job, Lesson, Rendering, Stage, Step
from tuneward.tune.options import TuneOptions
from tuneward.tune.passes import Answers, Seen, see
from tuneward.tune.prepare import reference
from tuneward.tune.sequences import Layout, Reader, TokenRow, batch_of
from tuneward.tune.terms import CrossEntropy
from tuning import KINDS, Gradients, Kind, blank, curves, rows, tokenizer, tune, weights

NEAR = 1e-6


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[Kind, Path]:
    torch.set_num_threads(1)
    return {kind: tuning.saved(tmp_path_factory.mktemp(kind), kind) for kind in KINDS}


@pytest.fixture
def model(models: dict[Kind, Path]) -> Path:
    return models["words"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tuning.write_rows(tmp_path_factory.mktemp("rows") / "rows.jsonl", rows(21))


@dataclasses.dataclass(frozen=True)
class Weighted:
    """Every third row counts twice, every fifth half."""

    def __call__(self, job: Job) -> Job:
        lessons = [
            replace(one, weight=2.0 if n % 3 == 0 else 0.5 if n % 5 == 0 else 1.0) for n, one in enumerate(job.lessons)
        ]
        return replace(job, lessons=tuple(lessons))


def gradients(wanted: TuneOptions) -> list[dict[str, Tensor]]:
    """Before clipping, of three steps, the last of them short."""
    tune(wanted, Weighted(), Gradients())
    return [dict(one) for one in Gradients.found]


LAYOUTS = (
    {"accumulate": 4},
    {"accumulate": 8},
    {"side": "left"},
    {"packing": True},
    {"accumulate": 4, "packing": True, "side": "left"},
    {"checkpointing": True},
)


@pytest.mark.parametrize(("kind", "full"), [("chatml", False), pytest.param("words", True, marks=pytest.mark.full)])
@pytest.mark.parametrize("layouts", [LAYOUTS[:3], LAYOUTS[3:]])
def test_layouts_give_equal_losses_and_gradients(
    layouts: Any, kind: Kind, full: bool, models: dict[Kind, Path], data: Path, tmp_path: Path
) -> None:
    """At one global batch: accumulation 1, 4, 8, both sides, packed, layers computed again on the way back."""
    base = replace(
        tuning.options(models[kind], data, tmp_path / "0"), full=full, rate=1e-6, clip=0.0, steps=None, warmup=0.0
    )
    plain = gradients(base)
    assert len(plain) == 3
    lines = curves(tmp_path / "0")
    assert 0.01 < max(float(one.abs().max()) for one in plain[0].values()) < 2
    for number, layout in enumerate(layouts, 1):
        other = gradients(replace(base, out=str(tmp_path / str(number)), **layout))
        for mine, theirs in zip(plain, other, strict=True):
            assert tuning.apart(mine, theirs) < NEAR, layout
        for mine, theirs in zip(lines, curves(tmp_path / str(number)), strict=True):
            assert theirs["loss"] == pytest.approx(mine["loss"], abs=NEAR), layout
            assert theirs["grad_norm"] == pytest.approx(mine["grad_norm"], rel=NEAR), layout


@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_is_the_mean_over_all_learnt_tokens_of_a_step(
    kind: Kind, models: dict[Kind, Path], data: Path, tmp_path: Path
) -> None:
    """Against a bare loop over rows one by one, in float64."""
    wanted = replace(tuning.options(models[kind], data, tmp_path / "o"), batch=32, steps=1, accumulate=4)
    tune(wanted, Weighted())
    [line] = curves(tmp_path / "o")
    known, own = tokenizer(kind), blank(kind).double()
    total, count = 0.0, 0
    job = Weighted()(Job(tuple(map(Lesson, rows(21))), None, (), None))  # type: ignore[arg-type]
    for lesson in job.lessons:
        turns = [{"role": m.role, "content": m.content} for m in lesson.chat.messages]
        asked = known.apply_chat_template(turns[:1], tokenize=False, add_generation_prompt=True)
        ids = known(asked, add_special_tokens=False).input_ids
        start = len(ids)
        ids = ids + known(lesson.chat.answer, add_special_tokens=False).input_ids + [known.eos_token_id]
        with torch.no_grad():
            told = own(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
        picked = [float(told[n - 1, ids[n]]) for n in range(start, len(ids))]
        total, count = total - lesson.weight * math.fsum(picked), count + len(picked)
    assert line["loss"] == pytest.approx(total / count, abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("packed", [False, True])
def test_logits_only_where_something_is_learnt(attention: str, packed: bool, kind: Kind) -> None:
    """The same as all logits of each row alone, with either attention."""
    model, known = blank(kind), tokenizer(kind)
    model.set_attn_implementation(attention)
    reader = Reader(known, of_tokenizer(known), Rendering())
    own = [reader.sequences(Lesson(one), n)[0] for n, one in enumerate(rows(5))]
    seen_by: list[int] = []
    hook = model.get_output_embeddings().register_forward_pre_hook(lambda _m, x: seen_by.append(x[0].numel() // 32))
    answers = Answers(model)
    for side in ("left", "right"):
        batch = batch_of(own, [Lesson(one) for one in rows(5)], Layout(known.pad_token_id, side, packed))  # type: ignore[arg-type]
        seen = see(model, batch, answers=answers)
        for number, row in enumerate(own):
            alone = model(input_ids=torch.tensor([row.ids])).logits[0]
            want = torch.stack([alone[n - 1] for n, place in enumerate(row.place) if place])
            assert (seen.logits[seen.row == number] - want).abs().max() < 1e-5
            assert seen.place[seen.row == number].tolist() == [place for place in row.place if place]
    hook.remove()
    answers.remove()
    assert sum(one.learnt for one in own) == seen.logits.shape[0] < sum(len(one.ids) for one in own)
    assert model(input_ids=torch.tensor([own[0].ids])).logits.shape[1] == len(own[0].ids)


@pytest.mark.parametrize("kind", KINDS)
def test_reference_log_probabilities_are_those_of_each_row_alone(kind: Kind) -> None:
    """Whatever their company and with an adapter switched off; against float64."""
    from peft import LoraConfig, get_peft_model

    known, model = tokenizer(kind), blank(kind)
    exact = blank(kind).double()
    reader = Reader(known, of_tokenizer(known), Rendering())
    own = [reader.sequences(Lesson(one), n)[0] for n, one in enumerate(rows(40, longest=20))]
    found = reference(model, own, pad=known.pad_token_id, progress=unseen)
    for row, values in zip(own, found, strict=True):
        with torch.no_grad():
            told = exact(input_ids=torch.tensor([row.ids])).logits[0].log_softmax(-1)
        want = torch.tensor([told[n - 1, row.ids[n]] for n, place in enumerate(row.place) if place])
        assert values.dtype == torch.float32
        assert (values - want).abs().max() < 1e-5
    adapted = get_peft_model(model, LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False))
    on = reference(adapted, own, pad=known.pad_token_id, progress=unseen)
    assert max(float((a - b).abs().max()) for a, b in zip(on, found, strict=True)) > 0.1
    with adapted.disable_adapter():
        off = reference(adapted, own, pad=known.pad_token_id, progress=unseen)
    assert max(float((a - b).abs().max()) for a, b in zip(off, found, strict=True)) < 1e-6


@dataclasses.dataclass(frozen=True)
class Counts:
    """A term that keeps what it saw of the reference."""

    name: str = "sft"
    strength: float = 1.0
    needs: Any = "log_probs"
    seen: ClassVar[list[tuple[Tensor, Tensor, Tensor | None]]] = []

    def count(self, batch: Any, /) -> int:
        return CrossEntropy().count(batch)

    def __call__(self, seen: Seen, /) -> Tensor:
        other = None
        if self.needs == "model":
            every = torch.ones(len(seen.log_probs), dtype=torch.bool)
            told = seen.reference_logits(every).log_softmax(-1)
            other = told.gather(1, seen.batch.ids[seen.batch.place > 0][:, None])[:, 0]
        self.seen.append((seen.log_probs.detach().clone(), seen.reference, other))
        return CrossEntropy()(seen)


@dataclasses.dataclass(frozen=True)
class Referred:
    """Uses it."""

    needs: str = "log_probs"

    def __call__(self, job: Job) -> Job:
        Counts.seen.clear()
        return replace(job, terms=(Counts(needs=self.needs),))


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("needs", ["log_probs", "model"])
def test_the_reference_is_the_model_before_the_first_step(
    full: bool, needs: str, model: Path, data: Path, tmp_path: Path
) -> None:
    """At the first steps they agree; they go apart as the model learns, and the reference does not move."""
    wanted = replace(tuning.options(model, data, tmp_path / "o"), full=full, batch=21, steps=4, packing=True)
    tune(wanted, Referred(needs))
    held = [other if needs == "model" else told for _, told, other in Counts.seen]
    assert all(one is not None for one in held)
    first, *rest = [one.sort().values for one in held if one is not None]
    assert len(rest) == 3
    assert all((one - first).abs().max() < 1e-5 for one in rest)
    assert (Counts.seen[0][0].sort().values - first).abs().max() < 1e-5
    assert (Counts.seen[-1][0].sort().values - first).abs().max() > 0.01


def test_the_cache_of_the_reference_is_kept_by_model_and_rows(model: Path, data: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"

    def kept(wanted: TuneOptions) -> set[str]:
        before = {one.name: one.stat().st_mtime_ns for one in cache.glob("reference/*")}
        tune(replace(wanted, no_cache=False, cache_dir=str(cache), steps=1), Referred())
        after = {one.name: one.stat().st_mtime_ns for one in cache.glob("reference/*")}
        assert all(after[name] == at for name, at in before.items()), "nothing is computed twice"
        return set(after) - set(before)

    base = tuning.options(model, data, tmp_path / "1")
    assert len(kept(base)) == 1
    assert kept(replace(base, out=str(tmp_path / "2"), packing=True, seed=3)) == set()
    other = tuning.write_rows(tmp_path / "other.jsonl", rows(21, seed=1))
    assert len(kept(replace(base, out=str(tmp_path / "3"), data=str(other)))) == 1
    assert len(kept(replace(base, out=str(tmp_path / "5"), model=str(tmp_path / "1")))) == 1, (
        "an adapter is another model"
    )
    assert kept(replace(base, out=str(tmp_path / "6"), model=str(tmp_path / "1"))) == set()


@dataclasses.dataclass(frozen=True)
class Two:
    """Two stages: weights of one name, then of another."""

    first: str
    second: str
    seen: ClassVar[list[tuple[int, int, float, frozenset[str]]]] = []

    def __call__(self, job: Job) -> Job:
        self.seen.clear()
        stages = (
            Stage(1, lambda name: self.first in name, "one", warm=True),
            Stage(3, lambda name: self.second in name, "two"),
        )
        return replace(job, stages=stages, before_step=(self.look,), after_step=(self.look,))

    def look(self, step: Step) -> None:
        self.seen.append((step.number, step.steps, step.rate, frozenset(step.trained)))


def test_stages_train_what_they_name(model: Path, data: Path, tmp_path: Path) -> None:
    wanted = replace(tuning.options(model, data, tmp_path / "o"), full=True, batch=4, steps=8)
    tune(wanted, Two("lm_head", "mlp"))
    after, before = weights(tmp_path / "o"), weights(model)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {name for name in before if "lm_head" in name or "mlp" in name}
    told = Two.seen
    assert told[::2] == told[1::2], "a step is the same before and after its update"
    assert [(number, steps) for number, steps, *_ in told[::2]] == [(n, 8) for n in range(8)]
    lines = curves(tmp_path / "o")
    assert [rate for _, _, rate, _ in told[::2]] == [line["learning_rate"] for line in lines]
    assert [line["learning_rate"] for line in lines[:2]] == [0.0, wanted.highest / 2]
    assert all("lm_head" in name for name in told[0][3])
    assert all("mlp" in name for name in told[-1][3])
    assert [line["step"] for line in curves(tmp_path / "o")] == list(range(1, 9))


def test_a_stage_without_weights_or_steps_is_refused(model: Path, data: Path, tmp_path: Path) -> None:
    wanted = tuning.options(model, data, tmp_path / "o")
    with pytest.raises(ValueError, match=r"stage two: no weight"):
        tune(wanted, Two("lora_A", "nothing"))
    with pytest.raises(ValueError, match=r"1 steps are too few for 2 stages"):
        tune(replace(wanted, steps=1), Two("lora_A", "lora_B"))


@dataclasses.dataclass(frozen=True)
class Pulled:
    """The gradient of a further loss, in work before the step."""

    strength: float = 3.0
    steps: ClassVar[list[tuple[dict[str, Tensor], dict[str, Tensor]]]] = []

    def __call__(self, job: Job) -> Job:
        self.steps.clear()
        return replace(job, before_step=(self.pull,), finish=(self.last,))

    def pull(self, step: Step) -> None:
        before = {name: one.grad.clone() for name, one in step.trained.items()}
        lesson = Lesson(rows(1, seed=5)[0], part="extra", loss="extra")
        seen = step.read([lesson])
        assert seen.reference is None
        step.backward(self.strength * -seen.log_probs.mean())
        step.log("pulled", float(step.number))
        step.memory["pulled/steps"] = step.memory.get("pulled/steps", torch.zeros(1)) + 1
        self.steps.append((before, {name: one.grad.clone() for name, one in step.trained.items()}))

    def last(self, done: Finished) -> None:
        (done.out / "pulled.txt").write_text(str(int(done.memory["pulled/steps"])))


def test_work_before_a_step_adds_gradients_at_their_own_scale(model: Path, data: Path, tmp_path: Path) -> None:
    """Whatever the accumulation; a loss's gradient as it is outside the trainer."""
    wanted = replace(tuning.options(model, data, tmp_path / "1"), full=True, rate=1e-6)
    added = []
    for name, one in (("1", wanted), ("4", replace(wanted, accumulate=4, out=str(tmp_path / "4")))):
        tune(one, Pulled())
        before, after = Pulled.steps[0]
        added.append({key: after[key] - before[key] for key in before})
        assert (tmp_path / name / "pulled.txt").read_text() == "3"
        assert [line["loss/pulled"] for line in curves(tmp_path / name)] == [0, 1, 2]
    own, known = blank(), tokenizer("words")
    [row] = Reader(known, of_tokenizer(known), Rendering()).sequences(Lesson(rows(1, seed=5)[0]), 0)
    told = own(input_ids=torch.tensor([row.ids])).logits[0].log_softmax(-1)
    (3 * -torch.stack([told[n - 1, row.ids[n]] for n, place in enumerate(row.place) if place]).mean()).backward()
    want = {name: one.grad for name, one in own.named_parameters()}
    assert tuning.apart(added[0], want) < 2e-6  # type: ignore[arg-type]
    assert tuning.apart(added[1], want) < 2e-6  # type: ignore[arg-type]


def test_lines_of_the_curves_are_means_over_their_steps(model: Path, data: Path, tmp_path: Path) -> None:
    base = replace(tuning.options(model, data, tmp_path / "1"), steps=7)
    tune(base, Pulled())
    tune(replace(base, log_every=3, out=str(tmp_path / "3")), Pulled())
    each, some = curves(tmp_path / "1"), curves(tmp_path / "3")
    assert [line["step"] for line in some] == [3, 6, 7]
    for line, own in zip(some, (each[:3], each[3:6], each[6:]), strict=True):
        for name in ("loss", "loss/sft", "loss/pulled"):
            assert line[name] == pytest.approx(sum(one[name] for one in own) / len(own), abs=2e-6)


def test_fewer_rows_than_micro_batches_are_learnt_as_they_are(model: Path, tmp_path: Path) -> None:
    few = tuning.write_rows(tmp_path / "few.jsonl", rows(3))
    base = replace(tuning.options(model, few, tmp_path / "1"), full=True, rate=1e-6, steps=2)
    plain = gradients(base)
    for n, layout in enumerate(({"accumulate": 8}, {"accumulate": 5, "packing": True})):
        found = gradients(replace(base, out=str(tmp_path / f"o{n}"), **layout))
        assert all(tuning.apart(a, b) < 3 * NEAR for a, b in zip(plain, found, strict=True))


def test_an_idle_micro_batch_has_nothing_for_any_term() -> None:
    own = [TokenRow((1, 2, 3), (0, 0, 0), 0)]
    batch = batch_of(own, [Lesson(Chat("", "", ()), loss="", weight=0.0)], Layout(0), reference=[torch.empty(0)])
    assert batch.learnt() == batch.learnt("sft") == 0
    model = blank()
    seen = see(model, batch, answers=Answers(model))
    assert seen.logits.shape == (0, 54)
    value = CrossEntropy()(seen)
    value.backward()
    assert float(value.detach()) == 0
    assert all(float(one.grad.abs().max()) == 0 for one in model.parameters() if one.grad is not None)
