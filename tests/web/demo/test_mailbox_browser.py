"""What was mailed, in a real browser: its links lead where they would from a mailbox."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from django.contrib.auth.models import User
from playwright.sync_api import expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from accounts_review.models import Workspace
from cleanup_portal import demo_clock
from tests.web.browser_kit import IN_A_BROWSER
from tests.web.conftest import Browse
from tests.web.demo.test_demo_pages import mail
from tests.web.kit import Desk

pytestmark = IN_A_BROWSER


def test_a_link_in_an_email_opens_beside_the_mailbox(
    browse: Browse,
    live_server: LiveServer,
    tmp_path: Path,
    settings: Settings,
    workspace: Workspace,
    person: Callable[[str], User],
) -> None:
    demo_clock.mark(tmp_path)
    settings.IS_DEMO, settings.DATA_DIR, settings.PUBLIC_URL = True, tmp_path, live_server.url
    settings.ROOT_URLCONF = "tests.web.demo.urls"
    link = "http://127.0.0.1:8004/accessibility/"
    mail(
        tmp_path,
        "ana@example.org",
        html=f"<!doctype html><html><head></head><body><a href='{link}'>Go</a></body></html>",
    )

    page = browse(Desk(person("administrator"), workspace), "overview")
    page.goto(f"{live_server.url}/mailbox/")
    with page.expect_popup() as opened:
        page.frame_locator(".email-frame").get_by_role("link", name="Go").click()

    assert opened.value.url == f"{live_server.url}/accessibility/"
    expect(opened.value.get_by_role("heading", level=1)).to_be_visible()
    assert page.url == f"{live_server.url}/mailbox/"
