"""The page of a screen in a real browser: quiet without a script, readable at every width, and deaf to hostile text."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from sample import HOSTILE, LONG_WORD
from screened_by_hand import bare, hostile, huge, quiet, screened, with_excerpts
from tuneward.report.screen_page import page as made

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: install chromium to test the page"),
]
DOCUMENTS = {
    "held": screened(),
    "quiet": quiet(),
    "bare": bare(),
    "huge": huge(),
    "told": with_excerpts(),
    "hostile": hostile(HOSTILE),
    "long": hostile(LONG_WORD),
}
OPEN = "document.querySelectorAll('details').forEach((d) => { d.open = true; })"


@pytest.fixture(scope="module")
def browser() -> Iterator["sync_api.Browser"]:
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("screens")
    for name, document in DOCUMENTS.items():
        (folder / f"{name}.html").write_text(made(document), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in DOCUMENTS}


@pytest.fixture
def page(browser: "sync_api.Browser") -> Iterator["sync_api.Page"]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_opens_without_a_word_on_the_console_and_asks_for_nothing(
    page: "sync_api.Page", files: dict[str, Path], name: str
) -> None:
    """G8: from file:// the only request is the page itself."""
    noise: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: noise.append(message.text))
    page.on("pageerror", lambda error: noise.append(str(error)))
    page.on("dialog", lambda dialog: (noise.append("dialog"), dialog.dismiss()))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(files[name].as_uri())
    page.evaluate(OPEN)
    page.wait_for_timeout(100)
    assert noise == []
    assert requests == [files[name].as_uri()]
    assert page.evaluate("typeof window.__pwned") == "undefined"
    assert page.locator("script, img, iframe, a:not([href^='#']), [onerror], [onload], [onfocus]").count() == 0


@pytest.mark.parametrize(
    ("width", "size"), [(320, "100%"), (360, "150%"), (800, "100%"), (1280, "100%"), (1280, "200%")]
)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_page_never_scrolls_sideways(
    page: "sync_api.Page", files: dict[str, Path], name: str, width: int, size: str
) -> None:
    page.set_viewport_size({"width": width, "height": 780})
    page.goto(files[name].as_uri())
    page.evaluate("(size) => { document.documentElement.style.fontSize = size; }", size)
    page.evaluate(OPEN)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.parametrize("name", ["held", "huge"])
def test_a_phone_shows_every_figure_of_the_rules_at_once(
    page: "sync_api.Page", files: dict[str, Path], name: str
) -> None:
    page.set_viewport_size({"width": 360, "height": 780})
    page.goto(files[name].as_uri())
    table = page.get_by_role("region", name="Rules that found something")
    assert table.evaluate("(box) => box.scrollWidth - box.clientWidth") <= 0
    inputs = page.get_by_role("region", name="Inputs").and_(page.locator(".scroll"))
    assert inputs.evaluate("(box) => box.scrollWidth - box.clientWidth") <= 0


def test_the_tier_is_read_aloud_before_its_word(page: "sync_api.Page", files: dict[str, Path]) -> None:
    page.goto(files["held"].as_uri())
    assert page.get_by_role("heading", name="Tier D: hold", level=2).count() == 1
    assert page.get_by_role("row", name="L2-OBEY").first.get_by_text("above").is_visible()


def test_the_keyboard_reaches_the_rules_that_found_nothing(page: "sync_api.Page", files: dict[str, Path]) -> None:
    page.goto(files["held"].as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.get_by_text("Rules without a row: 3").focus()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    page.keyboard.press("Enter")
    assert page.get_by_role("row", name="CONTAM-EVAL").is_visible()


def test_dark_and_light_differ_and_paper_has_all_of_it(browser: "sync_api.Browser", files: dict[str, Path]) -> None:
    """Without a script, folded parts are unfolded on paper by the styles alone."""
    grounds = []
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme, java_script_enabled=True)
        page = context.new_page()
        page.goto(files["held"].as_uri())
        grounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        page.emulate_media(media="print")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert not page.locator("nav").is_visible()
        height = page.get_by_role("region", name="Rules without a row").evaluate("(box) => box.offsetHeight")
        assert height > 40
        digest = page.locator(".digest").first
        assert digest.evaluate("(code) => code.scrollWidth <= code.clientWidth")
        context.close()
    assert grounds[0] != grounds[1]
