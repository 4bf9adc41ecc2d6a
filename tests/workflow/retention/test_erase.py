"""Erasing somebody who is gone: nothing tells of them any more, and everything that was done is still proven."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils.timezone import now

from accounts_review import audit
from accounts_review.audit import chain, checkpoint
from accounts_review.audit.checkpoint import Keeper
from accounts_review.audit.events import Event
from accounts_review.models import Account, AuditEntry, Case, PersonalData, Role, Snooze
from accounts_review.workflow import advance, answer
from accounts_review.workflow.launch import launch
from accounts_review.workflow.notify import send, smtp
from accounts_review.workflow.notify.send import send_notices
from accounts_review.workflow.people.people import add_person, deactivate
from accounts_review.workflow.retention import due
from accounts_review.workflow.retention.erase import NotErasable, erase_accounts
from accounts_review.workflow.review import decide
from tests.factories import make_activity_gap
from tests.stage import SetStage, Stage, policy_text, someone

NAME, USERNAME, ADDRESS = "Zebulon Quixote", "zebulon.quixote", "zebulon@quixote.example"
TERMS = (NAME, USERNAME, ADDRESS)


@pytest.fixture
def keeper(transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keeper:
    keeper = Keeper(tmp_path)
    monkeypatch.setattr(checkpoint, "keeper", keeper)
    return keeper


@pytest.fixture
def stage(keeper: Keeper, set_stage: SetStage, settings: Any, tmp_path: Path) -> Stage:
    """Somebody who was warned by e-mail, answered, and was then revoked; and somebody who stays."""
    settings.DATA_DIR = tmp_path
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = str(tmp_path / "mail")
    gone = someone(USERNAME, idle=900, email=ADDRESS, first_name="Zebulon", last_name="Quixote", display_name=NAME)
    stage = set_stage(gone, someone("ana", idle=900))
    for role in ("reviewer", "operator", "administrator"):
        add_person(
            login=f"r.{role}", email=f"{role}@r.example", role=role, workspace=None, actor=None, now=stage.clock()
        )
    stage.adopt(policy_text(notice=30))
    reason = f"{NAME} has left, says {ADDRESS}"
    decide.approve(
        accounts=stage.accounts(USERNAME, "ana"), actor=stage.staff("reviewer"), reason=reason, now=stage.clock()
    )
    launch.launch(cleanup=stage.workspace.cleanups.get(), actor=stage.staff("operator"), now=stage.clock())
    send_notices(workspace=stage.workspace, now=stage.clock())
    case = Case.objects.get(account__username=USERNAME)
    said = answer.Said(kind=answer.AnswerKind.LEAVE, text="", agent="Browser")
    answer.answer(case=case, said=said, now=stage.clock())
    advance.make_due(workspace=stage.workspace, now=stage.clock())
    stage.revoke()
    (tmp_path / "kept.csv").write_text(f"username,email\n{USERNAME},{ADDRESS}\nana,ana@x.example\n")
    return stage


def dump() -> str:
    """Every row of every table, with what is packed in texts unpacked."""
    texts = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            texts += [row[0] for row in cursor.fetchall()]
    return "\n".join(texts)


def told(text: str) -> list[str]:
    packed = [base64.b64encode(term.encode()).decode().rstrip("=")[:-2] for term in TERMS]
    return [term for term in (*TERMS, *packed) if term.lower() in text.lower()]


def in_files(folder: Path) -> list[str]:
    found = []
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            found += [f"{path}: {term}" for term in TERMS if term.encode().lower() in content.lower()]
    return found


def erase(stage: Stage, **options: str) -> None:
    given = {"actor": stage.staff("administrator").username, "reason": f"asked for by {NAME}"} | options
    call_command("erase_person", USERNAME, **given)


def test_nothing_tells_of_them_any_more_and_everything_still_holds(
    stage: Stage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert sorted(told(dump())) == sorted(TERMS)
    assert len(list((tmp_path / "mail").iterdir())) >= 1
    assert in_files(tmp_path)
    assert Case.objects.get(account__username=USERNAME).state == "revoked"
    before = AuditEntry.objects.count()
    erase(stage)
    assert told(dump()) == []
    assert in_files(tmp_path) == []
    assert told(caplog.text) == []
    folder = connection.settings_dict["OPTIONS"].get("data_directory")
    assert folder is None or in_files(Path(folder)) == []
    assert audit.verify() == (before + 1, None)
    report = audit.verify_everything(now=now())
    assert [flaw for flaw in report.flaws if "role" not in str(flaw).lower()] == []
    assert "ana" in (tmp_path / "kept.csv").read_text()
    assert Account.objects.get(username="ana").email


def test_what_was_done_stays(stage: Stage) -> None:
    pk = Account.objects.get(username=USERNAME).pk
    kinds = list(AuditEntry.objects.filter(account_id=pk).values_list("kind", flat=True))
    erase(stage)
    account, case = Account.objects.get(pk=pk), Case.objects.get(account=pk)
    assert (account.username, account.email, account.digest) == (f"erased-{pk}", "", "")
    assert stage.sync().problems == []
    assert account.erased_at is not None
    assert (case.state, case.snapshot, case.is_restorable) == ("revoked", None, False)
    entries = AuditEntry.objects.filter(account_id=pk)
    assert list(entries.values_list("kind", flat=True)) == ["person.erased", *kinds]
    assert {entry.subject for entry in entries} == {""}
    assert entries[0].details["reason"] == "asked for by …"


def test_entries_of_an_earlier_version_that_still_name_them_are_told(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It wrote whom a sync found odd into the chain, from which nothing can be erased."""
    health = [{"code": "nameless", "count": 1, "names": ADDRESS}]
    with monkeypatch.context() as earlier:
        earlier.setattr(chain, "PERSONAL", frozenset())
        audit.log([stage.workspace], kind=Event.WORKSPACE_SYNCED, actor="portal", now=now(), data={"health": health})
    entry = AuditEntry.objects.filter(kind=Event.WORKSPACE_SYNCED)[0]
    erase(stage)
    assert f"an earlier version wrote name this person: {entry.seq}.\n" in capsys.readouterr().err


def test_of_very_many_such_entries_the_first_and_the_last_are_told(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And none in which only a code reads like the name."""
    with monkeypatch.context() as earlier:
        earlier.setattr(chain, "PERSONAL", frozenset())
        for names in [ADDRESS] * 12 + ["somebody else"]:
            health = [{"code": "nameless", "count": 1, "names": names}]
            data = {"health": health, USERNAME: 1}
            audit.log([stage.workspace], kind=Event.WORKSPACE_SYNCED, actor="portal", now=now(), data=data)
    told = list(AuditEntry.objects.filter(kind=Event.WORKSPACE_SYNCED).order_by("seq").values_list("seq", flat=True))[
        -13:-1
    ]
    erase(stage)
    assert f"name this person: {', '.join(map(str, told[:10]))}, … {told[-1]} (12).\n" in capsys.readouterr().err


@pytest.fixture
def kept_for_later(transactional_db: None) -> None:
    """The database has kept files for later use in which somebody's name was written before."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE names (name text)")
        for _segment in range(6):
            cursor.execute("INSERT INTO names SELECT %s || n FROM generate_series(1, 60000) n", [NAME])
            cursor.execute("SELECT pg_switch_wal()")
        cursor.execute("DROP TABLE names")
        cursor.execute("CHECKPOINT")


def test_nor_do_files_that_the_database_keeps_for_later(kept_for_later: None, stage: Stage) -> None:
    folder = connection.settings_dict["OPTIONS"].get("data_directory")
    if folder is None:
        pytest.skip("the database of these tests is not the embedded one")
    assert in_files(Path(folder))
    erase(stage)
    assert in_files(Path(folder)) == []


def test_who_is_still_there_or_unknown_is_refused(stage: Stage) -> None:
    administrator = stage.staff("administrator").username
    with pytest.raises(CommandError, match="still lists it"):
        call_command("erase_person", "ana", actor=administrator, reason="x")
    with pytest.raises(CommandError, match="no account"):
        call_command("erase_person", "nobody", actor=administrator, reason="x")
    with pytest.raises(CommandError, match="may not do this"):
        call_command("erase_person", USERNAME, actor=stage.staff("operator").username, reason="x")
    with pytest.raises(CommandError, match="reason"):
        call_command("erase_person", USERNAME, actor=administrator, reason=" ")
    assert told(dump())
    assert not PersonalData.objects.exclude(erased_at=None).exists()


def test_an_access_report_holds_what_is_held(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    call_command("access_report", USERNAME, "-o", str(path))
    report = json.loads(path.read_text())
    [held] = report["accounts"]
    assert (held["account"]["email"], held["account"]["record"]["username"]) == (ADDRESS, USERNAME)
    assert held["clean-ups"][0]["state"] == "revoked"
    assert "Access revoked" in {entry["what"] for entry in held["history"]}


def test_an_access_report_holds_snoozes_and_silences_too(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    [account] = stage.accounts(USERNAME)
    at = stage.clock()
    Snooze.objects.create(account=account, by_login="reviewer", at=at, standing="dormant", dormant_from=at)
    make_activity_gap(account, since=at - timedelta(days=800), until=at)
    call_command("access_report", USERNAME)
    [held] = json.loads(capsys.readouterr().out)["accounts"]
    assert [one["by_login"] for one in held["snoozes"]] == ["reviewer"]
    assert [one["seen_at"] for one in held["silences"]] == [str(at)]


def test_the_command_shows_whose_time_is_over_and_erases_them_for_an_administrator(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    with time_machine.travel(stage.clock() + timedelta(days=400), tick=False):
        call_command("apply_retention")
        assert capsys.readouterr() == (
            f"{USERNAME}\n",
            "Nothing was erased; with --actor LOGIN it is, now and every night.\n",
        )
        assert told(dump()) != []
        call_command("apply_retention", actor=stage.staff("administrator").username)
    assert capsys.readouterr().out == "accounts erased 1\n"
    assert told(dump()) == []


def test_retention_erases_nobody_before_a_preview_and_then_those_whose_time_is_over(stage: Stage) -> None:
    workspace = stage.workspace
    later = stage.clock() + timedelta(days=400)
    assert due.due_accounts(workspace, now=stage.clock() + timedelta(days=300)) == []
    assert [account.username for account in due.due_accounts(workspace, now=later)] == [USERNAME]
    administrator = stage.staff("administrator")
    due.begin(workspace=workspace, actor=administrator, now=later)
    with pytest.raises(NotErasable, match="already"):
        due.begin(workspace=workspace, actor=administrator, now=later)
    assert due.apply_retention(workspace=workspace, now=later).accounts == 1
    assert told(dump()) == []
    assert due.due_accounts(workspace, now=later) == []
    with pytest.raises(NotErasable, match="already erased"):
        erase_accounts(list(Account.objects.exclude(erased_at=None)), now=later)


def test_who_decided_and_left_the_portal_is_forgotten_and_everything_still_holds(stage: Stage) -> None:
    for login in ("reviewer", "operator"):
        deactivate(person=stage.staff(login), actor=None, now=stage.clock())
    roles = list(Role.objects.values())
    later = stage.clock() + timedelta(days=3 * 365)
    assert [person.username for person in due.due_people(stage.workspace, now=later)] == ["reviewer", "operator"]
    assert due.apply_retention(workspace=stage.workspace, now=later).failed == []
    case = Case.objects.get(account__username="ana")
    assert case.approved_by_login.startswith("erased-")
    assert case.cleanup.launched_by.startswith("erased-")
    assert list(Role.objects.values()) == roles
    assert not AuditEntry.objects.filter(actor_ref__name__in=("reviewer", "operator")).exists()
    report = audit.verify_everything(now=later)
    assert [flaw for flaw in report.flaws if "role" not in str(flaw).lower()] == []


def test_who_is_erased_while_their_closing_e_mail_leaves_is_named_by_no_entry(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver = smtp.deliver

    def leave(message: Any, **given: Any) -> Any:
        taken = deliver(message, **given)
        erase_accounts(stage.accounts(USERNAME), now=stage.clock())
        return taken

    monkeypatch.setattr(send, "deliver", leave)
    assert send.send_closings(workspace=stage.workspace, now=stage.clock()).sent == 1
    assert AuditEntry.objects.filter(kind="case.closing_told").count() == 1
    assert told(dump()) == []
