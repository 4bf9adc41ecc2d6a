"""A page of the portal in a real browser, without a demo around it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection
from playwright.sync_api import Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from tests.web.kit import Desk

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
IN_A_BROWSER = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here"),
    pytest.mark.slow(reason="each starts a browser of its own"),
]
expect.set_options(timeout=30_000)  # No test may need speed.
CUT = """() => [...document.querySelectorAll("select")].filter((select) => {
  const style = getComputedStyle(select), pen = document.createElement("canvas").getContext("2d");
  pen.font = style.font;
  const room = select.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  return room > 0 && [...select.options].some((option) => pen.measureText(option.text).width > room + 1);
}).map((select) => select.name)"""
"""The names of the selects on a page that would cut one of their own options, if that were chosen."""
REPORT = "document.addEventListener('securitypolicyviolation', (e) => console.error('CSP', e.violatedDirective))"


@contextmanager
def browsing(
    desk: Desk, at: str, *, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch, wanted: str = "409"
) -> Iterator[Page]:
    """A page, open before the person at the desk; whatever the browser complains of, but what is wanted, fails."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    # The server's threads must not keep connections to a database that the run removes at its end.
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)
    cookie = {"name": "sessionid", "value": desk.client.cookies["sessionid"].value, "url": live_server.url}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        context = browser.new_context()
        context.add_cookies([cookie])  # type: ignore[list-item]
        page, complaints = context.new_page(), list[str]()
        page.add_init_script(REPORT)
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(live_server.url + desk.url(at))
        yield page
        browser.close()
        # Django takes Playwright's loop for a context of its own, with a connection of its own.
        connection.close()
    assert [said for said in complaints if not re.search(wanted, said)] == []
