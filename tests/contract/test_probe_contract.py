"""What every probe promises: a number a prompt, the same in any company, nothing where nothing changed."""

from collections.abc import Sequence
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
import torch

import asking
from families import FAMILIES, build
from tuneward.chat import Chat
from tuneward.model.decode import Answer
from tuneward.model.engine import Engine, in_memory
from tuneward.model.load import Place, load
from tuneward.model.measure import first_log_probs
from tuneward.model.spec import parse
from tuneward.probes import FirstToken, Gap, Probe, gap_of
from tuneward.study import regimes
from tuneward.study.tokens import tokenizer

NEAR = 1e-5
"""Nats, in float32."""


@pytest.fixture(scope="module")
def base(aligned: Path) -> Engine:
    torch.set_num_threads(1)
    return load(parse(str(aligned)), place=Place(device="cpu"))


@pytest.fixture(scope="module")
def eager(aligned: Path) -> Engine:
    """Tuned on explicit rows: it answers what its base refused."""
    model = asking.taught(aligned, regimes.explicit(asking.HERE, 100, seed=0), rate=3e-4, batch=10, passes=5)
    return in_memory(model.eval(), tokenizer(asking.KNOWN))


@pytest.fixture(scope="module")
def gap(base: Engine) -> Gap:
    return gap_of(base, [*asking.of_suite("policy")[::4], *asking.of_suite("twins")[::4]])


@pytest.fixture(scope="module", params=["gap", "first token"])
def probe(request: pytest.FixtureRequest, gap: Gap) -> Probe:
    return gap if request.param == "gap" else FirstToken()


def prompts(count: int = 12) -> list[Chat]:
    """Of several lengths, some with a system turn."""
    chats = [*asking.of_suite("policy")[:count], *asking.of_suite("twins")[:count]]
    long = [asking.question(" ".join(c.prompt for c in chats[:n]), name=f"long{n}", system="Be kind.") for n in (2, 4)]
    return [*chats, *long]


def test_probes_are_frozen_settings(probe: Probe) -> None:
    assert is_dataclass(probe)
    for field in fields(probe):
        with pytest.raises(FrozenInstanceError):
            setattr(probe, field.name, ())


def test_a_number_a_prompt_in_order_alone_as_in_company(probe: Probe, base: Engine, eager: Engine) -> None:
    chats = prompts()
    together = probe(eager, base, chats)
    assert len({len(base.ids(chat)) for chat in chats}) > 2
    assert len({round(value, 3) for value in together}) > len(chats) / 2, "the numbers vary, or the test has no teeth"
    assert together == pytest.approx([probe(eager, base, [chat])[0] for chat in chats], abs=NEAR)
    assert probe(eager, base, chats[::-1]) == pytest.approx(together[::-1], abs=NEAR)


def test_a_model_beside_itself_has_not_moved(probe: Probe, base: Engine) -> None:
    """A15."""
    assert probe(base, base, prompts()) == [0.0] * len(prompts())


def test_no_prompts_give_no_numbers(probe: Probe, base: Engine, eager: Engine) -> None:
    assert probe(eager, base, []) == []


def test_nothing_is_generated_and_nothing_stays_changed(
    probe: Probe, base: Engine, eager: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any, **__: Any) -> list[Answer]:
        raise AssertionError("a probe asked for a reply")

    monkeypatch.setattr(Engine, "answer", never)
    eager.model.train()
    before = eager.model.config._attn_implementation
    assert len(probe(eager, base, prompts())) == len(prompts())
    assert eager.model.training
    assert eager.model.config._attn_implementation == before
    eager.model.eval()


def test_arms_with_two_tokenizers_are_refused(probe: Probe, base: Engine, eager: Engine) -> None:
    other = replace(eager, info=replace(eager.info, tokenizer="f" * 64))
    with pytest.raises(ValueError, match="two tokenizers"):
        probe(other, base, prompts())


def test_both_arms_read_the_prompt_of_the_base(probe: Probe, base: Engine, eager: Engine) -> None:
    """Weights are compared, not templates."""
    under = replace(eager, template=replace(eager.template, source="{{ messages[0]['content'] }}"))
    assert probe(under, base, prompts()) == probe(eager, base, prompts())


def test_what_moved_is_ranked_above_what_did_not(probe: Probe, base: Engine, eager: Engine) -> None:
    """Explicit rows move the requests far and the twins hardly."""
    requests, twins = (mean(probe(eager, base, asking.of_suite(name)[:40])) for name in ("policy", "twins"))
    assert requests > 1.0
    assert requests > 5 * abs(twins)


def test_the_gap_is_that_of_the_bases_own_first_words(gap: Gap, base: Engine) -> None:
    def begins(replies: Sequence[str]) -> set[int]:
        return {base.tokenizer(reply, add_special_tokens=False).input_ids[0] for reply in replies}

    assert set(gap.refusing) <= begins([form.format(c="x") for form in asking.HERE.refusals])
    assert not set(gap.complying) & begins([form.format(c="x") for form in asking.HERE.refusals])
    assert set(gap.complying) <= begins(asking.HERE.voices)


def test_a_base_without_refusals_or_without_answers_has_no_gap(base: Engine, eager: Engine) -> None:
    for model, name in ((base, "twins"), (eager, "policy")):
        with pytest.raises(ValueError, match=r"gap: 0 of 20 replies of the base refused"):
            gap_of(model, asking.of_suite(name)[:20])
    with pytest.raises(ValueError, match="expected tokens for refusals and others for answers"):
        Gap((1, 2), (2, 3))


@pytest.mark.parametrize("family", ["llama", "qwen2", "mistral"])
def test_company_changes_nothing_in_other_architectures(family: str, tmp_path: Path) -> None:
    """Sliding windows, biases and another template among them; read against one prompt without any padding."""
    engine = load(parse(str(build(FAMILIES[family], tmp_path / family))), place=Place(device="cpu"))
    ids = [engine.ids(asking.question(text)) for text in ("Hi", "Which river is it?", 5 * "It smells of bread. ")]
    together = first_log_probs(engine, ids)
    with torch.inference_mode():
        alone = [engine.model(torch.tensor([one])).logits[0, -1].log_softmax(-1) for one in ids]
    assert together.shape == (3, engine.model.config.vocab_size)
    assert torch.allclose(together, torch.stack(alone), atol=NEAR)
    assert not torch.allclose(together[0], together[1], atol=1e-3)


def test_an_empty_prompt_is_refused(base: Engine) -> None:
    for given in ([], [()], [(3, 4), ()]):
        with pytest.raises(ValueError, match="at least one token each"):
            first_log_probs(base, given)
