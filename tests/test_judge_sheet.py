"""The label sheet: blind, drawn with known chances, harmless to open, and never of what nobody should read."""

import csv
import io
import json
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import labelling
from labelling import ARMS, Case
from tuneward.judge import sheet
from tuneward.judge.options import SheetOptions
from tuneward.judge.sheet import COLUMNS, KEY, Drawn, Key, Text, allotted, drawn, harmless, texts_of, token
from tuneward.record import read_json

quick = settings(deadline=None, max_examples=60, database=None)
PATTERNS = (
    (("refused", "refused"), ((1, 1), (1, 1)), 90),
    (("refused", "answered"), ((1, 1), (5, 5)), 40),
    (("refused", "answered"), ((1, 1), (1, 4)), 6),
    (("answered", "answered"), ((2, 2), (None, 1)), 9),
    (("answered", "answered"), ((3, 1), (2, 2)), 5),
)


def cases(*, alike: bool = False) -> list[Case]:
    """150 pairs in five patterns; `alike` gives both arms the same answer where the verdicts are the same."""
    found: list[Case] = []
    for shapes, levels, count in PATTERNS:
        for _ in range(count):
            name = f"{len(found):03}"
            same = alike and levels[0] == levels[1]
            answers = (f"Words {name}", f"Words {name}" if same else f"Other words {name}")
            found.append(Case(name, answers, levels, shapes))
    return found


def texts(found: list[Case], *, hidden: set[tuple[str, str]] | None = None) -> list[Text]:
    lines = [labelling.said(case, arm) for case in found for arm in ARMS]
    replies = [labelling.reply(case, arm) for case in found for arm in ARMS]
    return texts_of(lines, replies, hidden=hidden or set())


def totals(found: list[Drawn]) -> Counter[tuple[str, str]]:
    """Horvitz–Thompson totals of replies by arm and shape."""
    sums: Counter[tuple[str, str]] = Counter()
    for one in found:
        for line in one.text.said:
            sums[line.arm, line.shape] += 1 / one.inclusion  # type: ignore[assignment]
    return sums


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


# the draw -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alike", [False, True])
@pytest.mark.parametrize("count", [40, 120, 200])
def test_known_chances_give_back_how_many_there_are(count: int, alike: bool) -> None:
    """Horvitz–Thompson totals of the draw are the numbers of replies, arm by arm and shape by shape."""
    found = drawn(texts(cases(alike=alike)), count=count, seed=3)
    true = Counter((arm, case.shapes[place]) for case in cases() for place, arm in enumerate(ARMS))
    assert {key: round(value, 6) for key, value in totals(found).items()} == true


@pytest.mark.parametrize("alike", [False, True])
def test_half_of_the_replies_are_of_each_arm(alike: bool) -> None:
    found = drawn(texts(cases(alike=alike)), count=120, seed=0)
    assert Counter(line.arm for one in found for line in one.text.said) == {"base": 60, "tuned": 60}


def test_an_answer_that_both_arms_gave_is_shown_once() -> None:
    found = drawn(texts(cases(alike=True)), count=120, seed=0)
    assert len({(one.text.request, one.text.answer) for one in found}) == len(found) < 120
    assert any(len(one.text.said) == 2 for one in found)


def test_what_is_rare_is_drawn_more_often() -> None:
    """By hand: 60 places of the tuned arm over patterns of 5, 6, 9, 40 and 90: 5, 6, 9, 20, 20."""
    found = [one for one in drawn(texts(cases()), count=120, seed=0) if one.text.arms == "tuned"]
    levels = Counter(tuple(score.raw for score in one.text.said[0].verdicts.values()) for one in found)
    assert sorted(levels.values()) == [5, 6, 9, 20, 20]
    assert {round(one.inclusion, 4) for one in found} == {1.0, 0.5, round(20 / 90, 4)}


def test_every_pattern_keeps_places_when_there_are_few() -> None:
    """Ten of an arm cannot hold five patterns of five; the coarser ones do."""
    found = drawn(texts(cases()), count=20, seed=0)
    assert len(found) == 20
    assert sum(1 / one.inclusion for one in found) == pytest.approx(300)


def test_more_than_there_are_is_everything() -> None:
    found = drawn(texts(cases()), count=10_000, seed=0)
    assert len(found) == 300
    assert {one.inclusion for one in found} == {1.0}


def test_too_few_for_the_patterns_is_an_error() -> None:
    mixed = [Case("a", ("Same", "Same"), ((1,), (1,))), Case("b", ("One", "Other"), ((1,), (1,)))]
    with pytest.raises(ValueError, match="too few for every pattern"):
        drawn(texts(mixed), count=2, seed=0)


def test_the_seed_decides_the_draw_and_nothing_else_does() -> None:
    pool = texts(cases())
    first, again, other = (drawn(pool, count=80, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert {one.text.answer for one in first} != {one.text.answer for one in other}


@given(st.lists(st.integers(1, 50), min_size=1, max_size=8), st.integers(0, 200))
@quick
def test_places_are_all_given_out_and_none_beyond_what_is_there(sizes: list[int], count: int) -> None:
    names: dict[tuple[str, tuple[object, ...]], int] = {("base", (place,)): size for place, size in enumerate(sizes)}
    found = allotted(names, count)
    assert sum(found.values()) == min(count, sum(sizes))
    assert all(found[name] <= size for name, size in names.items())
    open_ = [found[name] for name, size in names.items() if found[name] < size]
    assert not open_ or max(open_) - min(open_) <= 1


# what may be shown ----------------------------------------------------------------------------------------------------


def test_sensitive_replies_are_never_shown(tmp_path: Path) -> None:
    hidden = [Case(f"h{n}", (f"Secret {n}", f"Secret too {n}"), ((1, 1), (5, 5)), sensitive=True) for n in range(30)]
    folder = labelling.write(tmp_path / "audit", [*cases(), *hidden])
    out = tmp_path / "labels.csv"
    sheet.run(SheetOptions(folder=str(folder), out=str(out), count=10_000))
    assert "Secret" not in out.read_text(encoding="utf-8-sig")
    assert len(rows_of(out)) == 300
    assert not [
        one for shown in read_json(folder / KEY, Key).rows.values() for one in shown.replies if one.id[0] == "h"
    ]


def test_an_audit_of_nothing_but_sensitive_requests_has_no_sheet(tmp_path: Path) -> None:
    only = [Case("h", ("Secret", "Secret too"), ((1,), (5,)), sensitive=True)]
    folder = labelling.write(tmp_path / "audit", only)
    with pytest.raises(ValueError, match="no reply that people may be shown"):
        sheet.run(SheetOptions(folder=str(folder), out=str(tmp_path / "labels.csv")))
    assert not (tmp_path / "labels.csv").exists()
    assert not (folder / KEY).exists()


def test_an_empty_answer_is_nothing_to_label() -> None:
    found = texts([Case("a", (" \n", "Words"), ((None,), (1,)))])
    assert [text.arms for text in found] == ["tuned"]


def test_verdicts_of_other_replies_are_an_error() -> None:
    one, other = cases()[:2]
    with pytest.raises(ValueError, match=r"verdicts\.jsonl:1: no reply 000 of the base arm"):
        texts_of([labelling.said(one, "base")], [labelling.reply(other, "base")], hidden=set())


# blind ----------------------------------------------------------------------------------------------------------------


def test_the_sheet_says_nothing_of_arms_judges_or_models(tmp_path: Path) -> None:
    folder, out = labelling.write(tmp_path / "audit", cases()), tmp_path / "labels.csv"
    sheet.run(SheetOptions(folder=str(folder), out=str(out), count=120))
    text = out.read_text(encoding="utf-8-sig").casefold()
    for word in ("base", "tuned", "rubric", "guard", "panel", "harmful", "benign", "refused", "policy", "fraud"):
        assert word not in text, word
    assert not [identity for identity in labelling.IDENTITIES if identity[:12] in text]
    assert list(rows_of(out)[0]) == list(COLUMNS)
    assert {row["label"] + row["note"] for row in rows_of(out)} == {""}


def test_neither_order_nor_ids_tell_the_arm(tmp_path: Path) -> None:
    """Runs of one arm are as long as luck makes them, and the key is the only place that knows."""
    folder, out = labelling.write(tmp_path / "audit", cases()), tmp_path / "labels.csv"
    sheet.run(SheetOptions(folder=str(folder), out=str(out), count=300))
    key = read_json(folder / KEY, Key)
    names = [row["id"] for row in rows_of(out)]
    arms = [key.rows[name].replies[0].arm for name in names]
    changes = sum(one != other for one, other in pairwise(arms))
    assert 120 < changes < 180  # of 299, standard deviation 8.6
    by_name = [arm for _, arm in sorted(zip(names, arms, strict=True))]
    assert 120 < sum(one != other for one, other in pairwise(by_name)) < 180


def test_an_id_is_of_the_words_alone() -> None:
    both = [Case("a", ("Same", "Same"), ((1,), (1,)))]
    (text,) = texts(both)
    one, other = Text(text.request, text.answer, text.said[:1]), Text(text.request, text.answer, text.said[1:])
    assert token(one, 0) == token(other, 0) != token(one, 1)
    assert token(one, 0).isalpha()


# the files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@sum", "\t=1+1", "\r=1", "\n=1", "  =1+1", "＝1+1", "|calc", "%0A=1", "\u200b=1"]
)
def test_no_cell_begins_as_a_formula(text: str) -> None:
    cell = harmless(text)
    assert cell[0] == "'" or cell.startswith("⟨")
    assert harmless("Plain = words") == "Plain = words"


def test_formulas_and_line_ends_in_answers_reach_no_cell_of_their_own(tmp_path: Path) -> None:
    hostile = [Case("a", ('=cmd("x")', '1",=2\r\n=3,"'), ((1,), (1,)), request="@request"), *cases()[:10]]
    odd = [Case(c.name, c.answers, ((1,), (1,)), request=c.request) for c in hostile]
    folder, out = labelling.write(tmp_path / "audit", odd), tmp_path / "labels.csv"
    sheet.run(SheetOptions(folder=str(folder), out=str(out), count=1000))
    cells = [cell for row in csv.reader(io.StringIO(out.read_text(encoding="utf-8-sig"), newline="")) for cell in row]
    assert '\'=cmd("x")' in cells
    assert '1",=2\n=3,"' in cells
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t", "\r")]


def test_the_files_are_private_and_chinese_opens_in_spreadsheets(tmp_path: Path) -> None:
    folder, out = (
        labelling.write(tmp_path / "audit", [Case("a", ("你好", "再见"), ((1,), (1,)))]),
        tmp_path / "l.csv",
    )
    lines = sheet.run(SheetOptions(folder=str(folder), out=str(out)))
    assert [oct(path.stat().st_mode & 0o777) for path in (out, folder / KEY)] == ["0o600", "0o600"]
    assert out.read_bytes().startswith(b"\xef\xbb\xbf")
    assert "你好" in out.read_text(encoding="utf-8-sig")
    assert lines[:2] == [str(out), str(folder / KEY)]
    assert "only your account may read" in lines[2]


@pytest.mark.parametrize("first", ["labels.csv", "audit/" + KEY])
def test_a_file_that_is_there_is_never_replaced(first: str, tmp_path: Path) -> None:
    folder, out = labelling.write(tmp_path / "audit", cases()), tmp_path / "labels.csv"
    (tmp_path / first).write_text("mine", encoding="utf-8")
    with pytest.raises(ValueError, match="never replaced"):
        sheet.run(SheetOptions(folder=str(folder), out=str(out)))
    assert (tmp_path / first).read_text(encoding="utf-8") == "mine"
    assert sum(path.exists() for path in (out, folder / KEY)) == 1


def test_both_files_or_neither(tmp_path: Path) -> None:
    folder = labelling.write(tmp_path / "audit", cases())
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    with pytest.raises(OSError, match="file"):
        sheet.run(SheetOptions(folder=str(folder), out=str(tmp_path / "file" / "labels.csv")))
    assert not (folder / KEY).exists()


def test_an_audit_that_nobody_judged_has_no_sheet(tmp_path: Path) -> None:
    folder = labelling.write(tmp_path / "audit", cases())
    (folder / "verdicts.jsonl").unlink()
    with pytest.raises(FileNotFoundError, match="judge run"):
        sheet.run(SheetOptions(folder=str(folder), out=str(tmp_path / "labels.csv")))


def test_the_key_has_every_reply_behind_a_row(tmp_path: Path) -> None:
    """By hand: one text that three replies gave; drawn for sure, it stands for 2.5 + 2.5 + 1 pairs."""
    same = [
        Case("a", ("Same", "Same"), ((1,), (1,)), weight=2.5, request="One request"),
        Case("b", ("Same", "Not the same"), ((1,), (1,)), request="One request"),
    ]
    folder, out = labelling.write(tmp_path / "audit", same), tmp_path / "labels.csv"
    sheet.run(SheetOptions(folder=str(folder), out=str(out), count=100))
    rows = json.loads((folder / KEY).read_text(encoding="utf-8"))["rows"]
    behind: dict[int, float] = defaultdict(float)
    for shown in rows.values():
        behind[len(shown["replies"])] += sum(one["weight"] for one in shown["replies"]) / shown["inclusion"]
    assert dict(behind) == {3: 6.0, 1: 1.0}
