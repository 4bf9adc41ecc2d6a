"""The policy's editor in a real browser: lines have numbers, faults their marks, and a fault leads to its line."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import User
from django.db import connection
from playwright.sync_api import Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from accounts_review.models import Workspace
from accounts_review.policy import DEFAULT_TEXT
from tests.web.kit import Desk

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [pytest.mark.e2e, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")]


@pytest.fixture
def page(
    live_server: LiveServer,
    transactional_db: None,
    workspace: Workspace,
    person: Callable[[str], User],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Page]:
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    # The server's threads must not keep connections to a database that the run removes at its end.
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)
    desk = Desk(person("administrator"), workspace)
    cookie = {"name": "sessionid", "value": desk.client.cookies["sessionid"].value, "url": live_server.url}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        context = browser.new_context()
        context.add_cookies([cookie])  # type: ignore[list-item]
        page = context.new_page()
        page.goto(live_server.url + desk.url("policy"))
        yield page
        browser.close()
        # Django takes Playwright's loop for a context of its own, with a connection of its own.
        connection.close()


def test_a_fault_is_marked_and_leads_to_its_line(page: Page) -> None:
    line = DEFAULT_TEXT.splitlines().index("per_hour = 200") + 1
    page.locator("#id_text").fill(DEFAULT_TEXT.replace("per_hour", "per_huor"))
    page.locator("#id_reason").fill("a try")
    page.get_by_role("button", name="Preview the change").click()
    assert page.locator(".line-numbers .line-faulty").all_inner_texts() == [str(line)]
    page.get_by_role("link", name=f"Line {line}").click()
    chosen = "() => { const t = document.activeElement; return t.value.slice(t.selectionStart, t.selectionEnd) }"
    assert page.evaluate(chosen) == "per_huor = 200"
    aligned = "() => document.querySelector('.line-numbers').scrollTop === document.querySelector('#id_text').scrollTop"
    assert page.evaluate(aligned)
