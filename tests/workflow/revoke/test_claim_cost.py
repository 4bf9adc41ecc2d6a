"""What is asked at each claim and gate, and by each run of e-mails, costs the same for ten as for thousands.

An index knows each.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts_review.audit.events import Event
from accounts_review.models import Account, AuditEntry, Case, Cleanup, Workspace
from accounts_review.models.cleanup import HEARD
from accounts_review.workflow.brake import brake
from accounts_review.workflow.notify.taken import record_left
from accounts_review.workflow.notify.waiting import sent_within_the_hour
from accounts_review.workflow.revoke import last_look
from accounts_review.workflow.revoke.standstill import _FIRST_ENDED
from tests.factories import NOW, make_cleanup
from tests.stage import SetStage, someone

MANY = 4000
pytestmark = pytest.mark.slow(reason="plans for many cases, which have to be there")


@pytest.fixture
def cleanup(workspace: Workspace) -> Cleanup:
    """Thousands are due in a clean-up, and as many were warned and intended long ago."""
    cleanup = make_cleanup(workspace, state="running", dry_run=False)
    accounts = Account.objects.bulk_create(
        Account(workspace=workspace, username=f"p{n}", raw='{"username": "x"}', digest=str(n), read_at=NOW)
        for n in range(MANY)
    )
    Case.objects.bulk_create(
        Case(cleanup=cleanup, account=one, state="due", approved_at=NOW, moved_at=NOW, evidence={}) for one in accounts
    )
    AuditEntry.objects.bulk_create(
        AuditEntry(
            seq=n,
            at=NOW - timedelta(days=9),
            workspace=workspace.name,
            actor_ref_id="0" * 64,
            kind=kind,
            previous="",
            digest=str(n),
        )
        for kind, first in {"case.intended": 1000, "case.noticed": 1000 + MANY}.items()
        for n in range(first, first + MANY)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE accounts_review_case, accounts_review_auditentry, accounts_review_account")
    return cleanup


def plan_of(ask: Callable[[], Any]) -> str:
    """How the database carries out the last query that something asks."""
    with CaptureQueriesContext(connection) as asked:
        ask()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {asked.captured_queries[-1]['sql']}")
        return "\n".join(row[0] for row in cursor.fetchall())


def test_the_next_who_are_due_are_found_by_an_index_and_not_sorted(cleanup: Cleanup, set_stage: SetStage) -> None:
    revoker = set_stage(synced=False).revoker()
    plan = plan_of(lambda: revoker._next_up(cleanup, 8))
    assert "case_queue" in plan
    assert "Sort Key" not in plan
    with CaptureQueriesContext(connection) as asked:
        assert len(revoker._next_up(cleanup, 8)) == 8
    assert "raw" not in asked.captured_queries[-1]["sql"].lower()


def test_the_stages_count_no_further_than_they_must(cleanup: Cleanup) -> None:
    plan = plan_of(lambda: _FIRST_ENDED.rows(cleanup=cleanup.pk))
    assert "case_queue" in plan or "case_heard" in plan
    assert "Seq Scan" not in plan


def test_those_who_were_heard_are_found_by_an_index(cleanup: Cleanup) -> None:
    assert "case_heard" in plan_of(lambda: cleanup.cases.filter(HEARD).order_by()[:10].count())
    assert "case_heard" in plan_of(lambda: brake(cleanup, now=NOW))


def test_the_hourly_limit_is_counted_without_those_of_long_ago(cleanup: Cleanup, workspace: Workspace) -> None:
    plan = plan_of(lambda: last_look.budget_left(workspace, now=NOW))
    assert "audit_intents" in plan
    assert "Seq Scan" not in plan


def test_so_are_the_e_mails_of_the_last_hour(cleanup: Cleanup, workspace: Workspace) -> None:
    plan = plan_of(lambda: sent_within_the_hour(workspace, kinds=(Event.CASE_NOTICED,), now=NOW))
    assert "audit_emails" in plan
    assert "personaldata" not in plan


def test_what_a_run_of_e_mails_that_died_has_left_is_found_by_an_index(cleanup: Cleanup, workspace: Workspace) -> None:
    assert "case_taken" in plan_of(lambda: record_left(workspace, now=NOW))


def test_eight_together_take_a_third_of_what_each_took_alone(set_stage: SetStage) -> None:
    """Each took 44 queries before."""
    names = [f"person.{number:02d}" for number in range(22)]
    stage = set_stage(*map(someone, names), others=60, launched=names)
    stage.revoke(limit=6)
    with CaptureQueriesContext(connection) as asked:
        assert stage.revoke() == {"revoked": 16}
    # Answers that come one by one are written down one by one; what is asked is bounded in any case.
    assert len(asked) < 16 * 30
