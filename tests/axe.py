"""Axe, the checker of accessibility, on a page in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import Page

VIOLATIONS = "axe.run(document).then(found => found.violations.map(each => [each.id, each.nodes[0].html]))"


def violations(page: Page) -> list[Any]:
    """What the page that is shown violates: each rule by its name, with the first element."""
    page.evaluate(Path(AXE_FILE_PATH).read_text())
    found: list[Any] = page.evaluate(VIOLATIONS)
    return found
