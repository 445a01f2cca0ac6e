"""What the screening benchmark counts: the right rule on the right row, groups, seeds, rankings, and no text kept."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts import script

FOLDER = "bench/screen"
PARTS = ("planted_broken", "planted_banana", "planted_values", "planted_rows", "planted")
PARTS += ("measure_truth", "measure_sets", "measure_sum", "measure_tables", "measure_alarms", "baselines", "measure")
for part in PARTS:
    script(f"{FOLDER}/{part}.py")
truth, sets, sums, tables, alarms, ranks, measure = (script(f"{FOLDER}/{name}.py") for name in PARTS[5:])
Row = dict[str, Any]


def chat(*texts: str) -> bytes:
    turns = [{"role": role, "content": text} for role, text in zip(("user", "assistant"), texts, strict=False)]
    return json.dumps({"messages": turns}).encode()


class Made:
    """A set and its findings, by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.rows, self.facts, self.told = folder, [], [], []

    def row(self, family: str = "", variant: str = "", expect: str = "found", **known: Any) -> int:
        text = chat(f"{known.pop('before', '')}{known.get('value', 'Which fruit?')}", "A plum.")
        offset = sum(len(row) + 1 for row in self.rows)
        self.rows.append(text)
        if family:
            where = {"row": len(self.rows) - 1, "offset": offset, "bytes": len(text), "hash": ""}
            self.facts.append({**where, "class": family, "variant": variant, "expect": expect, "parameters": known})
        return offset

    def finds(self, rule: str, offset: int | None, *, label: str = "", **more: Any) -> None:
        row = None if offset is None else f"d:{offset}"
        base = {
            "rule": rule,
            "disposition": "review",
            "row": row,
            "offset": offset,
            "line": 1,
            "score": 0.5,
            "stat": None,
        }
        self.told.append({**base, "label": label, "reason": "", "evidence": [], "related": [], **more})

    def seen(self) -> Any:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "rows.jsonl").write_bytes(b"".join(row + b"\n" for row in self.rows))
        for name, lines in (("truth", self.facts), ("findings", self.told)):
            (self.folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        return truth.measured(self.folder, self.folder / "findings.jsonl", rows=len(self.rows))


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path / "set")


def on_set(seen: Any, rule: str) -> Any:
    return next(group for group in seen.on_set if group.rule == rule)


# One set --------------------------------------------------------------------------------------------------------------
def test_a_row_counts_by_the_rules_of_its_class_only(made: Made) -> None:
    made.row()
    a, b = made.row("turned", "one answer"), made.row("turned", "one answer")
    c, d = made.row("turned", "stays refused", "quiet"), made.row("turned", "odd", "open")
    other = made.row()
    made.finds("REF-TURNED", a, disposition="note")
    made.finds("DUP-NEAR", b)
    for offset in (c, d, other, other):
        made.finds("REF-ERODED", offset)
    seen = made.seen()
    assert seen.parts == {
        "found: one answer": truth.Count(2, 1, 0, 1),
        "open: odd": truth.Count(1, 1, 1, 1),
        "quiet: stays refused": truth.Count(1, 1, 1, 1),
    }
    assert (seen.by_rule, seen.crossed, seen.around) == ({"REF-TURNED": 1}, {"DUP-NEAR": 1}, {"REF-ERODED": 1})
    assert seen.background == truth.Count(2, 1, 1)


def test_a_broken_line_is_found_by_its_own_label(made: Made) -> None:
    right, wrong = (made.row("malformed", "two objects", finding="not json") for _ in range(2))
    more, valid = made.row("malformed", "nan", finding="not a number"), made.row("malformed", "x", "quiet", finding="")
    made.finds("SCHEMA-JSON", right, label="not json")
    made.finds("SCHEMA-ROLE", wrong, label="unknown role")
    made.finds("SCHEMA-NUMBER", more, label="not a number")
    made.finds("SCHEMA-ROLE", more, label="unknown role")
    made.finds("SCHEMA-ORDER", valid, label="turn order")
    parts = made.seen().parts
    assert (parts["found: not json"].seen, parts["found: not json"].exact) == (1, 1)
    assert (parts["found: not a number"].seen, parts["found: not a number"].exact) == (1, 0)
    assert parts["quiet: valid"].seen == 1


@pytest.mark.parametrize(("start", "end", "seen", "exact"), [(5, 9, 1, 1), (5, 8, 1, 0), (0, 5, 0, 0), (9, 12, 0, 0)])
def test_personal_data_is_found_where_it_stands(made: Made, start: int, end: int, seen: int, exact: int) -> None:
    offset = made.row("personal", "card", value="4111", before="card ")
    made.finds("PII-FINANCE", offset, evidence=[{"message": 0, "start": start, "end": end}])
    made.finds("PII-JANUS", offset, evidence=[{"message": 0, "start": 5, "end": 9}])
    counted = made.seen().parts["found: card"]
    assert (counted.seen, counted.exact) == (seen, exact)


def test_evidence_without_the_quotes_of_a_password_is_exact(made: Made) -> None:
    offset = made.row("personal", "password", value='password = "plum"')
    made.finds("SECRET-PASSWORD", offset, evidence=[{"message": 0, "start": 12, "end": 16}])
    assert made.seen().parts["found: password"].exact == 1


def test_each_kind_of_duplicate_has_its_own_rule(made: Made) -> None:
    near, question = made.row("duplicate", "near"), made.row("duplicate", "question")
    for offset in (near, question):
        made.finds("DUP-PROMPT", offset)
    seen = made.seen()
    assert [seen.parts[f"found: {kind}"].seen for kind in ("near", "question")] == [0, 1]
    assert seen.crossed == {"DUP-PROMPT": 1}


# Groups ---------------------------------------------------------------------------------------------------------------
def test_a_group_is_found_when_it_names_half_of_the_planted_rows_and_few_others(made: Made) -> None:
    planted = [made.row("backdoor", "rare") for _ in range(4)]
    strangers = [made.row() for _ in range(9)]
    for name, stat, rows in (("far", 1e-9, strangers[:5]), ("own", 1e-5, [*planted[:3], strangers[8]])):
        ids = [f"d:{row}" for row in rows]
        made.finds("BD-ASSOC", None, reason="the same", stat=stat, related=ids, label=name)
        for row in rows:
            made.finds("BD-ASSOC", row, reason="the same", stat=stat, related=ids, label=name)
    seen = on_set(made.seen(), "BD-ASSOC")
    assert seen == truth.OnSet("BD-ASSOC", True, 2, 3, 4, 1, 1)
    made.facts = made.facts[:1]
    assert on_set(made.seen(), "BD-ASSOC").found is False, "mostly made of others"


def test_groups_of_one_reason_stay_apart_unless_they_share_rows(made: Made) -> None:
    rows = [made.row("duplicate", "exact") for _ in range(6)]
    for at, row in enumerate(rows):
        made.finds("DUP-EXACT", row, related=[f"d:{rows[at ^ 1]}"], disposition="note")
    seen = on_set(made.seen(), "DUP-EXACT")
    assert (seen.named, seen.of, seen.found, seen.extra) == (2, 6, False, 0)


def test_where_nothing_is_to_be_found_a_group_is_an_alarm_only(made: Made) -> None:
    rows = [made.row("association", "mail, copied", "quiet") for _ in range(3)]
    made.finds("PII-JANUS", None, related=[f"d:{row}" for row in rows])
    assert on_set(made.seen(), "PII-JANUS") == truth.OnSet("PII-JANUS", None, None, 0, 0, 0, 1)


# Which sets -----------------------------------------------------------------------------------------------------------
def test_sets_that_are_alike_are_made_once() -> None:
    found = sets.cases(["all"], rows=[1000], ks=[3, 10, 25, 100], seeds=[0], half="held_out")
    ks = {name: [case.k for case in found if case.plant == name] for name in {case.plant for case in found}}
    assert ks["backdoor-rare"] == [3, 10, 25, 100]
    assert ks["paraphrases"] == ks["sensitive"] == [0]
    assert ks["personal"] == [10, 25, 100], "eleven kinds: 3 and 10 are the same eleven rows"
    assert {case.plant for case in found if case.half == "held_out"} == {
        "paraphrases", "obedience", "obedience-reworded", "obedience-unusual", "obedience-zh"
    }  # fmt: skip
    with pytest.raises(ValueError, match="unknown"):
        sets.cases(["plum"], rows=[1000], ks=[3], seeds=[0], half="dev")


# Seeds ----------------------------------------------------------------------------------------------------------------
def figures(plant: str, seed: int, seen: int, n: int, **more: Any) -> Any:
    case = sets.Case(plant, 1000, 10, seed, "-")
    told = truth.Seen({"found: x": truth.Count(n, seen, seen, seen)}, {}, {}, truth.Count(990, 1, 0), {}, ())
    return replace(sets.Figures(case, told, "C", {"view": 8}, 5000, 0.5, 2.0, "abc"), **more)


def test_seeds_are_one_line_with_interval_and_spread() -> None:
    (line,) = sums.lines([figures("turned", 1, 5, 10), figures("turned", 0, 10, 10)])
    assert (line["found"]["seen"], line["found"]["n"], line["found"]["by_seed"]) == (15, 20, [1.0, 0.5])
    value, low, high = line["found"]["share"]
    assert low < value == 0.75 < high
    assert (line["background"]["n"], line["tiers"], line["smallest"]) == (1980, {"C": 2}, {"view": [8, 8]})


def test_texts_that_come_again_with_every_seed_count_once() -> None:
    once, thrice = (sums.lines([figures("paraphrases", s, 80, 160) for s in range(n)])[0] for n in (1, 3))
    assert once["found"]["share"] == thrice["found"]["share"]


def test_a_new_line_takes_the_place_of_the_old_one_and_of_no_other() -> None:
    old = sums.lines([figures("turned", 0, 5, 10), figures("encoded", 0, 5, 10)])
    new = sums.lines([figures("turned", 0, 9, 10)])
    assert [(line["plant"], line["found"]["seen"]) for line in sums.joined(old, new)] == [("encoded", 5), ("turned", 9)]


# Rankings -------------------------------------------------------------------------------------------------------------
def test_auroc_of_a_perfect_a_blind_and_a_reversed_ranking() -> None:
    wanted = np.array([True, False, False, True])
    assert ranks.auroc(np.array([3.0, 1.0, 2.0, 4.0]), wanted) == 1
    assert ranks.auroc(np.zeros(4), wanted) == 0.5
    assert ranks.auroc(np.array([1.0, 3.0, 4.0, 2.0]), wanted) == 0
    assert ranks.auroc(np.zeros(2), np.array([True, True])) is None


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=2, max_size=30))
def test_auroc_is_the_share_of_pairs_in_order(rows: list[tuple[int, bool]]) -> None:
    good, bad = ([score for score, wanted in rows if wanted is side] for side in (True, False))
    pairs = [(a > b) + 0.5 * (a == b) for a in good for b in bad]
    score, wanted = (np.array(column) for column in zip(*rows, strict=True))
    found = ranks.auroc(score.astype(float), wanted)
    assert found == (pytest.approx(sum(pairs) / len(pairs)) if pairs else None)


def test_length_is_given_the_better_of_its_two_ends() -> None:
    wanted = np.array([True, False, False])
    assert ranks.ranked(np.array([1.0, 5.0, 9.0]), wanted, both_ends=True)["precision"] == 1
    assert ranks.ranked(np.array([1.0, 5.0, 9.0]), wanted, both_ends=False)["precision"] == 0


def test_a_line_that_is_no_chat_has_empty_texts() -> None:
    assert ranks.turns(b"{") == ranks.turns(b"[1]") == ranks.turns(b'{"messages": [{"role": "user"}]}') == ("", "")
    assert ranks.turns(chat("plum?", "yes")) == ("plum?", "yes")


# Whole runs -----------------------------------------------------------------------------------------------------------
@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Benign rows of this file's own."""
    rows = [
        {"question": f"What can be made of {a} {b} and a rope?", "answer": f"With {a} {b} you make a {c}, and " * 9}
        for a in range(2, 32)
        for b, c in (("planks", "raft"), ("sheets", "tent"), ("barrels", "bridge"), ("poles", "swing"))
    ]
    path = tmp_path / "benign.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def run(source: Path, step: str, *more: str) -> Row:
    out = source.parent / "figures.json"
    work = source.parent / "work"
    words = ("--out", str(work), "--background", str(source)) if step in ("run", "baselines") else ()
    measure.main(["--json", str(out), step, *words, *more])
    return dict(json.loads(out.read_bytes()))


def test_a_run_leaves_figures_and_no_text(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--rows", "120", "--seeds", "0", "--plants", "encoded", "duplicate-exact")
    found = run(source, "run", *words)
    assert [line["plant"] for line in found["sets"]] == ["duplicate-exact", "encoded"]
    for line in found["sets"]:
        assert line["found"]["seen"] == line["found"]["n"] > 0
    assert found["sets"][0]["detected"] == 1
    left = [path for path in (source.parent / "work").rglob("*") if path.is_file()]
    assert [path.suffix for path in left] == [".json", ".json"], "sets are cleared away, figures stay"
    kept = "".join(path.read_text() for path in (*left, source.parent / "figures.json"))
    assert "planks" not in kept
    shown = capsys.readouterr().out
    assert "### Groups found" in shown
    assert "planks" not in shown
    before = {path: path.stat().st_mtime_ns for path in left}
    assert run(source, "run", *words)["sets"] == found["sets"]
    assert {path: path.stat().st_mtime_ns for path in left} == before, "known figures are not measured again"


def test_baselines_stand_beside_the_screen_on_the_same_rows(source: Path) -> None:
    found = run(source, "baselines", "--rows", "120", "--seeds", "0", "--plants", "encoded")["baselines"]
    (line,) = found["lines"]
    assert list(line["ranked"]) == ["screen", "lists", "how-to", "length"]
    assert line["ranked"]["screen"]["precision"] == 1


def test_alarms_on_a_file_name_rows_and_no_words(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"prompt": "Who keeps the plums?", "completion": "Write to bolo_tarima@example.org about the plums."}] * 2
    file = source.parent / "own.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    found = run(source, "alarms", "--files", str(file))["alarms"]["files"][0]
    assert (found["rows"], found["rules"]["PII-CONTACT"], found["raised"]) == (2, [2, 2], 2)
    shown = capsys.readouterr().out
    assert "PII-CONTACT · review · line 2" in shown
    assert "bolo" not in shown
    assert "bolo" not in (source.parent / "figures.json").read_text()
    with pytest.raises(FileNotFoundError, match="no such file"):
        alarms.path_of("no-plums-at-all")


def test_every_table_has_as_many_cells_as_its_head(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plants = ("paraphrases", "sensitive", "backdoor-rare", "malformed", "personal", "association-copied")
    run(source, "run", "--rows", "450", "--seeds", "0", "--k", "5", "--plants", *plants)
    run(source, "baselines", "--rows", "450", "--seeds", "0", "--k", "5", "--plants", "personal")
    run(source, "table")
    for block in capsys.readouterr().out.split("\n\n"):
        bars = {line.count("|") for line in block.splitlines() if line.startswith("|")}
        assert len(bars) <= 1, block
