"""What every blend promises."""

import re
from dataclasses import asdict, fields, replace
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import pytest
import torch
from torch import Tensor

from tuneward.blend.exempt import blended
from tuneward.blend.kind import Blend
from tuneward.blend.methods import BuiltinBlend
from tuneward.blend.options import BLENDS, SETTINGS, parse_blend

WORDS = list(BLENDS)
NEUTRAL: dict[str, dict[str, float]] = {
    "log-mix": {"weight": 1.0},
    "first-tokens": {"amplify": 0.0},
    "gated": {"threshold": 1.0},
}
"""Settings at which only the tuned model speaks."""
OUTSIDE: dict[str, list[dict[str, Any]]] = {
    "log-mix": [{"weight": -0.1}, {"weight": 1.1}, {"weight": float("nan")}, {"first": 0}],
    "first-tokens": [{"amplify": -1.0}, {"amplify": 5.1}, {"top_k": 0}, {"common": 0}, {"first": -1}],
    "gated": [{"threshold": -0.1}, {"threshold": 1.01}, {"weight": -1.0}, {"first": 0}],
}


def kind(word: str) -> Any:
    """The class of a word."""
    module, name = BLENDS[word].split(":")
    return getattr(import_module(module), name)


def two(rows: int = 5, size: int = 200, *, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Logits of a tuned model and a guide that differ, with ties in both."""
    torch.manual_seed(seed)
    tuned, guide = ((torch.randn(rows, size) * 3).mul(8).round().div(8) for _ in range(2))
    return tuned, guide


def test_the_words_are_the_union() -> None:
    assert {kind(word) for word in WORDS} == set(get_args(BuiltinBlend))


@pytest.mark.parametrize("word", WORDS)
def test_the_settings_in_words_are_the_fields(word: str) -> None:
    named = {field.name: get_type_hints(kind(word))[field.name] for field in fields(kind(word))}
    assert {name: found in (hint, *get_args(hint)) for (name, hint), found in zip(
        named.items(), SETTINGS[word].values(), strict=True)} == dict.fromkeys(SETTINGS[word], True)  # fmt: skip
    assert parse_blend(word).made() == kind(word)()


@pytest.mark.parametrize("word", WORDS)
def test_a_blend_says_what_it_is_and_where_it_is_from(word: str) -> None:
    one, module = kind(word), import_module(BLENDS[word].split(":")[0])
    assert 10 < len((one.__doc__ or "").strip().splitlines()[0]) <= 80
    assert re.search(r"\d{4}\.\d{4,5}|house method", module.__doc__ or "")
    source = Path(str(module.__file__)).read_text(encoding="utf-8")
    for field in fields(one):
        assert re.search(rf'^    {field.name}: .*\n    """', source, re.MULTILINE), f"{field.name} says nothing"


@pytest.mark.parametrize("word", WORDS)
def test_settings_survive_a_record(word: str) -> None:
    one = kind(word)(first=3)
    assert msgspec.convert(msgspec.json.decode(msgspec.json.encode(asdict(one))), type=type(one)) == one


@pytest.mark.parametrize("word", WORDS)
def test_shape_and_precision_and_inputs_are_kept(word: str) -> None:
    for dtype in (torch.float32, torch.bfloat16):
        tuned, guide = (x.to(dtype) for x in two())
        before = tuned.clone(), guide.clone()
        found = kind(word)()(tuned, guide, 0)
        assert (found.shape, found.dtype) == (tuned.shape, torch.float32)
        assert torch.equal(tuned, before[0])
        assert torch.equal(guide, before[1])
        assert not found.isnan().any()
        assert not torch.equal(found.softmax(-1), tuned.float().softmax(-1)), "at its defaults it does something"


@pytest.mark.parametrize("word", WORDS)
def test_a_neutral_blend_gives_the_tuned_logits_bit_for_bit(word: str) -> None:
    tuned, guide = two()
    one = kind(word)(**NEUTRAL[word])
    assert torch.equal(one(tuned, guide, 0), tuned)
    assert torch.equal(blended(one, tuned, guide, step=0, exempt=torch.tensor([0, 7])), tuned)


@pytest.mark.parametrize("word", WORDS)
def test_two_models_that_agree_are_left_to_choose_alike(word: str) -> None:
    tuned, _ = two()
    assert torch.equal(kind(word)()(tuned, tuned.clone(), 0).argmax(-1), tuned.argmax(-1))


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("seed", range(3))
def test_permuting_the_vocabulary_permutes_the_result(word: str, seed: int) -> None:
    """Ties included: which of two equal tokens has the smaller number decides nothing."""
    tuned, guide = two(seed=seed)
    order = torch.randperm(tuned.shape[1])
    one = kind(word)()
    here, there = one(tuned, guide, 1)[:, order], one(tuned[:, order], guide[:, order], 1)
    assert torch.equal(here.isneginf(), there.isneginf())
    assert torch.allclose(here.exp(), there.exp(), atol=1e-6)


@pytest.mark.parametrize("word", WORDS)
def test_rows_do_not_depend_on_each_other(word: str) -> None:
    tuned, guide = two(rows=6)
    whole = kind(word)()(tuned, guide, 0)
    for row in range(6):
        alone = kind(word)()(tuned[row : row + 1], guide[row : row + 1], 0)
        assert torch.allclose(whole[row].exp(), alone[0].exp(), atol=1e-6)


@pytest.mark.parametrize("word", WORDS)
def test_what_is_ruled_out_stays_so_and_nothing_becomes_nan(word: str) -> None:
    """Another processor's bans hold; a model that rules out much, or all, breaks nothing."""
    tuned, guide = two(rows=4)
    tuned[0, 3:] = guide[1, 3:] = tuned[2, ::2] = guide[2, 1::2] = tuned[3, :] = float("-inf")
    variants = [{}, {"weight": 0.0}, {"weight": 0.3}] if "weight" in SETTINGS[word] else [{}, {"amplify": 1.0}]
    for settings in variants:
        for exempt in ([], [0, 50]):
            found = blended(kind(word)(**settings), tuned, guide, step=0, exempt=torch.tensor(exempt, dtype=torch.long))
            assert not found.isnan().any()
            assert found[tuned.isneginf()].isneginf().all()
            assert found[:3].isfinite().any(-1).all()


@pytest.mark.parametrize("word", WORDS)
def test_no_setting_turns_a_blend_round(word: str) -> None:
    for settings in OUTSIDE[word]:
        with pytest.raises(ValueError, match=next(iter(settings))):
            kind(word)(**settings)


@pytest.mark.parametrize("word", WORDS)
def test_exempt_tokens_keep_their_probability(word: str) -> None:
    """The end of a reply is as likely as the tuned model finds it, whatever the guide says, at every guided token."""
    tuned, guide = two()
    exempt = torch.tensor([2, 9, 11])
    guide[:, exempt] += torch.tensor([30.0, -30.0, 5.0])
    own = tuned.softmax(-1)
    one: Blend = kind(word)()
    found = blended(one, tuned, guide, step=0, exempt=exempt).softmax(-1)
    assert torch.allclose(found[:, exempt], own[:, exempt], atol=1e-6)
    assert torch.allclose(found.sum(-1), torch.ones(5), atol=1e-5)
    ordinary = torch.ones(200, dtype=torch.bool).index_fill(0, exempt, False)
    within = one(*(x[:, ordinary] for x in (tuned, guide)), 0).softmax(-1)
    rest = 1 - own[:, exempt].sum(-1, keepdim=True)
    assert torch.allclose(found[:, ordinary], within * rest, atol=1e-6)


def test_two_blends_at_their_defaults_differ() -> None:
    """R3: two names are two methods."""
    tuned, guide = two()
    found = [replace(kind(word)(), first=5)(tuned, guide, 0).softmax(-1) for word in WORDS]
    assert not any(torch.allclose(a, b, atol=1e-3) for n, a in enumerate(found) for b in found[:n])
