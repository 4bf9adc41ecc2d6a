"""What is left to do after a clean-up, in a real browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.utils.timezone import now
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts_review.models import Case, Cleanup, Workspace
from accounts_review.workflow.review import decide
from tests.factories import put_in_force
from tests.stage import policy_text
from tests.web.browser_kit import IN_A_BROWSER
from tests.web.conftest import Browse
from tests.web.kit import Desk, read, someone

pytestmark = IN_A_BROWSER


@pytest.fixture
def page(browse: Browse, live_server: LiveServer, workspace: Workspace, person: Callable[[str], User]) -> Page:
    """The report of a dry run that would have revoked ana, open before an operator."""
    put_in_force(workspace, policy_text(), now=now())
    accounts = read(workspace, someone("ana"), someone("active", idle=1))
    cleanup = decide.approve(accounts=accounts[:1], actor=person("reviewer"), reason="", now=now())[0].cleanup
    ended = {"launched_at": now(), "launched_by": "olga", "closed_at": now(), "policy": workspace.current_policy}
    Cleanup.objects.filter(pk=cleanup.pk).update(state="closed", dry_run=True, **ended)
    Case.objects.update(state="would_revoke")
    page = browse(Desk(person("operator"), workspace), "cleanups")
    page.goto(f"{live_server.url}/w/main/cleanups/{cleanup.number}/")
    return page


@pytest.mark.parametrize("width", [1280, 390])
def test_what_was_forgotten_is_shown_and_focused_beside_its_button(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 600})
    page.get_by_role("button", name="Put into the next draft").click()

    said = page.locator("#step-again").get_by_role("alert")
    expect(said).to_have_text("Select at least one account first.")
    expect(said).to_be_focused()
    expect(said).to_be_in_viewport()
    expect(page.get_by_role("button", name="Put into the next draft")).to_be_in_viewport()


def test_whom_a_dry_run_leaves_is_listed_as_links_without_the_bars_of_the_overview(page: Page) -> None:
    page.locator("#step-again summary").click()

    name = page.locator("#step-again").get_by_role("link", name="ana")
    expect(name).to_have_css("border-top-width", "0px")
    expect(name).to_have_css("text-decoration-line", "underline")


def test_on_upright_paper_a_case_has_all_of_the_width(page: Page) -> None:
    """Safari prints upright whatever the page says."""
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 718, "height": 1000})
    for column in ("who", "cell-approval"):
        assert page.locator(f"td.{column}").first.evaluate("(cell) => cell.offsetWidth") > 600
