"""Whose time is over: by their own workspaces alone, and one that cannot be erased stops nobody else."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils.timezone import now

from accounts_review import audit
from accounts_review.audit import checkpoint
from accounts_review.audit.checkpoint import Keeper
from accounts_review.audit.events import Event
from accounts_review.audit.verification.actors import PROGRAMS
from accounts_review.models import Account, AuditEntry, Hold, Role, Run, Workspace
from accounts_review.tasks import nightly
from accounts_review.workflow import holds, workspaces
from accounts_review.workflow.people.people import add_person, deactivate
from accounts_review.workflow.retention import due, traces
from accounts_review.workflow.retention.terms import SearchTerms
from tests.factories import NOW, give_role, make_account, make_case, make_cleanup, make_hold, put_in_force
from tests.stage import policy_text

YEARS = timedelta(days=3 * 365)


def adopt(workspace: Workspace, months: int) -> None:
    text = f"{policy_text()}\n[retention]\nmonths_after_end = 1\nkeep_audit_names_months = {months}\n"
    put_in_force(workspace, text, now=NOW)


def opened(name: str, months: int) -> Workspace:
    workspace = workspaces.open_workspace(name=name, now=NOW - timedelta(days=100))
    adopt(workspace, months)
    return workspace


def left(login: str, *places: Workspace, at: datetime, email: str = "", name: str = "") -> User:
    """Somebody who had a role and was deactivated."""
    person = User.objects.filter(username=login).first()
    if person is None and login in PROGRAMS:
        # As a shell can make one; the portal refuses the name.
        person = User.objects.create(username=login, email=email or f"{login}@portal.example")
    if person is None:
        add_person(login=login, email=email or f"{login}@portal.example", role="reviewer", workspace=places[0],
            actor=None, now=at, name=name)  # fmt: skip
        person = User.objects.get(username=login)
    person.is_active = True
    person.save()
    for place in places:
        give_role(person, "reviewer", place)
    deactivate(person=person, actor=None, now=at)
    return User.objects.get(username=login)


def logins(workspace: Workspace, at: datetime) -> list[str]:
    return [person.username for person in due.due_people(workspace, now=at)]


def test_people_of_another_workspace_are_neither_shown_nor_erased(workspace: Workspace) -> None:
    adopt(workspace, 1)
    other = opened("other", 120)
    left("of.other", other, at=NOW)
    left("of.both", workspace, other, at=NOW)
    left("of.main", workspace, at=NOW)
    later = NOW + YEARS
    assert logins(workspace, later) == ["of.main"]
    assert logins(other, later) == []
    assert logins(other, NOW + timedelta(days=3660)) == ["of.other", "of.both"]
    due.apply_retention(workspace=workspace, now=later)
    assert set(User.objects.values_list("username", flat=True)) >= {"of.other", "of.both"}
    assert not User.objects.filter(username="of.main").exists()


def test_the_last_time_somebody_left_counts(workspace: Workspace) -> None:
    adopt(workspace, 1)
    later = NOW + YEARS
    left("ana", workspace, at=NOW)
    assert logins(workspace, later) == ["ana"]
    left("ana", workspace, at=later - timedelta(days=1))
    assert logins(workspace, later) == []


@pytest.mark.parametrize("login", ["jd", "auditor", "operator", "portal", "shell", "live", "100", "o.k"])
def test_who_left_is_forgotten_and_nothing_else(workspace: Workspace, login: str) -> None:
    adopt(workspace, 1)
    stays = User.objects.create(username="stays", email="stays@portal.example")
    give_role(stays, "operator")
    give_role(stays, "auditor", workspace)
    audit.log([workspace], kind=Event.HOLD_PLACED, actor="stays", now=NOW, data={"reason": "the auditor asked, live"})
    audit.log([workspace], kind=Event.SIGNIN_DONE, actor="portal", now=NOW, data={"client": "192.0.2.1"})
    person = left(login, workspace, at=NOW)
    User.objects.filter(pk=person.pk).update(email="")
    case = make_case(make_cleanup(workspace, launched_by=login), make_account(workspace), approved_by_login=login)
    mode, roles = workspace.mode, list(Role.objects.values())
    due.apply_retention(workspace=workspace, now=NOW + YEARS)
    case.refresh_from_db()
    workspace.refresh_from_db()
    assert (workspace.mode, list(Role.objects.values())) == (mode, roles)
    assert User.objects.get(pk=person.pk).username == f"erased-{person.pk}"
    assert (case.approved_by_login == login) is (login in ("portal", "shell"))
    hold, signin = (AuditEntry.objects.get(kind=kind) for kind in (Event.HOLD_PLACED, Event.SIGNIN_DONE))
    assert (hold.actor, signin.actor, signin.details) == ("stays", "portal", {"client": "192.0.2.1"})
    assert hold.details == ({} if login == "live" else {"reason": "the auditor asked, live"})
    assert AuditEntry.objects.filter(personal__details__login=login).count() == 0
    assert audit.verify() == (AuditEntry.objects.count(), None)
    assert logins(workspace, NOW + YEARS) == []


def test_what_a_flaw_of_the_audit_said_of_who_left_is_forgotten(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "keeper", Keeper(tmp_path))
    adopt(workspace, 1)
    person = left("jo.hansen", workspace, at=NOW)
    audit.log([workspace], kind=Event.ACCOUNT_SNOOZED, actor=person.username, now=NOW)
    assert any("jo.hansen" in line for line in holds.verify(now=NOW))
    make_hold(Hold.Cause.FLAWED, host="another", details={"first": "jo.hansen had no role"})
    assert "first" not in AuditEntry.objects.get(kind=Event.CHECKPOINT_FAILED).data
    root = User.objects.create(username="root", is_superuser=True)
    holds.reset_checkpoint(workspaces=[], actor=root, reason="looked at it", now=NOW)
    assert "jo.hansen" in str(AuditEntry.objects.get(kind=Event.CHECKPOINT_RESET).details["holds"])
    due.apply_retention(workspace=workspace, now=NOW + YEARS)
    entries = AuditEntry.objects.select_related("personal")
    assert [entry.kind for entry in entries if "jo.hansen" in f"{entry.data} {entry.details} {entry.actor}"] == []
    assert not Hold.objects.filter(details__icontains="jo.hansen").exists()
    assert audit.verify() == (AuditEntry.objects.count(), None)


def test_the_command_asks_each_time_who_lets_it_erase(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    account = make_account(workspace, "zebulon.q", gone_at=NOW)
    Workspace.objects.update(retention_since=NOW)
    monkeypatch.setattr("accounts_review.tasks.actions.now", lambda: NOW + YEARS)
    give_role(User.objects.create(username="olga"), "operator", workspace)
    for actor, said in (("nobody.at.all", "No active person"), ("olga", "may not do this")):
        with pytest.raises(CommandError, match=said):
            call_command("apply_retention", workspace="main", actor=actor)
    account.refresh_from_db()
    assert (account.username, account.erased_at) == ("zebulon.q", None)


def fail_for(monkeypatch: pytest.MonkeyPatch, username: str) -> None:
    """Let the database refuse what takes somebody's name out of texts, after much else of them is erased."""
    sweep = traces.sweep_tables

    def failing(terms: SearchTerms, **options: Any) -> int:
        if username in terms.words:
            with connection.cursor() as cursor:
                cursor.execute("SELECT %s::jsonb", [username])
        return sweep(terms, **options)

    monkeypatch.setattr(traces, "sweep_tables", failing)


def test_one_that_fails_stops_nobody_and_is_reported_without_its_name(
    transactional_db: None,
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Any,
    settings: Any,
) -> None:
    settings.DATA_DIR = tmp_path
    other = opened("other", 24)
    first, second = (make_account(workspace, name, gone_at=NOW) for name in ("zebulon.q", "ana.b"))
    third = make_account(other, "third", gone_at=NOW)
    Workspace.objects.update(retention_since=NOW)
    audit.log([workspace], kind=Event.SIGNIN_DONE, actor="m", now=now() - timedelta(days=99), data={"client": "::1"})
    monkeypatch.setattr("accounts_review.tasks.actions.now", lambda: NOW + YEARS)
    fail_for(monkeypatch, "zebulon.q")
    with pytest.raises(nightly.NotAllErased, match=rf"1 erasure failed.*main: account {first.pk} \(DataError\)"):
        nightly.retention_job()
    assert Account.objects.get(pk=first.pk).username == "zebulon.q"
    assert {one.pk for one in Account.objects.exclude(erased_at=None)} == {second.pk, third.pk}
    assert AuditEntry.objects.get(kind=Event.SIGNIN_DONE).details == {}
    assert f"account {first.pk}" in Run.objects.get(task="retention_job").error
    assert "zebulon" not in caplog.text
    monkeypatch.setattr("accounts_review.management.commands.apply_retention.now", lambda: NOW + YEARS)
    User.objects.create(username="root", is_superuser=True)
    with pytest.raises(CommandError, match=f"Not erased.*account {first.pk}"):
        call_command("apply_retention", workspace="main", actor="root")


def test_a_workspace_that_fails_stops_no_other(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    opened("other", 24)
    Workspace.objects.update(retention_since=NOW)
    asked = []

    def failing(one: Workspace) -> Any:
        asked.append(one.name)
        raise RuntimeError("broken")

    monkeypatch.setattr(nightly, "apply_retention", failing)
    with pytest.raises(nightly.NotAllErased, match="2 erasures failed"):
        nightly.retention_job()
    assert asked == ["main", "other"]
