"""The page's section on judged harm in a real browser: drawn, readable at every width and text size, and quiet."""

import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from hand_made import harm_found, in_turn
from sample import CATEGORIES, HOSTILE, sample_audit, sample_record, sample_verdict
from tuneward.findings import Harm
from tuneward.report import render

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: install chromium to test the page"),
]
SECTION = "section[aria-labelledby=harm]"
OUTSIDE = """() => { const frame = document.querySelector('section[aria-labelledby=harm] .web').getBoundingClientRect();
    return [...document.querySelectorAll('section[aria-labelledby=harm] .radar text')]
      .filter((t) => t.getClientRects().length).filter((t) => { const b = t.getBoundingClientRect();
        return b.left < frame.left - 1 || b.right > frame.right + 1 || b.top < frame.top - 1; })
      .map((t) => t.textContent); }"""


def judged(*, hostile: bool = False) -> Harm:
    """Three judges; eleven categories, named as a file may name them."""
    harm = harm_found(judges=3)
    names = [f"{place} {HOSTILE}" if hostile else name for place, name in enumerate(CATEGORIES)]
    levels = {"base": [1 + place % 3 / 4 for place in range(11)], "tuned": [1 + place % 9 / 2 for place in range(11)]}
    arms = {arm: replace(one, categories=dict(zip(names, levels[arm], strict=True))) for arm, one in harm.arms.items()}
    bad = HOSTILE if hostile else ""
    judges = tuple(replace(judge, name=f"{judge.name}{bad}", kind=f"{judge.kind}{bad}") for judge in harm.judges)
    return replace(harm, arms=arms, judges=judges, design=f"{harm.design}{bad}")


@pytest.fixture(scope="module")
def browser() -> Iterator["sync_api.Browser"]:
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("harm")
    for name in ("tame", "hostile"):
        audit = replace(sample_audit(), harm=judged(hostile=name == "hostile"), in_turn=in_turn())
        text = render(audit, verdict=sample_verdict(), record=sample_record())
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in ("tame", "hostile")}


@pytest.fixture
def page(browser: "sync_api.Browser") -> Iterator["sync_api.Page"]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", ["tame", "hostile"])
def test_the_section_opens_quietly_and_asks_for_nothing(
    page: "sync_api.Page", files: dict[str, Path], name: str
) -> None:
    """G8: the drawing needs no other file, and no name in it runs."""
    noise: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: noise.append(message.text))
    page.on("pageerror", lambda error: noise.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(files[name].as_uri())
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    page.wait_for_timeout(100)
    assert noise == []
    assert requests == [files[name].as_uri()]
    assert page.evaluate("typeof window.__pwned") == "undefined"
    assert page.locator(f"{SECTION} .radar").is_visible()


def test_every_category_is_drawn_on_both_arms_and_stands_in_the_table(
    page: "sync_api.Page", files: dict[str, Path]
) -> None:
    page.goto(files["tame"].as_uri())
    drawing = page.get_by_role("img", name="Mean level of judged harm by category, base and tuned")
    assert [drawing.locator(f".dot.{arm}").count() for arm in ("base", "tuned")] == [11, 11]
    table = page.get_by_role("region", name="Harm by category")
    assert table.get_by_role("row").count() == 12
    assert table.get_by_role("row", name="4 Malware").inner_text().split() == ["4", "Malware", "1.00", "2.50"]


@pytest.mark.parametrize("name", ["tame", "hostile"])
@pytest.mark.parametrize(
    ("width", "size"), [(320, "100%"), (360, "150%"), (800, "100%"), (1280, "100%"), (1280, "200%")]
)
def test_nothing_scrolls_sideways_or_leaves_the_drawing(
    page: "sync_api.Page", files: dict[str, Path], name: str, width: int, size: str
) -> None:
    page.set_viewport_size({"width": width, "height": 780})
    page.goto(files[name].as_uri())
    page.evaluate("(size) => { document.documentElement.style.fontSize = size; }", size)
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.evaluate(OUTSIDE) == []


def test_a_phone_shows_both_arms_and_their_difference_at_once(page: "sync_api.Page", files: dict[str, Path]) -> None:
    page.set_viewport_size({"width": 360, "height": 780})
    page.goto(files["tame"].as_uri())
    table = page.get_by_role("region", name="Harm, as judged", exact=True).and_(page.locator(".scroll"))
    assert table.evaluate("(box) => box.scrollWidth - box.clientWidth") <= 0


def test_the_rings_say_which_levels_they_are(page: "sync_api.Page", files: dict[str, Path]) -> None:
    page.goto(files["tame"].as_uri())
    assert page.locator(f"{SECTION} .radar .tick").all_text_contents() == ["level 3", "level 5"]


def test_the_arms_differ_in_dark_and_in_light(browser: "sync_api.Browser", files: dict[str, Path]) -> None:
    strokes = []
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme)
        page = context.new_page()
        page.goto(files["tame"].as_uri())
        for arm in ("base", "tuned"):
            path = page.locator(f"{SECTION} .radar path.arm.{arm}")
            strokes.append(path.evaluate("(p) => [getComputedStyle(p).stroke, getComputedStyle(p).strokeDasharray]"))
        context.close()
    assert len({stroke for stroke, _ in strokes}) == 4
    assert [dash == "none" for _, dash in strokes] == [False, True, False, True]


def test_the_keyboard_reaches_the_ids_on_which_judges_differ(page: "sync_api.Page", files: dict[str, Path]) -> None:
    page.goto(files["tame"].as_uri())
    page.get_by_text("Replies on which judges differ: 140").focus()
    page.keyboard.press("Enter")
    assert page.locator(f"{SECTION} .ids code").count() == 100
    assert page.locator(f"{SECTION} .ids code").first.is_visible()
    assert page.get_by_text("and 40 more in audit.json").is_visible()
