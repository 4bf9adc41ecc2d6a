"""The policy's editor in a real browser: lines have numbers, faults their marks, and a fault leads to its line."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from accounts_review.models import Workspace
from accounts_review.rules.policy import DEFAULT_TEXT
from tests.web.browser_kit import IN_A_BROWSER
from tests.web.conftest import Browse
from tests.web.kit import Desk

pytestmark = IN_A_BROWSER


@pytest.fixture
def page(browse: Browse, workspace: Workspace, person: Callable[[str], User]) -> Page:
    desk = Desk(person("administrator"), workspace)
    return browse(desk, "policy")


def test_a_fault_is_marked_and_leads_to_its_line(page: Page) -> None:
    line = DEFAULT_TEXT.splitlines().index("per_hour = 200") + 1
    page.get_by_role("button", name="TOML").click()
    page.locator("#id_text").fill(DEFAULT_TEXT.replace("per_hour", "per_huor"))
    page.locator("#id_reason").fill("a try")
    page.get_by_role("button", name="Preview the change").click()
    expect(page.locator(".line-numbers .line-faulty")).to_have_text([str(line)])
    page.get_by_role("link", name=f"Line {line}").click()
    chosen = "() => { const t = document.activeElement; return t.value.slice(t.selectionStart, t.selectionEnd) }"
    assert page.evaluate(chosen) == "per_huor = 200"
    aligned = "() => document.querySelector('.line-numbers').scrollTop === document.querySelector('#id_text').scrollTop"
    assert page.evaluate(aligned)


LATE_ANSWER = """() => addEventListener("submit", () => document.dispatchEvent(new CustomEvent("htmx:afterRequest",
  { detail: { successful: true, requestConfig: { verb: "post" } } })))"""
"""The form is checked as one types; here an answer on it comes when it is already on its way to the preview."""


def test_an_edit_that_went_to_its_preview_is_not_offered_again(page: Page) -> None:
    policy = page.url
    page.evaluate(LATE_ANSWER)
    page.locator("#id_notice__days").fill("14")
    page.get_by_role("button", name="Preview the change").click()
    expect(page.get_by_role("heading", name="What this change would do")).to_be_visible()
    page.goto(policy)
    expect(page.locator("#draft-offer")).to_be_hidden()


@pytest.mark.parametrize("field", ["#id_notice__days", "#id_segment-0-name", "#id_reason"])
def test_enter_in_a_field_asks_for_the_preview(page: Page, field: str) -> None:
    page.locator("#id_notice__days").fill("14")
    page.locator(field).press("Enter")
    expect(page.get_by_role("heading", name="What this change would do")).to_be_visible()
