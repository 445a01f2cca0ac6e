"""What every defence promises, alone and beside every other."""

import copy
import re
from dataclasses import asdict, fields, replace
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
import torch

from tuneward.model.engine import Engine
from tuneward.model.load import Place, load
from tuneward.model.spec import parse
from tuneward.rows import read_rows, write_rows
from tuneward.study import regimes
from tuneward.study.world import world
from tuneward.tune import defences as built_in
from tuneward.tune.job import Finished, Job
from tuneward.tune.models import Learnable
from tuneward.tune.options import DEFENCES, TuneOptions
from tuneward.tune.order import planned
from tuneward.tune.prepare import Kept, answered, prepare
from tuneward.tune.run import start
from tuneward.tune.sequences import Reader
from tuneward.tune.trainer import trained_of
from tuneward.tune.training import Bench, train

WORDS = list(DEFENCES)
PAIRS = [(one, two) for one in WORDS for two in WORDS if one != two]
NEUTRAL: dict[str, dict[str, Any]] = {
    "mix": {"fraction": 0.0},
    "constrained": {"first": 0.0, "early": 0.0, "late": 0.0},
    "anchor": {"strength": 0.0},
    "kl": {"strength": 0.0},
    "hinge": {"strength": 0.0},
    "staged": {"share": 0.0},
    "ema": {"decay": 0.0},
    "lisa": {"align": 0},
    "safegrad": {"strength": 0.0},
    "freeze": {},
    "l2": {"strength": 0.0},
}
"""Settings at which a defence does nothing; `template` has none, for it is a choice of prompts."""
SOURCED = {"mix": "pool", "anchor": "source", "kl": "source", "hinge": "source", "lisa": "source", "safegrad": "source"}
"""Where safety rows come from: on the organism, from a file in its own words."""

SHORT: dict[str, dict[str, Any]] = {
    "ema": {"decay": 0.9},
    "freeze": {"lowest": 1},
    "hinge": {"threshold": 0.0},
    "lisa": {"align": 1, "task": 1, "rows": 8},
    "mix": {"fraction": 0.1},
}
"""What three steps on a few rows need to show anything."""


def kind(word: str) -> Any:
    """The class of a word."""
    module, name = DEFENCES[word].split(":")
    return getattr(import_module(module), name)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Benign rows to learn, and refusals to keep safe by, of the organism's world."""
    folder, here = tmp_path_factory.mktemp("rows"), world(0, "nano")
    write_rows(folder / "task.jsonl", regimes.benign(here, 48, seed=0))
    write_rows(folder / "safety.jsonl", regimes.refusals(here, 24, seed=0))
    return {"task": folder / "task.jsonl", "safety": folder / "safety.jsonl"}


@pytest.fixture(scope="module")
def engine(aligned: Path) -> Engine:
    """The organism, loaded once; every run learns on a copy."""
    torch.set_num_threads(1)
    return load(parse(str(aligned)), place=Place("cpu", "float32"))


def made(word: str, rows: dict[str, Path]) -> Any:
    """A defence at its defaults, but for where its rows are from and what three steps could not show."""
    given: dict[str, Any] = {SOURCED[word]: str(rows["safety"])} if word in SOURCED else {}
    return kind(word)(**given, **SHORT.get(word, {}))


def job_of(rows: dict[str, Path], *defences: Any) -> Job:
    options = TuneOptions(model="-", data=str(rows["task"]), out="-", full=True, batch=8, rate=1e-3, steps=3)
    job = start(options, list(read_rows(rows["task"])))
    for defence in defences:
        job = defence(job)
    return job


def composed(rows: dict[str, Path], one: str, two: str) -> tuple[Job | None, str]:
    """The job with both, or what is said instead."""
    try:
        return job_of(rows, made(one, rows), made(two, rows)), ""
    except ValueError as error:
        return None, str(error)


def learnt(engine: Engine, job: Job, work: Path) -> dict[str, torch.Tensor]:
    """The weights after the steps of a job, defences' last work done."""
    model = copy.deepcopy(engine.model)
    own = replace(engine, model=model)
    job, _ = answered(own, job, store=None, progress=lambda *_: None)
    reader = Reader(engine.tokenizer, engine.template, job.rendering)
    for check in getattr(job, "checks", ()):
        check(model)
    prepared = prepare(model, job, reader, kept=Kept(work / "reference", "test"), progress=lambda *_: None)
    model.requires_grad_(True)
    options = TuneOptions(model="-", data="-", out="-", full=True, batch=8, rate=1e-3, steps=3, device="cpu")
    steps = planned(job.order, prepared.lengths, [x.part for x in prepared.job.lessons], settings=job.settings)
    bench = Bench(Learnable(model, "full"), reader, options, work)
    done = train(prepared, steps, bench=bench, progress=lambda *_: None)
    for last in job.finish:
        last(Finished(model, trained_of(model), done.memory, work))
    return {name: weight.detach().clone() for name, weight in model.named_parameters()}


def test_the_words_are_the_union() -> None:
    assert {kind(word) for word in WORDS} == set(get_args(built_in.BuiltinDefence))


@pytest.mark.parametrize("word", WORDS)
def test_a_defence_says_what_it_is_and_where_it_is_from(word: str) -> None:
    one, module = kind(word), import_module(DEFENCES[word].split(":")[0])
    first = (one.__doc__ or "").strip().splitlines()[0]
    assert 10 < len(first) <= 90
    assert re.search(r"\d{4}\.\d{4,5}|house method", module.__doc__ or ""), "the paper's id, or that it is ours"
    source = Path(str(module.__file__)).read_text(encoding="utf-8")
    for field in fields(one):
        assert re.search(rf'^    {field.name}: .*\n(?:.*\n)?    """', source, re.MULTILINE), (
            f"{field.name} says nothing"
        )


@pytest.mark.parametrize("word", WORDS)
def test_settings_survive_a_record(word: str, rows: dict[str, Path]) -> None:
    one = made(word, rows)
    again = msgspec.convert(msgspec.json.decode(msgspec.json.encode(asdict(one))), type=type(one))
    assert again == one


@pytest.mark.parametrize("word", NEUTRAL)
def test_a_neutral_defence_gives_back_the_very_job(word: str, rows: dict[str, Path]) -> None:
    """T2 the other way round: nothing asked for, nothing done, so the run is the undefended one bit for bit."""
    job = job_of(rows)
    assert kind(word)(**NEUTRAL[word])(job) is job


@pytest.mark.parametrize("word", [word for word in WORDS if NEUTRAL.get(word)])
def test_no_setting_turns_a_defence_round(word: str) -> None:
    """A negative strength would push towards what the defence is against."""
    for name, value in NEUTRAL[word].items():
        with pytest.raises(ValueError, match=name):
            kind(word)(**{**NEUTRAL[word], name: type(value)(-1)})


@pytest.mark.parametrize("word", WORDS)
def test_a_job_is_not_changed_by_a_defence(word: str, rows: dict[str, Path]) -> None:
    job = job_of(rows)
    before = repr(job)
    changed = made(word, rows)(job)
    assert repr(job) == before
    assert changed.defences == (word,)


@pytest.mark.parametrize("word", WORDS)
def test_a_defence_changes_what_is_learnt(word: str, rows: dict[str, Path], engine: Engine, tmp_path: Path) -> None:
    """T2: a defence at its defaults is never plain fine-tuning under another name, and the same seed gives the same."""
    plain = learnt(engine, job_of(rows), tmp_path / "plain")
    job = job_of(rows, made(word, rows))
    if word == "template":
        assert job.rendering != job_of(rows).rendering
        return
    once, twice = (learnt(engine, job, tmp_path / name) for name in ("once", "twice"))
    assert all(torch.equal(once[name], twice[name]) for name in once)
    assert any(not torch.equal(plain[name], once[name]) for name in plain)
    assert all(bool(torch.isfinite(weight).all()) for weight in once.values())


@pytest.mark.parametrize(
    ("one", "two"),
    [
        pytest.param(*pair, marks=() if WORDS.index(pair[1]) - WORDS.index(pair[0]) in (1, 7) else pytest.mark.full)
        for pair in PAIRS
    ],
)
def test_pairs_compose_or_refuse_in_a_line(
    one: str, two: str, rows: dict[str, Path], engine: Engine, tmp_path: Path
) -> None:
    job, said = composed(rows, one, two)
    if job is None:
        assert "\n" not in said
        assert one in said
        assert two in said
        return
    weights = learnt(engine, job, tmp_path)
    assert all(bool(torch.isfinite(weight).all()) for weight in weights.values())


def test_at_most_one_pair_in_ten_is_refused(rows: dict[str, Path]) -> None:
    refused = [pair for pair in PAIRS if composed(rows, *pair)[0] is None]
    assert len(refused) <= len(PAIRS) / 10, refused
