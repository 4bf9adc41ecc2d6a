"""The import page: a file is looked at row by row, and applied only when a person says so, once."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import openpyxl
import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils.timezone import localdate

from accounts_review.models import Case, DecisionFile, Exemption, Workspace
from tests.web.kit import HTMX, Desk, read, someone, text_of

APPROVE = {"decision": "approve", "decision_reason": "left in 2023"}


@pytest.fixture
def desk(workspace: Workspace, person: Callable[[str], User]) -> Desk:
    read(workspace, someone("ana"), someone("omar"), someone("zoé"), someone("boss", permissions=["edit_domain"]))
    return Desk(person("reviewer"), workspace)


def csv_file(desk: Desk, edits: dict[str, dict[str, str]], name: str = "list.csv") -> SimpleUploadedFile:
    """The CSV of the export, with some cells filled in."""
    export = desk.client.get(desk.url("export", "?verdict=all&format=csv")).getvalue().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(export, newline="")))
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]))
    writer.writeheader()
    writer.writerows(row | edits.get(row["username"], {}) for row in rows)
    return SimpleUploadedFile(name, file.getvalue().encode())


def xlsx_file(desk: Desk, edits: dict[str, dict[str, Any]]) -> SimpleUploadedFile:
    """The workbook of the export, with some cells filled in."""
    export = desk.client.get(desk.url("export", "?verdict=all&format=xlsx")).getvalue()
    book = openpyxl.load_workbook(io.BytesIO(export))
    names, *rows = book.active.iter_rows()
    places = {str(cell.value): number for number, cell in enumerate(names)}
    for row in rows:
        for name, value in edits.get(str(row[0].value), {}).items():
            row[places[name]].value = value
    file = io.BytesIO()
    book.save(file)
    return SimpleUploadedFile("list.xlsx", file.getvalue())


def send(desk: Desk, file: SimpleUploadedFile | None) -> Any:
    return desk.client.post(desk.url("import"), {"file": file} if file else {}, follow=True)


def confirm(desk: Desk, shown: Any, **fields: Any) -> Any:
    """Press the button of a preview."""
    plan = shown.context["plan"]
    data = {"confirmed": plan.digest, "refused": plan.counts["refused"]} | fields
    return desk.client.post(shown.wsgi_request.path, data, follow=True)


@pytest.mark.parametrize("make", [csv_file, xlsx_file])
def test_an_edited_export_comes_back(desk: Desk, make: Callable[..., SimpleUploadedFile]) -> None:
    shown = send(desk, make(desk, {"ana": APPROVE, "zoé": APPROVE}))
    assert "2 decisions to apply" in text_of(shown)
    assert not Case.objects.exists()

    done = confirm(desk, shown)

    assert ": 2 approved.</div>" in text_of(done)
    assert set(Case.objects.values_list("account__username", flat=True)) == {"ana", "zoé"}


def test_what_a_file_may_hold_is_said_before_one_is_filled_in(desk: Desk) -> None:
    assert "At most 20 MB and 10,000 decisions." in text_of(desk.client.get(desk.url("import")))


def test_problems_come_first_with_the_number_of_their_row(desk: Desk) -> None:
    shown = send(desk, csv_file(desk, {"ana": APPROVE, "zoé": {"decision": "<script>"}}))
    first = shown.context["table"].rows[0]
    assert first.record.username == "zoé"
    assert "unknown decision “&lt;script&gt;”; write approve, exempt or withdraw" in text_of(shown)
    assert "<script>" not in shown.content.decode().split("<main")[1]


def test_what_is_left_out_must_be_said_to_be(desk: Desk) -> None:
    shown = send(desk, csv_file(desk, {"ana": APPROVE, "boss": APPROVE}))
    assert "Skip the 1 row that cannot be applied" in text_of(shown)

    assert "Nothing was done. Tick the box" in text_of(confirm(desk, shown))
    assert not Case.objects.exists()

    assert "1 row was skipped." in text_of(confirm(desk, shown, leave_out="1"))
    assert Case.objects.count() == 1


def test_a_file_sent_twice_is_applied_once(desk: Desk) -> None:
    shown = send(desk, csv_file(desk, {"ana": APPROVE}))
    confirm(desk, shown)
    assert "Nothing was done again" in text_of(confirm(desk, shown))
    assert "This file has already been applied." in text_of(desk.client.get(shown.wsgi_request.path, follow=True))
    assert Case.objects.count() == 1


def test_what_changed_meanwhile_is_shown_anew(desk: Desk) -> None:
    shown = send(desk, csv_file(desk, {"ana": APPROVE, "omar": APPROVE}))
    Desk(desk.user, desk.workspace).decide(
        "exempt", *_accounts(desk, "ana"), reason="leave", until=localdate() + timedelta(days=2)
    )

    again = confirm(desk, shown)

    assert "have changed in the meantime. Nothing was done" in text_of(again)
    assert again.context["plan"].counts["refused"] == 1


def test_a_day_with_two_readings_is_asked_about_once(desk: Desk) -> None:
    year = localdate().year + 1
    edit = {"decision": "exempt", "decision_reason": "leave", "decision_until": f"05/06/{year}"}
    shown = send(desk, csv_file(desk, {"ana": edit, "zoé": edit}))
    assert "The days in 2 rows" in text_of(shown)
    assert f"Day first: 5 June {year}" in text_of(shown)
    answered = desk.client.post(shown.wsgi_request.path, {"date_order": "mdy"}, follow=True)
    assert "can be read in two ways" not in text_of(answered)
    assert {row.record.until.strftime("%m-%d") for row in answered.context["table"].rows} == {"05-06"}
    confirm(desk, answered)
    assert Exemption.objects.count() == 2


def test_a_plain_list_exempts_those_who_are_found(desk: Desk) -> None:
    file = SimpleUploadedFile("hr.txt", "Courriel\nana\nnobody@ville.example\nzoé\n".encode())
    until = localdate() + timedelta(days=90)
    data = {"file": file, "reason": "on leave", "until": until.isoformat()}
    shown = desk.client.post(desk.url("import"), data, follow=True)
    assert "2 decisions to apply" in text_of(shown)
    assert "no listed account has this username or e-mail address" in text_of(shown)
    confirm(desk, shown, leave_out="1")
    assert {e.account.username for e in Exemption.objects.all()} == {"ana", "zoé"}
    assert {e.reason for e in Exemption.objects.all()} == {"on leave"}


def test_a_plain_list_needs_a_reason_and_an_end(desk: Desk) -> None:
    for given in ({"reason": "leave"}, {"until": "2030-01-01"}):
        data = {"file": SimpleUploadedFile("hr.txt", b"ana\n")} | given
        assert "needs a reason and an end date" in text_of(desk.client.post(desk.url("import"), data, follow=True))
    assert not DecisionFile.objects.exists()


def test_rows_are_shown_by_what_they_would_do(desk: Desk) -> None:
    shown = send(desk, csv_file(desk, {"ana": APPROVE, "boss": APPROVE}))
    some = desk.client.get(shown.wsgi_request.path, {"show": "refused"}, headers=HTMX)
    assert b"<html" not in some.content
    assert [row.record.username for row in some.context["table"].rows] == ["boss"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "The submitted file is empty."),
        (b"nothing", "lacks these columns"),
        (b"PK\x03\x04", "not a readable spreadsheet"),
    ],
)
def test_what_cannot_be_read_is_told_at_the_field(desk: Desk, content: bytes, why: str) -> None:
    assert why in text_of(send(desk, SimpleUploadedFile("list.csv", content)))
    assert not DecisionFile.objects.exists()


def test_a_file_must_be_chosen_and_not_too_large(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "This field is required." in text_of(send(desk, None))
    monkeypatch.setattr("accounts_review.web.review.import_decisions.LARGEST_FILE", 10)
    assert "Remove the rows without a decision, or save it as XLSX." in text_of(send(desk, csv_file(desk, {})))


def test_a_file_without_decisions_has_nothing_to_apply(desk: Desk) -> None:
    shown = send(desk, csv_file(desk, {}))
    assert "There is nothing to apply." in text_of(shown)
    assert b'name="confirmed"' not in shown.content


def test_a_plan_is_seen_by_nobody_else(desk: Desk, person: Callable[[str], User]) -> None:
    shown = send(desk, csv_file(desk, {"ana": APPROVE}))
    other = Desk(person("operator"), desk.workspace)
    assert "This preview no longer exists." in text_of(other.client.get(shown.wsgi_request.path, follow=True))
    assert confirm(other, shown).status_code == 200
    assert not Case.objects.exists()


def test_the_name_of_a_file_is_only_text(desk: Desk) -> None:
    shown = send(desk, csv_file(desk, {"ana": APPROVE}, name="<img src=x>\n..csv"))
    assert b"<img src=x>" not in shown.content
    assert DecisionFile.objects.get().name.isprintable()


def test_reviewers_find_the_page_and_auditors_do_not(desk: Desk, person: Callable[[str], User]) -> None:
    assert desk.url("import") in desk.see().content.decode()
    assert desk.url("import") not in Desk(person("auditor"), desk.workspace).see().content.decode()


def _accounts(desk: Desk, *names: str) -> Any:
    return desk.workspace.accounts.filter(username__in=names)
