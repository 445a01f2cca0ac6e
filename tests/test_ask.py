"""Plans and commits: what shares a batch, what is remembered, what is never answered from memory."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import asking
from tuneward.ask import Batch, Question, Store, answer, ask, batch_size, halved, plan, unseen
from tuneward.audit.asking import Desk, ask_arms
from tuneward.chat import Chat
from tuneward.model.engine import Engine, in_memory
from tuneward.model.load import Place, load
from tuneward.model.spec import parse
from tuneward.speaking import Decoding, Said


@pytest.fixture(scope="module")
def engine(aligned: Path) -> Engine:
    return load(parse(str(aligned)), place=Place(device="cpu"))


def questions(count: int = 12, *, max_tokens: int = 16) -> list[Question]:
    return [Question("policy", chat, max_tokens) for chat in asking.prompts()[:count]]


class Counting:
    """An engine that counts what it is asked, and may refuse batches above a size."""

    def __init__(self, engine: Engine, *, fits: int = 10**6) -> None:
        self.engine, self.fits, self.asked = engine, fits, []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)

    def say(
        self, chats: Sequence[Chat], ids: Sequence[Sequence[int]], /, *, decoding: Decoding, keys: Sequence[str]
    ) -> list[Said | None]:
        if len(ids) > self.fits:
            raise MemoryError(f"{len(ids)} prompts do not fit")
        self.asked.append(len(ids))
        return self.engine.say(chats, ids, decoding=decoding, keys=keys)


def content(batches: Sequence[Batch]) -> list[tuple[str, ...]]:
    return [tuple(q.key for q in batch.questions) for batch in batches]


def test_the_plan_depends_on_prompts_alone(engine: Engine) -> None:
    other = replace(engine, info=replace(engine.info, weights="f" * 64, name="other"))
    assert content(plan(engine, questions(), size=5)) == content(plan(other, questions(), size=5))
    assert content(plan(engine, questions(), size=5)) == content(plan(engine, questions()[::-1], size=5))


def test_the_longest_prompts_come_first_and_decodings_stay_apart(engine: Engine) -> None:
    mixed = [*questions(6), *[replace(q, temperature=1.0, sample=1) for q in questions(3)], *questions(4, max_tokens=8)]
    batches = plan(engine, mixed, size=4)
    assert [len(b.questions) for b in batches] == [3, 4, 2, 4]
    for batch in batches:
        lengths = [len(ids) for ids in batch.ids]
        assert lengths == sorted(lengths, reverse=True)
        assert {(q.max_tokens, q.temperature) for q in batch.questions} == {
            (batch.decoding.max_tokens, batch.decoding.temperature)
        }


def test_shuffled_plans_ask_the_same_questions_elsewhere(engine: Engine) -> None:
    calm, shuffled = plan(engine, questions(), size=4), plan(engine, questions(), size=4, shuffle=1)
    assert content(calm) != content(shuffled)
    assert sorted(sum(content(calm), ())) == sorted(sum(content(shuffled), ()))


def test_a_finished_batch_is_never_asked_twice(engine: Engine, tmp_path: Path) -> None:
    counting, store = Counting(engine), Store(tmp_path)
    batches = plan(engine, questions(), size=5)
    first = ask(counting, batches, arm="base", store=store, progress=unseen)
    assert counting.asked == [5, 5, 2]
    again = ask(counting, batches, arm="base", store=store, progress=unseen)
    assert counting.asked == [5, 5, 2]
    assert again == first
    one = next(p for p in tmp_path.rglob("*.json"))
    assert one.stat().st_mode & 0o777 == 0o600
    one.unlink()
    assert ask(counting, batches, arm="base", store=store, progress=unseen) == first
    assert len(counting.asked) == 4, "only the missing batch is asked again, and whole"


def test_one_call_a_batch(engine: Engine) -> None:
    """E7: no prompt at a time, no waiting: a batch is one call of the engine."""
    counting = Counting(engine)
    ask(counting, plan(engine, questions(12), size=12), arm="base", store=None, progress=unseen)
    assert counting.asked == [12]


@pytest.mark.parametrize(
    "change",
    [
        lambda e: replace(e, info=replace(e.info, weights="0" * 64)),
        lambda e: replace(e, info=replace(e.info, tokenizer="0" * 64)),
        lambda e: replace(e, info=replace(e.info, dtype="bfloat16")),
        lambda e: replace(e, template=replace(e.template, source=e.template.source + " ")),
    ],
    ids=["weights", "tokenizer", "dtype", "template"],
)
def test_the_key_is_who_answers(engine: Engine, change: Any) -> None:
    """E1, A1: weights, tokenizer, template and precision are in the key; a name is not."""
    batch = plan(engine, questions(3), size=3)[0]
    assert batch.key(change(engine)) != batch.key(engine)
    assert batch.key(replace(engine, info=replace(engine.info, name="another name"))) == batch.key(engine)


def test_the_key_is_what_is_asked_and_how(engine: Engine) -> None:
    batch = plan(engine, questions(3), size=3)[0]
    for other in (plan(engine, questions(2), size=3), plan(engine, questions(3, max_tokens=17), size=3)):
        assert other[0].key(engine) != batch.key(engine)
    hot = [replace(q, temperature=1.0) for q in questions(3)]
    keys = {plan(engine, hot, size=3, seed=seed)[0].key(engine) for seed in (0, 1)}
    keys |= {plan(engine, [replace(q, sample=2) for q in hot], size=3)[0].key(engine)}
    assert len(keys) == 3


def test_a_checkpoint_overwritten_in_place_is_asked_again(aligned: Path, tmp_path: Path) -> None:
    """E1, A1: same folder, same name, other weights."""
    import shutil

    folder, store = tmp_path / "model", Store(tmp_path / "store")
    shutil.copytree(aligned, folder)
    before = load(parse(str(folder)), place=Place(device="cpu"))
    refused = ask(before, plan(before, questions(4), size=4), arm="base", store=store, progress=unseen)
    other = asking.random_model(5)
    asking.save(other, folder)
    after = load(parse(str(folder)), place=Place(device="cpu"))
    told = ask(after, plan(after, questions(4), size=4), arm="tuned", store=store, progress=unseen)
    fresh = in_memory(other, before.tokenizer)
    own = ask(fresh, plan(fresh, questions(4), size=4), arm="tuned", store=None, progress=unseen)
    assert [r.chat for r in told] == [r.chat for r in own]
    assert not {r.chat.answer for r in refused} & {r.chat.answer for r in told}


def test_a_file_that_holds_another_batch_is_an_error(engine: Engine, tmp_path: Path) -> None:
    store = Store(tmp_path)
    batch = plan(engine, questions(2), size=2)[0]
    answer(engine, batch, store=store)
    path = next(tmp_path.rglob("*.json"))
    path.write_bytes(path.read_bytes().replace(b'"key": "', b'"key": "x'))
    with pytest.raises(ValueError, match="holds another batch than its name says"):
        answer(engine, batch, store=store)


def test_out_of_memory_halves_the_batch_of_both_arms(engine: Engine) -> None:
    """A GPU's out-of-memory, injected: both arms end up under one plan."""
    base, tuned, said = Counting(engine, fits=16), Counting(engine, fits=3), []
    desk = Desk(None, said.append, lambda name: unseen)
    heard = ask_arms({"base": base, "tuned": tuned}, questions(12), size=16, desk=desk)
    assert heard.size == 2
    assert set(tuned.asked) == {2}
    assert base.asked[-6:] == tuned.asked == [2] * 6
    assert len(heard.replies) == 24
    assert "batches of 16 do not fit" in said[0]


def test_the_engine_reports_the_devices_out_of_memory(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    def full(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("tuneward.model.engine.decode", full)
    with pytest.raises(MemoryError, match="2 prompts do not fit on cpu"):
        engine.answer([(2, 7), (2, 8)], decoding=Decoding(4), keys=["a", "b"])


def test_a_single_prompt_that_does_not_fit_is_an_error() -> None:
    assert [halved(16), halved(3)] == [8, 1]
    with pytest.raises(MemoryError, match="single prompt"):
        halved(1)


def test_the_size_is_one_for_all_arms(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    small = replace(engine, info=replace(engine.info, device="cpu:small"))
    free = {"cpu": 2**40, "cpu:small": 2**22}
    monkeypatch.setattr("tuneward.model.engine.free_bytes", free.__getitem__)
    assert batch_size([engine], questions(4)) == 96
    assert batch_size([engine, small], questions(4)) == batch_size([small], questions(4)) < 96
