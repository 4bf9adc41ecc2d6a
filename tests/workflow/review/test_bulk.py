"""Decisions on very many: portion by portion, skipping whom a single decision would refuse; what is done stays done."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.utils.translation import override

from accounts_review import audit
from accounts_review.audit import sentences
from accounts_review.models import AuditEntry, BulkDecision, Case, Exemption, Role
from accounts_review.tasks import jobs
from accounts_review.workflow.review import bulk, decide
from tests.audit.test_concurrency import in_threads
from tests.stage import SetStage, Stage, policy_text, someone

NAMES = [f"n{number}" for number in range(7)]
AT_ONCE = timedelta(0)


@pytest.fixture
def stage(set_stage: SetStage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr(bulk, "PORTION", 2)
    return set_stage(*map(someone, NAMES), someone("busy", idle=3))


def confirm(stage: Stage, decision: str = "approve", *, by: str = "reviewer", **more: Any) -> BulkDecision:
    names = more.pop("names", NAMES)
    given: dict[str, Any] = {"reason": "left", "seen": audit.newest_checkpoint().seq} | more
    return bulk.confirm(
        workspace=stage.workspace,
        decision=decision,
        accounts=[account.pk for account in stage.accounts(*names)],
        actor=stage.staff(by),
        now=stage.clock(),
        **given,
    )


def carry_on(stage: Stage, decision: BulkDecision, *, budget: timedelta | None = None) -> bool:
    stage.clock.advance(seconds=1)
    return bulk.carry_on(bulk=decision, clock=stage.clock, budget=budget)


def progress(decision: BulkDecision) -> tuple[str, int, int]:
    decision.refresh_from_db()
    return decision.state, decision.decided, decision.skipped


def in_draft(stage: Stage) -> list[str]:
    cases = Case.objects.filter(state="in_draft").order_by("account__username")
    return list(cases.values_list("account__username", flat=True))


def skipped(stage: Stage, decision: BulkDecision) -> list[str]:
    decision.refresh_from_db()
    return [str(refusal) for refusal in bulk.refusals(decision, now=stage.clock())]


def test_all_are_decided_on_and_the_audit_says_who_confirmed_what(stage: Stage) -> None:
    decision = confirm(stage, about="verdict=dormant&q=n")
    assert in_draft(stage) == []

    assert carry_on(stage, decision) is False

    assert progress(decision) == ("done", 7, 0)
    assert in_draft(stage) == NAMES
    begun, ended = AuditEntry.objects.filter(kind__startswith="decisions.").order_by("seq")
    assert (begun.actor, begun.details["count"], begun.details["filter"]) == ("reviewer", 7, "verdict=dormant&q=n")
    assert (ended.details["decided"], ended.details["skipped"]) == (7, 0)
    assert AuditEntry.objects.filter(kind="account.approved", actor_ref__name="reviewer").count() == 7
    assert audit.verify()[1] is None


@pytest.mark.parametrize("decision", ["exempt", "snooze", "approve"])
def test_what_it_did_is_undone_by_another(stage: Stage, decision: str) -> None:
    until = stage.clock() + timedelta(days=100)
    first = confirm(stage, decision, until=until if decision == "exempt" else None)
    carry_on(stage, first)
    assert progress(first) == ("done", 7, 0)
    first.refresh_from_db()
    decide.withdraw(accounts=stage.accounts("n1"), actor=stage.staff("reviewer"), reason="x", now=stage.clock())

    with override("fr"):
        back = bulk.undo(bulk=first, actor=stage.staff("reviewer"), now=stage.clock())
    carry_on(stage, back)

    assert progress(back) == ("done", 6, 0)
    confirmed = AuditEntry.objects.filter(kind="decisions.confirmed").first()
    assert confirmed
    assert "undone" in sentences.of_entry(confirmed), "in the reader's language"
    assert not Exemption.objects.in_force(stage.clock()).exists()
    assert in_draft(stage) == []
    assert all(account.snoozed_by is None for account in stage.accounts(*NAMES))
    with pytest.raises(bulk.NotOpen):
        bulk.undo(bulk=first, actor=stage.staff("reviewer"), now=stage.clock())


def test_only_what_it_did_itself_is_undone(stage: Stage) -> None:
    decide.approve(accounts=stage.accounts("n0"), actor=stage.staff("operator"), reason="x", now=stage.clock())
    decision = confirm(stage)
    carry_on(stage, decision)
    assert progress(decision) == ("done", 6, 1)

    carry_on(stage, bulk.undo(bulk=decision, actor=stage.staff("operator"), now=stage.clock()))

    assert in_draft(stage) == ["n0"]


def test_what_others_decided_since_it_was_undone_stands(stage: Stage) -> None:
    decision = confirm(stage)
    carry_on(stage, decision)
    decision.refresh_from_db()
    undone = bulk.undo(bulk=decision, actor=stage.staff("reviewer"), now=stage.clock())
    until = stage.clock() + timedelta(days=50)
    act: dict[str, Any] = {"actor": stage.staff("operator"), "now": stage.clock()}
    decide.exempt(accounts=stage.accounts("n3"), reason="on leave", until=until, **act)

    carry_on(stage, undone)

    assert progress(undone) == ("done", 6, 1)
    assert [one.account.username for one in Exemption.objects.in_force(stage.clock())] == ["n3"]
    assert [line.split(" on ")[0] for line in skipped(stage, undone)] == ["n3: operator exempted it"]


def test_a_service_account_is_skipped_and_its_page_named(stage: Stage) -> None:
    until, act = stage.clock() + timedelta(days=50), {"actor": stage.staff("operator"), "now": stage.clock()}
    robot: dict[str, Any] = {"owner_email": "ana@ville.example", "is_service_account": True} | act
    decide.exempt(accounts=stage.accounts("n3"), reason="feed", until=until, **robot)
    decision = confirm(stage, "exempt", until=until)

    carry_on(stage, decision)

    assert skipped(stage, decision) == ["n3: it is a service account: confirm it on its page, to keep its owner"]


def test_one_that_is_cancelled_keeps_what_is_done(stage: Stage) -> None:
    decision = confirm(stage)
    assert carry_on(stage, decision, budget=AT_ONCE) is True
    bulk.cancel(bulk=decision, actor=stage.staff("operator"), now=stage.clock())

    assert carry_on(stage, decision) is False

    assert progress(decision) == ("cancelled", 2, 0)
    assert in_draft(stage) == ["n0", "n1"]
    ended = AuditEntry.objects.get(kind="decisions.ended")
    assert (ended.actor, ended.details["kind"], ended.details["decided"]) == ("operator", "cancelled", 2)
    with pytest.raises(bulk.NotOpen):
        bulk.cancel(bulk=decision, actor=stage.staff("operator"), now=stage.clock())


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("budget", [AT_ONCE, None], ids=["after the first portion", "at the end"])
def test_pages_are_planned_anew_as_the_tables_grow(stage: Stage, budget: timedelta | None) -> None:
    """Planned while nobody was decided on, a page would read every case for each of its accounts."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE accounts_review_case CASCADE")

    for _round in range(3):
        carry_on(stage, confirm(stage, names=NAMES[2 * _round :][:2]), budget=budget)

    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE relname = 'accounts_review_case'")
        assert cursor.fetchone() == (6,)


def test_one_whose_worker_was_killed_is_found_and_goes_on_where_it_was(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    decision = confirm(stage)
    approve = decide.approve

    def die_at_the_second(**given: Any) -> Any:
        found = approve(**given)
        if Case.objects.count() > 2:
            raise SystemExit
        return found

    with monkeypatch.context() as patch:
        patch.setattr(decide, "approve", die_at_the_second)
        with pytest.raises(SystemExit):
            carry_on(stage, decision)
    assert progress(decision) == ("running", 2, 0)
    assert in_draft(stage) == ["n0", "n1"]

    assert bulk.silent(now=stage.clock()) == []
    stage.clock.advance(minutes=3)
    assert bulk.silent(now=stage.clock()) == [decision.pk]
    carry_on(stage, decision)

    assert progress(decision) == ("done", 7, 0)
    assert AuditEntry.objects.filter(kind="account.approved").count() == 7


def test_whom_others_decided_on_meanwhile_is_skipped_and_named(stage: Stage) -> None:
    decision = confirm(stage)
    carry_on(stage, decision, budget=AT_ONCE)
    until = stage.clock() + timedelta(days=50)
    act: dict[str, Any] = {"actor": stage.staff("operator"), "now": stage.clock()}
    decide.exempt(accounts=stage.accounts("n3"), reason="on leave", until=until, **act)
    decide.approve(accounts=stage.accounts("n5"), reason="gone", **act)
    decide.snooze(accounts=stage.accounts("n6"), **act)
    decide.withdraw(accounts=stage.accounts("n6"), reason="open again", **act)

    carry_on(stage, decision)

    assert progress(decision) == ("done", 4, 3)
    assert in_draft(stage) == ["n0", "n1", "n2", "n4", "n5"]
    assert Case.objects.get(account__username="n5").approved_by_login == "operator"
    by_operator = [line.split(" on ")[0] for line in skipped(stage, decision)]
    assert by_operator == [
        "n3: operator exempted it",
        "n5: operator approved it",
        "n6: operator snoozed it",
    ]


def test_who_changed_since_it_was_confirmed_is_not_approved_unseen(stage: Stage) -> None:
    decision = confirm(stage)
    carry_on(stage, decision, budget=AT_ONCE)
    stage.update("n3", first_name="Renamed")
    stage.update("n4", last_seen_at=stage.clock().isoformat())
    stage.sync()

    carry_on(stage, decision)

    assert progress(decision) == ("done", 5, 2)
    assert in_draft(stage) == ["n0", "n1", "n2", "n5", "n6"]
    assert skipped(stage, decision) == ["n3: it had changed", "n4: it is active"]


def test_under_another_policy_nobody_is_approved_unseen(stage: Stage) -> None:
    decision = confirm(stage)
    carry_on(stage, decision, budget=AT_ONCE)
    stage.adopt(policy_text(limit=600))

    carry_on(stage, decision)

    assert progress(decision) == ("done", 2, 5)


def test_one_that_nobody_worked_on_for_an_hour_waits_for_whoever_confirmed_it(stage: Stage) -> None:
    decision = confirm(stage)
    carry_on(stage, decision, budget=AT_ONCE)
    stage.clock.advance(minutes=61)

    carry_on(stage, decision)

    assert progress(decision) == ("stopped", 2, 0)
    assert decision.stopped_because == "expired"
    with pytest.raises(bulk.NotOpen, match="Only reviewer"):
        bulk.confirm_again(bulk=decision, actor=stage.staff("operator"), now=stage.clock())
    bulk.confirm_again(bulk=decision, actor=stage.staff("reviewer"), now=stage.clock())
    carry_on(stage, decision)
    assert progress(decision) == ("done", 7, 0)


def test_whoever_loses_the_right_meanwhile_decides_no_further(stage: Stage) -> None:
    decision = confirm(stage)
    carry_on(stage, decision, budget=AT_ONCE)
    Role.objects.filter(person=stage.staff("reviewer")).delete()

    carry_on(stage, decision)

    assert progress(decision) == ("stopped", 2, 0)
    assert decision.stopped_because == "not_permitted"


def test_whoever_loses_the_right_within_a_portion_has_decided_none_of_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the entries would follow the one about the lost role, and the audit would not hold."""
    decision, approve = confirm(stage), decide.approve

    def approve_late(**given: Any) -> Any:
        cases = approve(**given)
        Role.objects.filter(person=stage.staff("reviewer")).delete()
        return cases

    monkeypatch.setattr(decide, "approve", approve_late)
    carry_on(stage, decision)

    assert progress(decision) == ("stopped", 0, 0)
    assert in_draft(stage) == []


@pytest.mark.parametrize("role", ["auditor", "nobody"])
def test_it_takes_the_permission_to_decide(stage: Stage, role: str) -> None:
    decision = confirm(stage)
    act: dict[str, Any] = {"actor": stage.staff(role), "now": stage.clock()}
    with pytest.raises(PermissionDenied):
        confirm(stage, by=role)
    for verb in (bulk.cancel, bulk.confirm_again):
        with pytest.raises(PermissionDenied):
            verb(bulk=decision, **act)
    carry_on(stage, decision)
    decision.refresh_from_db()
    with pytest.raises(PermissionDenied):
        bulk.undo(bulk=decision, **act)


def test_an_old_one_is_forgotten(stage: Stage) -> None:
    old = confirm(stage)
    stage.clock.advance(days=8)
    confirm(stage)
    assert not BulkDecision.objects.filter(pk=old.pk).exists()


def test_the_worker_takes_it_up_and_rings_again_while_somebody_is_left(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "now", stage.clock)
    monkeypatch.setattr(jobs, "BATCH_BUDGET", AT_ONCE)
    rung: list[int] = []
    monkeypatch.setattr(jobs, "enqueue_bulk_decision", rung.append)
    decision = confirm(stage)
    for _turn in range(4):
        jobs.bulk_decision_job(decision.pk)
    assert rung == [decision.pk] * 3
    assert progress(decision) == ("done", 7, 0)
    jobs.bulk_decision_job(decision.pk + 1)


def test_two_workers_and_two_reviewers_at_once_decide_on_each_account_once(
    transactional_db: None, set_stage: SetStage, monkeypatch: pytest.MonkeyPatch, person: Callable[[str], User]
) -> None:
    monkeypatch.setattr(bulk, "PORTION", 2)
    stage = set_stage(*map(someone, NAMES))
    decisions = [confirm(stage, by=role) for role in ("reviewer", "operator")]
    together = Barrier(4)

    def work(decision: BulkDecision) -> None:
        together.wait()
        bulk.carry_on(bulk=decision, clock=stage.clock)

    assert in_threads(*[lambda d=d: work(d) for d in decisions * 2]) == [None] * 4

    assert in_draft(stage) == NAMES
    states = [progress(decision) for decision in decisions]
    assert [state for state, _decided, _skipped in states] == ["done", "done"]
    assert sum(decided for _state, decided, _skipped in states) == 7
    assert AuditEntry.objects.filter(kind="account.approved").count() == 7
    assert audit.verify()[1] is None
