"""Law 9, from the other side: an entry that cannot be written means that the act did not happen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

import accounts_review
from accounts_review import audit
from accounts_review.audit import checkpoint
from accounts_review.audit.checkpoint import Keeper
from accounts_review.audit.events import Event
from accounts_review.models import AuditEntry, Hold, Workspace
from accounts_review.rules.lifecycle import CASE_TRANSITIONS, CLEANUP_TRANSITIONS
from accounts_review.workflow import answer, holds, workspaces
from accounts_review.workflow.launch import launch
from accounts_review.workflow.notify.send import send_notices
from accounts_review.workflow.people import people
from accounts_review.workflow.policy import activate
from accounts_review.workflow.retention import due, erase
from accounts_review.workflow.review import decide
from tests.audit.atomicity import modules_of
from tests.factories import NOW, make_account, make_case, make_cleanup, put_in_force
from tests.stage import SetStage, Stage, policy_text, someone

Act = Callable[[Stage], object]
FULL = """
CREATE FUNCTION refuse_entries() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'disk full'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON accounts_review_auditentry FOR EACH ROW EXECUTE FUNCTION refuse_entries();
"""
ROOT = Path(accounts_review.__file__).parent


def by(stage: Stage, role: str) -> dict[str, Any]:
    return {"actor": stage.staff(role), "now": stage.clock()}


def why(stage: Stage, role: str) -> dict[str, Any]:
    return by(stage, role) | {"reason": "because"}


def cleanup(stage: Stage, number: int) -> Any:
    return stage.workspace.cleanups.get(number=number)


def case_of(stage: Stage, username: str) -> Any:
    return stage.case(username)


def warn(stage: Stage) -> object:
    return send_notices(workspace=stage.workspace, now=stage.clock())


def leave(stage: Stage) -> object:
    said = answer.Said(kind=answer.AnswerKind.KEEP, text="please", agent="Browser")
    return answer.answer(case=case_of(stage, "ben"), said=said, now=stage.clock())


def add(stage: Stage) -> object:
    return people.add_person(
        login="new", email="new@x.example", role="auditor", workspace=None, **by(stage, "administrator")
    )


ACTS: dict[str, Act] = {
    "approve": lambda s: decide.approve(accounts=s.accounts("dora"), **why(s, "reviewer")),
    "exempt": lambda s: decide.exempt(
        accounts=s.accounts("dora"), until=s.clock() + timedelta(days=30), **why(s, "reviewer")
    ),
    "snooze": lambda s: decide.snooze(accounts=s.accounts("dora"), **why(s, "reviewer")),
    "withdraw an exemption": lambda s: decide.withdraw(accounts=s.accounts("cleo"), **why(s, "reviewer")),
    "withdraw a case": lambda s: decide.withdraw(accounts=s.accounts("ana"), **why(s, "reviewer")),
    "launch": lambda s: launch.launch(cleanup=cleanup(s, 2), **by(s, "operator")),
    "pause": lambda s: launch.pause(cleanup=cleanup(s, 1), **why(s, "operator")),
    "cancel": lambda s: launch.cancel(cleanup=cleanup(s, 1), **why(s, "operator")),
    "warn": warn,
    "answer": leave,
    "sync": lambda s: s.sync(),
    "put a policy in force": lambda s: put_in_force(s.workspace, policy_text(limit=400), now=s.clock()),
    "set the mode": lambda s: workspaces.set_mode(
        workspace=s.workspace, mode=Workspace.Mode.DRY_RUN, **by(s, "administrator")
    ),
    "pause the workspace": lambda s: workspaces.pause(workspace=s.workspace, **why(s, "administrator")),
    "open a workspace": lambda s: workspaces.open_workspace(name="other", now=s.clock()),
    "hold": lambda s: holds.hold(workspace=None, **why(s, "auditor")),
    "add a person": add,
    "grant": lambda s: people.grant(
        person=s.staff("auditor"), role="reviewer", workspace=None, **by(s, "administrator")
    ),
    "deactivate": lambda s: people.deactivate(person=s.staff("auditor"), **by(s, "administrator")),
    "change an address": lambda s: people.change_email(
        person=s.staff("auditor"), email="other@x.example", **by(s, "administrator")
    ),
    "erase": lambda s: erase.erase_person(workspace=s.workspace, username="eve", **why(s, "administrator")),
    "begin the retention": lambda s: due.begin(workspace=s.workspace, **by(s, "administrator")),
    "note that the texts were copied": lambda s: activate.note_copied(s.workspace, login="x", now=s.clock()),
}


BY_ITSELF = {
    "management/demo_history.py:_person": "the password of a person of the demo",
    "tasks/nightly.py:retention_job": "sessions that have ended are cleared beside those who are erased",
    "web/policy/emails.py:_save": "a test e-mail is sent after the texts are saved",
    "workflow/notify/send.py:_wait_with_notice": "a try that is counted ends nothing, and one that ends it is an act",
    "workflow/revoke/settle.py:_read_unknown": "that a reading was taken is noted whatever comes of it",
    "workflow/sync/sync.py:sync_workspace": "that a sync runs is noted before there is anything to record",
}
"""Functions that change a row which is no part of the act that they record, and why."""


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    """Accounts in every stand that the acts begin from."""
    stage = set_stage(*(someone(name, idle=900) for name in ("ana", "ben", "cleo", "dora", "eve", "fay")))
    stage.adopt(policy_text(notice=30))
    stage.staff("auditor")
    decide.approve(accounts=stage.accounts("ana", "ben"), **why(stage, "reviewer"))
    launch.launch(cleanup=cleanup(stage, 1), **by(stage, "operator"))
    decide.approve(accounts=stage.accounts("fay"), **why(stage, "reviewer"))
    until = stage.clock() + timedelta(days=30)
    decide.exempt(accounts=stage.accounts("cleo"), until=until, **why(stage, "reviewer"))
    stage.account("eve")
    stage.workspace.accounts.filter(username="eve").update(absent_since=stage.clock())
    return stage


def everything() -> dict[str, str]:
    """A digest of each table that says what is so; a sync that runs and one that failed are told apart elsewhere."""
    found = {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [name for (name,) in cursor.fetchall() if name not in ("accounts_review_sync", "cache")]
        for table in sorted(tables):
            rows = "string_agg(t::text, chr(10) ORDER BY t::text)"
            cursor.execute(f"SELECT md5(coalesce({rows}, '')) FROM \"{table}\" t")
            [found[table]] = cursor.fetchone()
    return found


def refuse_entries() -> None:
    with connection.cursor() as cursor:
        cursor.execute(FULL)


def test_what_cannot_be_recorded_does_not_happen(stage: Stage) -> None:
    refuse_entries()
    before = everything()
    for name, act in ACTS.items():
        stage.workspace.refresh_from_db()
        with pytest.raises(DatabaseError, match="disk full"):
            act(stage)
        assert everything() == before, name


@transaction.atomic
def rename(workspace: Workspace, event: Event) -> None:
    Workspace.objects.update(title=event)
    audit.log([workspace], kind=event, actor="portal", now=NOW)


def test_no_event_of_the_registry_leaves_a_change_without_its_entry(workspace: Workspace) -> None:
    refuse_entries()
    for event in Event:
        with pytest.raises(DatabaseError, match="disk full"):
            rename(workspace, event)
    assert Workspace.objects.get().title == workspace.title


def test_no_state_changes_without_its_entry(workspace: Workspace) -> None:
    case = make_case(make_cleanup(workspace), make_account(workspace, "ana"))
    refuse_entries()
    row: Any
    for row, transitions in ((case, CASE_TRANSITIONS), (case.cleanup, CLEANUP_TRANSITIONS)):
        for origin, targets in transitions.items():
            type(row)._default_manager.update(state=origin)
            row.refresh_from_db()
            for to in targets:
                with pytest.raises(DatabaseError, match="disk full"):
                    audit.transition([row], to, kind=Event.CASE_DUE, actor="portal", now=NOW)
                assert type(row)._default_manager.get().state == origin


def test_a_longer_list_of_flaws_that_cannot_be_recorded_ends_no_hold(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "keeper", Keeper(tmp_path))
    assert holds.verify(now=NOW), "nothing was kept on this host yet"
    audit.log([workspace], kind=Event.ACCOUNT_SNOOZED, actor="nobody.known", now=NOW)
    refuse_entries()
    with pytest.raises(DatabaseError, match="disk full"):
        holds.verify(now=NOW)
    assert Hold.objects.open().get().cause == Hold.Cause.FLAWED


def test_all_acts_are_recorded_where_it_can_be(stage: Stage) -> None:
    last = AuditEntry.objects.count()
    for name in ("withdraw an exemption", "approve", "launch", "warn", "answer", "hold", "add a person", "erase"):
        ACTS[name](stage)
    kinds = set(AuditEntry.objects.filter(seq__gt=last).values_list("kind", flat=True))
    assert {"account.exemption_withdrawn", "account.approved", "cleanup.launched", "case.noticed"} <= kinds
    assert {"account.answered", "hold.placed", "person.added", "person.erased"} <= kinds


def test_every_event_is_written_in_the_transaction_of_its_act() -> None:
    """Whoever changes rows and writes an entry does both in one transaction, or is only called within one."""
    modules = modules_of(ROOT)
    loose = {f"{module.path.relative_to(ROOT)}:{name}" for module in modules for name in module.loose(modules)}
    assert loose == set(BY_ITSELF)
    named = set().union(*(module.events for module in modules))
    written = {event.name for event in Event} - named
    # Codes that are put together: each outcome of a case is one, and those of clients' tables.
    assert all(name.startswith("CASE_") for name in written), written
