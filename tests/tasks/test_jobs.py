"""The clock: what runs by itself does its one call, and the bell joins the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, connection, transaction
from django.utils.module_loading import import_string
from django_q.exceptions import TimeoutException
from django_q.models import OrmQ, Schedule

from accounts_review.huwise import Unreachable
from accounts_review.models import Run, Workspace
from accounts_review.tasks import actions, jobs, queue, schedule, sources
from accounts_review.workflow.launch import launch
from accounts_review.workflow.review import decide
from accounts_review.workflow.revoke import worker
from accounts_review.workflow.revoke.by_hand import settle_by_hand
from accounts_review.workflow.sync.lock import AlreadyRunning
from tests.audit.test_concurrency import in_threads
from tests.conftest import NOW
from tests.stage import KEY, SetStage, Stage, policy_text, someone


@pytest.fixture
def stage(set_stage: SetStage, settings: Any) -> Iterator[Stage]:
    stage = set_stage(someone("marie"), someone("omar"))
    settings.HUWISE = {"main": {"url": stage.url, "api_key": KEY, "key_owner": ""}}
    settings.QUIET_SECONDS = 0
    with time_machine.travel(NOW, tick=False):
        yield stage


def enqueued() -> list[str]:
    """What the worker is asked for now, by the names of the tasks."""
    return [message.func().rpartition(".")[2] for message in OrmQ.objects.order_by("pk")]


def test_a_batch_revokes_what_is_due(stage: Stage) -> None:
    stage.launch("marie")
    jobs.revoke_batch(stage.workspace.pk)
    assert stage.states() == {"marie": "revoked"}


def test_a_sweep_rings_where_a_case_can_move_and_only_there(stage: Stage) -> None:
    jobs.sweep()
    assert enqueued() == ["send_alerts_job"], "that the workspace went live is told to its administrators"
    OrmQ.objects.all().delete()
    stage.launch("marie")
    jobs.sweep()
    assert sorted(enqueued()) == ["revoke_batch", "send_alerts_job"]


def test_a_sweep_asks_for_no_alarm_where_no_administrator_has_an_address(stage: Stage) -> None:
    User.objects.update(email="")
    jobs.sweep()
    assert enqueued() == [], "or it would ask again every minute, for a day"
    User.objects.filter(username="administrator").update(email="ada@portal.example")
    jobs.sweep()
    assert enqueued() == ["send_alerts_job"], "whoever gets one within the day is still told"


def test_a_sweep_makes_cases_due_on_the_promised_date(stage: Stage) -> None:
    stage.adopt(policy_text(notice=10))
    stage.launch("marie")
    jobs.send_emails_job()
    assert [message.to for message in mail.outbox] == [["marie@ville.example"]]
    with time_machine.travel(NOW + timedelta(days=10), tick=False):
        jobs.sweep()
    assert stage.states() == {"marie": "due"}


def test_every_night_each_workspace_is_checked_and_synced_by_a_task_of_its_own(stage: Stage) -> None:
    jobs.check_every_connection()
    jobs.sync_every_workspace()
    asked = [(message.func(), message.args()) for message in OrmQ.objects.order_by("pk")]
    of_main = (stage.workspace.pk,)
    assert asked == [
        ("accounts_review.tasks.jobs.check_connection_job", of_main),
        ("accounts_review.tasks.jobs.sync_job", of_main),
    ]


def test_a_sync_reads_and_judges(stage: Stage) -> None:
    stage.update("marie", last_seen_at=NOW.isoformat())
    jobs.sync_job(stage.workspace.pk)
    assert stage.verdicts()["marie"] == "active"


def test_a_sync_may_take_longer_than_any_other_task(stage: Stage) -> None:
    queue.enqueue_sync(stage.workspace)
    assert OrmQ.objects.get().task["timeout"] == queue.SYNC_SECONDS


def test_a_connection_check_keeps_what_it_found(stage: Stage, settings: Any) -> None:
    jobs.check_connection_job(stage.workspace.pk)
    assert stage.workspace.connection_checks.get().faults == []
    settings.HUWISE = {}
    jobs.check_connection_job(stage.workspace.pk)
    (fault,) = stage.workspace.connection_checks.latest("pk").faults
    assert "does not describe the workspace" in fault["error"]


def test_a_run_is_kept_with_how_it_ended(stage: Stage) -> None:
    jobs.sweep()
    jobs.sync_job(stage.workspace.pk)
    runs = Run.objects.order_by("pk").values_list("task", "workspace__name", "started_at", "finished_at", "error")
    assert list(runs) == [("sweep", None, NOW, NOW, ""), ("sync_job", "main", NOW, NOW, "")]


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (Unreachable(doing="reading users"), "The workspace could not be reached while reading users."),
        (ImproperlyConfigured("HUWISE_URL: not an address"), "HUWISE_URL: not an address"),
        (KeyError("postgres://portal:hunter2@db/portal"), "KeyError"),
        (TimeoutException("hunter2"), "TimeoutException"),
    ],
)
def test_of_an_error_only_what_is_meant_for_people_is_kept(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, raised: BaseException, told: str
) -> None:
    def fail(**given: Any) -> None:
        raise raised

    monkeypatch.setattr(actions, "sync_workspace", fail)
    with pytest.raises(type(raised)):
        jobs.sync_job(stage.workspace.pk)
    run = Run.objects.get()
    assert run.error.startswith(told)
    assert "hunter2" not in run.error
    assert run.finished_at == NOW


def test_any_task_of_the_schedule_runs_at_once_when_asked_for_and_no_other(stage: Stage) -> None:
    schedule.enqueue_scheduled("send_digests_job")
    assert OrmQ.objects.get().func() == "accounts_review.tasks.jobs.send_digests_job"
    with pytest.raises(KeyError):
        schedule.enqueue_scheduled("restore")


def test_the_bell_joins_the_transaction_of_the_caller(stage: Stage) -> None:
    with transaction.atomic():
        queue.enqueue_revoke(stage.workspace)
        transaction.set_rollback(True)
    assert OrmQ.objects.count() == 0
    queue.enqueue_revoke(stage.workspace)
    assert OrmQ.objects.count() == 1


def test_the_schedule_is_kept_once_however_often_it_is_ensured(db: None) -> None:
    schedule.ensure_schedule()
    schedule.ensure_schedule()
    names = sorted(Schedule.objects.values_list("func", flat=True))
    assert names == sorted(func for func, timing in schedule.SCHEDULE)
    for name in names:
        assert callable(import_string(name))


def test_two_workers_that_start_together_make_one_schedule(transactional_db: None) -> None:
    assert in_threads(*[schedule.ensure_schedule] * 4) == [None] * 4
    assert Schedule.objects.count() == len(schedule.SCHEDULE)


def test_a_name_stands_once_in_the_schedule(db: None) -> None:
    schedule.ensure_schedule()
    with pytest.raises(IntegrityError):
        Schedule.objects.create(name="accounts_review.tasks.jobs.sweep", func="accounts_review.tasks.jobs.sweep")


def test_a_name_that_stands_twice_from_before_is_healed_by_the_migration(transactional_db: None) -> None:
    triggers = import_module("accounts_review.migrations.0002_triggers")
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX accounts_review_schedule_once")
    schedule.ensure_schedule()
    Schedule.objects.create(name="accounts_review.tasks.jobs.sweep", func="accounts_review.tasks.jobs.sweep")
    with connection.cursor() as cursor:
        cursor.execute(triggers.SCHEDULES_ONCE)
    assert Schedule.objects.count() == len(schedule.SCHEDULE)


def test_the_schedule_follows_its_table(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    schedule.ensure_schedule()
    Schedule.objects.create(name="somebody.elses", func="somebody.elses", schedule_type=Schedule.DAILY)
    kept = Schedule.objects.get(name="accounts_review.tasks.jobs.sweep")
    table = (
        ("accounts_review.tasks.jobs.sweep", {"schedule_type": Schedule.MINUTES, "minutes": 1}),
        ("accounts_review.tasks.jobs.sync_every_workspace", {"schedule_type": Schedule.CRON, "cron": "0 4 * * *"}),
        ("accounts_review.tasks.jobs.send_emails_job", {"schedule_type": Schedule.MINUTES, "minutes": 20}),
    )
    monkeypatch.setattr(schedule, "SCHEDULE", table)
    schedule.ensure_schedule()
    rows = Schedule.objects.order_by("name").values_list("name", "schedule_type", "minutes", "cron")
    assert list(rows) == [
        ("accounts_review.tasks.jobs.send_emails_job", "I", 20, None),
        ("accounts_review.tasks.jobs.sweep", "I", 1, None),
        ("accounts_review.tasks.jobs.sync_every_workspace", "C", None, "0 4 * * *"),
        ("somebody.elses", "D", None, None),
    ]
    assert Schedule.objects.get(name="accounts_review.tasks.jobs.sweep").next_run == kept.next_run


def test_what_is_new_in_the_schedule_begins_when_its_minutes_are_over(db: None) -> None:
    with time_machine.travel(NOW, tick=False):
        schedule.ensure_schedule()
    first = dict(Schedule.objects.values_list("name", "next_run"))
    assert first["accounts_review.tasks.jobs.sweep"] == NOW + timedelta(minutes=1)
    assert first["accounts_review.tasks.jobs.send_emails_job"] == NOW + timedelta(minutes=10)


def test_a_batch_is_enqueued_again_as_long_as_it_gets_somewhere(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.launch("marie", "omar")
    monkeypatch.setattr(jobs, "BATCH_BUDGET", timedelta(microseconds=1))
    jobs.revoke_batch(stage.workspace.pk)
    assert OrmQ.objects.count() == 0, "nothing was done, so there is no haste: the sweep looks again"
    monkeypatch.setattr(worker.Revoker, "run", lambda revoker, **_: type(revoker).process(revoker, revoker.claim()))
    jobs.revoke_batch(stage.workspace.pk)
    assert OrmQ.objects.count() == 1


def test_a_sweep_has_a_cleanup_closed_whose_last_people_were_taken_out(stage: Stage) -> None:
    stage.launch("marie")
    decide.withdraw(accounts=stage.accounts("marie"), actor=stage.staff("reviewer"), reason="stays", now=NOW)
    jobs.sweep()
    assert enqueued().count("revoke_batch") == 1
    jobs.revoke_batch(stage.workspace.pk)
    assert stage.cleanup().state == "closed"
    jobs.sweep()
    assert enqueued().count("revoke_batch") == 1


def test_a_sweep_rings_for_whom_a_cancelled_cleanup_has_left(stage: Stage) -> None:
    """An administrator said "it is still there" while somebody cancelled, or the worker died before it let go of them;
    who stays due is in no other draft."""
    stage.launch("marie")
    stage.order({"method": "DELETE", "kind": "status", "status": 500, "times": 1})
    assert stage.revoke(quiet=60) == {"unknown": 1}
    seen_running = stage.case("marie")
    launch.cancel(cleanup=stage.cleanup(), actor=stage.staff("operator"), reason="a mistake", now=NOW)
    settle_by_hand(
        case=seen_running,
        actor=stage.staff("administrator"),
        is_gone=False,
        reason="looked in Huwise",
        now=NOW + timedelta(hours=1),
    )
    OrmQ.objects.all().delete()
    jobs.sweep()
    assert "revoke_batch" in enqueued()
    jobs.revoke_batch(stage.workspace.pk)
    assert stage.states() == {"marie": "withdrawn"}
    assert stage.members == {"marie", "omar"}


def test_a_sync_that_runs_already_is_enough(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(**given: Any) -> None:
        raise AlreadyRunning(stage.workspace)

    monkeypatch.setattr(actions, "sync_workspace", busy)
    jobs.sync_job(stage.workspace.pk)
    with pytest.raises(AlreadyRunning):
        actions.sync(stage.workspace.pk)


def test_a_workspace_that_the_environment_does_not_describe_cannot_be_read(workspace: Workspace, settings: Any) -> None:
    settings.HUWISE = {}
    with pytest.raises(ImproperlyConfigured, match="HUWISE_URL"):
        sources.open_client(workspace)
    settings.HUWISE = {"main": {"url": "http://data.example.org", "api_key": KEY, "key_owner": ""}}
    with pytest.raises(ImproperlyConfigured, match="https") as refused:
        sources.open_client(workspace)
    assert KEY not in str(refused.value)
