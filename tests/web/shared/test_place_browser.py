"""An act that loads its page anew leaves one where one was, and says what became of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.utils.timezone import now
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts_review.models import ConnectionCheck, Workspace
from accounts_review.workflow.review import decide
from tests.factories import put_in_force
from tests.stage import policy_text
from tests.web.browser_kit import IN_A_BROWSER
from tests.web.conftest import Browse
from tests.web.kit import Desk, read, someone

pytestmark = IN_A_BROWSER
LEAVES = "Take n{number:02} out of the draft"


@pytest.fixture
def draft(browse: Browse, live_server: LiveServer, workspace: Workspace, person: Callable[[str], User]) -> Page:
    """A draft of twenty accounts, open before an administrator."""
    put_in_force(workspace, policy_text(), now=now())
    read(workspace, *(someone(f"active.{number}", idle=1) for number in range(20)))
    accounts = read(workspace, *(someone(f"n{number:02}", idle=2000 - number) for number in range(20)))
    cleanup = decide.approve(accounts=accounts, actor=person("reviewer"), reason="", now=now())[0].cleanup
    page = browse(Desk(person("administrator"), workspace), "cleanups")
    page.set_viewport_size({"width": 1280, "height": 700})
    page.goto(f"{live_server.url}/w/main/cleanups/{cleanup.number}/")
    return page


def test_by_keyboard_the_focus_goes_on_to_the_next_row(draft: Page) -> None:
    draft.get_by_role("button", name=LEAVES.format(number=12)).press("Enter")

    expect(draft.get_by_role("button", name=LEAVES.format(number=12))).to_have_count(0)
    following = draft.get_by_role("button", name=LEAVES.format(number=13))
    expect(following).to_be_focused()
    expect(following).to_be_in_viewport()
    expect(draft.locator("#messages")).to_be_in_viewport()
    expect(draft.locator("#messages")).to_contain_text("1 account left the clean-up")


def test_by_mouse_the_page_stays_where_it_is(draft: Page) -> None:
    leaves = draft.get_by_role("button", name=LEAVES.format(number=12))
    leaves.scroll_into_view_if_needed()
    before = draft.evaluate("scrollY")
    assert before > 0
    leaves.click()

    expect(draft.locator("#messages")).to_contain_text("1 account left the clean-up")
    expect(draft.locator("#messages")).to_be_in_viewport()
    # The page is shorter by a row, and longer by the message.
    assert abs(draft.evaluate("scrollY") - before) < 100
    draft.goto(draft.url)
    expect(draft.locator("#messages")).to_be_empty()


def test_what_changed_meanwhile_has_the_focus_before_what_was_pressed(draft: Page) -> None:
    launch = draft.context.new_page()
    launch.goto(f"{draft.url}launch/")
    draft.get_by_role("button", name=LEAVES.format(number=12)).click()
    expect(draft.locator("#messages")).to_contain_text("1 account left the clean-up")

    typed = launch.get_by_label("To confirm, type the number of accounts")
    typed.fill("20")
    typed.press("Enter")
    expect(launch.get_by_role("alert").filter(has_text="Nothing was launched")).to_be_focused()


@pytest.fixture
def page(browse: Browse, workspace: Workspace, person: Callable[[str], User]) -> Page:
    return browse(Desk(person("administrator"), workspace), "audit")


def test_what_was_mistyped_keeps_the_focus(page: Page, live_server: LiveServer) -> None:
    page.goto(f"{live_server.url}/workspaces/")
    field = page.locator("form[action*=mode] input:not([type=hidden])")
    field.fill("mian")
    field.press("Enter")
    expect(page.locator("#messages")).to_contain_text("The name does not match; nothing was changed.")
    expect(field).to_be_focused()


def test_what_the_worker_has_done_is_announced_and_can_be_asked_again(
    page: Page, live_server: LiveServer, workspace: Workspace
) -> None:
    page.goto(f"{live_server.url}/workspaces/")
    again = page.get_by_role("button", name="Check now")
    again.press("Enter")
    expect(page.locator("#live")).to_have_text("The connection check starts in a moment.")
    expect(page.locator("#checking-main")).to_be_focused()

    ConnectionCheck.objects.create(workspace=workspace, at=now(), findings=[])
    expect(page.locator("#live")).to_contain_text("healthy Checked")
    expect(again).to_be_focused()


def test_the_search_suggests_to_whoever_asks_and_not_to_whoever_passes(page: Page) -> None:
    find, found = page.locator("#find"), page.locator("#found")
    find.focus()
    page.wait_for_timeout(500)
    expect(found).to_be_hidden()
    find.press("Tab")
    assert page.evaluate("Boolean(document.activeElement.closest('.bar-pages'))")

    asks: list[Callable[[], None]] = [lambda: find.press("ArrowDown"), find.click, lambda: page.keyboard.press("/")]
    for ask in asks:
        ask()
        expect(found).to_be_visible()
        page.keyboard.press("Escape")
        expect(found).to_be_hidden()
        page.evaluate("document.activeElement.blur()")
