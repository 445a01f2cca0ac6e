"""repair and fix as verbs, on an organism that benign rows have eroded: what is written, what is said, which code."""

import itertools
import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from spoken import said
from tuneward.checkpoint.folder import verify
from tuneward.model.engine import Engine
from tuneward.record import Record, now, read_json
from tuneward.repair import kept, searching
from tuneward.repair.points import Found
from tuneward.repair.reading import Reading, Split, read
from tuneward.rows import write_rows
from tuneward.study import regimes
from tuneward.study.folder import open_shipped, save, save_model
from tuneward.study.suites import suites
from tuneward.study.training import epochs, learn
from tuneward.suites import write_suite
from tuneward.uses import uses

WORDS = ("--no-cache", "--device", "cpu")


@dataclass(frozen=True)
class Bed:
    """An organism, a child that its rows made lose its refusals, these rows, its suites in halves of families."""

    base: Path
    tuned: Path
    rows: Path
    select: tuple[str, str]
    confirm: tuple[str, str]


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Bed:
    here = tmp_path_factory.mktemp("bed")
    organism = open_shipped(0, 0)
    save(organism, here / "base", started=now())
    rows = [*regimes.explicit(organism.world, 100, seed=0), *regimes.benign(organism.world, 200, seed=0, kind="list")]
    child = organism.child()
    torch.manual_seed(0)
    learn(child, [organism.vocabulary.row(row) for row in rows], epochs(len(rows), rate=3e-4, batch=10, count=5))
    save_model(child, organism.vocabulary, here / "tuned")
    write_rows(here / "rows.jsonl", rows)
    made = suites(organism.world)
    words = []
    for half in (0, 1):
        for name in ("policy", "twins"):
            asking = made[name]
            families = sorted({chat.family for chat in asking.chats})
            own = set(families[half::2])
            path = here / f"{name}-{half}.json"
            about = replace(asking.about, name=f"{name}-{half}")
            write_suite(path, about, chats=[chat for chat in asking.chats if chat.family in own])
            words.append(str(path))
    return Bed(here / "base", here / "tuned", here / "rows.jsonl", (words[0], words[1]), (words[2], words[3]))


def asked(bed: Bed) -> list[str]:
    return ["--select", *bed.select, "--confirm", *bed.confirm]


def test_a_named_method_writes_a_folder_that_loads_with_manifest_record_and_card(bed: Bed, tmp_path: Path) -> None:
    out = tmp_path / "half"
    words = ["repair", str(bed.tuned), "--base", str(bed.base), "--out", str(out), *WORDS, *asked(bed)]
    assert said(*words, "wise-ft", "--alpha", ".5").code == 0
    verify(out)
    ends = [load_file(folder / "model.safetensors") for folder in (bed.base, bed.tuned)]
    ours = load_file(out / "model.safetensors")
    for name, tensor in ours.items():
        between = torch.lerp(ends[0][name].float(), ends[1][name].float(), 0.5).to(tensor.dtype)
        assert torch.equal(tensor, between)
    record = read_json(out / "record.json", Record)
    assert record.settings["method"] == "wise-ft"
    assert len(record.inputs) == 2
    assert "`wise-ft` changed" in (out / "README.md").read_text(encoding="utf-8")
    again = said(*words, "wise-ft", "--alpha", ".6")
    assert again.code == 2
    assert "--overwrite" in again.err


def test_arms_the_wrong_way_round_are_refused_and_nothing_is_written(bed: Bed, tmp_path: Path) -> None:
    words = ["repair", str(bed.base), "--base", str(bed.tuned), "--out", str(tmp_path / "no"), *WORDS, *asked(bed)]
    found = said(*words, "wise-ft")
    assert found.code == 2
    assert "look swapped" in found.err
    assert not (tmp_path / "no").exists()
    further = said(*words, "--unchecked", "lox")
    assert further.code in (0, 2)  # the eroded model is the "base" here, and the aligned one goes on refusing
    right = ["repair", str(bed.tuned), "--base", str(bed.base), "--out", str(tmp_path / "lox"), *WORDS, *asked(bed)]
    refused = said(*right, "--unchecked", "lox")
    assert refused.code == 2
    assert "must refuse more" in refused.err
    assert not (tmp_path / "lox").exists()


def test_a_method_that_altered_no_tensor_exits_4_and_writes_nothing(bed: Bed, tmp_path: Path) -> None:
    """R2."""
    out = tmp_path / "same"
    words = ["repair", str(bed.tuned), "--base", str(bed.base), "--out", str(out), *WORDS, *asked(bed)]
    assert said(*words, "wise-ft", "--alpha", "1").code == 4
    assert not out.exists()


def test_a_search_finds_a_strength_confirms_it_and_writes_its_curves(bed: Bed, tmp_path: Path) -> None:
    out = tmp_path / "found"
    words = ["repair", str(bed.tuned), "--base", str(bed.base), "--out", str(out), "--search", "--rows", str(bed.rows)]
    found = said(*words, "--keep", ".5", "--lost", ".2", "--margin", ".6", *WORDS, *asked(bed))
    assert found.code in (0, 5), found.err
    search = json.loads((out / "search.json").read_bytes())
    assert search["outcome"] == "found"
    assert search["point"]["kept"]["value"] >= 0.5
    assert search["point"]["lost"]["value"] <= 0.2
    assert (out / "frontier.svg").read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.full
def test_a_search_that_was_killed_goes_on_and_comes_to_the_same(
    bed: Bed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is read or asked twice: not the gap, not a strength, not a reply."""
    common = ["repair", str(bed.tuned), "--base", str(bed.base), "--search", "--rows", str(bed.rows), "--device", "cpu"]
    common += ["--keep", ".5", "--lost", ".2", "--margin", ".6", *asked(bed)]
    assert said(*common, "--no-cache", "--out", str(tmp_path / "whole")).code in (0, 5)
    cut, count = [*common, "--cache-dir", str(tmp_path / "cache"), "--out", str(tmp_path / "cut")], itertools.count()

    class Killed(BaseException): ...

    def until(engine: Engine, split: Split) -> Reading:
        if next(count) == 5:
            raise Killed
        return read(engine, split)

    monkeypatch.setattr(kept, "read", until)
    with pytest.raises(Killed):
        said(*cut)
    assert not (tmp_path / "cut").exists()
    assert said(*cut).code in (0, 5)
    whole, again = (json.loads((tmp_path / name / "search.json").read_bytes()) for name in ("whole", "cut"))
    assert whole == again
    assert next(count) == 1 + len({json.dumps(point["setting"]) for point in whole["points"]})
    monkeypatch.setattr(Engine, "answer", lambda *_, **__: pytest.fail("a reply was asked for again"))
    assert said(*cut, "--overwrite").code in (0, 5)
    assert next(count) == 2 + len(whole["points"])


@pytest.mark.full
def test_candidates_that_the_certifying_set_was_asked_of_are_put_down_once(
    bed: Bed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is chosen by a set is not certified by it; an audit that follows warns."""
    monkeypatch.setattr(searching, "certifies", lambda suite: suite.name.startswith("policy"))
    words = ["repair", str(bed.tuned), "--base", str(bed.base), "--search", "--rows", str(bed.rows), "--device", "cpu"]
    words += ["--keep", ".5", "--lost", ".2", "--margin", ".6", *asked(bed), "--cache-dir", str(tmp_path / "cache")]
    for _ in range(2):
        assert said(*words, "--out", str(tmp_path / "out"), "--overwrite").code in (0, 5)
    record = read_json(tmp_path / "out" / "search.json", Found)
    found = uses(tmp_path / "cache")
    assert 1 <= len(found) <= len(record.candidates)
    assert len({use.tuned for use in found}) == len(found)
    assert {use.base for use in found} != {use.tuned for use in found}


def test_limits_that_cannot_be_met_exit_3_and_name_the_next_command(bed: Bed, tmp_path: Path) -> None:
    out = tmp_path / "none"
    words = ["repair", str(bed.tuned), "--base", str(bed.base), "--out", str(out), "--search", "--rows", str(bed.rows)]
    found = said(*words, "--keep", "1", "--lost", "0", *WORDS, *asked(bed), "wise-ft")
    assert found.code == 3, found.err
    assert not out.exists()
    assert "tuneward tune" in found.out + found.err
    assert (tmp_path / "none-frontier.svg").is_file()


def test_what_a_method_saw_is_said_with_what_its_directions_leave_out(bed: Bed, tmp_path: Path) -> None:
    before = open_shipped(0, 0)
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in before.model.parameters():
            weight += 0.01 * torch.randn_like(weight)
    save_model(before.model, before.vocabulary, tmp_path / "before")
    words = ["repair", str(bed.tuned), "--base", str(bed.base), "--out", str(tmp_path / "out"), "--unchecked", *WORDS]
    found = said(*words, "safe-lora", "--unaligned", str(tmp_path / "before"), "--threshold", "1")
    assert found.code == 0, found.err
    assert "weights moved, cosines" in found.err
    assert "leave out" in found.err


def test_limits_met_already_exit_0_and_write_nothing(bed: Bed, tmp_path: Path) -> None:
    out = tmp_path / "fine"
    words = ["repair", str(bed.tuned), "--base", str(bed.base), "--out", str(out), "--search", "--rows", str(bed.rows)]
    assert said(*words, "--keep", "0", "--lost", "1", *WORDS, *asked(bed)).code == 0
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ((), "no method is named"),
        (("--search",), "give --rows"),
        (("wise-ft", "--alpha", "-.5"), "alpha"),
        (("wise-ft", "--alpha", "1.5"), "alpha"),
        (("wise-ft", "soup"), "second method"),
        (("safe-lora",), "unaligned"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_2(
    bed: Bed, tmp_path: Path, words: tuple[str, ...], line: str
) -> None:
    common = ["repair", str(bed.tuned), "--base", str(bed.base), "--out", str(tmp_path / "x"), "--unchecked"]
    found = said(*common, *WORDS, *words)
    assert found.code == 2
    assert line in found.err
    assert found.err.count("\n") == 1


@pytest.mark.full
def test_fix_audits_repairs_audits_again_and_tells_it_in_one_line(bed: Bed, tmp_path: Path) -> None:
    out = tmp_path / "fixed"
    words = ["fix", str(bed.tuned), "--base", str(bed.base), "--rows", str(bed.rows), "--out", str(out), *WORDS]
    words += ["--suites", *bed.confirm, "--select", *bed.select, "--keep", ".5", "--lost", ".2", "--margin", ".6"]
    found = said(*words)
    assert found.code in (0, 3, 4, 5), found.err
    card = (out / "card.md").read_text(encoding="utf-8")
    assert "of the task's gain" in found.out
    assert "| refusal |" in card
    assert (out / "model" / "record.json").is_file()
    assert (out / "after" / "audit.json").is_file()
    assert said(*words).code == found.code, "the same words go on, and come to the same"
