"""The processor inside the library's `generate`: reuse, batches, beams, padding, and how often a guide is asked."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import LogitsProcessor, LogitsProcessorList

from blending import PROMPTS, Passes, chosen_from, pair, plainly
from tuneward.blend.exempt import exempt_ids
from tuneward.blend.gate import Gated
from tuneward.blend.guard import FirstTokens
from tuneward.blend.kind import Blend
from tuneward.blend.log_mix import LogMix
from tuneward.blend.processor import GuideProcessor, processor
from tuneward.model.engine import Engine

TOKENS, PAD = 10, 5
BLENDS = [
    LogMix(0.4),
    FirstTokens(),
    pytest.param(LogMix(0.5, first=3), marks=pytest.mark.full),
    pytest.param(Gated(threshold=0.6, first=None), marks=pytest.mark.full),
]


@pytest.fixture(scope="module")
def arms(tmp_path_factory: pytest.TempPathFactory) -> tuple[Engine, Engine]:
    return pair(tmp_path_factory.mktemp("pair"))


def made(arms: tuple[Engine, Engine], blend: Blend, *, limit: float = 1.0) -> GuideProcessor:
    tuned, base = arms
    one = processor(blend, tuned=tuned.model, base=base.model, tokenizer=tuned.tokenizer)
    one.pad, one.limit = PAD, limit
    return one


def padded(
    prompts: tuple[tuple[int, ...], ...], *, pad: int = PAD, extra: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    """ids and mask."""
    width = max(map(len, prompts)) + extra
    ids = torch.tensor([[pad] * (width - len(p)) + list(p) for p in prompts])
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts])
    return ids, mask


def generate(arms: tuple[Engine, Engine], one: Any, ids: torch.Tensor, mask: Any = None, **how: Any) -> list[list[int]]:
    """What is said after the prompts, the filling after an end left out."""
    tuned = arms[0]
    settings = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None, "max_new_tokens": TOKENS}
    out = tuned.model.generate(
        ids,
        attention_mask=torch.ones_like(ids) if mask is None else mask,
        logits_processor=LogitsProcessorList([one] if one else []),
        pad_token_id=PAD,
        **(settings | how),
    )
    said = out[:, ids.shape[1] :].tolist()
    return [
        row[: row.index(tuned.tokenizer.eos_token_id)] if tuned.tokenizer.eos_token_id in row else row for row in said
    ]


@pytest.mark.parametrize("blend", BLENDS, ids=repr)
def test_one_processor_serves_request_after_request(blend: Blend, arms: tuple[Engine, Engine]) -> None:
    """D1: reused on a longer prompt, the same one, a batch with padding: as a fresh one, and as the plainest blend."""
    one = made(arms, blend)
    expected = [list(plainly(*arms, blend, prompt, count=TOKENS)) for prompt in PROMPTS]
    for _ in range(2):
        for prompt, said in zip(PROMPTS, expected, strict=True):
            assert generate(arms, one, torch.tensor([prompt])) == [said]
    assert generate(arms, one, *padded(PROMPTS)) == expected
    assert generate(arms, one, *padded(PROMPTS[::-1])) == expected[::-1]
    longer = (*PROMPTS[0], *expected[0], 40, 41)
    assert generate(arms, one, torch.tensor([longer])) == [list(plainly(*arms, blend, longer, count=TOKENS))]


class Recomputed(LogitsProcessor):
    """The same blend with every row read again from its beginning, by both models."""

    def __init__(self, arms: tuple[Engine, Engine], blend: Blend, prompts: tuple[tuple[int, ...], ...]) -> None:
        self.arms, self.blend, self.prompts = arms, blend, prompts
        self.exempt = exempt_ids(arms[0].tokenizer, arms[0].model)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        width, beams = max(map(len, self.prompts)), len(input_ids) // len(self.prompts)
        rows, step = [], input_ids.shape[1] - width
        for number, row in enumerate(input_ids.tolist()):
            ids = row[width - len(self.prompts[number // beams]) :]
            logits = chosen_from(self.arms[0].model, self.arms[1].model, self.blend, ids, step=step, exempt=self.exempt)
            rows.append(logits.log_softmax(-1))
        return torch.stack(rows)


@pytest.mark.parametrize("blend", BLENDS, ids=repr)
def test_beams_are_followed(blend: Blend, arms: tuple[Engine, Engine]) -> None:
    """As when nothing is cached: each beam's guide has read what that beam says, whichever beam it came from."""
    ids, mask = padded(PROMPTS[:3])
    one = made(arms, blend)
    expected = generate(arms, Recomputed(arms, blend, PROMPTS[:3]), ids, mask, num_beams=4)
    assert generate(arms, one, ids, mask, num_beams=4) == expected
    assert generate(arms, one, ids, mask, num_beams=4) == expected
    assert expected != generate(arms, None, ids, mask, num_beams=4)
    assert expected != generate(arms, one, ids, mask), "beams differ from greedy, or the test has no teeth"


def test_the_guide_stops_after_the_first_tokens(arms: tuple[Engine, Engine]) -> None:
    """D2: forwards of the guide = first, in every request, beams and batches included."""
    one = made(arms, LogMix(0.5, first=4))
    generate(arms, one, torch.tensor([PROMPTS[0]]), max_new_tokens=1)  # the trial of the model is behind it
    for how in ({}, {"num_beams": 3}):
        ids, mask = padded(PROMPTS)
        with Passes(arms[1].model) as seen:
            generate(arms, one, ids, mask, **how)
        assert len(seen.shapes) == 4
        assert [columns for _, columns in seen.shapes] == [ids.shape[1], 1, 1, 1]


def test_padding_is_told_from_prompts(arms: tuple[Engine, Engine]) -> None:
    """By the pad id; by what rows have in common where a prompt begins with that very id; by a mask in any case."""
    blend = LogMix(0.3)
    expected = [list(plainly(*arms, blend, prompt, count=TOKENS)) for prompt in PROMPTS]
    one = made(arms, blend)
    assert generate(arms, one, *padded(PROMPTS, extra=6)) == expected, "padded further than the longest"
    begun = tuple((0, *prompt) for prompt in PROMPTS)
    expected = [list(plainly(*arms, blend, prompt, count=TOKENS)) for prompt in begun]
    one.pad = one.bos = 0
    assert generate(arms, one, *padded(begun, pad=0)) == expected
    assert generate(arms, one, torch.tensor(begun[:1])) == expected[:1]
    ids, mask = padded(begun, pad=0, extra=3)
    one.reset(mask)
    assert generate(arms, one, ids, mask) == expected
    one.reset(mask)
    beams = generate(arms, one, ids, mask, num_beams=3)
    assert beams == generate(arms, Recomputed(arms, blend, begun), *padded(begun, pad=0), num_beams=3)
    one.reset(mask[:, 1:])
    with pytest.raises(ValueError, match="a mask of shape"):
        generate(arms, one, ids, mask)


def test_a_prompt_of_one_token_more_is_a_new_request_after_reset(arms: tuple[Engine, Engine]) -> None:
    """It looks like the next step of the last request; only the caller knows."""
    blend = LogMix(0.3, first=2)
    one = made(arms, blend)
    generate(arms, one, torch.tensor([PROMPTS[0]]), max_new_tokens=1)
    longer = (*PROMPTS[0], 77)
    one.reset()
    assert generate(arms, one, torch.tensor([longer])) == [list(plainly(*arms, blend, longer, count=TOKENS))]


def test_sampling_draws_from_the_blend(arms: tuple[Engine, Engine]) -> None:
    """The first tokens of many draws, against the probabilities."""
    blend, one = LogMix(0.5, first=1), made(arms, LogMix(0.5, first=1))
    torch.manual_seed(0)
    ids = torch.tensor([PROMPTS[0]] * 3000)
    said = generate(arms, one, ids, do_sample=True, max_new_tokens=1)
    logits = chosen_from(*(e.model for e in arms), blend, PROMPTS[0], step=0, exempt=one.guide.exempt)
    chances, token = logits.softmax(-1).max(-1)
    assert sum(row == [int(token)] for row in said) / 3000 == pytest.approx(float(chances), abs=0.04)


def test_what_is_changed_is_counted_over_requests(arms: tuple[Engine, Engine]) -> None:
    one = made(arms, LogMix(0.2, first=5))
    generate(arms, one, torch.tensor([PROMPTS[0]]))
    assert one.guided == 5
    first = one.changed
    assert 0 < first <= 5
    generate(arms, one, *padded(PROMPTS))
    assert one.guided == 5 + 5 * len(PROMPTS)
    assert one.changed > first
    neutral = made(arms, LogMix(1.0))
    assert generate(arms, neutral, *padded(PROMPTS)) == generate(arms, None, *padded(PROMPTS))
    assert neutral.changed == 0


def test_what_fills_a_row_after_its_end_counts_for_nothing(arms: tuple[Engine, Engine]) -> None:
    blend = LogMix(0.4)
    said = [plainly(*arms, blend, prompt, count=TOKENS) for prompt in PROMPTS]
    stop = said[0][2]
    one = made(arms, blend)
    one.guide = replace(one.guide, stops=frozenset({stop}))
    generate(arms, one, *padded(PROMPTS), eos_token_id=stop)
    assert one.guided == sum(ids.index(stop) + 1 if stop in ids else TOKENS for ids in said)


def test_a_guide_that_changes_too_much_is_an_error(arms: tuple[Engine, Engine]) -> None:
    """Fail closed: above the limit there is no reply, of this request or a later one; fewer than 50 positions say
    nothing."""
    one = made(arms, LogMix(0.2), limit=0.2)
    generate(arms, one, torch.tensor([PROMPTS[0]]))
    for _ in range(2):
        with pytest.raises(ValueError, match=r"changed the likeliest token at \d+ of \d+ positions, more than 20%"):
            generate(arms, one, *padded(PROMPTS * 3))
    assert one.changed > 0.2 * one.guided


def test_with_an_adapter_the_guide_is_the_same_model(arms: tuple[Engine, Engine], tmp_path: Path) -> None:
    tuned, base = pair(tmp_path)
    torch.manual_seed(2)
    settings = LoraConfig(r=4, task_type="CAUSAL_LM", init_lora_weights=False, target_modules="all-linear")
    adapted = get_peft_model(base.model, settings).eval()
    one = processor(LogMix(0.3), tuned=adapted, base=None, tokenizer=tuned.tokenizer)
    two = processor(LogMix(0.3), tuned=adapted, base=arms[1].model, tokenizer=tuned.tokenizer)
    one.limit = two.limit = 1.0
    found = []
    for guide in (one, two):
        ids, _ = padded(PROMPTS[:1])
        out = adapted.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            logits_processor=LogitsProcessorList([guide]),
            do_sample=False,
            temperature=None,
            top_p=None,
            top_k=None,
            max_new_tokens=TOKENS,
            pad_token_id=PAD,
        )
        found.append(out.tolist())
    assert found[0] == found[1], "the base of this adapter has the weights of the other base"


def test_what_cannot_be_a_guide_is_refused(arms: tuple[Engine, Engine]) -> None:
    tuned, base = arms
    with pytest.raises(ValueError, match="no adapter to switch off"):
        processor(LogMix(), tuned=tuned.model, base=None, tokenizer=tuned.tokenizer)
    base.model.train()
    try:
        with pytest.raises(ValueError, match="training mode"):
            processor(LogMix(), tuned=tuned.model, base=base.model, tokenizer=tuned.tokenizer)
    finally:
        base.model.eval()
