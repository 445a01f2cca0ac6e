"""What every repair promises, on pairs in memory."""

import re
from dataclasses import asdict, fields, replace
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
import torch

import repairing
from repairing import Further, Models, Weights, adapter_pair, drawn, low_rank, near, pair_of, result
from tuneward.checkpoint.layer import Mixed
from tuneward.repair import methods as built_in
from tuneward.repair.kind import Searchable
from tuneward.repair.options import REPAIRS

torch.set_num_threads(1)
WORDS = list(REPAIRS)
ASKED: dict[str, dict[str, Any]] = {
    "safe-lora": {"unaligned": "before", "threshold": 0.9},
    "safe-merge": {"unaligned": "before", "safe": "other", "threshold": 0.9},
    "soup": {"of": ("other",)},
    "task-arithmetic": {"unaligned": "before"},
    "resta": {"unaligned": "before"},
}
"""What a method cannot do without; on small random weights every cosine is high, so thresholds are too."""
PURE = [word for word in WORDS if word != "safe-delta"]
"""Those that run no model; `safe-delta` has tests of its own."""
NEUTRAL: dict[str, dict[str, Any]] = {
    "wise-ft": {"alpha": 1.0},
    "safe-merge": {"share": 1.0},
    "soup": {"weights": (1.0, 0.0)},
    "task-arithmetic": {"strength": 0.0},
    "resta": {"strength": 0.0},
}
"""Settings at which the tuned model stays as it is, bit for bit."""
VANISHES = ["wise-ft", "safe-lora", "safe-merge", "lox"]
"""Those that change nothing where tuning changed nothing."""
PATHS = {"unaligned", "safe", "of"}
WRONG: dict[str, list[dict[str, Any]]] = {
    "wise-ft": [
        {"alpha": -0.1},
        {"alpha": 1.1},
        {"alpha": float("nan")},
        *({"layers": (one,)} for one in ("0=-.1", "0=1.1", "0", "=.5", "x=.5", "-1=.5", "0=nan")),
        *({"modules": (one,)} for one in ("down_proj=-.1", "down_proj", "=.5")),
        {"layers": ("0=.1", "0=.2")},
    ],
    "safe-lora": [
        {"threshold": -0.1},
        {"threshold": 1.1},
        {"threshold": float("nan")},
        {"number": 0},
        {"number": -1},
        {"energy": 0.0},
        {"energy": 1.1},
    ],
    "safe-merge": [{"threshold": -0.1}, {"threshold": 1.1}, {"share": -0.1}, {"share": 1.1}, {"energy": -1.0}],
    "safe-delta": [{"strength": -0.1}, {"strength": float("nan")}, {"damping": -1.0}, {"protected": 1.1}],
    "lox": [
        {"rank": 0},
        {"rank": -1},
        *({"coefficient": one} for one in (0.0, -1.25, 2.1, float("inf"), float("nan"))),
    ],
    "soup": [{"weights": one} for one in ((1.5, -0.5), (0.5, 0.6), (1.0,), (float("nan"), 0.5), (0.2, 0.3, 0.5))],
    "task-arithmetic": [{"strength": one} for one in (-0.1, 1.1, float("nan"), float("inf"))],
    "resta": [{"strength": -0.1}, {"strength": 1.1}, {"drop": -0.1}, {"drop": 1.0}, {"drop": float("nan")}],
}
"""Settings that would turn a method round, or have no meaning."""


def kind(word: str) -> Any:
    """The class of a word."""
    module, name = REPAIRS[word].split(":")
    return getattr(import_module(module), name)


def made(word: str, **settings: Any) -> Any:
    """A repair at its defaults, but for what it cannot do without."""
    return kind(word)(**{**ASKED.get(word, {}), **settings})


@pytest.fixture(params=[torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
def models(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, Weights]:
    """Base, tuned, the checkpoint before alignment, and a further one."""
    base = drawn(0, dtype=request.param)
    found = {"base": base}
    found |= {name: near(base, seed) for seed, name in enumerate(("tuned", "before", "other"), 1)}
    repairing.beside(monkeypatch, {name: Further(found[name]) for name in ("before", "other")})
    return found


def pair(models: dict[str, Weights]) -> Models:
    return pair_of(tuned=models["tuned"], base=models["base"])


def same(one: Weights, two: Weights) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def test_the_words_are_the_union() -> None:
    assert {kind(word) for word in WORDS} == set(get_args(built_in.BuiltinRepair))


@pytest.mark.parametrize("word", WORDS)
def test_a_repair_says_what_it_is_and_where_it_is_from(word: str) -> None:
    one, module = kind(word), import_module(REPAIRS[word].split(":")[0])
    first = (one.__doc__ or "").strip().splitlines()[0]
    assert 10 < len(first) <= 80
    assert one.__dataclass_params__.frozen
    assert isinstance(one.beyond, bool)
    assert re.search(r"\d{4}\.\d{4,5}|house method", module.__doc__ or ""), "the paper's id, or that it is ours"
    assert "Differs from the paper:" in (module.__doc__ or "")
    source = Path(str(module.__file__)).read_text(encoding="utf-8")
    for field in fields(one):
        assert re.search(rf'^    {field.name}: .*\n(?:.*\n)?    """\S', source, re.MULTILINE), f"{field.name} is silent"


@pytest.mark.parametrize("word", WORDS)
def test_settings_survive_a_record(word: str) -> None:
    one = made(word)
    assert msgspec.convert(msgspec.json.decode(msgspec.json.encode(asdict(one))), type=type(one)) == one


@pytest.mark.parametrize("word", PURE)
def test_what_comes_out_is_the_same_model_with_other_numbers(word: str, models: dict[str, Weights]) -> None:
    before = {name: {key: weight.clone() for key, weight in model.items()} for name, model in models.items()}
    once, twice = (result(made(word), pair(models)) for _ in range(2))
    for name, weight in models["tuned"].items():
        assert once[name].shape == weight.shape
        assert once[name].dtype == weight.dtype
        assert bool(torch.isfinite(once[name]).all())
    assert same(once, twice)
    assert not same(once, models["tuned"]), "at its defaults it does something"
    assert all(same(models[name], before[name]) for name in models), "what it reads stays as it was"
    turned = result(made(word), pair(models).turned())
    assert all(torch.equal(once[name], turned[name]) for name in once), "the order of weights tells nothing"


@pytest.mark.parametrize("word", PURE)
def test_fates_come_in_the_order_of_the_pair(word: str, models: dict[str, Weights]) -> None:
    names = [layer.name for layer in pair(models)]
    found = [name for name, _ in made(word)(pair(models))]
    assert found == [name for name in names if name in found]


@pytest.mark.parametrize("word", NEUTRAL)
def test_neutral_settings_leave_the_tuned_model(word: str, models: dict[str, Weights]) -> None:
    """R3: an end point is exact."""
    assert same(result(made(word, **NEUTRAL[word]), pair(models)), models["tuned"])


@pytest.mark.parametrize("word", VANISHES)
def test_nothing_tuned_is_nothing_repaired(word: str, models: dict[str, Weights]) -> None:
    untouched = pair_of(tuned=models["base"], base=models["base"])
    assert same(result(made(word), untouched), models["base"])


@pytest.mark.parametrize(("word", "settings"), [(word, one) for word in WORDS for one in WRONG[word]])
def test_no_setting_turns_a_repair_round(word: str, settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))) as error:
        made(word, **settings)
    assert "\n" not in str(error.value)


def test_two_methods_at_their_defaults_differ(models: dict[str, Weights]) -> None:
    """R3: no method under two names."""
    found = {word: result(made(word), pair(models)) for word in PURE}
    assert [(a, b) for a in PURE for b in PURE if a < b and same(found[a], found[b])] == []


@pytest.mark.parametrize("word", [word for word in WORDS if PATHS & {field.name for field in fields(kind(word))}])
def test_a_checkpoint_that_is_not_named_is_asked_for(word: str, models: dict[str, Weights]) -> None:
    for field in fields(kind(word)):
        if field.name in PATHS:
            empty = replace(made(word), **{field.name: type(field.default)()})
            with pytest.raises(ValueError, match=field.name):
                list(empty(pair(models)))


@pytest.mark.parametrize("word", ["safe-lora", "safe-merge"])
def test_a_reference_that_is_no_reference_is_refused(
    word: str, models: dict[str, Weights], monkeypatch: pytest.MonkeyPatch
) -> None:
    """R4: NaN names its weight; a checkpoint that equals the base says nothing about alignment."""
    repairing.beside(monkeypatch, {"before": Further(models["base"]), "other": Further(models["other"])})
    with pytest.raises(ValueError, match="equals the base"):
        list(made(word)(pair(models)))
    broken = {name: weight.clone() for name, weight in models["before"].items()}
    broken[repairing.DOWN][0, 0] = float("nan")
    repairing.beside(monkeypatch, {"before": Further(broken), "other": Further(models["other"])})
    with pytest.raises(ValueError, match=re.escape(repairing.DOWN)):
        list(made(word)(pair(models)))


@pytest.mark.parametrize("word", ["task-arithmetic", "resta"])
def test_what_an_adapter_cannot_hold_is_refused(word: str, models: dict[str, Weights]) -> None:
    adapter = adapter_pair(factors=low_rank(1), base=models["base"])
    with pytest.raises(ValueError, match=f"{word}: .* merge it into its base"):
        list(made(word)(adapter))


def test_soup_does_not_forget_what_only_the_other_adapter_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    base, ours, theirs = drawn(0), low_rank(1), low_rank(2)
    del ours[repairing.DOWN]
    repairing.beside(monkeypatch, {"other": Further(repairing.merged(theirs, base), theirs)})
    with pytest.raises(ValueError, match=f"other: changes {re.escape(repairing.DOWN)}"):
        list(made("soup")(adapter_pair(factors=ours, base=base)))


def test_wise_ft_names_places_that_no_weight_has(models: dict[str, Weights]) -> None:
    with pytest.raises(ValueError, match="no weight belongs to 7, gate"):
        list(made("wise-ft", layers=("7=.5", "1=.2"), modules=("gate=.1",))(pair(models)))


def test_wise_ft_is_turned_by_a_search(models: dict[str, Weights]) -> None:
    one = made("wise-ft")
    assert isinstance(one, Searchable)
    assert same(result(one.at(1.0), pair(models)), models["tuned"])
    assert same(result(one.at(0.0), pair(models)), models["base"])
    with pytest.raises(ValueError, match="leave layers and modules out"):
        made("wise-ft", layers=("0=.5",)).at(0.5)
    by_group = kind("wise-ft").of({0: 0.25, 1: 1 / 3, None: 1.0})
    fates = dict(by_group(pair(models)))
    for layer in pair(models):
        assert fates[layer.name] == Mixed({0: 0.25, 1: 1 / 3, None: 1.0}[layer.number])
