"""What a reviewer opens in a spreadsheet: the columns that stay put, the reasons in words, nothing that runs."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from datetime import UTC, datetime, timedelta

import openpyxl
import pytest
from django.db import connection

from accounts_review.models import Account
from accounts_review.spreadsheet import written
from accounts_review.spreadsheet.rows import COLUMNS, _evidence, _written, accounts_sheet
from accounts_review.workflow.review import decide
from tests.stage import SetStage, Stage, someone


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    return set_stage(
        someone("=HYPERLINK(1)", display_name="+1"),
        someone("marie", first_name="Zoé", permissions=["edit_domain"]),
        someone("no.mail", email=None),
    )


def exported(stage: Stage, kind: str) -> bytes:
    accounts = Account.objects.filter(workspace=stage.workspace).listed().assessed().with_verdict(stage.clock())
    sheet = accounts_sheet(accounts.order_by("username"), as_of=stage.clock())
    return b"".join(written(sheet, kind))


def rows(stage: Stage) -> dict[str, dict[str, str]]:
    return {row["username"]: row for row in csv.DictReader(io.StringIO(exported(stage, "csv").decode("utf-8-sig")))}


def test_every_listed_account_is_one_row_with_its_reasons_in_words(stage: Stage) -> None:
    found = rows(stage)
    assert len(found) == stage.workspace.accounts.listed().count()
    assert found["marie"]["verdict"] == "protected"
    assert found["marie"]["reasons"] == "holds the protected right edit_domain"
    assert found["no.mail"]["reasons"] == "has no usable e-mail address and cannot be warned"
    assert found["marie"]["idle"].startswith("last seen")


def test_an_exemption_shows_as_protected_with_its_end(stage: Stage) -> None:
    until = stage.clock() + timedelta(days=30)
    given = {"reason": "leave", "until": until, "now": stage.clock()}
    decide.exempt(accounts=stage.accounts("=HYPERLINK(1)"), actor=stage.staff("reviewer"), **given)  # type: ignore[arg-type]
    row = rows(stage)["'=HYPERLINK(1)"]
    assert (row["verdict"], row["reasons"]) == ("protected", "exempt until 15 Jul 2026")


def test_people_have_their_names_and_decisions_their_reasons(stage: Stage) -> None:
    until = stage.clock() + timedelta(days=30)
    act = {"actor": stage.staff("reviewer"), "now": stage.clock()}
    decide.exempt(accounts=stage.accounts("marie"), reason="on leave", until=until, **act)  # type: ignore[arg-type]
    decide.approve(accounts=stage.accounts("=HYPERLINK(1)"), reason="left in 2023", **act)  # type: ignore[arg-type]
    found = rows(stage)
    marie, other = found["marie"], found["'=HYPERLINK(1)"]
    assert (marie["name"], marie["decided_reason"]) == ("Zoé", "on leave")
    assert marie["exempt_until"] == "2026-07-15T08:00:00+00:00"
    assert (other["case"], other["decided_reason"], other["exempt_until"]) == ("in_draft", "left in 2023", "")
    assert found["no.mail"]["decided_reason"] == ""


def test_instants_are_told_to_the_second_and_rows_by_what_is_exact(stage: Stage) -> None:
    stage.update("marie", last_seen_at="2024-02-03T04:05:06.789012+00:00")
    before = rows(stage)["marie"]["row_digest"]
    stage.clock.advance(seconds=0.25)
    stage.sync()
    after = rows(stage)["marie"]
    assert after["activity_at"] == "2024-02-03T04:05:06+00:00"
    assert "." not in after["read_at"] + after["dormant_from"]
    assert after["row_digest"] != before


def test_no_cell_is_taken_for_a_formula(stage: Stage) -> None:
    assert rows(stage)["'=HYPERLINK(1)"]["display_name"] == "'+1"
    sheet = openpyxl.load_workbook(io.BytesIO(exported(stage, "xlsx"))).active
    assert sheet is not None
    assert tuple(cell.value for cell in next(iter(sheet.rows))) == COLUMNS
    assert all(cell.data_type != "f" for row in sheet.rows for cell in row)


def test_control_characters_do_not_break_the_spreadsheet(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie", display_name="bell \x07 and \x1b[31m"), someone("omar", first_name="\uffff"))
    sheet = openpyxl.load_workbook(io.BytesIO(exported(stage, "xlsx"))).active
    assert sheet is not None
    assert "bell \ufffd and \ufffd[31m" in [cell.value for row in sheet.rows for cell in row]


@pytest.mark.parametrize(
    "name", ["", 'quote " and \\', "tab\t new\nline", "\x00\x1f\x7f", "Zoé 日本 🎉", "\u2028\u202e", "</script>"]
)
def test_what_is_digested_of_names_is_written_as_json(name: str) -> None:
    """A file that was exported before is brought back: the same evidence must have the same digest for ever."""
    who = (name, "2020-01-01", f"{name}@ville.example", "global")
    evidence = _evidence(who, groups="[]", judged=("dormant", "all", "730", "[]"), instants=("", ""))
    written_out = [*who, [], "dormant", "all", 730, [], "", ""]
    assert evidence == json.dumps(written_out, ensure_ascii=False)


@pytest.mark.django_db
@pytest.mark.parametrize("microsecond", [0, 1, 500_000, 123_450, 123_456])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Paris", "Asia/Kolkata"])
def test_an_instant_of_the_database_is_written_as_by_python(microsecond: int, zone: str) -> None:
    at = datetime(2024, 2, 3, 4, 5, 6, microsecond, UTC)
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL timezone = '{zone}'")
        cursor.execute("SELECT %s::timestamptz::text", [at])
        text = cursor.fetchone()[0]
    there = at.astimezone(datetime.fromisoformat(text).tzinfo)
    assert _written(text) == (there.isoformat(timespec="seconds"), there.isoformat())


def test_rights_of_any_length_are_not_kept_from_row_to_row(set_stage: SetStage) -> None:
    wordy = [someone(f"person.{number}", permissions=[f"{number}{'x' * 50_000}"]) for number in range(60)]
    stage = set_stage(*wordy, someone("marie"))
    accounts = Account.objects.filter(workspace=stage.workspace).listed().assessed().with_verdict(stage.clock())
    tracemalloc.start()
    rows = [row[0] for row in accounts_sheet(accounts.order_by("username"), as_of=stage.clock()).rows]
    _kept, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "person.0" in rows
    assert most < 5_000_000
