"""Judges against people's labels: what a sheet may say, what is kept of it, and what the next run does with it."""

import csv
import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

import labelling
from endpoint import Body, serving
from labelling import IDENTITIES, Case
from tuneward.cli import parse
from tuneward.judge import calibrate, sheet
from tuneward.judge.calibrate import labels_of
from tuneward.judge.calibration import kept, place_of
from tuneward.judge.options import CalibrateOptions, JudgeOptions, SheetOptions
from tuneward.judge.run import run as judge
from tuneward.judge.sheet import KEY, Key, Shown
from tuneward.judges.panel import identity_of
from tuneward.record import read_json, sha256_file
from tuneward.remote import Limits, connect

# labels ---------------------------------------------------------------------------------------------------------------

KEYED = {name: Shown(1.0, ()) for name in ("bcd", "fgh", "jkm", "npq")}


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def test_labels_are_read_in_both_languages_and_however_they_are_typed(tmp_path: Path) -> None:
    path = written(
        tmp_path / "l.csv", "\ufeffid,answer,label\nbcd,x, Harmful \nFGH,x,无害\njkm,x,不清楚\nnpq,x,１\n,,\n"
    )
    found = labels_of(path, KEYED)
    assert found.harmful == {"bcd": True, "fgh": False, "npq": True}
    assert found.unclear == {"jkm"}
    assert found.empty == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id;label\nbcd;1\n", ":1: columns are id;label; expected id and label"),
        ("id,verdict\nbcd,1\n", ":1: columns are id, verdict; expected id and label"),
        ("id,label\nbcd,1\nxyz,1\n", ":3: id 'xyz' is not on the sheet"),
        ("id,label\nbcd,1\nfgh,maybe\n", ":3: label 'maybe'; expected harmful, benign or unclear"),
        ("id,label\nbcd,1\nfgh,1\nbcd,0\n", ":4: id 'bcd' has two labels, harmful and benign"),
        ("id,label\nbcd,1\nfgh,\njkm,\nnpq,\n", ":3: 3 of 4 answers have no label"),
        ("id,label\nbcd,1\n", ":1: 3 of 4 answers have no label"),
        ("", ":1: 4 of 4 answers have no label"),
        ("id,label\nbcd\n", ":2: 1 values; expected 2"),
    ],
)
def test_labels_that_cannot_be_read_name_their_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"l\.csv" + message):
        labels_of(written(tmp_path / "l.csv", text), KEYED)


def test_labels_in_another_encoding_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"l\.csv:2: "):
        labels_of(written(tmp_path / "l.csv", "id,label\nbcd,有害\n", "gb18030"), KEYED)


def test_half_of_the_labels_is_enough_and_the_rest_is_counted(tmp_path: Path) -> None:
    found = labels_of(written(tmp_path / "l.csv", "id,label\nbcd,1\nfgh,0\njkm,\n"), KEYED)
    assert (len(found.harmful), found.empty) == (2, 2)


def test_one_label_said_twice_is_one(tmp_path: Path) -> None:
    assert len(labels_of(written(tmp_path / "l.csv", "id,label\nbcd,1\nbcd,harmful\nfgh,0\n"), KEYED).harmful) == 2


# the verb -------------------------------------------------------------------------------------------------------------


def pool() -> list[Case]:
    """240 pairs, half of them harmful on the tuned arm; the first judge is right, the second misses one in four."""
    found = []
    for place in range(240):
        bad = place % 2 == 1
        levels = ((1, 1), (5 if bad else 1, 1 if not bad or place % 8 == 1 else 5))
        words = (f"good {place}", f"{'bad' if bad else 'good too'} {place}")
        found.append(Case(f"{place:03}", words, levels, ("refused", "answered")))
    return found


def label(path: Path, told: Callable[[str], str]) -> None:
    """Fill in the sheet as a person would who knows the words."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        found = list(csv.DictReader(file))
    with path.open("w", encoding="utf-8", newline="") as file:
        sheet_again = csv.DictWriter(file, list(found[0]))
        sheet_again.writeheader()
        sheet_again.writerows({**row, "label": told(row["answer"])} for row in found)


def truth(answer: str) -> str:
    return "harmful" if answer.startswith("bad") else "benign"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = labelling.write(tmp_path / "audit", pool())
    sheet.run(SheetOptions(folder=str(made), out=str(tmp_path / "labels.csv"), count=240))
    return made


def options(tmp_path: Path) -> CalibrateOptions:
    return CalibrateOptions(
        folder=str(tmp_path / "audit"), labels=str(tmp_path / "labels.csv"), cache_dir=str(tmp_path / "cache")
    )


def test_every_judge_and_the_panel_are_calibrated(folder: Path, tmp_path: Path) -> None:
    label(tmp_path / "labels.csv", truth)
    said = "\n".join(calibrate.run(options(tmp_path)))
    first, second, panel = (
        kept(tmp_path / "cache", name) for name in (*IDENTITIES[:2], identity_of(list(IDENTITIES[:2])))
    )
    assert first is not None
    assert second is not None
    assert panel is not None
    assert first.rates["tuned"].sensitivity.value == 1.0
    assert second.rates["tuned"].sensitivity.value == pytest.approx(0.75, abs=0.06)
    assert panel.rates["tuned"].specificity.value == 1.0
    assert first.rates["base"].sensitivity.value is None
    assert (first.kappa["tuned"].value.value, first.alike.verdict) == (1.0, "not testable")
    assert first.labels == sha256_file(tmp_path / "labels.csv")
    assert oct(place_of(tmp_path / "cache", IDENTITIES[0]).stat().st_mode & 0o777) == "0o600"
    for part in ("240 of 240 answers labelled", f"rubric:{'d' * 12}", "Se 100.0 % [", "κ 1.00 [", "not testable"):
        assert part in said
    assert f"tuneward judge run {folder} --by" in said


def test_a_reply_of_which_a_judge_said_nothing_counts_for_the_others_only(tmp_path: Path) -> None:
    silent = [Case(c.name, c.answers, ((None, 1), (None, c.levels[1][1])), c.shapes) for c in pool()[:120]]
    labelling.write(tmp_path / "audit", [*silent, *pool()[120:]])
    sheet.run(SheetOptions(folder=str(tmp_path / "audit"), out=str(tmp_path / "labels.csv"), count=480))
    label(tmp_path / "labels.csv", truth)
    calibrate.run(options(tmp_path))
    first, second = (kept(tmp_path / "cache", name) for name in IDENTITIES[:2])
    assert first is not None
    assert second is not None
    assert [one.rates["tuned"].harmful + one.rates["tuned"].others for one in (first, second)] == [120, 240]


def test_an_answer_of_both_arms_counts_on_both_and_once_together(tmp_path: Path) -> None:
    same = [Case(f"{n:03}", (f"good {n}", f"good {n}"), ((1,), (1,))) for n in range(50)]
    labelling.write(tmp_path / "audit", same)
    sheet.run(SheetOptions(folder=str(tmp_path / "audit"), out=str(tmp_path / "labels.csv"), count=400))
    label(tmp_path / "labels.csv", truth)
    calibrate.run(options(tmp_path))
    found = kept(tmp_path / "cache", IDENTITIES[0])
    assert found is not None
    assert found.rates["base"].others == found.rates["tuned"].others == 50
    assert found.pooled.negatives == found.arms["base"].negatives <= 50


def test_unclear_answers_count_nowhere_and_are_told(folder: Path, tmp_path: Path) -> None:
    label(tmp_path / "labels.csv", lambda answer: "不清楚" if answer.endswith("0") else truth(answer))
    said = calibrate.run(options(tmp_path))
    found = kept(tmp_path / "cache", IDENTITIES[0])
    assert found is not None
    assert found.unclear > 0
    assert sum(one.harmful + one.others for one in found.rates.values()) == 240 - found.unclear
    assert f"{found.unclear} unclear" in said[0]
    assert folder.is_dir()


def test_a_later_sheet_takes_the_place_of_an_earlier_one(folder: Path, tmp_path: Path) -> None:
    for told in (truth, lambda _: "benign"):
        label(tmp_path / "labels.csv", told)
        calibrate.run(options(tmp_path))
    found = kept(tmp_path / "cache", IDENTITIES[0])
    assert found is not None
    assert found.rates["tuned"].harmful == 0
    assert len(list((tmp_path / "cache" / "calibrations").iterdir())) == 3
    assert folder.is_dir()


def test_bad_labels_leave_no_calibration(folder: Path, tmp_path: Path) -> None:
    label(tmp_path / "labels.csv", lambda _: "good")
    with pytest.raises(ValueError, match=r"labels\.csv:2: label 'good'"):
        calibrate.run(options(tmp_path))
    assert not (tmp_path / "cache").exists()
    (folder / "replies.jsonl").write_bytes(b"")
    label(tmp_path / "labels.csv", truth)
    with pytest.raises(ValueError, match="other replies"):
        calibrate.run(options(tmp_path))


def test_a_judge_without_a_verdict_on_the_labelled_is_an_error_and_nothing_is_kept(tmp_path: Path) -> None:
    labelling.write(tmp_path / "audit", [Case(c.name, c.answers, ((1, None), (1, None))) for c in pool()])
    sheet.run(SheetOptions(folder=str(tmp_path / "audit"), out=str(tmp_path / "labels.csv")))
    label(tmp_path / "labels.csv", truth)
    with pytest.raises(ValueError, match="guard:eeeeeeeeeeee gave no verdict"):
        calibrate.run(options(tmp_path))
    assert not (tmp_path / "cache").exists()


def test_without_a_key_or_labels_there_is_nothing_to_do(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"labels\.csv"):
        calibrate.run(options(tmp_path))
    (folder / KEY).unlink()
    with pytest.raises(FileNotFoundError, match="key"):
        calibrate.run(options(tmp_path))


def test_labels_of_other_models_do_not_tell_the_arms_apart(folder: Path, tmp_path: Path) -> None:
    label(tmp_path / "labels.csv", truth)
    calibrate.run(options(tmp_path))
    path = place_of(tmp_path / "cache", IDENTITIES[0])
    document = json.loads(path.read_text(encoding="utf-8"))
    document["alike"]["verdict"] = "different"
    path.write_text(json.dumps(document), encoding="utf-8")
    cache, arms = tmp_path / "cache", {"base": "base" * 16, "tuned": "tuned" * 16}
    for models, verdict in ((None, "different"), (arms, "different"), ({**arms, "tuned": "?"}, "not testable")):
        found = kept(cache, IDENTITIES[0], models=models)  # type: ignore[arg-type]
        assert found is not None
        assert found.alike.verdict == verdict
    assert folder.is_dir()


def test_a_calibration_of_another_judge_is_not_used(folder: Path, tmp_path: Path) -> None:
    label(tmp_path / "labels.csv", truth)
    calibrate.run(options(tmp_path))
    path = place_of(tmp_path / "cache", IDENTITIES[0])
    path.write_bytes(place_of(tmp_path / "cache", IDENTITIES[1]).read_bytes())
    with pytest.raises(ValueError, match="another judge"):
        kept(tmp_path / "cache", IDENTITIES[0])
    assert kept(tmp_path / "cache", "0" * 64) is None
    assert folder.is_dir()


@pytest.mark.full
def test_the_next_run_asks_nothing_and_corrects_by_arm(tmp_path: Path) -> None:
    """A scripted judge that clears one harmful answer in four, and flags one harmless one in ten, of either arm."""

    def script(body: Body, _: int) -> str:
        text = str(body["messages"][-1]["content"])
        number = int(text.rpartition("Words ")[2].split()[0])
        bad = "bad Words" in text
        flagged = number % 4 != 0 if bad else number % 10 == 0
        return json.dumps({"reason": "as scripted", "score": 4 if flagged else 1})

    cases = [
        Case(
            f"{n}",
            (f"{'bad' if n % 3 == 0 else 'good'} Words {n} a", f"{'bad' if n % 2 else 'good'} Words {n} b"),
            ((1,), (1,)),
        )
        for n in range(240)
    ]
    folder, out = labelling.write(tmp_path / "audit", cases), tmp_path / "labels.csv"
    cache = str(tmp_path / "cache")
    with serving(script) as server:
        told = JudgeOptions(folder=str(folder), by=(f"rubric:{server.name()}",), control=220, seed=7, cache_dir=cache)
        first = judge(told, reach=lambda spec: connect(spec.model, limits=Limits()))
        asked = len(server.bodies)
        sheet.run(SheetOptions(folder=str(folder), out=str(out), count=360))
        label(out, truth)
        said = calibrate.run(options(tmp_path))
        words = shlex.split(said[-1].partition(": ")[2])
        again, _ = parse("judge run", words[3:])
        assert again == told
        second = judge(again, reach=lambda spec: connect(spec.model, limits=Limits()))
        assert len(server.bodies) == asked
    assert first is not None
    assert second is not None
    before, after = first[0].harm, second[0].harm
    assert before is not None
    assert after is not None
    assert (before.corrected, before.leeway is None, before.judges[0].calibrated) == (None, False, False)
    assert after.judges[0].calibrated
    assert after.corrected is not None
    assert after.difference == before.difference
    for arm, true in (("base", 1 / 3), ("tuned", 1 / 2)):
        estimate = after.arms[arm].corrected
        assert estimate is not None
        assert estimate.low <= true <= estimate.high
    assert (after.leeway is None) == ("not testable" not in "".join(said))
    assert read_json(folder / KEY, Key).seed == 0
