"""The export of the review page: exactly what the filters show, safe for spreadsheets, and recorded."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
import tablib
from django.contrib.auth.models import User
from django.test import Client

from accounts_review.models import AuditEntry, Workspace
from tests.web.kit import Desk, read, someone


@pytest.fixture
def desk(workspace: Workspace, person: Callable[[str], User]) -> Desk:
    desk = Desk(person("auditor"), workspace)
    read(
        workspace,
        someone("ana", display_name="=HYPERLINK(1)"),
        someone("zoé"),
        someone("boss", permissions=["edit_domain"]),
    )
    return desk


def test_csv_holds_the_filtered_rows(desk: Desk) -> None:
    answer = desk.client.get(desk.url("export", "?verdict=dormant&format=csv"))

    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = tablib.Dataset().load(answer.content.decode("utf-8-sig"), format="csv")
    assert rows["username"] == ["ana", "zoé"]
    assert rows["display_name"] == ["'=HYPERLINK(1)", "zoé"]
    assert answer["Content-Disposition"].startswith('attachment; filename="main-accounts-')


def test_xlsx_holds_the_filtered_rows(desk: Desk) -> None:
    answer = desk.client.get(desk.url("export", "?verdict=protected&format=xlsx"))

    rows = tablib.Dataset().load(io.BytesIO(answer.content), format="xlsx")
    assert rows["username"] == ["boss"]


def test_every_page_is_in_it(desk: Desk) -> None:
    read(desk.workspace, *(someone(f"n{number:02}") for number in range(40)))

    answer = desk.client.get(desk.url("export", "?q=n&page=2&per_page=10&sort=email"))

    assert len(answer.content.splitlines()) == 42


def test_an_export_is_recorded(desk: Desk) -> None:
    desk.client.get(desk.url("export", "?q=zo&format=csv"))

    entry = AuditEntry.objects.get(kind="accounts.exported")
    assert (entry.actor, entry.workspace) == ("auditor", "main")
    assert entry.data == {"filter": "q=zo", "count": 1, "format": "csv"}


def test_an_unknown_format_is_not_made(desk: Desk) -> None:
    assert desk.client.get(desk.url("export", "?format=exe")).status_code == 302
    assert not AuditEntry.objects.filter(kind="accounts.exported").exists()


def test_who_may_not_read_may_not_export(desk: Desk, person: Callable[[str], User]) -> None:
    assert Desk(person("nobody"), desk.workspace).client.get(desk.url("export")).status_code == 403
    assert Client().get(desk.url("export")).status_code == 302
