"""The review page in a real browser: htmx, the keyboard and the strict policy, which the test client cannot see."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from accounts_review.models import Case, Workspace
from tests.axe import violations
from tests.web.browser_kit import IN_A_BROWSER
from tests.web.conftest import Browse
from tests.web.kit import Desk, invited, read, someone

pytestmark = IN_A_BROWSER
KEPT = """(wanted) => new Promise((resolve) => {
  const isKept = () => Object.keys(localStorage).some((key) => key.startsWith("draft:"));
  const look = () => (isKept() === wanted ? resolve() : setTimeout(look, 20));
  look();
})"""
"""Waits until something is kept with the browser, or nothing is."""


@pytest.fixture
def page(browse: Browse, workspace: Workspace, person: Callable[[str], User]) -> Page:
    """The review page, open before a reviewer."""
    read(workspace, *(someone(f"n{number:02}") for number in range(30)), someone("boss", permissions=["edit_domain"]))
    desk = Desk(person("reviewer"), workspace)
    return browse(desk, "review")


def test_a_reviewer_works_through_the_list(page: Page) -> None:
    for key in ("j", "x", "j", "x"):
        page.keyboard.press(key)
    assert page.locator(".action-count").inner_text().split() == ["2", "selected"]
    page.keyboard.press("a")
    page.locator("#messages", has_text="2 approved.").wait_for()
    expect(page.locator("#messages")).to_contain_text("2 in the draft. Review and launch")
    expect(page.locator("#draft")).to_have_text("Draft · 2")
    assert page.locator(".verdict-tab-dormant .numeric").inner_text() == "28"
    assert page.evaluate("document.activeElement.id").startswith("row-")

    page.get_by_role("button", name="Undo").click()
    page.get_by_text("Undone: 2 accounts are open again.").first.wait_for()

    assert not Case.objects.open().exists()


def test_a_decision_can_be_withdrawn_only_where_one_was_taken(page: Page) -> None:
    withdraw, boxes = page.get_by_role("button", name="Withdraw decision"), page.locator("input[name=account]")
    boxes.nth(0).check()
    expect(page.get_by_role("button", name="Snooze")).to_be_visible()
    expect(withdraw).to_be_hidden()
    page.get_by_role("button", name="Snooze").click()
    page.locator("#messages", has_text="Undo").wait_for()

    page.goto(f"{page.url.partition('?')[0]}?verdict=all&state=later")
    boxes.nth(0).check()
    expect(withdraw).to_be_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_a_view_is_saved_by_a_button_that_is_wholly_there(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    page.get_by_text("Save this view").click()
    form = page.locator(".view-save form").bounding_box()
    assert form
    assert form["x"] >= 0
    assert form["x"] + form["width"] <= width
    page.get_by_label("Name").fill("mine")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("The view “mine” is saved.").first.wait_for()


@pytest.mark.parametrize("width", [1280, 390])
def test_what_was_done_lies_above_the_buttons_of_the_next_decision(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    boxes = page.locator("input[name=account]")
    boxes.first.check()
    page.get_by_role("button", name="Approve").click()
    page.locator("#messages", has_text="1 approved.").wait_for()
    boxes.first.check()

    said, bar = page.locator("#messages .notice").bounding_box(), page.locator(".action-bar").bounding_box()
    assert said
    assert bar
    assert said["y"] + said["height"] <= bar["y"]


def test_on_a_phone_a_row_says_whole_that_somebody_never_came(page: Page, workspace: Workspace) -> None:
    read(workspace, invited("never", days=1270))
    page.set_viewport_size({"width": 390, "height": 844})
    page.reload()
    cell = page.locator("#bulk tr", has_text="never").locator(".cell-idle")
    expect(cell).to_contain_text("months invited")
    assert cell.evaluate("(cell) => cell.scrollWidth <= cell.clientWidth")


def test_searching_keeps_the_focus_and_the_address(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("n0", delay=20)
    page.locator("#live", has_text="10 accounts match.").wait_for(state="attached")

    assert page.evaluate("document.activeElement.id") == "id_q"
    assert "q=n0" in page.url
    page.reload()
    assert page.locator("#id_q").input_value() == "n0"


def test_a_list_that_changed_is_refused_with_the_ticks_in_place(page: Page, workspace: Workspace) -> None:
    page.locator("#per-page").select_option("25")
    page.locator("#pick-all").click()
    page.get_by_text("All 30 accounts that match are selected.").first.wait_for()
    read(workspace, someone("late"))

    page.get_by_role("button", name="Approve").click()

    page.get_by_text("31 accounts match now, not 30.").first.wait_for()
    assert not Case.objects.exists()


def test_what_the_page_does_by_itself(page: Page) -> None:
    page.locator("#pick-page").check()
    page.locator("#bulk").get_by_role("button", name="Exempt").click()
    assert page.evaluate("document.activeElement.id") == "bulk-reason"

    page.locator("#pick-page").focus()
    page.keyboard.press("?")
    page.get_by_label("Use these shortcuts").uncheck()
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("j")
    assert not page.evaluate("document.activeElement.id").startswith("row-")

    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_card_opens_beside_the_list_and_follows_the_keyboard(page: Page) -> None:
    page.locator("a[data-card]").first.click()
    page.locator("#card-title", has_text="n00").wait_for()
    assert page.evaluate("document.activeElement.id") == "card-title"
    assert "card=" in page.url

    page.keyboard.press("j")
    page.locator("#card-title", has_text="n01").wait_for()
    page.reload()
    page.locator("#card-title", has_text="n01").wait_for()

    page.locator("#card").get_by_role("button", name="Approve").click()
    page.locator("#card-title", has_text="n02").wait_for()
    expect(page.locator(".verdict-tab-dormant .numeric")).to_have_text("29")

    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id").startswith("row-")
    assert "card=" not in page.url
    assert not page.locator("#card").is_visible()


def test_escape_closes_the_form_that_saves_a_view(page: Page) -> None:
    page.get_by_text("Save this view").click()
    page.locator(".view-save input[name=name]").fill("mine")
    page.keyboard.press("Escape")
    expect(page.locator(".view-save input[name=name]")).to_be_hidden()
    assert page.evaluate("document.activeElement.textContent") == "Save this view"


def test_names_can_be_read_beside_the_card_with_every_column_chosen(page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(page.url.split("?")[0] + "?verdict=dormant&columns=email.activity.dormant_from.segment.rights.state")
    page.locator("a[data-card]").first.click()
    page.locator("#card-title").wait_for()
    assert page.locator("td.cell-account").first.evaluate("(cell) => cell.clientWidth") >= 180


def test_the_card_is_sound_wide_and_narrow(page: Page) -> None:
    page.locator("a[data-card]").first.click()
    page.locator("#card-title").wait_for()
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_enter_in_the_reason_decides_nothing(page: Page) -> None:
    page.locator("tbody input[name=account]").first.check()
    page.locator("#bulk-reason").fill("seasonal staff, back in spring")
    page.keyboard.press("Enter")
    page.locator("a[data-card]").first.click()
    page.locator("#card-title").wait_for()
    page.locator("#card input[name=reason]").fill("away till spring")
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    assert not Case.objects.exists()


def test_ticks_and_reason_stay_through_pages_and_orders(page: Page) -> None:
    page.locator("#per-page").select_option("25")
    page.locator("#page-2").wait_for()
    for box in page.locator("tbody input[name=account]").all()[:2]:
        box.check()
    page.locator("#bulk-reason").fill("left in 2023")
    page.locator("#page-2").click()
    page.locator(".action-count", has_text="0 + 2").wait_for()
    page.locator("tbody input[name=account]").first.check()
    assert page.locator("#bulk-reason").input_value() == "left in 2023"
    with page.expect_response("**sort=-dormant_from**"):
        page.locator("#sort").select_option("-dormant_from")
    page.locator("tbody tr").nth(9).wait_for()
    page.locator(".action-count", has_text="1 + 2").wait_for()
    page.locator("#bulk").get_by_role("button", name="Approve").click()
    page.locator("#messages", has_text="3 approved.").wait_for()
    assert set(Case.objects.values_list("reason", flat=True)) == {"left in 2023"}
    expect(page.locator(".action-bar")).not_to_be_visible()


@pytest.mark.parametrize("by", ["button", "key", "card"])
def test_what_was_sent_is_not_offered_again(page: Page, by: str) -> None:
    if by == "card":
        page.locator("a[data-card]").first.click()
        page.locator("#card-title").wait_for()
        page.locator("#card input[name=reason]").fill("left in 2023")
    else:
        page.locator("tbody input[name=account]").first.check()
        page.locator("#bulk-reason").fill("left in 2023")
    page.evaluate(KEPT, True)
    if by == "key":
        page.locator("tbody tr").first.focus()
        page.keyboard.press("a")
    else:
        page.locator("#card" if by == "card" else "#bulk").get_by_role("button", name="Approve").click()
    page.locator("#messages", has_text="1 approved.").wait_for()

    page.evaluate(KEPT, False)
    page.reload()
    expect(page.locator("#draft-offer")).to_be_hidden()


def test_what_was_sent_with_everybody_is_not_written_again(page: Page) -> None:
    page.locator("#bulk-reason").evaluate("(field) => { field.value = 'left in 2023'; }")
    with page.expect_response("**sort=-dormant_from**"):
        page.locator("#sort").select_option("-dormant_from")
    expect(page.locator("#bulk-reason")).to_have_value("left in 2023")
    page.locator("#pick-page").check()
    page.locator("#bulk").get_by_role("button", name="Approve").click()
    page.locator("#messages", has_text="30 approved.").wait_for()
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("Undone: 30 accounts are open again.").first.wait_for()

    expect(page.locator("#bulk-reason")).to_have_value("")


def test_the_keys_mean_the_card_where_one_is_open(page: Page) -> None:
    page.locator("tbody input[name=account]").nth(4).check()
    page.locator("a[data-card]").first.click()
    page.locator("#card-title").wait_for()
    page.keyboard.press("a")
    page.locator("#messages", has_text="1 approved.").wait_for()
    assert [case.account.username for case in Case.objects.select_related("account")] == ["n00"]


def test_columns_and_height_are_chosen_in_place_and_kept(page: Page) -> None:
    page.locator("tbody input[name=account]").first.check()
    page.get_by_text("Columns and row height").locator("xpath=ancestor::summary").click()
    page.get_by_role("checkbox", name="E-mail").check()
    page.get_by_role("checkbox", name="Segment").uncheck()
    page.get_by_label("Two lines a person").check()
    page.get_by_role("button", name="Apply").click()

    heads = page.locator("#bulk thead th")
    expect(heads).to_have_text(["Choose", "Account", "E-mail", "Idle for", "Rights and groups", "State"])
    expect(page.locator("tbody input[name=account]").first).to_be_checked()
    page.reload()
    expect(heads).to_have_count(6)
    heights = page.evaluate("[...document.querySelectorAll('#bulk tbody tr')].map(row => row.offsetHeight)")
    assert set(heights) == {60}
    page.evaluate(KEPT, True)  # the tick; that columns were chosen is nothing to be sent
    assert "columns" not in page.evaluate("JSON.stringify({...localStorage})")


def test_there_is_no_reason_to_give_where_nothing_was_decided(page: Page) -> None:
    page.keyboard.press("j")
    page.keyboard.press("w")
    expect(page.get_by_role("alert")).to_have_text("There is nothing to withdraw.")
    expect(page.locator("#popover")).to_be_hidden()


def test_a_refused_row_says_why_and_not_its_own_name_again(page: Page) -> None:
    page.goto(f"{page.url.partition('?')[0]}?verdict=protected&state=")
    page.keyboard.press("j")
    page.keyboard.press("a")
    expect(page.locator("#messages")).to_contain_text("boss: it is protected")
    expect(page.locator(".refused-note")).to_contain_text("it is protected")
    expect(page.locator(".refused-note")).not_to_contain_text("boss")


@pytest.mark.parametrize("width", [1280, 390])
def test_the_list_stays_where_it_is_when_the_bar_asks_for_something(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    page.locator("tbody input[name=account]").first.check()
    exempt = page.locator(".action-bar button[value=exempt]").bounding_box()
    assert exempt
    # A click as the hand makes it: Playwright's own scrolls to its target first.
    page.mouse.click(exempt["x"] + 8, exempt["y"] + 8)
    expect(page.locator("#bulk-reason")).to_be_focused()
    page.keyboard.press("Tab")
    page.wait_for_timeout(300)
    assert page.evaluate("scrollY") == 0
