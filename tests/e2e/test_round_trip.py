"""A reviewer shares the list: exports it, fills it in, brings it back, and sees it done."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from urllib.parse import quote

import openpyxl
import pytest
from playwright.sync_api import Page

from tests.axe import violations
from tests.e2e.conftest import AS_LONG_AS_PEOPLE

pytestmark = [pytest.mark.e2e, pytest.mark.slow(reason=AS_LONG_AS_PEOPLE)]


def fill_in(path: Path) -> list[str]:
    """Approve two accounts, exempt a third and misspell a fourth; returns their usernames."""
    book = openpyxl.load_workbook(path)
    assert book.active is not None
    names, *rows = book.active.iter_rows()
    places = {str(cell.value): number for number, cell in enumerate(names)}
    decisions = ("approve", "approve", "exempt", "aprove")
    for row, decision in zip(rows, decisions, strict=False):
        row[places["decision"]].value = decision
        row[places["decision_reason"]].value = "seen with the head of the department"
    rows[2][places["decision_until"]].value = f"{date.today() + timedelta(days=90)}"  # noqa: DTZ011 (a day some months ahead, anywhere)
    book.save(path)
    return [str(row[places["username"]].value) for row in rows[:4]]


def test_a_list_goes_out_and_comes_back(page: Page, tmp_path: Path) -> None:
    page.goto("/w/demo/review/?verdict=dormant&state=open&sort=-dormant_from")
    shown = page.locator("tbody a[href*='/accounts/']").first.inner_text()
    with page.expect_download() as download:
        page.get_by_label("Export these accounts as XLSX").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    names = fill_in(path)
    assert names[0] == shown

    page.get_by_role("link", name="Import decisions").click()
    page.get_by_label("Spreadsheet with decisions").set_input_files(path)
    page.get_by_role("button", name="Show what it would do").click()

    page.get_by_role("heading", name="3 decisions to apply").wait_for()
    first = page.locator("#rows tbody tr").first
    assert "unknown decision “aprove”; write approve, exempt or withdraw" in first.inner_text()
    assert names[3] in first.inner_text()
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("navigation", name="Rows to show").get_by_role("link", name="to exempt").click()
    page.locator("#rows tbody tr").get_by_text("to exempt").wait_for()

    page.get_by_label("Skip the 1 row that cannot be applied").check()
    page.get_by_role("button", name="Apply 3 decisions").click()

    page.get_by_text(": 2 approved, 1 exempted. 1 row was skipped.").first.wait_for()
    page.goto(f"/w/demo/review/?verdict=all&state=draft&q={quote(names[0])}")
    assert page.locator("tbody a[href*='/accounts/']").first.inner_text() == names[0]
    page.goto("/w/demo/audit/?kind=decisions.imported")
    assert "2 approved, 1 exempted" in page.locator("#entries tbody tr").first.inner_text()
