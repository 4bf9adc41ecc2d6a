"""``manage.py import_decisions``: all of a file, or nothing and every reason."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts_review.models import Case, Exemption
from tests.stage import SetStage, Stage, someone


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    stage = set_stage(someone("ana"), someone("omar"))
    stage.clock.instant = stage.clock.instant.now(tz=stage.clock.instant.tzinfo)
    return stage


def run(*words: Any) -> str:
    out = io.StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def edited(folder: Path, edits: dict[str, dict[str, str]]) -> Path:
    """What the shell exports, with some cells filled in."""
    rows = list(csv.DictReader(io.StringIO(run("export_accounts", "--workspace", "main"))))
    path = folder / "list.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(row | edits.get(row["username"], {}) for row in rows)
    return path


def imported(path: Path, *words: str, actor: str = "reviewer") -> str:
    return run("import_decisions", path, "--actor", actor, "--workspace", "main", *words)


def test_an_edited_export_is_applied(stage: Stage, tmp_path: Path) -> None:
    stage.staff("reviewer")
    path = edited(tmp_path, {"ana": {"decision": "approve", "decision_reason": "left"}})
    assert imported(path, "--dry-run") == "approve 1\n"
    assert not Case.objects.exists()
    assert imported(path) == "approve 1\n"
    assert stage.states() == {"ana": "in_draft"}
    assert imported(path) == "nothing 1\n"


def test_one_wrong_row_and_nothing_is_done(stage: Stage, tmp_path: Path) -> None:
    stage.staff("reviewer")
    path = edited(tmp_path, {"ana": {"decision": "approve"}, "omar": {"decision": "exempt"}})
    with pytest.raises(CommandError, match=r"row \d+, decision_reason: give a reason"):
        imported(path)
    assert not Case.objects.exists()


UNTIL = {"decision": "exempt", "decision_reason": "leave"}


def test_the_order_of_days_is_asked_once(stage: Stage, tmp_path: Path) -> None:
    stage.staff("reviewer")
    year = stage.clock().year + 1
    path = edited(tmp_path, {name: UNTIL | {"decision_until": f"05/06/{year}"} for name in ("ana", "omar")})
    with pytest.raises(CommandError) as asked:
        imported(path)
    assert len(str(asked.value).splitlines()) == 1
    assert f"5 Jun {year} or 6 May {year}" in str(asked.value)
    assert "give --date-order dmy (day first) or mdy; 2 rows have such a day" in str(asked.value)
    assert imported(path, "--date-order", "mdy") == "exempt 2\n"
    assert {e.until.strftime("%m-%d") for e in Exemption.objects.all()} == {"05-06"}


def test_a_plain_list_exempts_with_one_reason_and_end(stage: Stage, tmp_path: Path) -> None:
    stage.staff("reviewer")
    path = tmp_path / "hr.csv"
    path.write_bytes(b"Email\r\nANA@ville.example\r\nomar\r\ngone.one\r\n")
    why = ("--reason", "on leave", "--until", f"26/05/{stage.clock().year + 1}")
    with pytest.raises(CommandError, match=r"row 4, username: no listed account has this username or e-mail"):
        imported(path, *why)
    assert not Exemption.objects.exists()
    assert imported(path, *why, "--skip-unknown").splitlines() == ["not found: gone.one", "exempt 2, refused 1"]
    assert Exemption.objects.count() == 2
    with pytest.raises(CommandError, match="A plain list needs --reason and --until"):
        imported(path, "--reason", "x")
    with pytest.raises(CommandError, match="not a valid date"):
        imported(path, "--reason", "x", "--until", "soon")
    with pytest.raises(CommandError, match="To exempt a plain list of people"):
        imported(path)


def test_what_cannot_be_read_is_told(stage: Stage, tmp_path: Path) -> None:
    stage.staff("reviewer")
    stage.staff("auditor")
    (tmp_path / "list.csv").write_text("nothing")
    with pytest.raises(CommandError, match="lacks these columns"):
        imported(tmp_path / "list.csv")
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        imported(tmp_path / "missing.csv")
    with pytest.raises(CommandError, match="may not do this"):
        imported(edited(tmp_path, {}), actor="auditor")
