"""The export of the review page: exactly what it shows, safe for spreadsheets, and recorded."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import openpyxl
import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection
from django.db.models import F, IntegerField
from django.db.models.functions import Cast
from django.test import Client

from accounts_review.models import AuditEntry, Workspace
from accounts_review.models.streaming import streamed
from tests.web.kit import Desk, read, someone


@pytest.fixture
def desk(workspace: Workspace, person: Callable[[str], User]) -> Desk:
    desk = Desk(person("auditor"), workspace)
    read(
        workspace,
        someone("ana", display_name="=HYPERLINK(1)"),
        someone("zoé", idle=2000),
        someone("boss", permissions=["edit_domain"]),
    )
    return desk


def rows(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))


def test_csv_holds_the_rows_that_are_shown_in_their_order(desk: Desk) -> None:
    for sort in ("", "&sort=-dormant_from", "&sort=username", "&sort=-username"):
        answer = desk.client.get(desk.url("export", f"?verdict=dormant&format=csv{sort}"))
        assert [row["username"] for row in rows(answer)] == desk.names(f"?verdict=dormant{sort}")


def test_csv_is_for_spreadsheets(desk: Desk) -> None:
    answer = desk.client.get(desk.url("export", "?q=ana&format=csv"))

    assert answer.streaming
    assert answer["Content-Disposition"].startswith('attachment; filename="main-accounts-')
    assert answer.getvalue().startswith(b"\xef\xbb\xbfusername,")


def test_a_cell_that_looks_like_a_formula_is_inert(desk: Desk) -> None:
    assert rows(desk.client.get(desk.url("export", "?q=ana")))[0]["display_name"] == "'=HYPERLINK(1)"


def test_xlsx_holds_the_filtered_rows(desk: Desk) -> None:
    answer = desk.client.get(desk.url("export", "?verdict=protected&format=xlsx"))

    page = openpyxl.load_workbook(io.BytesIO(answer.getvalue())).active
    assert page is not None
    assert [row[0] for row in page.values] == ["username", "boss"]
    assert answer["Content-Disposition"].endswith('.xlsx"')


def test_reasons_are_in_the_language_of_the_person_even_when_sent_late(desk: Desk) -> None:
    answer = desk.client.get(desk.url("export", "?verdict=protected"), headers={"Accept-Language": "fr"})
    Client().get("/accounts/login/", headers={"Accept-Language": "en"})

    (row,) = rows(answer)
    assert row["verdict"] == "protected"
    assert "edit_domain" in row["reasons"]
    assert "holds" not in row["reasons"]


def test_every_page_is_in_it(desk: Desk) -> None:
    read(desk.workspace, *(someone(f"n{number:02}") for number in range(40)))

    answer = desk.client.get(desk.url("export", "?q=n&page=2&per_page=10&sort=email"))

    assert len(answer.getvalue().splitlines()) == 42


def test_an_export_is_recorded(desk: Desk) -> None:
    desk.client.get(desk.url("export", "?q=zo&format=csv"))

    entry = AuditEntry.objects.get(kind="accounts.exported")
    assert (entry.actor, entry.workspace) == ("auditor", "main")
    assert entry.details == {"filter": "q=zo", "count": 1, "format": "csv"}


@pytest.mark.parametrize("most", [10_000, 2], ids=["few", "more than pages count"])
@pytest.mark.parametrize(
    "query",
    ["", "verdict=all", "verdict=dormant&state=open", "verdict=protected", "q=e", "never_used=on", "state=decided"],
)
def test_as_many_are_recorded_as_are_in_it(desk: Desk, monkeypatch: pytest.MonkeyPatch, query: str, most: int) -> None:
    monkeypatch.setattr("accounts_review.web.review.counts.MOST_COUNTED", most)

    rows = desk.client.get(desk.url("export", f"?{query}&format=csv")).getvalue().splitlines()[1:]

    assert AuditEntry.objects.get(kind="accounts.exported").details["count"] == len(rows)


def test_an_unknown_format_is_not_made(desk: Desk) -> None:
    assert desk.client.get(desk.url("export", "?format=exe")).status_code == 302
    assert not AuditEntry.objects.filter(kind="accounts.exported").exists()


@pytest.mark.django_db(transaction=True)
def test_rows_are_sent_while_the_database_finds_more(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside a transaction it finds all, and keeps them, before it hands out the first."""
    monkeypatch.setattr("accounts_review.models.streaming.CHUNK", 1)
    monkeypatch.setattr("accounts_review.spreadsheet.writing.BATCH", 1)
    answer = desk.client.get(desk.url("export", "?verdict=all&format=csv"))

    assert [next(iter(answer)) for _piece in range(3)][2].count(b"\r\n") == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT is_holdable FROM pg_cursors")
        assert cursor.fetchall() == [(False,)]

    answer.close()
    assert not connection.in_atomic_block, "who hangs up leaves nothing behind"


@pytest.mark.django_db(transaction=True)
def test_who_takes_rows_slowly_is_not_taken_for_somebody_who_forgot_a_transaction(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts_review.models.streaming.CHUNK", 1)
    monkeypatch.setattr("accounts_review.spreadsheet.writing.BATCH", 1)
    with connection.cursor() as cursor:
        cursor.execute("SET idle_in_transaction_session_timeout = '20s'")
    answer = desk.client.get(desk.url("export", "?verdict=all&format=csv"))

    assert [next(iter(answer)) for _piece in range(3)]
    with connection.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("10min",)
        answer.close()
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("20s",)
        cursor.execute("RESET idle_in_transaction_session_timeout")


def test_more_than_a_spreadsheet_holds_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts_review.web.review.export.MOST_ROWS", 2)
    answer = desk.client.get(desk.url("export", "?verdict=dormant&format=xlsx"), follow=True)
    assert b"A spreadsheet cannot hold this many rows." in answer.content
    assert desk.client.get(desk.url("export", "?verdict=dormant&format=csv")).status_code == 200


def test_who_may_not_read_may_not_export(desk: Desk, person: Callable[[str], User]) -> None:
    assert Desk(person("nobody"), desk.workspace).client.get(desk.url("export")).status_code == 404
    assert Client().get(desk.url("export")).status_code == 302


def test_what_the_database_cannot_answer_is_an_error_of_the_database(workspace: Workspace) -> None:
    no_number = Workspace.objects.values_list(Cast(F("name"), IntegerField()))

    with pytest.raises(DatabaseError, match="main"):
        list(streamed(no_number))
