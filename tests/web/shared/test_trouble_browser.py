"""What the portal refuses or cannot do is said on the page one is on, and nothing ticked or written is lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from playwright.sync_api import Page, expect

from accounts_review.models import Case, Role, Workspace
from tests.web.browser_kit import IN_A_BROWSER
from tests.web.conftest import Browse
from tests.web.kit import Desk, read, someone

pytestmark = IN_A_BROWSER


@pytest.fixture
def page(browse: Browse, workspace: Workspace, person: Callable[[str], User]) -> Page:
    read(workspace, *(someone(f"n{number:02}") for number in range(5)))
    desk, refused = Desk(person("reviewer"), workspace), "status of 403|ERR_FAILED|status of 502|htmx:"
    return browse(desk, "review", wanted=refused)


def approve(page: Page) -> None:
    page.locator("#bulk input[name=account]").nth(1).check()
    page.locator("#bulk-reason").fill("left in 2021")
    page.get_by_role("button", name="Approve", exact=True).click()


def is_as_it_was(page: Page) -> None:
    expect(page.locator("#bulk input[name=account]").nth(1)).to_be_checked()
    expect(page.locator("#bulk-reason")).to_have_value("left in 2021")
    assert not Case.objects.exists()


def test_a_decision_that_does_not_arrive_is_told_and_can_be_sent_again(page: Page) -> None:
    page.context.clear_cookies(name="csrftoken")
    approve(page)
    expect(page.get_by_role("alert")).to_contain_text("This form has expired")
    is_as_it_was(page)
    page.route("**/decide/", lambda route: route.abort())
    approve(page)
    expect(page.get_by_role("alert")).to_contain_text("The portal cannot be reached")
    is_as_it_was(page)
    page.route("**/decide/", lambda route: route.fulfill(status=502, body="<html>Bad gateway"))
    approve(page)
    expect(page.get_by_role("alert")).to_contain_text("The portal cannot be reached")
    is_as_it_was(page)
    page.unroute("**/decide/")
    page.reload()
    approve(page)
    expect(page.locator("#messages")).to_contain_text("1 approved.")
    assert Case.objects.count() == 1


def test_whoever_may_no_longer_decide_reads_so(page: Page) -> None:
    Role.objects.filter(person__username="reviewer").update(name="auditor")
    approve(page)
    expect(page.get_by_role("alert")).to_contain_text("You do not have permission to do this")
    is_as_it_was(page)


def test_a_filter_that_gets_no_answer_says_so_until_one_does(page: Page) -> None:
    page.goto(page.url.replace("/review/", "/audit/"))
    page.route("**/audit/?*", lambda route: route.abort())
    page.locator("#id_q").fill("an")
    expect(page.get_by_role("alert")).to_contain_text("The portal cannot be reached")
    page.unroute("**/audit/?*")
    page.locator("#id_q").fill("ana")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_signed_out_a_filter_leads_to_the_sign_in_and_not_into_the_page(page: Page) -> None:
    page.goto(page.url.replace("/review/", "/audit/"))
    Session.objects.all().delete()
    page.locator("#id_q").fill("ana")
    page.wait_for_url("**/accounts/login/?next=*audit*")
    expect(page.get_by_role("main")).to_have_count(1)
