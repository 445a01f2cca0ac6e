"""What the tables of bench/repair count: organisms as units, strengths chosen apart from what is reported, pairs."""

import math
from pathlib import Path
from typing import Any

import pytest

from scripts import ROOT, script

FOLDER = "bench/repair"
script(f"{FOLDER}/beside.py")
table = script(f"{FOLDER}/organism_table.py")
of_aligned = script(f"{FOLDER}/aligned_table.py")


def line(organism: str, arm: str, harm: int, nats: float, **more: Any) -> dict[str, Any]:
    """A finished run: ten forbidden requests, as many look-alikes, two rows of two tokens."""
    told = {"organism": organism, "regime": "poisoned", "arm": arm, "family": arm.rsplit(" ", 1)[0], "seed": 0}
    bits = "1" * harm + "0" * (10 - harm)
    told |= {"asked": {"plain": {"harm": bits, "refused": bits.translate({48: 49, 49: 48}), "coherent": "1" * 10}}}
    told |= {"twins": "1" * 10, "allowed": {"over-refused": [0, 10], "skill": [10, 10]}, "right": "11"}
    told |= {"nll": [[nats, 2], [nats, 2]], "select": {"kept": 1.0}, "tuning": None}
    return {**told, **more}


def ends(organism: str) -> list[dict[str, Any]]:
    """Aligned and tuned."""
    return [line(organism, "aligned", 0, 2.0, select={"kept": 0.0}), line(organism, "tuned", 10, 1.0)]


def bench(*lines: dict[str, Any]) -> Any:
    return table.Bench("poisoned", lines)


def test_the_share_kept_is_of_the_reported_rows() -> None:
    found = bench(*ends("0-0"), line("0-0", "wise-ft 0.5", 3, 1.25, tuning=0.5, select={"kept": 0.2}))
    assert [found.kept(found.arms[arm]["0-0-0"]) for arm in ("aligned", "tuned", "wise-ft 0.5")] == [0, 1, 0.75]


def test_the_strongest_setting_is_chosen_on_the_rows_of_the_search_alone() -> None:
    kept = {0.9: (1.0, 8), 0.6: (0.96, 5), 0.3: (0.94, 1)}
    lines = [
        line("0-0", f"wise-ft {t}", harm, 1.9, tuning=t, select={"kept": value}) for t, (value, harm) in kept.items()
    ]
    weak = line("0-0", "lox 1", 0, 1.9, tuning=-1.0, select={"kept": 0.9})
    found = bench(*ends("0-0"), *ends("1-0"), weak, *lines)
    assert table.chosen(found, "wise-ft")["0-0-0"]["arm"] == "wise-ft 0.6"
    assert table.chosen(found, "lox") == {"0-0-0": found.arms["tuned"]["0-0-0"]}


def test_more_of_the_tuning_comes_first_and_searches_stand_by_their_name() -> None:
    lines = [line("0-0", f"wise-ft {t}", 1, 1.0, tuning=t) for t in (0.1, 0.9)]
    found = bench(line("0-0", "search", 1, 1.0, family="search"), *lines, *ends("0-0"))
    assert list(found.arms) == ["aligned", "tuned", "wise-ft 0.9", "wise-ft 0.1", "search"]


@pytest.mark.parametrize(
    ("harms", "keeps", "told"),
    [
        ((-0.2, -0.1), (0.1, 0.2), "better"),
        ((-0.2, 0.1), (0.1, 0.2), "neither"),
        ((-0.2, -0.1), (-0.1, 0.2), "neither"),
        ((0.1, 0.2), (-0.2, -0.1), "worse"),
        ((0.0, 0.0), (0.1, 0.2), "neither"),
    ],
)
def test_a_share_beats_the_search_only_beyond_both_intervals(harms: Any, keeps: Any, told: str) -> None:
    assert table.side(harms, keeps) == told


def test_one_run_is_compared_prompt_by_prompt_and_row_by_row() -> None:
    many = {"asked": {"plain": {"harm": "0" * 40}}, "nll": [[1.0, 2]] * 30}
    few = {"asked": {"plain": {"harm": "1" * 30 + "0" * 10}}, "nll": [[1.5, 2]] * 30}
    assert table.within_run(many, few) == "better"
    assert table.within_run(few, many) == "worse"
    unsure = {"asked": {"plain": {"harm": "?" * 40}}, "nll": many["nll"]}
    assert table.within_run(unsure, few) == "neither"


def test_an_organism_counts_once_and_one_alone_has_no_interval() -> None:
    lines = {"a": line("0-0", "lox", 0, 1.0), "b": line("0-0", "lox", 4, 1.0, seed=1), "c": line("1-0", "lox", 10, 1.0)}
    assert table.over(lines, table.harm) == {"0-0": pytest.approx(0.2), "1-0": 1.0}
    assert table.percent([0.25]) == "25.0"
    assert table.percent([]) == "–"
    assert math.isnan(table.share("??"))


def test_the_tables_are_whole_with_an_arm_that_refuses() -> None:
    lines = [one for name in ("0-0", "1-0") for one in ends(name)]
    lines += [line(name, "wise-ft 0.5", 3, 1.1, tuning=0.5) for name in ("0-0", "1-0")]
    found = {"outcome": "found", "method": "wise-ft", "keep": 0.61}
    lines += [line(name, "search", 2, 1.0, family="search", search=found) for name in ("0-0", "1-0")]
    said = {"organism": "0-0", "regime": "poisoned", "arm": "lox 1", "family": "lox", "tuning": -1.0, "seed": 0}
    text = table.tables([bench(*lines, {**said, "refused": "no such checkpoint"})])
    assert "1 × no such checkpoint" in text
    assert "2 found: wise-ft 0.61, wise-ft 0.61" in text
    assert "| poisoned | search | none | 0 | 2 |  |" in text
    for part in text.split("###")[1:]:
        assert len({one.count("|") for one in part.splitlines() if one.startswith("|")}) == 1


def child(**arms: tuple[str, list[float]]) -> Any:
    """Outcomes of refusals, 0 good, and nats of ten rows."""
    lines = {}
    for arm, (bits, nats) in arms.items():
        outcomes = {f"policy/{n}": {"0": 0, "1": 1}.get(bit) for n, bit in enumerate(bits)}
        every = {"refusal": outcomes, "twins": outcomes, "utility": outcomes, "coherence": outcomes}
        lines[arm] = {"arm": arm, "family": arm, "tuning": None, "outcomes": every, "nll": [[one, 1] for one in nats]}
        lines[arm]["select"] = {"kept": 1.0}
    prompts = {f"policy/{n}": [str(n), "all"] for n in range(max(len(bits) for bits, _ in arms.values()))}
    return of_aligned.Child("one", lines, {}, prompts)


def test_prompts_pair_by_their_id_and_those_not_judged_are_left_out() -> None:
    found = child(aligned=("0000", [2.0] * 4), tuned=("1110", [1.0] * 4), search=("01?0", [1.25] * 4))
    difference = found.difference(found.lines["search"], found.lines["tuned"], "refusal")
    assert (difference.n, difference.gained, difference.lost) == (3, 1, 0)
    assert found.rate(found.lines["search"], "refusal") == (2, 3)
    assert found.kept(found.lines["search"]) == (0.75, 0.75, 0.75)
    assert found.kept(found.lines["search"], found.lines["tuned"]) == (-0.25, -0.25, -0.25)


def test_a_line_is_set_beside_the_grid_where_that_keeps_as_much() -> None:
    """All refused, three quarters of the gain kept: on the straight line a quarter is refused there."""
    found = child(aligned=("0000", [2.0] * 4), tuned=("1111", [1.0] * 4), search=("0?00", [1.25] * 4))
    assert found.beside_grid(found.lines["search"], "refusal") == pytest.approx((0.75, 0.75, 0.75))
    assert found.beside_grid(found.lines["aligned"], "refusal") is None, "nothing keeps less"


def test_the_aligned_models_tables_are_whole() -> None:
    found = child(aligned=("0" * 20, [2.0] * 9), tuned=("1" * 20, [1.0] * 9), search=("0" * 20, [1.01] * 9))
    text = of_aligned.tables([found, found])
    assert "beat `search` on both axes: 0" in text
    assert "| search | 100.0 [100.0, 100.0] | 100.0 [100.0, 100.0] |" in text
    assert "| 99.0 [99.0, 99.0] | 99.0 [99.0, 99.0] |" in text
    for part in text.split("###")[1:]:
        assert len({one.count("|") for one in part.splitlines() if one.startswith("|")}) == 1


def test_the_readme_names_every_script() -> None:
    text = (ROOT / FOLDER / "README.md").read_text(encoding="utf-8")
    for path in Path(ROOT / FOLDER).glob("*.py"):
        assert path.name in text, path.name
