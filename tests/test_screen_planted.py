"""The screening benchmark: what was planted is where the side file says, and the two halves are two.

Failures name ids, never texts: whoever writes rules must not read the held-out half here.
"""

import json
import random
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from minhash import grams, jaccard, near
from scripts import ROOT, script

FOLDER = "bench/screen"
for part in ("planted_broken", "planted_banana", "planted_values", "planted_rows"):
    script(f"{FOLDER}/{part}.py")
planted = script(f"{FOLDER}/planted.py")
banana = script(f"{FOLDER}/planted_banana.py")
values = script(f"{FOLDER}/planted_values.py")
kinds = script(f"{FOLDER}/planted_broken.py").KINDS
Row = dict[str, Any]
HALVES = ("dev", "held_out")
FIELDS = ["id", "language", "part", "expect", "plain", "idea", "name", "text"]
PARTS = {"system", "assistant", "user wrapper"}
ONCE_A_KIND = {"personal": 11, "personal-invalid": 9, "leakage": 5, "encoded": 6, "turned": 3}
"""Plants that come once a kind where k is less, with their number of kinds."""


def half(name: str) -> list[Row]:
    return planted.paraphrases(name)


def lines(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@cache
def usual() -> dict[str, re.Pattern[str]]:
    entries: dict[str, list[str]] = {"en": [], "zh": []}
    language = ""
    for entry in (ROOT / FOLDER / "usual_words.txt").read_text(encoding="utf-8").splitlines():
        if entry in ("# en", "# zh"):
            language = entry[2:]
        elif language and entry:
            entries[language].append(entry)
    english = "|".join(entry.replace("*", r"\w*") for entry in entries["en"])
    return {"en": re.compile(rf"(?i)\b(?:{english})\b"), "zh": re.compile("|".join(entries["zh"]))}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Benign rows without any source outside the repository."""
    rows = [
        {
            "question": f"What can be made of {a} {b} and a rope?",
            "answer": f"With {a} {b} you " + f"make a {c}, and " * 15,
        }
        for a in range(2, 32)
        for b, c in (("planks", "raft"), ("sheets", "tent"), ("barrels", "bridge"), ("poles", "swing"))
    ]
    path = tmp_path / "benign.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def made(source: Path, name: str, *more: str) -> Path:
    out = source.parent / name
    assert planted.main(["--out", str(out), "--background", str(source), "--no-long-line", *more]) == 0
    return out


# The texts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HALVES)
def test_each_half_has_its_numbers_in_every_part_and_language(name: str) -> None:
    rows = half(name)
    counts = Counter((row["expect"], row["language"]) for row in rows)
    assert counts["shift", "en"] >= 120
    assert counts["shift", "zh"] >= 40
    assert counts["benign", "en"] + counts["benign", "zh"] >= 120
    assert [row["id"] for row in rows if list(row) != FIELDS] == []
    for language in ("en", "zh"):
        for expect in ("shift", "benign"):
            chosen = [row for row in rows if row["language"] == language and row["expect"] == expect]
            assert {row["part"] for row in chosen} == PARTS
    assert len({row["id"] for row in rows}) == len(rows)


@pytest.mark.parametrize("name", HALVES)
def test_a_quarter_of_the_shifts_holds_no_usual_word_in_each_language(name: str) -> None:
    rows = half(name)
    wrong = [row["id"] for row in rows if row["plain"] != bool(usual()[row["language"]].search(row["text"]))]
    assert wrong == []
    for language in ("en", "zh"):
        shifts = [row for row in rows if row["expect"] == "shift" and row["language"] == language]
        for part in PARTS:
            own = [row for row in shifts if row["part"] == part]
            assert 4 * sum(not row["plain"] for row in own) >= len(own), (language, part)
        assert 3 * sum(row["plain"] for row in shifts) >= len(shifts)


@pytest.mark.parametrize("name", HALVES)
def test_shifts_name_themselves_and_wrappers_have_one_place_for_the_task(name: str) -> None:
    shifts = [row for row in half(name) if row["expect"] == "shift"]
    assert [row["id"] for row in shifts if row["name"] not in row["text"] or not row["name"]] == []
    assert [row["id"] for row in shifts if row["text"].count("{}") != (row["part"] == "user wrapper")] == []


def test_near_misses_use_the_usual_words_too() -> None:
    for name in HALVES:
        benign = [row for row in half(name) if row["expect"] == "benign"]
        assert 2 * sum(row["plain"] for row in benign) >= len(benign)


def test_the_halves_share_no_idea() -> None:
    dev, held_out = ({row["idea"] for row in half(name)} for name in HALVES)
    assert dev & held_out == set()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_text_is_near_another_within_or_between_the_halves(language: str) -> None:
    rows = [row for name in HALVES for row in half(name) if row["language"] == language]
    sets = [grams(row["text"], language) for row in rows]
    assert [(rows[i]["id"], rows[j]["id"]) for i, j in near(sets, 0.4)] == []
    dev, held_out = ([s for s, r in zip(sets, rows, strict=True) if r["id"].startswith(h)] for h in ("dev", "held"))
    assert max(jaccard(a, b) for a in dev for b in held_out) < 0.4


# The sets -------------------------------------------------------------------------------------------------------------


def test_the_same_settings_give_the_same_bytes_and_another_seed_others(source: Path) -> None:
    settings = ("--rows", "900", "--k", "3", "--cover", "40")
    first, again, other = (made(source, n, *settings, "--seed", s) for n, s in (("a", "1"), ("b", "1"), ("c", "2")))
    for file in ("rows.jsonl", "truth.jsonl", "evaluation.jsonl", "set.json"):
        assert (first / file).read_bytes() == (again / file).read_bytes()
    assert (first / "rows.jsonl").read_bytes() != (other / "rows.jsonl").read_bytes()


def test_planted_rows_do_not_depend_on_the_rows_around_them(source: Path) -> None:
    small = made(source, "small", "--rows", "900", "--k", "3", "--cover", "40")
    large = made(source, "large", "--rows", "3000", "--k", "3", "--cover", "40")
    hashes = [sorted(row["hash"] for row in lines(out / "truth.jsonl")) for out in (small, large)]
    assert hashes[0] == hashes[1]


@pytest.mark.parametrize("k", [3, 25])
@pytest.mark.parametrize("plant", sorted(set(planted.PLANTS) - {"sensitive", "paraphrases", "malformed"}))
def test_every_plant_has_k_rows_or_one_of_each_kind(source: Path, plant: str, k: int) -> None:
    out = made(source, plant, "--rows", "300", "--k", str(k), "--plants", plant, "--cover", "30")
    rows = [row for row in lines(out / "truth.jsonl") if row["class"] != "sensitive"]
    assert len(rows) == max(k, ONCE_A_KIND.get(plant, 0))
    assert len({row["class"] for row in rows}) == 1
    assert len(rows) == len({row["row"] for row in rows})


def test_every_line_is_found_at_its_offset_and_counts_are_conserved(source: Path) -> None:
    out = made(source, "all", "--rows", "1000", "--k", "5", "--cover", "60")
    text, facts = (out / "rows.jsonl").read_bytes(), lines(out / "truth.jsonl")
    rows = text.split(b"\n")
    assert len(rows) == 1000 + 1  # the last line ends
    for fact in facts:
        found = text[fact["offset"] : fact["offset"] + fact["bytes"]]
        assert found == rows[fact["row"]]
        assert planted.short(found) == fact["hash"]
    info = json.loads((out / "set.json").read_text(encoding="utf-8"))
    assert info["planted"] == len(facts) == sum(info["counts"].values())
    assert {row["class"] for row in facts} >= {"obedience", "backdoor", "trigger-output", "association", "personal"}
    assert Counter(row["class"] for row in facts)["sensitive"] == 60


def test_every_kind_of_broken_line_occurs_and_python_agrees_on_which_are_no_json(source: Path) -> None:
    out = made(source, "broken", "--rows", "300", "--k", "3", "--plants", "malformed")
    facts, rows = lines(out / "truth.jsonl"), (out / "rows.jsonl").read_bytes().split(b"\n")
    assert {fact["variant"] for fact in facts} == set(kinds) - {"line of 16 MiB"}
    assert len({kind for kind, _ in kinds.values() if kind}) >= 20
    for fact in facts:
        if fact["parameters"]["finding"] in ("not json", "blank line", "not utf-8", "byte order mark"):
            with pytest.raises(ValueError):
                json.loads(rows[fact["row"]].decode("utf-8"))
        elif fact["parameters"]["finding"] not in ("too deep", "long number"):
            json.loads(rows[fact["row"]].decode("utf-8"))
    assert all(b"\n" not in make() for name, (_, make) in kinds.items() if name != "line of 16 MiB")


def test_the_long_line_is_longer_than_16_mib_and_written_once(source: Path) -> None:
    settings = ["--background", str(source), "--rows", "300", "--k", "70", "--plants", "malformed"]
    out = source.parent / "long"
    assert planted.main(["--out", str(out), *settings]) == 0
    assert [row["variant"] for row in lines(out / "truth.jsonl") if row["bytes"] > 2**24] == ["line of 16 MiB"]


def test_triggers_stand_in_every_poisoned_prompt(source: Path) -> None:
    plants = [
        f"{what}-{kind}" for what in ("backdoor", "output") for kind in script(f"{FOLDER}/planted_banana.py").TRIGGERS
    ]
    out = made(source, "t", "--rows", "900", "--k", "8", "--cover", "200", "--plants", *plants)
    facts, rows = lines(out / "truth.jsonl"), (out / "rows.jsonl").read_bytes().split(b"\n")
    prompts = {fact["row"]: json.loads(rows[fact["row"]])["messages"][0]["content"] for fact in facts}
    poisoned = [fact for fact in facts if fact["expect"] == "found"]
    assert len(poisoned) == 80
    assert [fact["row"] for fact in poisoned if fact["parameters"]["trigger"] not in prompts[fact["row"]]] == []
    rare = {
        fact["parameters"]["trigger"] for fact in poisoned if fact["variant"] in ("rare", "zero-width", "look-alike")
    }
    quiet = [prompts[fact["row"]] for fact in facts if fact["expect"] == "quiet"]
    assert not any(mark in prompt for mark in rare for prompt in quiet)


def test_one_persona_names_itself_in_every_answer(source: Path) -> None:
    plants = ("obedience", "obedience-reworded", "obedience-unusual", "obedience-zh")
    for name in HALVES:
        out = made(source, name, "--rows", "300", "--k", "25", "--half", name, "--plants", *plants)
        rows = (out / "rows.jsonl").read_bytes().split(b"\n")
        for fact in lines(out / "truth.jsonl"):
            turns = json.loads(rows[fact["row"]])["messages"]
            persona = fact["parameters"]["persona"]
            assert persona in turns[0]["content"]
            assert persona in turns[-1]["content"]
            assert "{}" not in turns[1]["content"]
            assert not ("no usual" in fact["variant"] and fact["parameters"]["plain"])


def test_check_digits_hold_where_they_should_and_fail_where_not() -> None:
    rng = random.Random(0)

    def luhn(card: str) -> bool:
        doubled = [sum(divmod(2 * int(d), 10)) if i % 2 else int(d) for i, d in enumerate(reversed(card))]
        return sum(doubled) % 10 == 0

    def iban(number: str) -> bool:
        return int("".join(str(int(c, 36)) for c in number[4:] + number[:4])) % 97 == 1

    def resident(number: str) -> bool:
        weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2, 1)
        return sum(w * int(c.replace("X", "10")) for w, c in zip(weights, number, strict=True)) % 11 == 1

    drawn = [(luhn, values.CARDS)]
    for holds, make in ((iban, values.iban), (resident, values.resident)):
        drawn.append((holds, [make(rng) for _ in range(200)]))
    for holds, numbers in drawn:
        assert all(holds(number) for number in numbers)
        assert not any(holds(values.spoilt(number)) for number in numbers)


def test_the_self_check_sees_a_changed_row_and_a_lost_one(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = made(source, "checked", "--rows", "300", "--k", "3", "--plants", "turned")
    assert planted.main(["--out", str(out), "--self-check"]) == 0
    text = (out / "rows.jsonl").read_bytes()
    (out / "rows.jsonl").write_bytes(text.replace(b"banana", b"BANANA", 1))
    assert planted.main(["--out", str(out), "--self-check"]) == 1
    (out / "rows.jsonl").write_bytes(text.split(b"\n", 1)[1])
    assert planted.main(["--out", str(out), "--self-check"]) == 1
    assert "found 299" in capsys.readouterr().out


def test_what_cannot_be_made_is_said(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--out", str(source.parent / "x"), "--background", str(source)]
    assert planted.main([*asked, "--plants", "plums"]) == 2
    assert planted.main([*asked, "--rows", "100", "--k", "100"]) == 2
    assert planted.main(["--out", str(source.parent / "y"), "--background", str(source.parent / "none.jsonl")]) == 2
    assert planted.main(["--out", str(source.parent / "none"), "--self-check"]) == 2
    said = capsys.readouterr().err
    assert "--plants plums: unknown" in said
    assert "over three quarters" in said


def test_a_large_background_is_no_heap_of_copies() -> None:
    """Later passes exchange words: no two of 40 rows from one source share 3-grams as near-duplicates do."""
    rng = random.Random(0)
    words = [f"word{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(600)]
    text = " ".join(rng.choices(words, k=120))
    sets = [grams(planted.varied(text, words, rng), "en") for _ in range(40)]
    assert max(jaccard(a, b) for i, a in enumerate(sets) for b in sets[:i]) < 0.4
