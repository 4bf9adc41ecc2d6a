"""A reviewer whose browser runs no script finds, decides, launches and proves, by links and forms alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import AS_LONG_AS_PEOPLE, Portal

pytestmark = [pytest.mark.e2e, pytest.mark.slow(reason=AS_LONG_AS_PEOPLE)]


@pytest.fixture
def plain_page(browser: Browser, portal: Portal) -> Iterator[Page]:
    """A page of somebody who has signed in with a browser that runs no script."""
    context = browser.new_context(base_url=portal.url, java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    page.goto("/")
    page.get_by_label("Username").fill(portal.login)
    page.get_by_label("Password").fill(portal.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/w/demo/")
    yield page
    context.close()


def total(page: Page) -> int:
    """How many accounts match, by the tab that is open."""
    return int(re.sub(r"\D", "", page.locator(".verdicts a[aria-current] .numeric").inner_text()))


def test_filters_narrow_and_chips_widen_again(plain_page: Page) -> None:
    page = plain_page
    page.get_by_role("link", name="Review", exact=True).click()
    everyone = total(page)
    page.get_by_label("Search", exact=True).fill("ville.example")
    page.get_by_label("Search", exact=True).press("Enter")
    assert 0 < total(page) < everyone
    page.locator("a", has_text="ville.example").first.click()
    assert total(page) == everyone


def test_on_a_phone_the_menu_covers_nothing(plain_page: Page) -> None:
    """Without a script it stays open, nine lines high."""
    page = plain_page
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/w/demo/review/")
    page.locator("#bulk tbody input[type=checkbox]").first.check()
    page.get_by_role("button", name="Snooze").first.click()
    expect(page.locator("#messages")).to_contain_text("snoozed")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#messages")).to_contain_text("Undone")


def test_all_that_match_are_approved_and_the_dry_run_is_launched(plain_page: Page, portal: Portal) -> None:
    page = plain_page
    portal.manage("set_mode", "dry-run", "--actor", portal.login)
    page.goto("/w/demo/review/?verdict=dormant&q=ville.example&per_page=25")
    page.get_by_role("link", name=re.compile("Select all")).click()
    page.get_by_label(re.compile("Reason")).first.fill("without a script")
    page.get_by_role("button", name="Approve").first.click()
    expect(page.locator("#messages")).to_contain_text("approved")

    page.get_by_role("link", name="Clean-ups", exact=True).click()
    page.locator("a[href$='/launch/']").first.click()
    field = page.get_by_label(re.compile("^To confirm"))
    field.fill("1000000")
    field.press("Enter")
    count = re.sub(r"\D", "", page.get_by_role("button", name=re.compile("Start the dry run")).inner_text())
    page.get_by_label(re.compile("^To confirm")).fill(count)
    page.get_by_role("button", name=re.compile("Start the dry run")).click()
    expect(page.locator("h1")).to_contain_text("Clean-up")


def test_an_exemption_is_made_and_ended_on_the_account_page(plain_page: Page) -> None:
    page = plain_page
    page.goto("/w/demo/review/?verdict=dormant")
    page.locator("tbody a[href*='/accounts/']").first.click()
    page.get_by_label(re.compile("Reason")).first.fill("on leave")
    page.get_by_role("button", name="Exempt").first.click()
    expect(page.locator("main")).to_contain_text("exempt")
    page.get_by_label(re.compile("Reason")).first.fill("back again")
    page.get_by_role("button", name=re.compile("Withdraw|End")).first.click()
    expect(page.locator("main")).to_contain_text("exemption ended early: back again", ignore_case=True)


def test_the_record_is_proven(plain_page: Page) -> None:
    page = plain_page
    page.get_by_role("link", name="Audit", exact=True).click()
    page.get_by_role("button", name="Verify the audit").click()
    expect(page.locator("#messages")).to_contain_text("entries hold")
