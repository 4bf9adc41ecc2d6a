"""The report of a clean-up, and the audit, as spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import openpyxl
import pytest
from django.contrib.auth.models import User
from django.test import Client

from accounts_review.models import AuditEntry, Cleanup, Workspace
from accounts_review.spreadsheet.audit_rows import AUDIT_COLUMNS
from tests.web.records_kit import Site, text


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person).sign_in("auditor")


@pytest.fixture
def cleanup(site: Site) -> Cleanup:
    return site.launched("ana.idle", "=omar")


def rows(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))


@pytest.mark.parametrize(("zone", "day"), [("", "10 Mar 2026"), ("Pacific/Honolulu", "9 Mar 2026")])
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_file_names_the_days_that_the_screen_names_and_the_promised_one_everywhere_the_same(
    site: Site, cleanup: Cleanup, zone: str, day: str, kind: str
) -> None:
    at = datetime(2026, 3, 10, 5, 30, tzinfo=UTC)
    site.put("ana.idle", "noticed", noticed_at=at, promised_at=at)
    site.client.cookies["portal_time_zone"] = zone
    clause = f"warned on {day}; access is kept at least until 10 Mar 2026"
    assert clause in text(site.get("cleanup", number=cleanup.number))
    answer = site.get("cleanup_export", {"sort": "account", "format": kind}, number=cleanup.number)
    if kind == "csv":
        found = [row["outcome"] for row in rows(answer)]
    else:
        sheet = openpyxl.load_workbook(io.BytesIO(answer.getvalue())).active
        found = [str(cell.value) for row in sheet.iter_rows() for cell in row]
    assert clause in found


def test_every_case_is_a_row_with_what_became_of_it(site: Site, cleanup: Cleanup) -> None:
    site.put("ana.idle", "spared", outcome={"why": [{"code": "exempt"}]})
    answer = site.get("cleanup_export", {"sort": "account"}, number=cleanup.number)
    found = rows(answer)
    assert [row["username"] for row in found] == ["'=omar", "ana.idle"]
    assert (found[1]["state"], found[1]["outcome"]) == ("spared", "is exempt")
    assert (found[1]["approved_by"], found[1]["reason"]) == ("reviewer", "not in the staff list")
    assert f"main-cleanup-{cleanup.number}-" in answer["Content-Disposition"]


def test_it_holds_what_the_page_shows_and_is_recorded(site: Site, cleanup: Cleanup) -> None:
    answer = site.get("cleanup_export", {"q": "ana", "format": "xlsx"}, number=cleanup.number)
    page = openpyxl.load_workbook(io.BytesIO(answer.getvalue())).active
    assert page is not None
    assert [row[0] for row in page.values] == ["username", "ana.idle"]
    entry = AuditEntry.objects.get(kind="cleanup.exported")
    assert (entry.cleanup, entry.details) == (
        cleanup.number,
        {"filter": {"q": "ana"}, "count": 1, "format": "xlsx"},
    )


def test_an_unknown_format_or_filter_makes_nothing(site: Site, cleanup: Cleanup) -> None:
    for query in ({"format": "exe"}, {"state": "nowhere"}):
        assert site.get("cleanup_export", query, number=cleanup.number).status_code == 302
    assert not AuditEntry.objects.filter(kind="cleanup.exported").exists()


def test_the_report_links_to_it(site: Site, cleanup: Cleanup) -> None:
    page = site.get("cleanup", number=cleanup.number).content.decode()
    assert site.at("cleanup_export", number=cleanup.number) in page


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_the_audit_is_a_spreadsheet_too(site: Site, cleanup: Cleanup, kind: str) -> None:
    answer = site.post("audit_export", {"format": kind}, query="?kind=account.approved")
    if kind == "csv":
        subjects = [row["subject"] for row in rows(answer)]
    else:
        page = openpyxl.load_workbook(io.BytesIO(answer.getvalue())).active
        assert page is not None
        subjects = [str(row[AUDIT_COLUMNS.index("subject")]) for row in page.values][1:]
    assert subjects == ["ana.idle", "'=omar"]
    entry = AuditEntry.objects.get(kind="audit.exported")
    assert (entry.data["entries"], entry.data["format"]) == (2, kind)
