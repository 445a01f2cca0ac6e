"""The picture of a search: an SVG that can be parsed, whatever was measured, and shows what was chosen."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneward.outputs.frontier import frontier
from tuneward.repair.points import Found, Limits, Point, Setting
from tuneward.stats.figure import Figure

SVG = "{http://www.w3.org/2000/svg}"


def point(method: str, keep: float, *, kept: float, lost: float, spread: float = 0.02) -> Point:
    def figure(value: float) -> Figure:
        return Figure(value, value - spread, value + spread, 100)

    return Point(Setting(method, keep), figure(1), figure(lost), figure(0), figure(1), figure(kept))


BASE, TUNED = point("base", 0, kept=0, lost=0), point("tuned", 1, kept=1, lost=0.4)
GRID = tuple(point("wise-ft", k / 10, kept=(k / 10) ** 0.5, lost=0.4 * (k / 10) ** 3) for k in range(11))


def drawn(found: Found, limits: Limits | None = None) -> ET.Element:
    return ET.fromstring(frontier(found, limits or Limits(0.9, 0.05)))


def classes(tree: ET.Element, kind: str) -> list[ET.Element]:
    return [one for one in tree.iter() if one.get("class") == kind]


def test_every_setting_both_ends_both_limits_and_the_choice_are_drawn() -> None:
    found = Found("found", GRID[8], (BASE, TUNED, *GRID, point("safe-delta", 0.5, kept=0.7, lost=0.1)))
    tree = drawn(found)
    assert tree.get("role") == "img"
    assert (len(classes(tree, "end")), len(classes(tree, "dot")), len(classes(tree, "other"))) == (2, 11, 1)
    assert len(classes(tree, "limit")) == 2
    assert {"keep 90.0 %", "lose 5.0 %"} <= {str(one.text) for one in classes(tree, "note")}
    assert len(classes(tree, "interval")) == 2 * 14
    (ring,) = classes(tree, "chosen")
    spot = next(p for p in classes(tree, "dot") if "wise-ft 0.8" in str(p[0].text))
    assert spot.get("transform") == f"translate({ring.get('cx')} {ring.get('cy')})"
    assert "Marked: wise-ft 0.8" in str(tree.findtext(f"{SVG}desc"))
    names = [one.text for one in tree.iter(f"{SVG}text")]
    assert {"base", "tuned", "wise-ft 0.8"} <= set(names)


def test_shares_per_layer_stand_beside_the_line_of_single_shares() -> None:
    layered = replace(GRID[5], setting=Setting("wise-ft", 0.5, {"layer 0": 0.2, "layer 1": 0.8}))
    tree = drawn(Found("found", layered, (BASE, TUNED, *GRID, layered)))
    assert (len(classes(tree, "dot")), len(classes(tree, "other"))) == (11, 1)
    (path,) = classes(tree, "path")
    assert str(path.get("d")).count("L") == 12


def test_right_is_more_gain_and_up_is_fewer_lost_refusals() -> None:
    tree = drawn(Found("not met", None, (BASE, TUNED)))
    spots = [one.get("transform") for one in classes(tree, "end")]
    (x0, y0), (x1, y1) = ([float(n) for n in re.findall(r"[\d.]+", str(spot))] for spot in spots)
    assert x1 > x0
    assert y1 > y0, "SVG counts downwards"
    assert not classes(tree, "chosen")


def test_the_nearest_miss_is_not_marked_as_a_choice() -> None:
    tree = drawn(Found("not met", GRID[5], (BASE, TUNED, *GRID)))
    assert (len(classes(tree, "chosen")), len(classes(tree, "miss"))) == (0, 1)


def test_colours_change_with_the_screen_and_nothing_is_fetched_or_run() -> None:
    text = frontier(Found("found", GRID[8], (BASE, TUNED, *GRID)), Limits())
    assert "prefers-color-scheme:dark" in text
    assert not re.search(r"<script|href|url\(|@import|style=| on\w+=", text)


def test_names_from_outside_are_text() -> None:
    evil = point('<script x="1">&\u202e', 0.5, kept=0.5, lost=0.1)
    text = frontier(Found("found", evil, (BASE, TUNED, evil)), Limits())
    ET.fromstring(text)
    assert "<script" not in text
    assert "\u202e" not in text


def test_a_search_that_measured_nothing_has_no_picture() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        frontier(Found("not met", None, ()), Limits())


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(0, 1)), min_size=1, max_size=20),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_whatever_was_measured_stands_inside_the_picture(
    values: list[tuple[float, float]], keep: float, lost: float
) -> None:
    points = tuple(point("wise-ft", n / 20, kept=k, lost=v) for n, (k, v) in enumerate(values))
    tree = drawn(Found("not met", points[0], points), Limits(keep, lost))
    for one in classes(tree, "dot"):
        x, y = (float(n) for n in re.findall(r"-?[\d.]+", str(one.get("transform"))))
        assert 0 <= x <= 760
        assert 0 <= y <= 520
    for one in tree.iter(f"{SVG}line"):
        assert all(-1 <= float(str(one.get(name))) <= 761 for name in ("x1", "x2", "y1", "y2"))
