"""The audit's page in a real browser, on a phone: nothing that it says is wider than the screen."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urljoin

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page

from accounts_review.models import Workspace
from tests.web.browser_kit import CUT, IN_A_BROWSER
from tests.web.conftest import Browse
from tests.web.kit import Desk, read, someone

pytestmark = IN_A_BROWSER
PHONE = 390


@pytest.fixture
def page(browse: Browse, workspace: Workspace, person: Callable[[str], User]) -> Page:
    read(workspace, someone("ana"))
    return browse(Desk(person("administrator"), workspace), "audit")


def test_a_checkpoint_in_a_message_fits_on_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": PHONE, "height": 844})
    page.evaluate("document.getElementById('messages').innerHTML = `<div class='notice'>207:${'8'.repeat(64)}</div>`")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE


def test_on_a_phone_no_choice_is_cut(page: Page) -> None:
    page.set_viewport_size({"width": PHONE, "height": 844})
    for path in ("/w/main/audit/", "/w/main/review/", "/w/main/revoked/", "/people/"):
        page.goto(urljoin(page.url, path))
        assert page.evaluate(CUT) == [], path
