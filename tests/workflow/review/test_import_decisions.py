"""Decisions from a spreadsheet: told row by row before anything is done, and never on what nobody has seen."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.utils.translation import override

from accounts_review import audit
from accounts_review.models import Account, AuditEntry, Case, DecisionFile, Exemption
from accounts_review.spreadsheet import Unreadable, written
from accounts_review.spreadsheet.rows import accounts_sheet, decided
from accounts_review.workflow.review import decide, import_file
from accounts_review.workflow.review.import_file import AlreadyApplied, Changed, Exempting, Plan
from tests.stage import SetStage, Stage, days_ago, someone

Edit = dict[str, str]
NEXT_YEAR = "2027-03-01"
"""Within a year of the stage's clock."""


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    return set_stage(
        someone("ana"), someone("omar"), someone("=cmd"), someone("lea"), someone("boss", permissions=["edit_domain"])
    )


def export(stage: Stage, edits: dict[str, Edit]) -> bytes:
    """An export of everybody, with some cells filled in."""
    accounts = Account.objects.filter(workspace=stage.workspace).listed().assessed().with_verdict(stage.clock())
    text = b"".join(written(accounts_sheet(accounts.order_by("username"), as_of=stage.clock()), "csv")).decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    for row in rows:
        row |= edits.get(row["username"], {})
    return saved(rows)


def saved(rows: list[dict[str, str]]) -> bytes:
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]), delimiter=";")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode("utf-8-sig")


def upload(stage: Stage, content: bytes, *, by: str = "reviewer") -> DecisionFile:
    return import_file.upload(
        content=content, name="list.csv", workspace=stage.workspace, actor=stage.staff(by), now=stage.clock()
    )


def plan(stage: Stage, file: DecisionFile) -> Plan:
    return import_file.plan(file=file, actor=stage.staff("reviewer"), now=stage.clock())


def told(stage: Stage, edits: dict[str, Edit]) -> dict[str, str]:
    """What the file would do to each account, or what is wrong with its row."""
    rows = plan(stage, upload(stage, export(stage, edits))).rows
    return {row.username: " / ".join(map(str, row.problems)) or row.remark or row.outcome for row in rows}


def apply(stage: Stage, file: DecisionFile) -> Plan:
    confirmed = plan(stage, file).digest
    return import_file.apply(file=file, confirmed=confirmed, actor=stage.staff("reviewer"), now=stage.clock())


APPROVE: Edit = {"decision": "approve"}
EXEMPT: Edit = {"decision": "Exempter", "decision_reason": "on leave", "decision_until": NEXT_YEAR}


def test_a_file_does_what_was_filled_in_and_nothing_else(stage: Stage) -> None:
    stage.approve("lea")
    withdrawn = {"decision": "WITHDRAW ", "decision_reason": "still here"}
    file = upload(stage, export(stage, {"ana": APPROVE, "'=cmd": APPROVE, "omar": EXEMPT, "lea": withdrawn}))

    done = apply(stage, file)

    assert done.counts == {"approve": 2, "exempt": 1, "withdraw": 1, "nothing": 0, "refused": 0}
    assert done.undecided == stage.workspace.accounts.listed().count() - 4
    assert stage.states() == {"lea": "withdrawn", "ana": "in_draft", "=cmd": "in_draft"}
    assert Exemption.objects.get().until.date().isoformat() == NEXT_YEAR
    assert stage.case("ana").approved_by_login == "reviewer"
    assert stage.case("ana").reason == "dormant under the policy"


def test_the_record_names_the_file_and_every_decision(stage: Stage) -> None:
    file = upload(stage, export(stage, {"ana": APPROVE, "boss": APPROVE}))
    apply(stage, file)

    entry = AuditEntry.objects.get(kind="decisions.imported")
    assert entry.actor == "reviewer"
    assert (entry.details["file"], entry.data["digest"]) == ("list.csv", file.digest)
    assert (entry.data["approve"], entry.data["refused"]) == (1, 1)
    assert stage.entries("ana") == ["account.approved"]
    assert audit.verify()[1] is None


@pytest.mark.matrix(fast=4, reason="each mistake is a file of its own")
@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        ({"decision": "aprove"}, "decision: unknown decision “aprove”; write approve, exempt or withdraw"),
        ({"decision": "=1+1"}, "decision: unknown decision “=1+1”; write approve, exempt or withdraw"),
        ({"decision": "no " * 99}, "decision: unknown decision “no no no no no no no no no no no no no no …”; write"),
        (
            {"decision_reason": "left"},
            "decision: the cell is empty, but the cells after it are not; write approve, exempt",
        ),
        (APPROVE | {"decision_until": NEXT_YEAR}, "decision_until: only an exemption has an end date; clear the cell"),
        (APPROVE | {"decision_reason": "x" * 501}, "decision_reason: at most 500 characters are allowed"),
        ({"decision": "withdraw"}, "decision_reason: give a reason"),
        ({"decision": "withdraw", "decision_reason": "x"}, "decision: there is nothing to withdraw"),
        (EXEMPT | {"decision_until": ""}, "decision_until: an exemption needs an end date, such as 2026-12-12"),
        (EXEMPT | {"decision_until": "30/16/2027"}, "decision_until: not a valid date; write one such as 2026-12-12"),
        (
            EXEMPT | {"decision_until": "05/06/2027"},
            "decision_until: this could be 5 Jun 2027 or 6 May 2027; choose the date order of the file",
        ),
        (EXEMPT | {"decision_until": "2026-06-15"}, "decision_until: choose a date from tomorrow to 14 Jun 2031"),
        (EXEMPT | {"decision_until": "2031-06-15"}, "decision_until: choose a date from tomorrow to 14 Jun 2031"),
        (APPROVE | {"row_digest": ""}, "row_digest: the cell is empty; copy it from the export"),
        (APPROVE | {"username": "nobody"}, "username: no listed account has this username or e-mail address"),
        (
            APPROVE | {"username": "1.23457E+11"},
            "username: no listed account has this username; the spreadsheet program",
        ),
        (
            APPROVE | {"username": "7"},
            "username: no listed account has this username; the spreadsheet program",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_row_and_column(stage: Stage, edit: Edit, problem: str) -> None:
    (row,) = plan(stage, upload(stage, export(stage, {"ana": edit}))).rows
    assert (row.number, row.outcome) == (3, "refused")
    assert str(row.problems[0]).startswith(problem)


def test_all_that_is_wrong_in_a_row_is_told_at_once(stage: Stage) -> None:
    wrong = {"username": "nobody", "decision": "exempt"}
    (row,) = plan(stage, upload(stage, export(stage, {"ana": wrong}))).rows
    assert [problem.column for problem in row.problems] == ["username", "decision_reason", "decision_until"]


def test_the_same_objections_hold_as_on_the_page(stage: Stage) -> None:
    said = told(stage, {"boss": APPROVE, "crowd.0001": APPROVE})
    assert said["boss"].startswith("decision: it is protected; holds the protected right edit_domain")
    assert said["crowd.0001"] == "decision: it is active"


def test_days_are_french_where_the_person_reads_french(stage: Stage) -> None:
    content = export(stage, {"ana": EXEMPT | {"decision_until": "01/03/2027"}})
    with override("fr"):
        (row,) = plan(stage, upload(stage, content)).rows
    assert row.until is not None
    assert row.until.date().isoformat() == NEXT_YEAR


@pytest.mark.parametrize(("order", "day"), [("dmy", "2027-06-05"), ("mdy", "2027-05-06")])
def test_the_order_of_days_is_asked_once_for_the_whole_file(stage: Stage, order: str, day: str) -> None:
    two_readings = {name: EXEMPT | {"decision_until": "05/06/2027"} for name in ("ana", "lea")}
    file = upload(stage, export(stage, two_readings | {"omar": EXEMPT | {"decision_until": "26-May-27"}}))
    assert len(plan(stage, file).asks_order) == 2
    import_file.say_order(file=file, order="ydm")
    import_file.say_order(file=file, order=order)
    file.refresh_from_db()
    answered = plan(stage, file)
    assert answered.asks_order == []
    ends = {row.username: row.until.date().isoformat() for row in answered.rows if row.until}
    assert ends == {"ana": day, "lea": day, "omar": "2027-05-26"}


def test_an_address_stands_for_its_account_and_a_username_wins(set_stage: SetStage) -> None:
    twins = [someone(name, email="Team@ville.example") for name in ("one", "two")]
    stage = set_stage(someone("ana"), someone("omar@ville.example", email="else@ville.example"), *twins)
    stage.site.workspace.put(someone("shadow", email="omar@ville.example"))
    stage.sync()
    renamed = {"ana": "ANA@Ville.example", "omar@ville.example": "omar@ville.example"}
    content = export(stage, {name: APPROVE | {"username": address} for name, address in renamed.items()})
    assert {row.username: row.outcome for row in plan(stage, upload(stage, content)).rows} == dict.fromkeys(
        ("ana", "omar@ville.example"), "approve"
    )


EXEMPTING = Exempting("on leave", "26/05/2027")


def listed(stage: Stage, text: str) -> dict[str, str]:
    """What a plain list would do to each name in it."""
    file = import_file.upload(
        content=text.encode(),
        name="hr.txt",
        workspace=stage.workspace,
        actor=stage.staff("reviewer"),
        now=stage.clock(),
        exempting=EXEMPTING,
    )
    rows = apply(stage, file).rows
    return {row.username: " / ".join(map(str, row.problems)) or row.outcome for row in rows}


def test_a_plain_list_exempts_everyone_whom_it_names(set_stage: SetStage) -> None:
    twins = [someone(name, email="team@ville.example") for name in ("one", "two")]
    stage = set_stage(someone("ana"), someone("omar"), someone("lea"), *twins)
    said = listed(stage, "E-mail\nANA@ville.example\nomar\nnobody\nTeam@ville.example\nlea\nlea@ville.example\n")
    assert said == {
        "ana": "exempt",
        "omar": "exempt",
        "nobody": "username: no listed account has this username or e-mail address",
        "Team@ville.example": "username: 2 accounts have this address: one, two; use the username instead",
        "lea": "username: row 6 decides on this account too; keep one",
    }
    ends = {e.account.username: (e.reason, e.until.date().isoformat()) for e in Exemption.objects.all()}
    assert ends == dict.fromkeys(("ana", "omar"), ("on leave", "2027-05-26"))


def test_a_reason_and_an_end_do_not_belong_to_a_file_that_says_both(stage: Stage) -> None:
    with pytest.raises(Unreadable, match="plain one-column list"):
        listed(stage, "username;left\nana;yes\n")


def test_an_account_that_came_back_is_refused_however_it_was_filled_in(stage: Stage) -> None:
    content = export(stage, {"ana": APPROVE})
    stage.update("ana", last_seen_at=days_ago(1))
    stage.sync()
    (row,) = plan(stage, upload(stage, content)).rows
    assert "row_digest: the account has changed since the export (it is now active)" in str(row.problems[0])


def test_a_verdict_that_time_alone_has_changed_is_refused(set_stage: SetStage) -> None:
    stage = set_stage(someone("nearly", idle=725))
    content = export(stage, {"nearly": APPROVE})
    stage.clock.advance(days=10)
    (row,) = plan(stage, upload(stage, content)).rows
    assert "(it is now dormant)" in str(row.problems[0])


def test_rows_that_were_mixed_up_are_refused(stage: Stage) -> None:
    rows = list(csv.DictReader(io.StringIO(export(stage, {}).decode("utf-8-sig")), delimiter=";"))
    digests = {row["username"]: row["row_digest"] for row in rows}
    said = told(stage, {"ana": APPROVE | {"row_digest": digests["omar"]}})
    assert "or rows were mixed up" in said["ana"]


def decide_exempt(stage: Stage) -> None:
    until = stage.clock() + timedelta(days=30)
    given: dict[str, Any] = {"reason": "leave", "until": until, "now": stage.clock()}
    decide.exempt(accounts=stage.accounts("ana"), actor=stage.staff("operator"), **given)


@pytest.mark.parametrize(
    ("decide", "stands"),
    [
        (decide_exempt, "exempt until 15 Jul 2026"),
        (lambda stage: stage.approve("ana", by="operator"), "it is in the draft"),
    ],
)
def test_what_somebody_else_has_decided_since_is_refused_with_who_it_was(
    stage: Stage, decide: Callable[[Stage], None], stands: str
) -> None:
    content = export(stage, {"ana": EXEMPT})
    decide(stage)
    (row,) = plan(stage, upload(stage, content)).rows
    said = f"row_digest: operator decided on it after the export: {stands}; export it again"
    assert str(row.problems[0]) == said


def test_what_holds_already_is_nothing_to_do(stage: Stage) -> None:
    file = upload(stage, export(stage, {"ana": APPROVE, "omar": EXEMPT}))
    again = upload(stage, export(stage, {"ana": APPROVE, "omar": EXEMPT}))
    apply(stage, file)
    assert plan(stage, again).counts["nothing"] == 2


def test_an_account_decided_on_twice_is_decided_on_by_neither_row(stage: Stage) -> None:
    content = export(stage, {"ana": APPROVE}).decode("utf-8-sig")
    line = next(line for line in content.splitlines() if line.startswith("ana;"))
    rows = plan(stage, upload(stage, f"{content}{line}\r\n".encode())).rows
    assert [row.outcome for row in rows] == ["refused", "refused"]
    assert "row 3 decides on this account too" in str(rows[1].problems[0])


def test_a_quote_that_belongs_to_the_name_is_not_taken_away(set_stage: SetStage) -> None:
    stage = set_stage(someone("=x"), someone("'=x"))
    rows = list(csv.DictReader(io.StringIO(export(stage, {}).decode("utf-8-sig")), delimiter=";"))
    both = [row for row in rows if row["username"] == "'=x"]
    assert len(both) == 2
    for row in both:
        (found,) = plan(stage, upload(stage, saved([row | APPROVE]))).rows
        assert found.problems == ()
        apply(stage, upload(stage, saved([row | APPROVE])))
    assert stage.states() == {"=x": "in_draft", "'=x": "in_draft"}


def test_a_file_is_applied_once(stage: Stage) -> None:
    file = upload(stage, export(stage, {"ana": APPROVE}))
    confirmed = plan(stage, file).digest
    apply(stage, file)
    with pytest.raises(AlreadyApplied):
        import_file.apply(file=file, confirmed=confirmed, actor=stage.staff("reviewer"), now=stage.clock())
    assert Case.objects.count() == 1


def test_nothing_is_done_that_was_not_confirmed(stage: Stage) -> None:
    file = upload(stage, export(stage, {"ana": APPROVE, "omar": APPROVE}))
    confirmed = plan(stage, file).digest
    stage.update("ana", last_seen_at=days_ago(1))
    stage.sync()
    with pytest.raises(Changed):
        import_file.apply(file=file, confirmed=confirmed, actor=stage.staff("reviewer"), now=stage.clock())
    assert not Case.objects.exists()
    assert not AuditEntry.objects.filter(kind="decisions.imported").exists()


def test_nobody_decides_by_file_who_may_not_decide(stage: Stage) -> None:
    content = export(stage, {"ana": APPROVE})
    with pytest.raises(PermissionDenied):
        upload(stage, content, by="auditor")
    file = upload(stage, content)
    with pytest.raises(PermissionDenied):
        import_file.apply(file=file, confirmed="", actor=stage.staff("auditor"), now=stage.clock())


def test_a_file_goes_after_a_day(stage: Stage) -> None:
    old = upload(stage, export(stage, {"ana": APPROVE}))
    stage.clock.advance(hours=25)
    upload(stage, export(stage, {"ana": APPROVE}))
    assert not DecisionFile.objects.filter(pk=old.pk).exists()


def test_too_many_decisions_are_refused(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_file, "MOST_DECISIONS", 1)
    with pytest.raises(Unreadable, match="more than 1 decisions"):
        upload(stage, export(stage, {"ana": APPROVE, "omar": APPROVE}))


def test_what_a_colleague_set_aside_since_is_not_decided_over() -> None:
    account = Account(username="ana", incarnation="x")
    account.case_state = account.exempt_until = account.snoozed_by = None
    before = decided(account)
    account.snoozed_by = "rita"
    assert decided(account) != before
