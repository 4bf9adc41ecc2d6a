"""What the tests of pages share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

import pytest
from pytest_django.live_server_helper import LiveServer

from tests.web.kit import Desk

if TYPE_CHECKING:
    from playwright.sync_api import Page


class Browse(Protocol):
    """Opens a page of a workspace in a real browser; what the browser may complain of is ``wanted``."""

    def __call__(self, desk: Desk, at: str, *, wanted: str = "409") -> Page: ...


@pytest.fixture
def browse(live_server: LiveServer, transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Browse]:
    # Most tests here need no browser.
    from tests.web.browser_kit import browsing

    with ExitStack() as opened:

        def opening(desk: Desk, at: str, *, wanted: str = "409") -> Page:
            page = browsing(desk, at, live_server=live_server, monkeypatch=monkeypatch, wanted=wanted)
            return opened.enter_context(page)

        yield opening
