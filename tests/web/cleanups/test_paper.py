"""The report on paper: a cover, every column, no tick boxes, and at each foot who printed it, when, and the proof."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.utils.timezone import now
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts_review.models import Case, Cleanup, Workspace
from accounts_review.web.cleanups.paper import _quoted
from accounts_review.workflow.launch import launch
from accounts_review.workflow.review import decide
from tests.factories import put_in_force
from tests.stage import policy_text
from tests.web.browser_kit import CHROMIUM, browsing
from tests.web.kit import Desk, read, someone, text_of

MANY = 300
A4_LANDSCAPE = 1032
"""Pixels of the printed width, without the margins."""


@pytest.fixture
def cleanup(workspace: Workspace, person: Callable[[str], User]) -> Cleanup:
    """One with three hundred people, each approved, warned, answered or refused in some way."""
    text = policy_text(share=0.5)
    put_in_force(workspace, text, now=now())
    people = read(workspace, *(someone(f"idle.{number:03}.with.a.rather.long.name") for number in range(MANY)))
    read(workspace, *(someone(f"active.{number}", idle=1) for number in range(MANY + 10)))
    cases = decide.approve(accounts=people, actor=person("reviewer"), reason="unused for years", now=now())
    cleanup = launch.launch(cleanup=cases[0].cleanup, actor=person("operator"), now=now())
    Case.objects.update(state="would_revoke", moved_at=now(), promised_at=now())
    Cleanup.objects.update(state="closed", closed_at=now())
    cleanup.refresh_from_db()
    return cleanup


def test_the_foot_names_who_when_and_the_checkpoint(
    cleanup: Cleanup, workspace: Workspace, person: Callable[[str], User]
) -> None:
    answer = Desk(person("auditor"), workspace).client.get(f"/w/main/cleanups/{cleanup.number}/paper.css")
    assert answer["Content-Type"].startswith("text/css")
    sheet = text_of(answer)
    assert r'counter(page) "\a0/\a0" counter(pages)' in sheet, "on one line, however long the foot is"
    for said in ("A4 landscape", "main · clean-up 1", "by auditor", "audit checkpoint", "counter(page)"):
        assert said in sheet


def test_no_name_breaks_out_of_the_style_sheet() -> None:
    assert _quoted('x"; } body { display: none') == "x\\000022 \\00003b  \\00007d  body \\00007b  display: none"


@pytest.mark.e2e
@pytest.mark.slow(reason="three hundred cases, printed by a browser")
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_every_column_is_on_the_page_and_no_tick_box(
    transactional_db: None,
    live_server: LiveServer,
    cleanup: Cleanup,
    workspace: Workspace,
    person: Callable[[str], User],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = Case.objects.order_by("account__username").first()
    assert first is not None
    Case.objects.filter(pk=first.pk).update(outcome={"status": 204, "trace_id": "t-1"})
    desk = Desk(person("operator"), workspace)
    with browsing(desk, "cleanups", live_server=live_server, monkeypatch=monkeypatch) as page:
        show(page, f"{live_server.url}/w/main/cleanups/{cleanup.number}/")
        expect(page.get_by_text("Report on clean-up 1")).to_be_visible()
        expect(page.get_by_text("nobody; the policy asked for no second person")).to_be_visible()
        expect(page.locator("#cases").get_by_text("HTTP 204")).to_be_visible()
        expect(page.locator("#cases").get_by_text("Server response", exact=True)).to_be_hidden()
        for control in ("all audit entries", "all cases on one page"):
            expect(page.get_by_text(control)).to_be_hidden()
        assert page.evaluate("document.documentElement.scrollWidth") <= A4_LANDSCAPE
        heads = page.locator("#cases thead th")
        assert heads.count() >= 5
        for place in range(heads.count()):
            box = heads.nth(place).bounding_box()
            assert box is not None
            assert box["x"] + box["width"] <= A4_LANDSCAPE
        for box_or_button in page.locator("main input[type=checkbox], main button").all():
            expect(box_or_button).to_be_hidden()
        page.emulate_media(media="null")
        for address in ("", "print/"):
            page.goto(f"{live_server.url}/w/main/cleanups/{cleanup.number}/{address}")
            assert MANY // 30 <= pages_of(page.pdf(prefer_css_page_size=True)) <= MANY // 10, address
        page.goto(f"{live_server.url}/w/main/cleanups/{cleanup.number}/?sort=-account")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        shown = page.locator("#cases").inner_text()
        assert [number for number in range(MANY) if f"idle.{number:03}.with" not in shown] == []
        assert shown.index("idle.299") < shown.index("idle.000"), "in the order of the page"
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.locator("#cases tbody tr").count() == 25


def pages_of(printed: bytes) -> int:
    """How many pages a PDF has."""
    return printed.count(b"/Type /Page\n") + printed.count(b"/Type /Page ")


def show(page: Page, url: str) -> None:
    page.set_viewport_size({"width": A4_LANDSCAPE, "height": 700})
    page.goto(url)
    page.emulate_media(media="print")
