"""By keyboard the focus is always seen, in forced colours too; by touch targets are large enough."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from accounts_review.models import Workspace
from tests.web.browser_kit import IN_A_BROWSER
from tests.web.conftest import Browse
from tests.web.kit import Desk, read, someone

pytestmark = IN_A_BROWSER
STOPS = 45
OUTLINE = """() => {
  const style = getComputedStyle(document.activeElement);
  return [document.activeElement.outerHTML.slice(0, 120), style.outlineStyle, parseFloat(style.outlineWidth)];
}"""
TARGETS = """axe.run(document, {runOnly: ["target-size"]}).then(found =>
  found.violations.flatMap(each => each.nodes.map(node => [each.id, node.html.slice(0, 160)])))"""
HIDDEN = """() => {
  const found = document.activeElement, box = found.getBoundingClientRect();
  const middle = [box.left + box.width / 2, box.top + box.height / 2];
  const at = [[box.left + 3, box.top + 3], middle, [box.right - 3, box.bottom - 3]];
  const isSeen = ([x, y]) => {
    const there = document.elementFromPoint(x, y);
    return there && (found.contains(there) || there.contains(found) || found.labels?.[0]?.contains(there));
  };
  return at.some(isSeen) ? "" : found.outerHTML.slice(0, 120);
}"""
PAGES = ("review/", "", "cleanups/", "policy/", "audit/", "../../accounts/reauthenticate/")


@pytest.fixture
def page(browse: Browse, workspace: Workspace, person: Callable[[str], User]) -> Page:
    read(workspace, *(someone(f"n{number:03}", idle=2000 - number) for number in range(30)))
    desk = Desk(person("administrator"), workspace)
    page = browse(desk, "review")
    page.set_viewport_size({"width": 1440, "height": 900})
    return page


def test_the_focus_is_seen_wherever_it_is(page: Page) -> None:
    for forced in ("none", "active"):
        page.emulate_media(forced_colors=forced)
        page.reload()
        unseen = []
        for _ in range(STOPS):
            page.keyboard.press("Tab")
            html, style, width = page.evaluate(OUTLINE)
            if style in ("none", "auto") or width < 2:
                unseen.append(html)
        assert unseen == []


def test_targets_are_large_enough_in_french_too(page: Page) -> None:
    base, found = page.url.rsplit("/review/", 1)[0], {}
    page.context.add_cookies([{"name": "django_language", "value": "fr", "url": base.rsplit("/w/", 1)[0]}])
    for name in PAGES:
        page.goto(f"{base}/{name}")
        assert page.evaluate("document.documentElement.lang") == "fr"
        page.evaluate(Path(AXE_FILE_PATH).read_text())
        for width in (1440, 390):
            page.set_viewport_size({"width": width, "height": 900})
            if violations := page.evaluate(TARGETS):
                found[name, width] = violations
    assert found == {}


def test_the_menu_of_a_narrow_window_closes_by_escape_and_when_it_is_left(page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.set_viewport_size({"width": 390, "height": 844})
    menu, overview = page.get_by_role("button", name="Menu"), page.get_by_role("link", name="Overview", exact=True)
    for within in (overview, page.locator("#find")):
        menu.press("Enter")
        within.focus()
        page.keyboard.press("Escape")
        expect(overview).to_be_hidden()
        expect(menu).to_be_focused()

    menu.press("Enter")
    while page.evaluate("Boolean(document.activeElement.closest('.portal-bar'))"):
        page.keyboard.press("Tab")
    expect(overview).to_be_hidden()
    expect(menu).to_have_attribute("aria-expanded", "false")
    assert page.evaluate(HIDDEN) == ""


def test_what_a_form_did_is_announced_though_the_page_is_loaded_anew(page: Page) -> None:
    """A screen reader is silent about what stands in a page from its beginning."""
    page.get_by_text("Save this view").click()
    page.get_by_role("textbox", name="Name", exact=True).fill("Mine")
    page.keyboard.press("Enter")
    expect(page.locator("#messages")).to_contain_text("Mine")
    expect(page.locator("#live")).to_have_text(page.locator("#messages").inner_text().strip())


def test_on_a_narrow_window_the_focus_is_never_off_the_page_nor_behind_a_bar(page: Page) -> None:
    """Whoever enlarges the page to 200 or 400 % has such a window, and a keyboard."""
    base, unseen = page.url.rsplit("/review/", 1)[0], []
    page.emulate_media(reduced_motion="reduce")  # Nothing scrolls while it is looked at.
    phone, enlarged = (390, 844), (640, 450)
    for name, (width, height) in (("audit/", phone), ("policy/", phone), ("review/", phone), ("review/", enlarged)):
        page.set_viewport_size({"width": width, "height": height})
        page.goto(f"{base}/{name}")
        if name == "review/":
            page.locator("#bulk tbody input[type=checkbox]").first.check()
        for _ in range(STOPS * 2):
            page.keyboard.press("Tab")
            if hidden := page.evaluate(HIDDEN):
                unseen.append((name, width, hidden))
    assert unseen == []
