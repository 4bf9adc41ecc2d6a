"""The moments in which mail counts, each from the page to the mailbox: what is shown, what is mailed, to whom, when."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils.timezone import now
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts_review.models import Account, Case, Workspace
from accounts_review.rules.lifecycle import CaseState
from accounts_review.tasks import jobs
from accounts_review.workflow import workspaces
from accounts_review.workflow.review import decide
from tests.e2e.post import part
from tests.factories import put_in_force
from tests.stage import policy_text
from tests.web.kit import Desk, read, someone
from tests.workflow.notify.mail_server import Server

pytestmark = [pytest.mark.e2e, pytest.mark.slow(reason="browsers and a mail server, from a launch to the digest")]
NAMES = ("ana", "ben", "cy")
SIZES = ((1440, 900), (390, 844))


@pytest.fixture
def draft(post_office: Server, workspace: Workspace, person: Callable[[str], User], settings: Any) -> int:
    """Three people whose launch needs two; the mail server knows no cy."""
    settings.HUWISE = {"main": {"url": "http://127.0.0.1:9", "api_key": "unused-here", "key_owner": ""}}
    text = policy_text(notice=30, two_people=True)
    put_in_force(workspace, text, now=now())
    workspaces.set_mode(workspace=workspace, mode=Workspace.Mode.LIVE, actor=person("administrator"), now=now())
    accounts = read(workspace, *(someone(name) for name in NAMES))
    read(workspace, *(someone(f"active.{number}", idle=1) for number in range(20)))
    post_office.to_recipient = lambda address, taken: "550 5.1.1 no such mailbox" if address.startswith("cy@") else ""
    jobs.send_alerts_job()
    post_office.accepted.clear()
    return decide.approve(accounts=accounts, actor=person("reviewer"), reason="unused", now=now())[0].cleanup.number


@pytest.fixture
def at_desk(draft: int, browser: Browser, live_server: LiveServer, workspace: Workspace, person: Any) -> Iterator[Any]:
    """Opens a browser before somebody who has signed in."""
    opened: list[BrowserContext] = []

    def open_desk(role: str) -> Page:
        desk = Desk(person(role), workspace)
        context = browser.new_context(base_url=live_server.url)
        cookie = {"name": "sessionid", "value": desk.client.cookies["sessionid"].value, "url": live_server.url}
        context.add_cookies([cookie])  # type: ignore[list-item]
        opened.append(context)
        return context.new_page()

    yield open_desk
    for context in opened:
        context.close()
    connection.close()


def fits(page: Page) -> None:
    """Looks at the page as it is in both languages and widths, and leaves it in English."""
    for language in ("fr", "en"):
        page.context.add_cookies([{"name": "django_language", "value": language, "url": page.url}])
        page.reload()
        assert page.evaluate("document.documentElement.lang") == language
        for width, height in SIZES[::-1]:
            page.set_viewport_size({"width": width, "height": height})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (page.url, language, width)


def mailed(post_office: Server) -> dict[str, list[str]]:
    """To whom which e-mails went, by subject; then the box is empty."""
    found: dict[str, list[str]] = {}
    for mail in post_office.accepted:
        found.setdefault(str(mail["To"]).partition("@")[0], []).append(str(mail["Subject"]))
    return found


def links_in(mail: Any) -> list[str]:
    return re.findall(r'href="(http[^"]+)"', part(mail, "text/html"))


def test_from_the_launch_by_two_to_the_digest(
    at_desk: Callable[[str], Page], draft: int, workspace: Workspace, post_office: Server
) -> None:
    # The launch: whoever launches waits for a second person, who alone is asked.
    operator = at_desk("operator")
    operator.goto(f"/w/main/cleanups/{draft}/launch/")
    fits(operator)
    operator.locator("[name=count]").fill("3")
    operator.locator("[name=count]").press("Enter")
    expect(operator.get_by_text("Waiting for administrator to confirm.").first).to_be_visible()
    jobs.send_emails_job()
    jobs.send_alerts_job()
    told = mailed(post_office)
    assert set(told) == {"administrator"}, "nobody is warned before it is confirmed"
    asked = f"main: clean-up {draft} waits for your confirmation"
    assert asked in told["administrator"]
    [mail] = [each for each in post_office.accepted if each["Subject"] == asked]
    post_office.accepted.clear()

    # The second person follows the link: the same page, and one click with the number.
    second = at_desk("administrator")
    second.goto(next(link for link in links_in(mail) if "/launch/" in link))
    fits(second)
    expect(second.get_by_text("30 days").first).to_be_visible()
    second.locator("[name=count]").fill("3")
    second.locator("[name=count]").press("Enter")
    expect(second.get_by_text("The clean-up is confirmed and has started.").first).to_be_visible()

    # The wait: what leaves now, and when it is over.
    expect(second.get_by_text("Next e-mails by")).to_be_visible()
    jobs.send_emails_job()
    told = mailed(post_office)
    assert set(told) == {"ana", "ben"}
    assert [len(subjects) for subjects in told.values()] == [1, 1]
    post_office.accepted.clear()
    second.reload()
    expect(second.get_by_text("Last removals on")).to_be_visible()
    expect(second.get_by_text("Next e-mails by")).to_have_count(0)
    fits(second)

    # The digest: to who operates, in a sentence that leads to the case.
    jobs.send_digests_job()
    assert set(mailed(post_office)) == {"operator", "administrator"}
    digest = post_office.accepted[0]
    said = part(digest, "text/html")
    assert f"Clean-up {draft}: 1 notice could not be delivered" in said
    case = Case.objects.get(account__username="cy")
    operator.goto(next(link for link in links_in(digest) if f"/cases/{case.pk}/" in link))
    post_office.accepted.clear()

    # The outcome in words, the server's own folded below; after the address was corrected, again.
    folded = operator.get_by_text("550 5.1.1 no such mailbox").first
    expect(folded).to_be_hidden()
    expect(operator.get_by_role("button", name="Send the notice again")).to_be_visible()
    fits(operator)
    Account.objects.filter(username="cy").update(email="cyrille@ville.example")
    operator.get_by_role("button", name="Send the notice again").click()
    jobs.send_emails_job()
    assert set(mailed(post_office)) == {"cyrille"}
    case.refresh_from_db()
    assert (case.state, case.warned_to) == (CaseState.NOTICED, "cyrille@ville.example")
    post_office.accepted.clear()
    jobs.send_digests_job()
    assert not any("could not be delivered" in subject for told in mailed(post_office).values() for subject in told)

    # A looser policy: previewed without a reason, put in force with one, and the administrators are told at once.
    post_office.accepted.clear()
    second.goto("/w/main/policy/")
    second.get_by_role("button", name="TOML").click()
    second.locator("#id_text").fill(policy_text(notice=5, two_people=True))
    second.get_by_role("button", name="Preview the change").click()
    fits(second)
    second.locator("[name=loosens]").check()
    second.locator("[value=activate]").click()
    assert second.evaluate("document.activeElement.name") == "reason", "what is wrong takes the focus"
    expect(second.locator("[name=loosens]")).to_be_checked()
    second.locator("[name=reason]").fill("shorter notices")
    second.locator("[value=activate]").click()
    expect(second.get_by_text("shorter notices").first).to_be_visible()
    jobs.send_alerts_job()
    assert set(mailed(post_office)) == {"administrator"}
    assert "shorter notices" in part(post_office.accepted[0], "text/plain")
