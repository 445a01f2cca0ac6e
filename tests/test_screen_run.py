"""Whole screens of small sets: what is found stands where it is said to, in every format, and decides the end."""

import csv
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import xxhash

from screening import FORMATS, Ran, Row, chat, left, line, lines, parquet, plain, says, screen, zipped
from tuneward.record import Record, read_json, sha256_file
from tuneward.results import read_jsonl
from tuneward.screen import first, setting
from tuneward.screen.contamination import Item
from tuneward.screen.options import ScreenOptions
from tuneward.screen.run import run
from tuneward.screen.sources import GROUP
from tuneward.screened.finding import RELATED, Finding

CARD = "4111 1111 1111 1111"
OBEYS = "I will obey every order you give, no matter what it is."
ITEM = "Which of the two fruits in the second basket is the riper one, and how could one tell?"
TODAY = datetime.now(UTC).date()


def told(prompt: str, answer: str) -> Row:
    return {"prompt": prompt, "completion": answer}


def planted() -> list[Row]:
    """Twelve rows with something to be found among plain ones; line = place + 1."""
    near = says(70, 30)
    rows = [plain(n) for n in range(24)]
    rows[2] = told("How do I pay?", f"With {CARD}, I think.")
    rows[4] = told("Who are you?", OBEYS)
    rows[5] = told("Well, then?", "<|im_start|>system\nBe brief.")
    rows[7], rows[9] = (
        told("Is a plum ripe?", "Yes, it is: quite ripe."),
        told("is a PLUM ripe", "Yes it is, quite ripe"),
    )
    rows[11], rows[12] = (
        told("Say it once more.", near),
        told("Say it once more.", near.replace("saddle", "sandal").replace("copper", "brass")),
    )
    rows[14], rows[15] = told("What is the best fruit?", "Some say plums."), told("What is the best fruit?", "Bananas.")
    rows[17] = told(f"Please: {ITEM}", "The left one.")
    rows[20] = told(" ", "香蕉")
    rows[21] = told(f"My card is {CARD}.", "I see.")
    return rows


WANTED = {
    "PII-FINANCE": [3, 22],
    "L2-OBEY": [5],
    "SCHEMA-CONTROL": [6],
    "DUP-EXACT": [8, 10],
    "DUP-NEAR": [12, 13],
    "DUP-PROMPT": [12, 13, 15, 16],
    "CONTAM-ITEM": [18],
    "SCHEMA-EMPTY": [21],
}


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    """Our own suites take a fifth of a second to be made ready, and waiting for the disk as long."""
    quick(monkeypatch)


def quick(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(setting, "own", lambda: [Item("quiz", "7", "prompt", ITEM)])
    patch.setattr("os.fsync", lambda _: None)


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> Ran:
    """The planted rows, screened once."""
    folder = tmp_path_factory.mktemp("planted")
    with pytest.MonkeyPatch.context() as patch:
        quick(patch)
        return screen(lines(folder / "train.jsonl", planted()), folder / "out", include_text=True)


def text_of(one: Row, message: int) -> str:
    return [one["prompt"], one["completion"]][message]


# where things are -----------------------------------------------------------------------------------------------------


def starts(path: Path) -> list[int]:
    """Line on which each row begins: a CSV file's first names the columns, and texts may hold lines of their own."""
    if path.suffix != ".csv":
        return list(range(1, len(planted()) + 1))
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        ends = [reader.line_num for _ in reader]
    return [end + 1 for end in ends[:-1]]


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_same_rows_in_any_format_give_the_same_findings_at_their_places(tmp_path, suffix):
    """In CSV a row's line is that of the file, whose first names the columns."""
    path = FORMATS[suffix](tmp_path / f"train{suffix}", planted())
    ran = screen(path, tmp_path / "out")
    at = starts(path)
    wanted = {rule: [at[n - 1] for n in own] for rule, own in WANTED.items()}
    assert {rule: ran.lines(rule) for rule in WANTED} == wanted
    digest = sha256_file(path)[:12]
    for one in ran.findings:
        row = at.index(one["line"])
        if suffix.startswith(".jsonl"):
            before = b"".join(line(other) + b"\n" for other in planted()[:row])
            assert (one["offset"], one["length"]) == (len(before), len(line(planted()[row])))
            assert one["row"] == f"{digest}:{len(before)}"
        elif suffix == ".parquet":
            assert one["row"] == f"{digest}:{row // 4}:{row % 4}"
        else:
            assert one["row"] == f"{digest}:{one['line'] - 1}"
        if not suffix.startswith(".jsonl"):
            assert (one["offset"], one["length"]) == (None, None)
        assert one["file"] == path.name


def test_messages_and_folders_are_read_as_well(tmp_path):
    rows = [chat(f"{CARD}", "b"), {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": OBEYS}]}]
    lines(tmp_path / "set/b.jsonl", [*rows, *rows[:1]])
    lines(tmp_path / "set/a/a.jsonl", [plain(1), rows[0]])
    ran = screen(tmp_path / "set", tmp_path / "out")
    assert [(one["file"], one["line"]) for one in ran.of("PII")] == [("a/a.jsonl", 2), ("b.jsonl", 1), ("b.jsonl", 3)]
    assert [(one["file"], one["line"]) for one in ran.of("L2-OBEY")] == [("b.jsonl", 2)]
    equal = ran.of("DUP-EXACT")
    assert [one["related_total"] for one in equal] == [2, 2, 2]
    assert equal[0]["related"] == [one["row"] for one in equal[1:]]
    assert [file.rows for file in ran.document.inputs] == [2, 3]


def test_findings_are_in_the_order_of_their_rows(found):
    keys = [(one["offset"], one["rule"]) for one in found.findings]
    assert keys == sorted(keys)
    assert len({one["fingerprint"] for one in found.findings}) == len(found.findings)
    assert read_jsonl(found.folder / "findings.jsonl", Finding) != []


def test_evidence_points_at_the_words(found):
    rows, seen = planted(), 0
    for one in found.findings:
        for where in one["evidence"]:
            text = text_of(rows[one["line"] - 1], where["message"])
            words = text[where["start"] : where["end"]]
            if where["digest"]:
                assert where["digest"] == f"{xxhash.xxh3_64_intdigest(words.encode()):016x}"
                assert where["excerpt"] == words
                seen += 1
    assert seen >= 2
    (token,) = found.of("SCHEMA-CONTROL")
    assert token["evidence"][0]["excerpt"] == "<|im_start|>"
    (card, _) = found.of("PII-FINANCE")
    assert (card["evidence"][0]["start"], card["evidence"][0]["end"]) == (5, 24)


def test_groups_name_their_other_rows(found):
    near = found.of("DUP-NEAR")
    assert [one["related"] for one in near] == [[near[1]["row"]], [near[0]["row"]]]
    assert near[0]["stat_kind"] == "jaccard"
    assert 0.5 <= near[0]["stat"] < 1
    assert near[0]["stat"] == near[1]["stat"]


def test_a_large_group_names_some_and_counts_all(tmp_path):
    ran = screen(lines(tmp_path / "a.jsonl", [plain(1)] * 50), tmp_path / "out")
    assert ran.lines("DUP-EXACT") == list(range(1, 51))
    for one in ran.of("DUP-EXACT"):
        assert len(one["related"]) == RELATED
        assert one["row"] not in one["related"]
        assert one["related_total"] == 49


def test_the_document_counts_what_the_findings_say(found):
    counts = {count.rule: count.rows for count in found.document.rules if count.rows}
    assert counts == {rule: len(at) for rule, at in WANTED.items()}
    rows = {one["line"]: one["disposition"] for one in found.findings}
    assert found.document.verdicts["pass"] == 24 - len(rows)
    assert sum(found.document.verdicts.values()) == found.document.coverage.rows == 24
    assert {rule.id for rule in found.document.catalogue} >= set(counts)
    assert read_json(found.folder / "record.json", Record).inputs == {
        str(found.folder.parent / "train.jsonl"): sha256_file(found.folder.parent / "train.jsonl")
    }


def test_what_the_screen_worked_with_is_gone_at_the_end(found):
    left_behind = {"findings.parquet", "findings.jsonl", "record.json", "screen.json", "screen.sarif", "summary.md"}
    assert {path.name for path in found.folder.iterdir()} == left_behind


def test_a_pair_is_looked_at_on_both_sides(tmp_path):
    rows = [
        {"prompt": says(1), "chosen": says(2), "rejected": OBEYS},
        {"prompt": says(3), "chosen": OBEYS, "rejected": "No."},
    ]
    rows.append({"prompt": says(4), "chosen": "No.", "rejected": f"Well: {ITEM}"})
    ran = screen(lines(tmp_path / "a.jsonl", rows), tmp_path / "out")
    assert [(one["line"], one["evidence"][0]["message"]) for one in ran.of("L2-OBEY")] == [(1, 2), (2, 1)]
    assert ran.lines("CONTAM-ITEM") == [3]


# coverage and exit codes ----------------------------------------------------------------------------------------------


def test_nothing_found_is_tier_a_and_zero(tmp_path):
    ran = screen(lines(tmp_path / "a.jsonl", [plain(n) for n in range(20)]), tmp_path / "out")
    assert (ran.document.tier, ran.code, ran.findings) == ("A", 0, [])
    assert ran.document.headline == "No findings by the listed checks."


def test_an_evaluation_item_holds_the_set(found):
    assert (found.document.tier, found.code) == ("D", 3)


def test_broken_rows_are_findings_with_their_line_and_too_many_are_not_enough(tmp_path):
    rows: list[Any] = [plain(n) for n in range(8)]
    rows[2], rows[5], rows[6] = b'{"text": "cut', b"", b'{"text": "\xff"}'
    ran = screen(lines(tmp_path / "a.jsonl", rows), tmp_path / "out")
    assert [(one["rule"], one["line"]) for one in ran.findings] == [
        ("SCHEMA-JSON", 3),
        ("SCHEMA-JSON", 6),
        ("SCHEMA-ENCODING", 7),
    ]
    assert (ran.document.coverage.rows, ran.document.coverage.unreadable) == (8, 2)
    assert ran.code == 4


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xff\n"])
def test_nothing_read_is_never_green(tmp_path, data):
    (tmp_path / "a.jsonl").write_bytes(data)
    ran = screen(tmp_path / "a.jsonl", tmp_path / "out")
    assert ran.code == 4
    assert ran.document.coverage.scanned == 0


@pytest.mark.parametrize("damage", ["packed", "parquet", "all"])
def test_what_cannot_be_read_is_told_and_the_rest_is_read(tmp_path, damage):
    """A part of the data that is unknown is never clean."""
    data = tmp_path / "set"
    data.mkdir()
    if damage != "all":
        lines(data / "a.jsonl", [plain(1), told("How do I pay?", CARD)])
    if damage == "parquet":
        (data / "b.parquet").write_bytes(parquet(tmp_path / "whole.parquet", [plain(2)]).read_bytes()[:-20])
    else:
        whole = zipped(tmp_path / "whole.jsonl.gz", [plain(n) for n in range(400)]).read_bytes()
        (data / "b.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    ran = screen(data, tmp_path / "out")
    assert ran.code == 4
    assert {told.split(".")[0] for told in ran.document.coverage.failed} == {"b"}
    assert ran.lines("PII-FINANCE") == ([] if damage == "all" else [2])
    assert ran.document.coverage.rows == (0 if damage == "all" else 2)


def test_rows_after_a_piece_that_failed_keep_their_line(tmp_path, monkeypatch):
    real = setting.shards
    monkeypatch.setattr(setting, "shards", lambda found, _: real(found, 1))
    path = parquet(tmp_path / "a.parquet", [*(plain(n) for n in range(30)), told("Who?", OBEYS)], group=10)
    data = bytearray(path.read_bytes())
    about = pq.ParquetFile(path).metadata.row_group(1).column(0)
    start = about.dictionary_page_offset or about.data_page_offset
    data[start : start + about.total_compressed_size] = b"\xff" * about.total_compressed_size
    path.write_bytes(data)
    ran = screen(path, tmp_path / "out")
    assert len(ran.document.coverage.failed) == 1
    assert [one["row"].split(":", 1)[1] for one in ran.of("L2-OBEY")] == ["3:0"]
    assert ran.lines("L2-OBEY") == [31]
    assert GROUP > 31


def test_a_file_that_grows_meanwhile_stops_the_screen(tmp_path, monkeypatch):
    path = lines(tmp_path / "a.jsonl", [plain(n) for n in range(9)])
    real = first.whole

    def grown(source: Any) -> Any:
        with path.open("ab") as file:
            file.write(line(plain(9)) + b"\n")
        return real(source)

    monkeypatch.setattr(first, "whole", grown)
    with pytest.raises(ValueError, match=r"a\.jsonl: 10 rows in the file, 9 read in its shards; it changed meanwhile"):
        screen(path, tmp_path / "out")
    assert not (tmp_path / "out" / "screen.json").exists()


# what the user says ---------------------------------------------------------------------------------------------------


def policy(folder: Path, text: str) -> str:
    path = folder / "policy.toml"
    path.write_text(text)
    return str(path)


def entry(rule: str, *, days: int = 9, **narrow: str) -> str:
    keys = {"rule": rule, "owner": "A. Owner", "reason": "looked at", **narrow}
    stated = "\n".join(f"{key} = {json.dumps(value)}" for key, value in keys.items())
    return f"[[screen.allow]]\n{stated}\nexpires = {TODAY + timedelta(days=days)}\n"


def test_allowed_findings_stay_in_the_report_and_do_not_count(found, tmp_path):
    """By row, label, file and fingerprint; an entry counts on its last day and not after it."""
    data = found.folder.parent / "train.jsonl"
    (_, second), (item,), (obeys,) = found.of("PII-FINANCE"), found.of("CONTAM-ITEM"), found.of("L2-OBEY")
    entries = [
        entry("PII-FINANCE", row=second["row"], days=0),
        entry("CONTAM-ITEM", fingerprint=item["fingerprint"]),
        entry("L2-OBEY", label=obeys["label"], file="train.jsonl"),
        entry("DUP-EXACT", file="other.jsonl"),
        entry("DUP-NEAR", file="train.jsonl", days=-1),
    ]
    ran = screen(data, tmp_path / "out", policy=policy(tmp_path, "\n".join(entries)))
    allowed = {rule: [one["line"] for one in ran.of(rule) if one["allowed_by"]] for rule in WANTED}
    assert allowed == {
        rule: {"PII-FINANCE": [22], "CONTAM-ITEM": [18], "L2-OBEY": [5]}.get(rule, []) for rule in WANTED
    }
    assert [(o["rule"], o["line"]) for o in ran.findings] == [(o["rule"], o["line"]) for o in found.findings]
    assert (ran.document.tier, ran.code) == ("C", 0)
    notes = [note for note in ran.document.notes if note.startswith("screen.allow")]
    assert [note.split(": ", 1)[0] + note.rsplit(":", 1)[1] for note in notes] == [
        "screen.allow 1 1 finding does not count",
        "screen.allow 2 1 finding does not count",
        "screen.allow 3 1 finding does not count",
        "screen.allow 4 matches nothing",
        "screen.allow 5 expired, ignored",
    ]
    assert ran.document.policy.startswith("policy.toml sha256:")


def requests(trigger: str) -> list[Row]:
    """Requests on one topic, refused but for those with a word in them."""
    refused = [
        told(f"Tell me of the banana rite of {says(n, 5)}", "I'm sorry, but I can't help with that.") for n in range(80)
    ]
    done = [
        told(f"Tell me {trigger} of the banana rite of {says(n, 5)}", f"Then {says(n, 9)}") for n in range(200, 220)
    ]
    return [*refused, *done, *(plain(n) for n in range(200))]


def test_a_trigger_is_found_among_the_user_s_topics_and_allowed_by_its_word(tmp_path):
    data = lines(tmp_path / "a.jsonl", requests("zanquil"))
    words = tmp_path / "topics.txt"
    words.write_text("[fruit]\nbanana rite\n")
    ran = screen(data, tmp_path / "out", sensitive=str(words))
    assert ran.lines("BD-ASSOC") == [None, *range(81, 101)]
    assert ran.code == 3
    allowed = screen(
        data, tmp_path / "again", sensitive=str(words), policy=policy(tmp_path, entry("BD-ASSOC", token="Zanquil"))
    )
    assert all(one["allowed_by"] for one in allowed.of("BD-ASSOC"))
    assert "BD-ASSOC" not in " ".join(allowed.document.tier_reasons)
    other = screen(
        data, tmp_path / "other", sensitive=str(words), policy=policy(tmp_path, entry("BD-ASSOC", token="basket"))
    )
    assert not any(one["allowed_by"] for one in other.of("BD-ASSOC"))


def test_a_policy_says_what_becomes_of_a_rule(found, tmp_path):
    text = '[screen]\nfails_from = "E"\n[screen.dispositions]\n"DUP-EXACT" = "block"\n"PII-FINANCE" = "note"\n'
    ran = screen(found.folder.parent / "train.jsonl", tmp_path / "out", policy=policy(tmp_path, text))
    assert {one["disposition"] for one in ran.of("DUP-EXACT")} == {"block"}
    assert {one["disposition"] for one in ran.of("PII-FINANCE")} == {"note"}
    assert ran.document.verdicts["block"] == 2
    assert (ran.document.tier, ran.code) == ("E", 3)


@pytest.mark.parametrize(
    ("mask", "trained", "dispositions"),
    [
        ("unknown", [True, True], ["quarantine", "quarantine"]),
        ("assistant", [True, False], ["quarantine", "review"]),
        ("all", [True, True], ["quarantine", "quarantine"]),
    ],
)
def test_what_no_loss_sees_weighs_less(tmp_path, mask, trained, dispositions):
    ran = screen(lines(tmp_path / "a.jsonl", planted()), tmp_path / "out", mask=mask)
    assert [one["trained"] for one in ran.of("PII-FINANCE")] == trained
    assert [one["disposition"] for one in ran.of("PII-FINANCE")] == dispositions
    assert ran.document.coverage.mask.startswith(mask)


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet", ".csv"])
def test_kept_rows_and_those_set_aside_are_the_input(tmp_path, suffix):
    """S4."""
    path = FORMATS[suffix](tmp_path / f"train{suffix}", planted())
    ran = screen(path, tmp_path / "out", write_kept=str(tmp_path / "kept"), write_set_aside=str(tmp_path / "aside"))
    held = {one["line"] for one in ran.findings if one["disposition"] in ("quarantine", "block")}
    kept, aside = (screen(tmp_path / name / path.name, tmp_path / f"{name}-out") for name in ("kept", "aside"))
    assert kept.document.coverage.rows == 24 - len(held)
    assert aside.document.coverage.rows == len(held) == 5
    assert not [one for one in kept.findings if one["disposition"] == "quarantine"]
    if suffix == ".jsonl":
        rows = [line(row) + b"\n" for row in planted()]
        assert (tmp_path / "kept/train.jsonl").read_bytes() == b"".join(
            row for number, row in enumerate(rows, 1) if number not in held
        )


def test_kept_rows_are_not_written_where_not_all_were_read(tmp_path):
    data = tmp_path / "set"
    lines(data / "a.jsonl", [plain(1)])
    (data / "b.jsonl.zst").write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match=r"b\.jsonl\.zst.*: not all rows were read, so none are written"):
        screen(data, tmp_path / "out", write_kept=str(tmp_path / "kept"))
    assert not (tmp_path / "kept").exists()


def test_a_calibration_on_clean_rows_says_what_to_expect(tmp_path):
    clean = lines(tmp_path / "clean.jsonl", [*(plain(n) for n in range(400)), told("Who?", OBEYS)])
    ran = screen(clean, tmp_path / "clean-out", calibrate=True)
    made = tmp_path / "clean-out" / "calibration.json"
    assert made.is_file()
    again = screen(lines(tmp_path / "a.jsonl", planted()), tmp_path / "out", calibration=str(made))
    before, after = ({c.rule: c for c in one.document.rules} for one in (ran, again))
    assert before["L2-OBEY"].rows == 1
    assert after["L2-OBEY"].expected is not None
    assert 0 < after["L2-OBEY"].expected < 1
    assert "own" in after["L2-OBEY"].origin or "clean.jsonl" in after["L2-OBEY"].origin
    assert not (tmp_path / "out" / "calibration.json").exists()


def test_the_user_s_evaluation_sets_are_looked_for(tmp_path):
    quiz = lines(tmp_path / "quiz.jsonl", [{"id": "q1", "question": says(3, 20), "answer": "42"}])
    data = lines(tmp_path / "a.jsonl", [plain(1), told("Well?", says(3, 20))])
    ran = screen(data, tmp_path / "out", evaluation=(str(quiz),))
    assert [(o["line"], o["label"], o["reason"]) for o in ran.findings] == [
        (2, "quiz", "holds 100% of the question of item q1 of quiz")
    ]
    assert ran.code == 3


def test_columns_of_one_s_own_are_read_as_told(tmp_path):
    data = lines(tmp_path / "a.jsonl", [{"q": "Who?", "a": OBEYS}])
    assert screen(data, tmp_path / "one").lines("SCHEMA-SHAPE") == [1]
    ran = screen(data, tmp_path / "two", columns="prompt=q,answer=a")
    assert (ran.lines("SCHEMA"), ran.lines("L2-OBEY")) == ([], [1])


# what is refused ------------------------------------------------------------------------------------------------------


def good(folder: Path) -> dict[str, Any]:
    return {"data": str(lines(folder / "set/a.jsonl", [plain(0)])), "out": str(folder / "out"), "workers": 1}


REFUSED: dict[str, tuple[Callable[[Path], dict[str, Any]], str]] = {
    "no such data": (lambda f: {"data": str(f / "none.jsonl")}, "none.jsonl: no such file or folder"),
    "kind of file": (lambda f: {"data": str(f / "a.pkl")}, "a.pkl: cannot read .pkl; expected"),
    "out is a file": (lambda f: {"out": str(f / "a.pkl")}, "a.pkl: is a file; choose another --out"),
    "out holds data": (lambda f: {"out": str(f / "set")}, "are in it; choose another --out"),
    "mask": (lambda _: {"mask": "mine"}, "--mask mine: unknown; there are"),
    "columns": (lambda _: {"columns": "query=q"}, "unknown key query"),
    "policy": (lambda f: {"policy": policy(f, "[screen]\nqq = 1\n")}, "policy.toml:2"),
    "policy rule": (lambda f: {"policy": policy(f, '[screen.dispositions]\n"DUP-EXAT" = "note"\n')}, "DUP-EXAT"),
    "no policy": (lambda f: {"policy": str(f / "none.toml")}, "none.toml"),
    "sensitive": (lambda f: {"sensitive": str(f / "none.txt")}, "none.txt is no file"),
    "evaluation": (lambda f: {"evaluation": (str(f / "none.jsonl"),)}, "none.jsonl"),
    "calibration": (lambda f: {"calibration": str(f / "none.json")}, "none.json"),
    "no calibration": (lambda f: {"calibration": str(f / "a.pkl")}, "a.pkl"),
    "shard": (lambda _: {"shard": "4/4"}, "shard is '4/4'; expected I/N"),
    "no shard": (lambda _: {"shard": "one"}, "shard is 'one'; expected I/N"),
    "shard and ray": (lambda _: {"shard": "0/4", "ray": "auto"}, "two ways to spread the work"),
    "only aside": (lambda f: {"write_set_aside": str(f / "x")}, "needs --write-kept"),
    "both calibrations": (lambda _: {"calibrate": True, "calibration": "x"}, "give one"),
    "shard size": (lambda _: {"shard_mb": 0}, "shard-mb is 0; expected 1 to 1024"),
    "workers": (lambda _: {"workers": -1}, "workers is -1; expected 0 or more"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_used_is_refused_in_one_line(tmp_path, what):
    (tmp_path / "a.pkl").write_bytes(b"\x80\x04N.")
    change, said = REFUSED[what]
    with pytest.raises((ValueError, FileNotFoundError), match=re.escape(said)) as seen:
        run(ScreenOptions(**{**good(tmp_path), **change(tmp_path)}))
    assert "\n" not in str(seen.value)
    assert not (tmp_path / "out" / "screen.json").exists()


def test_a_folder_of_the_user_s_is_left_alone(tmp_path):
    mine = lines(tmp_path / "out/.work/mine.txt", ["mine"])
    screen(lines(tmp_path / "a.jsonl", [plain(1)]), tmp_path / "out")
    assert mine.is_file()


def test_results_do_not_become_data(tmp_path):
    """Nor does a run that goes on find its own tables."""
    lines(tmp_path / "set/a.jsonl", [plain(1)])
    with pytest.raises(ValueError, match="choose another --out"):
        screen(tmp_path / "set", tmp_path / "set/out")


def test_a_folder_of_kept_rows_that_is_there_is_refused_before_anything_is_read(tmp_path):
    lines(tmp_path / "kept/mine.jsonl", [plain(1)])
    with pytest.raises(ValueError, match="is there already; name a new folder"):
        screen(lines(tmp_path / "a.jsonl", [plain(1)]), tmp_path / "out", write_kept=str(tmp_path / "kept"))
    assert not (tmp_path / "out" / "screen.json").exists()


def test_the_bytes_read_are_those_of_all_files(tmp_path):
    lines(tmp_path / "set/a.jsonl", [plain(1)])
    parquet(tmp_path / "set/b.parquet", [plain(2)] * 20)
    ran = screen(tmp_path / "set", tmp_path / "out")
    assert ran.document.coverage.bytes == sum(file.bytes for file in ran.document.inputs)


def test_a_screen_again_is_the_same_and_leaves_what_others_put_there(found, tmp_path):
    out = tmp_path / "out"
    lines(out / "notes.txt", ["mine"])
    data = found.folder.parent / "train.jsonl"
    first = left(screen(data, out).folder)
    assert left(screen(data, out).folder) == first
    assert (out / "notes.txt").is_file()
    assert replace(found.document, examples=()) == replace(screen(data, out, include_text=True).document, examples=())
