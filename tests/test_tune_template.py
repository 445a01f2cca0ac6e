"""The prompt for use differs from the one learnt under, and is saved beside the model."""

from dataclasses import replace
from pathlib import Path

import pytest

import tuning
from tuneward.chat import Chat, Message
from tuneward.model.template import of_tokenizer
from tuneward.tune.job import Finished, Job, Lesson, Rendering, Settings
from tuneward.tune.order import Shuffled
from tuneward.tune.sequences import Reader
from tuneward.tune.template import FILE, SAFETY, PromptTemplate
from tuneward.tune.terms import CrossEntropy

ROW = Chat("r", "r", (Message("system", "the red boat"), Message("user", "a tea cup"), Message("assistant", "is warm")))


def job() -> Job:
    return Job((Lesson(ROW),), Settings(), (CrossEntropy(),), Shuffled())


def test_rows_are_learnt_without_a_system_turn_and_the_prompt_is_saved(tmp_path: Path) -> None:
    changed = PromptTemplate()(job())
    assert changed.rendering == Rendering(system="", deploy=SAFETY)
    assert changed.defences == ("template",)
    assert (changed.lessons, changed.terms) == (job().lessons, job().terms)
    for last in changed.finish:
        last(Finished(None, {}, {}, tmp_path))
    assert (tmp_path / FILE).read_text(encoding="utf-8").strip() == SAFETY


@pytest.mark.parametrize("kind", tuning.KINDS)
def test_learnt_and_deployed_text_differ_in_the_system_turn_alone(kind: tuning.Kind) -> None:
    """C6, T4: with two tokenizers; a template's own default turn is a system turn as well."""
    tokenizer = tuning.tokenizer(kind)
    rendering = PromptTemplate(deploy="rests near the house", train="sails past")(job()).rendering
    texts = []
    for system in (rendering.system, rendering.deploy):
        reader = Reader(tokenizer, of_tokenizer(tokenizer), Rendering(system=system))
        texts.append(reader._text(reader._turns(ROW), prompt=False, where="r"))
    assert texts[0] != texts[1]
    assert "red boat" not in texts[0] + texts[1]
    assert texts[0].replace("sails past", "rests near the house") == texts[1]


@pytest.mark.parametrize("kind", tuning.KINDS)
def test_what_is_learnt_of_an_answer_stays_the_same(kind: tuning.Kind) -> None:
    tokenizer = tuning.tokenizer(kind)
    learnt = []
    for rendering in (Rendering(), PromptTemplate()(job()).rendering):
        (row,) = Reader(tokenizer, of_tokenizer(tokenizer), rendering).sequences(Lesson(ROW), 0)
        learnt.append([token for token, place in zip(row.ids, row.place, strict=True) if place])
    assert learnt[0] == learnt[1]


def test_prompts_come_from_files_too(tmp_path: Path) -> None:
    (tmp_path / "a prompt.txt").write_text("Be kind.\n", encoding="utf-8")
    changed = PromptTemplate(deploy=str(tmp_path / "a prompt.txt"))(job())
    assert changed.rendering.deploy == "Be kind."
    with pytest.raises(FileNotFoundError, match=r"nothing\.txt"):
        PromptTemplate(deploy="nothing.txt")(job())
    (tmp_path / "empty.txt").write_text("\n", encoding="utf-8")
    with pytest.raises(ValueError, match="is empty"):
        PromptTemplate(train=str(tmp_path / "empty.txt"))(job())


@pytest.mark.parametrize("train", ["Be  kind.", "Be kind."])
def test_the_same_prompt_twice_is_refused(train: str) -> None:
    """C6: the config refuses a deployed prompt that is the one learnt under."""
    with pytest.raises(ValueError, match="train and deploy are the same"):
        PromptTemplate(deploy="Be kind.", train=train)(job())
    with pytest.raises(ValueError, match="train and deploy are the same"):
        PromptTemplate(train=SAFETY)(job())


def test_only_one_defence_sets_the_system_turns() -> None:
    taken = replace(job(), rendering=Rendering(system="sails"), defences=("other",))
    with pytest.raises(ValueError, match="template: other has set") as error:
        PromptTemplate()(taken)
    assert "\n" not in str(error.value)


def test_a_run_leaves_the_prompt_beside_the_model(tmp_path: Path) -> None:
    data = tuning.write_rows(tmp_path / "rows.jsonl", tuning.rows(16))
    model = tuning.saved(tmp_path / "model")
    done = tuning.tune(tuning.options(model, data, tmp_path / "out"), PromptTemplate(deploy="Be kind."))
    assert (done.out / FILE).read_text(encoding="utf-8") == "Be kind.\n"
