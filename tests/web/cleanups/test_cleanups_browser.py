"""What is left to do after a clean-up, in a real browser."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.models import User
from django.utils.timezone import now
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from accounts_review.models import Case, Cleanup, Workspace
from accounts_review.workflow.review import decide
from tests.factories import put_in_force
from tests.stage import policy_text
from tests.web.browser_kit import IN_A_BROWSER
from tests.web.conftest import Browse
from tests.web.kit import Desk, read, someone

pytestmark = IN_A_BROWSER


def test_whom_a_dry_run_leaves_is_listed_as_links_without_the_bars_of_the_overview(
    browse: Browse, live_server: LiveServer, workspace: Workspace, person: Callable[[str], User]
) -> None:
    put_in_force(workspace, policy_text(), now=now())
    accounts = read(workspace, someone("ana"), someone("active", idle=1))
    cleanup = decide.approve(accounts=accounts[:1], actor=person("reviewer"), reason="", now=now())[0].cleanup
    ended = {"launched_at": now(), "launched_by": "olga", "closed_at": now(), "policy": workspace.current_policy}
    Cleanup.objects.filter(pk=cleanup.pk).update(state="closed", dry_run=True, **ended)
    Case.objects.update(state="would_revoke")

    page = browse(Desk(person("operator"), workspace), "cleanups")
    page.goto(f"{live_server.url}/w/main/cleanups/{cleanup.number}/")
    page.locator("#step-again summary").click()

    name = page.locator("#step-again").get_by_role("link", name="ana")
    expect(name).to_have_css("border-top-width", "0px")
    expect(name).to_have_css("text-decoration-line", "underline")
