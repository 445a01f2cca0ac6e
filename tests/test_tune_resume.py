"""A run that ended anywhere goes on by the same words, and ends as if nothing had happened."""

import dataclasses
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
import torch

import tuning
from tuneward.tune import training, writing
from tuneward.tune.job import Job, Stage, Step
from tuneward.tune.options import TuneOptions
from tuneward.tune.trainer import Between, Learner, last_whole
from tuning import curves, rows, same, tune, weights

STEPS = 7


class Ended(BaseException):
    """What no handler takes for an error, as a kill."""


@dataclasses.dataclass(frozen=True)
class Ending:
    """Ends the run in the middle of a step, when `at` says so; remembers something; has one stage or two."""

    stages: int = 1
    at: ClassVar[int | None] = None
    sums: ClassVar[list[float]] = []

    def __call__(self, job: Job) -> Job:
        two = (Stage(2, lambda name: "lora_A" in name, "one"), Stage(3, lambda name: "lora_B" in name, "two"))
        return replace(job, before_step=(self.look,), stages=two if self.stages == 2 else job.stages)

    def look(self, step: Step) -> None:
        if step.number == Ending.at:
            Ending.at = None
            raise Ended
        seen = step.memory.get("ending/seen", torch.zeros(1))
        norm = sum(float(one.grad.square().sum()) for one in step.trained.values())
        step.memory["ending/seen"] = seen * 0.5 + norm
        step.log("seen", float(step.memory["ending/seen"]))
        self.sums.append(float(seen))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> TuneOptions:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("resume")
    data = tuning.write_rows(folder / "rows.jsonl", rows(21))
    plain = tuning.options(tuning.saved(folder / "model"), data, folder / "whole")
    return replace(plain, steps=STEPS, save_every=2, dropout=0.2, log_every=3)


@pytest.fixture(scope="module")
def whole(base: TuneOptions) -> dict[int, TuneOptions]:
    """Unbroken runs, of one stage and of two."""
    found = {n: replace(base, out=f"{base.out}{n}") for n in (1, 2)}
    for n, wanted in found.items():
        tune(wanted, Ending(n))
    return found


def equal(one: TuneOptions, other: TuneOptions) -> None:
    assert same(weights(Path(one.out)), weights(Path(other.out)))
    assert curves(Path(one.out)) == curves(Path(other.out))
    names = [sorted(path.name for path in Path(each.out).iterdir()) for each in (one, other)]
    assert names[0] == names[1]
    assert ".work" not in names[0]


@pytest.mark.parametrize(
    ("stages", "at"), [(1, 5), (2, 4), *(pytest.param(*at, marks=pytest.mark.full) for at in ((1, 1), (2, 3), (2, 6)))]
)
def test_ended_in_a_step_it_ends_with_the_same_weights(
    stages: int, at: int, base: TuneOptions, whole: dict[int, TuneOptions], tmp_path: Path
) -> None:
    """Inside the first and second of two stages and at their boundary; dropout, memory and curves as unbroken."""
    wanted = replace(base, out=str(tmp_path / "o"))
    Ending.at = at
    with pytest.raises(Ended):
        tune(wanted, Ending(stages))
    assert not (tmp_path / "o/adapter_model.safetensors").exists()
    tune(wanted, Ending(stages))
    equal(wanted, whole[stages])


@pytest.mark.parametrize(
    "where",
    [
        "weights",
        *(
            pytest.param(at, marks=pytest.mark.full)
            for at in ("state", "before the last file", "after it", "model", "boundary")
        ),
    ],
)
def test_ended_while_it_writes_it_ends_with_the_same_weights(
    where: str, base: TuneOptions, whole: dict[int, TuneOptions], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint that is half there is never gone on from."""
    wanted, left = replace(base, out=str(tmp_path / "o")), [1]
    places = {
        "weights": (Learner, "_save"),
        "state": (Learner, "_save_rng_state"),
        "before the last file": (Between, "on_save"),
        "after it": (Between, "on_save"),
        "model": (writing, "finite"),
        "boundary": (training, "_stage"),
    }
    owner, name = places[where]
    real = getattr(owner, name)

    def ends(*given: object, **named: object) -> object:
        left[0] -= 1
        if left[0] >= 0 and where != "boundary":
            return real(*given, **named)
        if left[0] == -1:
            if where in {"after it", "boundary"}:
                real(*given, **named)
            raise Ended
        return real(*given, **named)

    stages = 2 if where == "boundary" else 1
    left[0] = {"model": 0, "boundary": 0}.get(where, 1)
    monkeypatch.setattr(owner, name, ends)
    with pytest.raises(Ended):
        tune(wanted, Ending(stages))
    work = tmp_path / "o/.work"
    found = last_whole(work / "stage-1")
    assert found is not None
    steps = {"model": STEPS, "after it": 4, "boundary": 3}
    assert found.name == f"checkpoint-{steps.get(where, 2)}"
    tune(wanted, Ending(stages))
    equal(wanted, whole[stages])


def test_a_half_checkpoint_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    assert last_whole(tmp_path) is None
    for step in (2, 10, 9):
        (tmp_path / f"checkpoint-{step}").mkdir()
        (tmp_path / f"checkpoint-{step}/whole.json").write_text("{}")
    (tmp_path / "checkpoint-12").mkdir()
    assert last_whole(tmp_path) == tmp_path / "checkpoint-10"


@pytest.mark.full
def test_all_weights_go_on_as_an_adapter_does(base: TuneOptions, tmp_path: Path) -> None:
    full = replace(base, full=True, dropout=0.0, out=str(tmp_path / "whole"), accumulate=2)
    tune(full, Ending())
    cut = replace(full, out=str(tmp_path / "cut"))
    Ending.at = 5
    with pytest.raises(Ended):
        tune(cut, Ending())
    tune(cut, Ending())
    equal(cut, full)


def test_other_words_are_refused_and_the_same_ones_go_on(base: TuneOptions, tmp_path: Path) -> None:
    wanted = replace(base, out=str(tmp_path / "o"), overwrite=True)
    Ending.at = 3
    with pytest.raises(Ended):
        tune(wanted, Ending())
    for other in (replace(wanted, rate=1e-3), replace(wanted, seed=1)):
        with pytest.raises(ValueError, match=r"holds another run, not finished; --overwrite replaces it") as told:
            tune(replace(other, overwrite=False), Ending())
        assert "\n" not in str(told.value)
    with pytest.raises(ValueError, match=r"holds another run, not finished"):
        tune(replace(wanted, overwrite=False))
    Ending.sums.clear()
    tune(wanted, Ending())
    assert len(Ending.sums) == STEPS - 2, "it goes on, --overwrite or not"
    for again in (replace(wanted, overwrite=False), replace(wanted, overwrite=False, rate=1e-3)):
        with pytest.raises(ValueError, match=r"holds a finished run; --overwrite replaces it, or choose another --out"):
            tune(again, Ending())
    before = weights(tmp_path / "o")
    tune(replace(wanted, rate=1e-3), Ending())
    assert not same(before, weights(tmp_path / "o"))


def test_rows_that_changed_are_other_words(base: TuneOptions, tmp_path: Path) -> None:
    data = tuning.write_rows(tmp_path / "rows.jsonl", rows(21))
    wanted = replace(base, out=str(tmp_path / "o"), data=str(data))
    Ending.at = 3
    with pytest.raises(Ended):
        tune(wanted, Ending())
    tuning.write_rows(data, rows(21, seed=4))
    with pytest.raises(ValueError, match=r"holds another run, not finished"):
        tune(wanted, Ending())


def test_what_is_not_ours_is_never_removed(base: TuneOptions, tmp_path: Path) -> None:
    """--overwrite replaces a run of tune, and neither other folders nor what is read."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "letter.txt").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(ValueError, match=r"own: holds letter.txt and no run of tune"):
            tune(replace(base, out=str(own), overwrite=overwrite))
    assert (own / "letter.txt").read_text() == "mine"
    with pytest.raises(ValueError, match=r"letter.txt: a file; --out is a folder"):
        tune(replace(base, out=str(own / "letter.txt")))
    first = replace(base, out=str(tmp_path / "a"), steps=1)
    tune(first)
    with pytest.raises(ValueError, match=r"--overwrite would remove .*, which is read; choose another --out"):
        tune(replace(first, model=first.out, overwrite=True))
    assert (tmp_path / "a/adapter_model.safetensors").is_file()
