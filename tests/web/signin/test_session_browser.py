"""An expired session in a real browser: warned before, kept by a click, and what was filled in is offered again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils.timezone import now
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts_review.models import Cleanup, Workspace
from accounts_review.workflow.launch import launch
from accounts_review.workflow.review import decide
from tests.web.browser_kit import IN_A_BROWSER
from tests.web.conftest import Browse
from tests.web.kit import Desk, read, someone

pytestmark = IN_A_BROWSER
PASSWORD = "correct horse battery"


@pytest.fixture
def cleanup(transactional_db: None, workspace: Workspace, person: Callable[[str], User]) -> Cleanup:
    """One that runs."""
    ana, *_others = read(workspace, someone("ana"), *(someone(f"active.{number}", idle=1) for number in range(9)))
    cases = decide.approve(accounts=[ana], actor=person("reviewer"), reason="unused", now=now())
    return launch.launch(cleanup=cases[0].cleanup, actor=person("operator"), now=now())


@pytest.fixture
def page(
    browse: Browse,
    live_server: LiveServer,
    cleanup: Cleanup,
    workspace: Workspace,
    person: Callable[[str], User],
) -> Page:
    operator = person("operator")
    operator.set_password(PASSWORD)
    operator.save()
    desk = Desk(operator, workspace)
    page = browse(desk, "cleanups")
    page.goto(f"{live_server.url}/w/main/cleanups/{cleanup.number}/")
    return page


def fill_in_a_pause(page: Page) -> None:
    page.get_by_text("Pause…").click()
    page.locator("#reason-pause").fill("The list was wrong")


def test_a_pause_after_the_end_comes_back_with_its_text_and_has_not_happened(page: Page, cleanup: Cleanup) -> None:
    fill_in_a_pause(page)
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Pause", exact=True).click()
    page.get_by_label("Username").fill("operator")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Nothing has been done yet.").first).to_be_visible()
    expect(page.get_by_text("The list was wrong").first).to_be_visible()
    assert Cleanup.objects.get(pk=cleanup.pk).state == "running"
    page.locator("main form button").click()
    expect(page.get_by_text("The clean-up is paused.").first).to_be_visible()
    assert Cleanup.objects.get(pk=cleanup.pk).state == "paused"


def test_what_was_filled_in_and_not_sent_is_offered_again_on_that_page_alone(page: Page) -> None:
    fill_in_a_pause(page)
    page.goto(page.url.replace("/cleanups/1/", "/review/"))
    expect(page.locator("#draft-offer")).to_be_hidden()
    page.go_back()
    page.get_by_role("button", name="Fill it in again").click()
    expect(page.locator("#reason-pause")).to_have_value("The list was wrong")
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.get_by_text("The clean-up is paused.").first).to_be_visible()
    page.reload()
    expect(page.locator("#draft-offer")).to_be_hidden()


def drafts(page: Page) -> list[str]:
    found: list[str] = page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('draft:')).sort()")
    return found


def test_signing_out_leaves_nothing_of_what_was_filled_in(page: Page, cleanup: Cleanup) -> None:
    page.evaluate("localStorage.setItem('draft:0:/there/', JSON.stringify({ at: Date.now(), kept: [] }))")
    fill_in_a_pause(page)
    page.reload()
    assert any("/cleanups/" in key for key in drafts(page))
    fill_in_a_pause(page)
    page.locator("form[action='/accounts/logout/']").evaluate("(form) => form.requestSubmit()")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert drafts(page) == ["draft:0:/there/"], "somebody else's is theirs to find"


def test_what_anybody_filled_in_is_dropped_after_a_day(page: Page, live_server: LiveServer) -> None:
    keep = "([key, at]) => localStorage.setItem(key, JSON.stringify({ at, kept: [] }))"
    ago = "(hours) => Date.now() - hours * 3600000"
    page.evaluate(keep, ["draft:0:/old/", page.evaluate(ago, 25)])
    page.evaluate(keep, ["draft:0:/new/", page.evaluate(ago, 23)])
    page.evaluate(keep, ["draft:0:/undated/", None])
    page.evaluate("localStorage.setItem('draft:0:/broken/', '{')")
    page.context.clear_cookies(name="sessionid")
    page.goto(f"{live_server.url}/accounts/login/")
    assert drafts(page) == ["draft:0:/new/"]


def test_five_minutes_before_the_end_it_says_so_and_a_click_keeps_it(page: Page, settings: Any) -> None:
    expect(page.locator("#session-end")).to_be_hidden()
    settings.SESSION_IDLE_SECONDS = 250
    page.reload()
    expect(page.get_by_text("You will be signed out within five minutes.")).to_be_visible()
    settings.SESSION_IDLE_SECONDS = 7200
    page.get_by_role("button", name="Stay signed in").click()
    expect(page.locator("#session-end")).to_be_hidden()
