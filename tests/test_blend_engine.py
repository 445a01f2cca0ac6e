"""A guide in our own decode loop: the plainest blended answers, whatever the batch; asked as long as it must be."""

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from blending import CPU, PROMPTS, Passes, pair, plainly
from families import FAMILIES, SPECIAL, build, small_tokenizer
from tuneward.ask import Batch, Question, Store, answer
from tuneward.blend.exempt import exempt_ids
from tuneward.blend.gate import Gated
from tuneward.blend.guard import FirstTokens
from tuneward.blend.guide import guided
from tuneward.blend.kind import Blend
from tuneward.blend.log_mix import LogMix
from tuneward.chat import Chat, Message
from tuneward.model.decode import Answer
from tuneward.model.engine import Engine, fitting_size
from tuneward.model.load import load, load_arms
from tuneward.model.spec import parse
from tuneward.model.template import Template
from tuneward.speaking import Decoding

TOKENS = 12
GREEDY = Decoding(max_tokens=TOKENS)
BLENDS: tuple[Blend, ...] = (LogMix(0.4), LogMix(0.5, first=3), FirstTokens(), Gated(threshold=0.6, first=None))


@pytest.fixture(scope="module")
def arms(tmp_path_factory: pytest.TempPathFactory) -> tuple[Engine, Engine]:
    return pair(tmp_path_factory.mktemp("pair"))


def answers(engine: Engine, prompts: tuple[tuple[int, ...], ...] = PROMPTS, how: Decoding = GREEDY) -> list[Answer]:
    return engine.answer(prompts, decoding=how, keys=[str(prompt) for prompt in prompts])


@pytest.mark.parametrize("blend", BLENDS, ids=repr)
def test_answers_are_those_of_the_plainest_blend(blend: Blend, arms: tuple[Engine, Engine]) -> None:
    """D1: alone, together and asked again, padding and cache change nothing."""
    tuned, base = arms
    engine = guided(tuned, base, blend=blend)
    expected = [plainly(tuned, base, blend, prompt, count=TOKENS) for prompt in PROMPTS]
    assert [a.ids for a in answers(engine)] == expected
    assert [answers(engine, (prompt,))[0].ids for prompt in PROMPTS] == expected
    assert [a.ids for a in answers(engine)] == expected
    assert expected != [a.ids for a in answers(tuned)], "or the test has no teeth"
    assert expected != [a.ids for a in answers(base)]


def test_the_guide_is_asked_for_the_first_tokens_and_no_more(arms: tuple[Engine, Engine]) -> None:
    """D2: as many passes of the guide as first tokens, its reading of the prompt among them."""
    tuned, base = arms
    for first, passes in ((5, 5), (1, 1), (None, TOKENS), (40, TOKENS)):
        engine = guided(tuned, base, blend=LogMix(0.5, first=first))
        with Passes(base.model) as seen, Passes(tuned.model) as own:
            answers(engine, PROMPTS[:1])
        while seen.shapes[0][0] == 3:  # the three texts of the trial before a first answer
            seen.shapes.pop(0)
        said = [shape for shape in seen.shapes if shape[0] == 1]
        assert len(said) == passes
        assert said[0] == (1, len(PROMPTS[0]))
        assert len(own.shapes) >= TOKENS


def test_rows_that_end_leave_the_guide_too(arms: tuple[Engine, Engine]) -> None:
    """A row that stops early leaves the batch, its guide's cache with it; neighbours keep theirs."""
    tuned, base = arms
    blend = LogMix(0.4)
    expected = [plainly(tuned, base, blend, prompt, count=TOKENS) for prompt in PROMPTS]
    stop = next(t for t in expected[1][:4] if t not in expected[0])
    ended = replace(tuned, model=copy.deepcopy(tuned.model))
    ended.model.generation_config.eos_token_id = [stop, tuned.tokenizer.eos_token_id]
    engine = guided(ended, base, blend=blend)
    exempt = replace(engine.steering, exempt=exempt_ids(tuned.tokenizer, tuned.model))  # the stop is a word here
    with Passes(base.model) as seen:
        found = answers(replace(engine, steering=exempt))
    assert [a.ids for a in found] == [ids[: ids.index(stop)] if stop in ids else ids for ids in expected]
    assert min(rows for rows, columns in seen.shapes if columns == 1) < len(PROMPTS)
    lengths = [len(a.ids) + (a.finish == "stop") for a in found]
    assert [a.guided[0] for a in found if a.guided] == lengths, "what a row says after its end counts for nothing"


def test_samples_do_not_depend_on_neighbours(arms: tuple[Engine, Engine]) -> None:
    engine, hot = guided(*arms, blend=LogMix(0.5, first=6)), Decoding(TOKENS, temperature=1.5, seed=3)
    together = answers(engine, how=hot)
    assert [answers(engine, (prompt,), hot)[0] for prompt in PROMPTS] == together
    assert together != answers(arms[0], how=hot)


def test_a_neutral_blend_is_the_tuned_model_and_counts_nothing_as_changed(arms: tuple[Engine, Engine]) -> None:
    plain = answers(arms[0])
    for blend in (LogMix(1.0), FirstTokens(amplify=0.0), Gated(threshold=1.0)):
        found = answers(guided(*arms, blend=blend))
        assert [(a.ids, a.finish) for a in found] == [(a.ids, a.finish) for a in plain]
        assert all(a.guided and a.guided[0] > 0 and a.guided[1] == 0 for a in found)
    assert [a.guided for a in plain] == [None] * len(PROMPTS)


def test_a_changed_token_is_counted(arms: tuple[Engine, Engine]) -> None:
    """Along each blended answer, positions at which the tuned model alone would have gone on otherwise."""
    tuned, base = arms
    for found, prompt in zip(answers(guided(tuned, base, blend=LogMix(0.2, first=8))), PROMPTS, strict=True):
        counted = 0
        for place, token in enumerate(found.ids[:8]):
            with torch.no_grad():
                logits = tuned.model(torch.tensor([[*prompt, *found.ids[:place]]])).logits[0, -1]
            counted += int(logits.argmax()) != token
        assert found.guided == (8, counted)


def test_the_end_is_as_likely_as_the_tuned_model_finds_it(arms: tuple[Engine, Engine]) -> None:
    """Every id that ends a reply and every special token is exempt."""
    tuned, _ = arms
    assert exempt_ids(tuned.tokenizer, tuned.model) == tuple(range(len(SPECIAL)))


def test_a_blended_model_is_another_model(arms: tuple[Engine, Engine], tmp_path: Path) -> None:
    """Replies are cached apart by blend, by its settings and by the guide's weights."""
    tuned, base = arms
    other = replace(base, info=replace(base.info, weights="0" * 64))
    made = [guided(tuned, b, blend=blend) for b in (base, other) for blend in (LogMix(), LogMix(0.6), LogMix(first=5))]
    assert len({engine.key for engine in (tuned, base, *made)}) == 8
    assert len({engine.info.weights for engine in (tuned, base, *made)}) == 8
    assert "LogMix(weight=0.5, first=None)" in made[0].info.loading
    assert base.info.weights[:12] in made[0].info.loading
    assert replace(tuned, steering=made[0].steering).key != tuned.key
    chat = Chat("a", "a", (Message("user", "Hi"),))
    batch = Batch((Question("s", chat, TOKENS),), (PROMPTS[0],), GREEDY)
    store = Store(tmp_path)
    first = answer(made[0], batch, store=store)
    assert first != answer(tuned, batch, store=store)
    assert answer(made[0], batch, store=store) == first
    assert first.answers[0].guided == (TOKENS, first.answers[0].guided[1])


def test_a_blended_model_needs_room_for_two(arms: tuple[Engine, Engine], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tuneward.model.engine.free_bytes", lambda _device: 2**21)
    both = guided(*arms, blend=LogMix())
    assert fitting_size(both, longest=64, max_tokens=16) < fitting_size(arms[0], longest=64, max_tokens=16)


def test_another_template_keeps_the_guide(arms: tuple[Engine, Engine]) -> None:
    engine = guided(*arms, blend=LogMix(0.3))
    assert answers(replace(engine, template=Template(""))) == answers(engine)


def test_with_an_adapter_the_guide_is_the_same_model_with_it_off(tmp_path: Path) -> None:
    """A cache of its own; the adapter is on again for every pass of the tuned model, and everything is put back."""
    folder = build(FAMILIES["llama"], tmp_path / "base")
    torch.manual_seed(1)
    tuned = get_peft_model(
        AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32),
        LoraConfig(r=4, task_type="CAUSAL_LM", init_lora_weights=False, target_modules="all-linear"),
    )
    tuned.save_pretrained(tmp_path / "lora")
    tuned.merge_and_unload().save_pretrained(tmp_path / "merged")
    small_tokenizer(FAMILIES["llama"].template, bare=False).save_pretrained(tmp_path / "merged")
    arms = load_arms(parse(str(tmp_path / "lora")), None, place=CPU)
    apart = [load(parse(str(tmp_path / name)), place=CPU) for name in ("merged", "base")]
    plain, alone = answers(arms["tuned"]), answers(arms["base"])
    for blend in BLENDS:
        engine = guided(arms["tuned"], arms["base"], blend=blend)
        assert engine.steering.shared
        assert answers(engine) == answers(guided(*apart, blend=blend))
    assert answers(arms["tuned"]) == plain
    assert answers(arms["base"]) == alone
    assert answers(engine) not in (plain, alone)


@pytest.mark.parametrize("family", [pytest.param(name, marks=pytest.mark.full) for name in ("gemma3", "gpt2", "bloom")])
def test_other_caches_are_followed_as_well(family: str, tmp_path: Path) -> None:
    """Windows and the library's own cache."""
    tuned, base = pair(tmp_path, family)
    for blend in BLENDS:
        expected = [plainly(tuned, base, blend, prompt, count=TOKENS) for prompt in PROMPTS]
        assert [a.ids for a in answers(guided(tuned, base, blend=blend))] == expected


def test_other_vocabularies_are_refused_in_one_line(arms: tuple[Engine, Engine], tmp_path: Path) -> None:
    """D3: another size; another word for an id; a tokenizer that only pads otherwise is the same."""
    tuned, base = arms
    wide = copy.deepcopy(base.model)
    wide.resize_token_embeddings(wide.config.vocab_size + 7)
    with pytest.raises(ValueError, match=r"a vocabulary of (\d+) and the guide of (\d+); the guide must be the model"):
        guided(tuned, replace(base, model=wide), blend=LogMix())
    other = copy.deepcopy(base.tokenizer)
    other.pad_token = other.eos_token
    assert guided(tuned, replace(base, tokenizer=other, info=replace(base.info, tokenizer="x")), blend=LogMix())
    swapped = small_tokenizer(FAMILIES["llama"].template, bare=False)
    swapped.add_tokens(["new"])
    with pytest.raises(
        ValueError, match=r"tokenizers differ in 1 ids, the first being \d+: None .* 'new' to the guide"
    ):
        guided(tuned, replace(base, tokenizer=swapped, info=replace(base.info, tokenizer="y")), blend=LogMix())
