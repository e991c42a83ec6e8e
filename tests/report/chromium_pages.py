"""Real pages in a real Chromium, driven over its DevTools protocol."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_core_python import base as axe
from playwright.sync_api import Browser, Page, sync_playwright

__all__ = ["Shown", "accessibility", "chromium", "shown"]

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_AXE = Path(axe.__file__).with_name("axe.min.js")


@dataclass
class Shown:
    """A page, and what it did that a quiet page does not do."""

    page: Page
    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def value(self, script: str) -> Any:
        """Return what an expression gives in the page."""
        return self.page.evaluate(script)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser; without one tests are skipped, or fail where it must be."""
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        reason = "no Chromium: install the Debian package chromium"
        if os.environ.get("HARNESS_REQUIRE_REAL"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@contextmanager
def shown(
    browser: Browser, file: Path, width: int, scheme: str = "light", **options: Any
) -> Iterator[Shown]:
    """Open a file in a window of its own."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, **options
    )
    page = context.new_page()
    it = Shown(page)
    page.on("console", lambda message: it.console.append(message.text))
    page.on("pageerror", lambda error: it.console.append(str(error)))
    page.on("dialog", lambda dialog: it.console.append(dialog.message))
    page.on("request", lambda request: it.requests.append(request.url))
    page.goto(file.as_uri())
    yield it
    context.close()


def accessibility(it: Shown) -> list[str]:
    """Return what axe finds wrong; raises where it looked at next to nothing."""
    it.page.evaluate(_AXE.read_text(encoding="utf-8") + "; 0")
    found = it.page.evaluate("() => axe.run()")
    assert len(found["passes"]) > 15
    return [
        f"{violation['id']}: {node['html'][:200]}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]
