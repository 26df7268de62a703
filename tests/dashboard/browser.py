"""Headless Chromium, driven as a person would."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field

from playwright.sync_api import Page, sync_playwright

ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
"""Of a browser that stays on this machine."""


@dataclass
class Browser:
    """A page, and what went wrong on it."""

    page: Page
    faults: list[str] = field(default_factory=list)


def in_browser(visit: Callable[[Browser], None], width: int = 1300, height: int = 900) -> None:
    """Visit pages in a browser of one's own."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    assert program, "install Chromium: `.ci/run` does"
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        page = chromium.new_page(viewport={"width": width, "height": height})
        browser = Browser(page)
        page.on("console", lambda said: said.type == "error" and browser.faults.append(said.text))
        page.on("pageerror", lambda error: browser.faults.append(str(error)))
        try:
            visit(browser)
        finally:
            chromium.close()
