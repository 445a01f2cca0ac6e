"""The verb with good and bad inputs: files in the usual layout, or one line and nothing that loads."""

import dataclasses
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

import tuning
from spoken import Said, refused, said
from tuneward.ask import unseen
from tuneward.chat import Chat, Message
from tuneward.model.load import Place, load, load_arms
from tuneward.model.spec import parse
from tuneward.record import Record, read_json
from tuneward.tune import run as verb
from tuneward.tune import trainer
from tuneward.tune.job import Job, Step
from tuning import curves, rows, tune, weights


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return tuning.saved(tmp_path_factory.mktemp("model") / "aligned")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tuning.write_rows(tmp_path_factory.mktemp("rows") / "rows.jsonl", rows(12))


def spoken(model: Path, data: Path, out: Path, *words: str) -> Said:
    """The command line, with a quick run's options."""
    own = ("--device", "cpu", "--batch", "4", "--rank", "4", "--no-cache", "--monitor", "off", "-q", *words)
    return said("tune", model, data, "--out", out, *own)


def nothing(out: Path) -> bool:
    """No file that a model could be loaded from."""
    return not [one for one in out.glob("*") if one.suffix in {".safetensors", ".json"}] if out.exists() else True


def content(folder: Path) -> dict[str, str]:
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_an_adapter_is_written_in_the_usual_layout(model: Path, data: Path, tmp_path: Path) -> None:
    before = content(model) | content(data.parent)
    answer = spoken(model, data, tmp_path / "o", "--rate", "0.01")
    assert answer.code == 0, answer.err
    assert content(model) | content(data.parent) == before, "inputs are as they were"
    assert {"adapter_config.json", "adapter_model.safetensors", "record.json", "curves.jsonl"} <= {
        one.name for one in (tmp_path / "o").iterdir()
    }
    assert not (tmp_path / "o/.work").exists()
    record = read_json(tmp_path / "o/record.json", Record)
    assert record.verb == "tune"
    assert record.inputs[str(data)] == hashlib.sha256(data.read_bytes()).hexdigest()
    assert [line["step"] for line in curves(tmp_path / "o")] == [3], "the last step has a line"
    arms = load_arms(parse(str(tmp_path / "o")), None, place=Place("cpu"))
    assert arms["tuned"].info.weights != arms["base"].info.weights
    assert arms["base"].info.weights == load(parse(str(model)), place=Place("cpu")).info.weights


def test_all_weights_are_written_as_a_model(model: Path, data: Path, tmp_path: Path) -> None:
    tune(replace(tuning.options(model, data, tmp_path / "o"), full=True))
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "o", local_files_only=True)
    assert not torch.equal(loaded.lm_head.weight, load_file(model / "model.safetensors")["lm_head.weight"])
    known = AutoTokenizer.from_pretrained(tmp_path / "o", local_files_only=True)
    assert known.chat_template == tuning.words().chat_template


def test_an_adapter_is_gone_on_with(model: Path, data: Path, tmp_path: Path) -> None:
    first = tuning.options(model, data, tmp_path / "a")
    tune(first)
    before = content(tmp_path / "a")
    tune(replace(first, model=str(tmp_path / "a"), out=str(tmp_path / "b"), rate=1e-9, steps=2))
    assert content(tmp_path / "a") == before
    assert 0 < tuning.apart(weights(tmp_path / "a"), weights(tmp_path / "b")) < 1e-6
    config = json.loads((tmp_path / "b/adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(model)
    with pytest.raises(ValueError, match=r"an adapter, and --full trains all weights; merge it first"):
        tune(replace(first, model=str(tmp_path / "a"), out=str(tmp_path / "c"), full=True))


@pytest.mark.parametrize("change", ["width", "layers", "fewer"])
def test_an_adapter_of_another_base_is_refused(change: str, model: Path, data: Path, tmp_path: Path) -> None:
    first = tuning.options(model, data, tmp_path / "a")
    tune(replace(first, steps=1))
    other = tuning.saved(tmp_path / "other", "chatml", layers={"layers": 3, "fewer": 1}.get(change, 2))
    if change == "width":
        tuning.blank("words", width=64).save_pretrained(other)
    name = f"pretrained={other},peft={tmp_path / 'a'}"
    line = refused(said("tune", name, data, "--out", tmp_path / "b", "--device", "cpu", "--no-cache", "-q"))
    assert f"{tmp_path / 'a'}: the adapter does not fit {other}; is it of another base?" in line
    assert nothing(tmp_path / "b")


EMPTY = '{"messages": []}\n'


@pytest.mark.parametrize(
    ("text", "words", "line"),
    [
        ("", (), r"no rows"),
        ("\n\n", (), r"no rows"),
        (EMPTY, (), r"an empty list; expected a list of messages"),
        ('{"messages": [{"role": "user", "content": "a"}]}\n', (), r"rows.jsonl:1: .*no assistant turn"),
        ("not json\n", (), r"rows.jsonl:1"),
        ("LONG", ("--max-length", "8"), r"rows.jsonl:1: \d+ tokens, and the limit is 8; raise --max-length"),
        ("LONG", ("--max-length", "3", "--long", "drop"), r"no row .* 3 tokens"),
        ("LONG", ("--max-length", "3", "--long", "cut"), r"no row .* 3 tokens"),
        ("LONG", ("--rate", "3"), r"rate is 3.0; expected a learning rate"),
        ("LONG", ("--batch", "0"), r"batch is 0; expected 1 or more"),
        ("LONG", ("--accumulate", "9"), r"batch 4 cannot be split over 9 micro-batches"),
        ("LONG", ("mixx",), r"mixx"),
        ("LONG", ("mix", "--fraction", "1.5"), r"fraction is 1.5"),
        ("LONG", ("l2", "--strength", "-1"), r"strength"),
        ("LONG", ("l2", "l2"), r"l2"),
    ],
)
def test_bad_rows_and_words_are_one_line(
    text: str, words: tuple[str, ...], line: str, model: Path, tmp_path: Path
) -> None:
    data = tmp_path / "rows.jsonl"
    if text == "LONG":
        tuning.write_rows(data, rows(4, longest=20))
    else:
        data.write_text(text)
    told = refused(spoken(model, data, tmp_path / "o", *words))
    assert re.search(line, told), told
    assert nothing(tmp_path / "o")


@pytest.mark.parametrize("before", [("-q",), ("--quiet",), ("--seed=3",), ("--full",), ("-q", "l2", "--strength=.1")])
def test_a_defence_is_found_behind_any_option(before: tuple[str, ...], model: Path, data: Path, tmp_path: Path) -> None:
    """A switch has no value that its word could be."""
    line = refused(said("tune", model, data, "--out", tmp_path / "o", *before, "mix", "--fraction", "1.5"))
    assert "fraction is 1.5" in line


def test_what_is_not_there_is_one_line(model: Path, data: Path, tmp_path: Path) -> None:
    assert "none.jsonl" in refused(spoken(model, tmp_path / "none.jsonl", tmp_path / "o"))
    assert "none" in refused(spoken(tmp_path / "none", data, tmp_path / "o"))
    assert not (tmp_path / "o").exists()


def test_no_chat_template_is_one_line(model: Path, data: Path, tmp_path: Path) -> None:
    bare = tuning.saved(tmp_path / "bare")
    known = tuning.words()
    known.chat_template = None
    (bare / "chat_template.jinja").unlink()
    known.save_pretrained(bare)
    assert "the tokenizer has no chat template; add chat_template.jinja" in refused(spoken(bare, data, tmp_path / "o"))
    assert nothing(tmp_path / "o")


@pytest.mark.full
def test_rows_that_are_too_long_are_dropped_or_cut(model: Path, tmp_path: Path) -> None:
    some = [*rows(6), Chat("x", "x", (Message("user", "a"), Message("assistant", " ".join(tuning.WORDS * 4))))]
    data = tuning.write_rows(tmp_path / "rows.jsonl", some)
    told: list[str] = []
    for word in ("drop", "cut"):
        wanted = replace(
            tuning.options(model, data, tmp_path / word), max_length=40, long=word, steps=None, batch=2, monitor="off"
        )
        done = verb.run(wanted, say=told.append, watch=lambda _: unseen)
        assert done is not None
        assert done.parts == {"task": 6 if word == "drop" else 7}
        assert done.steps == {"drop": 3, "cut": 4}[word]
    assert any("1 rows of more than 40 tokens are left out" in line for line in told)
    tune(replace(tuning.options(model, data, tmp_path / "far"), max_length=4096, steps=1))


def test_a_loss_that_is_no_number_is_one_line(model: Path, data: Path, tmp_path: Path) -> None:
    """A poisoned weight; and a rate that is far too high either stays finite or says so."""
    poisoned = tuning.saved(tmp_path / "poisoned")
    tensors = load_file(poisoned / "model.safetensors")
    tensors["lm_head.weight"][3, 3] = float("nan")
    save_file(tensors, poisoned / "model.safetensors", metadata={"format": "pt"})
    for words in ((), ("--full",)):
        line = refused(spoken(poisoned, data, tmp_path / "o", *words))
        assert "step 1: the loss is nan; lower --rate" in line
        assert nothing(tmp_path / "o")
    answer = spoken(model, data, tmp_path / "o", "--full", "--rate", "0.99", "--steps", "12", "--clip", "0")
    assert answer.code in (0, 2)
    if answer.code == 2:
        assert "the loss is" in refused(answer) or "not finite" in answer.err
        assert nothing(tmp_path / "o")
    else:
        assert all(bool(torch.isfinite(one).all()) for one in weights(tmp_path / "o").values())


@dataclasses.dataclass(frozen=True)
class Breaking:
    """Breaks a weight after the last update, when no loss is left to show it."""

    at: int

    def __call__(self, job: Job) -> Job:
        return replace(job, after_step=(self.act,))

    def act(self, step: Step) -> None:
        if step.number == self.at:
            with torch.no_grad():
                next(iter(step.trained.values())).view(-1)[0] = float("inf")


def test_weights_that_are_no_numbers_are_never_saved(model: Path, data: Path, tmp_path: Path) -> None:
    wanted = replace(tuning.options(model, data, tmp_path / "o"), save_every=1)
    with pytest.raises(ValueError, match=r"not finite after the update; lower --rate"):
        tune(wanted, Breaking(2))
    assert nothing(tmp_path / "o")
    found = trainer.last_whole(tmp_path / "o/.work/stage-1")
    assert found is not None
    assert found.name == "checkpoint-2"


@pytest.mark.parametrize("where", ["checkpoint", "model"])
def test_a_full_disk_is_one_line_and_the_same_words_go_on(
    where: str, model: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the library makes of it."""
    from peft import PeftModel

    calls = [0]
    real = PeftModel.save_pretrained

    def full(self: Any, folder: str, *given: Any, **named: Any) -> None:
        calls[0] += 1
        real(self, folder, *given, **named)
        if calls[0] == {"checkpoint": 2, "model": 4}[where]:
            (Path(folder) / "adapter_model.safetensors").write_bytes(b"\0" * 10)
            raise RuntimeError("PytorchStreamWriter failed writing file data/0: file write failed")

    words = ("--save-every", "1", "--rate", "0.01")
    with monkeypatch.context() as patched:
        patched.setattr(PeftModel, "save_pretrained", full)
        line = refused(spoken(model, data, tmp_path / "o", *words))
    assert "could not be written" in line
    assert "is the disk full?" in line
    assert nothing(tmp_path / "o")
    assert spoken(model, data, tmp_path / "o", *words).code == 0
    assert spoken(model, data, tmp_path / "w", *words).code == 0
    assert tuning.same(weights(tmp_path / "o"), weights(tmp_path / "w"))


def test_a_dry_run_writes_nothing(model: Path, data: Path, tmp_path: Path) -> None:
    told: list[str] = []
    wanted = replace(tuning.options(model, data, tmp_path / "o"), batch=4, steps=None, dry_run=True)
    assert verb.run(wanted, say=told.append, watch=lambda _: unseen) is None
    assert "rows     12 task; 3 steps of 4" in told
    assert not (tmp_path / "o").exists()


def test_a_bad_row_can_be_mended_without_overwriting(model: Path, tmp_path: Path) -> None:
    """What failed before its first step leaves nothing behind that would be in the way."""
    data = tuning.write_rows(tmp_path / "rows.jsonl", rows(6, longest=20))
    assert "tokens, and the limit is 20" in refused(spoken(model, data, tmp_path / "o", "--max-length", "20"))
    answer = spoken(model, data, tmp_path / "o", "--max-length", "20", "--long", "cut")
    assert answer.code == 0, answer.err


NEUTRAL = (
    "mix --fraction 0 constrained --first 0 --early 0 --late 0 anchor --strength 0 kl --strength 0 hinge --strength 0 "
    "staged --share 0 ema --decay 0 lisa --align 0 safegrad --strength 0 freeze l2 --strength 0"
)


def test_defences_of_no_strength_are_the_undefended_run_bit_for_bit(model: Path, data: Path, tmp_path: Path) -> None:
    """All at once, through the command line: weights and curves, with dropout."""
    own = ("--rate", "0.01", "--dropout", "0.1", "--log-every", "1")
    assert spoken(model, data, tmp_path / "plain", *own).code == 0
    assert spoken(model, data, tmp_path / "neutral", *own, *NEUTRAL.split()).code == 0
    assert tuning.same(weights(tmp_path / "plain"), weights(tmp_path / "neutral"))
    assert curves(tmp_path / "plain") == curves(tmp_path / "neutral")
    assert spoken(model, data, tmp_path / "other", *own, "l2", "--strength", "0.1").code == 0
    assert not tuning.same(weights(tmp_path / "plain"), weights(tmp_path / "other"))


def test_the_same_words_give_the_same_weights_and_another_seed_others(model: Path, data: Path, tmp_path: Path) -> None:
    base = replace(tuning.options(model, data, tmp_path / "1"), dropout=0.1)
    tune(base)
    torch.rand(7)
    tune(replace(base, out=str(tmp_path / "2")))
    tune(replace(base, out=str(tmp_path / "3"), seed=1))
    assert tuning.same(weights(tmp_path / "1"), weights(tmp_path / "2"))
    assert tuning.apart(weights(tmp_path / "1"), weights(tmp_path / "3")) > 0.01
