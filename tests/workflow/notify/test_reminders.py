"""Reminders and closings: each once, at the right moment; bounces, returns and the pace of sending."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core import mail
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection

from accounts_review import audit
from accounts_review.models import Account, AuditEntry, Case, Cleanup, Workspace
from accounts_review.rules.lifecycle import IllegalTransition
from accounts_review.tasks import actions, jobs
from accounts_review.workflow import advance
from accounts_review.workflow.notify import bounces, send, smtp
from accounts_review.workflow.notify.send import (
    EmailsSent,
    send_closings,
    send_notices,
    send_reminders,
)
from accounts_review.workflow.retention.erase import erase_accounts
from accounts_review.workflow.review import decide
from cleanup_portal import environment
from tests.stage import NOW, SetStage, Stage, days_ago, policy_text, someone

WITH_REMINDERS = policy_text(notice=30, reminders=(7, 1))
Person = Callable[[str], User]


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    stage = set_stage(someone("marie"), someone("omar"), policy=WITH_REMINDERS, launched=("marie", "omar"))
    send_notices(workspace=stage.workspace, now=stage.clock())
    mail.outbox.clear()
    return stage


def remind(stage: Stage, **options: Any) -> EmailsSent:
    return send_reminders(workspace=stage.workspace, now=stage.clock(), **options)


def tell(stage: Stage) -> EmailsSent:
    return send_closings(workspace=stage.workspace, now=stage.clock())


def revoke_all(stage: Stage) -> None:
    stage.clock.advance(days=30)
    advance.make_due(workspace=stage.workspace, now=stage.clock())
    stage.revoke()


def test_each_reminder_is_sent_once_when_its_day_has_come(stage: Stage) -> None:
    sent = []
    for _ in range(60):
        stage.clock.advance(hours=12)
        sent.append(remind(stage).sent)
    assert (sent.index(2), sum(sent)) == (45, 4)
    assert stage.case("marie").reminders == [7, 1]
    assert stage.entries("marie").count("case.reminded") == 2


def test_after_a_pause_only_the_nearest_is_sent(stage: Stage) -> None:
    stage.clock.advance(days=29, hours=6)
    assert (remind(stage).sent, remind(stage).sent) == (2, 0)
    assert stage.case("marie").reminders == [1]


def test_no_reminder_is_due_before_the_warning_itself(stage: Stage) -> None:
    Case.objects.update(promised_at=NOW + timedelta(days=5))
    stage.clock.advance(hours=1)
    assert remind(stage).sent == 0
    stage.clock.advance(days=4)
    assert remind(stage).sent == 2


@pytest.mark.parametrize("change", [{"state": "paused"}, {"state": "cancelled"}, {"dry_run": True}])
def test_only_running_live_cleanups_remind(stage: Stage, change: dict[str, Any]) -> None:
    Cleanup.objects.update(**change)
    stage.clock.advance(days=24)
    assert remind(stage).sent == 0


def test_in_a_workspace_that_went_back_to_dry_run_nothing_leaves(stage: Stage) -> None:
    stage.set_mode(Workspace.Mode.DRY_RUN)
    stage.clock.advance(days=24)
    assert (remind(stage).sent, mail.outbox) == (0, [])


def test_past_the_date_nobody_is_reminded(stage: Stage) -> None:
    stage.clock.advance(days=30)
    assert remind(stage).sent == 0


def test_who_came_back_is_spared_rather_than_reminded(stage: Stage) -> None:
    stage.update("marie", last_seen_at=days_ago(0))
    stage.sync()
    stage.clock.advance(days=24)
    assert remind(stage) == EmailsSent(sent=1, spared=1)
    assert stage.states() == {"marie": "spared", "omar": "noticed"}


@pytest.mark.parametrize("code", [250, 550])
def test_who_is_erased_while_their_reminder_leaves_is_named_by_no_entry(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    deliver = smtp.deliver
    if code == 550:
        refuse(monkeypatch, "marie@ville.example", code)

    def leave(message: Any, **given: Any) -> Any:
        answer = deliver(message, **given)
        if message.to == ["marie@ville.example"]:
            accounts, now = stage.accounts("marie"), stage.clock()
            decide.withdraw(accounts=accounts, actor=stage.staff("reviewer"), reason="gone", now=now)
            Account.objects.filter(username="marie").update(gone_at=stage.clock())
            erase_accounts(stage.accounts("marie"), now=stage.clock())
        return answer

    monkeypatch.setattr(send, "deliver", leave)
    stage.clock.advance(days=29, hours=6)
    remind(stage)
    kind = "case.reminded" if code == 250 else "case.reminder_refused"
    (entry,) = AuditEntry.objects.filter(kind=kind, account_id=Account.objects.exclude(erased_at=None).get().pk)
    assert "marie" not in f"{entry.subject} {entry.data} {entry.personal and entry.personal.details}"


def test_a_refused_reminder_is_recorded_once_and_changes_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, "marie@ville.example", 550)
    stage.clock.advance(days=24)
    assert remind(stage) == EmailsSent(sent=1, refused=1)
    assert remind(stage) == EmailsSent()
    assert stage.states()["marie"] == "noticed"
    assert stage.entries("marie").count("case.reminder_refused") == 1


def test_a_reminder_that_is_put_off_is_tried_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.clock.advance(days=24)
    with monkeypatch.context() as patch:
        refuse(patch, "marie@ville.example", 451)
        assert remind(stage).sent == 1
    assert remind(stage).sent == 1


def test_the_end_is_told_once(stage: Stage) -> None:
    revoke_all(stage)
    assert (tell(stage).sent, tell(stage).sent) == (2, 0)
    assert {message.to[0] for message in mail.outbox} == {"marie@ville.example", "omar@ville.example"}
    assert stage.case("marie").closing_told_at == stage.clock()
    assert audit.verify()[1] is None


def test_a_refused_closing_is_not_tried_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    revoke_all(stage)
    refuse(monkeypatch, "marie@ville.example", 550)
    assert (tell(stage), tell(stage)) == (EmailsSent(sent=1, refused=1), EmailsSent())
    assert stage.states()["marie"] == "revoked"


def test_what_ended_long_ago_or_was_undone_is_not_told(stage: Stage) -> None:
    revoke_all(stage)
    Case.objects.filter(account__username="marie").update(restored_at=NOW)
    stage.clock.advance(days=8)
    Case.objects.filter(account__username="marie").update(moved_at=stage.clock())
    assert (tell(stage).sent, mail.outbox) == (0, [])


def test_a_dry_run_tells_nobody(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), mode=Workspace.Mode.DRY_RUN, launched=("marie",))
    stage.revoke()
    assert (tell(stage).sent, mail.outbox) == (0, [])


def test_a_bounce_stops_the_clock_and_a_retry_gives_the_full_notice(stage: Stage, person: Person) -> None:
    first = stage.case("marie").promised_at
    operator = person("operator")
    stage.clock.advance(days=2)
    bounces.mark_undeliverable(case=stage.case("marie"), actor=operator, why="mailbox full", now=stage.clock())
    revoke_all(stage)
    assert stage.states() == {"marie": "undeliverable", "omar": "revoked"}
    bounces.retry_notice(case=stage.case("marie"), actor=operator, now=stage.clock())
    # The clean-up had nobody left but her, and goes on.
    send_notices(workspace=stage.workspace, now=stage.clock())
    case = stage.case("marie")
    assert case.promised_at == stage.clock() + timedelta(days=30)
    assert first is not None
    assert case.promised_at >= first
    assert case.noticed_at == stage.clock()


def test_a_promise_never_moves_earlier_by_a_retry(stage: Stage, person: Person) -> None:
    later = NOW + timedelta(days=90)
    Case.objects.filter(account__username="marie").update(promised_at=later)
    bounces.mark_undeliverable(case=stage.case("marie"), actor=person("operator"), why="bounced", now=NOW)
    bounces.retry_notice(case=stage.case("marie"), actor=person("operator"), now=NOW)
    send_notices(workspace=stage.workspace, now=NOW)
    assert stage.case("marie").promised_at == later


def test_bounces_are_for_operators_with_a_reason_and_for_those_who_wait(stage: Stage, person: Person) -> None:
    with pytest.raises(PermissionDenied):
        bounces.mark_undeliverable(case=stage.case("marie"), actor=person("reviewer"), why="x", now=NOW)
    with pytest.raises(PermissionDenied):
        bounces.retry_notice(case=stage.case("marie"), actor=person("reviewer"), now=NOW)
    with pytest.raises(ValueError, match="Give a reason; it is recorded in the audit"):
        bounces.mark_undeliverable(case=stage.case("marie"), actor=person("operator"), why=" ", now=NOW)
    with pytest.raises(IllegalTransition):
        bounces.retry_notice(case=stage.case("marie"), actor=person("operator"), now=NOW)
    assert stage.states()["marie"] == "noticed"


@pytest.mark.parametrize("state", ["noticed", "awaiting_notice", "undeliverable"])
def test_being_seen_again_clears_the_promise(stage: Stage, state: str) -> None:
    Case.objects.filter(account__username="marie").update(state=state)
    stage.update("marie", last_seen_at=days_ago(0))
    stage.sync()
    assert advance.spare_returned(workspace=stage.workspace, now=stage.clock()) == 1
    assert stage.states() == {"marie": "spared", "omar": "noticed"}
    assert stage.why("marie") == ["newer_activity"]


def test_newer_activity_clears_the_promise_even_where_the_account_still_counts_as_dormant(stage: Stage) -> None:
    stage.update("marie", last_seen_at=days_ago(900))
    stage.sync()
    assert stage.verdicts()["marie"] == "dormant"
    assert advance.spare_returned(workspace=stage.workspace, now=stage.clock()) == 1


def test_who_is_no_longer_dormant_under_a_new_policy_is_spared(stage: Stage) -> None:
    stage.adopt(policy_text(limit=2000, notice=30))
    assert advance.spare_returned(workspace=stage.workspace, now=stage.clock()) == 2
    assert stage.why("omar") == ["verdict_active"]


def test_of_many_who_were_warned_only_those_who_are_back_are_read(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, from_db = list[Any](), Case.from_db

    def count(*row: Any) -> Case:
        read.append(row)
        return from_db(*row)

    monkeypatch.setattr(Case, "from_db", count)
    assert advance.spare_returned(workspace=stage.workspace, now=stage.clock()) == 0
    assert not read
    stage.update("marie", last_seen_at=days_ago(0))
    stage.sync()
    assert advance.spare_returned(workspace=stage.workspace, now=stage.clock()) == 1
    assert len(read) == 1


def test_a_sync_spares_who_returned(stage: Stage, settings: Any) -> None:
    settings.HUWISE = {"main": {"url": stage.url, "api_key": "stage-key-7f3a91", "key_owner": ""}}
    stage.update("marie", last_seen_at=days_ago(0))
    actions.sync(stage.workspace.pk)
    assert stage.states() == {"marie": "spared", "omar": "noticed"}


def test_another_process_that_sends_is_left_to_it(stage: Stage) -> None:
    key = [0x6D61696C, stage.workspace.pk]
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s, %s)", key)
        stage.clock.advance(days=24)
        assert "Another process" in remind(stage).error
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", key)
    finally:
        other.close()
    assert remind(stage).sent == 2


def test_pausing_stops_the_reminders_of_a_run_that_has_begun(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver = EmailBackend.send_messages

    def then_pause(backend: EmailBackend, messages: Any) -> int:
        Cleanup.objects.update(state="paused")
        return deliver(backend, messages)

    monkeypatch.setattr(EmailBackend, "send_messages", then_pause)
    stage.clock.advance(days=24)
    assert (remind(stage).sent, len(mail.outbox)) == (1, 1)


def test_the_task_and_the_command_keep_the_pace(set_stage: SetStage, settings: Any) -> None:
    stage = set_stage(someone("marie"), someone("omar"), policy=policy_text(notice=30), launched=("marie", "omar"))
    settings.NOTICES_PER_HOUR = 1
    assert (actions.warn(stage.workspace).sent, actions.warn(stage.workspace).left) == (1, 1)
    settings.NOTICES_PER_HOUR, settings.NOTICE_WEEKDAYS = 0, (8, 8)
    assert actions.warn(stage.workspace).sent == 0
    settings.NOTICE_WEEKDAYS = (1, 7)
    assert actions.warn(stage.workspace).sent == 1
    assert AuditEntry.objects.filter(kind="case.noticed").count() == 2


def refuse(monkeypatch: pytest.MonkeyPatch, address: str, code: int) -> None:
    """Have the mail server refuse one address."""
    deliver = EmailBackend.send_messages

    def send_messages(backend: EmailBackend, messages: Any) -> int:
        if any(address in message.to for message in messages):
            raise SMTPRecipientsRefused({address: (code, b"no")})
        return deliver(backend, messages)

    monkeypatch.setattr(EmailBackend, "send_messages", send_messages)


@pytest.mark.parametrize(
    ("written", "read"), [("8-18", (8, 18)), (" 0 - 24 ", (0, 24)), ("", (0, 24)), ("23-24", (23, 24))]
)
def test_hours_are_read_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, written: str, read: tuple[int, int]
) -> None:
    monkeypatch.setenv("NOTICE_HOURS", written)
    assert environment.span("NOTICE_HOURS", least=0, most=24, width=1) == read


@pytest.mark.parametrize("written", ["18-8", "8-8", "8", "8-25", "8-", "eight", "-5"])
def test_hours_that_make_no_sense_are_refused_by_name(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("NOTICE_HOURS", written)
    with pytest.raises(ImproperlyConfigured, match="NOTICE_HOURS"):
        environment.span("NOTICE_HOURS", least=0, most=24, width=1)


def test_the_task_reminds_and_tells_of_the_end(stage: Stage, settings: Any) -> None:
    settings.HUWISE = {"main": {"url": stage.url, "api_key": "stage-key-7f3a91", "key_owner": ""}}
    with time_machine.travel(NOW + timedelta(days=24), tick=False):
        jobs.send_emails_job()
    assert [message.subject[:8] for message in mail.outbox] == ["Reminder"] * 2
    mail.outbox.clear()
    revoke_all(stage)
    with time_machine.travel(stage.clock(), tick=False):
        jobs.send_emails_job()
        jobs.send_emails_job()
    assert len(mail.outbox) == 2
    assert all("has been removed" in message.subject for message in mail.outbox)
