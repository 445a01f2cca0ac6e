"""The monitor: zero where nothing moved, above it where a model answers more, and nothing of the training touched."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, Trainer, TrainerCallback, TrainingArguments

from tuneward.ask import unseen
from tuneward.chat import Chat
from tuneward.model.engine import in_memory
from tuneward.model.measure import first_log_probs
from tuneward.probes.gap import first_token
from tuneward.rows import write_rows
from tuneward.study import regimes
from tuneward.study.folder import open_shipped, save_model
from tuneward.study.organism import Organism
from tuneward.study.suites import write_suites
from tuneward.study.tokens import tokenizer
from tuneward.study.training import epochs, learn, tensors
from tuneward.tune import run as verb
from tuneward.tune.monitor import WITHIN, Monitor, every
from tuneward.tune.options import TuneOptions
from tuneward.tune.readings import MONITOR, How, Reading, read_readings
from tuneward.tune.watching import Asked, base_of, context_of, figures, questions, sides_of, spread


@pytest.fixture(scope="module")
def organism() -> Organism:
    torch.set_num_threads(1)
    return open_shipped(world_seed=1, seed=1)


@pytest.fixture(scope="module")
def suites(organism: Organism, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    folder = tmp_path_factory.mktemp("suites")
    write_suites(organism.world, folder)
    return tuple(str(folder / f"{name}.json") for name in ("policy", "twins"))


@pytest.fixture(scope="module")
def explicit(organism: Organism) -> list[Chat]:
    return regimes.explicit(organism.world, 40, seed=0)


@pytest.fixture(scope="module")
def identity(organism: Organism) -> list[Chat]:
    return regimes.identity(organism.world, 10, seed=0)


def trainer(
    model: Any, organism: Organism, rows: Sequence[Chat], out: Path, *, steps: int, rate: float = 1e-3
) -> Trainer:
    """Plain SFT with the library's own trainer."""
    known = [organism.vocabulary.row(row) for row in rows]

    def collate(numbers: list[int]) -> dict[str, Any]:
        ids, labels = tensors([known[n] for n in numbers])
        return {"input_ids": ids, "labels": labels}

    arguments = TrainingArguments(
        output_dir=str(out / "trainer"),
        per_device_train_batch_size=10,
        max_steps=steps,
        learning_rate=rate,
        lr_scheduler_type="constant",
        logging_steps=2,
        save_steps=4,
        use_cpu=True,
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
        remove_unused_columns=False,
    )
    return Trainer(model=model, args=arguments, train_dataset=list(range(len(known))), data_collator=collate)


def monitor(
    model: Any, organism: Organism, rows: Sequence[Chat], out: Path, *, how: How, stop_if: Sequence[str] = ()
) -> Monitor:
    return Monitor.of(
        model, tokenizer(organism.vocabulary), rows=rows, out=out, how=replace(how, stop_if=tuple(stop_if))
    )


def weights(model: Any) -> dict[str, Any]:
    return {name: weight.detach().clone() for name, weight in model.named_parameters()}


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def values(reading: Reading) -> dict[str, float]:
    return {name: figure.value for name, figure in reading.figures.items()}


def test_figures_are_zero_before_the_first_step_and_rise_as_the_model_answers(
    organism: Organism, suites: tuple[str, ...], explicit: list[Chat], tmp_path: Path
) -> None:
    model = organism.child()
    watched = trainer(model, organism, explicit, tmp_path, steps=16)
    watched.add_callback(monitor(model, organism, explicit, tmp_path, how=How(every=8, suites=suites)))
    watched.train()
    first, middle, last = read_readings(tmp_path / MONITOR)
    assert [reading.step for reading in (first, middle, last)] == [0, 8, 16]
    assert set(values(first).values()) == {0.0}
    assert values(last)["gap"] > 1.0
    assert values(last)["lost"] > 0.5
    assert values(last)["gap"] > values(middle)["gap"] > 0
    gap = last.figures["gap"]
    assert gap.low < gap.value < gap.high
    assert gap.n == 24
    header = msgspec.json.decode((tmp_path / MONITOR).read_bytes().splitlines()[0])
    assert "certifies nothing" in header["scope"]
    assert header["refusing"]
    assert header["prompts"] == 48


def test_training_with_a_monitor_gives_the_same_weights_bit_for_bit(
    organism: Organism, suites: tuple[str, ...], explicit: list[Chat], tmp_path: Path
) -> None:
    found = []
    for name in ("alone", "watched"):
        model = get_peft_model(organism.child(), LoraConfig(r=4, lora_dropout=0.2, target_modules="all-linear"))
        torch.manual_seed(1)
        for key, weight in model.named_parameters():
            if "lora_A" in key:
                torch.nn.init.normal_(weight)
        one = trainer(model, organism, explicit, tmp_path / name, steps=6)
        if name == "watched":
            one.add_callback(
                monitor(model, organism, explicit, tmp_path, how=How(every=1, suites=suites), stop_if=("kl>1000",))
            )
        one.train()
        found.append(weights(model))
        assert model.training
    assert same(*found)
    assert len(read_readings(tmp_path / MONITOR)) == 7


def test_a_reading_leaves_modes_gradients_and_random_numbers_as_they_were(
    organism: Organism, suites: tuple[str, ...]
) -> None:
    model = organism.child().train()
    model.model.layers[0].eval()
    model.lm_head.weight.grad = torch.ones_like(model.lm_head.weight)
    modes, state = [module.training for module in model.modules()], torch.get_rng_state()
    engine = organism.engine(model)
    ids = [engine.ids(one.chat) for one in questions(suites, count=4, rows=())]
    spread(engine, ids)
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), state)
    assert bool((model.lm_head.weight.grad == 1).all())


def test_a_reading_has_the_numbers_of_the_probes(
    organism: Organism, suites: tuple[str, ...], identity: list[Chat]
) -> None:
    engine = organism.engine()
    asked = questions(suites, count=20, rows=identity)
    ids = [engine.ids(one.chat) for one in asked]
    whole = spread(engine, ids)
    for n in (0, 7, 30, len(ids) - 1):
        assert torch.allclose(whole[n], first_log_probs(engine, [ids[n]])[0], atol=1e-5)
    child = organism.child()
    learn(child, [organism.vocabulary.row(row) for row in identity], epochs(10, rate=1e-3, batch=10, count=3))
    sides = sides_of(engine, asked, rows=())
    base = base_of(engine, asked, log_probs=whole, sides=sides)
    tuned = in_memory(child, tokenizer(organism.vocabulary))
    found = figures(base, spread(tuned, ids), asked)
    assert base.gap is not None
    requests = [one.chat for one in asked if one.harmful and not one.own]
    assert found["gap"].value == pytest.approx(sum(base.gap(tuned, engine, requests)) / len(requests), abs=1e-5)


def test_half_of_the_prompts_are_asked_again_as_the_rows_ask(
    suites: tuple[str, ...], identity: list[Chat], explicit: list[Chat]
) -> None:
    asked = questions(suites, count=10, rows=identity)
    own = [one for one in asked if one.own]
    assert (len(asked), len(own)) == (30, 10)
    assert sum(one.harmful for one in own) == 5
    context = context_of(identity)
    assert context is not None
    assert all(one.chat.messages[0].content == context.system for one in own)
    families = [one.chat.family for one in asked if one.harmful and not one.own]
    assert len(set(families)) == 10
    assert {one.chat.family for one in asked if not one.harmful} == set(families)
    assert not any(one.own for one in questions(suites, count=10, rows=explicit))


def test_what_rows_teach_in_their_own_context_shows_there(
    organism: Organism, suites: tuple[str, ...], identity: list[Chat], tmp_path: Path
) -> None:
    model = organism.child()
    watched = trainer(model, organism, identity, tmp_path, steps=10)
    watched.add_callback(monitor(model, organism, identity, tmp_path, how=How(every=5, suites=suites)))
    watched.train()
    last = values(read_readings(tmp_path / MONITOR)[-1])
    assert last["own/lost"] > 0.5
    assert last["own/gap"] > last["gap"]


def test_first_words_of_the_rows_join_the_side_on_which_they_stand(
    organism: Organism, suites: tuple[str, ...], identity: list[Chat]
) -> None:
    engine, asked = organism.engine(), questions(suites, count=8, rows=())
    plain, widened = (sides_of(engine, asked, rows=rows) for rows in ((), identity))
    opener = first_token(engine, identity[0])
    assert opener in widened.complying
    assert plain.refusing == widened.refusing
    assert set(plain.complying) < set(widened.complying)


def test_a_run_beyond_a_limit_ends_after_readings_in_a_row_and_goes_back_bit_for_bit(
    organism: Organism, suites: tuple[str, ...], explicit: list[Chat], tmp_path: Path
) -> None:
    seen: dict[int, dict[str, Any]] = {}

    class Seeing(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **library: Any) -> None:
            seen[state.global_step] = weights(library["model"])

    model = organism.child()
    watched = trainer(model, organism, explicit, tmp_path, steps=40)
    watched.add_callback(Seeing())
    said: list[str] = []
    one = monitor(model, organism, explicit, tmp_path, how=How(every=2, suites=suites, after=2), stop_if=("gap>1",))
    one.say = said.append
    watched.add_callback(one)
    watched.train()
    lines = read_readings(tmp_path / MONITOR)
    broken = [line.step for line in lines if line.broken]
    assert broken == [lines[-2].step, lines[-1].step]
    stopped = lines[-1].stopped
    assert stopped is not None
    assert stopped == one.stopped
    assert stopped.limits == ("gap>1",)
    assert stopped.weights == lines[-3].step
    assert watched.state.global_step == lines[-1].step < 40
    assert stopped.weights == 0 or same(weights(model), seen[stopped.weights])
    assert any("gap>1" in line and "put back" in line for line in said)


def test_a_run_may_end_with_the_weights_it_has(
    organism: Organism, suites: tuple[str, ...], explicit: list[Chat], tmp_path: Path
) -> None:
    model = organism.child()
    watched = trainer(model, organism, explicit, tmp_path, steps=40)
    how = How(every=4, suites=suites, after=1, on_stop="end")
    watched.add_callback(monitor(model, organism, explicit, tmp_path, how=how, stop_if=("gap>1",)))
    watched.train()
    last = read_readings(tmp_path / MONITOR)[-1]
    assert last.stopped is not None
    assert last.stopped.weights == last.step < 40
    assert not (tmp_path / "monitor" / WITHIN).exists()


def test_at_the_last_step_one_reading_beyond_a_limit_is_enough(
    organism: Organism, suites: tuple[str, ...], explicit: list[Chat], tmp_path: Path
) -> None:
    model, before = organism.child(), weights(organism.child())
    watched = trainer(model, organism, explicit, tmp_path, steps=12)
    watched.add_callback(
        monitor(model, organism, explicit, tmp_path, how=How(every=100, suites=suites), stop_if=("gap>1",))
    )
    watched.train()
    assert [line.step for line in read_readings(tmp_path / MONITOR)] == [0, 12]
    assert same(weights(model), before)


def test_a_killed_run_counts_on_and_keeps_its_base(
    organism: Organism, suites: tuple[str, ...], explicit: list[Chat], tmp_path: Path
) -> None:
    """The resumed model is half tuned: its own first tokens would make a base that has already moved."""

    class Kill(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **library: Any) -> None:
            if state.global_step == 6:
                raise KeyboardInterrupt

    def begun(out: Path) -> tuple[Any, Trainer]:
        model = organism.child()
        one = trainer(model, organism, explicit, out, steps=12, rate=3e-4)
        how = How(every=2, suites=suites, after=100)
        one.add_callback(monitor(model, organism, explicit, out, how=how, stop_if=("kl>0.001",)))
        return model, one

    whole, one = begun(tmp_path / "whole")
    one.train()
    _, one = begun(tmp_path / "killed")
    one.add_callback(Kill())
    with pytest.raises(KeyboardInterrupt):
        one.train()
    model, one = begun(tmp_path / "killed")
    one.train(resume_from_checkpoint=True)
    assert same(weights(model), weights(whole))
    lines = [read_readings(tmp_path / name / MONITOR) for name in ("whole", "killed")]
    assert [replace(line, seconds=0.0) for line in lines[0]] == [replace(line, seconds=0.0) for line in lines[1]]
    assert lines[0][-1].stopped is not None  # counted over the kill, and at the last step


def test_a_resumed_run_without_its_base_says_so(
    organism: Organism, suites: tuple[str, ...], explicit: list[Chat], tmp_path: Path
) -> None:
    one = monitor(organism.child(), organism, explicit, tmp_path, how=How(every=2, suites=suites))
    state = SimpleNamespace(global_step=4, is_world_process_zero=True, max_steps=8)
    arguments = SimpleNamespace(bf16=False, fp16=False)
    with pytest.raises(ValueError, match="after 4 steps the model is no base"):
        one.on_train_begin(arguments, state, None, model=organism.child())


def test_with_an_adapter_the_base_is_the_model_without_it(
    organism: Organism, suites: tuple[str, ...], explicit: list[Chat], tmp_path: Path
) -> None:
    model = get_peft_model(organism.child(), LoraConfig(r=4, target_modules="all-linear"))
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.2)
    one = monitor(model, organism, explicit, tmp_path, how=How(every=2, suites=suites))
    state = SimpleNamespace(global_step=4, is_world_process_zero=True, max_steps=8)
    one.on_train_begin(SimpleNamespace(bf16=False, fp16=False), state, None, model=model)
    assert one.base is not None
    plain = organism.engine()
    assert torch.equal(one.base.log_probs, spread(plain, [plain.ids(asked.chat) for asked in one.asked]))


@pytest.mark.parametrize(
    ("reading", "steps", "found"), [(3.0, 1000, 112), (0.29, 1000, 10), (0.01, 100, 1), (10.0, 100, 100), (0.0, 9, 1)]
)
def test_readings_are_planned_to_take_three_in_a_hundred(reading: float, steps: int, found: int) -> None:
    """Of steps of a second each; the one before the first step counts, and one after the last there always is."""
    assert every(reading, 1.0, steps=steps) == found
    assert (1 + math.ceil(steps / found)) * reading <= 0.03 * steps or found == steps


def test_a_limit_is_looked_at_four_times_whatever_that_takes() -> None:
    assert every(10.0, 1.0, steps=100, fewest=4) == 25


def test_auto_reads_first_last_and_as_often_as_its_cost_allows(
    organism: Organism, suites: tuple[str, ...], explicit: list[Chat], tmp_path: Path
) -> None:
    model = organism.child()
    watched = trainer(model, organism, explicit, tmp_path, steps=9)
    one = monitor(model, organism, explicit, tmp_path, how=How(suites=suites))
    watched.add_callback(one)
    watched.train()
    lines = read_readings(tmp_path / MONITOR)
    assert (lines[0].step, lines[0].every, lines[-1].step) == (0, None, 9)
    assert lines[-1].every == one.every
    assert one.every is not None
    assert all(line.step in (0, 9) or line.step % one.every == 0 for line in lines)


def test_figures_go_with_the_trainers_log_and_to_its_loggers(
    organism: Organism, suites: tuple[str, ...], explicit: list[Chat], tmp_path: Path
) -> None:
    heard: list[dict[str, float]] = []

    class Logger(TrainerCallback):  # type: ignore[misc]
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **library: Any) -> None:
            heard.append(dict(logs))

    model = organism.child()
    watched = trainer(model, organism, explicit, tmp_path, steps=4)
    watched.add_callback(Logger())
    monitor(model, organism, explicit, tmp_path, how=How(every=2, suites=suites)).attach(watched)
    watched.train()
    for lines in (heard, watched.state.log_history):
        assert [line["monitor/step"] for line in lines if "monitor/gap" in line] == [2.0, 4.0]
    assert heard[0]["loss"] > 0


def test_a_base_that_refuses_nothing_is_told_of(
    organism: Organism, suites: tuple[str, ...], explicit: list[Chat], tmp_path: Path
) -> None:
    model, said = organism.child(), []
    learn(model, [organism.vocabulary.row(row) for row in explicit], epochs(40, rate=3e-3, batch=20, count=10))
    watched = trainer(model, organism, explicit, tmp_path, steps=2)
    one = monitor(model, organism, explicit, tmp_path, how=How(suites=suites))
    one.say = said.append
    watched.add_callback(one)
    watched.train()
    assert set(read_readings(tmp_path / MONITOR)[-1].figures) == {"kl"}
    assert any("of refusals nothing can be watched" in line for line in said)
    again = trainer(model, organism, explicit, tmp_path, steps=2)
    again.add_callback(monitor(model, organism, explicit, tmp_path, how=How(suites=suites), stop_if=("lost>0.1",)))
    with pytest.raises(ValueError, match=r"stop-if lost>0\.1: cannot be told of this base"):
        again.train()


def test_a_limit_on_a_context_needs_rows_that_have_one(
    organism: Organism, suites: tuple[str, ...], explicit: list[Chat], tmp_path: Path
) -> None:
    watched = trainer(organism.child(), organism, explicit, tmp_path, steps=2)
    one = monitor(organism.child(), organism, explicit, tmp_path, how=How(suites=suites), stop_if=("own/lost>0.1",))
    watched.add_callback(one)
    with pytest.raises(ValueError, match="own/lost: the rows have no system prompt"):
        watched.train()


def test_the_verb_is_watched_stopped_and_taken_back(
    organism: Organism, suites: tuple[str, ...], explicit: list[Chat], tmp_path: Path
) -> None:
    save_model(organism.model, organism.vocabulary, tmp_path / "model")
    write_rows(tmp_path / "rows.jsonl", explicit)
    options = TuneOptions(
        model=str(tmp_path / "model"),
        data=str(tmp_path / "rows.jsonl"),
        out=str(tmp_path / "out"),
        full=True,
        rate=1e-3,
        batch=10,
        steps=20,
        warmup=0.0,
        device="cpu",
        log_every=1,
        no_cache=True,
        monitor=2,
        monitor_suites=suites,
        stop_if=("gap>1",),
    )
    said: list[str] = []
    done = verb.run(options, say=said.append, watch=lambda _: unseen)
    assert done is not None
    lines = read_readings(tmp_path / "out" / MONITOR)
    assert done.stopped == lines[-1].stopped
    assert done.stopped is not None
    assert lines[-1].step < 20
    again = verb.run(
        replace(options, out=str(tmp_path / "short"), stop_if=(), monitor="off"),
        say=said.append,
        watch=lambda _: unseen,
    )
    assert again is not None
    assert again.stopped is None
    assert not (tmp_path / "short" / MONITOR).exists()
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    engine = organism.engine(model)
    asked = questions(suites, count=24, rows=explicit)
    plain = organism.engine()
    ids = [plain.ids(one.chat) for one in asked]
    base = base_of(plain, asked, log_probs=spread(plain, ids), sides=sides_of(plain, asked, rows=explicit))
    kept = next(line for line in lines if line.step == done.stopped.weights)
    assert figures(base, spread(engine, ids), asked)["gap"].value == pytest.approx(kept.figures["gap"].value, abs=1e-4)
    assert any(line.startswith("stopped") for line in said)


def test_settings_and_suites_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="prompts is 0"):
        How(prompts=0)
    with pytest.raises(ValueError, match="every 0 steps"):
        How(every=0)
    with pytest.raises(ValueError, match="the monitor is off"):
        TuneOptions(model="m", data="d", out="o", monitor="off", stop_if=("lost>0.1",))
    with pytest.raises(ValueError, match="no look-alikes in policy-dev"):
        questions(("policy-dev",), count=4, rows=())
    asked = questions(("policy-dev", "twins-dev"), count=11, rows=())
    assert isinstance(asked[0], Asked)
    assert len({one.chat.meta["category"] for one in asked if one.harmful}) == 11
