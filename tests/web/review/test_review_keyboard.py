"""Deciding from the keyboard in a real browser: the place is kept, whatever is decided."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.utils.timezone import now
from playwright.sync_api import Page, Route, expect

from accounts_review.models import Account, Case, Exemption, Workspace
from accounts_review.workflow.review import decide
from tests.web.browser_kit import IN_A_BROWSER
from tests.web.conftest import Browse
from tests.web.kit import Desk, read, someone

pytestmark = IN_A_BROWSER
PEOPLE = 123


@pytest.fixture
def page(browse: Browse, workspace: Workspace, person: Callable[[str], User]) -> Page:
    """The review page, open before a reviewer, wide enough for a day's work."""
    read(workspace, *(someone(f"n{number:03}", idle=2000 - number) for number in range(PEOPLE)))
    desk = Desk(person("reviewer"), workspace)
    page = browse(desk, "review")
    page.set_viewport_size({"width": 1440, "height": 900})
    return page


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def focused(page: Page) -> str:
    """The name in the row that is the active element."""
    found: str = page.evaluate(
        "document.activeElement.matches('#bulk tbody tr')"
        " ? document.activeElement.querySelector('.account-link').textContent : document.activeElement.tagName"
    )
    return found


def scroll(page: Page) -> float:
    found: float = page.evaluate("window.scrollY")
    return found


def gone(page: Page, name: str) -> None:
    expect(page.get_by_role("link", name=name, exact=True)).to_have_count(0)


def whole_rows(page: Page) -> int:
    """How many rows can be seen from top to bottom."""
    found: int = page.evaluate(
        "[...document.querySelectorAll('#bulk tbody tr')].filter((row) => {"
        " const box = row.getBoundingClientRect(); return box.top >= 0 && box.bottom <= innerHeight }).length"
    )
    return found


def test_many_people_are_in_sight(page: Page) -> None:
    assert whole_rows(page) >= 14
    page.set_viewport_size({"width": 390, "height": 844})
    page.reload()
    assert whole_rows(page) >= 6


def test_the_third_approved_leaves_the_focus_on_the_fourth(page: Page) -> None:
    before = scroll(page)
    press(page, "j", "j", "j", "a")
    gone(page, "n002")

    assert focused(page) == "n003"
    assert abs(scroll(page) - before) <= 2
    assert Case.objects.get().account.username == "n002"
    assert Case.objects.get().reason


def test_far_down_the_list_it_does_not_move(page: Page) -> None:
    press(page, *["j"] * 40)
    before = scroll(page)
    assert before > 0
    press(page, "a", "a", "a")
    for name in ("n039", "n040", "n041"):
        gone(page, name)

    assert focused(page) == "n042"
    assert abs(scroll(page) - before) <= 2
    expect(page.locator("#bulk tbody tr")).to_have_count(50)


def test_selected_rows_are_approved_together(page: Page) -> None:
    press(page, "j", "x", "j", "j", "x", "a")
    gone(page, "n000")
    gone(page, "n002")

    assert focused(page) == "n003"
    expect(page.locator(".action-bar")).not_to_be_visible()


def test_undo_brings_the_row_back_into_focus(page: Page) -> None:
    press(page, "j", "j", "a")
    gone(page, "n001")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("link", name="n001", exact=True)).to_have_count(1)

    assert focused(page) == "n001"
    assert page.locator("#bulk tbody tr").nth(1).locator(".account-link").inner_text() == "n001"
    assert not Case.objects.open().exists()


def test_selecting_everyone_keeps_the_focus_and_is_announced(page: Page) -> None:
    page.locator("#pick-all").press("Enter")
    expect(page.locator(".action-bar")).to_be_visible()

    expect(page.get_by_role("link", name="Select one by one instead")).to_be_focused()
    expect(page.locator("#live")).to_contain_text(f"All {PEOPLE} accounts that match are selected.")


def test_a_decision_is_undone_from_the_keyboard_however_far_down_the_list(page: Page) -> None:
    press(page, *["j"] * 40, "a")
    gone(page, "n039")
    press(page, "u")
    expect(page.get_by_role("link", name="n039", exact=True)).to_have_count(1)

    assert focused(page) == "n039"
    assert not Case.objects.open().exists()


def answers_take(page: Page, seconds: float) -> None:
    """Have each decision take so long from now on."""

    def later(route: Route) -> None:
        time.sleep(seconds)
        route.continue_()

    page.route("**/review/decide/", later)


def open_cases() -> set[str]:
    return set(Case.objects.open().values_list("account__username", flat=True))


def test_undone_is_the_decision_taken_last_also_while_it_is_on_its_way(page: Page) -> None:
    press(page, "j", "a")
    gone(page, "n000")
    answers_take(page, 1)
    press(page, "a", "u")
    expect(page.get_by_role("link", name="n001", exact=True)).to_have_count(0)
    expect(page.get_by_role("link", name="n001", exact=True)).to_have_count(1)

    assert open_cases() == {"n000"}


def test_an_undo_does_not_take_the_focus_from_who_has_gone_on_to_search(page: Page) -> None:
    press(page, "j", "a")
    gone(page, "n000")
    answers_take(page, 1)
    press(page, "u", "/")
    expect(page.get_by_role("link", name="n000", exact=True)).to_have_count(1)

    assert page.evaluate("document.activeElement.id") == "id_q"


def test_a_refused_decision_leaves_the_row_with_the_reason(
    page: Page, workspace: Workspace, person: Callable[[str], User]
) -> None:
    account = Account.objects.get(workspace=workspace, username="n001")
    decide.snooze(accounts=[account], actor=person("administrator"), reason="", now=now())
    press(page, "j", "j", "a")
    row = page.locator("#bulk tbody tr").nth(1)
    expect(row.locator(".refused-note")).to_contain_text("administrator")

    assert focused(page) == "n002"
    assert not Case.objects.exists()


def test_an_exemption_is_given_in_a_popover(page: Page) -> None:
    press(page, "j", "e")
    expect(page.locator("#popover")).to_be_visible()
    page.keyboard.type("On parental leave")
    page.get_by_role("button", name="3 months").click()
    page.locator("#popover").get_by_role("button", name="Exempt").click()
    gone(page, "n000")

    assert focused(page) == "n001"
    assert Exemption.objects.get().reason == "On parental leave"


def test_escape_from_the_popover_comes_back_to_the_row(page: Page) -> None:
    press(page, "j", "j", "e", "Escape")
    assert focused(page) == "n001"


def test_the_last_row_of_a_list_hands_over_to_the_one_above_and_at_last_to_nobody(page: Page) -> None:
    page.goto(page.url.split("?")[0] + "?verdict=dormant&state=open&q=n12")
    press(page, "k", "a")
    gone(page, "n122")
    assert focused(page) == "n121"
    for _ in range(2):
        page.keyboard.press("a")
    expect(page.locator("#empty")).to_be_visible()
    assert focused(page) != "BODY"


def test_back_from_a_person_comes_to_the_same_row_and_scroll(page: Page) -> None:
    page.locator("#page-2").click()
    expect(page.get_by_role("link", name="n050", exact=True)).to_be_visible()
    assert focused(page) == "n050"
    press(page, *["j"] * 35)
    before, who = scroll(page), focused(page)
    page.evaluate("location.href = document.activeElement.querySelector('.account-link').href")
    page.locator("h1", has_text=who).wait_for()
    page.go_back()
    page.locator("#bulk tbody tr").first.wait_for()
    page.wait_for_function("document.activeElement.matches('#bulk tbody tr')")

    assert "page=2" in page.url
    assert focused(page) == who
    assert abs(scroll(page) - before) <= 2
    page.go_back()
    page.wait_for_function("document.activeElement.matches('#bulk tbody tr') || scrollY >= 0")
    assert "page=2" not in page.url
