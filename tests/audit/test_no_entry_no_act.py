"""Law 9, from the other side: an entry that cannot be written means that the act did not happen."""

from __future__ import annotations

import ast
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection

import accounts_review
from accounts_review.audit.events import Event
from accounts_review.models import AuditEntry, Workspace
from accounts_review.workflow import answer, holds, workspaces
from accounts_review.workflow.launch import launch
from accounts_review.workflow.notify.send import send_notices
from accounts_review.workflow.people import people
from accounts_review.workflow.policy import activate
from accounts_review.workflow.retention import due, erase
from accounts_review.workflow.review import decide
from tests.factories import put_in_force
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


JOINING = {
    "workflow/answer.py:_change",
    "workflow/answer.py:_exempt",
    "workflow/launch/launch.py:_hold_back",
    "workflow/notify/bounces.py:_mark",
    "workflow/notify/bounces.py:_note_late",
    "workflow/policy/activate.py:put_in_force",
    "workflow/workspaces.py:_leave",
}
"""Parts of an act that join the transaction of whoever calls them."""


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


@pytest.mark.parametrize("name", ACTS)
def test_what_cannot_be_recorded_does_not_happen(stage: Stage, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(FULL)
    before = everything()
    with pytest.raises(DatabaseError, match="disk full"):
        ACTS[name](stage)
    assert everything() == before


def test_all_acts_are_recorded_where_it_can_be(stage: Stage) -> None:
    last = AuditEntry.objects.count()
    for name in ("withdraw an exemption", "approve", "launch", "warn", "answer", "hold", "add a person", "erase"):
        ACTS[name](stage)
    kinds = set(AuditEntry.objects.filter(seq__gt=last).values_list("kind", flat=True))
    assert {"account.exemption_withdrawn", "account.approved", "cleanup.launched", "case.noticed"} <= kinds
    assert {"account.answered", "hold.placed", "person.added", "person.erased"} <= kinds


def test_every_event_is_written_in_the_transaction_of_its_act() -> None:
    """Whoever writes an entry beside a change of rows does both in one transaction, as the code shows."""
    loose = {where for path in ROOT.rglob("*.py") for where in _loose_writers(path)}
    assert loose == JOINING
    named = {name for path in ROOT.rglob("*.py") for name in _events_named(path)}
    written = {event.name for event in Event} - named
    # Codes that are put together: each outcome of a case is one, and those of clients' tables.
    assert all(name.startswith("CASE_") for name in written), written


def _loose_writers(path: Path) -> list[str]:
    """Functions that change rows and write an entry without a transaction around both."""
    functions = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef))
    loose = (one for one in functions if _writes(one) and _changes(one) and not _is_atomic(one))
    return [f"{path.relative_to(ROOT)}:{function.name}" for function in loose]


def _calls(function: ast.FunctionDef) -> list[ast.Call]:
    return [node for node in ast.walk(function) if isinstance(node, ast.Call)]


def _writes(function: ast.FunctionDef) -> bool:
    return any(ast.unparse(call.func) in ("audit.log", "audit.append") for call in _calls(function))


def _changes(function: ast.FunctionDef) -> bool:
    changing = ("update", "create", "bulk_create", "delete", "save", "get_or_create", "update_or_create")
    return any(isinstance(call.func, ast.Attribute) and call.func.attr in changing for call in _calls(function))


def _is_atomic(function: ast.FunctionDef) -> bool:
    decorated = any("atomic" in ast.unparse(one) for one in function.decorator_list)
    blocks = (node for node in ast.walk(function) if isinstance(node, ast.With))
    return decorated or any("atomic" in ast.unparse(item.context_expr) for block in blocks for item in block.items)


def _events_named(path: Path) -> set[str]:
    if path.name == "events.py":
        return set()
    names = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute))
    return {node.attr for node in names if isinstance(node.value, ast.Name) and node.value.id == "Event"}
