"""A form that acts is sent once, however often its button is pressed; no other button is dead meanwhile."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.models import User
from playwright.sync_api import Route

from accounts_review.models import Workspace
from tests.web.browser_kit import IN_A_BROWSER
from tests.web.conftest import Browse
from tests.web.kit import Desk

pytestmark = IN_A_BROWSER
FORMS = """() => document.querySelector("main").insertAdjacentHTML("beforeend", `
  <form method="post" action="/acts/">
    <button name="act" value="one">One</button><button name="act" value="two">Two</button>
  </form>
  <form method="post" action="/acts/"><button name="act" value="three">Three</button></form>`)"""


def test_only_the_same_act_waits(browse: Browse, workspace: Workspace, person: Callable[[str], User]) -> None:
    page, sent = browse(Desk(person("administrator"), workspace), "syncs"), list[str]()

    def answer(route: Route) -> None:
        sent.append(route.request.post_data or "")
        route.fulfill(status=204)

    page.route("**/acts/", answer)
    page.evaluate(FORMS)
    for button in ("One", "One", "Two", "Three", "Two", "Three"):
        page.get_by_role("button", name=button, exact=True).click()
    page.wait_for_timeout(200)
    assert sent == ["act=one", "act=two", "act=three"]
