"""Two reviewers in two browsers decide on overlapping people: nothing is lost, nothing is overwritten unseen."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import AS_LONG_AS_PEOPLE, Portal
from tests.e2e.test_journey import names_on_the_page

pytestmark = [pytest.mark.e2e, pytest.mark.slow(reason=AS_LONG_AS_PEOPLE)]

COUNT_AT_ONCE = """document.addEventListener("htmx:afterSwap", () => {
  window.tickedAtOnce = document.querySelectorAll("tbody input[name=account]:checked").length;
})"""
LIST = "/w/demo/review/?verdict=dormant&state=open&sort=-username"


@contextmanager
def at_the_list(browser: Browser, portal: Portal, login: str) -> Iterator[Page]:
    """The list before somebody with a browser of their own, who may be refused but sees no other error."""
    context = browser.new_context(base_url=portal.url, viewport={"width": 1440, "height": 900}, locale="en-GB")
    page, complaints = context.new_page(), list[str]()
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("/")
    page.get_by_label("Username").fill(login)
    page.get_by_label("Password").fill(portal.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/w/demo/")
    page.goto(LIST)
    yield page
    context.close()
    assert [said for said in complaints if "409" not in said] == []


@pytest.fixture
def page(browser: Browser, portal: Portal) -> Iterator[Page]:
    with at_the_list(browser, portal, portal.login) as page:
        yield page


@pytest.fixture
def rita(browser: Browser, portal: Portal) -> Iterator[Page]:
    with at_the_list(browser, portal, "rita") as page:
        yield page


def tick(page: Page, *names: str) -> None:
    for name in names:
        page.get_by_role("checkbox", name=f"Select {name}", exact=True).check()


def decide(page: Page, decision: str, *, reason: str = "") -> None:
    if reason:
        page.locator("#bulk-reason").fill(reason)
    page.locator(f"#bulk button[value={decision}]").click()


def ask_for_news(page: Page) -> None:
    """What the page does by itself every twenty seconds."""
    page.evaluate(
        "htmx.ajax('GET', document.getElementById('news').getAttribute('hx-get'), {target: '#news', swap: 'outerHTML'})"
    )


Entries = Callable[..., list[tuple[str, str, str]]]


@pytest.fixture
def entries(portal: Portal) -> Entries:
    """Tells who did what on people since the test began: others use the portal before, and may have met them."""

    def read() -> list[dict[str, Any]]:
        return [json.loads(line) for line in portal.manage("audit_export").splitlines()]

    before = len(read())

    def told(*names: str) -> list[tuple[str, str, str]]:
        return [(one["actor"], one["kind"], one["subject"]) for one in read()[before:] if one["subject"] in names]

    return told


@pytest.fixture
def people(page: Page, rita: Page) -> list[str]:
    """The list lies open before both; these are its first people."""
    found = names_on_the_page(page)[:6]
    assert found == names_on_the_page(rita)[:6]
    return found


def test_a_decision_over_another_unseen_is_refused_and_the_rest_goes_through(
    page: Page, rita: Page, people: list[str], portal: Portal, entries: Entries
) -> None:
    ana, bob, cyd, dan, *_ = people
    tick(page, ana, bob, cyd)
    tick(rita, cyd, dan)
    decide(rita, "approve", reason="left")
    expect(rita.locator("#messages")).to_contain_text("2 approved.")

    decide(page, "exempt", reason="on leave")

    # It is told about whom and why, and what was ticked and written is still there.
    expect(page.locator("#messages")).to_contain_text("Nothing was changed.")
    expect(page.locator("#messages")).to_contain_text(re.compile(rf"{re.escape(cyd)}: rita approved it on"))
    assert page.locator("#bulk-reason").input_value() == "on leave"
    assert page.locator("tbody input[name=account]:checked").count() == 3
    assert [kind for _, kind, _ in entries(ana, bob, cyd, dan)] == ["account.approved"] * 2

    # The list as it is now keeps the ticks that still can be.
    ask_for_news(page)
    expect(page.locator("#news")).to_contain_text("rita approved 2 accounts since you loaded the list.")
    expect(page.locator("tr", has_text=dan)).to_contain_text("Rita approved it on")
    page.evaluate(COUNT_AT_ONCE)
    page.locator("#news").get_by_role("link", name="Show the list as it is now").click()
    expect(page.locator("#results")).not_to_contain_text(cyd)
    assert page.evaluate("window.tickedAtOnce") == 2, "as soon as the rows are there, before the page has settled"
    decide(page, "exempt", reason="on leave")
    expect(page.locator("#messages")).to_contain_text("2 accounts exempt until")

    ask_for_news(rita)
    expect(rita.locator("#news")).to_contain_text("demo exempted 2 accounts since you loaded the list.")
    told = entries(ana, bob, cyd, dan)
    assert [(actor, kind) for actor, kind, _ in told] == [
        *[("rita", "account.approved")] * 2,
        *[("demo", "account.exempted")] * 2,
    ]
    assert ({name for *_, name in told[:2]}, {name for *_, name in told[2:]}) == ({cyd, dan}, {ana, bob})
    assert portal.manage("audit_verify").endswith("entries hold\n")


def test_both_press_at_once_and_one_decision_stands(
    page: Page, rita: Page, people: list[str], entries: Entries
) -> None:
    ana, bob, cyd, *_ = people
    for each in (page, rita):
        tick(each, ana, bob, cyd)
    press = "document.querySelector('#bulk button[value=snooze]').click()"
    for each in (page, rita):
        each.evaluate(f"setTimeout(() => {press}, 50)")
    for each in (page, rita):
        each.locator("#messages .notice").first.wait_for()

    outcomes = sorted(each.locator("#messages").inner_text().split("\n")[0].strip() for each in (page, rita))
    assert outcomes[0].startswith("3 accounts snoozed."), outcomes
    assert outcomes[1].startswith("Nothing was changed."), outcomes
    winners = {actor for actor, kind, _ in entries(ana, bob, cyd) if kind == "account.snoozed"}
    assert len(winners) == 1
    loser = rita if winners == {"demo"} else page
    expect(loser.locator("#messages")).to_contain_text(f"{winners.pop()} snoozed it on")


def test_each_sees_the_others_decision_without_loading_anew(page: Page, rita: Page, people: list[str]) -> None:
    tick(rita, people[0])
    decide(rita, "approve")
    expect(rita.locator("#messages")).to_contain_text("1 approved.")
    expect(page.locator("#news")).to_contain_text("rita approved 1 account since", timeout=30_000)
    expect(page.locator("tr", has_text=people[0])).to_contain_text("Rita approved it on")
