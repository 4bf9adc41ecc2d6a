"""From the warning to the end, as the warned person meets it: real mails, a real browser, no script and no cookie."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils.timezone import now
from playwright.sync_api import Browser, Page, expect

from accounts_review.models import Account, Case, Workspace
from accounts_review.tasks import actions
from accounts_review.workflow import workspaces
from accounts_review.workflow.launch import launch
from accounts_review.workflow.notify import emails
from accounts_review.workflow.notify.send import send_closings
from accounts_review.workflow.review import decide
from tests.axe import violations
from tests.e2e.post import link_of, mail_to
from tests.factories import put_in_force
from tests.stage import policy_text
from tests.web.kit import read, someone
from tests.workflow.notify.mail_server import Server

pytestmark = [pytest.mark.e2e, pytest.mark.slow(reason="a browser and a mail server, through whole lives of a case")]
NAMES = ("ana", "ben", "cy", "dan")


@pytest.fixture
def warned(post_office: Server, workspace: Workspace, person: Callable[[str], User]) -> Workspace:
    """Four people of a live clean-up, warned by e-mail."""
    text = policy_text(notice=30)
    put_in_force(workspace, text, now=now())
    workspaces.set_mode(workspace=workspace, mode=Workspace.Mode.LIVE, actor=person("administrator"), now=now())
    accounts = read(workspace, *(someone(name) for name in NAMES))
    read(workspace, *(someone(f"active.{number}", idle=1) for number in range(20)))
    cases = decide.approve(accounts=accounts, actor=person("reviewer"), reason="unused", now=now())
    launch.launch(cleanup=cases[0].cleanup, actor=person("operator"), now=now())
    assert actions.warn(workspace).sent == len(NAMES)
    return workspace


def tell(workspace: Workspace) -> None:
    assert send_closings(workspace=workspace, now=now()).error == ""


@pytest.fixture
def plain(browser: Browser) -> Iterator[Page]:
    """A browser that runs no script and keeps no cookie."""
    context = browser.new_context(java_script_enabled=False, viewport={"width": 720, "height": 450})
    yield context.new_page()
    assert context.cookies() == []
    context.close()
    connection.close()


def test_keep_and_leave_by_keyboard_without_scripts_and_what_is_mailed(
    plain: Page, warned: Workspace, post_office: Server, person: Callable[[str], User]
) -> None:
    plain.goto(link_of(post_office, "ana"))
    expect(plain.get_by_role("heading", name="Do you still need your access?")).to_be_visible()
    expect(plain.get_by_role("button", name="Remove my access now")).to_be_hidden()
    plain.get_by_label("Why you need it (optional)").press("Tab")
    plain.keyboard.press("Enter")
    expect(plain.get_by_role("heading", name="You keep your access")).to_be_visible()
    plain.goto(link_of(post_office, "ana"))
    expect(plain.get_by_text("you asked to keep the access")).to_be_visible()

    plain.goto(link_of(post_office, "ben"))
    plain.get_by_text("I do not need it any more").press("Enter")
    plain.get_by_label("Yes, remove my access now").check()
    plain.get_by_role("button", name="Remove my access now").press("Enter")
    expect(plain.get_by_text("We will remove your access shortly and e-mail you when it is done.")).to_be_visible()

    before = len(post_office.accepted)
    cleanup = Case.objects.first().cleanup  # type: ignore[union-attr]
    launch.cancel(cleanup=cleanup, actor=person("operator"), reason="wrong list", now=now())
    tell(warned)
    told = {str(mail["To"]).partition("@")[0]: mail for mail in post_office.accepted[before:]}
    assert set(told) == {"ben", "cy", "dan"}
    assert "has not been removed" in str(told["ben"]["Subject"])
    assert "You keep your access to" in str(told["cy"]["Subject"])
    plain.goto(link_of(post_office, "ana"))
    expect(plain.get_by_role("heading", name="You keep your access")).to_be_visible()


def test_what_is_missing_is_in_sight_however_far_down_it_is(
    plain: Page, warned: Workspace, post_office: Server
) -> None:
    plain.set_viewport_size({"width": 390, "height": 500})
    plain.goto(link_of(post_office, "ana"))
    plain.get_by_role("button", name="Keep it until I am back").click()
    expect(plain.get_by_label("I am away until")).to_be_focused()
    expect(plain.get_by_text("Choose a date from tomorrow to one year ahead.")).to_be_in_viewport()

    plain.get_by_text("I do not need it any more").click()
    plain.get_by_role("button", name="Remove my access now").click()
    expect(plain.get_by_label("Yes, remove my access now")).to_be_focused()
    expect(plain.get_by_text("Tick the box to confirm; this cannot be undone.")).to_be_in_viewport()


def test_whoever_was_removed_reads_when_and_whom_to_ask(
    plain: Page, warned: Workspace, post_office: Server, settings: Any
) -> None:
    link = link_of(post_office, "cy")
    Case.objects.filter(account__username="cy").update(state="revoked", moved_at=now())
    Account.objects.filter(username="cy").update(gone_at=now())
    answer = plain.goto(link)
    assert answer is not None
    assert answer.status == 200
    expect(plain.get_by_text("To get it back, write to")).to_be_visible()
    tell(warned)
    assert "has been removed" in str(mail_to(post_office, "cy")["Subject"])


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_page_is_accessible_in_both_languages_and_widths(
    browser: Browser, warned: Workspace, post_office: Server, language: str
) -> None:
    Workspace.objects.update(language=language)
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    for state, answered in (("noticed", None), ("due", "leave"), ("spared", "keep"), ("revoked", None)):
        given = {"kind": answered, "at": now().isoformat()} if answered else None
        Case.objects.filter(account__username="dan").update(state=state, answer=given, moved_at=now())
        for width, height in ((1440, 900), (390, 844)):
            page.set_viewport_size({"width": width, "height": height})
            page.goto(link_of(post_office, "dan"))
            assert page.evaluate("document.documentElement.lang") == language
            assert violations(page) == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            if shots := os.environ.get("SHOTS"):
                page.screenshot(path=f"{shots}/answer-{state}-{language}-{width}.png", full_page=True)
    context.close()
    connection.close()


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_mail_fits_a_phone_and_a_desk(
    browser: Browser, warned: Workspace, post_office: Server, language: str, person: Callable[[str], User]
) -> None:
    Workspace.objects.update(language=language)
    warned.refresh_from_db()
    context = browser.new_context()
    page = context.new_page()
    for kind in emails.KINDS:
        mail = emails.sample(warned, kind, to="camille@example.org", now=now())
        for width in (360, 600):
            page.set_viewport_size({"width": width, "height": 800})
            page.set_content(str(mail.alternatives[0][0]))
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.evaluate("document.documentElement.lang") == language
            if shots := os.environ.get("SHOTS"):
                page.screenshot(path=f"{shots}/mail-{kind}-{language}-{width}.png", full_page=True)
    context.close()
    connection.close()
