"""The launch of a large draft in a real browser: short, quick to pass through, and its confirmation always in sight."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.utils.timezone import now
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts_review.models import Cleanup, Workspace
from accounts_review.workflow import workspaces
from accounts_review.workflow.review import decide
from tests.axe import violations
from tests.factories import put_in_force
from tests.stage import policy_text
from tests.web.browser_kit import IN_A_BROWSER
from tests.web.conftest import Browse
from tests.web.kit import Desk, read, someone

pytestmark = IN_A_BROWSER
GROUPS, PEOPLE = 300, 60


@pytest.fixture
def draft(transactional_db: None, workspace: Workspace, person: Callable[[str], User], settings: object) -> Cleanup:
    """A live draft of sixty people, each the last of five groups, whose warnings take several days."""
    text = policy_text(notice=30, avoid=["weekends", "holidays FR"])
    put_in_force(workspace, text, now=now())
    administrator = person("administrator")
    workspaces.set_mode(workspace=workspace, mode=Workspace.Mode.LIVE, actor=administrator, now=now())
    uids = [f"team-{number:03}" for number in range(GROUPS)]
    people = [
        someone(f"idle.{number:02}", groups=[{"uid": uid} for uid in uids[number::PEOPLE]]) for number in range(PEOPLE)
    ]
    accounts = read(workspace, *people, groups={uid: [] for uid in uids})
    read(workspace, *(someone(f"active.{number}", idle=1) for number in range(PEOPLE * 3)))
    return decide.approve(accounts=accounts, actor=person("reviewer"), reason="unused", now=now())[0].cleanup


@pytest.fixture
def page(
    browse: Browse,
    live_server: LiveServer,
    draft: Cleanup,
    workspace: Workspace,
    person: Callable[[str], User],
    settings: object,
) -> Page:
    settings.NOTICES_PER_HOUR, settings.NOTICE_HOURS = 5, (9, 13)  # type: ignore[attr-defined]
    desk = Desk(person("operator"), workspace)
    page = browse(desk, "review")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{live_server.url}/w/main/cleanups/{draft.number}/launch/")
    return page


def stops_before(page: Page, name: str) -> int:
    """How often Tab is pressed from the top of the page until the focus is on the field."""
    page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    for count in range(1, 600):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == name:
            return count
    raise AssertionError(f"the focus never comes to {name}")


def test_three_hundred_groups_are_two_screens_and_forty_stops(page: Page) -> None:
    expect(page.get_by_text("300 groups would have no members.", exact=True)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollHeight") <= 2 * 900
    assert stops_before(page, "count") <= 40
    for width, height in ((1440, 900), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate("window.scrollTo(0, 0)")
        expect(page.get_by_role("button", name="Launch with 60 accounts")).to_be_in_viewport()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("document.querySelector('.calendar').scrollWidth") <= width
        if shots := os.environ.get("SHOTS"):
            page.screenshot(path=f"{shots}/launch-{width}.png", full_page=True)
            page.emulate_media(color_scheme="dark")
            page.screenshot(path=f"{shots}/launch-{width}-dark.png")
            page.emulate_media(color_scheme="light")
        # At the end of the page nothing lies under the panel.
        page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
        assert violations(page) == []


def test_what_was_counted_is_unfolded_on_demand(page: Page) -> None:
    expect(page.get_by_role("link", name="idle.59")).to_have_count(0)
    page.get_by_text("and 297 more").click()
    expect(page.get_by_text("Title of team-299:")).to_be_visible()
    expect(page.get_by_role("button", name="Launch with 60 accounts")).to_be_in_viewport()
