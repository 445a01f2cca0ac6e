"""The engine: templates, greedy and sampled decoding, stop reasons, numbers read off a model."""

import copy
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, Gemma3ForCausalLM, Gemma3TextConfig

import asking
from tuneward.chat import Chat, Message
from tuneward.model.decode import choose, uniforms
from tuneward.model.engine import Engine, fitting_size, in_memory, state_digest
from tuneward.model.kv import NAME, buffers, make_cache
from tuneward.model.load import Place, load
from tuneward.model.measure import divergences, hidden_states, log_probs
from tuneward.model.prefill import common_length
from tuneward.model.spec import parse
from tuneward.model.template import Template, leading_bos, stop_ids, token_ids
from tuneward.speaking import Decoding
from tuneward.study.sentences import voiced
from tuneward.study.tokens import SPECIAL, Vocabulary, tokenizer

GREEDY = Decoding(max_tokens=24)


@pytest.fixture(scope="module")
def engine(aligned: Path, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """The organism, as a checkpoint that asks for sampling."""
    folder = tmp_path_factory.mktemp("sampling") / "model"
    shutil.copytree(aligned, folder)
    return load(parse(str(asking.asks_for_sampling(folder))), place=Place(device="cpu"))


def keys(prompts: list[tuple[int, ...]]) -> list[str]:
    return [str(n) for n in range(len(prompts))]


def some(engine: Engine, count: int = 24) -> list[tuple[int, ...]]:
    asked = asking.prompts()
    return [engine.ids(chat) for chat in asked[:: len(asked) // count][:count]]


def test_greedy_whatever_the_checkpoint_asks_for(engine: Engine) -> None:
    """E4, A4: the checkpoint samples at 0.7; ours is greedy and equals the library's greedy search."""
    assert engine.model.generation_config.do_sample
    prompts = some(engine, 8)
    ours = engine.answer(prompts, decoding=GREEDY, keys=keys(prompts))
    assert ours == engine.answer(prompts, decoding=Decoding(24, temperature=0.0, seed=9), keys=keys(prompts))
    for prompt, answer in zip(prompts, ours, strict=True):
        out = engine.model.generate(
            torch.tensor([prompt]), do_sample=False, temperature=None, top_p=None, max_new_tokens=24
        )
        theirs = out[0, len(prompt) :].tolist()
        assert list(answer.ids) == (theirs[: theirs.index(0)] if 0 in theirs else theirs)


@pytest.mark.parametrize("size", [1, 5, 16])
def test_answers_do_not_depend_on_the_batch_in_float32(engine: Engine, size: int) -> None:
    prompts = some(engine)
    whole = engine.answer(prompts, decoding=GREEDY, keys=keys(prompts))
    apart = [
        answer
        for first in range(0, len(prompts), size)
        for answer in engine.answer(
            prompts[first : first + size], decoding=GREEDY, keys=["x"] * len(prompts[first : first + size])
        )
    ]
    assert apart == whole
    backwards = engine.answer(prompts[::-1], decoding=GREEDY, keys=keys(prompts))
    assert backwards[::-1] == whole


def test_a_stop_is_a_stop_and_a_cut_is_a_cut(engine: Engine) -> None:
    """E5, A5: the stop reason is true, and padding is in no count."""
    prompts = some(engine, 6)
    full = engine.answer(prompts, decoding=GREEDY, keys=keys(prompts))
    assert all(a.finish == "stop" and 0 not in a.ids for a in full)
    cut = engine.answer(prompts, decoding=Decoding(max_tokens=3), keys=keys(prompts))
    assert [(a.finish, len(a.ids)) for a in cut] == [
        ("stop" if len(f.ids) < 3 else "length", min(3, len(f.ids))) for f in full
    ]


def test_exactly_one_beginning_token(engine: Engine) -> None:
    """E3, A3: the template writes the beginning token, so the tokenizer must not."""
    ids = engine.ids(asking.question("How are you?"))
    assert leading_bos(engine.tokenizer, ids) == 1
    bare = token_ids(engine.tokenizer, asking.question("How are you?"), template=Template(""))
    assert leading_bos(engine.tokenizer, bare) <= 1
    assert bare != ids


def test_prefill_begins_the_answer(engine: Engine) -> None:
    """E6, A6: the answer goes on from the prefill, and the prefill is part of what was said."""
    plain = asking.of_suite("policy")[0]
    begun = " ".join(voiced(asking.HERE, asking.HERE.body).split()[:3])
    chat = replace(plain, prefill=begun)
    ids = engine.ids(chat)
    assert engine.text(ids).endswith(f"<|assistant|>{begun}")
    answer = engine.answer([ids], decoding=GREEDY, keys=["a"])[0]
    said = chat.answered(engine.text(answer.ids)).answer
    assert said.startswith(f"{begun} ")
    bare = engine.answer([engine.ids(plain)], decoding=GREEDY, keys=["a"])[0]
    assert said != engine.text(bare.ids)
    logits = engine.model(torch.tensor([ids])).logits[0, -1]
    first = answer.ids[0] if answer.ids else 0
    assert int(logits.argmax()) == first


def test_a_template_that_changes_the_prefill_is_refused(engine: Engine) -> None:
    source = "{% for m in messages %}{{ m['content'] | upper }}{% endfor %}"
    with pytest.raises(ValueError, match=r"q: .*prefill|final message"):
        token_ids(engine.tokenizer, replace(asking.question("hello"), prefill="abc"), template=Template(source))


def test_a_prompt_must_end_with_a_user_turn(engine: Engine) -> None:
    chat = Chat("c1", "c1", (Message("user", "a"), Message("assistant", "b")))
    with pytest.raises(ValueError, match="c1: a prompt must end with a user turn"):
        engine.ids(chat)


def test_two_engines_at_once_never_swap_answers(aligned: Path) -> None:
    """E2, A2: a model that always refuses and one that always answers, asked concurrently."""
    here, asked, told = asking.HERE, asking.prompts()[:32], {}
    says = {"one": asking.refusal(asked[0]), "two": voiced(here, here.answer(here.answerable[0]))}
    for name, text in says.items():
        marked = asking.taught(aligned, [chat.answered(text) for chat in asked], passes=40)
        told[name] = in_memory(marked, tokenizer(asking.KNOWN), name=name)
    heard: dict[str, set[str]] = {"one": set(), "two": set()}

    def talk(name: str) -> None:
        arm = told[name]
        for chat in asked[:12]:
            said = arm.answer([arm.ids(chat)], decoding=GREEDY, keys=[chat.id])[0]
            heard[name].add(arm.text(said.ids))

    threads = [threading.Thread(target=talk, args=(name,)) for name in told]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert heard == {name: {text} for name, text in says.items()}


def test_samples_depend_on_seed_and_name_and_not_on_neighbours(engine: Engine) -> None:
    prompts = [engine.ids(chat) for chat in asking.prompts()[:6]]
    names = [f"p{n}" for n in range(6)]
    hot = Decoding(max_tokens=12, temperature=2.0, seed=3)
    together = engine.answer(prompts, decoding=hot, keys=names)
    alone = [engine.answer([p], decoding=hot, keys=[n])[0] for p, n in zip(prompts, names, strict=True)]
    assert together == alone
    assert together != engine.answer(prompts, decoding=replace(hot, seed=4), keys=names)
    assert together != engine.answer(prompts, decoding=hot, keys=[f"q{n}" for n in range(6)])


def test_sampling_draws_from_the_distribution() -> None:
    logits = torch.log(torch.tensor([[0.5, 0.3, 0.2]])).repeat(4000, 1)
    draws = uniforms([str(n) for n in range(4000)], Decoding(max_tokens=1, temperature=1.0))[:, 0]
    counts = torch.bincount(choose(logits, draws, 1.0), minlength=3) / 4000
    assert torch.allclose(counts, torch.tensor([0.5, 0.3, 0.2]), atol=0.03)


@pytest.mark.parametrize(("field", "value"), [("max_tokens", 0), ("temperature", -0.1)])
def test_impossible_decodings_are_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=field):
        Decoding(**{field: value})


def test_log_probs_are_the_same_under_either_padding_side(engine: Engine) -> None:
    prompts = some(engine, 5)
    answers = [tuple(range(6, 6 + n)) for n in (1, 4, 2, 7, 3)]
    left, right = (log_probs(engine, prompts, answers, side=side) for side in ("left", "right"))
    alone = [log_probs(engine, [p], [a])[0] for p, a in zip(prompts, answers, strict=True)]
    for a, b, c in zip(left, right, alone, strict=True):
        assert torch.allclose(a, b, atol=1e-5)
        assert torch.allclose(a, c, atol=1e-5)
    logits = engine.model(torch.tensor([[*prompts[1], *answers[1]]])).logits[0].detach().log_softmax(-1)
    direct = [float(logits[len(prompts[1]) - 1 + n, token]) for n, token in enumerate(answers[1])]
    assert alone[1].tolist() == pytest.approx(direct, abs=1e-5)


def test_hidden_states_are_those_of_the_last_token(engine: Engine) -> None:
    prompts = some(engine, 5)
    left, right = (hidden_states(engine, prompts, side=side) for side in ("left", "right"))
    assert left.shape == (5, 3, 64)
    assert torch.allclose(left, right, atol=1e-5)
    direct = engine.model(torch.tensor([prompts[2]]), output_hidden_states=True).hidden_states
    assert torch.allclose(right[2], torch.stack([layer[0, -1] for layer in direct]), atol=1e-5)


def test_the_divergence_is_that_of_two_distributions_at_each_answer_token(engine: Engine) -> None:
    rows = [((5, 6, 7), (8, 9)), ((5, 6), (7, 8, 9))]
    assert divergences(engine, engine, rows) == [[0.0, 0.0], [0.0, 0.0, 0.0]]
    other = replace(engine, model=copy.deepcopy(engine.model))
    with torch.no_grad():
        other.model.get_output_embeddings().weight.add_(torch.randn_like(other.model.get_output_embeddings().weight))
    found = divergences(engine, other, rows)
    for (prompt, answer), nats in zip(rows, found, strict=True):
        ids = torch.tensor([[*prompt, *answer]])
        one, two = (e.model(ids).logits[0, len(prompt) - 1 : -1].double().log_softmax(-1) for e in (engine, other))
        direct = torch.nn.functional.kl_div(one, two, log_target=True, reduction="none").sum(-1)
        assert nats == pytest.approx(direct.tolist(), rel=1e-3, abs=1e-5)
        assert min(nats) > 0.001
    with pytest.raises(ValueError, match="at least one token"):
        divergences(engine, engine, [((), (5,))])


def test_a_row_without_a_prompt_has_no_log_probs(engine: Engine) -> None:
    with pytest.raises(ValueError, match="needs a prompt"):
        log_probs(engine, [()], [(6,)])


def test_the_engine_puts_everything_back(engine: Engine) -> None:
    before = engine.model.config._attn_implementation
    engine.model.train()
    with engine.ready():
        assert not engine.model.training
        assert engine.model.config._attn_implementation == NAME
    assert engine.model.training
    assert engine.model.config._attn_implementation == before
    engine.model.eval()


def test_a_model_in_memory_is_its_weights(aligned: Path) -> None:
    """E11: hashed in memory too; one changed number is another model."""
    model = AutoModelForCausalLM.from_pretrained(aligned)
    tok = AutoTokenizer.from_pretrained(aligned)
    before = in_memory(model, tok)
    assert before.info.weights == in_memory(model, tok, name="another name").info.weights
    with torch.no_grad():
        model.model.norm.weight[0] += 1e-3
    after = in_memory(model, tok)
    assert after.info.weights == state_digest(model) != before.info.weights
    assert before.key != after.key


def test_sliding_windows_use_the_librarys_own_cache() -> None:
    torch.manual_seed(0)
    config = Gemma3TextConfig(
        vocab_size=200, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=16, sliding_window=4, layer_types=["sliding_attention", "full_attention"],
        eos_token_id=0, pad_token_id=0, bos_token_id=2,
    )  # fmt: skip
    model = Gemma3ForCausalLM(config).eval()
    assert buffers(make_cache(model, 2, 8)) == []
    tok = tokenizer(Vocabulary({piece: number for number, piece in enumerate((*SPECIAL, "a", " b", " c"))}))
    arm = in_memory(model, tok)
    prompts = [(2, 7, 9, 11, 13, 15, 17), (2, 8)]
    ours = arm.answer(prompts, decoding=Decoding(max_tokens=8), keys=["a", "b"])
    for prompt, answer in zip(prompts, ours, strict=True):
        out = model.generate(torch.tensor([prompt]), do_sample=False, max_new_tokens=8)[0, len(prompt) :].tolist()
        assert list(answer.ids) == (out[: out.index(0)] if 0 in out else out)


def test_common_beginnings() -> None:
    prompt = tuple(range(12))
    assert common_length([(*prompt, 20), (*prompt, 21, 22)]) == 12
    assert common_length([prompt, (*prompt, 21)]) == 11, "a token of each prompt must be left to read"
    assert common_length([(1, 2, 3), (1, 2, 4)]) == 0
    assert common_length([prompt]) == 0


def test_where_a_model_lay_is_no_part_of_what_it_is(aligned: Path, tmp_path: Path) -> None:
    """E11: a digest names weights, not places; the same model in two folders and before it was saved is one."""
    model = asking.weights(aligned)
    model.save_pretrained(tmp_path / "copy")
    assert state_digest(model) == state_digest(asking.weights(tmp_path / "copy"))
    model.config.rms_norm_eps *= 2
    assert state_digest(model) != state_digest(asking.weights(tmp_path / "copy"))


def test_stop_tokens_come_from_every_place(engine: Engine) -> None:
    assert stop_ids(engine.tokenizer, engine.model) == {0}
    engine.model.generation_config.eos_token_id = [0, 5]
    try:
        assert stop_ids(engine.tokenizer, engine.model) == {0, 5}
    finally:
        engine.model.generation_config.eos_token_id = 0


def test_batches_shrink_with_memory(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    for free in (2**40, 2**24, 2**10):
        monkeypatch.setattr("tuneward.model.engine.free_bytes", lambda device, free=free: free)
        sizes.append(fitting_size(engine, longest=100, max_tokens=64))
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 96
    assert sizes[-1] == 1
