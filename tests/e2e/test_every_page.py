"""Every page, looked at in Chromium: wide and narrow, light and dark, English and French.

Fails on a console error, a violation of the content security policy or of WCAG 2.2 AA, a status other than 200, and a
page that scrolls sideways, shifts while it loads, weighs too much or shows an English text to a French reader. With
``SCREENSHOTS`` in the environment the pages are saved to docs/screenshots.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polib
import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import Browser, Page

from tests.e2e.conftest import AS_LONG_AS_PEOPLE, Portal

pytestmark = [pytest.mark.e2e, pytest.mark.slow(reason=AS_LONG_AS_PEOPLE)]

ROOT = Path(__file__).parent.parent.parent
SHOTS = ROOT / "docs/screenshots"
HEAVIEST = 120_000
"""Bytes over the wire for a page and all it needs, with nothing in the browser's cache."""
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PAGES = {
    "overview": "/w/demo/",
    "review": "/w/demo/review/",
    "review-protected": "/w/demo/review/?verdict=protected&state=",
    "review-nothing": "/w/demo/review/?q=nobody-is-called-this",
    "import": "/w/demo/review/import/",
    "account": "/w/demo/accounts/{account}/",
    "cleanups": "/w/demo/cleanups/",
    "draft": "/w/demo/cleanups/{draft}/",
    "launch": "/w/demo/cleanups/{draft}/launch/",
    "report": "/w/demo/cleanups/1/",
    "revoked": "/w/demo/revoked/",
    "case": "/w/demo/cleanups/1/cases/1/",
    "search": "/search/?q=an&workspace=demo",
    "policy": "/w/demo/policy/",
    "policy-text": "/w/demo/policy/?tab=toml",
    "policy-limit": "/w/demo/policy/?limit=400&segment=everyone+else",
    "policy-version": "/w/demo/policy/versions/1/",
    "policy-preview": "/w/demo/policy/previews/{policy_preview}/",
    "policy-preview-accounts": "/w/demo/policy/previews/{policy_preview}/accounts/?before=active&after=dormant",
    "backtest": "/w/demo/policy/backtest/",
    "emails": "/w/demo/policy/emails/",
    "what-if": "/w/demo/policy/what-if/?days=400",
    "audit": "/w/demo/audit/",
    "workspaces": "/workspaces/",
    "syncs": "/w/demo/syncs/",
    "sync": "/w/demo/syncs/{sync}/",
    "schedule": "/schedule/",
    "people": "/people/",
    "profile": "/profile/",
    "hold": "/hold/",
    "documentation": "/docs/",
    "guide": "/docs/guide/",
    "document": "/docs/settings/",
    "accessibility": "/accessibility/",
}
STORED = {"dormant under the policy"}
"""Texts that are kept in the language of who acted."""

SIDE_BY_SIDE = {"overview", "review", "account", "launch", "report", "policy", "emails", "audit"}
"""What docs/screens.md shows, in both languages."""

MOST_SHIFT = 0.05
"""Cumulative layout shift that people do not notice."""

WAYS = {
    "wide-light-en": {"width": 1440, "scheme": "light", "language": "en"},
    "wide-dark-fr": {"width": 1440, "scheme": "dark", "language": "fr"},
    "narrow-light-fr": {"width": 390, "scheme": "light", "language": "fr"},
    "narrow-dark-en": {"width": 390, "scheme": "dark", "language": "en"},
}


@pytest.fixture(params=WAYS)
def visitor(request: pytest.FixtureRequest, browser: Browser, portal: Portal) -> Iterator[tuple[str, Page, list[str]]]:
    """Somebody who has signed in, with a way of looking, and the complaints the browser makes meanwhile."""
    way: dict[str, Any] = WAYS[request.param]
    context = browser.new_context(
        base_url=portal.url,
        viewport={"width": way["width"], "height": 900},
        color_scheme=way["scheme"],
        locale=way["language"],
    )
    page, complaints = context.new_page(), list[str]()
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("/")
    page.locator("input[name=login]").fill(portal.login)
    page.locator("input[name=password]").fill(portal.password)
    page.locator("main form button.btn-primary").click()
    page.wait_for_url("**/w/demo/")
    page.add_init_script(SHIFT)
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    network.send("Network.setCacheDisabled", {"cacheDisabled": True})
    yield request.param, page, complaints
    context.close()


@pytest.fixture(scope="module")
def english() -> set[str]:
    """Texts that a French page shows only where a translation is not used."""
    catalogue = polib.pofile(str(ROOT / "locale/fr/LC_MESSAGES/django.po"))
    french = {text for entry in catalogue for text in (entry.msgstr, *entry.msgstr_plural.values())}
    return {entry.msgid for entry in catalogue} - french - STORED


SHIFT = """new PerformanceObserver(seen => {
  const unasked = seen.getEntries().filter(entry => !entry.hadRecentInput);
  window.shifted = unasked.reduce((sum, entry) => sum + entry.value, window.shifted || 0);
}).observe({type: "layout-shift", buffered: true})"""
WEIGHT = """() => ["navigation", "resource"]
  .flatMap(kind => performance.getEntriesByType(kind))
  .reduce((sum, entry) => sum + entry.transferSize, 0)"""
TEXTS = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), texts = [];
  while (walker.nextNode()) {
    if (!walker.currentNode.parentElement.closest("pre, code, textarea, script, body [lang]"))
      texts.push(walker.currentNode.textContent.replace(/\\s+/g, " ").trim());
  }
  return texts;
}"""


def test_every_page_is_sound(visitor: tuple[str, Page, list[str]], english: set[str]) -> None:
    way, page, complaints = visitor
    axe = Path(AXE_FILE_PATH).read_text()
    for name, address in addresses(page).items():
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 200, address
        assert page.locator("html").get_attribute("lang") == WAYS[way]["language"]
        assert page.evaluate("document.documentElement.scrollWidth") <= WAYS[way]["width"], f"{name} scrolls sideways"
        if os.environ.get("SCREENSHOTS"):
            page.screenshot(path=SHOTS / f"{name}-{way}.png")
        assert page.evaluate("window.shifted || 0") < MOST_SHIFT, f"{name} shifts while it loads"
        assert page.evaluate(WEIGHT) <= HEAVIEST, f"{name} weighs too much"
        if WAYS[way]["language"] == "fr":
            assert english & set(page.evaluate(TEXTS)) == set(), f"{name} is not all French"
        page.evaluate(axe)
        found = page.evaluate("tags => axe.run({runOnly: tags})", TAGS)["violations"]
        told = [(one["id"], [node["html"][:160] for node in one["nodes"]][:3]) for one in found]
        assert told == [], f"{name} {way}"
        assert complaints == [], f"{name} {way}"
        if os.environ.get("SCREENSHOTS") and name in SIDE_BY_SIDE and way.startswith("wide"):
            page.emulate_media(color_scheme="light", reduced_motion="reduce")
            page.screenshot(path=SHOTS / f"{name}-{WAYS[way]['language']}.jpg", type="jpeg", quality=60)
            page.emulate_media(color_scheme=WAYS[way]["scheme"])  # type: ignore[arg-type]


def addresses(page: Page) -> dict[str, str]:
    """The addresses of the pages, with the numbers that this workspace has for them."""
    page.goto("/w/demo/review/")
    account = (page.locator("tbody a[href*='/accounts/']").first.get_attribute("href") or "").split("/")[-2]
    page.goto("/w/demo/cleanups/")
    if not page.locator("a[href$='/launch/']").count():
        begin_a_draft(page)
    draft = (page.locator("a[href$='/launch/']").first.get_attribute("href") or "").split("/")[-3]
    page.goto("/w/demo/syncs/")
    sync = (page.locator("tbody a[href*='/syncs/']").first.get_attribute("href") or "").split("/")[-2]
    known = {"account": account, "draft": draft, "policy_preview": propose_a_policy(page), "sync": sync}
    return {name: address.format(**known) for name, address in PAGES.items()}


def propose_a_policy(page: Page) -> str:
    """Have a stricter policy previewed; returns its number."""
    page.goto("/w/demo/policy/?tab=toml")
    text = page.locator("#id_text")
    text.fill(text.input_value() + "\n# stricter\n")
    page.locator("form:has(#id_text) button.btn-primary").click()
    page.wait_for_url("**/policy/previews/*/")
    return page.url.split("/")[-2]


def begin_a_draft(page: Page) -> None:
    """Approve somebody, where the tests before this one have launched every draft there was."""
    page.goto("/w/demo/review/")
    page.locator("tbody input[type=checkbox]").first.check()
    page.locator("button[name=decision][value=approve]").click()
    page.locator("#messages .notice").first.wait_for()
    page.goto("/w/demo/cleanups/")
