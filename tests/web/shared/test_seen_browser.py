"""What people filled in, and what others changed meanwhile, in a real browser; and what is folded, on paper."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.models import User
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from accounts_review.models import Workspace
from tests.factories import make_group
from tests.web.browser_kit import IN_A_BROWSER
from tests.web.conftest import Browse
from tests.web.kit import Desk, read, someone

pytestmark = IN_A_BROWSER


def test_a_draft_that_is_taken_up_again_does_not_hide_what_somebody_else_saved(
    browse: Browse, workspace: Workspace, person: Callable[[str], User]
) -> None:
    page = browse(Desk(person("administrator"), workspace), "settings")
    page.get_by_label("Name shown to people").fill("City")
    page.wait_for_timeout(500)
    Workspace.objects.update(title="Town")
    page.reload()
    page.get_by_role("button", name="Fill it in again").click()
    expect(page.get_by_label("Name shown to people")).to_have_value("City")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Somebody else changed this meanwhile: “Town”. Nothing was saved.").first).to_be_visible()
    assert Workspace.objects.get().title == "Town"
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.").first).to_be_visible()
    assert Workspace.objects.get().title == "City"


def test_a_draft_of_one_email_is_taken_up_in_that_email_alone(
    browse: Browse, workspace: Workspace, person: Callable[[str], User]
) -> None:
    page = browse(Desk(person("administrator"), workspace), "emails")
    before = page.locator("#email-reminder-subject").input_value()
    page.locator("#email-notice-subject").fill("Ours")
    page.wait_for_timeout(500)
    page.reload()
    page.get_by_role("button", name="Fill it in again").click()
    expect(page.locator("#email-notice-subject")).to_have_value("Ours")
    expect(page.locator("#email-reminder-subject")).to_have_value(before)


def test_groups_that_are_folded_are_on_paper(
    browse: Browse, workspace: Workspace, person: Callable[[str], User], live_server: LiveServer
) -> None:
    groups = [f"group{number:02}" for number in range(25)]
    for uid in groups:
        make_group(workspace, uid, permissions=["edit_page"])
    [ana] = read(workspace, someone("ana", groups=[{"uid": uid} for uid in groups]))
    page = browse(Desk(person("auditor"), workspace), "overview")
    page.goto(f"{live_server.url}/w/main/accounts/{ana.pk}/")
    last = page.locator("dd > details li", has_text="group24")
    expect(last).to_be_hidden()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(last).to_be_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(last).to_be_hidden()
