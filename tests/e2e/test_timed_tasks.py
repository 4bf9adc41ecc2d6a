"""How many clicks, keys and filled fields everyday tasks take, from the overview."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import AS_LONG_AS_PEOPLE, Portal
from tests.e2e.hand import Hand
from tests.e2e.test_journey import names_on_the_page

pytestmark = [pytest.mark.e2e, pytest.mark.slow(reason=AS_LONG_AS_PEOPLE)]

NEVER_ACTIVATED = "/w/demo/review/?verdict=dormant&idle=365&state=open&never_used=on"


@pytest.fixture
def hand(page: Page) -> Hand:
    """What the person on the page does from here on; the page shows the overview."""
    assert page.url.endswith("/w/demo/")
    return Hand()


def number_in(text: str) -> int:
    return int(re.sub(r"\D", "", text))


def test_the_hand_counts_what_is_done(page: Page, hand: Hand) -> None:
    with hand:
        page.get_by_label("Search people, clean-ups, pages").fill("x")
        page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert hand.actions == 2


def test_all_never_activated_invitations_older_than_a_year_are_approved_in_three(page: Page, hand: Hand) -> None:
    with hand:
        page.get_by_role("link", name="Invited over a year ago, never signed in").click()
        page.wait_for_url("**never_used=on**")
        all_of_them = page.get_by_role("link", name=re.compile("Select all .* that match"))
        chooser = all_of_them if all_of_them.count() else page.get_by_label(re.compile("on this page"))
        chooser.click()
        expect(page.locator(".action-count")).not_to_contain_text(re.compile(r"^\s*0"))
        count = number_in(page.locator(".action-count").inner_text())
        page.locator("#bulk").get_by_role("button", name="Approve").click()
        expect(page.locator("#messages")).to_contain_text(re.compile(r"\d+ approved"))
    assert count > 0
    assert number_in(page.locator("#messages p").first.inner_text().split(" approved")[0]) == count
    assert hand.actions <= 3, hand.done
    page.goto(NEVER_ACTIVATED)
    expect(page.get_by_text("No account matches")).to_be_visible()


def test_why_one_named_person_is_listed_is_found_in_two(page: Page, hand: Hand, portal: Portal) -> None:
    page.goto("/w/demo/review/?page=2")
    name = names_on_the_page(page)[0]
    page.goto("/w/demo/")
    with hand:
        page.get_by_label("Search people, clean-ups, pages").fill(name)
        page.keyboard.press("Enter")
        found = page.locator("main .found li").filter(has_text=name).first
        expect(found).to_contain_text(
            re.compile(
                r"(last seen|signed in|invited) .* (days|months?|years?) ago.*; limit \d+ (days|months?|years?)", re.I
            )
        )
    assert hand.actions <= 2, hand.done


def test_three_people_are_exempted_until_june_with_one_reason_in_six(page: Page, hand: Hand) -> None:
    page.goto("/w/demo/review/")
    names = names_on_the_page(page)[3:6]
    page.goto("/w/demo/")
    with hand:
        page.get_by_role("link", name="Review", exact=True).click()
        for name in names:
            page.get_by_role("checkbox", name=f"Select {name}", exact=True).check()
        page.locator("#bulk-reason").fill("On parental leave")
        page.locator("#bulk").get_by_role("button", name="until 1 Jun").click()
        expect(page.locator("#messages")).to_contain_text(re.compile(r"3 accounts exempt until 1 Jun \d{4}\."))
    assert hand.actions <= 6, hand.done
    page.goto("/w/demo/review/?verdict=all&state=exempt")
    for name in names:
        expect(page.get_by_role("link", name=name, exact=True)).to_be_visible()


def test_who_was_revoked_last_month_and_who_decided_is_found_in_two(page: Page, hand: Hand) -> None:
    page.goto("/w/demo/cleanups/1/?state=revoked")
    name = page.locator("tbody a[href*='/accounts/']").first.inner_text()
    page.goto("/w/demo/")
    with hand:
        page.keyboard.press("/")
        page.keyboard.insert_text(name)
        found = page.locator("#found li").filter(has_text=name).first
        expect(found).to_contain_text("revoked")
        expect(found).to_contain_text("approved by rita on")
        expect(found.get_by_text("Invite back")).to_be_visible()
    assert hand.actions <= 2, hand.done


def test_a_limit_is_changed_by_form_and_whom_it_moves_is_seen_in_four(page: Page, hand: Hand) -> None:
    with hand:
        page.get_by_role("link", name="Policy", exact=True).click()
        page.get_by_label("Dormant after (days)").filter(visible=True).last.fill("400")
        expect(page.locator("#policy-check")).to_contain_text("Looser than the policy in force")
        page.get_by_role("button", name="Preview the change").click()
        expect(page.get_by_text(re.compile(r"accounts? would change (its|their) verdict"))).to_be_visible(
            timeout=60_000
        )
    assert hand.actions <= 4, hand.done


def test_a_word_is_added_to_the_notice_and_a_test_is_sent_in_four(page: Page, hand: Hand) -> None:
    with hand:
        page.get_by_role("link", name="Policy", exact=True).click()
        page.get_by_role("link", name="E-mails", exact=True).click()
        text = page.locator("#email-notice-body")
        text.fill(f"{text.input_value()}\n\nYour open data team")
        page.locator("#notice").get_by_role("button", name="Save and send me a test").click()
        expect(page.locator("#messages")).to_contain_text("Sent to demo@portal.example.")
    assert hand.actions <= 4, hand.done
    expect(page.locator("#notice pre")).to_contain_text("Your open data team")
