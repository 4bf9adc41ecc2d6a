"""The tamper matrix: what a superuser of the database can do to the audit, and how plain verification names it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils.timezone import now

from accounts_review import audit
from accounts_review.audit.chain import commitment, seal
from accounts_review.audit.checkpoint import GENESIS, Keeper
from accounts_review.audit.events import Event
from accounts_review.models import Account, AuditEntry, Case, Exemption, Hold, PersonalData, PolicyVersion, Workspace
from accounts_review.workflow import holds
from accounts_review.workflow.launch import launch
from accounts_review.workflow.people.people import add_person
from accounts_review.workflow.review import decide
from tests.remembered import remembered
from tests.stage import SetStage, Stage, policy_text, someone

pytestmark = pytest.mark.usefixtures("keeper")

ENTRIES, PERSONAL = "accounts_review_auditentry", "accounts_review_personaldata"


@pytest.fixture
def stage(keeper: Keeper, set_stage: SetStage) -> Iterator[Stage]:
    """A portal with people, decisions and a launched clean-up, all of which the record tells of."""
    stage = set_stage(*(someone(name, idle=900) for name in ("ana", "ben", "cleo", "dora")))
    where = [name for name in connection.introspection.django_table_names() if name != "accounts_review_workspace"]
    remembered("decisions", lambda: _decide_and_launch(stage), among=where)
    assert verify() == ""
    yield stage
    sql("DROP RULE IF EXISTS swallow ON accounts_review_auditentry")


def _decide_and_launch(stage: Stage) -> None:
    now = stage.clock()
    people = {
        role: add_person(
            login=f"real.{role}", email=f"{role}@real.example", role=role, workspace=None, actor=None, now=now
        ).person
        for role in ("reviewer", "operator", "administrator")
    }
    User.objects.filter(username="administrator").update(is_superuser=True)  # Came without an entry, and set the mode.
    stage.adopt(policy_text())
    reviewer: User = people["reviewer"]
    decide.approve(accounts=stage.accounts("ana", "ben"), actor=reviewer, reason="left", now=now)
    until = now + timedelta(days=90)
    decide.exempt(accounts=stage.accounts("cleo"), actor=reviewer, reason="on leave", until=until, now=now)
    launch.launch(cleanup=stage.workspace.cleanups.get(), actor=people["operator"], now=now)


def verify() -> str:
    """What plain ``audit_verify`` says is wrong, or ""."""
    try:
        call_command("audit_verify")
    except CommandError as error:
        return str(error)
    return ""


def sql(statement: str, *parameters: Any) -> None:
    """Straight in PostgreSQL, as a superuser with the triggers switched off."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        try:
            cursor.execute(statement, parameters or None)
        finally:
            cursor.execute("SET session_replication_role = DEFAULT")


def reseal(first: int = 1) -> None:
    """Give every entry from one on a digest that fits, as who knows the recipe can."""
    before = AuditEntry._base_manager.filter(seq=first - 1).values_list("digest", flat=True).first()
    previous = before or GENESIS
    for row in AuditEntry._base_manager.filter(seq__gte=first).order_by("seq"):
        row.previous = previous
        previous = seal(row)
        sql(f"UPDATE {ENTRIES} SET previous = %s, digest = %s WHERE seq = %s", row.previous, previous, row.seq)


def shift(first: int) -> None:
    for seq in range(AuditEntry._base_manager.count(), first - 1, -1):
        sql(f"UPDATE {ENTRIES} SET seq = seq + 1 WHERE seq = %s", seq)


def forge(*, at: Any = None, kind: str = "account.approved") -> int:
    """Append an entry with a digest that fits."""
    last = AuditEntry._base_manager.order_by("-seq")[0]
    last.seq, last.previous, last.at, last.kind, last.mark = last.seq + 1, last.digest, at or now(), kind, "0" * 64
    last.digest = seal(last)
    last._state.adding = True
    AuditEntry._base_manager.bulk_create([last])
    return int(last.seq)


@pytest.mark.matrix(fast=2, reason="each change is a portal of its own")
@pytest.mark.parametrize("act", ["UPDATE {} SET kind = 'x'", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
@pytest.mark.parametrize("table", [ENTRIES, PERSONAL])
def test_with_the_triggers_on_nothing_is_changed(stage: Stage, act: str, table: str) -> None:
    statement = act.format(table).replace("kind =", "name =" if table == PERSONAL else "kind =")
    with pytest.raises(DatabaseError, match="refused"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert verify() == ""


def test_a_changed_entry_is_named(stage: Stage) -> None:
    sql(f"UPDATE {ENTRIES} SET data = data || '{{\"x\": 1}}' WHERE seq = 5")
    assert "Entry 5, " in verify()


def test_an_entry_with_a_number_that_nobody_can_read_is_named(stage: Stage) -> None:
    sql(f"UPDATE {ENTRIES} SET data = data || jsonb_build_object('to', repeat('7', 5000)::numeric) WHERE seq = 5")
    assert "Entry 5, " in verify()


def test_a_removed_entry_is_named(stage: Stage) -> None:
    sql(f"DELETE FROM {ENTRIES} WHERE seq = 4")
    assert "Entry 4, " in verify()


def test_two_swapped_entries_are_named(stage: Stage) -> None:
    for before, after in ((3, 100), (4, 3), (100, 4)):
        sql(f"UPDATE {ENTRIES} SET seq = %s WHERE seq = %s", after, before)
    assert "Entry 3, " in verify()


def test_a_change_rewritten_to_the_end_is_named_at_the_change(stage: Stage) -> None:
    sql(f"UPDATE {ENTRIES} SET data = data || '{{\"x\": 1}}' WHERE seq = 5")
    reseal(5)
    assert "Entry 5, " in verify()
    assert "the portal did not write it" in verify()


def test_an_insertion_rewritten_to_the_end_is_named_at_the_insertion(stage: Stage) -> None:
    shift(6)
    columns = "at, workspace, actor_ref_id, kind, subject_ref_id, account_id, cleanup, data, personal_id"
    columns += ", previous, digest, mark"
    sql(f"INSERT INTO {ENTRIES} (seq, {columns}) SELECT 6, {columns} FROM {ENTRIES} WHERE seq = 5")
    reseal(6)
    assert "Entry 6, " in verify()


def test_a_record_rewritten_as_a_whole_is_named(stage: Stage) -> None:
    sql(f"UPDATE {ENTRIES} SET workspace = 'other'")
    reseal()
    assert "Entry 1, " in verify()


def test_a_tail_that_was_cut_off_is_named(stage: Stage) -> None:
    last = AuditEntry._base_manager.count()
    sql(f"DELETE FROM {ENTRIES} WHERE seq > %s", last - 2)
    assert f"Entry {last - 1}, checkpoint: this host recorded more" in verify()


def test_an_emptied_record_is_named(stage: Stage) -> None:
    sql(f"DELETE FROM {ENTRIES}")
    assert "Entry 1, checkpoint: this host recorded more" in verify()


def test_an_older_state_with_new_entries_on_it_is_named_where_it_parts(stage: Stage) -> None:
    last = AuditEntry._base_manager.count()
    sql(f"DELETE FROM {ENTRIES} WHERE seq > %s", last - 2)
    for _ in range(5):
        audit.log([stage.workspace], kind=Event.CASE_HELD, actor="portal", now=now())
    assert f"Entry {last}, checkpoint: it is not the entry that this host recorded" in verify()


@pytest.mark.parametrize(
    ("damage", "mend", "said"),
    [
        ("DROP TRIGGER append_only_rows ON {0}", "CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON {0} "
         "FOR EACH ROW EXECUTE FUNCTION accounts_review_append_only()", "it was removed"),
        ("ALTER TABLE {0} DISABLE TRIGGER append_only_rows", "ALTER TABLE {0} ENABLE TRIGGER append_only_rows",
         "it is switched off"),
        ("ALTER TABLE {0} ENABLE REPLICA TRIGGER append_only_rows", "ALTER TABLE {0} ENABLE TRIGGER append_only_rows",
         "it is switched off"),
        ("CREATE RULE swallow AS ON INSERT TO {0} WHERE NEW.cleanup = 7 DO INSTEAD NOTHING",
         "DROP RULE swallow ON {0}", "Rule swallow"),
    ],
)  # fmt: skip
def test_guards_that_do_not_stand_are_named(stage: Stage, damage: str, mend: str, said: str) -> None:
    sql(damage.format(ENTRIES))
    try:
        assert said in verify()
    finally:
        sql(mend.format(ENTRIES))
    assert verify() == ""


def test_a_guard_whose_function_does_nothing_any_more_is_named(stage: Stage) -> None:
    name = "accounts_review_append_only"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef(%s::regproc)", [name])
        [whole] = cursor.fetchone()
    sql(f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$")
    try:
        assert "trigger append_only_rows on accounts_review_auditentry: it was changed" in verify().replace("T", "t")
    finally:
        sql(whole)


def test_a_forged_entry_is_named(stage: Stage) -> None:
    seq = forge()
    assert f"Entry {seq}, account.approved: the portal did not write it" in verify()


def test_a_backdated_entry_is_named_even_once_the_portal_has_written_more(stage: Stage) -> None:
    seq = forge(at=now() - timedelta(days=400))
    audit.log([stage.workspace], kind=Event.CASE_HELD, actor="portal", now=now())
    assert f"Entry {seq}, account.approved: the portal did not write it" in verify()


def test_an_entry_that_no_checkpoint_covers_is_named(stage: Stage, keeper: Keeper) -> None:
    seq = forge(at=now() - timedelta(minutes=2), kind="case.held")
    assert f"Entry {seq}, case.held: no checkpoint covers it" in verify()


CHANGES: dict[str, Callable[[], None]] = {
    "case": lambda: sql("UPDATE accounts_review_case SET state = 'spared' WHERE account_id = %s", pk("ana")),
    "approver": lambda: sql("UPDATE accounts_review_case SET approved_by_login = 'x' WHERE account_id = %s", pk("ana")),
    "evidence": lambda: sql("UPDATE accounts_review_case SET evidence = evidence || '{\"limit_days\": 1}'"),
    "a new case": lambda: copy_case(),
    "clean-up": lambda: sql("UPDATE accounts_review_cleanup SET state = 'closed'"),
    "dry run": lambda: sql("UPDATE accounts_review_cleanup SET dry_run = NOT dry_run"),
    "exemption": lambda: sql("UPDATE accounts_review_exemption SET until = until - interval '80 days'"),
    "exemption ended": lambda: sql("UPDATE accounts_review_exemption SET withdrawn_at = now()"),
    "exemption removed": lambda: sql("DELETE FROM accounts_review_exemption"),
    "policy": lambda: sql("UPDATE accounts_review_policyversion SET text = replace(text, '730', '90')"),
    "policy in force": lambda: put_in_force(1),
    "mode": lambda: sql(
        "UPDATE accounts_review_workspace SET mode = CASE mode WHEN 'live' THEN 'dry-run' ELSE 'live' END"
    ),
    "address": lambda: sql("UPDATE accounts_review_account SET email = 'x@y.example' WHERE id = %s", pk("dora")),
    "record": lambda: sql("UPDATE accounts_review_account SET raw = replace(raw, 'dora', 'doro')"),
    "gone": lambda: sql("UPDATE accounts_review_account SET gone_at = now() WHERE id = %s", pk("dora")),
    "username": lambda: sql("UPDATE accounts_review_account SET username = 'x' WHERE id = %s", pk("ana")),
    "role": lambda: sql("UPDATE accounts_review_role SET name = 'administrator' WHERE name = 'reviewer'"),
    "erased": lambda: sql(f"UPDATE {PERSONAL} SET name = '', details = '{{}}', salt = '', erased_at = now()"),
    "name": lambda: sql(f"UPDATE {PERSONAL} SET name = 'somebody' WHERE name = 'ana'"),
}


NAMED = {
    "case": "case 1: state is spared",
    "approver": "approved by is x",
    "evidence": "limit_days is 1",
    "a new case": "the audit has no record of it",
    "clean-up": "clean-up 1 of main: state is closed",
    "dry run": "clean-up 1 of main: dry run is",
    "exemption": ", account.exempted, exemption ",
    "exemption ended": "withdrawn is True",
    "exemption removed": ", account.exempted, exemption: the record it refers to is missing",
    "policy": ", policy.adopted, policy version 2 of main: its text is not the one that was activated",
    "policy in force": "whether it is in force",
    "mode": "workspace main: mode is",
    "address": "email is not as in the record",
    "record": "its record is not the one that was read",
    "gone": "it is marked as gone",
    "username": "entries know it by another username",
    "role": "real.reviewer is administrator, and the audit does not say",
    "erased": "personal data were erased on",
    "name": "the names beside it are not those it was written with",
}


@pytest.mark.matrix(fast=4, reason="each change is a portal of its own")
@pytest.mark.parametrize("change", CHANGES)
def test_what_was_changed_beside_the_audit_is_named(stage: Stage, change: str) -> None:
    expected = NAMED[change].replace("case 1:", f"case {case_pk()}:")
    CHANGES[change]()
    named = verify()
    assert expected in named


def test_swapped_names_are_named_also_when_everything_was_written_anew(stage: Stage) -> None:
    ana, ben = (PersonalData.objects.get(name=name, account_id=pk(name)) for name in ("ana", "ben"))
    for row, name in ((ana, "ben"), (ben, "ana")):
        sql(f"UPDATE {PERSONAL} SET name = %s WHERE digest = %s", name, row.digest)
    assert "the names beside it are not those it was written with" in verify()
    for row, name in ((ana, "ben"), (ben, "ana")):
        row.name = name
        digest = commitment(row)
        sql(f"UPDATE {PERSONAL} SET digest = %s WHERE digest = %s", digest, row.digest)
        sql(f"UPDATE {ENTRIES} SET subject_ref_id = %s WHERE subject_ref_id = %s", digest, row.digest)
    reseal()
    assert "the portal did not write it" in verify()


def test_an_actor_who_had_no_role_then_is_named(stage: Stage) -> None:
    audit.log([stage.account("dora")], kind=Event.ACCOUNT_SNOOZED, actor="nobody.at.all", now=now())
    assert "account.snoozed: there was nobody called nobody.at.all" in verify()
    auditor = add_person(
        login="an.auditor", email="a@real.example", role="auditor", workspace=None, actor=None, now=now()
    )
    audit.log([stage.account("dora")], kind=Event.ACCOUNT_SNOOZED, actor=auditor.person.username, now=now())
    assert "account.snoozed: an.auditor had no role for it then" in verify()


def test_without_any_checkpoint_nothing_passes_silently(stage: Stage, keeper: Keeper) -> None:
    kept = keeper.file.rename(keeper.folder / "elsewhere.json")
    assert "has no checkpoint to compare with" in verify()
    call_command("audit_verify", "--checkpoint", str(kept))


def put_in_force(number: int) -> None:
    sql("UPDATE accounts_review_policyversion SET is_current = false")
    sql("UPDATE accounts_review_policyversion SET is_current = true WHERE number = %s", number)


def copy_case() -> None:
    case = Case.objects.get(account_id=pk("ana"))
    case.pk, case.account_id = None, pk("dora")
    case.save()


def case_pk() -> int:
    return Case.objects.get(account__username="ana").pk


def pk(username: str) -> int:
    return Account.objects.get(username=username).pk


def test_the_stage_has_what_is_tampered_with(stage: Stage) -> None:
    assert Case.objects.count() == 2
    assert Exemption.objects.count() == 1
    assert PolicyVersion.objects.count() >= 2
    assert Workspace.objects.count() == 1


def test_a_mismatch_found_at_night_holds_everything_until_an_administrator_has_looked(stage: Stage) -> None:
    assert holds.verify(now=now()) == []
    seq = forge()
    [said, *_rest] = holds.verify(now=now())
    assert said.startswith(f"Entry {seq}, account.approved: ")
    hold = holds.over(stage.workspace)
    assert hold is not None
    assert hold.cause == "audit_flawed"
    told = AuditEntry.objects.get(kind="checkpoint.failed")
    assert told.details["first"] == said
    assert holds.verify(now=now()) == []
    assert Hold.objects.filter(released_at=None).count() == 1
