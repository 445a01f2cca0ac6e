"""The report in a real browser: quiet, self-contained, usable, and deaf to hostile text."""

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from hostile import write_logs
from sample import sample_audit, sample_record, sample_verdict
from tuneward import compare, report
from tuneward.report import render

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: install chromium to test the page"),
]


@dataclass
class Tab:
    """An open page and everything it did that a quiet page does not do."""

    page: "sync_api.Page"
    noise: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def listen(self) -> "Tab":
        self.page.on("console", lambda message: self.noise.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.noise.append(f"error: {error}"))
        self.page.on("dialog", lambda dialog: (self.noise.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        self.page.on("popup", lambda popup: self.noise.append("popup"))
        self.page.on("request", lambda request: self.requests.append(request.url))
        return self

    def visible(self) -> list[str]:
        return self.page.locator("#change-list > li:visible code:first-child").all_text_contents()

    def overflow(self) -> int:
        return int(self.page.evaluate("document.documentElement.scrollWidth - innerWidth"))


@pytest.fixture(scope="module")
def browser() -> Iterator["sync_api.Browser"]:
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    pages = {
        "plain": render(sample_audit(texts=True), verdict=sample_verdict(), record=sample_record()),
        "hostile": render(
            sample_audit(hostile=True, texts=True),
            verdict=sample_verdict(hostile=True),
            record=sample_record(hostile=True),
        ),
        "long": render(sample_audit(changes=5000), verdict=None, record=None),
    }
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    out = str(folder / "compared")
    a, b = write_logs(folder)
    compare.run(compare.CompareOptions(a=str(a), b=str(b), expect="refuse", out=out))
    compared = report.run(report.ReportOptions(folder=out))
    return {**{name: folder / f"{name}.html" for name in pages}, "compared": compared}


@pytest.fixture
def tab(browser: "sync_api.Browser") -> Iterator[Tab]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield Tab(context.new_page()).listen()
    context.close()


@pytest.mark.parametrize("name", ["plain", "hostile", "long", "compared"])
def test_opens_without_a_word_on_the_console_and_asks_for_nothing(tab: Tab, files: dict[str, Path], name: str) -> None:
    """G8: from file:// the only request is the page itself."""
    tab.page.goto(files[name].as_uri())
    tab.page.wait_for_timeout(100)
    assert tab.noise == []
    assert tab.requests == [files[name].as_uri()]
    assert tab.page.locator("h2").count() >= 9


def test_hostile_text_is_read_and_not_run(tab: Tab, files: dict[str, Path]) -> None:
    tab.page.goto(files["hostile"].as_uri())
    tab.page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    tab.page.wait_for_timeout(100)
    assert tab.page.evaluate("typeof window.__pwned") == "undefined"
    assert tab.page.locator("img, iframe, a[href^=javascript], [onerror], [onload], [onfocus]").count() == 0
    assert "⟨U+202E⟩esrever" in tab.page.locator("h1, #change-list pre").all_inner_texts()[1]
    assert tab.noise == []


def test_logs_that_try_to_run_are_listed_as_text(tab: Tab, files: dict[str, Path]) -> None:
    """Must show 6, from two JSONL files to a page that is searched, opened and clicked."""
    tab.page.goto(files["compared"].as_uri())
    tab.page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    tab.page.get_by_label("Search").fill("javascript:window.__pwned=4")
    rows = tab.visible()
    assert rows
    assert all("[click](javascript:window.__pwned=4)" in row for row in rows)
    tab.page.get_by_label("Search").fill("<script>")
    tab.page.locator("#change-list > li:visible").first.click()
    tab.page.wait_for_timeout(100)
    assert tab.page.evaluate("typeof window.__pwned") == "undefined"
    assert tab.page.locator("img, iframe, a[href^=javascript], [onerror], [onload], [onfocus]").count() == 0
    assert tab.page.locator("a:not([href^='#'])").count() == 0
    assert tab.noise == []
    assert tab.requests == [files["compared"].as_uri()]


def test_a_script_that_is_not_the_pages_own_is_blocked(tab: Tab, files: dict[str, Path]) -> None:
    tab.page.goto(files["plain"].as_uri())
    tab.page.evaluate(
        "const s = document.createElement('script'); s.textContent = 'window.__pwned = 9'; document.body.append(s);"
    )
    assert tab.page.evaluate("typeof window.__pwned") == "undefined"
    assert any("Content Security Policy" in line for line in tab.noise)


def test_search_and_filters_narrow_the_list(tab: Tab, files: dict[str, Path]) -> None:
    tab.page.goto(files["plain"].as_uri())
    total = len(sample_audit().changes)
    assert len(tab.visible()) == total
    tab.page.get_by_label("Search").fill("malware refused")
    rows = tab.visible()
    assert 0 < len(rows) < total
    assert all("malware" in row for row in rows)
    assert tab.page.locator("#shown").inner_text() == f"{len(rows)} of {total} pairs"
    tab.page.get_by_label("Search").fill("")
    tab.page.get_by_label("Direction").select_option("gained")
    tab.page.get_by_label("Axis", exact=True).select_option("refusal")
    assert len(tab.visible()) == 3
    tab.page.get_by_label("Search").fill("no such pair")
    assert tab.visible() == []
    assert tab.page.locator("#none-shown").is_visible()


def test_keyboard_reaches_filters_list_and_texts_with_a_visible_focus(tab: Tab, files: dict[str, Path]) -> None:
    tab.page.goto(files["plain"].as_uri())
    tab.page.keyboard.press("Tab")
    assert tab.page.evaluate("document.activeElement.className") == "skip"
    assert tab.page.locator(".skip").bounding_box()["x"] > 0
    tab.page.get_by_label("Search").focus()
    reached = []
    for _ in range(4):
        tab.page.keyboard.press("Tab")
        reached.append(tab.page.evaluate("document.activeElement.id || document.activeElement.tagName.toLowerCase()"))
        assert tab.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert reached == ["direction", "axis", "div", "summary"]
    tab.page.keyboard.press("Enter")
    assert tab.page.locator("#change-list pre").first.is_visible()


def test_a_long_list_filters_at_once(tab: Tab, files: dict[str, Path]) -> None:
    tab.page.goto(files["long"].as_uri())
    tab.page.get_by_label("Search").fill("ordering lost")
    rows = tab.visible()
    assert 0 < len(rows) < 5000
    assert all("ordering" in row for row in rows)


@pytest.mark.parametrize("width", [320, 360, 800, 1280])
@pytest.mark.parametrize("name", ["plain", "hostile", "compared"])
def test_the_page_never_scrolls_sideways(tab: Tab, files: dict[str, Path], name: str, width: int) -> None:
    tab.page.set_viewport_size({"width": width, "height": 780})
    tab.page.goto(files[name].as_uri())
    tab.page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert tab.overflow() <= 0


def test_labels_of_the_radar_stay_inside_their_drawing(tab: Tab, files: dict[str, Path]) -> None:
    tab.page.goto(files["plain"].as_uri())
    outside = tab.page.evaluate(
        """() => { const frame = document.querySelector('.web').getBoundingClientRect();
        return [...document.querySelectorAll('.radar text')].filter((t) => t.getClientRects().length).filter((t) => {
          const b = t.getBoundingClientRect();
          return b.left < frame.left - 1 || b.right > frame.right + 1 || b.top < frame.top - 1; })
          .map((t) => t.textContent); }"""
    )
    assert outside == []


def test_dark_and_light_differ_and_print_drops_the_controls(
    browser: "sync_api.Browser", files: dict[str, Path]
) -> None:
    grounds = []
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme)
        page = context.new_page()
        page.goto(files["plain"].as_uri())
        grounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        page.emulate_media(media="print")
        assert not page.locator(".filters").is_visible()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        context.close()
    assert grounds[0] != grounds[1]


def test_a_digest_copies_whole(tab: Tab, files: dict[str, Path]) -> None:
    tab.page.goto(files["plain"].as_uri())
    button = tab.page.locator(".copy button").first
    button.click()
    tab.page.wait_for_function("(b) => b.textContent !== 'copy'", arg=button.element_handle())
    assert button.inner_text() in {"copied", "selected"}
    assert len(tab.page.locator(".digest").first.text_content() or "") == 64


def test_without_script_every_pair_stays_readable(browser: "sync_api.Browser", files: dict[str, Path]) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(files["plain"].as_uri())
    assert page.locator("#change-list > li").count() == len(sample_audit().changes)
    assert page.locator("#change-list > li").first.is_visible()
    assert not page.locator(".filters").is_visible()
    context.close()
