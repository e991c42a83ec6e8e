"""The committed HTML reports of real patches, opened from disk in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium_pages import accessibility, chromium, shown
from playwright.sync_api import Browser

REPORTS = Path(__file__).parents[2] / "generated" / "reports"
NAMES = ("seed-000", "seed-001-b", "bad_flush_local", "good_flush_always")
LIMIT = 300 << 10  # bytes


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def _report(name: str) -> Path:
    path = REPORTS / f"{name}.html"
    if not path.exists():
        pytest.skip(f"{path.name} is not generated")
    return path


@pytest.mark.parametrize("name", NAMES)
def test_it_opens_from_disk_quietly_and_is_accessible(
    browser: Browser, name: str
) -> None:
    path = _report(name)
    assert path.stat().st_size < LIMIT
    with shown(browser, path, 1280) as it:
        assert accessibility(it) == []
        it.page.set_viewport_size({"width": 360, "height": 900})
        assert it.value("document.documentElement.scrollWidth") <= 360
        assert it.requests == [path.as_uri()]
        assert it.console == []


@pytest.mark.parametrize("name", NAMES)
def test_with_script_each_trace_can_be_stepped_through(
    browser: Browser, name: str
) -> None:
    with shown(browser, _report(name), 1280) as it:
        articles = it.page.locator("article:has(.timeline)")
        assert articles.count() == it.page.locator("svg.timeline").count()
        for article in articles.all():
            steps = article.locator(".row").count()
            article.locator(".next").focus()
            it.page.keyboard.press("End")
            told = article.locator(".told > strong").inner_text()
            assert told.startswith(f"step {steps} of {steps}")
        assert it.console == []


def test_without_script_the_seed_tells_everything(browser: Browser) -> None:
    path = _report("seed-000")
    with shown(browser, path, 1280, java_script_enabled=False) as it:
        assert it.page.locator(".verdict").first.inner_text().lower() == "unsafe"
        assert it.page.locator("article.finding.error").count() >= 5
        for article in it.page.locator("article.finding.error").all():
            assert article.locator(".player:visible").count() == 0
            for part in ("svg.timeline", ".code", ".diff", ".profiles", ".replay"):
                assert article.locator(part).first.is_visible(), part
        assert it.page.locator(".charts svg").count() >= 4
        assert it.page.locator(".answers dt").count() >= 6
