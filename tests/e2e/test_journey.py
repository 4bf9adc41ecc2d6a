"""One story, driven as a person would: sign in, filter, approve, launch, watch it finish, read the audit."""

from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import AS_LONG_AS_PEOPLE, Portal

pytestmark = pytest.mark.e2e

POLICY = """title = "Without notice, for the journey"

[[segment]]
name = "everyone"
dormant_after_days = 730

[notice]
days = 0

[launch]
wait_hours = 0
"""


def sandbox_says(portal: Portal) -> dict[str, Any]:
    with urllib.request.urlopen(f"{portal.sandbox}/_sandbox/") as answer:
        content: dict[str, Any] = json.load(answer)
    return content


def approve(page: Page, names: list[str]) -> None:
    """Tick these rows of the page as it is, and approve them."""
    for name in names:
        page.get_by_role("checkbox", name=f"Select {name}", exact=True).check()
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("#messages")).to_contain_text(re.compile(rf"\b{len(names)}\b"))


def names_on_the_page(page: Page) -> list[str]:
    boxes = page.locator("tbody input[type=checkbox]")
    return [(box.get_attribute("aria-label") or "").removeprefix("Select ") for box in boxes.all()]


def clear_the_draft(page: Page, portal: Portal) -> None:
    """Whoever was approved before is on the way in a dry run, so that a test has a draft of its own."""
    portal.manage("set_mode", "dry-run", "--actor", "demo")
    page.goto("/w/demo/cleanups/")
    if page.locator("a[href$='/launch/']").count():
        portal.manage("launch_cleanup", "--actor", "demo")


def go_live(page: Page, portal: Portal, policy: Path) -> None:
    """Live, with an empty draft, and nobody is warned before."""
    clear_the_draft(page, portal)
    policy.write_text(f"{POLICY}# {policy}\n")
    portal.manage("load_policy", str(policy), "--actor", "demo", "--reason", "journey")
    portal.manage("set_mode", "live", "--actor", "demo")


def open_the_draft(page: Page) -> str:
    """The number of the draft, whose page is open then."""
    page.goto("/w/demo/cleanups/")
    number = (page.locator("a[href$='/launch/']").first.get_attribute("href") or "").split("/")[-3]
    page.goto(f"/w/demo/cleanups/{number}/")
    return number


def launch(page: Page, accounts: int) -> None:
    number = open_the_draft(page)
    page.goto(f"/w/demo/cleanups/{number}/launch/")
    page.get_by_label(re.compile("^To confirm")).fill(str(accounts))
    page.get_by_role("button", name=re.compile(rf"{accounts} accounts?$")).click()
    page.wait_for_url(f"**/cleanups/{number}/")


def test_a_dry_run_from_the_filter_to_the_report(page: Page, portal: Portal) -> None:
    clear_the_draft(page, portal)
    deletes_before = len(sandbox_says(portal)["deletes"])
    page.get_by_role("link", name="Review", exact=True).click()
    count = int(re.sub(r"\D", "", page.get_by_role("link", name=re.compile(r"dormant$")).first.inner_text()))
    page.get_by_label("Search", exact=True).fill("example.org")
    page.wait_for_url("**q=example.org**")
    page.wait_for_load_state("networkidle")
    expect(page.locator("#results")).to_contain_text("example.org")
    assert 0 < page.locator("tbody tr").count() <= count
    chosen = names_on_the_page(page)[:2]
    approve(page, chosen)

    open_the_draft(page)
    for name in chosen:
        expect(page.get_by_role("link", name=name, exact=True)).to_be_visible()
    launch(page, 2)
    expect(page.get_by_text("closed", exact=True).first).to_be_visible(timeout=60_000)
    expect(page.get_by_text("would be revoked").filter(visible=True).first).to_be_visible()
    assert len(sandbox_says(portal)["deletes"]) == deletes_before


@pytest.mark.slow(reason=AS_LONG_AS_PEOPLE)
def test_a_live_cleanup_removes_exactly_those_approved(page: Page, portal: Portal, tmp_path: Path) -> None:
    go_live(page, portal, tmp_path / "policy.toml")
    before = sandbox_says(portal)["deletes"]
    page.goto("/w/demo/review/?sort=username")
    chosen = names_on_the_page(page)[3:10]
    approve(page, chosen)
    launch(page, 7)
    expect(page.get_by_text("closed", exact=True).first).to_be_visible(timeout=90_000)
    removed = [delete["username"] for delete in sandbox_says(portal)["deletes"][len(before) :]]
    assert sorted(removed) == sorted(chosen)

    page.get_by_role("link", name="Audit", exact=True).click()
    page.get_by_label("Name, address or username").fill(chosen[0])
    page.get_by_label("Name, address or username").press("Enter")
    expect(page.get_by_text(chosen[0]).filter(visible=True).first).to_be_visible()
    page.get_by_role("button", name=re.compile("verify", re.IGNORECASE)).click()
    expect(page.locator("#messages")).to_contain_text("entries hold: nothing was changed, removed or inserted")
    assert portal.manage("audit_verify").endswith("entries hold\n")


@pytest.mark.slow(reason=AS_LONG_AS_PEOPLE)
def test_a_killed_worker_is_replaced_and_the_job_goes_on(page: Page, portal: Portal, tmp_path: Path) -> None:
    go_live(page, portal, tmp_path / "policy.toml")
    page.goto("/w/demo/review/?sort=username")
    chosen = names_on_the_page(page)[3:9]
    approve(page, chosen)
    order = [{"method": "DELETE", "path": "*", "kind": "latency", "seconds": 1, "times": 2}]
    request = urllib.request.Request(
        f"{portal.sandbox}/_sandbox/faults", json.dumps(order).encode(), {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request).close()
    before = len(sandbox_says(portal)["deletes"])
    launch(page, 6)
    page.wait_for_timeout(1200)
    portal.kill_worker()
    expect(page.get_by_text("closed", exact=True).first).to_be_visible(timeout=150_000)
    deletes = sandbox_says(portal)["deletes"][before:]
    assert sorted({delete["username"] for delete in deletes}) == sorted(chosen)
    assert len(deletes) == len(chosen)
